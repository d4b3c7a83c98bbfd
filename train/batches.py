"""Training batches: frames, augmented, with several points of each; a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.utils.data import Dataset

from scenepose.data.samples import KINDS, Samples
from scenepose.data.sources import Source
from scenepose.geometry import decompose, detail_view, global_view, local_view, place_in_picture
from scenepose.skeleton import mirror
from scenepose.templates import TemplateSet
from scenepose.views import crop
from train.config import AugmentConfig, TrainConfig


class Batch(NamedTuple):
    """B points in F frames. Where nobody fits, only the compatibility targets mean anything."""

    global_views: Tensor  # (F, 3, S, S)
    local_views: Tensor  # (B, 3, S, S)
    detail_views: Tensor  # (B, 3, S, S)
    place: Tensor  # (B, 3) where the points lie in their pictures
    frame: Tensor  # (B,) row in global_views
    fits: Tensor  # (B,) bool: there is a pose
    template: Tensor  # (B,) nearest template
    positive: Tensor  # (B, K) 1 where the template fits, 0 where not, between where it only may
    counted: Tensor  # (B, K) bool
    scale: Tensor  # (B, 2) of the primary pose
    scales: Tensor  # (B, K, 2) of the templates that have one
    sized: Tensor  # (B, K) bool: those that do
    normalised: Tensor  # (B, 16, 2), NaN where unknown
    known: Tensor  # (B, 16) bool


class Change(NamedTuple):
    """An augmentation of one frame: keep a rectangle, resize it, maybe mirror it, change its colours."""

    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    mirrored: bool
    brightness: float
    contrast: float
    saturation: float

    def picture(self, picture: Image.Image) -> Image.Image:
        """The changed picture."""
        box = (self.left, self.top, self.right, self.bottom)
        picture = picture.resize((self.width, self.height), Image.Resampling.BILINEAR, box=box)
        if self.mirrored:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for enhance, factor in (
            (ImageEnhance.Brightness, self.brightness),
            (ImageEnhance.Contrast, self.contrast),
            (ImageEnhance.Color, self.saturation),
        ):
            if factor != 1.0:
                picture = enhance(picture).enhance(factor)
        return picture

    def _stretched(self, places: NDArray) -> NDArray:
        factor = np.array([self.width / (self.right - self.left), self.height / (self.bottom - self.top)])
        return (places - np.array([self.left, self.top])) * factor

    def points(self, points: NDArray) -> NDArray:
        """Where points (..., 2) of the frame lie in the changed picture, pixels."""
        moved = self._stretched(points)
        if self.mirrored:
            moved[..., 0] = self.width - moved[..., 0]
        return moved

    def keypoints(self, keypoints: NDArray) -> NDArray:
        """Where poses (..., 16, 2) lie in the changed picture; left and right swap in a mirror."""
        moved = self._stretched(keypoints)
        return mirror(moved, self.width) if self.mirrored else moved


def no_change(width: int, height: int) -> Change:
    """The change that leaves a frame as it is."""
    return Change(0.0, 0.0, float(width), float(height), width, height, False, 1.0, 1.0, 1.0)


def draw_change(
    rng: np.random.Generator, size: tuple[int, int], points: NDArray, config: AugmentConfig
) -> Change:
    """A random augmentation that keeps all ``points`` (P, 2) in the picture."""
    width, height = size
    sides = np.array([width, height]) * rng.uniform(config.crop, 1.0)
    sides = np.maximum(sides, np.ptp(points, axis=0))
    # The rectangle's corner: anywhere such that the points stay inside.
    low = np.clip(points.max(0) - sides, 0, np.array(size) - sides)
    high = np.clip(points.min(0), low, np.array(size) - sides)
    left, top = rng.uniform(low, high)
    factor = np.exp(rng.uniform(min(0.0, np.log(config.smallest_height / sides[1])), 0.0))
    stretch = np.exp(rng.uniform(-config.aspect, config.aspect))
    new_width, new_height = (sides * factor * np.array([stretch**0.5, stretch**-0.5])).round().astype(int)
    colours = rng.uniform(1 - config.colour, 1 + config.colour, 3) if config.colour else np.ones(3)
    return Change(
        float(left), float(top), min(float(left + sides[0]), width), min(float(top + sides[1]), height),
        max(32, int(new_width)), max(32, int(new_height)),
        bool(config.mirror and rng.random() < 0.5), *map(float, colours),
    )  # fmt: skip


class Targets(NamedTuple):
    """What training asks for at n points, as arrays; the fields are those of `Batch`."""

    fits: NDArray
    template: NDArray
    positive: NDArray
    counted: NDArray
    scale: NDArray
    scales: NDArray
    sized: NDArray
    normalised: NDArray
    known: NDArray


def targets_of(
    samples: Samples,
    points: NDArray,
    change: Change,
    templates: TemplateSet,
    mode: str = "nearest",
    scales: str = "nearest",
) -> Targets:
    """Targets at some points of one frame, after a change: `TrainConfig.targets` and `TrainConfig.scales`."""
    count, kinds = len(points), np.array([KINDS.index(kind) for kind in templates.kinds])
    out = Targets(
        fits=np.zeros(count, bool), template=np.zeros(count, np.int64),
        positive=np.zeros((count, len(templates)), np.float32),
        counted=np.ones((count, len(templates)), bool),
        scale=np.ones((count, 2), np.float32),
        scales=np.ones((count, len(templates), 2), np.float32), sized=np.zeros((count, len(templates)), bool),
        normalised=np.full((count, 16, 2), np.nan, np.float32),
        known=np.zeros((count, 16), bool),
    )  # fmt: skip
    for n, point in enumerate(points):
        rows = samples.pose_rows(point)
        if mode != "nearest":
            out.counted[n] = samples.tried[point, kinds] > 0
        if not len(rows):
            continue
        known = samples.visibility[rows] >= 1
        keypoints = np.where(known[..., None], samples.keypoints[rows], np.nan).astype(np.float64)
        _, scale, normalised = decompose(change.keypoints(keypoints) / change.height)
        nearest = templates.nearest(normalised)
        first = int(np.flatnonzero(samples.primary[rows])[0])
        out.fits[n], out.template[n], out.scale[n] = True, nearest[first], scale[first]
        measured = np.append(np.arange(len(rows)) if scales == "valid" else [], first).astype(int)
        # The primary pose comes last, so that its scale stands where several are nearest to one template.
        out.scales[n, nearest[measured]], out.sized[n, nearest[measured]] = scale[measured], True
        out.normalised[n], out.known[n] = normalised[first], ~np.isnan(normalised[first, :, 0])
        if mode != "nearest":
            out.positive[n, nearest] = 1.0 if mode == "valid" else 0.5
        out.positive[n, nearest[first]] = 1.0
        out.counted[n] |= out.positive[n] > 0
    return out


class Sampler:
    """Draws frames and points of one source, by weights that depend on the kinds."""

    def __init__(self, source: Source, config: TrainConfig) -> None:
        samples = source.samples
        rows = samples.primary_rows
        fits = rows >= 0
        weights = np.ones(len(samples))
        if config.balance and fits.any():
            kinds = samples.kinds[rows[fits]]
            share = np.bincount(kinds, minlength=len(KINDS)) / fits.sum()
            weights[fits] = share[kinds] ** -config.balance
        if not fits.all():
            wanted = config.negatives / (1 - config.negatives) * weights[fits].sum()
            weights[~fits] = wanted / (~fits).sum()
        self.source, self.weights = source, weights
        self.points_of = [
            np.flatnonzero((samples.point_frames == frame) & (weights > 0))
            for frame in range(len(samples.frame_names))
        ]
        shares = np.array([weights[points].sum() for points in self.points_of])
        if not shares.sum() > 0:
            raise ValueError(f"the source {source.name} has no points to train on")
        self.shares = shares / shares.sum()

    def draw(self, rng: np.random.Generator, points_per_frame: int) -> tuple[int, NDArray]:
        """A frame's row and up to ``points_per_frame`` different points of it."""
        frame = int(rng.choice(len(self.shares), p=self.shares))
        points = self.points_of[frame]
        chances = self.weights[points] / self.weights[points].sum()
        return frame, rng.choice(points, min(points_per_frame, len(points)), replace=False, p=chances)


