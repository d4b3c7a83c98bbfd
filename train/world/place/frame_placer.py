"""Putting people into one frame: drawing them on supports, moving them to a point, checking them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import Frame
from scenepose.pose.kinds import KINDS
from train.world.place import checks, supports
from train.world.place.bank import STYLES, BodyBank
from train.world.place.headings import draw_headings, heading_to_yaw, towards, yaw_to_heading
from train.world.place.people import People, draw_heights
from train.world.place.sampler import REFERENCE_HEIGHT
from train.world.place.space import Space
from train.world.place.supports import SEATED, SEATED_SHARES, Places

#: Tries per kind and heading sector at every point; more of kinds that need a support, which fit more rarely.
TRIES = 8
SUPPORTED_TRIES = 20
#: Who needs a support slides along it and mostly misses the point: so often are new ones drawn until as many
#: have arrived there as were to be tried.
ROUNDS = 6
#: Nobody slides further than this from where they were drawn, metres.
FAR = 0.25
#: Heading sectors: front, picture's right, back, left.
SECTORS = 4
#: A second pose fits "at the point" when its box middle is within this many picture heights of it.
AT_POINT = 0.02
#: Middle of the body above its support and before its origin, for finding places near a point.
_MIDDLE = {"sit": 0.20, "lean": 0.85, "lie": 0.12}
_BEFORE = {"sit": 0.17}
_STAND_MIDDLE = {"bend": 0.65, "crouch": 0.5}


@dataclass
class Room:
    """A space with its supports, which serve every frame taken of it."""

    space: Space
    places: dict[str, Places]

    @staticmethod
    def of(space: Space) -> Room:
        """Find the supports of a space."""
        return Room(
            space, {"sit": supports.seats(space), "lie": supports.beds(space), "lean": supports.leans(space)}
        )


@dataclass
class Fitting:
    """People who fit in a frame: as they appear (keypoints (N, 16, 2), visibility, kinds, headings, as in
    `scenepose.data.samples`; hidden (N, 16): behind something) and as they were set down
    (bodies, heights, yaws, places)."""

    keypoints: NDArray
    visibility: NDArray
    hidden: NDArray
    kinds: NDArray
    headings: NDArray
    bodies: NDArray
    heights: NDArray
    yaws: NDArray
    places: NDArray

    @property
    def middles(self) -> NDArray:
        """(N, 2) box middles, pixels."""
        return (self.keypoints.min(1) + self.keypoints.max(1)) / 2

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, rows: NDArray) -> Fitting:
        return Fitting(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @staticmethod
    def join(parts: list[Fitting]) -> Fitting:
        """All the people of several lists."""
        return Fitting(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in Fitting.__dataclass_fields__)
        )

    @staticmethod
    def nobody() -> Fitting:
        """No people."""
        return Fitting(
            np.zeros((0, 16, 2)), np.zeros((0, 16), np.uint8), np.zeros((0, 16), bool),
            np.zeros(0, np.uint8), np.zeros(0),
            np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros((0, 3)),
        )  # fmt: skip


class FramePlacer:
    """Places people in one frame; every random choice comes from ``generator``."""

    def __init__(self, frame: Frame, room: Room, bank: BodyBank, generator: np.random.Generator) -> None:
        self.frame, self.space, self.bank, self.generator = frame, room.space, bank, generator
        self.camera = frame.camera_position
        self.places: dict[str, Places] = {}
        self.middles: dict[str, NDArray] = {}
        for kind, places in room.places.items():
            middle = places.grounds + _BEFORE.get(kind, 0.0) * supports.ahead_of(places.yaws)
            middle = np.concatenate([middle, places.levels[:, None] + _MIDDLE[kind]], 1)
            pixels, depth = frame.project(middle)
            width, height = frame.size
            shown = (depth > 0.5) & (np.abs(pixels / [width, height] - 0.5) < 0.55).all(1)
            shown &= np.nan_to_num(depth - frame.depth_at(pixels), nan=0.0) < 0.8
            self.places[kind] = Places(*(getattr(places, n)[shown] for n in Places.__dataclass_fields__))
            self.middles[kind] = pixels[shown]

    def fit(self, kind: str, people: People) -> tuple[NDArray, Fitting]:
        """Check people of one kind; the rows (M,) that fit, and those as they appear in the picture."""
        pixels, seen, hidden, shallow = checks.visibility(people.keypoints, self.frame)
        styles = self.bank.styles[people.bodies]
        # Legs are under tables.
        most = np.where(styles == "desk", 0.4, 0.2)
        exact = self.space.exact
        fits = checks.in_picture(pixels, seen, hidden, shallow, self.frame, exact, most)
        if kind == "sit" and not exact:
            fits &= ~checks.through_seats(people, pixels, shallow, self.frame)
        rows = np.flatnonzero(fits)
        kept = []
        facing = people.yaws + self.bank.facing[people.bodies]
        for style in STYLES[kind]:
            some = rows[styles[rows] == style]
            some = some[checks.supported(style, people[some], self.space)]
            if style in checks.VIEW:
                some = some[checks.room_ahead(style, people[some], facing[some], self.space)]
            kept.append(some[~checks.collides(style, people[some], self.space)])
        rows = np.sort(np.concatenate(kept))
        headings = yaw_to_heading(facing[rows], people.grounds[rows], self.camera)
        number = np.full(len(rows), KINDS.index(kind), np.uint8)
        return rows, Fitting(
            pixels[rows], seen[rows], hidden[rows], number, headings,
            people.bodies[rows], people.heights[rows], people.yaws[rows], people.places[rows],
        )  # fmt: skip

    def at_places(self, kind: str, rows: NDArray) -> tuple[People, NDArray]:
        """People drawn on places (rows may repeat), and the directions (N, 2) they may slide along."""
        places = self.places[kind]
        count = len(rows)
        grounds, yaws, levels = places.grounds[rows], places.yaws[rows], places.levels[rows]
        styles, slides = places.styles[rows], places.slides[rows]
        heights = draw_heights(count, self.generator)
        bodies = np.zeros(count, int)
        loose = np.isin(styles, (*SEATED, "face-up", "on-side"))
        styles = self._seated(styles)
        for style in np.unique(styles):
            some = np.flatnonzero(styles == style)
            bodies[some] = self.bank.draw(str(style), len(some), self.generator, levels[some], heights[some])
        yaws = yaws + np.where(loose, self.generator.normal(0, 0.08, count), 0.0)
        grounds = grounds + self.generator.uniform(-0.02, 0.02, (count, 2))
        # A body for seats or counters is made for its level; the rest of a step is made up for.
        scale = heights / REFERENCE_HEIGHT
        lift = levels - self.bank.levels[bodies] * scale
        people = People.set_down(
            self.bank, bodies, heights, yaws, np.concatenate([grounds, lift[:, None]], 1), levels
        )
        return self._settled(people), slides

    def _seated(self, styles: NDArray) -> NDArray:
        """(N,) styles of the bank for those of places: how people sit there is drawn."""
        drawn = styles.copy()
        for name, ways in SEATED.items():
            some = np.flatnonzero(styles == name)
            drawn[some] = self.generator.choice(list(ways), len(some), p=list(ways.values()))
        return drawn

    def _settled(self, people: People) -> People:
        styles = self.bank.styles[people.bodies]
        for style in np.unique(styles):
            some = np.flatnonzero(styles == style)
            moved = checks.settle(str(style), people[some], self.space)
            people.places[some], people.keypoints[some] = moved.places, moved.keypoints
        return people

    def on_floor(self, kind: str, grounds: NDArray, yaws: NDArray) -> People:
        """People of a kind drawn on the floor at grounds (N, 2), facing along yaws."""
        count = len(grounds)
        heights = draw_heights(count, self.generator)
        bodies = self.bank.draw(STYLES[kind][0], count, self.generator, np.zeros(count), heights)
        places = np.concatenate([grounds, np.zeros((count, 1))], 1)
        return People.set_down(
            self.bank, bodies, heights, yaws - self.bank.facing[bodies], places, np.zeros(count)
        )

    def wander(self, kind: str, count: int) -> Fitting:
        """People of one kind anywhere in the frame, facing as people in photographs do."""
        if kind in self.places:
            styles = self.places[kind].styles
            if len(styles) == 0:
                return Fitting.nobody()
            names = np.unique(styles)
            shares = np.array([SEATED_SHARES.get(str(name), 1.0) for name in names])
            counts = np.ceil(count * shares / shares.sum()).astype(int)
            rows = np.concatenate([
                self.generator.choice(np.flatnonzero(styles == name), number)
                for name, number in zip(names, counts, strict=True)
            ])  # fmt: skip
            people, _ = self.at_places(kind, rows)
            return self._clear(kind, people)
        row, column = np.nonzero(self.space.floor > 0.5)
        if len(row) == 0:
            return Fitting.nobody()
        grounds = self.space.centres(row, column)
        pixels, depth = self.frame.project(np.concatenate([grounds, np.full((len(row), 1), 0.9)], 1))
        shown = (depth > 0.8) & ((pixels > 0) & (pixels < self.frame.size)).all(1)
        if not shown.any():
            return Fitting.nobody()
        grounds = grounds[self.generator.choice(np.flatnonzero(shown), count)]
        yaws = heading_to_yaw(draw_headings(count, self.generator), grounds, self.camera)
        drawn_to = towards(grounds, self.space.watched, self.generator)
        turned = np.isfinite(drawn_to) & (self.generator.random(count) < 0.2)
        return self._clear(kind, self.on_floor(kind, grounds, np.where(turned, drawn_to, yaws)))

    def _clear(self, kind: str, people: People) -> Fitting:
        """Those who fit beyond doubt: one of them is shown at each point."""
        _, fitting = self.fit(kind, people)
        return fitting[self.plain(fitting)]

    def plain(self, fitting: Fitting) -> NDArray:
        """(N,) who of those who fit does so beyond doubt and has nothing before the middle of a limb."""
        people = People.set_down(
            self.bank, fitting.bodies, fitting.heights, fitting.yaws, fitting.places, np.zeros(len(fitting))
        )
        shown = ~checks.crossed(people.keypoints, fitting.hidden, self.frame)
        styles = self.bank.styles[people.bodies]
        for style in np.unique(styles[shown]):
            some = np.flatnonzero(shown & (styles == style))
            shown[some] = checks.plain(str(style), people[some], self.space)
        return shown

    def at_points(self, points: NDArray) -> tuple[list[Fitting], NDArray]:
        """All poses found at points (P, 2), `TRIES` per kind and heading sector; what was tried (P, 9).

        Only who arrives at the point was tried there. A kind whose supports are not near a point counts as
        tried: nobody of that kind fits there.
        """
        tried = np.full((len(points), len(KINDS)), TRIES * SECTORS, np.int16)
        tried[:, [KINDS.index(kind) for kind in self.places]] = SUPPORTED_TRIES * SECTORS
        owners, found = [], []
        for number, kind in enumerate(KINDS):
            if kind in self.places:
                owner, people, near = self._on_places(kind, points)
                tried[near, number] = np.bincount(owner, minlength=len(points))[near]
            else:
                owner, people = self._upright(kind, points)
                people = align(people, points[owner], np.zeros((len(owner), 2)), self.frame)
                arrived = self._arrived(people, points[owner])
                owner, people = owner[arrived], people[arrived]
            if len(owner) == 0:
                continue
            rows, fitting = self.fit(kind, people)
            owners.append(owner[rows])
            found.append(fitting)
        if not found:
            return [Fitting.nobody() for _ in points], tried
        everyone, owner = Fitting.join(found), np.concatenate(owners)
        return [everyone[owner == number] for number in range(len(points))], tried

    def _arrived(self, people: People, targets: NDArray) -> NDArray:
        """(N,) whether the middles of people's boxes are at the targets (N, 2)."""
        pixels, _ = self.frame.project(people.keypoints)
        middles = (pixels.min(1) + pixels.max(1)) / 2
        return np.asarray(np.linalg.norm(middles - targets, axis=1) < AT_POINT * self.frame.size[1])

    def _upright(self, kind: str, points: NDArray) -> tuple[NDArray, People]:
        """Those drawn for each point: its number (N,), and the people near it on the floor."""
        owner = np.repeat(np.arange(len(points)), TRIES * SECTORS)
        ray = self.frame.rays(points[owner])
        level = _STAND_MIDDLE.get(kind, 0.85)
        reach = (level - self.camera[2]) / np.where(np.abs(ray[:, 2]) < 1e-4, 1e-4, ray[:, 2])
        usable = (reach > 0.5) & (reach < 9)
        sector = np.tile(np.repeat(np.arange(SECTORS), TRIES), len(points))[usable]
        owner, ray, reach = owner[usable], ray[usable], reach[usable]
        grounds = (self.camera + ray * reach[:, None])[:, :2]
        headings = sector * (np.pi / 2) + self.generator.uniform(-np.pi / 4, np.pi / 4, len(owner))
        yaws = heading_to_yaw(headings, grounds, self.camera)
        return owner, self.on_floor(kind, grounds, yaws)

    def _on_places(self, kind: str, points: NDArray) -> tuple[NDArray, People, NDArray]:
        """Those who arrive at each point: its number (N,), and the people; whether a place is near (P,).

        In every round new ones are drawn for each sector of a point that has places and still lacks tries.
        """
        reach = 0.08 * self.frame.size[1]
        places = self.places[kind]
        headings = yaw_to_heading(places.yaws, places.grounds, self.camera)
        sectors = np.round(headings / (np.pi / 2)).astype(int) % SECTORS
        around = [np.linalg.norm(self.middles[kind] - point, axis=1) < reach for point in points]
        lists = [np.flatnonzero(near & (sectors == s)) for near in around for s in range(SECTORS)]
        # Tries that are still lacking.
        left = np.array([SUPPORTED_TRIES if len(some) else 0 for some in lists])
        owners, everyone = [np.zeros(0, int)], [self.at_places(kind, np.zeros(0, int))[0]]
        for _ in range(ROUNDS):
            lacking = np.flatnonzero(left)
            if len(lacking) == 0:
                break
            rows = np.concatenate([self.generator.choice(lists[place], SUPPORTED_TRIES) for place in lacking])
            owner = np.repeat(lacking, SUPPORTED_TRIES)
            people, slides = self.at_places(kind, rows)
            start, targets = people.grounds, points[owner // SECTORS]
            people = self._settled(align(people, targets, slides, self.frame))
            arrived = self._arrived(people, targets) & (np.linalg.norm(people.grounds - start, axis=1) < FAR)
            # No more than were lacking: the first of each point and sector.
            before = np.cumsum(arrived) - arrived
            first = np.repeat(before[::SUPPORTED_TRIES], SUPPORTED_TRIES)
            arrived &= before - first < left[owner]
            left -= np.bincount(owner[arrived], minlength=len(left))
            owners.append(owner[arrived] // SECTORS)
            everyone.append(people[arrived])
        return np.concatenate(owners), People.join(everyone), np.array([near.any() for near in around])


def align(people: People, targets: NDArray, slides: NDArray, frame: Frame) -> People:
    """Shift people over the ground until the middles of their boxes lie at ``targets`` (N, 2) pixels.

    Who has a slide direction moves along it only, and may not arrive.
    """
    camera = frame.camera_position
    bound = (slides != 0).any(1)
    for _ in range(4):
        pixels, _ = frame.project(people.keypoints)
        error = targets - (pixels.min(1) + pixels.max(1)) / 2
        level = (people.keypoints[..., 2].min(1) + people.keypoints[..., 2].max(1)) / 2
        grounds = (people.keypoints[..., :2].min(1) + people.keypoints[..., :2].max(1)) / 2
        middle, _ = frame.project(np.concatenate([grounds, level[:, None]], 1))
        ray = frame.rays(middle + error)
        reach = (level - camera[2]) / np.where(np.abs(ray[:, 2]) < 1e-4, 1e-4, ray[:, 2])
        landed = (camera + ray * reach[:, None])[:, :2]
        shift = np.nan_to_num(np.where((reach > 0)[:, None], landed - grounds, 0.0)).clip(-2.0, 2.0)
        along = (shift * slides).sum(1, keepdims=True) * slides
        people = people.shifted(np.where(bound[:, None], along, shift))
    return people
