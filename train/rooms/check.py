"""Proofs on small rooms: the same seed gives the same room twice; a killed run that goes on loses nothing.

    python -m train.rooms --check            (in the renderer's environment; some minutes)

Rooms, cameras, depth and labels must be equal to the last bit. Colours may differ a little: infinigen numbers
the faces of some chairs differently from run to run, and what is sampled at a face depends on its number.
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
COLOUR = 0.5  # largest mean difference of a view's colours, of 255


def command(out, threads):
    return [
        *(sys.executable, "-m", "train.rooms", "--out", out, "--rooms", SEEDS),
        *("--views", str(VIEWS), "--width", str(WIDTH), "--threads", str(threads)),
    ]


def seeds():
    return plan.chosen(SEEDS, "0/1")


def compare(first, second, seed):
    """Raises ValueError where two renders of a seed differ; returns a line that says what was compared."""
    from PIL import Image

    a, b = plan.read(first, seed), plan.read(second, seed)
    if a != b:
        raise ValueError(f"room {seed}: room.json differs between two runs")
    if a is None:
        return f"room {seed}: left out both times"
    name = plan.folder_name(seed)
    mean = 0.0
    for stem in ["mesh", *(view["name"] for view in a["views"])]:
        with (
            np.load(os.path.join(first, name, f"{stem}.npz")) as one,
            np.load(os.path.join(second, name, f"{stem}.npz")) as two,
        ):
            for key in one.files:
                if not np.array_equal(one[key], two[key]):
                    raise ValueError(f"room {seed}: {key} of {stem} differs between two runs")
        if stem != "mesh":
            pictures = [
                np.asarray(Image.open(os.path.join(out, name, f"{stem}.webp")).convert("RGB"), int)
                for out in (first, second)
            ]
            mean = max(mean, float(np.abs(pictures[0] - pictures[1]).mean()))
    if mean > COLOUR:
        raise ValueError(f"room {seed}: colours differ by {mean:.2f} of 255 in the mean between two runs")
    same = f"colours to {mean:.2f} of 255 in the mean" if mean else "colours too"
    return f"room {seed}: {a['type']}, {len(a['views'])} views, mesh, cameras, depth and labels equal, {same}"


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
