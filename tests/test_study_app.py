"""The study in a real server: its endpoints, and whole sessions in a real Chromium on a phone-sized page."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scenepose.study.database import Database
from scenepose.study.design import Settings
from scenepose.study.tokens import Created
from tests.conftest import running
from tests.studies import SOURCES, rows_of, small_study

#: Milliseconds to wait for the page on a busy machine.
PATIENCE = 60_000
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True
}  # fmt: skip


@dataclass
class Served:
    """A running server and the database behind it."""

    address: str
    database: Database
    study: Created


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("study")
    database = Database(str(folder / "study.sqlite"))
    study = small_study(database, Settings(pairs=8, practice=1, check_share=0.13, repeat_share=0.13))
    url = str(folder / "study.sqlite")
    with running("--study-only", "--database", url, folder=folder) as address:
        yield Served(address, database, study)
    database.close()
    assert "Traceback" not in (folder / "log").read_text(), (folder / "log").read_text()


def post(served: Served, what: str, body: Any) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{served.address}/study/{what}", data)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_promised_endpoints(served: Served) -> None:
    client = Client(served.address, verbose=False)
    who = "program-1"
    trial = client.predict(served.study.study, who, api_name="/study_next")
    assert {"trial", "image_a", "image_b", "done", "of"} <= trial.keys()
    with urllib.request.urlopen(served.address + trial["image_a"], timeout=20) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.read(2) == b"\xff\xd8"
    while "trial" in trial:
        voted = client.predict(trial["trial"], who, "both_bad", api_name="/study_vote")
        assert voted["accepted"]
        again = client.predict(trial["trial"], who, "a", api_name="/study_vote")
        assert (again["accepted"], again["answer"]) == (False, "both_bad")
        trial = client.predict(served.study.study, who, api_name="/study_next")
    assert len(trial["code"]) == 8
    for wrong in (("made-up", who, "a"), (None, None, None), ({"a": 1}, [], 5)):
        with pytest.raises(Exception, match=r"(?i)there is no trial|an answer is one of"):
            client.predict(*wrong, api_name="/study_vote")
    with pytest.raises(Exception, match="no study with this id and results token"):
        client.predict(served.study.study, "guess", api_name="/study_ranking")
    ranking = client.predict(served.study.study, served.study.token, api_name="/study_ranking")
    assert {place["source"] for place in ranking["ranking"]} == set(SOURCES)
    assert ranking["answers"]["both_bad"] >= 6


def test_what_is_no_request_is_refused(served: Served) -> None:
    assert post(served, "vote", b"nothing")[0] == 400
    assert post(served, "vote", [1, 2])[0] == 400
    assert post(served, "vote", b'{"trial": ' + b"1" * 100_000 + b"}")[0] == 413
    status, answer = post(served, "vote", {"trial": "x"})
    assert status == 400
    assert answer["error"].startswith("an answer is one of a, b, tie, both_bad")
    assert post(served, "next", {"study": "x", "participant": "rater-9"})[0] == 400
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{served.address}/study/image/none", timeout=20)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{served.address}/study/vote", timeout=20)


@pytest.fixture
def phone(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A phone whose every page is watched: no errors, nothing outside, no name of a source."""
    context = browser.new_context(**PHONE)
    problems: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("response", lambda answer: problems.extend(
            f"{answer.url} names {source}" for source in (*SOURCES, "truth")
            if "/study/" in answer.url and "image" not in answer.url and f'"{source}"' in answer.text()
        ))  # fmt: skip
        page.on("request", lambda request: None if request.url.startswith((served.address, "data:", "blob:"))
                else problems.append(f"a request left the machine: {request.url}"))  # fmt: skip

    context.on("page", watch)
    yield context
    context.close()
    assert not problems, problems


def begin(page: Page, served: Served) -> None:
    """Read, agree, start."""
    page.goto(f"{served.address}/?study={served.study.study}")
    start = page.locator(".sp-study-go")
    expect(start).to_be_disabled(timeout=PATIENCE)
    page.locator("#sp-agree").check()
    start.click()
    expect(page.locator(".sp-practice")).to_be_visible(timeout=PATIENCE)


