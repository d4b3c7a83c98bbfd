"""Balance: sitting and standing people are told equally well, whatever number of templates each has."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose.data.samples import KINDS
from scenepose.data.sources import open_source
from scenepose.model.scenepose import ScenePose
from train.calibrate import logit
from train.judge import POSTURES, answer, judged_points, truth_at


def posture_shift(logits: NDArray, sits: NDArray, only_sitting: NDArray, only_upright: NDArray) -> float:
    """What to add to the sitting templates' logits so that both postures are told equally well.

    Seated people face all ways, so their score is shared among more templates than that of people who stand
    and mostly face us; the top pose then stands too often.

    Args:
        logits: (N, K). sits: (K,) bool, templates that sit.
        only_sitting, only_upright: (N,) bool, points where poses of one posture only are known to fit.

    Returns:
        The shift, 0 to 3, with the highest mean of the two shares of right top poses; the smallest such.
        0 where one of the two has no points.
    """
    if not (only_sitting.any() and only_upright.any() and sits.any() and (~sits).any()):
        return 0.0
    lead = logits[:, ~sits].max(1) - logits[:, sits].max(1)
    shifts = np.arange(0, 3.01, 0.05)
    right = [((lead < s)[only_sitting].mean() + (lead >= s)[only_upright].mean()) / 2 for s in shifts]
    return float(shifts[int(np.argmax(right))])


def balance_postures(model: ScenePose, data: list[str], points: int = 300) -> float:
    """Shift a model's classifier by `posture_shift`, found on validation points of its sources."""
    columns: list[tuple[NDArray, NDArray, NDArray]] = []
    for name in data:
        source = open_source(name, "val")
        chosen = judged_points(source.samples, points)
        scores = answer(model, source, chosen).scores
        assert scores is not None
        upright = {KINDS.index(kind) for kind in POSTURES}
        valid = [set(kinds.tolist()) for kinds in truth_at(source.samples, chosen).valid_kinds]
        sitting = np.array([kinds == {KINDS.index("sit")} for kinds in valid])
        columns.append((logit(scores), sitting, np.array([kinds <= upright for kinds in valid])))
    sits = np.array([kind == "sit" for kind in model.template_kinds])
    shift = posture_shift(*(np.concatenate([c[0] for c in columns]), sits),
                          *(np.concatenate([c[n] for c in columns]) for n in (1, 2)))  # fmt: skip
    model.rescale_scores(1.0, shift * torch.from_numpy(sits).float())
    return shift
