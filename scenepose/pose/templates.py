"""Pose templates (paper): K representative normalised poses, named and kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.kinds import KINDS, postures_of, supports_of

#: How poses are assigned to templates: see `TemplateSet`.
Assign = Literal["shape", "posture"]


#: Headings in eighths of a turn from the camera's direction towards the picture's right.
DIRECTIONS = ("front", "right-front", "right", "right-back", "back", "left-back", "left", "left-front")


@dataclass(frozen=True)
class TemplateSet:
    """Templates with what is known of them from the poses that they were fitted to.

    Attributes:
        templates: (K, 16, 2) float32, normalised: box centred at the origin, unit sides.
        kinds: the most frequent kind of each template's members.
        names: kind and mean heading, "sit facing left-front"; unique.
        counts: (K,) int64 members among the training poses, the mirrored ones not counted.
        mean_scale: (2,) float32 mean width and height of the training poses, picture heights.
        scale_std: (2,) float32 their standard deviations.
        offset_std: standard deviation of the training poses' offsets from their nearest template.
        scales: (K, 2) float32 mean width and height of each template's members; by default the common mean.
        assign: which template stands for a pose. shape: the nearest, as in the paper. posture: the nearest of
            those of the pose's posture. In its unit box somebody who lies can look like somebody who sits.
    """

    templates: NDArray
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    counts: NDArray
    mean_scale: NDArray
    scale_std: NDArray
    offset_std: float
    scales: NDArray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    assign: Assign = "shape"

    def __post_init__(self) -> None:
        if not len(self.scales):
            object.__setattr__(self, "scales", np.tile(self.mean_scale, (len(self.templates), 1)))

    def __len__(self) -> int:
        return len(self.templates)

    @property
    def kind_numbers(self) -> NDArray:
        """(K,) index into `KINDS` of each template."""
        return np.array([KINDS.index(kind) for kind in self.kinds])

    @property
    def by_frequency(self) -> NDArray:
        """The templates' numbers, most frequent first."""
        return np.argsort(-self.counts, kind="stable")

    def nearest(self, poses: NDArray, kinds: NDArray | None = None) -> NDArray:
        """The nearest template of each normalised pose (N, 16, 2), by its known joints: (N,) int64.

        NaN joints count as unknown. A pose without any known joint gets the first template that may be its.

        Args:
            kinds: (N,) the poses' kinds, indices into `KINDS`. Given, and with ``assign`` "posture", only
                templates count that are of the same posture; where there is none, those borne by the same
                (lean: upright ones); where there is none either, all.
        """
        if kinds is None or self.assign == "shape":
            return nearest(self.templates, poses)
        own = self.kind_numbers
        among = postures_of(kinds)[:, None] == postures_of(own)
        for wider in (supports_of(kinds)[:, None] == supports_of(own), np.ones_like(among)):
            among = np.where(among.any(1, keepdims=True), among, wider)
        return nearest(self.templates, poses, among)

    def to_json(self) -> str:
        """The set as one JSON object; `from_json` is the inverse."""
        columns = asdict(self)
        for name, value in columns.items():
            if isinstance(value, np.ndarray):
                columns[name] = np.round(value.astype(np.float64), 6).tolist()
        return json.dumps(columns)

    @classmethod
    def from_json(cls, text: str) -> TemplateSet:
        """Read what `to_json` wrote. Raises ValueError in one sentence when it is something else."""
        try:
            columns = json.loads(text)
            return cls(
                templates=np.asarray(columns["templates"], np.float32).reshape(-1, 16, 2),
                kinds=tuple(columns["kinds"]),
                names=tuple(columns["names"]),
                counts=np.asarray(columns["counts"]).round().astype(np.int64),
                mean_scale=np.asarray(columns["mean_scale"], np.float32),
                scale_std=np.asarray(columns["scale_std"], np.float32),
                offset_std=float(columns["offset_std"]),
                scales=np.asarray(columns.get("scales", []), np.float32).reshape(-1, 2),
                assign=columns.get("assign", "shape"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no template set: {error}") from error

    def save(self, path: Path) -> None:
        """Write the set as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json() + "\n")

    @classmethod
    def load(cls, path: Path) -> TemplateSet:
        """Read a file that `save` wrote. Raises FileNotFoundError or ValueError in one sentence."""
        if not path.is_file():
            raise FileNotFoundError(
                f"there are no templates at {path}; `python -m train templates` fits them"
            )
        return cls.from_json(path.read_text())


def nearest(templates: NDArray, poses: NDArray, among: NDArray | None = None) -> NDArray:
    """The nearest of (K, 16, 2) templates for each of (N, 16, 2) poses, NaN joints left out: (N,) int64.

    Only those ``among`` (N, K) bool count, at least one for each pose.
    """
    known = np.logical_not(np.isnan(poses).any(-1))
    filled = np.where(known[..., None], poses, 0.0).reshape(len(poses), 32)
    weight = np.repeat(known, 2, axis=1).astype(np.float64)
    flat = templates.reshape(len(templates), 32).astype(np.float64)
    # |pose - template|^2 over the known joints, less the term that is the same for all templates
    distance = weight @ (flat**2).T - 2 * filled @ flat.T
    return (distance if among is None else np.where(among, distance, np.inf)).argmin(1)
