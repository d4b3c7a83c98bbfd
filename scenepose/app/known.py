"""Scenes whose true poses are known: frames of the bundled test rooms, which no training has seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.app import files
from scenepose.predict.compare import Truth

#: How many are offered, and from how near a known point a click counts as it (picture heights).
SCENES, NEAR = 6, 0.05


@dataclass(frozen=True)
class KnownScene:
    """A picture with points where a true pose is known.

    Attributes:
        title: what people read. image: RGB.
        points: (P, 2), pixels. keypoints: (P, 16, 2), pixels. known: (P, 16) bool.
    """

    title: str
    image: Image.Image
    points: NDArray
    keypoints: NDArray
    known: NDArray

    def near(self, point: tuple[float, float]) -> tuple[tuple[float, float], Truth] | None:
        """The known point that a click means, and the true pose there; None where none is near."""
        distance = np.linalg.norm(self.points - np.array(point), axis=1)
        best = int(distance.argmin())
        if distance[best] > NEAR * self.image.height:
            return None
        x, y = (float(value) for value in self.points[best])
        return (x, y), Truth(self.keypoints[best], self.known[best])


def known_file(number: int) -> Path:
    """The picture of one of `known_scenes` as a file, which all visitors share."""
    return files.keep(f"room-{number + 1}.png", known_scenes()[number].image.save)


@cache
def known_scenes() -> list[KnownScene]:
    """Frames of different rooms with the most known points; none where the rooms are not bundled."""
    from scenepose.data.sources import open_source

    try:
        source = open_source("rooms:test", "test")
    except (FileNotFoundError, ValueError):
        return []
    samples = source.samples
    rows = samples.primary_rows
    fits = rows >= 0
    counts = np.bincount(samples.point_frames[fits], minlength=len(samples.frame_names))
    chosen: list[int] = []
    for frame in np.argsort(-counts, kind="stable"):
        places = [samples.frame_places[one] for one in chosen]
        if counts[frame] and samples.frame_places[frame] not in places and len(chosen) < SCENES:
            chosen.append(int(frame))
    scenes = []
    for number, frame in enumerate(chosen, start=1):
        image = source.picture(frame)
        points = np.flatnonzero(fits & (samples.point_frames == frame))
        stored = source.scale_to(frame, image.size)
        scenes.append(
            KnownScene(
                f"Truth {number}",
                image,
                samples.points[points].astype(np.float64) * stored,
                samples.keypoints[rows[points]].astype(np.float64) * stored,
                samples.visibility[rows[points]] >= 1,
            )
        )
    return scenes
