"""Clicks with their true poses, and the compared systems on them, that several tests share."""

from __future__ import annotations

import numpy as np
import torch

from scenepose.methods.build import build
from scenepose.methods.head import Answer, Head, Target, draw_noise
from scenepose.model.encoder import Encoder
from scenepose.model.features import Features
from scenepose.pose.geometry import decompose
from tests import tiny
from tests.tiny_heads import SMALL


def clicks(encoder: Encoder) -> Features:
    """Features of 6 points in 3 pictures, two far apart in each."""
    pictures = [tiny.picture(192, 96, seed) for seed in range(3)]
    positions = [torch.tensor([[0.22, 0.45, 2.0], [0.78, 0.6, 2.0]])] * 3
    with torch.no_grad():
        return encoder.features(pictures, positions)


def targets() -> Target:
    """A pose at each point, the first without its first two joints."""
    sizes = np.random.default_rng(5).uniform([0.15, 0.4], [0.3, 0.7], (6, 2))
    pose = tiny.poses(6, seed=4) * sizes[:, None]
    known = np.ones((6, 16), bool)
    known[0, :2] = False
    _, scale, normalised = decompose(pose, known)
    hide = known[..., None]
    columns = (np.where(hide, pose, 0), np.where(hide, normalised, 0), scale)
    seen, shape, size = (torch.tensor(column, dtype=torch.float32) for column in columns)
    return Target(seen, torch.from_numpy(known), shape, size)


def fresh(name: str, encoder: Encoder, features: Features | None = None) -> Head:
    """A small untrained method, standardised by the features where they are given."""
    torch.manual_seed(0)
    head = build(name, encoder.config, tiny.template_set(), SMALL[name])
    if features is not None:
        head.standardise(features)
    return head


@torch.no_grad()
def answers(head: Head, features: Features, count: int = 3, seed: int = 0) -> Answer:
    """What a method answers, ``count`` samples where it draws such."""
    noise = draw_noise(seed, count, head.noise_size) if head.noise_size else None
    return head.eval().decode(features, noise)


def overfit(
    head: Head, features: Features, target: Target, steps: int, rate: float, *, published: bool = False
) -> list[float]:
    """Train as `train baseline` does; the totals of the steps. ``published``: with the head's own settings of
    the optimisers."""
    own = [p for name, p in head.named_parameters() if not name.startswith("critic.")]
    betas, share = (head.betas, head.critic_rate) if published else ((0.5, 0.99), 0.1)
    optimiser = torch.optim.Adam(own, rate, betas=betas)
    judge = torch.optim.Adam(head.critic.parameters(), rate * share, betas=betas) if head.critic else None
    totals = []
    head.train()
    torch.manual_seed(1)
    for _ in range(steps):
        if judge:
            judge.zero_grad()
            head.critic_loss(features, target).backward()
            judge.step()
        total = head.losses(features, target)["total"]
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(float(total.detach()))
    return totals
