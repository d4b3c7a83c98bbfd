"""Which rooms there are: seeds, their order, split, picture size and number of views. Needs no Blender.

The shipped set is one rule: all seeds below 605, and of those from 605 to 839 the ones ending in 9, which
gives the test split its size. Seed and last digit decide everything, so any machine can make any part.
"""

import json
import os

VERSION = 2  # of what a seed looks like; written into room.json, raised whenever pictures or rooms change


def folder_name(seed):
    return f"room-{seed:05d}"


def split_of(seed):
    """Rooms, never views, are split: the last digit 8 is val, 9 is test, the rest train."""
    return {8: "val", 9: "test"}.get(seed % 10, "train")


def size_of(seed):
    """(width, height): every third room is rendered at 640 x 480, the others at 320 x 240."""
    return (640, 480) if seed % 3 == 0 else (320, 240)


def views_of(seed):
    """How many views a room is asked for: seven, of large pictures six."""
    return 6 if seed % 3 == 0 else 7


def shipped():
    """The seeds of the shipped set, in an order whose every beginning is mixed alike."""
    main = [((seed + 0.5) / 605, seed) for seed in range(605)]
    extra = [((k + 0.5) / 24, 609 + 10 * k) for k in range(24)]
    return [seed for _, seed in sorted(main + extra)]


def pair(text, separator, option):
    """Two whole numbers from '3/8' or '0:60'; raises ValueError with a sentence."""
    try:
        first, second = map(int, text.split(separator))
    except ValueError:
        raise ValueError(f"{option} takes two whole numbers joined by {separator!r}, not {text!r}") from None
    return first, second


def chosen(rooms, shard):
    """Seeds for '--rooms FROM:TO' or 'shipped' and '--shard I/N'; raises ValueError with a sentence."""
    if rooms == "shipped":
        seeds = shipped()
    else:
        first, last = pair(rooms, ":", "--rooms")
        if not 0 <= first < last:
            raise ValueError(f"--rooms {rooms}: the first seed must be 0 or more and below the last")
        seeds = list(range(first, last))
    index, count = pair(shard, "/", "--shard")
    if not 0 <= index < count:
        raise ValueError(f"--shard {shard}: the first number must be from 0 to {count - 1}")
    return seeds[index::count]


def read(out, seed):
    """The room.json of a seed in a folder of rooms; None while the room is not finished."""
    path = os.path.join(out, folder_name(seed), "room.json")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return json.load(file)


def missing(out, seeds):
    """The seeds without a finished room of this version, in their order."""
    records = {seed: read(out, seed) for seed in seeds}
    return [seed for seed in seeds if (records[seed] or {}).get("version") != VERSION]
