"""The placer in made-up rooms whose geometry is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scenepose.assets import assets
from scenepose.data.compact import set_down
from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import HEAD_TOP, L_ANKLE, L_HIP, PELVIS, R_ANKLE, R_HIP
from tests.room import BED, BEDROOM, BOXES, HEIGHT, SOFA_BACK, SOFA_SEAT, WALL, depth_in, make_mesh, make_room
from train.world.place import checks
from train.world.place.bank import STYLES, BodyBank, build_bank
from train.world.place.frame_placer import AT_POINT, SECTORS, SUPPORTED_TRIES, TRIES, FramePlacer, Room
from train.world.place.limbs import ARMS, FOREARMS, HEAD, SHANKS, THIGHS, TORSO, spheres
from train.world.place.people import People
from train.world.place.place import ON_FLOOR, place
from train.world.place.sampler import ANKLE_HEIGHT, REFERENCE_HEIGHT, PoseSampler
from train.world.place.solids import FAR, INSIDE, Solids
from train.world.place.space import Space, depth_space, mesh_space
from train.world.place.supports import beds, seats

SIT = KINDS.index("sit")
CAMERA = np.array([[0.0, 0.0, 1.4]])


@pytest.fixture(scope="module")
def seen() -> Space:
    found = depth_space(make_room())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def living() -> Room:
    return Room.of(mesh_space(make_mesh(BOXES), CAMERA))


@pytest.fixture(scope="module")
def bedroom() -> Room:
    return Room.of(mesh_space(make_mesh(BEDROOM), CAMERA))


def placer_in(room: Room, boxes: tuple, bank: BodyBank) -> FramePlacer:
    return FramePlacer(make_room(boxes), room, bank, np.random.default_rng(3))


def test_projection_and_lifting_are_inverse() -> None:
    frame = make_room()
    points = frame.lift()
    pixels, depth = frame.project(points[frame.depth > 0])
    y, x = np.nonzero(frame.depth > 0)
    np.testing.assert_allclose(pixels, np.stack([x + 0.5, y + 0.5], 1), atol=1e-6)
    np.testing.assert_allclose(depth, frame.depth[frame.depth > 0], rtol=1e-5)


def test_distances_to_solids_are_those_of_the_boxes() -> None:
    mesh = make_mesh(BOXES)
    points, _ = mesh.sample()
    solids = Solids(points[points[:, 2] > 0].astype(float), 0.03, CAMERA)
    places = np.random.default_rng(0).uniform((-2, 1, 0.3), (2, 3.9, 1.8), (4000, 3))
    depth = depth_in(places, BOXES)
    outside = depth < -0.03
    expected = np.minimum(-depth[outside], FAR)
    np.testing.assert_allclose(solids.distance(places[outside]), expected, atol=0.025)
    # What cannot be reached from the camera is solid.
    assert (solids.distance(places[depth > 0.05]) == INSIDE).all()


def test_a_camera_inside_of_matter_is_refused() -> None:
    points = make_mesh(BOXES).sample()[0].astype(float)
    with pytest.raises(ValueError, match="no camera stands in free space"):
        Solids(points[points[:, 2] > 0], 0.03, np.array([[0.5, 3.5, 0.449]]))


@pytest.mark.parametrize("exact", [False, True])
def test_seats_are_found_on_the_sofa_and_nowhere_else(seen: Space, living: Room, exact: bool) -> None:
    space = living.space if exact else seen
    rows, columns = np.nonzero(np.isfinite(space.seat))
    ground = space.centres(rows, columns)
    low, high, _ = SOFA_SEAT
    assert len(ground) > 100
    assert (ground > np.array(low[:2]) - 0.05).all()
    assert (ground < np.array(high[:2]) + 0.05).all()
    np.testing.assert_allclose(space.seat[rows, columns], 0.45, atol=0.03)


def test_sitters_turn_their_back_to_the_backrest(seen: Space) -> None:
    places = seats(seen)
    assert (places.styles == "at-back").any()
    # The sofa's back is on its far side, so everybody faces the camera, along -y.
    assert (-np.cos(places.yaws) > np.cos(np.radians(50))).all()


def test_heads_lie_at_the_pillow(bedroom: Room) -> None:
    places = beds(bedroom.space)
    assert set(places.styles) == {"face-up", "on-side"}
    # The pillow is at the bed's far end, so feet point back, along -y.
    np.testing.assert_allclose(np.cos(places.yaws), -1, atol=0.02)
    np.testing.assert_allclose(places.levels, 0.5, atol=0.02)


def test_on_a_sofa_people_lie_both_ways(living: Room) -> None:
    directions = np.sin(beds(living.space).yaws)
    assert (directions > 0.9).any()
    assert (directions < -0.9).any()


def everybody(placer: FramePlacer, kind: str, count: int = 500) -> tuple[People, NDArray]:
    """People of a kind who fit, with their styles."""
    found = placer.wander(kind, count)
    people = People(
        found.bodies, found.heights, found.yaws, found.places, np.zeros(len(found)),
        set_down(placer.bank.keypoints[found.bodies], found.heights, found.yaws, found.places),
    )  # fmt: skip
    return people, placer.bank.styles[found.bodies]


def test_every_kind_finds_its_place(bank: BodyBank, living: Room, bedroom: Room) -> None:
    for kind in KINDS:
        room, boxes = (bedroom, BEDROOM) if kind in ("lean", "lie") else (living, BOXES)
        people, styles = everybody(placer_in(room, boxes, bank), kind)
        assert len(people) >= 15, kind
        if kind == "lie":
            assert set(styles) == set(STYLES["lie"])


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_inside_of_anything(kind: str, bank: BodyBank, living: Room, bedroom: Room) -> None:
    for room, boxes in ((living, BOXES), (bedroom, BEDROOM)):
        people, _ = everybody(placer_in(room, boxes, bank), kind)
        parts = TORSO[1:] + HEAD + ARMS + SHANKS + THIGHS
        if kind == "lean":
            parts = TORSO + HEAD + [*FOREARMS[:5], *FOREARMS[7:12]] + SHANKS + THIGHS
        if len(people):
            centres, radii = spheres(people.keypoints, parts, people.heights)
            assert (depth_in(centres, boxes) + radii).max() < 0.05


def test_feet_rest_on_the_floor(bank: BodyBank, living: Room) -> None:
    placer = placer_in(living, BOXES, bank)
    for kind in ("stand", "walk", "gesture", "carry", "bend", "crouch"):
        people, _ = everybody(placer, kind, 200)
        soles = (
            people.keypoints[:, [R_ANKLE, L_ANKLE], 2].min(1)
            - ANKLE_HEIGHT * people.heights / REFERENCE_HEIGHT
        )
        assert np.abs(soles).max() < 0.03, kind


def test_a_sitter_rests_on_the_seat_with_the_back_at_the_backrest(bank: BodyBank, living: Room) -> None:
    people, styles = everybody(placer_in(living, BOXES, bank), "sit")
    unit = people.heights / REFERENCE_HEIGHT
    hips = people.keypoints[:, [R_HIP, L_HIP], 2].mean(1)
    np.testing.assert_allclose(hips - 0.45, 0.09 * unit, atol=0.03)
    # One foot is down when the legs are crossed, none when they are up on the seat.
    soles = people.keypoints[:, [R_ANKLE, L_ANKLE], 2] - (ANKLE_HEIGHT * unit)[:, None]
    assert np.abs(soles[styles == "crossed"]).min(1).max() < 0.12
    soles = soles[~np.isin(styles, ("crossed", "legs-up"))]
    assert np.abs(soles).max() < 0.12
    assert np.quantile(np.abs(soles), 0.9) < 0.05
    centres, radii = spheres(
        people.keypoints[styles == "backed"], TORSO[1:], people.heights[styles == "backed"]
    )
    gap = (-depth_in(centres, (SOFA_BACK,)) - radii).min(1)
    assert len(gap) > 10
    assert gap.max() < 0.05
    feet = people.keypoints[:, [R_ANKLE, L_ANKLE]]
    assert (depth_in(feet, BOXES) < 0.05).all()


def test_a_lying_body_rests_on_the_bed(bank: BodyBank, bedroom: Room) -> None:
    people, _ = everybody(placer_in(bedroom, BEDROOM, bank), "lie")
    centres, radii = spheres(people.keypoints, TORSO, people.heights)
    gap = centres[..., 2] - radii - BED[1][2]
    assert np.abs(gap.min(1)).max() < 0.05
    trunk = people.keypoints[:, [PELVIS, HEAD_TOP], :2]
    assert ((trunk > np.array(BED[0][:2]) - 0.05) & (trunk < np.array(BED[1][:2]) + 0.05)).all()
    # Feet towards the camera, head at the pillow.
    assert (people.keypoints[:, HEAD_TOP, 1] > people.keypoints[:, PELVIS, 1]).all()


def test_leaning_people_touch_what_they_lean_on(bank: BodyBank, living: Room, bedroom: Room) -> None:
    found = set()
    for room, boxes in ((living, BOXES), (bedroom, BEDROOM)):
        people, styles = everybody(placer_in(room, boxes, bank), "lean", 1200)
        found |= set(styles)
        for style in set(styles):
            some = people[np.flatnonzero(styles == style)]
            parts = (
                [*ARMS, *TORSO] if style == "wall-side" else FOREARMS if style == "counter-front" else TORSO
            )
            centres, radii = spheres(some.keypoints, parts, some.heights)
            assert (-depth_in(centres, boxes) - radii).min(1).max() < 0.05, style
    assert found == set(STYLES["lean"])


def test_nobody_stands_behind_the_wall_or_hidden(bank: BodyBank, living: Room, seen: Space) -> None:
    generator = np.random.default_rng(1)
    grounds, yaws = generator.uniform((-2.5, 1.0), (2.5, 6.0), (3000, 2)), generator.uniform(-3.1, 3.1, 3000)
    for room in (living, Room.of(seen)):
        placer = placer_in(room, BOXES, bank)
        people = placer.on_floor("stand", grounds, yaws)
        rows, fitting = placer.fit("stand", people)
        assert len(rows) > 100
        assert (people[rows].keypoints[..., 1] < WALL[0][1] + 0.03).all()
        assert (fitting.hidden.mean(1) <= checks.MAX_HIDDEN).all()
        assert (fitting.visibility >= 1).all()


def test_with_a_mesh_people_stand_behind_a_table(bank: BodyBank) -> None:
    table = ((-0.8, 1.9, 0.0), (0.8, 2.4, 0.72), 6)
    boxes = (table, WALL)
    people = (np.array([[0.0, 2.75]]), np.array([np.pi]))
    room = Room.of(mesh_space(make_mesh(boxes), CAMERA))
    frame = make_room(boxes)
    fits = {}
    for name, where in (("mesh", room), ("depth", Room.of(depth_space(frame)))):  # pyright: ignore[reportArgumentType]
        placer = FramePlacer(frame, where, bank, np.random.default_rng(0))
        fits[name] = sum(len(placer.fit("stand", placer.on_floor("stand", *people))[0]) for _ in range(30))
    # Their feet are behind it: only the mesh knows that there is floor.
    assert fits["mesh"] > 5
    assert fits["depth"] == 0


def test_limbs_are_solid(living: Room, bank: BodyBank) -> None:
    placer = placer_in(living, BOXES, bank)
    for ground, expected in (((-0.3, 2.3), False), ((-1.15, 3.0), True)):
        people = placer.on_floor("stand", np.array([ground]), np.array([np.pi]))
        assert checks.collides("stand", people, living.space)[0] == expected


def test_hidden_joints_are_flagged(bank: BodyBank) -> None:
    boxes = (WALL, ((-1.0, 1.8, 0.0), (1.0, 1.9, 0.9), 2))
    frame = make_room(boxes)
    placer = FramePlacer(frame, Room.of(mesh_space(make_mesh(boxes), CAMERA)), bank, np.random.default_rng(0))
    people = placer.on_floor("stand", np.array([[0.0, 3.0]]), np.array([np.pi]))
    _, seen, hidden, _ = checks.visibility(people.keypoints, frame)
    assert (seen[0, [R_ANKLE, L_ANKLE]] == 1).all()
    assert hidden[0, [R_ANKLE, L_ANKLE]].all()
    assert seen[0, HEAD_TOP] == 2


def test_nobody_is_shown_with_a_rail_before_a_shin(bank: BodyBank) -> None:
    rail = ((-2.0, 1.8, 0.66), (2.0, 1.9, 0.74), 2)
    for boxes, expected in (((WALL, rail), True), ((WALL,), False)):
        frame = make_room(boxes)
        room = Room.of(mesh_space(make_mesh(boxes), CAMERA))
        placer = FramePlacer(frame, room, bank, np.random.default_rng(0))
        people = placer.on_floor("stand", np.array([[0.0, 3.0]]), np.array([np.pi]))
        _, _, hidden, _ = checks.visibility(people.keypoints, frame)
        assert not hidden.any()
        assert checks.crossed(people.keypoints, hidden, frame).tolist() == [expected]
        shown = placer.wander("stand", 400)
        people = People.set_down(
            bank, shown.bodies, shown.heights, shown.yaws, shown.places, np.zeros(len(shown))
        )
        assert len(shown) > 20
        assert not checks.crossed(people.keypoints, shown.hidden, frame).any()


def test_nobody_stares_into_a_wall(bank: BodyBank, living: Room) -> None:
    placer = placer_in(living, BOXES, bank)
    grounds = np.repeat([[-0.9, 3.5]], 40, 0)
    towards, along = (placer.on_floor("stand", grounds, np.full(40, yaw)) for yaw in (0.0, np.pi))
    assert len(placer.fit("stand", towards)[0]) == 0
    assert len(placer.fit("stand", along)[0]) > 0


def test_points_are_box_middles_and_other_poses_are_near(bank: BodyBank, living: Room) -> None:
    placed = place(make_room(), living, bank, 5, points=12)
    somebody = [point for point in placed if len(point.poses)]
    assert len(somebody) >= 8
    kinds = {int(point.poses.kinds[0]) for point in somebody}
    assert SIT in kinds
    assert len(kinds) >= 5
    for point in somebody:
        np.testing.assert_allclose(point.poses.middles[0], point.point, atol=1e-9)
        away = np.linalg.norm(point.poses.middles - point.point, axis=1)
        assert (away <= AT_POINT * HEIGHT + 1e-9).all()
        assert (point.tried <= SUPPORTED_TRIES * SECTORS).all()
        on_floor = [KINDS.index(kind) for kind in ON_FLOOR]
        assert (point.tried[on_floor] == TRIES * SECTORS).all()
        assert np.bincount(point.poses.kinds[1:]).max(initial=0) <= SUPPORTED_TRIES * SECTORS


def test_who_fits_on_a_seat_is_found_again(bank: BodyBank, living: Room) -> None:
    placer = placer_in(living, BOXES, bank)
    shown = placer.wander("sit", 200)
    found, tried = placer.at_points(shown.middles)
    again = [np.any(one.kinds == SIT) for one in found]
    assert len(again) > 20
    assert np.mean(again) > 0.6
    assert np.median(tried[:, SIT]) >= SUPPORTED_TRIES


def test_who_is_shown_is_no_borderline_case(bank: BodyBank, living: Room) -> None:
    placer = placer_in(living, BOXES, bank)
    for kind in ("stand", "sit", "lean"):
        shown = placer.wander(kind, 300)
        people = People.set_down(
            bank, shown.bodies, shown.heights, shown.yaws, shown.places, np.zeros(len(shown))
        )
        for style in np.unique(bank.styles[shown.bodies]):
            some = bank.styles[shown.bodies] == style
            assert some.sum() > 5
            assert checks.plain(str(style), people[some], living.space).all()


def test_a_thigh_beside_an_armrest_or_a_chest_at_a_pillar_is_doubtful(bank: BodyBank, living: Room) -> None:
    sitter = placer_in(living, BOXES, bank).wander("sit", 300)[np.array([0])]
    seated = People.set_down(bank, sitter.bodies, sitter.heights, sitter.yaws, sitter.places, np.zeros(1))
    style = str(bank.styles[sitter.bodies[0]])
    outer = seated.keypoints[0, [R_HIP, L_HIP], 0].max() + 0.06
    arm = ((outer, 3.2, 0.45), (outer + 0.15, 3.75, 0.62), SOFA_SEAT[2])
    for boxes, expected in ((BOXES, True), ((*BOXES, arm), False)):
        space = mesh_space(make_mesh(boxes), CAMERA)
        assert checks.plain(style, seated, space).tolist() == [expected]
    stander = placer_in(living, BOXES, bank).on_floor("stand", np.array([[-0.9, 1.8]]), np.zeros(1))
    reach = stander.keypoints[0, :, 0].max()
    for air, expected in ((0.25, True), (0.1, False)):
        pillar = ((reach + air, 1.0, 0.0), (reach + air + 0.2, 2.2, 1.9), WALL[2])
        space = mesh_space(make_mesh((*BOXES, pillar)), CAMERA)
        assert checks.plain("stand", stander, space).tolist() == [expected]


def test_some_points_have_nobody(bank: BodyBank, living: Room) -> None:
    placed = place(make_room(), living, bank, 5, points=12, nobody_share=0.9)
    empty = [point for point in placed if len(point.poses) == 0]
    assert len(empty) >= 3
    assert all((point.tried >= TRIES).all() for point in empty)


def test_placing_is_deterministic(bank: BodyBank, living: Room) -> None:
    first, second = (place(make_room(), living, bank, 9, points=6) for _ in range(2))
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.poses.keypoints, other.poses.keypoints)
    other = place(make_room(), living, bank, 10, points=6)
    assert not np.array_equal(first[0].point, other[0].point)
    again = build_bank(PoseSampler.load(assets() / "poses" / "sampler.npz"))
    np.testing.assert_array_equal(again.keypoints, bank.keypoints)


def test_a_room_without_floor_or_seats_has_no_places(bank: BodyBank) -> None:
    frame = make_room((((-9.0, 1.0, -1.0), (9.0, 1.2, 4.0), 0),))
    space = depth_space(frame)
    assert space is not None
    assert place(frame, Room.of(space), bank, 0) == []
