"""What training asks for at a point: from the poses known to fit there, after an augmentation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenepose.data.samples import Samples
from scenepose.pose.geometry import decompose
from scenepose.pose.skeleton import MIRROR
from scenepose.pose.templates import TemplateSet
from train.fit.augment import Change


class Targets(NamedTuple):
    """What training asks for at n points, as arrays; the fields are those of `Batch`."""

    fits: NDArray
    template: NDArray
    positive: NDArray
    counted: NDArray
    scale: NDArray
    scales: NDArray
    sized: NDArray
    normalised: NDArray
    known: NDArray
    hidden: NDArray
    told: NDArray


def targets_of(
    samples: Samples,
    points: NDArray,
    change: Change,
    templates: TemplateSet,
    mode: str = "nearest",
    scales: str = "nearest",
) -> Targets:
    """Targets at some points of one frame, after a change: `TrainConfig.targets` and `TrainConfig.scales`."""
    count, kinds = len(points), templates.kind_numbers
    out = Targets(
        fits=np.zeros(count, bool), template=np.zeros(count, np.int64),
        positive=np.zeros((count, len(templates)), np.float32),
        counted=np.ones((count, len(templates)), bool),
        scale=np.ones((count, 2), np.float32),
        scales=np.ones((count, len(templates), 2), np.float32), sized=np.zeros((count, len(templates)), bool),
        normalised=np.full((count, 16, 2), np.nan, np.float32),
        known=np.zeros((count, 16), bool),
        hidden=np.zeros((count, 16), bool), told=np.zeros((count, 16), bool),
    )  # fmt: skip
    for n, point in enumerate(points):
        rows = samples.pose_rows(point)
        if mode != "nearest":
            out.counted[n] = samples.tried[point, kinds] > 0
        if not len(rows):
            continue
        first = int(np.flatnonzero(samples.primary[rows])[0])
        if mode == scales == "nearest":
            rows, first = rows[first : first + 1], 0  # nobody asks for the others
        known = samples.visibility[rows] >= 1
        keypoints = np.where(known[..., None], samples.keypoints[rows], np.nan).astype(np.float64)
        _, scale, normalised = decompose(change.keypoints(keypoints) / change.height)
        nearest = templates.nearest(normalised, samples.kinds[rows])
        out.fits[n], out.template[n], out.scale[n] = True, nearest[first], scale[first]
        if scales == "valid":
            # Where several poses are nearest to one template, it learns their mean: order means nothing.
            for template in np.unique(nearest):
                out.scales[n, template] = scale[nearest == template].mean(0)
                out.sized[n, template] = True
        out.scales[n, nearest[first]], out.sized[n, nearest[first]] = scale[first], True
        out.normalised[n], out.known[n] = normalised[first], ~np.isnan(normalised[first, :, 0])
        out.hidden[n], out.told[n] = _hidden(samples, rows[first], change)
        if mode != "nearest":
            out.positive[n, nearest] = 1.0 if mode == "valid" else 0.5
        out.positive[n, nearest[first]] = 1.0
        out.counted[n] |= out.positive[n] > 0
    return out


def _hidden(samples: Samples, row: int, change: Change) -> tuple[NDArray, NDArray]:
    """(16,) whether furniture hides a pose's joints, and of which joints that is known: those inside what is
    kept of the picture. Left and right swap in a mirror."""
    x, y = np.nan_to_num(samples.keypoints[row], nan=-1.0).T
    seen = samples.visibility[row]
    inside = (x >= change.left) & (x < change.right) & (y >= change.top) & (y < change.bottom)
    inside &= seen >= 1
    order = np.array(MIRROR) if change.mirrored else np.arange(16)
    return (inside & (seen == 1))[order], inside[order]
