"""PRTR (Li et al., CVPR 2021): pose as a set of joints, predicted by queries and matched by cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, relu

from scenepose.methods.head import Answer, Head, Standardised, Target
from scenepose.model.attention import Attention, mlp, sine_positions
from scenepose.model.encoder import EncoderConfig
from scenepose.model.features import Features
from scenepose.pose.templates import TemplateSet

JOINTS, NONE = 16, 16  # the class after the joints' own says "no joint"


@dataclass(frozen=True)
class PrtrConfig:
    """Sizes and weights, the paper's where no word stands beside them."""

    width: int = 256
    heads: int = 8
    layers: int = 6  # of the encoder, and as many of the decoder
    ffn: int = 1024  # as the main model's: half of the paper's, which has no room beside the others (ours)
    queries: int = 100
    dropout: float = 0.1
    pool: int = 2  # 14 x 14 tokens of F's 28 x 28: all of them cost more than two clicks (ours)
    coordinate_weight: float = 5.0  # in the matching's cost and in the loss
    none_weight: float = 0.1


class Layer(nn.Module):
    """DETR's, norms first: tokens look at each other, queries at the memory too, then they think.

    With norms last, twelve layers let all tokens become one within some hundred steps of a short training;
    DETR's own code has both ways.
    """

    def __init__(self, width: int, heads: int, ffn: int, dropout: float, *, asks: bool = False) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm_asked = nn.LayerNorm(width) if asks else None
        self.asked = Attention(width, heads) if asks else None
        self.norm_ffn = nn.LayerNorm(width)
        self.ffn_in, self.ffn_out = nn.Linear(width, ffn), nn.Linear(ffn, width)
        self.dropout = nn.Dropout(dropout)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(
        self, x: Tensor, own: Tensor, memory: Tensor | None = None, positions: Tensor | None = None
    ) -> Tensor:
        """Tokens (B, N, C), what each stands for (N, C), and a memory (B, M, C) with positions (M, C), to
        tokens (B, N, C)."""
        normed = self.norm(x)
        x = x + self.dropout(self.attention(normed + own, normed + own, normed))
        if self.asked is not None and self.norm_asked is not None:
            assert memory is not None
            assert positions is not None
            found = self.asked(self.norm_asked(x) + own, memory + positions, memory)
            x = x + self.dropout(found)
        return x + self.dropout(self.ffn_out(relu(self.ffn_in(self.norm_ffn(x)))))


class Prtr(Head):
    """100 queries, each a joint or none and a place; at the end every joint takes the query that suits it."""

    rate = 0.4  # deep transformers want smaller steps: DETR 1e-4

    def __init__(self, config: PrtrConfig, encoder: EncoderConfig, template_set: TemplateSet) -> None:
        super().__init__(template_set)
        self.config = config
        width, heads, ffn, dropout = config.width, config.heads, config.ffn, config.dropout
        self.norm = Standardised(encoder.channels)
        self.project = nn.Conv2d(encoder.channels, width, 1)
        layers = range(config.layers)
        self.encoder = nn.ModuleList(Layer(width, heads, ffn, dropout) for _ in layers)
        self.norm_memory = nn.LayerNorm(width)
        self.decoder = nn.ModuleList(Layer(width, heads, ffn, dropout, asks=True) for _ in layers)
        self.norm_said = nn.LayerNorm(width)
        self.queries = nn.Embedding(config.queries, width)
        self.classes = nn.Linear(width, JOINTS + 1)
        self.places = mlp(width, width, width, 2)

    def predict(self, features: Features) -> list[tuple[Tensor, Tensor]]:
        """Class logits (B, Q, 17) and places (B, Q, 2), picture heights, after each layer of the decoder."""
        tokens = self.project(self.norm(avg_pool2d(features.fused, self.config.pool)))
        height, width = tokens.shape[-2:]
        positions = sine_positions(height, width, tokens.shape[1], tokens.device).to(tokens.dtype)
        memory = tokens.flatten(2).transpose(1, 2)
        for layer in self.encoder:
            memory = layer(memory, positions)
        memory = self.norm_memory(memory)
        x, said = memory.new_zeros(len(memory), *self.queries.weight.shape), []
        for layer in self.decoder:
            x = layer(x, self.queries.weight, memory, positions)
            found = self.norm_said(x)
            # A pose may reach as far as a picture height from the point, beyond the local view.
            said.append((self.classes(found).float(), 2 * self.places(found).float().sigmoid() - 1))
        return said

    def decode(self, features: Features, noise: Tensor | None = None) -> Answer:
        """One pose a point: joints and queries assigned so that the probabilities together are largest."""
        logits, places = self.predict(features)[-1]
        chances = logits.softmax(-1)[..., :JOINTS].transpose(1, 2)  # (B, 16, Q)
        chosen = assign(-chances)
        return Answer(places.gather(1, chosen[..., None].expand(-1, -1, 2))[:, None])

    def losses(self, features: Features, target: Target) -> dict[str, Tensor]:
        """Class and coordinate losses after the best matching, the same for every layer (auxiliary)."""
        said = self.predict(features)
        weight = self.config.coordinate_weight
        costs = torch.stack([matching_cost(*one, target.pose, weight) for one in said])  # (L, B, 16, Q)
        chosen = assign(costs.flatten(0, 1), target.known.repeat(len(said), 1)).view(costs.shape[:3])
        layers = [self.matched_losses(*one, way, target) for one, way in zip(said, chosen, strict=True)]
        classes, places = (torch.stack(part) for part in zip(*layers, strict=True))
        total = classes.sum() + weight * places.sum()
        return {"class": classes[-1], "coordinate": places[-1], "total": total}

    def matched_losses(
        self, logits: Tensor, places: Tensor, chosen: Tensor, target: Target
    ) -> tuple[Tensor, Tensor]:
        """The two losses of one layer: said (B, Q, 17) and (B, Q, 2), and each joint's query (B, 16)."""
        wanted = torch.full(logits.shape[:2], NONE, device=logits.device)
        rows, joints = target.known.nonzero(as_tuple=True)
        wanted[rows, chosen[rows, joints]] = joints
        weight = torch.ones(JOINTS + 1, device=logits.device)
        weight[NONE] = self.config.none_weight
        classes = cross_entropy(logits.flatten(0, 1), wanted.flatten(), weight)
        distance = (places[rows, chosen[rows, joints]] - target.pose[rows, joints]).abs().sum(-1)
        return classes, distance.sum() / target.known.sum().clamp(min=1)


@torch.no_grad()
def matching_cost(logits: Tensor, places: Tensor, pose: Tensor, coordinate_weight: float) -> Tensor:
    """What it costs to give joint j to query q: (B, 16, Q), minus its probability plus the L1 distance."""
    chances = logits.softmax(-1)[..., :JOINTS].transpose(1, 2)
    return coordinate_weight * torch.cdist(pose, places, p=1) - chances


@torch.no_grad()
def assign(cost: Tensor, known: Tensor | None = None) -> Tensor:
    """The cheapest way to give each joint a query of its own (Hungarian matching).

    Args:
        cost: (B, 16, Q), Q at least 16. known: (B, 16) joints that take part; by default all.

    Returns:
        (B, 16) int64 queries; 0 for joints that take no part.
    """
    table = cost.cpu().numpy()
    chosen = np.zeros(table.shape[:2], np.int64)
    part = np.ones(table.shape[:2], bool) if known is None else known.cpu().numpy()
    for row, joints in enumerate(part):
        chosen[row, joints] = linear_sum_assignment(table[row, joints])[1]
    return torch.from_numpy(chosen).to(cost.device)
