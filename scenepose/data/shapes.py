"""Pictures of other shapes: crops of a source's frames, with the points and poses that still fit into them.

Everything is measured in picture heights, so a portrait picture of a phone is unlike the landscape frames
that there are data of. Crops to other shapes show whether a model minds, and teach it not to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.data.samples import Samples
from scenepose.data.sources import Source
from scenepose.pose.skeleton import (HIDDEN, SEEN)

#: A pose leaves its picture by no more than this share of its box's width and height ...
OUTSIDE = 0.2
#: ... and is no more than so many picture heights high.
TALLEST = 1.6
POSE_COLUMNS = ("pose_points", "keypoints", "visibility", "kinds", "headings", "heights", "primary")


class Rectangle(NamedTuple):
    """A part of a frame, pixels."""

    left: float
    top: float
    right: float
    bottom: float


def core(size: tuple[int, int], points: NDArray, boxes: NDArray) -> tuple[NDArray, NDArray]:
    """Corners (2,), (2,) of what a crop must hold: points (P, 2), and boxes (P, 4) but for their edges.

    What lies outside of the frame cannot be held.
    """
    spare = OUTSIDE / 2 * (boxes[:, 2:] - boxes[:, :2])
    low = np.minimum((boxes[:, :2] + spare).min(0), points.min(0))
    high = np.maximum((boxes[:, 2:] - spare).max(0), points.max(0))
    return low.clip(0, size), high.clip(0, size)


def within(kept: Rectangle, points: NDArray, boxes: NDArray) -> NDArray:
    """(P,) whether points (P, 2) lie in a rectangle, and boxes (P, 4) leave it by no more than a fifth of
    their width and height and are not too high for it."""
    low, high = np.array(kept[:2]), np.array(kept[2:])
    sides = boxes[:, 2:] - boxes[:, :2]
    shown = np.minimum(boxes[:, 2:], high) - np.maximum(boxes[:, :2], low)
    inside = ((points >= low) & (points <= high)).all(1) & (shown >= (1 - OUTSIDE) * sides - 1e-6).all(1)
    return np.asarray(inside & (sides[:, 1] <= TALLEST * (kept.bottom - kept.top)))


def cropped(source: Source, aspect: float, seed: int = 0) -> Source:
    """A source whose pictures are crops of another's to one shape.

    Every crop is as large as its frame allows and lies around a point, anywhere such that the point's primary
    pose fits into it; the other points that fit into it lie in the same one. Points for which there is no
    such crop are left out, and so are those of a point's other poses that leave the crop by more than a fifth
    of their box. Joints outside of the crop are no longer seen.

    Args:
        source: what to crop. aspect: width to height, above 0. seed: of where crops lie.

    Raises:
        ValueError: the aspect is not above 0, or nothing fits into such crops.
    """
    if not 0 < aspect < np.inf:
        raise ValueError(f"a picture's width to height is above 0, and not {aspect}")
    samples, rng = source.samples, np.random.default_rng(seed)
    boxes = _boxes(samples)
    primary = samples.primary_rows
    own = np.concatenate([samples.points, samples.points], 1).astype(float)
    own[primary >= 0] = boxes[primary[primary >= 0]]
    crops: list[tuple[int, Rectangle]] = []
    crop_of = np.full(len(samples), -1)
    for frame in np.unique(samples.point_frames):
        size = samples.frame_sizes[frame]
        left = rng.permutation(np.flatnonzero(samples.point_frames == frame))
        while len(left):
            kept = _around(rng, size, aspect, samples.points[left[:1]].astype(float), own[left[:1]])
            fits = within(kept, samples.points[left], own[left])
            if fits[0]:
                crop_of[left[fits]] = len(crops)
                crops.append((int(frame), kept))
            fits[0] = True
            left = left[~fits]
    if not crops:
        raise ValueError(f"no pose of {source.name} fits into crops of {aspect:.3g} to 1")
    frames, kept = [frame for frame, _ in crops], [rectangle for _, rectangle in crops]

    def picture(row: int) -> Image.Image:
        whole = source.picture(frames[row])
        # Pictures may be stored smaller than their frames.
        share = whole.width / samples.frame_sizes[frames[row], 0]
        left, top, right, bottom = (round(edge * share) for edge in kept[row])
        return whole.crop((left, top, right, bottom))

    return Source(
        f"{source.name} {aspect:.3g}:1", _moved(samples, boxes, crop_of, np.array(frames), kept), picture
    )


def _around(
    rng: np.random.Generator, size: NDArray, aspect: float, points: NDArray, boxes: NDArray
) -> Rectangle:
    """The largest rectangle of a shape, in whole pixels, anywhere such that it holds what it must."""
    low, high = core((int(size[0]), int(size[1])), points, boxes)
    sides = np.floor([min(size[0], aspect * size[1]), min(size[1], size[0] / aspect)]).clip(1)
    first = np.ceil(high - sides).clip(0, size - sides)
    corner = np.floor(rng.uniform(first, np.floor(low).clip(first, size - sides)))
    return Rectangle(*map(float, [*corner, *(corner + sides)]))


def _boxes(samples: Samples) -> NDArray:
    """(N, 4) x0, y0, x1, y1 of all poses' known joints, pixels."""
    known = np.where(samples.visibility[..., None] > 0, samples.keypoints.astype(float), np.nan)
    return np.concatenate([np.nanmin(known, 1), np.nanmax(known, 1)], 1)


def _moved(
    samples: Samples, boxes: NDArray, crop_of: NDArray, frames: NDArray, kept: list[Rectangle]
) -> Samples:
    """The samples of the points that lie in a crop (P, -1 for none), in the crops' pixels."""
    edges = np.array(kept)
    owner = crop_of[samples.pose_points]
    stay = owner >= 0
    for crop in range(len(kept)):
        here = np.flatnonzero(owner == crop)
        # Whether the point lies inside has been asked; here a pose's middle stands for it.
        middles = ((boxes[here, :2] + boxes[here, 2:]) / 2).clip(edges[crop, :2], edges[crop, 2:])
        stay[here] &= within(kept[crop], middles, boxes[here]) | samples.primary[here]
    # Of kinds that lose a pose nothing is known any longer: it may fit, cut off more.
    tried, gone = samples.tried.copy(), np.flatnonzero((owner >= 0) & ~stay)
    tried[samples.pose_points[gone], samples.kinds[gone]] = 0
    order = np.argsort(crop_of, kind="stable")
    chosen = order[crop_of[order] >= 0]
    columns = {name: getattr(samples, name)[stay] for name in POSE_COLUMNS}
    some = replace(samples, tried=tried, **columns).select(chosen)
    of_point, of_pose = crop_of[chosen], crop_of[chosen][some.pose_points]
    sides = edges[:, 2:] - edges[:, :2]
    keypoints = some.keypoints - edges[of_pose, None, :2].astype(np.float32)
    inside = ((keypoints >= 0) & (keypoints <= sides[of_pose, None])).all(-1)
    return replace(
        some,
        frame_names=np.array([f"{samples.frame_names[f]}#{n}" for n, f in enumerate(frames)], np.str_),
        frame_sizes=sides.astype(np.int32),
        frame_places=samples.frame_places[frames],
        point_frames=of_point.astype(np.int32),
        points=(some.points - edges[of_point, :2]).astype(np.float32),
        keypoints=keypoints,
        visibility=np.where((some.visibility == SEEN) & ~inside, HIDDEN, some.visibility).astype(np.uint8),
    )
