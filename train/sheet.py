"""`python -m train sheet`: contact sheets, the test that counts: samples, or predictions beside the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenepose.assets import assets
from scenepose.data.samples import KINDS
from scenepose.data.sources import Source, open_source
from scenepose.skeleton import HEAD_TOP, LIMBS

_RIGHT = (0, 1, 2, 10, 11, 12)
TRUTH, PREDICTION = ((90, 255, 120), (255, 200, 60)), ((80, 200, 255), (255, 90, 90))


@dataclass
class SheetConfig:
    """Draw a contact sheet of random points of a source."""

    data: str
    """as for `evaluate`"""
    out: Path
    """a .png or .jpg file"""
    split: str = "val"
    """for sources that name none"""
    count: int = 24
    """how many points"""
    columns: int = 6
    """tiles a row; with --checkpoint each tile is a pair"""
    kind: str = ""
    """only points whose primary pose is of this kind"""
    seed: int = 0
    """of the choice"""
    predict: bool = False
    """the model's top pose on the right, the true one on the left"""
    checkpoint: Path | None = None
    """instead of the shipped one"""
    side: int = 300
    """of a tile, pixels"""


def draw_pose(picture: Image.Image, keypoints: NDArray, colours: tuple, width: float) -> None:
    """Draw a skeleton (16, 2): the person's left in the first colour, right in the second."""
    canvas = ImageDraw.Draw(picture)
    for start, end in LIMBS:
        ends = [tuple(keypoints[start]), tuple(keypoints[end])]
        if np.isfinite(np.array(ends)).all():
            canvas.line(ends, fill=colours[end in _RIGHT], width=max(2, round(width)))
    x, y = keypoints[HEAD_TOP]
    if np.isfinite(x):
        canvas.ellipse([x - 1.6 * width, y - 1.6 * width, x + 1.6 * width, y + 1.6 * width], fill=colours[0])


def tile(
    picture: Image.Image, point: NDArray, keypoints: NDArray, colours: tuple, side: int, note: str
) -> Image.Image:
    """The square of 1.15 H around a point, with one pose drawn."""
    reach = 0.575 * picture.height
    scale = side / (2 * reach)
    corner = point - reach
    part = picture.transform(
        (side, side), Image.Transform.AFFINE, (1 / scale, 0, corner[0], 0, 1 / scale, corner[1]),
        Image.Resampling.BILINEAR,
    )  # fmt: skip
    draw_pose(part, (keypoints - corner) * scale, colours, side / 110)
    ImageDraw.Draw(part).text((4, 3), note, fill=(255, 255, 255), stroke_width=1, stroke_fill=(0, 0, 0))
    return part


def choose(source: Source, count: int, kind: str, seed: int) -> NDArray:
    """Random points that have a pose (of one kind)."""
    rows = source.samples.primary_rows
    points = np.flatnonzero(rows >= 0)
    if kind:
        if kind not in KINDS:
            raise ValueError(f"no kind {kind!r}; there are {', '.join(KINDS)}")
        points = points[source.samples.kinds[rows[points]] == KINDS.index(kind)]
    if len(points) == 0:
        raise ValueError(f"{source.name} has no points of kind {kind!r}")
    return np.random.default_rng(seed).permutation(points)[:count]


def main(config: SheetConfig) -> None:
    """Draw and save the sheet."""
    source = open_source(config.data, config.split)
    points = choose(source, config.count, config.kind, config.seed)
    samples = source.samples
    predicted = _predict(config, source, points) if config.predict else None
    tiles = []
    for number, point in enumerate(points):
        row = samples.primary_rows[point]
        frame = samples.point_frames[point]
        picture, place = source.picture(int(frame)), samples.points[point].astype(float)
        note = f"{samples.frame_names[frame]} {KINDS[samples.kinds[row]]}"
        tiles.append(tile(picture, place, samples.keypoints[row].astype(float), TRUTH, config.side, note))
        if predicted is not None:
            pose, said = predicted[number]
            tiles.append(tile(picture, place, pose * picture.height + place, PREDICTION, config.side, said))
    columns = config.columns * (2 if predicted is not None else 1)
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * config.side, rows * config.side))
    for number, one in enumerate(tiles):
        sheet.paste(one, (number % columns * config.side, number // columns * config.side))
    config.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(config.out)
    print(f"{config.out}: {len(points)} points of {config.data}")


def _predict(config: SheetConfig, source: Source, points: NDArray) -> list[tuple[NDArray, str]]:
    from scenepose.model.checkpoint import load_checkpoint
    from train.judge import answer

    model = load_checkpoint(config.checkpoint or assets() / "checkpoints" / "scenepose.safetensors")
    answers = answer(model, source, points, top=1)
    assert answers.scores is not None
    names = model.template_names
    return [
        (answers.poses[n, 0], f"{names[answers.templates[n, 0]]} {answers.scores[n].max():.2f}")
        for n in range(len(points))
    ]
