"""Whatever a client sends: a sentence, no traceback, nothing outside read or asked; the next call works."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from scenepose.errors import PictureError
from scenepose.picture import images
from tests.conftest import room, running
from tests.hostile_calls import addresses, calls
from tests.hostile_pictures import Upload, bad, odd
from tests.uploads import META, upload

#: No answer takes longer, also on a busy machine (seconds); and no more memory is ever needed (bytes).
LONGEST, MEMORY = 60, 2 * 10**9
#: What only programmers understand.
INSIDES = re.compile(r"Traceback|File \"|\b[A-Z]\w+(Error|Exception)\b|upstream Gradio|object at 0x|NoneType")


def test_there_are_enough_pictures() -> None:
    kinds = Counter(upload.kind for upload in (*bad(), *odd()))
    assert sum(kinds.values()) >= 200
    assert len(kinds) >= 18


def stored(folder: Path, upload: Upload) -> Path:
    """The file under its own name, or as near as a file system takes it."""
    path = folder / (re.sub(r"[/\0]", "_", upload.name) or "nameless")
    path.write_bytes(upload.data)
    return path


def test_bad_pictures_are_refused_by_their_name(tmp_path: Path) -> None:
    for one in bad():
        path = stored(tmp_path, one)
        begun = time.monotonic()
        with pytest.raises(PictureError) as caught:
            images.read(path)
        assert time.monotonic() - begun < LONGEST, one
        assert repr(path.name) in str(caught.value), one
        assert "\n" not in str(caught.value), one


def test_odd_pictures_are_read_whatever_their_name(tmp_path: Path) -> None:
    for one in odd():
        picture = images.read(stored(tmp_path, one))
        size = (128, 96) if one.kind == "HEIC" else (96, 64)
        assert sorted((picture.width, picture.height)) == sorted(size), one
        assert picture.image.mode == "RGB", one


@dataclass
class Watched:
    """A running demo that reports where it reaches outside.

    Attributes:
        client: asks it. folder: holds its log and report. secret: a good picture outside what it may read.
        picture: one that was uploaded, as endpoints want to be told about it.
    """

    client: httpx.Client
    folder: Path
    secret: Path
    picture: dict[str, Any]

    def works(self) -> None:
        """A good call is answered."""
        answer = self.client.post("/gradio_api/run/generate", json={"data": [self.picture, 100, 80, 2]})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"][0]["poses"]) == 2

    def memory(self) -> int:
        """The most that it ever needed, bytes."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process}/status").read_text())
        assert found
        return int(found[1]) * 1024

    @property
    def process(self) -> int:
        """Its number."""
        return int((self.folder / "process").read_text())


@pytest.fixture(scope="module")
def watched(
    random_checkpoint: Path, scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    secret = folder / "secret.png"
    room(64, 48).save(secret)
    room(200, 160).save(folder / "hall.png")
    environment = {
        "SCENEPOSE_TEST_REPORT": str(folder / "report"), "SCENEPOSE_TEST_PROCESS": str(folder / "process"),
    }  # fmt: skip
    options = ("--checkpoint", str(random_checkpoint), "--scenes", str(scenes_folder))
    program = ("-m", "tests.watched")
    with (
        running(*options, folder=folder, program=program, environment=environment) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=LONGEST) as client,
    ):
        picture = upload(client, "hall.png", (folder / "hall.png").read_bytes())
        assert isinstance(picture, dict)
        found = Watched(client, folder, secret, picture)
        found.works()
        (folder / "report").write_text("")  # whatever the start needed
        yield found
        found.works()
        assert (folder / "report").read_text() == ""
        memory = found.memory()
    log = (folder / "log").read_text()
    assert "Traceback" not in log, log[-5000:]
    assert memory < MEMORY


