"""From a picture and a point to poses: a picture is encoded once, and every click in it is cheap.

`Generator` holds a trained method, `Scene` one encoded picture, `Pose` one answer. All three can be shared
between threads: nothing that was made is changed, but for answers that a scene keeps.

Every method reads the same encoder. So a scene that one of them has encoded serves them all (`Scene.by`),
and so do the features of a click (`Scene.features`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from scenepose.assets import checkpoint_path
from scenepose.errors import CheckpointError, PointError, RequestError
from scenepose.methods.checkpoint import load_head
from scenepose.methods.head import Answer, Head, draw_noise
from scenepose.model.checkpoint import fingerprint, load_encoder
from scenepose.model.encoder import Encoder
from scenepose.model.features import Features
from scenepose.picture import images
from scenepose.picture.images import ImageLike, Picture
from scenepose.pose import geometry
from scenepose.pose.kinds import KINDS

if TYPE_CHECKING:
    from scenepose.predict.near import Cells

#: Points that are answered together: fills the processor, and a progress bar still moves.
BATCH = 16


@dataclass(frozen=True, eq=False)
class Pose:
    """One person who fits at a point.

    Attributes:
        keypoints: (16, 2) float32, MPII order, pixels of the original picture; may lie outside of it.
        score: compatibility in [0, 1], the template's sigmoid (of `vae` the probability of its class); None
            where a method gives none.
        template: index of the template it grew from, None where a method has none.
        template_name: what people read: "sit 2".
        kind: the template's most frequent kind: "stand", "walk", "sit" ...
        scale: (width, height) of the pose's box in picture heights.
        point: (x, y) the middle of the pose's box, pixels.
        hidden: (16,) whether furniture hides the joint, None where a method does not tell.
    """

    keypoints: NDArray[np.float32]
    score: float | None = None
    template: int | None = None
    template_name: str | None = None
    kind: str | None = None
    scale: tuple[float, float] = (math.nan, math.nan)
    point: tuple[float, float] | None = None
    hidden: NDArray[np.bool_] | None = None


class Generator:
    """A trained method, ready to answer.

    Attributes:
        name: the method's name in `scenepose.METHODS`.
        encoder: encodes pictures. head: reads the encoder's features. Both in evaluation mode.
        templates: (K, 16, 2) normalised poses.
        template_names, template_kinds: one of each for every template.
    """

    def __init__(self, encoder: Encoder, head: Head, *, name: str = "scenepose", device: str | None = None):
        """Take over ``encoder`` and ``head`` (moved to ``device`` and put into evaluation mode)."""
        self.name = name
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.encoder = encoder.eval().requires_grad_(False).to(self.device)
        head = head.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.head = head.eval().requires_grad_(False).to(self.device)
        self.templates = head.template_set.templates
        self.template_names = list(head.template_set.names)
        self.template_kinds = list(head.template_set.kinds)

    @classmethod
    def from_checkpoint(
        cls,
        name: str,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        encoder: str | Path | None = None,
    ) -> Generator:
        """Read weights from files, by default the bundled ones.

        Args:
            checkpoint: the method's own file, or a folder that holds NAME.safetensors.
            encoder: the encoder's file; by default ``encoder.safetensors`` beside the checkpoint, or else the
                bundled one.

        Raises:
            CheckpointError: there is no such file, it is not a checkpoint of this method, or it belongs to
                another encoder.
        """
        path = _head_file(name, checkpoint)
        beside = path.with_name("encoder.safetensors")
        own = Path(encoder) if encoder else beside if beside.is_file() else checkpoint_path("encoder")
        network = load_encoder(own)
        return cls(network, load_head(path, name, network), name=name, device=device)

    def with_method(self, name: str, checkpoint: str | Path | None = None) -> Generator:
        """Another method on the same encoder, which is not loaded again.

        Raises:
            CheckpointError: its weights are missing or damaged, or belong to another encoder.
        """
        head = load_head(_head_file(name, checkpoint), name, self.encoder, self.fingerprint)
        return Generator(self.encoder, head, name=name, device=str(self.device))

    @cached_property
    def fingerprint(self) -> str:
        """What tells this encoder from others, see `model.checkpoint.fingerprint`."""
        return fingerprint(self.encoder)

    @property
    def num_templates(self) -> int:
        """How many templates there are: the most poses that one point can get from the main method."""
        return len(self.templates)

    @property
    def stochastic(self) -> bool:
        """Whether another seed gives another answer."""
        return self.head.noise_size > 0

    @property
    def kinds(self) -> list[str]:
        """The kinds that can be asked for: those that have a template which is ranked, in `KINDS`' order."""
        return [kind for kind in KINDS if kind in self.template_kinds] if self.head.ranks_templates else []

    def count(self, top_k: int) -> int:
        """How many poses an answer has: never more than templates, and one where there is but one answer."""
        if self.head.ranks_templates:
            return min(top_k, self.num_templates)
        return top_k if self.stochastic else 1

    def encode(self, image: ImageLike | Picture) -> Scene:
        """Encode a picture once.

        Args:
            image: path, Pillow image or (H, W, 3) uint8 array, see `images.read`; or what that returned.

        Raises:
            PictureError: the picture cannot be used.
        """
        picture = image if isinstance(image, Picture) else images.read(image)
        return Scene(self, picture)

    def answer(
        self,
        features: Features,
        point: tuple[float, float],
        height: int,
        top_k: int = 5,
        seed: int = 0,
        kinds: Collection[str] | None = None,
    ) -> list[Pose]:
        """The poses at one click, best first.

        Args:
            features: of the click, see `Scene.features`. point: pixels. height: of the picture, pixels.
            kinds: of the poses wanted, None for all.
        """
        if top_k < 1:
            raise RequestError(f"at least 1 pose must be asked for, not {top_k}")
        wanted = self.check_kinds(kinds)
        with torch.inference_mode():
            noise = None
            if self.head.noise_size:
                noise = draw_noise(seed, top_k, self.head.noise_size).to(self.device)
            answer = self.head.decode(features, noise)
        rows = range(answer.poses.shape[1])
        if wanted is not None and answer.templates is not None:
            rows = [n for n in rows if self.template_kinds[int(answer.templates[0, n])] in wanted]
        return [self.pose(answer, 0, n, point, height) for n in rows[:top_k]]

    def pose(self, answer: Answer, row: int, n: int, point: tuple[float, float], height: int) -> Pose:
        """The n-th pose of an answer at its point ``row``: ``point`` of a picture ``height`` high, pixels."""
        pose = answer.poses[row, n].float().cpu().numpy()
        _, sides = geometry.box(pose)
        template = None if answer.templates is None else int(answer.templates[row, n])
        return Pose(
            keypoints=(pose * height + np.array(point, np.float32)).astype(np.float32),
            score=None if answer.scores is None else float(answer.scores[row, n]),
            template=template,
            template_name=None if template is None else self.template_names[template],
            kind=None if template is None else self.template_kinds[template],
            scale=(float(sides[0]), float(sides[1])),
            point=(float(point[0]), float(point[1])),
            hidden=None if answer.hidden is None else answer.hidden[row, n].cpu().numpy(),
        )

    def check_kinds(self, kinds: Collection[str] | None) -> set[str] | None:
        """The kinds asked for as a set; None or nothing asks for all.

        Raises:
            RequestError: there is no template of one of them, or the method does not rank templates.
        """
        if not kinds:
            return None
        wanted = {kinds} if isinstance(kinds, str) else set(kinds)
        if not self.head.ranks_templates:
            raise RequestError(f"{self.name} cannot be asked for kinds of pose: it does not rank templates")
        for kind in sorted(wanted - set(self.kinds), key=str):
            raise RequestError(f"there is no template of the kind {kind!r}; there is {', '.join(self.kinds)}")
        return wanted


