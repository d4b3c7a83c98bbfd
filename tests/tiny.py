"""Small synthetic samples, templates and models that several tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from scenepose.data.samples import Samples
from scenepose.data.sources import Source
from scenepose.data.surfaces import COLUMNS, ROWS, SURFACES, Surfaces
from scenepose.methods.checkpoint import save_head
from scenepose.methods.scenepose import ScenePose, ScenePoseConfig
from scenepose.model.checkpoint import save_encoder
from scenepose.model.encoder import Encoder, EncoderConfig
from scenepose.pose.geometry import normalise
from scenepose.pose.kinds import KINDS
from scenepose.pose.templates import TemplateSet
from train.fit.augment import Change

WIDTH, HEIGHT = 96, 72
ENCODER = EncoderConfig(view_size=64, channels=32, view_channels=16, tell_position=False)
CONFIG = ScenePoseConfig(heads=4, scale_layers=2, ffn=32, dropout=0.0)
#: The change that leaves a frame as it is.
NO_CHANGE = Change(0.0, 0.0, float(WIDTH), float(HEIGHT), WIDTH, HEIGHT)


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


def encoder(config: EncoderConfig = ENCODER, seed: int = 0) -> Encoder:
    """A small untrained encoder in evaluation mode."""
    torch.manual_seed(seed)
    return Encoder(config).eval()


def head(config: ScenePoseConfig = CONFIG, count: int = 5, seed: int = 0) -> ScenePose:
    """A small untrained head of ``count`` templates in evaluation mode."""
    torch.manual_seed(seed)
    found = ScenePose(config, ENCODER, template_set(count))
    found.sizes = config
    return found.eval()


def save(folder: Path, encoder: Encoder, head: ScenePose, card: dict | None = None) -> Path:
    """Both in a folder, as a run has them; the head's file."""
    save_encoder(folder / "encoder.safetensors", encoder, card or {})
    save_head(folder / "scenepose.safetensors", "scenepose", head, encoder, card or {})
    return folder / "scenepose.safetensors"


def picture(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> torch.Tensor:
    """A noise picture (3, height, width) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)


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
