"""What a training run is made of; saved beside its checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from scenepose.model.scenepose import ScenePoseConfig


@dataclass(frozen=True)
class AugmentConfig:
    """How training frames vary. The point is the middle of the pose's box, so it is never jittered."""

    mirror: bool = True
    # Smallest share of a frame's width and height that is kept (the rest is cropped away).
    crop: float = 0.85
    # Photographs are blurred to all degrees: frames shrink to heights from this one on, pixels.
    smallest_height: int = 160
    aspect: float = 0.08  # largest stretch of the width against the height, either way
    colour: float = 0.3  # largest change of brightness, contrast and saturation, either way


@dataclass(frozen=True)
class TrainConfig:
    """Train the main model. Runs continue where they were broken off; --restart begins anew."""

    data: Annotated[list[str], tyro.conf.arg(help="sources, e.g. nyu:DIR rooms")]
    data_weights: list[float] = field(default_factory=list)
    """How often each source is drawn, relative to the others; by default by its number of points."""
    out: Path = Path("runs/scenepose")
    """Checkpoints, state and logs go there; a run that was broken off continues from there."""
    templates: Path = Path("assets/templates/picked.json")
    """A file that `python -m train templates` wrote."""
    backbone: str = "imagenet"
    """imagenet, none, or a safetensors file with torchvision's key names."""

    init: Path | None = None
    """Start from a checkpoint's weights instead (same templates; the view size may differ)."""
    steps: int = 4000
    """Steps of the optimiser."""
    frames: int = 8
    """Frames a step."""
    points_per_frame: int = 4
    """Points of each frame: they share its global view."""
    lr: float = 3e-4
    """Highest learning rate."""
    backbone_lr: float = 0.1
    """Share of it for the pretrained stages (layer4 has the full one: it may be fresh)."""
    weight_decay: float = 0.05
    """Of matrices; vectors do not decay."""
    warmup: int = 200
    """Steps of linear warm-up."""
    clip: float = 1.0
    """Largest gradient norm."""
    ema: float = 0.998
    """Decay of the averaged weights, which are those that count; 0 turns averaging off."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 on a GPU that has it."""
    device: str = "auto"
    """auto takes a GPU where there is one."""
    threads: int = 0
    """Of the CPU; 0 leaves PyTorch's choice."""
    workers: int = 1
    """Processes that prepare the pictures; 0 prepares them between the steps."""
    seed: int = 0
    """Of the weights' start, the order of the data and the augmentation."""

    targets: Literal["nearest", "valid", "soft"] = "nearest"
    """nearest: one positive, as in the paper's first stage. valid: the nearest template of every pose known
    to fit is positive, and templates of kinds that were never tried there count neither way. soft: the same,
    but the others are half positive, so that the way people tend to face still ranks them."""
    scales: Literal["nearest", "valid"] = "valid"
    """nearest: only the primary pose's template learns its scale, as in the paper. valid: so do the templates
    of the other poses known to fit there, which cost nothing more. Our choice."""
    pos_weight: float = 5.0
    """How much a positive weighs against a negative. One positive among 14 drives the scores' sum to 1;
    with 5, a template that fits in a third of such places scores 0.7. Our choice."""
    classification_weight: float = 1.0
    """Weight of the classification loss."""
    scale_weight: float = 1.0
    """Weight of the scale loss."""
    offset_weight: float = 1.0
    """Weight of the offset loss."""
    negatives: float = 0.05
    """Share of points where nobody fits, where the samples have such."""
    balance: float = 0.0
    """0 draws kinds as often as they are, 1 equally often."""

    validate_every: int = 250
    """Steps from one validation to the next."""
    validate_points: int = 400
    """Validation points, all sources together; always the same ones."""
    save_minutes: float = 5.0
    """Minutes from one saved state to the next."""
    restart: bool = False
    """Throw away what the out folder holds."""
    model: ScenePoseConfig = field(default_factory=ScenePoseConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        if self.data_weights and len(self.data_weights) != len(self.data):
            raise ValueError(f"{len(self.data)} sources need as many weights, not {len(self.data_weights)}")
        if not 0 <= self.negatives < 1:
            raise ValueError(f"negatives is a share below 1, and it is {self.negatives}")
        if min(self.steps, self.frames, self.points_per_frame) < 1:
            raise ValueError("steps, frames and points_per_frame are at least 1")

    def save(self, path: Path) -> None:
        """Write the configuration as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, default=str) + "\n")

    def differences(self, path: Path) -> list[str]:
        """Names of the fields in which the run saved at ``path`` differs so that it cannot be continued."""
        free = {"out", "restart", "device", "threads", "workers", "validate_every", "validate_points",
                "save_minutes", "backbone", "init"}  # fmt: skip
        saved = json.loads(path.read_text())
        mine = json.loads(json.dumps(asdict(self), default=str))
        names = [one.name for one in fields(self) if one.name not in free]
        return [name for name in names if saved.get(name) != mine[name]]
