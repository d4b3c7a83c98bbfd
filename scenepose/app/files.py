"""Files that go to and come from the browser.

What this process makes lies in a folder of its own, which goes when the process ends; what single visitors
got goes after a day.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component
from gradio.utils import get_upload_folder
from PIL import Image

#: Pictures are served with a longest side within this range (pixels): browsers never enlarge them.
SERVED = (1280, 1600)
#: Seconds between clean-ups, and the age from which files go.
CLEANING = (3600, 24 * 3600)

C = TypeVar("C", bound=Component)


def only_uploads(component: C) -> C:
    """Let a file component take nothing but uploads, of whatever name.

    gradio would also fetch any address that a client names; this demo goes nowhere. It would refuse a picture
    by its name, before anybody has looked into it; `images.read` decides by the content. And it would leave
    an empty file behind for each upload that is read. (The methods are replaced on the object because gradio
    writes a stub file beside every module that derives from a component.)
    """
    component.file_types = None  # pyright: ignore[reportAttributeAccessIssue]
    component.preprocess = lambda payload: payload.path if payload else None  # type: ignore[method-assign]
    keep = component.async_move_resource_to_block_cache

    async def keep_or_refuse(url_or_file_path: str | Path | None) -> str | None:
        if str(url_or_file_path).lower().startswith(("http:", "https:")):
            raise gr.Error("A picture is uploaded, not fetched from an address.", print_exception=False)
        return await keep(url_or_file_path)

    component.async_move_resource_to_block_cache = keep_or_refuse  # type: ignore[method-assign]
    return component


def served_size(width: int, height: int) -> tuple[int, int]:
    """The size that a picture is shown at: its own within `SERVED`, else brought there."""
    longest = max(width, height)
    factor = min(max(longest, SERVED[0]), SERVED[1]) / longest
    return max(1, round(width * factor)), max(1, round(height * factor))


def serve(image: Image.Image) -> str:
    """Write a picture where gradio serves it; its path.

    JPEG, because gradio's WebP takes ten times as long, and PNG a hundred times.
    """
    path = _fresh("scene.jpg")
    image.save(path, quality=92, subsampling=0)
    return str(path)


def download(name: str, write: Callable[[Path], Any]) -> str:
    """A file to download: ``write(path)`` fills it. Returns its path."""
    path = _fresh(name)
    write(path)
    return str(path)


def keep(name: str, write: Callable[[Path], Any]) -> Path:
    """A file that all visitors share: written when first asked for, kept as long as the process lives."""
    path = _folder().path / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)  # somebody may have tidied up
        part = path.with_name(f"{uuid.uuid4().hex}{path.suffix}")
        write(part)
        part.replace(path)
    return path


def _fresh(name: str) -> Path:
    place = _folder()
    place.clean()
    folder = place.answers / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name


class _Folder:
    """This process's own folder: ``answers`` of single visitors, and files for all of them beside it."""

    def __init__(self, parent: Path):
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="scenepose-", dir=parent)).resolve()
        self.answers = self.path / "answers"
        self.answers.mkdir()
        self._cleaned = time.monotonic()
        atexit.register(shutil.rmtree, self.path, ignore_errors=True)
        gr.set_static_paths(self.path)  # served from here: gradio makes and deletes no copies

    def clean(self) -> None:
        """Delete old answers, once in a while."""
        interval, age = CLEANING
        if time.monotonic() - self._cleaned < interval:
            return
        self._cleaned = time.monotonic()
        with suppress(FileNotFoundError):  # somebody else was quicker; the rest waits for the next time
            for folder in self.answers.iterdir():
                if time.time() - folder.stat().st_mtime > age:
                    shutil.rmtree(folder, ignore_errors=True)


_lock = threading.Lock()


def _folder() -> _Folder:
    with _lock:
        return _made_folder(get_upload_folder())


@cache
def _made_folder(parent: str) -> _Folder:
    return _Folder(Path(parent))
