"""RGB-D frames: a picture with depth, labels, a camera and gravity, whatever it was made by.

Camera frame: x right, y down, z forward, metres. World frame: z up, the floor at z = 0, metres. Pixel
coordinates are continuous, (0, 0) the outer corner of the first pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Indices of the 40 NYUv2 classes that the placer asks about.
WALL, FLOOR, CABINET, BED, CHAIR, SOFA, TABLE = 0, 1, 2, 3, 4, 5, 6
COUNTER, DESK, PILLOW, FLOOR_MAT, CEILING, PERSON = 11, 13, 17, 19, 21, 30


@dataclass(frozen=True)
class Frame:
    """One picture of a room with what is known of its space.

    Attributes:
        name: unique within its source.
        place: the room; frames of one place never appear in two splits.
        depth: (H, W) float32 metres along the optical axis, 0 where unknown.
        labels: (H, W) uint8, NYUv2's 40 classes from 0.
        intrinsics: (3, 3) for continuous pixel coordinates.
        world_to_camera: (4, 4) rigid transform.
        picture: loads the RGB picture, (H, W) like the depth.
    """

    name: str
    place: str
    depth: NDArray
    labels: NDArray
    intrinsics: NDArray
    world_to_camera: NDArray
    picture: Callable[[], Image.Image]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.depth.shape[1], self.depth.shape[0]

    @property
    def camera_position(self) -> NDArray:
        """(3,) where the camera stands in the world."""
        rotation = self.world_to_camera[:3, :3]
        return -rotation.T @ self.world_to_camera[:3, 3]

    def project(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """World points (..., 3) to pixels (..., 2) and depth (...); pixels are NaN behind the camera."""
        camera = points @ self.world_to_camera[:3, :3].T + self.world_to_camera[:3, 3]
        depth = camera[..., 2]
        ahead = np.where(depth > 1e-3, depth, np.nan)
        pixels = camera @ self.intrinsics.T
        return pixels[..., :2] / ahead[..., None], depth

    def rays(self, pixels: NDArray) -> NDArray:
        """Directions (..., 3) in the world through pixels (..., 2), of unit depth along the optical axis."""
        homogeneous = np.concatenate([pixels, np.ones_like(pixels[..., :1])], -1)
        camera = homogeneous @ np.linalg.inv(self.intrinsics).T
        return camera @ self.world_to_camera[:3, :3]

    def lift(self) -> NDArray:
        """(H, W, 3) world points of every pixel; NaN where the depth is unknown."""
        width, height = self.size
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        rays = self.rays(np.stack([x, y], -1))
        depth = np.where(self.depth > 0, self.depth, np.nan)
        return self.camera_position + rays * depth[..., None]

    def depth_at(self, pixels: NDArray) -> NDArray:
        """Depth (...) of the surface seen at pixels (..., 2); NaN outside the picture or where unknown."""
        width, height = self.size
        safe = np.nan_to_num(pixels, nan=-1.0, posinf=-1.0, neginf=-1.0).clip(-1, max(width, height))
        x, y = np.floor(safe[..., 0]).astype(int), np.floor(safe[..., 1]).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        seen = self.depth[y.clip(0, height - 1), x.clip(0, width - 1)]
        return np.where(inside & (seen > 0), seen, np.nan)
