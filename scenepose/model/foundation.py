"""Foundation network (paper): three views to one feature map and compatibility logits."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad
from torchvision.models.convnext import LayerNorm2d

from scenepose.model.attention import mlp
from scenepose.model.backbone import STAGE_CHANNELS, Backbone

#: The parts that make F, by their names in `Foundation`.
ENCODER = ("backbone", "pixel_decoder", "fusion", "place")


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    # MaskFormer has group norm here. It subtracts the mean over the whole map, which is what tells one
    # picture's pooled features from another's; a norm within each cell keeps that.
    return nn.Sequential(convolution, LayerNorm2d(convolution.out_channels, eps=1e-5))


class PixelDecoder(nn.Module):
    """After MaskFormer's: 1x1 lateral, nearest upsampling, addition, 3x3 convolution, from stride 32 to 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            _normed(nn.Conv2d(width, channels, 1, bias=False)) for width in STAGE_CHANNELS
        )
        self.smooth16 = _normed(nn.Conv2d(channels, channels, 3, padding=1, bias=False))
        self.smooth8 = _normed(nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    def forward(self, stages: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The backbone's three maps to one (B, channels, S/8, S/8)."""
        stride8, stride16, stride32 = (
            lateral(stage) for lateral, stage in zip(self.laterals, stages, strict=True)
        )
        x = torch.relu(self.smooth16(stride16 + interpolate(stride32, size=stride16.shape[-2:])))
        return torch.relu(self.smooth8(stride8 + interpolate(x, size=stride8.shape[-2:])))


def into_local_frame(global_map: Tensor, detail_map: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """The global and the detail view's maps, cell by cell where the local view's map has them.

    Args:
        global_map, detail_map: (B, C, h, h), of the whole picture and of the square of side H / 2; h is a
            multiple of 4.
        place: (B, 3) x / W, y / H and W / H, see `geometry.place_in_picture`.

    Returns:
        Two maps (B, C, h, h) in the frame of the local view, the square of side H around the point; zero
        where the local view reaches outside the picture or the detail view.
    """
    cells = global_map.shape[-1]
    steps = (torch.arange(cells, device=place.device, dtype=place.dtype) + 0.5) / cells * 2 - 1  # (h,)
    # grid_sample's picture spans -1 to 1 both ways; the local view spans 2 H / W of it across, 2 down.
    x = (2 * place[:, 0] - 1)[:, None] + steps / place[:, 2:3]
    y = (2 * place[:, 1] - 1)[:, None] + steps
    grid = torch.stack([x[:, None, :].expand(-1, cells, -1), y[:, :, None].expand(-1, -1, cells)], -1)
    around = grid_sample(global_map, grid.to(global_map.dtype), padding_mode="zeros", align_corners=False)
    return around, pad(avg_pool2d(detail_map, 2), (cells // 4,) * 4)


class Foundation(nn.Module):
    """Backbone and pixel decoder for each view, the fusion of the three, and the classifier."""

    pooled_mean: Tensor
    pooled_std: Tensor

    def __init__(
        self,
        *,
        num_templates: int,
        channels: int,
        view_channels: int,
        freeze_stages: int,
        tell_place: bool,
        views: Literal["three", "aligned", "local"] = "three",
    ) -> None:
        super().__init__()
        self.backbone = Backbone(freeze_stages=freeze_stages)
        self.pixel_decoder = PixelDecoder(view_channels)
        self.views = views
        maps = {"three": 3, "aligned": 4, "local": 1}[views]
        self.fusion = nn.Conv2d(maps * view_channels, channels, 1)
        self.place = mlp(3, 64, channels) if tell_place else None
        # Pooled features differ little between points; standardised they teach the heads much faster.
        self.register_buffer("pooled_mean", torch.zeros(channels))
        self.register_buffer("pooled_std", torch.ones(channels))
        self.classifier = nn.Linear(channels, num_templates)

    @property
    def encoder(self) -> list[nn.Module]:
        """The parts that make F; the classifier only reads it."""
        parts = (getattr(self, name) for name in ENCODER)
        return [part for part in parts if part is not None]

    def encode_view(self, view: Tensor) -> Tensor:
        """Normalised views (B, 3, S, S) to maps (B, view_channels, S/8, S/8)."""
        return self.pixel_decoder(self.backbone(view))

    def fuse(
        self, global_map: Tensor, local_map: Tensor, detail_map: Tensor, place: Tensor | None = None
    ) -> Tensor:
        """The three views' maps to the feature map F (B, channels, S/8, S/8).

        ``place`` (B, 3) is where the point lies in the picture (`geometry.place_in_picture`). Two of the
        views are centred at the point and the third does not mark it, so no view says so outright; yet how
        high in the picture people are tells how far away they are. Beyond the paper, which goes without.

        The paper joins the three maps cell by cell although they show different extents. With views
        "aligned", also beyond the paper, they are brought into the local view's frame first, and what the
        whole picture shows is added as its mean.
        """
        maps = [local_map] if self.views == "local" else [global_map, local_map, detail_map]
        if self.views == "aligned":
            if place is None:
                raise ValueError("this model joins its views where the point lies, and was not told where")
            around, detail = into_local_frame(global_map, detail_map, place)
            whole = global_map.mean((2, 3), keepdim=True).expand_as(global_map)
            maps = [around, local_map, detail, whole]
        features = self.fusion(torch.cat(maps, 1))
        if self.place is None:
            return features
        if place is None:
            raise ValueError("this model is told where in the picture the point lies, and was not")
        return features + self.place(2 * place - 1)[:, :, None, None]

    def classify(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """F to compatibility logits (B, K) and the pooled features (B, channels) they come from."""
        pooled = (features.mean((2, 3)) - self.pooled_mean) / self.pooled_std
        return self.classifier(pooled), pooled

    @torch.no_grad()
    def standardise(self, features: Tensor) -> None:
        """Fix the pooled features' mean and spread to those of F (B, channels, h, w), before training."""
        pooled = features.mean((2, 3))
        self.pooled_mean.copy_(pooled.mean(0))
        self.pooled_std.copy_(pooled.std(0).clamp(min=1e-3))
