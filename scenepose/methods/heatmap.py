"""Heatmap: one heatmap a joint, read at its peak (the plainest of the pose estimators' ways)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models.convnext import LayerNorm2d

from scenepose.methods.head import Answer, Head, Standardised, Target, block
from scenepose.methods.peaks import heatmap_loss, last_layer, read_peaks
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class HeatmapConfig:
    """Sizes; where the description leaves them open they are those of "Simple Baselines" (ECCV 2018)."""

    width: int = 128  # Simple Baselines has 256; ours: half of it costs a quarter
    sigma: float = 3 / 46  # of the map's side, as UniPose's; Simple Baselines' 2 of 64 learn much slower
    upsample: int = 4  # kernel of the transposed convolution, Simple Baselines


class Heatmap(Head):
    """F is upsampled to twice its size, and 16 maps over the local view say where each joint is.

    Nobody is to be seen in the picture, so each cell must know where it lies from the point: two coordinates
    are added to its features (CoordConv, Liu et al., NeurIPS 2018).
    """

    def __init__(self, config: HeatmapConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.sigma = config.sigma
        self.norm = Standardised(encoder.channels)
        self.enter = block(encoder.channels + 2, config.width)
        kernel = config.upsample
        self.upsample = nn.Sequential(
            nn.ConvTranspose2d(
                config.width, config.width, kernel, stride=2, padding=kernel // 2 - 1, bias=False
            ),
            LayerNorm2d(config.width, eps=1e-5),
            nn.ReLU(),
        )
        self.maps = last_layer(config.width)

    def heat(self, features: Features) -> Tensor:
        """Heatmaps (B, 16, S/4, S/4)."""
        cells = self.norm(features.fused)
        steps = torch.linspace(-1, 1, cells.shape[-1], device=cells.device, dtype=cells.dtype)
        place = torch.stack(torch.meshgrid(steps, steps, indexing="xy"))
        cells = torch.cat([cells, place.expand(len(cells), -1, -1, -1)], 1)
        return self.maps(self.upsample(self.enter(cells)))

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """One pose a point."""
        return Answer(read_peaks(self.heat(features))[:, None])

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """Mean squared error of the heatmaps."""
        return {"total": heatmap_loss(self.heat(features), target.pose, target.known, self.sigma)}
