"""`python -m train place`: put people into the frames of a source and write its samples.

Every room (or photograph) gets a result file of its own; what is there already is not done again, and several
processes can share the work (`--shard 0/2` and `--shard 1/2`). A run without shards, when it has done what
was missing, packs the results into one compact file, and for training the maps of surfaces into another.
NYUv2's samples are points and poses alone; for rendered rooms the pictures are packed beside them.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from scenepose.assets import assets
from scenepose.data.compact import HEIGHT_STEP, LOWEST_HEIGHT, PLACE_STEP, TURNS, PlacedSamples
from scenepose.data.frames import Frame
from scenepose.data.nyu import open_nyu
from scenepose.data.rooms import write_pack
from scenepose.data.sources import LOCAL_SAMPLES, surfaces_path
from scenepose.data.surfaces import Surfaces
from train.world.place import rooms
from train.world.place.bank import BodyBank, build_bank
from train.world.place.beyond import with_floor_below
from train.world.place.frame_placer import Room
from train.world.place.place import PlacedPoint, place
from train.world.place.sampler import PoseSampler
from train.world.place.space import depth_space, mesh_space

#: Work to be done: its name, and how to get the frames with their room.
Unit = tuple[str, Callable[[], Iterator[tuple[Frame, Room]]]]


@dataclass
class PlaceConfig:
    """Put people into the frames of a source."""

    data: str
    """nyu:DIR (a folder or the official .mat) or rendered:DIR"""
    split: str = "train"
    """train, val or test"""
    points: int = 18
    """at most so many points a frame where somebody fits"""
    seed: int = 0
    """every frame draws from this seed and its own name"""
    shard: str = "0/1"
    """I/N: only every N-th room or photograph, from the I-th, and no packing"""
    parts: Path = Path("data/placed")
    """folder of the results of single rooms and photographs"""
    out: Path | None = None
    """folder of the packed result; default data/samples for nyu, assets/rooms for rendered rooms"""
    quality: int = 0
    """WebP quality the packed pictures are compressed to; 0 takes them as they were rendered"""
    limit: int = 0
    """stop after so many rooms or photographs; 0 takes all"""


def main(config: PlaceConfig) -> None:
    """Place what is missing; without shards, pack and print what was found."""
    kind, _, folder = config.data.partition(":")
    if kind not in ("nyu", "rendered") or not folder:
        raise ValueError(f"{config.data!r} cannot be placed in; write nyu:DIR or rendered:DIR")
    first, _, step = config.shard.partition("/")
    if not (first.isdigit() and step.isdigit() and int(first) < int(step)):
        raise ValueError(f"{config.shard!r} is no shard; write 0/1, or 0/2 and 1/2")
    units = _photographs(Path(folder), config.split) if kind == "nyu" else _rooms(Path(folder), config.split)
    units = units[: config.limit or None]
    bank = build_bank(PoseSampler.load(assets() / "poses" / "sampler.npz"))
    source = "nyu" if kind == "nyu" else "rooms"
    parts = config.parts / f"{source}-{config.split}"
    parts.mkdir(parents=True, exist_ok=True)
    recipe = f"2 {config.points} {config.seed} {zlib.crc32(bank.keypoints.tobytes())}"
    for name, frames in tqdm(units[int(first) :: int(step)], desc="placing", unit=source.rstrip("s")):
        path = parts / f"{name}.npz"
        if not _done(path, recipe):
            placed = place_frames(frames(), bank, points=config.points, seed=config.seed)
            _write(path, recipe, collect(placed), Surfaces.of([frame for frame, _ in placed]))
    if int(step) > 1:
        return
    found = [_read(parts / f"{name}.npz") for name, _ in units]
    found = [part for part in found if part is not None]
    if not found:
        raise ValueError("no frame offered a place for anybody; is this the right folder and split?")
    samples = PlacedSamples.join([part for part, _ in found])
    path = (config.out or (LOCAL_SAMPLES if kind == "nyu" else assets() / "rooms")) / (
        f"nyu-{config.split}.npz" if kind == "nyu" else f"{config.split}.npz"
    )
    samples.save(path, bank.keypoints, bank.kinds, bank.facing)
    if config.split == "train":
        Surfaces.join([maps for _, maps in found]).save(surfaces_path(path))
    if kind == "rendered":
        write_pack(path.with_suffix(".zip"), _pictures(Path(folder), samples, config.quality))
    print(
        f"{path}: {len(samples.frame_names)} frames, {len(samples.points)} points, "
        f"{len(samples.body)} poses, {path.stat().st_size / 1e6:.1f} MB"
    )


def _photographs(folder: Path, split: str) -> list[Unit]:
    reader = open_nyu(folder)

    def frames(entry) -> Iterator[tuple[Frame, Room]]:
        frame = reader.frame(entry)
        space = depth_space(frame) if frame is not None else None
        if frame is not None and space is not None:
            # Where up was known, little floor suffices: the picture may show none of what people stand on.
            yield frame, Room.of(with_floor_below(frame, space) if entry.name in reader.ups else space)

    return [
        (entry.name, lambda entry=entry: frames(entry)) for entry in reader.entries if entry.split == split
    ]


def _rooms(folder: Path, split: str) -> list[Unit]:
    def frames(path: Path, record: dict) -> Iterator[tuple[Frame, Room]]:
        views = rooms.room_frames(path, record)
        room = Room.of(mesh_space(rooms.read_mesh(path), np.array([view.camera_position for view in views])))
        yield from ((view, room) for view in views)

    return [
        (path.name, lambda path=path, record=record: frames(path, record))
        for path, record in rooms.room_folders(folder, split)
    ]


def _pictures(folder: Path, samples: PlacedSamples, quality: int) -> Iterator[tuple[str, bytes]]:
    for name in samples.frame_names:
        content = (folder / f"{name}.webp").read_bytes()
        if quality:
            buffer = io.BytesIO()
            Image.open(io.BytesIO(content)).convert("RGB").save(buffer, "WEBP", quality=quality, method=6)
            content = buffer.getvalue()
        yield str(name), content


def place_frames(
    frames: Iterable[tuple[Frame, Room]], bank: BodyBank, *, points: int, seed: int
) -> list[tuple[Frame, list[PlacedPoint]]]:
    """The points of frames; frames that offer no place are left out."""
    placed = [
        (frame, place(frame, room, bank, zlib.crc32(frame.name.encode()) + seed, points=points))
        for frame, room in frames
    ]
    return [(frame, found) for frame, found in placed if found]


def collect(placed: list[tuple[Frame, list[PlacedPoint]]]) -> PlacedSamples:
    """The columns of `PlacedSamples` from placed points. Poses after the first are ordered by their body."""
    points = [point for _, found in placed for point in found]
    orders = [
        np.concatenate([[0], 1 + np.argsort(p.poses.bodies[1:], kind="stable")]).astype(int)[: len(p.poses)]
        for p in points
    ]

    def poses(name: str, shape: tuple[int, ...] = ()) -> np.ndarray:
        columns = [getattr(p.poses, name)[order] for p, order in zip(points, orders, strict=True)]
        return np.concatenate(columns) if columns else np.zeros((0, *shape))

    behind = (poses("hidden", (16,)).astype(np.int64) << np.arange(16)).sum(1)
    return PlacedSamples(
        frame_names=np.array([frame.name for frame, _ in placed], np.str_),
        frame_sizes=np.array([frame.size for frame, _ in placed], np.int32).reshape(-1, 2),
        frame_places=np.array([frame.place for frame, _ in placed], np.str_),
        intrinsics=np.array([frame.intrinsics for frame, _ in placed], float).reshape(-1, 3, 3),
        world_to_camera=np.array([frame.world_to_camera for frame, _ in placed], float).reshape(-1, 4, 4),
        point_counts=np.array([len(found) for _, found in placed], np.int32),
        points=np.array([point.point for point in points], np.float32).reshape(-1, 2),
        tried=np.array([point.tried for point in points], np.int16).reshape(-1, 9),
        pose_counts=np.array([len(point.poses) for point in points], np.int64),
        body=poses("bodies").astype(np.int64),
        height=np.round((poses("heights") - LOWEST_HEIGHT) / HEIGHT_STEP).astype(np.uint8),
        turn=(np.round(poses("yaws") * TURNS / (2 * np.pi)).astype(np.int64) % TURNS).astype(np.uint8),
        place=np.round(poses("places", (3,)) / PLACE_STEP).astype(np.int32),
        hidden=behind.astype(np.uint16),
    )


def _done(path: Path, recipe: str) -> bool:
    if not path.is_file():
        return False
    with np.load(path) as file:
        return str(file["recipe"]) == recipe


def _write(path: Path, recipe: str, samples: PlacedSamples, maps: Surfaces) -> None:
    """All or nothing: a killed run leaves no half a file under the final name."""
    part = path.with_suffix(".part.npz")
    columns = {field.name: getattr(samples, field.name) for field in fields(samples)}
    columns |= {f"map_{field.name}": getattr(maps, field.name) for field in fields(maps)}
    np.savez_compressed(part, recipe=np.array(recipe), **columns)
    os.replace(part, path)


def _read(path: Path) -> tuple[PlacedSamples, Surfaces] | None:
    """One result; None where nothing was found."""
    with np.load(path) as file:
        if len(file["frame_names"]) == 0:
            return None
        samples = PlacedSamples(**{field.name: file[field.name] for field in fields(PlacedSamples)})
        return samples, Surfaces(*(file[f"map_{field.name}"] for field in fields(Surfaces)))
