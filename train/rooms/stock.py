"""The pieces that rooms are furnished with, at human scale: seats 0.38-0.5 m high, tables 0.7-0.78 m.

infinigen's shapes are checked for their real seat height and scaled or drawn anew; what it has no quick
factory for (mattress, cover, wardrobe, counter, fridge, bench, pendant lamp) is built here.
"""

import numpy as np

from . import classes as c
from . import furniture as f
from . import joinery as j
from . import materials as mat


def seed_of(rng):
    return int(rng.integers(1, 2**31 - 1))


def cloth_colour(rng):
    """A colour that upholstery, curtains and bedding come in: mostly quiet, sometimes strong."""
    quiet = rng.random() < 0.6
    return mat.colour(rng.choice([0.08, 0.1, 0.58, 0.62, rng.random()]), rng.uniform(0.02, 0.28) if quiet else rng.uniform(0.35, 0.75),
                      rng.uniform(0.22, 0.9) if quiet else rng.uniform(0.25, 0.7))


def wood_colour(rng):
    """From pale birch to dark walnut."""
    return mat.colour(rng.uniform(0.055, 0.095), rng.uniform(0.35, 0.65), rng.choice([rng.uniform(0.25, 0.45), rng.uniform(0.5, 0.85)]))


def front_colour(rng):
    """A material for cupboard fronts: white, paint or wood."""
    pick = rng.random()
    if pick < 0.4:
        return mat.plain("front", mat.colour(0.1, rng.uniform(0, 0.08), rng.uniform(0.8, 0.97)), rng.uniform(0.2, 0.5))
    if pick < 0.7:
        return mat.wood(wood_colour(rng))
    return mat.plain("front", mat.colour(rng.choice([0.33, 0.58, 0.62, 0.1]), rng.uniform(0.1, 0.4), rng.uniform(0.25, 0.7)), 0.45)


def reupholster(piece, rng, share=0.6):
    """Gives a piece cloth or leather of our palette instead of infinigen's, in a share of the cases."""
    if rng.random() < share:
        tone = cloth_colour(rng)
        material = mat.fabric(tone, rng if rng.random() < 0.4 else None) if rng.random() < 0.82 else mat.plain(
            "leather", mat.colour(0.06, rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.45)), 0.42)
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material


def seat_of(piece):
    """Height of the seat: the median of a few rays onto its front half; None where they miss."""
    x, y = piece.dimensions.x, piece.dimensions.y
    hits = [f.surface_height(piece, a * x, b * y) for a in (0.0, 0.08, 0.16) for b in (-0.12, 0.03, 0.15)]
    hits = [h for h in hits if h is not None]
    return float(np.median(hits)) if len(hits) >= 5 else None


def seated(name, rng, low, high, accept, tweak=None):
    """A seat of infinigen's whose seat height is brought into low..high metres by scaling z."""
    for _ in range(6):
        piece = f.spawn(name, seed_of(rng), tweak)
        height = seat_of(piece)
        if height is not None and accept[0] < height < accept[1]:
            if not low <= height <= high:
                f.rescale(piece, z=float(rng.uniform(low, high)) / height)
            return piece
        f.discard(piece)
    raise RuntimeError(f"six {name}s in a row without a usable seat")


def sofa(rng, width=None):
    width = width if width is not None else float(rng.uniform(1.5, 2.4))

    def tweak(factory):
        factory.params["Dimensions"] = (float(rng.uniform(0.92, 1.0)), width - 0.25, float(rng.uniform(0.72, 0.85)))
        factory.params.update({"Footrest": False, "Scaling footrest": 0.3})  # its base stays even when off: hide it

    piece = seated("sofa", rng, 0.39, 0.47, (0.22, 0.62), tweak)
    f.rescale(piece, x=min(1.0, float(rng.uniform(0.92, 1.08)) / piece.dimensions.x), y=width / piece.dimensions.y)
    reupholster(piece, rng)
    return piece


def armchair(rng):
    def tweak(factory):
        factory.params.update({"Footrest": False, "Scaling footrest": 0.3})  # its base stays even when off: hide it

    piece = seated("armchair", rng, 0.39, 0.47, (0.22, 0.62), tweak)
    f.rescale(piece, x=min(1.0, float(rng.uniform(0.8, 0.95)) / piece.dimensions.x), y=min(1.0, float(rng.uniform(0.75, 0.95)) / piece.dimensions.y))
    reupholster(piece, rng)
    return piece


