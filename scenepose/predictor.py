"""From a picture and a point to poses: encode a scene once, then every click is cheap.

`Generator` holds a trained method, `Scene` one encoded picture, `Pose` one answer. The whole picture's
features are computed by `Generator.encode`; a click computes only the two views around the point (paper). All
three can be shared between threads: nothing is changed after it was made.

Every method reads the same encoder. So a scene that one of them has encoded serves them all (`Scene.by`),
and so do the features of a click (`Scene.features`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose import geometry, images
from scenepose.assets import checkpoint_path
from scenepose.baselines.checkpoint import load_head
from scenepose.baselines.head import Head, draw_noise
from scenepose.errors import CheckpointError, RequestError
from scenepose.features import Features, fingerprint
from scenepose.images import ImageLike, Picture
from scenepose.model.checkpoint import load_checkpoint
from scenepose.model.scenepose import ScenePose
from scenepose.scene import VIEW_HEIGHT, Scene, check_point

__all__ = ["VIEW_HEIGHT", "Generator", "Pose", "Scene", "check_point"]


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
        point: (x, y) the middle of the pose's box, pixels; None where nobody asked for a place.
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
        model: the main method's network, in evaluation mode; of the other methods it is the encoder.
        head: the network that reads the encoder's features, None for the main method.
        templates: (K, 16, 2) normalised poses.
        template_names, template_kinds: one of each for every template.
    """

    def __init__(
        self,
        model: ScenePose,
        *,
        name: str = "scenepose",
        device: str | None = None,
        head: Head | None = None,
    ):
        """Take over ``model`` and ``head`` (they are moved to ``device`` and put into evaluation mode)."""
        self.name = name
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.head = None
        if head is not None:
            head = head.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self.head = head.eval().requires_grad_(False).to(self.device)
        template_set = head.template_set if head is not None and head.has_templates else model.template_set
        self.templates = template_set.templates
        self.template_names = list(template_set.names)
        self.template_kinds = list(template_set.kinds)

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
            checkpoint: the method's own file. encoder: the main method's file, whose encoder the other
                methods read.

        Raises:
            CheckpointError: there is no such file, it is no checkpoint of this method, or it belongs to
                another encoder.
        """
        path = checkpoint if name == "scenepose" else encoder
        model = _load_model(Path(path) if path else checkpoint_path("scenepose"), given=bool(path))
        main = cls(model, device=device)
        return main if name == "scenepose" else main.with_method(name, checkpoint)

    def with_method(self, name: str, checkpoint: str | Path | None = None) -> Generator:
        """Another method on the same encoder, which is not loaded again.

        Raises:
            CheckpointError: its weights are missing or damaged, or belong to another encoder.
        """
        if name == "scenepose":
            return Generator(self.model, device=str(self.device))
        path = Path(checkpoint) if checkpoint else checkpoint_path(name)
        if not checkpoint and not path.is_file():
            raise CheckpointError(
                f"no trained weights of {name} are bundled: `python -m train baseline {name}` makes them, "
                f"and a file of yours can be given as the checkpoint"
            )
        head = load_head(path, name, self.model, self.fingerprint)
        return Generator(self.model, name=name, device=str(self.device), head=head)

    @cached_property
    def fingerprint(self) -> str:
        """What tells this encoder from others, see `features.fingerprint`."""
        return fingerprint(self.model)

    @property
    def num_templates(self) -> int:
        """How many templates there are: the most poses that one point can get from the main method."""
        return len(self.templates)

    @property
    def stochastic(self) -> bool:
        """Whether another seed gives another answer."""
        return self.head is not None and self.head.noise_size > 0

    def count(self, top_k: int) -> int:
        """How many poses an answer has: never more than templates, and one where there is but one answer."""
        if self.head is None:
            return min(top_k, self.num_templates)
        return top_k if self.stochastic else 1

    def encode(self, image: ImageLike | Picture) -> Scene:
        """Compute the whole picture's features once.

        Args:
            image: path, Pillow image or (H, W, 3) uint8 array, see `images.read`; or what that returned.

        Raises:
            PictureError: the picture cannot be used.
        """
        picture = image if isinstance(image, Picture) else images.read(image)
        return Scene(self, picture)

    def answer(
        self, features: Features, point: tuple[float, float], height: int, top_k: int = 5, seed: int = 0
    ) -> list[Pose]:
        """The poses at one click.

        Args:
            features: of the click, see `Scene.features`. point: pixels. height: of the picture, pixels.
        """
        if top_k < 1:
            raise RequestError(f"at least 1 pose must be asked for, not {top_k}")
        with torch.inference_mode():
            if self.head is None:
                poses, templates, scores = self._ranked(features, top_k)
            else:
                poses, templates, scores = self._of_head(self.head, features, top_k, seed)
        _, sides = geometry.box(poses)
        return [
            Pose(
                keypoints=(poses[n] * height + np.array(point, np.float32)).astype(np.float32),
                score=None if scores is None else float(scores[n]),
                template=None if templates is None else int(templates[n]),
                template_name=None if templates is None else self.template_names[templates[n]],
                kind=None if templates is None else self.template_kinds[templates[n]],
                scale=(float(sides[n, 0]), float(sides[n, 1])),
                point=(float(point[0]), float(point[1])),
            )
            for n in range(len(poses))
        ]

    def _ranked(self, features: Features, top_k: int) -> tuple[NDArray, NDArray, NDArray]:
        """The main method's poses, templates and scores, best first (paper)."""
        prediction = self.model.decode(features.fused)
        scores = prediction.logits[0].float().sigmoid().cpu().numpy()
        # Stable, so that equal scores keep the templates' order.
        best = np.argsort(-scores, kind="stable")[:top_k]
        return prediction.poses[0].float().cpu().numpy()[best], best, scores[best]

    def _of_head(
        self, head: Head, features: Features, top_k: int, seed: int
    ) -> tuple[NDArray, NDArray | None, NDArray | None]:
        """Another method's poses; samples come in the order in which they were drawn."""
        noise = None
        if head.noise_size:
            noise = draw_noise(seed, top_k, head.noise_size).to(self.device)
        answer = head.decode(features, noise)
        templates = None if answer.templates is None else answer.templates[0].cpu().numpy()
        scores = None if answer.scores is None else answer.scores[0].float().cpu().numpy()
        return answer.poses[0].float().cpu().numpy(), templates, scores


def _load_model(path: Path, *, given: bool) -> ScenePose:
    """The main method's network from a file. Raises CheckpointError when that fails."""
    if not path.is_file():
        where = "given" if given else "bundled"
        raise CheckpointError(f"the {where} weights of scenepose are missing: there is no file {path}")
    try:
        return load_checkpoint(path)
    except Exception as error:  # a truncated or foreign file fails in safetensors, JSON or the model
        raise CheckpointError(f"{path} is no checkpoint of scenepose: {error}") from error