def sentence_of(answer: httpx.Response) -> str | None:
    """Why a call was refused; None where it was answered. Anything else fails."""
    assert not INSIDES.search(answer.text[:100_000]), answer.text[:2000]
    if "text/event-stream" in answer.headers["content-type"]:
        return "a stream"
    if "json" not in answer.headers["content-type"]:
        assert answer.status_code < 500
        return answer.text if answer.status_code >= 400 else None
    found = answer.json()
    if answer.status_code < 400 and not (isinstance(found, dict) and found.get("error")):
        return None
    text = found.get("error") or found.get("detail")
    assert isinstance(text, str), found
    assert len(text) > 8, found
    assert text[0].isupper() or not text[0].isalpha() or answer.request.url.path.startswith("/study"), text
    return text


@pytest.mark.slow
def test_bad_uploads_over_http(watched: Watched) -> None:
    for one, good in [*((one, False) for one in bad()), *((one, True) for one in odd())]:
        file = upload(watched.client, one.name, one.data)
        if isinstance(file, str):
            assert len(file) > 8
            assert not good
            continue
        answer = watched.client.post(
            "/gradio_api/run/generate", json={"data": [file, 30, 30, 1], "session_hash": "h"}
        )
        text, name = sentence_of(answer), Path(file["path"]).name
        if good:
            assert text is None, (one.name, text)
            assert answer.json()["data"][0]["scene"] == name
        else:
            assert text is not None, one.name
            assert repr(name) in text
    watched.works()


@pytest.mark.slow
def test_malformed_calls(watched: Watched) -> None:
    info = watched.client.get("/gradio_api/info").json()
    every = calls(info, watched.picture, str(watched.secret))
    assert len(every) >= 500
    assert {call.route.split("/")[3] for call in every if "/run/" in call.route} >= {
        name[1:] for name in info["named_endpoints"]
    }
    for number, call in enumerate(every):
        begun = time.monotonic()
        headers = {"Content-Type": "application/json"}
        try:
            answer = watched.client.post(call.route, content=call.body, headers=headers)
        except httpx.HTTPError as error:
            raise AssertionError(f"{call.kind} {call.route[:80]} {call.body[:200]!r}") from error
        assert time.monotonic() - begun < LONGEST, call
        try:
            text = sentence_of(answer)
        except AssertionError as error:
            raise AssertionError(f"{call.kind} {call.route[:80]} {call.body[:200]!r}: {error}") from error
        if call.kind in ("missing", "extra", "many", "no such endpoint", "10 MB", "closed"):
            assert text is not None or "/call/" in call.route, call
        if number % 50 == 0:
            watched.works()
    watched.works()


@pytest.mark.slow
def test_what_is_behind_the_queue_is_a_sentence_too(watched: Watched) -> None:
    picture, secret = watched.picture, {"path": str(watched.secret), "meta": META}
    wrong = [
        ["x", 1, 2, 3], [picture, "x", 2, 3], [picture, 1], [None] * 4, [secret, 1, 1, 1],
        [picture, 1e9, 1, 1],
    ]  # fmt: skip
    for data in wrong:
        begun = watched.client.post("/gradio_api/call/generate", json={"data": data})
        lines = watched.client.get(f"/gradio_api/call/generate/{begun.json()['event_id']}").text.splitlines()
        assert "event: error" in lines, lines
        text = json.loads(lines[lines.index("event: error") + 1].removeprefix("data: "))["error"]
        assert not INSIDES.search(text)
        assert text.endswith(".")


@pytest.mark.slow
def test_nothing_else_is_handed_out(watched: Watched) -> None:
    for address in addresses(str(watched.secret)):
        with watched.client.stream("GET", address) as answer:
            content = next(answer.iter_bytes(), b"")
        assert b"root:x:0" not in content, address
        assert not content.startswith(b"\x89PNG"), address
        assert not INSIDES.search(content.decode("utf-8", "replace")[:300]) or "?" in address, (
            address,
            content,
        )
        assert answer.status_code < 500, address
    watched.works()
