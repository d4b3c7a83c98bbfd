"""Seats in a depth image: level surfaces of what people sit on, their gaps closed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_closing,
    binary_erosion,
    binary_opening,
    distance_transform_edt,
    gaussian_filter,
    label,
    maximum_filter,
    minimum_filter,
)
from scipy.spatial import Delaunay

from scenepose.data.frames import BED, CHAIR, SOFA

OTHER_FURNITURE = 38
#: Beds are one thing. Labels of what lies on them: clothes and what has no class.
BED_THING, COVERS = 0, (20, 39)
#: Heights of the seats of each class, metres. Beds may be high; chairs may be bar stools.
HEIGHTS = {
    CHAIR: (0.35, 0.85),
    SOFA: (0.33, 0.60),
    BED: (0.33, 0.80),
    OTHER_FURNITURE: (0.36, 0.54),
}
#: A surface that faces up this much is one to sit on.
LEVEL = 0.78
#: Whoever sits beside a lower seat sits on its armrest: this far, so much higher.
BESIDE, HIGHER = 0.34, 0.09
#: A seat of more than this height is broad, or it is the top of a back or an armrest.
NARROW = 0.52
#: Square metres: smaller other furniture is a toy, larger is a table; a stool has a broad top.
SMALLEST, LARGEST, STOOL_TOP = {OTHER_FURNITURE: 0.09}, {OTHER_FURNITURE: 0.45}, 0.06
#: A sofa's seat is at least so many cells broad both ways: what is narrower is an armrest or a blurred edge.
SOFA_BREADTH = 5
#: No chair's seat is larger, and none with its arms and back.
LARGEST_CHAIR, LARGEST_BODY = 0.30, 0.40
LARGEST_CHAIR_AND_ARMS = 0.60
#: Less than this share of what is seen of a stool is well above its seat.
STOOL = 0.06
#: So many points at the picture's border, so far above a chair's seat, say that its back goes on outside.
CUT, RISING = 5, 0.10
#: What of a chair tells where its seat is: legs, seat and back; the foot of an office chair is wider.
CHAIR_BODY = (0.22, 1.0)
#: No further from the middle of what is seen of a chair's seat than this is its back.
CHAIR_REACH = 0.40
#: A chair's seat is completed to at most so many times what is seen of it.
MOST_FILLED = 1.8


def seat_heights(
    flat: NDArray,
    shape: NDArray,
    height: NDArray,
    labels: NDArray,
    up: NDArray,
    things: NDArray,
    edge: NDArray,
    over: Callable[[NDArray], NDArray],
    cell: float,
) -> tuple[NDArray, NDArray, NDArray]:
    """Heights of seats on a ground grid, what they belong to, and where its middle is.

    Args:
        flat: (N,) cell of each point. shape: rows and columns. height, labels, up: (N,) of each point:
            metres, NYUv2's class, how far up the surface faces there. things: (N,) which thing each point
            belongs to, as `single_things` tells them apart. edge: (N,) which are at the picture's border.
        over: tells of a grid of heights (R, C), NaN where there is none, which cells have something standing
            on them.
        cell: a cell's side, metres.

    Returns:
        (R, C) metres, NaN where there is no seat; (R, C) uint8 NYUv2's class of the thing, 255 where none is;
        (R, C, 2) cells (x, y) of the middle of a single chair, its back and arms included, NaN elsewhere.
    """
    size = int(np.prod(shape))
    seat, seat_of = np.full(tuple(shape), np.nan), np.full(tuple(shape), 255, np.uint8)
    middle = np.full((*shape, 2), np.nan)
    lows = np.full(256, np.inf)
    highs = np.full(256, -np.inf)
    for name, (low, high) in HEIGHTS.items():
        lows[name], highs[name] = low, high
    if (things == BED_THING).any():
        # Covers and clothes on a bed have labels of their own.
        cover = np.isin(labels, COVERS) & (up > LEVEL)
        near = maximum_filter(np.bincount(flat[things == BED_THING], minlength=size).reshape(shape), 9) > 0
        cover &= near.ravel()[flat] & (height > HEIGHTS[BED][0]) & (height < HEIGHTS[BED][1])
        things, labels = np.where(cover, BED_THING, things), np.where(cover, BED, labels)
    good = (things >= 0) & (up > LEVEL) & (height > lows[labels]) & (height < highs[labels])
    for thing in np.unique(things[good]):
        some = good & (things == thing)
        name = int(labels[some][0])
        number = np.bincount(flat[some], minlength=size)
        mean = np.bincount(flat[some], height[some], size) / np.maximum(number, 1)
        # A cell with two levels, a seat and something lower behind it, has the higher one.
        upper = some & (height > mean[flat] - 0.03)
        number = np.bincount(flat[upper], minlength=size).reshape(shape)
        mean = np.bincount(flat[upper], height[upper], size).reshape(shape) / np.maximum(number, 1)
        own = (things == thing) & (height > CHAIR_BODY[0]) & (height < CHAIR_BODY[1])
        body = np.bincount(flat[own], minlength=size).reshape(shape) >= 3
        piece = _pieces(np.where(number > 0, mean, np.nan), over, cell, name, body)
        new = np.isfinite(piece) & np.isnan(seat)
        seat[new] = piece[new]
        # A stool is furniture without a back; what the picture's border cuts above a seat may be one.
        high = height[things == thing] > np.median(height[upper]) + 0.25
        cut = edge & (things == thing) & (height > np.median(height[upper]) + RISING)
        stool = name == CHAIR and high.mean() < STOOL and cut.sum() < CUT
        seat_of[new] = OTHER_FURNITURE if stool else name
        if name == CHAIR and (outline := _hull(body | new, np.inf)).sum() * cell**2 < LARGEST_CHAIR_AND_ARMS:
            middle[new] = np.argwhere(outline).mean(0)[::-1] + 0.5
    return seat, seat_of, middle


def at_border(shape: tuple[int, ...]) -> NDArray:
    """(H, W) which pixels lie at the border of a picture of that shape."""
    inner = np.zeros(shape, bool)
    inner[3:-3, 3:-3] = True
    return ~inner


def single_things(labels: NDArray) -> NDArray:
    """(H, W) int32: which thing to sit on each pixel belongs to, -1 none.

    Beds are one thing and sofas another, and so is each chair and each piece of other furniture that the
    picture's border does not cut: who knows whether the rest makes it a table.
    """
    things = np.where(labels == BED, BED_THING, np.where(labels == SOFA, 1, -1)).astype(np.int32)
    last = 1
    for name in (CHAIR, OTHER_FURNITURE):
        parts, count = label(labels == name)  # pyright: ignore[reportGeneralTypeIssues]
        if name == OTHER_FURNITURE:
            cut = np.concatenate(
                [parts[:3].ravel(), parts[-3:].ravel(), parts[:, :3].ravel(), parts[:, -3:].ravel()]
            )
            parts[np.isin(parts, cut)] = 0
        things = np.where(parts > 0, parts + last, things)
        last += count
    return things


def _pieces(
    height: NDArray,
    over: Callable[[NDArray], NDArray],
    cell: float,
    name: int,
    body: NDArray,
) -> NDArray:
    """Smooth heights without armrests, gaps closed; a chair's seat completed to its ``body`` (R, C)."""
    there = np.isfinite(height)
    value = np.nan_to_num(height)
    weight = gaussian_filter(there.astype(float), 1.5)
    smooth = gaussian_filter(value * there, 1.5) / np.maximum(weight, 1e-6)
    there &= (np.abs(value - smooth) < 0.05) & (weight > 0.15)
    if name != BED:
        firm = binary_opening(there & (weight > 0.4), np.ones((3, 3)))
        lowest = minimum_filter(np.where(firm, smooth, np.inf), 2 * int(BESIDE / cell) + 1)
        there &= smooth < lowest + HIGHER
        # Tops of backs and armrests without a lower seat in sight are narrow.
        broad = np.asarray(binary_opening(there & (smooth > NARROW), np.ones((5, 5))), bool)
        there &= (smooth <= NARROW) | broad
    if not there.any():
        return np.full(height.shape, np.nan)
    near = distance_transform_edt(~there, return_distances=False, return_indices=True)
    filled = smooth[tuple(near)]  # pyright: ignore[reportArgumentType]
    closed = binary_closing(np.pad(there, 4), np.ones((3, 3)), iterations=1 if name == CHAIR else 2)
    there = np.asarray(closed, bool)[4:-4, 4:-4]
    taken = over(filled)
    there = np.asarray(binary_opening(there & ~taken, np.ones((2, 2))), bool)
    parts, count = label(there, np.ones((3, 3)))  # pyright: ignore[reportGeneralTypeIssues]
    for part in range(1, count + 1):
        mine = parts == part
        area = mine.sum() * cell**2
        high = name == CHAIR and np.median(smooth[mine]) > NARROW
        narrow = name == SOFA and not binary_opening(mine, np.ones((SOFA_BREADTH, SOFA_BREADTH))).any()
        size = SMALLEST.get(name, 0.012) < area < LARGEST.get(name, np.inf)
        if narrow or not size or (high and area < STOOL_TOP):
            there &= ~mine
        elif name == CHAIR and area < LARGEST_CHAIR:
            there |= _within_arms(mine, _whole(mine, body, cell) & ~taken)
    return np.where(there, filled, np.nan)