def _head_file(name: str, checkpoint: str | Path | None) -> Path:
    """Where a method's weights are; a missing bundled file is a sentence that says how to make them."""
    if checkpoint:
        path = Path(checkpoint)
        return path / f"{name}.safetensors" if path.is_dir() else path
    path = checkpoint_path(name)
    if not path.is_file():
        command = "scenepose" if name == "scenepose" else f"baseline {name}"
        raise CheckpointError(
            f"no trained weights of {name} are bundled: `python -m train {command}` makes them, "
            "and a file of yours can be given as the checkpoint"
        )
    return path


class Scene:
    """One encoded picture.

    Attributes:
        picture: what was read; ``width`` and ``height`` are the original's, pixels.
    """

    def __init__(self, generator: Generator, picture: Picture):
        """Use `Generator.encode`."""
        self.generator = generator
        self.picture = picture
        self.width, self.height = picture.width, picture.height
        encoder = generator.encoder
        # Twice the height that the finest maps see: what they cannot show is not carried along.
        pixels = _pixels(picture.image, 4 * encoder.config.view_size).to(generator.device)
        with torch.inference_mode():
            if encoder.config.views == "pixels":
                self._pixels, self._whole = pixels, encoder.encode_whole(pixels)
                self._maps = None
            else:
                self._maps = encoder.encode(pixels)

    @property
    def nbytes(self) -> int:
        """The memory that it takes: pixels, for each of which Pillow keeps four bytes, and maps."""
        maps = self._pixels.nbytes + self._whole.nbytes if self._maps is None else self._maps.nbytes
        return 4 * self.picture.image.width * self.picture.image.height + maps

    def by(self, generator: Generator) -> Scene:
        """The same picture for another method on the same encoder, without encoding it again.

        Raises:
            CheckpointError: that method reads another encoder.
        """
        if generator.encoder is not self.generator.encoder:
            own, other = self.generator.fingerprint, generator.fingerprint
            if own != other:
                raise CheckpointError(
                    f"{generator.name} reads the encoder {other}, and this scene was encoded by {own}"
                )
        scene = copy(self)
        scene.generator = generator
        scene.__dict__.pop("cells", None)  # the other method's answers
        return scene

    def generate(
        self,
        point: tuple[float, float],
        top_k: int = 5,
        seed: int = 0,
        *,
        near: float = 0.0,
        kinds: Collection[str] | None = None,
    ) -> list[Pose]:
        """The people who fit at a point, best first.

        Args:
            point: (x, y), pixels of the original picture.
            top_k: how many at most. The main method has at most one a template; a stochastic method draws so
                many samples; a deterministic one has a single answer.
            seed: of a stochastic method's samples; the others have no use for it.
            near: 0 centres everybody's box at the point, as in the paper. Above 0 the point is what people
                touch: feet on a floor, hips on a seat or bed, else the body's middle; they may miss it by
                about so much, in picture heights (`scenepose.predict.near`). For methods that rank templates.
            kinds: of the poses wanted ("sit", "lie" ...), None for all; only for methods that rank templates.

        Raises:
            PointError: the point is not a pair of finite numbers or lies outside the picture.
            RequestError: ``top_k`` is below 1, ``near`` is not between 0 and 1, or a kind has no template.
        """
        point = check_point(point, self.width, self.height)
        if top_k < 1:
            raise RequestError(f"at least 1 pose must be asked for, not {top_k}")
        if not (isinstance(near, int | float) and 0 <= near <= 1):
            raise RequestError(f"near is a distance from 0 to 1 picture heights, not {near!r}")
        if near and self.can_touch:
            from scenepose.predict.near import touching

            return touching(self, point, top_k, float(near), self.generator.check_kinds(kinds))
        return self.generator.answer(self.features([point]), point, self.height, top_k, seed, kinds)

    @property
    def can_touch(self) -> bool:
        """Whether ``near`` has a meaning: the method ranks templates, and the encoder tells surfaces."""
        return self.generator.head.ranks_templates and self.generator.encoder.config.surfaces > 0

    def compatibility(self, points: NDArray) -> NDArray[np.float32]:
        """Compatibility scores of all templates at many points, without their poses.

        Args:
            points: (N, 2), pixels of the original picture.

        Returns:
            (N, K) in [0, 1].

        Raises:
            RequestError: the method has no compatibility scores; only the main one does.
        """
        head = self.generator.head
        if not head.ranks_templates:
            raise RequestError(
                f"{self.generator.name} gives no compatibility scores, so it cannot say where people fit"
            )
        parts = []
        with torch.inference_mode():
            for first in range(0, len(points), BATCH):
                features = self.features(points[first : first + BATCH].tolist())
                parts.append(head.score(features.fused).sigmoid().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, self.generator.num_templates), np.float32)

    @cached_property
    def cells(self) -> Cells:
        """The poses of all templates at points all over the picture, each computed when first asked for."""
        from scenepose.predict.near import Cells

        return Cells(self)

    @cached_property
    def surfaces(self) -> NDArray[np.float32]:
        """The probability of each of `data.surfaces.SURFACES` in cells over the picture: (S, rows, columns).

        Raises:
            RequestError: the encoder does not tell surfaces.
        """
        if self._maps is None or not self.generator.encoder.config.surfaces:
            raise RequestError("these weights do not tell surfaces")
        with torch.inference_mode():
            cells = round(self._maps.detail.cells)
            logits = self._maps.surfaces()[:-2, :, : max(1, cells)]
            return logits.float().softmax(0).cpu().numpy()

    def features(self, points: Sequence[tuple[float, float]]) -> Features:
        """What the encoder knows of clicks at N points of the original picture; every method reads it."""
        rows = [geometry.position_in_picture(point, self.width, self.height) for point in points]
        position = torch.tensor(rows, dtype=torch.float32, device=self.generator.device).view(-1, 3)
        with torch.inference_mode():
            if self._maps is None:
                return self.generator.encoder.cut(self._pixels, position, self._whole)
            return self._maps.at(position)


def check_point(point: tuple[float, float], width: int, height: int) -> tuple[float, float]:
    """The point as two floats.

    Raises:
        PointError: it is not a pair of finite numbers, or lies outside a picture of this size.
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


def _pixels(image: Image.Image, height: int) -> torch.Tensor:
    """(3, h, w) uint8 of a picture, at most ``height`` high; its shape stays."""
    if image.height > height:
        width = max(1, round(image.width * height / image.height))
        image = image.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