def press_twice(page: Page, key: str) -> None:
    """Press a key twice in one moment, as soon as the page takes answers."""
    expect(page.locator(".sp-answer:enabled")).to_have_count(4, timeout=PATIENCE)
    page.evaluate(
        """(key) => {
            for (let k = 0; k < 2; k++) {
                document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
            }
        }""",
        key,
    )


def key_of(page: Page) -> str:
    """The participant's key, which the address holds."""
    found = re.search(r"participant=([\w-]+)", page.url)
    assert found
    return found[1]


def test_a_whole_session_with_keys_on_a_phone(phone: BrowserContext, served: Served) -> None:
    page = phone.new_page()
    begin(page, served)
    expect(page.get_by_role("tab", name="Results")).to_be_hidden()
    key = key_of(page)
    pressed = ["a", "ArrowRight", "t", "x", "ArrowLeft"]
    for count, name in enumerate(pressed):
        expect(page.locator(".sp-side img")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        bottom = page.locator(".sp-answers").bounding_box()
        assert bottom is not None
        assert bottom["y"] + bottom["height"] <= 844
        press_twice(page, name)  # a second press in the same moment counts for nothing
        expect(page.locator(".sp-study-count")).to_have_text(f"{count + 1} of 8", timeout=PATIENCE)

    # Leaving and coming back with the same link goes on where they were.
    page.close()
    page = phone.new_page()
    page.goto(f"{served.address}/?study={served.study.study}")
    expect(page.locator(".sp-study-count")).to_have_text("5 of 8", timeout=PATIENCE)
    assert key_of(page) == key

    # Without a connection nothing is lost and nothing counts twice.
    phone.set_offline(True)
    press_twice(page, "b")
    expect(page.get_by_text("nothing is lost")).to_be_visible(timeout=PATIENCE)
    phone.set_offline(False)
    expect(page.locator(".sp-study-count")).to_have_text("6 of 8", timeout=PATIENCE)
    for count in (7, 8):
        page.locator(".sp-answer[data-answer=tie]:enabled").tap()
        expect(page.locator(".sp-study-count")).to_have_text(f"{count} of 8", timeout=PATIENCE)
    press_twice(page, "1")
    expect(page.locator(".sp-study-code")).to_have_text(re.compile(r"^[0-9A-F]{8}$"), timeout=PATIENCE)

    rows = rows_of(served.database, served.study.study, key)
    expected = ["a", "b", "tie", "both_bad", "a", "b", "tie", "tie", "a"]
    assert [row.answer for row in rows] == expected
    assert Counter(row.kind for row in rows) == {"practice": 1, "pair": 6, "check": 1, "repeat": 1}
    assert all(row.response_ms is not None and row.response_ms < 60_000 for row in rows)


def test_links_that_do_not_work_say_so(phone: BrowserContext, served: Served) -> None:
    page = phone.new_page()
    page.goto(f"{served.address}/?study=nothing")
    expect(page.get_by_text("There is no study 'nothing'")).to_be_visible(timeout=PATIENCE)
    page.goto(served.address)
    expect(page.get_by_placeholder("the study’s id")).to_be_visible(timeout=PATIENCE)


def test_the_results_tab_opens_with_the_token(phone: BrowserContext, served: Served) -> None:
    page = phone.new_page()
    page.goto(f"{served.address}/?results={served.study.study}")
    expect(page.locator("#sp-results-study input")).to_have_value(served.study.study, timeout=PATIENCE)
    page.locator("#sp-results-token input").fill("guess")
    page.locator("#sp-results-show").click()
    expect(page.locator("#sp-results")).to_contain_text("no study with this id", timeout=PATIENCE)
    page.locator("#sp-results-token input").fill(served.study.token)
    page.locator("#sp-results-show").click()
    expect(page.locator(".sp-results .sp-table tbody tr")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator(".sp-plot")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.locator("#sp-results-csv").click()
    assert Path(waiting.value.path()).read_text().startswith("study,trial,participant,")
