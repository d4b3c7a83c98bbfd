"""The floor below the picture's lower edge, where a photograph shows hardly any.

A camera that looks straight ahead at a kitchen from two metres sees no floor, and still people stand there at
the counter, their feet cut off by the picture's edge. Floor is taken to go on below the edge where the lowest
things in the picture are floor, or stand upright and farther away than the feet would. Tables, beds and seats
that the edge cuts may reach any distance towards the camera: nobody stands there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import FLOOR, FLOOR_MAT, Frame
from train.world.place.space import CELL, Space

#: Square metres of seen floor from which on a picture speaks for itself.
ENOUGH = 1.0
#: The lowest share of the picture's rows: what it shows decides.
STRIP = 0.08
#: Metres by which what is seen there may come nearer on its way down and still be upright.
UPRIGHT = 0.06
#: Metres that feet stay before what the edge cuts.
BEFORE = 0.25


def with_floor_below(frame: Frame, space: Space) -> Space:
    """The space with floor below the lower edge of the picture, if little floor is seen in it."""
    if (space.floor > 0.5).sum() * CELL**2 >= ENOUGH:
        return space
    width, height = frame.size
    rows, columns = np.array(np.indices(space.floor.shape))
    ground = space.centres(rows, columns)
    pixels, depth = frame.project(np.concatenate([ground, np.zeros((*rows.shape, 1))], -1))
    below = (depth > 0.5) & (pixels[..., 1] > height) & (pixels[..., 0] > 0) & (pixels[..., 0] < width)
    column = np.floor(np.where(below, pixels[..., 0], 0)).astype(int)
    goes_on, distance = _lower_edge(frame)
    away = np.linalg.norm(ground - frame.camera_position[:2], axis=-1)
    gap = distance[column] - away
    free = below & goes_on[column] & np.isnan(space.seat)
    # Where the edge cuts floor, the floor is known right up to it.
    free &= gap > np.where(_shows_floor(frame)[column], -CELL, BEFORE)
    # What lies outside of the grid is read from its outermost cells.
    inner = np.zeros_like(free)
    inner[1:-1, 1:-1] = True
    free &= inner
    return replace(space, floor=np.maximum(space.floor, free.astype(space.floor.dtype)))


def _shows_floor(frame: Frame) -> NDArray:
    """(W,) whether the lowest row shows floor."""
    return np.isin(frame.labels[-1], (FLOOR, FLOOR_MAT))


def _lower_edge(frame: Frame) -> tuple[NDArray, NDArray]:
    """(W,) whether floor may go on below the lower edge, and (W,) metres over ground to what is seen there.

    A body is 0.4 m wide: a column counts as open only if those around it are.
    """
    width, height = frame.size
    strip = max(2, round(STRIP * height))
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height - strip, height) + 0.5)
    depth = np.where(frame.depth[-strip:] > 0, frame.depth[-strip:], np.nan)
    points = frame.rays(np.stack([x, y], -1)) * depth[..., None]
    away = np.linalg.norm(points[..., :2], axis=-1)
    half = strip // 2
    upper, lower = _median(away[:half]), _median(away[half:])
    opened = _shows_floor(frame) | (upper - lower < UPRIGHT)
    opened &= np.isfinite(lower)
    radius = np.nan_to_num(0.2 * frame.intrinsics[0, 0] / np.nan_to_num(lower, nan=np.inf), nan=0.0)
    shut = np.concatenate([[0], np.cumsum(~opened)])
    first = (np.arange(width) - radius).astype(int).clip(0, width)
    last = (np.arange(width) + radius + 1).astype(int).clip(0, width)
    return opened & (shut[last] == shut[first]), np.nan_to_num(lower)


def _median(values: NDArray) -> NDArray:
    """(W,) median of each column, NaN where nothing is known."""
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    middle = ordered[(known.sum(0) // 2).clip(0, len(values) - 1), np.arange(values.shape[1])]
    return np.where(known.any(0) & np.isfinite(middle), middle, np.nan)
