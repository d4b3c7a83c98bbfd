"""Views cut from pixels: right position, right scale, mean colour outside; the same as Pillow's."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from scenepose.model.pixels import MEAN, STD, axis_weights, cut_views, normalised, square_boxes
from tests import tiny


def ramp(width: int = 200, height: int = 100) -> torch.Tensor:
    """A picture whose red says x and whose green says y (0 to 250)."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width * 250, (np.arange(height) + 0.5) / height * 250)
    return torch.from_numpy(np.stack([x, y, np.zeros_like(x)]).round().astype(np.uint8))


def cut(picture: torch.Tensor, box: tuple[float, float, float, float], size: int) -> torch.Tensor:
    return cut_views(picture, torch.tensor([box]), size)[0]


def colours(view: torch.Tensor) -> np.ndarray:
    """Colours 0 to 255, (S, S, 3)."""
    return (view.permute(1, 2, 0).numpy() * np.array(STD) + np.array(MEAN)) * 255


def test_whole_picture_is_stretched_to_the_square() -> None:
    seen = colours(cut(ramp(), (0, 0, 200, 100), 50))
    centres = (np.arange(50) + 0.5) / 50 * 250
    assert np.abs(seen[5:-5, 5:-5, 0] - centres[5:-5]).max() < 2
    assert np.abs(seen[5:-5, 5:-5, 1] - centres[5:-5, None]).max() < 2


def test_outside_is_zero_and_inside_keeps_its_position() -> None:
    (box,) = square_boxes(torch.tensor([[0.1, 0.5, 2.0]]), 100, 200, 1.0)
    assert box.tolist() == [-30, 0, 70, 100]
    view = cut_views(ramp(), box[None], 64)[0]  # reaches 30 of its 100 pixels to the left
    edge = int(np.ceil(0.3 * 64))
    assert (view[:, :, :edge] == 0).all()
    columns = (np.arange(edge, 64) + 0.5) / 64 * 100 - 30
    seen = colours(view)[10:-10, edge + 2 : -2, 0]
    assert np.abs(seen - columns[2:-2] / 200 * 250).max() < 2


def test_view_beside_the_picture_is_empty() -> None:
    assert (cut(ramp(), (-300, -300, -200, -200), 32) == 0).all()


def test_no_aliasing_when_shrinking() -> None:
    stripes = torch.zeros(3, 400, 400, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    assert np.abs(colours(cut(stripes, (0, 0, 400, 400), 40)) - 127.5).max() < 8


def test_a_view_is_the_one_that_pillow_cuts() -> None:
    picture = tiny.picture(96, 72)
    image = Image.fromarray(picture.permute(1, 2, 0).numpy())
    for box in ((10.0, 5.0, 60.0, 55.0), (0.0, 0.0, 96.0, 72.0), (20.5, 11.25, 52.5, 43.25)):
        theirs = image.resize((32, 32), Image.Resampling.BILINEAR, box=box)
        expected = normalised(torch.from_numpy(np.array(theirs)).permute(2, 0, 1))
        # A colour step is 0.0175; Pillow rounds twice.
        assert (cut(picture, box, 32) - expected).abs().max() < 0.03


def test_rows_of_weights_add_up_to_one_or_nothing() -> None:
    weights = axis_weights(torch.tensor([-20.0, 3.3]), torch.tensor([50.0, 9.1]), 40, 16)
    sums = weights.sum(-1)
    assert ((sums - 1).abs().lt(1e-5) | (sums == 0)).all()
    assert (sums[1] > 0).all()
    assert (sums[0, :4] == 0).all()
