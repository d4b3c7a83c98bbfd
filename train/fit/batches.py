"""Training batches: frames, augmented, with several points of each; a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from scenepose.data.prior import point_weights
from scenepose.data.samples import Samples
from scenepose.data.sources import Source
from scenepose.model.encoder import STRIDE, width_at
from scenepose.model.pixels import cut_views, square_boxes
from scenepose.pose.geometry import position_in_picture
from scenepose.pose.kinds import KINDS
from scenepose.pose.templates import TemplateSet
from train.fit.augment import Change, boxes_of, draw_crop
from train.fit.config import RunConfig
from train.fit.pictures import Pictures
from train.fit.targets import targets_of

#: So many times as many points are drawn as are wanted of a frame.
SPARE = 4


class Batch(NamedTuple):
    """B points in F frames. Where nobody fits, only the compatibility targets mean anything.

    Few and large tensors: each costs the loader's processes an open file on its way.
    """

    pixels: Tensor  # uint8, the changed pictures (3, h, w) one after the other
    sizes: list[tuple[int, int, int]]  # h, w and number of points of each
    position: Tensor  # (B, 3) where the points lie in their pictures
    sample: Tensor  # (B,) number of the point, sources counted through
    mirrored: Tensor  # (B,) bool
    fits: Tensor  # (B,) bool: there is a pose
    template: Tensor  # (B,) nearest template
    positive: Tensor  # (B, K) 1 where the template fits, 0 where not
    counted: Tensor  # (B, K) bool
    scale: Tensor  # (B, 2) of the primary pose
    scales: Tensor  # (B, K, 2) of the templates that have one
    sized: Tensor  # (B, K) bool: those that do
    normalised: Tensor  # (B, 16, 2), NaN where unknown
    known: Tensor  # (B, 16) bool
    hidden: Tensor  # (B, 16) bool: known joints that furniture hides
    told: (
        Tensor  # (B, 16) bool: known joints inside the picture, of which it is known whether they are hidden
    )
    taught: Tensor  # (B,) bool: the points that the teacher sees
    # What is seen in the cells of the pictures at height 2 S, one picture after the other, see
    # `scenepose.data.surfaces`; empty where nobody asked.
    surface: Tensor  # (cells,) index into `SURFACES`, -1 where unknown
    metre: Tensor  # (cells,) logarithm of how many picture heights a metre spans
    rise: Tensor  # (cells,) metres above the floor

    def moved(self, device: torch.device) -> Batch:
        """The batch on a device."""
        moved = {
            name: value.to(device, non_blocking=True)
            for name, value in self._asdict().items()
            if isinstance(value, Tensor)
        }
        return self._replace(**moved)

    @property
    def pictures(self) -> list[Tensor]:
        """The F pictures (3, h, w)."""
        found, first = [], 0
        for height, width, _ in self.sizes:
            found.append(self.pixels[first : first + 3 * height * width].view(3, height, width))
            first += 3 * height * width
        return found

    @property
    def positions(self) -> list[Tensor]:
        """The points' positions by picture."""
        return list(self.position.split([points for _, _, points in self.sizes]))

    def local_views(self, rows: Tensor, size: int) -> Tensor:
        """The local views of some points, cut from the pixels: (len(rows), 3, size, size).

        Args:
            rows: numbers of points, ascending.
        """
        views, first = [], 0
        for picture, position in zip(self.pictures, self.positions, strict=True):
            here = rows[(rows >= first) & (rows < first + len(position))] - first
            if len(here):
                boxes = square_boxes(position[here], picture.shape[1], picture.shape[2], 1.0)
                views.append(cut_views(picture, boxes, size))
            first += len(position)
        return torch.cat(views).contiguous(memory_format=torch.channels_last)


