"""Whether generated people float or sink: their lowest joint against the real floor (our measure).

A pose is centred at its point, so a person drawn too large ends up nearer to us than the floor that the feet
seem to touch, and hangs above it. Where the floor is in a frame follows from the upright people known to
stand there: the picture's y of their lowest joint is a straight line in (box height / body height), which is
one over their distance. Its slope is the camera's height and its intercept the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.data.samples import Samples
from scenepose.pose.kinds import KINDS, POSTURES

#: A gap below this, metres, is no fault.
TOLERANCE = 0.1
#: A line through fewer people says little, and so does a range of fewer poses.
FEWEST = 6


@dataclass(frozen=True)
class Support:
    """The floor at N points, and how high people of each kind are.

    Attributes:
        horizon, camera: (N,) the line's intercept, picture heights from its top, and slope, body heights; NaN
            where too few people are known.
        below: (N,) the point's y in picture heights from the top.
        sizes: (9, 2) smallest and largest box height of each kind of pose, upright bodies of one metre being
            one high; NaN where unknown or where feet are not on the floor.
    """

    horizon: NDArray
    camera: NDArray
    below: NDArray
    sizes: NDArray

    def gaps(self, poses: NDArray, kinds: NDArray) -> NDArray:
        """Metres from the floor to the lowest joint, for the likeliest body: above 0 floats, below sinks.

        Args:
            poses: (N, 16, 2) relative to the point in picture heights. kinds: (N,) index into `KINDS`.
        """
        lowest = self.below + poses[..., 1].max(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            upright = (lowest - self.horizon) / self.camera  # an upright body of one metre is so high there
            size = np.ptp(poses[..., 1], axis=1) / upright
        size = np.where(upright < 1e-3, np.inf, size)  # feet above the horizon: nobody is tall enough
        believed = size.clip(self.sizes[kinds, 0], self.sizes[kinds, 1])
        return self.camera * (1 - believed / size)

    def measures(self, poses: NDArray, kinds: NDArray) -> dict[str, NDArray]:
        """1 or 0 for each pose, "floating" and "sinking"; NaN where the floor is not known."""
        gaps = self.gaps(poses, kinds)
        unknown = np.isnan(gaps) | (kinds < 0)
        return {
            "floating": np.where(unknown, np.nan, gaps > TOLERANCE),
            "sinking": np.where(unknown, np.nan, gaps < -TOLERANCE),
        }


def support_at(samples: Samples, points: NDArray) -> Support:
    """What the people known to fit in the frames of some points say of the floor."""
    rows = np.flatnonzero((samples.visibility >= 1).all(1) & np.isfinite(samples.heights))
    owners = samples.pose_points[rows]
    frames, kinds = samples.point_frames[owners], samples.kinds[rows]
    poses = samples.normalised_unit(rows).astype(np.float64)
    height = np.ptp(poses[..., 1], axis=1)
    lowest = samples.points[owners, 1] / samples.frame_sizes[frames, 1] + poses[..., 1].max(1)
    upright = np.isin(kinds, [KINDS.index(kind) for kind in POSTURES])
    lines = np.full((len(samples.frame_names), 2), np.nan)
    for frame in np.unique(samples.point_frames[points]):
        here = np.flatnonzero(upright & (frames == frame))
        lines[frame] = _line(height[here] / samples.heights[rows[here]], lowest[here])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = height * lines[frames, 1] / (lowest - lines[frames, 0])
    sizes = np.full((len(KINDS), 2), np.nan)
    for kind, name in enumerate(KINDS):
        own = found[(kinds == kind) & np.isfinite(found)]
        if name != "lie" and len(own) >= FEWEST:
            sizes[kind] = np.percentile(own, [2.5, 97.5])
    of = samples.point_frames[points]
    return Support(lines[of, 0], lines[of, 1], samples.points[points, 1] / samples.frame_sizes[of, 1], sizes)


def _line(x: NDArray, y: NDArray) -> tuple[float, float]:
    """Intercept and slope by least squares, once more without the worst; NaN where they say little."""
    for _ in range(2):
        if len(x) < FEWEST or np.std(x) < 0.02 * np.mean(x):
            return np.nan, np.nan
        slope, intercept = np.polyfit(x, y, 1)
        error = np.abs(y - intercept - slope * x)
        kept = error <= 2.5 * np.median(error) + 1e-9
        x, y = x[kept], y[kept]
    return (float(intercept), float(slope)) if slope > 0.2 else (np.nan, np.nan)
