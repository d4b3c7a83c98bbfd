"""The pose picture on black that image generators take, as ControlNet's own annotator draws it.

Its published tables (lllyasviel/ControlNet, annotator/openpose, and Mikubill/sd-webui-controlnet,
annotator/openpose/util.py): 18 joints, 17 limbs, 18 colours; a limb is an ellipse along it, 4 pixels wide to
each side, in its colour at 60 %, later ones over earlier ones; a joint is a circle of radius 4 over all limbs
of its person. Nothing is smoothed at the edges. The annotator works at 512 pixels on the shorter side; larger
pictures get sticks and circles larger by the same factor, so that a generator sees the same at its own size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenepose.errors import RequestError
from scenepose.export.answer import Answer
from scenepose.export.openpose import joints_in_picture

#: Limbs in the order in which they are drawn: pairs of 0-based joints. The n-th has the n-th colour.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
#: One for each joint, in the order of OpenPose's joints; RGB.
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
#: How bright limbs are beside joints.
LIMB_SHADE = 0.6
#: Half width of limbs and radius of joints, pixels, at this shorter side.
RADIUS, REFERENCE = 4, 512
#: Shorter sides that can be asked for, pixels; None is the photo's own size.
SIDES = (512, 768, 1024)


def side_of(text: str) -> int | None:
    """A shorter side as people write it: "photo" (None) or one of `SIDES`.

    Raises:
        RequestError: it is something else.
    """
    if text == "photo":
        return None
    if text in map(str, SIDES):
        return int(text)
    raise RequestError(f"a pose picture's size is photo, 512, 768 or 1024, not {text}")


def size_of(width: int, height: int, side: int | None = None) -> tuple[int, int]:
    """The size of the pose picture of a photo: its own, or ``side`` pixels on the shorter side.

    The longer side is the nearest multiple of 8 then, which is what image generators can make.
    """
    if side is None:
        return width, height
    factor = side / min(width, height)
    longer = max(side, round(max(width, height) * factor / 8) * 8)
    return (side, longer) if width < height else (longer, side)


def draw(answer: Answer, side: int | None = None) -> Image.Image:
    """The people who are in the scene together, on black.

    Args:
        side: the shorter side in pixels; by default the picture is as large as the photo.
    """
    size = size_of(answer.width, answer.height, side)
    canvas = Image.new("RGB", size)
    factor = np.array([size[0] / answer.width, size[1] / answer.height])
    radius = round(RADIUS * max(1.0, min(size) / REFERENCE))
    for person in answer.present():
        joints = joints_in_picture(person.keypoints, answer.width, answer.height)
        # Like the annotator, which draws around the middle of the pixel that a joint is in.
        joints[:, :2] = np.floor(joints[:, :2] * factor)
        _draw_person(ImageDraw.Draw(canvas), joints, radius)
    return canvas


def _draw_person(brush: ImageDraw.ImageDraw, joints: NDArray, radius: int) -> None:
    """One person by its (18, 3) joints in pixels of the canvas."""
    there = joints[:, 2] > 0
    for (a, b), colour in zip(LIMBS, COLOURS, strict=False):
        if there[a] and there[b]:
            shade = tuple(int(part * LIMB_SHADE) for part in colour)
            brush.polygon(_ellipse(joints[a, :2], joints[b, :2], radius), fill=shade)
    for (x, y, confidence), colour in zip(joints, COLOURS, strict=True):
        if confidence:
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _ellipse(start: NDArray, end: NDArray, radius: int) -> list[tuple[int, int]]:
    """The ellipse whose long axis is the limb, as a polygon."""
    along = (end - start) / 2
    length = float(np.hypot(*along))
    across = np.array([-along[1], along[0]]) / max(length, 1e-9) * radius
    angles = np.deg2rad(np.arange(0, 360, 3))[:, None]
    edge = (start + end) / 2 + np.cos(angles) * along + np.sin(angles) * across
    return [(round(float(x)), round(float(y))) for x, y in edge]
