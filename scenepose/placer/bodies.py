"""Drawing people: which way they face, and how they come to rest on floor and seats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.placer.space import CELL, Space
from scenepose.poses import PoseSampler, sit_on_seat, stand_on_floor, turn

#: Heights of people, metres.
BODY_HEIGHTS = (1.50, 1.95)
#: Of 1,725 upright people in MPII's photographs 66 % face the camera, 13 % stand sideways, 21 % turn away.
HEADING_SHARES = (0.66, 0.13, 0.21)
#: Directions tried for a sitter, evenly around.
_DIRECTIONS = 24


@dataclass
class People:
    """N placed people.

    keypoints: (N, 16, 3) world metres. heights: (N,) body heights. grounds: (N, 2) where the pelvis is.
    yaws: (N,) the direction faced, radians counter-clockwise from world +y. supports: (N,) heights of
    what they rest on.
    """

    keypoints: NDArray
    heights: NDArray
    grounds: NDArray
    yaws: NDArray
    supports: NDArray

    def __getitem__(self, rows: NDArray) -> People:
        return People(
            self.keypoints[rows], self.heights[rows], self.grounds[rows], self.yaws[rows], self.supports[rows]
        )


def heading_to_yaw(heading: NDArray, ground: NDArray, camera: NDArray) -> NDArray:
    """World yaw of people at ground (N, 2) from headings: 0 faces the camera, +pi/2 picture right."""
    to_camera = camera[:2] - ground
    towards = np.arctan2(-to_camera[:, 0], to_camera[:, 1])
    # Seen from the camera, its right is the person's left turn: counter-clockwise from above.
    return towards + heading


def yaw_to_heading(yaw: NDArray, ground: NDArray, camera: NDArray) -> NDArray:
    """The inverse of `heading_to_yaw`, in (-pi, pi]."""
    heading = yaw - heading_to_yaw(np.zeros(len(yaw)), ground, camera)
    return (heading + np.pi) % (2 * np.pi) - np.pi


def draw_headings(count: int, generator: np.random.Generator) -> NDArray:
    """Headings (N,) of upright people as photographs show them."""
    side = generator.choice(3, count, p=HEADING_SHARES)
    sign = generator.choice([-1.0, 1.0], count)
    front = generator.normal(0, 0.45, count).clip(-1.1, 1.1)
    sideways = sign * (np.pi / 2 + generator.normal(0, 0.25, count))
    away = np.pi + generator.normal(0, 0.5, count).clip(-1.1, 1.1)
    return np.choose(side, [front, sideways, away])


def draw_heights(count: int, generator: np.random.Generator) -> NDArray:
    """Body heights (N,): adults, normal about 1.70 m within `BODY_HEIGHTS`."""
    return generator.normal(1.70, 0.10, count).clip(*BODY_HEIGHTS)


def put(body: NDArray, heights: NDArray, grounds: NDArray, yaws: NDArray, supports: NDArray) -> People:
    """Place body-frame poses, their z already counted from the floor, at ground positions (N, 2)."""
    world = turn(body, yaws)
    world[..., :2] += grounds[:, None]
    return People(world, heights, grounds, yaws, supports)


def upright(
    kind: str, sampler: PoseSampler, grounds: NDArray, yaws: NDArray, generator: np.random.Generator
) -> People:
    """Standing or walking people at ground positions (N, 2) facing yaws (N,)."""
    heights = draw_heights(len(grounds), generator)
    body = stand_on_floor(sampler.draw(kind, heights, generator, spread=0.8), heights)
    return put(body, heights, grounds, yaws, np.zeros(len(grounds)))


def recline(body: NDArray, angles: NDArray) -> NDArray:
    """Lean the upper body of poses (N, 16, 3) backwards about the hips by angles (N,), radians."""
    upper = [7, 8, 9, 10, 11, 12, 13, 14, 15]
    leaned = body.copy()
    y, z = body[:, upper, 1], body[:, upper, 2]
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    leaned[:, upper, 1] = cosine * y - sine * z
    leaned[:, upper, 2] = sine * y + cosine * z
    return leaned


def seated(
    sampler: PoseSampler,
    grounds: NDArray,
    yaws: NDArray,
    supports: NDArray,
    backed: NDArray,
    generator: np.random.Generator,
) -> People:
    """People on seats at heights ``supports`` (N,), with a backrest where ``backed`` (N,)."""
    heights = draw_heights(len(grounds), generator)
    body = sampler.draw("sit", heights, generator, spread=0.8)
    # The recorded sitters lean forward by 20 degrees on average; with a backrest people lean back.
    body = recline(
        body,
        np.where(
            backed, generator.uniform(0.30, 0.60, len(grounds)), generator.uniform(-0.05, 0.4, len(grounds))
        ),
    )
    body = sit_on_seat(body, heights, supports, generator)
    return put(body, heights, grounds, yaws, supports)


def seat_places(space: Space) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Where and which way one can sit: grounds (N, 2), yaws (N,), seat heights (N,), backed (N,).

    For every seat cell and every direction: the seat's front edge must be within a thigh's length ahead,
    with nothing of seat height beyond it, and no backrest ahead. Where a backrest is near the cell in any
    direction the person turns away from it and has it at their back.
    """
    rows, columns = np.nonzero(np.isfinite(space.seat))
    if len(rows) == 0:
        return np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, bool)
    grounds = space.centres(rows, columns)
    yaws = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    ahead = np.stack([-np.sin(yaws), np.cos(yaws)], -1)
    is_seat = np.isfinite(space.seat)

    def look(distances: NDArray, sideways: tuple[float, ...], grid: NDArray, sign: float = 1.0) -> NDArray:
        """(N, D, distances, sideways) values of a grid along each direction."""
        across = np.stack([ahead[:, 1], -ahead[:, 0]], -1)
        steps = (
            sign * ahead[:, None, None] * distances[:, None, None]
            + across[:, None, None] * np.array(sideways)[:, None]
        )
        at = grounds[:, None, None, None] + steps[None]
        return grid[space.cells(at)]

    under = look(np.array([-0.06, 0.0, 0.06, 0.12]), (-0.08, 0.0, 0.08), is_seat).mean((2, 3)) > 0.7
    open_front = look(np.array([0.48, 0.54, 0.60]), (-0.1, 0.0, 0.1), is_seat).mean((2, 3)) < 0.15
    nothing_ahead = look(np.arange(0.08, 0.56, CELL), (-0.12, 0.0, 0.12), space.rise).mean((2, 3)) < 0.06
    behind = look(np.arange(0.10, 0.34, CELL), (-0.12, -0.04, 0.04, 0.12), space.back, -1.0).any(2).mean(2)
    clear_back = ~look(np.arange(0.0, 0.12, CELL), (-0.08, 0.0, 0.08), space.rise, -1.0).any((2, 3))
    backed = behind >= 0.75
    # A seat with a back is used facing away from it; one without is used towards any open side.
    tall = look(np.arange(0.10, 0.52, CELL), (-0.12, -0.04, 0.04, 0.12), space.back, -1.0).any(2).mean(2)
    away = tall @ ahead
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    suits = (tall.max(1, keepdims=True) < 0.5) | (away @ ahead.T > np.cos(np.radians(30)))
    cell, direction = np.nonzero(under & open_front & nothing_ahead & suits & clear_back)
    heights = space.seat[rows[cell], columns[cell]]
    return grounds[cell], yaws[direction], heights, backed[cell, direction]
