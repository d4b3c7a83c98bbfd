"""How high the camera is where no floor is seen: from furniture, whose heights are known.

Seats are 0.45 m high, tables 0.74, counters 0.9: every level surface of a labelled piece says how high the
camera is, more or less surely, because some tables are coffee tables and books lie on beds. All of a
picture are weighed together, with how high people hold a camera, and an answer counts only where little doubt
is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, uniform_filter

from scenepose.data.frames import (BED, CABINET, CHAIR, COUNTER, DESK, FLOOR, FLOOR_MAT, SOFA, TABLE)
from scenepose.data.ground import (MAX_TILT_DEGREES, transform_from_up)

DRESSER, NIGHT_STAND, TOILET, SINK = 16, 31, 32, 33
#: What surfaces of a class are high: share, metres, spread. What is lacking to 1 may be anywhere.
HEIGHTS: dict[int, tuple[tuple[float, float, float], ...]] = {
    FLOOR: ((0.85, 0.0, 0.03),),
    FLOOR_MAT: ((0.8, 0.01, 0.03),),
    CHAIR: ((0.5, 0.44, 0.04), (0.1, 0.65, 0.06)),
    SOFA: ((0.65, 0.45, 0.05), (0.15, 0.62, 0.06)),
    BED: ((0.8, 0.56, 0.08),),
    TABLE: ((0.5, 0.73, 0.04), (0.3, 0.47, 0.06)),
    DESK: ((0.8, 0.73, 0.05),),
    COUNTER: ((0.9, 0.90, 0.04),),
    CABINET: ((0.6, 0.82, 0.08),),
    DRESSER: ((0.6, 0.82, 0.08),),
    NIGHT_STAND: ((0.8, 0.62, 0.09),),
    TOILET: ((0.6, 0.42, 0.04),),
    SINK: ((0.75, 0.83, 0.06),),
}
#: The range (metres) in which "anywhere" is.
ANYWHERE = 1.5
#: How high a camera is held: mean and spread, metres. Of photographs with a floor 90 % lie between 1.17 and
#: 1.45.
HELD, HELD_SPREAD = 1.31, 0.11
#: Answers with a larger spread than this, metres, are doubtful.
MAX_SPREAD = 0.07
#: Level: slope and roughness (metres) over a window of so many pixels, every second one.
MAX_SLOPE, MAX_ROUGHNESS, WINDOW = 0.25, 0.03, 11
MIN_PIXELS = 60
#: Beyond this a tilt of 2 degrees is worth 14 cm.
FARTHEST = 4.0
#: All but this share of what is seen lies above the floor, or so little below, metres.
LOWEST_SHARE, LOWEST_SLACK = 0.01, 0.06


def ground_from_furniture(
    depth: NDArray, labels: NDArray, intrinsics: NDArray, up: NDArray
) -> NDArray | None:
    """(4, 4) world-to-camera transform with the floor under the furniture at z = 0; None in doubt.

    Args:
        depth: (H, W) metres, 0 where unknown. labels: (H, W). intrinsics: (3, 3).
        up: unit vector (3,) in the camera's frame.
    """
    answer = camera_height(depth, labels, intrinsics, up)
    tilt = np.degrees(np.arccos(-up[1]))
    return transform_from_up(up, answer[0]) if answer is not None and tilt < MAX_TILT_DEGREES else None


def level_surfaces(
    depth: NDArray, labels: NDArray, intrinsics: NDArray, up: NDArray
) -> list[tuple[int, float, int]]:
    """Level surfaces of furniture: class, height over the camera (metres, mostly negative), pixels.

    Arguments as for `ground_from_furniture`.
    """
    points, labels = _points(depth, intrinsics)[::2, ::2], labels[::2, ::2]
    across = np.linalg.svd(up[None])[2][1:]
    height, ground = points @ up, points @ across.T
    known = (points[..., 2] > 0) & (points[..., 2] < FARTHEST)
    found = []
    for number in HEIGHTS:
        there = known & (labels == number)
        if there.sum() < MIN_PIXELS:
            continue
        level = there & _is_level(there, ground, height)
        parts, count = label(there)  # pyright: ignore[reportGeneralTypeIssues]
        for part in range(1, count + 1):
            heights = height[level & (parts == part)]
            if len(heights) >= MIN_PIXELS:
                middle, pixels = _fullest(heights)
                if pixels >= MIN_PIXELS:
                    found.append((number, middle, pixels))
    return found


def camera_height(
    depth: NDArray, labels: NDArray, intrinsics: NDArray, up: NDArray
) -> tuple[float, float] | None:
    """The camera's height over the floor and its spread, metres; None without furniture, or in doubt.

    Arguments as for `ground_from_furniture`.
    """
    surfaces = level_surfaces(depth, labels, intrinsics, up)
    if not surfaces:
        return None
    tries = np.arange(0.7, 2.0, 0.01)
    chances = -0.5 * ((tries - HELD) / HELD_SPREAD) ** 2
    for number, height, _ in surfaces:
        chances = chances + np.log(_chance(number, tries + height))
    points = _points(depth, intrinsics)[::4, ::4].reshape(-1, 3)
    points = points[(points[:, 2] > 0) & (points[:, 2] < FARTHEST)]
    lowest = -float(np.quantile(points @ up, LOWEST_SHARE))
    chances = np.where(tries < lowest - LOWEST_SLACK, -np.inf, chances)
    if not np.isfinite(chances).any():
        return None
    weights = np.exp(chances - chances.max())
    weights /= weights.sum()
    mean = float(weights @ tries)
    spread = float(np.sqrt(weights @ (tries - mean) ** 2))
    return (mean, spread) if spread < MAX_SPREAD else None


def _points(depth: NDArray, intrinsics: NDArray) -> NDArray:
    """(H, W, 3) points in the camera's frame."""
    height, width = depth.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(intrinsics).T * depth[..., None]


