"""The practice study: pairs that anybody may answer, without a link, a model or a trace."""

from __future__ import annotations

import io
import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from scenepose.app import practice
from tests.conftest import running

PATIENCE = 60_000


def test_each_pair_holds_a_true_pose_and_the_most_frequent_one() -> None:
    pairs = practice.pairs()
    assert 2 <= len(pairs) <= practice.PAIRS
    for pair in pairs:
        assert {what for _, what in pair.sides} == {practice.TRUE, practice.FREQUENT}
    assert len({pair.sides[0][1] for pair in pairs}) == 2, "the true pose changes sides"


def test_both_sides_are_drawn_alike() -> None:
    sizes = set()
    for side in (0, 1):
        with Image.open(io.BytesIO(practice.drawn(0, side))) as image:
            sizes.add((image.format, image.size))
    assert len(sizes) == 1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of studies only, without a model, and its folder."""
    folder = tmp_path_factory.mktemp("practice")
    with running("--study-only", folder=folder) as address:
        yield address, folder


def test_what_there_is_not(served: tuple[str, Path]) -> None:
    for path in ("99a", "0c", "0", "x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{served[0]}/study/practice/{path}")
        assert refused.value.code == 404


@pytest.mark.parametrize("width", [390, 1280])
def test_practice_in_the_browser(browser: Browser, served: tuple[str, Path], width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page, asked = context.new_page(), list[Any]()
    page.on("request", lambda request: asked.append((request.method, request.url)))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(served[0])
    page.locator("#sp-practise").click(timeout=PATIENCE)
    count = len(practice.pairs())
    for number in range(count):
        side = "ab"[[what for _, what in practice.pairs()[number].sides].index(practice.TRUE)]
        expect(page.locator(".sp-practice")).to_have_text("Practice", timeout=PATIENCE)
        expect(page.locator(".sp-side img")).to_have_count(2)
        expect(page.locator(".sp-answer:enabled")).to_have_count(4)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        _answer(page, side if number else "tie", keyboard=number % 2 == 1)
        expect(page.locator(f".sp-side[data-side={side}] figcaption")).to_contain_text("true pose")
        following = page.locator("#sp-practice-next")
        expect(following).to_be_focused()
        page.keyboard.press("Enter")
    expect(page.locator("#sp-study h2")).to_contain_text(f"{count - 1} of {count} pairs")
    posted = [url for method, url in asked if method == "POST" and "/study/" in url]
    assert posted == [f"{served[0]}/study/practice"], "no answer is sent anywhere"
    page.get_by_role("button", name="Back").click()
    expect(page.locator("#sp-practise")).to_be_visible()
    context.close()


def _answer(page: Page, answer: str, keyboard: bool) -> None:
    if keyboard:
        page.keyboard.press({"a": "a", "b": "b", "tie": "t"}[answer])
    else:
        page.locator(f".sp-answer[data-answer={answer}]").click()


def test_nothing_is_stored(served: tuple[str, Path]) -> None:
    request = urllib.request.Request(f"{served[0]}/study/practice", b"{}", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert len(json.load(answer)["trials"]) == len(practice.pairs())
    with sqlite3.connect(served[1] / "study.sqlite") as database:
        for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
            if table != "alembic_version":
                assert database.execute(f"select count(*) from {table}").fetchone() == (0,)
