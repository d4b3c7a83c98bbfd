"""What a training run is made of; saved beside its checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

import tyro

from scenepose.data.surfaces import SURFACES
from scenepose.methods.scenepose import ScenePoseConfig
from scenepose.model.encoder import EncoderConfig
from scenepose.pose.templates import Assign

#: The head that ships.
SHIPPED_HEAD = ScenePoseConfig(scores="attended", positions="fine", hidden_joints=True)
#: Fields that may differ when a run is continued: they change how it is run, not what comes out.
FREE = {
    "out", "restart", "device", "threads", "workers", "validate_points", "save_minutes", "minutes",
    "backbone", "init", "init_parts", "cache_gigabytes",
}  # fmt: skip


@dataclass(frozen=True)
class AugmentConfig:
    """How training frames vary. The point is the middle of the pose's box, so it is never jittered."""

    mirror: bool = True
    """Half of the frames, joints' names and nearest templates with them."""
    crop: float = 0.85
    """Smallest share of a frame's width and height that is kept; the views are measured in heights of what
    is kept, so this is the jitter of their scale. 1 keeps frames whole."""
    shapes: float = 0.5
    """Share of frames that are cropped to another shape around a point, from 9:16 to 21:9."""
    smallest_height: int = 160
    """Photographs are blurred to all degrees: frames shrink to heights from this one on, pixels."""
    aspect: float = 0.08
    """Largest stretch of the width against the height, either way."""
    colour: float = 0.3
    """Largest change of brightness, contrast and saturation, either way."""
    jpeg: float = 0.25
    """Share of frames that are compressed as JPEG, at a quality of 30 to 90."""
    noise: float = 0.25
    """Share of frames with sensor noise, of a spread up to 10 of 255."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What the runs of the teacher and of the main model have in common."""

    data: list[str]
    """Sources, e.g. nyu:DIR rooms."""
    data_weights: list[float] = field(default_factory=list)
    """How often each source is drawn, relative to the others; by default by its number of points."""
    out: Path
    """Checkpoints, state and logs go there; a run that was broken off continues from there."""
    templates: Path = Path("assets/templates/picked.json")
    """A file that `python -m train templates` wrote."""
    backbone: str = "imagenet"
    """imagenet, none, or a safetensors file with torchvision's key names."""

    steps: int = 4000
    """Steps of the optimiser."""
    frames: int = 4
    """Frames a step, all processes together."""
    points_per_frame: int = 16
    """Points of each frame, which is encoded once for them all."""
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
    """bf16 on a GPU that has it; matrix products of a GPU are TF32 otherwise."""
    device: str = "auto"
    """auto takes a GPU where there is one; cpu."""
    threads: int = 0
    """Of the CPU; 0 leaves PyTorch's choice."""
    workers: int = 1
    """Processes that prepare the pictures; 0 prepares them between the steps."""
    cache_gigabytes: float = 4.0
    """Decoded training pictures are kept in memory up to this size."""
    seed: int = 0
    """Of the weights' start, the order of the data and the augmentation."""

    negatives: float = 0.05
    """Share of points where nobody fits, where the samples have such."""
    prior: bool = True
    """Draw points so that the kinds of pose shown follow `scenepose.data.prior`; else as they are."""
    telling: float = 0.0
    """0 draws points as they come, 1 inversely to the number of kinds of pose that fit there: where one can
    only sit there is more to learn than where everything fits. Beyond the paper."""

    validate_every: int = 250
    """Steps from one validation to the next."""
    validate_points: int = 400
    """Validation points, all sources together; always the same ones."""
    save_minutes: float = 5.0
    """Minutes from one saved state to the next."""
    minutes: float = 0.0
    """Stop after so many minutes with the state saved; the same command goes on. 0: run to the end."""
    restart: bool = False
    """Throw away what the out folder holds."""
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
        saved = json.loads(path.read_text())
        mine = json.loads(json.dumps(asdict(self), default=str))
        names = [one.name for one in fields(self) if one.name not in FREE]
        return [name for name in names if saved.get(name) != mine[name]]


