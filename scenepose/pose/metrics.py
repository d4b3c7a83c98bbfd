"""The measures (paper, section 4.1, and ours): PCK, MSE, best of n, nearest valid pose, intervals.

Poses are (..., 16, 2), relative to the target point and in picture heights, though PCK cares for no unit.
Every measure gives one number per pose, NaN where it is not defined, so that means, counts and intervals
are taken from the same numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.skeleton import torso_diameter, torso_length


def _correct(predicted: NDArray, truth: NDArray, known: NDArray, threshold: float, torso: NDArray) -> NDArray:
    distance = np.linalg.norm(predicted - truth, axis=-1)
    good = (distance <= threshold * torso[..., None]) & known
    count = known.sum(-1)
    share = good.sum(-1) / np.maximum(count, 1)
    return np.where((count > 0) & (torso > 0), share, np.nan)


def pck(predicted: NDArray, truth: NDArray, known: NDArray, threshold: float = 0.2) -> NDArray:
    """Share of known keypoints within ``threshold`` torso diameters (l_hip to r_shoulder) of the truth.

    Args:
        predicted: (..., 16, 2). truth: (..., 16, 2), broadcasting with it. known: (..., 16) bool,
            visibility >= 1.

    Returns:
        (...) in [0, 1]; NaN where the truth's hip or shoulder is unknown.
    """
    known = known & ~np.isnan(truth).any(-1)
    return _correct(predicted, truth, known, threshold, torso_diameter(truth))


def pck_mcma(predicted: NDArray, truth: NDArray, known: NDArray, threshold: float = 0.2) -> NDArray:
    """`pck` in torsos as MCMA measures them: middle of the shoulders to middle of the hips."""
    known = known & ~np.isnan(truth).any(-1)
    return _correct(predicted, truth, known, threshold, torso_length(truth))


def pck_curve(
    predicted: NDArray, truth: NDArray, known: NDArray, thresholds: NDArray, weights: NDArray | None = None
) -> NDArray:
    """Mean `pck` of poses (N, 16, 2) at each of the thresholds (T,), NaN poses left out: (T,).

    Args:
        weights: (N,) how much each pose counts; by default all the same.
    """
    weights = np.ones(len(predicted)) if weights is None else weights
    each = (pck(predicted, truth, known, float(value)) for value in thresholds)
    return np.array([weighted_mean(values, weights) for values in each])


def mse(predicted: NDArray, truth: NDArray, known: NDArray) -> NDArray:
    """Mean over known joints of squared distance / 2, picture heights squared: (...), NaN without any."""
    known = known & ~np.isnan(truth).any(-1)
    squared = np.where(known, ((predicted - truth) ** 2).sum(-1) / 2, 0.0)
    count = known.sum(-1)
    return np.where(count > 0, squared.sum(-1) / np.maximum(count, 1), np.nan)


def best_of(values: NDArray) -> NDArray:
    """The best of n answers (..., n): (...), NaN only where all are."""
    filled = np.where(np.isnan(values), -np.inf, values).max(-1)
    return np.where(np.isinf(filled), np.nan, filled)


def pck_nearest_valid(predicted: NDArray, valid: list[NDArray], known: list[NDArray]) -> NDArray:
    """`pck` of predictions (N, 16, 2) against whichever of the poses that fit there suits each best: (N,).

    Args:
        valid: for each prediction the poses (V, 16, 2) known to fit. known: their (V, 16) bool.
    """
    best = [
        best_of(pck(pose[None], poses, seen)) if len(poses) else np.nan
        for pose, poses, seen in zip(predicted, valid, known, strict=True)
    ]
    return np.array(best, np.float64)


def diversity(samples: NDArray) -> NDArray:
    """How far n samples (..., n, 16, 2) of one place spread: (...), 0 where all are one.

    The root mean squared distance of a keypoint from its mean over the samples, in the samples' unit.
    """
    spread = ((samples - samples.mean(-3, keepdims=True)) ** 2).sum(-1)  # (..., n, 16)
    return np.sqrt(spread.mean((-2, -1)))


class Interval(NamedTuple):
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def bootstrap(
    values: NDArray, places: NDArray, resamples: int = 2000, seed: int = 0, weights: NDArray | None = None
) -> Interval:
    """Mean of per-pose numbers and its 95 % interval, resampling whole places.

    Poses of one place stand or fall together, so places, not poses, are drawn again (with replacement).

    Args:
        values: (N,), NaN left out. places: (N,) any labels.
        weights: (N,) how much each number counts; by default all the same.
    """
    weights = np.ones(len(values)) if weights is None else weights
    kept = ~np.isnan(values) & (weights > 0)
    values, places, weights = values[kept], places[kept], weights[kept]
    if len(values) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    _, group = np.unique(places, return_inverse=True)
    sums, counts = np.bincount(group, weights * values), np.bincount(group, weights)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(np.average(values, weights=weights)), float(low), float(high))


def bootstrap_difference(
    ours: NDArray,
    theirs: NDArray,
    places: NDArray,
    resamples: int = 2000,
    seed: int = 0,
    weights: NDArray | None = None,
) -> Interval:
    """`bootstrap` of ours - theirs, pose by pose: above zero when ours is reliably higher."""
    return bootstrap(ours - theirs, places, resamples, seed, weights)


def weighted_mean(values: NDArray, weights: NDArray) -> float:
    """The mean of numbers (N,), each by its weight (N,), NaN left out; NaN where nothing is left."""
    kept = ~np.isnan(values) & (weights > 0)
    return float(np.average(values[kept], weights=weights[kept])) if kept.any() else float("nan")
