"""Renders furnished rooms:  python -m train.rooms --out data/rooms --rooms 0:60 [--shard 3/8]

Each seed gives one room (the same every time). Rooms whose room.json exists are skipped, so a killed run
goes on where it stopped; rooms that fail are counted and left out. Blender's memory grows with every room,
so a fresh process takes over after some. `--demo` renders the demo's scenes instead.

Environment (Python 3.11), once:
    python3.11 -m venv .venv-rooms && .venv-rooms/bin/pip install -r train/rooms/requirements.txt
"""

import argparse
import os
import subprocess
import sys
import time
import traceback

ROOMS_A_PROCESS = 8


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m train.rooms", description="Renders furnished rooms with depth, labels and mesh."
    )
    parser.add_argument("--out", default="data/rooms", help="folder for the rooms (default: data/rooms)")
    parser.add_argument(
        "--rooms", default="0:60", metavar="FROM:TO", help="seeds, the last one excluded (default: 0:60)"
    )
    parser.add_argument("--views", type=int, default=6, help="camera views a room (default: 6)")
    parser.add_argument(
        "--shard",
        default="0/1",
        metavar="I/N",
        help="take every N-th seed, starting with the I-th (I from 0)",
    )
    parser.add_argument("--threads", type=int, default=0, help="render threads (default: all cores)")
    parser.add_argument("--demo", action="store_true", help="render the demo's scenes into assets/scenes")
    parser.add_argument("--seeds", help=argparse.SUPPRESS)  # set for the processes that do the work
    return parser.parse_args()


def pair(text, separator, option):
    """Two whole numbers from '3/8' or '0:60'."""
    try:
        first, second = text.split(separator)
        return int(first), int(second)
    except ValueError:
        sys.exit(f"{option} takes two whole numbers joined by {separator!r}, not {text!r}")


def work(options):
    """Renders the seeds it was given, one after the other; a line for each."""
    from . import write

    for seed in map(int, options.seeds.split(",")):
        begin = time.time()
        try:
            kind, views = write.room(options.out, seed, options.views, options.threads)
            say(f"room {seed}: {kind}, {views} views, {time.time() - begin:.0f} s")
        except Exception as error:  # one broken room must not end the run; it is counted by the caller
            say(f"room {seed}: left out, {type(error).__name__}: {error}")
            if not isinstance(error, (RuntimeError, ValueError)) and type(error).__name__ != "NoSpace":
                traceback.print_exc()


def say(line):
    """A line on the real output: infinigen and Blender chatter goes to a log instead."""
    with os.fdopen(os.dup(3), "w") as output:
        output.write(line + "\n")


def main():
    options = arguments()
    if options.seeds:
        work(options)
        return
    if options.demo:
        from . import demo

        demo.render_all(options.threads)
        return
    from .write import folder_name

    first, last = pair(options.rooms, ":", "--rooms")
    shard, shards = pair(options.shard, "/", "--shard")
    if not 0 <= shard < shards:
        sys.exit(f"--shard {options.shard}: the first number must be from 0 to {shards - 1}")
    seeds = list(range(first, last))[shard::shards]
    done = [s for s in seeds if os.path.exists(os.path.join(options.out, folder_name(s), "room.json"))]
    todo = [s for s in seeds if s not in done]
    os.makedirs(options.out, exist_ok=True)
    log_path = os.path.join(options.out, f"log-{shard}-of-{shards}.txt")
    print(
        f"{len(todo)} rooms to render, {len(done)} there already; Blender's own messages go to {log_path}",
        flush=True,
    )
    begin, failed, finished = time.time(), 0, 0
    for at in range(0, len(todo), ROOMS_A_PROCESS):
        chunk = todo[at : at + ROOMS_A_PROCESS]
        read, write_end = os.pipe()
        command = [
            sys.executable,
            "-m",
            "train.rooms",
            "--out",
            options.out,
            "--views",
            str(options.views),
            "--threads",
            str(options.threads),
            "--seeds",
            ",".join(map(str, chunk)),
        ]
        with open(log_path, "a") as log:
            worker = subprocess.Popen(
                ["/bin/sh", "-c", f'exec 3>&{write_end}; exec "$@"', "sh", *command],
                stdout=log,
                stderr=log,
                pass_fds=(write_end,),
            )
        os.close(write_end)
        heard = 0
        with os.fdopen(read) as lines:
            for line in lines:
                heard += 1
                finished += 1
                failed += "left out" in line
                left = (time.time() - begin) / finished * (len(todo) - finished)
                print(
                    f"[{finished}/{len(todo)}, {failed} left out, {left / 60:.0f} min to go] {line.strip()}",
                    flush=True,
                )
        if worker.wait() != 0:
            lost = len(chunk) - heard
            failed, finished = failed + lost, finished + lost
            print(f"a renderer process ended early; {lost} rooms lost, run again to retry them", flush=True)
    print(
        f"done: {len(todo) - failed} rooms in {(time.time() - begin) / 60:.1f} min, {failed} left out",
        flush=True,
    )


if __name__ == "__main__":
    main()