@dataclass(frozen=True, kw_only=True)
class TeacherConfig(RunConfig):
    """Train the teacher, which the main model learns from; first of the two."""

    out: Path = Path("runs/teacher")
    """Checkpoints, state and logs go there; a run that was broken off continues from there."""
    steps: int = 2000
    """Steps of the optimiser."""
    negatives: float = 0.0
    """Share of points where nobody fits: there is nothing to learn from them here."""
    view_size: int = 160
    """Of the local view, pixels."""
    assign: Assign = "posture"
    """shape: a pose's template is the nearest one, as in the paper. posture: the nearest of those of its
    posture, so that lying is not labelled as sitting because both look alike in a unit box. Beyond the
    paper."""
    features: int = 512
    """Length of the feature vector that the student learns. Our choice."""
    offset_range: float = 1.0
    """Offsets are predicted in plus or minus this; the paper has 0.5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view_size % 32:
            raise ValueError(f"view_size is a multiple of 32, and it is {self.view_size}")


@dataclass(frozen=True, kw_only=True)
class BaselineConfig(RunConfig):
    """Train methods to compare with, each a head on the main method's frozen encoder."""

    methods: tyro.conf.Positional[list[str]]
    """`all` for the seven, or names; vae30 besides, which is for evaluation."""
    out: Path = Path("runs/baselines")
    """Its folders best and last get NAME.safetensors; a run that was broken off continues from there."""
    encoder: Path = Path("assets/checkpoints")
    """Folder of the encoder that is shared, and of the main method, whose templates are taken over."""
    finetune: bool = False
    """Train one method end to end, with an encoder of its own; in the table it stands beside the others."""
    init: Path | None = None
    """Folder of NAME.safetensors to start from, of this encoder or an earlier state of it; else methods start
    fresh."""
    negatives: tyro.conf.Suppress[float] = 0.0
    """There is nothing to learn here from points where nobody fits."""
    templates: tyro.conf.Suppress[Path] = Path("assets/templates/picked.json")
    """Those of the encoder's checkpoint are used."""
    backbone: tyro.conf.Suppress[str] = "imagenet"
    """That of the encoder's checkpoint is used."""
    licence: str = (
        "As the encoder's: research and other non-commercial use, because of the photographs it learnt from."
    )
    """What the data allow, for the card."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig):
    """Train the main model. Runs continue where they were broken off; --restart begins anew."""

    out: Path = Path("runs/scenepose")
    """Checkpoints, state and logs go there; a run that was broken off continues from there."""
    init: Path | None = None
    """Start from the weights in a folder (encoder.safetensors, scenepose.safetensors) instead; what does not
    fit starts fresh."""
    init_parts: Literal["all", "encoder"] = "all"
    """What --init takes over; encoder: all that reads the feature map starts fresh."""
    freeze_encoder: bool = False
    """Learn only what reads the feature map (classifier and transformers): a third of the time, and methods
    trained on the encoder still fit it."""
    teacher: Path | None = Path("runs/teacher/best/teacher.safetensors")
    """What `python -m train teacher` made; --distillation-weight 0 trains without."""
    teacher_share: float = 0.25
    """Share of a step's points that the teacher sees: its pass over a view of its own costs more than all
    else that is done for a point. Our choice."""

    assign: Assign = "posture"
    """shape: a pose's template is the nearest one, as in the paper. posture: the nearest of those of its
    posture, so that lying is not labelled as sitting because both look alike in a unit box. Beyond the
    paper. The teacher's has to be the same."""
    targets: Literal["nearest", "valid"] = "nearest"
    """nearest: one positive, as in the paper's first stage. valid: the nearest template of every pose known
    to fit is positive, and templates of kinds that were never tried there count neither way."""
    scales: Literal["nearest", "valid"] = "valid"
    """nearest: only the primary pose's template learns its scale, as in the paper. valid: so do the templates
    of the other poses known to fit there, which cost nothing more. Our choice."""
    scale_error: Literal["absolute", "relative"] = "relative"
    """absolute: squared error of the scale, as in the paper. relative: of its logarithm, so that being a
    tenth too large costs the same near and far."""
    pos_weight: float = 5.0
    """How much a positive weighs against a negative. One positive among 14 drives the scores' sum to 1;
    with 5, a template that fits in a third of such places scores 0.7. Our choice."""

    classification_weight: float = 1.0
    """Weight of the classification loss."""
    scale_weight: float = 1.0
    """Weight of the scale loss."""
    offset_weight: float = 1.0
    """Weight of the offset loss."""
    surface_weight: float = 0.5
    """Weight of the surface loss, beyond the paper: the maps also learn what is seen in each cell of the
    picture, how large a metre is there and how high it lies, where the frames' depth is known."""
    hidden_weight: float = 0.25
    """Weight of the loss of hidden joints, beyond the paper."""
    distillation_weight: float = 1.0
    """Weight of the distillation loss; 0 needs no teacher."""
    adversarial_weight: float = 0.1
    """Weight of the adversarial loss, which begins with the second stage; 0 needs no discriminator."""
    discriminator_lr: float = 1e-4
    """Learning rate of the discriminator. Our choice."""

    self_training: bool = True
    """Two stages (paper): in the second, templates that score above the threshold become positive too."""
    threshold: float = 0.7
    """Score from which on a template becomes positive (paper)."""
    patience: int = 2
    """The first stage ends after so many validations in a row below the best template accuracy. Our choice:
    the paper says "starts to fall", and one validation is noisy."""
    latest_switch: float = 0.6
    """Share of the steps after which the second stage begins in any case. Our choice, for short runs."""
    epoch_steps: int = 0
    """Steps from one refreshing of the labels to the next; 0: as many as show as many points as there are."""
    refresh_points: int = 0
    """Each time the points are labelled that will be shown until the next; at most so many, or 0: all."""
    stable: float = 0.005
    """Training ends when a smaller share of the labels changes (paper: 0.5 %); 0 runs all steps."""
    encoder: EncoderConfig = field(
        default_factory=lambda: EncoderConfig(view_size=160, surfaces=len(SURFACES))
    )
    model: ScenePoseConfig = SHIPPED_HEAD

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.teacher_share <= 1:
            raise ValueError(f"teacher_share is a share of the points, and it is {self.teacher_share}")
        if self.surface_weight and not self.encoder.surfaces:
            raise ValueError("this encoder does not tell surfaces: give --surface-weight 0")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold is a score between 0 and 1, and it is {self.threshold}")
        if self.adversarial_weight and not self.self_training and self.targets == "nearest":
            raise ValueError(
                "the adversarial loss judges the other positive templates, and without self-training there "
                "are none: give --adversarial-weight 0, or --targets valid"
            )
