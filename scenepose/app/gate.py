"""The demo's door: what is too large, leads outside or fails becomes one sentence here, never a traceback.

gradio answers requests that this demo has no use for: it fetches addresses for clients, forwards to other
servers, records the screen. And what its routes raise would end up as a traceback in the terminal.
"""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The largest request without a file, and with one (gradio itself counts each file), bytes.
LARGEST, LARGEST_UPLOAD = 1_000_000, 66_000_000
#: Only these carry files.
_UPLOADS = ("/gradio_api/upload", "/gradio_api/component_server")
#: Routes of gradio that fetch, forward, record, edit or show what is not a visitor's business. What is not
#: listed is open: a new version of gradio may need other routes for its page.
_CLOSED = (
    "/gradio_api/proxy=", "/gradio_api/stream/", "/gradio_api/process_recording", "/gradio_api/vibe-",
    "/gradio_api/undo-vibe", "/gradio_api/run-history", "/gradio_api/runs", "/gradio_api/deep_link",
    "/gradio_api/dev/", "/gradio_api/profiling", "/gradio_api/custom_component", "/monitoring", "/login",
    "/logout", "/docs", "/redoc", "/openapi.json",
)  # fmt: skip
#: Routes that call an endpoint by its name.
_CALLS = ("/gradio_api/call/", "/gradio_api/run/", "/gradio_api/api/")
#: A file that is asked for by an address, which gradio would fetch. (A drive has one letter: C:/pictures.)
_ADDRESS = re.compile(r"/gradio_api/file[=/]\W*[a-z][a-z0-9+.-]+:", re.IGNORECASE)


class Gate:
    """ASGI middleware around all routes."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refusal := _closed(scope):
            await refusal(scope, receive, send)
            return
        limit = LARGEST_UPLOAD if _path(scope).startswith(_UPLOADS) else LARGEST
        counted = _Counted(receive, send, limit)
        try:
            if counted.announced(scope) > limit:
                raise _TooLargeError
            await self.app(scope, counted.receive, counted.send)
        except Exception as error:
            if not counted.begun:
                await _answer(scope, error, counted)(scope, receive, send)
            elif not counted.ended:  # a stream that broke off: whoever reads it has been told within it
                await send({"type": "http.response.body", "body": b"", "more_body": False})


class _TooLargeError(Exception):
    """A request has more bytes than it may have."""


class _Counted:
    """The two ends of a request: how much came in, and whether an answer went out."""

    def __init__(self, receive: Receive, send: Send, limit: int):
        self._receive, self._send, self.limit = receive, send, limit
        self.size, self.begun, self.ended, self.too_large = 0, False, False, False

    def announced(self, scope: Scope) -> int:
        """How long the client says that the request is; 0 where it does not."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return int(length) if length.isdigit() else 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.size += len(message.get("body", b""))
        if self.size > self.limit:
            self.too_large = True  # remembered, because a route may make another error of it
            raise _TooLargeError
        return message

    async def send(self, message: Message) -> None:
        self.begun = True
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


def _path(scope: Scope) -> str:
    """The path of a request below the prefix that the server may have."""
    path, prefix = scope["path"], scope.get("root_path", "")
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def _closed(scope: Scope) -> Response | None:
    """The refusal of what is not served."""
    path = _path(scope)
    if path.startswith(_CLOSED):
        return JSONResponse({"error": "This is not served here."}, 404)
    if _ADDRESS.match(path):
        return JSONResponse({"error": "Only pictures of this page are served, and no addresses."}, 403)
    return None


def _answer(scope: Scope, error: Exception, counted: _Counted) -> Response:
    """What a client reads instead of a traceback."""
    if counted.too_large or isinstance(error, _TooLargeError):
        text = f"The request is larger than {counted.limit // 10**6} MB, which is the most that is taken."
        return JSONResponse({"error": text}, 413)
    if isinstance(error, HTTPException):
        return JSONResponse({"error": str(error.detail)}, error.status_code)
    say(f"{scope['method']} {_path(scope)[:80]}", error)
    # The model runs elsewhere (`guarded`): what fails here is gradio's reading of the request.
    return JSONResponse(
        {"error": "This request asks for something that does not exist or makes no sense."}, 400
    )


async def unreadable(_request: Request, error: Exception) -> Response:
    """The answer to a request whose JSON has not the expected shape (FastAPI's RequestValidationError)."""
    problems: list[dict[str, Any]] = getattr(error, "errors", list)()
    where = ", ".join(sorted({".".join(map(str, one["loc"]))[:60] for one in problems[:5]})) or "the request"
    return JSONResponse({"error": f"The request is not of the expected form: see {where}."}, 422)


def say(where: str, error: BaseException) -> None:
    """One line on stderr for whoever runs the demo: what failed, where, and in which line of code."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    line = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
    text = " ".join(f"{where}: {type(error).__name__}: {error}".split())
    print(f"scenepose: {text[:300]}{line}", file=sys.stderr, flush=True)
