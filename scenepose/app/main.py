"""Builds the demo and serves it on this machine."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from scenepose.assets import BundledScene, bundled_scenes, checkpoint_path
from scenepose.errors import CheckpointError, RequestError, ScenePoseError

if TYPE_CHECKING:
    import gradio as gr

    from scenepose.app.engine import Engine

#: Requests that wait for the model at once, and the largest upload.
QUEUE, MAX_UPLOAD = 64, "60mb"
#: Seconds between clean-ups of pictures, and the age from which they go.
CLEANING = (3600, 24 * 3600)


@dataclass(frozen=True)
class Options:
    """The ScenePose demo in your browser.

    Attributes:
        port: port to listen on.
        host: address to listen on; 0.0.0.0 lets other machines in.
        checkpoint: weights other than the bundled ones.
        scenes: a folder with scenes.json and pictures, other than the bundled one.
    """

    port: int = 7860
    host: str = "127.0.0.1"
    checkpoint: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    scenes: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted; what stands in the way is one sentence on stderr and exit code 2."""
    options = tyro.cli(
        Options, args=arguments, prog="demo.py", description="The ScenePose demo in your browser."
    )
    try:
        serve(options)
    except ScenePoseError as error:
        print(f"scenepose: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None


def serve(options: Options) -> None:
    """Launch the demo and wait for its end.

    Raises:
        CheckpointError: the weights are missing. RequestError: the port cannot be had.
    """
    weights = options.checkpoint or checkpoint_path("scenepose")
    if not weights.is_file():
        raise CheckpointError(f"the weights are missing: there is no file {weights}")
    _check_port(options.host, options.port)
    # Before gradio is imported: neither it nor the hub's client may look anything up outside.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from scenepose.app.engine import Engine
    from scenepose.app.style import CSS, HEAD, theme

    engine = Engine(weights)
    app = build(engine, bundled_scenes(options.scenes))
    app.queue(max_size=QUEUE)
    app.launch(
        server_name=options.host,
        server_port=options.port,
        share=False,
        inbrowser=False,
        quiet=True,
        prevent_thread_lock=True,
        max_file_size=MAX_UPLOAD,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        theme=theme(),
        css=CSS,
        head=HEAD,
    )
    engine.start()
    print(f"ScenePose is running on http://{options.host}:{options.port}", flush=True)
    app.block_thread()


def build(engine: Engine, scenes: list[BundledScene]) -> gr.Blocks:
    """The whole page around its tabs."""
    import gradio as gr

    from scenepose.app.generate import GenerateTab

    # Served from where they are: copies would be cleaned away while the page still shows them.
    gr.set_static_paths([scene.path for scene in scenes])
    with gr.Blocks(title="ScenePose", delete_cache=CLEANING, analytics_enabled=False) as app:
        gr.HTML(
            "<h1>ScenePose</h1><p>Click a place in the picture and see the people who fit there. "
            "You can drop a photo of your own on it.</p>",
            elem_id="sp-header",
            padding=False,
        )
        GenerateTab(app, engine, scenes)
        gr.HTML(
            "Method: Yao, Chen, Niu, Sheng, “Scene-aware Human Pose Generation using Transformer”, "
            "ACM MM 2023. Pictures stay on this machine.",
            elem_id="sp-about",
            padding=False,
        )
    return app


def _check_port(host: str, port: int) -> None:
    """Say so in words when somebody else listens there already."""
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RequestError(
            f"cannot listen on {host}:{port} ({reason}); choose another with --port"
        ) from error
