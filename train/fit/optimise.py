"""The optimiser, its learning rate, and the running average of the weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from train.fit.config import RunConfig

#: Matrices that hold a vector for each template.
KEPT = ("scale_transformer.scale_bias", "scale_transformer.learned.weight")


def optimiser_of(module: nn.Module, config: RunConfig) -> torch.optim.AdamW:
    """AdamW: pretrained stages learn slower; vectors (norms, biases) and `KEPT` do not decay."""
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            # The teacher's first layer also reads heatmaps, which no pretraining knows.
            known = "backbone." in name and not (name.endswith("conv1.weight") and parameter.shape[1] == 19)
            pretrained = known and ".layer4." not in name and config.backbone != "none"
            decays = parameter.dim() > 1 and not name.endswith(KEPT)
            groups.setdefault((pretrained, decays), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "share": config.backbone_lr if pretrained else 1.0,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (pretrained, decays), parameters in sorted(groups.items(), key=lambda item: item[0])
        ],
        lr=config.lr,
        fused=True,
    )


def learning_rate(step: int, config: RunConfig) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


class Average:
    """A running average of the weights (EMA), which is what is validated and shipped."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: tensor.detach().clone() for name, tensor in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the module; quickly at the start, when old weights mean little."""
        decay = min(self.decay, (1 + step) / (10 + step))
        learning = [(self.weights[n], p) for n, p in module.named_parameters() if p.requires_grad]
        averages, weights = (list(column) for column in zip(*learning, strict=True))
        get_ema_multi_avg_fn(decay)(averages, weights, 0)

    def swap(self, module: nn.Module) -> None:
        """Exchange the module's weights and the average's; twice is the identity."""
        with torch.no_grad():
            for name, tensor in module.named_parameters():
                kept = tensor.detach().clone()
                tensor.copy_(self.weights[name])
                self.weights[name] = kept
