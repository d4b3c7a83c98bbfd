"""Several people in one scene: kept, adjusted, undone, taken along and opened again; in a real Chromium."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from scenepose import export
from scenepose.picture import draw, images
from scenepose.pose.skeleton import MIRROR, R_WRIST
from tests.page import (
    PATIENCE,
    click,
    download,
    drag,
    drop,
    expect_point,
    first_scene,
    joint,
    move,
    visit,
    wait_for_grid,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh page that shows its first answer."""
    with visit(browser, server) as page:
        yield page


def keep_two(page: Page, folder: Path) -> None:
    """Two people who are kept, at places that are apart; the second is selected."""
    width, height = first_scene(folder)
    for across in (0.25, 0.75):
        click(page, across, 0.75)
        expect_point(page, across * width, 0.75 * height, 3)
        page.locator(".sp-keep").first.click()
    expect(page.locator("#sp-people li")).to_have_count(2)


def saved(page: Page) -> list[dict]:
    """The people of the scene as our own JSON has them."""
    name, path = download(page, "json")
    assert name.endswith(".json")
    return json.loads(path.read_text())["poses"]


def test_two_people_a_wrist_and_every_format(page: Page, scenes_folder: Path, tmp_path: Path) -> None:
    keep_two(page, scenes_folder)
    expect(page.locator("#sp-stage g.sp-kept")).to_have_count(2)
    before = saved(page)
    assert len(before) == 2
    assert not any(one.get("edited") for one in before)

    start = joint(page, "r_wrist")
    drag(page, page.locator("circle.sp-joint[data-name=r_wrist]"), -40, -60)
    factor = first_scene(scenes_folder)[0] / (page.locator("#sp-stage").bounding_box() or {})["width"]
    moved = joint(page, "r_wrist")
    assert moved == pytest.approx((start[0] - 40 * factor, start[1] - 60 * factor), abs=1.5)
    expect(page.locator("#sp-people li").nth(1)).to_contain_text("edited")
    after = saved(page)
    assert [one.get("edited", False) for one in after] == [False, True]
    assert after[1]["keypoints"][R_WRIST] == pytest.approx(moved, abs=0.01)
    others = [n for n in range(16) if n != R_WRIST]
    assert np.allclose(np.array(after[1]["keypoints"])[others], np.array(before[1]["keypoints"])[others])

    page.locator("#sp-undo").click()
    assert joint(page, "r_wrist") == pytest.approx(start)
    assert saved(page) == before
    page.keyboard.press("Control+Shift+Z")
    assert joint(page, "r_wrist") == pytest.approx(moved)

    width, height = first_scene(scenes_folder)
    name, path = download(page, "png")
    with Image.open(path) as image:
        assert (name.endswith(".png"), image.size) == (True, (width, height))
    _, path = download(page, "svg")
    groups = [one for one in ET.parse(path).iter() if one.get("class") == "person"]
    assert [
        group.get("data-edited") for group in sorted(groups, key=lambda one: str(one.get("data-person")))
    ] == [
        None,
        "true",
    ]
    _, path = download(page, "openpose")
    assert len(json.loads(path.read_text())["people"]) == 2
    _, path = download(page, "coco")
    assert len(json.loads(path.read_text())["annotations"]) == 2
    page.locator("#sp-format").select_option("pose")
    page.locator("#sp-size").select_option("512")
    _, path = download(page, "pose")
    with Image.open(path) as image:
        assert min(image.size) == 512
        assert np.asarray(image.convert("L")).max() > 100

    # Our own JSON, dropped on a page that has nobody yet.
    _, path = download(page, "json")
    record = tmp_path / "people.json"
    record.write_bytes(path.read_bytes())
    with visit(page.context.browser, page.url.split("/?")[0].rstrip("/")) as other:  # type: ignore[arg-type]
        drop(other.locator("#sp-stage"), record, "application/json")
        expect(other.locator("#sp-stage g.sp-kept")).to_have_count(2, timeout=PATIENCE)
        assert saved(other) == after
        expect(other.locator("#sp-people li").nth(1)).to_contain_text("edited")


