"""The tab How it works."""

import json
import re

import pytest
from playwright.sync_api import Browser, expect

from scenepose.app.how import results, templates
from scenepose.assets import assets
from scenepose.methods.table import METHODS
from tests.page import PATIENCE


def test_every_template_in_use_is_drawn_with_its_name() -> None:
    path = assets() / "templates" / "picked.json"
    page = templates(path)
    names = json.loads(path.read_text())["names"]
    assert page.count("<svg") == len(names)
    assert re.findall("<figcaption>(.*?)</figcaption>", page) == names
    assert "nan" not in page


def test_the_table_shows_what_was_measured(tmp_path) -> None:
    methods = {"scenepose": {"pck": 0.456, "posture": 0.891}, "vae": {"pck": 0.25, "posture": None}}
    (tmp_path / "photographs.json").write_text(json.dumps({"methods": methods}))
    page = results(tmp_path)
    assert page.count("<tr>") == 2 + 2  # two of headings
    assert f"<th>{METHODS['scenepose'].title}</th><td>0.89</td><td>0.46</td><td></td>" in page
    assert f"<th>{METHODS['vae'].title}</th><td></td><td>0.25</td><td></td>" in page
    assert "rooms" not in page


def test_without_results_there_is_no_table(tmp_path) -> None:
    assert results(tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_tab_fits_the_window_and_shows_the_pipeline(
    browser: Browser, server: str, width: int, scheme
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{server}/?how=1")
    expect(page.locator("#sp-how section")).to_have_count(5, timeout=PATIENCE)
    image = page.locator("#sp-how .sp-pipeline")
    page.wait_for_function("document.querySelector('#sp-how .sp-pipeline').naturalWidth > 900")
    box = image.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