class Sampler:
    """Draws frames and points of one source, by weights that depend on the kinds of pose that fit."""

    def __init__(self, source: Source, config: RunConfig) -> None:
        samples = source.samples
        rows = samples.primary_rows
        fits = rows >= 0
        weights = point_weights(samples) if config.prior else np.ones(len(samples))
        if config.telling and fits.any():
            weights[fits] *= kinds_that_fit(samples)[fits] ** -config.telling
        if fits.any() and not fits.all():
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
        sources: where points are drawn from. view_size: S of the encoder, pixels.
        targets, scales: as in `TrainConfig`.
        surfaces: whether to say what is seen in the pictures' cells.
        part: (this process, all processes): which of a step's frames are prepared. Each frame has a random
            generator of its own, so that the parts together are the batch of a single process.
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
        surfaces: bool = False,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        if config.frames < part[1]:
            raise ValueError(f"{part[1]} processes share {config.frames} frames a step: give more frames")
        self.samplers = [Sampler(source, config) for source in sources]
        self.boxes = [boxes_of(source.samples, np.arange(len(source.samples))) for source in sources]
        weights = np.array(config.data_weights or [len(source.samples) for source in sources], np.float64)
        self.source_shares = weights / weights.sum()
        self.first = np.cumsum([0, *(len(source.samples) for source in sources)])
        self.pictures = [Pictures(source, config.cache_gigabytes / len(sources)) for source in sources]
        self.templates, self.config, self.view_size = templates, config, view_size
        self.targets, self.scales, self.part, self.surfaces = targets, scales, part, surfaces
        self.taught = getattr(config, "teacher_share", 0.0)

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
        numbers = range(part, self.config.frames, of)
        parts = [self._frame(self._generator(step, number)) for number in numbers]
        pixels, sizes, *columns = zip(*parts, strict=True)
        joined = (torch.from_numpy(np.concatenate(column)) for column in columns)
        return Batch(torch.cat(pixels), list(sizes), *joined)

    def _draw(self, rng: np.random.Generator) -> Draw:
        """A frame, points of it, and how they are changed."""
        which = int(rng.choice(len(self.samplers), p=self.source_shares))
        samples = self.samplers[which].source.samples
        wanted = self.config.points_per_frame
        # More than are wanted: a crop to another shape keeps those that lie in it.
        frame, points = self.samplers[which].draw(rng, SPARE * wanted)
        width, height = (int(side) for side in samples.frame_sizes[frame])
        kept, change = draw_crop(
            rng, (width, height), samples.points[points].astype(np.float64), self.boxes[which][points],
            self.config.augment, wanted,
        )  # fmt: skip
        points = points[kept]
        return Draw(which, frame, points, change)

    def _frame(self, rng: np.random.Generator) -> tuple:
        """One frame's part of the fields of `Batch`."""
        which, frame, points, change = self._draw(rng)
        source = self.samplers[which].source
        samples = source.samples
        picture = change.picture(self.pictures[which].picture(frame), int(samples.frame_sizes[frame, 0]))
        moved = change.points(samples.points[points].astype(np.float64))
        position = [position_in_picture((float(x), float(y)), *picture.size) for x, y in moved]
        return (
            torch.from_numpy(np.array(picture)).permute(2, 0, 1).flatten(),
            (picture.height, picture.width, len(points)),
            np.array(position, np.float32),
            self.first[which] + points,
            np.full(len(points), change.mirrored),
            *targets_of(samples, points, change, self.templates, self.targets, self.scales),
            np.arange(len(points)) < np.ceil(self.taught * len(points)),
            *self._seen(source, frame, change),
        )

    def _seen(self, source: Source, frame: int, change: Change) -> tuple[NDArray, NDArray, NDArray]:
        """The last three fields of `Batch` for a changed picture."""
        if not self.surfaces:
            return np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32)
        height = 2 * self.view_size
        width = width_at((change.height, change.width), height)
        rows, columns = height // 8, (width + -width % STRIDE) // 8
        if source.surfaces is None:
            nothing = np.zeros(rows * columns, np.float32)
            return np.full(rows * columns, -1), nothing, nothing
        x = (np.arange(columns) + 0.5) * 8 / width * change.width
        y = (np.arange(rows) + 0.5) / rows * change.height
        places = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
        size = source.samples.frame_sizes[frame]
        seen = source.surfaces.at(frame, change.back(places) / size)
        # In heights of what is kept of the frame, as the scales are.
        metre = seen.metre + np.float32(np.log(size[1] / (change.bottom - change.top)))
        return np.where(places[:, 0] < change.width, seen.surface, -1), metre, seen.rise
