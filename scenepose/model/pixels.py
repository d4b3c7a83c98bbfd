"""Views cut from pixels, as in the paper: every point's local and detail view is a crop of its own.

A view is two matrix products, rows and columns, with the weights of a triangle filter that averages where the
view is larger than its output. What is not wholly inside the picture is zero, the mean colour, so the part
that is inside keeps its exact position and scale.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

#: Colour statistics of ImageNet, by which the backbone expects its input normalised.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalised(picture: Tensor) -> Tensor:
    """A picture (..., 3, H, W) uint8 as the backbone reads it, float32."""
    mean, std = _statistics(picture.device)
    return (picture.float() / 255 - mean) / std


def square_boxes(position: Tensor, height: int, width: int, side: float) -> Tensor:
    """Squares around points, (B, 4) x0, y0, x1, y1 in pixels; they may reach outside the picture.

    Args:
        position: (B, 3) see `geometry.position_in_picture`. side: in picture heights.
    """
    centre = position[:, :2] * torch.tensor([width, height], device=position.device)
    return torch.cat([centre - side * height / 2, centre + side * height / 2], 1)


def cut_views(picture: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Views of one picture as the network sees them.

    Args:
        picture: (3, H, W) uint8. boxes: (V, 4) x0, y0, x1, y1 in its pixels; they may reach outside.

    Returns:
        (V, 3, size, size) float32, ImageNet-normalised; zero where not wholly inside the picture.
    """
    height, width = picture.shape[1:]
    rows = axis_weights(boxes[:, 1], boxes[:, 3], height, size)  # (V, S, H)
    columns = axis_weights(boxes[:, 0], boxes[:, 2], width, size)  # (V, S, W)
    flat = picture.permute(1, 0, 2).reshape(height, 3 * width).float()
    across = (rows.flatten(0, 1) @ flat).view(len(boxes), size * 3, width)  # (V, S 3, W)
    values = across @ columns.transpose(1, 2)  # (V, S 3, S)
    values = values.view(len(boxes), size, 3, size).transpose(1, 2)
    inside = (rows.sum(-1)[:, :, None] * columns.sum(-1)[:, None, :])[:, None]
    mean, std = _statistics(picture.device)
    return (values / 255 - mean * inside) / std


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


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """ImageNet's mean and spread (3, 1, 1). Copying them each time would make the CPU wait for the GPU."""
    mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (MEAN, STD))
    return mean, std
