"""The Compare tab of the running demo, in a browser and by its endpoint."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from scenepose import METHODS
from scenepose.app.known import known_scenes
from tests.conftest import room, serving
from tests.page import drop
from tests.test_app import Refused, call, upload

#: Milliseconds to wait for an answer: the first one waits until the model is loaded.
PATIENCE = 90_000
STOCHASTIC = ("vae", "placenet", "graconet")


@pytest.fixture(scope="module")
def demo(heads_folder: Path, scenes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo with the tiny seven, one of which is broken and one missing."""
    weights = tmp_path_factory.mktemp("weights") / "some"
    copytree(heads_folder, weights)
    (weights / "unipose.safetensors").write_text("nothing")
    (weights / "prtr.safetensors").unlink()
    log = tmp_path_factory.mktemp("demo")
    with serving(weights / "scenepose.safetensors", scenes_folder, log) as address:
        yield address
    assert "Traceback" not in (log / "log").read_text()


@pytest.fixture(scope="module")
def tab(browser: Browser, demo: str) -> Iterator[Page]:
    """The Compare tab; one for all tests, because loading a page takes longer than they do."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(demo)
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#sp-compare-status")).to_contain_text("compared in", timeout=PATIENCE)
    yield page
    context.close()
    assert not problems, problems


@pytest.fixture
def page(tab: Page) -> Page:
    """The tab with the last bundled scene, all methods, and a seed that no test has seen."""
    # Chosen first, so that whatever the change of the seed compares is this scene at its starting point.
    tab.locator("#sp-compare-scenes button").last.click()
    seed = int(tab.locator("#sp-compare-seed input").input_value()) + 10
    tab.locator("#sp-compare-seed input").fill(str(seed))
    tab.locator("#sp-compare-scenes button").last.click()
    expect_seed(tab, seed)
    return tab


def expect_seed(page: Page, seed: int) -> None:
    """Wait for the comparison with a seed."""
    expect(page.locator(".sp-panel[data-method=vae] span")).to_contain_text(f"seed {seed}", timeout=PATIENCE)


def pictures(page: Page) -> dict[str, str]:
    """Method -> its panel's person, once all panels are finished."""
    expect(page.locator("#sp-compare-status")).to_contain_text("compared in", timeout=PATIENCE)
    expect(page.locator(".sp-panel[data-state=waiting]")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator(".sp-panel g.sp-person").nth(5)).to_be_attached(timeout=PATIENCE)
    return page.evaluate(
        """Object.fromEntries([...document.querySelectorAll('.sp-panel g.sp-person')].map(
            (person) => [person.closest('.sp-panel').dataset.method, person.innerHTML]))"""
    )


def test_a_click_changes_every_panel(page: Page) -> None:
    before = pictures(page)
    shown = set(METHODS) - {"unipose", "prtr"}
    assert set(before) - {"truth"} == shown
    expect(page.locator("#sp-missing")).to_have_text("Not shown, because no weights are bundled: PRTR.")
    expect(page.locator(".sp-panel[data-method=unipose] .sp-failed")).to_contain_text(
        "does not hold the weights"
    )
    for name, title in (("scenepose", "ScenePose"), ("graconet", "GracoNet")):
        expect(page.locator(f".sp-panel[data-method={name}] strong")).to_have_text(title)
        expect(page.locator(f".sp-panel[data-method={name}] span")).to_contain_text(" ms")
    status = page.locator("#sp-compare-status")
    scene = page.locator("#sp-compare-stage")
    scene.scroll_into_view_if_needed()
    box = scene.bounding_box()
    assert box
    said = status.inner_text().split(",")[0]  # "7 methods at (496"
    scene.click(position={"x": 0.35 * box["width"], "y": 0.8 * box["height"]})
    expect(status).not_to_contain_text(said, timeout=PATIENCE)
    after = pictures(page)
    assert set(after) - {"truth"} == shown
    assert all(after[name] != before[name] for name in shown)


