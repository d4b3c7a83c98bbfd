"""ResNet-18, shared by the three views: a view in, maps of stride 8, 16 and 32 out."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

#: Channels of the maps of strides 8, 16 and 32 (layer2, layer3, layer4).
STAGE_CHANNELS = (128, 256, 512)


class Backbone(nn.Module):
    """torchvision's ResNet-18 without its head, under torchvision's key names.

    Batch norm always uses its stored statistics: weights whose norm has been folded into scale and shift
    lose their meaning under batch statistics, and batches here are small. Its scale and shift do learn.

    Args:
        freeze_stages: 0 trains everything; n >= 1 keeps the stem and layer1 .. layer n fixed.
        in_channels: 3, or more for a network that sees further maps beside the picture.
    """

    def __init__(self, *, freeze_stages: int = 0, in_channels: int = 3) -> None:
        super().__init__()
        if not 0 <= freeze_stages <= 4:
            raise ValueError(f"freeze_stages is 0 to 4, and it is {freeze_stages}")
        network = resnet18(weights=None)
        if in_channels != 3:
            network.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.conv1, self.bn1, self.maxpool = network.conv1, network.bn1, network.maxpool
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4
        if freeze_stages:
            frozen = (self.conv1, self.bn1, self.layer1, self.layer2, self.layer3, self.layer4)
            for module in frozen[: 2 + freeze_stages]:
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> Backbone:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, view: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Views (B, 3, S, S) to maps (B, 128, S/8, S/8), (B, 256, S/16, S/16) and (B, 512, S/32, S/32)."""
        x = self.layer1(self.maxpool(torch.relu(self.bn1(self.conv1(view)))))
        stride8 = self.layer2(x)
        stride16 = self.layer3(stride8)
        return stride8, stride16, self.layer4(stride16)


def load_backbone(backbone: Backbone, weights: str) -> list[str]:
    """Fill a backbone with pretrained weights, and tell which of its tensors stayed fresh.

    Args:
        weights: "imagenet" (torchvision fetches its own), "none" (random), or a safetensors file with
            torchvision's key names, which may be partial; what it lacks keeps its random start.

    Returns:
        The names of the tensors that the weights did not cover.

    Raises:
        FileNotFoundError: no such file. ValueError: the file holds tensors that fit no part of ResNet-18.
    """
    names = [name for name in backbone.state_dict() if not name.endswith("num_batches_tracked")]
    if weights == "none":
        return names
    if weights == "imagenet":
        state = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1).state_dict()
    elif Path(weights).is_file():
        state = load_file(weights)
    else:
        raise FileNotFoundError(f"there are no backbone weights at {weights}; give a file or `imagenet`")
    state = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
    if backbone.conv1.in_channels > 3 and "conv1.weight" in state:
        # Further input maps start unseen, so that the picture's features are the pretrained ones.
        widened = torch.zeros_like(backbone.conv1.weight)
        widened[:, :3] = state["conv1.weight"]
        state["conv1.weight"] = widened
    strangers = sorted(set(state) - set(backbone.state_dict()))
    if strangers:
        raise ValueError(f"{weights} holds no ResNet-18: {strangers[0]} is not one of its tensors")
    backbone.load_state_dict(state, strict=False)
    return [name for name in names if name not in state]
