"""What is known of the space in a room: where there is floor, what is solid, and what the surfaces are.

A space is read from a frame's depth (`depth_space`), which knows what is seen, or from a room's mesh
(`mesh_space`), which knows everything and serves all the room's frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, uniform_filter

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
from scenepose.placer.solids import Mesh, Solids

#: Side of a ground cell, metres.
CELL = 0.04
#: What people sit on. Level and high enough is not sufficient: nobody sits on a coffee table.
OTHER_FURNITURE = 38
SEATING = (BED, CHAIR, SOFA, PILLOW, OTHER_FURNITURE)
SEAT_HEIGHTS = (0.33, 0.85)
#: Higher seats are bar stools: only chairs, and nothing that could be an armrest.
LOW_SEATS = 0.62
LYING = (BED, SOFA, PILLOW, 20)
LYING_HEIGHTS = (0.25, 0.85)
DRESSER, TELEVISION, WHITEBOARD, DOOR, REFRIGERATOR = 16, 24, 29, 7, 23
COUNTERS = (COUNTER, TABLE, DESK, CABINET, DRESSER)
COUNTER_HEIGHTS = (0.70, 1.10)
#: What one may lean on, standing; windows, pictures and curtains are not for that.
WALLS = (WALL, DOOR, CABINET, REFRIGERATOR)
#: What people turn to.
WATCHED = (TABLE, COUNTER, DESK, TELEVISION, WHITEBOARD)
#: Farther than this, depth is too coarse to judge contacts.
MAX_DISTANCE = 6.5


@dataclass(frozen=True)
class Space:
    """Ground grids (rows along y, columns along x) and the solids of a room, in the world frame.

    Attributes:
        exact: whether hidden sides are known too.
        origin: (2,) world x, y of the grid's corner.
        floor: (R, C) share of each cell's neighbourhood known as floor, 0..1.
        seat: (R, C) height of the level seat in a cell, NaN where there is none.
        covered: (R, C) whether a seat lies under something: a chair pushed under a table.
        rise: (R, C) whether something stands up from a seat there: an armrest, a backrest, a wall.
        back: (R, C) whether it is tall enough to lean against.
        bed: (R, C) height of what one could lie on, NaN where there is nothing.
        pillow: (R, C) whether a pillow lies there.
        counter: (R, C) height of a level top to lean on, NaN where there is none.
        wall: (R, C) whether a wall stands there from the hips to the head, free of windows and pictures.
        wall_middle: (R, C, 2) the middle of its points.
        watched: (W, 2) places of tables and screens.
        solids: what bodies collide with.
    """

    exact: bool
    origin: NDArray
    floor: NDArray
    seat: NDArray
    covered: NDArray
    rise: NDArray
    back: NDArray
    bed: NDArray
    pillow: NDArray
    counter: NDArray
    wall: NDArray
    wall_middle: NDArray
    watched: NDArray
    solids: Solids

    def cells(self, ground: NDArray) -> tuple[NDArray, NDArray]:
        """Row and column (clipped to the grid) of ground positions (..., 2)."""
        index = np.floor((np.nan_to_num(ground, nan=-1e6) - self.origin) / CELL).astype(int)
        rows, columns = self.floor.shape
        return index[..., 1].clip(0, rows - 1), index[..., 0].clip(0, columns - 1)

    def centres(self, rows: NDArray, columns: NDArray) -> NDArray:
        """Ground positions (..., 2) of cell centres."""
        return self.origin + (np.stack([columns, rows], -1) + 0.5) * CELL


def depth_space(frame: Frame) -> Space | None:
    """The space seen in a frame; None where hardly anything of it is within reach."""
    points = frame.lift()
    near = np.isfinite(points).all(-1) & (frame.depth < MAX_DISTANCE) & (frame.labels != PERSON)
    if near.sum() < 2000:
        return None
    flat, labels = points[near], frame.labels[near]
    # A few centimetres above the floor, depth cannot tell a thing from the floor.
    solid = ~_is_ground(flat, labels) & (flat[:, 2] > 0.06)
    if solid.sum() < 100 or np.ptp(flat[:, :2], axis=0).max() > 24:
        return None
    return _grids(flat, labels, Solids(flat[solid], CELL), exact=False)


def mesh_space(mesh: Mesh, cameras: NDArray) -> Space:
    """The space of a room from its mesh and the places (C, 3) of its cameras."""
    points, labels = mesh.sample()
    # Down to the floor, or free space would seep into everything from below.
    solids = Solids(points[~_is_ground(points, labels) & (points[:, 2] > 0.0)], 0.03, cameras)
    shown = solids.exposed(points) | ((points[:, 2] < 0.06) & (points[:, 2] > -0.03))
    return _grids(points[shown].astype(float), labels[shown], solids, exact=True)


def _is_ground(points: NDArray, labels: NDArray) -> NDArray:
    return np.isin(labels, (FLOOR, FLOOR_MAT)) & (np.abs(points[:, 2]) < 0.10)


def _grids(points: NDArray, labels: NDArray, solids: Solids, exact: bool) -> Space:
    low = points[:, :2].min(0) - 0.5
    shape = np.ceil((points[:, :2].max(0) + 0.5 - low) / CELL).astype(int)[::-1]
    column, row = np.floor((points[:, :2] - low) / CELL).astype(int).T
    flat = row * shape[1] + column
    height = points[:, 2]
    # Depth steps by 4 cm; a mesh is exact.
    grain = 0.015 if exact else 0.06

    def count(chosen: NDArray) -> NDArray:
        return np.bincount(flat[chosen], minlength=shape.prod()).reshape(shape)

    def mean(chosen: NDArray, values: NDArray) -> NDArray:
        total = np.bincount(flat[chosen], values[chosen], shape.prod()).reshape(shape)
        return total / np.maximum(count(chosen), 1)

    def top(chosen: NDArray) -> NDArray:
        """Mean height of the highest points of each cell; NaN where there are fewer than two."""
        peak = np.full(shape.prod(), -np.inf)
        np.maximum.at(peak, flat[chosen], height[chosen])
        high = chosen & (height > peak[flat] - grain)
        return np.where(count(high) >= 2, mean(high, height), np.nan)

    ground = np.isin(labels, (FLOOR, FLOOR_MAT)) & (np.abs(height) < 0.10)
    floor = gaussian_filter((count(ground) > 0).astype(float), 1.2)
    in_band = (height > SEAT_HEIGHTS[0]) & (height < SEAT_HEIGHTS[1])
    stool = in_band & (labels == CHAIR)
    seating = np.isin(labels, SEATING)
    # Other furniture may be a bench or a coffee table: in rendered rooms we know that it is no table.
    low_seat = (
        in_band & seating & (height < np.where(labels == OTHER_FURNITURE, 0.52 if exact else 0, LOW_SEATS))
    )
    seat = _level(top(low_seat), 0.035)
    high_seat = _level(top(stool & (height > LOW_SEATS)), 0.03)
    # A stool's top has nothing to sit on below it nearby; an armrest has.
    lonely = maximum_filter(np.isfinite(seat).astype(np.uint8), 15) == 0
    # And it is as broad as a hand is long both ways; the top of a chair's back is not.
    broad = maximum_filter(minimum_filter(np.isfinite(high_seat).astype(np.uint8), 5), 5) > 0
    seat = np.where(np.isfinite(seat), seat, np.where(lonely & broad, high_seat, np.nan))
    if not exact:
        seat = _closed(_closed(seat))
    base = np.nan_to_num(seat, nan=0.45)[row, column]
    over = (height > base + 0.14) & (height < base + 0.75)
    upright = np.isin(labels, (*SEATING, WALL, CABINET)) & (height < 1.25)
    rise = (count(upright & (height > base + 0.12) & over) >= 2) & np.isnan(seat)
    back = (count(upright & (height > base + 0.22) & over) >= 2) & np.isnan(seat)
    lying = np.isin(labels, LYING) & (height > LYING_HEIGHTS[0]) & (height < LYING_HEIGHTS[1])
    # The top of a sofa's back is broad enough, but nobody lies there.
    lying &= (labels != SOFA) | (height < LOW_SEATS - 0.04)
    counters = np.isin(labels, COUNTERS) & (height > COUNTER_HEIGHTS[0]) & (height < COUNTER_HEIGHTS[1])
    counter = _level(top(counters), 0.02)
    above = (height > np.nan_to_num(counter, nan=9.0)[row, column] + 0.06) & (height < 1.5)
    counter = np.where(count(above & ~np.isin(labels, (CEILING,))) >= 2, np.nan, counter)
    wall_points = np.isin(labels, WALLS) & (height > 0.8) & (height < 1.5)
    bins = sum(
        (count(wall_points & (height > z) & (height < z + 0.175)) > 0).astype(int)
        for z in np.arange(0.8, 1.49, 0.175)
    )
    other = ~np.isin(labels, (*WALLS, FLOOR, FLOOR_MAT, CEILING)) & (height > 0.3) & (height < 1.75)
    spoiled = maximum_filter((count(other) >= 2).astype(np.uint8), 3) > 0
    wall = (np.asarray(bins) >= 4) & ~spoiled
    watched = np.stack(
        np.nonzero(count(np.isin(labels, WATCHED) & (height > 0.35) & (height < 1.6)) > 2)[::-1], -1
    )
    return Space(
        exact=exact,
        origin=low,
        floor=floor,
        seat=seat,
        covered=count(over) >= 2,
        rise=rise,
        back=back,
        bed=top(lying),
        pillow=count(labels == PILLOW) > 0,
        counter=counter,
        wall=wall,
        wall_middle=np.stack([mean(wall_points, points[:, axis]) for axis in range(2)], -1),
        watched=low + (watched + 0.5) * CELL,
        solids=solids,
    )


def _closed(height: NDArray) -> NDArray:
    """Holes of a surface (NaN = none) filled where half of the eight cells around are there: a depth image's
    steps of 4 cm leave stripes without points."""
    there = np.isfinite(height).astype(float)
    number = uniform_filter(there, 3) * 9
    around = uniform_filter(np.nan_to_num(height), 3) * 9 / np.maximum(number, 1e-6)
    return np.where((there == 0) & (number > 3.5), around, height)


def _level(height: NDArray, tolerance: float) -> NDArray:
    """Smoothed heights where a surface (NaN = none) is level over a hand's breadth; NaN elsewhere.

    The tops of armrests and backs drop out: they are narrow, or have a seat lower beside them.
    """
    there = np.isfinite(height)
    value = np.nan_to_num(height)
    weight = gaussian_filter(there.astype(float), 2.0)
    around = gaussian_filter(value, 2.0) / np.maximum(weight, 1e-6)
    level = there & (np.abs(value - around) < tolerance) & (weight > 0.3)
    spread = maximum_filter(np.where(level, value, -np.inf), 5) - minimum_filter(
        np.where(level, value, np.inf), 5
    )
    level &= spread < 0.11
    lowest = minimum_filter(np.where(level & (weight > 0.5), value, np.inf), 19)
    level &= value < lowest + 0.08
    return np.where(level, around, np.nan)
