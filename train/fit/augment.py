"""Augmentation: one random change of a frame, for its picture, its points and its poses alike."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from scenepose.data.samples import Samples
from scenepose.data.shapes import TALLEST, Rectangle, core, within
from scenepose.pose.skeleton import mirror
from train.fit.config import AugmentConfig

#: Spread of the strongest noise, of 255.
STRONGEST_NOISE = 10.0
#: Width to height of the narrowest and the widest picture.
SHAPES = (9 / 16, 21 / 9)


class Change(NamedTuple):
    """Keep a rectangle of a frame, resize it, maybe mirror it, change its colours, and spoil it."""

    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    noise: float = 0.0  # spread, of 255
    noise_seed: int = 0
    jpeg: int = 0  # quality; 0 leaves the picture uncompressed

    def picture(self, picture: Image.Image, frame_width: int | None = None) -> Image.Image:
        """The changed picture. ``frame_width`` is the frame's, where its picture was stored smaller."""
        stored = picture.width / (frame_width or picture.width)
        right, bottom = min(self.right * stored, picture.width), min(self.bottom * stored, picture.height)
        box = (self.left * stored, self.top * stored, right, bottom)
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
        if self.noise:
            values = np.asarray(picture, np.float32)
            grain = np.random.default_rng(self.noise_seed).standard_normal(values.shape, np.float32)
            picture = Image.fromarray((values + self.noise * grain).clip(0, 255).astype(np.uint8))
        if self.jpeg:
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=self.jpeg)
            picture = Image.open(file).convert("RGB")
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

    def back(self, points: NDArray) -> NDArray:
        """Where points (..., 2) of the changed picture lie in the frame, pixels: `points` undone."""
        moved = np.array(points, float)
        if self.mirrored:
            moved[..., 0] = self.width - moved[..., 0]
        kept = np.array([self.right - self.left, self.bottom - self.top])
        return moved * kept / np.array([self.width, self.height]) + np.array([self.left, self.top])

    def keypoints(self, keypoints: NDArray) -> NDArray:
        """Where poses (..., 16, 2) lie in the changed picture; left and right swap in a mirror."""
        moved = self._stretched(keypoints)
        return mirror(moved, self.width) if self.mirrored else moved


def draw_change(
    rng: np.random.Generator,
    size: tuple[int, int],
    points: NDArray,
    config: AugmentConfig,
    boxes: NDArray | None = None,
) -> Change:
    """A random augmentation that keeps all points in the picture.

    Args:
        rng: every choice comes from it. size: the frame's. points: (P, 2) in its pixels.
        config: how frames vary.
        boxes: (P, 4) x0, y0, x1, y1 of the points' poses, NaN where nobody fits: a crop to another shape
            keeps most of them. By default they are taken to be as large as people usually are.
    """
    if _reshaped(rng, config):
        return _finished(rng, size, _shaped(rng, size, points, _boxes(size, points, boxes), config), config)
    return _finished(rng, size, _jittered(rng, size, points, config), config)


def draw_crop(
    rng: np.random.Generator,
    size: tuple[int, int],
    points: NDArray,
    boxes: NDArray,
    config: AugmentConfig,
    count: int,
) -> tuple[NDArray, Change]:
    """A random augmentation, and which of the points it keeps: up to ``count``, the first always.

    A tall crop has no room for points all over a wide frame. So give more points than are wanted, in random
    order: a crop to another shape is laid around the first, and the next ones that lie in it come along.

    Args:
        as in `draw_change`; ``boxes`` as `boxes_of` gives them.

    Returns:
        rows of ``points`` (at most ``count``,), ascending, and the change.
    """
    if not _reshaped(rng, config):
        kept = np.arange(min(count, len(points)))
        return kept, _finished(rng, size, _jittered(rng, size, points[kept], config), config)
    crop = _shaped(rng, size, points[:1], _boxes(size, points[:1], boxes[:1]), config)
    fits = within(crop, points, _boxes(size, points, boxes))
    fits[0] = True
    return np.flatnonzero(fits)[:count], _finished(rng, size, crop, config)


