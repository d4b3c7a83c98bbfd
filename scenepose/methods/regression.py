"""Regression: 32 numbers straight from the feature map, as in DeepPose (CVPR 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from scenepose.methods.head import Answer, Head, Standardised, Target, block
from scenepose.model.attention import mlp
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.model.losses import masked_mean
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class RegressionConfig:
    """Sizes; the description leaves them open, so they are ours."""

    width: int = 256
    hidden: int = 512
    loss: Literal["l1", "l2"] = "l1"  # L1 looks for the median, which PCK likes better than the mean


class Regression(Head):
    """F is shrunk by two strided convolutions, pooled, and an MLP names every joint's place."""

    def __init__(self, config: RegressionConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.loss = config.loss
        self.shrink = nn.Sequential(
            Standardised(encoder.channels),
            block(encoder.channels, config.width, stride=2),
            block(config.width, config.width, stride=2),
        )
        self.head = mlp(config.width + 3, config.hidden, 32)

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """One pose a point."""
        return Answer(self.pose(features)[:, None])

    def pose(self, features: Features) -> Tensor:
        """(B, 16, 2) relative to the point, in picture heights."""
        pooled = self.shrink(features.fused).mean((2, 3))
        numbers = self.head(torch.cat([pooled, 2 * features.position - 1], 1)).unflatten(-1, (16, 2))
        return self.pose_mean + self.pose_std * numbers

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """L1 or L2, in the poses' own spread, over the known joints."""
        error = (self.pose(features) - target.pose) / self.pose_std
        error = error.abs() if self.loss == "l1" else error**2
        return {"total": masked_mean(error.mean(-1), target.known)}
