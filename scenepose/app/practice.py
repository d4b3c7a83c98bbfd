"""The practice study of the Study tab: a few pairs that anybody may answer, and nothing of it is kept.

No model and no database are needed: each pair shows a true pose of a bundled room, and the most frequent
template at its mean size in the same place.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scenepose.app.known import KnownScene, known_scenes
from scenepose.assets import assets

#: Pairs, at most.
PAIRS = 5
#: What the two sides turn out to be.
TRUE, FREQUENT = "a true pose of this place", "the most frequent pose, wherever one clicks"


@dataclass(frozen=True)
class Pair:
    """Two poses in one place.

    Attributes:
        scene: where. sides: (16, 2) pixels and what it is, of A and of B.
    """

    scene: KnownScene
    sides: tuple[tuple[NDArray, str], tuple[NDArray, str]]


@cache
def pairs() -> list[Pair]:
    """One pair a room, where the two differ most and the true one is all seen; none without bundled rooms."""
    from scenepose.pose.templates import TemplateSet

    path = assets() / "templates" / "picked.json"
    if not path.is_file():
        return []
    templates = TemplateSet.from_json(path.read_text(encoding="utf-8"))
    number = templates.by_frequency[0]
    constant = templates.templates[number] * templates.scales[number]
    coin = random.Random(0)
    found = []
    for scene in known_scenes()[:PAIRS]:
        seen = (scene.keypoints >= 0).all((1, 2)) & (scene.keypoints <= scene.image.size).all((1, 2))
        whole = np.flatnonzero(scene.known.all(1) & seen)
        if not len(whole):
            continue
        others = scene.points[whole, None] + constant * scene.image.height
        apart = np.linalg.norm(scene.keypoints[whole] - others, axis=-1).mean(-1)
        one = int(apart.argmax())
        sides = [(scene.keypoints[whole[one]], TRUE), (others[one], FREQUENT)]
        coin.shuffle(sides)
        found.append(Pair(scene, (sides[0], sides[1])))
    return found


@cache
def drawn(number: int, side: int) -> bytes:
    """One side of a pair as raters see it, a JPEG."""
    from scenepose.picture import images
    from scenepose.study import pictures

    pair = pairs()[number]
    return pictures.figure(images.read(pair.scene.image), pair.sides[side][0].astype(np.float32))


def told() -> dict[str, Any]:
    """All pairs: their pictures, and what each side is, which the page says after an answer."""
    return {
        "trials": [
            {
                f"{kind}_{side}": value
                for n, side in enumerate("ab")
                for kind, value in (("image", f"/study/practice/{k}{side}"), ("is", pair.sides[n][1]))
            }
            for k, pair in enumerate(pairs())
        ]
    }


def routes() -> list[Route]:
    """What the page asks for."""
    return [
        Route("/study/practice", _told, methods=["POST"]),
        Route("/study/practice/{number:int}{side}", _drawn, methods=["GET"]),
    ]


async def _told(_request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(told))


async def _drawn(request: Request) -> Response:
    number, side = request.path_params["number"], request.path_params["side"]
    if side not in ("a", "b") or number >= len(await run_in_threadpool(pairs)):
        return JSONResponse({"error": "there is no such picture"}, 404)
    picture = await run_in_threadpool(drawn, number, "ab".index(side))
    return Response(picture, media_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})
