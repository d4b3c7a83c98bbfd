"""Balance: each posture is told well, whatever number of templates it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose.data.prior import point_weights
from scenepose.data.sources import open_source
from scenepose.methods.scenepose import ScenePose
from scenepose.model.encoder import Encoder
from scenepose.pose import metrics
from scenepose.pose.kinds import postures_of
from train.judge.measure import Truth, answer, judged_points, truth_at
from train.ship.calibrate import logit

#: What shifts are tried, in logits; and how often all postures are gone through.
TRIED = np.arange(-2, 2.01, 0.1)
ROUNDS = 3


class Predicted(NamedTuple):
    """What a head predicts at N points: logits (N, K), the PCK of each template's pose (N, K), the name of
    the posture where poses of but one are known to fit, else "" (N,), and how much each point counts (N,)."""

    logits: NDArray
    pck: NDArray
    only: NDArray
    weights: NDArray


def posture_shifts(predicted: Predicted, postures: NDArray) -> dict[str, float]:
    """What to add to the logits of each posture's templates.

    Upright people are shared out among five templates, and those who crouch have one, which then comes first
    too often. The shifts make the top poses as good as they get: their PCK at all points, plus the share of
    right postures where only one fits, both weighted. A mean over postures would count those who crouch as
    often as those who stand, and put them where people stand.

    Args:
        postures: (K,) names of the templates' postures.

    Returns:
        Shifts by posture, the smallest of equally good ones; that of upright people, or of the first posture
        where there are none, is 0.
    """
    names = sorted(set(postures.tolist()), key=lambda name: name != "upright")
    shifts = dict.fromkeys(names, 0.0)
    rows, telling = np.arange(len(predicted.only)), np.isin(predicted.only, names)
    weights = predicted.weights

    def quality(shifts: dict[str, float]) -> float:
        top = (predicted.logits + np.array([shifts[name] for name in postures])).argmax(1)
        found = metrics.weighted_mean(predicted.pck[rows, top], weights)
        if telling.any():
            found += np.average((postures[top] == predicted.only)[telling], weights=weights[telling])
        return round(float(found), 9)

    for _ in range(ROUNDS):
        for name in names[1:]:
            best = [(quality({**shifts, name: value}), -abs(value), value) for value in TRIED]
            shifts[name] = round(float(max(best)[2]), 2)
    return shifts


def only_posture(truth: Truth) -> NDArray:
    """(N,) the one posture that fits at each point, "" where several do."""
    sets = [set(postures_of(kinds).tolist()) for kinds in truth.valid_kinds]
    return np.array([next(iter(one)) if len(one) == 1 else "" for one in sets])


def balance_postures(
    encoder: Encoder, head: ScenePose, data: Sequence[str], points: int = 600
) -> dict[str, float]:
    """Shift a head's scores by `posture_shifts`, found on validation points of its sources, which weigh as
    `scenepose.data.prior` has it."""
    parts = []
    for name in data:
        source = open_source(name, "val")
        chosen = judged_points(source.samples, points, prior=False)
        truth = truth_at(source.samples, chosen)
        answers = answer(encoder, {"scenepose": head}, source, chosen, top=len(head.templates))["scenepose"]
        assert answers.scores is not None
        each = metrics.pck(answers.poses, truth.poses[:, None], truth.known[:, None])  # best first
        by_template = np.take_along_axis(each, np.argsort(answers.templates, 1), 1)
        weights = point_weights(source.samples)[chosen]
        parts.append(Predicted(logit(answers.scores), by_template, only_posture(truth), weights))
    postures = postures_of(head.template_set.kind_numbers)
    joined = Predicted(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    shifts = posture_shifts(joined, postures)
    head.rescale_scores(1.0, torch.tensor([shifts[str(name)] for name in postures]))
    return shifts
