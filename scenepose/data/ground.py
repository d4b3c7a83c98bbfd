"""Where the ground is: the plane of the floor in the camera's frame, and the world that stands on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import (FLOOR, FLOOR_MAT)

#: Fewer floor pixels than this do not tell which way is up ...
MIN_FLOOR_PIXELS = 1500
#: ... but if that is known they tell how high the camera is.
FEW_FLOOR_PIXELS = 500
MAX_TILT_DEGREES = 50
CAMERA_HEIGHTS = (0.4, 3.0)
#: A floor's plane and a known up differ by no more than this.
NEAR_DEGREES = 12
#: How a floor's plane is weighed against a known up that is off by 1.7 degrees in the median: as if it were
#: so much wider, metres. With 500 to 15,000 pixels of a floor left, this comes nearest to the whole floor.
UP_WEIGHT = 0.1
_TOLERANCE = 0.03


def lift(chosen: NDArray, depth: NDArray, intrinsics: NDArray) -> NDArray:
    """(N, 3) points in the camera's frame of the ``chosen`` (H, W) pixels."""
    y, x = np.nonzero(chosen)
    pixels = np.stack([x + 0.5, y + 0.5, np.ones(len(x))], 1)
    return pixels @ np.linalg.inv(intrinsics).T * depth[y, x, None]


def floor_points(depth: NDArray, labels: NDArray, intrinsics: NDArray) -> NDArray:
    """(N, 3) points in the camera's frame that are labelled as floor."""
    return lift(np.isin(labels, (FLOOR, FLOOR_MAT)) & (depth > 0), depth, intrinsics)


def transform_from_up(up: NDArray, camera_height: float) -> NDArray:
    """World-to-camera (4, 4) for an up vector in the camera frame.

    The origin is on the floor below the camera; y is the horizontal part of the viewing direction.
    """
    forward = np.array([0.0, 0.0, 1.0]) - up[2] * up
    forward /= np.linalg.norm(forward)
    rotation = np.stack([np.cross(forward, up), forward, up], 1)
    transform = np.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = -rotation @ np.array([0.0, 0.0, camera_height])
    return transform


def fit_plane(
    points: NDArray, generator: np.random.Generator, tolerance: float = _TOLERANCE
) -> tuple[NDArray, float, int]:
    """The plane n . x + d = 0 that most points (N, 3) lie on: RANSAC, then least squares on its inliers.

    Returns the unit normal (3,), d, and the number of inliers.
    """
    normals, through = _planes(points, generator)
    normal, offset = _best(normals, -(normals * through).sum(1), points, generator, tolerance)
    for _ in range(3):
        inliers = points[np.abs(points @ normal + offset) < tolerance]
        centre = inliers.mean(0)
        normal = np.linalg.svd((inliers - centre)[:: max(1, len(inliers) // 4000)], full_matrices=False)[2][2]
        offset = -float(normal @ centre)
    return normal, offset, int((np.abs(points @ normal + offset) < tolerance).sum())


def fit_level_plane(
    points: NDArray, up: NDArray, generator: np.random.Generator, tolerance: float = _TOLERANCE
) -> tuple[NDArray, float, int]:
    """`fit_plane` among planes whose normal is near a known ``up`` (3,), a unit vector. Points spread widely
    correct it, and those of a small patch leave it as it is."""
    normals, through = _planes(points, generator)
    normals = np.where((normals @ up < 0)[:, None], -normals, normals)
    near = normals @ up > np.cos(np.radians(NEAR_DEGREES))
    # Planes that are exactly level compete, too.
    normals = np.concatenate([normals[near], np.broadcast_to(up, through.shape)])
    offsets = -(normals * np.concatenate([through[near], through])).sum(1)
    normal, offset = _best(normals, offsets, points, generator, tolerance)
    across = np.linalg.svd(up[None])[2][1:]  # two directions across up
    for _ in range(4):
        inliers = points[np.abs(points @ normal + offset) < tolerance]
        # n = up + a, with a across it: least squares in a and d, and a is small.
        known = np.concatenate([inliers @ across.T, np.ones((len(inliers), 1))], 1)
        moments = known.T @ known / len(inliers) + np.diag([UP_WEIGHT**2, UP_WEIGHT**2, 0.0])
        solved = np.linalg.solve(moments, -known.T @ (inliers @ up) / len(inliers))
        normal = up + solved[:2] @ across
        length = float(np.linalg.norm(normal))
        normal, offset = normal / length, float(solved[2]) / length
    return normal, offset, int((np.abs(points @ normal + offset) < tolerance).sum())


def _planes(points: NDArray, generator: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Unit normals (M, 3) of planes through random triples of points, and a point (M, 3) of each."""
    triples = points[generator.integers(0, len(points), (200, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    return normals[lengths > 1e-6] / lengths[lengths > 1e-6, None], triples[lengths > 1e-6, 0]


def _best(
    normals: NDArray, offsets: NDArray, points: NDArray, generator: np.random.Generator, tolerance: float
) -> tuple[NDArray, float]:
    """The plane near which most of the points lie."""
    sample = points[generator.integers(0, len(points), min(len(points), 2000))]
    counts = (np.abs(sample @ normals.T + offsets) < tolerance).sum(0)
    return normals[counts.argmax()], float(offsets[counts.argmax()])


def ground_from_floor(
    depth: NDArray, labels: NDArray, intrinsics: NDArray, up: NDArray | None = None
) -> NDArray | None:
    """(4, 4) world-to-camera transform with the seen floor at z = 0; None where too little of it is seen.

    Args:
        depth: (H, W) metres, 0 where unknown. labels: (H, W). intrinsics: (3, 3).
        up: unit vector (3,) in the camera's frame, where it is known: less of the floor suffices then, and
            the floor's plane is looked for near it.
    """
    points = floor_points(depth, labels, intrinsics)
    if len(points) < (MIN_FLOOR_PIXELS if up is None else FEW_FLOOR_PIXELS):
        return None
    generator = np.random.default_rng(0)
    normal, offset, inliers = (
        fit_plane(points, generator) if up is None else fit_level_plane(points, up, generator)
    )
    if normal[1] > 0:
        normal, offset = -normal, -offset
    tilt = np.degrees(np.arccos(-normal[1]))
    low, high = CAMERA_HEIGHTS
    if inliers < 0.5 * len(points) or tilt > MAX_TILT_DEGREES or not low < offset < high:
        return None
    return transform_from_up(normal, offset)
