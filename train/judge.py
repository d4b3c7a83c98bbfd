"""What the model answers at many points, and how good that is: used by validation and `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from scenepose import metrics
from scenepose.data.samples import KINDS, Samples
from scenepose.data.sources import Source
from scenepose.geometry import (
    compose,
    decompose,
    detail_view,
    global_view,
    local_view,
    place_in_picture,
)  # fmt: skip
from scenepose.model.scenepose import ScenePose
from scenepose.templates import TemplateSet
from scenepose.views import crop

#: Kinds that differ by little more than a step or a hand count as one posture.
POSTURES = {"stand": "upright", "walk": "upright", "gesture": "upright", "carry": "upright"}


class Answers(NamedTuple):
    """A method's ranked answers at N points, best first.

    poses (N, n, 16, 2) relative to the point in picture heights; templates (N, n) and kinds (N, n) as indices
    into the template set and `KINDS`, -1 where a method has none; scores (N, K) of all templates, or None.
    """

    poses: NDArray
    templates: NDArray
    kinds: NDArray
    scores: NDArray | None = None


class Truth(NamedTuple):
    """What is known at N points: the primary pose, and all poses that fit."""

    poses: NDArray  # (N, 16, 2) relative to the point, picture heights; NaN where unknown
    known: NDArray  # (N, 16) bool
    kinds: NDArray  # (N,) index into KINDS
    places: NDArray  # (N,) place of the frame
    valid: list[NDArray]  # N arrays (V, 16, 2), the primary one among them
    valid_known: list[NDArray]
    valid_kinds: list[NDArray]
    tried: NDArray  # (N, 9)


def judged_points(samples: Samples, limit: int | None = None, seed: int = 0) -> NDArray:
    """The points that have a pose, or a random but fixed ``limit`` of them, ascending."""
    points = np.flatnonzero(samples.primary_rows >= 0)
    if limit is not None and limit < len(points):
        points = np.sort(np.random.default_rng(seed).choice(points, limit, replace=False))
    return points


def truth_at(samples: Samples, points: NDArray) -> Truth:
    """What the samples know at some points."""
    rows = samples.primary_rows[points]
    all_rows = [samples.pose_rows(int(point)) for point in points]
    return Truth(
        poses=samples.normalised_unit(rows).astype(np.float64),
        known=samples.visibility[rows] >= 1,
        kinds=samples.kinds[rows],
        places=samples.frame_places[samples.point_frames[points]],
        valid=[samples.normalised_unit(some).astype(np.float64) for some in all_rows],
        valid_known=[samples.visibility[some] >= 1 for some in all_rows],
        valid_kinds=[samples.kinds[some] for some in all_rows],
        tried=samples.tried[points],
    )


class _Views(Dataset):
    """The views of up to ``batch`` points of one frame at a time."""

    def __init__(self, source: Source, points: NDArray, size: int, batch: int) -> None:
        self.source, self.size = source, size
        frames = source.samples.point_frames[points]
        self.groups: list[tuple[int, NDArray]] = []
        for frame in np.unique(frames):
            here = np.flatnonzero(frames == frame)
            self.groups += [(int(frame), here[start : start + batch]) for start in range(0, len(here), batch)]
        self.points = points

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(
        self, number: int
    ) -> tuple[NDArray, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        frame, here = self.groups[number]
        picture = self.source.picture(frame)
        places = [(float(x), float(y)) for x, y in self.source.samples.points[self.points[here]]]
        local = [crop(picture, local_view(place, picture.height), self.size) for place in places]
        detail = [crop(picture, detail_view(place, picture.height), self.size) for place in places]
        whole = crop(picture, global_view(*picture.size), self.size)[None]
        where = torch.tensor([place_in_picture(place, *picture.size) for place in places])
        return here, whole, torch.stack(local), torch.stack(detail), where


def _several(views: _Views, workers: int, points: int) -> Iterator[list]:
    """Groups of frames with about ``points`` points together."""
    pending: list = []
    for one in DataLoader(views, batch_size=None, num_workers=workers):
        pending.append(one)
        if sum(len(group[0]) for group in pending) >= points:
            yield pending
            pending = []
    if pending:
        yield pending


@torch.inference_mode()
def answer(
    model: ScenePose,
    source: Source,
    points: NDArray,
    *,
    workers: int = 1,
    top: int = 5,
    progress: bool = True,
) -> Answers:
    """The model's ``top`` best answers at some points of a source; the model is left in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    count = min(top, len(model.templates))
    poses = np.zeros((len(points), count, 16, 2))
    scores = np.zeros((len(points), len(model.templates)))
    views = _Views(source, points, model.config.view_size, 16)
    with tqdm(total=len(points), desc=source.name, unit="point", disable=not progress, leave=False) as bar:
        for groups in _several(views, workers, 16):
            here = np.concatenate([np.asarray(group[0]) for group in groups])
            sizes = torch.tensor([len(group[0]) for group in groups])
            frame = torch.arange(len(groups)).repeat_interleave(sizes).to(device)
            tensors = [torch.cat([group[column] for group in groups]) for column in (1, 2, 3)]
            tensors = [x.to(device, memory_format=torch.channels_last) for x in tensors]
            place = torch.cat([group[4] for group in groups]).to(device)
            prediction = model(*tensors, place=place, frame=frame)
            scores[here] = prediction.logits.sigmoid().cpu().numpy()
            order = np.argsort(-scores[here], axis=1, kind="stable")[:, :count]
            poses[here] = np.take_along_axis(prediction.poses.cpu().numpy(), order[..., None, None], 1)
            bar.update(len(here))
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return Answers(poses, ranked, kind_numbers(model.template_set)[ranked], scores)


