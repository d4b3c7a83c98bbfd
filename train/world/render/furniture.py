"""Furniture from infinigen's factories, made ready to place.

Every piece comes back as one mesh object whose bounding box is centred on x = y = 0, whose lowest vertex
lies at z = 0, whose front faces +x and whose `pass_index` is its NYU-40 class.
"""

import importlib

import bpy
import numpy as np

from . import classes as c

# name: (module below infinigen.assets.objects, factory, class, quarter turns that bring its front to +x)
CATALOGUE = {
    "sofa": ("seating", "SofaFactory", c.SOFA, 0),
    "armchair": ("seating", "ArmChairFactory", c.SOFA, 0),
    "chair": ("seating", "ChairFactory", c.CHAIR, 0),
    "office_chair": ("seating", "OfficeChairFactory", c.CHAIR, 0),
    "bar_stool": ("seating", "BarChairFactory", c.CHAIR, 0),
    "bed_frame": ("seating", "BedFrameFactory", c.BED, 0),
    "mattress": ("seating", "MattressFactory", c.BED, 1),
    "dining_table": ("tables", "TableDiningFactory", c.TABLE, 0),
    "side_table": ("tables", "SideTableFactory", c.TABLE, 0),
    "coffee_table": ("tables", "CoffeeTableFactory", c.TABLE, 0),
    "desk": ("shelves", "SimpleDeskFactory", c.DESK, 0),
    "bookcase": ("shelves", "SimpleBookcaseFactory", c.BOOKSHELF, 0),
    "cell_shelf": ("shelves", "CellShelfFactory", c.SHELVES, 0),
    "large_shelf": ("shelves", "LargeShelfFactory", c.SHELVES, 0),
    "tv_stand": ("shelves", "TVStandFactory", c.CABINET, 0),
    "cabinet": ("shelves", "SingleCabinetFactory", c.CABINET, 0),
    "floor_lamp": ("lamp", "FloorLampFactory", c.LAMP, 0),
    "desk_lamp": ("lamp", "DeskLampFactory", c.LAMP, 0),
    "wall_art": ("wall_decorations", "WallArtFactory", c.PICTURE, 0),
    "large_plant": ("tableware", "LargePlantContainerFactory", c.OTHER_PROP, 0),
    "plant": ("tableware", "PlantContainerFactory", c.OTHER_PROP, 0),
    "book_stack": ("table_decorations", "BookStackFactory", c.BOOKS, 0),
    "book_column": ("table_decorations", "BookColumnFactory", c.BOOKS, 0),
    "vase": ("table_decorations", "VaseFactory", c.OTHER_PROP, 0),
    "cup": ("tableware", "CupFactory", c.OTHER_PROP, 0),
    "bowl": ("tableware", "BowlFactory", c.OTHER_PROP, 0),
    "plate": ("tableware", "PlateFactory", c.OTHER_PROP, 0),
    "fruit": ("tableware", "FruitContainerFactory", c.OTHER_PROP, 0),
    "bottle": ("tableware", "BottleFactory", c.OTHER_PROP, 0),
    "tv": ("appliances", "TVFactory", c.TELEVISION, 0),
    "monitor": ("appliances", "MonitorFactory", c.TELEVISION, 0),
    "oven": ("appliances", "OvenFactory", c.OTHER_FURNITURE, 0),
    "fridge": ("appliances", "BeverageFridgeFactory", c.REFRIGERATOR, 0),
    "microwave": ("appliances", "MicrowaveFactory", c.OTHER_PROP, 0),
}

# Refractive materials cost many samples and let depth and colour disagree, so rooms go without.
GLASSY = ("Glass", "GlassVolume", "ColoredGlass", "PlasticTranslucent")


def ban_glass():
    """Drops glassy materials from infinigen's lists of what each part may be made of (idempotent)."""
    from infinigen.assets.composition import material_assignments as lists

    for name in dir(lists):
        choices = getattr(lists, name)
        if isinstance(choices, list) and choices and isinstance(choices[0], tuple):
            kept = [pair for pair in choices if getattr(pair[0], "__name__", "") not in GLASSY]
            if kept:
                choices[:] = kept


def put_away():
    """Takes everything that stands out of the scene until `bring_back`.

    Blender goes through the whole scene at every operator, and a piece of furniture takes hundreds: in an
    emptied scene a room is built several times as fast.
    """
    store = bpy.data.collections.get("store")
    if store is None:
        store = bpy.data.collections.new("store")
        store.use_fake_user = True
    for obj in list(bpy.context.scene.objects):
        for collection in obj.users_collection:
            collection.objects.unlink(obj)
        store.objects.link(obj)


def bring_back():
    """Puts what was taken away into the scene again."""
    scene, store = bpy.context.scene, bpy.data.collections.get("store")
    for obj in list(store.objects) if store else ():
        store.objects.unlink(obj)
        scene.collection.objects.link(obj)
    bpy.context.view_layer.update()


