"""One encoded picture: every click in it costs only the two views around the point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from scenepose import geometry
from scenepose.errors import CheckpointError, PointError, RequestError
from scenepose.features import Features, fuse, view_maps
from scenepose.images import Picture
from scenepose.views import crop

if TYPE_CHECKING:
    from scenepose.predictor import Generator, Pose

#: Views are cut from a copy at most this high (pixels): the detail view, H / 2, still has twice its size.
VIEW_HEIGHT = 896


class Scene:
    """One picture with its features.

    Attributes:
        picture: what was read; ``width`` and ``height`` are the original's, pixels.
    """

    def __init__(self, generator: Generator, picture: Picture):
        """Use `Generator.encode`."""
        self.generator = generator
        self.picture = picture
        self.width, self.height = picture.width, picture.height
        self._source = _view_source(picture.image)
        whole = self._crop(geometry.global_view(*self._source.size))
        with torch.inference_mode():
            self._whole = view_maps(generator.model, self._batch([whole]))

    @property
    def nbytes(self) -> int:
        """The memory that it takes: pixels, for each of which Pillow keeps four bytes, and features."""
        images = {id(image): image for image in (self.picture.image, self._source)}
        pixels = sum(image.width * image.height for image in images.values())
        return 4 * pixels + sum(maps.nbytes for maps in self._whole)

    def by(self, generator: Generator) -> Scene:
        """The same picture for another method on the same encoder, without encoding it again.

        Raises:
            CheckpointError: that method reads another encoder.
        """
        if generator.model is not self.generator.model:
            own, other = self.generator.fingerprint, generator.fingerprint
            if own != other:
                raise CheckpointError(
                    f"{generator.name} reads the encoder {other}, and this scene was encoded by {own}"
                )
        scene = copy(self)
        scene.generator = generator
        return scene

    def generate(self, point: tuple[float, float], top_k: int = 5, seed: int = 0) -> list[Pose]:
        """The people who fit at a point, best first.

        Args:
            point: (x, y), pixels of the original picture.
            top_k: how many at most. The main method has at most one a template; a stochastic method draws so
                many samples; a deterministic one has a single answer.
            seed: of a stochastic method's samples; the others have no use for it.

        Raises:
            PointError: the point is no pair of finite numbers or lies outside the picture.
            RequestError: ``top_k`` is below 1.
        """
        point = check_point(point, self.width, self.height)
        if top_k < 1:
            raise RequestError(f"at least 1 pose must be asked for, not {top_k}")
        return self.generator.answer(self.features([point]), point, self.height, top_k, seed)

    def compatibility(self, points: NDArray) -> NDArray[np.float32]:
        """Compatibility scores of all templates at many points, without their poses.

        Args:
            points: (N, 2), pixels of the original picture.

        Returns:
            (N, K) in [0, 1].

        Raises:
            RequestError: the method has no compatibility scores; only the main one does.
        """
        if self.generator.head is not None:
            raise RequestError(
                f"{self.generator.name} gives no compatibility scores, so it cannot say where people fit"
            )
        with torch.inference_mode():
            logits = self.generator.model.score(self.features(points.tolist()).fused)
            return logits.sigmoid().cpu().numpy()

    def features(self, points: Sequence[tuple[float, float]]) -> Features:
        """What the encoder says about clicks at N points of the original picture; every method reads it."""
        model = self.generator.model
        width, height = self._source.size
        views = []
        for x, y in points:
            at = (x * width / self.width, y * height / self.height)
            views.append(self._crop(geometry.local_view(at, height)))
            views.append(self._crop(geometry.detail_view(at, height)))
        places = [geometry.place_in_picture(point, self.width, self.height) for point in points]
        with torch.inference_mode():
            maps = view_maps(model, self._batch(views))
            place = torch.tensor(places, dtype=torch.float32, device=self.generator.device)
            local, detail = maps.at(slice(0, None, 2)), maps.at(slice(1, None, 2))
            return fuse(model, self._whole.expand(len(points)), local, detail, place)

    def _crop(self, view: geometry.View) -> torch.Tensor:
        """A rectangle of the working copy as the network takes it."""
        return crop(self._source, view, self.generator.model.config.view_size)

    def _batch(self, views: list[torch.Tensor]) -> torch.Tensor:
        """(B, 3, S, S) on the model's device."""
        batch = torch.stack(views).to(self.generator.device)
        return batch.contiguous(memory_format=torch.channels_last)


def check_point(point: tuple[float, float], width: int, height: int) -> tuple[float, float]:
    """The point as two floats.

    Raises:
        PointError: it is no pair of finite numbers, or lies outside a picture of this size.
    """
    try:
        x, y = (float(value) for value in point)
    except (TypeError, ValueError):
        raise PointError(f"a point is two numbers x and y, not {point!r}") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise PointError(f"a point is two finite numbers, not ({x:g}, {y:g})")
    if not geometry.inside((x, y), width, height):
        raise PointError(
            f"the point ({x:g}, {y:g}) lies outside the picture, which is {width} x {height} pixels"
        )
    return x, y


def _view_source(image: Image.Image) -> Image.Image:
    """A copy low enough that cutting views from it is cheap and loses nothing they could show."""
    if image.height <= VIEW_HEIGHT:
        return image
    width = max(1, round(image.width * VIEW_HEIGHT / image.height))
    return image.resize((width, VIEW_HEIGHT), Image.Resampling.BOX, reducing_gap=2.0)
