"""Many tabs of one browser, which has six connections a server for all of them."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.page import PATIENCE, click, expect_point, first_scene, wait_for_answer

pytestmark = pytest.mark.slow

TABS = 9


def test_nine_tabs_fill_and_the_first_still_answers(
    browser: Browser, server: str, scenes_folder: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    pages = [context.new_page() for _ in range(TABS)]
    for page in pages:
        page.goto(server, wait_until="commit")
    for page in pages:
        wait_for_answer(page)
    first = pages[0]
    first.bring_to_front()
    width, height = first_scene(scenes_folder)
    click(first, 0.3, 0.7)
    expect_point(first, 0.3 * width, 0.7 * height, 3)
    context.close()


def test_a_page_at_rest_holds_no_connection(browser: Browser, server: str) -> None:
    page = browser.new_page()
    open_requests: set[Request] = set()
    page.on("request", lambda request: open_requests.add(request))
    page.on("requestfinished", lambda request: open_requests.discard(request))
    page.on("requestfailed", lambda request: open_requests.discard(request))
    page.goto(server)
    wait_for_answer(page)
    for _ in range(PATIENCE // 250):  # where people fit is still worked out
        page.wait_for_timeout(250)
        held = [request.url for request in open_requests if not request.url.startswith(("data:", "blob:"))]
        if not held:
            break
    assert held == []
    page.close()


def test_tabs_of_raters_and_results_hold_none_either(browser: Browser, server: str) -> None:
    context = browser.new_context()
    links = ["?study=nothing", "?results=nothing"] * 4
    pages: list[Page] = []
    for link in links:
        page = context.new_page()
        page.goto(f"{server}/{link}")
        pages.append(page)
    expect(pages[0].get_by_text("There is no study 'nothing'")).to_be_visible(timeout=PATIENCE)
    for page in pages[1::2]:
        expect(page.locator("#sp-results-study input")).to_have_value("nothing", timeout=PATIENCE)
    context.close()


def test_the_page_is_told_to_hold_none(server: str) -> None:
    with urllib.request.urlopen(f"{server}/config", timeout=20) as answer:
        assert re.search(rb'"connect_heartbeat":\s*false', answer.read())
