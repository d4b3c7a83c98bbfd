"""`python -m train COMMAND`: everything that makes what the package ships."""

from __future__ import annotations

import sys
from importlib import import_module

import tyro

#: Command -> module whose ``main`` runs it, and what it does. Modules load only when their command is called.
COMMANDS = {
    "poses": ("train.world.poses", "fit the pose sampler to recorded 3-D poses"),
    "place": ("train.world.place.command", "put people into RGB-D frames: makes a source's samples"),
    "reprior": ("train.world.reprior", "choose anew who is shown at the points of stored samples"),
    "empty": ("train.world.empty", "make pictures where nobody fits, for the source empty:DIR"),
    "stats": ("train.world.stats", "count what a source holds"),
    "compare-poses": (
        "train.world.compare_poses",
        "compare placed poses with real 2-D poses: table and plot",
    ),
    "convert": ("train.world.convert", "turn samples into the Sitcom layout or back"),
    "sheet": ("train.judge.sheet", "draw contact sheets of samples or predictions"),
    "templates": ("train.fit.templates", "fit pose templates to a source's training poses"),
    "pack": ("train.world.pack", "write a source as a small folder to carry elsewhere"),
    "teacher": ("train.fit.teacher", "train the teacher that the main model learns from"),
    "scenepose": ("train.fit.main", "train the main model"),
    "baseline": ("train.fit.baselines", "train the systems that the main model is compared with"),
    "release-baselines": ("train.ship.release_baselines", "make trained systems the ones that ship"),
    "clicks": ("train.judge.clicks", "judge the answers to clicks that a person would make on photographs"),
    "no-rooms": ("train.judge.no_rooms", "click on pictures that are no rooms: does the model say so?"),
    "compare": ("train.judge.compare", "draw every method's answer at some points: the README's figure"),
    "evaluate": ("train.judge.evaluate", "measure methods on a source, write results.json and results.md"),
    "verdicts": (
        "train.judge.verdicts",
        "draw the model's answers for people to judge, and count what they say",
    ),
    "ablate": ("train.judge.ablate", "train and compare the method with parts left out"),
    "release": (
        "train.ship.release",
        "turn a training run into the checkpoint that ships, with its model card",
    ),
    "card": ("train.ship.card", "write the model card with evaluations, verdicts and ablations"),
    "pipeline": ("train.ship.pipeline", "draw how an answer comes about, for the tab How it works"),
    "docs": ("train.ship.docs", "write the figures of the documentation from what was measured"),
}


def main() -> None:
    """Hand the command line to a command."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help") or name not in COMMANDS:
        print("usage: python -m train COMMAND [options]; python -m train COMMAND --help lists the options\n")
        for command, (_, meaning) in COMMANDS.items():
            print(f"  {command:18s} {meaning}")
        raise SystemExit(0 if name in ("-h", "--help") else f"\nthere is no command {name!r}")
    command = import_module(COMMANDS[name][0]).main
    flat = (tyro.conf.OmitArgPrefixes,)
    try:
        tyro.cli(command, args=sys.argv[2:], prog=f"python -m train {name}", config=flat)
    except (FileNotFoundError, ValueError, FloatingPointError) as error:
        raise SystemExit(f"{name}: {error}") from error


if __name__ == "__main__":
    main()
