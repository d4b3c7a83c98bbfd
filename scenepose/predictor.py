"""From a picture and a point to poses: encode a scene once, then every click is cheap.

`Generator` holds a trained model, `Scene` one encoded picture, `Pose` one answer. The whole picture's
features are computed by `Generator.encode`; a click computes only the two views around the point (paper,
section 3.1). All three can be shared between threads: nothing is changed after it was made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from scenepose import geometry, images
from scenepose.assets import checkpoint_path
from scenepose.errors import CheckpointError, PointError, RequestError
from scenepose.images import ImageLike, Picture
from scenepose.model.checkpoint import load_checkpoint
from scenepose.model.scenepose import ScenePose
from scenepose.views import crop

#: Views are cut from a copy at most this high (pixels): the detail view, H / 2, still has twice its size.
VIEW_HEIGHT = 896


@dataclass(frozen=True, eq=False)
class Pose:
    """One person who fits at a point.

    Attributes:
        keypoints: (16, 2) float32, MPII order, pixels of the original picture; may lie outside of it.
        score: compatibility in [0, 1], the template's sigmoid; None where a method gives none.
        template: index of the template it grew from, None where a method has none.
        template_name: what people read: "sit 2".
        kind: the template's most frequent kind: "stand", "walk", "sit" ...
        scale: (width, height) of the pose's box in picture heights.
    """

    keypoints: NDArray[np.float32]
    score: float | None = None
    template: int | None = None
    template_name: str | None = None
    kind: str | None = None
    scale: tuple[float, float] = (math.nan, math.nan)


class Generator:
    """A trained model, ready to answer.

    Attributes:
        name: the method's name in `scenepose.METHODS`.
        model: the network, in evaluation mode.
        templates: (K, 16, 2) normalised poses.
        template_names, template_kinds: one of each for every template.
    """

    def __init__(self, model: ScenePose, *, name: str = "scenepose", device: str | None = None):
        """Take over ``model`` (it is moved to ``device`` and put into evaluation mode)."""
        self.name = name
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.templates = model.templates.cpu().numpy()
        self.template_names = model.template_names
        self.template_kinds = model.template_kinds

    @classmethod
    def from_checkpoint(
        cls, name: str, checkpoint: str | Path | None = None, device: str | None = None
    ) -> Generator:
        """Read weights from a file, by default the bundled one.

        Raises:
            CheckpointError: there is no such file, or it is no checkpoint of this method.
        """
        path = Path(checkpoint) if checkpoint else checkpoint_path(name)
        if not path.is_file():
            where = "given" if checkpoint else "bundled"
            raise CheckpointError(f"the {where} weights of {name} are missing: there is no file {path}")
        try:
            model = load_checkpoint(path)
        except Exception as error:  # a truncated or foreign file fails in safetensors, JSON or the model
            raise CheckpointError(f"{path} is no checkpoint of {name}: {error}") from error
        return cls(model, name=name, device=device)

    @property
    def num_templates(self) -> int:
        """How many templates there are: the most poses that one point can get."""
        return len(self.templates)

    def encode(self, image: ImageLike | Picture) -> Scene:
        """Compute the whole picture's features once.

        Args:
            image: path, Pillow image or (H, W, 3) uint8 array, see `images.read`; or what that returned.

        Raises:
            PictureError: the picture cannot be used.
        """
        picture = image if isinstance(image, Picture) else images.read(image)
        return Scene(self, picture)


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
            self._global_map = generator.model.encode_view(self._batch([whole]))

    def generate(self, point: tuple[float, float], top_k: int = 5) -> list[Pose]:
        """The people who fit at a point, best first (paper, section 3.5).

        Args:
            point: (x, y), pixels of the original picture.
            top_k: how many at most; there are never more than templates.

        Raises:
            PointError: the point is no pair of finite numbers or lies outside the picture.
            RequestError: ``top_k`` is below 1.
        """
        x, y = check_point(point, self.width, self.height)
        if top_k < 1:
            raise RequestError(f"at least 1 pose must be asked for, not {top_k}")
        with torch.inference_mode():
            prediction = self.generator.model.decode(self._features([(x, y)]))
            scores = prediction.logits[0].float().sigmoid().cpu().numpy()
            scales = prediction.scales[0].float().cpu().numpy()
            poses = prediction.poses[0].float().cpu().numpy()
        # Stable, so that equal scores keep the templates' order.
        best = np.argsort(-scores, kind="stable")[:top_k]
        origin = np.array([x, y], np.float32)
        return [
            Pose(
                keypoints=(poses[k] * self.height + origin).astype(np.float32),
                score=float(scores[k]),
                template=int(k),
                template_name=self.generator.template_names[k],
                kind=self.generator.template_kinds[k],
                scale=(float(scales[k, 0]), float(scales[k, 1])),
            )
            for k in best
        ]

    def compatibility(self, points: NDArray) -> NDArray[np.float32]:
        """Compatibility scores of all templates at many points, without their poses.

        Args:
            points: (N, 2), pixels of the original picture.

        Returns:
            (N, K) in [0, 1].
        """
        with torch.inference_mode():
            logits, _ = self.generator.model.foundation.classify(self._features(points.tolist()))
            return logits.float().sigmoid().cpu().numpy()

    def _features(self, points: Sequence[tuple[float, float]]) -> torch.Tensor:
        """F (N, C, S/8, S/8): the picture's map fused with those of the two views of each point."""
        model = self.generator.model
        width, height = self._source.size
        views = []
        for x, y in points:
            at = (x * width / self.width, y * height / self.height)
            views.append(self._crop(geometry.local_view(at, height)))
            views.append(self._crop(geometry.detail_view(at, height)))
        maps = model.encode_view(self._batch(views))
        places = [geometry.place_in_picture(point, self.width, self.height) for point in points]
        place = torch.tensor(places, dtype=torch.float32, device=maps.device)
        return model.fuse(self._global_map.expand(len(points), -1, -1, -1), maps[0::2], maps[1::2], place)

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
