"""What programs get from the running demo: /generate, /compare and /affordance_map."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr
from gradio.components import Component
from gradio.context import Context

from scenepose import export
from scenepose.app import files, posted
from scenepose.app.engine import Engine
from scenepose.app.guarded import Guarded
from scenepose.errors import PictureError, ScenePoseError, sentence
from scenepose.predict.compare import compare, record

if TYPE_CHECKING:
    from scenepose.predict.generator import Scene


C = TypeVar("C", bound=Component)


class Endpoints:
    """Builds the endpoints into the app that is being built; hidden components give them their types."""

    def __init__(self, engine: Engine):
        self.engine = engine
        model: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}
        # A map scores hundreds of points: it has a queue of its own, so that no click waits for it.
        maps: dict[str, Any] = {"concurrency_id": "map", "concurrency_limit": 1}
        with gr.Group(visible=False):
            image = files.only_uploads(gr.File(label="image", file_types=["image"]))
            x, y = _any(gr.Number(label="x")), _any(gr.Number(label="y"))
            top_k = _any(gr.Number(5, label="top_k", precision=0))
            near = _any(gr.Number(0, label="near"))
            kinds = _any(gr.JSON([], label="kinds"))
            result, picture = gr.JSON(label="result"), gr.File(label="picture")
            for endpoint, inputs, outputs, queue in (
                (self.generate, [image, x, y, top_k, near, kinds], result, model),
                (self.compare, [image, x, y], result, model),
                (self.affordance_map, image, [picture, result], maps),
            ):
                gr.Button().click(endpoint, inputs, outputs, api_name=endpoint.__name__, **queue)
        app = Context.root_block
        if isinstance(app, Guarded):
            app.defaults["generate"] = [0, None]  # calls of before near and kinds were added

    def generate(self, image: str, x: float, y: float, top_k: int, near: float, kinds: Any) -> dict[str, Any]:
        """The people who fit at a point of a picture, best first, in pixels of the original picture.

        Args:
            image: the picture file.
            x: pixels from the left.
            y: pixels from the top.
            top_k: how many poses at most, 1 or more; 5 where it is null.
            near: 0 puts the middle of every body exactly at the point; with a radius, in picture heights
                (the page asks 0.08), people touch what is under the point.
            kinds: a list of "stand", "walk", "gesture", "carry", "sit", "bend", "crouch", "lean" and "lie";
                null means anybody.
        """
        with _in_sentences():
            point = posted.number(x, "x"), posted.number(y, "y")
            count, radius, chosen = posted.whole(top_k, "top_k", 5), posted.radius(near), posted.kinds(kinds)
            scene = self._scene(image)
            poses = scene.generate(point, top_k=count, near=radius, kinds=chosen)
            return export.record(Path(image).name, scene, point, poses, scene.generator.name)

    def compare(self, image: str, x: float, y: float) -> dict[str, Any]:
        """Every method's best pose at a point of a picture, in pixels of the original picture.

        Args:
            image: the picture file.
            x: pixels from the left.
            y: pixels from the top.
        """
        with _in_sentences():
            point = posted.number(x, "x"), posted.number(y, "y")
            scene, compared = self._scene(image), self.engine.compared
            panels = list(compare(compared, scene, point, compared.names()))
            return record(Path(image).name, scene, point, panels)

    def affordance_map(self, image: str) -> tuple[str, dict[str, Any]]:
        """Where people fit in a picture: a picture of the map, and its numbers.

        The numbers are {"scene", "width", "height", "method", "columns", "rows", "scores"}: square cells
        cover the picture, and scores[row][column] in [0, 1] says how well the best template fits at the
        middle of one.

        Args:
            image: the picture file.
        """
        from scenepose.predict import affordance

        with _in_sentences():
            scene = self._scene(image)
            scores = affordance.affordance_map(scene)
            painted = affordance.paint(scene.picture, scores)
        rows, columns = scores.shape
        said = {
            "scene": Path(image).name,
            "width": scene.width,
            "height": scene.height,
            "method": scene.generator.name,
            "columns": columns,
            "rows": rows,
            "scores": [[round(float(score), 6) for score in row] for row in scores],
        }
        return files.download(f"{Path(image).stem}.map.png", painted.save), said

    def _scene(self, image: str | None) -> Scene:
        if not image:
            raise PictureError("a picture is needed")
        return self.engine.scene(Path(image))


def _any(component: C) -> C:
    """Let a component hand on whatever a client posts: what is wrong with it is told by `posted`."""
    component.preprocess = lambda payload: payload  # type: ignore[method-assign]
    return component


@contextmanager
def _in_sentences() -> Iterator[None]:
    """What a client did wrong reaches it as a sentence."""
    try:
        yield
    except ScenePoseError as error:
        raise gr.Error(sentence(error), print_exception=False) from error
