"""The paper's head: from a point's features to compatibility scores, scales, offsets and poses (figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from scenepose.methods.head import Answer, Head
from scenepose.model.attention import Positions, mlp, start_small
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.model.offset_transformer import OffsetTransformer
from scenepose.model.scale_transformer import ScaleTransformer
from scenepose.pose.geometry import normalise
from scenepose.pose.templates import TemplateSet


@dataclass(frozen=True)
class ScenePoseConfig:
    """Sizes of the head. What the paper does not state is our choice, and marked so."""

    heads: int = 8  # our choice
    # Our choice. 0: a scale comes from template and pooled features, without attention to F (ablation).
    scale_layers: int = 3
    offset_layers: int = 1  # our choice
    # MaskFormer has 2048; our choice: half of it keeps the half-precision checkpoint under 40 MB.
    ffn: int = 1024
    dropout: float = 0.1  # our choice
    roi: int = 7  # our choice; 0: without RoIAlign, the offset transformer asks the whole map (ablation)
    # The paper predicts offsets in [-0.5, 0.5]; real ones reach 1, so that is our choice.
    offset_range: float = 1.0
    # pooled: as in the paper, compatibility from the pooled F alone; attended: also from what each template
    # found in F (z_k), which unlike the pooled F knows where things lie around the point. Beyond the paper.
    scores: Literal["pooled", "attended"] = "pooled"
    # detr: as in MaskFormer; fine: neighbouring cells differ more, see `sine_positions`.
    positions: Positions = "detr"
    # Whether every joint has a logit beside its offset: does furniture hide it? Beyond the paper.
    hidden_joints: bool = False


class Prediction(NamedTuple):
    """What the head predicts at a point. ``n`` is K unless only some templates were asked for."""

    logits: Tensor  # (B, K) compatibility, one independent sigmoid per template
    scales: Tensor  # (B, K, 2) width and height in picture heights, in [0, 2]
    offsets: Tensor  # (B, n, 16, 2) normalised-pose units
    shapes: Tensor  # (B, n, 16, 2) normalised poses: template + offset, in a unit box
    poses: Tensor  # (B, n, 16, 2) relative to the point, in picture heights
    features: Tensor  # (B, n, C) the vectors e_k
    pooled: Tensor  # (B, C) pooled F
    hidden: Tensor | None  # (B, n, 16) logits, where the head has them


class ScenePose(Head):
    """Classifier, scale transformer and offset transformer (paper)."""

    templates: Tensor
    pooled_mean: Tensor
    pooled_std: Tensor
    has_templates = True
    ranks_templates = True
    shares_templates = True

    def __init__(self, config: ScenePoseConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.config, channels = config, encoder.channels
        if channels % config.heads or channels % 4:
            raise ValueError(f"channels is a multiple of heads and of 4; {channels}, {config.heads} given")
        self.register_buffer("templates", torch.from_numpy(template_set.templates.copy()))
        # Pooled features differ little between points; standardised they teach much faster.
        self.register_buffer("pooled_mean", torch.zeros(channels))
        self.register_buffer("pooled_std", torch.ones(channels))
        self.classifier = nn.Linear(channels, len(template_set))
        self.scale_transformer = ScaleTransformer(
            num_templates=len(template_set),
            channels=channels,
            heads=config.heads,
            layers=config.scale_layers,
            ffn=config.ffn,
            dropout=config.dropout,
            positions=config.positions,
        )
        self.offset_transformer = OffsetTransformer(
            channels=channels,
            heads=config.heads,
            layers=config.offset_layers,
            ffn=config.ffn,
            dropout=config.dropout,
            roi=config.roi,
            offset_range=config.offset_range,
            positions=config.positions,
        )
        self.scale_transformer.start_at(torch.from_numpy(template_set.scales.copy()))
        self.attended = mlp(channels, channels, 1) if config.scores == "attended" else None
        if self.attended is not None:
            start_small(self.attended)
        self.hidden = nn.Linear(channels, 16) if config.hidden_joints else None

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """The poses of all K templates by compatibility score (paper); equal ones keep their order."""
        predicted = self.predict(features.fused)
        order = predicted.logits.sort(dim=-1, descending=True, stable=True).indices
        rows = torch.arange(len(order), device=order.device)[:, None]
        hidden = None if predicted.hidden is None else predicted.hidden[rows, order] > 0
        return Answer(predicted.poses[rows, order], order, predicted.logits[rows, order].sigmoid(), hidden)

    def predict(self, fused: Tensor, only: Tensor | None = None) -> Prediction:
        """Everything after the encoder.

        Args:
            fused: F (B, C, n, n).
            only: (B, n) numbers of the templates whose poses are wanted; None for all. Scores and scales are
                always those of all templates.
        """
        logits, pooled, z, scales = self._ask(fused)
        if only is None:
            only = torch.arange(len(self.templates), device=fused.device).expand(len(fused), -1)
        rows = torch.arange(len(fused), device=fused.device)[:, None]
        chosen = scales[rows, only]  # (B, n, 2)
        e, offsets = self.offset_transformer(z[rows, only], chosen, fused)
        shapes = normalise(self.templates[only] + offsets)  # unit box: the scale alone gives the size
        poses = shapes * chosen[:, :, None]
        hidden = None if self.hidden is None else self.hidden(e).float()
        return Prediction(logits.float(), scales, offsets, shapes, poses, e, pooled, hidden)

    def score(self, fused: Tensor) -> Tensor:
        """F (B, C, n, n) to the compatibility logits (B, K) alone, as in `Prediction`."""
        if self.attended is None:
            return self.classify(fused)[0].float()
        return self._ask(fused)[0].float()

    def classify(self, fused: Tensor) -> tuple[Tensor, Tensor]:
        """F to logits from its pooled features (B, K), and these (B, C)."""
        pooled = (fused.mean((2, 3)) - self.pooled_mean) / self.pooled_std
        return self.classifier(pooled), pooled

    def _ask(self, fused: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """F to logits (B, K), pooled features (B, C), z (B, K, C) and scales (B, K, 2)."""
        logits, pooled = self.classify(fused)
        z, scales = self.scale_transformer(self.templates, fused, pooled)
        if self.attended is not None:
            logits = logits + self.attended(z).squeeze(-1)
        return logits, pooled, z, scales

    @torch.no_grad()
    def standardise(self, features: Features) -> None:
        """Fix the pooled features' mean and spread to those of some clicks, before training."""
        pooled = features.fused.float().mean((2, 3))
        self.pooled_mean.copy_(pooled.mean(0))
        self.pooled_std.copy_(pooled.std(0).clamp(min=1e-3))

    @torch.no_grad()
    def rescale_scores(self, slope: float, intercepts: Tensor) -> None:
        """Let every logit from now on be ``slope`` times what it was, plus the template's intercept (K,)."""
        last = list(self.attended[-1].parameters()) if self.attended is not None else []
        for parameter in (*self.classifier.parameters(), *last):
            parameter.mul_(slope)
        self.classifier.bias.add_(intercepts.to(self.classifier.bias))
