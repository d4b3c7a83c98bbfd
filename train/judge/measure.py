"""What the model answers at many points, and how good that is: used by validation and `evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from scenepose.data.prior import point_weights
from scenepose.data.samples import Samples
from scenepose.data.sources import Source
from scenepose.methods.head import Head, draw_noise
from scenepose.model.encoder import Encoder
from scenepose.model.features import Features
from scenepose.pose import metrics
from scenepose.pose.geometry import compose, decompose
from scenepose.pose.kinds import postures_of, supports_of
from scenepose.pose.templates import TemplateSet


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


def judged_points(samples: Samples, limit: int | None = None, seed: int = 0, prior: bool = True) -> NDArray:
    """Points that have a pose: all of them, or a random but fixed ``limit`` of them, ascending.

    Args:
        prior: draw them so that the kinds shown follow `data.prior`; where they are all taken this cannot
            be, so that at most half are. Else as they are.
    """
    points = np.flatnonzero(samples.primary_rows >= 0)
    if not prior:
        return _some(points, limit, seed)
    weights = point_weights(samples)[points]
    limit = min(limit or len(points), len(points) // 2)
    chosen = np.random.default_rng(seed).choice(points, limit, replace=False, p=weights / weights.sum())
    return np.sort(chosen)


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


class _Frames(Dataset):
    """The pictures of some points' frames, each with the points in it."""

    def __init__(self, source: Source, points: NDArray) -> None:
        samples = source.samples
        frames = samples.point_frames[points]
        self.source = source
        self.groups = [(int(frame), np.flatnonzero(frames == frame)) for frame in np.unique(frames)]
        size = samples.frame_sizes[frames]
        self.positions = np.column_stack([samples.points[points] / size, size[:, 0] / size[:, 1]])

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> tuple[NDArray, Tensor, Tensor]:
        frame, here = self.groups[number]
        picture = np.array(self.source.picture(frame))
        return (
            here,
            torch.from_numpy(picture).permute(2, 0, 1),
            torch.from_numpy(self.positions[here]).float(),
        )


def features_of(
    encoder: Encoder,
    source: Source,
    points: NDArray,
    *,
    workers: int = 1,
    progress: bool = True,
    mirrored: bool = False,
    size: int = 64,
) -> Iterator[tuple[NDArray, Features]]:
    """All points, about ``size`` at a time, frame by frame: rows among the points, and their features.

    Args:
        mirrored: of the mirrored pictures instead.
    """
    device = next(encoder.parameters()).device
    size = size if device.type == "cpu" else 8 * size
    frames = _Frames(source, points)
    rows: list[NDArray] = []
    pictures: list[Tensor] = []
    positions: list[Tensor] = []
    with tqdm(total=len(points), desc=source.name, unit="point", disable=not progress, leave=False) as bar:
        fork = "fork" if workers else None  # sources cannot be sent to a process, only inherited
        loader = DataLoader(frames, batch_size=None, num_workers=workers, multiprocessing_context=fork)
        for number, (here, picture, position) in enumerate(loader, start=1):
            if mirrored:
                picture, position = picture.flip(-1), position * position.new_tensor([-1, 1, 1])
                position[:, 0] += 1
            rows.append(np.asarray(here))
            pictures.append(picture.to(device))
            positions.append(position.to(device))
            if sum(map(len, rows)) < size and number < len(frames):
                continue
            yield np.concatenate(rows), encoder.features(pictures, positions)
            bar.update(sum(map(len, rows)))
            rows, pictures, positions = [], [], []


@torch.inference_mode()
def scores_at(
    encoder: Encoder,
    head: Head,
    source: Source,
    points: NDArray,
    *,
    mirrored: bool = False,
    workers: int = 1,
    progress: bool = True,
) -> NDArray:
    """Compatibility scores (len(points), K), as pictured or mirrored; both networks are left evaluating."""
    encoder.eval()
    head.eval()
    scores = np.zeros((len(points), len(head.template_set)))
    for here, features in features_of(
        encoder, source, points, workers=workers, progress=progress, mirrored=mirrored
    ):
        scores[here] = head.score(features.fused).sigmoid().cpu().numpy()
    return scores


@torch.inference_mode()
def answer(
    encoder: Encoder,
    heads: Mapping[str, Head],
    source: Source,
    points: NDArray,
    *,
    workers: int = 1,
    top: int = 5,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Answers]:
    """Every method's ``top`` answers at some points of a source; all are left in evaluation mode.

    Each picture and point is encoded once for all. A method that ranks templates gives its best ones, and the
    scores of all. A stochastic one gives as many samples, the first being its answer; point i (by its number
    in the source) draws them with the seed ``seed + i``, whatever other points are asked for. A deterministic
    one gives one pose; it stands for the others, because more guesses would not be other guesses.
    """
    encoder.eval()
    device = next(encoder.parameters()).device
    columns = {
        name: min(top, len(head.template_set)) if head.ranks_templates else top
        for name, head in heads.items()
    }
    poses = {name: np.zeros((len(points), columns[name], 16, 2)) for name in heads}
    templates = {name: np.full((len(points), columns[name]), -1) for name in heads}
    scores = {name: np.zeros((len(points), len(head.template_set))) for name, head in heads.items()}
    for head in heads.values():
        head.eval()
    for here, features in features_of(encoder, source, points, workers=workers, progress=progress):
        features = features.float()
        for name, head in heads.items():
            noise = None
            if head.noise_size:
                seeds = [seed + int(point) for point in points[here]]
                noise = torch.cat([draw_noise(one, top, head.noise_size) for one in seeds]).to(device)
            found = head.decode(features, noise)
            # One pose fills all columns.
            poses[name][here] = found.poses[:, : columns[name]].float().cpu().numpy()
            if found.templates is not None:
                templates[name][here] = found.templates[:, : columns[name]].cpu().numpy()
            if head.ranks_templates and found.scores is not None and found.templates is not None:
                ranked = found.templates.cpu().numpy()
                scores[name][here[:, None], ranked] = found.scores.float().cpu().numpy()
    return {
        name: Answers(
            poses[name],
            templates[name],
            np.where(templates[name] >= 0, head.template_set.kind_numbers[templates[name]], -1),
            scores[name] if head.ranks_templates else None,
        )
        for name, head in heads.items()
    }


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
