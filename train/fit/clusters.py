"""Fitting pose templates: k-means over normalised poses, all of them or each kind and direction by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from scenepose.data.prior import point_weights
from scenepose.data.samples import Samples
from scenepose.pose.geometry import decompose, normalise
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import mirror
from scenepose.pose.templates import DIRECTIONS, Assign, TemplateSet, nearest


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
