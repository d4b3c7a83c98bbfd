"""`python -m train compare`: every method's answer at some points of a source, as one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import scenepose
from scenepose.data.sources import Source, open_source
from scenepose.picture.images import Picture
from scenepose.predict.compare import Compared, Panel, Truth, compare, truth_panel
from scenepose.predict.panels import figure
from train.judge.answers import folder_of


@dataclass
class CompareConfig:
    """Draw scenes by methods, the true pose first."""

    data: str = "rooms:test"
    """As for `evaluate`."""
    out: Path = Path("assets/docs/compare.jpg")
    """A .jpg or .png file."""
    points: list[int] | None = None
    """Numbers of points in the source; by default a random choice in different rooms."""
    count: int = 3
    """How many, where they are chosen at random."""
    seed: int = 0
    """Of that choice, and of the methods that draw samples."""
    checkpoint: Path | None = None
    """A folder of weights, or a head's file beside its encoder, instead of the shipped ones; the other
    methods' are looked for beside them."""
    width: int = 260
    """Of a tile, pixels."""
    device: str = "cpu"
    """cpu, cuda ..."""


def choose(source: Source, count: int, seed: int) -> NDArray:
    """Random points that have a pose, each in a place of its own."""
    samples = source.samples
    points = np.random.default_rng(seed).permutation(np.flatnonzero(samples.primary_rows >= 0))
    places = samples.frame_places[samples.point_frames[points]]
    _, first = np.unique(places, return_index=True)
    return points[np.sort(first)[:count]]


def row_of(
    compared: Compared, source: Source, point: int, seed: int
) -> tuple[Picture, tuple[float, float], list[Panel]]:
    """A point's picture, its place there in pixels, and the panels: truth first, then every method."""
    shown = source.at(point)
    scene = compared.main.encode(shown.picture)
    x, y = (float(value) for value in shown.point)
    truth = Truth(shown.pose, shown.known)
    answers = compare(compared, scene, (x, y), compared.names(), seed=seed, truth=truth)
    # A time would say more about this machine than about the method.
    panels = [truth_panel(truth), *(replace(panel, milliseconds=0.0, seed=None) for panel in answers)]
    return scene.picture, (x, y), panels


def main(config: CompareConfig) -> None:
    """Compare, draw and save."""
    source = open_source(config.data, "test")
    points = np.array(config.points) if config.points else choose(source, config.count, config.seed)
    primary = source.samples.primary_rows
    for point in points:
        if not 0 <= point < len(primary) or primary[point] < 0:
            raise ValueError(f"{config.data} has no pose at point {point}")
    main_method = scenepose.load("scenepose", config.checkpoint, config.device)
    compared = Compared(main_method, folder_of(config.checkpoint) if config.checkpoint else None)
    rows = [row_of(compared, source, int(point), config.seed) for point in points]
    config.out.parent.mkdir(parents=True, exist_ok=True)
    figure(rows, columns=len(rows[0][2]), width=config.width, widest=0.85).save(config.out)
    print(
        f"{config.out}: points {' '.join(map(str, points))} of {config.data}, {len(compared.names())} methods"
    )
