"""Malformed calls of every endpoint, generated from what the demo says of itself (/gradio_api/info)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.uploads import META

#: Values that fit nowhere or hardly anywhere.
VALUES: dict[str, Any] = {
    "nothing": None, "true": True, "empty": "", "word": "abc", "digits": "12", "NaN": math.nan,
    "infinity": math.inf, "huge": 1e308, "negative": -1e308, "minus one": -1, "zero": 0, "half": 0.5,
    "64 bits": 2**63, "400 digits": 10**400, "list": [], "numbers": [1, 2], "lists": [[[[]]]], "object": {},
    "parent": "../../../etc/passwd", "path": "/etc/passwd", "file address": "file:///etc/passwd",
    "inner address": "http://127.0.0.1:9/a.png", "metadata service": "http://169.254.169.254/latest/meta-data",
    "zero byte": "a\0b", "half a character": "\ud800", "long": "x" * 200_000,
    "markup": "<script>alert(1)</script>",
    "SQL": "' OR 1=1; DROP TABLE trials; --", "format": "%s%n{0.__class__}", "key": "somebody-elses-key",
}  # fmt: skip
#: Places that a client has no business with.
PATHS = (
    "/etc/passwd", "../../etc/passwd", "/proc/self/environ", "", ".", "..", "~/.ssh/id_rsa",
    "C:\\windows\\win.ini", "http://127.0.0.1:9/a.png", "http://169.254.169.254/", "file:///etc/passwd",
    "HTTPS://example.org/a.png", "ftp://example.org/a.png", "//example.org/a.png", "a\0.png", "x" * 5000,
    "data:image/png;base64,AAAA",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A request: ``body`` is sent as it is.

    Attributes:
        kind: what is wrong with it. route: below the server's address.
    """

    kind: str
    route: str
    body: bytes


def calls(info: dict[str, Any], picture: dict[str, Any], secret: str) -> list[Call]:
    """All of them.

    Args:
        info: what /gradio_api/info says. picture: a file that was uploaded. secret: a path outside.
    """
    found: list[Call] = []
    for name, endpoint in info["named_endpoints"].items():
        parameters = endpoint["parameters"]
        good = [_good(one, picture) for one in parameters]
        found += _one_wrong(name, parameters, good, [*PATHS, secret])
        found += _wrong_number(name, parameters, good)
        if name == "/affordance_map":  # the good value is not to cost a map each time
            good = [{**picture, "path": f"{picture['path']}-gone"}]
        found += _wrong_shape(name, good)
    return [*found, *_no_endpoint(good), *_queue(), *_elsewhere(secret)]


def _good(parameter: dict[str, Any], picture: dict[str, Any]) -> Any:
    """A value that fits."""
    if parameter["component"] == "File":
        return picture
    return {"x": 20, "y": 20, "top_k": 2, "near": 0, "kinds": None}.get(parameter["parameter_name"], "abcd")


def _one_wrong(name: str, parameters: list, good: list, paths: list[str]) -> Iterator[Call]:
    for number, parameter in enumerate(parameters):
        wrong = dict(VALUES)
        if parameter["component"] == "File":
            wrong |= {f"path {path[:30]!r}": {"path": path, "meta": META} for path in paths}
            wrong |= {
                "address beside it": {**good[number], "url": "http://169.254.169.254/"},
                "no meta": {"path": good[number]["path"]},
                "other meta": {**good[number], "meta": {"_type": "other"}},
                "path a number": {"path": 5, "meta": META},
                "path a list": {"path": ["/etc/passwd"], "meta": META},
                "two files": [good[number], good[number]],
                "gone": {**good[number], "path": good[number]["path"] + "x"},
                "a folder": {**good[number], "path": good[number]["path"].rpartition("/")[0]},
                "stream": {"path": "/etc/passwd", "is_stream": True, "meta": META},
            }
        for kind, value in wrong.items():
            values = [*good[:number], value, *good[number + 1 :]]
            label = f"{parameter['parameter_name']} {kind}"
            yield Call(label, f"/gradio_api/run{name}", _json({"data": values, "session_hash": "hostile"}))


def _wrong_number(name: str, parameters: list, good: list) -> Iterator[Call]:
    for count in range(len(good)):
        needed = any(not one["parameter_has_default"] for one in parameters[count:])
        kind = "missing" if needed else "left out"
        yield Call(kind, f"/gradio_api/run{name}", _json({"data": good[:count]}))
    yield Call("extra", f"/gradio_api/run{name}", _json({"data": [*good, 1]}))
    yield Call("many", f"/gradio_api/run{name}", _json({"data": [0] * 1000}))
    named = {one["parameter_name"]: value for one, value in zip(parameters, good, strict=True)}
    yield Call("unknown name", f"/gradio_api/call/v2{name}", _json({**named, "nobody": 1}))
    yield Call("names missing", f"/gradio_api/call/v2{name}", _json({}))


