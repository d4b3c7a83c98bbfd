"""The views: right place, right scale, mean colour outside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from scenepose.geometry import View, global_view, local_view
from scenepose.views import MEAN, STD, crop, uncrop


def ramp(width: int = 200, height: int = 100) -> Image.Image:
    """A picture whose red says x and whose green says y (0 to 250)."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width * 250, (np.arange(height) + 0.5) / height * 250)
    return Image.fromarray(np.stack([x, y, np.zeros_like(x)], -1).round().astype(np.uint8))


def colours(view: torch.Tensor) -> np.ndarray:
    """Colours 0 to 255, (S, S, 3)."""
    return (view.permute(1, 2, 0).numpy() * np.array(STD) + np.array(MEAN)) * 255


def test_whole_picture_is_stretched_to_the_square() -> None:
    seen = colours(crop(ramp(), global_view(200, 100), 50))
    centres = (np.arange(50) + 0.5) / 50 * 250
    assert np.abs(seen[5:-5, 5:-5, 0] - centres[5:-5]).max() < 2
    assert np.abs(seen[5:-5, 5:-5, 1] - centres[5:-5, None]).max() < 2


def test_outside_is_zero_and_inside_keeps_its_place() -> None:
    view = crop(ramp(), local_view((20, 50), 100), 64)  # reaches 30 of its 100 pixels to the left
    edge = int(np.ceil(0.3 * 64))
    assert (view[:, :, :edge] == 0).all()
    columns = (np.arange(edge, 64) + 0.5) / 64 * 100 - 30
    seen = colours(view)[10:-10, edge + 2 : -2, 0]
    assert np.abs(seen - columns[2:-2] / 200 * 250).max() < 2


def test_view_beside_the_picture_is_empty() -> None:
    assert (crop(ramp(), View(-300, -300, -200, -200), 32) == 0).all()


def test_no_aliasing_when_shrinking() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    seen = colours(crop(Image.fromarray(stripes), global_view(400, 400), 40))
    assert np.abs(seen - 127.5).max() < 8


def test_uncrop_shows_what_was_cropped() -> None:
    picture = ramp(64, 64)
    again = np.asarray(uncrop(crop(picture, global_view(64, 64), 64)), int)
    assert np.abs(again - np.asarray(picture, int)).max() <= 1


def test_refuses_grey_pictures_and_empty_views() -> None:
    with pytest.raises(ValueError, match="mode is L"):
        crop(Image.new("L", (20, 20)), View(0, 0, 10, 10))
    with pytest.raises(ValueError, match="no area"):
        crop(ramp(), View(10, 0, 10, 10))