class Batches(Dataset):
    """``batches[step]`` is the batch of that step, always the same one: a resumed run sees the same data."""

    def __init__(self, sources: Sequence[Source], templates: TemplateSet, config: TrainConfig) -> None:
        self.samplers = [Sampler(source, config) for source in sources]
        weights = np.array(config.data_weights or [len(source.samples) for source in sources], np.float64)
        self.source_shares = weights / weights.sum()
        self.templates, self.config = templates, config

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.config.seed, step))
        size = self.config.model.view_size
        whole, local, detail, where, frames, targets = [], [], [], [], [], []
        for number in range(self.config.frames):
            sampler = self.samplers[int(rng.choice(len(self.samplers), p=self.source_shares))]
            samples = sampler.source.samples
            frame, points = sampler.draw(rng, self.config.points_per_frame)
            picture = sampler.source.picture(frame)
            places = samples.points[points].astype(np.float64)
            change = draw_change(rng, picture.size, places, self.config.augment)
            picture = change.picture(picture)
            whole.append(crop(picture, global_view(*picture.size), size))
            for x, y in change.points(places):
                local.append(crop(picture, local_view((x, y), picture.height), size))
                detail.append(crop(picture, detail_view((x, y), picture.height), size))
                where.append(place_in_picture((x, y), *picture.size))
                frames.append(number)
            targets.append(
                targets_of(samples, points, change, self.templates, self.config.targets, self.config.scales)
            )
        columns = (torch.from_numpy(np.concatenate(column)) for column in zip(*targets, strict=True))
        return Batch(
            torch.stack(whole),
            torch.stack(local),
            torch.stack(detail),
            torch.tensor(where, dtype=torch.float32),
            torch.tensor(frames),
            *columns,
        )
