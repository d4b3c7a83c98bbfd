"""`python -m train poses`: fit the pose sampler to recorded 3-D poses; only its statistics are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenepose.assets import assets
from train.world.place.sampler import PoseSampler


@dataclass
class PosesConfig:
    """Fit the pose sampler."""

    recorded: Path
    """.npz with keypoints (N, 16, 3) metres (`train.world.place.sampler`) and activity (N,)"""
    out: Path | None = None
    """default assets/poses/sampler.npz"""


def main(config: PosesConfig) -> None:
    """Fit, save and print how many components each activity took."""
    if not config.recorded.is_file():
        raise FileNotFoundError(f"there are no recorded poses at {config.recorded}")
    with np.load(config.recorded) as file:
        if not {"keypoints", "activity"} <= set(file):
            raise ValueError(
                f"{config.recorded} needs the arrays keypoints and activity, and has {', '.join(file)}"
            )
        sampler = PoseSampler.fit(file["keypoints"], file["activity"])
    path = config.out or assets() / "poses" / "sampler.npz"
    sampler.save(path)
    counts = ", ".join(f"{name} {len(axes)}" for name, axes in sampler.components.items())
    print(f"{path}: components kept: {counts}")
