"""Where people fit: the best compatibility score at every place of a coarse grid over a scene."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.picture.images import Picture
from scenepose.predict.generator import BATCH, Scene


def grid(width: int, height: int, columns: int) -> NDArray[np.float64]:
    """Centres of square cells that cover a picture: (rows, columns, 2) = (x, y) in pixels."""
    rows = max(1, round(columns * height / width))
    x = (np.arange(columns) + 0.5) * width / columns
    y = (np.arange(rows) + 0.5) * height / rows
    return np.stack(np.meshgrid(x, y), axis=-1)


def affordance_map(
    scene: Scene, columns: int = 24, progress: Callable[[int], object] | None = None
) -> NDArray:
    """How well anybody fits at each cell of a grid.

    Args:
        scene: encoded once; a point costs its windows and what its scores need, and no pose.
        columns: cells across the picture; the rows follow from its shape.
        progress: called with the number of points just finished.

    Returns:
        (rows, columns) float32 in [0, 1]: the largest compatibility score of any template.

    Raises:
        RequestError: the method gives no compatibility scores.
    """
    places = grid(scene.width, scene.height, columns)
    points = places.reshape(-1, 2)
    scores = np.empty(len(points), np.float32)
    for first in range(0, len(points), BATCH):
        part = points[first : first + BATCH]
        scores[first : first + BATCH] = scene.compatibility(part).max(-1)
        if progress:
            progress(len(part))
    return scores.reshape(places.shape[:2])


def paint(picture: Picture, scores: NDArray) -> Image.Image:
    """The scene under its map: bright and warm where people fit, darkened where nobody does."""
    # Imported here: the colour map is all that is wanted of matplotlib.
    from matplotlib import colormaps

    size = picture.image.size
    grey = Image.fromarray((scores.clip(0, 1) * 255).round().astype(np.uint8))
    smooth = np.asarray(grey.resize(size, Image.Resampling.BICUBIC), np.float32) / 255
    colour = colormaps["inferno"](smooth)[..., :3] * 255
    weight = 0.35 + 0.3 * smooth[..., None]
    mixed = np.asarray(picture.image, np.float32) * (1 - weight) + colour * weight
    return Image.fromarray(mixed.round().clip(0, 255).astype(np.uint8))
