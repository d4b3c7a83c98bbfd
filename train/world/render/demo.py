"""The demo's scenes: handsome rooms at 1280 x 960 with more samples, each with one good starting point.

Seeds from 910000 on, so that no scene is a training room. Writes FOLDER/NAME.webp and scenes.json:
[{"file", "title", "point": [x, y]}], the point in continuous pixels being the middle of the box of a
person who sits on a visible seat or stands on free floor.
"""

import json
import math
import os

import numpy as np

from . import classes as c

WIDTH, HEIGHT, SAMPLES, QUALITY = 1280, 960, 6, 86

# file, title, type, seed, number of the view, the starting point: its pixel, or what it shows
SCENES = [
    ("living-room", "Living room", "living_room", 910003, 2, "sit"),
    ("bedroom", "Bedroom", "bedroom", 910002, 0, (630, 625)),
    ("coffee-bar", "Coffee bar", "cafe", 910000, 2, (443, 520)),
    ("dining-room", "Dining room", "dining_room", 910002, 1, (316, 650)),
    ("office", "Study", "office", 910000, 2, (770, 515)),
    ("kitchen", "Kitchen", "kitchen", 910001, 1, (534, 520)),
    ("waiting-room", "Waiting room", "waiting_room", 910001, 0, "sit"),
    ("lounge", "Blue sofa", "living_room", 910001, 1, (405, 388)),
    ("evening", "Evening at home", "living_room", 910002, 1, "sit"),
    ("cafe", "Cafe", "cafe", 910000, 1, "stand"),
    ("two-desks", "Shared office", "office", 910001, 1, "sit"),
    ("reception", "Reception", "waiting_room", 910000, 0, "sit"),
    ("childs-room", "Child's room", "bedroom", 910001, 1, (800, 545)),
]


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
    """Candidates (badness, pixel): 0.2 m above the middle of seats that are seen, best those facing us."""
    import bpy

    from . import stock

    found = []
    for obj in bpy.context.scene.objects:
        if obj.type != "MESH" or obj.pass_index not in c.SEATS or not obj.dimensions.z > 0.3:
            continue
        height, turn = stock.seat_of(obj), obj.rotation_euler.z
        if height is None or not 0.36 < height < 0.78:
            continue
        front, left = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
        deep, wide = obj.dimensions.x, obj.dimensions.y
        if obj.pass_index == c.BED:  # sit on a long edge, feet beside the bed
            places = [(0.1 * deep, side * (wide / 2 - 0.26), left * side) for side in (-1, 1)]
        else:
            slides = (-0.27 * wide, 0.27 * wide) if wide > 1.2 else (0.0,)
            places = [(0.08 * deep, slide, front) for slide in slides]
        for forward, slide, ahead in places:
            spot = np.array(obj.location)[:2] + left * slide + front * forward
            seat = np.array([*spot, height])
            if not all(
                shown(view, depth, label, seat + np.array([*(front * a + left * b), 0]), (obj.pass_index,))
                for a in (0.0, 0.12)
                for b in (-0.12, 0.12)
            ):
                continue
            pixel, far = project(view, seat + np.array([0, 0, 0.2]))
            head, _ = project(view, seat + np.array([0, 0, 0.85]))
            feet, _ = project(view, (*(spot + ahead * 0.45), 0))
            if not (inside(pixel, 80) and inside(head, 13) and inside(feet, 13)):
                continue
            to_camera = np.array(view.place)[:2] - spot
            facing = float(ahead @ to_camera / np.linalg.norm(to_camera))
            found.append((abs(pixel[0] - WIDTH / 2) / WIDTH + abs(far - 3.0) * 0.15 - 0.4 * facing, pixel))
    return sorted(found, key=lambda pair: pair[0])


def standing_points(room, view, depth, label):
    """Candidates (badness, pixel): 0.85 m above floor that is seen, with 0.35 m of free floor around it."""
    from shapely.geometry import Point

    found = []  # the first places taken are the floor before the doors, where one may well stand
    for x in np.arange(0.5, room.width - 0.4, 0.15):
        for y in np.arange(0.5, room.depth - 0.4, 0.15):
            disc = Point(x, y).buffer(0.35)
            if any(disc.intersects(p) for p in room.taken[len(room.doors) :]):
                continue
            if not all(
                shown(view, depth, label, (x + a, y + b, 0.0), c.WALKABLE)
                for a, b in ((0, 0), (0.15, 0), (-0.15, 0), (0, 0.15), (0, -0.15))
            ):
                continue
            pixel, far = project(view, (x, y, 0.85))
            head, feet = project(view, (x, y, 1.78))[0], project(view, (x, y, 0.0))[0]
            above = -head[1] / (feet[1] - head[1])  # share of the person that the upper edge cuts off
            if inside(pixel, 80) and above < 0.18:
                found.append((abs(pixel[0] - WIDTH / 2) / WIDTH + abs(far - 3.2) * 0.2, pixel))
    return sorted(found, key=lambda pair: pair[0])


def render_all(folder, threads=0, only=()):
    """Renders the scenes that a folder lacks and writes its scenes.json."""
    import bpy

    from . import camera, materials, render, scene

    os.makedirs(folder, exist_ok=True)
    materials.Nodes.fine = True
    index = os.path.join(folder, "scenes.json")
    listed = {}
    if os.path.exists(index):
        with open(index) as file:
            listed = {entry["file"]: entry for entry in json.load(file)}
    for name, title, kind, seed, number, pose in SCENES:
        file_name = f"{name}.webp"
        path = os.path.join(folder, file_name)
        if (only and name not in only) or (not only and os.path.exists(path) and file_name in listed):
            continue
        room = scene.build(seed, kind)
        rng = np.random.default_rng([seed, 73])
        view = camera.choose(room, rng, 4)[number]
        render.settings(SAMPLES, threads)
        camera.apply(view)
        colour, depth, label = render.passes(WIDTH, HEIGHT)
        exposure = render.exposure_of(colour, label, np.random.default_rng(0), room.mood) + 0.15
        render.save(path, exposure, "AgX - Medium High Contrast", QUALITY)
        points = [(0.0, pose)]
        if isinstance(pose, str):
            sitting, standing = (find(room, view, depth, label) for find in (sitting_points, standing_points))
            points = sitting or standing if pose == "sit" else standing or sitting
        if not points:
            print(f"{path}: left out, no good place for a person is in view", flush=True)
            continue
        listed[file_name] = {
            "file": file_name,
            "title": title,
            "point": [round(float(v), 1) for v in points[0][1]],
        }
        order = [f"{entry[0]}.webp" for entry in SCENES]
        with open(index, "w") as file:
            json.dump([listed[f] for f in order if f in listed], file, indent=1)
            file.write("\n")
        print(f"{path}: {os.path.getsize(path) // 1024} KB, point {listed[file_name]['point']}", flush=True)
        bpy.ops.wm.read_factory_settings(use_empty=True)