def standing():
    """All mesh objects of the room, in the scene or put away, in the order in which they were made."""
    store = bpy.data.collections.get("store")
    return [
        obj for obj in [*(store.objects if store else ()), *bpy.context.scene.objects] if obj.type == "MESH"
    ]


def spawn(name, seed, tweak=None):
    """One piece of furniture.

    name: a key of CATALOGUE; seed: int, decides shape and material;
    tweak: called with the factory before it builds, to set its measures.
    Returns a bpy object as the module's docstring says, linked to the scene.
    """
    from infinigen.core.util.math import FixedSeed

    module, factory_name, label, turns = CATALOGUE[name]
    put_away()
    before = set(bpy.data.objects)
    with FixedSeed(seed):
        factory = getattr(importlib.import_module(f"infinigen.assets.objects.{module}"), factory_name)(seed)
        if tweak is not None:
            tweak(factory)
        made = factory.spawn_asset(i=0)
        if hasattr(factory, "finalize_assets"):
            factory.finalize_assets(made)
    family = [made, *made.children_recursive]
    bpy.context.view_layer.update()
    meshes = [obj for obj in family if obj.type == "MESH" and len(obj.data.vertices)]
    piece = merge(meshes)
    for obj in set(bpy.data.objects) - before - {piece}:
        bpy.data.objects.remove(obj, do_unlink=True)
    settle(piece, turns)
    piece.name = name
    piece.pass_index = label
    return piece


def merge(meshes):
    """One object out of several, keeping materials; modifiers and parents are applied first."""
    from infinigen.core.util import blender as butil

    for obj in meshes:
        world = obj.matrix_world.copy()
        obj.parent = None
        obj.matrix_world = world
        for modifier in list(obj.modifiers):
            butil.apply_modifiers(obj, mod=modifier)
    bpy.ops.object.select_all(action="DESELECT")
    for obj in meshes:
        if obj.data.users > 1:
            obj.data = obj.data.copy()
        obj.select_set(True)
    bpy.context.view_layer.objects.active = meshes[0]
    if len(meshes) > 1:
        bpy.ops.object.join()
    return meshes[0]


def settle(piece, turns=0):
    """Moves a mesh so that its box is centred on x = y = 0 and its lowest vertex lies at z = 0."""
    mesh = piece.data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    matrix = np.array(piece.matrix_world)
    points = points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    for _ in range(turns % 4):
        points = np.stack([-points[:, 1], points[:, 0], points[:, 2]], 1)
    low, high = points.min(0), points.max(0)
    points -= np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.update()
    piece.parent = None
    piece.matrix_world = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    bpy.context.view_layer.update()


def rescale(piece, x=1.0, y=1.0, z=1.0):
    """Scales the mesh itself, so that copies and the room's mesh share the new size."""
    points = np.empty(len(piece.data.vertices) * 3, np.float32)
    piece.data.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3) * np.array([x, y, z], np.float32)
    piece.data.vertices.foreach_set("co", points.ravel())
    piece.data.update()
    bpy.context.view_layer.update()


def copy_of(piece):
    """Another object that shares the piece's mesh: chairs of a set cost memory once."""
    twin = piece.copy()
    bpy.context.scene.collection.objects.link(twin)
    return twin


def surface_height(piece, x=0.0, y=0.0):
    """Height (m) of the piece's top surface over its own (x, y); None where there is nothing."""
    return surface_heights(piece, [(x, y)])[0]


def surface_heights(piece, places):
    """Heights (m) of the piece's top surface over several of its own (x, y); None where there is nothing.

    Reads the mesh itself: Blender casts rays only at what is in the scene (see put_away).
    """
    mesh = piece.data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    mesh.calc_loop_triangles()
    corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    points, corners = points.reshape(-1, 3), corners.reshape(-1, 3)
    xs, ys = [np.ascontiguousarray(points[:, axis])[corners.T] for axis in (0, 1)]
    west, east = [pick(pick(xs[0], xs[1]), xs[2]) for pick in (np.minimum, np.maximum)]
    south, north = [pick(pick(ys[0], ys[1]), ys[2]) for pick in (np.minimum, np.maximum)]
    heights = []
    for x, y in places:
        over = np.flatnonzero((west <= x) & (east >= x) & (south <= y) & (north >= y))
        u, v = xs[:, over].astype(float) - x, ys[:, over].astype(float) - y
        cross = np.stack([u[i] * v[j] - u[j] * v[i] for i, j in ((1, 2), (2, 0), (0, 1))])
        area = cross.sum(0)
        share = cross / np.where(np.abs(area) > 1e-12, area, np.nan)
        inside = (share >= -1e-6).all(0)
        z = (share * points[corners[over].T, 2]).sum(0)[inside]
        heights.append(float(z.max()) if len(z) else None)
    return heights


def discard(piece):
    """Removes a piece from the scene."""
    bpy.data.objects.remove(piece, do_unlink=True)
