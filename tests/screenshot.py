"""`python -m tests.screenshot`: the README's picture, from the real demo with what is bundled."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro
from playwright.sync_api import sync_playwright

from scenepose.assets import assets, checkpoint_path
from tests.conftest import find_chromium, serving


@dataclass(frozen=True)
class Options:
    """Photograph the demo.

    Attributes:
        out: where the picture goes.
        query: what follows the address, "?scene=NAME&x=480&y=410"; the first scene's start by default.
        people: how many to show.
        width: of the window, pixels.
        height: of the window, pixels.
        checkpoint: weights other than the bundled ones.
    """

    out: Path = Path("assets/docs/generate.png")
    query: str = ""
    people: int = 3
    width: int = 1280
    height: int = 840
    checkpoint: Path | None = None


def main() -> None:
    """Serve, open, wait for the answer, save."""
    options = tyro.cli(Options, prog="python -m tests.screenshot")
    chromium = find_chromium()
    if chromium is None:
        sys.exit("A screenshot needs Chromium: apt-get install chromium")
    checkpoint = (options.checkpoint or checkpoint_path("scenepose")).resolve()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(checkpoint, assets() / "scenes", Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": options.width, "height": options.height})
        page.goto(f"{address}/{options.query}")
        page.wait_for_selector(".sp-card", timeout=90_000)
        field = page.locator("#sp-count input[type=number]")
        field.fill(str(options.people))
        field.press("Enter")
        page.wait_for_function(f"document.querySelectorAll('.sp-card').length === {options.people}")
        field.blur()
        # The picture arrives a moment after the cards; the thumbnails are read from disk.
        page.wait_for_timeout(1500)
        page.screenshot(path=options.out)
        browser.close()
    print(options.out)


if __name__ == "__main__":
    main()
