"""What the model answers at many points, and how good that is: used by validation and `evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from scenepose import metrics
from scenepose.data.samples import Samples, postures_of, supports_of
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
    return _some(np.flatnonzero(samples.primary_rows >= 0), limit, seed)


def empty_points(samples: Samples, limit: int | None = None, seed: int = 0) -> NDArray:
    """The points where nobody fits, or a random but fixed ``limit`` of them, ascending."""
    return _some(np.flatnonzero(samples.primary_rows < 0), limit, seed)


def some_points(samples: Samples, limit: int | None = None, seed: int = 0) -> NDArray:
    """All points, or a random but fixed ``limit`` of them, ascending."""
    return _some(np.arange(len(samples)), limit, seed)


def _some(points: NDArray, limit: int | None, seed: int) -> NDArray:
    if limit is not None and limit < len(points):
        points = np.sort(np.random.default_rng(seed).choice(points, limit, replace=False))
    return points


def truth_at(samples: Samples, points: NDArray) -> Truth:
    """What the samples know at some points; the primary pose means nothing where nobody fits."""
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

    def __getitem__(self, number: int) -> tuple[NDArray, Tensor, Tensor, Tensor, Tensor]:
        frame, here = self.groups[number]
        picture, samples = self.source.picture(frame), self.source.samples
        # A picture may be stored smaller than its frame, in whose pixels the points are.
        stored = picture.width / float(samples.frame_sizes[frame, 0])
        places = [(float(x) * stored, float(y) * stored) for x, y in samples.points[self.points[here]]]
        local = [crop(picture, local_view(place, picture.height), self.size) for place in places]
        detail = [crop(picture, detail_view(place, picture.height), self.size) for place in places]
        whole = crop(picture, global_view(*picture.size), self.size)[None]
        where = torch.tensor([place_in_picture(place, *picture.size) for place in places])
        return here, whole, torch.stack(local), torch.stack(detail), where


class Group(NamedTuple):
    """Some points of several frames, ready for the network: the arguments of `ScenePose.encode`."""

    here: NDArray  # rows among the points asked for
    views: tuple[Tensor, Tensor, Tensor]
    place: Tensor
    frame: Tensor

    def mirrored(self) -> Group:
        """The same points in the mirrored pictures."""
        place = torch.stack([1 - self.place[:, 0], self.place[:, 1], self.place[:, 2]], 1)
        views = tuple(view.flip(-1) for view in self.views)
        return self._replace(views=views, place=place)


def groups(
    model: ScenePose, source: Source, points: NDArray, workers: int, progress: bool, size: int = 16
) -> Iterator[Group]:
    """All points, about ``size`` at a time, on the model's device."""
    device = next(model.parameters()).device
    size = size if device.type == "cpu" else 8 * size
    views = _Views(source, points, model.config.view_size, 16)
    pending: list = []
    with tqdm(total=len(points), desc=source.name, unit="point", disable=not progress, leave=False) as bar:
        fork = "fork" if workers else None  # sources cannot be sent to a process, only inherited
        loader = DataLoader(views, batch_size=None, num_workers=workers, multiprocessing_context=fork)
        for number, one in enumerate(loader, start=1):
            pending.append(one)
            if sum(len(group[0]) for group in pending) < size and number < len(views):
                continue
            counts = torch.tensor([len(group[0]) for group in pending])
            columns = [torch.cat([group[column] for group in pending]) for column in (1, 2, 3)]
            whole, local, detail = (x.to(device, memory_format=torch.channels_last) for x in columns)
            yield Group(
                np.concatenate([np.asarray(group[0]) for group in pending]),
                (whole, local, detail),
                torch.cat([group[4] for group in pending]).to(device),
                torch.arange(len(pending)).repeat_interleave(counts).to(device),
            )
            bar.update(int(counts.sum()))
            pending = []


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
    count = min(top, len(model.templates))
    poses = np.zeros((len(points), count, 16, 2))
    scores = np.zeros((len(points), len(model.templates)))
    for group in groups(model, source, points, workers, progress):
        prediction = model(*group.views, place=group.place, frame=group.frame)
        scores[group.here] = prediction.logits.sigmoid().cpu().numpy()
        order = np.argsort(-scores[group.here], axis=1, kind="stable")[:, :count]
        poses[group.here] = np.take_along_axis(prediction.poses.cpu().numpy(), order[..., None, None], 1)
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return Answers(poses, ranked, model.template_set.kind_numbers[ranked], scores)