def chair(rng, arms=None):
    def tweak(factory):
        if arms is not None:
            factory.has_arm = arms

    piece = seated("chair", rng, 0.43, 0.49, (0.35, 0.6), tweak)
    if rng.random() < 0.7:  # most chairs in one wood or paint
        material = mat.wood(wood_colour(rng)) if rng.random() < 0.7 else mat.plain("painted", cloth_colour(rng), 0.4)
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material
    return piece


def office_chair(rng):
    return seated("office_chair", rng, 0.43, 0.52, (0.34, 0.62))


def bar_stool(rng):
    return seated("bar_stool", rng, 0.64, 0.76, (0.45, 1.05))


def table(rng, length, width, height=None):
    """A dining table, its long side along y."""
    height = height if height is not None else float(rng.uniform(0.72, 0.77))
    piece = f.spawn("dining_table", seed_of(rng))
    f.settle(piece, 1)
    f.rescale(piece, width / piece.dimensions.x, length / piece.dimensions.y, height / piece.dimensions.z)
    if rng.random() < 0.5:
        material = mat.wood(wood_colour(rng)) if rng.random() < 0.8 else mat.plain("white", (0.75, 0.74, 0.72), 0.3)
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material
    return piece


def round_table(rng, radius, height=None):
    """A pedestal table."""
    h = height if height is not None else float(rng.uniform(0.72, 0.76))
    top = mat.wood(wood_colour(rng)) if rng.random() < 0.6 else mat.marble(mat.colour(0.1, 0.03, rng.uniform(0.2, 0.95)))
    leg = mat.plain("leg", mat.colour(0.1, 0.1, rng.choice([0.12, 0.6])), 0.35, 0.8)
    a = j.turned("table", [(0, h - 0.03), (radius, h - 0.03), (radius + 0.004, h - 0.015), (radius, h), (0, h)], top, c.TABLE, 48)
    b = j.turned("leg", [(0, 0), (radius * 0.6, 0), (radius * 0.58, 0.02), (0.035, 0.035), (0.03, h - 0.03)], leg, c.TABLE)
    return j.join(a, b)


def coffee_table(rng):
    piece = f.spawn("coffee_table", seed_of(rng))
    f.settle(piece, 1)
    f.rescale(piece, z=float(rng.uniform(0.36, 0.46)) / piece.dimensions.z)
    return piece


def desk(rng, width=None):
    piece = f.spawn("desk", seed_of(rng))
    f.rescale(piece, x=float(rng.uniform(0.62, 0.78)) / piece.dimensions.x, y=(width or float(rng.uniform(1.2, 1.7))) / piece.dimensions.y,
              z=float(rng.uniform(0.71, 0.76)) / piece.dimensions.z)
    if rng.random() < 0.6:
        piece.data.materials[0] = mat.wood(wood_colour(rng))
    return piece


def scaled_to(name, rng, x=None, y=None, z=None):
    """An infinigen piece stretched to given measures (ranges in metres)."""
    piece = f.spawn(name, seed_of(rng))
    want = [None if span is None else float(rng.uniform(*span)) for span in (x, y, z)]
    f.rescale(piece, *[1.0 if w is None else w / have for w, have in zip(want, piece.dimensions)])
    return piece


def bookcase(rng):
    """A tall shelf filled with books and odds and ends."""
    w, h, d = float(rng.uniform(0.7, 1.6)), float(rng.uniform(1.2, 2.1)), float(rng.uniform(0.28, 0.34))
    board = mat.wood(wood_colour(rng)) if rng.random() < 0.6 else front_colour(rng)
    t, rows = 0.022, max(3, round(h / 0.36))
    parts = [((-d / 2, -w / 2, 0), (d / 2, -w / 2 + t, h), board), ((-d / 2, w / 2 - t, 0), (d / 2, w / 2, h), board),
             ((-d / 2, -w / 2, 0), (-d / 2 + 0.008, w / 2, h), board)]
    levels = [0.05 + (h - 0.05 - t) * k / rows for k in range(rows + 1)]
    parts += [((-d / 2, -w / 2, z), (d / 2, w / 2, z + t), board) for z in levels]
    if w > 1.0:
        parts.append(((-d / 2, -t / 2, 0), (d / 2, t / 2, h), board))
    case = j.boxes("bookcase", parts, c.BOOKSHELF, 0.002)
    goods = []
    for z in levels[:-1]:
        y = -w / 2 + 0.05
        while y < w / 2 - 0.15:
            if w > 1.0 and y < 0 < y + 0.3:
                y = 0.04
            room = min(0.3, (0 if y < 0 and w > 1.0 else w / 2) - y - 0.04)
            if room < 0.1:
                y += 0.1
                continue
            pick = rng.random()
            if pick < 0.62:
                item = j.books(rng, max(2, int(room / 0.04)), True)
                f.rescale(item, y=min(1.0, room / item.dimensions.y), z=min(1.0, (levels[1] - levels[0] - 0.05) / item.dimensions.z))
                item.location = (d / 2 - 0.12 - rng.uniform(0, 0.03), y, z + t)
                y += item.dimensions.y + rng.uniform(0, 0.06)
            elif pick < 0.8:
                item = j.vase(rng, mat.plain("vase", cloth_colour(rng), 0.3)) if rng.random() < 0.5 else j.books(rng, 3, False)
                f.rescale(item, *(min(1.0, 0.24 / max(item.dimensions)),) * 3)
                item.location = (0, y + item.dimensions.y / 2, z + t)
                y += item.dimensions.y + 0.05
            else:
                y += rng.uniform(0.08, 0.25)
                continue
            goods.append(item)
    case = j.join(case, *goods) if goods else case
    f.settle(case)
    return case


