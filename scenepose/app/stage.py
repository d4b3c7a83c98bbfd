"""What the tabs with a picture share: their page, which is script and style of our own, and how people look.

The picture and the people over it are drawn by the browser (page/*.js) from the JSON that programs get too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from scenepose.app import files
from scenepose.app.pictures import Pictures, Source
from scenepose.app.posted import answered
from scenepose.picture import draw
from scenepose.pose import skeleton as sk

if TYPE_CHECKING:
    from scenepose.predict.generator import Pose

#: What people who take a kind of pose are called.
DOING = {
    "stand": "Standing", "walk": "Walking", "gesture": "Gesturing", "carry": "Carrying", "sit": "Sitting",
    "bend": "Bending", "crouch": "Crouching", "lean": "Leaning", "lie": "Lying",
}  # fmt: skip

_PAGE = Path(__file__).parent / "page"
#: In the order in which they are read.
SCRIPTS = ("draw", "stage", "tab", "people", "edit", "cards", "live", "generate", "compare")
STYLES = ("stage", "panel", "compare")


def head() -> str:
    """The scripts that the page needs in its head."""
    return "".join(
        f"<script>\n{(_PAGE / f'{name}.js').read_text(encoding='utf-8')}</script>\n" for name in SCRIPTS
    )


def css() -> str:
    """How it looks."""
    return "".join((_PAGE / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)


def component(tab: str, config: dict[str, Any], functions: list[Callable[[dict[str, Any]], Any]]) -> gr.HTML:
    """A tab's whole content: ``scenepose.TAB(element, config, server, upload)`` fills it in the browser.

    Args:
        tab: the function's name.
        config: what it gets to know at once, ready for JSON.
        functions: what it can ask of the server, see `posted.answered`; coroutines are taken as they are.
    """
    return gr.HTML(
        html_template='<div class="sp-tab"></div>',
        js_on_load=f"scenepose.{tab}(element.querySelector('.sp-tab'), props.config, server, upload);",
        apply_default_css=False,
        padding=False,
        elem_id=f"sp-{tab}",
        server_functions=functions,
        config=config,
    )


def asked(*functions: Callable[[dict[str, Any]], dict[str, Any]]) -> list[Callable[[Any], dict[str, Any]]]:
    """Functions that answer with a sentence where something is wrong."""
    return [answered(function) for function in functions]


def looks() -> dict[str, Any]:
    """How people are drawn: limbs with their widths and sides, and the colours that all share."""
    return {
        "joints": list(sk.JOINTS),
        "mirror": list(sk.MIRROR),
        "ink": draw.hex_colour(draw.INK),
        "white": draw.hex_colour(draw.WHITE),
        "torso": [sk.R_SHOULDER, sk.L_SHOULDER, sk.L_HIP, sk.R_HIP],
        "trunk": [sk.HEAD_TOP, sk.PELVIS, sk.THORAX, sk.UPPER_NECK],
        "limbs": [
            {"joints": [a, b], "width": draw.limb_width((a, b)), "side": _side(a, b)}
            for a, b in sk.LIMBS
            if (a, b) != (sk.UPPER_NECK, sk.HEAD_TOP)
        ],
        "neck": [sk.UPPER_NECK, sk.HEAD_TOP, draw.limb_width((sk.R_ELBOW, sk.R_WRIST))],
        "hipAndShoulder": [sk.L_HIP, sk.R_SHOULDER],
    }


def _side(*joints: int) -> str:
    """Which side of the person a limb belongs to."""
    names = [sk.JOINTS[joint] for joint in joints]
    return next((side for side in ("left", "right") if any(n.startswith(side[0] + "_") for n in names)), "")


def pictures_of(pictures: Pictures) -> list[dict[str, Any]]:
    """The bundled pictures as the page wants them."""
    listed = []
    for key, scene in pictures.bundled.items():
        with Image.open(scene.path) as image:
            width, height = image.size
        listed.append(
            {
                "picture": key, "name": scene.path.name, "title": scene.title, "link": scene.name,
                "file": str(scene.path), "width": width, "height": height, "point": list(scene.point),
            }
        )  # fmt: skip
    return listed


def opened(pictures: Pictures, source: Source) -> dict[str, Any]:
    """A picture that was just chosen; encoding begins."""
    picture = pictures.engine.picture(source.path)
    shown = pictures.shown(source)
    pictures.encode_soon(source)
    return {
        "picture": source.key, "name": source.name, "title": source.name, "link": source.link,
        "file": shown, "width": picture.width, "height": picture.height,
    }  # fmt: skip


def colours(pose: Pose | dict[str, Any]) -> dict[str, str]:
    """A pose's own colour and that of writing on it."""
    template = pose["template"] if isinstance(pose, dict) else pose.template
    colour = draw.template_colour(template)
    return {"colour": draw.hex_colour(colour), "onColour": draw.hex_colour(draw.ink_on(colour))}


def download(name: str, write: Callable[[Path], Any]) -> dict[str, str]:
    """A file for the browser to keep."""
    return {"file": files.download(name, write), "name": name}
