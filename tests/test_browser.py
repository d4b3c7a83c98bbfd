"""The Generate tab in a real Chromium: clicks, the ghost, who fits, and nobody.

Every test fails on a console error and on a request that would leave the machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.conftest import room, serving
from tests.page import (
    PATIENCE,
    click,
    drop,
    expect_point,
    first_scene,
    move,
    place,
    point,
    stage_box,
    visit,
    wait_for_answer,
    wait_for_grid,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh page that shows its first answer."""
    with visit(browser, server) as page:
        yield page


def test_the_first_thing_seen_is_an_answer(page: Page) -> None:
    expect(page.locator(".sp-card")).to_have_count(3)
    expect(page.locator(".sp-percent").first).to_contain_text("%")
    expect(page.locator("#sp-stage g.sp-person")).to_have_count(3)
    ranks = page.locator("#sp-stage g.sp-person").evaluate_all("(all) => all.map((one) => one.dataset.rank)")
    assert sorted(ranks) == ["0", "1", "2"]
    assert page.locator("#sp-stage g.sp-person").last.get_attribute("data-rank") == "0", "the best in front"


def test_a_click_draws_people_there(page: Page, scenes_folder: Path) -> None:
    width, height = first_scene(scenes_folder)
    click(page, 0.3, 0.62)
    expect_point(page, 0.3 * width, 0.62 * height, 3)
    expect(page.locator(".sp-card")).to_have_count(3)
    x, y = page.locator("#sp-stage .sp-target circle").first.evaluate(
        "(circle) => [circle.cx.baseVal.value, circle.cy.baseVal.value]"
    )
    assert (x, y) == pytest.approx((0.3 * width, 0.62 * height), abs=3)


def test_of_quick_clicks_the_last_one_wins(page: Page, scenes_folder: Path) -> None:
    width, height = first_scene(scenes_folder)
    for across in (0.2, 0.4, 0.6, 0.75):
        click(page, across, 0.7)
    expect_point(page, 0.75 * width, 0.7 * height, 3)
    page.wait_for_timeout(1000)
    expect_point(page, 0.75 * width, 0.7 * height, 3)


def test_a_click_right_after_choosing_another_scene(page: Page, scenes_folder: Path) -> None:
    """It is for the scene that was clicked in: the other one has not arrived yet, and is given up."""
    width, height = first_scene(scenes_folder)
    held: list[Route] = []
    last = json.loads((scenes_folder / "scenes.json").read_text())[-1]["file"]
    page.evaluate(
        "document.querySelectorAll('.sp-scene img').forEach((image) => image.removeAttribute('src'))"
    )
    page.route(re.compile(re.escape(last)), lambda route: held.append(route))
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.locator("#sp-scenes button").last.click()
    click(page, 0.3, 0.7)
    expect_point(page, 0.3 * width, 0.7 * height, 3)
    for route in held:
        route.continue_()
    page.wait_for_timeout(500)
    name = Path(json.loads((scenes_folder / "scenes.json").read_text())[0]["file"]).stem
    assert f"scene={name}&" in str(page.locator("#sp-status a").get_attribute("href"))
    expect_point(page, 0.3 * width, 0.7 * height, 3)


def test_a_click_before_anything_is_answered(
    browser: Browser, random_checkpoint: Path, scenes_folder: Path, tmp_path: Path
) -> None:
    width, height = first_scene(scenes_folder)
    with serving(random_checkpoint, scenes_folder, tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address, wait_until="commit")
        page.locator("#sp-stage[viewBox]").wait_for(timeout=PATIENCE)
        click(page, 0.4, 0.8)
        for _ in range(300):
            if "generated in" in page.locator("#sp-status").inner_text() and point(page)[1] > 0.79 * height:
                break
            page.wait_for_timeout(100)
        page.wait_for_timeout(1000)
        expect_point(page, 0.4 * width, 0.8 * height, 3)
        page.close()


def test_how_many_people_are_shown(page: Page) -> None:
    field = page.locator("#sp-count input[type=number]")
    field.fill("7")
    field.press("Enter")
    expect(page.locator(".sp-card")).to_have_count(7)
    expect(page.locator("#sp-stage g.sp-person")).to_have_count(7)
    for wrong, named in (("", "an empty field"), ("0", "“0”"), ("-3", "“-3”")):
        field.fill(wrong)
        field.press("Enter")
        expect(page.locator(".sp-complaint")).to_contain_text(f"whole number from 1 to 14, not {named}")
        expect(field).to_have_value("7")
    expect(page.locator(".sp-card")).to_have_count(7)


