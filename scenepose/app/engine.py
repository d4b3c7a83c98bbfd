"""What all visitors of the demo share: the model, loaded in the background, and the last scenes, encoded."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenepose.errors import PictureError

if TYPE_CHECKING:
    from scenepose.predictor import Generator, Scene

#: Encoded scenes that are kept: 3 MB each for photos of 1000 pixels, up to 70 MB for the largest.
SCENES = 32


class Engine:
    """The model and the scenes; every method may be called from any thread."""

    def __init__(self, checkpoint: Path | None = None):
        self._checkpoint = checkpoint
        self._generator: Future[Generator] = Future()
        self._scenes: OrderedDict[str, Scene] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Load the model in the background; PyTorch is imported there too, so that pages come first."""
        threading.Thread(target=self._load, name="load-model", daemon=True).start()

    def _load(self) -> None:
        try:
            import scenepose

            generator = scenepose.load(checkpoint=self._checkpoint)
            # The first pass through a network is slow (memory, kernels): let it not be a visitor's.
            generator.encode(np.zeros((224, 224, 3), np.uint8)).generate((112, 112))
            self._generator.set_result(generator)
        except BaseException as error:
            self._generator.set_exception(error)

    @property
    def folder(self) -> Path | None:
        """Where the compared methods' weights are: beside the main one's own."""
        return self._checkpoint.parent if self._checkpoint else None

    def generator(self) -> Generator:
        """The model; waits for it while it loads.

        Raises:
            ScenePoseError: it could not be loaded.
        """
        return self._generator.result()

    def scene(self, path: Path) -> Scene:
        """The encoded picture of a file, from memory where its contents were seen lately.

        Raises:
            PictureError: the file is gone or is no picture.
        """
        try:
            key = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise PictureError("this picture is no longer on the server; please load it again") from error
        with self._lock:
            if key in self._scenes:
                self._scenes.move_to_end(key)
                return self._scenes[key]
        scene = self.generator().encode(path)
        with self._lock:
            self._scenes[key] = scene
            while len(self._scenes) > SCENES:
                self._scenes.popitem(last=False)
        return scene
