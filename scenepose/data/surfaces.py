"""Surfaces: coarse maps of what is seen where in a frame, for training to learn the lie of a room from.

Samples say how large people are at a few points of a picture; depth and labels say it of every surface. A map
has 24 x 32 cells over the whole picture, and of the surface in the middle of each it knows

- the surface: one of `SURFACES`, by NYUv2's label;
- the metre: how many picture heights a metre spans there, across the line of sight;
- the rise: its height above the floor, metres.

A file holds, for F frames, ``names`` (F,) and uint8 columns (F, 24, 32): ``surface``, an index into
`SURFACES`; ``metre`` and ``rise``, in steps; 0 in ``metre`` where nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import Frame

ROWS, COLUMNS = 24, 32
#: What a cell may show, with NYUv2's labels of it; everything else is a thing.
SURFACES = {
    "floor": (1, 19),
    "seat": (4, 5),
    "bed": (3, 17),
    "table": (6, 11, 13),
    "wall": (0, 7, 8, 10, 12, 15, 18, 21, 27, 29),
    "cupboard": (2, 9, 14, 16, 23, 31),
    "thing": (),
}
#: Steps of a metre's logarithm and of the rise, and what the first step stands for.
METRE_STEP, SMALLEST_METRE = 0.02, -3.5
RISE_STEP, LOWEST_RISE = 0.0125, -0.3

_CLASS_OF = np.full(256, list(SURFACES).index("thing"), np.uint8)
for _number, _labels in enumerate(SURFACES.values()):
    _CLASS_OF[list(_labels)] = _number


class Seen(NamedTuple):
    """What is seen at n places: index into `SURFACES`, -1 where unknown; the metre's logarithm; the rise."""

    surface: NDArray  # (n,) int64
    metre: NDArray  # (n,) float32
    rise: NDArray  # (n,) float32


@dataclass(frozen=True)
class Surfaces:
    """The columns of this module's docstring."""

    names: NDArray
    surface: NDArray
    metre: NDArray
    rise: NDArray

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> Surfaces:
        """The maps of frames."""
        maps = [_map(frame) for frame in frames]
        columns = (np.array(column, np.uint8).reshape(-1, ROWS, COLUMNS) for column in zip(*maps, strict=True))
        return cls(np.array([frame.name for frame in frames], np.str_), *(columns if maps else _none(0)))

    @classmethod
    def join(cls, parts: Sequence[Surfaces]) -> Surfaces:
        """The maps of several."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    def of_frames(self, names: NDArray) -> Surfaces:
        """The maps of some frames by name, in their order; nothing is known of those that are not here."""
        known = Surfaces.join([self, Surfaces(np.array([""]), *_none(1))])
        row_of = {str(name): row for row, name in enumerate(self.names)}
        rows = [row_of.get(str(name), len(self.names)) for name in names]
        return Surfaces(np.asarray(names), known.surface[rows], known.metre[rows], known.rise[rows])

    def at(self, frame: int, places: NDArray) -> Seen:
        """What is seen at places (n, 2) of a frame (its row), in shares of the picture's width and height."""
        cell = np.floor(places * (COLUMNS, ROWS)).astype(int)
        inside = ((cell >= 0) & (cell < (COLUMNS, ROWS))).all(1)
        x, y = cell[:, 0].clip(0, COLUMNS - 1), cell[:, 1].clip(0, ROWS - 1)
        metre = self.metre[frame, y, x]
        known = inside & (metre > 0)
        return Seen(
            np.where(known, self.surface[frame, y, x].astype(np.int64), -1),
            (SMALLEST_METRE + METRE_STEP * metre).astype(np.float32),
            (LOWEST_RISE + RISE_STEP * self.rise[frame, y, x]).astype(np.float32),
        )

    def save(self, path: Path) -> None:
        """Write the columns as a compressed ``.npz``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **{one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Surfaces:
        """Read what `save` wrote. Raises ValueError with the name of a column that is missing."""
        with np.load(path, allow_pickle=False) as file:
            for one in fields(cls):
                if one.name not in file:
                    raise ValueError(f"{path} holds no maps of surfaces: it lacks the column {one.name}")
            return cls(**{one.name: file[one.name] for one in fields(cls)})


def _none(count: int) -> list[NDArray]:
    return [np.zeros((count, ROWS, COLUMNS), np.uint8) for _ in range(3)]


def _map(frame: Frame) -> tuple[NDArray, NDArray, NDArray]:
    width, height = frame.size
    x = ((np.arange(COLUMNS) + 0.5) / COLUMNS * width).astype(int)[None]
    y = ((np.arange(ROWS) + 0.5) / ROWS * height).astype(int)[:, None]
    depth = frame.depth[y, x]
    known = depth > 0
    far = np.where(known, depth, 1.0)
    rays = frame.rays(np.stack(np.broadcast_arrays(x + 0.5, y + 0.5), -1))
    rise = frame.camera_position[2] + rays[..., 2] * far
    metre = np.log(frame.intrinsics[1, 1] / (far * height))
    return (
        _CLASS_OF[frame.labels[y, x]],
        np.where(known, _steps(metre, SMALLEST_METRE, METRE_STEP).clip(1), 0),
        _steps(rise, LOWEST_RISE, RISE_STEP),
    )


def _steps(values: NDArray, first: float, step: float) -> NDArray:
    return np.round((values - first) / step).clip(0, 255)
