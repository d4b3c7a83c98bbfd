"""Calibration: scores that say how often a template fits, from validation points (Platt scaling)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scenepose.data.sources import open_source
from scenepose.model.scenepose import ScenePose
from train.judge import answer, some_points, truth_at, valid_templates

#: none; one slope and intercept for all templates; or, with them, an intercept for each template.
Level = Literal["none", "shared", "templates"]
#: Points of each source, those where nobody fits among them as often as they are.
POINTS = 700


class Calibration(NamedTuple):
    """Calibrated logit = slope x logit + the template's intercept."""

    slope: float
    intercepts: list[float]  # K
    points: int
    empty: int  # points among them where nobody fits


def fit_calibration(logits: NDArray, fits: NDArray, counted: NDArray, level: Level) -> tuple[float, NDArray]:
    """The slope and the intercepts (K,) that make scores probable.

    A template's own intercept is held near the common one, the more so the fewer points speak of it.

    Args:
        logits: (N, K). fits: (N, K) bool, templates that fit. counted: (N, K) bool, where that is known.

    Raises:
        ValueError: there is nothing to fit to, or higher scores do not mean that a template fits more often.
    """
    point, template = np.nonzero(counted)
    right = fits[point, template]
    if len(right) == 0 or right.all() or not right.any():
        raise ValueError("scores cannot be calibrated: the points know only one answer")
    own = np.eye(logits.shape[1])[template] if level == "templates" else np.zeros((len(right), 0))
    features = np.column_stack([logits[point, template], own])
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(features, right)
    slope, intercepts = float(fitted.coef_[0, 0]), fitted.coef_[0, 1:]
    if slope <= 0:
        raise ValueError(
            "scores cannot be calibrated: higher ones do not mean that templates fit more often; "
            "--calibrate none leaves them"
        )
    if level == "shared":
        intercepts = np.zeros(logits.shape[1])
    return slope, intercepts + float(fitted.intercept_[0])


def calibrate(model: ScenePose, data: Sequence[str], level: Level) -> Calibration | None:
    """Calibrate a model's classifier on the validation points of its sources; None where nothing was done."""
    if level == "none":
        return None
    columns: list[tuple[NDArray, NDArray, NDArray]] = []
    empty = 0
    for name in data:
        source = open_source(name, "val")
        points = some_points(source.samples, POINTS)
        scores = answer(model, source, points).scores
        assert scores is not None
        columns.append(
            (logit(scores), *valid_templates(truth_at(source.samples, points), model.template_set))
        )
        empty += int((source.samples.primary_rows[points] < 0).sum())
    logits, fits, counted = (np.concatenate(column) for column in zip(*columns, strict=True))
    slope, intercepts = fit_calibration(logits, fits, counted, level)
    model.rescale_scores(slope, torch.from_numpy(intercepts))
    return Calibration(slope, [float(value) for value in intercepts], len(logits), empty)


def logit(scores: NDArray) -> NDArray:
    """Logits of scores, finite."""
    clear = scores.clip(1e-7, 1 - 1e-7)  # saturated scores have no finite logit
    return np.log(clear / (1 - clear))
