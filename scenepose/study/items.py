"""Where poses are compared: scenes with points, given in a table, proposed, or known from samples."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.assets import bundled_scenes
from scenepose.errors import RequestError
from scenepose.picture import images
from scenepose.picture.images import Picture
from scenepose.predict import affordance
from scenepose.predict.generator import Generator, check_point
from scenepose.predict.points import read_points

#: What a folder's pictures may end in.
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif"}
#: Columns of the grid on which points are proposed, and how far apart they stay, in picture heights.
COLUMNS, APART = 16, 0.3


@dataclass(frozen=True, eq=False)
class Place:
    """One scene and point.

    Attributes:
        scene: the scene's name.
        picture: reads it.
        point: (x, y), pixels of the original picture.
        truth: (16, 2) keypoints of a pose known to fit there, same pixels; None where none is known.
    """

    scene: str
    picture: Callable[[], Picture]
    point: tuple[float, float]
    truth: NDArray[np.float32] | None = None


def places(
    scenes: str, points: Path | None, count: int, seed: int, proposer: Callable[[], Generator]
) -> list[Place]:
    """The places of a study.

    Args:
        scenes: "bundled", a folder of pictures, or a data source with samples: "rooms:test", "nyu:DIR:val".
        points: a table scene,x,y of the points in a folder; without it they are proposed.
        count: how many; a table is taken whole.
        seed: of the choice among samples.
        proposer: loads the method that proposes points, when one is needed.

    Raises:
        RequestError: there are no such scenes, or none are left. PictureError, PointError: see there.
    """
    if count < 1:
        raise RequestError(f"at least 1 place is needed, not {count}")
    if points is not None:
        folder = Path(scenes)
        if not folder.is_dir():
            raise RequestError(f"with --points the scenes are a folder of pictures, and {scenes!r} is none")
        return [_given(folder, row.scene, (row.x, row.y)) for row in read_points(points)]
    if scenes == "bundled":
        found = [
            Place(scene.name, _reader(scene.path), (float(scene.point[0]), float(scene.point[1])))
            for scene in bundled_scenes()
        ]
        return found[:count] if count <= len(found) else found + _more(found, count, proposer())
    if Path(scenes).is_dir():
        files = sorted(path for path in Path(scenes).iterdir() if path.suffix.lower() in SUFFIXES)
        if not files:
            raise RequestError(f"there are no pictures in {scenes}")
        return _proposed([(path.name, _reader(path)) for path in files], count, proposer())
    return _sampled(scenes, count, seed)


def _given(folder: Path, name: str, point: tuple[float, float]) -> Place:
    picture = images.read(folder / name)
    return Place(name, _reader(folder / name), check_point(point, picture.width, picture.height))


def _reader(path: Path) -> Callable[[], Picture]:
    return lambda: images.read(path)


def _more(found: list[Place], count: int, proposer: Generator) -> list[Place]:
    """Further points in scenes that have one already, not near it."""
    scenes = [(place.scene, place.picture) for place in found]
    taken = {place.scene: [place.point] for place in found}
    return _proposed(scenes, count - len(found), proposer, taken)


def _proposed(
    scenes: list[tuple[str, Callable[[], Picture]]],
    count: int,
    proposer: Generator,
    taken: dict[str, list[tuple[float, float]]] | None = None,
) -> list[Place]:
    """The likeliest points of each scene by its affordance map, the same number in each (or one more)."""
    found: list[Place] = []
    for number, (name, read) in enumerate(scenes):
        wanted = count // len(scenes) + (number < count % len(scenes))
        if not wanted:
            continue
        scene = proposer.encode(read())
        scores = affordance.affordance_map(scene, COLUMNS).ravel()
        cells = affordance.grid(scene.width, scene.height, COLUMNS).reshape(-1, 2)
        chosen = [np.array(point) for point in (taken or {}).get(name, [])]
        fresh = 0
        for cell in cells[np.argsort(-scores, kind="stable")]:
            if fresh < wanted and all(np.hypot(*(cell - other)) >= APART * scene.height for other in chosen):
                chosen.append(cell)
                found.append(Place(name, read, (float(cell[0]), float(cell[1]))))
                fresh += 1
    if not found:
        raise RequestError("no point could be proposed in these scenes; give a table with --points")
    return found


def _sampled(name: str, count: int, seed: int) -> list[Place]:
    """Points of samples where a whole pose is known to fit, spread over the rooms and frames."""
    from scenepose.data.sources import open_source

    try:
        source = open_source(name, "test")
    except (ValueError, FileNotFoundError) as error:
        raise RequestError(
            f"{name!r} is neither bundled, nor a folder of pictures, nor a data source ({error})"
        ) from error
    samples = source.samples
    rows = samples.primary_rows
    usable = [k for k in range(len(samples)) if rows[k] >= 0 and (samples.visibility[rows[k]] >= 1).all()]
    random.Random(f"{seed}:places").shuffle(usable)
    by_frame: dict[int, list[int]] = {}
    for k in usable:
        by_frame.setdefault(int(samples.point_frames[k]), []).append(k)
    found: list[Place] = []
    while len(found) < count and any(by_frame.values()):
        for frame, waiting in by_frame.items():
            if waiting and len(found) < count:
                k = waiting.pop()
                shown = source.at(k)
                x, y = (float(value) for value in shown.point)
                truth, name_here = shown.pose.astype(np.float32), str(samples.frame_names[frame])
                found.append(Place(name_here, _opener(source.picture, frame), (x, y), truth))
    if not found:
        raise RequestError(f"{name} has no point with a whole known pose")
    return found


def _opener(picture: Callable[[int], Image.Image], frame: int) -> Callable[[], Picture]:
    return lambda: images.read(picture(frame))
