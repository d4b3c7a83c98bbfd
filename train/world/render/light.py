"""Light moods: window sun, overcast, evening lamps, electric light by day.

Strengths are relative (every view is exposed by itself, see render.py), but keep the true proportions
of sun, sky, lamps and the light that walls give back.
"""

import math

import bpy
import numpy as np

from . import classes as c
from . import joinery as j
from . import materials as mat
from . import outside
from .shell import frame_of

VIEW = {"sun": 3.4, "overcast": 2.8, "electric": 2.6, "evening": 2.0}  # the sky against the room's light
MOODS = ("sun", "overcast", "evening", "electric")


def choose(rng, kind):
    """A mood for a room: homes are sunny or lit by lamps, public rooms more often by ceiling lights."""
    public = kind in ("office", "waiting_room", "cafe", "kitchen")
    return str(rng.choice(MOODS, p=[0.38, 0.22, 0.1, 0.3] if public else [0.42, 0.24, 0.2, 0.14]))


def is_lit(room):
    return room.mood in ("evening", "electric")


def warm(room, rng):
    """Colour of the room's electric light, from warm white to daylight white."""
    if not hasattr(room, "bulb_colour"):
        w = rng.uniform(0, 1) ** (1.0 if room.mood == "electric" else 0.6)
        room.bulb_colour = (1.0, 0.93 - 0.22 * w, 0.86 - 0.5 * w)
    return room.bulb_colour


def lamp(kind, watts, place, rgb, size=0.08, **more):
    """A Blender light, unseen by the camera itself."""
    data = bpy.data.lights.new("lamp", kind)
    data.energy, data.color = watts, rgb
    if kind in ("POINT", "SPOT"):
        data.shadow_soft_size = size
    for key, value in more.items():
        setattr(data, key, value)
    obj = bpy.data.objects.new("lamp", data)
    obj.location = place
    obj.visible_camera = False
    bpy.context.scene.collection.objects.link(obj)
    return obj


def hanging(room, x, y, height):
    """A pendant lamp whose lower rim hangs at a height over the floor."""
    from . import built

    if not hasattr(room, "pendant_seed"):
        room.pendant_seed = int(room.rng.integers(2**31))
    piece = built.pendant(np.random.default_rng(room.pendant_seed), room.height - height, is_lit(room))
    piece.location = (x, y, room.height)
    room.bulbs.append(((x, y, height - 0.03), 30.0))


def ceiling_bowl(room, x, y):
    """A flat round lamp under the ceiling."""
    r = room.rng.uniform(0.14, 0.25)
    shade = (
        mat.glow(warm(room, room.rng), 3.0) if is_lit(room) else mat.plain("shade", (0.8, 0.79, 0.75), 0.4)
    )
    bowl = j.turned("lamp", [(0, -0.1), (r * 0.7, -0.09), (r, -0.03), (r, 0)], shade, c.LAMP)
    bowl.location = (x, y, room.height)
    room.bulbs.append(((x, y, room.height - 0.16), 70.0))


def panel(room, x, y):
    """A square light panel in the ceiling."""
    shade = mat.glow(warm(room, room.rng), 4.0) if is_lit(room) else mat.plain("shade", (0.8, 0.8, 0.8), 0.4)
    box = j.boxes("lamp", [((-0.3, -0.3, -0.02), (0.3, 0.3, 0), shade)], c.LAMP, 0.003)
    box.location = (x, y, room.height)
    room.panels.append((x, y))


def install(room, rng):
    """Makes the lights of a furnished room: sun, sky at the windows, bulbs, and what walls give back."""
    flux = 0.0
    sky_tint = {
        "sun": (0.82, 0.91, 1.0),
        "overcast": (0.93, 0.97, 1.0),
        "electric": (0.9, 0.95, 1.0),
        "evening": (0.4, 0.55, 1.0),
    }[room.mood]
    radiance = {"sun": 1.8, "overcast": 1.2, "electric": 0.7, "evening": 0.02}[room.mood] * rng.uniform(
        0.8, 1.3
    )
    for o in room.windows:
        area = o.width * (o.top - o.bottom)
        origin, along, inward = frame_of(o.wall, room.width, room.depth)
        xy = origin + along * o.centre - inward * 0.05
        sky = lamp(
            "AREA",
            radiance * math.pi * area,
            (*xy, (o.top + o.bottom) / 2),
            sky_tint,
            shape="RECTANGLE",
            size=o.width,
            size_y=o.top - o.bottom,
        )
        sky.rotation_euler = (math.pi / 2 - 0.2, 0, math.atan2(inward[1], inward[0]) - math.pi / 2 + math.pi)
        flux += radiance * math.pi * area * 0.8
    if room.mood == "sun" and room.windows:
        o = room.windows[int(rng.integers(len(room.windows)))]
        inward = frame_of(o.wall, room.width, room.depth)[2]
        bearing = math.atan2(inward[1], inward[0]) + rng.uniform(-0.9, 0.9)
        elevation = math.radians(rng.uniform(18, 48))
        strength = rng.uniform(2.5, 6)
        sun = lamp(
            "SUN",
            strength,
            (0, 0, 9),
            (1.0, rng.uniform(0.8, 0.95), rng.uniform(0.6, 0.85)),
            angle=math.radians(rng.uniform(0.6, 2.5)),
        )
        sun.rotation_euler = (math.pi / 2 - elevation, 0, bearing - math.pi / 2)
        flux += 0.35 * strength * o.width * (o.top - o.bottom)
    if is_lit(room):
        rgb, share = warm(room, rng), rng.uniform(0.6, 1.4)
        dark_ceiling = room.mood == "evening" and room.lamps and rng.random() < 0.4
        for place, watts in room.bulbs:
            if not (dark_ceiling and place[2] > room.height - 0.3):
                lamp("POINT", watts * share, place, rgb, 0.12)
                flux += watts * share
        for x, y in room.panels:
            lamp("AREA", 30 * share, (x, y, room.height - 0.03), rgb, shape="SQUARE", size=0.55)
            flux += 30 * share
        for piece, power in room.lamps:
            top = piece.location.z + piece.dimensions.z
            lamp("POINT", 28 * power * share, (piece.location.x, piece.location.y, top - 0.13), rgb, 0.05)
            flux += 28 * power * share
    w, d, h = room.width, room.depth, room.height
    shell = 2 * (w * d + w * h + d * h)
    given_back = 0.75 * flux / (math.pi * shell)
    tint = warm(room, rng) if room.mood == "evening" else (1.0, 0.97, 0.93)
    # as a photographer would expose it: the sky some stops over the room, trees near its brightness
    sky = given_back * VIEW[room.mood] * 2 ** rng.uniform(-0.7, 0.7)
    outside.build(rng, room.mood, tint, given_back, sky)
    room.ambient = given_back
