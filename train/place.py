"""`python -m train place`: put people into the frames of a source and write its samples.

NYUv2's samples are points and poses alone; for rendered rooms the pictures are packed beside them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenepose.assets import assets
from scenepose.data import rooms
from scenepose.data.frames import Frame
from scenepose.data.nyu import open_nyu
from scenepose.data.samples import Samples
from scenepose.data.sources import LOCAL_SAMPLES
from scenepose.placer.place import PlacedPoint, place
from scenepose.poses import PoseSampler


@dataclass
class PlaceConfig:
    """Put people into the frames of a source."""

    data: str
    """nyu:DIR (a folder or the official .mat) or rendered:DIR"""
    split: str = "train"
    """train, val or test"""
    points: int = 16
    """at most so many points a frame where somebody fits"""
    seed: int = 0
    """every frame draws from this seed and its own name"""
    out: Path | None = None
    """folder of the result; default data/samples for nyu, assets/rooms for rendered rooms"""
    limit: int = 0
    """stop after so many frames; 0 takes all"""


def main(config: PlaceConfig) -> None:
    """Place, save, and print what was found."""
    kind, _, folder = config.data.partition(":")
    if kind not in ("nyu", "rendered") or not folder:
        raise ValueError(f"{config.data!r} cannot be placed in; write nyu:DIR or rendered:DIR")
    if kind == "nyu":
        frames = open_nyu(Path(folder)).frames(config.split)
        path = (config.out or LOCAL_SAMPLES) / f"nyu-{config.split}.npz"
    else:
        frames = rooms.frames(Path(folder), config.split)
        path = (config.out or assets() / "rooms") / f"{config.split}.npz"
    samples = place_all(frames, points=config.points, seed=config.seed, limit=config.limit)
    samples.save(path)
    if kind == "rendered":
        names = [str(name) for name in samples.frame_names]
        rooms.write_pack(
            path.with_suffix(".tar"), ((name, (Path(folder) / f"{name}.webp").read_bytes()) for name in names)
        )
    print(f"{path}: {len(samples.frame_names)} frames, {len(samples)} points, {len(samples.kinds)} poses")


def place_all(frames: Iterable[Frame], *, points: int, seed: int, limit: int = 0) -> Samples:
    """The samples of many frames; frames that offer no place are left out."""
    sampler = PoseSampler.load(assets() / "poses" / "sampler.npz")
    placed: list[tuple[Frame, list[PlacedPoint]]] = []
    for number, frame in enumerate(tqdm(frames, desc="placing", unit="frame")):
        if limit and number >= limit:
            break
        found = place(frame, sampler, zlib.crc32(frame.name.encode()) + seed, points=points)
        if found:
            placed.append((frame, found))
    if not placed:
        raise ValueError("no frame offered a place for anybody; is this the right folder and split?")
    return collect(placed)


def collect(placed: list[tuple[Frame, list[PlacedPoint]]]) -> Samples:
    """The columns of `Samples` from placed points."""
    points = [point for _, found in placed for point in found]
    counts = np.array([len(point.poses.kinds) for point in points])
    primary = np.zeros(counts.sum(), bool)
    primary[(np.cumsum(counts) - counts)[counts > 0]] = True

    def poses(name: str) -> np.ndarray:
        return np.concatenate([getattr(point.poses, name) for point in points])

    return Samples(
        frame_names=np.array([frame.name for frame, _ in placed]),
        frame_sizes=np.array([frame.size for frame, _ in placed], np.int32),
        frame_places=np.array([frame.place for frame, _ in placed]),
        point_frames=np.repeat(np.arange(len(placed)), [len(found) for _, found in placed]).astype(np.int32),
        points=np.array([point.point for point in points], np.float32),
        tried=np.array([point.tried for point in points], np.int16),
        pose_points=np.repeat(np.arange(len(points)), counts).astype(np.int32),
        keypoints=poses("keypoints").astype(np.float32),
        visibility=poses("visibility"),
        kinds=poses("kinds"),
        headings=poses("headings").astype(np.float32),
        heights=poses("heights").astype(np.float32),
        primary=primary,
    )
