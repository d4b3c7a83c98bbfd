"""The pieces that rooms are furnished with, at human scale: seats 0.38-0.5 m high, tables 0.7-0.78 m.

infinigen's shapes are checked for their real seat height and scaled or drawn anew; what it has no quick
factory for (mattress, cover, wardrobe, counter, fridge, bench, pendant lamp) is built here.
"""

import numpy as np

from . import furniture as f
from . import materials as mat


def seed_of(rng):
    return int(rng.integers(1, 2**31 - 1))


def cloth_colour(rng):
    """A colour that upholstery, curtains and bedding come in: mostly quiet, sometimes strong."""
    quiet = rng.random() < 0.7
    return mat.colour(
        rng.choice([0.01, 0.04, 0.08, 0.1, 0.12, 0.25, 0.4, 0.52, 0.58, 0.6, 0.62, rng.random()])
        + rng.normal(0, 0.01),
        rng.uniform(0.02, 0.25) if quiet else rng.uniform(0.3, 0.65),
        rng.uniform(0.2, 0.85) if quiet else rng.uniform(0.22, 0.65),
    )


def shade_colour(rng):
    """A lampshade's: white, linen, black, brass-like; seldom anything else."""
    pick = rng.random()
    if pick < 0.55:
        return mat.colour(0.1, rng.uniform(0.0, 0.3), rng.uniform(0.7, 0.92))
    if pick < 0.85:
        return mat.colour(0.1, rng.uniform(0.0, 0.5), rng.uniform(0.08, 0.4))
    return cloth_colour(rng)


def board_of(rng):
    """What a table's top is made of: wood, else white, black or stone."""
    pick = rng.random()
    if pick < 0.68:
        return mat.wood(wood_colour(rng))
    if pick < 0.9:
        return mat.plain("laminate", mat.colour(0.1, 0.04, rng.choice([0.12, 0.35, 0.8, 0.86])), 0.35)
    return mat.marble(mat.colour(0.1, 0.03, rng.uniform(0.2, 0.85)))


def wood_colour(rng):
    """From pale birch to dark walnut."""
    return mat.colour(
        rng.uniform(0.055, 0.095),
        rng.uniform(0.35, 0.65),
        rng.choice([rng.uniform(0.25, 0.45), rng.uniform(0.5, 0.85)]),
    )


def front_colour(rng):
    """A material for cupboard fronts: white, paint or wood."""
    pick = rng.random()
    if pick < 0.4:
        return mat.plain(
            "front", mat.colour(0.1, rng.uniform(0, 0.08), rng.uniform(0.75, 0.9)), rng.uniform(0.2, 0.5)
        )
    if pick < 0.7:
        return mat.wood(wood_colour(rng))
    return mat.plain(
        "front",
        mat.colour(rng.choice([0.33, 0.58, 0.62, 0.1]), rng.uniform(0.1, 0.4), rng.uniform(0.25, 0.7)),
        0.45,
    )


def reupholster(piece, rng, share=0.85):
    """Gives a piece cloth or leather of our palette instead of infinigen's, in a share of the cases."""
    if rng.random() < share:
        tone = cloth_colour(rng)
        material = (
            mat.fabric(tone, rng if rng.random() < 0.4 else None)
            if rng.random() < 0.82
            else mat.plain("leather", mat.colour(0.06, rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.45)), 0.42)
        )
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material


def seat_of(piece):
    """Height of the seat: the median of a few rays onto its front half; None where they miss."""
    x, y = piece.dimensions.x, piece.dimensions.y
    places = [(a * x, b * y) for a in (0.0, 0.08, 0.16) for b in (-0.12, 0.03, 0.15)]
    hits = [h for h in f.surface_heights(piece, places) if h is not None]
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
        factory.params["Dimensions"] = (
            float(rng.uniform(0.92, 1.0)),
            width - 0.25,
            float(rng.uniform(0.72, 0.85)),
        )
        factory.params.update(
            {"Footrest": False, "Scaling footrest": 0.3}
        )  # its base stays even when off: hide it

    piece = seated("sofa", rng, 0.39, 0.47, (0.22, 0.62), tweak)
    f.rescale(
        piece, x=min(1.0, float(rng.uniform(0.92, 1.08)) / piece.dimensions.x), y=width / piece.dimensions.y
    )
    reupholster(piece, rng)
    return piece


