"""Builds the demo and serves it on this machine."""

from __future__ import annotations

import os
import signal
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

    from scenepose.app.desk import Desk
    from scenepose.app.engine import Engine

#: Requests that wait for the model at once, and the largest upload.
QUEUE, MAX_UPLOAD = 64, "60mb"


@dataclass(frozen=True)
class Options:
    """The ScenePose demo in your browser.

    Attributes:
        port: port to listen on.
        host: address to listen on; 0.0.0.0 lets other machines in.
        checkpoint: weights other than the bundled ones.
        scenes: a folder with scenes.json and pictures, other than the bundled one.
        database: where user studies are kept, SQLAlchemy's URL; by default a file in your data folder.
        study_only: serve nothing but user studies, without a model: for raters.
    """

    port: int = 7860
    host: str = "127.0.0.1"
    checkpoint: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    scenes: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    database: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None
    study_only: bool = False


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
        StudyError: the named database cannot be used.
    """
    weights = options.checkpoint or checkpoint_path("scenepose")
    if not options.study_only and not weights.is_file():
        raise CheckpointError(f"the weights are missing: there is no file {weights}")
    _check_port(options.host, options.port)
    # Before gradio is imported: neither it nor the hub's client may look anything up outside.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from scenepose.app import compare_page, study
    from scenepose.app.desk import Desk
    from scenepose.app.engine import Engine
    from scenepose.app.style import CSS, HEAD, theme

    engine = None if options.study_only else Engine(weights)
    desk = Desk(options.database)
    if options.study_only or options.database:
        desk.open()  # now, so that a mistake is said at once and the first rater does not wait
    app = build(engine, [] if options.study_only else bundled_scenes(options.scenes), desk)
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
        css=CSS + compare_page.CSS + study.css(),
        head=HEAD + study.head(),
        app_kwargs={"routes": desk.routes()},
    )
    if engine is not None:
        engine.start()
    print(f"ScenePose is running on http://{options.host}:{options.port}", flush=True)
    # As Ctrl-C does: the server ends in order, and the pictures that it made go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app.block_thread()


def build(engine: Engine | None, scenes: list[BundledScene], desk: Desk) -> gr.Blocks:
    """The whole page around its tabs; without an engine only those of user studies."""
    import gradio as gr

    from scenepose.app.api import Endpoints
    from scenepose.app.compare import CompareTab
    from scenepose.app.files import CLEANING
    from scenepose.app.generate import GenerateTab
    from scenepose.app.study import StudyTab, tab_of_link
    from scenepose.app.study_results import ResultsTab

    # Served from where they are: copies would be cleaned away while the page still shows them.
    gr.set_static_paths([scene.path for scene in scenes])
    with gr.Blocks(title="ScenePose", delete_cache=CLEANING, analytics_enabled=False) as app:
        gr.HTML(
            "<h1>ScenePose</h1><p>Click a place in the picture and see the people who fit there. "
            "You can drop a photo of your own on it.</p>"
            if engine is not None
            else "<h1>ScenePose</h1><p>Which pose looks more natural? People judge, methods are ranked.</p>",
            elem_id="sp-header",
            padding=False,
        )
        with gr.Tabs(elem_id="sp-tabs") as tabs:
            if engine is not None:
                with gr.Tab("Generate", id="generate", elem_id="sp-tab-generate"):
                    GenerateTab(app, engine, scenes)
                with gr.Tab("Compare", id="compare", elem_id="sp-tab-compare") as tab:
                    CompareTab(engine, scenes, tab)
            with gr.Tab("Study", id="study", elem_id="sp-tab-study"):
                StudyTab(desk)
            with gr.Tab("Results", id="results", elem_id="sp-tab-results"):
                ResultsTab(app, desk)
        if engine is not None:
            Endpoints(engine)
        app.load(tab_of_link, None, tabs, queue=False, api_visibility="private", show_progress="hidden")
        gr.HTML(
            "Method: Yao, Chen, Niu, Sheng, “Scene-aware Human Pose Generation using Transformer”, "
            "ACM MM 2023. Pictures stay on the machine that serves this page and are deleted after a day.",
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
