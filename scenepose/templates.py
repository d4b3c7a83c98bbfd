"""Pose templates (paper): K representative normalised poses, fitted, picked, named and kept."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

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
    radians."""

    normalised: NDArray
    scales: NDArray
    kinds: NDArray
    headings: NDArray

    @classmethod
    def primary(cls, samples: Samples) -> Poses:
        """The primary poses of samples, those with an unknown joint left out."""
        rows = samples.primary_rows
        rows = rows[rows >= 0]
        rows = rows[(samples.visibility[rows] >= 1).all(1)]
        _, scales, normalised = decompose(samples.normalised_unit(rows).astype(np.float64))
        return cls(normalised, scales, samples.kinds[rows], samples.headings[rows])

    def mirrored(self) -> Poses:
        """The same poses seen in a mirror."""
        return Poses(mirror(self.normalised), self.scales, self.kinds, -self.headings)

    def joined(self, other: Poses) -> Poses:
        """Both sets, one after the other."""
        columns = ("normalised", "scales", "kinds", "headings")
        return Poses(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in columns))


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


def fit(poses: Poses, count: int, seed: int = 0, balance: float = 0.0) -> NDArray:
    """Cluster poses and their mirror images by k-means: templates (count, 16, 2), most frequent first.

    Args:
        balance: 0 lets every pose weigh the same, 1 every kind; between, rare kinds gain.
    """
    if len(poses.normalised) < count:
        raise ValueError(f"{count} templates need as many poses, and there are {len(poses.normalised)}")
    both = poses.joined(poses.mirrored())
    means = KMeans(count, n_init=4, random_state=seed)  # pyright: ignore[reportArgumentType]
    share = np.bincount(both.kinds, minlength=len(KINDS)) / len(both.kinds)
    weights = share[both.kinds] ** -balance if balance else None
    clusters = means.fit(both.normalised.reshape(-1, 32), sample_weight=weights)
    order = np.argsort(-np.bincount(np.asarray(clusters.labels_), minlength=count), kind="stable")
    # The mean of unit boxes is smaller than a unit box.
    return normalise(clusters.cluster_centers_[order].reshape(-1, 16, 2)).astype(np.float32)


def describe(templates: NDArray, poses: Poses) -> TemplateSet:
    """Kinds, names, counts and statistics of templates, from the poses nearest to each."""
    both = poses.joined(poses.mirrored())
    assigned = nearest(templates, both.normalised)
    kinds, names = [], []
    for number in range(len(templates)):
        members = assigned == number
        kind = Counter(both.kinds[members].tolist()).most_common(1)[0][0] if members.any() else 0
        heading = np.angle(np.exp(1j * both.headings[members & (both.kinds == kind)]).sum())
        kinds.append(KINDS[kind])
        names.append(f"{KINDS[kind]} facing {DIRECTIONS[round(heading / (np.pi / 4)) % 8]}")
    unique = [
        name if names.count(name) == 1 else f"{name} {names[: number + 1].count(name)}"
        for number, name in enumerate(names)
    ]
    own = assigned[: len(poses.normalised)]
    return TemplateSet(
        templates=templates.astype(np.float32),
        kinds=tuple(kinds),
        names=tuple(unique),
        counts=np.bincount(own, minlength=len(templates)),
        mean_scale=poses.scales.mean(0).astype(np.float32),
        scale_std=poses.scales.std(0).clip(0.01).astype(np.float32),
        offset_std=max(0.01, float((poses.normalised - templates[own]).std())),
        scales=np.stack(
            [
                both.scales[assigned == number].mean(0)
                if (assigned == number).any()
                else poses.scales.mean(0)
                for number in range(len(templates))
            ]
        ).astype(np.float32),
    )


def choose(candidates: TemplateSet, poses: Poses, count: int) -> list[int]:
    """Choose candidates so that the kinds and headings present are each covered. The paper picks by eye; this
    rule is ours.

    First every kind gets the candidate that most of its poses are nearest to, of those that are mostly of the
    kind; where there is none, the one with the largest share of it. Then kind and quarter of heading (front,
    right, back, left) make groups; in order of their poses, mirrored ones included, they get their most
    frequent candidate, round after round, until ``count`` are chosen. Kinds and groups under 1 % of the poses
    are passed over.

    Returns:
        The chosen candidates' numbers, ascending.
    """
    both = poses.joined(poses.mirrored())
    assigned = nearest(candidates.templates, both.normalised)
    quarters = np.round(both.headings / (np.pi / 2)).astype(int) % 4
    # table[c, k, q]: poses of kind k and quarter q that are nearest to candidate c
    table = np.zeros((len(candidates), len(KINDS), 4), int)
    np.add.at(table, (assigned, both.kinds, quarters), 1)
    enough = 0.01 * len(both.kinds)
    chosen: list[int] = []
    kinds, own = table.sum(2), table.sum(2).argmax(1)
    for kind in np.argsort(-kinds.sum(0), kind="stable"):
        free = [c for c in range(len(candidates)) if c not in chosen]
        if kinds[:, kind].sum() < enough or len(chosen) == count or not free:
            continue
        mostly = [c for c in free if own[c] == kind]
        share = kinds[:, kind] / kinds.sum(1).clip(1)
        worth, pool = (kinds[:, kind], mostly) if mostly else (share, free)
        chosen.append(pool[int(np.argmax(worth[pool]))])
    best = table.reshape(len(candidates), -1).argmax(1)
    sizes = table.sum(0).reshape(-1)
    order = [int(group) for group in np.argsort(-sizes, kind="stable") if sizes[group] >= enough]
    frequent = np.argsort(-table.sum((1, 2)), kind="stable").tolist()
    members = {group: [c for c in frequent if best[c] == group and c not in chosen] for group in order}
    while len(chosen) < count and any(members.values()):
        for group in order:
            if members[group] and len(chosen) < count:
                chosen.append(members[group].pop(0))
    left = [number for number in range(len(candidates)) if number not in chosen]
    return sorted(chosen + left[: count - len(chosen)])