@torch.inference_mode()
def scores_at(
    model: ScenePose,
    source: Source,
    points: NDArray,
    *,
    mirrored: bool = False,
    workers: int = 1,
    progress: bool = True,
) -> NDArray:
    """Compatibility scores (len(points), K), as pictured or mirrored; the model is left evaluating."""
    model.eval()
    scores = np.zeros((len(points), len(model.templates)))
    for group in groups(model, source, points, workers, progress):
        seen = group.mirrored() if mirrored else group
        features = model.encode(*seen.views, seen.place, seen.frame)
        scores[group.here] = model.score(features).sigmoid().cpu().numpy()
    return scores


def constant_answers(templates: TemplateSet, count: int, top: int = 5) -> Answers:
    """The most frequent templates at the mean scale, at every one of ``count`` points."""
    best = templates.by_frequency[:top]
    poses = compose(templates.templates[best], templates.mean_scale[None], np.zeros((1, 2)))
    tiled = np.broadcast_to(poses, (count, *poses.shape)).astype(np.float64)
    ranked = np.broadcast_to(best, (count, len(best)))
    return Answers(tiled, ranked, templates.kind_numbers[ranked])


def other_answers(truth: Truth, top: int = 5, seed: int = 0) -> Answers:
    """Other poses known to fit at the same points, drawn at random, NaN where there are too few.

    How far two true answers differ. A good model's one answer can be nearer to the truth than that.
    """
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

    size = _size(answers, truth)
    return {
        "pck": each[:, 0],
        "mse": defined(metrics.mse(top, truth.poses, truth.known)),
        "pck_top3": defined(metrics.best_of(each[:, :3])),
        "pck_top5": defined(metrics.best_of(each[:, :5])),
        "pck_mcma": defined(metrics.pck_mcma(top, truth.poses, truth.known)),
        "pck_nearest_valid": defined(metrics.pck_nearest_valid(top, truth.valid, truth.valid_known)),
        "kind": defined(_right(answers, truth, lambda kinds: kinds)),
        "posture": defined(_right(answers, truth, postures_of)),
        "support": defined(_right(answers, truth, supports_of)),
        "size_error": defined(np.abs(size)),
        "size_bias": defined(size),
    }


def _size(answers: Answers, truth: Truth) -> NDArray:
    """Logarithm of the top pose's height over that of people of its kind there, the most similar one: (N,).

    NaN where its kind is not known to fit. 0.2 is a fifth too large.
    """
    height = np.ptp(answers.poses[:, 0, :, 1], axis=1)
    size = np.full(len(height), np.nan)
    for n, (valid, kinds) in enumerate(zip(truth.valid, truth.valid_kinds, strict=True)):
        there = np.ptp(valid[kinds == answers.kinds[n, 0], :, 1], axis=1)
        if len(there) and height[n] > 0:
            ratios = np.log(height[n] / there)
            size[n] = ratios[np.abs(ratios).argmin()]
    return size


def _right(answers: Answers, truth: Truth, of: Callable[[NDArray], NDArray]) -> NDArray:
    """1 or 0 at points where all poses that fit are the same by ``of``, a function of kinds; NaN elsewhere,
    and where an answer has no kind."""
    single = np.array([len(set(of(kinds).tolist())) == 1 for kinds in truth.valid_kinds])
    first = answers.kinds[:, 0]
    return np.where(single & (first >= 0), of(first) == of(truth.kinds), np.nan)


def valid_templates(truth: Truth, templates: TemplateSet) -> tuple[NDArray, NDArray]:
    """(N, K) templates that are nearest to some pose known to fit, and those that count at all.

    Templates of kinds that were never tried at a point count neither way.
    """
    positive = np.zeros((len(truth.poses), len(templates)), bool)
    for n, (valid, known) in enumerate(zip(truth.valid, truth.valid_known, strict=True)):
        if len(valid):
            clean = np.where(known[..., None], valid, np.nan)
            positive[n, templates.nearest(decompose(clean)[2], truth.valid_kinds[n])] = True
    return positive, positive | (truth.tried[:, templates.kind_numbers] > 0)
