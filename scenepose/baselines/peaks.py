"""Joints as peaks of heatmaps over the local view, whose side is the picture's height."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from scenepose.model.teacher import gaussian_heatmaps

#: Cells to each side of the highest one whose heat refines its place.
REACH = 2


def last_layer(width: int) -> nn.Conv2d:
    """Features to 16 maps; dark at first, as most of a heatmap is ("Simple Baselines" starts likewise)."""
    layer = nn.Conv2d(width, 16, 1)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


def heatmap_loss(heat: Tensor, pose: Tensor, known: Tensor, sigma: float) -> Tensor:
    """Mean squared error of heatmaps (B, 16, h, h) over the known joints that lie in the local view."""
    inside = known & (pose.abs() <= 0.5).all(-1)
    error = (heat.float() - gaussian_heatmaps(pose, heat.shape[-1], sigma)) ** 2
    return (error.mean((2, 3)) * inside).sum() / inside.sum().clamp(min=1)


def read_peaks(heat: Tensor) -> Tensor:
    """Where heatmaps (B, 16, h, h) are highest: (B, 16, 2) relative to the point, in picture heights.

    The highest cell, refined by the centre of the heat around it (a soft-argmax within reach). A soft-argmax
    over the whole map would answer between two places where a joint may well be.
    """
    batch, joints, side, _ = heat.shape
    best = heat.flatten(2).argmax(-1)  # (B, 16)
    rows, columns = best // side, best % side
    around = torch.arange(-REACH, REACH + 1, device=heat.device)
    padded = pad(heat.clamp(min=0), (REACH,) * 4)
    wide = side + 2 * REACH
    at = (rows[..., None, None] + REACH + around[:, None]) * wide + columns[..., None, None] + REACH + around
    near = padded.flatten(2).gather(2, at.flatten(2)).view(batch, joints, len(around), len(around))
    total = near.sum((2, 3)).clamp(min=1e-9)
    x = columns + 0.5 + (near.sum(2) * around).sum(-1) / total
    y = rows + 0.5 + (near.sum(3) * around).sum(-1) / total
    return torch.stack([x, y], -1) / side - 0.5
