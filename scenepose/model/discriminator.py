"""The discriminator (paper): judges poses for which no true pose is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scenepose.model.attention import mlp


class Discriminator(nn.Module):
    """Reads concat(pose, scale, pooled feature); high for poses generated from the true template.

    The generated pose of a point's true template learns from a true pose; the other templates that fit there
    have none. They learn to pass for the first here. Three layers of 256 are our choice.
    """

    def __init__(self, *, channels: int, hidden: int = 256) -> None:
        super().__init__()
        self.layers = mlp(32 + 2 + channels, hidden, hidden, 1)

    def forward(self, shapes: Tensor, scales: Tensor, pooled: Tensor) -> Tensor:
        """Normalised poses (B, n, 16, 2), scales (B, n, 2), pooled features (B, C) -> logits (B, n)."""
        pooled = pooled[:, None].expand(-1, shapes.shape[1], -1)
        return self.layers(torch.cat([shapes.flatten(2), scales, pooled], -1))[..., 0].float()
