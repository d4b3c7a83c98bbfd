"""gradio's Blocks, whose events answer every client in a sentence and whose pages hold no connection."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.components import Component
from gradio.exceptions import InvalidPathError
from pydantic import ValidationError

from scenepose.app.files import CLEANING
from scenepose.app.gate import say
from scenepose.errors import ScenePoseError, sentence

#: One sentence for whatever is not a file that may be read: it does not tell which files there are.
NO_FILE = "This picture is not on the server, or not any more: please upload it."


class Guarded(gr.Blocks):
    """The page of the demo.

    Any client may send anything to any event. What makes no sense is refused before gradio reads it, and what
    goes wrong nevertheless is a sentence to the client and a line in the terminal.
    """

    def __init__(self, **options: Any):
        """Take gradio's own options.

        Attributes:
            defaults: by an endpoint's name the values of its last inputs, which a call may leave out.
        """
        self.defaults: dict[str, list[Any]] = {}
        super().__init__(**options)

    async def process_api(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, block_fn: BlockFunction | int, inputs: list[Any], *arguments: Any, **named: Any
    ) -> dict[str, Any]:
        """Run an event.

        Raises:
            gr.Error: with a sentence, whatever went wrong.
        """
        fn = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        try:
            missing = len(fn.inputs) - len(inputs)
            left_out = self.defaults.get(str(fn.api_name), [])
            if 0 < missing <= len(left_out):
                inputs = [*inputs, *left_out[-missing:]]
            check(fn, inputs)
            return await super().process_api(fn, inputs, *arguments, **named)
        except gr.Error as error:
            error.print_exception = False
            raise
        except ScenePoseError as error:
            text = sentence(error)
        except InvalidPathError:
            text = NO_FILE
        except ValidationError:
            text = f"The values are not of the kinds that {_name(fn)} takes."
        except Exception as error:
            say(_name(fn), error)
            text = f"{_name(fn)} could not be done with these values."
        raise gr.Error(text, print_exception=False)

    def get_config_file(self) -> Any:
        """What the page is built from.

        gradio's pages keep a connection open as long as they are, to tell when their visitor leaves, and a
        browser has six for all its tabs: the seventh would stay empty. These do without, and what a visitor
        leaves behind goes after a while (`forgetful`).
        """
        config = super().get_config_file()
        config["connect_heartbeat"] = False
        return config

    def forgetful(self) -> None:
        """Let visitors' states go, by their delete callbacks, a day after their last change."""
        for block in self.blocks.values():
            if isinstance(block, gr.State):
                block.time_to_live = CLEANING[1]


def check(fn: BlockFunction, inputs: list[Any]) -> None:
    """Refuse values that gradio's components could not read.

    Raises:
        gr.Error: a sentence that names the value.
    """
    if len(inputs) != len(fn.inputs):
        names = ", ".join(_label(one) for one in fn.inputs) or "nothing"
        _refuse(f"{_name(fn)} takes {len(fn.inputs)} values ({names}), not {len(inputs)}.")
    for component, value in zip(fn.inputs, inputs, strict=True):
        if value is None or not isinstance(component, Component) or component.stateful:
            continue
        name = _label(component)
        if isinstance(component, gr.Number | gr.Slider) and not _is_number(value):
            _refuse(f"The value of {name} must be a number, not {_short(value)}.")
        if isinstance(component, gr.Textbox) and not isinstance(value, str):
            _refuse(f"The value of {name} must be a text, not {_short(value)}.")
        if isinstance(component, gr.File | gr.UploadButton) and not _is_file(value):
            _refuse(f"The value of {name} must be an uploaded file, not {_short(value)}.")
        # gradio would fetch an address, and stumble over a folder when it cleans up.
        if not all(os.path.isfile(path) for path in _paths(value)):
            _refuse(NO_FILE)


def _paths(value: Any) -> Iterator[str]:
    """Every path that stands anywhere in a value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if (path := one.get("path")) is not None:
                yield str(path).replace("\0", "")
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 2**53 if isinstance(value, int) else math.isfinite(value)


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("path"), str) and 0 < len(value["path"]) < 4096


def _refuse(text: str) -> None:
    raise gr.Error(text, print_exception=False)


def _short(value: Any) -> str:
    """A client's value, short enough to be repeated to it."""
    text = repr(value) if isinstance(value, str | int | float | bool) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:60] + "…"


def _label(component: Any) -> str:
    return str(getattr(component, "label", None) or type(component).__name__.lower())


def _name(fn: BlockFunction) -> str:
    return f"/{fn.api_name}" if fn.api_name else str(fn.name)
