"""The Generate tab: click a place in a scene and see the people who fit there."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from scenepose import draw, export
from scenepose.app import cards, files
from scenepose.app.clicks import clicked_point
from scenepose.app.engine import Engine
from scenepose.assets import BundledScene
from scenepose.errors import PointError, RequestError, ScenePoseError, sentence

#: People shown at first, and at most.
SHOWN, MOST = 3, 14

HINT = "Click anywhere in the picture. The people who fit there appear in it, and here is what they are like."


@dataclass(frozen=True)
class Shown:
    """What one visitor looks at: a picture's file on this server, and its name and point."""

    path: Path
    name: str
    bundled: bool
    width: int
    height: int
    point: tuple[float, float] | None = None

    @property
    def served(self) -> tuple[int, int]:
        """The size, in pixels, of the picture in the browser."""
        return files.served_size(self.width, self.height)


class GenerateTab:
    """Builds the tab inside ``app``, which is being built, and answers its events."""

    def __init__(self, app: gr.Blocks, engine: Engine, scenes: list[BundledScene]):
        self.app = app
        self.engine = engine
        self.scenes = {scene.name: scene for scene in scenes}
        self._layout()
        self._wire()

    def _layout(self) -> None:
        first = next(iter(self.scenes.values()), None)
        self.shown = gr.State(None)
        self.clicked = gr.State(None)
        with gr.Row(equal_height=False):
            with gr.Column(scale=7, min_width=320):
                self.picture = gr.Image(
                    str(first.path) if first else None, interactive=False, show_label=False, container=False,
                    elem_id="sp-scene", buttons=["fullscreen"], alt_text="The scene; click a place in it",
                )  # fmt: skip
                self.status = gr.HTML(cards.status("Loading the model …"), padding=False, elem_id="sp-status")
            with gr.Column(scale=4, min_width=300):
                self.upload = files.only_uploads(
                    gr.UploadButton(
                        "Use your own photo", file_types=["image"], variant="primary", elem_id="sp-upload"
                    )
                )
                self.count = gr.Slider(1, MOST, SHOWN, step=1, label="People to show", elem_id="sp-count")
                self.cards = gr.HTML(cards.hint(HINT), padding=False, elem_id="sp-cards")
                with gr.Row():
                    self.png = gr.Button("Download PNG", size="sm", elem_id="sp-png")
                    self.json = gr.Button("Download JSON", size="sm", elem_id="sp-json")
                # For those without a mouse; always there, because what opens on demand is filled in late.
                with gr.Row(equal_height=False, elem_id="sp-exact"):
                    self.x = gr.Number(label="X (pixels)", elem_id="sp-x", min_width=110)
                    self.y = gr.Number(label="Y (pixels)", elem_id="sp-y", min_width=110)
                    self.button = gr.Button("Generate", elem_id="sp-generate", min_width=90)
        self.gallery = gr.Gallery(
            [(str(scene.path), scene.title) for scene in self.scenes.values()],
            show_label=False, columns=8, allow_preview=False, object_fit="cover", interactive=False,
            buttons=[], elem_id="sp-scenes", height="auto", visible=bool(self.scenes),
        )  # fmt: skip
        self.file = gr.DownloadButton(visible="hidden", elem_id="sp-file")

    def _wire(self) -> None:
        answer = [self.shown, self.picture, self.cards, self.status, self.x, self.y]
        model: dict[str, Any] = {
            "concurrency_id": "model", "concurrency_limit": 1, "show_progress": "minimal",
            "show_progress_on": self.status, "api_visibility": "private",
        }  # fmt: skip
        # Two steps, so that of several quick clicks the last one wins: each click is stored at once, without
        # waiting in the queue, and the answer that is computed next reads the newest.
        self.picture.select(
            self.store_click, self.shown, self.clicked, queue=False, trigger_mode="multiple",
            show_progress="hidden", api_visibility="private",
        ).then(
            self.answer_click, [self.shown, self.clicked, self.count], answer,
            trigger_mode="always_last", **model,
        )  # fmt: skip
        gr.on(
            [self.button.click, self.x.submit, self.y.submit],
            self.answer_fields, [self.shown, self.x, self.y, self.count], answer,
            trigger_mode="always_last", **model,
        )  # fmt: skip
        self.count.change(
            self.answer_again, [self.shown, self.count], answer, trigger_mode="always_last", **model
        )
        self.gallery.select(self.open_bundled, self.count, answer, trigger_mode="always_last", **model)
        self.upload.upload(self.open_upload, self.upload, answer, **model)
        for button, make in ((self.png, self.make_png), (self.json, self.make_json)):
            button.click(
                make, [self.shown, self.count], self.file, concurrency_id="model", concurrency_limit=1,
                show_progress_on=button, api_visibility="private",
            ).success(
                None, js="() => document.querySelector('#sp-file a, a#sp-file, #sp-file').click()",
                api_visibility="private",
            )  # fmt: skip
        self.app.load(self.open_first, self.count, answer, **model)
        self._endpoint(model)

    def _endpoint(self, model: dict[str, Any]) -> None:
        """POST /generate: hidden components give the endpoint its types."""
        with gr.Group(visible=False):
            image = files.only_uploads(gr.File(label="image", file_types=["image"]))
            x, y = gr.Number(label="x"), gr.Number(label="y")
            top_k = gr.Number(5, label="top_k", precision=0)
            result = gr.JSON(label="result")
            gr.Button().click(
                self.generate, [image, x, y, top_k], result, api_name="generate",
                concurrency_id="model", concurrency_limit=1,
            )  # fmt: skip

    # Events. Each answers with (shown, picture, cards, status, x, y).

    def store_click(self, shown: Shown | None, event: gr.SelectData) -> Any:
        """Remember where one clicked, in pixels of the original picture."""
        return clicked_point(shown, event)

    def answer_click(self, shown: Shown | None, point: tuple[float, float] | None, count: float) -> tuple:
        """The people at the last click."""
        return self._answer(shown, point, count)

    def answer_fields(self, shown: Shown | None, x: float | None, y: float | None, count: float) -> tuple:
        """The people at the typed point."""
        if x is None or y is None:
            gr.Warning("Type both X and Y, in pixels of the picture.")
            return _UNCHANGED
        return self._answer(shown, (x, y), count)

    def answer_again(self, shown: Shown | None, count: float) -> tuple:
        """The same point, more or fewer people."""
        if shown is None or shown.point is None:
            return _UNCHANGED
        return self._answer(shown, shown.point, count)

    def open_bundled(self, count: float, event: gr.SelectData) -> tuple:
        """A scene of the gallery, with its starting point."""
        scenes = list(self.scenes.values())
        if not isinstance(event.index, int) or not 0 <= event.index < len(scenes):
            return _UNCHANGED
        return self._open(scenes[event.index], None, count)

    def open_first(self, count: float, request: gr.Request) -> tuple:
        """What a visitor sees first: the scene and point of the link, or the first scene's starting point."""
        asked = dict(request.query_params)
        if "study" in asked:  # a rater's link: that visitor sees another tab, and needs no model
            return _UNCHANGED
        if not self.scenes:
            return (
                None,
                None,
                cards.hint(HINT),
                cards.status("Load a photo of your own to begin."),
                None,
                None,
            )
        scene = next(iter(self.scenes.values()))
        point = None
        if "scene" in asked:
            if asked["scene"] in self.scenes:
                scene = self.scenes[asked["scene"]]
            else:
                gr.Warning(f"There is no scene called “{asked['scene'][:40]}”; here is another.")
                asked = {}
        if "x" in asked and "y" in asked:
            try:
                point = (float(asked["x"]), float(asked["y"]))
            except ValueError:
                gr.Warning("The link’s point is no pair of numbers; here is the scene’s starting point.")
        return self._open(scene, point, count)

    def open_upload(self, path: str | None) -> tuple:
        """A visitor's own picture, without people yet."""
        if not path:
            return _UNCHANGED
        file = Path(path)
        try:
            scene = self.engine.scene(file)
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return _UNCHANGED
        shown = Shown(file, file.name, False, scene.width, scene.height)
        picture = files.serve(draw.overlay(scene.picture, [], size=shown.served))
        text = f"{file.name}, {scene.width} × {scene.height} pixels. Now click where somebody should be."
        return shown, picture, cards.hint(HINT), cards.status(text), None, None

    def generate(self, image: str, x: float, y: float, top_k: float) -> dict[str, Any]:
        """The people who fit at a point of a picture, best first, in pixels of the original picture.

        Args:
            image: the picture file.
            x: pixels from the left.
            y: pixels from the top.
            top_k: how many poses at most, 1 or more.
        """
        try:
            if not image:
                raise PointError("a picture is needed")
            scene = self.engine.scene(Path(image))
            try:
                count = 5 if top_k is None else int(top_k)
            except (TypeError, ValueError, OverflowError):
                raise RequestError(f"top_k is a whole number, not {top_k!r}") from None
            poses = scene.generate((x, y), top_k=count)
        except ScenePoseError as error:
            raise gr.Error(sentence(error), print_exception=False) from error
        return export.record(Path(image).name, scene, (x, y), poses, scene.generator.name)

    def make_png(self, shown: Shown | None, count: float) -> str | None:
        """The picture with its people, at full size."""
        return self._download(shown, count, ".png")

    def make_json(self, shown: Shown | None, count: float) -> str | None:
        """The poses in the schema of `export.record`."""
        return self._download(shown, count, ".json")

    def _download(self, shown: Shown | None, count: float, suffix: str) -> str:
        if shown is None or shown.point is None:
            raise gr.Error(
                "There is nothing to download yet: click a place in the picture first.", print_exception=False
            )
        try:
            scene = self.engine.scene(shown.path)
            poses = scene.generate(shown.point, top_k=_whole(count, SHOWN))
        except ScenePoseError as error:
            raise gr.Error(sentence(error), print_exception=False) from error
        name = Path(shown.name).stem + suffix
        if suffix == ".png":
            return files.download(name, draw.overlay(scene.picture, poses, shown.point).save)
        record = export.record(shown.name, scene, shown.point, poses, scene.generator.name)
        return files.download(name, lambda path: path.write_text(json.dumps(record), encoding="utf-8"))

    def _open(self, scene: BundledScene, point: tuple[float, float] | None, count: float) -> tuple:
        try:
            encoded = self.engine.scene(scene.path)
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return (*_UNCHANGED[:3], cards.status(sentence(error)), *_UNCHANGED[4:])
        shown = Shown(scene.path, scene.path.name, True, encoded.width, encoded.height)
        if point is not None:
            answer = self._answer(shown, point, count)
            if answer is not _UNCHANGED:
                return answer
        return self._answer(shown, scene.point, count)

    def _answer(self, shown: Shown | None, point: tuple[float, float] | None, count: float) -> tuple:
        """Generate, draw and describe; a problem is a sentence, and what was shown stays."""
        if shown is None or point is None:
            return _UNCHANGED
        try:
            scene = self.engine.scene(shown.path)
            start = time.perf_counter()
            poses = scene.generate(point, top_k=_whole(count, SHOWN))
            elapsed = (time.perf_counter() - start) * 1000
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return _UNCHANGED
        shown = Shown(shown.path, shown.name, shown.bundled, shown.width, shown.height, point)
        picture = files.serve(draw.overlay(scene.picture, poses, point, size=shown.served))
        x, y = round(point[0]), round(point[1])
        text = (
            f"{len(poses)} of {scene.generator.num_templates} at ({x}, {y}), generated in {elapsed:.0f} ms."
        )
        link = cards.scene_link(shown.path.stem, point) if shown.bundled else None
        return shown, picture, cards.cards(scene.generator, poses), cards.status(text, link), x, y


_UNCHANGED = tuple(gr.skip() for _ in range(6))


def _whole(value: Any, otherwise: int) -> int:
    """A count from the browser as an integer, 1 to 1000; clients can post anything."""
    try:
        return min(max(int(value), 1), 1000)
    except (TypeError, ValueError, OverflowError):
        return otherwise
