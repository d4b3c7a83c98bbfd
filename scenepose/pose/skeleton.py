"""The MPII skeleton: 16 joints, the limbs that join them, and their mirror image.

A pose is an array (16, 2) of keypoints; wherever visibility matters it is carried beside it as (16,)
integers: 0 unknown (coordinates NaN), 1 known but hidden or outside the picture, 2 seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

JOINTS = (
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "pelvis", "thorax",
    "upper_neck", "head_top", "r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist",
)  # fmt: skip

(
    R_ANKLE, R_KNEE, R_HIP, L_HIP, L_KNEE, L_ANKLE, PELVIS, THORAX,
    UPPER_NECK, HEAD_TOP, R_WRIST, R_ELBOW, R_SHOULDER, L_SHOULDER, L_ELBOW, L_WRIST,
) = range(16)  # fmt: skip

NUM_JOINTS = 16

#: Pairs (parent, child): a tree rooted at the pelvis that reaches every joint once.
LIMBS = (
    (PELVIS, THORAX), (THORAX, UPPER_NECK), (UPPER_NECK, HEAD_TOP),
    (PELVIS, R_HIP), (R_HIP, R_KNEE), (R_KNEE, R_ANKLE),
    (PELVIS, L_HIP), (L_HIP, L_KNEE), (L_KNEE, L_ANKLE),
    (THORAX, R_SHOULDER), (R_SHOULDER, R_ELBOW), (R_ELBOW, R_WRIST),
    (THORAX, L_SHOULDER), (L_SHOULDER, L_ELBOW), (L_ELBOW, L_WRIST),
)  # fmt: skip

#: ``keypoints[MIRROR]`` renames left and right; a mirrored picture needs it besides x -> width - x.
MIRROR = (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10)

UNKNOWN, HIDDEN, SEEN = 0, 1, 2


def mirror(keypoints: NDArray, width: float = 0.0) -> NDArray:
    """Mirror poses left to right, joint names included.

    ``keypoints`` is (..., 16, 2) with x in the last axis' first place; x becomes ``width - x``. With the
    default width of 0 a pose given relative to its own centre stays centred. Twice is the identity.
    """
    mirrored = np.array(keypoints, copy=True)[..., list(MIRROR), :]
    mirrored[..., 0] = width - mirrored[..., 0]
    return mirrored


def torso_diameter(keypoints: NDArray) -> NDArray:
    """Distance from the left hip to the right shoulder, the unit of PCK (paper, section 4).

    ``keypoints`` is (..., 16, 2); the answer (...) has the same unit and is NaN where either is unknown.
    """
    return np.linalg.norm(keypoints[..., L_HIP, :] - keypoints[..., R_SHOULDER, :], axis=-1)


def torso_length(keypoints: NDArray) -> NDArray:
    """Distance between the middles of shoulders and hips: the torso that MCMA's PCK is measured by."""
    shoulders = (keypoints[..., L_SHOULDER, :] + keypoints[..., R_SHOULDER, :]) / 2
    hips = (keypoints[..., L_HIP, :] + keypoints[..., R_HIP, :]) / 2
    return np.linalg.norm(shoulders - hips, axis=-1)
