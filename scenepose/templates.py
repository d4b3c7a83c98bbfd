"""Pose templates (paper): K representative normalised poses, fitted, picked, named and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from scenepose.data.prior import point_weights
from scenepose.data.samples import KINDS, Samples, postures_of, supports_of
from scenepose.geometry import decompose, normalise
from scenepose.skeleton import mirror

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


@dataclass(frozen=True)
class Poses:
    """What templates are fitted to: normalised (N, 16, 2), scales (N, 2), kind numbers (N,), headings (N,) in
    radians, and how much each pose weighs (N,), by `data.prior`."""

    normalised: NDArray
    scales: NDArray
    kinds: NDArray
    headings: NDArray
    weights: NDArray

    @classmethod
    def primary(cls, samples: Samples) -> Poses:
        """The primary poses of samples, those with an unknown joint left out."""
        rows = samples.primary_rows
        rows = rows[rows >= 0]
        rows = rows[(samples.visibility[rows] >= 1).all(1)]
        _, scales, normalised = decompose(samples.normalised_unit(rows).astype(np.float64))
        weights = point_weights(samples)[samples.pose_points[rows]]
        return cls(normalised, scales, samples.kinds[rows], samples.headings[rows], weights)

    def mirrored(self) -> Poses:
        """The same poses seen in a mirror."""
        return Poses(mirror(self.normalised), self.scales, self.kinds, -self.headings, self.weights)

    def joined(self, other: Poses) -> Poses:
        """Both sets, one after the other."""
        names = (column.name for column in fields(self))
        return Poses(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))

    def of(self, kinds: Sequence[str]) -> Poses:
        """The poses of some kinds."""
        here = np.isin(self.kinds, [KINDS.index(kind) for kind in kinds])
        return Poses(*(getattr(self, column.name)[here] for column in fields(self)))


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


#: How many of 14 templates each group of kinds gets: about as often as people are seen so, but each at least
#: once, and more where a kind has many headings.
QUOTAS: dict[tuple[str, ...], int] = {
    ("sit",): 4,
    ("stand", "gesture", "carry"): 3,
    ("walk",): 2,
    ("lie",): 2,
    ("lean",): 1,
    ("bend",): 1,
    ("crouch",): 1,
}


def fit(poses: Poses, count: int, seed: int = 0) -> NDArray:
    """Cluster poses and their mirror images by weighted k-means: templates (count, 16, 2), heaviest first."""
    if len(poses.normalised) < count:
        raise ValueError(f"{count} templates need as many poses, and there are {len(poses.normalised)}")
    both = poses.joined(poses.mirrored())
    means = KMeans(count, n_init=4, random_state=seed)  # pyright: ignore[reportArgumentType]
    clusters = means.fit(both.normalised.reshape(-1, 32), sample_weight=both.weights)
    sizes = np.bincount(np.asarray(clusters.labels_), both.weights, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    # The mean of unit boxes is smaller than a unit box.
    return normalise(clusters.cluster_centers_[order].reshape(-1, 16, 2)).astype(np.float32)


def fit_groups(
    poses: Poses, quotas: Mapping[tuple[str, ...], int], seed: int = 0
) -> tuple[NDArray, list[tuple[str, ...]]]:
    """Templates of each group of kinds by a k-means of its own, as many as its quota, and each one's group;
    groups that have fewer poses than that are passed over."""
    parts, groups = [], []
    for kinds, count in quotas.items():
        own = poses.of(kinds)
        if count and len(own.normalised) >= count:
            parts.append(fit(own, count, seed))
            groups += [kinds] * count
    if not parts:
        raise ValueError(f"{len(poses.normalised)} poses are too few for {sum(quotas.values())} templates")
    return np.concatenate(parts), groups


def shares(count: int, quotas: Mapping[tuple[str, ...], int] = QUOTAS) -> dict[tuple[str, ...], int]:
    """Quotas of another number of templates, in about the same proportions, rare groups last."""
    exact = {kinds: count * quota / sum(quotas.values()) for kinds, quota in quotas.items()}
    whole = {kinds: int(value) for kinds, value in exact.items()}
    rest = sorted(exact, key=lambda kinds: (whole[kinds] - exact[kinds], -quotas[kinds]))
    for kinds in rest[: count - sum(whole.values())]:
        whole[kinds] += 1
    return whole


def describe(
    templates: NDArray,
    poses: Poses,
    assign: Assign = "posture",
    groups: Sequence[tuple[str, ...]] | None = None,
) -> TemplateSet:
    """Kinds, names, counts and statistics of templates, from the poses nearest to each.

    Args:
        assign: see `TemplateSet`. A template's kind is that of most of the poses that are nearest by shape.
        groups: the kinds that each template may be of; by default all.
    """
    both = poses.joined(poses.mirrored())
    by_shape = nearest(templates, both.normalised)
    weight = np.zeros((len(templates), len(KINDS)))
    np.add.at(weight, (by_shape, both.kinds), both.weights)
    for number, group in enumerate(groups or ()):
        weight[number] += [1e-6 if kind in group else -np.inf for kind in KINDS]
    kinds = weight.argmax(1)
    mean = np.average(poses.scales, axis=0, weights=poses.weights)
    plain = TemplateSet(
        templates.astype(np.float32), tuple(KINDS[kind] for kind in kinds), tuple(KINDS[k] for k in kinds),
        np.zeros(len(kinds), np.int64), mean.astype(np.float32), np.ones(2, np.float32), 1.0, assign=assign,
    )  # fmt: skip
    assigned = plain.nearest(both.normalised, both.kinds)
    names, scales = [], []
    for number, kind in enumerate(kinds):
        members = assigned == number
        own = (by_shape == number) & (both.kinds == kind)
        heading = np.angle((both.weights * np.exp(1j * both.headings))[own].sum())
        names.append(f"{KINDS[kind]} facing {DIRECTIONS[round(heading / (np.pi / 4)) % 8]}")
        heavy = both.weights[members].sum() > 0
        scales.append(
            np.average(both.scales[members], axis=0, weights=both.weights[members]) if heavy else mean
        )
    unique = [
        name if names.count(name) == 1 else f"{name} {names[: number + 1].count(name)}"
        for number, name in enumerate(names)
    ]
    own = assigned[: len(poses.normalised)]
    spread = np.average((poses.scales - mean) ** 2, axis=0, weights=poses.weights) ** 0.5
    offsets = ((poses.normalised - templates[own]) ** 2).mean((1, 2))
    return replace(
        plain,
        names=tuple(unique),
        counts=np.bincount(own, poses.weights, minlength=len(templates)).round().astype(np.int64),
        scale_std=spread.clip(0.01).astype(np.float32),
        offset_std=max(0.01, float(np.average(offsets, weights=poses.weights) ** 0.5)),
        scales=np.stack(scales).astype(np.float32),
    )
