"""Where a photographer would stand: views across the room from near its walls and corners."""

import math
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Vector

from . import classes as c


@dataclass
class View:
    """Position (m), yaw and pitch (radians, pitch negative = down), horizontal field of view (radians)."""

    place: tuple
    yaw: float
    pitch: float
    fov: float

    def axes(self):
        """Right, down, forward in the world: rows of the world-to-camera rotation (OpenCV)."""
        cy, sy, cp, sp = math.cos(self.yaw), math.sin(self.yaw), math.cos(self.pitch), math.sin(self.pitch)
        forward = np.array([cy * cp, sy * cp, sp])
        right = np.array([sy, -cy, 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    def world_to_camera(self):
        """(4, 4) transform to the OpenCV camera frame (x right, y down, z forward, metres)."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes()
        matrix[:3, 3] = -self.axes() @ np.array(self.place)
        return matrix

    def intrinsics(self, width, height):
        """K (3, 3) in continuous pixel coordinates: (0, 0) is the outer corner of the first pixel."""
        focal = width / 2 / math.tan(self.fov / 2)
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])


def look(view, columns=16, rows=12):
    """Casts a coarse grid of rays; returns depth (rows, columns), inf where nothing is hit, and classes."""
    scene, graph = bpy.context.scene, bpy.context.evaluated_depsgraph_get()
    k = view.intrinsics(columns, rows)
    axes = view.axes()
    depth, label = np.full((rows, columns), np.inf), np.full((rows, columns), c.WINDOW)
    for v in range(rows):
        for u in range(columns):
            ray = np.array([(u + 0.5 - k[0, 2]) / k[0, 0], (v + 0.5 - k[1, 2]) / k[1, 1], 1.0])
            way = axes.T @ ray
            hit, place, _, _, obj, _ = scene.ray_cast(graph, Vector(view.place), Vector(way).normalized())
            if hit:
                depth[v, u] = axes[2] @ (np.array(place) - np.array(view.place))
                label[v, u] = obj.pass_index
    return depth, label


STRUCTURE = (c.WALL, c.DOOR, c.WINDOW, c.CEILING, c.CURTAIN, c.BLINDS)


def score(depth, label, close=False):
    """How good a picture a view makes for placing people; -inf where it must not be used.

    Good pictures show seats and floor from a few metres away, furniture over a third of the picture, and
    little bare wall. `close` ones come nearer to their subject.
    """
    near, tight = (0.9, 0.85) if close else (1.25, 1.15)
    seats, floor = np.isin(label, c.SEATS), np.isin(label, c.WALKABLE)
    seat, free = (seats & (depth > near)).mean(), (floor & (depth > near)).mean()
    bare = np.isin(label, STRUCTURE).mean()
    things = 1 - bare - floor.mean()
    rows, columns = depth.shape
    centre = depth[rows // 3 : -rows // 3 or None, columns // 4 : -columns // 4]
    if centre.min() < near or (depth < 0.6).any() or (depth < tight).mean() > 0.06:
        return -math.inf
    if free < 0.07 or seat + free < 0.16 or (seat < 0.01 and free < 0.22) or bare > 0.68 or things < 0.14:
        return -math.inf
    if (~np.isfinite(depth)).mean() > 0.3 or (label == c.CEILING).mean() > 0.16:
        return -math.inf
    middle = label[rows // 4 : -rows // 4, columns // 5 : -columns // 5]
    dull = max(0.0, np.isin(middle, STRUCTURE).mean() - 0.45)
    far = np.clip(np.median(depth[np.isfinite(depth)]) / 3.0, 0, 1.3)
    lamps = ((label == c.LAMP) & (depth < 2.5)).mean()
    kinds = len(set(label.ravel().tolist()))
    return (
        2.2 * min(seat, 0.22)
        + 1.2 * min(free, 0.3)
        + 1.2 * min(things, 0.42)
        + 0.4 * far
        + 0.04 * min(kinds, 14)
        - 1.5 * max(0.0, bare - 0.42)
        - 1.0 * dull
        - 4.0 * lamps
    )


def propose(room, rng):
    """A random view from near a wall or corner towards the room's middle or something worth seeing."""
    from shapely.geometry import Point

    for _ in range(200):
        wall = str(rng.choice(["south", "north", "west", "east"]))
        along = rng.choice(
            [rng.uniform(0.1, 0.25), rng.uniform(0.75, 0.9), rng.uniform(0.25, 0.75)]
        ) * room.length(wall)
        x, y = room.point(wall, along, rng.uniform(0.25, 0.7))
        if all(
            not p.contains(Point(x, y).buffer(0.15)) and not p.buffer(0.12).contains(Point(x, y))
            for p in room.taken
        ):
            break
    else:
        return None
    goals = [(room.width / 2, room.depth / 2), *room.goals]
    goal = np.array(goals[int(rng.integers(len(goals)))]) + rng.normal(0, 0.5, 2)
    yaw = math.atan2(goal[1] - y, goal[0] - x) + rng.normal(0, 0.12)
    fov = math.radians(rng.uniform(*((54, 74), (74, 86), (44, 54))[rng.choice(3, p=[0.66, 0.22, 0.12])]))
    height = float(np.clip(rng.normal(1.45, 0.18), 1.0, 1.8))
    steep = (height - 1.45) * 12  # who holds the camera high looks down, who holds it low looks level
    pitch = -math.radians(float(np.clip(rng.normal(10.5 + steep, 5), 0, 25)))
    return View((float(x), float(y), height), yaw, pitch, fov)


def choose(room, rng, count, tries=52):
    """The `count` best views that differ from each other in place or direction."""
    found = []
    for _ in range(tries):
        view = propose(room, rng)
        if view is None:
            continue
        value = score(*look(view), close=rng.random() < 0.12)
        if math.isfinite(value):
            found.append((value + rng.normal(0, 0.05), view))
    found.sort(key=lambda pair: -pair[0])
    chosen = []
    for least in (1.2, 0.7, 0.35):
        for _, view in found:
            if len(chosen) < count and all(difference(view, other) > least for other in chosen):
                chosen.append(view)
    return chosen


def difference(a, b):
    """Metres between two views plus the angle between them in radians."""
    turn = abs((a.yaw - b.yaw + math.pi) % (2 * math.pi) - math.pi)
    return float(np.linalg.norm(np.array(a.place) - np.array(b.place))) + turn


def apply(view):
    """Sets the scene's camera to a view."""
    scene = bpy.context.scene
    if scene.camera is None:
        scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        scene.collection.objects.link(scene.camera)
    lens = scene.camera.data
    lens.sensor_fit, lens.angle, lens.clip_start, lens.clip_end = "HORIZONTAL", view.fov, 0.05, 100
    right, down, forward = view.axes()
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = right, -down, -forward, view.place
    scene.camera.matrix_world = Matrix(matrix.tolist())
