"""From a frame to points with all the poses found to fit there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import Frame
from scenepose.data.samples import KINDS
from scenepose.placer import checks
from scenepose.placer.bodies import (
    People,
    draw_headings,
    heading_to_yaw,
    put,
    seat_places,
    seated,
    upright,
    yaw_to_heading,
)  # fmt: skip
from scenepose.placer.space import Space, read_space
from scenepose.poses import PoseSampler

#: Tries per kind and heading sector at every point.
TRIES = 8
#: Heading sectors: front, picture's right, back, left.
SECTORS = 4
#: A second pose fits "at the point" when its box middle is within this many picture heights of it.
AT_POINT = 0.02
#: Poses kept per kind and sector at a point; how many were found is counted beside.
KEPT = 2
PLACED_KINDS = ("stand", "walk", "sit")


@dataclass
class Fitting:
    """People who fit in a frame, projected: columns as in `scenepose.data.samples`."""

    keypoints: NDArray
    visibility: NDArray
    kinds: NDArray
    headings: NDArray
    heights: NDArray

    @property
    def middles(self) -> NDArray:
        """(N, 2) box middles, pixels."""
        return (self.keypoints.min(1) + self.keypoints.max(1)) / 2

    def __getitem__(self, rows: NDArray) -> Fitting:
        return Fitting(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @staticmethod
    def join(parts: list[Fitting]) -> Fitting:
        return Fitting(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in Fitting.__dataclass_fields__)
        )


@dataclass
class PlacedPoint:
    """A point (2,) in pixels, the poses that fit there (the first is the primary one; none for a negative),
    and how many were tried of each kind (9,)."""

    point: NDArray
    poses: Fitting
    tried: NDArray


def fit_people(kind: str, people: People, space: Space) -> tuple[NDArray, Fitting]:
    """Check people of one kind; the rows (M,) that fit, and those as they appear in the picture."""
    sitting = kind == "sit"
    pixels, seen, shallow = checks.visibility(people.keypoints, space.frame)
    fits = checks.in_picture(pixels, seen, shallow, space.frame)
    rows = np.flatnonzero(fits)
    for test in (
        (lambda p: checks.on_seat(p, space)) if sitting else (lambda p: checks.on_floor(p, space)),
        (lambda p: checks.feet_down(p, space))
        if sitting
        else (lambda p: checks.room_ahead(p, space, 0.9 if kind == "walk" else 0.6)),
        lambda p: ~checks.collides(p, space, sitting),
    ):
        rows = rows[test(people[rows])] if len(rows) else rows
    headings = yaw_to_heading(people.yaws[rows], people.grounds[rows], space.frame.camera_position)
    number = np.full(len(rows), KINDS.index(kind), np.uint8)
    return rows, Fitting(pixels[rows], seen[rows], number, headings, people.heights[rows])


def align(people: People, targets: NDArray, frame: Frame) -> People:
    """Shift people over the ground until the middles of their boxes lie at ``targets`` (N, 2) pixels."""
    camera = frame.camera_position
    for _ in range(4):
        pixels, _ = frame.project(people.keypoints)
        error = targets - (pixels.min(1) + pixels.max(1)) / 2
        level = (people.keypoints[..., 2].min(1) + people.keypoints[..., 2].max(1)) / 2
        anchor = np.concatenate([people.grounds, level[:, None]], 1)
        middle, _ = frame.project(anchor)
        ray = frame.rays(middle + error)
        reach = (level - camera[2]) / np.where(np.abs(ray[:, 2]) < 1e-4, 1e-4, ray[:, 2])
        landed = (camera + ray * reach[:, None])[:, :2]
        shift = np.where((reach > 0)[:, None], landed - people.grounds, 0.0)
        shift = np.nan_to_num(shift).clip(-2.0, 2.0)
        moved = people.keypoints.copy()
        moved[..., :2] += shift[:, None]
        people = People(moved, people.heights, people.grounds + shift, people.yaws, people.supports)
    return people


class FramePlacer:
    """Places people in one frame; every random choice comes from ``generator``."""

    def __init__(self, space: Space, sampler: PoseSampler, generator: np.random.Generator) -> None:
        self.space, self.sampler, self.generator = space, sampler, generator
        self.seats = seat_places(space)
        camera = space.frame.camera_position
        grounds, yaws, supports, _ = self.seats
        self.seat_headings = yaw_to_heading(yaws, grounds, camera)
        self.seat_middles, _ = space.frame.project(np.concatenate([grounds, supports[:, None] + 0.20], 1))

    def sit_at(self, rows: NDArray) -> People:
        """People drawn on seat places (rows may repeat), each turned and moved a little."""
        grounds, yaws, supports, backed = (column[rows] for column in self.seats)
        yaws = yaws + self.generator.normal(0, 0.10, len(rows))
        grounds = grounds + self.generator.uniform(-0.02, 0.02, grounds.shape)
        return seated(self.sampler, grounds, yaws, supports, backed, self.generator)

    def wander(self, kind: str, count: int) -> Fitting:
        """People of one kind anywhere in the frame, facing as people in photographs do."""
        if kind == "sit":
            if len(self.seat_headings) == 0:
                return self._nobody()
            rows = self.generator.integers(0, len(self.seat_headings), count)
            return fit_people(kind, self.sit_at(rows), self.space)[1]
        row, column = np.nonzero(self.space.floor > 0.5)
        if len(row) == 0:
            return self._nobody()
        chosen = self.generator.integers(0, len(row), count)
        grounds = self.space.centres(row[chosen], column[chosen])
        yaws = heading_to_yaw(draw_headings(count, self.generator), grounds, self.space.frame.camera_position)
        return fit_people(kind, upright(kind, self.sampler, grounds, yaws, self.generator), self.space)[1]

    def at_points(self, points: NDArray) -> tuple[list[Fitting], NDArray]:
        """All poses found at points (P, 2), `TRIES` per kind and heading sector; what was tried (P, 9)."""
        tried = np.zeros((len(points), len(KINDS)), np.int16)
        owners, found = [], []
        tolerance = AT_POINT * self.space.frame.size[1]
        for kind in PLACED_KINDS:
            tried[:, KINDS.index(kind)] = TRIES * SECTORS
            owner, people = self._sitters(points) if kind == "sit" else self._uprights(kind, points)
            if len(owner) == 0:
                continue
            start = people.grounds
            people = align(people, points[owner], self.space.frame)
            rows, fitting = fit_people(kind, people, self.space)
            near = np.linalg.norm(fitting.middles - points[owner[rows]], axis=1) < tolerance
            if kind == "sit":
                near &= np.linalg.norm(people.grounds - start, axis=1)[rows] < 0.12
            owners.append(owner[rows[near]])
            found.append(fitting[near])
        if not found:
            return [self._nobody() for _ in points], tried
        everyone, owner = Fitting.join(found), np.concatenate(owners)
        return [self._keep(everyone[owner == number]) for number in range(len(points))], tried

    def _uprights(self, kind: str, points: NDArray) -> tuple[NDArray, People]:
        owner = np.repeat(np.arange(len(points)), TRIES * SECTORS)
        camera = self.space.frame.camera_position
        ray = self.space.frame.rays(points[owner])
        reach = (0.85 - camera[2]) / np.where(np.abs(ray[:, 2]) < 1e-4, 1e-4, ray[:, 2])
        usable = (reach > 0.5) & (reach < 8)
        owner, ray, reach = owner[usable], ray[usable], reach[usable]
        grounds = (camera + ray * reach[:, None])[:, :2]
        sector = np.tile(np.repeat(np.arange(SECTORS), TRIES), len(points))[usable]
        headings = sector * (np.pi / 2) + self.generator.uniform(-np.pi / 4, np.pi / 4, len(owner))
        yaws = heading_to_yaw(headings, grounds, camera)
        return owner, upright(kind, self.sampler, grounds, yaws, self.generator)

    def _sitters(self, points: NDArray) -> tuple[NDArray, People]:
        owners, rows = [], []
        reach = 0.06 * self.space.frame.size[1]
        sectors = np.round(self.seat_headings / (np.pi / 2)).astype(int) % SECTORS
        for number, point in enumerate(points):
            near = np.linalg.norm(self.seat_middles - point, axis=1) < reach
            for sector in range(SECTORS):
                places = np.flatnonzero(near & (sectors == sector))
                if len(places):
                    rows.append(self.generator.choice(places, TRIES))
                    owners.append(np.full(TRIES, number))
        if not rows:
            return np.zeros(0, int), put(
                np.zeros((0, 16, 3)), np.zeros(0), np.zeros((0, 2)), np.zeros(0), np.zeros(0)
            )
        return np.concatenate(owners), self.sit_at(np.concatenate(rows))

    def _keep(self, found: Fitting) -> Fitting:
        sectors = np.round(found.headings / (np.pi / 2)).astype(int) % SECTORS
        kept = [
            row
            for kind in np.unique(found.kinds)
            for sector in range(SECTORS)
            for row in np.flatnonzero((found.kinds == kind) & (sectors == sector))[:KEPT]
        ]
        return found[np.array(kept, int)]

    @staticmethod
    def _nobody() -> Fitting:
        return Fitting(
            np.zeros((0, 16, 2)), np.zeros((0, 16), np.uint8), np.zeros(0, np.uint8), np.zeros(0), np.zeros(0)
        )


def place(
    frame: Frame,
    sampler: PoseSampler,
    seed: int,
    *,
    points: int = 16,
    tries: int = 240,
    nobody_share: float = 0.06,
) -> list[PlacedPoint]:
    """Points in a frame with the poses that fit there.

    Args:
        frame: the frame. sampler: where poses come from. seed: the same seed gives the same points.
        points: at most so many points where somebody fits, spread over the picture and over the kinds.
        tries: people tried of each kind to find them.
        nobody_share: so many further points, as a share, where nobody was found to fit.

    Returns:
        Points with their poses, the primary first; an empty list where the frame offers no place.
    """
    space = read_space(frame)
    if space is None:
        return []
    generator = np.random.default_rng(seed)
    placer = FramePlacer(space, sampler, generator)
    pools = [placer.wander(kind, tries) for kind in PLACED_KINDS]
    chosen = _spread(pools, points, 0.05 * frame.size[1], generator)
    if not chosen:
        return []
    primaries = Fitting.join(chosen)
    others, tried = placer.at_points(primaries.middles)
    placed = [
        PlacedPoint(point, Fitting.join([primaries[np.array([number])], others[number]]), tried[number])
        for number, point in enumerate(primaries.middles)
    ]
    return placed + _nobody_points(placer, generator, generator.binomial(len(placed), nobody_share))


def _spread(
    pools: list[Fitting], wanted: int, distance: float, generator: np.random.Generator
) -> list[Fitting]:
    """Single people taken from the kinds in turn (sitting as often as both upright kinds), middles apart."""
    orders = [list(generator.permutation(len(pool.kinds))) for pool in pools]
    chosen: list[Fitting] = []
    taken: list[NDArray] = []
    turns = [2, 0, 2, 1]
    idle = 0
    step = 0
    while len(chosen) < wanted and idle < len(turns):
        number = turns[step % len(turns)]
        step += 1
        idle += 1
        while orders[number]:
            one = pools[number][np.array([orders[number].pop()])]
            middle = one.middles[0]
            if all(np.linalg.norm(middle - other) > distance for other in taken):
                chosen.append(one)
                taken.append(middle)
                idle = 0
                break
    return chosen


def _nobody_points(placer: FramePlacer, generator: np.random.Generator, wanted: int) -> list[PlacedPoint]:
    if wanted == 0:
        return []
    width, height = placer.space.frame.size
    points = generator.uniform((0, 0), (width, height), (wanted * 4, 2))
    found, tried = placer.at_points(points)
    empty = [n for n, poses in enumerate(found) if len(poses.kinds) == 0][:wanted]
    return [PlacedPoint(points[n], found[n], tried[n]) for n in empty]
