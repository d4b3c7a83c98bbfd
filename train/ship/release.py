"""`python -m train release`: a training run's best weights become those that ship, with their card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scenepose.data.sources import SOURCES
from scenepose.methods.checkpoint import load_head, save_head
from scenepose.methods.scenepose import ScenePose
from scenepose.model.checkpoint import TEACHER, load_encoder, read_card, save_encoder
from train.fit.teacher import gain
from train.ship import card
from train.ship.balance import balance_postures
from train.ship.calibrate import calibrate

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
    """Write the encoder and the head, its scores calibrated, and their card."""

    run: Path = Path("runs/scenepose")
    """The training run's folder."""
    out: Path = Path("assets/checkpoints")
    """The folder for encoder.safetensors, scenepose.safetensors and the card."""
    which: str = "best"
    """best or last"""
    balance: bool = True
    """Shift each posture's scores first, see `train.ship.balance`."""
    calibrate: bool = True
    """Let scores say how often a template fits, see `train.ship.calibrate`; else they stay as learnt."""
    compute: str = ""
    """A sentence on what the training cost, for the card."""
    licence: str = ""
    """What the data allow, for the card; by default what follows from the run's sources."""


def licence_of(sources: Sequence[str]) -> str:
    """What may be done with weights that learnt from some kinds of source ("nyu", "rooms" ...)."""
    learnt = [SOURCES[kind].licence if kind in SOURCES else kind for kind in dict.fromkeys(sources)]
    use = FOR_RESEARCH if set(sources) - {"rooms"} else AS_BACKBONE
    return LICENCE.format(learnt=", ".join(["an ImageNet backbone", *learnt]), use=use)


def main(config: ReleaseConfig) -> None:
    """Copy, with everything a reader should know."""
    source = config.run / config.which
    encoder, metadata = (
        load_encoder(source / "encoder.safetensors"),
        read_card(source / "encoder.safetensors"),
    )
    head = load_head(source / "scenepose.safetensors", "scenepose", encoder)
    assert isinstance(head, ScenePose)
    run = json.loads((config.run / "config.json").read_text())
    shifts = balance_postures(encoder, head, run["data"]) if config.balance else {}
    calibration = calibrate(encoder, head, run["data"]) if config.calibrate else None
    # Labels are refreshed first when the second stage begins; without self-training there is nothing else.
    refreshed = config.run / "labels.jsonl"
    first = metadata["step"] if run["self_training"] else 0
    if refreshed.is_file():
        first = json.loads(refreshed.read_text().splitlines()[0])["step"]
    teacher, taught = Path(run["teacher"] or ""), None
    if run["distillation_weight"] and teacher.is_file():
        taught = gain(read_card(teacher, TEACHER, "a teacher"))
    sources = [name.split(":")[0] for name in run["data"]]
    released = {
        "step": metadata["step"], "validation": metadata["validation"], "compute": config.compute,
        "data": sources, "licence": config.licence or licence_of(sources),
        "backbone": Path(run["backbone"]).name,
        "calibration": calibration._asdict() if calibration else None,
        "posture_shifts": shifts,
        "second_stage_steps": max(0, metadata["step"] - first), "teacher_gain": taught,
        "run": {name: value for name, value in run.items() if name not in PATHS},
    }  # fmt: skip
    save_encoder(config.out / "encoder.safetensors", encoder, released)
    save_head(config.out / "scenepose.safetensors", "scenepose", head, encoder, released)
    print(f"wrote {config.out}/encoder.safetensors and scenepose.safetensors")
    card.main(card.CardConfig(config.out / "scenepose.safetensors"))
