"""What the Compare tab shows: one visitor's state, the panels as HTML, and its part of the style sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from PIL import Image, ImageDraw

from scenepose import METHODS, draw
from scenepose.app import files
from scenepose.app.known import KnownScene, known_scenes
from scenepose.app.shown import Shown
from scenepose.comparison import Panel, Truth
from scenepose.draw import hex_colour
from scenepose.images import Picture
from scenepose.panels import COLOURS, TITLES, TRUTH_COLOUR, frame_of, panel_picture

#: Width of a panel's picture, pixels: enough for three in a row on a large screen.
WIDTH = 560


@dataclass(frozen=True)
class Compare(Shown):
    """What one visitor compares: a picture, the last click and its finished panels."""

    known: int | None = None  # row in `known_scenes`
    panels: tuple[Panel, ...] = ()
    visible: tuple[str, ...] = ()  # panels that the page shows, finished or not

    @property
    def scene(self) -> KnownScene | None:
        """The true poses, where they are known."""
        return None if self.known is None else known_scenes()[self.known]


def panel(panel: Panel, picture: Picture, point: tuple[float, float]) -> str:
    """A finished panel: title, time, PCK, seed and picture; or the sentence that says what went wrong."""
    if panel.error:
        return _framed(panel, f'<p class="sp-failed" role="alert">{escape(panel.error)}</p>')
    file = io.BytesIO()
    panel_picture(picture, point, panel, WIDTH).save(file, "JPEG", quality=86)
    data = base64.b64encode(file.getvalue()).decode()
    title = TITLES[panel.method]
    return _framed(panel, f'<img src="data:image/jpeg;base64,{data}" alt="{title}: a person in the scene">')


def waiting(method: str, picture: Picture, point: tuple[float, float]) -> str:
    """A panel whose method is still at work."""
    left, top, right, bottom = frame_of(picture, point)
    box = f'<div class="sp-wait" style="aspect-ratio:{right - left:.0f}/{bottom - top:.0f}"></div>'
    return _framed(Panel(method), box, note="…")


def _framed(panel: Panel, content: str, note: str | None = None) -> str:
    said = "" if panel.error else escape(panel.note if note is None else note)
    colour = hex_colour(COLOURS.get(panel.method, TRUTH_COLOUR))
    state = "failed" if panel.error else "waiting" if note else "done"
    return (
        f'<figure class="sp-panel" data-method="{panel.method}" data-state="{state}" '
        f'style="--colour:{colour}">'
        f"<figcaption><strong>{TITLES[panel.method]}</strong><span>{said}</span></figcaption>"
        f"{content}</figure>"
    )


def missing_line(names: Sequence[str]) -> str:
    """One line about the methods that have no weights; nothing where all have."""
    if not names:
        return ""
    listed = ", ".join(TITLES[name] for name in names)
    return f'<p class="sp-note" id="sp-missing">Not shown, because no weights are bundled: {listed}.</p>'


def about() -> str:
    """What each method is, to open and read."""
    items = "".join(
        f"<li><strong>{TITLES[name]}</strong>: {escape(text[:1].upper() + text[1:])}.</li>"
        for name, text in METHODS.items()
    )
    return (
        "<details class='sp-about-methods'><summary>What is compared</summary><p>All read the same features "
        "of the picture; only the idea differs. A time is from these features to the pose. PCK is the share "
        "of keypoints within a fifth of the torso of the true ones; where many poses fit, a good pose can "
        f"score low. VAE, PlaceNet and GracoNet draw samples: another seed, another pose.</p><ul>{items}</ul>"
        "</details>"
    )


def slot(visible: bool, html: str | None) -> Any:
    """The update of a panel; visibility is touched only where it changes, because that builds it anew."""
    if html is None:
        return gr.HTML(visible=False) if visible else gr.skip()
    return html if visible else gr.HTML(html, visible=True)


def click_picture(shown: Compare, picture: Picture) -> str:
    """The picture to click in, with the points where the truth is known as small rings; its path."""
    drawn = draw.overlay(picture, [], shown.point, size=shown.served)
    if shown.scene is not None:
        places = shown.scene.points * (shown.served[0] / shown.width)
        _ring(drawn, [(float(x), float(y)) for x, y in places], 0.006 * max(shown.served))
    return files.serve(drawn)


def told(
    count: int, point: tuple[int, int], milliseconds: float, truth: Truth | None, scene: KnownScene | None
) -> str:
    """The line under the picture."""
    text = f"{count} method{'s' if count != 1 else ''} at {point}, compared in {milliseconds:.0f} ms."
    if truth is None and scene is not None:
        text += " Click one of the rings to see a true pose, too."
    return text


def _ring(image: Image.Image, places: list[tuple[float, float]], radius: float) -> None:
    """Mark places by small rings."""
    canvas = ImageDraw.Draw(image)
    for x, y in places:
        for grow, colour in ((1.0, draw.INK), (0.0, draw.WHITE)):
            box = (x - radius - grow, y - radius - grow, x + radius + grow, y + radius + grow)
            canvas.ellipse(box, outline=colour, width=2)


def whole(value: Any) -> int:
    """A seed from the browser; clients can post anything."""
    try:
        return min(max(int(value), 0), 2**31)
    except (TypeError, ValueError, OverflowError):
        return 0


CSS = """
#sp-panels { display: grid !important; gap: 12px; grid-template-columns: repeat(4, minmax(0, 1fr)); }
#sp-panels:has(figure[data-method=truth]) { grid-template-columns: repeat(3, minmax(0, 1fr)); }
#sp-panels > * { padding: 0 !important; min-width: 0 !important; border-width: 0; background: none; }
#sp-panels > * > * { padding: 0 !important; }
.sp-panel { margin: 0; border-radius: 12px; overflow: hidden; border: 1px solid var(--border-color-primary);
  background: var(--block-background-fill); box-shadow: 0 1px 2px rgb(15 23 42 / .05); }
