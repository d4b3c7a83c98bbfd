"""Scale transformer (paper): the size that a person of each template would have here."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scenepose.model.attention import DecoderLayer, Positions, mlp, sine_positions, start_small

#: Scales are predicted in [0, LARGEST_SCALE] picture heights (paper).
LARGEST_SCALE = 2.0


class ScaleTransformer(nn.Module):
    """Templates ask the feature map; each answer z_k gives the template's width and height."""

    def __init__(
        self,
        *,
        num_templates: int,
        channels: int,
        heads: int,
        layers: int,
        ffn: int,
        dropout: float,
        positions: Positions = "detr",
    ) -> None:
        super().__init__()
        self.positions: Positions = positions
        self.embed = mlp(32, channels, channels)
        self.learned = nn.Embedding(num_templates, channels)
        self.context = nn.Linear(channels, channels)
        self.layers = nn.ModuleList(DecoderLayer(channels, heads, ffn, dropout) for _ in range(layers))
        self.head = mlp(channels, channels, 2)
        # (K, 2) logits of scale / 2, each template's usual size; our addition.
        self.scale_bias = nn.Parameter(torch.zeros(num_templates, 2))

    def start_at(self, scales: Tensor) -> None:
        """Make the untrained answers about ``scales`` (K, 2), each template's mean in the training data."""
        start_small(self.head)
        with torch.no_grad():
            self.scale_bias.copy_(torch.logit((scales / LARGEST_SCALE).clamp(0.01, 0.99)))

    def forward(self, templates: Tensor, features: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Scales of all templates.

        Args:
            templates: (K, 16, 2) normalised. features: F (B, C, h, w).
            pooled: (B, C) its pooled features: the queries know the place before they look (our addition).

        Returns:
            z (B, K, C), one vector per template, and scales (B, K, 2) in picture heights, in [0, 2].
        """
        height, width = features.shape[-2:]
        memory = features.flatten(2).transpose(1, 2)  # (B, h w, C)
        key_pos = sine_positions(height, width, memory.shape[-1], features.device, self.positions)
        key_pos = key_pos.to(memory.dtype)
        embedded = self.embed(templates.flatten(1)) + self.learned.weight  # (K, C)
        queries = embedded + self.context(pooled)[:, None]  # (B, K, C)
        z = queries
        for layer in self.layers:
            z = layer(z, queries, memory, key_pos)
        return z, LARGEST_SCALE * (self.head(z).float() + self.scale_bias).sigmoid()
