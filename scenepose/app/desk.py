"""What the Study and Results tabs share: the database, opened when first asked for, and plain routes.

Votes go past gradio's queue, on routes of their own: they wait for nobody's model run.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scenepose.errors import ScenePoseError

if TYPE_CHECKING:
    from scenepose.study.database import Database
    from scenepose.study.sessions import Sessions

#: The largest request, bytes: a vote has a hundred.
LARGEST = 4096
#: Pictures never change under their name.
_PICTURE_HEADERS = {
    "Cache-Control": "private, max-age=86400, immutable",
    "X-Content-Type-Options": "nosniff",
}


class Desk:
    """The study's database behind the server; may be used from any thread."""

    def __init__(self, url: str | None = None):
        """Take the database's URL, by default `database.default_url`; nothing is opened yet."""
        self._url = url
        self._lock = threading.Lock()
        self._sessions: Sessions | None = None

    @property
    def sessions(self) -> Sessions:
        """Raters' sessions; opens the database.

        Raises:
            StudyError: it cannot be opened.
        """
        from scenepose.study.database import Database
        from scenepose.study.sessions import Sessions

        with self._lock:
            if self._sessions is None:
                self._sessions = Sessions(Database(self._url))
            return self._sessions

    def open(self) -> None:
        """Open the database now. Raises StudyError: it cannot be opened."""
        _ = self.sessions

    @property
    def database(self) -> Database:
        """The open database."""
        return self.sessions.database

    def routes(self) -> list[Route]:
        """What the raters' page talks to."""
        return [
            Route("/study/info", self._info, methods=["POST"]),
            Route("/study/join", self._join, methods=["POST"]),
            Route("/study/next", self._next, methods=["POST"]),
            Route("/study/vote", self._vote, methods=["POST"]),
            Route("/study/image/{name}", self._image, methods=["GET"]),
        ]

    async def _info(self, request: Request) -> Response:
        return await _answer(
            request, lambda asked: self.sessions.info(asked.get("study"), asked.get("participant"))
        )

    async def _join(self, request: Request) -> Response:
        def join(asked: dict[str, Any]) -> dict[str, Any]:
            return {"participant": self.sessions.join(asked.get("study"), asked.get("participant"))}

        return await _answer(request, join)

    async def _next(self, request: Request) -> Response:
        return await _answer(
            request, lambda asked: self.sessions.next(asked.get("study"), asked.get("participant"))
        )

    async def _vote(self, request: Request) -> Response:
        return await _answer(
            request,
            lambda asked: self.sessions.vote(
                asked.get("trial"), asked.get("participant"), asked.get("answer"), asked.get("response_ms")
            ),
        )

    async def _image(self, request: Request) -> Response:
        try:
            picture = await run_in_threadpool(lambda: self.sessions.picture(request.path_params["name"]))
        except ScenePoseError as error:
            return JSONResponse({"error": str(error)}, 404)
        return Response(picture, media_type="image/jpeg", headers=_PICTURE_HEADERS)


async def _answer(request: Request, work: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
    """Run ``work`` on the request's JSON in a thread; what is refused is 400 with a sentence."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return JSONResponse({"error": "the request is too large"}, 413)
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        return JSONResponse({"error": "the request is no JSON object"}, 400)
    headers = {"Cache-Control": "no-store"}
    try:
        return JSONResponse(await run_in_threadpool(work, asked), headers=headers)
    except ScenePoseError as error:
        return JSONResponse({"error": str(error)}, 400, headers)
    except Exception:
        # A busy or broken database: the page tries again, and the same vote counts once.
        logging.getLogger(__name__).exception("a study request failed")
        return JSONResponse({"error": "the server could not do that just now"}, 503, headers)
