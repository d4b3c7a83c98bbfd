"""What people leave about in a furnished room: on seats and beds, on the floor, and fixed to the walls.

A seat with a bag or a heap of clothes on it is taken: nobody can sit there. `room.lived` says how much lies
about, from 0.1 (bare) to 2 (a mess).
"""

import math

from . import classes as c
from . import fixtures, stock, things
from . import furniture as f
from . import joinery as j
from .layout import FACING


def leave(room):
    """Strews a furnished room."""
    f.put_away()
    on_seats(room)
    on_floor(room)
    at_walls(room)


def for_seat(rng, room):
    """(thing, its turn against the seat or None for any): what may lie on a seat."""
    pick = rng.random()
    if pick < 0.3:
        return things.bag(rng), rng.normal(0, 0.3)
    if pick < 0.55:
        return things.heap(rng, rng.uniform(0.36, 0.5), rng.uniform(0.09, 0.2)), None
    if pick < 0.68:
        return things.folded(rng), rng.normal(0, 0.2)
    if pick < 0.8:
        return j.books(rng, int(rng.integers(2, 6)), False), None
    if pick < 0.9 and room.kind not in ("cafe", "kitchen"):
        return things.laptop(rng), math.pi + rng.normal(0, 0.4)
    if pick < 0.95:
        return things.papers(rng), None
    return things.carton(rng), rng.normal(0, 0.2)


def on_seats(room):
    """Bags, clothes, boxes on some of the seats; more on beds and sofas, which have room beside them."""
    rng = room.rng
    for seat in [o for o in f.standing() if o.pass_index in c.SEATS]:
        if seat.dimensions.z < 0.3:
            continue
        bed, wide = seat.pass_index == c.BED, seat.dimensions.y > 1.2
        share = (0.5 if bed else 0.4 if wide else 0.13) * min(1.6, room.lived)
        for _ in range(1 + int(bed or wide)):
            if rng.random() > share:
                continue
            height = stock.seat_of(seat)
            if not bed and (height is None or not 0.3 < height < 0.6):
                continue
            item, turn = for_seat(rng, room)
            x = seat.dimensions.x * (rng.uniform(-0.05, 0.4) if bed else rng.uniform(0.0, 0.08))
            y = seat.dimensions.y * rng.uniform(-0.32, 0.32) if bed or wide else 0.0
            top = f.surface_height(seat, x, y)
            uneven = top is None or (not bed and abs(top - height) > 0.08)
            if uneven or not room.on_top(item, seat, x, y, turn, 0.008):
                f.discard(item)


def for_floor(rng, room):
    pick = rng.random()
    if pick < 0.22:
        return things.bag(rng)
    if pick < 0.38:
        return things.carton(rng)
    if pick < 0.52:
        return things.basket(rng)
    if room.kind in ("living_room", "bedroom", "dining_room"):
        if pick < 0.62:
            return things.shoes(rng)
        if pick < 0.7:
            return things.ball(rng)
        if pick < 0.78:
            return things.blocks(rng)
        if pick < 0.88:
            return things.heap(rng, rng.uniform(0.4, 0.6), rng.uniform(0.08, 0.16))
        return things.pouf(rng)
    if pick < 0.66:
        return things.papers(rng)
    if pick < 0.8:
        return j.books(rng, int(rng.integers(3, 9)), False)
    return things.bag(rng)


def on_floor(room):
    """Things on the floor, most of them at a wall or beside furniture."""
    rng = room.rng
    for _ in range(int(rng.poisson(1.7 * room.lived))):
        item = for_floor(rng, room)
        if rng.random() < 0.45:
            done = room.against(item, ahead=0.0, tries=6) is not None
        else:
            done = room.anywhere(item, 0.03, tries=12)
        if not done:
            f.discard(item)


def at_walls(room):
    """Radiators below windows, a switch by each door, sockets, a clock, a mirror, coats on hooks."""
    rng = room.rng
    if rng.random() < 0.6:
        for o in room.windows:
            if o.bottom > 0.42:
                high = min(o.bottom - 0.2, float(rng.uniform(0.4, 0.62)))
                below(room, fixtures.radiator(rng, max(0.5, o.width * rng.uniform(0.5, 0.8)), high), o)
    for door in room.doors:
        side = door.centre + door.width / 2 + 0.19
        if side > room.length(door.wall) - 0.12:
            side = door.centre - door.width / 2 - 0.19
        stick(room, fixtures.switch(rng), door.wall, side, 1.05)
    for wall in room.walls()[:2]:
        stick(room, fixtures.switch(rng, True), wall, rng.uniform(0.3, room.length(wall) - 0.3), 0.28)
    public = room.kind in ("office", "waiting_room", "cafe", "kitchen")
    if rng.random() < (0.45 if public else 0.15):
        somewhere(room, fixtures.clock(rng), 1.9)
    if rng.random() < (0.08 if public else 0.25):
        somewhere(room, fixtures.mirror(rng), 1.5)
    if rng.random() < (0.3 if public else 0.18) * (0.5 + room.lived):
        rack = fixtures.coat_rack(rng)
        somewhere(room, rack, 1.72 - rack.dimensions.z / 2, grounded=True)


def below(room, piece, o):
    """Fixes a radiator under a window where the floor before it is free."""
    x, y = room.point(o.wall, o.centre, piece.dimensions.x / 2 + 0.005)
    if not room.try_put(piece, x, y, FACING[o.wall], 0.0, z=0.1):
        f.discard(piece)


def stick(room, piece, wall, along, centre_height):
    """A switch or socket flat on the wall: it needs no room, but must not float before a cupboard."""
    half = piece.dimensions.y / 2 + 0.01
    hidden = any(
        w == wall and a < along + half and b > along - half and low < centre_height < high
        for w, a, b, low, high in room.on_walls[len(room.openings) :]
    )
    if hidden or any(o.wall == wall and abs(o.centre - along) < o.width / 2 + 0.13 for o in room.openings):
        f.discard(piece)
        return
    x, y = room.point(wall, along, piece.dimensions.x / 2 + 0.001)
    piece.location = (x, y, centre_height - piece.dimensions.z / 2)
    piece.rotation_euler = (0, 0, FACING[wall])


def somewhere(room, piece, centre_height, grounded=False):
    """Hangs a piece where a wall is free; `grounded` ones need free floor below them too."""
    rng = room.rng
    for wall in room.walls() * 3:
        along = float(rng.uniform(0.4, max(0.5, room.length(wall) - 0.4)))
        x, y = room.point(wall, along, piece.dimensions.x / 2 + 0.02)
        if grounded and not room.is_free(room.footprint(piece, x, y, FACING[wall], 0.0)):
            continue
        if room.hang(piece, wall, along, centre_height):
            if grounded:
                room.taken.append(room.footprint(piece, x, y, FACING[wall], 0.0))
            return
    f.discard(piece)
