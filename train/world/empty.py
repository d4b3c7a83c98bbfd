"""`python -m train empty`: make pictures that are no rooms, for the source ``empty:DIR``.

Sheets of text and charts are drawn; photographs and cut-outs (pictures with transparency) come from folders.
Cut-outs are put before photographs, blurred ones, gradients and plain colours.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFilter, ImageFont, UnidentifiedImageError
from tqdm import tqdm

#: Width by height, pixels.
SIZES = ((320, 240), (240, 320), (360, 240), (240, 240), (426, 240), (180, 320))


@dataclass(frozen=True)
class EmptyConfig:
    """Make pictures of things that are no rooms."""

    out: Path = Path("data/empty")
    """They are added there."""
    photographs: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    """A folder of photographs that show no place for people: close-ups, animals, patterns. Repeatable."""
    cutouts: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    """A folder of pictures with transparency: things and animals without background. Repeatable."""
    drawn: int = 200
    """Sheets of text, charts and patterns."""
    composed: int = 600
    """Cut-outs before backgrounds."""
    crops: int = 6
    """Crops of each photograph, the whole one among them."""
    seed: int = 0
    """Of everything drawn at random."""


def main(config: EmptyConfig) -> None:
    """Write the pictures."""
    config.out.mkdir(parents=True, exist_ok=True)
    photographs = [path for folder in config.photographs for path in _pictures(folder)]
    cutouts = [path for folder in config.cutouts for path in _pictures(folder)]
    rng = np.random.default_rng(config.seed)
    for path in tqdm(photographs, desc="photographs"):
        whole = Image.open(path).convert("RGB")
        for number in range(config.crops):
            _save(_crop(rng, whole, 1.0 if number == 0 else 0.3), config.out / f"{path.stem}@{number}.jpg")
    for number in tqdm(range(config.drawn), desc="drawn"):
        _save(DRAWN[number % len(DRAWN)](rng, _size(rng)), config.out / f"drawn-{number:04d}.jpg")
    for number in tqdm(range(config.composed if cutouts else 0), desc="composed"):
        path = cutouts[number % len(cutouts)]
        picture = _composed(rng, Image.open(path).convert("RGBA"), photographs)
        _save(picture, config.out / f"{path.stem}@on{number:04d}.jpg")


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, quality=88)


def _pictures(folder: Path) -> list[Path]:
    """All pictures below a folder.

    Raises:
        FileNotFoundError: there are none.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                with Image.open(path):
                    found.append(path)
            except (UnidentifiedImageError, OSError):
                continue
    if not found:
        raise FileNotFoundError(f"no pictures in {folder}")
    return found


def _size(rng: np.random.Generator) -> tuple[int, int]:
    return SIZES[int(rng.integers(len(SIZES)))]


def _crop(rng: np.random.Generator, whole: Image.Image, smallest: float) -> Image.Image:
    """A part of a picture, at least ``smallest`` of its shorter side."""
    width, height = _size(rng)
    scale = min(whole.width / width, whole.height / height) * rng.uniform(smallest, 1.0)
    w, h = width * scale, height * scale
    left, top = rng.random() * (whole.width - w), rng.random() * (whole.height - h)
    right, bottom = min(left + w, whole.width), min(top + h, whole.height)
    box = (max(0.0, left), max(0.0, top), right, bottom)
    return whole.resize((width, height), Image.Resampling.BICUBIC, box)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in rng.integers(0, 256, 3))
    return r, g, b


def _gradient(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Four colours in the corners; sometimes one."""
    corners = rng.integers(0, 256, (2, 2, 3), np.uint8)
    if rng.random() < 0.3:
        corners[:] = corners[0, 0]
    return Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)


def _text(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A page: lines of words, in columns, perhaps with a heading, a tilt and a shadow."""
    width, height = size
    dark, paper = int(rng.integers(0, 90)), int(rng.integers(200, 256))
    page = Image.new("RGB", size, (paper, paper, max(0, paper - int(rng.integers(0, 30)))))
    pen, letter = ImageDraw.Draw(page), int(rng.integers(6, 22))
    font = ImageFont.load_default(letter)
    columns = int(rng.integers(1, 3))
    for column in range(columns):
        left, y = 8 + column * width // columns, int(rng.integers(4, 30))
        while y < height - letter:
            words: list[str] = []
            while sum(map(len, words)) * letter * 0.55 < width / columns - 30:
                words.append("".join(rng.choice(list(string.ascii_lowercase), int(rng.integers(2, 9)))))
            if rng.random() > 0.1:
                pen.text((left, y), " ".join(words), (dark, dark, dark), font)
            y += int(letter * 1.35)
    shade = Image.fromarray(rng.integers(150, 256, (2, 2), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    page = Image.composite(page, Image.new("RGB", size), shade)
    return page.rotate(float(rng.normal(0, 4)), Image.Resampling.BICUBIC, fillcolor=_colour(rng))


def _chart(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Bars, lines or dots with axes."""
    width, height = size
    chart = Image.new("RGB", size, (255, 255, 255) if rng.random() < 0.7 else _colour(rng))
    pen = ImageDraw.Draw(chart)
    count = int(rng.integers(4, 30))
    x, y = np.linspace(25, width - 12, count), rng.uniform(15, height - 25, count)
    way = int(rng.integers(3))
    if way == 0:
        for left, top in zip(x, y, strict=True):
            pen.rectangle((left - 4, top, left + 4, height - 20), _colour(rng))
    elif way == 1:
        pen.line(list(zip(x, y, strict=True)), _colour(rng), int(rng.integers(1, 4)))
    else:
        for left, top in zip(x, y, strict=True):
            pen.ellipse((left - 4, top - 4, left + 4, top + 4), _colour(rng))
    pen.line((20, 10, 20, height - 20, width - 5, height - 20), (0, 0, 0))
    return chart


def _pattern(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Noise of some coarseness, tiles, or a gradient."""
    width, height = size
    coarse = int(2 ** rng.uniform(0, 6))
    noise = rng.integers(0, 256, (height // coarse + 2, width // coarse + 2, 3), np.uint8)
    if rng.random() < 0.3:
        noise = np.repeat(noise[..., :1], 3, 2)
    way = [Image.Resampling.NEAREST, Image.Resampling.BICUBIC][int(rng.integers(2))]
    return Image.blend(
        Image.fromarray(noise).resize(size, way), _gradient(rng, size), float(rng.uniform(0, 1))
    )


DRAWN = (_text, _chart, _text, _pattern)


def _composed(rng: np.random.Generator, thing: Image.Image, photographs: list[Path]) -> Image.Image:
    """A cut-out before a background."""
    size = _size(rng)
    way = rng.random()
    if photographs and way < 0.6:
        ground = _crop(rng, Image.open(photographs[int(rng.integers(len(photographs)))]).convert("RGB"), 0.2)
        ground = ground.resize(size)
        if way < 0.4:
            ground = ground.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 10))))
    else:
        ground = (_gradient if way < 0.85 else _pattern)(rng, size)
    large = float(rng.uniform(0.5, 1.4))
    scale = large * min(size[0] / thing.width, size[1] / thing.height)
    thing = thing.resize((max(1, round(thing.width * scale)), max(1, round(thing.height * scale))))
    if rng.random() < 0.5:
        thing = thing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left = round((size[0] - thing.width) * rng.uniform(0.2, 0.8))
    top = round((size[1] - thing.height) * rng.uniform(0.2, 0.8))
    ground.paste(thing, (left, top), thing)
    return ground
