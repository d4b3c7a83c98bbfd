"""`python -m tests.tour`: the README's moving picture, recorded from the real demo in Chromium.

The pointer moves over a seat and the ghost appears; a click, an elbow is dragged, a second person joins, and
both are taken along.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from scenepose.assets import assets, checkpoint_path
from tests.conftest import find_chromium, serving
from tests.page import PATIENCE, joint, place, wait_for_answer, wait_for_grid

#: The largest file that a README should make anybody load, bytes.
LARGEST = 3_000_000
#: A pointer, which pictures of a page lack.
POINTER = """() => {
    const pointer = document.createElement('div');
    pointer.style.cssText = 'position:fixed;left:0;top:0;z-index:9999;pointer-events:none';
    pointer.innerHTML = '<svg viewBox="0 0 24 24" width="26" height="26"><path d="M3 2l6.5 17 2.6-7 7-2.6z" '
        + 'fill="white" stroke="black" stroke-width="1.6" stroke-linejoin="round"/></svg>';
    document.body.append(pointer);
    document.addEventListener('pointermove', (event) => {
        pointer.style.transform = `translate(${event.clientX - 3}px, ${event.clientY - 2}px)`;
    }, true);
}"""


@dataclass(frozen=True)
class Options:
    """Record the demo.

    Attributes:
        out: a GIF.
        scene: of the bundled ones.
        seat: where the first person sits, as fractions of the picture's width and height.
        floor: where the second one is.
        width: of the recording, pixels.
        checkpoint: weights other than the bundled ones.
    """

    out: Path = Path("assets/docs/tour.gif")
    scene: str = "living-room"
    seat: tuple[float, float] = (0.74, 0.47)
    floor: tuple[float, float] = (0.3, 0.66)
    width: int = 800
    checkpoint: Path | None = None


@dataclass
class Film:
    """Frames with how long each is shown, milliseconds."""

    page: Page
    width: int
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    def take(self, milliseconds: int) -> None:
        """Photograph the page as it is."""
        with Image.open(io.BytesIO(self.page.screenshot())) as shot:
            size = (self.width, round(shot.height * self.width / shot.width))
            self.frames.append(shot.convert("RGB").resize(size, Image.Resampling.LANCZOS))
        self.durations.append(milliseconds)

    def move(self, start: tuple[float, float], end: tuple[float, float], steps: int) -> None:
        """Move the pointer between two places of the page, frame by frame."""
        for step in range(1, steps + 1):
            share = step / steps
            share = share * share * (3 - 2 * share)  # slow, quick, slow
            self.page.mouse.move(*(a + (b - a) * share for a, b in zip(start, end, strict=True)))
            self.take(70)

    def save(self, path: Path, colours: int) -> int:
        """Write it; its bytes."""
        strip = Image.new("RGB", (self.width, sum(frame.height for frame in self.frames[::6])))
        for n, frame in enumerate(self.frames[::6]):
            strip.paste(frame, (0, n * frame.height))
        palette = strip.quantize(colours)  # one for all, so that what stands still costs nothing
        first, *rest = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames]
        path.parent.mkdir(parents=True, exist_ok=True)
        first.save(path, save_all=True, append_images=rest, duration=self.durations, loop=0, optimize=True)
        return path.stat().st_size


def record(page: Page, options: Options) -> Film:
    """Go through the whole tour."""
    wait_for_answer(page)
    wait_for_grid(page)
    page.evaluate(POINTER)
    film = Film(page, options.width)
    start, seat, floor = (place(page, *at) for at in ((0.1, 0.9), options.seat, options.floor))
    page.mouse.move(*start)
    film.take(700)
    film.move(start, seat, 12)
    page.wait_for_timeout(700)  # the ghost settles
    film.take(900)
    _click(page, film)
    adjust = page.locator(".sp-card .sp-adjust").first
    end = _middle(adjust.bounding_box())
    film.move(seat, end, 6)
    adjust.click()
    film.take(500)
    box = page.locator("#sp-stage").bounding_box()
    view = [float(one) for one in str(page.locator("#sp-stage").get_attribute("viewBox")).split()]
    assert box
    across, down = joint(page, "l_elbow")
    elbow = (box["x"] + across / view[2] * box["width"], box["y"] + down / view[3] * box["height"])
    film.move(end, elbow, 6)
    page.mouse.down()
    film.move(elbow, (elbow[0] + 34, elbow[1] - 30), 7)
    page.mouse.up()
    film.take(600)
    film.move((elbow[0] + 34, elbow[1] - 30), floor, 8)
    page.wait_for_timeout(700)
    film.take(700)
    _click(page, film)
    button = page.locator("#sp-download")
    button.scroll_into_view_if_needed()
    end = _middle(button.bounding_box())
    film.move(floor, end, 6)
    with page.expect_download(timeout=PATIENCE):
        button.click()
    film.take(1800)
    return film


def _click(page: Page, film: Film) -> None:
    before = page.locator("#sp-status").inner_text()
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#sp-status")).not_to_have_text(before, timeout=PATIENCE)
    page.wait_for_timeout(200)
    film.take(1300)


def _middle(box: object) -> tuple[float, float]:
    assert isinstance(box, dict)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def main() -> None:
    """Serve, record, save; fewer colours where the file would be too large."""
    options = tyro.cli(Options, prog="python -m tests.tour")
    chromium = find_chromium()
    if chromium is None:
        sys.exit("A recording needs Chromium: apt-get install chromium")
    checkpoint = (options.checkpoint or checkpoint_path("scenepose")).resolve()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(checkpoint, assets() / "scenes", Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 960}, color_scheme="light")
        page.goto(f"{address}/?scene={options.scene}")
        film = record(page, options)
        browser.close()
    for colours in (255, 128, 64, 32):
        size = film.save(options.out, colours)
        if size <= LARGEST:
            break
    else:
        sys.exit(f"{options.out} has {size / 1e6:.1f} MB, and at most {LARGEST / 1e6:.0f} are wanted")
    print(f"{options.out}: {len(film.frames)} frames, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
