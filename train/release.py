"""`python -m train release`: a training run's best checkpoint becomes the one that ships, with its card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scenepose.model.checkpoint import load_checkpoint, read_card, read_teacher_card, save_checkpoint
from train import card
from train.balance import balance_postures
from train.calibrate import Level, calibrate
from train.teacher import gain

#: What the data allow, in the card.
LICENCE = "The code is MIT; these weights are not under the same terms. They learnt from {learnt}. {use}"
FOR_RESEARCH = (
    "Use them for research and other non-commercial work. For a commercial use train your own: `python -m "
    "train scenepose --data rooms` needs what is bundled and a backbone that you may use."
)
AS_BACKBONE = "They may be used as far as that backbone's terms allow."

#: Settings of a run that say where things lay: nobody's concern.
PATHS = ("data", "out", "backbone", "teacher", "templates", "init")


@dataclass
class ReleaseConfig:
    """Write the checkpoint, its scores calibrated, and its card."""

    run: Path = Path("runs/scenepose")
    """The training run's folder."""
    out: Path = Path("assets/checkpoints/scenepose.safetensors")
    """The checkpoint; the card goes beside it."""
    which: str = "best"
    """best or last"""
    balance: bool = True
    """Shift each posture's scores first, see `train.balance`."""
    calibrate: Level = "shared"
    """See `train.calibrate`; none leaves the scores as they were learnt."""
    compute: str = ""
    """A sentence on what the training cost, for the card."""
    licence: str = ""
    """What the data allow, for the card; by default what follows from the run's sources."""


def licence_of(sources: Sequence[str]) -> str:
    """What may be done with weights that learnt from some sources ("nyu", "rooms" ...)."""
    said = {
        "nyu": "NYUv2 photographs, which are for research",
        "pack": "photographs carried as a pack, whose terms they share",
        "sitcom": "the Sitcom data set, which is for research",
        "rooms": "rooms rendered for this project",
    }
    learnt = [said.get(name, name) for name in dict.fromkeys(sources)]
    use = FOR_RESEARCH if set(sources) - {"rooms"} else AS_BACKBONE
    return LICENCE.format(learnt=", ".join(["an ImageNet backbone", *learnt]), use=use)


def main(config: ReleaseConfig) -> None:
    """Copy, with everything a reader should know."""
    source = config.run / f"{config.which}.safetensors"
    model, said = load_checkpoint(source), read_card(source)
    run = json.loads((config.run / "config.json").read_text())
    shifts = balance_postures(model, run["data"]) if config.balance else {}
    found = calibrate(model, run["data"], config.calibrate)
    # Labels are refreshed first when the second stage begins; without self-training there is nothing else.
    refreshed = config.run / "labels.jsonl"
    first = said["step"] if run["self_training"] else 0
    if refreshed.is_file():
        first = json.loads(refreshed.read_text().splitlines()[0])["step"]
    teacher = Path(run["teacher"] or "")
    taught = gain(read_teacher_card(teacher)) if run["distillation_weight"] and teacher.is_file() else None
    sources = [name.split(":")[0] for name in run["data"]]
    released = {
        "step": said["step"], "validation": said["validation"], "compute": config.compute,
        "data": sources, "licence": config.licence or licence_of(sources),
        "backbone": Path(run["backbone"]).name, "calibration": found._asdict() if found else None,
        "posture_shifts": shifts,
        "second_stage_steps": max(0, said["step"] - first), "teacher_gain": taught,
        "run": {name: value for name, value in run.items() if name not in PATHS},
    }  # fmt: skip
    save_checkpoint(config.out, model, released)
    print(f"wrote {config.out}")
    card.main(card.CardConfig(config.out))
