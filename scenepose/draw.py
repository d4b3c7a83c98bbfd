"""Skeletons over a scene.

Every template has a colour of its own, the same in the picture, in its card and on every other page.
The best pose is drawn solid and in front; the lower a pose ranks the thinner and more transparent it is,
so that five people at one point stay readable. Left limbs are light, right limbs dark. Sizes follow the
picture's, and edges are smooth because everything is drawn three times as large and averaged down.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scenepose import skeleton as sk
from scenepose.images import Picture

if TYPE_CHECKING:
    from scenepose.predictor import Pose

Colour: TypeAlias = tuple[int, int, int]

#: Chosen to be told apart over photographs of rooms (which are brown, grey and white).
PALETTE: tuple[Colour, ...] = (
    (255, 92, 88), (46, 196, 120), (66, 135, 255), (255, 186, 36), (190, 98, 255),
    (24, 200, 222), (255, 128, 30), (246, 80, 172), (160, 208, 40), (104, 92, 226),
    (252, 236, 130), (0, 150, 136), (204, 84, 60), (156, 250, 206),
)  # fmt: skip

#: Drawn this many times as large, then averaged down.
OVERSAMPLE = 3

INK: Colour = (16, 18, 24)
WHITE: Colour = (255, 255, 255)

#: Limb widths relative to the pose's own: a trunk is thicker than an arm.
_WIDTH = {"trunk": 1.25, "leg": 1.0, "arm": 0.82}
_RIGHT = {sk.R_ANKLE, sk.R_KNEE, sk.R_HIP, sk.R_WRIST, sk.R_ELBOW, sk.R_SHOULDER}
_LEFT = {sk.L_ANKLE, sk.L_KNEE, sk.L_HIP, sk.L_WRIST, sk.L_ELBOW, sk.L_SHOULDER}
_ARMS = {sk.R_WRIST, sk.R_ELBOW, sk.L_WRIST, sk.L_ELBOW, sk.R_SHOULDER, sk.L_SHOULDER}
_TORSO = (sk.R_SHOULDER, sk.L_SHOULDER, sk.L_HIP, sk.R_HIP)


@dataclass(frozen=True)
class Style:
    """How one rank looks: limb width relative to the best pose's, and opacity of the whole figure."""

    width: float
    opacity: float


def style(rank: int) -> Style:
    """The look of a rank, 0 being the best."""
    return Style(
        width=max(0.5, 1.0 - 0.13 * rank), opacity=1.0 if rank == 0 else max(0.5, 0.88 - 0.07 * rank)
    )


def ink_on(colour: Colour) -> Colour:
    """What to write on a colour with: whichever of `INK` and `WHITE` is told more clearly from it."""
    linear = [((part / 255 + 0.055) / 1.055) ** 2.4 if part > 10 else part / 255 / 12.92 for part in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.18 else WHITE  # contrast (WCAG) is equal at 0.18


def template_colour(template: int | None) -> Colour:
    """The fixed colour of a template; further ones than the palette has get hues between."""
    if template is None:
        return (235, 235, 240)
    if template < len(PALETTE):
        return PALETTE[template]
    hue = (template * 0.61803398875) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45 + 0.2 * (template % 2), 0.75)
    return round(red * 255), round(green * 255), round(blue * 255)


def hex_colour(colour: Colour) -> str:
    """``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def shade(colour: Colour, towards: Colour, amount: float) -> Colour:
    """The colour mixed with another; 0 leaves it as it is."""
    red, green, blue = (round(a + (b - a) * amount) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def limb_colour(joints: tuple[int, int], colour: Colour) -> Colour:
    """Light on the person's left side, dark on the right, the colour itself along the spine."""
    if _LEFT & set(joints):
        return shade(colour, WHITE, 0.36)
    if _RIGHT & set(joints):
        return shade(colour, INK, 0.22)
    return colour


def limb_width(joints: tuple[int, int]) -> float:
    """A limb's width relative to a leg's."""
    if set(joints) & _ARMS:
        return _WIDTH["arm"]
    return _WIDTH["leg"] if set(joints) & (_LEFT | _RIGHT) else _WIDTH["trunk"]


