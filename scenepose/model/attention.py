"""The transformer pieces that the scale and the offset transformer share."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention

#: How places in a map are told, see `sine_positions`.
Positions = Literal["detr", "fine"]


def sine_positions(
    height: int, width: int, channels: int, device: torch.device, kind: Positions = "detr"
) -> Tensor:
    """2-D sine positions (height * width, channels) of a map's cells, row by row.

    Coordinates run from 0 to 2 pi over the map, so maps of other sizes keep the meaning of a place. As in
    DETR the highest frequency is one cycle over the map, which leaves neighbouring cells nearly alike; "fine"
    has half a cycle to 8 (over small maps as many as their cells can show), beyond the paper.
    """
    highest, lowest = (1.0, 1e-4) if kind == "detr" else (min(8.0, height / 2, width / 2), 0.5)
    frequencies = highest * (lowest / highest) ** (
        torch.arange(channels // 4, device=device) / (channels // 4)
    )
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

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_mask: Tensor | None = None) -> Tensor:
        """query (B, Q, C), key and value (B, N, C), key_mask (B, N) bool or None -> (B, Q, C).

        Tokens outside the mask take no part; at least one per row must be in it.
        """

        if query.shape[1] * self.heads <= query.shape[2] and key.shape[1] > query.shape[1]:
            return self._few_queries(query, key, value, key_mask)

        def split(x: Tensor) -> Tensor:  # (B, N, C) -> (B, heads, N, C / heads)
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        mask = None if key_mask is None else key_mask[:, None, None, :]
        q, k, v = split(self.query(query)), split(self.key(key)), split(self.value(value))
        return self.out(scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))

    def _few_queries(self, query: Tensor, key: Tensor, value: Tensor, key_mask: Tensor | None) -> Tensor:
        """The same for few queries and many tokens, which then need not be projected.

        q . (W_k m) = (W_k^T q) . m, and a weighted mean of W_v m is W_v of the mean; b_k adds the same to all
        of a query's scores, so that it drops out.
        """
        heads = self.heads
        w_k, w_v = (layer.weight.unflatten(0, (heads, -1)) for layer in (self.key, self.value))  # (h, d, C)
        q = self.query(query).unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, h, Q, d)
        asked = torch.einsum("bhqd,hdc->bhqc", q, w_k).flatten(1, 2) / math.sqrt(q.shape[-1])
        scores = asked @ key.transpose(1, 2)  # (B, h Q, N)
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, None], -math.inf)
        found = (scores.softmax(-1).to(value.dtype) @ value).unflatten(1, (heads, -1))  # (B, h, Q, C)
        found = torch.einsum("bhqc,hdc->bqhd", found, w_v)
        return self.out(found.flatten(2) + self.value.bias)


def start_small(head: nn.Sequential) -> None:
    """Make a head's untrained answers small: its last layer's weights a tenth, its bias zero."""
    last = head[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.zero_()


class DecoderLayer(nn.Module):
    """DETR's decoder layer, norms last: self-attention (optional), cross-attention, feed-forward network."""

    def __init__(
        self, channels: int, heads: int, ffn: int, dropout: float, *, self_attention: bool = True
    ) -> None:
        super().__init__()
        self.self_attention = Attention(channels, heads) if self_attention else None
        self.norm_self = nn.LayerNorm(channels) if self_attention else None
        self.cross_attention = Attention(channels, heads)
        self.norm_cross = nn.LayerNorm(channels)
        self.ffn_in, self.ffn_out = nn.Linear(channels, ffn), nn.Linear(ffn, channels)
        self.norm_ffn = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        query_pos: Tensor,
        memory: Tensor,
        key_pos: Tensor,
        key_mask: Tensor | None = None,
    ) -> Tensor:
        """The queries after the layer, (B, Q, C).

        Args:
            x: (B, Q, C) queries. query_pos: (B, Q, C) what each stands for, added to x wherever it asks.
            memory: (B, N, C) tokens. key_pos: (N, C), added to the keys only.
            key_mask: (B, N) bool, tokens that take part; None for all.
        """
        if self.self_attention is not None and self.norm_self is not None:
            query = x + query_pos
            x = self.norm_self(x + self.dropout(self.self_attention(query, query, x)))
        found = self.cross_attention(x + query_pos, memory + key_pos, memory, key_mask)
        x = self.norm_cross(x + self.dropout(found))
        return self.norm_ffn(x + self.dropout(self.ffn_out(relu(self.ffn_in(x)))))
