"""Calibration: scores that say how often a template fits, from validation points (Platt scaling)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scenepose.data.prior import point_weights
from scenepose.data.sources import open_source
from scenepose.methods.scenepose import ScenePose
from scenepose.model.encoder import Encoder
from train.judge.measure import scores_at, some_points, truth_at, valid_templates

#: Points of each source, those where nobody fits among them as often as they are.
POINTS = 700


class Calibration(NamedTuple):
    """Calibrated logit = slope x logit + intercept, of all templates."""

    slope: float
    intercept: float
    points: int
    empty: int  # points among them where nobody fits


def fit_calibration(
    logits: NDArray, fits: NDArray, counted: NDArray, weights: NDArray
) -> tuple[float, float]:
    """The slope and the intercept that make scores probable.

    Args:
        logits: (N, K). fits: (N, K) bool, templates that fit. counted: (N, K) bool, where that is known.
        weights: (N,) of the points.

    Raises:
        ValueError: there is nothing to fit to, or higher scores do not mean that a template fits more often.
    """
    point, template = np.nonzero(counted)
    right = fits[point, template]
    if len(right) == 0 or right.all() or not right.any():
        raise ValueError("scores cannot be calibrated: the points know only one answer")
    regression = LogisticRegression(C=1.0, max_iter=1000)
    fitted = regression.fit(logits[point, template][:, None], right, sample_weight=weights[point])
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        raise ValueError(
            "scores cannot be calibrated: higher ones do not mean that templates fit more often; "
            "--no-calibrate leaves them"
        )
    return slope, float(fitted.intercept_[0])


def calibrate(encoder: Encoder, head: ScenePose, data: Sequence[str]) -> Calibration:
    """Calibrate a head's scores on validation points of its sources, weighed by `scenepose.data.prior`.

    Sources without poses are left out: how often people look at pictures that are no rooms is not known.
    """
    columns: list[tuple[NDArray, ...]] = []
    empty = 0
    for name in data:
        source = open_source(name, "val")
        if not source.samples.primary.any():
            continue
        points = some_points(source.samples, POINTS)
        known = valid_templates(truth_at(source.samples, points), head.template_set)
        weights = point_weights(source.samples)[points]
        columns.append((logit(scores_at(encoder, head, source, points)), *known, weights))
        empty += int((source.samples.primary_rows[points] < 0).sum())
    logits, fits, counted, weights = (np.concatenate(column) for column in zip(*columns, strict=True))
    slope, intercept = fit_calibration(logits, fits, counted, weights)
    head.rescale_scores(slope, torch.full((logits.shape[1],), intercept))
    return Calibration(slope, intercept, len(logits), empty)


def logit(scores: NDArray) -> NDArray:
    """Logits of scores, finite."""
    clear = scores.clip(1e-7, 1 - 1e-7)  # saturated scores have no finite logit
    return np.log(clear / (1 - clear))
