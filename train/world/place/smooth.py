"""Depth images made fit to measure in: steps smoothed away, and which pixels show a level surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scenepose.data.frames import Frame

#: Neighbours up to so many pixels away are averaged, if they have the same label within `GATE` metres.
RADIUS, STRIDE, GATE = 6, 2, 0.09
#: Slopes are taken between neighbours so many pixels apart on either side.
SPAN = 4


def smooth_depth(depth: NDArray, labels: NDArray) -> NDArray:
    """Depth (H, W) averaged over near pixels of the same label: steps of 4 cm turn into slopes; 0 stays 0."""
    pad = RADIUS
    far = np.pad(depth.astype(np.float32), pad)
    name = np.pad(labels, pad, constant_values=255)
    height, width = depth.shape
    total, weight = np.zeros(depth.shape, np.float32), np.zeros(depth.shape, np.float32)
    for dy in range(-RADIUS, RADIUS + 1, STRIDE):
        for dx in range(-RADIUS, RADIUS + 1, STRIDE):
            if dx * dx + dy * dy > RADIUS * RADIUS:
                continue
            some = (slice(pad + dy, pad + dy + height), slice(pad + dx, pad + dx + width))
            near = (np.abs(far[some] - depth) < GATE) & (name[some] == labels) & (far[some] > 0)
            total += np.where(near, far[some], 0)
            weight += near
    return np.where(depth > 0, total / np.maximum(weight, 1), 0).astype(np.float32)


def upward(points: NDArray, labels: NDArray) -> NDArray:
    """(H, W) how far up the surface at each pixel faces, -1..1, from world points (H, W, 3); NaN unknown."""
    height, width = labels.shape
    ends = []
    for axis, size in ((0, height), (1, width)):
        pair = []
        for sign in (1, -1):
            index = (np.arange(size) + sign * SPAN).clip(0, size - 1)
            same = np.take(labels, index, axis) == labels
            moved = np.take(points, index, axis)
            near = same & (np.linalg.norm(moved - points, axis=-1) < 0.25)
            pair.append(np.where(near[..., None], moved, points))
        ends.append(pair[0] - pair[1])
    normal = np.cross(ends[0], ends[1])
    length = np.linalg.norm(normal, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.abs(normal[..., 2]) / np.where(length > 1e-9, length, np.nan)


def smoothed(frame: Frame) -> tuple[NDArray, NDArray]:
    """World points (H, W, 3) of a frame with smooth depth, and how far up each faces (H, W)."""
    depth = smooth_depth(frame.depth, frame.labels)
    points = replace(frame, depth=depth).lift()
    return points, upward(points, frame.labels)
