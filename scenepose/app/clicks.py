"""From what a browser says of a click to a point of the original picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Click:
    """Where one clicked: the file of the picture that the browser showed then, and its pixel."""

    picture: str
    x: float
    y: float

    def point(self, served: tuple[int, int], size: tuple[int, int]) -> tuple[float, float]:
        """The same place, (x, y), in a picture of ``size`` that was ``served`` at another; both in pixels."""
        # A click covers a pixel; its middle is meant. At the very edge a browser may say one too many.
        x, y = min(max(self.x + 0.5, 0), served[0]), min(max(self.y + 0.5, 0), served[1])
        return x * size[0] / served[0], y * size[1] / served[1]


def read_click(picture: Any, event: gr.SelectData) -> Click | None:
    """A click on an image component, ``picture`` being its value; None where the browser cannot say.

    The value is what the browser shows, which the server may have replaced already.
    """
    path = picture.get("path") if isinstance(picture, dict) else None
    try:
        x, y = (float(value) for value in event.index)  # type: ignore[union-attr]
    except (TypeError, ValueError):  # the browser knows no place while the next picture is arriving
        return None
    return Click(path, x, y) if isinstance(path, str) and math.isfinite(x + y) else None
