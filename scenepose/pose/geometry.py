"""Boxes, normalised poses, and the way between them and the picture.

Frame: everything is relative to the target point p and in units of the picture's height H; pixel
coordinates are continuous, (0, 0) being the outer corner of the first pixel and (0.5, 0.5) its centre.
A pose p + H * s * n has a *scale* s = (box width, box height) / H and a *normalised pose* n whose box is
centred at the origin with unit sides (paper). The functions take numpy arrays or torch
tensors alike and keep their kind, so that training, inference and data share one definition.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)

#: Smallest side of a pose box, in picture heights: keeps normalisation defined for degenerate poses.
MIN_SIDE = 0.01


def _extent(keypoints: Array, known: Array | None) -> tuple[Array, Array]:
    """Smallest and largest coordinates (..., 1, 2) over the known joints."""
    if isinstance(keypoints, torch.Tensor):
        mask = ~torch.isnan(keypoints).any(-1, keepdim=True)
        if known is not None:
            mask = mask & known[..., None]
        low = torch.where(mask, keypoints, torch.inf).amin(-2, keepdim=True)
        high = torch.where(mask, keypoints, -torch.inf).amax(-2, keepdim=True)
        return low, high
    mask = ~np.isnan(keypoints).any(-1, keepdims=True)
    if known is not None:
        mask = mask & known[..., None]
    low = np.where(mask, keypoints, np.inf).min(-2, keepdims=True)
    high = np.where(mask, keypoints, -np.inf).max(-2, keepdims=True)
    return low, high


def box(keypoints: Array, known: Array | None = None) -> tuple[Array, Array]:
    """Centre and sides of the bounding box of the known joints.

    Args:
        keypoints: (..., 16, 2), any unit; NaN joints count as unknown.
        known: optional booleans (..., 16) that narrow the joints further (visibility >= 1).

    Returns:
        centre (..., 2) and sides (..., 2) = (width, height), same unit. Not finite when nothing is known.
    """
    low, high = _extent(keypoints, known)
    return ((low + high) / 2)[..., 0, :], (high - low)[..., 0, :]


def decompose(keypoints: Array, known: Array | None = None) -> tuple[Array, Array, Array]:
    """Split poses into box centre, scale and normalised pose; `compose` is the exact inverse.

    Args:
        keypoints: (..., 16, 2) in picture heights. known: as in `box`.

    Returns:
        centre (..., 2), scale (..., 2) with sides of at least `MIN_SIDE`, normalised (..., 16, 2) in
        [-0.5, 0.5] (NaN where unknown).
    """
    centre, sides = box(keypoints, known)
    scale = sides.clip(MIN_SIDE) if isinstance(sides, np.ndarray) else sides.clamp(min=MIN_SIDE)
    normalised = (keypoints - centre[..., None, :]) / scale[..., None, :]
    return centre, scale, normalised


def normalise(keypoints: Array, known: Array | None = None) -> Array:
    """The normalised pose alone: box centred at the origin, unit sides. Idempotent where no side
    was below `MIN_SIDE`."""
    return decompose(keypoints, known)[2]


def compose(normalised: Array, scale: Array, centre: Array) -> Array:
    """Poses (..., 16, 2) from normalised poses (..., 16, 2), scales (..., 2) and centres (..., 2),
    the latter two and the result in picture heights."""
    return normalised * scale[..., None, :] + centre[..., None, :]


def position_in_picture(point: tuple[float, float], width: int, height: int) -> tuple[float, float, float]:
    """Where in the picture a point lies, and the picture's shape: (x / W, y / H, W / H)."""
    return point[0] / width, point[1] / height, width / height


def inside(point: tuple[float, float], width: int, height: int) -> bool:
    """Whether a point in pixels lies in the picture."""
    return bool(0 <= point[0] <= width and 0 <= point[1] <= height)
