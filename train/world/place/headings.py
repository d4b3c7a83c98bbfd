"""Which way people face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.data.prior import HEADING_SHARES


def heading_to_yaw(heading: NDArray, ground: NDArray, camera: NDArray) -> NDArray:
    """World yaw of people at ground (N, 2) from headings: 0 faces the camera, +pi/2 picture right."""
    to_camera = camera[:2] - ground
    towards = np.arctan2(-to_camera[:, 0], to_camera[:, 1])
    # Seen from the camera, its right is the person's left turn: counter-clockwise from above.
    return towards + heading


def yaw_to_heading(yaw: NDArray, ground: NDArray, camera: NDArray) -> NDArray:
    """The inverse of `heading_to_yaw`, in [-pi, pi)."""
    heading = yaw - heading_to_yaw(np.zeros(len(yaw)), ground, camera)
    return (heading + np.pi) % (2 * np.pi) - np.pi


def draw_headings(count: int, generator: np.random.Generator) -> NDArray:
    """Headings (N,) of upright people as photographs show them."""
    side = generator.choice(3, count, p=HEADING_SHARES)
    sign = generator.choice([-1.0, 1.0], count)
    front = generator.normal(0, 0.45, count).clip(-1.1, 1.1)
    sideways = sign * (np.pi / 2 + generator.normal(0, 0.25, count))
    away = np.pi + generator.normal(0, 0.5, count).clip(-1.1, 1.1)
    return np.choose(side, [front, sideways, away])


def towards(ground: NDArray, targets: NDArray, generator: np.random.Generator, reach: float = 2.0) -> NDArray:
    """Yaws (N,) from ground (N, 2) towards one of targets (T, 2) within reach, NaN where none is near."""
    yaws = np.full(len(ground), np.nan)
    if len(targets) == 0:
        return yaws
    chosen = targets[generator.integers(0, len(targets), (len(ground), 6))]
    offset = chosen - ground[:, None]
    far = np.linalg.norm(offset, axis=-1)
    suits = (far > 0.5) & (far < reach)
    pick = suits.argmax(1)
    line = offset[np.arange(len(ground)), pick]
    return np.where(suits.any(1), np.arctan2(-line[:, 0], line[:, 1]), np.nan)
