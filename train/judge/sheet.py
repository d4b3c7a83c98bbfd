"""`python -m train sheet`: contact sheets, the test that counts: samples, or predictions beside the truth.

A file gets one sheet. A folder gets pages of large numbered crops, one pose each, for independent counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenepose.data.sources import Source, open_source
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import HEAD_TOP, HIDDEN, LIMBS

_RIGHT = (0, 1, 2, 10, 11, 12)
TRUTH, PREDICTION = ((90, 255, 120), (255, 200, 60)), ((80, 200, 255), (255, 90, 90))
#: Crops on a page for counting, and how many stand side by side.
PAGE, PAGE_COLUMNS = 20, 5


@dataclass
class SheetConfig:
    """Draw a contact sheet of random points of a source."""

    data: str
    """as for `evaluate`"""
    out: Path
    """a .png or .jpg file for one sheet; any other name is a folder for pages of numbered crops"""
    split: str = "val"
    """for sources that name none"""
    count: int = 24
    """how many points"""
    columns: int = 6
    """tiles a row; with --predict each tile is a pair"""
    kind: str = ""
    """only points whose primary pose is of this kind"""
    seed: int = 0
    """of the choice"""
    predict: bool = False
    """the model's top pose on the right, the true one on the left"""
    scenes: bool = False
    """whole pictures, each with several of its people that do not overlap"""
    checkpoint: Path | None = None
    """a folder of weights, or a head's file beside its encoder, instead of the shipped ones"""
    side: int = 360
    """of a tile, pixels"""


def draw_pose(
    picture: Image.Image, keypoints: NDArray, colours: tuple, width: float, visibility: NDArray | None = None
) -> None:
    """Draw a skeleton (16, 2): the person's left in the first colour, right in the second.

    Limbs with a joint of visibility `HIDDEN` are dotted: something stands in front of them.
    """
    canvas = ImageDraw.Draw(picture)
    for start, end in LIMBS:
        ends = keypoints[[start, end]]
        if not np.isfinite(ends).all():
            continue
        colour = colours[end in _RIGHT]
        if visibility is not None and (visibility[[start, end]] == HIDDEN).any():
            steps = max(2, int(np.linalg.norm(ends[1] - ends[0]) / (3.2 * width)))
            for share in np.linspace(0, 1, steps + 1):
                x, y = ends[0] * (1 - share) + ends[1] * share
                canvas.ellipse(
                    [x - 0.45 * width, y - 0.45 * width, x + 0.45 * width, y + 0.45 * width], fill=colour
                )
        else:
            canvas.line([tuple(ends[0]), tuple(ends[1])], fill=colour, width=max(2, round(width)))
    x, y = keypoints[HEAD_TOP]
    if np.isfinite(x):
        canvas.ellipse([x - 1.6 * width, y - 1.6 * width, x + 1.6 * width, y + 1.6 * width], fill=colours[0])


def tile(
    picture: Image.Image,
    point: NDArray,
    keypoints: NDArray,
    colours: tuple,
    side: int,
    note: str,
    reach: float = 0.575,
    visibility: NDArray | None = None,
) -> Image.Image:
    """The square of twice ``reach`` picture heights around a point, with one pose drawn."""
    reach = reach * picture.height
    scale = side / (2 * reach)
    corner = point - reach
    part = picture.transform(
        (side, side), Image.Transform.AFFINE, (1 / scale, 0, corner[0], 0, 1 / scale, corner[1]),
        Image.Resampling.BILINEAR,
    )  # fmt: skip
    draw_pose(part, (keypoints - corner) * scale, colours, side / 110, visibility)
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
    """Draw and save the sheet or the pages."""
    source = open_source(config.data, config.split)
    points = choose(source, config.count, config.kind, config.seed)
    paged = config.out.suffix.lower() not in (".png", ".jpg", ".jpeg")
    if paged:
        _pages(config, source, points)
    elif config.scenes:
        _scenes(config, source, points)
    else:
        predicted = _predict(config, source, points) if config.predict else None
        _grid(_tiles(config, source, points, predicted), config.columns * (2 if predicted else 1), config.out)
    print(f"{config.out}: {len(points)} points of {config.data}")


