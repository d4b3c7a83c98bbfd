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
from dataclasses import replace
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
#: Points around a click that may hold somebody who touches it: left and right, above, below; picture heights.
ASIDE, ABOVE, BELOW = 0.14, 0.6, 0.14


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
    rests = np.array([kind in SUPPORTS for kind in kinds])[:, None]  # on a seat or bed, not on the feet
    away = {name: -(offset[:, None] + place) for name, place in contacts(poses).items()}
    middle = away["middle"]
    gaps = np.stack([np.where(rests, middle, away["feet"]), np.where(rests, away["hips"], middle), middle])
    strange = np.stack([rests, ~rests, np.zeros_like(rests)])[:, None, :, 0]
    values = np.log(chances.clip(1e-9))[:, None, None] - STRANGER * strange
    values = values - PULL * (gaps**2).sum(-1) / near**2  # (3, N, K)
    miss = np.take_along_axis(gaps, values.argmax(0)[None, ..., None], 0)[0]
    return np.logaddexp.reduce(values, 0), miss


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
    seat = chance["seat"] + chance["bed"]
    return np.array([chance["floor"], seat, max(0.0, 1 - chance["floor"] - seat)])


def ghosts(scene: Scene, near: float, kinds: set[str] | None) -> tuple[NDArray, NDArray, NDArray]:
    """What a click ranks first at every cell of `grid`, without looking between the cells.

    Args:
        near: as in `Scene.generate`; 0 centres the box at the cell.

    Returns:
        scores (N,) in [0, 1], templates (N,), keypoints (N, 16, 2) in pixels.
    """
    scene.cells.fill()
    points, height, names = scene.cells.points, scene.height, scene.generator.template_kinds
    everywhere = np.arange(len(points))
    logits, poses = scene.cells.at(everywhere)
    allowed = np.array([kinds is None or kind in kinds for kind in names])
    rare = RARITY * rarity(names)
    scores, templates, keypoints = (
        np.zeros(len(points)),
        np.zeros(len(points), int),
        np.zeros((len(points), 16, 2)),
    )
    for n, click in enumerate(points):
        rows = around(scene, click) if near else everywhere[n : n + 1]
        value, shift = logits[rows], np.zeros((len(rows), len(names), 2))
        if near:
            chances = surface_at(scene, click)
            bonus, shift = touch(poses[rows], names, (points[rows] - click) / height, chances, near)
            value = value + bonus + rare
        row, k = np.unravel_index(np.where(allowed, value, -np.inf).argmax(), value.shape)
        scores[n], templates[n] = 1 / (1 + np.exp(-value[row, k])), k
        keypoints[n] = (poses[rows[row], k] + shift[row, k]) * height + points[rows[row]]
    return scores, templates, keypoints
