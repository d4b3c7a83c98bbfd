"""What raters see: one pose over its scene, drawn alike for every source.

One colour for all (elsewhere colours tell templates apart), no mark, no metadata; a pair is sent padded to
the same number of bytes, so that neither name, size nor timing says which method a side shows.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from scenepose.picture import draw
from scenepose.picture.images import Picture

#: Longest side, pixels: sharp on a phone in portrait and on half a desktop.
LONGEST = 900
#: The palette's entry that stands out best from rooms.
COLOUR = 3


def figure(picture: Picture, keypoints: NDArray[np.float32]) -> bytes:
    """A JPEG of the scene with one person; keypoints (16, 2) in pixels of the original picture."""
    # Imported here: predictor brings PyTorch, which a server that only shows pictures can do without.
    from scenepose.predict.generator import Pose

    factor = LONGEST / max(picture.width, picture.height)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    image = draw.overlay(picture, [Pose(keypoints=keypoints, template=COLOUR)], size=size, badges=False)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88, subsampling=0)
    return buffer.getvalue()


def turned(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same pose upside down in the same box."""
    low, high = np.nanmin(keypoints[:, 1]), np.nanmax(keypoints[:, 1])
    upside_down = keypoints.copy()
    upside_down[:, 1] = low + high - keypoints[:, 1]
    return upside_down


def padded(picture: bytes, length: int) -> bytes:
    """The same JPEG, longer: decoders stop at its end mark and never look at what follows."""
    return picture.ljust(length, b"\0")
