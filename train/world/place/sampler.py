"""A sampler of 3-D poses: per activity a Gaussian over bone directions, on a body of any height.

Body frame: metres, z up, the person faces +y with the left hand at -x, pelvis at x = y = 0. Fitted from
real recorded poses by `python -m train poses`; only the means and principal components are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    LIMBS,
    MIRROR,
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

#: Bone lengths of a 1.70 m body, metres.
BONE_LENGTHS = {
    (PELVIS, THORAX): 0.50, (THORAX, UPPER_NECK): 0.08, (UPPER_NECK, HEAD_TOP): 0.26,
    (PELVIS, R_HIP): 0.12, (R_HIP, R_KNEE): 0.42, (R_KNEE, R_ANKLE): 0.40,
    (PELVIS, L_HIP): 0.12, (L_HIP, L_KNEE): 0.42, (L_KNEE, L_ANKLE): 0.40,
    (THORAX, R_SHOULDER): 0.18, (R_SHOULDER, R_ELBOW): 0.29, (R_ELBOW, R_WRIST): 0.25,
    (THORAX, L_SHOULDER): 0.18, (L_SHOULDER, L_ELBOW): 0.29, (L_ELBOW, L_WRIST): 0.25,
}  # fmt: skip
REFERENCE_HEIGHT = 1.70
#: An ankle joint is this far above the floor, for the reference body.
ANKLE_HEIGHT = 0.08

_LENGTHS = np.array([BONE_LENGTHS[limb] for limb in LIMBS])


def bone_directions(keypoints: NDArray) -> NDArray:
    """Unit vectors (..., 15, 3) along the limbs of poses (..., 16, 3)."""
    parents, children = np.array(LIMBS).T
    bones = keypoints[..., children, :] - keypoints[..., parents, :]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def from_directions(directions: NDArray, body_height: NDArray) -> NDArray:
    """Poses (N, 16, 3), pelvis at the origin, from directions (N, 15, 3) of any length and heights (N,)."""
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    keypoints = np.zeros((len(unit), 16, 3))
    for number, (parent, child) in enumerate(LIMBS):
        length = _LENGTHS[number] * body_height / REFERENCE_HEIGHT
        keypoints[:, child] = keypoints[:, parent] + unit[:, number] * length[:, None]
    return keypoints


def mirror_body(keypoints: NDArray) -> NDArray:
    """The mirror image (..., 16, 3) of poses in the body frame, joint names included."""
    mirrored = keypoints[..., list(MIRROR), :].copy()
    mirrored[..., 0] *= -1
    return mirrored


@dataclass(frozen=True)
class PoseSampler:
    """Per activity: mean (45,), components (C, 45) already scaled to one standard deviation."""

    means: dict[str, NDArray]
    components: dict[str, NDArray]

    @classmethod
    def fit(cls, keypoints: NDArray, activities: NDArray, variance: float = 0.97) -> PoseSampler:
        """Fit from poses (N, 16, 3) and their activities (N,); every pose counts with its mirror image."""
        means, components = {}, {}
        for activity in np.unique(activities):
            poses = keypoints[activities == activity]
            directions = bone_directions(np.concatenate([poses, mirror_body(poses)])).reshape(-1, 45)
            mean = directions.mean(0)
            _, singular, axes = np.linalg.svd(directions - mean, full_matrices=False)
            kept = int(np.searchsorted(np.cumsum(singular**2) / (singular**2).sum(), variance)) + 1
            means[str(activity)] = mean
            components[str(activity)] = axes[:kept] * (singular[:kept, None] / np.sqrt(len(directions)))
        return cls(means, components)

    def save(self, path: Path) -> None:
        """Write ``.npz`` with ``mean_ACTIVITY`` and ``components_ACTIVITY``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {f"mean_{name}": value.astype(np.float32) for name, value in self.means.items()}
        columns |= {f"components_{name}": value.astype(np.float32) for name, value in self.components.items()}
        np.savez_compressed(path, allow_pickle=False, **columns)

    @classmethod
    def load(cls, path: Path) -> PoseSampler:
        """Read what `save` wrote. Raises FileNotFoundError with the path."""
        if not path.is_file():
            raise FileNotFoundError(f"there is no pose sampler at {path}")
        with np.load(path) as file:
            names = [key.removeprefix("mean_") for key in file if key.startswith("mean_")]
            return cls({n: file[f"mean_{n}"] for n in names}, {n: file[f"components_{n}"] for n in names})

    def draw(
        self, activity: str, body_height: NDArray, generator: np.random.Generator, spread: float = 1.0
    ) -> NDArray:
        """Poses (N, 16, 3) of one activity, pelvis at the origin, for body heights (N,) in metres.

        Coefficients are normal, cut at two standard deviations and multiplied by ``spread``.
        """
        if activity not in self.means:
            raise ValueError(f"no activity {activity!r}; there are {', '.join(self.means)}")
        components = self.components[activity]
        coefficients = generator.standard_normal((len(body_height), len(components))).clip(-2, 2) * spread
        directions = self.means[activity] + coefficients @ components
        return from_directions(directions.reshape(-1, 15, 3), body_height)


def stand_on_floor(keypoints: NDArray, body_height: NDArray) -> NDArray:
    """Lift poses so that the lower ankle is at its height above z = 0."""
    low = keypoints[:, [R_ANKLE, L_ANKLE], 2].min(1)
    shift = ANKLE_HEIGHT * body_height / REFERENCE_HEIGHT - low
    lifted = keypoints.copy()
    lifted[..., 2] += shift[:, None]
    return lifted
