"""Small things that make a room lived in: cushions, books, cups, plants, rugs, pictures, lamps."""

import numpy as np

from . import built, light, stock, things
from . import furniture as f
from . import joinery as j
from . import materials as mat
from .layout import FACING


def scatter_on(room, support, count, edge=0.14):
    """Puts small things on a table, shelf or cupboard, apart from each other."""
    rng = room.rng
    f.put_away()
    spots = []
    count = max(0, round(count * (0.5 + 0.6 * room.lived)))
    for _ in range(count * 4):
        if len(spots) >= count:
            break
        x = rng.uniform(-1, 1) * max(0.0, support.dimensions.x / 2 - edge)
        y = rng.uniform(-1, 1) * max(0.0, support.dimensions.y / 2 - edge)
        if any(np.hypot(x - a, y - b) < 0.24 for a, b in spots):
            continue
        tone = mat.plain(
            "ware",
            stock.cloth_colour(rng) if rng.random() < 0.5 else (0.66, 0.65, 0.62),
            rng.uniform(0.1, 0.5),
        )
        item = ware(room, tone)
        if room.on_top(item, support, x, y):
            spots.append((x, y))
        else:
            f.discard(item)


def ware(room, tone):
    """One small thing that stands or lies on tables and cupboards."""
    rng, pick = room.rng, room.rng.random()
    eating = room.kind in ("dining_room", "cafe", "kitchen")
    if pick < (0.2 if eating else 0.1):
        return things.plate(rng)
    if pick < 0.34:
        return j.cup(rng, tone)
    if pick < (0.46 if eating else 0.38):
        return things.bottle(rng)
    if pick < 0.56:
        return j.books(rng, int(rng.integers(1, 4)), False)
    if pick < 0.66:
        return things.papers(rng)
    if pick < 0.72 and not eating:
        return things.laptop(rng)
    if pick < 0.8:
        return j.vase(rng, tone)
    if pick < 0.9:
        item = j.plant(rng, rng.uniform(0.2, 0.35))
        f.rescale(item, *(min(1.0, 0.3 / max(item.dimensions.x, item.dimensions.y)),) * 3)
        return item
    r = rng.uniform(0.09, 0.16)
    return j.turned(
        "bowl",
        [(0, 0), (r * 0.5, 0), (r, 0.07), (r * 0.95, 0.07), (r * 0.45, 0.012), (0, 0.012)],
        tone,
        39,
    )


def cushions(room, sofa):
    """Leans cushions at the back of a sofa or armchair."""
    rng = room.rng
    seat = stock.seat_of(sofa)
    if seat is None:
        return
    cloth = [mat.fabric(stock.cloth_colour(rng), rng) for _ in range(2)]
    wide = sofa.dimensions.y
    spots = (
        [s for s in (-wide * 0.28, wide * 0.28, wide * 0.15) if rng.random() < 0.6]
        if wide > 1.3
        else [0.0] * int(rng.random() < 0.4)
    )
    for y in spots:
        size = float(rng.uniform(0.38, 0.46))
        cushion = j.cushion(rng, size, size, 0.14, cloth[int(rng.integers(2))])
        lean = float(rng.uniform(0.9, 1.15))
        turn, x = sofa.rotation_euler.z, -sofa.dimensions.x * 0.12
        cos, sin = np.cos(turn), np.sin(turn)
        z = seat + size / 2 * np.sin(lean) + 0.0
        cushion.rotation_euler = (0, lean, turn + rng.normal(0, 0.12))
        cushion.location = (sofa.location.x + x * cos - y * sin, sofa.location.y + x * sin + y * cos, z)


def rug(room, x, y, length, width, angle):
    """Lays a rug (it takes no floor: things stand on it)."""
    piece = j.rug(
        room.rng,
        min(length, room.width - 0.5, room.depth - 0.5),
        min(width, room.width - 0.5, room.depth - 0.5),
    )
    half = [
        max(abs(piece.dimensions.x / 2 * np.cos(angle)), abs(piece.dimensions.y / 2 * np.sin(angle))),
        max(abs(piece.dimensions.x / 2 * np.sin(angle)), abs(piece.dimensions.y / 2 * np.cos(angle))),
    ]
    x, y = (
        np.clip(x, half[0] + 0.1, room.width - half[0] - 0.1),
        np.clip(y, half[1] + 0.1, room.depth - half[1] - 0.1),
    )
    room.put(piece, x, y, angle, 0.0, solid=False)


def pictures(room, count):
    """Hangs pictures where the walls are free."""
    rng = room.rng
    for _ in range(count):
        piece = (
            built.picture(rng) if rng.random() < 0.85 else f.spawn("wall_art", stock.seed_of(rng), small_art)
        )
        for wall in room.walls() * 3:
            if room.hang(piece, wall, rng.uniform(0.3, room.length(wall) - 0.3), rng.uniform(1.45, 1.7)):
                break
        else:
            f.discard(piece)


def small_art(factory):
    factory.width, factory.height = min(factory.width, 1.2), min(factory.height, 0.9)


def over(room, piece, chance=0.7):
    """Hangs a picture over a piece that stands at a wall."""
    if room.rng.random() > chance:
        return
    wall = min(FACING, key=lambda w: abs((FACING[w] - piece.rotation_euler.z + np.pi) % (2 * np.pi) - np.pi))
    along = piece.location.x if wall in ("south", "north") else piece.location.y
    art = built.picture(room.rng)
    if not room.hang(art, wall, along, max(1.55, piece.dimensions.z + 0.2 + art.dimensions.z / 2)):
        f.discard(art)


def floor_lamp(room):
    piece = stock.scaled_to("floor_lamp", room.rng, z=(1.4, 1.65))
    f.rescale(piece, 1.25, 1.25)
    if room.in_corner(piece):
        room.lamps.append((piece, 1.0))
    else:
        f.discard(piece)


def table_lamp(room, support, x=0.0, y=0.0):
    piece = f.spawn("desk_lamp", stock.seed_of(room.rng))
    if room.on_top(piece, support, x, y):
        room.lamps.append((piece, 0.5))
    else:
        f.discard(piece)


def plants(room, count):
    for _ in range(count):
        piece = j.plant(room.rng, room.rng.uniform(0.5, 1.4))
        spread = max(piece.dimensions.x, piece.dimensions.y)
        if spread > 0.9:
            f.rescale(piece, 0.9 / spread, 0.9 / spread)
        if not room.in_corner(piece):
            f.discard(piece)


def ceiling(room):
    """Ceiling lamps: panels in offices and waiting rooms, else one round lamp in the middle."""
    rng = room.rng
    if room.kind in ("office", "waiting_room") and rng.random() < 0.7:
        for x in np.arange(1.2, room.width - 0.7, 2.0):
            for y in np.arange(1.2, room.depth - 0.7, 2.0):
                light.panel(room, x, y)
    else:
        light.ceiling_bowl(room, room.width / 2, room.depth / 2)
