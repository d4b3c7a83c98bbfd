"""The answers of several methods side by side: panels of the same part of the same scene."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from scenepose.methods.table import METHODS
from scenepose.picture import draw
from scenepose.picture.images import Picture
from scenepose.predict.compare import Panel

#: Every method's colour, the same in its panel and in every figure.
COLOURS: dict[str, draw.Colour] = {name: draw.template_colour(n) for n, name in enumerate(METHODS)}
TRUTH_COLOUR: draw.Colour = (238, 240, 244)
#: What panels are titled.
TITLES = {"truth": "Truth", **{name: method.title for name, method in METHODS.items()}}
#: Widest shape of a panel's part of the picture, which is as high as the picture.
WIDEST = 4 / 3


def frame_of(
    picture: Picture, point: tuple[float, float], widest: float = WIDEST
) -> tuple[float, float, float, float]:
    """The part of a picture that panels show: its whole height, and width around the point up to a limit.

    Args:
        widest: the limit, in picture heights.
    """
    width = min(picture.width, widest * picture.height)
    left = min(max(point[0] - width / 2, 0.0), picture.width - width)
    return left, 0.0, left + width, float(picture.height)


def scaled(picture: Picture, point: tuple[float, float], width: int, widest: float = WIDEST) -> Picture:
    """The picture at the size that panels of ``width`` pixels want; drawing many of them then costs less."""
    left, _, right, _ = frame_of(picture, point, widest)
    factor = width / (right - left)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    image = picture.image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return Picture(image, picture.width, picture.height)


def panel_picture(
    picture: Picture, point: tuple[float, float], panel: Panel, width: int, widest: float = WIDEST
) -> Image.Image:
    """A panel's picture, ``width`` pixels wide: the frame with the method's pose and the point."""
    left, top, right, bottom = frame_of(picture, point, widest)
    factor = width / (right - left)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    poses = [] if panel.pose is None else [panel.pose]
    colour = COLOURS.get(panel.method, TRUTH_COLOUR)
    whole = draw.overlay(picture, poses, point, size=size, colour=colour)
    x = round(left * factor)
    return whole.crop((x, round(top * factor), x + width, max(1, round(bottom * factor))))


def figure(
    rows: Sequence[tuple[Picture, tuple[float, float], Sequence[Panel]]],
    *,
    columns: int,
    width: int = 420,
    widest: float = WIDEST,
) -> Image.Image:
    """Panels side by side with their titles, to keep or to print.

    Args:
        rows: scenes with their point and panels; each begins a new line.
        columns: panels a line. width: of a panel, pixels. widest: as in `frame_of`.
    """
    gap, band = max(6, width // 50), round(width * 0.115)
    lines: list[list[Image.Image]] = []
    for original, point, panels in rows:
        picture = scaled(original, point, width, widest)
        tiles = [
            _titled(panel_picture(picture, point, panel, width, widest), panel, band) for panel in panels
        ]
        lines += [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in line) for line in lines]
    across = max(len(line) for line in lines)
    size = (across * (width + gap) + gap, sum(heights) + gap * (len(lines) + 1))
    sheet = Image.new("RGB", size, "white")
    y = gap
    for line, height in zip(lines, heights, strict=True):
        for number, tile in enumerate(line):
            sheet.paste(tile, (gap + number * (width + gap), y))
        y += height + gap
    return sheet


def _titled(tile: Image.Image, panel: Panel, band: int) -> Image.Image:
    """A tile with its title and note in a band above it."""
    titled = Image.new("RGB", (tile.width, tile.height + band), "white")
    titled.paste(tile, (0, band))
    canvas = ImageDraw.Draw(titled)
    font, small = ImageFont.load_default(band * 0.5), ImageFont.load_default(band * 0.38)
    dot, middle = band * 0.16, band * 0.5
    colour = COLOURS.get(panel.method, draw.shade(TRUTH_COLOUR, draw.INK, 0.35))
    canvas.ellipse((1, middle - dot, 1 + 2 * dot, middle + dot), fill=colour)
    title = TITLES.get(panel.method, panel.method)
    canvas.text((2 * dot + band * 0.2, middle), title, draw.INK, font=font, anchor="lm")
    start = 2 * dot + band * 0.45 + font.getlength(title)
    note = panel.note
    while note and start + small.getlength(note) > tile.width:
        note = note[:-2].rstrip(" .…") + "…" if len(note) > 2 else ""
    canvas.text((tile.width, middle), note, draw.shade(draw.INK, draw.WHITE, 0.4), font=small, anchor="rm")
    return titled
