"""Small synthetic samples, templates and models that several tests share."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from scenepose.data.samples import KINDS, Samples
from scenepose.data.sources import Source
from scenepose.data.surfaces import COLUMNS, ROWS, SURFACES, Surfaces
from scenepose.geometry import normalise
from scenepose.model.scenepose import ScenePose, ScenePoseConfig
from scenepose.templates import TemplateSet

WIDTH, HEIGHT = 96, 72
CONFIG = ScenePoseConfig(
    num_templates=5,
    view_size=64,
    channels=32,
    view_channels=16,
    heads=4,
    scale_layers=2,
    ffn=32,
    dropout=0.0,
    tell_place=False,
)


def poses(count: int, seed: int = 0) -> np.ndarray:
    """Normalised poses (count, 16, 2)."""
    return normalise(np.random.default_rng(seed).normal(size=(count, 16, 2)))


def template_set(count: int = 5) -> TemplateSet:
    """Templates of three kinds."""
    kinds = tuple(("stand", "walk", "sit")[number % 3] for number in range(count))
    return TemplateSet(
        templates=poses(count, seed=7).astype(np.float32),
        kinds=kinds,
        names=tuple(f"{kind} {number}" for number, kind in enumerate(kinds)),
        counts=np.arange(count) * 3 % 7,
        mean_scale=np.array([0.25, 0.6], np.float32),
        scale_std=np.array([0.1, 0.2], np.float32),
        offset_std=0.2,
    )


def model(config: ScenePoseConfig = CONFIG, seed: int = 0) -> ScenePose:
    """A small untrained model in evaluation mode."""
    torch.manual_seed(seed)
    return ScenePose(config, template_set(config.num_templates)).eval()


def views(count: int, seed: int = 0, size: int = 64) -> torch.Tensor:
    """Random views (count, 3, size, size)."""
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def samples(frames: int = 4, points: int = 3, poses_each: int = 2, seed: int = 0) -> Samples:
    """Every point but the last has ``poses_each`` poses, the last has none; two frames make a place."""
    rng = np.random.default_rng(seed)
    count = frames * points
    middles = rng.uniform([20, 20], [WIDTH - 20, HEIGHT - 20], (count, 2)).astype(np.float32)
    owners = np.repeat(np.arange(count - 1), poses_each)
    shapes = poses(len(owners), seed) * rng.uniform([10, 25], [20, 50], (len(owners), 2))[:, None]
    tried = np.zeros((count, len(KINDS)), np.int16)
    tried[:, [KINDS.index("stand"), KINDS.index("sit")]] = 8
    return Samples(
        frame_names=np.array([f"{number:04d}" for number in range(frames)]),
        frame_sizes=np.tile(np.array([WIDTH, HEIGHT], np.int32), (frames, 1)),
        frame_places=np.array([f"place{number // 2}" for number in range(frames)]),
        point_frames=np.repeat(np.arange(frames), points).astype(np.int32),
        points=middles,
        tried=tried,
        pose_points=owners.astype(np.int32),
        keypoints=(shapes + middles[owners][:, None]).astype(np.float32),
        visibility=np.full((len(owners), 16), 2, np.uint8),
        kinds=rng.choice([0, 4], len(owners)).astype(np.uint8),
        headings=rng.uniform(-3, 3, len(owners)).astype(np.float32),
        heights=np.full(len(owners), 1.7, np.float32),
        primary=np.arange(len(owners)) % poses_each == 0,
    )


def source(frames: int = 4, seed: int = 0) -> Source:
    """Those samples in noise pictures, with maps of what is seen in them."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 255, (frames, HEIGHT, WIDTH, 3), np.uint8)
    found = samples(frames, seed=seed)
    maps = Surfaces(
        found.frame_names,
        rng.integers(0, len(SURFACES), (frames, ROWS, COLUMNS), np.uint8),
        rng.integers(0, 255, (frames, ROWS, COLUMNS), np.uint8),
        rng.integers(0, 255, (frames, ROWS, COLUMNS), np.uint8),
    )
    return Source("tiny", found, lambda row: Image.fromarray(noise[row]), maps)
