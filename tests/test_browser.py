"""The demo in a real Chromium: what a visitor does, seen from outside.

Every test fails on a console error and on a request that would leave the machine.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.conftest import room, serving

#: Milliseconds to wait for an answer: the first one waits until the model is loaded.
PATIENCE = 90_000


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh page that shows its first result."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []

    def only_here(route: Route) -> None:
        if route.request.url.startswith(server):
            route.continue_()
        else:
            problems.append(f"a request left the machine: {route.request.url}")
            route.abort()

    context.route(re.compile("^https?://"), only_here)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server)
    wait_for_answer(page)
    yield page
    context.close()
    assert not problems, problems


def wait_for_answer(page: Page) -> None:
    expect(page.locator(".sp-status")).to_contain_text("generated in", timeout=PATIENCE)
    expect(page.locator(".sp-card").first).to_be_visible()


def picture_address(page: Page) -> str:
    return page.locator("#sp-scene img").get_attribute("src") or ""


def picture_box(page: Page) -> dict[str, float]:
    """Where the picture's pixels are in the page; they are letterboxed when it is portrait."""
    return page.locator("#sp-scene img").evaluate(
        """async (image) => {
            while (!image.naturalWidth) await new Promise(requestAnimationFrame);  // the next one is arriving
            const box = image.getBoundingClientRect();
            const factor = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
            const width = image.naturalWidth * factor, height = image.naturalHeight * factor;
            return {x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height};
        }"""
    )


def click(page: Page, across: float, down: float, box: dict[str, float] | None = None) -> None:
    """Click the picture at a fraction of its width and height."""
    box = box or picture_box(page)
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def point(page: Page) -> tuple[float, float]:
    """The point that the status line names."""
    found = re.search(r"at \((-?\d+), (-?\d+)\)", page.locator(".sp-status").inner_text())
    assert found
    return float(found[1]), float(found[2])


def expect_point(page: Page, x: float, y: float, tolerance: float) -> None:
    """Wait until the answer is for this point, to within some pixels of the original picture."""
    for _ in range(300):  # of a tenth of a second
        at = point(page) if "generated in" in page.locator(".sp-status").inner_text() else (-1e9, -1e9)
        if abs(at[0] - x) <= tolerance and abs(at[1] - y) <= tolerance:
            return
        page.wait_for_timeout(100)
    says = page.locator(".sp-status").inner_text()
    pytest.fail(f"expected an answer at ({x:.0f}, {y:.0f}), and the page says: {says}")


def first_scene(folder: Path) -> tuple[int, int]:
    """The first bundled scene's size."""
    entry = json.loads((folder / "scenes.json").read_text())[0]
    with Image.open(folder / entry["file"]) as image:
        return image.size


def test_the_first_thing_seen_is_a_result(page: Page, tmp_path: Path) -> None:
    expect(page.locator(".sp-card")).to_have_count(3)
    expect(page.locator(".sp-percent").first).to_contain_text("%")
    page.screenshot(path=tmp_path / "first.png")
    assert (tmp_path / "first.png").stat().st_size > 20_000


def test_a_click_draws_people_there(page: Page, scenes_folder: Path) -> None:
    width, height = first_scene(scenes_folder)
    before = picture_address(page)
    click(page, 0.3, 0.62)
    expect_point(page, 0.3 * width, 0.62 * height, 3)
    assert picture_address(page) != before
    expect(page.locator(".sp-card")).to_have_count(3)


def test_of_quick_clicks_the_last_one_wins(page: Page, scenes_folder: Path) -> None:
    width, height = first_scene(scenes_folder)
    box = picture_box(page)
    for across in (0.2, 0.4, 0.6, 0.75):
        click(page, across, 0.7, box)
    expect_point(page, 0.75 * width, 0.7 * height, 3)
    page.wait_for_timeout(1000)
    expect_point(page, 0.75 * width, 0.7 * height, 3)


def test_a_click_while_a_picture_arrives_is_not_lost(page: Page, scenes_folder: Path) -> None:
    width, height = first_scene(scenes_folder)
    box = picture_box(page)
    held: list[Route] = []
    page.route(re.compile(r"/scene\.jpg"), lambda route: route.fallback() if held else held.append(route))
    click(page, 0.3, 0.7, box)
    page.wait_for_function("() => !document.querySelector('#sp-scene img').naturalWidth", timeout=PATIENCE)
    click(page, 0.5, 0.7, box)
    click(page, 0.7, 0.8, box)
    held[0].continue_()
    expect_point(page, 0.7 * width, 0.8 * height, 3)


def test_a_click_right_after_choosing_another_scene(page: Page, scenes_folder: Path) -> None:
    """It is for the scene that was clicked in, also where the other one opens in between."""
    width, height = first_scene(scenes_folder)
    held: list[Route] = []
    join = re.compile("queue/join")
    page.route(join, lambda route: held.append(route) if len(held) < 2 else route.fallback())
    page.locator("#sp-scenes button.thumbnail-item").last.click()
    page.evaluate("scrollTo(0, 0)")  # the gallery is below
    click(page, 0.3, 0.7)
    for _ in range(300):
        if len(held) == 2:  # the other scene's, and the click's
            break
        page.wait_for_timeout(100)
    for route in held:
        route.continue_()
        page.wait_for_timeout(300)
    expect_point(page, 0.3 * width, 0.7 * height, 3)
    name = Path(json.loads((scenes_folder / "scenes.json").read_text())[0]["file"]).stem
    assert f"scene={name}&" in str(page.locator(".sp-status a").get_attribute("href"))


