"""From a seed to a furnished and lit room in Blender."""

import bpy
import numpy as np

from . import clutter, furniture, kitchens, light, mess, programs, public_rooms, shell, stock
from . import materials as mat
from .layout import NoSpace, Room
from .shell import Opening

TYPES = ("living_room", "bedroom", "dining_room", "office", "kitchen", "cafe", "waiting_room")
FILL = {
    "living_room": programs.living_room,
    "bedroom": programs.bedroom,
    "dining_room": programs.dining_room,
    "office": public_rooms.office,
    "kitchen": kitchens.kitchen,
    "cafe": public_rooms.cafe,
    "waiting_room": public_rooms.waiting_room,
}
SIZES = {
    "living_room": (3.8, 6.2),
    "bedroom": (3.2, 4.8),
    "dining_room": (3.5, 5.4),
    "office": (3.6, 6.2),
    "kitchen": (3.4, 5.2),
    "cafe": (4.8, 7.5),
    "waiting_room": (3.8, 6.2),
}


def finishes(room):
    """Floor and walls."""
    rng = room.rng
    wood = stock.wood_colour(rng)
    grey = mat.colour(rng.uniform(0.05, 0.15), rng.uniform(0, 0.2), rng.uniform(0.3, 0.9))
    angle = rng.choice([0.0, np.pi / 2])
    public = room.kind in ("office", "waiting_room", "cafe")
    pick = rng.random()
    if (room.kind == "kitchen" and pick < 0.55) or (room.kind == "cafe" and pick < 0.35) or pick < 0.12:
        size = rng.choice([0.3, 0.45, 0.6])
        floor = mat.tiles(rng, grey, (size, size))
    elif room.kind in ("bedroom", "office", "waiting_room") and pick < 0.4:
        floor = mat.carpet(
            mat.scaled(
                mat.colour(
                    rng.choice([0.08, 0.6, rng.random()]), rng.uniform(0.03, 0.4), rng.uniform(0.3, 0.8)
                ),
                1.0,
            )
        )
    elif public and pick > 0.85:
        floor = mat.concrete(grey)
    else:
        floor = mat.planks(rng, wood, angle)
    room.floor_material = floor
    pale = mat.colour(rng.choice([0.1, 0.12, rng.random()]), rng.uniform(0.0, 0.14), rng.uniform(0.74, 0.9))
    if rng.random() < 0.35:
        pale = mat.colour(
            rng.choice([0.04, 0.1, 0.13, 0.3, 0.5, 0.58, rng.random()]),
            rng.uniform(0.06, 0.24),
            rng.uniform(0.55, 0.85),
        )
    base = mat.paint(pale)
    room.wall_materials = dict.fromkeys(("south", "north", "west", "east"), base)
    accent = rng.random()
    chosen = rng.choice(["south", "north", "west", "east"])
    if accent < 0.22:
        room.wall_materials[str(chosen)] = mat.paint(
            mat.colour(
                rng.choice([0.02, 0.09, 0.33, 0.55, 0.6, rng.random()]),
                rng.uniform(0.12, 0.42),
                rng.uniform(0.3, 0.75),
            )
        )
    elif accent < 0.36:
        second = mat.scaled(pale, rng.choice([0.75, 0.5, 1.15]))
        paper = mat.wallpaper(rng, pale, second)
        for wall in [chosen] if rng.random() < 0.5 else list(room.wall_materials):
            room.wall_materials[str(wall)] = paper
    elif accent < 0.42 and public:
        room.wall_materials[str(chosen)] = mat.tiles(
            rng, mat.colour(0.04, rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.7)), (0.23, 0.075), True, 0.5
        )


def openings(room):
    """One or two windows and a door or two."""
    rng = room.rng
    walls = room.walls()
    for wall in walls[: int(rng.choice([1, 2], p=[0.55, 0.45]))]:
        size = room.length(wall)
        count = 2 if size > 4.6 and rng.random() < 0.5 else 1
        tall = rng.random() < 0.25
        width = float(min(size / count - 0.9, rng.uniform(1.1, 2.4)))
        bottom = 0.06 if tall else float(rng.choice([rng.uniform(0.45, 0.7), rng.uniform(0.85, 1.0)]))
        top = float(min(room.height - 0.2, rng.uniform(2.05, 2.35)))
        for k in range(count):
            centre = size * (k + 0.5) / count + float(rng.uniform(-0.15, 0.15))
            room.add_opening(Opening(wall, centre, width, bottom, top), True)
    for wall in walls[2 : 3 + int(rng.random() < 0.25)]:
        size = room.length(wall)
        width = float(rng.uniform(0.82, 0.95))
        centre = float(rng.choice([0.25 + width / 2, size - 0.25 - width / 2, rng.uniform(0.3, 0.7) * size]))
        room.add_opening(Opening(wall, centre, width, 0.0, float(rng.uniform(2.0, 2.1))), False)


def build(seed, kind=None):
    """Builds the room of a seed in an emptied Blender; returns its layout.Room, raises NoSpace."""
    rng = np.random.default_rng([seed, 71])
    kind = kind or TYPES[int(rng.integers(len(TYPES)))]
    shell.remove_everything()
    furniture.ban_glass()
    low, high = SIZES[kind]
    room = Room(
        kind, rng, float(rng.uniform(low, high)), float(rng.uniform(low, high)), float(rng.uniform(2.45, 2.9))
    )
    room.mood = light.choose(rng, kind)
    room.lived = float(rng.choice([0.1, 0.6, 1.1, 2.0], p=[0.15, 0.3, 0.35, 0.2]))
    openings(room)
    finishes(room)
    shell.build(room, rng)
    furniture.put_away()
    FILL[kind](room)
    mess.leave(room)
    clutter.ceiling(room)
    light.install(room, rng)
    furniture.bring_back()
    for obj in list(bpy.data.objects):
        if obj.users_scene == () and obj.type == "MESH":
            bpy.data.objects.remove(obj)
    bpy.context.view_layer.update()
    return room


__all__ = ["TYPES", "NoSpace", "build"]
