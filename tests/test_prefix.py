"""The demo behind a reverse proxy, below a path of another server: everything a page asks for is below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page, expect

from scenepose.app.main import checked_root_path
from scenepose.errors import RequestError
from scenepose.study.database import Database
from scenepose.study.design import Settings
from tests.conftest import free_port, room, serving
from tests.page import PATIENCE, click, expect_point, first_scene, wait_for_answer
from tests.prefix_proxy import below
from tests.studies import small_study


class Behind(NamedTuple):
    """The address below the path, and a study there."""

    address: str
    study: str


@pytest.fixture(scope="module")
def behind(
    random_checkpoint: Path, scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    folder, port = tmp_path_factory.mktemp("behind"), free_port()
    database = Database(str(folder / "study.sqlite"))
    study = small_study(database, Settings(pairs=4, practice=0, check_share=0, repeat_share=0))
    database.close()
    options = ("--root-path", "/pose", "--database", str(folder / "study.sqlite"))
    with (
        below("/pose", port) as outside,
        serving(random_checkpoint, scenes_folder, folder, *options, port=port),
    ):
        yield Behind(f"{outside}/pose", study.study)
    log = (folder / "log").read_text()
    assert "reverse proxy that serves it at the path /pose" in log
    assert "Traceback" not in log, log


@pytest.fixture
def page(browser: Browser, behind: Behind) -> Iterator[Page]:
    page, wrong = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((behind.address, "data:", "blob:")) else wrong.append(request.url)
        ),
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    page.close()
    assert not wrong, wrong


@pytest.mark.slow
def test_a_click_and_an_upload_below_a_path(
    page: Page, behind: Behind, scenes_folder: Path, tmp_path: Path
) -> None:
    page.goto(f"{behind.address}/")
    wait_for_answer(page)
    width, height = first_scene(scenes_folder)
    click(page, 0.4, 0.7)
    expect_point(page, 0.4 * width, 0.7 * height, 3)
    room(300, 500).save(tmp_path / "own.png")
    page.locator("#sp-file").set_input_files(tmp_path / "own.png")
    expect(page.locator("#sp-status")).to_contain_text("300 × 500", timeout=PATIENCE)
    click(page, 0.5, 0.8)
    expect_point(page, 150, 400, 2)


@pytest.mark.slow
def test_a_rater_below_a_path(page: Page, behind: Behind) -> None:
    page.goto(f"{behind.address}/?study={behind.study}")
    page.locator("#sp-agree").check(timeout=PATIENCE)
    page.locator(".sp-study-go").click()
    for count in range(1, 5):
        expect(page.locator(".sp-study-count")).to_have_text(f"{count} of 4", timeout=PATIENCE)
        assert page.locator(".sp-side img").first.evaluate("(image) => image.naturalWidth") > 100
        page.locator(".sp-answer[data-answer=a]:enabled").click(timeout=PATIENCE)
    expect(page.locator(".sp-study-code")).to_have_text(re.compile(r"^[0-9A-F]{8}$"), timeout=PATIENCE)


@pytest.mark.slow
def test_a_program_below_a_path(behind: Behind, tmp_path: Path) -> None:
    room(320, 200).save(tmp_path / "hall.png")
    client = Client(behind.address, verbose=False, download_files=tmp_path, analytics_enabled=False)
    result = client.predict(handle_file(str(tmp_path / "hall.png")), 160, 120, 2, api_name="/generate")
    assert (result["scene"], len(result["poses"])) == ("hall.png", 2)
    picture, _ = client.predict(handle_file(str(tmp_path / "hall.png")), api_name="/affordance_map")
    assert Path(picture).stat().st_size > 1000
    client.close()


@pytest.mark.parametrize("path", ["pose", "/po se", "/pose?x", "//pose", "ftp://host/pose", "/../pose#a"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(RequestError, match="a root path is like /pose"):
        checked_root_path(path)


def test_paths_and_addresses_lose_their_last_slash() -> None:
    for path in ("", "/", "/pose", "/pose/", "/a/b-c/", "https://example.org/pose/", "http://host:8000"):
        assert checked_root_path(path) == path.rstrip("/")
