"""The demo's page as a visitor uses it, for the tests that drive a real Chromium."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

#: Milliseconds to wait for an answer: the first one waits until the model is loaded.
PATIENCE = 90_000
# What a page does by itself, too, may take a while where several share a machine.
expect.set_options(timeout=20_000)


@contextmanager
def visit(browser: Browser, server: str, query: str = "", **context: Any) -> Iterator[Page]:
    """A fresh page that shows its first answer; what its console complains of, or a request that would leave
    the machine, fails the test."""
    opened = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **context}
    )
    page = opened.new_page()
    problems: list[str] = []

    def only_here(route: Route) -> None:
        if route.request.url.startswith(server):
            route.continue_()
        else:
            problems.append(f"a request left the machine: {route.request.url}")
            route.abort()

    opened.route(re.compile("^https?://"), only_here)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server + query)
    wait_for_answer(page)
    yield page
    opened.close()
    assert not problems, problems


def wait_for_answer(page: Page) -> None:
    """Until there is one."""
    expect(page.locator("#sp-status")).to_contain_text("generated in", timeout=PATIENCE)
    expect(page.locator(".sp-card").first).to_be_visible()


def wait_for_grid(page: Page) -> None:
    """Until the server has worked out where people fit; the ghost then follows the pointer."""
    for step in range(PATIENCE // 250):
        move(page, 0.5 + 0.002 * (step % 2), 0.7)
        if page.locator("g.sp-ghost").count():
            return
        page.wait_for_timeout(250)
    pytest.fail("there is no ghost under the pointer")


def stage_box(page: Page) -> dict[str, float]:
    """Where the picture is in the page, scrolled to where it is seen."""
    stage = page.locator("#sp-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box
    return {name: float(box[name]) for name in ("x", "y", "width", "height")}


def place(page: Page, across: float, down: float) -> tuple[float, float]:
    """A fraction of the picture's width and height in pixels of the page."""
    box = stage_box(page)
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def click(page: Page, across: float, down: float) -> None:
    """Click the picture at a fraction of its width and height."""
    page.mouse.click(*place(page, across, down))


def move(page: Page, across: float, down: float) -> None:
    """Move the pointer there."""
    page.mouse.move(*place(page, across, down))


def point(page: Page) -> tuple[float, float]:
    """The point that the status line names."""
    named = re.search(r"at \((-?\d+), (-?\d+)\)", page.locator("#sp-status").inner_text())
    assert named
    return float(named[1]), float(named[2])


def expect_point(page: Page, x: float, y: float, tolerance: float) -> None:
    """Wait until the answer is for this point, to within some pixels of the original picture."""
    for _ in range(300):  # of a tenth of a second
        answered = "generated in" in page.locator("#sp-status").inner_text()
        at = point(page) if answered else (-1e9, -1e9)
        if abs(at[0] - x) <= tolerance and abs(at[1] - y) <= tolerance:
            return
        page.wait_for_timeout(100)
    says = page.locator("#sp-status").inner_text()
    pytest.fail(f"expected an answer at ({x:.0f}, {y:.0f}), and the page says: {says}")


def first_scene(folder: Path) -> tuple[int, int]:
    """The first bundled scene's size."""
    entry = json.loads((folder / "scenes.json").read_text())[0]
    with Image.open(folder / entry["file"]) as image:
        return image.size


def drop(stage: Locator, path: Path, kind: str = "image/png") -> None:
    """Drop a file on a picture."""
    stage.evaluate(
        """(stage, [data, name, type]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, {type}));
            stage.dispatchEvent(new DragEvent('drop', {bubbles: true, dataTransfer: transfer}));
        }""",
        [base64.b64encode(path.read_bytes()).decode(), path.name, kind],
    )


def download(page: Page, format: str) -> tuple[str, Path]:
    """Take the people along in a format: the file's name and where it is."""
    page.locator("#sp-format").select_option(format)
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.locator("#sp-download").click()
    return waiting.value.suggested_filename, Path(waiting.value.path())


def joint(page: Page, name: str) -> tuple[float, float]:
    """Where a joint of the person who is being adjusted is, in pixels of the picture."""
    circle = page.locator(f"circle.sp-joint[data-name={name}]")
    return float(circle.get_attribute("cx") or "nan"), float(circle.get_attribute("cy") or "nan")


def drag(page: Page, handle: Locator, right: float, down: float) -> None:
    """Drag a handle by pixels of the page."""
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right / 2, y + down / 2)
    page.mouse.move(x + right, y + down)
    page.mouse.up()