def _wrong_shape(name: str, good: list) -> Iterator[Call]:
    bodies = {
        "no data": {}, "data a text": {"data": "abc"}, "data an object": {"data": {"a": 1}}, "a list": [1, 2],
        "a number": 5, "data nothing": {"data": None}, "session a list": {"data": good, "session_hash": []},
        "function a text": {"data": good, "fn_index": "x"}, "batched": {"data": good, "batched": True},
        "another function": {"data": good, "fn_index": 99999}, "trigger": {"data": good, "trigger_id": 99999},
    }  # fmt: skip
    for kind, body in bodies.items():
        yield Call(kind, f"/gradio_api/run{name}", _json(body))
    raw = {
        "no JSON": b"{", "nothing": b"", "not UTF-8": b'{"data": ["\xff"]}', "deep": b"[" * 100_000,
        "deep data": b'{"data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "10 MB": _json({"data": ["x" * 10**7]}),
    }  # fmt: skip
    for kind, body in raw.items():
        yield Call(kind, f"/gradio_api/run{name}", body)


def _no_endpoint(good: list) -> Iterator[Call]:
    for name in ("nobody", "..", "%2e%2e", "generate/x", "answer_click", "lambda", "a" * 3000, "1", "-1"):
        for route in ("run", "api", "call", "call/v2"):
            yield Call("no such endpoint", f"/gradio_api/{route}/{name}", _json({"data": good}))


def _queue() -> Iterator[Call]:
    for index in (*range(0, 40, 3), -1, 10**9):  # events of the page, private ones too
        for data in ([], [None] * 7):
            body = {"data": data, "fn_index": index, "session_hash": "hostile", "event_data": {"index": "x"}}
            yield Call("event of the page", "/gradio_api/queue/join", _json(body))
    yield Call("no session", "/gradio_api/queue/join", _json({"data": [], "fn_index": 0}))
    yield Call("cancel", "/gradio_api/cancel", _json({"session_hash": "a", "fn_index": 0, "event_id": "b"}))
    yield Call("reset", "/gradio_api/reset", _json({"event_id": 5}))
    for body in ({}, {"data": 1, "component_id": 99999, "session_hash": "h", "fn_name": "x"},
                 {"data": 1, "component_id": 1, "session_hash": "h", "fn_name": "__init__"},
                 {"data": 1, "component_id": "x", "session_hash": [], "fn_name": {}}):  # fmt: skip
        yield Call("component", "/gradio_api/component_server", _json(body))


def _elsewhere(secret: str) -> Iterator[Call]:
    """Routes that would fetch, forward or write."""
    for route in (
        "process_recording",
        "vibe-edit",
        "vibe-code",
        "run-history/connect",
        "stream/x",
        "dev/reload",
    ):
        yield Call(
            "closed", f"/gradio_api/{route}", _json({"code": "print(1)", "prompt": "x", "path": secret})
        )
    for route in ("info", "join", "next", "vote"):
        for value in (None, 5, "x" * 50, ["a"], {"a": 1}, "' OR 1=1"):
            body = {
                "study": value,
                "participant": value,
                "trial": value,
                "answer": value,
                "response_ms": value,
            }
            yield Call("study", f"/study/{route}", _json(body))
        yield Call("study, too long", f"/study/{route}", _json({"study": "x" * 10**6}))


def addresses(secret: str) -> list[str]:
    """Routes, for GET, to read what is not a client's business or to make the server go outside."""
    paths = (quote(path, safe="/:") for path in (*PATHS, secret, "demo.py", "/tmp", "\\\\host\\share"))
    return [
        *(f"/gradio_api/file={path}" for path in paths),
        *(f"/gradio_api/file/{path}" for path in ("/etc/passwd", "http://127.0.0.1:9/", "https://example.org/a")),
        *(f"/gradio_api/proxy={path}" for path in ("http://127.0.0.1:9/", "https://a.hf.space/x", "")),
        "/assets/../../../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "/svelte/..%2f..%2fetc/passwd",
        "/gradio_api/queue/data?session_hash=somebody", "/gradio_api/queue/data", "/gradio_api/heartbeat",
        "/gradio_api/call/generate/nobody", "/gradio_api/upload_progress?upload_id=nobody",
        "/gradio_api/upload_progress", "/gradio_api/deep_link?session_hash=x", "/gradio_api/runs",
        "/gradio_api/stream/a/b/1/playlist.m3u8", "/gradio_api/custom_component/a/client/b/c", "/monitoring",
        "/monitoring/summary", "/study/image/..", "/study/image/" + "x" * 500, "/config?deep_link=../../x",
        "/?deep_link=x", "/?__theme=" + "x" * 5000,
    ]  # fmt: skip


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
