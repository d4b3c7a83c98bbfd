"""Files that go to and come from the browser."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component
from gradio.utils import get_upload_folder
from PIL import Image

#: Pictures are served with a longest side within this range (pixels): browsers never enlarge them.
SERVED = (1280, 1600)


C = TypeVar("C", bound=Component)


def only_uploads(component: C) -> C:
    """Let a file component take nothing but uploads.

    gradio would also fetch any address that a client names; this demo goes nowhere. (The method is replaced
    on the object because gradio writes a stub file beside every module that derives from a component.)
    """
    keep = component.async_move_resource_to_block_cache

    async def keep_or_refuse(url_or_file_path: str | Path | None) -> str | None:
        if str(url_or_file_path).lower().startswith(("http:", "https:")):
            raise gr.Error("Pictures are uploaded, not fetched from an address.", print_exception=False)
        return await keep(url_or_file_path)

    component.async_move_resource_to_block_cache = keep_or_refuse  # type: ignore[method-assign]
    return component


def served_size(width: int, height: int) -> tuple[int, int]:
    """The size that a picture is shown at: its own within `SERVED`, else brought there."""
    longest = max(width, height)
    factor = min(max(longest, SERVED[0]), SERVED[1]) / longest
    return max(1, round(width * factor)), max(1, round(height * factor))


def serve(image: Image.Image) -> str:
    """Write a picture where gradio serves and later deletes it.

    JPEG, because gradio's WebP takes ten times as long, and PNG a hundred times.
    """
    path = _fresh("scene.jpg")
    image.save(path, quality=92, subsampling=0)
    return str(path)


def download(name: str, write: Any) -> str:
    """A file to download: ``write(path)`` fills it. Returns its path."""
    path = _fresh(name)
    write(path)
    return str(path)


def _fresh(name: str) -> Path:
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name
