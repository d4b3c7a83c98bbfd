"""UniPose (Artacho and Savakis, CVPR 2020): a waterfall of atrous convolutions, then heatmaps.

Written from the paper's description; its official code was not read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scenepose.methods.head import Answer, Head, Standardised, Target, block
from scenepose.methods.peaks import heatmap_loss, last_layer, read_peaks
from scenepose.model.backbone import STAGE_CHANNELS
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class UniPoseConfig:
    """Sizes of the waterfall and the decoder."""

    rates: tuple[int, ...] = (18, 12, 6)  # paper, widest first
    width: int = 128  # paper: 256; ours: half of it costs a quarter
    low_level: int = 48  # channels that the low-level map is brought to, paper
    sigma: float = 3 / 46  # of the map's side: 3 of 46 cells, paper


class Waterfall(nn.Module):
    """WASP: each atrous convolution reads the one before it, and all of them join with the pooled map."""

    def __init__(self, before: int, width: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.enter = block(before, width, 1)
        self.falls = nn.ModuleList(block(width, width, dilation=rate) for rate in rates)
        self.pooled = nn.Sequential(nn.Conv2d(before, width, 1), nn.ReLU())
        self.join = block(width * (len(rates) + 1), width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, h, w) to (B, width, h, w)."""
        water, streams = self.enter(x), []
        for fall in self.falls:
            water = fall(water)
            streams.append(water)
        pooled = self.pooled(x.mean((2, 3), keepdim=True)).expand_as(water)
        return self.join(torch.cat([*streams, pooled], 1))


class UniPose(Head):
    """WASP on F, the local view's low-level map joined in a light decoder, heatmaps of stride 8."""

    def __init__(self, config: UniPoseConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.sigma = config.sigma
        self.norm = Standardised(encoder.channels)
        self.waterfall = Waterfall(encoder.channels, config.width, config.rates)
        self.low_level = block(STAGE_CHANNELS[0], config.low_level, 1)
        self.decoder = nn.Sequential(
            block(config.width + config.low_level, config.width),
            block(config.width, config.width),
            last_layer(config.width),
        )

    def heat(self, features: Features) -> Tensor:
        """Heatmaps (B, 16, S/8, S/8)."""
        deep = self.waterfall(self.norm(features.fused))
        return self.decoder(torch.cat([deep, self.low_level(features.local.stride8)], 1))

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """One pose a point."""
        return Answer(read_peaks(self.heat(features))[:, None])

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """Mean squared error of the heatmaps."""
        return {"total": heatmap_loss(self.heat(features), target.pose, target.known, self.sigma)}
