"""The Generate tab: click a place in a scene and see the people who fit there."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from scenepose import export
from scenepose.app import posted, stage
from scenepose.app.grid import PATIENCE, Grids
from scenepose.app.pictures import Pictures, plain_name
from scenepose.errors import RequestError, ScenePoseError, sentence
from scenepose.export import pose_picture
from scenepose.export.files import SUFFIXES
from scenepose.predict import FITS

#: People shown at first, and at most.
SHOWN, MOST = 3, 14
#: From how near people may come to touch what is under a click ("about here"), picture heights.
ABOUT = 0.08


class GenerateTab:
    """Builds the tab, and answers what its script asks."""

    def __init__(self, pictures: Pictures):
        self.pictures, self.grids = pictures, Grids(pictures)
        config = {
            "scenes": stage.pictures_of(pictures),
            "looks": stage.looks(),
            "doing": stage.DOING,
            "fits": FITS,
            "shown": SHOWN,
            "most": MOST,
            "about": ABOUT,
        }
        plain = stage.asked(self.open, self.model, self.answer, self.check, self.save)

        async def grid(posted: Any) -> dict[str, Any]:
            return await self.grid(posted)

        stage.component("generate", config, [*plain, grid])

    def open(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A visitor's own photo, {"path", "name"}."""
        return stage.opened(self.pictures, self.pictures.add(asked.get("path"), asked.get("name")))

    def model(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the page wants to know of the model; waits until it is loaded."""
        generator = self.pictures.engine.generator()
        return {
            "method": generator.name,
            "templates": [
                {
                    "shape": shape.round(4).tolist(),
                    "name": name,
                    "kind": kind,
                    **stage.colours({"template": n}),
                }
                for n, (shape, name, kind) in enumerate(
                    zip(generator.templates, generator.template_names, generator.template_kinds, strict=True)
                )
            ],
            "kinds": generator.kinds,
        }

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Everybody at a click, {"picture", "x", "y", "near"}: a `export.record`, one pose a template."""
        source = self.pictures.source(asked.get("picture"))
        point = posted.number(asked.get("x"), "x"), posted.number(asked.get("y"), "y")
        near = posted.radius(asked.get("near"))
        scene = self.pictures.scene(source)
        with self.pictures.turns.click():
            start = time.perf_counter()
            poses = scene.generate(point, top_k=scene.generator.num_templates, near=near)
            elapsed = 1000 * (time.perf_counter() - start)
        record = export.record(source.name, scene, point, poses, scene.generator.name)
        for one, pose in zip(record["poses"], poses, strict=True):
            one |= stage.colours(pose)
        return {**record, "milliseconds": round(elapsed, 1)}

    async def grid(self, asked: Any) -> dict[str, Any]:
        """A picture's grid of answers, {"picture", "near", "kinds"}; {"waiting": true} while it is made."""
        try:
            if not isinstance(asked, dict):
                raise RequestError(f"a request is an object, not {posted.shortly(asked)}")
            source = await asyncio.to_thread(self.pictures.source, asked.get("picture"))
            near, kinds = posted.radius(asked.get("near")), posted.kinds(asked.get("kinds"))
            future = self.grids.of(source, near, kinds)
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), PATIENCE)
        except TimeoutError:
            return {"waiting": True}
        except ScenePoseError as error:
            return {"error": sentence(error)}

    def check(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A file of ours that was dropped on the page, {"record": its JSON, "name"}: its people to draw."""
        answer = export.read_record(
            posted.mapping(asked, "record"), plain_name(asked.get("name")) or "the file"
        )
        people = [{**one, **stage.colours(one)} for one in answer.record()["poses"]]
        return {"width": answer.width, "height": answer.height, "scene": answer.scene, "people": people}

    def save(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A file of the people who are in the scene together, {"picture", "people", "format", "size"}."""
        source = self.pictures.source(asked.get("picture"))
        format, side = posted.text(asked, "format"), pose_picture.side_of(posted.text(asked, "size"))
        export.check_formats([format])
        picture = self.pictures.engine.picture(source.path)
        record = {"scene": source.name, "width": picture.width, "height": picture.height, "together": True}
        record |= {"method": "scenepose", "poses": asked.get("people")}
        answer = export.read_record(record, "the scene")
        if not answer.people:
            raise RequestError("there is nobody to download yet: click a place in the picture first")
        data = export.content(answer, format, picture, side=side)
        name = f"{Path(source.name).stem}{SUFFIXES[format]}"
        return stage.download(name, lambda path: path.write_bytes(data))
