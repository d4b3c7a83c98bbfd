"""The demo's server, seen by a program: its endpoint, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from scenepose.app.cards import hint
from scenepose.app.engine import Engine
from scenepose.app.files import SERVED, served_size
from scenepose.errors import CheckpointError, PictureError, PointError, sentence
from tests.conftest import ROOT, free_port, room, serving


class Refused(Exception):
    """The server answered with an error."""


def post(address: str, body: bytes, kind: str) -> Any:
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def upload(server: str, path: Path) -> dict[str, Any]:
    """Upload a file as a browser would; what the endpoint wants to be told about it."""
    border = uuid.uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{border}--\r\n".encode()
    (where,) = post(f"{server}/gradio_api/upload", body, f"multipart/form-data; boundary={border}")
    return {"path": where, "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def call(server: str, endpoint: str, *values: Any) -> Any:
    """Call an endpoint by gradio's two steps: post the values, then read the event stream."""
    address = f"{server}/gradio_api/call/{endpoint}"
    event = post(address, json.dumps({"data": values}).encode(), "application/json")["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=120) as stream:
        lines = stream.read().decode().splitlines()
    data = json.loads(lines[lines.index("event: complete") + 1][6:]) if "event: complete" in lines else None
    if data is None:
        raise Refused("\n".join(lines))
    return data[0]


@pytest.fixture(scope="module")
def photo(server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("photo") / "hall.png"
    room().save(path)
    return upload(server, path)


def test_the_endpoint_answers_in_our_schema(server: str, photo: dict[str, Any]) -> None:
    result = call(server, "generate", photo, 300, 250, 2)
    assert list(result) == ["scene", "width", "height", "point", "method", "poses"]
    assert (result["scene"], result["width"], result["height"]) == ("hall.png", 640, 480)
    assert result["point"] == [300, 250]
    assert len(result["poses"]) == 2
    assert len(result["poses"][0]["keypoints"]) == 16


def test_the_endpoint_refuses_in_sentences(server: str, photo: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="lies outside the picture, which is 640 x 480"):
        call(server, "generate", photo, -5, 250, 2)
    with pytest.raises(Refused):
        call(server, "generate", photo, "here", None, 2)
    broken = tmp_path / "broken.jpg"
    broken.write_text("nothing")
    with pytest.raises(Refused, match="not a picture that can be read"):
        call(server, "generate", upload(server, broken), 1, 1, 2)


def test_no_file_of_the_server_and_no_address(server: str, photo: dict[str, Any]) -> None:
    for path in ("/etc/passwd", str(ROOT / "demo.py"), "http://192.0.2.1/a.png", "https://example.org/a.png"):
        with pytest.raises((Refused, urllib.error.HTTPError)):
            call(server, "generate", {**photo, "path": path}, 1, 1, 2)
    for path in ("/etc/passwd", str(ROOT / "pyproject.toml")):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server}/gradio_api/file={path}", timeout=20)


def test_only_the_endpoints_are_public(server: str) -> None:
    with urllib.request.urlopen(f"{server}/gradio_api/info", timeout=20) as answer:
        info = json.loads(answer.read())
    public = {"/generate", "/compare", "/affordance_map", "/study_next", "/study_vote", "/study_ranking"}
    assert set(info["named_endpoints"]) == public
    parameters = info["named_endpoints"]["/generate"]["parameters"]
    names = [parameter["parameter_name"] for parameter in parameters]
    assert names == ["image", "x", "y", "top_k", "near", "kinds"]


def run_demo(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "demo.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_is_quick_and_needs_nothing() -> None:
    done = run_demo("--help")
    assert done.returncode == 0
    assert "--port" in done.stdout


def test_a_taken_port_is_one_sentence(server: str, random_checkpoint: Path) -> None:
    port = server.rsplit(":", 1)[1]
    done = run_demo("--port", port, "--checkpoint", str(random_checkpoint))
    assert done.returncode == 2
    assert done.stderr.startswith(f"scenepose: cannot listen on 127.0.0.1:{port}")
    assert len(done.stderr.splitlines()) == 1


def test_missing_things_are_one_sentence(random_checkpoint: Path, tmp_path: Path) -> None:
    port = str(free_port())
    done = run_demo("--port", port, "--checkpoint", str(tmp_path / "gone.safetensors"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "gone.safetensors" in done.stderr
    done = run_demo("--port", port, "--checkpoint", str(random_checkpoint), "--scenes", str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "scenes.json" in done.stderr


def test_the_engine_keeps_scenes_by_content(random_checkpoint: Path, tmp_path: Path) -> None:
    engine = Engine(random_checkpoint)
    engine.start()
    room().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    assert engine.scene(tmp_path / "a.png") is engine.scene(tmp_path / "b.png")
    with pytest.raises(PictureError, match="load it again"):
        engine.scene(tmp_path / "gone.png")


def test_the_engine_keeps_as_much_as_it_may(random_checkpoint: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, side in zip(paths, (100, 110, 120, 1200), strict=True):
        room(side, side).save(path)
    engine = Engine(random_checkpoint)
    engine.start()
    small, second, third, large = (engine.scene(path) for path in paths)
    assert large.nbytes > 4 * 1200 * 1200 > small.nbytes > 4 * 100 * 100
    assert engine.scene(paths[0]) is small
    tight = Engine(random_checkpoint, memory=second.nbytes + third.nbytes)
    tight.start()
    first, second, third = (tight.scene(path) for path in paths[:3])
    assert tight.scene(paths[1]) is second
    assert tight.scene(paths[2]) is third
    assert tight.scene(paths[0]) is not first  # it had made room
    large = tight.scene(paths[3])
    assert tight.scene(paths[3]) is large  # too large, and kept alone
    assert tight.picture(paths[3]) is large.picture
    assert tight.scene(paths[2]) is not third


def printed(capsys: pytest.CaptureFixture, lines: int) -> list[str]:
    """What was said on stderr, once there are so many lines."""
    text = ""
    for _ in range(900):
        text += capsys.readouterr().err
        if text.count("\n") >= lines:
            break
        time.sleep(0.1)
    return [str(line) for line in text.splitlines()]


def test_an_engine_without_weights_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    engine = Engine(tmp_path / "gone.safetensors")
    engine.start()
    with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
        engine.generator()
    (line,) = printed(capsys, 1)
    assert re.fullmatch(r"scenepose: .*gone\.safetensors; the demo goes on without a model", line)


def test_weights_to_compare_that_are_no_good_are_told(
    heads_folder: Path, random_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(heads_folder, weights)
    (weights / "unipose.safetensors").write_text("nothing")
    (weights / "vae.safetensors").write_bytes((weights / "vae.safetensors").read_bytes()[:-100])
    (weights / "prtr.safetensors").unlink()
    Engine(weights / "scenepose.safetensors").start()
    missing, *damaged = printed(capsys, 3)
    assert missing == "scenepose: there are no weights of prtr: the Compare tab leaves them out"
    for line, name in zip(damaged, ("vae", "unipose"), strict=True):
        assert f"{name}.safetensors does not hold the weights of a method" in line
    Engine(heads_folder / "scenepose.safetensors").start()
    assert printed(capsys, 0) == []


@pytest.mark.slow
def test_the_demo_goes_on_with_damaged_weights(scenes_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_text("nothing")
    with serving(broken, scenes_folder, tmp_path) as address:
        for _ in range(900):
            if "goes on" in (text := (tmp_path / "log").read_text()):
                break
            time.sleep(0.1)
        pattern = r"(?m)^scenepose: .*broken\.safetensors does not hold the weights of .*; the demo goes on"
        assert re.search(pattern, text)
        with urllib.request.urlopen(address, timeout=20) as page:
            assert page.status == 200


@pytest.mark.slow
def test_a_demo_that_ends_leaves_no_pictures(
    random_checkpoint: Path, scenes_folder: Path, tmp_path: Path
) -> None:
    room(64, 48).save(tmp_path / "hall.png")
    with serving(random_checkpoint, scenes_folder, tmp_path) as address:
        picture = call(address, "affordance_map", upload(address, tmp_path / "hall.png"))
        assert Path(picture["path"]).is_file()
        assert Path(picture["path"]).is_relative_to(tmp_path / "files")
    assert not list((tmp_path / "files").glob("**/*.map.png"))
    assert not list((tmp_path / "files").glob("scenepose-*"))


def test_sizes_served() -> None:
    assert served_size(640, 480) == (1280, 960)
    assert served_size(1400, 1000) == (1400, 1000)
    assert served_size(1000, 4000) == (400, 1600)
    assert max(served_size(20, 9000)) == SERVED[1]


def test_what_people_read_is_escaped() -> None:
    assert "<script" not in hint("<script>alert(1)</script>")


def test_sentences_look_like_sentences() -> None:
    assert sentence(PointError("the point is odd")) == "The point is odd."