def kind_numbers(templates: TemplateSet) -> NDArray:
    """(K,) index into `KINDS` of each template."""
    return np.array([KINDS.index(kind) for kind in templates.kinds])


def constant_answers(templates: TemplateSet, count: int, top: int = 5) -> Answers:
    """The most frequent templates at the mean scale, at every one of ``count`` points."""
    best = templates.by_frequency[:top]
    poses = compose(templates.templates[best], templates.mean_scale[None], np.zeros((1, 2)))
    tiled = np.broadcast_to(poses, (count, *poses.shape)).astype(np.float64)
    ranked = np.broadcast_to(best, (count, len(best)))
    return Answers(tiled, ranked, kind_numbers(templates)[ranked])


def other_answers(truth: Truth, top: int = 5, seed: int = 0) -> Answers:
    """Other poses known to fit at the same points, NaN where there are too few: what a perfect model says."""
    rng = np.random.default_rng(seed)
    poses = np.full((len(truth.poses), top, 16, 2), np.nan)
    kinds = np.full((len(truth.poses), top), -1)
    for n, (valid, known) in enumerate(zip(truth.valid, truth.valid_known, strict=True)):
        same = np.array([np.array_equal(pose, truth.poses[n], equal_nan=True) for pose in valid])
        others = rng.permutation(np.flatnonzero(~same & known.all(1)))[:top]
        poses[n, : len(others)], kinds[n, : len(others)] = valid[others], truth.valid_kinds[n][others]
    return Answers(poses, np.full_like(kinds, -1), kinds)


def per_point(answers: Answers, truth: Truth) -> dict[str, NDArray]:
    """Each measure of the answers at each point, NaN where it is not defined: name -> (N,)."""
    each = metrics.pck(answers.poses, truth.poses[:, None], truth.known[:, None])
    missing = np.asarray(np.isnan(answers.poses).any((2, 3)))
    each = np.where(missing, np.nan, each)
    top, here = answers.poses[:, 0], np.logical_not(missing[..., 0])

    def defined(values: NDArray) -> NDArray:
        return np.where(here, values, np.nan)

    return {
        "pck": each[:, 0],
        "mse": defined(metrics.mse(top, truth.poses, truth.known)),
        "pck_top3": defined(metrics.best_of(each[:, :3])),
        "pck_top5": defined(metrics.best_of(each[:, :5])),
        "pck_mcma": defined(metrics.pck_mcma(top, truth.poses, truth.known)),
        "pck_nearest_valid": defined(metrics.pck_nearest_valid(top, truth.valid, truth.valid_known)),
        "kind": defined(_kind_right(answers, truth)),
        "posture": defined(_posture_right(answers, truth)),
    }


def _postures(kinds: NDArray) -> NDArray:
    names = np.array([POSTURES.get(kind, kind) for kind in KINDS])
    return names[kinds]


def _kind_right(answers: Answers, truth: Truth) -> NDArray:
    """1 or 0 at points where poses of a single kind fit, NaN elsewhere."""
    single = np.array([len(set(kinds.tolist())) == 1 for kinds in truth.valid_kinds])
    return np.where(single, answers.kinds[:, 0] == truth.kinds, np.nan)


def _posture_right(answers: Answers, truth: Truth) -> NDArray:
    """As `_kind_right`, with standing and walking people (and what is like them) as one posture."""
    single = np.array([len(set(_postures(kinds).tolist())) == 1 for kinds in truth.valid_kinds])
    right = _postures(answers.kinds[:, 0]) == _postures(truth.kinds)
    return np.where(single, right, np.nan)


def valid_templates(truth: Truth, templates: TemplateSet) -> tuple[NDArray, NDArray]:
    """(N, K) templates that are nearest to some pose known to fit, and those that count at all.

    Templates of kinds that were never tried at a point count neither way.
    """
    positive = np.zeros((len(truth.poses), len(templates)), bool)
    for n, (valid, known) in enumerate(zip(truth.valid, truth.valid_known, strict=True)):
        clean = np.where(known[..., None], valid, np.nan)
        positive[n, templates.nearest(decompose(clean)[2])] = True
    return positive, positive | (truth.tried[:, kind_numbers(templates)] > 0)
