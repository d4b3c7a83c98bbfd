"""The body's thickness: every limb as a row of spheres, so close that no edge slips between two of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.skeleton import (
    HEAD_TOP,
    L_ANKLE,
    L_ELBOW,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    PELVIS,
    R_ANKLE,
    R_ELBOW,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
    THORAX,
    UPPER_NECK,
)
from train.world.place.sampler import REFERENCE_HEIGHT

#: joint, joint, share of the way from one to the other, radius for the 1.70 m body, metres up from there.
Sphere = tuple[int, int, float, float, float]


def _along(
    start: int, end: int, first: float, last: float, count: int, radius: float, up: float = 0.0
) -> list:
    return [(start, end, float(share), radius, up) for share in np.linspace(first, last, count)]


_LEGS = ((R_HIP, R_KNEE, R_ANKLE), (L_HIP, L_KNEE, L_ANKLE))
_ARMS = ((R_SHOULDER, R_ELBOW, R_WRIST), (L_SHOULDER, L_ELBOW, L_WRIST))
TORSO: list[Sphere] = _along(PELVIS, THORAX, 0.05, 0.95, 6, 0.12)
HEAD: list[Sphere] = [
    *_along(UPPER_NECK, HEAD_TOP, 0.40, 0.62, 2, 0.10),
    (UPPER_NECK, HEAD_TOP, 0.80, 0.08, 0.0),
]
UPPER_ARMS: list[Sphere] = [s for a, b, _ in _ARMS for s in _along(a, b, 0.0, 1.0, 6, 0.05)]
#: The hand reaches 8 cm beyond the wrist.
FOREARMS: list[Sphere] = [s for _, b, c in _ARMS for s in _along(b, c, 0.15, 1.3, 7, 0.04)]
ARMS = UPPER_ARMS + FOREARMS
THIGHS: list[Sphere] = [s for a, b, _ in _LEGS for s in _along(a, b, 0.0, 1.0, 8, 0.075)]
#: Upper sides of a sitter's thighs, which must clear table tops while the lower sides rest on the seat.
THIGH_TOPS: list[Sphere] = [s for a, b, _ in _LEGS for s in _along(a, b, 0.15, 1.0, 8, 0.055, 0.03)]
SHANKS: list[Sphere] = [s for _, b, c in _LEGS for s in _along(b, c, 0.1, 1.0, 9, 0.055)]


def spheres(keypoints: NDArray, parts: list[Sphere], heights: NDArray) -> tuple[NDArray, NDArray]:
    """Centres (N, S, 3) and radii (N, S), metres, of body parts of people (N, 16, 3) of heights (N,)."""
    start, end = [part[0] for part in parts], [part[1] for part in parts]
    share = np.array([part[2] for part in parts])[:, None]
    centres = keypoints[:, start] * (1 - share) + keypoints[:, end] * share
    scale = (heights / REFERENCE_HEIGHT)[:, None]
    centres[..., 2] += np.array([part[4] for part in parts]) * scale
    return centres, np.array([part[3] for part in parts]) * scale
