"""The demo on machines as they are: shared ones, behind proxies, with IPv6; and what it says of itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from scenepose.app import address
from scenepose.app.main import prepare
from scenepose.errors import RequestError
from tests.conftest import ROOT, free_port, room, running
from tests.uploads import upload

#: No model: what is tested here does not depend on it, and this starts in seconds.
STUDY = "--study-only"


@pytest.mark.slow
def test_a_second_user_behind_a_proxy_has_files_of_their_own(tmp_path: Path) -> None:
    """gradio's folder in /tmp belongs to somebody else (here even root cannot write to it), and there is a
    proxy that nobody can reach by a protocol that is not installed."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "gradio").write_text("somebody else's")
    environment = {
        "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home"), "GRADIO_TEMP_DIR": None,
        "XDG_CACHE_HOME": None, "ALL_PROXY": "socks5://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
        "no_proxy": None,
    }  # fmt: skip
    room(64, 48).save(tmp_path / "hall.png")
    with running(STUDY, folder=tmp_path, environment=environment) as server:
        with httpx.Client(base_url=server, trust_env=False) as client:
            file = upload(client, "hall.png", (tmp_path / "hall.png").read_bytes())
        assert isinstance(file, dict)
        stored = Path(file["path"])
        assert stored.read_bytes() == (tmp_path / "hall.png").read_bytes()
        folder = tmp_path / "home" / ".cache" / "scenepose" / "demo"
        assert stored.is_relative_to(folder)
        assert folder.stat().st_mode & 0o077 == 0  # nobody else looks into it
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Prepares the environment as the demo does; gives the folder for files. All is as before in the end."""
    monkeypatch.setattr(os, "environ", os.environ.copy())  # what `prepare` sets goes with it
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def prepare_with(**variables: str) -> Path:
        os.environ.pop("GRADIO_TEMP_DIR", None)
        os.environ.pop("XDG_CACHE_HOME", None)
        os.environ.update(variables)
        prepare()
        return Path(os.environ["GRADIO_TEMP_DIR"])

    return prepare_with


def test_where_there_is_no_home_files_go_to_a_fresh_folder(
    prepared: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("this user has no home")
    folders = {prepared(HOME=str(tmp_path / "home")) for _ in range(2)}
    assert len(folders) == 2  # nobody could have made them before
    for folder in folders:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
    assert prepared(HOME=str(tmp_path / "other")) == tmp_path / "other/.cache/scenepose/demo"
    assert prepared(GRADIO_TEMP_DIR=str(tmp_path / "given")) == tmp_path / "given"


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "demo.py", STUDY, "--port", str(free_port())],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "file" / "below")},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("scenepose: files cannot be written to GRADIO_TEMP_DIR, ")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def unwilling() -> Iterator[str]:
    """A proxy that answers everything with 503."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        do_HEAD = do_POST = do_CONNECT = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{proxy.server_address[1]}"
    proxy.shutdown()
    proxy.server_close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"])
def test_no_proxy_stands_between_the_demo_and_itself(
    prepared: Callable[..., Path], unwilling: str, tmp_path: Path, name: str
) -> None:
    """Asked as gradio asks whether its server is up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as own:
        threading.Thread(target=own.serve_forever, daemon=True).start()
        for proxy in (unwilling, "http://127.0.0.1:9", "socks5://127.0.0.1:9"):
            prepared(HOME=str(tmp_path), NO_PROXY="example.org", **{name: proxy})
            assert httpx.get(f"http://127.0.0.1:{own.server_address[1]}", timeout=5).status_code == 204
        own.shutdown()


def speaks_ipv6() -> bool:
    """Whether this machine has the address ::1."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_ipv6(tmp_path: Path) -> None:
    if not speaks_ipv6():
        pytest.skip("this machine does not speak IPv6")
    with running(STUDY, folder=tmp_path, host="::1") as server:
        for _ in range(100):
            if (text := (tmp_path / "log").read_text()).count("\n") >= 2:
                break
            time.sleep(0.1)
        port = server.rsplit(":", 1)[1]
        assert text.splitlines()[0] == f"ScenePose is running on http://[::1]:{port}"
        assert text.splitlines()[1].startswith("Only this machine can open it")
        assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", "Only this machine"), ("127.0.0.2", "Only this machine"), ("::1", "Only this machine"),
        ("[::1]", "http://[::1]:7860"), ("localhost", "Only this machine"), ("0.0.0.0", "no password"),
        ("::", "no password"), ("192.0.2.7", "no password"), ("example.org", "no password"),
    ],
)  # fmt: skip
def test_announcements(host: str, words: str) -> None:
    assert words in address.announcement(host, 7860)


def test_addresses_that_cannot_be_had_say_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=f"127.0.0.1:{port}: something else listens there already"):
            address.check("127.0.0.1", port)
    with pytest.raises(RequestError, match="this machine does not have that address"):
        address.check("192.0.2.7", free_port())
    with pytest.raises(RequestError, match="cannot listen on no such host:80"):
        address.check("no such host", 80)
    for port in (0, -1, 70000):
        with pytest.raises(RequestError, match=f"from 1 to 65535, not {port}"):
            address.check("127.0.0.1", port)
    address.check("127.0.0.1", free_port())
    if speaks_ipv6():
        for host in ("::1", "[::1]", "::"):
            address.check(host, free_port())
