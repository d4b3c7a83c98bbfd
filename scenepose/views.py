"""From a picture and a rectangle in it to the tensor that the network reads."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scenepose.geometry import View

#: Colour statistics of ImageNet, by which the backbone expects its input normalised.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_MEAN_255 = 255 * torch.tensor(MEAN)[:, None, None]
_STD_255 = 255 * torch.tensor(STD)[:, None, None]


def _covered(start: float, end: float, limit: int, size: int) -> tuple[int, int]:
    """First and last + 1 of the output pixels that lie wholly inside the picture, along one axis."""
    step = (end - start) / size
    first = max(0, math.ceil(-start / step - 1e-6))
    last = min(size, math.floor((limit - start) / step + 1e-6))
    return first, max(first, last)


def crop(picture: Image.Image, view: View, size: int = 224) -> Tensor:
    """Cut a view out of a picture, as the network sees it.

    Every output pixel averages the area of the picture that it covers (no aliasing when the view is larger
    than the output). Output pixels not wholly inside the picture are zero, the mean colour; so the part
    that is inside keeps its exact place and scale.

    Args:
        picture: RGB.
        view: rectangle in the picture's pixels; it may reach outside.
        size: sides of the output, pixels.

    Returns:
        (3, size, size) float32, ImageNet-normalised, contiguous.

    Raises:
        ValueError: the picture is not RGB, or the view has no area.
    """
    if picture.mode != "RGB":
        raise ValueError(f"a view is cut from an RGB picture, and this one's mode is {picture.mode}")
    if not (view.x1 > view.x0 and view.y1 > view.y0):
        raise ValueError(f"the view {tuple(view)} has no area")
    left, right = _covered(view.x0, view.x1, picture.width, size)
    top, bottom = _covered(view.y0, view.y1, picture.height, size)
    output = torch.zeros(3, size, size)
    if right == left or bottom == top:
        return output
    step_x, step_y = (view.x1 - view.x0) / size, (view.y1 - view.y0) / size
    region = (
        max(0.0, view.x0 + left * step_x),
        max(0.0, view.y0 + top * step_y),
        min(float(picture.width), view.x0 + right * step_x),
        min(float(picture.height), view.y0 + bottom * step_y),
    )
    part = picture.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=region)
    # Bytes are rearranged before they become floats: four times less memory to move.
    values = torch.from_numpy(np.array(part)).permute(2, 0, 1).contiguous()
    output[:, top:bottom, left:right].copy_(values).sub_(_MEAN_255).div_(_STD_255)
    return output


def uncrop(view: Tensor) -> Image.Image:
    """The picture of a normalised view (3, S, S), for looking at what the network sees."""
    values = (view * _STD_255 + _MEAN_255).round().clamp(0, 255)
    return Image.fromarray(values.permute(1, 2, 0).to(torch.uint8).numpy())
