"""Balance: who stands and who sits is told equally well, whatever number of templates each posture has."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose.data.samples import postures_of
from scenepose.data.sources import open_source
from scenepose.model.scenepose import ScenePose
from train.calibrate import logit
from train.judge import Truth, answer, judged_points, some_kinds, truth_at

#: Bending, crouching and leaning people are left alone: they stand, too, and fit wherever there is floor. So
#: are those who lie: a shift that finds them all lays people down where there is no bed.
BALANCED = ("upright", "sit")


def posture_shifts(logits: NDArray, said: NDArray, true: NDArray) -> dict[str, float]:
    """What to add to the logits of the templates that sit so that each posture is told well.

    Seated people face all ways, so their score is shared among more templates than that of people who stand
    and mostly face us; the top pose then stands too often.

    Args:
        logits: (N, K). said: (K,) names of the templates' postures.
        true: (N,) name of the only posture of `BALANCED` of which poses are known to fit, "" where there is
            no single one.

    Returns:
        Shifts from 0 to 3 by posture; those with the highest mean of the share of right top poses and its
        mean over postures, the smallest such. 0 for a posture without templates or points.
    """
    names = [name for name in BALANCED if (said == name).any() and (true == name).any()]
    if "upright" not in names:
        return dict.fromkeys(BALANCED[1:], 0.0)
    best = np.stack([logits[:, said == name].max(1) for name in names], 1)
    counted = np.isin(true, names)
    best, right = best[counted], np.array([names.index(name) for name in true[counted]])

    def quality(shifts: NDArray) -> float:
        hit = (best + shifts).argmax(1) == right
        return float(hit.mean() + np.mean([hit[right == n].mean() for n in range(len(names))]))

    shifts = np.zeros(len(names))
    if len(names) > 1:
        tried = [np.array([0.0, value]) for value in np.arange(0, 3.01, 0.05)]
        shifts = tried[int(np.argmax([round(quality(one), 9) for one in tried]))]
    found = dict(zip(names, shifts.tolist(), strict=True))
    return {name: round(found.get(name, 0.0), 2) for name in BALANCED[1:]}


def only_posture(truth: Truth) -> NDArray:
    """(N,) the one posture of `BALANCED` that fits at each point, whatever else does; else ""."""
    sets = [set(postures_of(kinds).tolist()) & set(BALANCED) for kinds in truth.valid_kinds]
    return np.array([next(iter(one)) if len(one) == 1 else "" for one in sets])


def balance_postures(model: ScenePose, data: list[str], points: int = 600) -> dict[str, float]:
    """Shift a model's classifier by `posture_shifts`, found on validation points of its sources."""
    logits, true = [], []
    for name in data:
        source = open_source(name, "val")
        chosen = judged_points(source.samples, points)
        scores = answer(model, source, chosen).scores
        assert scores is not None
        logits.append(logit(scores))
        true.append(only_posture(truth_at(source.samples, chosen)))
    said = postures_of(some_kinds(model.template_kinds))
    shifts = posture_shifts(np.concatenate(logits), said, np.concatenate(true))
    model.rescale_scores(1.0, torch.tensor([shifts.get(str(name), 0.0) for name in said]))
    return shifts
