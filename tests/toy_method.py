"""A ninth method: one file like this in `scenepose/methods`, and one row in its table."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scenepose.methods.head import Answer, Head, Target
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class ToyConfig:
    """Its only size."""

    start: float = 0.0


class Toy(Head):
    """One pose for the whole world, learnt."""

    def __init__(self, config: ToyConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.moved = nn.Parameter(torch.full((16, 2), config.start))

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        pose = self.pose_mean + self.moved * self.pose_std
        return Answer(pose.expand(len(features), 1, -1, -1))

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        error = (self.decode(features).poses[:, 0] - target.pose)[target.known].square().mean()
        return {"total": error}