def armchair(rng):
    def tweak(factory):
        factory.params.update(
            {"Footrest": False, "Scaling footrest": 0.3}
        )  # its base stays even when off: hide it

    piece = seated("armchair", rng, 0.39, 0.47, (0.22, 0.62), tweak)
    f.rescale(
        piece,
        x=min(1.0, float(rng.uniform(0.8, 0.95)) / piece.dimensions.x),
        y=min(1.0, float(rng.uniform(0.75, 0.95)) / piece.dimensions.y),
    )
    reupholster(piece, rng)
    return piece


def chair(rng):
    """A dining chair; its property "arms" says whether it has arms (they do not go under tables)."""
    arms = []
    piece = seated("chair", rng, 0.43, 0.49, (0.35, 0.6), lambda factory: arms.append(factory.has_arm))
    piece["arms"] = bool(arms[-1])
    if rng.random() < 0.88:  # most chairs in one wood or paint
        material = (
            mat.wood(wood_colour(rng)) if rng.random() < 0.7 else mat.plain("painted", cloth_colour(rng), 0.4)
        )
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material
    return piece


def office_chair(rng):
    """An office chair; mostly black, grey or cloth instead of infinigen's white plastic."""
    piece = seated("office_chair", rng, 0.43, 0.52, (0.34, 0.62))
    if rng.random() < 0.85:
        mesh = piece.data
        area, slot = np.empty(len(mesh.polygons)), np.empty(len(mesh.polygons), np.int32)
        mesh.polygons.foreach_get("area", area)
        mesh.polygons.foreach_get("material_index", slot)
        tone = mat.colour(0.1, 0.05, rng.uniform(0.08, 0.4)) if rng.random() < 0.6 else cloth_colour(rng)
        mesh.materials[int(np.bincount(slot, area).argmax())] = mat.fabric(tone)
    return piece


def bar_stool(rng):
    return seated("bar_stool", rng, 0.64, 0.76, (0.45, 1.05))


def table(rng, length, width, height=None):
    """A dining table, its long side along y."""
    height = height if height is not None else float(rng.uniform(0.72, 0.77))
    piece = f.spawn("dining_table", seed_of(rng))
    f.settle(piece, 1)
    f.rescale(piece, width / piece.dimensions.x, length / piece.dimensions.y, height / piece.dimensions.z)
    if rng.random() < 0.85:
        material = board_of(rng)
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material
    return piece


def coffee_table(rng):
    piece = f.spawn("coffee_table", seed_of(rng))
    f.settle(piece, 1)
    f.rescale(piece, z=float(rng.uniform(0.36, 0.46)) / piece.dimensions.z)
    if rng.random() < 0.75:
        material = board_of(rng)
        for slot in range(len(piece.data.materials)):
            piece.data.materials[slot] = material
    return piece


def desk(rng, width=None):
    piece = f.spawn("desk", seed_of(rng))
    f.rescale(
        piece,
        x=float(rng.uniform(0.62, 0.78)) / piece.dimensions.x,
        y=(width or float(rng.uniform(1.2, 1.7))) / piece.dimensions.y,
        z=float(rng.uniform(0.71, 0.76)) / piece.dimensions.z,
    )
    if rng.random() < 0.9:
        piece.data.materials[0] = board_of(rng)
    return piece


def scaled_to(name, rng, x=None, y=None, z=None):
    """An infinigen piece stretched to given measures (ranges in metres)."""
    piece = f.spawn(name, seed_of(rng))
    want = [None if span is None else float(rng.uniform(*span)) for span in (x, y, z)]
    f.rescale(
        piece, *[1.0 if w is None else w / have for w, have in zip(want, piece.dimensions, strict=True)]
    )
    return piece


def screen_off(piece, rng):
    """Most screens are dark; a few show a quiet picture."""
    glass = (
        mat.plain("screen", (0.012, 0.012, 0.014), 0.12)
        if rng.random() < 0.75
        else mat.glow(mat.colour(0.58, rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.8)), 0.6)
    )
    for slot, material in enumerate(piece.data.materials):
        if (
            material is not None
            and material.use_nodes
            and any(
                n.type == "EMISSION"
                or (n.type == "BSDF_PRINCIPLED" and n.inputs["Emission Strength"].default_value > 0)
                for n in material.node_tree.nodes
            )
        ):
            piece.data.materials[slot] = glass
