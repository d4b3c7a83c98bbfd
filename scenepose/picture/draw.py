"""Skeletons over a scene.

Every template has a colour of its own, the same in the picture, in its card and on every other page.
The best pose is drawn solid and in front; the lower a pose ranks the thinner and more transparent it is,
so that five people at one point stay readable. Left limbs are light, right limbs dark. Sizes follow the
picture's, and edges are smooth because everything is drawn three times as large and averaged down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scenepose.picture.figure import (
    INK,
    PALETTE,
    WHITE,
    Colour,
    Figure,
    Head,
    Limb,
    Shape,
    Style,
    Trunk,
    figure,
    head_of,
    hex_colour,
    ink_on,
    limb_colour,
    limb_width,
    shade,
    style,
    template_colour,
    unit_of,
)
from scenepose.picture.images import Picture

if TYPE_CHECKING:
    from scenepose.export import Person
    from scenepose.predict.generator import Pose

__all__ = [
    "INK",
    "PALETTE",
    "WHITE",
    "Colour",
    "Style",
    "hex_colour",
    "ink_on",
    "limb_colour",
    "limb_width",
    "overlay",
    "shade",
    "style",
    "template_colour",
]

#: Drawn this many times as large, then averaged down.
OVERSAMPLE = 3


def overlay(
    picture: Picture,
    poses: Sequence[Pose | Person],
    point: tuple[float, float] | None = None,
    *,
    size: tuple[int, int] | None = None,
    badges: bool = True,
    colour: Colour | None = None,
    together: bool = False,
) -> Image.Image:
    """The scene with the poses drawn over it.

    Args:
        picture: the scene.
        poses: best first; keypoints in pixels of the original picture.
        point: the clicked point, marked if given; same pixels.
        size: (width, height) of the answer; by default that of ``picture.image``.
        badges: whether a pose carries its rank's number (only where there are several).
        colour: of all poses; by default each has its template's.
        together: whether all are in the scene, instead of alternatives: each is solid, none has a number.

    Returns:
        RGB picture.
    """
    size = size or picture.image.size
    canvas = (
        picture.image.copy()
        if size == picture.image.size
        else picture.image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    )
    factor = np.array([size[0] / picture.width, size[1] / picture.height], np.float32)
    drawn = [pose.keypoints * factor for pose in poses]
    unit = unit_of(*size)
    for rank in reversed(range(len(poses))):
        look = style(0 if together else rank)
        own = colour or template_colour(poses[rank].template)
        _paste_figure(canvas, figure(drawn[rank], own, look, unit, poses[rank].hidden), look.opacity)
    if point is not None:
        _paste_target(canvas, (point[0] * factor[0], point[1] * factor[1]), unit)
    if badges and not together and len(poses) > 1:
        _paste_badges(canvas, drawn, [template_colour(pose.template) for pose in poses], unit)
    return canvas


def _paste_figure(canvas: Image.Image, figure: Figure, opacity: float) -> None:
    """Draw one person on a layer of its own and lay that over the canvas."""
    if not figure.shapes:
        return
    layer = _Layer(figure.keypoints, figure.radius * 8 + 2, canvas.size)
    if layer.empty:
        return
    for shape in figure.shapes:
        layer.add(shape)
    layer.paste(canvas, opacity)


class _Layer:
    """A transparent, oversampled piece of the picture, just large enough for one figure."""

    def __init__(self, keypoints: NDArray, margin: float, size: tuple[int, int]):
        low = np.floor(keypoints.min(0) - margin)
        high = np.ceil(keypoints.max(0) + margin)
        x0, y0 = (int(v) for v in np.clip(low, 0, size))
        x1, y1 = (int(v) for v in np.clip(high, 0, size))
        self.origin = (x0, y0)
        self.size = (x1 - x0, y1 - y0)
        self.empty = min(self.size) < 1
        if not self.empty:
            self.image = Image.new("RGBA", (self.size[0] * OVERSAMPLE, self.size[1] * OVERSAMPLE), (*INK, 0))
            self.draw = ImageDraw.Draw(self.image)

    def _place(self, points: NDArray) -> list[tuple[float, float]]:
        """Continuous pixels of the picture to Pillow's, where whole numbers are pixel centres."""
        moved = (np.asarray(points, np.float64) - self.origin) * OVERSAMPLE - 0.5
        return [(float(x), float(y)) for x, y in moved]

    def add(self, shape: Shape) -> None:
        """Paint a shape over what is there."""
        if isinstance(shape, Limb):
            for ends in shape.dashes():
                self.capsule(ends, shape.radius, shape.colour)
        elif isinstance(shape, Head):
            self.oval(shape, shape.grow, 255)
            if shape.ring:
                # Pixels are replaced, not mixed: what lies behind the ring stays visible.
                self.oval(shape, shape.grow - shape.ring, 90)
        elif isinstance(shape, Trunk):
            self.polygon(shape.corners, (*shape.colour, shape.alpha))
        else:
            self.dot(shape.centre, shape.radius, shape.colour)

    def capsule(self, ends: NDArray, radius: float, colour: Colour) -> None:
        """A line with round ends."""
        (x0, y0), (x1, y1) = self._place(ends)
        r = radius * OVERSAMPLE
        along = np.array([x1 - x0, y1 - y0])
        length = np.hypot(*along)
        if length > 1e-6:
            dx, dy = -along[1] / length * r, along[0] / length * r
            self.draw.polygon(
                [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)],
                (*colour, 255),
            )
        for x, y in ((x0, y0), (x1, y1)):
            self.draw.ellipse((x - r, y - r, x + r, y + r), (*colour, 255))

    def oval(self, head: Head, grow: float, alpha: int) -> None:
        """A head's outline, grown by some pixels, filled."""
        length = max(float(np.linalg.norm(head.half)), 1e-6)
        direction = head.half / length
        normal = np.array([-direction[1], direction[0]])
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
        edge = (
            head.centre
            + np.cos(angles) * direction * (length + grow)
            + np.sin(angles) * normal * (head.across + grow)
        )
        self.draw.polygon(self._place(edge), (*head.colour, alpha))

    def polygon(self, corners: NDArray, colour: tuple[int, int, int, int]) -> None:
        """A filled shape that lets what is below shine through."""
        over = Image.new("RGBA", self.image.size, (0, 0, 0, 0))
        ImageDraw.Draw(over).polygon(self._place(corners), colour)
        self.image.alpha_composite(over)

    def dot(self, centre: NDArray, radius: float, colour: Colour) -> None:
        """A filled circle."""
        ((x, y),) = self._place(centre[None])
        r = radius * OVERSAMPLE
        self.draw.ellipse((x - r, y - r, x + r, y + r), (*colour, 255))

    def text(self, centre: NDArray, text: str, height: float, colour: Colour) -> None:
        """Centred text."""
        ((x, y),) = self._place(centre[None])
        font = ImageFont.load_default(height * OVERSAMPLE)
        self.draw.text((x, y), text, (*colour, 255), font=font, anchor="mm")

    def paste(self, canvas: Image.Image, opacity: float) -> None:
        """Average down and lay over the canvas."""
        small = self.image.reduce(OVERSAMPLE)
        alpha = small.getchannel("A")
        if opacity < 1:
            alpha = alpha.point([round(value * opacity) for value in range(256)])
        canvas.paste(small.convert("RGB"), self.origin, alpha)


