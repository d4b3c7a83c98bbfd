"""Where one can sit, lie and lean: places on supports with the direction a body has there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label, maximum_filter, minimum_filter

from scenepose.data.frames import BED, CHAIR, SOFA
from train.world.place.seen_seats import OTHER_FURNITURE
from train.world.place.space import CELL, LOW_SEATS, Space

#: How people sit at a kind of place on a seat: styles of the bank, and how often.
SEATED = {
    "at-back": {"backed": 0.5, "reclined": 0.25, "crossed": 0.17, "elbows": 0.08},
    "before-back": {"reclined": 0.85, "elbows": 0.15},
    "unbacked": {"free": 0.85, "elbows": 0.15},
    "at-table": {"desk": 1.0},
    "along": {"legs-up": 1.0},
}
#: How often the kinds of place are drawn, where a room has them.
SEATED_SHARES = {"at-back": 0.5, "before-back": 0.12, "unbacked": 0.2, "at-table": 0.14, "along": 0.04}
#: Directions tried for a sitter, evenly around.
_DIRECTIONS = 24


@dataclass(frozen=True)
class Places:
    """P places of one kind.

    grounds: (P, 2) where the body's origin goes. yaws: (P,) how the body is turned. levels: (P,) heights of
    the support. styles: (P,) names of styles of the bank, or of `SEATED`. slides: (P, 2) unit vector
    along which the body may be moved and keeps its support; zero where it may move both ways.
    """

    grounds: NDArray
    yaws: NDArray
    levels: NDArray
    styles: NDArray
    slides: NDArray

    def __len__(self) -> int:
        return len(self.grounds)

    @staticmethod
    def join(parts: list[Places]) -> Places:
        """All the places of several lists."""
        return Places(*(np.concatenate([getattr(p, n) for p in parts]) for n in Places.__dataclass_fields__))

    @staticmethod
    def none() -> Places:
        """No places."""
        return Places(np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, "<U16"), np.zeros((0, 2)))


def ahead_of(yaws: NDArray) -> NDArray:
    """Unit vectors (N, 2) along which people turned by yaws face."""
    return np.stack([-np.sin(yaws), np.cos(yaws)], -1)


def seats(space: Space) -> Places:
    """Where and which way one can sit.

    For every seat cell and every direction: the seat's front edge must be within a thigh's length ahead,
    with nothing of seat height beyond it, and no backrest ahead. Where a backrest is near the cell in any
    direction the person turns away from it and has it at their back.
    """
    rows, columns = np.nonzero(np.isfinite(space.seat) & ~space.covered)
    if len(rows) == 0:
        return Places.none()
    grounds = space.centres(rows, columns)
    yaws = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    ahead = ahead_of(yaws)
    is_seat = np.isfinite(space.seat)

    def look(distances: NDArray, sideways: tuple[float, ...], grid: NDArray, sign: float = 1.0) -> NDArray:
        """(N, D, distances, sideways) values of a grid along each direction."""
        across = np.stack([ahead[:, 1], -ahead[:, 0]], -1)
        steps = (
            sign * ahead[:, None, None] * distances[:, None, None]
            + across[:, None, None] * np.array(sideways)[:, None]
        )
        at = grounds[:, None, None, None] + steps[None]
        return grid[space.cells(at)]

    high = (space.seat[rows, columns] > LOW_SEATS)[:, None]
    bed = (space.seat_of[rows, columns] == BED)[:, None]
    under = look(np.array([-0.06, 0.0, 0.06, 0.12]), (-0.08, 0.0, 0.08), is_seat).mean((2, 3))
    under = under > (np.where(high, 0.6, 0.75) if space.exact else 0.5)
    open_front = look(np.array([0.48, 0.54, 0.60]), (-0.1, 0.0, 0.1), is_seat).mean((2, 3)) < 0.15
    nothing_ahead = look(np.arange(0.08, 0.56, CELL), (-0.12, 0.0, 0.12), space.rise).mean((2, 3)) < 0.06
    behind = look(np.arange(0.10, 0.52, CELL), (-0.12, -0.04, 0.04, 0.12), space.back, -1.0)
    clear_back = ~look(np.arange(0.0, 0.12, CELL), (-0.08, 0.0, 0.08), space.rise, -1.0).any((2, 3))
    backed = behind.any(2).mean(2) >= 0.75
    close = look(np.arange(0.08, 0.24, CELL), (-0.12, -0.04, 0.04, 0.12), space.back, -1.0).any((2, 3))
    # A seat with a back is used facing away from it; one without is used towards any open side, as are beds.
    tall = look(np.arange(0.10, 0.80, CELL), (-0.12, -0.04, 0.04, 0.12), space.back, -1.0).any(2).mean(2)
    # Armrests are backs to nobody where there is something taller.
    sure = look(np.arange(0.10, 0.80, CELL), (-0.12, -0.04, 0.04, 0.12), space.backrest, -1.0).any(2).mean(2)
    sure = np.where(sure.max(1, keepdims=True) >= 0.75, sure, tall)
    away = (tall if space.exact else sure) @ ahead
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    suits = bed | (tall.max(1, keepdims=True) < 0.5) | (away @ ahead.T > np.cos(np.radians(25)))
    # Nobody perches on a sofa's edge with the back it has out of reach.
    has_back = np.isin(space.seat_of[rows, columns], (CHAIR, SOFA))[:, None]
    # Pillows make no backrest for whoever has the feet on the floor beside a bed.
    backed &= ~np.isin(space.seat_of[rows, columns], (BED, OTHER_FURNITURE))[:, None]
    used = backed | ((tall < 0.5) & ~has_back) | bed
    fits = under & nothing_ahead & suits
    at_table = fits & (clear_back | (not space.exact))
    fits &= clear_back
    table = np.isfinite(space.table)
    at_table &= look(np.arange(0.28, 0.48, CELL), (-0.16, 0.0, 0.16), table).mean((2, 3)) > 0.6
    at_table &= look(np.array([0.0]), (-0.08, 0.0, 0.08), table).mean((2, 3)) == 0
    soft = np.isin(space.seat_of[rows, columns], (SOFA, BED))[:, None]
    whole = look(np.arange(-0.06, 0.74, CELL), (-0.12, 0.0, 0.12), is_seat).mean((2, 3)) > 0.95
    propped = look(np.arange(0.12, 0.44, CELL), (-0.10, 0.0, 0.10), space.rise, -1.0).any(2)
    propped = propped.mean(2) == 1.0

    def places(chosen: NDArray, style: str) -> Places:
        cell, direction = np.nonzero(chosen)
        across = np.stack([ahead[direction, 1], -ahead[direction, 0]], -1)
        slides = np.zeros_like(across) if style == "unbacked" else across
        names = np.full(len(cell), style, "<U16")
        return Places(grounds[cell], yaws[direction], space.seat[rows[cell], columns[cell]], names, slides)

    return Places.join([
        places(fits & open_front & used & backed & close, "at-back"),
        places(fits & open_front & used & backed & ~close, "before-back"),
        places(fits & open_front & used & ~backed, "unbacked"),
        places(at_table & open_front & used, "at-table"),
        places(soft & whole & propped, "along"),
    ])  # fmt: skip


def beds(space: Space) -> Places:
    """Where one can lie: along the longer side of beds and sofas, the head at the pillows."""
    parts, number = label(np.isfinite(space.bed))  # pyright: ignore[reportGeneralTypeIssues]
    found = []
    for part in range(1, number + 1):
        rows, columns = np.nonzero(parts == part)
        if len(rows) * CELL**2 < 0.7:
            continue
        grounds = space.centres(rows, columns)
        centre = grounds.mean(0)
        axis, length, width = _longer_side(grounds - centre)
        if length < 1.35 or width < 0.38:
            continue
        pillows = grounds[space.pillow[rows, columns]]
        axes = [axis]
        if len(pillows) > 10 and width > 0.7 * length:
            # A wide bed: the pillows tell which side is its head.
            axes = [axis, np.array([-axis[1], axis[0]])]
            axes = [axes[int(np.argmax([abs((pillows.mean(0) - centre) @ a) for a in axes]))]]
        signs = _feet_directions(space, grounds, axes[0], pillows, width)
        found += [_lying(space, grounds, sign * axes[0]) for sign in signs]
    return Places.join(found) if found else Places.none()


def _feet_directions(
    space: Space, grounds: NDArray, axis: NDArray, pillows: NDArray, width: float
) -> tuple[float, ...]:
    """Which way along the axis feet may point: on a bed away from the headboard, on a sofa both."""
    centre = grounds.mean(0)
    if width < 0.8:
        return 1.0, -1.0
    lean = (pillows.mean(0) - centre) @ axis if len(pillows) > 10 else 0.0
    if abs(lean) > 0.15:
        return (-float(np.sign(lean)),)
    along = (grounds - centre) @ axis
    ends = []
    for sign in (1.0, -1.0):
        far = grounds[sign * along > np.quantile(sign * along, 0.97)]
        beyond = far[:, None] + sign * axis * np.array([0.04, 0.12, 0.20, 0.28])[:, None]
        ends.append(space.back[space.cells(beyond)].any(1).mean())
    if abs(ends[0] - ends[1]) > 0.4:
        return (-1.0,) if ends[0] > ends[1] else (1.0,)
    return 1.0, -1.0


def _lying(space: Space, grounds: NDArray, feet: NDArray) -> Places:
    """Places for a body whose feet point along ``feet``: all of trunk and head is over the bed."""
    across = np.array([-feet[1], feet[0]])
    along = np.arange(-0.78, 0.45, CELL)
    strip = along[:, None, None] * feet + np.array([-0.16, 0.0, 0.16])[:, None] * across
    heights = space.bed[space.cells(grounds[:, None, None] + strip)]
    whole = np.isfinite(heights).mean((1, 2)) > (0.97 if space.exact else 0.9)
    trunk = heights[whole][:, (along > -0.5) & (along < 0.1)].reshape(
        int(whole.sum()), -1 if whole.any() else 1
    )
    if len(trunk) == 0:
        return Places.none()
    low, level, high = np.nanquantile(trunk, [0.1, 0.5, 0.9], axis=1)
    flat = high - low < 0.12
    grounds, level = grounds[whole][flat], level[flat]
    count = len(grounds)
    yaws = np.full(count, np.arctan2(-feet[0], feet[1]))
    return Places.join([
        Places(grounds, yaws, level, np.full(count, style, "<U16"), np.zeros((count, 2)))
        for style in ("face-up", "on-side")
    ])  # fmt: skip


def _longer_side(ground: NDArray) -> tuple[NDArray, float, float]:
    """The longer side of the smallest rectangle about points (N, 2): its direction, length and width."""
    angles = np.radians(np.arange(0, 90, 3))
    directions = np.stack([np.cos(angles), np.sin(angles)], -1)
    along = ground @ directions.T
    across = ground @ np.stack([-directions[:, 1], directions[:, 0]], 0)
    lengths = np.quantile(along, 0.98, axis=0) - np.quantile(along, 0.02, axis=0)
    widths = np.quantile(across, 0.98, axis=0) - np.quantile(across, 0.02, axis=0)
    best = int((lengths * widths).argmin())
    direction = directions[best]
    if widths[best] > lengths[best]:
        return np.array([-direction[1], direction[0]]), float(widths[best]), float(lengths[best])
    return direction, float(lengths[best]), float(widths[best])


def leans(space: Space) -> Places:
    """Where one can lean: against a wall, with back or shoulder, or at the edge of a counter or table."""
    return Places.join([_walls(space), _counters(space)])


def _walls(space: Space) -> Places:
    weight = space.wall.astype(float)

    def smooth(value: NDArray) -> NDArray:
        # So short a reach that the two faces of a wall do not mix.
        near = gaussian_filter(weight, 3.0, truncate=1.4)
        return gaussian_filter(value * weight, 3.0, truncate=1.4) / np.maximum(near, 1e-6)

    x, y = space.wall_middle[..., 0] - space.origin[0], space.wall_middle[..., 1] - space.origin[1]
    mx, my = smooth(x), smooth(y)
    xx, yy, xy = smooth(x * x) - mx * mx, smooth(y * y) - my * my, smooth(x * y) - mx * my
    turn = 0.5 * np.arctan2(2 * xy, xx - yy)  # the direction along the wall
    spread = np.sqrt(((xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)).clip(0))
    length = np.sqrt(((xx + yy) / 2 + np.sqrt(((xx - yy) / 2) ** 2 + xy**2)).clip(0))
    flat = space.wall & (spread < (0.012 if space.exact else 0.025)) & (length > 0.06)
    rows, columns = np.nonzero(flat)
    if len(rows) == 0:
        return Places.none()
    turn = turn[rows, columns]
    along = np.stack([np.cos(turn), np.sin(turn)], -1)
    middle = space.origin + np.stack([mx[rows, columns], my[rows, columns]], -1)
    own = space.wall_middle[rows, columns]
    grounds = own - ((own - middle) * np.stack([-along[:, 1], along[:, 0]], -1)).sum(
        1, keepdims=True
    ) * np.stack([-along[:, 1], along[:, 0]], -1)
    found = []
    for sign in (1.0, -1.0):
        out = sign * np.stack([-along[:, 1], along[:, 0]], -1)
        free = np.ones(len(rows), bool)
        for step in (0.2, 0.35):
            free &= space.floor[space.cells(grounds + step * out)] > 0.25
            before = np.concatenate([grounds + step * out, np.full((len(rows), 1), 1.0)], 1)
            free &= space.solids.distance(before) > 0.12
        yaw = np.arctan2(-out[:, 0], out[:, 1])
        count = int(free.sum())
        found += [
            Places(grounds[free], yaw[free], np.zeros(count), np.full(count, style, "<U16"), along[free])
            for style in ("wall-back", "wall-side")
        ]
    return Places.join(found)


def _counters(space: Space) -> Places:
    there = np.isfinite(space.counter)
    inner = minimum_filter(there.astype(np.uint8), 3) > 0
    edge = there & ~inner & (gaussian_filter(there.astype(float), 3.0) > 0.3)
    wide = maximum_filter(inner.astype(np.uint8), 5) > 0
    rows, columns = np.nonzero(edge & wide)
    if len(rows) == 0:
        return Places.none()
    smooth = gaussian_filter(there.astype(float), 3.0)
    down, right = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    out = -np.stack([right[rows, columns], down[rows, columns]], -1)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    # Edges run straight: snap to the nearest cell border along the normal.
    grounds = space.centres(rows, columns) + out * (CELL / 2)
    free = space.floor[space.cells(grounds + 0.3 * out)] > 0.25
    for height in (0.35, 0.6, 1.0):
        before = np.concatenate([grounds + 0.25 * out, np.full((len(rows), 1), height)], 1)
        free &= space.solids.distance(before) > 0.13
    yaw = np.arctan2(-out[:, 0], out[:, 1])
    along = np.stack([-out[:, 1], out[:, 0]], -1)
    count, level = int(free.sum()), space.counter[rows, columns]
    return Places.join(
        [
            Places(grounds[free], yaw[free], level[free], np.full(count, style, "<U16"), along[free])
            for style in ("counter-back", "counter-front")
        ]
    )
