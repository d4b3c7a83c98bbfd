"""OpenPose files as ControlNet and two pose editors read them, and the pose picture on black."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from scenepose import export
from scenepose.errors import RequestError
from scenepose.export import Answer, Person, openpose, pose_picture
from scenepose.pose import skeleton as sk
from tests.conftest import person
from tests.readers import READERS, Places

SIZE = 640, 480
#: The annotator's tables, as they are published: its limbs count joints from 1.
LIMB_TABLE = (
    "2-3", "2-6", "3-4", "4-5", "6-7", "7-8", "2-9", "9-10", "10-11", "2-12", "12-13", "13-14", "2-1",
    "1-15", "15-17", "1-16", "16-18",
)  # fmt: skip
COLOUR_TABLE = (
    "ff0000", "ff5500", "ffaa00", "ffff00", "aaff00", "55ff00", "00ff00", "00ff55", "00ffaa", "00ffff",
    "00aaff", "0055ff", "0000ff", "5500ff", "aa00ff", "ff00ff", "ff00aa", "ff0055",
)  # fmt: skip


def somebody(at: tuple[float, float] = (320, 240), height: float = 300) -> Person:
    """A person by the middle of their box."""
    return Person(((person() - (0, 0.5)) * height + np.array(at)).astype(np.float32))


def answer(*people: Person, together: bool = True, size: tuple[int, int] = SIZE) -> Answer:
    return Answer("room.jpg", *size, (320, 240), "scenepose", list(people), together)


def shown(places: Places) -> int:
    return sum(place is not None for place in places)


def test_joints() -> None:
    keypoints = person() * 100
    joints = openpose.joints_of(keypoints)
    np.testing.assert_allclose(joints[1, :2], (keypoints[sk.R_SHOULDER] + keypoints[sk.L_SHOULDER]) / 2)
    np.testing.assert_allclose(joints[4, :2], keypoints[sk.R_WRIST])
    np.testing.assert_allclose(joints[13, :2], keypoints[sk.L_ANKLE])
    assert keypoints[sk.HEAD_TOP, 1] < joints[0, 1] < keypoints[sk.UPPER_NECK, 1]
    np.testing.assert_array_equal(joints[14:], 0)
    keypoints[sk.R_WRIST] = np.nan
    np.testing.assert_array_equal(openpose.joints_of(keypoints)[4], 0)


@pytest.mark.parametrize("reader", READERS)
def test_people_are_those_who_are_there_together(reader: str) -> None:
    three = [somebody(), somebody((200, 240)), somebody((400, 260))]
    assert len(READERS[reader](openpose.document(answer(*three)))) == 3
    (best,) = READERS[reader](openpose.document(answer(*three, together=False)))
    expected = openpose.joints_of(three[0].keypoints)
    for place, (x, y, confidence) in zip(best, expected, strict=True):
        assert place == pytest.approx((x, y), abs=0.01) if confidence else place is None
    # An alternative is a file of its own.
    (second,) = READERS[reader](openpose.document(answer(*three, together=False).alternative(1)))
    assert second[0] == pytest.approx((best[0][0] - 120, best[0][1]), abs=0.02)  # type: ignore[index]


EDGES = {"left": (0, 240), "right": (640, 240), "top": (320, 0), "bottom": (320, 480), "corner": (640, 480)}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("reader", READERS)
def test_joints_outside_are_absent_at_every_edge(reader: str, edge: str) -> None:
    one = somebody(EDGES[edge])
    (places,) = READERS[reader](openpose.document(answer(one)))
    joints = openpose.joints_of(one.keypoints)
    inside = (joints[:, 2] > 0) & (joints[:, :2] >= 0).all(1) & (joints[:, :2] <= SIZE).all(1)
    assert 3 <= inside.sum() <= 11
    assert [place is not None for place in places] == inside.tolist()


@pytest.mark.parametrize("reader", READERS)
def test_the_edges_do_the_same(reader: str) -> None:
    # The same person at one edge and mirrored at the other: nobody loses more joints than the other.
    for shift in (-40, -17.3, 0, 12.1, 33):
        left = somebody((shift, 240))
        right = Person(sk.mirror(left.keypoints, SIZE[0]).astype(np.float32))
        top = somebody((320, shift))
        bottom = Person((np.array([0, SIZE[1]]) - top.keypoints * (-1, 1)).astype(np.float32))
        counts = [
            shown(READERS[reader](openpose.document(answer(one)))[0]) for one in (left, right, top, bottom)
        ]
        assert counts[0] == counts[1]
        assert counts[2] == counts[3]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("place", [(0, 0), (640, 480), (0.002, 479.999), (640, 0)])
def test_a_joint_on_the_very_edge_is_there(reader: str, place: tuple[float, float]) -> None:
    one = somebody()
    one.keypoints[sk.R_WRIST] = place
    (places,) = READERS[reader](openpose.document(answer(one)))
    assert places[4] == pytest.approx(place, abs=0.02)
    assert shown(places) == 14


def test_somebody_wholly_outside_is_not_in_the_picture() -> None:
    document = openpose.document(answer(somebody((-900, 240)), somebody()))
    assert len(document["people"]) == 1
    assert (document["canvas_width"], document["canvas_height"]) == SIZE
    assert openpose.document(answer())["people"] == []


def test_edits_are_named() -> None:
    moved = Person(somebody().keypoints, edited=True)
    assert [one.get("edited") for one in openpose.document(answer(moved, somebody()))["people"]] == [
        True,
        None,
    ]


def annotated(people: list[Places], size: tuple[int, int]) -> np.ndarray:
    """What the annotator's tables make of joints: ellipses at 60 %, circles over them, person by person."""
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    rows, columns = np.mgrid[: size[1], : size[0]]
    colours = [tuple(bytes.fromhex(code)) for code in COLOUR_TABLE]
    for places in people:
        for pair, colour in zip(LIMB_TABLE, colours, strict=False):
            ends = [places[int(number) - 1] for number in pair.split("-")]
            if None in ends:
                continue
            (x0, y0), (x1, y1) = (np.floor(end) for end in ends if end)
            half = np.hypot(x1 - x0, y1 - y0) / 2
            cos, sin = (x1 - x0) / 2 / half, (y1 - y0) / 2 / half
            across, down = columns - (x0 + x1) / 2, rows - (y0 + y1) / 2
            along, aside = across * cos + down * sin, down * cos - across * sin
            canvas[(along / half) ** 2 + (aside / 4) ** 2 <= 1] = [int(part * 0.6) for part in colour]
        for place, colour in zip(places, colours, strict=True):
            if place:
                x, y = np.floor(place)
                canvas[np.hypot(columns - x, rows - y) <= 4] = colour
    return canvas


