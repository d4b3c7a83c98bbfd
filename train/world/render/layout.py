"""A room's plan: who stands where, so that nothing stands in anything else.

World frame: z up, floor at z = 0, metres; the room is 0..width x 0..depth. A piece's front is its +x side,
so a piece at angle t faces (cos t, sin t).
"""

import math

import numpy as np
from shapely.geometry import Polygon, box

from . import furniture, shell

FACING = {"south": math.pi / 2, "north": -math.pi / 2, "west": 0.0, "east": math.pi}  # into the room
OPPOSITE = {"south": "north", "north": "south", "west": "east", "east": "west"}


class NoSpace(Exception):
    """A piece that the room cannot do without has no place; the room is given up."""


class Room:
    """Size, openings, materials and the floor already taken."""

    def __init__(self, kind, rng, width, depth, height):
        self.kind, self.rng = kind, rng
        self.width, self.depth, self.height = width, depth, height
        self.openings, self.windows, self.doors = [], [], []
        self.floor_material, self.wall_materials = None, {}
        self.plan_of = {}  # name of a table: its plan polygon, under which chairs may slide
        self.mood = "sun"
        self.taken = []  # plan polygons of what stands on the floor
        self.on_walls = []  # (wall, start, end, low, high) of what hangs on or hides a wall
        self.lamps = []  # (lamp that stands, relative power)
        self.bulbs, self.panels = [], []  # (place, watts) of hanging lamps; plan points of ceiling panels
        self.goals = []  # plan points worth looking at
        self.extent = box(0, 0, width, depth)

    def length(self, wall):
        return shell.length_of(wall, self.width, self.depth)

    def walls(self):
        """All four walls in random order."""
        return list(self.rng.permutation(list(FACING)))

    def point(self, wall, along, inward):
        """Plan position of a point `along` a wall and `inward` metres from it."""
        origin, direction, normal = shell.frame_of(wall, self.width, self.depth)
        return origin + direction * along + normal * inward

    def add_opening(self, opening, is_window):
        self.openings.append(opening)
        (self.windows if is_window else self.doors).append(opening)
        self.on_walls.append(
            (
                opening.wall,
                opening.centre - opening.width / 2 - 0.35,
                opening.centre + opening.width / 2 + 0.35,
                opening.bottom,
                opening.top + 0.1,
            )
        )
        if not is_window:  # keep the way through the door free
            a = self.point(opening.wall, opening.centre - opening.width / 2, 0)
            b = self.point(opening.wall, opening.centre + opening.width / 2, 0.95)
            self.taken.append(box(*np.minimum(a, b), *np.maximum(a, b)))

    def footprint(self, piece, x, y, angle, margin=0.0, ahead=0.0):
        """Plan polygon of a piece's bounding box, grown by a margin, and by `ahead` at its front."""
        a, b = piece.dimensions.x / 2 + margin, piece.dimensions.y / 2 + margin
        corners = np.array([(-a, -b), (a + ahead, -b), (a + ahead, b), (-a, b)])
        cos, sin = math.cos(angle), math.sin(angle)
        return Polygon(corners @ np.array([[cos, sin], [-sin, cos]]) + (x, y))

    def is_free(self, polygon, ignore=()):
        """Whether a plan polygon lies in the room and meets nothing that stands there."""
        inside = self.extent.buffer(1e-3).contains(polygon)
        return inside and not any(
            polygon.intersects(other) for other in self.taken if not any(other is i for i in ignore)
        )

    def put(self, piece, x, y, angle, z=0.0, solid=True):
        """Stands a piece there without asking; `solid` pieces take their floor."""
        piece.location, piece.rotation_euler = (x, y, z), (0, 0, angle)
        if solid:
            self.taken.append(self.footprint(piece, x, y, angle).buffer(-0.01))
        return piece

    def try_put(self, piece, x, y, angle, margin=0.02, ahead=0.0, z=0.0):
        """Stands a piece there if it is free (with `ahead` metres before its front); says whether."""
        shape = self.footprint(piece, x, y, angle, margin)
        if not self.is_free(shape):
            return False
        if ahead and not self.is_free(
            self.footprint(piece, x, y, angle, 0.0, ahead).intersection(self.extent)
        ):
            return False
        self.put(piece, x, y, angle, z)
        return True

    def hides_opening(self, piece, wall, along, slack=0.0):
        """Whether a piece at the wall would stand in a window's light or before a door."""
        a, b = along - piece.dimensions.y / 2 - slack, along + piece.dimensions.y / 2 + slack
        return any(
            o.wall == wall
            and o.centre + o.width / 2 + 0.1 > a
            and o.centre - o.width / 2 - 0.1 < b
            and piece.dimensions.z > o.bottom + 0.12
            for o in self.openings
        )

    def against(self, piece, walls=None, gap=None, ahead=0.5, at=None, tries=25, need=False):
        """Stands a piece with its back to a wall; returns (wall, along) or None.

        walls: names to try in this order; at: share along the wall (0..1), else random;
        gap: metres to the wall, wider before a curtain; need: raise NoSpace instead of returning None.
        """
        for wall in walls if walls is not None else self.walls():
            half = piece.dimensions.y / 2
            size = self.length(wall)
            if size < 2 * half + 0.04:
                continue
            for k in range(tries):
                share = at if at is not None and k == 0 else self.rng.random()
                along = half + 0.03 + share * (size - 2 * half - 0.06)
                if self.hides_opening(piece, wall, along):
                    continue
                curtain = any(
                    o.wall == wall and abs(o.centre - along) < half + o.width / 2 + 0.2 for o in self.windows
                )
                away = gap if gap is not None else self.rng.uniform(0.02, 0.06)
                x, y = self.point(
                    wall, along, piece.dimensions.x / 2 + (max(away, 0.17) if curtain else away)
                )
                if self.try_put(piece, x, y, FACING[wall], 0.0, ahead):
                    if piece.dimensions.z > 1.1:
                        self.on_walls.append((wall, along - half, along + half, 0, piece.dimensions.z))
                    return wall, along
        if need:
            raise NoSpace(f"no wall of the {self.kind} has room for a {piece.name}")
        return None

    def beside(self, piece, other, side, gap=0.05, flush=True):
        """Stands a piece to the left (side +1) or right (-1) of another, backs in line; says whether."""
        angle = other.rotation_euler.z
        front, left = (
            np.array([math.cos(angle), math.sin(angle)]),
            np.array([-math.sin(angle), math.cos(angle)]),
        )
        sideways = (other.dimensions.y + piece.dimensions.y) / 2 + gap
        back = (piece.dimensions.x - other.dimensions.x) / 2 if flush else 0.0
        x, y = np.array(other.location)[:2] + left * side * sideways + front * back
        return self.try_put(piece, x, y, angle, 0.0)

    def before(self, piece, other, gap, sideways=0.0, turn=math.pi, ahead=0.0):
        """Stands a piece in front of another, by default facing it; says whether."""
        angle = other.rotation_euler.z
        front, left = (
            np.array([math.cos(angle), math.sin(angle)]),
            np.array([-math.sin(angle), math.cos(angle)]),
        )
        quarter = abs(math.sin(turn)) > 0.7
        reach = (other.dimensions.x + (piece.dimensions.y if quarter else piece.dimensions.x)) / 2 + gap
        x, y = np.array(other.location)[:2] + front * reach + left * sideways
        return self.try_put(piece, x, y, angle + turn, 0.0, ahead)

    def anywhere(self, piece, margin=0.15, angle=None, tries=40, toward=None):
        """Stands a piece freely on open floor, facing `toward` (plan point) roughly; says whether."""
        for _ in range(tries):
            x, y = self.rng.uniform(0.4, self.width - 0.4), self.rng.uniform(0.4, self.depth - 0.4)
            turn = angle if angle is not None else self.rng.uniform(0, 2 * math.pi)
            if toward is not None:
                turn = math.atan2(toward[1] - y, toward[0] - x) + self.rng.normal(0, 0.3)
            if self.try_put(piece, x, y, turn, margin):
                return True
        return False

    def in_corner(self, piece, margin=0.0):
        """Stands a slim piece in one of the corners or next to a wall; says whether."""
        r = max(piece.dimensions.x, piece.dimensions.y) / 2 + 0.05
        corners = [(x, y) for x in (r, self.width - r) for y in (r, self.depth - r)]
        for k in self.rng.permutation(4):
            x, y = corners[k]
            if self.try_put(
                piece,
                x + self.rng.uniform(-0.03, 0.03),
                y + self.rng.uniform(-0.03, 0.03),
                self.rng.uniform(0, 6.3),
                margin,
            ):
                return True
        return self.against(piece, ahead=0.0) is not None

    def on_top(self, item, support, x=0.0, y=0.0, angle=None, sink=0.0):
        """Lays an item onto a piece at its local (x, y); says whether there was a surface."""
        height = furniture.surface_height(support, x, y)
        if height is None:
            return False
        turn = support.rotation_euler.z
        cos, sin = math.cos(turn), math.sin(turn)
        px, py = support.location.x + x * cos - y * sin, support.location.y + x * sin + y * cos
        spin = self.rng.uniform(0, 6.3) if angle is None else turn + angle
        item.location, item.rotation_euler = (px, py, support.location.z + height - sink), (0, 0, spin)
        return True

    def hang(self, piece, wall, along, centre_height):
        """Hangs a flat piece on a wall if nothing is there; says whether."""
        half, low = piece.dimensions.y / 2, centre_height - piece.dimensions.z / 2
        high = low + piece.dimensions.z
        if along - half < 0.1 or along + half > self.length(wall) - 0.1 or high > self.height - 0.08:
            return False
        for other, start, end, bottom, top in self.on_walls:
            if (
                other == wall
                and start - 0.06 < along + half
                and end + 0.06 > along - half
                and bottom < high
                and top > low - 0.06
            ):
                return False
        x, y = self.point(wall, along, piece.dimensions.x / 2 + 0.004)
        piece.location, piece.rotation_euler = (x, y, low), (0, 0, FACING[wall])
        self.on_walls.append((wall, along - half, along + half, low, high))
        return True
