"""NYUv2's official ``nyu_depth_v2_labeled.mat``: the same frames as the folder's.

The file (HDF5) holds 1,449 frames with 894 label names; only the classes that the placer asks about are
told apart here, everything else is "other". Split and place come from the bundled index of the frames
without people.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.assets import assets
from scenepose.data import frames as classes
from scenepose.data.frames import Frame
from scenepose.data.nyu import (BORDER, Entry, make_frame, read_index)

_OTHER = 39
#: Names of the 894 label classes that belong to one of the placer's classes.
_CLASS_OF_NAME = {
    "wall": classes.WALL, "floor": classes.FLOOR, "floor mat": classes.FLOOR_MAT, "rug": classes.FLOOR_MAT,
    "cabinet": classes.CABINET, "bed": classes.BED, "chair": classes.CHAIR, "sofa": classes.SOFA,
    "table": classes.TABLE, "coffee table": classes.TABLE, "counter": classes.COUNTER, "desk": classes.DESK,
    "pillow": classes.PILLOW, "ceiling": classes.CEILING, "person": classes.PERSON,
    "ottoman": 38, "bench": 38, "stool": 38,
}  # fmt: skip


class NYUMat:
    """The official file; the same methods as `scenepose.data.nyu.NYUFolder`."""

    def __init__(self, path: Path) -> None:
        try:
            import h5py
        except ImportError as error:
            raise ImportError(
                "reading nyu_depth_v2_labeled.mat needs h5py: pip install 'scenepose[train]'"
            ) from error
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ValueError(f"{path} is no nyu_depth_v2_labeled.mat: {error}") from error
        missing = [key for key in ("images", "depths", "labels", "names") if key not in self._file]
        if missing:
            raise ValueError(f"{path} is no nyu_depth_v2_labeled.mat: it lacks {', '.join(missing)}")
        references = np.asarray(self._file["names"]).ravel()
        names = ["".join(map(chr, np.asarray(self._file[reference]).ravel())) for reference in references]
        self._class_of_label = np.array(
            [_OTHER] + [_CLASS_OF_NAME.get(name, _OTHER) for name in names], np.uint8
        )
        count = len(self._file["images"])  # pyright: ignore[reportArgumentType]
        index = read_index(assets() / "samples" / "nyu-index.csv")
        self.entries = [entry for entry in index if int(entry.name) <= count]
        #: The file does not say which way is up.
        self.ups: dict[str, NDArray] = {}

    def _read(self, key: str, name: str) -> NDArray:
        # MATLAB's arrays are column-major: (N, [3,] width, height) here.
        array = np.asarray(self._file[key][int(name) - 1])  # pyright: ignore[reportIndexIssue]
        array = np.moveaxis(array, -1, -2)
        return array[..., BORDER:-BORDER, BORDER:-BORDER]

    def picture(self, name: str) -> Image.Image:
        """The RGB photograph of a frame, cropped of its border."""
        return Image.fromarray(np.moveaxis(self._read("images", name), 0, -1).astype(np.uint8))

    def frame(self, entry: Entry) -> Frame | None:
        """One frame; None where gravity cannot be found."""
        labels = self._class_of_label[self._read("labels", entry.name)]
        depth = self._read("depths", entry.name).astype(np.float32)
        return make_frame(entry, depth, labels, lambda: self.picture(entry.name))

    def frames(self, split: str) -> Iterator[Frame]:
        """The frames of a split, in the index's order."""
        for entry in self.entries:
            if entry.split == split and (frame := self.frame(entry)) is not None:
                yield frame
