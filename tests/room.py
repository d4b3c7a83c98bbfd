"""Small made-up rooms for the placer's tests: a sofa with a backrest and a table; a bed and a counter."""

from __future__ import annotations

import numpy as np
from PIL import Image

from scenepose.data import frames
from scenepose.data.frames import Frame
from scenepose.data.ground import transform_from_up
from train.world.place.solids import Mesh

WIDTH, HEIGHT = 320, 240

#: Boxes (low corner, high corner, label), metres; the camera stands at the origin and looks along +y.
SOFA_SEAT = ((-0.4, 3.2, 0.0), (1.4, 3.75, 0.45), frames.SOFA)
SOFA_BACK = ((-0.4, 3.75, 0.0), (1.4, 3.98, 0.95), frames.SOFA)
TABLE = ((-1.9, 2.6, 0.0), (-1.1, 3.4, 0.45), frames.TABLE)
WALL = ((-4.0, 4.0, 0.0), (4.0, 4.3, 3.0), frames.WALL)
BOXES = (SOFA_SEAT, SOFA_BACK, TABLE, WALL)

BED = ((-1.3, 1.9, 0.0), (0.3, 3.95, 0.5), frames.BED)
PILLOW = ((-1.1, 3.5, 0.5), (0.1, 3.9, 0.58), frames.PILLOW)
COUNTER = ((0.9, 3.4, 0.0), (2.6, 4.0, 0.9), frames.COUNTER)
BEDROOM = (BED, PILLOW, COUNTER, WALL)


def camera() -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics and world-to-camera of a camera 1.4 m above the floor, looking down by 12 degrees."""
    intrinsics = np.array([[260.0, 0, WIDTH / 2], [0, 260.0, HEIGHT / 2], [0, 0, 1]])
    pitch = np.radians(12)
    return intrinsics, transform_from_up(np.array([0.0, -np.cos(pitch), -np.sin(pitch)]), 1.4)


def make_mesh(boxes: tuple = BOXES) -> Mesh:
    """The boxes and a floor as triangles."""
    corners, faces, labels = [], [], []
    # Floor only where the camera looks: the room is quickly read.
    sides = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))
    for low, high, label in (*boxes, ((-4.0, -0.5, -0.1), (4.0, 4.3, 0.0), frames.FLOOR)):
        first = len(corners)
        corners += [
            [(low, high)[x][0], (low, high)[y][1], (low, high)[z][2]]
            for x in (0, 1)
            for y in (0, 1)
            for z in (0, 1)
        ]
        for a, b, c, d in sides:
            faces += [[first + a, first + b, first + c], [first + a, first + c, first + d]]
            labels += [label, label]
    return Mesh(np.array(corners, np.float32), np.array(faces, np.int32), np.array(labels, np.uint8))


def depth_in(points: np.ndarray, boxes: tuple) -> np.ndarray:
    """How deep places (..., 3) lie in the deepest box, metres; negative: the distance to the nearest box."""
    found = []
    for low, high, _ in boxes:
        beyond = np.maximum(np.array(low) - points, points - np.array(high))
        outside = np.linalg.norm(beyond.clip(0), axis=-1)
        found.append(np.where(outside > 0, -outside, -beyond.max(-1)))
    return np.max(found, axis=0)


def make_room(boxes: tuple = BOXES, name: str = "made-up") -> Frame:
    """Ray-cast the boxes and the floor into depth and labels."""
    intrinsics, transform = camera()
    empty = np.zeros((HEIGHT, WIDTH), np.float32)
    frame = Frame(
        name, "place", empty, empty.astype(np.uint8), intrinsics, transform, lambda: Image.new("RGB", (1, 1))
    )
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays, eye = frame.rays(np.stack([x, y], -1)), frame.camera_position
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(rays[..., 2] < 0, -eye[2] / rays[..., 2], np.inf)
        labels = np.full(depth.shape, frames.FLOOR, np.uint8)
        for low, high, label in boxes:
            near, far = (np.array(low) - eye) / rays, (np.array(high) - eye) / rays
            enter = np.minimum(near, far).max(-1)
            leave = np.maximum(near, far).min(-1)
            hit = (enter < leave) & (enter > 0) & (enter < depth)
            depth, labels = np.where(hit, enter, depth), np.where(hit, label, labels).astype(np.uint8)
    depth = np.where(np.isfinite(depth) & (depth < 12), depth, 0).astype(np.float32)
    return Frame(
        name, "place", depth, labels, intrinsics, transform, lambda: Image.new("RGB", (WIDTH, HEIGHT))
    )
