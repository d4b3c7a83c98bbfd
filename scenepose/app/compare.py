"""The Compare tab: one click, and every method's answer beside the others', from one encoding."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from scenepose import METHODS, methods
from scenepose.app import posted, stage
from scenepose.app.known import KnownScene, known_file, known_scenes
from scenepose.app.pictures import Pictures
from scenepose.errors import RequestError
from scenepose.picture.draw import hex_colour, ink_on
from scenepose.predict.compare import Panel, comparable, compare, record, truth_panel
from scenepose.predict.panels import COLOURS, TITLES, TRUTH_COLOUR, figure, frame_of

#: Panels a line in a picture that is taken along.
COLUMNS = 3
#: Seeds are whole numbers up to this.
LARGEST_SEED = 2**31


class CompareTab:
    """Builds the tab, and answers what its script asks."""

    def __init__(self, pictures: Pictures):
        self.pictures = pictures
        folder = pictures.engine.folder
        config = {
            "looks": stage.looks(),
            "methods": [{"name": name, "title": TITLES[name]} for name in comparable(folder)],
            "missing": [TITLES[name] for name in methods.missing(folder)],
            "about": [{"title": TITLES[name], "text": text} for name, text in METHODS.items()],
        }
        stage.component(
            "compare", config, list(stage.asked(self.scenes, self.open, self.compare, self.picture))
        )

    def scenes(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The pictures to choose from: those with known answers, then the bundled ones."""
        known = []
        for number, scene in enumerate(known_scenes()):
            path = known_file(number)
            width, height = scene.image.size
            known.append(
                {
                    "picture": f"room:{number}", "name": path.name, "title": scene.title,
                    "link": f"room-{number + 1}",
                    "file": str(path), "width": width, "height": height, "point": _start(scene),
                    "known": scene.points.round(1).tolist(),
                }
            )  # fmt: skip
        return {"scenes": known + stage.pictures_of(self.pictures)}

    def open(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A visitor's own photo, {"path", "name"}."""
        return stage.opened(self.pictures, self.pictures.add(asked.get("path"), asked.get("name")))

    def compare(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Every method at a click, {"picture", "x", "y", "methods", "seed"}: a `comparison.record`."""
        name, scene, point, panels, elapsed = self._compare(asked)
        told = record(name, scene, point, panels)
        frame = frame_of(scene.picture, point)
        for row, panel in zip(told["methods"], panels, strict=True):
            colour = COLOURS.get(panel.method, TRUTH_COLOUR)
            row |= {
                "title": TITLES[panel.method],
                "note": panel.note,
                "colour": hex_colour(colour),
                "onColour": hex_colour(ink_on(colour)),
            }
        return {**told, "frame": list(frame), "milliseconds": elapsed}

    def picture(self, asked: dict[str, Any]) -> dict[str, str]:
        """The whole comparison as one picture, for the same request."""
        name, scene, point, panels, _ = self._compare(asked)
        sheet = figure([(scene.picture, point, panels)], columns=min(COLUMNS, len(panels)))
        return stage.download(f"{Path(name).stem}-compared.png", sheet.save)

    def _compare(self, asked: dict[str, Any]) -> tuple[str, Any, tuple[float, float], list[Panel], float]:
        from scenepose.predict.generator import check_point

        source = self.pictures.source(asked.get("picture"))
        point = posted.number(asked.get("x"), "x"), posted.number(asked.get("y"), "y")
        seed = min(
            posted.whole(posted.number(asked.get("seed"), "the seed") + 1, "the seed", 1) - 1, LARGEST_SEED
        )
        chosen = asked.get("methods")
        names = [
            name
            for name in comparable(self.pictures.engine.folder)
            if isinstance(chosen, list) and name in chosen
        ]
        if not names:
            raise RequestError("no method is switched on")
        scene = self.pictures.scene(source)
        point = check_point(point, scene.width, scene.height)
        truth = None
        if source.key.startswith("room:"):
            near = known_scenes()[int(source.key.removeprefix("room:"))].near(point)
            point, truth = near or (point, None)
        compared = self.pictures.engine.compared
        with self.pictures.turns.click():
            start = time.perf_counter()
            panels = list(compare(compared, scene, point, names, seed=seed, truth=truth))
            elapsed = round(1000 * (time.perf_counter() - start), 1)
        return source.name, scene, point, [*([truth_panel(truth)] if truth else []), *panels], elapsed


def _start(scene: KnownScene) -> list[float]:
    """The middle one of the known points: rarely at the picture's edge."""
    return min(scene.points.tolist(), key=lambda at: abs(at[0] - scene.image.width / 2))
