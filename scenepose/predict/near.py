"""About here: a click means touching what is under it.

A pose's box is centred at its point (paper), and people click where somebody's feet or hips would be: on the
floor, on a seat. So poses are taken from points all over the picture, and a click looks for those whose
contact lands near it. What is under the click is the encoder's own prediction of surfaces:

- floor: the feet of people who stand, walk, gesture, carry, bend, crouch or lean;
- seat or bed: the hips of people who sit or lie;
- anything else: the middle of the body, as in the paper.

A template's score at a click is that of its best point, lowered by the distance that its contact misses the
click by, and by how rare its posture is: a score says how well somebody fits at a point, whoever is seldom
there fits some point near every click, and a click does not say which point is meant. Surfaces are weighed by
their probability.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose.data.prior import KIND_PRIOR
from scenepose.data.surfaces import SURFACES
from scenepose.methods.head import Answer
from scenepose.pose.kinds import POSTURES, SUPPORTS
from scenepose.pose.skeleton import L_ANKLE, L_HIP, R_ANKLE, R_HIP
from scenepose.predict import affordance

if TYPE_CHECKING:
    from scenepose.predict.generator import Pose, Scene

#: About as many points are answered over a picture: 24 x 18 in one of 4 : 3.
CELLS = 432
#: Logits that a contact costs which misses the click by ``near``.
PULL = 5.0
#: Logits that somebody costs who does not use the surface under the click.
STRANGER = 4.0
#: How much of a posture's rarity counts (`data.prior`), 0 to 1; chosen on clicks in validation photographs.
RARITY = 0.7
#: How much oftener a click means the furniture that may be there than the wall or floor around it; chosen on
#: the same clicks.
FURNITURE = 3.0
#: Points around a click that may hold somebody who touches it: left and right, above, below; picture heights.
ASIDE, ABOVE, BELOW = 0.14, 0.6, 0.14
#: Of `ghosts`: places along a side of each cell, and how many people at each.
FINER, MOST = 2, 4


def grid(width: int, height: int, cells: int = CELLS) -> NDArray[np.float64]:
    """Centres of about ``cells`` square cells that cover a picture: (rows, columns, 2) = (x, y), pixels."""
    return affordance.grid(width, height, max(1, round((cells * width / height) ** 0.5)))


class Cells:
    """The poses of all templates at points all over a picture, each computed when it is first asked for.

    Attributes:
        points: (N, 2) pixels, row by row of `grid`. shape: its (rows, columns).
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        places = grid(scene.width, scene.height)
        self.shape = places.shape[:2]
        self.points = places.reshape(-1, 2)
        count, templates = len(self.points), scene.generator.num_templates
        self._done = np.zeros(count, bool)
        self._logits = np.zeros((count, templates), np.float32)
        self._poses = np.zeros((count, templates, 16, 2), np.float32)
        self._hidden = np.zeros((count, templates, 16), bool)
        self._lock = threading.Lock()

    @property
    def complete(self) -> bool:
        """Whether all points have been answered."""
        return bool(self._done.all())

    def at(self, rows: NDArray) -> tuple[NDArray, NDArray]:
        """Logits (n, K) and poses (n, K, 16, 2), relative to their points in picture heights."""
        missing = rows[~self._done[rows]]
        if len(missing):
            logits, poses, hidden = answers_at(self._scene, self.points[missing])
            with self._lock:
                self._logits[missing], self._poses[missing] = logits, poses
                self._hidden[missing], self._done[missing] = hidden, True
        return self._logits[rows], self._poses[rows]

    def fill(self, progress: Callable[[int], object] | None = None, batch: int = 16) -> None:
        """Answer all points; ``progress`` is called with the number of points just answered."""
        for first in range(0, len(self.points), batch):
            rows = np.arange(first, min(first + batch, len(self.points)))
            self.at(rows)
            if progress:
                progress(len(rows))


