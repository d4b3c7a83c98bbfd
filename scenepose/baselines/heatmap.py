"""Heatmap: one heatmap a joint, read at its peak (the plainest of the pose estimators' ways)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torchvision.models.convnext import LayerNorm2d

from scenepose.baselines.head import Answer, Head, Standardised, Target, block
from scenepose.baselines.peaks import heatmap_loss, last_layer, read_peaks
from scenepose.features import Features
from scenepose.model.scenepose import ScenePoseConfig
from scenepose.templates import TemplateSet


@dataclass(frozen=True)
class HeatmapConfig:
    """Sizes; where the description leaves them open they are those of "Simple Baselines" (ECCV 2018)."""

    width: int = 128  # Simple Baselines has 256; ours: half of it costs a quarter
    sigma: float = 2 / 64  # of the map's side: 2 of 64 cells, Simple Baselines
    upsample: int = 4  # kernel of the transposed convolution, Simple Baselines


class Heatmap(Head):
    """F is upsampled to twice its size, and 16 maps over the local view say where each joint is."""

    def __init__(self, config: HeatmapConfig, encoder: ScenePoseConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.sigma = config.sigma
        self.enter = nn.Sequential(Standardised(encoder.channels), block(encoder.channels, config.width))
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
        return self.maps(self.upsample(self.enter(features.fused)))

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """One pose a point."""
        return Answer(read_peaks(self.heat(features))[:, None])

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """Mean squared error of the heatmaps."""
        return {"total": heatmap_loss(self.heat(features), target.pose, target.known, self.sigma)}
