"""Offset transformer (paper, section 3.4): how the person deviates from the template, from its region."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from scenepose.model.attention import DecoderLayer, mlp, sine_positions


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
    ) -> None:
        super().__init__()
        self.roi, self.offset_range = roi, offset_range
        # No attention among the templates here: each asks its own region, so a few can be asked alone.
        self.layers = nn.ModuleList(
            DecoderLayer(channels, heads, ffn, dropout, among=False) for _ in range(layers)
        )
        self.head = mlp(channels, channels, 32)
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():  # an untrained network leaves the template about as it is
            last.weight.mul_(0.1)
            last.bias.zero_()

    def forward(self, z: Tensor, scales: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets of some or all templates.

        Args:
            z: (B, n, C) their vectors from the scale transformer. scales: (B, n, 2) their predicted scales.
            features: F (B, C, h, h), whose frame is the local view's.

        Returns:
            e (B, n, C) and offsets (B, n, 16, 2) in [-offset_range, offset_range], normalised-pose units.
        """
        e = self._from_regions(z, scales, features) if self.roi else self._from_everywhere(z, features)
        return e, self.offset_range * self.head(e).float().tanh().unflatten(-1, (16, 2))

    def _from_regions(self, z: Tensor, scales: Tensor, features: Tensor) -> Tensor:
        """e (B, n, C): each template asks the tokens of its own box."""
        batch, count, channels = z.shape
        cells = features.shape[-1]
        # RoIAlign reads outside its memory when a box is not a number: a broken run should end in words.
        boxes = region_boxes(scales.detach().float().nan_to_num(), cells).flatten(0, 1)  # (B n, 4)
        rows = torch.arange(batch, device=z.device).repeat_interleave(count)
        regions = torch.cat([rows[:, None].to(boxes.dtype), boxes], 1)
        cut = roi_align(features.float(), regions, self.roi, 1.0, sampling_ratio=2, aligned=True)
        memory = cut.flatten(2).transpose(1, 2).to(z.dtype)  # (B n, roi roi, C)
        positions = sine_positions(self.roi, self.roi, channels, z.device).to(z.dtype)
        visible = visible_tokens(boxes, cells, self.roi)
        identity = z.reshape(batch * count, 1, channels)
        e = identity
        for layer in self.layers:
            e = layer(e, identity, memory, positions, visible)
        return e.view(batch, count, channels)

    def _from_everywhere(self, z: Tensor, features: Tensor) -> Tensor:
        """e (B, n, C) without RoIAlign, as the ablation has it: templates ask the whole map."""
        height, width = features.shape[-2:]
        memory = features.flatten(2).transpose(1, 2).to(z.dtype)
        positions = sine_positions(height, width, z.shape[-1], z.device).to(z.dtype)
        e = z
        for layer in self.layers:
            e = layer(e, z, memory, positions)
        return e
