"""Lying bodies, built bone by bone: on the back, or on the side. Frame as in `train.world.place.postures`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenepose.pose.skeleton import (
    HEAD_TOP,
    L_ANKLE,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    PELVIS,
    R_ANKLE,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    THORAX,
    UPPER_NECK,
)
from train.world.place.postures import ARMS, LEGS, put_arm, put_leg, vectors


def on_the_back(count: int, rng: np.random.Generator) -> NDArray:
    """(N, 16, 3) lying face up, the head a little raised as on a pillow."""
    body = np.zeros((count, 16, 3))
    raised = rng.uniform(0.0, 0.10, count)
    body[:, PELVIS] = (0, 0, 0.11)
    body[:, THORAX] = vectors(rng.normal(0, 0.02, count), -0.50, 0.115 + 0.3 * raised)
    body[:, UPPER_NECK] = body[:, THORAX] + vectors(0.0, -0.08, 0.01 + 0.2 * raised)
    body[:, HEAD_TOP] = body[:, UPPER_NECK] + vectors(rng.normal(0, 0.03, count), -0.25, raised)
    for joint, side in ((R_HIP, 1.0), (L_HIP, -1.0)):
        body[:, joint] = (0.12 * side, 0.0, 0.11)
    for joint, side in ((R_SHOULDER, 1.0), (L_SHOULDER, -1.0)):
        body[:, joint] = body[:, THORAX] + vectors(0.18 * side, rng.uniform(-0.02, 0.03, count), -0.02)
    for leg in LEGS:
        side = leg[3]
        bent = rng.random(count) < 0.3
        straight = vectors(side * rng.uniform(0.08, 0.22, count), rng.uniform(0.79, 0.815, count), 0.07)
        drawn_up = vectors(side * rng.uniform(0.10, 0.18, count), rng.uniform(0.36, 0.58, count), 0.08)
        ankle = np.where(bent[:, None], drawn_up, straight)
        put_leg(body, leg, ankle, vectors(side * rng.uniform(0.0, 0.5, count), 0.0, 1.0))
    hands = rng.choice(4, count, p=[0.35, 0.35, 0.15, 0.15])
    for arm in ARMS:
        side = arm[3]
        along = vectors(side * rng.uniform(0.24, 0.34, count), rng.uniform(-0.04, 0.06, count), 0.06)
        belly = vectors(side * rng.uniform(0.0, 0.09, count), rng.uniform(-0.26, -0.12, count), 0.26)
        head = vectors(side * 0.08, -0.66, 0.09 + raised)
        # One hand on the belly, the other beside the body.
        mixed = np.where(side > 0, belly, along)
        wrist = np.choose(hands[:, None], [along, belly, head, mixed])
        pole = np.where(
            (hands == 2)[:, None],
            vectors(side, -0.35, 0.15),
            vectors(side, 0.0, np.where(hands == 0, 0.1, -0.25)),
        )
        put_arm(body, arm, wrist, pole)
    return body


def on_the_side(count: int, rng: np.random.Generator) -> NDArray:
    """(N, 16, 3) lying on the right side, facing +x, the knees drawn up more or less."""
    body = np.zeros((count, 16, 3))
    body[:, PELVIS] = (0, 0, 0.155)
    body[:, THORAX] = vectors(rng.uniform(-0.06, 0.06, count), -0.495, 0.155)
    bow = rng.uniform(0.0, 0.06, count)
    body[:, UPPER_NECK] = body[:, THORAX] + vectors(bow / 2, -0.08, 0.0)
    body[:, HEAD_TOP] = body[:, UPPER_NECK] + vectors(bow, -0.25, rng.uniform(-0.03, 0.02, count))
    # The lower hip and shoulder yield forwards: nobody balances on an edge.
    body[:, R_HIP] = body[:, PELVIS] + np.array([0.06, 0.0, -0.085])
    body[:, L_HIP] = body[:, PELVIS] + np.array([-0.02, 0.0, 0.115])
    body[:, R_SHOULDER] = body[:, THORAX] + np.array([0.14, -0.05, -0.10])
    body[:, L_SHOULDER] = body[:, THORAX] + np.array([-0.04, 0.01, 0.17])
    thigh, knee = rng.uniform(0.25, 1.25, count), rng.uniform(0.4, 1.7, count)
    for hip, joint, ankle, level in ((R_HIP, R_KNEE, R_ANKLE, 0.075), (L_HIP, L_KNEE, L_ANKLE, 0.19)):
        up = thigh + rng.normal(0, 0.10, count)
        fold = up - (knee + rng.normal(0, 0.10, count)).clip(0.2, 1.9)
        for start, end, angle, length, floor in (
            (hip, joint, up, 0.42, level),
            (joint, ankle, fold, 0.40, level * 0.75),
        ):
            fall = floor - body[:, start, 2]
            flat = np.sqrt((length**2 - fall**2).clip(0.01))
            body[:, end] = body[:, start] + vectors(np.sin(angle) * flat, np.cos(angle) * flat, fall)
    near = vectors(rng.uniform(0.25, 0.4, count), rng.uniform(-0.72, -0.5, count), 0.06)
    put_arm(body, ARMS[0], near, vectors(1.0, 0.7, -0.2))
    rest = rng.random(count) < 0.5
    ahead = vectors(rng.uniform(0.32, 0.45, count), rng.uniform(-0.5, -0.25, count), 0.07)
    on_hip = vectors(0.06, rng.uniform(-0.06, 0.10, count), 0.35)
    put_arm(body, ARMS[1], np.where(rest[:, None], ahead, on_hip), vectors(0.4, 0.6, 0.6))
    return body
