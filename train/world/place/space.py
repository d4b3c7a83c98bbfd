"""What is known of the space in a room: where there is floor, what is solid, and what the surfaces are.

A space is read from a frame's depth (`depth_space`), which knows what is seen, or from a room's mesh
(`mesh_space`), which knows everything and serves all the room's frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter, minimum_filter

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
from train.world.place.seen_seats import OTHER_FURNITURE, at_border, seat_heights, single_things
from train.world.place.smooth import smoothed
from train.world.place.solids import Mesh, Solids

#: Side of a ground cell, metres.
CELL = 0.04
#: What people sit on. Level and high enough is not sufficient: nobody sits on a coffee table.
SEATING = (BED, CHAIR, SOFA, PILLOW, OTHER_FURNITURE)
SEAT_HEIGHTS = (0.33, 0.85)
#: Higher seats are bar stools: only chairs, and nothing that could be an armrest.
LOW_SEATS = 0.62
LYING = (BED, SOFA, PILLOW, 20)
LYING_HEIGHTS = (0.25, 0.85)
DRESSER, TELEVISION, WHITEBOARD, DOOR, REFRIGERATOR = 16, 24, 29, 7, 23
COUNTERS = (COUNTER, TABLE, DESK, CABINET, DRESSER)
COUNTER_HEIGHTS = (0.70, 1.10)
#: Tops that sitters put their hands on and their legs under.
TABLES = (TABLE, DESK, COUNTER)
TABLE_HEIGHTS = (0.62, 0.82)
#: What one may lean on, standing; windows, pictures and curtains are not for that.
WALLS = (WALL, DOOR, CABINET, REFRIGERATOR)
#: What people turn to.
WATCHED = (TABLE, COUNTER, DESK, TELEVISION, WHITEBOARD)
#: What is so much higher than a seat, metres, is no armrest; in depth images, what is so much higher may be.
BACKREST, LOW_ARM = 0.34, 0.08
#: No limb of a sitter is farther from the seat, metres.
REACH = 1.1
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
        covered: (R, C) whether a seat lies under something else than a table, whose top the checks know.
        seat_of: (R, C) NYUv2's class of what the seat belongs to, 255 where that is not known.
        seat_middle: (R, C, 2) world x, y of the middle of the chair a seat belongs to, where only depth is
            known; NaN elsewhere.
        perch: (R, C) as seat, but where only depth is known a little beyond its ragged edge.
        table: (R, C) height of a top to put the hands on, sitting; NaN where there is none.
        rise: (R, C) whether something stands up from a seat there: an armrest, a backrest, a wall.
        back: (R, C) whether it is tall enough to lean against.
        backrest: (R, C) whether it is taller than armrests are.
        arm: (R, C) where only depth is known, whether something just a little higher than the seat is beside
            it, as a low armrest is; nowhere in a mesh, whose `rise` is exact.
        bed: (R, C) height of what one could lie on, NaN where there is nothing.
        pillow: (R, C) whether a pillow lies there.
        counter: (R, C) height of a level top to lean on, NaN where there is none.
        wall: (R, C) whether a wall stands there from the hips to the head, free of windows and pictures.
        wall_middle: (R, C, 2) the middle of its points.
        watched: (W, 2) places of tables and screens.
        solids: what bodies collide with.
        around_seats: the same for sitters: where only depth is known, without the seats themselves, whose
            steps and frayed edges would prick them.
    """

    exact: bool
    origin: NDArray
    floor: NDArray
    seat: NDArray
    covered: NDArray
    seat_of: NDArray
    seat_middle: NDArray
    perch: NDArray
    table: NDArray
    rise: NDArray
    back: NDArray
    backrest: NDArray
    arm: NDArray
    bed: NDArray
    pillow: NDArray
    counter: NDArray
    wall: NDArray
    wall_middle: NDArray
    watched: NDArray
    solids: Solids
    around_seats: Solids

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
    points, up = smoothed(frame)
    near = np.isfinite(points).all(-1) & (frame.depth < MAX_DISTANCE) & (frame.labels != PERSON)
    if near.sum() < 2000:
        return None
    flat, labels, up = points[near], frame.labels[near], np.nan_to_num(up[near])
    # A few centimetres above the floor, depth cannot tell a thing from the floor.
    solid = ~_is_ground(flat, labels) & (flat[:, 2] > 0.06)
    if solid.sum() < 100 or np.ptp(flat[:, :2], axis=0).max() > 24:
        return None
    seen = up, single_things(frame.labels)[near], at_border(frame.depth.shape)[near]
    return _grids(flat, labels, Solids(flat[solid], CELL), seen)