def wardrobe(rng, width=None, depth=0.58, height=None, label=c.CABINET, legs=0.06):
    """A cupboard with doors and handles: wardrobe, sideboard or kitchen unit by its measures."""
    w = width or float(rng.uniform(1.0, 2.0))
    h = height or float(rng.uniform(1.9, 2.25))
    carcass, metal = front_colour(rng), mat.plain("handle", mat.colour(0.1, 0.15, rng.choice([0.1, 0.7])), 0.3, 1.0)
    parts = [((-depth / 2, -w / 2, legs), (depth / 2 - 0.02, w / 2, h), carcass)]
    if legs:
        parts.append(((-depth / 2, -w / 2 + 0.04, 0), (depth / 2 - 0.07, w / 2 - 0.04, legs), carcass))
    doors = max(1, round(w / 0.5))
    drawers = h < 1.1 and rng.random() < 0.5
    for k in range(doors):
        a, b = -w / 2 + w * k / doors + 0.003, -w / 2 + w * (k + 1) / doors - 0.003
        rows = 3 if drawers else 1
        for r in range(rows):
            lo, hi = legs + 0.003 + (h - legs) * r / rows, legs - 0.003 + (h - legs) * (r + 1) / rows
            parts.append(((depth / 2 - 0.02, a, lo), (depth / 2, b, hi), carcass))
            if drawers:
                parts.append(((depth / 2, (a + b) / 2 - 0.06, (lo + hi) / 2 - 0.006), (depth / 2 + 0.025, (a + b) / 2 + 0.06, (lo + hi) / 2 + 0.006), metal))
            else:
                y, z = (b - 0.05 if k % 2 == 0 else a + 0.05), (lo + hi) / 2 if h > 1.1 else hi - 0.16
                parts.append(((depth / 2, y - 0.006, z - 0.08), (depth / 2 + 0.025, y + 0.006, z + 0.08), metal))
    cupboard = j.boxes("cupboard", parts, label, 0.003)
    f.settle(cupboard)
    return cupboard


def bed(rng, width=None):
    """Frame with headboard (at -x), mattress, pillows and cover; everything is class bed."""
    w = width or float(rng.choice([0.95, 1.45, 1.65, 1.85]))
    length, leg = 2.08, float(rng.uniform(0.2, 0.3))

    def tweak(factory):
        factory.width, factory.size, factory.leg_height = w, length, leg
        factory.back_height = float(rng.uniform(0.5, 0.8))

    frame = f.spawn("bed_frame", seed_of(rng), tweak)
    slats = leg + 0.05
    x0, x1 = -frame.dimensions.x / 2 + 0.1, frame.dimensions.x / 2 - 0.06
    sheet = mat.fabric(mat.colour(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.75, 0.96)))
    thick = float(rng.uniform(0.2, 0.27))
    mattress = j.soft_box("mattress", (x1 - x0, w - 0.08, thick), sheet, c.BED, 0.06)
    mattress.location = ((x0 + x1) / 2, 0, slats)
    top = slats + thick
    parts = [mattress]
    cover = mat.fabric(cloth_colour(rng), rng)
    start = x0 + float(rng.uniform(0.35, 0.75))
    spread = j.duvet(rng, x1 - start, w - 0.06, 0.07, float(rng.uniform(0.14, 0.3)), cover)
    spread.location = (start, 0, top)
    parts.append(spread)
    count = 1 if w < 1.2 else 2
    for k in range(count):
        pillow = j.cushion(rng, 0.62, 0.42, 0.15, mat.fabric(mat.colour(rng.random(), rng.uniform(0, 0.12), rng.uniform(0.8, 0.97))), c.BED)
        pillow.rotation_euler = (0, -0.5, np.pi / 2 * 0 + rng.normal(0, 0.06))
        pillow.location = (x0 + 0.25, (k - (count - 1) / 2) * w * 0.47, top + 0.06)
        parts.append(pillow)
    if rng.random() < 0.5:
        throw = j.cushion(rng, 0.42, 0.42, 0.13, mat.fabric(cloth_colour(rng), rng), c.BED)
        throw.rotation_euler = (0, -0.75, rng.normal(0, 0.1))
        throw.location = (x0 + 0.5, rng.uniform(-0.2, 0.2), top + 0.1)
        parts.append(throw)
    frame = j.join(frame, *parts)
    f.settle(frame)
    frame.name = "bed"
    return frame


