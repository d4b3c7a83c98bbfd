"""`python -m train clicks`: judge the answers to clicks that a person would make on photographs with depth.

Clicks on the middle of chairs, sofas and beds, on free floor, on floor beside a seat, and on table tops; from
labels and depth, which the model does not see. What is asked of the first answer is what anybody would ask:
does somebody sit where one sits, are the hips as high as a seat, do the feet reach the floor, is the person
of a person's size?
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, label
from tqdm import tqdm

import scenepose
from scenepose.data.frames import BED, CHAIR, FLOOR, FLOOR_MAT, SOFA, TABLE, Frame
from scenepose.data.nyu import open_nyu
from scenepose.data.sources import parse_source
from scenepose.pose.kinds import KINDS, POSTURES
from scenepose.pose.skeleton import HEAD_TOP, L_ANKLE, L_HIP, R_ANKLE, R_HIP
from scenepose.predict.generator import Pose

#: What is clicked on.
TARGETS = ("chair", "sofa", "bed", "floor", "floor beside a seat", "table")
UPRIGHT = frozenset(POSTURES)
#: Metres of an ankle above the sole.
ANKLE = 0.08


class Click(NamedTuple):
    """A click that a person would make."""

    frame: str
    target: str
    point: tuple[float, float]  # pixels


@dataclass
class ClicksConfig:
    """Judge the first answers to clicks on photographs."""

    data: str
    """nyu:DIR, with a split"""
    split: str = "val"
    """for a source that names none"""
    each: int = 40
    """clicks on each target, a fixed random choice"""
    near: float = 0.08
    """as `Scene.generate`; 0 centres people at the click"""
    portrait: bool = False
    """on crops of 3 : 4 instead of whole photographs"""
    checkpoint: Path | None = None
    """of the main method, by default the bundled one"""
    out: Path | None = None
    """clicks and answers go there as JSON"""


def clicks_of(frame: Frame, rng: np.random.Generator) -> Iterator[Click]:
    """The clicks that a frame offers: the middle of each seat and bed seen well enough, one of each other."""
    height = frame.lift()[..., 2]
    level = _level(height)
    for target, number, low, high, least in (
        ("chair", CHAIR, 0.3, 0.65, 500), ("sofa", SOFA, 0.25, 0.65, 1500), ("bed", BED, 0.3, 0.9, 4000),
    ):  # fmt: skip
        top = (frame.labels == number) & (height > low) & (height < high) & level
        parts, count = label(top)  # pyright: ignore[reportGeneralTypeIssues]
        for part in range(1, count + 1):
            region = parts == part
            if region.sum() >= least:
                yield Click(frame.name, target, _middle(region))
    floor = np.isin(frame.labels, (FLOOR, FLOOR_MAT)) & (np.abs(height) < 0.12)
    seats = np.isin(frame.labels, (CHAIR, SOFA, BED))
    ground = frame.lift()[..., :2]
    for target, wanted in (("floor", False), ("floor beside a seat", True)):
        free = binary_erosion(floor, iterations=12)
        rows, columns = np.nonzero(free)
        for n in rng.permutation(len(rows))[:40]:
            place = ground[rows[n], columns[n]]
            away = np.linalg.norm(ground[seats][::37] - place, axis=1)
            beside = bool(len(away)) and float(np.nanmin(away)) < 0.9
            if beside == wanted:
                yield Click(frame.name, target, (float(columns[n]) + 0.5, float(rows[n]) + 0.5))
                break
    top = (frame.labels == TABLE) & (height > 0.6) & (height < 0.9) & level
    if top.sum() >= 800:
        yield Click(frame.name, "table", _middle(top))


def _level(height: NDArray) -> NDArray:
    """(H, W) whether a surface is level: its height changes little from row to row, next to its depth."""
    step = np.abs(np.gradient(np.nan_to_num(height, nan=-9.0), axis=0))
    return step < 0.02


def _middle(region: NDArray) -> tuple[float, float]:
    """The pixel of a region that is deepest in it."""
    depth = np.asarray(distance_transform_edt(np.pad(region, 1)))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), region.shape)
    return float(column) + 0.5, float(row) + 0.5


def judge(pose: Pose, click: Click, frame: Frame) -> dict[str, float]:
    """What can be asked of an answer: 1 or 0, or metres; NaN where it has no meaning.

    Heights above the floor are taken at the depth of what is seen under the click; how tall an upright person
    is where the lower ankle is `ANKLE` above the floor. (What is seen behind an ankle lies further
    back: at its depth, true poses measure a tenth too tall.)
    """
    height = frame.size[1]
    hips = (pose.keypoints[R_HIP] + pose.keypoints[L_HIP]) / 2
    ankles = (pose.keypoints[R_ANKLE] + pose.keypoints[L_ANKLE]) / 2
    depth = float(frame.depth_at(np.array(click.point)))
    rays = frame.rays(pose.keypoints.astype(float))
    heights = frame.camera_position[2] + rays[:, 2] * depth  # if the body were at the click's depth
    on = {"chair": ("sit",), "sofa": ("sit", "lie"), "bed": ("sit", "lie")}.get(click.target, tuple(UPRIGHT))
    touching = {"floor": ankles, "floor beside a seat": ankles, "table": None}.get(click.target, hips)
    away = np.nan if touching is None else float(np.linalg.norm(touching - click.point)) / height
    sitting, upright = pose.kind == "sit", pose.kind in UPRIGHT
    lowest = min(heights[[R_ANKLE, L_ANKLE]])
    tall = _tall(rays, frame.camera_position[2])
    feet_on_table = (
        click.target == "table"
        and min(np.linalg.norm(hips - click.point), np.linalg.norm(ankles - click.point)) < 0.05 * height
    )
    return {
        "right kind": float(pose.kind in on) if click.target != "table" else float(not feet_on_table),
        "touches the click": float(away < 0.05) if np.isfinite(away) else np.nan,
        "hips 0.35-0.75 m": float(0.35 < (heights[R_HIP] + heights[L_HIP]) / 2 < 0.75) if sitting else np.nan,
        "1.35-2.0 m tall": float(1.35 < tall < 2.0) if upright else np.nan,
        "feet within 15 cm of the floor": float(abs(lowest - ANKLE) < 0.15) if upright else np.nan,
        "score": float(pose.score or 0.0),
    }


def _tall(rays: NDArray, camera: float) -> float:
    """Metres from sole to head top of an upright person whose joints lie on rays (16, 3).

    Args:
        camera: metres above the floor.
    """
    ankle = min(rays[R_ANKLE], rays[L_ANKLE], key=lambda ray: ray[2])
    if ankle[2] >= 0:  # the feet are above the horizon
        return float("inf")
    away = (camera - ANKLE) / -ankle[2] * np.linalg.norm(ankle[:2])  # along the floor
    head = rays[HEAD_TOP]
    return float(camera + head[2] / np.linalg.norm(head[:2]) * away)


def main(config: ClicksConfig) -> None:
    """Find the clicks, answer, judge, print a table."""
    kind, folder, split = parse_source(config.data, config.split)
    if kind != "nyu":
        raise ValueError(f"{config.data!r} has no depth to judge by; write nyu:DIR")
    reader = open_nyu(Path(folder))
    generator = scenepose.load("scenepose", config.checkpoint)
    frames = {entry.name: entry for entry in reader.entries if entry.split == split}
    clicks: dict[str, list[Click]] = {target: [] for target in TARGETS}
    for number, entry in enumerate(frames.values()):
        frame = reader.frame(entry)
        if frame is not None:
            for click in clicks_of(frame, np.random.default_rng(number)):
                clicks[click.target].append(click)
    chosen: list[Click] = []
    for target, found in clicks.items():
        order = np.random.default_rng(len(target)).permutation(len(found))[: config.each]
        chosen += [found[n] for n in sorted(order)]
    rows = []
    scene, last = None, ""
    for click in tqdm(sorted(chosen), desc="clicks", leave=False):
        frame = reader.frame(frames[click.frame])
        assert frame is not None
        left, right = _kept(frame, click) if config.portrait else (0, frame.size[0])
        if scene is None or config.portrait or last != click.frame:
            scene, last = generator.encode(frame.picture().crop((left, 0, right, frame.size[1]))), click.frame
        (pose, *_) = scene.generate((click.point[0] - left, click.point[1]), near=config.near)
        moved = pose.keypoints + np.array([left, 0], np.float32)
        rows.append({**click._asdict(), "kind": pose.kind, "keypoints": moved.tolist(),
                     **judge(Pose(moved, pose.score, kind=pose.kind), click, frame)})  # fmt: skip
    names = [name for name in rows[0] if isinstance(rows[0][name], float)]
    print("| clicks on | n | " + " | ".join(names) + " | kinds |\n|---" + "|---" * (len(names) + 2) + "|")
    for target in TARGETS:
        here = [row for row in rows if row["target"] == target]
        cells = []
        for name in names:
            values = np.array([row[name] for row in here])
            cells.append("" if np.isnan(values).all() else f"{np.nanmean(values):.2f}")
        kinds = {kind: sum(row["kind"] == kind for row in here) for kind in KINDS}
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count)
        print(f"| {target} | {len(here)} | " + " | ".join(cells) + f" | {told} |")
    if config.out:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        config.out.write_text(json.dumps(rows) + "\n")


def _kept(frame: Frame, click: Click) -> tuple[int, int]:
    """Left and right of a portrait crop of 3 : 4 about a click."""
    width = round(frame.size[1] * 3 / 4)
    left = int(np.clip(click.point[0] - width / 2, 0, frame.size[0] - width))
    return left, left + width