def answers_at(scene: Scene, points: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Logits (N, K), poses (N, K, 16, 2) and hidden joints (N, K, 16) of all templates at points (N, 2)."""
    head = scene.generator.head
    with torch.inference_mode():
        answer = head.decode(scene.features(points.tolist()))
    return by_template(answer)


def by_template(answer: Answer) -> tuple[NDArray, NDArray, NDArray]:
    """A ranked answer's logits, poses and hidden joints in the templates' order."""
    assert answer.templates is not None
    assert answer.scores is not None
    order = answer.templates.argsort(-1)
    rows = torch.arange(len(order), device=order.device)[:, None]
    scores = answer.scores[rows, order].double().clamp(1e-12, 1 - 1e-12)
    hidden = torch.zeros(answer.poses.shape[:3], dtype=torch.bool) if answer.hidden is None else answer.hidden
    return (
        torch.logit(scores).float().cpu().numpy(),
        answer.poses[rows, order].float().cpu().numpy(),
        hidden.to(order.device)[rows, order].cpu().numpy(),
    )


def contacts(poses: NDArray) -> dict[str, NDArray]:
    """What may touch something, of poses (..., 16, 2): the middle of the ankles, of the hips, of the box."""
    low, high = poses.min(-2), poses.max(-2)
    return {
        "feet": (poses[..., R_ANKLE, :] + poses[..., L_ANKLE, :]) / 2,
        "hips": (poses[..., R_HIP, :] + poses[..., L_HIP, :]) / 2,
        "middle": (low + high) / 2,
    }


def touch(
    poses: NDArray, kinds: list[str], offset: NDArray, chances: NDArray, near: float
) -> tuple[NDArray, NDArray]:
    """How well poses touch a click.

    Args:
        poses: (N, K, 16, 2) relative to their points, picture heights. kinds: of the K templates.
        offset: (N, 2) from the click to the points, picture heights.
        chances: (3,) of a floor, of a seat or bed, and of anything else under the click.

    Returns:
        (N, K) logits to add, 0 at most; (N, K, 2) from each pose's most probable contact to the click.
    """
    away = {name: -(offset[:, None] + place) for name, place in contacts(poses).items()}
    return _bonus(away, kinds, chances[None], near)


def _bonus(
    away: dict[str, NDArray], kinds: list[str], chances: NDArray, near: float
) -> tuple[NDArray, NDArray]:
    """`touch` from each contact to the click (N, K, 2), and the chances (N or 1, 3) under each click."""
    rests = _rests(kinds)[:, None]
    middle = away["middle"]
    gaps = np.stack([np.where(rests, middle, away["feet"]), np.where(rests, away["hips"], middle), middle])
    strange = np.stack([rests, ~rests, np.zeros_like(rests)])[:, None, :, 0]
    values = np.log(chances.clip(1e-9)).T[..., None] - STRANGER * strange
    values = values - PULL * (gaps**2).sum(-1) / near**2  # (3, N, K)
    miss = np.take_along_axis(gaps, values.argmax(0)[None, ..., None], 0)[0]
    return np.logaddexp.reduce(values, 0), miss


def _rests(kinds: list[str]) -> NDArray[np.bool_]:
    """Who is on a seat or bed, and not on the feet."""
    return np.array([kind in SUPPORTS for kind in kinds])


def rarity(kinds: list[str]) -> NDArray[np.float64]:
    """The logarithm of how often people have the postures of kinds (K,), against the most frequent one: 0 at
    most."""
    shares: dict[str, float] = {}
    for kind, share in KIND_PRIOR.items():
        posture = POSTURES.get(kind, kind)
        shares[posture] = shares.get(posture, 0.0) + share
    own = np.array([shares[POSTURES.get(kind, kind)] for kind in kinds])
    return np.log(own / max(shares.values()))


def touching(
    scene: Scene, point: tuple[float, float], top_k: int, near: float, kinds: set[str] | None
) -> list[Pose]:
    """The people who touch what is under a click, best first; the arguments are those of `Scene.generate`."""
    generator = scene.generator
    click, height = np.array(point), scene.height
    names = generator.template_kinds
    chances = surface_at(scene, click)
    rows = around(scene, click)
    logits, poses = scene.cells.at(rows)
    offset = (scene.cells.points[rows] - click) / height
    bonus, miss = touch(poses, names, offset, chances, near)
    rare = RARITY * rarity(names)
    scores = logits + bonus + rare
    wanted = [k for k, kind in enumerate(names) if kinds is None or kind in kinds]
    best = scores.argmax(0)  # (K,) the row of each template's best point
    chosen = sorted(wanted, key=lambda k: -scores[best[k], k])[:top_k]
    # A point between the cells, where the contact is on the click.
    centres = np.array([scene.cells.points[rows[best[k]]] + miss[best[k], k] * height for k in chosen])
    centres = centres.clip(0, [scene.width, scene.height])
    with torch.inference_mode():
        answer = generator.head.decode(scene.features(centres.tolist()))
    exact, exact_poses, _ = by_template(answer)
    assert answer.templates is not None
    found = []
    for row, k in enumerate(chosen):
        bonus, _ = touch(
            exact_poses[row : row + 1], names, (centres[row : row + 1] - click) / height, chances, near
        )
        score = exact[row, k] + bonus[0, k] + rare[k]
        n = int((answer.templates[row] == k).nonzero()[0, 0])
        pose = generator.pose(answer, row, n, (float(centres[row, 0]), float(centres[row, 1])), height)
        found.append((float(score), pose))
    found.sort(key=lambda one: -one[0])
    return [replace(pose, score=float(1 / (1 + np.exp(-score)))) for score, pose in found]


def around(scene: Scene, click: NDArray) -> NDArray:
    """The rows of the cells where somebody may be who touches a click; at least the nearest one."""
    away = (scene.cells.points - click) / scene.height
    inside = (np.abs(away[:, 0]) <= ASIDE) & (away[:, 1] >= -ABOVE) & (away[:, 1] <= BELOW)
    inside[(away**2).sum(1).argmin()] = True
    return np.flatnonzero(inside)


def surface_at(scene: Scene, point: NDArray) -> NDArray:
    """(3,) the probability of a floor, of a seat or bed, and of anything else under a point in pixels."""
    cells = scene.surfaces
    row = min(int(point[1] / scene.height * cells.shape[1]), cells.shape[1] - 1)
    column = min(int(point[0] / scene.width * cells.shape[2]), cells.shape[2] - 1)
    chance = dict(zip(SURFACES, cells[:, row, column].astype(np.float64), strict=True))
    for name in ("seat", "bed", "table"):
        chance[name] *= FURNITURE
    seat = chance["seat"] + chance["bed"]
    return np.array([chance["floor"], seat, sum(chance.values()) - chance["floor"] - seat]) / sum(
        chance.values()
    )


@dataclass(frozen=True)
class Ghosts:
    """What clicks all over a picture rank first, from the poses at its cells: G places, the N best at each.

    Attributes:
        shape: (rows, columns) of the places, row by row of a finer `grid`.
        scores: (G, N) in [0, 1], best first. templates: (G, N), each at most once a place.
        cells: (G, N) the cell whose pose it is.
        shifts: (G, N, 2) pixels from where that pose is to where its person would be.
    """

    shape: tuple[int, int]
    scores: NDArray
    templates: NDArray
    cells: NDArray
    shifts: NDArray

    def keypoints(self, scene: Scene, place: int, n: int = 0) -> NDArray:
        """(16, 2) pixels of the n-th at a place."""
        cell, k = self.cells[place, n], self.templates[place, n]
        _, poses = scene.cells.at(np.array([cell]))
        return poses[0, k] * scene.height + scene.cells.points[cell] + self.shifts[place, n]


def ghosts(scene: Scene, near: float, kinds: set[str] | None, finer: int = FINER, most: int = MOST) -> Ghosts:
    """What clicks all over a picture rank first, without running the network again.

    Args:
        near: as in `Scene.generate`; 0 centres the box at the click.
        finer: places along a side of each cell: what is under a click changes within a cell.
        most: how many at each place.
    """
    scene.cells.fill()
    height, names = scene.height, scene.generator.template_kinds
    rows, columns = scene.cells.shape
    places = np.stack(np.meshgrid(*((np.arange(finer * n) + 0.5) / (finer * n) for n in (columns, rows))), -1)
    places = places.reshape(-1, 2)
    clicks = places * [scene.width, scene.height]
    wanted = np.array([k for k, kind in enumerate(names) if kinds is None or kind in kinds])
    logits, poses = scene.cells.at(np.arange(rows * columns))
    if near:
        cells = _touching_cells(scene, clicks, near)
        k = np.arange(len(names))
        chances = np.array([surface_at(scene, click) for click in clicks])
        offset = (scene.cells.points[cells] - clicks[:, None]) / height  # (G, K, 2)
        away = {name: -(offset + place[cells, k]) for name, place in contacts(poses).items()}
        _, shifts = _bonus(away, names, chances, near)
        shifts = shifts * height
        # As a click does: from there on everybody is where the contact is on the click.
        centres = (scene.cells.points[cells] + shifts).clip(0, [scene.width, scene.height])
        moved = (scene.cells.points[cells] - centres) / height
        bonus, _ = _bonus({name: gap + moved for name, gap in away.items()}, names, chances, near)
        values = _between(logits, (rows, columns), centres / [scene.width, scene.height])
        values = values + bonus + RARITY * rarity(names)
    else:
        values = _between(logits, (rows, columns), places[:, None])
        nearest = np.minimum((places * [columns, rows]).astype(int), [columns - 1, rows - 1])
        cells = np.repeat((nearest[:, 1] * columns + nearest[:, 0])[:, None], len(names), 1)
        shifts = clicks[:, None] - scene.cells.points[cells]
    order = wanted[np.argsort(-values[:, wanted], axis=1, kind="stable")[:, :most]]  # (G, N)
    values, cells = np.take_along_axis(values, order, 1), np.take_along_axis(cells, order, 1)
    shifts = np.take_along_axis(shifts, order[..., None], 1)
    return Ghosts((finer * rows, finer * columns), 1 / (1 + np.exp(-values)), order, cells, shifts)


def _touching_cells(scene: Scene, clicks: NDArray, near: float) -> NDArray:
    """(G, K) for clicks (G, 2) the cell from which each template touches best, whatever it touches with."""
    points, height = scene.cells.points / scene.height, scene.height
    logits, poses = scene.cells.at(np.arange(len(points)))
    names, pull = scene.generator.template_kinds, PULL / near**2
    rests, touched = _rests(names)[:, None], contacts(poses)
    own = np.where(rests, touched["hips"], touched["feet"])
    # |c - p|^2 = |c|^2 - 2 c p + |p|^2: so all distances are one product; |p| is the same for all of them.
    places = np.stack([own, touched["middle"]]).astype(np.float32) + points[:, None].astype(np.float32)
    fixed = logits - pull * (places**2).sum(-1)  # (2, cells, K)
    terms = np.concatenate([2 * pull * places, fixed[..., None]], -1).transpose(
        0, 2, 1, 3
    )  # (2, K, cells, 3)
    found = np.zeros((len(clicks), len(names)), int)
    for n, click in enumerate(clicks):
        rows = around(scene, click)
        value = terms[:, :, rows] @ np.append(click / height, 1).astype(np.float32)  # (2, K, R)
        floor, seat, other = np.log(surface_at(scene, click).clip(1e-9))
        by_own = np.where(rests[:, 0], seat, floor)
        by_middle = np.maximum(np.where(rests[:, 0], floor, seat) - STRANGER, other)
        value = np.maximum(value[0] + by_own[:, None], value[1] + by_middle[:, None])
        found[n] = rows[value.argmax(-1)]
    return found


def _between(logits: NDArray, shape: tuple[int, int], places: NDArray) -> NDArray:
    """(G, K) the cells' logits between them, at places (G, K or 1, 2) in [0, 1] for each template."""
    rows, columns = shape
    at = (places * [columns, rows] - 0.5).clip(0, [columns - 1, rows - 1])
    low = at.astype(int)
    share, k = at - low, np.arange(logits.shape[1])
    value = np.zeros((len(places), logits.shape[1]))
    for right in (0, 1):
        for down in (0, 1):
            x, y = np.minimum(low[..., 0] + right, columns - 1), np.minimum(low[..., 1] + down, rows - 1)
            weight = np.abs(1 - right - share[..., 0]) * np.abs(1 - down - share[..., 1])
            value += weight * logits[y * columns + x, k]
    return value
