"""The teacher (paper): sees the nearest template, placed in a box, and regresses the true pose's offset."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scenepose.model.backbone import Backbone


def gaussian_heatmaps(pose: Tensor, side: int, sigma_cells: float) -> Tensor:
    """A Gaussian at every joint of poses in the local view, whose side is the picture's height.

    Args:
        pose: (B, 16, 2) relative to the point, in picture heights. side: of the maps.
        sigma_cells: standard deviation of the peaks, cells.

    Returns:
        (B, 16, side, side), 1 where a joint lies; a joint outside the local view leaves its map dark.
    """
    places = (pose + 0.5) * side
    axis = torch.arange(side, device=pose.device, dtype=pose.dtype) + 0.5
    across = torch.exp(-((axis - places[..., 0:1]) ** 2) / (2 * sigma_cells**2))
    down = torch.exp(-((axis - places[..., 1:2]) ** 2) / (2 * sigma_cells**2))
    return down[..., :, None] * across[..., None, :]


def keypoint_heatmaps(templates: Tensor, scales: Tensor, size: int, sigma: float = 0.02) -> Tensor:
    """Gaussian heatmaps of templates placed in the local view.

    Args:
        templates: (B, 16, 2) normalised poses. scales: (B, 2) in picture heights, the local view's side.
        size: side of the heatmaps. sigma: standard deviation of the peaks in picture heights (our choice).

    Returns:
        (B, 16, size, size), 1 at each keypoint; keypoints outside the view leave their map dark.
    """
    return gaussian_heatmaps(templates * scales[:, None], size, sigma * size)


class Teacher(nn.Module):
    """ResNet-18 on the local view and 16 heatmaps; its feature vector is what the student learns from."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, *, features: int = 512, offset_range: float = 1.0, view_size: int = 224) -> None:
        """``view_size`` is that of the local views it learns from."""
        super().__init__()
        self.features, self.offset_range, self.view_size = features, offset_range, view_size
        self.backbone = Backbone(in_channels=3 + 16)
        self.feature = nn.Linear(512, features)
        self.head = nn.Linear(features, 32)
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_std", torch.ones(()))

    def forward(self, local_view: Tensor, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Local views (B, 3, S, S), heatmaps (B, 16, S, S) -> features (B, features), offsets (B, 16, 2)."""
        _, _, stride32 = self.backbone(torch.cat([local_view, heatmaps], 1))
        feature = torch.relu(self.feature(stride32.mean((2, 3))))
        return feature, self.offset_range * self.head(feature).float().tanh().unflatten(-1, (16, 2))

    @torch.no_grad()
    def target(self, local_view: Tensor, templates: Tensor, scales: Tensor) -> Tensor:
        """What the frozen teacher gives the student to learn, standardised: (B, features).

        Args:
            local_view: (B, 3, S, S). templates: (B, 16, 2), each the nearest to its true pose.
            scales: (B, 2) as the student predicts them; no gradient comes back through them.
                `standardise` comes first.
        """
        heatmaps = keypoint_heatmaps(templates, scales, local_view.shape[-1])
        feature, _ = self(local_view, heatmaps.to(local_view.dtype))
        return (feature.float() - self.feature_mean) / self.feature_std

    @torch.no_grad()
    def standardise(self, features: Tensor) -> None:
        """Fix the features' mean and common spread to those of (N, features), for `target`."""
        self.feature_mean.copy_(features.mean(0))
        self.feature_std.copy_((features - features.mean(0)).square().mean().sqrt().clamp(min=1e-3))
