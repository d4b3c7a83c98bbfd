"""What a folder of rooms holds: counts by type, split and size, and a sheet of random frames.

Needs Pillow only, no Blender.
"""

import glob
import json
import os
import random
from collections import Counter


def records(out):
    """The room.json of every finished room, by name."""
    found = []
    for path in sorted(glob.glob(os.path.join(out, "room-*", "room.json"))):
        with open(path) as file:
            found.append(json.load(file))
    return found


def table(out):
    """Rooms and frames by type and split, as lines of text."""
    rooms, frames, sizes = Counter(), Counter(), Counter()
    for record in records(out):
        for key in (record["type"], "all"):
            rooms[key, record["split"]] += 1
            frames[key, record["split"]] += len(record["views"])
        for view in record["views"]:
            sizes[f"{view['width']} x {view['height']}"] += 1
    splits = ("train", "val", "test")
    lines = [f"{'type':14}" + "".join(f"{split + ' rooms':>14}{'frames':>9}" for split in splits)]
    lines += [
        f"{kind:14}" + "".join(f"{rooms[kind, split]:14}{frames[kind, split]:9}" for split in splits)
        for kind in [*sorted({key for key, _ in rooms} - {"all"}), "all"]
    ]
    return [*lines, *(f"{size}: {count} frames" for size, count in sorted(sizes.items()))]


def sheet(out, path, count=100, columns=10, width=200, seed=0):
    """Draws `count` random frames in a grid; returns how many there were to choose from.

    Raises ValueError where the folder has no finished room.
    """
    from PIL import Image

    pictures = [
        os.path.join(out, record["room"], f"{view['name']}.webp")
        for record in records(out)
        for view in record["views"]
    ]
    if not pictures:
        raise ValueError(f"{out} has no finished rooms to draw a sheet of")
    drawn = random.Random(seed).sample(pictures, min(count, len(pictures)))
    height = width * 3 // 4
    whole = Image.new("RGB", (columns * width, -(-len(drawn) // columns) * height))
    for k, name in enumerate(drawn):
        with Image.open(name) as picture:
            tile = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        whole.paste(tile, (k % columns * width, k // columns * height))
    whole.save(path, quality=80)
    return len(pictures)
