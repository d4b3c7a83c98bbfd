"""The picture with people as SVG: an XML parser reads it, and a browser shows what the PNG shows."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from scenepose import export
from scenepose.export import Answer, Person
from scenepose.picture.figure import template_colour
from scenepose.picture.images import Picture
from scenepose.pose import skeleton as sk
from tests.conftest import person, room

PICTURE = Picture(room(), 640, 480)
SVG = "{http://www.w3.org/2000/svg}"


def somebody(at: tuple[float, float], **known) -> Person:
    return Person(((person() - (0, 0.5)) * 300 + np.array(at)).astype(np.float32), **known)


def answer(*, together: bool, name: str = "room.jpg") -> Answer:
    hidden = np.isin(np.arange(16), [sk.R_KNEE, sk.R_ANKLE, sk.L_WRIST])
    people = [
        somebody((200, 240), template=2, template_name="sit 2"),
        somebody((330, 250), template=5, hidden=hidden, edited=True),
        somebody((470, 230), template=8, hidden=np.ones(16, bool)),
    ]
    return Answer(name, 640, 480, (200, 240), "scenepose", people, together)


def parsed(one: Answer) -> ElementTree.Element:
    return ElementTree.fromstring(export.content(one, "svg", PICTURE))


def test_people_are_groups_and_joints_have_names() -> None:
    root = parsed(answer(together=True))
    assert (root.get("viewBox"), root.get("width")) == ("0 0 640 480", "640")
    groups = root.findall(f"{SVG}g[@class='person']")
    assert sorted(group.get("data-person") or "" for group in groups) == ["1", "2", "3"]
    assert {group.get("data-person") for group in groups if group.get("data-edited")} == {"2"}
    first = next(group for group in groups if group.get("data-person") == "1")
    wrist = first.find(f"{SVG}circle[@data-joint='r_wrist']")
    assert wrist is not None
    x, y = somebody((200, 240)).keypoints[sk.R_WRIST]
    assert (float(wrist.get("cx", 0)), float(wrist.get("cy", 0))) == pytest.approx((x, y), abs=0.01)
    assert not root.findall(f"{SVG}g[@class='badge']")
    # Alternatives have numbers, and the click is marked.
    alternatives = parsed(answer(together=False))
    assert len(alternatives.findall(f"{SVG}g[@class='badge']")) == 3
    assert len(alternatives.findall(f"{SVG}g[@class='point']")) == 1


@pytest.mark.parametrize("name", ['a <b> & "c".jpg', "</title><script>alert(1)</script>", "Küche ‮ 厨房.jpg"])
def test_names_stay_text(name: str) -> None:
    one = answer(together=True, name=name)
    one.people[0] = Person(one.people[0].keypoints, template_name=name)
    root = parsed(one)
    assert root.findtext(f"{SVG}title") == name
    assert not list(root.iter(f"{SVG}script"))


@pytest.mark.parametrize("together", [True, False])
def test_a_browser_shows_what_the_png_shows(together: bool, browser: Browser, tmp_path: Path) -> None:
    one = answer(together=together)
    (tmp_path / "room.svg").write_bytes(export.content(one, "svg", PICTURE))
    page = browser.new_page(viewport={"width": 640, "height": 480})
    page.goto((tmp_path / "room.svg").as_uri())
    shown = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), float)
    page.close()
    with Image.open(io.BytesIO(export.content(one, "png", PICTURE))) as image:
        assert image.format == "PNG"
        drawn = np.asarray(image.convert("RGB"), float)
    plain = np.asarray(PICTURE.image, float)
    figure = np.abs(drawn - plain).max(-1) > 30
    assert figure.mean() > 0.03
    assert np.abs(shown - drawn)[figure].mean() < 12
    assert np.abs(shown - drawn)[~figure].mean() < 2
    # The best person's spine, and the dashes of a leg that is hidden: drawn and left out by turns.
    assert shown[215, 200] == pytest.approx(template_colour(2), abs=3)
    leg = np.s_[310:378, 446]
    for picture in (shown, drawn):
        marked = np.abs(picture[leg] - plain[leg]).max(-1) > 30
        assert 0.5 < marked.mean() < 0.9
        assert np.abs(np.diff(marked.astype(int))).sum() >= 4
