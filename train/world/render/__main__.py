"""Renders furnished rooms:  python -m train.world.render [--out data/rooms] [--rooms shipped] [--shard 3/8]

Each seed gives one room (the same every time). Rooms whose room.json exists are skipped, so a killed run
goes on where it stopped, by the same command; rooms that fail are counted and left out. Blender's memory
grows with every room, so a fresh process takes over after some.

    --demo [DIR]    renders the demo's scenes instead
    --counts        prints what a folder holds, by type, split and size
    --sheet FILE    draws 100 random frames of a folder in a grid
    --check         proves on small rooms that a seed gives the same room twice, and that a killed run that
                    goes on equals an unbroken one

Environment (Python 3.11), once:
    python3.11 -m venv .venv-rooms && .venv-rooms/bin/pip install -r train/world/render/requirements.txt
"""

import argparse
import os
import subprocess
import sys
import time
import traceback

from . import plan

ROOMS_A_PROCESS = 12


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m train.world.render",
        description="Renders furnished rooms with depth, labels and mesh; resumes a killed run.",
    )
    parser.add_argument("--out", default="data/rooms", help="folder for the rooms (default: data/rooms)")
    parser.add_argument(
        "--rooms",
        default="shipped",
        metavar="FROM:TO",
        help="seeds, the last one excluded (default: shipped, the seeds of the shipped set)",
    )
    parser.add_argument(
        "--shard", default="0/1", metavar="I/N", help="every N-th seed from the I-th (from 0)"
    )
    parser.add_argument("--views", type=int, default=0, help="views a room (default: 7, of large pictures 6)")
    parser.add_argument("--width", type=int, default=0, help="of the pictures (default: 320 or 640 by seed)")
    parser.add_argument("--threads", type=int, default=0, help="render threads (default: all cores)")
    parser.add_argument(
        "--demo",
        nargs="?",
        const=os.path.join("assets", "scenes"),
        metavar="DIR",
        help="render the demo's scenes that DIR lacks (default: assets/scenes)",
    )
    parser.add_argument("--counts", action="store_true", help="print what --out holds")
    parser.add_argument("--sheet", metavar="FILE", help="draw 100 random frames of --out")
    parser.add_argument("--check", action="store_true", help="prove repeatability and resuming (minutes)")
    parser.add_argument("--seeds", help=argparse.SUPPRESS)  # set for the processes that do the work
    return parser.parse_args()


def work(options):
    """Renders the seeds it was given, one after the other; a line for each."""
    from . import write

    for seed in map(int, options.seeds.split(",")):
        begin = time.time()
        try:
            kind, views = write.room(options.out, seed, options.views, options.threads, options.width)
            say(f"room {seed}: {kind}, {views} views, {time.time() - begin:.0f} s")
        except Exception as error:  # one broken room must not end the run; it is counted by the caller
            say(f"room {seed}: left out, {type(error).__name__}: {error}")
            if type(error).__name__ != "NoSpace":
                traceback.print_exc()


def say(line):
    """A line on the real output: infinigen and Blender chatter goes to a log instead."""
    with os.fdopen(os.dup(3), "w") as output:
        output.write(line + "\n")


def worker(options, seeds, log):
    """Starts a process for some seeds; returns it and the stream of its lines."""
    read, write = os.pipe()
    command = [
        sys.executable,
        "-m",
        "train.world.render",
        "--out",
        options.out,
        "--views",
        str(options.views),
    ]
    command += ["--width", str(options.width), "--threads", str(options.threads)]
    command += ["--seeds", ",".join(map(str, seeds))]
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'exec 3>&{write}; exec "$@"', "sh", *command],
        stdout=log,
        stderr=log,
        pass_fds=(write,),
    )
    os.close(write)
    return process, os.fdopen(read)


class LeftOut:
    """The seeds that fail every time (no space, no good view), kept so that a rerun does not try again."""

    def __init__(self, out):
        self.folder = os.path.join(out, f"left-out-v{plan.VERSION}")

    def seeds(self):
        return {int(name) for name in os.listdir(self.folder)} if os.path.isdir(self.folder) else set()

    def add(self, seed, reason):
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, str(seed)), "w") as file:
            file.write(reason + "\n")


def render(options):
    """Renders what is missing, chunk by chunk, with a line a room: progress, failures, time to go."""
    seeds = plan.chosen(options.rooms, options.shard)
    left_out = LeftOut(options.out)
    known = left_out.seeds() & set(seeds)
    todo = [seed for seed in plan.missing(options.out, seeds) if seed not in known]
    os.makedirs(options.out, exist_ok=True)
    log_path = os.path.join(options.out, f"log-{options.shard.replace('/', '-of-')}.txt")
    print(
        f"{len(todo)} rooms to render, {len(seeds) - len(todo) - len(known)} there already, {len(known)} left"
        f" out before; Blender's own messages go to {log_path}",
        flush=True,
    )
    begin, failed, finished = time.time(), 0, 0

    def tell(line):
        left = (time.time() - begin) / finished * (len(todo) - finished) / 60
        print(f"[{finished}/{len(todo)}, {failed} left out, {left:.0f} min to go] {line}", flush=True)

    while finished < len(todo):
        chunk, heard = todo[finished : finished + ROOMS_A_PROCESS], 0
        with open(log_path, "w") as log:
            process, lines = worker(options, chunk, log)
            with lines:
                for line in lines:
                    if "NoSpace" in line:
                        left_out.add(chunk[heard], line.strip())
                    heard, finished, failed = heard + 1, finished + 1, failed + ("left out" in line)
                    tell(line.strip())
            status = process.wait()
        if heard < len(chunk):  # Blender itself died: that room is lost, the next process takes the others
            finished, failed = finished + 1, failed + 1
            tell(f"room {chunk[heard]}: lost, the process ended with status {status}; run again to retry it")
    minutes = (time.time() - begin) / 60
    print(f"done: {len(todo) - failed} rooms in {minutes:.1f} min, {failed} left out", flush=True)


def main():
    options = arguments()
    try:
        if options.seeds:
            work(options)
        elif options.demo:
            from . import demo

            demo.render_all(options.demo, options.threads)
        elif options.counts:
            from . import counts

            print("\n".join(counts.table(options.out)))
        elif options.sheet:
            from . import counts

            print(f"{options.sheet}: drawn from {counts.sheet(options.out, options.sheet)} frames")
        elif options.check:
            from . import check

            check.run(options)
        else:
            render(options)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
