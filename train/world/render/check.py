"""Proofs on small rooms: the same seed gives the same room twice; a killed run that goes on loses nothing.

    python -m train.world.render --check            (in the renderer's environment; some minutes)

Type, cameras and their number must be equal exactly. Surfaces must agree to 2 cm, and depth and labels in
all but 0.5 % of the pixels: infinigen numbers the faces of some chairs and beds differently from run to run,
which moves a few of their vertices by a millimetre or two and changes what is sampled there.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

from . import plan

SEEDS, VIEWS, WIDTH = "16:19", 2, 80
SURFACE = 0.02  # metres between the vertices of two meshes
PIXELS = 0.005  # share of a view's pixels that may differ in depth (by over 1 cm) or label
COLOUR = 3.0  # mean difference of a view's colours, of 255


def command(out, threads):
    return [
        *(sys.executable, "-m", "train.world.render", "--out", out, "--rooms", SEEDS),
        *("--views", str(VIEWS), "--width", str(WIDTH), "--threads", str(threads)),
    ]


def seeds():
    return plan.chosen(SEEDS, "0/1")


def compare(first, second, seed):
    """Raises ValueError where two renders of a seed differ; returns a line that says what was compared."""
    from PIL import Image
    from scipy.spatial import cKDTree

    a, b = plan.read(first, seed), plan.read(second, seed)
    if a != b:
        raise ValueError(f"room {seed}: room.json differs between two runs")
    if a is None:
        return f"room {seed}: left out both times"

    def both(stem):
        folders = [os.path.join(out, plan.folder_name(seed)) for out in (first, second)]
        return [dict(np.load(os.path.join(folder, f"{stem}.npz"))) for folder in folders], folders

    (one, two), folders = both("mesh")
    trees = [cKDTree(mesh["vertices"]) for mesh in (one, two)]
    gap = max(trees[0].query(two["vertices"])[0].max(), trees[1].query(one["vertices"])[0].max())
    if gap > SURFACE:
        raise ValueError(f"room {seed}: surfaces differ by {gap:.3f} m between two runs")
    other, colour = 0.0, 0.0
    for view in a["views"]:
        (one, two), _ = both(view["name"])
        moved = np.abs(one["depth"].astype(float) - two["depth"]) > 0.01
        other = max(other, float((moved | (one["label"] != two["label"])).mean()))
        paths = [os.path.join(folder, f"{view['name']}.webp") for folder in folders]
        pictures = [np.asarray(Image.open(path).convert("RGB"), int) for path in paths]
        colour = max(colour, float(np.abs(pictures[0] - pictures[1]).mean()))
    if other > PIXELS or colour > COLOUR:
        raise ValueError(f"room {seed}: {other:.2%} of a view's pixels and colours by {colour:.2f} differ")
    return (
        f"room {seed}: {a['type']}, {len(a['views'])} views, cameras equal, surfaces to {1000 * gap:.1f} mm,"
        f" depth and label in all but {other:.2%} of the pixels, colours to {colour:.2f} of 255"
    )


def run(options):
    """Renders three rooms unbroken, then again with a kill after the first, and compares them."""
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = os.path.join(folder, "whole"), os.path.join(folder, "broken")
        subprocess.run(command(whole, options.threads), check=True)
        first = subprocess.Popen(command(broken, options.threads), start_new_session=True)
        while first.poll() is None and not any(plan.read(broken, seed) for seed in seeds()):
            time.sleep(0.2)
        time.sleep(1.0)  # into the next room
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        there = [seed for seed in seeds() if plan.read(broken, seed)]
        print(f"killed when {len(there)} of {len(seeds())} rooms were finished; the same command goes on")
        subprocess.run(command(broken, options.threads), check=True)
        for seed in seeds():
            print(compare(whole, broken, seed), flush=True)
    print("check passed: equal rooms from equal seeds, and a killed and resumed run equals an unbroken one")
