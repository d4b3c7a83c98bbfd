"""The pictures that visitors look at, by keys that a browser may name, and the turns at the processor.

A key says where a picture comes from: "scene:NAME" is bundled, "room:NUMBER" one of `known_scenes`,
"photo:HASH" a visitor's own.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio.utils import get_upload_folder
from PIL import Image

from scenepose.app import files
from scenepose.app.engine import Engine
from scenepose.app.known import known_file, known_scenes
from scenepose.assets import BundledScene
from scenepose.errors import PictureError, RequestError

if TYPE_CHECKING:
    from scenepose.predict.generator import Scene

#: Visitors' own pictures that are remembered; the oldest is forgotten first.
REMEMBERED = 2000
GONE = "this picture is no longer on the server; please load it again"


@dataclass(frozen=True)
class Source:
    """A picture's file, what people know it by, and the name that a link may use (bundled ones only)."""

    key: str
    path: Path
    name: str
    link: str | None = None


class Turns:
    """One computation after another; clicks go before what happens in the background."""

    def __init__(self) -> None:
        self._lock, self._idle = threading.Lock(), threading.Condition()
        self._clicks = 0

    @contextmanager
    def click(self) -> Iterator[None]:
        """A visitor waits for this."""
        with self._idle:
            self._clicks += 1
        try:
            with self._lock:
                yield
        finally:
            with self._idle:
                self._clicks -= 1
                self._idle.notify_all()

    @contextmanager
    def background(self) -> Iterator[None]:
        """Nobody waits for this: it begins when no click is at work, and should be short."""
        with self._idle:
            self._idle.wait_for(lambda: self._clicks == 0)
        with self._lock:
            yield


class Pictures:
    """Which pictures there are; every method may be called from any thread."""

    def __init__(self, engine: Engine, bundled: list[BundledScene]):
        self.engine = engine
        self.turns = Turns()
        self.bundled = {f"scene:{scene.name}": scene for scene in bundled}
        self._photos: OrderedDict[str, Source] = OrderedDict()
        self._shown: dict[str, str] = {}
        self._coming: dict[str, Future[Scene]] = {}
        self._lock = threading.Lock()

    def source(self, key: Any) -> Source:
        """The picture of a key.

        Raises:
            PictureError: it has been forgotten. RequestError: there is no such key.
        """
        if not isinstance(key, str):
            raise RequestError(f"a picture is named by a text, not by {key!r}")
        if scene := self.bundled.get(key):
            return Source(key, scene.path, scene.path.name, scene.name)
        kind, _, name = key.partition(":")
        if kind == "photo":
            with self._lock:
                if key not in self._photos:
                    raise PictureError(GONE)
                self._photos.move_to_end(key)
                return self._photos[key]
        if kind == "room" and name.isdecimal() and int(name) < len(known_scenes()):
            path = known_file(int(name))
            return Source(key, path, path.name)
        raise RequestError(f"there is no picture {key[:60]!r}")

    def add(self, path: Any, name: Any) -> Source:
        """A visitor's own picture, which gradio's upload put at ``path``; ``name`` is what it was called.

        Raises:
            RequestError: the path is not that of an upload.
        """
        file = Path(str(path)).resolve()
        if not file.is_file() or not file.is_relative_to(Path(get_upload_folder()).resolve()):
            raise RequestError("pictures are uploaded first, and this one was not")
        key = f"photo:{hashlib.sha256(file.read_bytes()).hexdigest()[:32]}"
        source = Source(key, file, plain_name(name) or file.name)
        with self._lock:
            self._photos[key] = source
            self._photos.move_to_end(key)
            while len(self._photos) > REMEMBERED:
                self._photos.popitem(last=False)
        return source

    def shown(self, source: Source) -> str:
        """The file that a browser shows: upright, in a format and at a size that every browser can."""
        if source.key in self.bundled:
            return str(source.path)
        with self._lock:
            path = self._shown.get(source.key)
        if path is None or not Path(path).is_file():
            picture = self.engine.picture(source.path)
            size = files.served_size(picture.width, picture.height)
            path = files.serve(picture.image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
            with self._lock:
                self._shown[source.key] = path
        return path

    def scene(self, source: Source) -> Scene:
        """The encoded picture; of several who ask at once, one encodes and the others wait.

        Raises:
            PictureError: the file is gone or is not a picture.
        """
        if kept := self.engine.kept(source.path):
            return kept
        with self._lock:
            coming = self._coming.get(source.key)
            if mine := coming is None:
                coming = self._coming[source.key] = Future()
        if not mine:
            return coming.result()
        try:
            self.engine.generator()  # the model may still be loading; nobody else should wait for that
            with self.turns.click():
                coming.set_result(self.engine.scene(source.path))
        except BaseException as error:
            coming.set_exception(error)
        with self._lock:
            del self._coming[source.key]
        return coming.result()

    def encode_soon(self, source: Source) -> None:
        """Begin to encode a picture that was just chosen; what goes wrong is told by the first click."""

        def work() -> None:
            try:
                self.scene(source)
            except Exception:
                return

        threading.Thread(target=work, name="encode", daemon=True).start()


def plain_name(name: Any) -> str:
    """A file's name as its owner wrote it, without folders and unprintable letters."""
    text = str(name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in text if letter.isprintable()).strip()[:120]
