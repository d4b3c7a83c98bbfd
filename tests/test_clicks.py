"""The judgement of clicks on photographs with depth, by people of known size in a made-up room."""

import numpy as np
import pytest

from scenepose.pose.skeleton import HEAD_TOP, L_ANKLE, L_HIP, R_ANKLE, R_HIP
from scenepose.predict.generator import Pose
from tests.room import make_room
from train.judge.clicks import ANKLE, Click, clicks_of, judge

ROOM = make_room()


def person(x: float, y: float, tall: float, lift: float = 0.0) -> np.ndarray:
    """(16, 2) pixels of somebody upright at (x, y) on the floor, lifted by so many metres."""
    z = np.full(16, 0.6 * tall)
    z[[R_ANKLE, L_ANKLE]], z[[R_HIP, L_HIP]], z[HEAD_TOP] = ANKLE, 0.5 * tall, tall
    return ROOM.project(np.column_stack([np.full(16, x), np.full(16, y), z + lift]))[0].astype(np.float32)


def judged(keypoints: np.ndarray, kind: str = "stand", target: str = "floor") -> dict[str, float]:
    middle = keypoints[[R_ANKLE, L_ANKLE]].mean(0)
    click = Click("made-up", target, (float(middle[0]), float(middle[1])))
    return judge(Pose(keypoints, 0.5, kind=kind), click, ROOM)


@pytest.mark.parametrize(("tall", "right"), [(1.2, 0), (1.45, 1), (1.7, 1), (1.95, 1), (2.1, 0)])
@pytest.mark.parametrize("y", [1.8, 2.8])
def test_people_are_measured_where_they_stand(tall: float, right: float, y: float) -> None:
    assert judged(person(-0.6, y, tall))["1.35-2.0 m tall"] == right


def test_feet_above_the_floor_are_noticed() -> None:
    ground = person(-0.6, 2.5, 1.7)
    click = Click("made-up", "floor", tuple(ground[[R_ANKLE, L_ANKLE]].mean(0).tolist()))
    for lift, right in ((0.0, 1), (0.4, 0)):
        pose = Pose(person(-0.6, 2.5, 1.7, lift), 0.5, kind="stand")
        assert judge(pose, click, ROOM)["feet within 15 cm of the floor"] == right
        assert judge(pose, click, ROOM)["touches the click"] == right


def test_who_sits_on_the_floor_is_wrong_and_who_sits_on_a_sofa_right() -> None:
    body = person(0.5, 3.4, 1.7)
    assert judged(body, "sit", "floor")["right kind"] == 0
    assert judged(body, "sit", "sofa")["right kind"] == 1
    assert judged(body, "stand", "sofa")["right kind"] == 0
    assert np.isnan(judged(body, "sit", "sofa")["1.35-2.0 m tall"])


def test_clicks_lie_on_what_they_are_named_after() -> None:
    found = {click.target: click for click in clicks_of(ROOM, np.random.default_rng(0))}
    assert {"sofa", "floor"} <= set(found)
    height = ROOM.lift()[..., 2]
    for target, expected in (("sofa", 0.45), ("floor", 0.0), ("floor beside a seat", 0.0)):
        x, y = found[target].point
        assert height[int(y), int(x)] == pytest.approx(expected, abs=0.03)