def _is_level(there: NDArray, ground: NDArray, height: NDArray) -> NDArray:
    """(H, W) whether the points around, of the same class, lie on a level plane: fitted in windows."""
    share = uniform_filter(there.astype(float), WINDOW)

    def mean(value: NDArray) -> NDArray:
        return uniform_filter(np.where(there, value, 0.0), WINDOW) / np.maximum(share, 1e-6)

    a, b = ground[..., 0], ground[..., 1]
    ma, mb, mh = mean(a), mean(b), mean(height)
    # A grain of 3 mm keeps windows on a line of points from having any slope.
    aa, bb, ab = mean(a * a) - ma**2 + 1e-5, mean(b * b) - mb**2 + 1e-5, mean(a * b) - ma * mb
    ah, bh, hh = mean(a * height) - ma * mh, mean(b * height) - mb * mh, mean(height**2) - mh**2
    area = aa * bb - ab**2
    slope_a, slope_b = (bb * ah - ab * bh) / area, (aa * bh - ab * ah) / area
    rough = hh - slope_a * ah - slope_b * bh
    return (np.hypot(slope_a, slope_b) < MAX_SLOPE) & (rough < MAX_ROUGHNESS**2) & (share > 0.3)


def _fullest(heights: NDArray) -> tuple[float, int]:
    """The 8 cm that hold most of the heights: their mean, and how many there are."""
    heights = np.sort(heights)
    last = np.searchsorted(heights, heights + 0.08)
    first = int((last - np.arange(len(heights))).argmax())
    return float(heights[first : last[first]].mean()), int(last[first] - first)


def _chance(number: int, heights: NDArray) -> NDArray:
    """Density of heights (N,) of level surfaces of a class."""
    known = HEIGHTS[number]
    density = np.full(heights.shape, (1 - sum(share for share, _, _ in known)) / ANYWHERE)
    for share, mean, spread in known:
        density += share / (spread * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((heights - mean) / spread) ** 2)
    return density
