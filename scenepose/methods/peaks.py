"""Joints as peaks of heatmaps over the local view, whose side is the picture's height."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scenepose.model.teacher import gaussian_heatmaps


def last_layer(width: int) -> nn.Conv2d:
    """Features to 16 maps; dark at first, as most of a heatmap is ("Simple Baselines" starts likewise)."""
    layer = nn.Conv2d(width, 16, 1)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


def heatmap_loss(heat: Tensor, pose: Tensor, known: Tensor, sigma: float) -> Tensor:
    """Mean squared error of heatmaps (B, 16, h, h) over the known joints that lie in the local view.

    ``sigma`` is the standard deviation of the peaks as a share of the map's side.
    """
    inside = known & (pose.abs() <= 0.5).all(-1)
    side = heat.shape[-1]
    error = (heat.float() - gaussian_heatmaps(pose, side, sigma * side)) ** 2
    return (error.mean((2, 3)) * inside).sum() / inside.sum().clamp(min=1)


def read_peaks(heat: Tensor) -> Tensor:
    """Where heatmaps (B, 16, h, h) are highest: (B, 16, 2) relative to the point, in picture heights.

    The highest cell, refined by the top of the parabola through the logarithms of it and its two neighbours,
    which is exact for a Gaussian. (A soft-argmax would answer between two places where a joint may well be.)
    """
    batch, joints, side, _ = heat.shape
    best = heat.flatten(2).argmax(-1)  # (B, 16)
    rows, columns = best // side, best % side
    logs = heat.clamp(min=1e-6).log()
    along_row = logs.gather(2, rows[..., None, None].expand(batch, joints, 1, side))[:, :, 0]
    along_column = logs.gather(3, columns[..., None, None].expand(batch, joints, side, 1))[..., 0]
    x, y = columns + 0.5 + _summit(along_row, columns), rows + 0.5 + _summit(along_column, rows)
    return torch.stack([x, y], -1) / side - 0.5


def _summit(logs: Tensor, best: Tensor) -> Tensor:
    """How far (B, 16), at most half a cell, the top lies from the highest cell of lines (B, 16, h)."""
    last = logs.shape[-1] - 1
    before, top, after = (
        logs.gather(-1, at[..., None])[..., 0]
        for at in ((best - 1).clamp(min=0), best, (best + 1).clamp(max=last))
    )
    bend = (2 * top - before - after).clamp(min=1e-6)
    inner = (best > 0) & (best < last)
    return torch.where(inner, ((after - before) / (2 * bend)).clamp(-0.5, 0.5), torch.zeros_like(top))
