"""`python -m train reprior`: choose anew who is shown at each point of stored samples.

The rules are those of `scenepose.data.prior`. For samples whose rooms are no longer at hand: which poses fit
stays as it was, and a seat or bed counts as free where somebody was found to sit or lie. Doing it twice
changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenepose.assets import assets
from scenepose.data.compact import PlacedSamples
from scenepose.data.prior import kind_chances, pose_chances
from scenepose.data.samples import Samples
from scenepose.data.sources import SPLITS
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import HIDDEN


@dataclass
class RepriorConfig:
    """Choose anew who is shown at each point of samples in the compact form; the files are replaced."""

    files: Sequence[Path] = tuple(assets() / "rooms" / f"{split}.npz" for split in SPLITS)
    """the bundled rooms' by default"""
    seed: int = 0
    """the same seed and samples give the same choice"""


def main(config: RepriorConfig) -> None:
    """Choose, rewrite the files, print the kinds shown before and after."""
    for path in config.files:
        if not path.is_file():
            raise FileNotFoundError(f"there are no samples at {path}")
        placed, bodies, kinds, facing = PlacedSamples.load(path)
        samples = Samples.load(path)
        rows = shown_rows(samples, config.seed)
        before = samples.kinds[samples.primary]
        print(f"{path}: {int((~samples.primary[rows]).sum())} of {len(rows)} points show somebody else")
        for number, kind in enumerate(KINDS):
            shares = [(shown == number).mean() for shown in (before, samples.kinds[rows])]
            print(f"  {kind:8s} {shares[0]:.3f} -> {shares[1]:.3f}")
        part = path.with_suffix(".part.npz")
        placed.showing(rows).save(part, bodies, kinds, facing)
        part.replace(path)


def shown_rows(samples: Samples, seed: int) -> NDArray:
    """(Q,) the pose to show at each point that has poses: of a kind drawn by `kind_chances`.

    Where the one shown so far is of that kind, it stays: it was chosen with more care for how it looks.
    """
    generator = np.random.default_rng(seed)
    fits = np.zeros((len(samples), len(KINDS)), bool)
    fits[samples.pose_points, samples.kinds] = True
    # One number a point decides, whatever the order of its poses.
    drawn = generator.random((len(samples), 1))
    kind = (np.cumsum(kind_chances(fits), 1) > drawn).argmax(1)
    hidden = (samples.visibility == HIDDEN).sum(1)
    weight = pose_chances(samples.kinds, samples.headings, hidden)
    weight *= samples.kinds == kind[samples.pose_points]
    # The largest of -weight / log(u) falls on each pose in proportion to its weight.
    luck = -weight / np.log(generator.random(len(weight)))
    luck[samples.primary & (weight > 0)] = np.inf
    order = np.lexsort((luck, samples.pose_points))
    last = np.flatnonzero(np.diff(samples.pose_points[order], append=len(samples)))
    return order[last]
