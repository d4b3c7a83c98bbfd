"""Augmentation: one random change of a frame, for its picture, its points and its poses alike."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from scenepose.skeleton import mirror
from train.config import AugmentConfig

#: Spread of the strongest noise, of 255.
STRONGEST_NOISE = 10.0


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


def no_change(width: int, height: int) -> Change:
    """The change that leaves a frame as it is."""
    return Change(0.0, 0.0, float(width), float(height), width, height)


def draw_change(
    rng: np.random.Generator, size: tuple[int, int], points: NDArray, config: AugmentConfig
) -> Change:
    """A random augmentation that keeps all ``points`` (P, 2) in the picture; ``size`` is the frame's."""
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
        noise=rng.uniform(0, STRONGEST_NOISE) if rng.random() < config.noise else 0.0,
        noise_seed=int(rng.integers(2**31)),
        jpeg=int(rng.integers(30, 91)) if rng.random() < config.jpeg else 0,
    )  # fmt: skip
