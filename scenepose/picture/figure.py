"""What a person is drawn with: the shapes of a figure, back to front, and every colour.

`draw` paints them over a photo and `export.svg` writes them as vectors, so that both show the same. Limbs
that furniture hides are dashed, from the middle between a joint that is seen and one that is not.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scenepose.pose import skeleton as sk

Colour: TypeAlias = tuple[int, int, int]

#: Chosen to be told apart over photographs of rooms (which are brown, grey and white).
PALETTE: tuple[Colour, ...] = (
    (255, 92, 88), (46, 196, 120), (66, 135, 255), (255, 186, 36), (190, 98, 255),
    (24, 200, 222), (255, 128, 30), (246, 80, 172), (160, 208, 40), (104, 92, 226),
    (252, 236, 130), (0, 150, 136), (204, 84, 60), (156, 250, 206),
)  # fmt: skip

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


@dataclass(frozen=True, eq=False)
class Limb:
    """A line with round ends; ``ends`` (2, 2) in pixels, like all that follows.

    Attributes:
        dash: lengths (drawn, left out) of dashes between the middles of their round ends, None if solid.
    """

    ends: NDArray
    radius: float
    colour: Colour
    dash: tuple[float, float] | None = None

    def dashes(self) -> list[NDArray]:
        """The ends of each dash, or of the whole line where it is solid or shorter than a dash."""
        start, end = np.asarray(self.ends, float)
        length = float(np.hypot(*(end - start)))
        if self.dash is None or length <= self.dash[0]:
            return [self.ends]
        drawn, period = self.dash[0], sum(self.dash)
        steps = np.arange(0, length - drawn + 1e-9, period)
        direction = (end - start) / length
        return [np.stack([start + s * direction, start + (s + drawn) * direction]) for s in steps]


@dataclass(frozen=True, eq=False)
class Head:
    """An ellipse by its centre, its half axis along the neck (a vector) and its half width.

    Attributes:
        grow: how much larger it is drawn. ring: thickness if only its edge is drawn solid, else 0.
    """

    centre: NDArray
    half: NDArray
    across: float
    grow: float
    colour: Colour
    ring: float = 0.0


@dataclass(frozen=True, eq=False)
class Trunk:
    """The filled torso, (4, 2), that lets what is below shine through (alpha 0 to 255)."""

    corners: NDArray
    colour: Colour
    alpha: int


@dataclass(frozen=True, eq=False)
class Dot:
    """A joint."""

    centre: NDArray
    radius: float
    colour: Colour
    joint: int


Shape: TypeAlias = Limb | Head | Trunk | Dot


@dataclass(frozen=True, eq=False)
class Figure:
    """One person: the shapes back to front, the known keypoints (N, 2) and the half width of a leg."""

    shapes: list[Shape]
    keypoints: NDArray
    radius: float


def unit_of(width: float, height: float) -> float:
    """The unit of every width in a picture of this size: about 5.7 pixels on 960 x 720."""
    return max(1.6, 0.0068 * (width * height) ** 0.5)


def head_of(keypoints: NDArray) -> tuple[NDArray, NDArray, float] | None:
    """The head as an ellipse: centre, half axis along the neck (vector), half width across it."""
    neck, top = keypoints[sk.UPPER_NECK], keypoints[sk.HEAD_TOP]
    if np.isnan(neck).any() or np.isnan(top).any():
        return None
    # upper_neck lies a little below the chin, head_top at the crown; a head is 0.78 as wide as high.
    half = (top - neck) * 0.43
    return top - half, half, float(np.linalg.norm(half)) * 0.78


def figure(
    keypoints: NDArray, colour: Colour, look: Style, unit: float, hidden: NDArray | None = None
) -> Figure:
    """The shapes of one person.

    Args:
        keypoints: (16, 2) in pixels of the picture that is drawn; NaN where unknown.
        colour: of the spine. look: of its rank. unit: see `unit_of`.
        hidden: (16,) whether furniture hides the joint.
    """
    known = np.logical_not(np.isnan(keypoints).any(axis=-1))
    if not known.any():
        return Figure([], keypoints[known], 0.0)
    unseen = np.zeros(len(keypoints), bool) if hidden is None else np.asarray(hidden, bool)
    # Small people get thinner limbs, or they would be blobs.
    side = float(np.nanmax(np.ptp(keypoints[known], axis=0)))
    radius = max(0.9, min(unit, side * 0.02)) * look.width
    outline = max(0.7, radius * 0.42)
    head = head_of(keypoints)
    limbs = [(a, b) for a, b in sk.LIMBS if known[a] and known[b] and (a, b) != (sk.UPPER_NECK, sk.HEAD_TOP)]
    shapes: list[Shape] = []
    for a, b in limbs:
        shapes += _limb(keypoints, (a, b), unseen, radius * limb_width((a, b)), outline, INK)
    if head is not None:
        centre, half, across = head
        # Down to the chin and no further, or it would shine through a ring.
        neck = np.stack([keypoints[sk.UPPER_NECK], centre - half])
        # Filled on the best pose only: behind it, rings keep what they lie over visible.
        ring = radius if look.opacity < 1 or unseen[[sk.UPPER_NECK, sk.HEAD_TOP]].all() else 0.0
        shapes.append(Limb(neck, radius * _WIDTH["arm"] + outline, INK))
        shapes.append(Head(centre, half, across, outline, INK, ring + outline if ring else 0.0))
    if known[list(_TORSO)].all():
        alpha = 50 if unseen[list(_TORSO)].all() else 130
        shapes.append(Trunk(keypoints[list(_TORSO)], shade(colour, INK, 0.15), alpha))
    for a, b in sorted(limbs, key=lambda pair: pair[0] in _LEFT or pair[1] in _LEFT):
        width = radius * limb_width((a, b))
        shapes += _limb(keypoints, (a, b), unseen, width, outline, limb_colour((a, b), colour), inner=True)
    if head is not None:
        shapes.append(Limb(neck, radius * _WIDTH["arm"], colour))
        shapes.append(Head(centre, half, across, 0.0, shade(colour, WHITE, 0.12), ring))
    for joint in np.flatnonzero(known & ~unseen):
        if joint not in (sk.HEAD_TOP, sk.PELVIS, sk.THORAX, sk.UPPER_NECK):
            shapes.append(Dot(keypoints[joint], radius * 0.55, shade(colour, WHITE, 0.85), int(joint)))
    return Figure(shapes, keypoints[known], radius)


def _limb(
    keypoints: NDArray,
    joints: tuple[int, int],
    unseen: NDArray,
    radius: float,
    outline: float,
    colour: Colour,
    inner: bool = False,
) -> list[Limb]:
    """One limb's outline, or with ``inner`` what fills it: a line, or two halves if one end is hidden."""
    a, b = joints
    width = radius if inner else radius + outline
    ends = keypoints[[a, b]]
    if not (unseen[a] or unseen[b]):
        return [Limb(ends, width, colour)]
    dash = (2.2 * radius, 0.8 * radius + 2 * (radius + outline))
    if unseen[a] and unseen[b]:
        return [Limb(ends, width, colour, dash)]
    middle = ends.mean(0)
    seen, lost = (a, b) if unseen[b] else (b, a)
    # The first dash would touch the solid half: it begins a gap further.
    gap = dash[1] / max(float(np.hypot(*(keypoints[lost] - middle))), 1e-9)
    start = middle + (keypoints[lost] - middle) * min(1.0, gap)
    return [
        Limb(np.stack([keypoints[seen], middle]), width, colour),
        Limb(np.stack([start, keypoints[lost]]), width, colour, dash),
    ]