def bench(rng, length, back_chance=0.6):
    """A padded bench, with or without a back."""
    seat, depth = float(rng.uniform(0.43, 0.48)), 0.45
    wood, pad = mat.wood(wood_colour(rng)), mat.fabric(cloth_colour(rng), rng)
    parts = [((-depth / 2, -length / 2, 0.34), (depth / 2, length / 2, 0.385), wood)]
    parts += [((x - 0.03, y - 0.03, 0), (x + 0.03, y + 0.03, 0.34), wood) for x in (-depth / 2 + 0.05, depth / 2 - 0.05)
              for y in (-length / 2 + 0.08, length / 2 - 0.08)]
    base = j.boxes("bench", parts, c.CHAIR, 0.006)
    soft = j.soft_box("pad", (depth, length, seat - 0.385), pad, c.CHAIR, 0.03)
    soft.location.z = 0.385
    pieces = [soft]
    if rng.random() < back_chance:
        back = j.soft_box("back", (0.1, length, 0.42), pad, c.CHAIR, 0.03)
        back.location = (-depth / 2, 0, seat + 0.02)
        pieces.append(back)
    base = j.join(base, *pieces)
    f.settle(base)
    return base


def pendant(rng, drop, lit):
    """A hanging lamp, hung from z = 0 downwards by `drop`; returns it."""
    r = float(rng.uniform(0.12, 0.26))
    shade = mat.glow(mat.colour(0.1, 0.25, 1.0), 1.4) if lit else mat.plain("shade", cloth_colour(rng), 0.5)
    cord = mat.plain("cord", (0.02, 0.02, 0.02), 0.6)
    body = j.turned("lamp", [(r, -drop), (r * rng.uniform(0.3, 0.9), -drop + r * 1.1), (0.02, -drop + r * 1.2), (0.006, -drop + r * 1.25), (0.006, 0)], shade, c.LAMP)
    return j.join(body, j.turned("rose", [(0.05, -0.02), (0.05, 0), (0, 0)], cord, c.LAMP))


def picture(rng):
    """A framed print, front at +x."""
    w, h = float(rng.uniform(0.3, 1.0)), float(rng.uniform(0.35, 0.9))
    edge, mount = float(rng.uniform(0.015, 0.04)), float(rng.choice([0, 0.06]))
    frame = mat.wood(wood_colour(rng)) if rng.random() < 0.4 else mat.plain("frame", mat.colour(0.1, 0.1, rng.choice([0.05, 0.9])), 0.4)
    white, art = mat.plain("mount", (0.85, 0.84, 0.8), 0.8), mat.print_of(rng)
    e, m = edge, mount
    parts = [((0, -w / 2, 0), (0.025, -w / 2 + e, h), frame), ((0, w / 2 - e, 0), (0.025, w / 2, h), frame),
             ((0, -w / 2, 0), (0.025, w / 2, e), frame), ((0, -w / 2, h - e), (0.025, w / 2, h), frame),
             ((0, -w / 2 + e, e), (0.01, w / 2 - e, h - e), white if m else art)]
    if m:
        parts.append(((0, -w / 2 + e + m, e + m), (0.011, w / 2 - e - m, h - e - m), art))
    piece = j.boxes("picture", parts, c.PICTURE, 0)
    f.settle(piece)
    return piece


def screen_off(piece, rng):
    """Most screens are dark; a few show a quiet picture."""
    glass = mat.plain("screen", (0.012, 0.012, 0.014), 0.12) if rng.random() < 0.75 else mat.glow(
        mat.colour(0.58, rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.8)), 0.6)
    for slot, material in enumerate(piece.data.materials):
        if material is not None and material.use_nodes and any(
                n.type == "EMISSION" or n.type == "BSDF_PRINCIPLED" and n.inputs["Emission Strength"].default_value > 0
                for n in material.node_tree.nodes):
            piece.data.materials[slot] = glass
