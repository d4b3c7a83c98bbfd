"""What systems on one encoder answer at many points: each picture and click is encoded once for all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose.baselines.head import Head, draw_noise
from scenepose.data.sources import Source
from scenepose.features import encode
from scenepose.model.scenepose import ScenePose
from train.judge import Answers, groups


@torch.inference_mode()
def answer_heads(
    model: ScenePose,
    heads: Mapping[str, Head],
    source: Source,
    points: NDArray,
    *,
    workers: int = 1,
    top: int = 5,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Answers]:
    """Every system's ``top`` answers at some points of a source; all are left in evaluation mode.

    A stochastic system gives as many samples, the first being its answer; point i (by its number in the
    source) draws them with the seed ``seed + i``, whatever other points are asked for. A deterministic one
    gives one pose; it stands for the others, because more guesses would not be other guesses.
    """
    model.eval()
    poses = {name: np.zeros((len(points), top, 16, 2)) for name in heads}
    templates = {name: np.full((len(points), top), -1) for name in heads}
    device = next(model.parameters()).device
    for head in heads.values():
        head.eval()
    for group in groups(model, source, points, workers, progress):
        features = encode(model, *group.views, group.place, group.frame).float()
        for name, head in heads.items():
            noise = None
            if head.noise_size:
                seeds = [seed + int(point) for point in points[group.here]]
                noise = torch.cat([draw_noise(one, top, head.noise_size) for one in seeds]).to(device)
            said = head.decode(features, noise)
            poses[name][group.here] = said.poses.float().cpu().numpy()  # one pose fills all columns
            if said.templates is not None:
                templates[name][group.here] = said.templates.cpu().numpy()
    return {
        name: Answers(poses[name], templates[name], _kinds(heads[name], templates[name])) for name in heads
    }


def _kinds(head: Head, templates: NDArray) -> NDArray:
    """The kinds of templates, -1 where a system has none."""
    return np.where(templates >= 0, head.template_set.kind_numbers[templates], -1)
