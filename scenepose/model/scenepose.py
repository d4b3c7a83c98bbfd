"""The generator: scene and point to poses, as in the paper's figure 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from scenepose.geometry import normalise
from scenepose.model.attention import Positions, mlp, start_small
from scenepose.model.foundation import Foundation
from scenepose.model.offset_transformer import OffsetTransformer
from scenepose.model.scale_transformer import ScaleTransformer
from scenepose.templates import TemplateSet


@dataclass(frozen=True)
class ScenePoseConfig:
    """Sizes of the network. What the paper does not state is our choice, and marked so."""

    num_templates: int = 14  # paper
    view_size: int = 224  # paper
    channels: int = 256  # of F; our choice
    # Of each view's own map; our choice: 256 cost a third of a ResNet-18 pass more per view.
    view_channels: int = 128
    heads: int = 8  # our choice
    # Our choice. 0: a scale comes from template and pooled features, without attention to F (ablation).
    scale_layers: int = 3
    offset_layers: int = 1  # our choice
    # three: as in the paper; aligned: brought into one frame first, see `Foundation.fuse`; local: without the
    # other two (ablation).
    views: Literal["three", "aligned", "local"] = "three"
    # MaskFormer has 2048; our choice: half of it keeps the half-precision checkpoint under 40 MB.
    ffn: int = 1024
    dropout: float = 0.1  # our choice
    roi: int = 7  # our choice; 0: without RoIAlign, the offset transformer asks the whole map (ablation)
    # The paper predicts offsets in [-0.5, 0.5]; real ones reach 1, so that is our choice.
    offset_range: float = 1.0
    # Whether F is told where in the picture the point lies; beyond the paper, which goes without.
    tell_place: bool = True
    # pooled: as in the paper, compatibility from the pooled F alone; attended: also from what each template
    # found in F (z_k), which unlike the pooled F knows where things lie around the point. Beyond the paper.
    scores: Literal["pooled", "attended"] = "pooled"
    # detr: as in MaskFormer; fine: neighbouring cells differ more, see `sine_positions`.
    positions: Positions = "detr"
    freeze_stages: int = 0  # early ResNet stages that do not learn

    def __post_init__(self) -> None:
        if self.view_size % 32:
            raise ValueError(f"view_size is a multiple of 32, and it is {self.view_size}")
        if self.channels % self.heads or self.channels % 4:
            raise ValueError(f"channels is a multiple of heads and of 4; {self.channels}, {self.heads} given")


class Prediction(NamedTuple):
    """What the network says at a point. ``n`` is K unless only some templates were asked for."""

    logits: Tensor  # (B, K) compatibility, one independent sigmoid per template
    scales: Tensor  # (B, K, 2) width and height in picture heights, in [0, 2]
    offsets: Tensor  # (B, n, 16, 2) normalised-pose units
    shapes: Tensor  # (B, n, 16, 2) normalised poses: template + offset, in a unit box
    poses: Tensor  # (B, n, 16, 2) relative to the point, in picture heights
    features: Tensor  # (B, n, C) the vectors e_k
    pooled: Tensor  # (B, C) pooled F


class ScenePose(nn.Module):
    """The paper's modules but for distillation, which only training needs."""

    templates: Tensor

    def __init__(self, config: ScenePoseConfig, template_set: TemplateSet) -> None:
        super().__init__()
        if len(template_set) != config.num_templates:
            raise ValueError(
                f"the model is for {config.num_templates} templates, and the set has {len(template_set)}"
            )
        self.config = config
        self.template_set = template_set
        self.register_buffer("templates", torch.from_numpy(template_set.templates.copy()))
        self.foundation = Foundation(
            num_templates=config.num_templates,
            channels=config.channels,
            view_channels=config.view_channels,
            freeze_stages=config.freeze_stages,
            tell_place=config.tell_place,
            views=config.views,
        )
        self.scale_transformer = ScaleTransformer(
            num_templates=config.num_templates,
            channels=config.channels,
            heads=config.heads,
            layers=config.scale_layers,
            ffn=config.ffn,
            dropout=config.dropout,
            positions=config.positions,
        )
        self.offset_transformer = OffsetTransformer(
            channels=config.channels,
            heads=config.heads,
            layers=config.offset_layers,
            ffn=config.ffn,
            dropout=config.dropout,
            roi=config.roi,
            offset_range=config.offset_range,
            positions=config.positions,
        )
        self.scale_transformer.start_at(torch.from_numpy(template_set.scales.copy()))
        self.attended = mlp(config.channels, config.channels, 1) if config.scores == "attended" else None
        if self.attended is not None:
            start_small(self.attended)

    @property
    def template_kinds(self) -> list[str]:
        """The kind of pose of each template."""
        return list(self.template_set.kinds)

    @property
    def template_names(self) -> list[str]:
        """A name a person understands for each template."""
        return list(self.template_set.names)

    def encode_view(self, view: Tensor) -> Tensor:
        """Normalised views (B, 3, S, S) of any of the three sorts to maps (B, view_channels, S/8, S/8)."""
        return self.foundation.encode_view(view)

    def fuse(
        self, global_map: Tensor, local_map: Tensor, detail_map: Tensor, place: Tensor | None = None
    ) -> Tensor:
        """The three views' maps and the points' places (B, 3) to the feature map F (B, C, S/8, S/8)."""
        return self.foundation.fuse(global_map, local_map, detail_map, place)

    def _ask(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """F to logits (B, K), pooled features (B, C), z (B, K, C) and scales (B, K, 2)."""
        logits, pooled = self.foundation.classify(features)
        z, scales = self.scale_transformer(self.templates, features, pooled)
        if self.attended is not None:
            logits = logits + self.attended(z).squeeze(-1)
        return logits, pooled, z, scales

    def score(self, features: Tensor) -> Tensor:
        """F (B, C, S/8, S/8) to the compatibility logits (B, K) alone, as in `Prediction`."""
        if self.attended is None:
            return self.foundation.classify(features)[0].float()
        return self._ask(features)[0].float()

    @torch.no_grad()
    def rescale_scores(self, slope: float, intercepts: Tensor) -> None:
        """Let every logit from now on be ``slope`` times what it was, plus the template's intercept (K,)."""
        last = list(self.attended[-1].parameters()) if self.attended is not None else []
        for parameter in (*self.foundation.classifier.parameters(), *last):
            parameter.mul_(slope)
        self.foundation.classifier.bias.add_(intercepts.to(self.foundation.classifier.bias))

    def decode(self, features: Tensor, only: Tensor | None = None) -> Prediction:
        """Everything after the views.

        Args:
            features: F (B, C, S/8, S/8).
            only: (B, n) numbers of the templates whose poses are wanted; None for all. Scores and scales are
                always those of all templates.
        """
        logits, pooled, z, scales = self._ask(features)
        if only is None:
            only = torch.arange(len(self.templates), device=features.device).expand(len(features), -1)
        rows = torch.arange(len(features), device=features.device)[:, None]
        chosen = scales[rows, only]  # (B, n, 2)
        e, offsets = self.offset_transformer(z[rows, only], chosen, features)
        shapes = normalise(self.templates[only] + offsets)  # unit box: the scale alone gives the size
        poses = shapes * chosen[:, :, None]
        return Prediction(logits.float(), scales, offsets, shapes, poses, e, pooled)

    def encode(
        self,
        global_view: Tensor,
        local_view: Tensor,
        detail_view: Tensor,
        place: Tensor | None = None,
        frame: Tensor | None = None,
    ) -> Tensor:
        """The feature maps F (B, C, S/8, S/8) at B points; the arguments are those of `forward`."""
        if self.config.views == "local":
            local_map = self.encode_view(local_view)
            return self.fuse(local_map, local_map, local_map, place)
        frames, points = len(global_view), len(local_view)
        maps = self.encode_view(torch.cat([global_view, local_view, detail_view]))
        global_map, local_map, detail_map = maps.split([frames, points, points])
        if frame is not None:
            global_map = global_map[frame]
        return self.fuse(global_map, local_map, detail_map, place)

    def forward(
        self,
        global_view: Tensor,
        local_view: Tensor,
        detail_view: Tensor,
        place: Tensor | None = None,
        frame: Tensor | None = None,
        only: Tensor | None = None,
    ) -> Prediction:
        """Poses at B points in F frames.

        Args:
            global_view: (F, 3, S, S). local_view, detail_view: (B, 3, S, S). All ImageNet-normalised.
            place: (B, 3) where each point lies in its picture (`geometry.place_in_picture`).
            frame: (B,) the row of each point's frame in ``global_view``; None when every point has its own.
            only: see `decode`.
        """
        return self.decode(self.encode(global_view, local_view, detail_view, place, frame), only)
