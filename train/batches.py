"""Training batches: frames, augmented, with several points of each; a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from scenepose.data.samples import KINDS, Samples
from scenepose.data.sources import Source
from scenepose.geometry import View, detail_view, global_view, local_view, place_in_picture
from scenepose.templates import TemplateSet
from scenepose.views import crop
from train.augment import Change, draw_change
from train.config import RunConfig
from train.crops import cut_views
from train.pictures import Pictures
from train.targets import targets_of


class Views(NamedTuple):
    """The three views of B points in F frames, ImageNet-normalised."""

    whole: Tensor  # (F, 3, S, S)
    local: Tensor  # (B, 3, S, S)
    detail: Tensor  # (B, 3, S, S)


class Uncut(NamedTuple):
    """F changed pictures and the views to cut from them on the device.

    Few and large tensors: each costs the loader's processes an open file on its way.
    """

    pixels: Tensor  # uint8, the pictures (3, h, w) one after the other
    sizes: list[tuple[int, int, int]]  # h, w and number of points of each
    views: Tensor  # (F + 2 B, 4): of each picture the whole, its points' local views, their detail views

    def cut(self, device: torch.device, size: int) -> Views:
        """The views, on the device."""
        pixels, boxes = (x.to(device, non_blocking=True) for x in (self.pixels, self.views))
        whole, local, detail, first, row = [], [], [], 0, 0
        for height, width, points in self.sizes:
            picture = pixels[first : first + 3 * height * width].view(3, height, width)
            found = cut_views(picture, boxes[row : row + 1 + 2 * points], size)
            whole.append(found[:1])
            local.append(found[1 : 1 + points])
            detail.append(found[1 + points :])
            first, row = first + 3 * height * width, row + 1 + 2 * points
        return Views(torch.cat(whole), torch.cat(local), torch.cat(detail))


class Batch(NamedTuple):
    """B points in F frames. Where nobody fits, only the compatibility targets mean anything."""

    views: Views | Uncut
    place: Tensor  # (B, 3) where the points lie in their pictures
    frame: Tensor  # (B,) row of the whole view
    sample: Tensor  # (B,) number of the point, sources counted through
    mirrored: Tensor  # (B,) bool
    fits: Tensor  # (B,) bool: there is a pose
    template: Tensor  # (B,) nearest template
    positive: Tensor  # (B, K) 1 where the template fits, 0 where not, between where it only may
    counted: Tensor  # (B, K) bool
    scale: Tensor  # (B, 2) of the primary pose
    scales: Tensor  # (B, K, 2) of the templates that have one
    sized: Tensor  # (B, K) bool: those that do
    normalised: Tensor  # (B, 16, 2), NaN where unknown
    known: Tensor  # (B, 16) bool
    # What is seen in the local view's cells, see `scenepose.data.surfaces`; h is 0 where nobody asked.
    surface: Tensor  # (B, h, h) index into `SURFACES`, -1 where unknown
    metre: Tensor  # (B, h, h) logarithm of how many picture heights a metre spans
    rise: Tensor  # (B, h, h) metres above the floor

    def moved(self, device: torch.device, size: int) -> Batch:
        """The batch on a device, its views cut."""
        views, *rest = self
        if isinstance(views, Uncut):
            views = views.cut(device, size)
        layout = torch.channels_last
        views = Views(*(view.to(device, memory_format=layout, non_blocking=True) for view in views))
        return Batch(views, *(tensor.to(device, non_blocking=True) for tensor in rest))


class Sampler:
    """Draws frames and points of one source, by weights that depend on the kinds of pose that fit."""

    def __init__(self, source: Source, config: RunConfig) -> None:
        samples = source.samples
        rows = samples.primary_rows
        fits = rows >= 0
        weights = np.ones(len(samples))
        if config.balance and fits.any():
            kinds = samples.kinds[rows[fits]]
            share = np.bincount(kinds, minlength=len(KINDS)) / fits.sum()
            weights[fits] = share[kinds] ** -config.balance
        if config.telling and fits.any():
            weights[fits] *= kinds_that_fit(samples)[fits] ** -config.telling
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


def kinds_that_fit(samples: Samples) -> NDArray:
    """(P,) of how many kinds poses are known to fit at each point, as floats."""
    there = np.zeros((len(samples), len(KINDS)), bool)
    there[samples.pose_points, samples.kinds] = True
    return there.sum(1).astype(np.float64)


class Draw(NamedTuple):
    """One frame of a batch: the source's number, the frame's row, the points' rows, the augmentation."""

    source: int
    frame: int
    points: NDArray
    change: Change