def test_draw_again_and_switching_off(page: Page) -> None:
    before = pictures(page)
    page.locator("#sp-compare-again").click()
    expect_seed(page, int(page.locator("#sp-compare-seed input").input_value()))
    after = pictures(page)
    changed = {name for name in after if name != "truth" and after[name] != before[name]}
    assert changed == set(STOCHASTIC)
    assert set(before) == set(after)
    page.get_by_role("checkbox", name="Regression").uncheck()
    expect(page.locator(".sp-panel[data-method=regression]")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#sp-compare-status")).to_contain_text("6 methods at", timeout=PATIENCE)
    page.get_by_role("checkbox", name="Regression").check()
    expect(page.locator(".sp-panel[data-method=regression] g.sp-person")).to_be_visible(timeout=PATIENCE)


def test_typed_points_and_the_download(page: Page, tmp_path: Path) -> None:
    page.locator("#sp-compare-x input").fill("33")
    page.locator("#sp-compare-y input").fill("100000")
    page.locator("#sp-compare-go").click()
    expect(page.get_by_text("lies outside the picture")).to_be_visible(timeout=PATIENCE)
    photo = tmp_path / "own photo.png"
    room(300, 240).save(photo)
    page.locator("#sp-compare-file").set_input_files(photo)
    expect(page.locator("#sp-compare-status")).to_contain_text("300 × 240", timeout=PATIENCE)
    expect(page.locator(".sp-panel")).to_have_count(0)
    page.locator("#sp-compare-x input").fill("150")
    page.locator("#sp-compare-y input").fill("120")
    page.locator("#sp-compare-y input").press("Enter")
    expect(page.locator("#sp-compare-status")).to_contain_text("at (150, 120), compared in", timeout=PATIENCE)
    assert "truth" not in pictures(page)
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.locator("#sp-compare-png").click()
    assert waiting.value.suggested_filename == "own photo-compared.png"
    with Image.open(waiting.value.path()) as sheet:
        assert sheet.width > 3 * 400
        assert sheet.height > 2 * 300


def test_a_photo_dropped_on_the_scene(page: Page, tmp_path: Path) -> None:
    room(310, 250).save(tmp_path / "own.png")
    drop(page.locator("#sp-compare-stage"), tmp_path / "own.png")
    expect(page.locator("#sp-compare-status")).to_contain_text("310 × 250", timeout=PATIENCE)
    expect(page.locator("#sp-status")).not_to_contain_text("310 × 250")


def test_the_truth_beside_them(page: Page) -> None:
    """Where a scene's true poses are known, a panel shows one and the others say their PCK."""
    pictures(page)
    page.locator("#sp-compare-scenes button").first.click()
    if not known_scenes():
        pytest.skip("the test rooms are not bundled")
    expect(page.locator(".sp-panel[data-method=truth] g.sp-person")).to_be_visible(timeout=PATIENCE)
    pictures(page)
    expect(page.locator(".sp-panel").first).to_have_attribute("data-method", "truth")
    for name in ("scenepose", "regression"):
        expect(page.locator(f".sp-panel[data-method={name}] span")).to_have_text(
            re.compile(r"^\d+ ms · PCK [01]\.\d\d$")
        )
    page.locator("#sp-compare-scenes button").last.click()
    expect(page.locator(".sp-panel[data-method=truth]")).to_have_count(0, timeout=PATIENCE)


def test_the_link_opens_the_same_comparison(page: Page, browser: Browser, demo: str) -> None:
    before = pictures(page)
    link = str(page.locator("#sp-compare-status a").get_attribute("href"))
    assert re.fullmatch(r"\?compare=[^&]+&x=\d+&y=\d+&seed=\d+", link)
    other = browser.new_page()
    other.goto(f"{demo}/{link}")
    assert set(pictures(other)) == set(before)
    seed = re.search(r"seed=(\d+)", link)
    assert seed
    expect_seed(other, int(seed[1]))
    assert (
        other.locator("#sp-compare-status").inner_text().split(",")[0]
        == (page.locator("#sp-compare-status").inner_text().split(",")[0])
    )
    other.close()


def test_an_answer_can_be_kept(page: Page) -> None:
    """It joins the people of its picture in the Generate tab."""
    pictures(page)
    page.locator(".sp-panel[data-method=regression] .sp-keep").click()
    expect(page.locator("#sp-people li")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("#sp-stage g.sp-kept")).to_have_count(1)
    expect(page.locator("#sp-people")).to_contain_text("Regression")
    page.get_by_role("tab", name="Compare").click()


@pytest.mark.parametrize(("seed", "sentence"), [("", "an empty field"), ("x", "“x”"), ("-1", "“-1”")])
def test_seeds_that_make_no_sense(page: Page, seed: str, sentence: str) -> None:
    field = page.locator("#sp-compare-seed input")
    before = field.input_value()
    field.fill(seed)
    page.locator("#sp-compare-go").click()
    expect(page.locator(".sp-complaint")).to_contain_text(f"whole number from 0, not {sentence}")
    field.fill(before)


def test_on_a_phone(browser: Browser, demo: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(demo)
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#sp-compare-status")).to_contain_text("compared in", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    one, two = (page.locator(".sp-panel").nth(n).bounding_box() for n in (0, 1))
    assert one
    assert two
    assert one["y"] == two["y"], "two panels stand side by side"
    context.close()


def test_the_endpoint(demo: str, tmp_path: Path) -> None:
    room().save(tmp_path / "hall.png")
    said = call(demo, "compare", upload(demo, tmp_path / "hall.png"), 300, 250)
    assert (said["scene"], said["point"]) == ("hall.png", [300, 250])
    rows = {row["method"]: row for row in said["methods"]}
    assert set(rows) == set(METHODS) - {"prtr"}
    assert "does not hold the weights" in rows["unipose"]["error"]
    assert len(rows["vae"]["poses"][0]["keypoints"]) == 16
    with pytest.raises(Refused, match="lies outside the picture"):
        call(demo, "compare", upload(demo, tmp_path / "hall.png"), 3000, 250)
    with urllib.request.urlopen(f"{demo}/gradio_api/info", timeout=20) as answer:
        parameters = json.loads(answer.read())["named_endpoints"]["/compare"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == ["image", "x", "y"]
