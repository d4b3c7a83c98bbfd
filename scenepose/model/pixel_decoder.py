"""The pixel decoder (paper, after MaskFormer): the backbone's three maps to one of stride 8."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.convnext import LayerNorm2d

from scenepose.model.backbone import STAGE_CHANNELS


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    # MaskFormer has group norm here. It subtracts the mean over the whole map, which is what tells one
    # picture's pooled features from another's; a norm within each cell keeps that.
    return nn.Sequential(convolution, LayerNorm2d(convolution.out_channels, eps=1e-5))


class PixelDecoder(nn.Module):
    """1x1 lateral, nearest upsampling, addition, 3x3 convolution, from stride 32 to 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            _normed(nn.Conv2d(width, channels, 1, bias=False)) for width in STAGE_CHANNELS
        )
        self.smooth16 = _normed(nn.Conv2d(channels, channels, 3, padding=1, bias=False))
        self.smooth8 = _normed(nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    def forward(self, stages: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Maps of strides 8, 16 and 32 of a picture (h, w) to one (B, channels, h / 8, w / 8)."""
        stride8, stride16, stride32 = (
            lateral(stage) for lateral, stage in zip(self.laterals, stages, strict=True)
        )
        x = torch.relu(self.smooth16(stride16 + interpolate(stride32, size=stride16.shape[-2:])))
        return torch.relu(self.smooth8(stride8 + interpolate(x, size=stride8.shape[-2:])))