class Batches(Dataset):
    """``batches[step]`` is the batch of that step, always the same one: a resumed run sees the same data.

    Args:
        sources: where points are drawn from. view_size: of the views, pixels.
        targets, scales: as in `TrainConfig`.
        cells: of the local view across and down, for which to say what is seen there; 0 says nothing.
        part: (this process, all processes): which of a step's frames are prepared. Each frame has a random
            generator of its own, so that the parts together are the batch of a single process.
        cut: whether to cut the views here, or leave it to the device.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        templates: TemplateSet,
        config: RunConfig,
        *,
        view_size: int,
        targets: str = "nearest",
        scales: str = "nearest",
        cells: int = 0,
        part: tuple[int, int] = (0, 1),
        cut: bool = True,
    ) -> None:
        if config.frames < part[1]:
            raise ValueError(f"{part[1]} processes share {config.frames} frames a step: give more frames")
        self.samplers = [Sampler(source, config) for source in sources]
        weights = np.array(config.data_weights or [len(source.samples) for source in sources], np.float64)
        self.source_shares = weights / weights.sum()
        self.first = np.cumsum([0, *(len(source.samples) for source in sources)])
        self.pictures = [Pictures(source, config.cache_gigabytes / len(sources)) for source in sources]
        self.templates, self.config, self.view_size = templates, config, view_size
        self.targets, self.scales, self.part, self.cut = targets, scales, part, cut
        self.cells = cells

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> Batch:
        return self._some(step, *self.part)

    def whole(self, step: int) -> Batch:
        """The batch of all processes together."""
        return self._some(step, 0, 1)

    def drawn(self, step: int) -> tuple[NDArray, NDArray]:
        """The points of all processes' batch, by their number through all sources, and whether mirrored (B,),
        without a look at their pictures."""
        draws = [self._draw(self._generator(step, number)) for number in range(self.config.frames)]
        return (
            np.concatenate([self.first[draw.source] + draw.points for draw in draws]),
            np.concatenate([np.full(len(draw.points), draw.change.mirrored) for draw in draws]),
        )

    def _generator(self, step: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, step, number))

    def _some(self, step: int, part: int, of: int) -> Batch:
        parts = []
        for row, number in enumerate(range(part, self.config.frames, of)):
            parts.append(self._frame(self._generator(step, number), row))
        views, *columns = zip(*parts, strict=True)
        if self.cut:
            joined = Views(*(torch.cat(column) for column in zip(*views, strict=True)))
        else:
            pictures, sizes, boxes = zip(*views, strict=True)
            joined = Uncut(torch.cat(pictures), list(sizes), torch.cat(boxes))
        return Batch(joined, *(torch.from_numpy(np.concatenate(column)) for column in columns))

    def _draw(self, rng: np.random.Generator) -> Draw:
        """A frame, points of it, and how they are changed."""
        which = int(rng.choice(len(self.samplers), p=self.source_shares))
        samples = self.samplers[which].source.samples
        frame, points = self.samplers[which].draw(rng, self.config.points_per_frame)
        width, height = (int(side) for side in samples.frame_sizes[frame])
        change = draw_change(
            rng, (width, height), samples.points[points].astype(np.float64), self.config.augment
        )
        return Draw(which, frame, points, change)

    def _frame(self, rng: np.random.Generator, row: int) -> tuple:
        """One frame's part of the fields of `Batch`."""
        which, frame, points, change = self._draw(rng)
        source = self.samplers[which].source
        samples = source.samples
        picture = change.picture(self.pictures[which].picture(frame), int(samples.frame_sizes[frame, 0]))
        places = samples.points[points].astype(np.float64)
        moved = [(float(x), float(y)) for x, y in change.points(places)]
        place = np.array([place_in_picture(point, *picture.size) for point in moved], np.float32)
        return (
            self._views(picture, moved),
            place,
            np.full(len(points), row),
            self.first[which] + points,
            np.full(len(points), change.mirrored),
            *targets_of(samples, points, change, self.templates, self.targets, self.scales),
            *self._seen(source, frame, change, moved),
        )

    def _seen(
        self, source: Source, frame: int, change: Change, points: list[tuple[float, float]]
    ) -> tuple[NDArray, NDArray, NDArray]:
        """The last three fields of `Batch` at points of the changed picture."""
        shape = (len(points), self.cells, self.cells)
        if source.surfaces is None or not self.cells:
            return np.full(shape, -1), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        steps = ((np.arange(self.cells) + 0.5) / self.cells - 0.5) * change.height
        grid = np.stack(np.meshgrid(steps, steps), -1)
        places = (np.array(points)[:, None, None] + grid).reshape(-1, 2)
        inside = ((places >= 0) & (places < (change.width, change.height))).all(1)
        size = source.samples.frame_sizes[frame]
        seen = source.surfaces.at(frame, change.back(places) / size)
        # In heights of what is kept of the frame, as the scales are.
        metre = seen.metre + np.float32(np.log(size[1] / (change.bottom - change.top)))
        surface = np.where(inside, seen.surface, -1)
        return surface.reshape(shape), metre.reshape(shape), seen.rise.reshape(shape)

    def _views(self, picture: Image.Image, points: list[tuple[float, float]]) -> tuple:
        """The parts of `Views`, or of `Uncut`."""
        local = [local_view(point, picture.height) for point in points]
        detail = [detail_view(point, picture.height) for point in points]
        if not self.cut:
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).flatten()
            boxes = torch.tensor([global_view(*picture.size), *local, *detail])
            return pixels, (picture.height, picture.width, len(points)), boxes

        def stacked(views: list[View]) -> Tensor:
            return torch.stack([crop(picture, view, self.view_size) for view in views])

        return stacked([global_view(*picture.size)]), stacked(local), stacked(detail)