def test_another_bundled_scene_and_its_link(page: Page, scenes_folder: Path) -> None:
    name = Path(json.loads((scenes_folder / "scenes.json").read_text())[-1]["file"]).stem
    page.locator("#sp-scenes button").last.click()
    address = re.compile(rf"\?scene={re.escape(name)}&x=\d+&y=\d+")
    expect(page.locator("#sp-status a")).to_have_attribute("href", address, timeout=PATIENCE)
    link = page.locator("#sp-status a").get_attribute("href")
    # In a page of its own: a browser that leaves a page breaks its connections, which gradio calls an error.
    other = page.context.new_page()
    other.goto(page.url + str(link))
    wait_for_answer(other)
    assert point(other) == point(page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?scene=nowhere", "no scene called “nowhere”"),
        ("?scene={first}&x=99999&y=1", "does not lie in the picture"),
        ("?scene={first}&x=left&y=1", "does not lie in the picture"),
    ],
)
def test_links_that_lead_nowhere(
    browser: Browser, server: str, scenes_folder: Path, query: str, sentence: str
) -> None:
    first = Path(json.loads((scenes_folder / "scenes.json").read_text())[0]["file"]).stem
    with visit(browser, server, "/" + query.format(first=first)) as page:
        expect(page.locator(".sp-complaint")).to_contain_text(sentence)


def test_an_own_photo_stays_loaded(page: Page, tmp_path: Path) -> None:
    photo, text = tmp_path / "own photo.png", tmp_path / "Broken.JPG"
    room(300, 500).save(photo)
    text.write_text("not a picture at all")
    upload = page.locator("#sp-file")
    upload.set_input_files(photo)
    expect(page.locator("#sp-status")).to_contain_text("own photo.png, 300 × 500", timeout=PATIENCE)
    expect(page.locator("#sp-stage g.sp-person")).to_have_count(0)
    click(page, 0.5, 0.8)
    expect_point(page, 150, 400, 2)
    upload.set_input_files(text)
    expect(page.locator(".sp-complaint")).to_contain_text("not a picture", timeout=PATIENCE)
    click(page, 0.25, 0.5)
    expect_point(page, 75, 250, 2)


def test_a_photo_dropped_on_the_picture(page: Page, tmp_path: Path) -> None:
    room(320, 240).save(tmp_path / "own.png")
    drop(page.locator("#sp-stage"), tmp_path / "own.png")
    expect(page.locator("#sp-status")).to_contain_text("320 × 240", timeout=PATIENCE)


def test_typed_points(page: Page, scenes_folder: Path) -> None:
    width, _ = first_scene(scenes_folder)
    expect(page.locator("#sp-y input")).to_have_value(f"{point(page)[1]:.0f}")
    page.locator("#sp-x input").fill("222")
    page.locator("#sp-y input").fill("333")
    page.locator("#sp-go").click()
    expect_point(page, 222, 333, 0)
    for x, sentence in (
        (str(width + 50), "lies outside the picture"),
        ("", "Type both X and Y"),
        ("left", "“left” is not a number"),
    ):
        page.locator("#sp-x input").fill(x)
        page.locator("#sp-x input").press("Enter")
        expect(page.locator(".sp-complaint")).to_contain_text(sentence)
    assert point(page) == (222, 333)


def test_the_keyboard_clicks_too(page: Page, scenes_folder: Path) -> None:
    _, height = first_scene(scenes_folder)
    x, y = point(page)
    page.locator("#sp-stage").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "Shift+ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator(".sp-layer-cross line")).to_have_count(8)
    page.keyboard.press("Enter")
    expect_point(page, x - 0.04 * height, y - 0.024 * height, 2)
    page.keyboard.press("Escape")
    expect(page.locator(".sp-layer-cross line")).to_have_count(0)


