"""The Compare tab: one click, and every method's answer beside the others', from one encoding."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from scenepose import METHODS, methods
from scenepose.app import cards, compare_page, files
from scenepose.app.clicks import Click, read_click
from scenepose.app.compare_page import Compare
from scenepose.app.engine import Engine
from scenepose.app.known import known_file, known_scenes
from scenepose.app.shown import forget
from scenepose.assets import BundledScene
from scenepose.comparison import comparable, compare, truth_panel
from scenepose.errors import ScenePoseError, sentence
from scenepose.panels import TITLES, figure, scaled

#: The panels in their order; those of methods that are switched off are hidden.
PANELS = ("truth", *METHODS)
#: An answer that changes nothing.
UNCHANGED = tuple(gr.skip() for _ in range(5 + len(PANELS)))
#: Panels a line in a picture that is taken along.
COLUMNS = 3
HINT = "Click a place: every method answers there, all from one encoding of the click."


class CompareTab:
    """Builds the tab, which is being built inside ``app``, and answers its events."""

    def __init__(self, engine: Engine, scenes: list[BundledScene], tab: gr.Tab):
        self.engine, self.scenes = engine, scenes
        self._layout()
        self._wire(tab)

    def _layout(self) -> None:
        self.shown, self.clicked = gr.State(None, delete_callback=forget), gr.State(None)
        names = comparable(self.engine.folder)
        choices = [(TITLES[name], name) for name in names]
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                self.picture = gr.Image(
                    interactive=False, show_label=False, container=False, elem_id="sp-compare-scene",
                    buttons=["fullscreen"], alt_text="The scene to compare in; click a place in it",
                )  # fmt: skip
                self.status = gr.HTML(cards.status(HINT), padding=False, elem_id="sp-compare-status")
            with gr.Column(scale=4, min_width=300):
                self.upload = files.only_uploads(
                    gr.UploadButton(
                        "Use your own photo", file_types=["image"], variant="primary",
                        elem_id="sp-compare-upload",
                    )
                )  # fmt: skip
                self.methods = gr.CheckboxGroup(
                    choices, value=names, label="Methods", elem_id="sp-compare-methods"
                )
                with gr.Row(equal_height=True):
                    self.seed = gr.Number(
                        0, label="Seed of the random methods", precision=0, minimum=0, min_width=150,
                        elem_id="sp-compare-seed",
                    )  # fmt: skip
                    self.again = gr.Button("Draw again", min_width=110, elem_id="sp-compare-again")
                with gr.Row(equal_height=True):
                    self.x = gr.Number(label="X (pixels)", elem_id="sp-compare-x", min_width=80)
                    self.y = gr.Number(label="Y (pixels)", elem_id="sp-compare-y", min_width=80)
                    self.button = gr.Button("Compare", min_width=90, elem_id="sp-compare-button")
        with gr.Row(elem_id="sp-panels"):
            self.panels = [gr.HTML(visible=False, padding=False) for _ in PANELS]
        with gr.Row(elem_id="sp-compare-after"):
            notes = compare_page.missing_line(methods.missing(self.engine.folder)) + compare_page.about()
            gr.HTML(notes, padding=False, elem_id="sp-compare-notes")
            self.download = gr.Button("Download the comparison", size="sm", elem_id="sp-compare-png")
        self.gallery = gr.Gallery(
            show_label=False, columns=8, allow_preview=False, object_fit="cover", interactive=False,
            buttons=[], elem_id="sp-compare-scenes", height="auto", type="filepath",
        )  # fmt: skip
        self.file = gr.DownloadButton(visible="hidden", elem_id="sp-compare-file")

    def _wire(self, tab: gr.Tab) -> None:
        answer = [self.shown, self.picture, self.status, self.x, self.y, *self.panels]
        model: dict[str, Any] = {
            "concurrency_id": "model", "concurrency_limit": 1, "show_progress": "hidden",
            "api_visibility": "private", "trigger_mode": "always_last",
        }  # fmt: skip
        chosen = [self.methods, self.seed]
        # Two steps, so that of several quick clicks the last one wins (see `GenerateTab`).
        self.picture.select(
            read_click, self.picture, self.clicked, queue=False, trigger_mode="multiple", preprocess=False,
            show_progress="hidden", api_visibility="private",
        ).then(self.answer_click, [self.shown, self.clicked, *chosen], answer, **model)  # fmt: skip
        gr.on(
            [self.button.click, self.x.submit, self.y.submit],
            self.answer_fields, [self.shown, self.x, self.y, *chosen], answer, **model,
        )  # fmt: skip
        gr.on(
            [self.methods.input, self.seed.submit], self.answer_again, [self.shown, *chosen], answer, **model
        )
        self.again.click(
            lambda seed: compare_page.whole(seed) + 1, self.seed, self.seed, queue=False,
            api_visibility="private", show_progress="hidden",
        ).then(self.answer_again, [self.shown, *chosen], answer, **model)  # fmt: skip
        self.gallery.select(self.open_scene, [self.shown, *chosen], answer, **model)
        self.upload.upload(self.open_upload, [self.shown, self.upload], answer, **model)
        tab.select(
            self.fill_gallery, self.shown, self.gallery, queue=False, show_progress="hidden",
            api_visibility="private",
        ).then(self.open_first, [self.shown, *chosen], answer, **model)  # fmt: skip
        self.download.click(
            self.make_picture, self.shown, self.file, show_progress_on=self.download,
            api_visibility="private", **files.DRAWING,
        ).success(
            None, js="() => document.querySelector('#sp-compare-file a, a#sp-compare-file, "
            "#sp-compare-file').click()", api_visibility="private",
        )  # fmt: skip

    # Events. Each answers with (shown, picture, status, x, y, *panels), most of them several times.

    def fill_gallery(self, shown: Compare | None) -> Any:
        """The bundled scenes and those with known answers, when the tab is first looked at."""
        if shown is not None:
            return gr.skip()
        known = [(str(known_file(number)), scene.title) for number, scene in enumerate(known_scenes())]
        return known + [(str(scene.path), scene.title) for scene in self.scenes]

    def answer_click(
        self, shown: Compare | None, click: Click | None, names: Any, seed: Any
    ) -> Iterator[tuple]:
        """The methods at the last click, in the scene that was clicked in; another may be shown by now."""
        meant = shown.meant(click.picture) if shown and click else None
        point = click.point(meant.served, (meant.width, meant.height)) if meant and click else None
        yield from self._answer(meant, point, names, seed, shown)

    def answer_fields(
        self, shown: Compare | None, x: float | None, y: float | None, names: Any, seed: Any
    ) -> Iterator[tuple]:
        """The methods at the typed point."""
        if x is None or y is None:
            gr.Warning("Type both X and Y, in pixels of the picture.")
            yield UNCHANGED
            return
        yield from self._answer(shown, (x, y), names, seed, shown)

    def answer_again(self, shown: Compare | None, names: Any, seed: Any) -> Iterator[tuple]:
        """The same point with other methods or another seed."""
        yield from self._answer(shown, shown.point if shown else None, names, seed, shown)

    def open_first(self, shown: Compare | None, names: Any, seed: Any) -> Iterator[tuple]:
        """What one sees first: the first scene with a known answer, else the first bundled one."""
        yield UNCHANGED
        if shown is None and (known_scenes() or self.scenes):
            yield from self._open(0, None, names, seed)

    def open_scene(
        self, shown: Compare | None, names: Any, seed: Any, event: gr.SelectData
    ) -> Iterator[tuple]:
        """A scene of the gallery, with its starting point."""
        yield UNCHANGED
        if isinstance(event.index, int) and 0 <= event.index < len(known_scenes()) + len(self.scenes):
            yield from self._open(event.index, shown, names, seed)

    def open_upload(self, before: Compare | None, path: str | None) -> Iterator[tuple]:
        """A visitor's own picture, without people yet."""
        yield UNCHANGED
        if not path:
            return
        file = Path(path)
        try:
            scene = self.engine.scene(file)
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return
        shown = Compare(file, file.name, scene.width, scene.height)
        text = f"{file.name}, {scene.width} × {scene.height} pixels. Now click where somebody should be."
        hidden = [gr.HTML(visible=False) for _ in PANELS]  # whatever was visible before
        picture = compare_page.click_picture(shown, scene.picture)
        yield shown.give(picture, before), picture, cards.status(text), None, None, *hidden

    def make_picture(self, shown: Compare | None) -> str:
        """The whole comparison as one picture."""
        if shown is None or shown.point is None or not shown.panels:
            raise gr.Error(
                "There is nothing to download yet: click a place in the picture first.", print_exception=False
            )
        try:
            picture = self.engine.picture(shown.path)
        except ScenePoseError as error:
            raise gr.Error(sentence(error), print_exception=False) from error
        sheet = figure([(picture, shown.point, shown.panels)], columns=min(COLUMNS, len(shown.panels)))
        return files.download(f"{Path(shown.name).stem}-compared.png", sheet.save)

    def _chosen(self, names: Any) -> list[str]:
        """The methods that are switched on; clients can post anything."""
        return [name for name in comparable(self.engine.folder) if isinstance(names, list) and name in names]

    def _open(self, number: int, before: Compare | None, names: Any, seed: Any) -> Iterator[tuple]:
        known = known_scenes()
        try:
            if number < len(known):
                scene = known[number]
                path = known_file(number)
                shown = Compare(path, path.name, *scene.image.size, known=number)
                # The middle one of the known points: rarely at the picture's edge.
                x, y = min(scene.points.tolist(), key=lambda at: abs(at[0] - scene.image.width / 2))
                point = (x, y)
            else:
                bundled = self.scenes[number - len(known)]
                encoded = self.engine.scene(bundled.path)
                shown = Compare(bundled.path, bundled.path.name, encoded.width, encoded.height)
                point = bundled.point
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return
        yield from self._answer(shown, point, names, seed, before)

    def _answer(
        self,
        shown: Compare | None,
        point: tuple[float, float] | None,
        names: Any,
        seed: Any,
        before: Compare | None,
    ) -> Iterator[tuple]:
        """Every method at a point, panel by panel; a problem is a sentence, and what was shown stays."""
        yield UNCHANGED  # an event that yields nothing would empty what it could have changed
        if shown is None or point is None:
            return
        try:
            yield from self._compare(shown, point, self._chosen(names), compare_page.whole(seed), before)
        except ScenePoseError as error:
            gr.Warning(sentence(error))

    def _compare(
        self,
        shown: Compare,
        point: tuple[float, float],
        names: list[str],
        seed: int,
        before: Compare | None,
    ) -> Iterator[tuple]:
        """Waiting panels at once, then each as it finishes; ``before`` is what the page shows now."""
        from scenepose.predictor import check_point

        scene, truth = self.engine.scene(shown.path), None
        near = shown.scene.near(point) if shown.scene else None
        if near is not None:
            point, truth = near
        point = check_point(point, scene.width, scene.height)
        start, finished = time.perf_counter(), [truth_panel(truth)] if truth else []
        shown = replace(shown, point=point, panels=())
        small = scaled(scene.picture, point, compare_page.WIDTH)
        ready = {one.method: compare_page.panel(one, small, point) for one in finished}
        for method in names:
            ready[method] = compare_page.waiting(method, small, point)
        visible = before.visible if before else ()
        slots = [compare_page.slot(name in visible, ready.get(name)) for name in PANELS]
        picture, (x, y) = compare_page.click_picture(shown, scene.picture), (round(point[0]), round(point[1]))
        shown = replace(shown, visible=tuple(ready)).give(picture, before)
        yield shown, picture, cards.status("Comparing …"), x, y, *slots
        for panel in compare(self.engine.compared, scene, point, names, seed=seed, truth=truth):
            finished.append(panel)
            html = compare_page.panel(panel, small, point)
            slots = [html if name == panel.method else gr.skip() for name in PANELS]
            yield *(gr.skip() for _ in range(5)), *slots
        elapsed = 1000 * (time.perf_counter() - start)
        text = compare_page.told(len(names), (x, y), elapsed, truth, shown.scene)
        shown = replace(shown, panels=tuple(finished))
        yield shown, gr.skip(), cards.status(text), gr.skip(), gr.skip(), *(gr.skip() for _ in PANELS)