def boxes_of(samples: Samples, points: NDArray) -> NDArray:
    """(P, 4) x0, y0, x1, y1 of the primary poses at points (P,), pixels; NaN where nobody fits."""
    rows = samples.primary_rows[points]
    boxes = np.full((len(points), 4), np.nan)
    there = rows >= 0
    if there.any():
        chosen = rows[there]
        keypoints = np.where(samples.visibility[chosen, :, None] > 0, samples.keypoints[chosen], np.nan)
        boxes[there] = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
    return boxes


def _reshaped(rng: np.random.Generator, config: AugmentConfig) -> bool:
    return bool(config.crop < 1 and rng.random() < config.shapes)


def _boxes(size: tuple[int, int], points: NDArray, boxes: NDArray | None) -> NDArray:
    """Known boxes; where nobody fits the point alone, and usual ones if nothing is known."""
    if boxes is None:
        half = np.array([0.15, 0.3]) * size[1]
        return np.concatenate([points - half, points + half], 1)
    return np.where(np.isnan(boxes), np.concatenate([points, points], 1), boxes)


def _jittered(
    rng: np.random.Generator, size: tuple[int, int], points: NDArray, config: AugmentConfig
) -> Rectangle:
    """A rectangle of about the frame's shape in which the points lie."""
    sides = np.array(size) * rng.uniform(config.crop, 1.0)
    sides = np.maximum(sides, np.ptp(points, axis=0))
    return _laid(rng, size, sides, points.min(0), points.max(0))


def _shaped(
    rng: np.random.Generator, size: tuple[int, int], points: NDArray, boxes: NDArray, config: AugmentConfig
) -> Rectangle:
    """A rectangle of a random shape, as near to it as points and boxes allow, in which they lie."""
    low, high = core(size, points, boxes)
    tallest = float((boxes[:, 3] - boxes[:, 1]).max())
    least = np.maximum(high - low, [1.0, np.clip(tallest / TALLEST, 1.0, size[1])])
    aspect = np.exp(rng.uniform(*np.log(SHAPES)))
    aspect = np.clip(aspect, least[0] / size[1], size[0] / least[1])
    largest = np.array([min(size[0], aspect * size[1]), min(size[1], size[0] / aspect)])
    smallest = max(config.crop, *(least / largest))
    return _laid(rng, size, largest * rng.uniform(min(1.0, smallest), 1.0), low, high)


def _laid(
    rng: np.random.Generator, size: tuple[int, int], sides: NDArray, low: NDArray, high: NDArray
) -> Rectangle:
    """A rectangle with these sides anywhere in the frame such that it holds all from ``low`` to ``high``."""
    first = np.clip(high - sides, 0, np.array(size) - sides)
    last = np.clip(low, first, np.array(size) - sides)
    left, top = rng.uniform(first, last)
    right, bottom = min(left + sides[0], size[0]), min(top + sides[1], size[1])
    return Rectangle(float(left), float(top), float(right), float(bottom))


def _finished(
    rng: np.random.Generator, size: tuple[int, int], kept: Rectangle, config: AugmentConfig
) -> Change:
    """The change that keeps a rectangle, with everything else drawn."""
    sides = np.array([kept.right - kept.left, kept.bottom - kept.top])
    factor = np.exp(rng.uniform(min(0.0, np.log(config.smallest_height / sides[1])), 0.0))
    stretch = np.exp(rng.uniform(-config.aspect, config.aspect))
    new_width, new_height = (sides * factor * np.array([stretch**0.5, stretch**-0.5])).round().astype(int)
    colours = rng.uniform(1 - config.colour, 1 + config.colour, 3) if config.colour else np.ones(3)
    return Change(
        *kept, max(32, int(new_width)), max(32, int(new_height)),
        bool(config.mirror and rng.random() < 0.5), *map(float, colours),
        noise=rng.uniform(0, STRONGEST_NOISE) if rng.random() < config.noise else 0.0,
        noise_seed=int(rng.integers(2**31)),
        jpeg=int(rng.integers(30, 91)) if rng.random() < config.jpeg else 0,
    )  # fmt: skip