def test_a_click_before_anything_is_answered(
    browser: Browser, random_checkpoint: Path, scenes_folder: Path, tmp_path: Path
) -> None:
    width, height = first_scene(scenes_folder)
    with serving(random_checkpoint, scenes_folder, tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address, wait_until="commit")
        page.locator("#sp-scene img").wait_for(timeout=PATIENCE)
        click(page, 0.4, 0.8)
        for _ in range(300):
            if "generated in" in page.locator(".sp-status").inner_text() and point(page)[1] > 0.79 * height:
                break
            page.wait_for_timeout(100)
        page.wait_for_timeout(1000)
        expect_point(page, 0.4 * width, 0.8 * height, 3)
        page.close()


def test_how_many_people_can_be_chosen(page: Page) -> None:
    field = page.locator("#sp-count input[type=number]")
    field.fill("7")
    field.press("Enter")
    expect(page.locator(".sp-card")).to_have_count(7, timeout=PATIENCE)


def test_another_bundled_scene(page: Page, scenes_folder: Path) -> None:
    name = Path(json.loads((scenes_folder / "scenes.json").read_text())[-1]["file"]).stem
    page.locator("#sp-scenes button.thumbnail-item").last.click()
    address = re.compile(rf"\?scene={re.escape(name)}&x=\d+&y=\d+")
    expect(page.locator(".sp-status a")).to_have_attribute("href", address, timeout=PATIENCE)
    link = page.locator(".sp-status a").get_attribute("href")
    # In a page of its own: a browser that leaves a page breaks its connections, which gradio calls an error.
    other = page.context.new_page()
    other.goto(page.url + str(link))
    wait_for_answer(other)
    assert point(other) == point(page)


def test_an_own_photo_stays_loaded(page: Page, tmp_path: Path) -> None:
    photo, text = tmp_path / "own photo.png", tmp_path / "broken.jpg"
    room(300, 500).save(photo)
    text.write_text("no picture at all")
    upload = page.locator("input[type=file]:has(+ #sp-upload)")
    upload.set_input_files(photo)
    expect(page.locator(".sp-status")).to_contain_text("300 × 500", timeout=PATIENCE)
    click(page, 0.5, 0.8)
    expect_point(page, 150, 400, 2)
    upload.set_input_files(text)
    expect(page.get_by_text("is not a picture that can be read")).to_be_visible(timeout=PATIENCE)
    click(page, 0.25, 0.5)
    expect_point(page, 75, 250, 2)


def drop(image: Locator, path: Path) -> None:
    """Drop a PNG file on a picture."""
    image.evaluate(
        """(image, data) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], 'own.png', {type: 'image/png'}));
            image.dispatchEvent(new DragEvent('drop', {bubbles: true, dataTransfer: transfer}));
        }""",
        base64.b64encode(path.read_bytes()).decode(),
    )


def test_a_photo_dropped_on_the_picture(page: Page, tmp_path: Path) -> None:
    room(320, 240).save(tmp_path / "own.png")
    drop(page.locator("#sp-scene img"), tmp_path / "own.png")
    expect(page.locator(".sp-status")).to_contain_text("320 × 240", timeout=PATIENCE)


def test_without_a_mouse(page: Page, scenes_folder: Path) -> None:
    width, _ = first_scene(scenes_folder)
    expect(page.locator("#sp-y input")).to_have_value(f"{point(page)[1]:.0f}")
    page.locator("#sp-x input").fill("222")
    page.locator("#sp-y input").fill("333")
    page.locator("#sp-generate").click()
    expect_point(page, 222, 333, 0)
    page.locator("#sp-x input").fill(str(width + 50))
    page.locator("#sp-x input").press("Enter")
    expect(page.get_by_text("lies outside the picture")).to_be_visible(timeout=PATIENCE)
    assert point(page) == (222, 333)


def test_downloads(page: Page, tmp_path: Path) -> None:
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.locator("#sp-json").click()
    result = json.loads(Path(waiting.value.path()).read_text())
    assert waiting.value.suggested_filename.endswith(".json")
    assert len(result["poses"]) == 3
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.locator("#sp-png").click()
    assert waiting.value.suggested_filename.endswith(".png")
    with Image.open(waiting.value.path()) as image:
        assert image.size == (result["width"], result["height"])


def test_a_phone(browser: Browser, server: str, scenes_folder: Path) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=3, has_touch=True
    )
    page = context.new_page()
    page.goto(server)
    wait_for_answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    width, height = first_scene(scenes_folder)
    box = picture_box(page)
    page.touchscreen.tap(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])
    expect_point(page, 0.4 * width, 0.6 * height, 6)
    context.close()
