"""Builds the demo and serves it on this machine."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from platformdirs import user_cache_path

from scenepose.app import address
from scenepose.assets import BundledScene, bundled_scenes, checkpoint_path
from scenepose.errors import CheckpointError, RequestError, ScenePoseError

if TYPE_CHECKING:
    import gradio as gr

    from scenepose.app.desk import Desk
    from scenepose.app.engine import Engine

#: Requests that wait for the model at once, the largest upload, and visitors whose state is kept.
QUEUE, MAX_UPLOAD, VISITORS = 64, "60mb", 1000


@dataclass(frozen=True)
class Options:
    """The ScenePose demo in your browser.

    Attributes:
        port: port to listen on.
        host: address to listen on, IPv4 or IPv6; 0.0.0.0 (or ::) lets other machines in, without a password.
        root_path: where a reverse proxy serves it, "/pose" or "https://example.org/pose"; the proxy takes the
            path off each request that it passes on. In nginx: location /pose/ { proxy_pass
            http://127.0.0.1:7860/; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off; client_max_body_size 64m; }
        checkpoint: weights other than the bundled ones.
        scenes: a folder with scenes.json and pictures, other than the bundled one.
        database: where user studies are kept, SQLAlchemy's URL; by default a file in your data folder.
        study_only: serve nothing but user studies, without a model: for raters.
    """

    port: int = 7860
    host: str = "127.0.0.1"
    root_path: Annotated[str, tyro.conf.arg(metavar="PATH")] = ""
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
        CheckpointError: the weights are missing. RequestError: the port or a folder for files cannot be had.
        StudyError: the named database cannot be used.
    """
    weights = options.checkpoint or checkpoint_path("scenepose")
    if not options.study_only and not weights.is_file():
        raise CheckpointError(f"the weights are missing: there is no file {weights}")
    root_path = checked_root_path(options.root_path)
    address.check(options.host, options.port)
    # As Ctrl-C does: the server ends in order, and the pictures that it made go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prepare()
    from fastapi.exceptions import RequestValidationError
    from starlette.middleware import Middleware

    from scenepose.app import gate, practice, stage, study
    from scenepose.app.desk import Desk
    from scenepose.app.engine import Engine
    from scenepose.app.style import CSS, theme

    engine = None if options.study_only else Engine(weights)
    desk = Desk(options.database)
    if options.study_only or options.database:
        desk.open()  # now, so that a mistake is said at once and the first rater does not wait
    app = build(engine, [] if options.study_only else bundled_scenes(options.scenes), desk)
    app.queue(max_size=QUEUE)
    app.launch(
        server_name=address.bracketed(options.host),
        server_port=options.port,
        root_path=root_path,
        share=False,
        inbrowser=False,
        quiet=True,
        prevent_thread_lock=True,
        max_file_size=MAX_UPLOAD,
        state_session_capacity=VISITORS,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=theme(),
        css=CSS + stage.css() + study.css(),
        head=stage.head() + study.head(),
        app_kwargs={
            "routes": [*desk.routes(), *practice.routes()],
            "middleware": [Middleware(gate.Gate)],
            "exception_handlers": {RequestValidationError: gate.unreadable},
        },
    )
    if engine is not None:
        engine.start()
    print(address.announcement(options.host, options.port, root_path), flush=True)
    app.block_thread()


def prepare() -> None:
    """Settle, before gradio is imported, where files go and that nothing is asked outside.

    Raises:
        RequestError: the folder that GRADIO_TEMP_DIR names cannot be written to.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # gradio asks this server whether it is up; a proxy would answer for it, or cannot be reached.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
    # gradio's own default is one folder for everybody on the machine, which its first user owns.
    given = os.environ.get("GRADIO_TEMP_DIR")
    try:
        folder = Path(given) if given else user_cache_path("scenepose") / "demo"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if given:
            raise RequestError(
                f"files cannot be written to GRADIO_TEMP_DIR, {given} ({error.strerror})"
            ) from error
        folder = Path(tempfile.mkdtemp(prefix="scenepose-"))  # no home, or a read-only one
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


def checked_root_path(given: str) -> str:
    """The prefix as gradio wants it.

    Raises:
        RequestError: it is neither a path nor an address.
    """
    path = given.rstrip("/")
    if path and not re.fullmatch(r"(https?://[^/\s?#]+)?(/[\w.~%-]+)*", path):
        raise RequestError(f"a root path is like /pose or https://example.org/pose, not {given!r}")
    return path


def build(engine: Engine | None, scenes: list[BundledScene], desk: Desk) -> gr.Blocks:
    """The whole page around its tabs; without an engine only those of user studies."""
    import gradio as gr

    from scenepose.app.api import Endpoints
    from scenepose.app.compare import CompareTab
    from scenepose.app.files import CLEANING
    from scenepose.app.generate import GenerateTab
    from scenepose.app.guarded import Guarded
    from scenepose.app.how import HowTab
    from scenepose.app.pictures import Pictures
    from scenepose.app.study import StudyTab, tab_of_link
    from scenepose.app.study_results import ResultsTab

    # Served from where they are: copies would be cleaned away while the page still shows them.
    gr.set_static_paths([scene.path for scene in scenes])
    with Guarded(title="ScenePose", delete_cache=CLEANING, analytics_enabled=False) as app:
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
                pictures = Pictures(engine, scenes)
                with gr.Tab("Generate", id="generate", elem_id="sp-tab-generate"):
                    GenerateTab(pictures)
                with gr.Tab("Compare", id="compare", elem_id="sp-tab-compare"):
                    CompareTab(pictures)
            with gr.Tab("Study", id="study", elem_id="sp-tab-study"):
                StudyTab(desk)
            with gr.Tab("Results", id="results", elem_id="sp-tab-results"):
                ResultsTab(app, desk)
            if engine is not None:
                with gr.Tab("How it works", id="how", elem_id="sp-tab-how"):
                    HowTab()
        if engine is not None:
            Endpoints(engine)
        app.load(tab_of_link, None, tabs, queue=False, api_visibility="private", show_progress="hidden")
        gr.HTML(
            "Method: Yao, Chen, Niu, Sheng, “Scene-aware Human Pose Generation using Transformer”, "
            "ACM MM 2023. Pictures stay on the machine that serves this page and are deleted after a day.",
            elem_id="sp-about",
            padding=False,
        )
    app.forgetful()
    return app