def mesh_space(mesh: Mesh, cameras: NDArray) -> Space:
    """The space of a room from its mesh and the places (C, 3) of its cameras."""
    points, labels = mesh.sample()
    # Down to the floor, or free space would seep into everything from below.
    solids = Solids(points[~_is_ground(points, labels) & (points[:, 2] > 0.0)], 0.03, cameras)
    shown = solids.exposed(points) | ((points[:, 2] < 0.06) & (points[:, 2] > -0.03))
    return _grids(points[shown].astype(float), labels[shown], solids, None)


def _is_ground(points: NDArray, labels: NDArray) -> NDArray:
    return np.isin(labels, (FLOOR, FLOOR_MAT)) & (np.abs(points[:, 2]) < 0.10)


def _grids(
    points: NDArray, labels: NDArray, solids: Solids, seen: tuple[NDArray, NDArray, NDArray] | None
) -> Space:
    """The space of points (N, 3). Where only depth is known, ``seen`` says how far up each faces (N,), which
    thing it belongs to (N,), and whether it lies at the picture's border (N,)."""
    exact = seen is None
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
    tabletop = np.isin(labels, TABLES)

    tops = np.isin(labels, TABLES) & (height > TABLE_HEIGHTS[0]) & (height < TABLE_HEIGHTS[1])
    # What lies on a table is over a seat below it, not on the seat.
    tabletop |= (maximum_filter(count(tops), 7) > 0)[row, column] & (height > TABLE_HEIGHTS[0])

    def over(seat: NDArray) -> NDArray:
        """Cells with something standing on a surface of some height; tables are over, not on it."""
        base = seat[row, column]
        low, high = np.where(tabletop, 0.05, 0.14), np.where(tabletop, 0.2, 0.75)
        return count((height > base + low) & (height < base + high)) >= 2

    if seen is None:
        seat, seat_of = _exact_seats(top, labels, height), np.full(shape, 255, np.uint8)
        seat_middle = np.full((*shape, 2), np.nan)
    else:
        seat, seat_of, seat_middle = seat_heights(flat, shape, height, labels, *seen, over, CELL)
    base = np.nan_to_num(_spread(seat, 20), nan=0.45)[row, column]
    trunk = (height > base + 0.14) & (height < base + 0.75)
    upright = np.isin(labels, (*SEATING, WALL, CABINET)) & (height < 1.25)
    rise = (count(upright & (height > base + 0.12) & trunk) >= 2) & np.isnan(seat)
    back = (count(upright & (height > base + 0.22) & trunk) >= 2) & np.isnan(seat)
    backrest = (count(upright & (height > base + BACKREST) & trunk) >= 2) & np.isnan(seat)
    # Beside an armrest the seat's height is blurred upwards: the lowest of it near by tells.
    lowest = minimum_filter(np.where(np.isfinite(seat), seat, np.inf), 9)
    lowest = np.where(np.isfinite(lowest), lowest, np.inf)[row, column]
    low_arm = np.isin(labels, SEATING) & (height > lowest + LOW_ARM) & (height < lowest + 0.75)
    arm = (count(low_arm) >= 2) & np.isnan(seat) & (not exact)
    lying = np.isin(labels, LYING) & (height > LYING_HEIGHTS[0]) & (height < LYING_HEIGHTS[1])
    # The top of a sofa's back is broad enough, but nobody lies there.
    lying &= (labels != SOFA) | (height < LOW_SEATS - 0.04)
    counters = np.isin(labels, COUNTERS) & (height > COUNTER_HEIGHTS[0]) & (height < COUNTER_HEIGHTS[1])
    counter = _level(top(counters), 0.02)
    above = (height > np.nan_to_num(counter, nan=9.0)[row, column] + 0.06) & (height < 1.5)
    counter = np.where(count(above & ~np.isin(labels, (CEILING,))) >= 2, np.nan, counter)
    table = _level(top(tops), 0.03)
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
        covered=over(np.where(np.isfinite(seat), seat, np.inf)),
        seat_of=seat_of,
        seat_middle=low + seat_middle * CELL,
        perch=seat if exact else _spread(seat, 2.3),
        table=table if exact else _spread(table, 1.3),
        rise=rise,
        back=back,
        backrest=backrest,
        arm=arm,
        bed=top(lying),
        pillow=count(labels == PILLOW) > 0,
        counter=counter,
        wall=wall,
        wall_middle=np.stack([mean(wall_points, points[:, axis]) for axis in range(2)], -1),
        watched=low + (watched + 0.5) * CELL,
        solids=solids,
        around_seats=solids if exact else _without_seats(points, labels, seat, row, column, solids),
    )