def test_every_control_has_a_name_and_can_be_reached(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('#sp-generate :is(button, input, select, a, [tabindex])')]
            .filter((one) => one.checkVisibility())
            .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim() || one.title
                || one.labels?.[0]?.textContent.trim())).map((one) => one.outerHTML)"""
    )
    assert not nameless
    seen: set[str] = set()
    page.locator("#sp-chips button").first.focus()
    for _ in range(60):
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
        page.keyboard.press("Tab")
    wanted = {"sp-chip", "sp-map", "sp-good", "sp-exactly", "sp-file", "sp-pick", "sp-format", "sp-download"}
    assert wanted <= seen
    first = page.locator("#sp-chips button").first
    outline = first.evaluate("(one) => { one.focus(); return getComputedStyle(one).outlineWidth; }")
    assert outline != "0px"


def test_the_ghost_is_what_a_click_ranks_first(page: Page) -> None:
    wait_for_grid(page)
    same = total = 0
    for across, down in [(0.1 + 0.13 * n, 0.35 + 0.2 * (n % 3)) for n in range(7)]:
        # The middle of a cell: between cells the nearest one answers.
        move(page, (int(across * 24) + 0.5) / 24, (int(down * 18) + 0.5) / 18)
        ghost = page.locator("g.sp-ghost").get_attribute("data-template")
        page.mouse.down()
        page.mouse.up()
        box = stage_box(page)
        x = (int(across * 24) + 0.5) / 24
        expect(page.locator("#sp-status")).to_contain_text("generated in", timeout=PATIENCE)
        viewbox = str(page.locator("#sp-stage").get_attribute("viewBox")).split()
        expect_point(page, x * float(viewbox[2]), (int(down * 18) + 0.5) / 18 * float(viewbox[3]), 3)
        total += 1
        same += page.locator(".sp-card").first.get_attribute("data-template") == ghost
        assert box["width"] > 0
    assert same >= total - 1


def test_a_ghost_that_rests_is_the_answer_of_a_click_there(page: Page) -> None:
    wait_for_grid(page)
    for across, down in ((0.37, 0.71), (0.61, 0.66), (0.22, 0.83)):
        move(page, across, down)
        ghost = page.locator("g.sp-ghost")
        expect(ghost).to_have_attribute("data-sure", "", timeout=PATIENCE)
        template = ghost.get_attribute("data-template")
        score = float(ghost.get_attribute("data-score") or "nan")
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        said = page.locator("#sp-status").inner_text()
        page.mouse.down()
        page.mouse.up()
        expect(page.locator("#sp-status")).not_to_have_text(said)
        assert not [url for url in asked if "component_server" in url], "it was asked before"
        first = page.locator(".sp-card").first
        assert first.get_attribute("data-template") == template
        expect(first.locator(".sp-percent")).to_contain_text(f"{round(100 * score)}")


def test_the_ghost_follows_without_asking(page: Page) -> None:
    wait_for_grid(page)
    held: list[Route] = []
    page.route(re.compile("component_server"), lambda route: held.append(route))
    places = []
    for step in range(5):
        move(page, 0.3 + 0.05 * step, 0.75)
        places.append(page.locator("g.sp-ghost").bounding_box())
    for route in held:
        route.continue_()
    assert len({round(box["x"]) for box in places if box}) > 2
    expect(page.locator(".sp-tag")).to_contain_text("%")
    page.mouse.move(5, 5)
    expect(page.locator("g.sp-ghost")).to_have_count(0)


def test_where_people_fit(page: Page) -> None:
    wait_for_grid(page)
    page.locator("#sp-map").check()
    expect(page.locator("#sp-stage image.sp-map")).to_have_count(1)
    expect(page.locator(".sp-legend")).to_contain_text("Where anybody fits")
    anybody = page.locator("#sp-stage image.sp-map").get_attribute("href")
    page.locator("#sp-chips [data-kind=sit]").click()
    expect(page.locator(".sp-legend")).to_contain_text("Where anybody sitting fits", timeout=PATIENCE)
    expect(page.locator("#sp-stage image.sp-map")).to_have_count(1, timeout=PATIENCE)
    assert page.locator("#sp-stage image.sp-map").get_attribute("href") != anybody
    page.locator("#sp-map").uncheck()
    expect(page.locator("#sp-stage image.sp-map")).to_have_count(0)
    expect(page.locator(".sp-legend")).to_be_hidden()


def test_good_places_are_apart_and_can_be_clicked(page: Page, scenes_folder: Path) -> None:
    _, height = first_scene(scenes_folder)
    wait_for_grid(page)
    page.locator("#sp-good").check()
    marks = page.locator("#sp-stage g.sp-good:not(.sp-nearest)")
    expect(marks).to_have_count(3)
    places = marks.evaluate_all(
        """(all) => all.map((one) => [...one.querySelector('.sp-ring').attributes]
            .filter((a) => a.name === 'cx' || a.name === 'cy').map((a) => Number(a.value)))"""
    )
    for n, (x, y) in enumerate(places):
        assert all(abs(x - a) + abs(y - b) > 0.2 * height for a, b in places[:n])
    marks.nth(1).click()
    expect_point(page, places[1][0], places[1][1], 1)


def test_hardly_anybody(page: Page, scenes_folder: Path) -> None:
    wait_for_grid(page)
    for across, down in ((0.7, 0.03), (0.02, 0.02), (0.98, 0.02), (0.5, 0.01)):
        click(page, across, down)
        page.wait_for_timeout(700)
        if page.locator("#sp-hardly").is_visible():
            break
    expect(page.locator("#sp-hardly")).to_contain_text("Hardly anybody fits here")
    expect(page.locator("#sp-status")).to_contain_text("Hardly anybody fits at")
    expect(page.locator("#sp-stage .sp-layer-people")).to_have_class(re.compile("sp-faint"))
    expect(page.locator("#sp-stage g.sp-nearest")).to_have_count(1)
    page.locator("#sp-nearest").click()
    expect(page.locator("#sp-hardly")).to_be_hidden(timeout=PATIENCE)
    expect(page.locator("#sp-stage g.sp-nearest")).to_have_count(0)


def test_who(page: Page) -> None:
    chips = page.locator("#sp-chips button")
    assert chips.count() >= 4
    expect(chips.first).to_contain_text("Anyone")
    best = page.locator(".sp-percent").first.inner_text().replace("\xa0", " ")
    expect(chips.first).to_contain_text(best)
    page.locator("#sp-chips [data-kind=sit]").click()
    expect(page.locator("#sp-chips [data-kind=sit]")).to_have_attribute("aria-pressed", "true")
    for name in page.locator(".sp-card strong").all_inner_texts():
        assert name.startswith("Sit"), name
    page.locator("#sp-chips [data-kind=anyone]").click()
    expect(page.locator(".sp-card")).to_have_count(3)


def test_exactly_here_is_remembered(page: Page) -> None:
    page.locator("#sp-exactly").check()
    wait_for_answer(page)
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_answer(other)
    expect(other.locator("#sp-exactly")).to_be_checked()


def test_why_this_pose(page: Page) -> None:
    page.locator(".sp-ask").click()
    why = page.locator(".sp-why")
    expect(why).to_contain_text("of 14 it fits best here")
    expect(why.locator("svg.sp-figure")).to_have_count(3)
    expect(why.locator(".sp-others i")).to_have_count(14)
    expect(page.locator("#sp-stage g.sp-before")).to_have_count(1)
    page.locator(".sp-pick").nth(1).click()
    expect(why).to_contain_text("2nd best")
    page.locator(".sp-ask").click()
    expect(page.locator("#sp-stage g.sp-before")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(browser: Browser, server: str, scenes_folder: Path, scheme: str) -> None:
    width, height = first_scene(scenes_folder)
    phone = {
        "viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True,
        "color_scheme": scheme,
    }  # fmt: skip
    with visit(browser, server, **phone) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.touchscreen.tap(*place(page, 0.4, 0.6))
        expect_point(page, 0.4 * width, 0.6 * height, 6)


def test_a_long_press_shows_the_ghost_and_clicks_nothing(browser: Browser, server: str) -> None:
    with visit(browser, server, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        wait_for_grid(page)
        page.mouse.move(2, 2)
        before = point(page)
        x, y = place(page, 0.55, 0.75)
        session = page.context.new_cdp_session(page)
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        expect(page.locator("g.sp-ghost")).to_have_count(1)
        at = page.locator("g.sp-ghost").bounding_box()
        session.send(
            "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x - 60, "y": y}]}
        )
        page.wait_for_timeout(200)
        assert page.locator("g.sp-ghost").bounding_box() != at
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(page.locator("g.sp-ghost")).to_have_count(0)
        page.wait_for_timeout(500)
        assert point(page) == before
