"""The bank of bodies: a fixed set of 3-D poses drawn once, from which everybody who is placed is taken.

A placed person is a body of the bank, scaled to a height, turned about the vertical and set down: eight
numbers, which is what makes it possible to keep every pose found at every point (`scenepose.data.compact`).
Bodies are in the frame of `train.world.place.postures`; a body that rests on something of a certain height,
a seat or a counter, exists at many heights, `level`, for the reference body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.kinds import KINDS
from scenepose.pose.skeleton import (
    HEAD_TOP,
    L_ANKLE,
    L_ELBOW,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    PELVIS,
    R_ANKLE,
    R_ELBOW,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
    THORAX,
    UPPER_NECK,
)
from train.world.place import lying, postures, sitting
from train.world.place.sampler import REFERENCE_HEIGHT, PoseSampler, mirror_body, stand_on_floor

#: Styles of each kind; the order is the order of rows in the bank.
STYLES = {
    "stand": ("stand",),
    "walk": ("walk",),
    "gesture": ("gesture",),
    "carry": ("carry",),
    "sit": ("backed", "reclined", "crossed", "free", "elbows", "desk", "legs-up"),
    "bend": ("bend",),
    "crouch": ("crouch",),
    "lean": ("wall-back", "wall-side", "counter-back", "counter-front"),
    "lie": ("face-up", "on-side"),
}
#: Bodies a level of each style of sitting with the feet down.
SITTERS = {"backed": 24, "reclined": 20, "crossed": 12, "free": 16, "elbows": 10, "desk": 14}
#: Heights of seats and counters for a 1.70 m body, 3 % apart: seats 0.33-0.85, counters 0.7-1.1.
SEAT_LEVELS = np.geomspace(0.28, 0.97, 42)
COUNTER_LEVELS = np.geomspace(0.65, 1.10, 18)


@dataclass(frozen=True)
class BodyBank:
    """B bodies.

    keypoints: (B, 16, 3) float32 metres for 1.70 m, whole millimetres. kinds: (B,) index into KINDS.
    styles: (B,) str. levels: (B,) height of seat or counter. facing: (B,) the direction faced, radians
    counter-clockwise from the body's +y; of lying bodies the direction of the feet.
    """

    keypoints: NDArray
    kinds: NDArray
    styles: NDArray
    levels: NDArray
    facing: NDArray

    def draw(
        self, style: str, count: int, rng: np.random.Generator, supports: NDArray, heights: NDArray
    ) -> NDArray:
        """Rows (count,) of bodies of a style; where the style has levels, those that suit support heights."""
        rows = np.flatnonzero(self.styles == style)
        levels = np.unique(self.levels[rows])
        if len(levels) == 1:
            return rows[rng.integers(0, len(rows), count)]
        each = len(rows) // len(levels)
        wanted = np.log(np.maximum(supports, 0.05) * REFERENCE_HEIGHT / heights)
        nearest = np.abs(np.log(levels) - wanted[:, None]).argmin(1)
        return rows[nearest * each + rng.integers(0, each, count)]


def natural(body: NDArray, style: str) -> NDArray:
    """(N,) whether bodies are fit to be seen: no arm in the torso, no leg in the other, head up, balanced."""
    torso, up = body[:, PELVIS], body[:, THORAX] - body[:, PELVIS]
    good = np.ones(len(body), bool)
    for joint, space in ((R_ELBOW, 0.13), (L_ELBOW, 0.13), (R_WRIST, 0.13), (L_WRIST, 0.13)):
        along = ((body[:, joint] - torso) * up).sum(1) / (up**2).sum(1)
        gap = np.linalg.norm(body[:, joint] - torso - up * along.clip(-0.2, 1.0)[:, None], axis=1)
        good &= gap > space
    good &= np.linalg.norm(body[:, R_WRIST] - body[:, L_WRIST], axis=1) > 0.05
    good &= np.linalg.norm(body[:, R_ANKLE] - body[:, L_ANKLE], axis=1) > 0.09
    good &= np.linalg.norm(body[:, R_KNEE] - body[:, L_KNEE], axis=1) > 0.12
    for wrist in (R_WRIST, L_WRIST):
        for hip, knee in ((R_HIP, R_KNEE), (L_HIP, L_KNEE)):
            bone = body[:, knee] - body[:, hip]
            share = (((body[:, wrist] - body[:, hip]) * bone).sum(1) / (bone**2).sum(1)).clip(0, 1)
            good &= np.linalg.norm(body[:, wrist] - body[:, hip] - bone * share[:, None], axis=1) > 0.085
    if style in ("face-up", "on-side"):
        return good
    head = body[:, HEAD_TOP] - body[:, UPPER_NECK]
    good &= head[:, 2] > (0.10 if style in ("bend", "crouch", "counter-front", "elbows") else 0.20)
    good &= body[:, HEAD_TOP, 2] > body[:, THORAX, 2]
    feet = body[:, [R_ANKLE, L_ANKLE]]
    lowest = feet[..., 2].min(1)
    lifted = feet[..., 2].max(1) - lowest
    if style in ("stand", "gesture", "carry", "bend", "walk"):
        good &= lifted < (0.16 if style == "walk" else 0.05)
        if style != "bend":
            # Upright: nobody is about to fall.
            good &= up[:, 2] > (0.95 if style == "walk" else 0.97) * np.linalg.norm(up, axis=1)
            aside = np.linalg.norm((body[:, PELVIS] - feet.mean(1))[:, :2], axis=1)
            good &= aside < (0.16 if style == "walk" else 0.10)
        for hip, knee, ankle in ((R_HIP, R_KNEE, R_ANKLE), (L_HIP, L_KNEE, L_ANKLE)):
            straight = (body[:, hip, 1] + body[:, ankle, 1]) / 2
            good &= body[:, knee, 1] > straight - 0.04
    if style in ("stand", "gesture", "carry", "bend", "walk", "crouch"):
        weight = (body[:, PELVIS] * 2 + body[:, THORAX] * 2 + body[:, HEAD_TOP])[:, :2] / 5
        sole = feet[..., :2] + np.array([0.0, 0.07])
        line = sole[:, 1] - sole[:, 0]
        share = ((weight - sole[:, 0]) * line).sum(1) / np.maximum((line**2).sum(1), 1e-6)
        off = np.linalg.norm(weight - sole[:, 0] - line * share.clip(0, 1)[:, None], axis=1)
        good &= off < {"walk": 0.20, "crouch": 0.22, "bend": 0.18}.get(style, 0.13)
    return good


def build_bank(sampler: PoseSampler, seed: int = 0) -> BodyBank:
    """Draw the bank; the same sampler and seed give the same bodies."""
    rng = np.random.default_rng(seed)
    parts: list[tuple[NDArray, str, str, NDArray]] = []

    def recorded(activity: str, count: int, spread: float = 0.8) -> NDArray:
        return sampler.draw(activity, np.full(count, REFERENCE_HEIGHT), rng, spread=spread)

    def add(kind: str, style: str, wanted: int, make, level: float = 0.0) -> None:
        """Make bodies until enough are natural, half of them mirrored."""
        kept: list[NDArray] = []
        for _ in range(40):
            bodies = postures.exact(make(wanted * 2))
            bodies = bodies[natural(bodies, style)]
            aside = rng.random(len(bodies)) < 0.5
            bodies[aside] = mirror_body(bodies[aside])
            kept.append(bodies)
            if sum(map(len, kept)) >= wanted:
                break
        found = np.concatenate(kept)[:wanted]
        if len(found) < wanted:
            raise ValueError(
                f"only {len(found)} of {wanted} bodies for {style!r} at level {level:.2f} are natural"
            )
        parts.append((found, kind, style, np.full(wanted, level)))

    def upright(activity: str):
        return lambda n: stand_on_floor(recorded(activity, n), np.full(n, REFERENCE_HEIGHT))

    for kind in ("stand", "walk", "gesture", "carry"):
        add(kind, kind, 192, upright(kind))
    for style, number in SITTERS.items():
        for level in SEAT_LEVELS:
            seats = level
            add(
                "sit", style, number,
                lambda n, seats=seats, style=style: sitting.sitting(
                    recorded("sit", n, 0.7), np.full(n, seats), style, rng
                ),
                level,
            )  # fmt: skip
    add("sit", "legs-up", 96, lambda n: sitting.legs_up(recorded("sit", n, 0.7), rng))
    add("bend", "bend", 160, upright("bend"))
    add("crouch", "crouch", 192, lambda n: postures.crouching(recorded("stand", n), rng))
    add("lean", "wall-back", 128, lambda n: postures.leaning_back(recorded("stand", n), rng))
    add("lean", "wall-side", 128, lambda n: postures.leaning_aside(upright("stand")(n), rng))
    for style, make, levels in (
        (
            "counter-back",
            postures.against_counter,
            COUNTER_LEVELS[(COUNTER_LEVELS > 0.75) & (COUNTER_LEVELS < 1.0)],
        ),
        ("counter-front", postures.hands_on_counter, COUNTER_LEVELS),
    ):
        for level in levels:
            tops = level
            add(
                "lean", style, 20,
                lambda n, tops=tops, make=make: make(recorded("stand", n), np.full(n, tops), rng), level,
            )  # fmt: skip
    add("lie", "face-up", 160, lambda n: lying.on_the_back(n, rng))
    add("lie", "on-side", 160, lambda n: lying.on_the_side(n, rng))
    keypoints = np.concatenate([p[0] for p in parts]).round(3)
    return BodyBank(
        keypoints=keypoints.astype(np.float32),
        kinds=np.concatenate([np.full(len(p[0]), KINDS.index(p[1]), np.uint8) for p in parts]),
        styles=np.concatenate([np.full(len(p[0]), p[2]) for p in parts]),
        levels=np.concatenate([p[3] for p in parts]),
        facing=np.concatenate([_facing(p[0], p[1]) for p in parts]).astype(np.float32),
    )


def _facing(body: NDArray, kind: str) -> NDArray:
    """Whoever leans may face along the wall or the counter; everybody else faces +y."""
    if kind != "lean":
        return np.zeros(len(body))
    across = (body[:, R_SHOULDER] - body[:, L_SHOULDER] + body[:, R_HIP] - body[:, L_HIP])[:, :2]
    return np.arctan2(across[:, 1], across[:, 0])