def test_the_pose_picture_is_what_the_annotator_draws() -> None:
    people = answer(somebody((200, 250)), somebody((420, 230), 360), somebody((630, 200)), size=(683, 512))
    drawn = np.asarray(pose_picture.draw(people))
    expected = annotated(READERS["ControlNet"](openpose.document(people)), (683, 512))
    ours, theirs = drawn.any(-1), expected.any(-1)
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.85
    same = (drawn == expected).all(-1)[ours & theirs]
    assert same.mean() > 0.97


def test_colours_at_joints_and_in_the_middle_of_limbs() -> None:
    one = somebody((320, 240), 460)
    # Arms away from the body, so that no limb crosses another's middle.
    one.keypoints[[sk.R_ELBOW, sk.R_WRIST, sk.L_ELBOW, sk.L_WRIST], 0] += [-60, -110, 60, 110]
    drawn = pose_picture.draw(answer(one, size=(640, 512)))
    joints = openpose.joints_of(one.keypoints)
    for number, (x, y, confidence) in enumerate(joints):
        if confidence:
            colour = tuple(bytes.fromhex(COLOUR_TABLE[number]))
            assert drawn.getpixel((int(x), int(y))) == colour, openpose.NAMES[number]
    for number, pair in enumerate(LIMB_TABLE):
        a, b = (joints[int(joint) - 1] for joint in pair.split("-"))
        if a[2] and b[2]:
            x, y = (a[:2] + b[:2]) / 2
            colour = tuple(int(part * 0.6) for part in bytes.fromhex(COLOUR_TABLE[number]))
            assert drawn.getpixel((int(x), int(y))) == colour, pair
    # No limb, and nothing else, where the eyes and ears would be.
    assert {colour for _, colour in drawn.getcolors() or []}.isdisjoint(
        tuple(bytes.fromhex(code)) for code in COLOUR_TABLE[14:]
    )


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((640, 480), None, (640, 480)),
        ((640, 480), 512, (680, 512)),
        ((480, 640), 512, (512, 680)),
        ((4000, 3000), 768, (1024, 768)),
        ((1000, 1000), 1024, (1024, 1024)),
        ((513, 512), 512, (512, 512)),
    ],
)
def test_sizes(size: tuple[int, int], side: int | None, expected: tuple[int, int]) -> None:
    one = somebody((size[0] / 2, size[1] / 2), size[1] * 0.7)
    data = export.content(answer(one, size=size), "pose", side=side)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", expected)
        factor = np.array(expected) / size
        x, y = one.keypoints[sk.L_WRIST] * factor
        assert image.getpixel((int(x), int(y))) == (0, 255, 85)
        # Sticks grow with the picture: the same share of it at every size from 512 on.
        thick = (np.asarray(image) == (0, 255, 85)).all(-1).sum()
        radius = 4 * max(1, min(expected) / 512)
        assert thick == pytest.approx(np.pi * radius**2, rel=0.3)


def test_a_size_that_there_is_not() -> None:
    assert [pose_picture.side_of(text) for text in ("photo", "512", "1024")] == [None, 512, 1024]
    with pytest.raises(RequestError, match="not 600"):
        pose_picture.side_of("600")