def _within_arms(seen: NDArray, whole: NDArray) -> NDArray:
    """What of a completed seat (R, C) hangs together with what is seen of it; the rest is beyond an arm."""
    firm = np.asarray(binary_opening(whole | seen, np.ones((3, 3))), bool) | seen
    parts = np.asarray(label(firm)[0])  # pyright: ignore[reportIndexIssue]
    return np.isin(parts, np.unique(parts[seen]))


def _whole(seen: NDArray, body: NDArray, cell: float) -> NDArray:
    """A chair's seat from a part: the outline of what is near of the chair's body (R, C), or, where
    that is too large for one chair, of what is seen."""
    cells = np.argwhere(seen | body)
    near = np.linalg.norm(cells - np.argwhere(seen).mean(0), axis=1) < CHAIR_REACH / cell
    whole = np.zeros_like(seen)
    whole[tuple(cells[near].T)] = True
    hull = binary_erosion(_hull(whole, np.inf)) | seen
    return hull if hull.sum() * cell**2 < LARGEST_BODY else _hull(seen)


def _hull(mine: NDArray, most: float = MOST_FILLED) -> NDArray:
    """The cells inside of the convex hull of some cells, if they are at most so many times as many."""
    cells = np.argwhere(mine)
    if len(cells) < 4 or (np.ptp(cells, axis=0) < 2).any():
        return mine
    low, high = cells.min(0), cells.max(0) + 1
    grid = np.stack(
        np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1
    )
    filled = mine.copy()
    filled[low[0] : high[0], low[1] : high[1]] |= Delaunay(cells).find_simplex(grid) >= 0
    # Two chairs seen as one are not filled in between.
    return filled if filled.sum() < most * mine.sum() else mine
