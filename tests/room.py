"""A small made-up room for the placer's tests: floor, back wall, a sofa with a backrest, a table."""

from __future__ import annotations

import numpy as np
from PIL import Image

from scenepose.data import frames
from scenepose.data.frames import Frame
from scenepose.data.nyu import transform_from_up

WIDTH, HEIGHT = 320, 240

#: Boxes (low corner, high corner, label), metres; the camera stands at the origin and looks along +y.
SOFA_SEAT = ((-0.4, 3.2, 0.0), (1.4, 3.75, 0.45), frames.SOFA)
SOFA_BACK = ((-0.4, 3.75, 0.0), (1.4, 3.98, 0.95), frames.SOFA)
TABLE = ((-1.9, 2.6, 0.0), (-1.1, 3.4, 0.45), frames.TABLE)
WALL = ((-4.0, 4.0, 0.0), (4.0, 4.3, 3.0), frames.WALL)
BOXES = (SOFA_SEAT, SOFA_BACK, TABLE, WALL)


def camera() -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics and world-to-camera of a camera 1.4 m above the floor, looking down by 12 degrees."""
    intrinsics = np.array([[260.0, 0, WIDTH / 2], [0, 260.0, HEIGHT / 2], [0, 0, 1]])
    pitch = np.radians(12)
    return intrinsics, transform_from_up(np.array([0.0, -np.cos(pitch), -np.sin(pitch)]), 1.4)


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