.sp-panel figcaption { display: flex; align-items: baseline; flex-wrap: wrap; gap: 2px 8px;
  padding: 7px 12px 6px; border-top: 4px solid var(--colour); }
.sp-panel figcaption strong { font-size: .98rem; }
.sp-panel figcaption span { margin-left: auto; font-size: .8rem; font-variant-numeric: tabular-nums;
  color: var(--body-text-color-subdued); }
.sp-panel img { display: block; width: 100%; height: auto; margin: 0; }
.sp-wait { width: 100%; background: linear-gradient(100deg, transparent 30%, #8883 50%, transparent 70%)
  0 0 / 220% 100% var(--border-color-primary); animation: sp-wait 1.3s linear infinite; }
@keyframes sp-wait { from { background-position: 160% 0; } to { background-position: -60% 0; } }
@media (prefers-reduced-motion: reduce) { .sp-wait { animation: none; } }
.sp-failed { margin: 0; padding: 18px 14px 22px; color: var(--body-text-color); line-height: 1.45;
  font-size: .9rem; overflow-wrap: anywhere; }
#sp-compare-scene { padding: 0; overflow: hidden; }
#sp-compare-scene img { cursor: crosshair; max-height: min(58vh, 600px); width: 100%; object-fit: contain; }
#sp-compare-after { align-items: flex-start; }
#sp-compare-after > button { flex: 0 0 auto; width: auto; }
#sp-compare-notes { flex: 1 1 auto; min-width: min(300px, 100%); }
#sp-compare-status, #sp-compare-status > * { padding: 0 !important; }
#sp-compare-notes, #sp-compare-notes > * { padding: 0 !important; }
#sp-compare-scenes { padding: 0; border-width: 0 !important; background: none; box-shadow: none; }
#sp-compare-scenes .grid-wrap { padding: 0; max-height: none; overflow: visible; }
#sp-compare-scenes .grid-container { gap: 8px; padding: 0; height: auto;
  grid-template-columns: repeat(auto-fill, minmax(116px, 1fr)); }
#sp-compare-scenes button.thumbnail-item { aspect-ratio: 4 / 3; border-radius: 10px; overflow: hidden; }
#sp-compare-scenes .caption-label { font-size: .68rem; padding: 1px 6px; border-radius: 7px; left: 4px;
  bottom: 4px; }
.sp-about-methods { font-size: .85rem; color: var(--body-text-color-subdued); }
.sp-about-methods summary { cursor: pointer; }
.sp-about-methods ul { margin: 6px 0 0; padding-left: 1.2em; }
@media (max-width: 900px) {
  #sp-panels, #sp-panels:has(figure[data-method=truth]) { gap: 8px;
    grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .sp-panel figcaption { padding: 5px 8px; }
  .sp-panel figcaption span { margin-left: 0; font-size: .72rem; min-height: 1.2em; width: 100%;
    letter-spacing: -.01em; }
  #sp-compare-scenes .grid-container { grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); }
}
"""
