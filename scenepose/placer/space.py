"""What a frame tells about the space in it: floor to stand on, seats to sit on, and what is in the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter
from scipy.spatial import KDTree

from scenepose.data.frames import (
    BED,
    CABINET,
    CEILING,
    CHAIR,
    COUNTER,
    DESK,
    FLOOR,
    FLOOR_MAT,
    PERSON,
    PILLOW,
    SOFA,
    TABLE,
    WALL,
    Frame,
)

#: Side of a ground cell, metres.
CELL = 0.04
#: What people sit on. Level and high enough is not sufficient: nobody sits on a coffee table.
SEATING = (BED, CHAIR, SOFA, PILLOW, 38)
SEAT_HEIGHTS = (0.33, 0.68)
#: Surfaces people do not walk through but whose tops are never seats.
UNSEATABLE = (TABLE, DESK, COUNTER, CABINET, WALL, CEILING)
#: Farther than this, depth is too coarse to judge contacts.
MAX_DISTANCE = 6.5


@dataclass(frozen=True)
class Space:
    """Ground grids (rows along y, columns along x) and the obstacles of one frame, in the world frame.

    Attributes:
        origin: (2,) world x, y of the grid's corner.
        floor: (R, C) share of each cell's neighbourhood seen as floor, 0..1.
        seat: (R, C) height of the level seat seen in a cell, NaN where there is none.
        rise: (R, C) whether something stands up from a seat there: an armrest, a backrest, a wall.
        back: (R, C) whether it is tall enough to lean against.
        obstacles: search tree over the visible points that are no floor.
    """

    frame: Frame
    origin: NDArray
    floor: NDArray
    seat: NDArray
    rise: NDArray
    back: NDArray
    obstacles: KDTree

    def cells(self, ground: NDArray) -> tuple[NDArray, NDArray]:
        """Row and column (clipped to the grid) of ground positions (..., 2)."""
        index = np.floor((np.nan_to_num(ground, nan=-1e6) - self.origin) / CELL).astype(int)
        rows, columns = self.floor.shape
        return index[..., 1].clip(0, rows - 1), index[..., 0].clip(0, columns - 1)

    def centres(self, rows: NDArray, columns: NDArray) -> NDArray:
        """Ground positions (..., 2) of cell centres."""
        return self.origin + (np.stack([columns, rows], -1) + 0.5) * CELL


def read_space(frame: Frame) -> Space | None:
    """Read a frame's geometry; None where hardly anything of it is within reach."""
    points = frame.lift()
    near = np.isfinite(points).all(-1) & (frame.depth < MAX_DISTANCE) & (frame.labels != PERSON)
    if near.sum() < 2000:
        return None
    flat, labels = points[near], frame.labels[near]
    low = flat[:, :2].min(0) - 0.5
    shape = np.ceil((flat[:, :2].max(0) + 0.5 - low) / CELL).astype(int)[::-1]
    if shape.max() > 600:
        return None
    column, row = np.floor((flat[:, :2] - low) / CELL).astype(int).T

    def count(chosen: NDArray) -> NDArray:
        grid = np.zeros(shape)
        np.add.at(grid, (row[chosen], column[chosen]), 1.0)
        return grid

    height = flat[:, 2]
    ground = np.isin(labels, (FLOOR, FLOOR_MAT)) & (np.abs(height) < 0.10)
    floor = gaussian_filter(count(ground).clip(0, 1), 1.2)
    seat = _seats(row, column, height, labels, shape)
    upright = np.isin(labels, (*SEATING, WALL, CABINET)) & (height < 1.15)
    rise = (count(upright & (height > 0.55)) >= 2) & np.isnan(seat)
    back = (count(upright & (height > 0.70)) >= 2) & np.isnan(seat)
    solid = ~ground & (height > 0.06) & (height < 2.2)
    thin = flat[solid][:: max(1, int(solid.sum() // 40000))]
    if len(thin) < 100:
        return None
    return Space(frame, low, floor, seat, rise, back, KDTree(thin))


def _seats(row: NDArray, column: NDArray, height: NDArray, labels: NDArray, shape: NDArray) -> NDArray:
    """Heights of level seat cells, NaN elsewhere.

    A cell is a seat when seating is seen there between 0.33 and 0.68 m, nothing rises above it, and it is
    level with most cells around it, so that the tops of armrests and backs, and slopes, drop out.
    """
    band = np.isin(labels, SEATING) & (height > SEAT_HEIGHTS[0]) & (height < SEAT_HEIGHTS[1])
    total, squares, number = (np.zeros(shape) for _ in range(3))
    np.add.at(total, (row[band], column[band]), height[band])
    np.add.at(squares, (row[band], column[band]), height[band] ** 2)
    np.add.at(number, (row[band], column[band]), 1)
    mean = total / np.maximum(number, 1)
    deviation = np.sqrt((squares / np.maximum(number, 1) - mean**2).clip(0))
    seated = (number >= 2) & (deviation < 0.05)
    above = np.zeros(shape)
    rising = (height > SEAT_HEIGHTS[1]) & (height < 1.3)
    np.add.at(above, (row[rising], column[rising]), 1.0)
    seated &= above < 2
    # Level: within 3 cm of the weighted mean of the 20 cm around it, most of which is seat too.
    weight = gaussian_filter(seated.astype(float), 2.0)
    around = gaussian_filter(np.where(seated, mean, 0.0), 2.0) / np.maximum(weight, 1e-6)
    level = seated & (np.abs(mean - around) < 0.035) & (weight > 0.3)
    spread = maximum_filter(np.where(level, mean, -np.inf), 5) - minimum_filter(
        np.where(level, mean, np.inf), 5
    )
    level &= spread < 0.11
    # An armrest or the top of a back is level too, but a seat lies lower beside it.
    lowest = minimum_filter(np.where(level & (weight > 0.5), mean, np.inf), 19)
    level &= mean < lowest + 0.08
    return np.where(level, around, np.nan)
