"""Views cut on the device that trains: `scenepose.views.crop` for many views at once.

Pillow cuts a view in about a millisecond, and a GPU trains on one in a tenth of that. Here a view is two
matrix products, rows and columns, with the weights of Pillow's bilinear filter; only its rounding to whole
colours is missing.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from scenepose.views import MEAN, STD


def axis_weights(start: Tensor, end: Tensor, limit: int, size: int) -> Tensor:
    """How much of each of ``limit`` pixels goes into each of ``size`` output pixels, along one axis.

    Args:
        start, end: (V,) edges of the views, pixels; they may lie outside.

    Returns:
        (V, size, limit) float32. Rows add up to 1, or to 0 where the output pixel is not wholly inside.
    """
    start, end = start.double(), end.double()
    step = (end - start) / size
    edges = start[:, None] / step[:, None] + torch.arange(size + 1, device=start.device)  # in output pixels
    inside = (edges[:, :-1] >= -1e-6) & (edges[:, 1:] <= (limit / step)[:, None] + 1e-6)
    centres = (edges[:, :-1] + 0.5) * step[:, None]
    pixels = torch.arange(limit, device=start.device) + 0.5
    # A view larger than its output averages: the triangle's reach grows with the step.
    distance = (pixels - centres[:, :, None]).abs() / step.clamp(min=1.0)[:, None, None]
    weights = (1 - distance).clamp(min=0)
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-6)
    return (weights * inside[:, :, None]).float()


def cut_views(picture: Tensor, views: Tensor, size: int) -> Tensor:
    """Views of one picture as the network sees them.

    Args:
        picture: (3, H, W) uint8. views: (V, 4) x0, y0, x1, y1 in its pixels; they may reach outside.

    Returns:
        (V, 3, size, size) float32, ImageNet-normalised; zero where not wholly inside the picture.
    """
    height, width = picture.shape[1:]
    rows = axis_weights(views[:, 1], views[:, 3], height, size)  # (V, S, H)
    columns = axis_weights(views[:, 0], views[:, 2], width, size)  # (V, S, W)
    flat = picture.permute(1, 0, 2).reshape(height, 3 * width).float()
    across = (rows.flatten(0, 1) @ flat).view(len(views), size * 3, width)  # (V, S 3, W)
    values = across @ columns.transpose(1, 2)  # (V, S 3, S)
    values = values.view(len(views), size, 3, size).transpose(1, 2)
    inside = (rows.sum(-1)[:, :, None] * columns.sum(-1)[:, None, :])[:, None]
    mean, std = _statistics(picture.device)
    return (values / 255 - mean * inside) / std


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """ImageNet's mean and spread (3, 1, 1). Copying them each time would make the CPU wait for the GPU."""
    mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (MEAN, STD))
    return mean, std
