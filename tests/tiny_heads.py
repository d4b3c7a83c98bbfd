"""The compared methods, narrow and briefly trained, that several tests share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copyfile

from tests import tiny
from train.fit.baselines import BaselineRun, prepare
from train.fit.batches import Batches
from train.fit.config import BaselineConfig
from train.fit.loop import BEST, loader_of, train_on

#: Each method, only narrower: sizes that differ from the default ones.
SMALL: dict[str, dict] = {
    "heatmap": {"width": 24, "sigma": 0.1},
    "regression": {"width": 16, "hidden": 32},
    "vae": {"width": 32, "latent": 6},
    "unipose": {"width": 16, "low_level": 8, "rates": (3, 2, 1), "sigma": 0.1},
    "prtr": {"width": 32, "heads": 4, "layers": 2, "ffn": 32, "queries": 20, "dropout": 0.0},
    "placenet": {"summary": 16, "width": 32, "samples": 4},
    "graconet": {"width": 32, "heads": 4, "ffn": 32, "noise": 16, "hidden": 32},
    "vae30": {"width": 32, "latent": 6},
}


def settings(out: Path, encoder: Path, **changes) -> BaselineConfig:
    """Three steps of the seven, validated at the end; ``encoder`` is the folder of the main method."""
    config = BaselineConfig(
        methods=["all"], data=["tiny"], out=out, encoder=encoder, steps=3, frames=2, points_per_frame=2,
        warmup=1, lr=2e-3, workers=0, device="cpu", validate_every=3, validate_points=4, save_minutes=60.0,
    )  # fmt: skip
    return replace(config, **changes)


def run_of(config: BaselineConfig) -> tuple[BaselineRun, Batches]:
    """The run on tiny data, and its batches."""
    return prepare(config, [tiny.source(11)], [tiny.source(seed=1)], SMALL)


def trained(folder: Path, encoder: Path) -> Path:
    """A folder as the demo wants it: the main method's two files and the seven trained on its encoder."""
    run, batches = run_of(settings(folder, encoder))
    train_on(run, loader_of(run, batches))
    for name in ("encoder", "scenepose"):
        copyfile(encoder / f"{name}.safetensors", folder / BEST / f"{name}.safetensors")
    return folder / BEST
