"""The Generate tab: click a place in a scene and see the people who fit there."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from scenepose import draw, export
from scenepose.app import cards, files
from scenepose.app.clicks import Click, read_click
from scenepose.app.engine import Engine
from scenepose.app.shown import Shown, forget
from scenepose.assets import BundledScene
from scenepose.errors import ScenePoseError, sentence

if TYPE_CHECKING:
    from scenepose.predictor import Pose

#: People shown at first, and at most.
SHOWN, MOST = 3, 14

HINT = "Click anywhere in the picture. The people who fit there appear in it, and here is what they are like."


@dataclass(frozen=True)
class Generated(Shown):
    """What one visitor looks at, whether it is a bundled scene, and the people in it by which method."""

    bundled: bool = False
    poses: tuple[Pose, ...] = ()
    method: str = ""


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
        self.shown, self.clicked = gr.State(None, delete_callback=forget), gr.State(None)
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
            read_click, self.picture, self.clicked, queue=False, trigger_mode="multiple", preprocess=False,
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
        self.gallery.select(
            self.open_bundled, [self.shown, self.count], answer, trigger_mode="always_last", **model
        )
        self.upload.upload(self.open_upload, [self.shown, self.upload], answer, **model)
        for button, make in ((self.png, self.make_png), (self.json, self.make_json)):
            button.click(
                make, self.shown, self.file, show_progress_on=button, api_visibility="private",
                **files.DRAWING,
            ).success(
                None, js="() => document.querySelector('#sp-file a, a#sp-file, #sp-file').click()",
                api_visibility="private",
            )  # fmt: skip
        self.app.load(self.open_first, self.count, answer, **model)

    # Events. Each answers with (shown, picture, cards, status, x, y).

    def answer_click(self, shown: Generated | None, click: Click | None, count: float) -> tuple:
        """The people at the last click, in the scene that was clicked in; another may be shown by now."""
        if click is None:
            return _UNCHANGED
        meant = shown.meant(click.picture) if shown else None
        if meant is not None:
            return self._answer(meant, click.point(meant.served, (meant.width, meant.height)), count, shown)
        # The page begins with a bundled scene's own file, which can be clicked in before any answer.
        for scene in self.scenes.values():
            if os.path.abspath(scene.path) == os.path.abspath(click.picture):
                return self._open(scene, click, count, shown)
        return _UNCHANGED

    def answer_fields(self, shown: Generated | None, x: float | None, y: float | None, count: float) -> tuple:
        """The people at the typed point."""
        if x is None or y is None:
            gr.Warning("Type both X and Y, in pixels of the picture.")
            return _UNCHANGED
        return self._answer(shown, (x, y), count, shown)

    def answer_again(self, shown: Generated | None, count: float) -> tuple:
        """The same point, more or fewer people."""
        return self._answer(shown, shown.point if shown else None, count, shown)

    def open_bundled(self, shown: Generated | None, count: float, event: gr.SelectData) -> tuple:
        """A scene of the gallery, with its starting point."""
        scenes = list(self.scenes.values())
        if not isinstance(event.index, int) or not 0 <= event.index < len(scenes):
            return _UNCHANGED
        return self._open(scenes[event.index], None, count, shown)

    def open_first(self, count: float, request: gr.Request) -> tuple:
        """What a visitor sees first: the scene and point of the link, or the first scene's starting point."""
        asked = dict(request.query_params)
        if "study" in asked:  # a rater's link: that visitor sees another tab, and needs no model
            return _UNCHANGED
        if not self.scenes:
            begin = cards.status("Load a photo of your own to begin.")
            return None, None, cards.hint(HINT), begin, None, None
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
        return self._open(scene, point, count, None)

    def open_upload(self, before: Generated | None, path: str | None) -> tuple:
        """A visitor's own picture, without people yet."""
        if not path:
            return _UNCHANGED
        file = Path(path)
        try:
            scene = self.engine.scene(file)
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return _UNCHANGED
        shown = Generated(file, file.name, scene.width, scene.height)
        picture = files.serve(draw.overlay(scene.picture, [], size=shown.served))
        text = f"{file.name}, {scene.width} × {scene.height} pixels. Now click where somebody should be."
        return shown.give(picture, before), picture, cards.hint(HINT), cards.status(text), None, None

    # Downloads need no model: the people are those who are shown.

    def make_png(self, shown: Generated | None) -> str:
        """The picture with its people, at full size."""
        shown = _with_people(shown)
        try:
            picture = self.engine.picture(shown.path)
        except ScenePoseError as error:
            raise gr.Error(sentence(error), print_exception=False) from error
        return files.download(
            Path(shown.name).stem + ".png", draw.overlay(picture, shown.poses, shown.point).save
        )

    def make_json(self, shown: Generated | None) -> str:
        """The poses in the schema of `export.record`."""
        shown = _with_people(shown)
        assert shown.point is not None
        text = json.dumps(export.record(shown.name, shown, shown.point, shown.poses, shown.method))
        return files.download(
            Path(shown.name).stem + ".json", lambda path: path.write_text(text, encoding="utf-8")
        )

    def _open(
        self,
        scene: BundledScene,
        at: Click | tuple[float, float] | None,
        count: float,
        before: Generated | None,
    ) -> tuple:
        """A bundled scene with the people at a point, a click in its own file, or where it starts."""
        try:
            encoded = self.engine.scene(scene.path)
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return (*_UNCHANGED[:3], cards.status(sentence(error)), *_UNCHANGED[4:])
        size = encoded.width, encoded.height
        shown = Generated(scene.path, scene.path.name, *size, bundled=True)
        point = at.point(size, size) if isinstance(at, Click) else at
        if point is not None:
            answer = self._answer(shown, point, count, before)
            if answer is not _UNCHANGED:
                return answer
        return self._answer(shown, scene.point, count, before)

    def _answer(
        self,
        shown: Generated | None,
        point: tuple[float, float] | None,
        count: float,
        before: Generated | None,
    ) -> tuple:
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
        shown = replace(shown, point=point, poses=tuple(poses), method=scene.generator.name)
        picture = files.serve(draw.overlay(scene.picture, poses, point, size=shown.served))
        x, y = round(point[0]), round(point[1])
        text = (
            f"{len(poses)} of {scene.generator.num_templates} at ({x}, {y}), generated in {elapsed:.0f} ms."
        )
        link = cards.scene_link(shown.path.stem, point) if shown.bundled else None
        shown = shown.give(picture, before)
        return shown, picture, cards.cards(scene.generator, poses), cards.status(text, link), x, y


_UNCHANGED = tuple(gr.skip() for _ in range(6))


def _with_people(shown: Generated | None) -> Generated:
    """What can be downloaded; an error where nobody is shown."""
    if shown is None or shown.point is None:
        text = "There is nothing to download yet: click a place in the picture first."
        raise gr.Error(text, print_exception=False)
    return shown


def _whole(value: Any, otherwise: int) -> int:
    """A count from the browser as an integer, 1 to 1000; clients can post anything."""
    try:
        return min(max(int(value), 1), 1000)
    except (TypeError, ValueError, OverflowError):
        return otherwise