def test_an_answer_that_is_looked_at_is_in_the_scene(page: Page, scenes_folder: Path) -> None:
    """Who is kept and the answer that is selected are taken along, and nobody else."""
    assert len(saved(page)) == 1
    page.locator(".sp-pick").nth(2).click()
    (third,) = saved(page)
    assert third["template_name"].lower() == page.locator(".sp-card strong").nth(2).inner_text().lower()
    keep_two(page, scenes_folder)
    assert len(saved(page)) == 2
    click(page, 0.5, 0.5)
    expect(page.locator("#sp-stage .sp-layer-people g.sp-person").first).to_be_attached(timeout=PATIENCE)
    assert len(saved(page)) == 3
    page.locator("#sp-people li").first.get_by_text("Hide").click()
    expect(page.locator("#sp-stage g.sp-kept")).to_have_count(1)
    assert len(saved(page)) == 2


def test_the_list_hides_orders_and_removes(page: Page, scenes_folder: Path) -> None:
    keep_two(page, scenes_folder)
    first, second = [one["point"] for one in saved(page)]
    page.get_by_label("Person 1 nearer to the front").click()
    assert [one["point"] for one in saved(page)] == [second, first]
    page.get_by_label("Remove person 1").click()
    expect(page.locator("#sp-stage g.sp-kept")).to_have_count(1)
    page.locator("#sp-undo").click()
    page.locator("#sp-undo").click()
    assert [one["point"] for one in saved(page)] == [first, second]


def test_the_whole_person(page: Page, scenes_folder: Path) -> None:
    """Move, scale, turn and mirror, each undone by Reset; with the mouse and with the keyboard."""
    _, height = first_scene(scenes_folder)
    page.locator(".sp-keep").first.click()

    def pose() -> np.ndarray:
        return np.array(saved(page)[0]["keypoints"])

    start = pose()
    drag(page, page.locator(".sp-handle-move"), 30, 20)
    shift = pose() - start
    assert np.ptp(shift, axis=0) == pytest.approx((0, 0), abs=0.01)
    assert (shift[0] > 15).all()
    page.locator("#sp-reset").click()
    assert np.allclose(pose(), start, atol=0.01)
    assert not saved(page)[0].get("edited")
    page.locator("#sp-mirror").click()
    middle = (start.max(0) + start.min(0)) / 2
    expected = start[list(MIRROR)]
    expected[:, 0] = 2 * middle[0] - expected[:, 0]
    assert np.allclose(pose(), expected, atol=0.01)
    page.locator("#sp-undo").click()
    page.locator("#sp-larger").click()
    assert np.ptp(pose(), axis=0) == pytest.approx(np.ptp(start, axis=0) * 1.05, rel=1e-3)
    page.locator("#sp-reset").click()
    page.locator("#sp-right").click()
    lengths = np.linalg.norm(np.diff(pose(), axis=0), axis=1)
    assert lengths == pytest.approx(np.linalg.norm(np.diff(start, axis=0), axis=1), rel=1e-3)
    page.locator("#sp-reset").click()
    drag(page, page.locator(".sp-handle-scale"), 25, 25)
    assert (np.ptp(pose(), axis=0) > np.ptp(start, axis=0)).all()
    page.locator("#sp-reset").click()
    page.locator(".sp-handle-joint-10").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.handle") == "joint-10", "the focus stays"
    moved = pose() - start
    assert moved[R_WRIST] == pytest.approx((0, -0.01 * height), abs=0.01)


def test_who_would_be_where_somebody_is_ranks_lower(page: Page) -> None:
    best = page.locator(".sp-card").first.get_attribute("data-template")
    page.locator(".sp-keep").first.click()
    assert page.locator(".sp-card").first.get_attribute("data-template") != best
    expect(page.locator(".sp-card").last).to_contain_text("Overlaps somebody who is kept")


def test_the_ghost_leaves_kept_people_their_place(page: Page, scenes_folder: Path) -> None:
    """It is what a click ranks first: not who would be where somebody is."""
    wait_for_grid(page)
    width, height = first_scene(scenes_folder)
    click(page, 0.45, 0.7)
    expect_point(page, 0.45 * width, 0.7 * height, 3)
    kept = page.locator(".sp-card").first.get_attribute("data-template")
    page.locator(".sp-keep").first.click()
    move(page, 0.7, 0.7)
    move(page, 0.455, 0.7)
    assert page.locator("g.sp-ghost").get_attribute("data-template") != kept
    move(page, 0.45, 0.7)
    expect(page.locator("g.sp-ghost")).to_have_attribute("data-sure", "", timeout=PATIENCE)
    ghost = page.locator("g.sp-ghost").get_attribute("data-template")
    assert ghost != kept
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".sp-card").first).to_have_attribute("data-template", str(ghost))