def _grid(tiles: list[Image.Image], columns: int, out: Path) -> None:
    """Paste equally large tiles into one picture and save it."""
    width, height = max(one.width for one in tiles), max(one.height for one in tiles)
    sheet = Image.new("RGB", (min(columns, len(tiles)) * width, -(-len(tiles) // columns) * height))
    for number, one in enumerate(tiles):
        sheet.paste(one, (number % columns * width, number // columns * height))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out)


def _tiles(config: SheetConfig, source: Source, points: NDArray, predicted: list | None) -> list[Image.Image]:
    samples, tiles = source.samples, []
    for number, point in enumerate(points):
        shown, frame = source.at(int(point)), samples.point_frames[point]
        note = f"{samples.frame_names[frame]} {KINDS[samples.kinds[samples.primary_rows[point]]]}"
        place, side = shown.point, config.side
        tiles.append(tile(shown.picture, place, shown.pose, TRUTH, side, note, visibility=shown.visibility))
        if predicted is not None:
            pose, label = predicted[number]
            pixels = pose * shown.picture.height + place
            tiles.append(tile(shown.picture, place, pixels, PREDICTION, side, label))
    return tiles


def numbered(
    picture: Image.Image,
    point: NDArray,
    pose: NDArray,
    colours: tuple,
    side: int,
    note: str,
    visibility: NDArray | None = None,
) -> Image.Image:
    """A crop for counting: the scene around a point and one pose, both in pixels, with a large note."""
    box = np.nanmax(np.ptp(pose, axis=0)) / picture.height
    reach = float(np.clip(0.95 * box, 0.28, 0.5))
    # As much of the picture as there is, rather than black beyond its borders.
    size, margin = np.array(picture.size), reach * picture.height
    centre = np.clip(point, np.minimum(margin, size / 2), np.maximum(size - margin, size / 2))
    crop = tile(picture, centre.astype(float), pose, colours, side, "", reach=reach, visibility=visibility)
    canvas = ImageDraw.Draw(crop)
    canvas.text((6, 4), note, fill=(255, 255, 0), stroke_width=2, stroke_fill=(0, 0, 0), font_size=20)
    canvas.rectangle([0, 0, side - 1, side - 1], outline=(60, 60, 60))
    return crop


def save_pages(tiles: list[Image.Image], folder: Path) -> None:
    """Pages of `PAGE` crops: page-01.png and so on."""
    for first in range(0, len(tiles), PAGE):
        _grid(tiles[first : first + PAGE], PAGE_COLUMNS, folder / f"page-{first // PAGE + 1:02d}.png")


def _pages(config: SheetConfig, source: Source, points: NDArray) -> None:
    """Numbered crops that show the scene around one pose each."""
    samples, tiles = source.samples, []
    for number, point in enumerate(points, start=1):
        shown, kind = source.at(int(point)), KINDS[samples.kinds[samples.primary_rows[point]]]
        note, side = f"#{number}  {kind}", config.side
        tiles.append(numbered(shown.picture, shown.point, shown.pose, TRUTH, side, note, shown.visibility))
    save_pages(tiles, config.out)


def _scenes(config: SheetConfig, source: Source, points: NDArray) -> None:
    """Whole pictures with as many of their people as have room beside each other."""
    samples, primary, tiles = source.samples, source.samples.primary_rows, []
    for point in points:
        frame = int(samples.point_frames[point])
        picture = source.picture(frame)
        picture = picture.resize((round(picture.width * config.side / picture.height), config.side))
        scale = source.scale_to(frame, picture.size)
        taken: list[NDArray] = []
        here = np.flatnonzero((samples.point_frames == frame) & (primary >= 0))
        for row in primary[np.concatenate([[point], here])]:
            pose = samples.keypoints[row].astype(float) * scale
            box = np.concatenate([np.nanmin(pose, 0), np.nanmax(pose, 0)])
            if all((box[:2] > other[2:]).any() or (box[2:] < other[:2]).any() for other in taken):
                taken.append(box)
                draw_pose(picture, pose, TRUTH, config.side / 150, samples.visibility[row])
        tiles.append(picture)
    _grid(tiles, config.columns, config.out)


def _predict(config: SheetConfig, source: Source, points: NDArray) -> list[tuple[NDArray, str]]:
    from train.judge.answers import open_main
    from train.judge.measure import answer

    generator = open_main(config.checkpoint)
    heads = {"scenepose": generator.head}
    answers = answer(generator.encoder, heads, source, points, top=1)["scenepose"]
    assert answers.scores is not None
    names = generator.template_names
    return [
        (answers.poses[n, 0], f"{names[answers.templates[n, 0]]} {answers.scores[n].max():.2f}")
        for n in range(len(points))
    ]
