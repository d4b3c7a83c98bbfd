"""What all visitors of the demo share: the model, loaded in the background, and the last scenes, encoded."""

from __future__ import annotations

import hashlib
import sys
import threading
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache

from scenepose import methods
from scenepose.errors import CheckpointError, PictureError
from scenepose.picture import images
from scenepose.predict.compare import Compared

if TYPE_CHECKING:
    from scenepose.picture.images import Picture
    from scenepose.predict.generator import Generator, Scene

#: Bytes of encoded scenes that are kept: a photo of 1000 pixels has some 6 MB, the largest ones 80 MB.
MEMORY = 10**9


class Engine:
    """The model and the scenes; every method may be called from any thread."""

    def __init__(self, checkpoint: Path | None = None, memory: int = MEMORY):
        """``memory``: bytes of scenes that are kept; the last one always is."""
        self._checkpoint = checkpoint
        self._generator: Future[Generator] = Future()
        # One that is larger than all the memory counts as filling it, and is kept alone.
        self._scenes: LRUCache[str, Scene] = LRUCache(memory, lambda scene: min(scene.nbytes, memory))
        self._lock = threading.Lock()

    def start(self) -> None:
        """Load the model in the background; PyTorch is imported there too, so that pages come first.

        Weights that are damaged or missing are told on stderr.
        """
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
            _say(f"{error or type(error).__name__}; the demo goes on without a model")
        else:
            for complaint in self.complaints():
                _say(complaint)

    def complaints(self) -> list[str]:
        """What is wrong with the compared methods' weights, a sentence each; waits for the model."""
        from scenepose.methods.checkpoint import read_head_file

        encoder = self.generator().fingerprint
        found = []
        if lacking := methods.missing(self.folder):
            found.append(f"there are no weights of {', '.join(lacking)}: the Compare tab leaves them out")
        for name in methods.available(self.folder):
            if name == "scenepose":
                continue
            path = methods.weights(name, self.folder)
            try:
                if (own := read_head_file(path).encoder) != encoder:
                    found.append(f"{path} was trained on the encoder {own}, and this one is {encoder}")
            except CheckpointError as error:
                found.append(str(error))
        return found

    @property
    def folder(self) -> Path | None:
        """Where the compared methods' weights are: beside the main one's own."""
        if self._checkpoint is None or self._checkpoint.is_dir():
            return self._checkpoint
        return self._checkpoint.parent

    def generator(self) -> Generator:
        """The model; waits for it while it loads.

        Raises:
            ScenePoseError: it could not be loaded.
        """
        return self._generator.result()

    @cached_property
    def compared(self) -> Compared:
        """The methods to compare, loaded as they are asked for; waits for the main one."""
        return Compared(self.generator(), self.folder)

    def scene(self, path: Path) -> Scene:
        """The encoded picture of a file, from memory where its contents were seen lately.

        Raises:
            PictureError: the file is gone or is no picture.
        """
        key = _key(path)
        if kept := self._kept(key):
            return kept
        scene = self.generator().encode(path)
        with self._lock:
            self._scenes[key] = scene
        return scene

    def kept(self, path: Path) -> Scene | None:
        """The encoded picture of a file, where it is in memory.

        Raises:
            PictureError: the file is gone.
        """
        return self._kept(_key(path))

    def picture(self, path: Path) -> Picture:
        """The picture of a file, without the model.

        Raises:
            PictureError: the file is gone or is no picture.
        """
        kept = self.kept(path)
        return kept.picture if kept else images.read(path)

    def _kept(self, key: str) -> Scene | None:
        with self._lock:
            return self._scenes.get(key)


def _key(path: Path) -> str:
    """What tells a file's contents from others'."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise PictureError("this picture is no longer on the server; please load it again") from error


def _say(text: str) -> None:
    """One line for whoever started the demo."""
    print(f"scenepose: {' '.join(text.split())}", file=sys.stderr, flush=True)
