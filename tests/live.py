"""`python -m tests.live`: how true the ghost is, and how soon a click is drawn.

- How often the ghost under a moving pointer is somebody else than a click there ranks first, at random points
  of the bundled scenes and, given ``--photographs nyu:DIR``, of validation photographs.
- Milliseconds from a click to the drawn answer in Chromium, on an encoded picture: where the pointer came and
  clicked at once, and where it rested first.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from playwright.sync_api import sync_playwright

import scenepose
from scenepose.app.generate import ABOUT
from scenepose.assets import assets, bundled_scenes, checkpoint_path
from scenepose.data.sources import open_source
from scenepose.predict.near import ghosts
from tests.conftest import find_chromium, serving
from tests.page import place, wait_for_answer, wait_for_grid

# Milliseconds until the browser shows the next answer: asked before the click, read after it.
WATCH = """() => {
    const layer = document.querySelector('#sp-stage .sp-layer-people');
    window.drawn = new Promise((done) => {
        let start = 0;
        document.querySelector('#sp-stage').addEventListener('click', () => { start = performance.now(); },
            { capture: true, once: true });
        const seen = new MutationObserver(() => {
            if (!start || !layer.querySelector('.sp-person')) return;
            seen.disconnect();
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - start), 0));
        });
        seen.observe(layer, { childList: true });
    });
}"""


@dataclass(frozen=True)
class Options:
    """Measure the live page.

    Attributes:
        photographs: a data source whose validation pictures are tried, too, "nyu:DIR".
        pictures: of each source.
        points: in each picture.
        clicks: in Chromium, of each sort; 0 leaves them out.
        checkpoint: weights other than the bundled ones.
    """

    photographs: str | None = None
    pictures: int = 4
    points: int = 25
    clicks: int = 20
    checkpoint: Path | None = None


def truth_of_ghosts(options: Options) -> dict[str, dict[str, float]]:
    """Shares of points by way of clicking: another template, another kind, and one that scores 0.05 less."""
    generator = scenepose.load("scenepose", options.checkpoint)
    rng = np.random.default_rng(0)
    pictures: list = [scene.path for scene in bundled_scenes(None)][: options.pictures]
    if options.photographs:
        source = open_source(options.photographs, "val")
        count = len(source.samples.frame_names)
        pictures += [
            source.picture(int(one)) for one in rng.choice(count, min(count, options.pictures), replace=False)
        ]
    found: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for picture in pictures:
        scene = generator.encode(picture)
        points = rng.uniform(0, 1, (options.points, 2))
        for near, kinds in ((ABOUT, None), (ABOUT, {"sit"}), (0.0, None), (0.0, {"sit"})):
            ghost = ghosts(scene, near, kinds)
            rows, columns = ghost.shape
            for x, y in points:
                poses = scene.generate(
                    (x * scene.width, y * scene.height), top_k=generator.num_templates, near=near, kinds=kinds
                )
                k = ghost.templates[int(y * rows) * columns + int(x * columns), 0]
                score = next(pose.score or 0.0 for pose in poses if pose.template == k)
                best = poses[0]
                name = f"{'exactly' if not near else 'about'} here, {'sitting' if kinds else 'anyone'}"
                found[name].append(
                    (
                        best.template != k,
                        best.kind != generator.template_kinds[k],
                        (best.score or 0.0) - score > 0.05,
                    )
                )
    names = ("another template", "another kind", "0.05 worse")
    return {
        way: {"points": len(rows), **dict(zip(names, np.mean(rows, 0).round(3).tolist(), strict=True))}
        for way, rows in found.items()
    }


def clicks(options: Options) -> dict[str, float]:
    """Medians of milliseconds from a click until its answer is drawn."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("This needs Chromium: apt-get install chromium")
    checkpoint = (options.checkpoint or checkpoint_path("scenepose")).resolve()
    took: dict[str, list[float]] = {"at once": [], "after a rest": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(checkpoint, assets() / "scenes", Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        wait_for_answer(page)
        wait_for_grid(page)
        rng = np.random.default_rng(0)
        for _ in range(options.clicks):
            for way, rest in (("at once", 0), ("after a rest", 600)):
                page.mouse.move(*place(page, *rng.uniform(0.1, 0.9, 2)))
                page.wait_for_timeout(rest)
                page.evaluate(WATCH)
                page.mouse.down()
                page.mouse.up()
                took[way].append(page.evaluate("window.drawn"))
                page.wait_for_timeout(300)
        browser.close()
    return {way: round(float(np.median(times)), 1) for way, times in took.items()}


def main() -> None:
    """Measure and print as JSON."""
    options = tyro.cli(Options, prog="python -m tests.live")
    measured: dict[str, object] = {"ghosts": truth_of_ghosts(options)}
    if options.clicks:
        measured["milliseconds from click to drawn"] = clicks(options)
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
