"""The transformer pieces that the scale and the offset transformer share."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention


def sine_positions(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """2-D sine positions (height * width, channels) of a map's cells, row by row, as in DETR.

    Coordinates run from 0 to 2 pi over the map, so maps of other sizes keep the meaning of a place.
    """
    frequencies = 10000 ** (-torch.arange(channels // 4, device=device) / (channels // 4))
    rows = (torch.arange(height, device=device) + 0.5) / height * 2 * math.pi
    columns = (torch.arange(width, device=device) + 0.5) / width * 2 * math.pi
    y = (rows[:, None] * frequencies)[:, None].expand(height, width, -1)
    x = (columns[:, None] * frequencies)[None].expand(height, width, -1)
    return torch.cat([y.sin(), y.cos(), x.sin(), x.cos()], -1).flatten(0, 1)


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Attention(nn.Module):
    """Multi-head attention."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.value, self.out = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None = None) -> Tensor:
        """query (B, Q, C), key and value (B, N, C), visible (B, N) bool or None -> (B, Q, C).

        Tokens that are not visible take no part; at least one per row must be.
        """

        def split(x: Tensor) -> Tensor:  # (B, N, C) -> (B, heads, N, C / heads)
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        mask = None if visible is None else visible[:, None, None, :]
        q, k, v = split(self.query(query)), split(self.key(key)), split(self.value(value))
        return self.out(scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """A transformer decoder layer: queries look at each other (optional), at the memory, then think."""

    def __init__(self, channels: int, heads: int, ffn: int, dropout: float, *, among: bool = True) -> None:
        super().__init__()
        self.among = Attention(channels, heads) if among else None
        self.norm_among = nn.LayerNorm(channels) if among else None
        self.cross = Attention(channels, heads)
        self.norm_cross = nn.LayerNorm(channels)
        self.ffn_in, self.ffn_out = nn.Linear(channels, ffn), nn.Linear(ffn, channels)
        self.norm_ffn = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        identity: Tensor,
        memory: Tensor,
        positions: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """One round of decoding.

        Args:
            x: (B, Q, C) queries. identity: (B, Q, C) what each query stands for, added wherever it asks.
            memory: (B, N, C) tokens. positions: (N, C), added to the keys only. visible: (B, N) or None.
        """
        if self.among is not None and self.norm_among is not None:
            asked = x + identity
            x = self.norm_among(x + self.dropout(self.among(asked, asked, x)))
        x = self.norm_cross(x + self.dropout(self.cross(x + identity, memory + positions, memory, visible)))
        return self.norm_ffn(x + self.dropout(self.ffn_out(relu(self.ffn_in(x)))))
