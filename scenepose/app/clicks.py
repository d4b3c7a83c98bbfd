"""From what a browser says of a click to a point of the original picture."""

from __future__ import annotations

import math
from typing import Any, Protocol

import gradio as gr


class Picture(Protocol):
    """What is shown: its size in original pixels, and that of the picture in the browser."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def served(self) -> tuple[int, int]: ...


def clicked_point(shown: Picture | None, event: gr.SelectData) -> Any:
    """Where one clicked, (x, y) in pixels of the original picture; a skip where the browser cannot say."""
    try:
        x, y = (float(value) for value in event.index)  # type: ignore[union-attr]
    except (TypeError, ValueError):  # the browser knows no place while the next picture is arriving
        return gr.skip()
    if shown is None or not math.isfinite(x + y):
        return gr.skip()
    width, height = shown.served
    # A click covers a pixel; its middle is meant. At the very edge a browser may say one too many.
    x, y = min(max(x + 0.5, 0), width), min(max(y + 0.5, 0), height)
    return x * shown.width / width, y * shown.height / height
