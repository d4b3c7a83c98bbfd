"""What physics and the photograph rule out: bodies in furniture, on nothing, behind things or cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import Frame
from scenepose.placer.bodies import People
from scenepose.placer.space import Space
from scenepose.poses import (
    ARM_SPHERES,
    HEAD_SPHERES,
    SHANK_SPHERES,
    THIGH_SPHERES,
    TORSO_SPHERES,
    spheres,
)  # fmt: skip
from scenepose.skeleton import HEAD_TOP, HIDDEN, L_ANKLE, R_ANKLE, SEEN

#: A limb may sink this far into what is seen: cushions give, depth is rounded to 4 cm.
GIVE = 0.02
MAX_HIDDEN = 1 / 3
MAX_OUTSIDE = 0.2
#: A joint counts as hidden when something is seen this far in front of it, beyond the limb's own thickness.
_HIDDEN_MARGIN = 0.12


def collides(people: People, space: Space, sitting: bool) -> NDArray:
    """(N,) whether any limb is inside something visible. A sitter's thighs and seat touch by design."""
    parts = (
        TORSO_SPHERES[sitting:]
        + HEAD_SPHERES
        + ARM_SPHERES
        + SHANK_SPHERES
        + ([] if sitting else THIGH_SPHERES)
    )
    centres, radii = spheres(people.keypoints, parts, people.heights)
    distances, _ = space.obstacles.query(centres, distance_upper_bound=0.2)
    inside = distances < radii - GIVE
    if sitting:
        # The seat itself is no obstacle to what rests just above it: hands on it, calves against its front.
        inside &= centres[..., 2] > (people.supports + 0.06)[:, None]
        low, low_radii = spheres(people.keypoints, SHANK_SPHERES, people.heights)
        near, _ = space.obstacles.query(low, distance_upper_bound=0.2)
        return inside.any(1) | (near < low_radii - 0.03).any(1)
    return inside.any(1)


def on_floor(people: People, space: Space) -> NDArray:
    """(N,) whether both feet stand on floor that is seen, and the ground between them too."""
    feet = people.keypoints[:, [R_ANKLE, L_ANKLE], :2]
    places = np.concatenate([feet, feet.mean(1, keepdims=True), people.grounds[:, None]], 1)
    return np.all(space.floor[space.cells(places)] > 0.25, axis=1)


def feet_down(people: People, space: Space) -> NDArray:
    """(N,) for sitters: no foot inside a seat, and feet that hang do so by less than 12 cm."""
    feet = people.keypoints[:, [R_ANKLE, L_ANKLE]]
    on_seat = np.isfinite(space.seat[space.cells(feet[..., :2])])
    return np.all(~on_seat, axis=1) & np.all(feet[..., 2] < 0.20, axis=1)


def on_seat(people: People, space: Space) -> NDArray:
    """(N,) whether a seat of the assumed height is under the pelvis."""
    found = space.seat[space.cells(people.grounds)]
    return np.abs(found - people.supports) < 0.05


def visibility(keypoints: NDArray, frame: Frame) -> tuple[NDArray, NDArray, NDArray]:
    """Pixels (N, 16, 2), visibility (N, 16), and whether each joint is less than 0.45 m behind something."""
    pixels, depth = frame.project(keypoints)
    width, height = frame.size
    inside = (pixels >= 0).all(-1) & (pixels[..., 0] <= width) & (pixels[..., 1] <= height)
    surface = frame.depth_at(pixels)
    behind = depth - surface
    hidden = np.nan_to_num(behind, nan=-1.0) > _HIDDEN_MARGIN
    shallow = hidden & (behind < 0.45)
    return pixels, np.where(inside & ~hidden, SEEN, HIDDEN).astype(np.uint8), shallow


def in_picture(pixels: NDArray, seen: NDArray, shallow: NDArray, frame: Frame) -> NDArray:
    """(N,) whether enough of each person shows: few joints hidden, the box mostly inside, the head too."""
    width, height = frame.size
    low, high = pixels.min(1), pixels.max(1)
    inside = np.minimum(high, [width, height]).clip(0) - low.clip(0)
    share = inside.clip(0) / np.maximum(high - low, 1e-6)
    within = np.isfinite(pixels).all((1, 2)) & (share >= 1 - MAX_OUTSIDE).all(1)
    centre = (low + high) / 2
    within &= (centre > 0).all(1) & (centre < [width, height]).all(1)
    # Nobody frames a photograph so that it cuts heads off.
    within &= (pixels[:, HEAD_TOP] > 0).all(1) & (pixels[:, HEAD_TOP, 0] < width)
    covered = (seen < SEEN) & (pixels >= 0).all(-1) & (pixels[..., 0] <= width) & (pixels[..., 1] <= height)
    return within & (covered.mean(1) <= MAX_HIDDEN) & (shallow.mean(1) <= 0.2)


def room_ahead(people: People, space: Space, distance: float) -> NDArray:
    """(N,) whether nothing is within ``distance`` metres before the chest: nobody eyes a wall."""
    ahead = np.stack([-np.sin(people.yaws), np.cos(people.yaws)], -1)
    steps = np.arange(0.3, distance + 1e-6, 0.15)
    chest = people.grounds[:, None] + ahead[:, None] * steps[:, None]
    level = np.broadcast_to((people.supports + 1.15)[:, None, None], (*chest.shape[:2], 1))
    near, _ = space.obstacles.query(np.concatenate([chest, level], -1), distance_upper_bound=0.2)
    return (near > 0.12).all(1)
