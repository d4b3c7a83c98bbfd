"""Training pictures, decoded once: decoding costs more than everything else done to a picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image

from scenepose.data.sources import Source


class Pictures:
    """The pictures of a source's frames that have points, as bytes in memory.

    They lie in one tensor, made before the loader's processes start: these share its memory.

    Args:
        gigabytes: no more than this is kept; what is beyond it is decoded each time.
    """

    def __init__(self, source: Source, gigabytes: float) -> None:
        self._source = source
        self._places: dict[int, tuple[int, int, int]] = {}  # frame -> first byte, height, width
        room = int(gigabytes * 1e9)
        used = np.unique(source.samples.point_frames)
        # A frame's size in the samples says how many bytes its picture takes, at most.
        sizes = source.samples.frame_sizes[used].astype(np.int64).prod(1) * 3
        kept = used[np.cumsum(sizes) <= room]
        with ThreadPoolExecutor() as pool:
            arrays = list(pool.map(lambda frame: np.asarray(source.picture(int(frame))), kept))
        first = 0
        for frame, array in zip(kept, arrays, strict=True):
            self._places[int(frame)] = (first, array.shape[0], array.shape[1])
            first += array.size
        flat = np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(0, np.uint8)
        self._bytes = torch.from_numpy(flat)

    def picture(self, frame: int) -> Image.Image:
        """The RGB picture of a frame, by its row in the samples' frame table."""
        if frame not in self._places:
            return self._source.picture(frame)
        first, height, width = self._places[frame]
        values = self._bytes[first : first + height * width * 3].numpy()
        return Image.fromarray(values.reshape(height, width, 3))