def _paste_target(canvas: Image.Image, point: tuple[float, float], unit: float) -> None:
    """Mark the clicked point: a white ring with a dot in it."""
    centre = np.array(point)
    layer = _Layer(centre[None], unit * 4 + 2, canvas.size)
    if layer.empty:
        return
    for radius, colour in ((2.15, INK), (1.75, WHITE), (1.05, INK), (0.62, WHITE)):
        layer.dot(centre, radius * unit, colour)
    layer.paste(canvas, 0.95)


def _paste_badges(canvas: Image.Image, figures: list[NDArray], colours: list[Colour], unit: float) -> None:
    """A number above each head."""
    for rank, centre, radius in badge_places(figures, canvas.size, unit):
        layer = _Layer(centre[None], radius + 3, canvas.size)
        if layer.empty:
            continue
        layer.dot(centre, radius + max(1.0, unit * 0.3), INK)
        layer.dot(centre, radius, colours[rank])
        layer.text(centre, str(rank + 1), radius * 1.35, ink_on(colours[rank]))
        layer.paste(canvas, 1.0)


def badge_places(
    figures: Sequence[NDArray], size: tuple[int, int], unit: float
) -> list[tuple[int, NDArray, float]]:
    """Where the ranks' numbers go: (rank, centre, radius) for each figure with a head.

    Numbers that would cover each other or the best one's head are moved.
    """
    radius = max(6.5, unit * 2.5)
    found: list[tuple[int, NDArray, float]] = []
    best = head_of(figures[0])
    ceiling = best[0][1] - np.hypot(*best[1]) - radius * 1.1 if best else np.inf
    low, high = np.array([radius + 1, radius + 1]), np.array(size) - radius - 1
    for rank, keypoints in enumerate(figures):
        head = head_of(keypoints)
        if head is None:
            continue
        centre = head[0] + np.array([0, -np.hypot(*head[1]) - radius * 1.1])
        if best and abs(centre[0] - best[0][0]) < best[2] + radius:
            centre[1] = min(centre[1], ceiling)
        wanted = np.clip(centre, low, np.maximum(low, high))
        taken = [place for _, place, _ in found]
        found.append((rank, _free_place(wanted, taken, radius * 2.15, low, high), radius))
    return found


def _free_place(wanted: NDArray, placed: list[NDArray], apart: float, low: NDArray, high: NDArray) -> NDArray:
    """The nearest place to the wanted one that keeps its distance from those taken."""

    def free(place: NDArray) -> bool:
        return all(np.hypot(*(place - other)) >= apart for other in placed)

    if free(wanted):
        return wanted
    for ring in range(1, 12):
        # Never below: faces are there.
        for angle in np.deg2rad([0, 180, -45, -135, -90]):
            place = wanted + ring * apart * 0.5 * np.array([np.cos(angle), np.sin(angle)])
            if free(place) and (place >= low).all() and (place <= high).all():
                return place
    return wanted
