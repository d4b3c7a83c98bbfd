"""The demo's scenes: handsome rooms at 960 x 720 with more samples, each with one good starting point.

Seeds from 900000 on, so that no scene is a training room. Writes assets/scenes/NAME.webp and scenes.json:
[{"file", "title", "point": [x, y]}], the point in continuous pixels being the middle of the box of a
person who sits on a visible seat or stands on free floor.
"""

import json
import math
import os

import numpy as np

from . import classes as c

WIDTH, HEIGHT, SAMPLES, QUALITY = 960, 720, 40, 88
FOLDER = os.path.join("assets", "scenes")

# file, title, type, seed, number of the view, what the starting point shows
SCENES = []


def project(view, place):
    """Pixel (x, y) and depth of a world point in a demo-sized picture."""
    p = view.axes() @ (np.asarray(place, float) - np.array(view.place))
    k = view.intrinsics(WIDTH, HEIGHT)
    return np.array([k[0, 0] * p[0] / p[2] + k[0, 2], k[1, 1] * p[1] / p[2] + k[1, 2]]), float(p[2])


def inside(pixel, margin):
    return margin <= pixel[0] <= WIDTH - margin and margin <= pixel[1] <= HEIGHT - margin


def shown(view, depth, label, place, wanted):
    """Whether a world point on a surface is seen: its pixel has its depth and a wanted class."""
    pixel, far = project(view, place)
    if far <= 0.5 or not inside(pixel, 4):
        return False
    x, y = int(pixel[0]), int(pixel[1])
    return abs(depth[y, x] - far) < 0.12 and label[y, x] in wanted


def sitting_points(room, view, depth, label):
    """Candidates (badness, pixel): 0.2 m above the middle of seats that are seen, free and face the camera's half."""
    import bpy

    from . import stock

    found = []
    for obj in bpy.context.scene.objects:
        if obj.type != "MESH" or obj.pass_index not in c.SEATS or not 0.3 < obj.dimensions.z:
            continue
        height, turn = stock.seat_of(obj), obj.rotation_euler.z
        if height is None or not 0.36 < height < 0.6:
            continue
        front, left = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
        bed = obj.pass_index == c.BED
        wide = obj.dimensions.y
        slides = (-0.27 * wide, 0.27 * wide) if wide > 1.2 else (0.0,)
        for slide in slides:
            spot = np.array(obj.location)[:2] + left * slide + front * (obj.dimensions.x * (0.3 if bed else 0.08))
            seat = np.array([*spot, height])
            if not all(shown(view, depth, label, seat + (*(front * a + left * b), 0), (obj.pass_index,)) for a in (0.0, 0.12) for b in (-0.12, 0.12)):
                continue
            pixel, far = project(view, seat + (0, 0, 0.2))
            head, _ = project(view, seat + (0, 0, 0.85))
            feet, _ = project(view, (*(spot + front * 0.45), 0))
            if not (inside(pixel, 60) and inside(head, 10) and inside(feet, 10)):
                continue
            to_camera = np.array(view.place)[:2] - spot
            facing = float(front @ to_camera / np.linalg.norm(to_camera))
            found.append((abs(pixel[0] - WIDTH / 2) / WIDTH + abs(far - 3.0) * 0.15 - 0.4 * facing, pixel))
    return sorted(found, key=lambda pair: pair[0])


def standing_points(room, view, depth, label):
    """Candidates (badness, pixel): 0.85 m above floor that is seen, with 0.35 m of free floor around it."""
    from shapely.geometry import Point

    found = []
    for x in np.arange(0.5, room.width - 0.4, 0.15):
        for y in np.arange(0.5, room.depth - 0.4, 0.15):
            disc = Point(x, y).buffer(0.35)
            if any(disc.intersects(p) for p in room.taken):
                continue
            if not all(shown(view, depth, label, (x + a, y + b, 0.0), c.WALKABLE) for a, b in ((0, 0), (0.15, 0), (-0.15, 0), (0, 0.15), (0, -0.15))):
                continue
            pixel, far = project(view, (x, y, 0.85))
            head, _ = project(view, (x, y, 1.78))
            if inside(pixel, 60) and inside(head, 8):
                found.append((abs(pixel[0] - WIDTH / 2) / WIDTH + abs(far - 3.2) * 0.2, pixel))
    return sorted(found, key=lambda pair: pair[0])


def render_all(threads=0, only=()):
    """Renders the scenes that are not there yet and writes scenes.json."""
    import bpy

    from . import camera, render, scene

    os.makedirs(FOLDER, exist_ok=True)
    index = os.path.join(FOLDER, "scenes.json")
    listed = {}
    if os.path.exists(index):
        with open(index) as file:
            listed = {entry["file"]: entry for entry in json.load(file)}
    for name, title, kind, seed, number, pose in SCENES:
        file_name = f"{name}.webp"
        path = os.path.join(FOLDER, file_name)
        if only and name not in only or not only and os.path.exists(path) and file_name in listed:
            continue
        room = scene.build(seed, kind)
        rng = np.random.default_rng([seed, 73])
        view = camera.choose(room, rng, 4)[number]
        render.settings(SAMPLES, threads)
        camera.apply(view)
        colour, depth, label = render.passes(WIDTH, HEIGHT)
        exposure = render.exposure_of(colour, label, np.random.default_rng(0), room.mood) + 0.15
        render.save(path, exposure, "AgX - Medium High Contrast", QUALITY)
        points = (sitting_points if pose == "sit" else standing_points)(room, view, depth, label)
        if not points:
            raise RuntimeError(f"demo scene {name}: no good place to {pose} is in view")
        listed[file_name] = {"file": file_name, "title": title, "point": [round(float(v), 1) for v in points[0][1]]}
        order = [f"{entry[0]}.webp" for entry in SCENES]
        with open(index, "w") as file:
            json.dump([listed[f] for f in order if f in listed], file, indent=1)
            file.write("\n")
        print(f"{path}: {os.path.getsize(path) // 1024} KB, point {listed[file_name]['point']}", flush=True)
        bpy.ops.wm.read_factory_settings(use_empty=True)