def overlay(
    picture: Picture,
    poses: Sequence[Pose],
    point: tuple[float, float] | None = None,
    *,
    size: tuple[int, int] | None = None,
    badges: bool = True,
    colour: Colour | None = None,
) -> Image.Image:
    """The scene with the poses drawn over it.

    Args:
        picture: the scene.
        poses: best first; keypoints in pixels of the original picture.
        point: the clicked point, marked if given; same pixels.
        size: (width, height) of the answer; by default that of ``picture.image``.
        badges: whether a pose carries its rank's number (only where there are several).
        colour: of all poses; by default each has its template's.

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
    # The unit of every width below: about 5.7 pixels on 960 x 720.
    unit = max(1.6, 0.0068 * (size[0] * size[1]) ** 0.5)
    for rank in reversed(range(len(poses))):
        own = colour or template_colour(poses[rank].template)
        _paste_figure(canvas, drawn[rank], own, style(rank), unit)
    if point is not None:
        _paste_target(canvas, (point[0] * factor[0], point[1] * factor[1]), unit)
    if badges and len(poses) > 1:
        _paste_badges(canvas, drawn, [template_colour(pose.template) for pose in poses], unit)
    return canvas


def _paste_figure(canvas: Image.Image, keypoints: NDArray, colour: Colour, look: Style, unit: float) -> None:
    """Draw one pose on its own layer and lay that over the canvas."""
    known = np.logical_not(np.isnan(keypoints).any(axis=-1))
    if not known.any():
        return
    # Small people get thinner limbs, or they would be blobs.
    side = float(np.nanmax(np.ptp(keypoints[known], axis=0)))
    radius = max(0.9, min(unit, side * 0.02)) * look.width
    layer = _Layer(keypoints[known], radius * 8 + 2, canvas.size)
    if layer.empty:
        return
    outline = max(0.7, radius * 0.42)
    head = _head(keypoints)
    neck = keypoints[[sk.UPPER_NECK, sk.UPPER_NECK]]
    limbs = [(a, b) for a, b in sk.LIMBS if known[a] and known[b] and (a, b) != (sk.UPPER_NECK, sk.HEAD_TOP)]
    for joints in limbs:
        layer.capsule(keypoints[list(joints)], radius * limb_width(joints) + outline, INK)
    if head is not None:
        neck = np.stack([keypoints[sk.UPPER_NECK], head[0]])
        layer.capsule(neck, radius * _WIDTH["arm"] + outline, INK)
        layer.ellipse(*head, outline, INK)
    if known[list(_TORSO)].all():
        layer.polygon(keypoints[list(_TORSO)], (*shade(colour, INK, 0.15), 130))
    for joints in sorted(limbs, key=lambda pair: pair[0] in _LEFT or pair[1] in _LEFT):
        layer.capsule(keypoints[list(joints)], radius * limb_width(joints), limb_colour(joints, colour))
    if head is not None:
        layer.capsule(neck, radius * _WIDTH["arm"], colour)
        # Filled on the best pose only: behind it, rings keep what they lie over visible.
        layer.ellipse(*head, 0.0, shade(colour, WHITE, 0.12))
        if look.opacity < 1:
            layer.ellipse(*head, -radius, colour, alpha=90)
    for joint in np.flatnonzero(known):
        if joint not in (sk.HEAD_TOP, sk.PELVIS, sk.THORAX, sk.UPPER_NECK):
            layer.dot(keypoints[joint], radius * 0.55, shade(colour, WHITE, 0.85))
    layer.paste(canvas, look.opacity)


def _head(keypoints: NDArray) -> tuple[NDArray, NDArray, float] | None:
    """The head as an ellipse: centre, half axis along the neck (vector), half width across it."""
    neck, top = keypoints[sk.UPPER_NECK], keypoints[sk.HEAD_TOP]
    if np.isnan(neck).any() or np.isnan(top).any():
        return None
    # upper_neck lies a little below the chin, head_top at the crown; a head is 0.78 as wide as high.
    half = (top - neck) * 0.43
    return top - half, half, float(np.linalg.norm(half)) * 0.78


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

    def ellipse(
        self, centre: NDArray, half: NDArray, across: float, grow: float, colour: Colour, alpha: int = 255
    ) -> None:
        """An ellipse by its half axis (vector) and its half width, grown by some pixels."""
        length = max(float(np.linalg.norm(half)), 1e-6)
        direction = half / length
        normal = np.array([-direction[1], direction[0]])
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
        edge = (
            centre + np.cos(angles) * direction * (length + grow) + np.sin(angles) * normal * (across + grow)
        )
        self.draw.polygon(self._place(edge), (*colour, alpha))

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
    """A number above each head; numbers that would cover each other or the best one's head are moved."""
    radius = max(6.5, unit * 2.5)
    placed: list[NDArray] = []
    best = _head(figures[0])
    ceiling = best[0][1] - np.hypot(*best[1]) - radius * 1.1 if best else np.inf
    for rank, (keypoints, colour) in enumerate(zip(figures, colours, strict=True)):
        head = _head(keypoints)
        if head is None:
            continue
        centre = head[0] + np.array([0, -np.hypot(*head[1]) - radius * 1.1])
        if best and abs(centre[0] - best[0][0]) < best[2] + radius:
            centre[1] = min(centre[1], ceiling)
        low, high = np.array([radius + 1, radius + 1]), np.array(canvas.size) - radius - 1
        centre = _free_place(np.clip(centre, low, np.maximum(low, high)), placed, radius * 2.15, low, high)
        placed.append(centre)
        layer = _Layer(centre[None], radius + 3, canvas.size)
        if layer.empty:
            continue
        layer.dot(centre, radius + max(1.0, unit * 0.3), INK)
        layer.dot(centre, radius, colour)
        layer.text(centre, str(rank + 1), radius * 1.35, ink_on(colour))
        layer.paste(canvas, 1.0)


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