def test_people_stay_with_their_picture(page: Page) -> None:
    page.locator(".sp-keep").first.click()
    page.locator("#sp-scenes button").last.click()
    expect(page.locator("#sp-stage g.sp-kept")).to_have_count(0)
    page.locator("#sp-scenes button").first.click()
    expect(page.locator("#sp-stage g.sp-kept")).to_have_count(1)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ("not JSON", "not JSON"),
        ("[1, 2]", "an object"),
        ('{"people": [], "version": 1.3}', "OpenPose file"),
        ('{"scene": "a.png", "width": 10, "height": 10, "poses": [{"keypoints": []}]}', "0 keypoints"),
        ('{"scene": "a.png", "width": 10, "height": 10, "poses": []}', "Load that picture first"),
    ],
)
def test_files_that_are_not_ours(page: Page, tmp_path: Path, contents: str, sentence: str) -> None:
    (tmp_path / "dropped.json").write_text(contents)
    drop(page.locator("#sp-stage"), tmp_path / "dropped.json", "application/json")
    expect(page.locator(".sp-complaint")).to_contain_text(sentence, timeout=PATIENCE)
    expect(page.locator("#sp-stage g.sp-person")).to_have_count(3)


def test_nobody_to_take_along(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (320, 240), "grey").save(tmp_path / "own.png")
    page.locator("#sp-file").set_input_files(tmp_path / "own.png")
    expect(page.locator("#sp-status")).to_contain_text("320 × 240", timeout=PATIENCE)
    page.locator("#sp-download").click()
    expect(page.locator(".sp-complaint")).to_contain_text("nobody to download yet")


def test_both_drawings_of_a_pose_are_alike(page: Page, scenes_folder: Path) -> None:
    """What the browser draws and what the server writes: joints at the same places, in the same colours."""
    page.locator(".sp-keep").first.click()
    (pose,) = export.read_record({"scene": "a", "width": 1, "height": 1, "poses": saved(page)}).people
    dots = page.locator("#sp-stage g.sp-kept circle.sp-dot").evaluate_all(
        "(all) => all.map((one) => [Number(one.dataset.dot), one.cx.baseVal.value, one.cy.baseVal.value])"
    )
    assert len(dots) >= 10 or pose.hidden is not None
    for number, x, y in dots:
        assert (x, y) == pytest.approx(pose.keypoints[int(number)], abs=0.01)
    own = draw.template_colour(pose.template)
    limbs = page.locator("#sp-stage g.sp-kept path[data-limb]").evaluate_all(
        "(all) => all.map((one) => [one.dataset.limb, one.getAttribute('stroke')])"
    )
    assert len(limbs) == 14
    for name, colour in limbs:
        a, b = (int(part) for part in name.split("-"))
        assert colour == draw.hex_colour(draw.limb_colour((a, b), own))
    # The pixels: the server's picture against the browser's, at the size of the page.
    page.add_style_tag(content=".sp-layer-tools { display: none }")
    page.mouse.move(1, 1)
    shot = page.locator("#sp-stage").screenshot()
    entry = json.loads((scenes_folder / "scenes.json").read_text())[0]
    picture = images.read(scenes_folder / entry["file"])
    with Image.open(io.BytesIO(shot)) as image:
        browser = np.asarray(image.convert("RGB"), np.float32)
    size = (browser.shape[1], browser.shape[0])
    server = np.asarray(draw.overlay(picture, [pose], together=True).resize(size), np.float32)
    plain = np.asarray(picture.image.resize(size), np.float32)
    figure = np.abs(server - plain).max(-1) > 60
    assert figure.mean() > 0.01
    assert np.abs(browser - server).max(-1)[figure].mean() < 30
    assert np.abs(browser - plain).max(-1)[figure].mean() > 80


def test_what_is_kept_can_be_touched(page: Page, scenes_folder: Path) -> None:
    """A click on somebody who is kept selects that one, and does not ask who else fits."""
    keep_two(page, scenes_folder)
    status = page.locator("#sp-status").inner_text()
    expect(page.locator("#sp-people li").nth(1)).to_have_attribute("data-selected", "")
    first = page.locator("#sp-stage g.sp-kept").first
    box = first.locator("path[data-limb='6-7']").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#sp-people li").first).to_have_attribute("data-selected", "")
    assert page.locator("#sp-status").inner_text() == status