def _spread(seat: NDArray, cells: float) -> NDArray:
    """Heights of seats carried on for up to so many cells around."""
    there = np.isfinite(seat)
    if not there.any():
        return seat
    near = np.asarray(distance_transform_edt(~there, return_distances=False, return_indices=True))
    distance = np.hypot(*(near - np.indices(seat.shape)))
    return np.where(distance < cells, seat[tuple(near)], np.nan)


def _without_seats(
    points: NDArray, labels: NDArray, seat: NDArray, row: NDArray, column: NDArray, solids: Solids
) -> Solids:
    """Solids without what belongs to seats: their surfaces and whatever of them is below."""
    if not np.isfinite(seat).any():
        return solids
    level = np.nan_to_num(_spread(seat, 4), nan=-1.0)[row, column]
    own = np.isin(labels, SEATING) & (points[:, 2] < level + 0.07)
    ground = points[np.isfinite(seat)[row, column], :2]
    if len(ground) == 0:
        return solids
    around = (points[:, :2] > ground.min(0) - REACH).all(1) & (points[:, :2] < ground.max(0) + REACH).all(1)
    solid = around & ~own & ~_is_ground(points, labels) & (points[:, 2] > 0.06)
    return Solids(points[solid], CELL) if solid.any() else solids


def _exact_seats(top: Callable[[NDArray], NDArray], labels: NDArray, height: NDArray) -> NDArray:
    """(R, C) heights of seats from a mesh's points (N,); ``top`` gives the tops of cells for chosen ones."""
    in_band = (height > SEAT_HEIGHTS[0]) & (height < SEAT_HEIGHTS[1])
    stool = in_band & (labels == CHAIR)
    seating = np.isin(labels, SEATING)
    # Other furniture may be a bench or a coffee table: in rendered rooms we know that it is not a table.
    low_seat = in_band & seating & (height < np.where(labels == OTHER_FURNITURE, 0.52, LOW_SEATS))
    seat = _level(top(low_seat), 0.035)
    high_seat = _level(top(stool & (height > LOW_SEATS)), 0.03)
    # A stool's top has nothing to sit on below it nearby; an armrest has.
    lonely = maximum_filter(np.isfinite(seat).astype(np.uint8), 15) == 0
    # And it is as broad as a hand is long both ways; the top of a chair's back is not.
    broad = maximum_filter(minimum_filter(np.isfinite(high_seat).astype(np.uint8), 5), 5) > 0
    return np.where(np.isfinite(seat), seat, np.where(lonely & broad, high_seat, np.nan))


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
