"""Offset transformer (paper): how the person deviates from the template, from its region."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from scenepose.model.attention import DecoderLayer, Positions, mlp, sine_positions, start_small


def region_boxes(scales: Tensor, cells: int) -> Tensor:
    """The boxes of poses in the local view's feature map.

    The local view is a square of side H centred at the target point, and so is the pose's box: a scale of 1
    spans the map exactly.

    Args:
        scales: (..., 2) widths and heights in picture heights. cells: the map's side.

    Returns:
        (..., 4) x0, y0, x1, y1 in cells, (0, 0) the outer corner of the first; sides of at least one cell.
        They may reach outside the map.
    """
    half = (scales * cells).clamp(min=1.0) / 2
    return torch.cat([cells / 2 - half, cells / 2 + half], -1)


def visible_tokens(boxes: Tensor, cells: int, size: int) -> Tensor:
    """Which of the size x size tokens cut from each box (R, 4) have their middle in the map: (R, size**2)."""
    steps = (torch.arange(size, device=boxes.device) + 0.5) / size
    x = boxes[:, 0:1] + steps * (boxes[:, 2:3] - boxes[:, 0:1])
    y = boxes[:, 1:2] + steps * (boxes[:, 3:4] - boxes[:, 1:2])
    inside_x, inside_y = (x >= 0) & (x <= cells), (y >= 0) & (y <= cells)
    return (inside_y[:, :, None] & inside_x[:, None, :]).flatten(1)


class OffsetTransformer(nn.Module):
    """z_k asks the region of its own template; the answer e_k gives the offset of the 16 joints."""

    def __init__(
        self,
        *,
        channels: int,
        heads: int,
        layers: int,
        ffn: int,
        dropout: float,
        roi: int,
        offset_range: float,
        positions: Positions = "detr",
    ) -> None:
        super().__init__()
        self.positions: Positions = positions
        self.roi, self.offset_range = roi, offset_range
        # No attention among the templates here: each asks its own region, so a few can be asked alone.
        self.layers = nn.ModuleList(
            DecoderLayer(channels, heads, ffn, dropout, self_attention=False) for _ in range(layers)
        )
        self.head = mlp(channels, channels, 32)
        start_small(self.head)  # an untrained network leaves the template about as it is

    def forward(self, z: Tensor, scales: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets of some or all templates.

        Args:
            z: (B, n, C) their vectors from the scale transformer. scales: (B, n, 2) their predicted scales.
            features: F (B, C, h, h), whose frame is the local view's.

        Returns:
            e (B, n, C) and offsets (B, n, 16, 2) in [-offset_range, offset_range], normalised-pose units.
        """
        if self.roi:
            memory, key_mask = self._regions(scales, features)
            queries, side = z.flatten(0, 1)[:, None], self.roi  # (B n, 1, C): each asks its own region
        else:
            memory, key_mask = features.flatten(2).transpose(1, 2), None
            queries, side = z, features.shape[-1]
        memory = memory.to(z.dtype)
        # With RoIAlign a place means where in the box.
        key_pos = sine_positions(side, side, z.shape[-1], z.device, self.positions).to(z.dtype)
        e = queries
        for layer in self.layers:
            e = layer(e, queries, memory, key_pos, key_mask)
        e = e.reshape(z.shape)
        return e, self.offset_range * self.head(e).float().tanh().unflatten(-1, (16, 2))

    def _regions(self, scales: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens (B n, roi roi, C) of each template's box, and which of them lie in the map."""
        cells = features.shape[-1]
        # RoIAlign reads outside its memory when a box is not a number: a broken run should end in words.
        boxes = region_boxes(scales.detach().float().nan_to_num(), cells).flatten(0, 1)  # (B n, 4)
        rows = torch.arange(len(features), device=scales.device).repeat_interleave(scales.shape[1])
        regions = torch.cat([rows[:, None].to(boxes.dtype), boxes], 1)
        cut = roi_align(features.float(), regions, self.roi, 1.0, sampling_ratio=2, aligned=True)
        return cut.flatten(2).transpose(1, 2), visible_tokens(boxes, cells, self.roi)
