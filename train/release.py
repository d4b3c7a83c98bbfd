"""`python -m train release`: a training run's best checkpoint becomes the one that ships, with its card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scenepose.model.checkpoint import load_checkpoint, read_card, save_checkpoint
from train.calibrate import Level, calibrate

CARD = """# {name}

A generator of human poses for a point in a picture of a place: 16 MPII keypoints for each of
{templates} pose templates, with a compatibility score each. Method: Yao, Chen, Niu, Sheng,
"Scene-aware Human Pose Generation using Transformer", ACM MM 2023, written new.
{parameters:.1f} million parameters, half precision, {megabytes:.1f} MB.

**Trained on** {data}; {steps} steps of {frames} frames with {points} points each, from {backbone} weights.

**Licence.** {licence}

**Validation** (the run's own fixed points, averaged weights; PCK@0.2 of the top pose, best of 3 and of 5):

{figures}

**Scores.** {scores}

**Training.** {method}

**Limits.** Poses are what a placer computed to fit physically, drawn from few kinds ({kinds}). Views are
{view_size} pixels wide; the paper has 224.
"""


CALIBRATED = """The scores were calibrated on {points} validation points ({empty} of them where nobody fits):
of the templates with a score of 0.7 about 70 % fit, as far as the placer found. The figures above are from
before, the README's from after."""

UNCALIBRATED = """The compatibility score is trained to rank, and a positive weighs {pos_weight} times a
negative, so it is no probability."""


@dataclass
class ReleaseConfig:
    """Write the checkpoint and its card."""

    run: Path = Path("runs/scenepose")
    out: Path = Path("assets/checkpoints/scenepose.safetensors")
    which: str = "best"  # best or last
    calibrate: Level = "templates"  # see `train.calibrate`; none leaves the scores as they were learnt
    # What the data allow: say it in the card.
    licence: str = (
        "The code is MIT; these weights are not under the same terms. They learnt from NYUv2 photographs, "
        "which are for research, from an ImageNet backbone, and from rooms rendered for this project. Use "
        "them for research and other non-commercial work. For a commercial use train your own: `python -m "
        "train scenepose --data rooms` needs what is bundled and a backbone that you may use."
    )


def method_of(run: dict) -> str:
    """A sentence or two on which parts of the method a run used, from its config."""
    parts = {
        "distillation from a teacher": run.get("distillation_weight"),
        "self-training in two stages": run.get("self_training"),
        "the adversarial loss": run.get("adversarial_weight"),
    }
    used, without = ([name for name, weight in parts.items() if bool(weight) == on] for on in (True, False))
    listed = (("With", used), ("Without", without))
    sentences = [f"{word} {', '.join(names)}." for word, names in listed if names]
    frozen = run["model"]["freeze_stages"]
    sentences.append(
        f"{frozen} of the backbone's 4 stages stayed fixed." if frozen else "Nothing stayed fixed."
    )
    return " ".join(sentences)


def main(config: ReleaseConfig) -> None:
    """Copy, with everything a reader should know."""
    source = config.run / f"{config.which}.safetensors"
    model, card = load_checkpoint(source), read_card(source)
    run = json.loads((config.run / "config.json").read_text())
    data = [name.split(":")[0] for name in run["data"]]
    found = calibrate(model, run["data"], config.calibrate)
    card = {
        "step": card["step"], "validation": card["validation"], "data": data, "licence": config.licence,
        "backbone": Path(run["backbone"]).name, "pos_weight": run["pos_weight"],
        "calibration": found._asdict() if found else None,
    }  # fmt: skip
    save_checkpoint(config.out, model, card)
    text = CARD.format(
        name=config.out.stem, templates=len(model.templates), data=" and ".join(data), steps=card["step"],
        parameters=sum(p.numel() for p in model.parameters()) / 1e6,
        megabytes=config.out.stat().st_size / 1e6, frames=run["frames"], points=run["points_per_frame"],
        backbone=card["backbone"], licence=config.licence, view_size=model.config.view_size,
        scores=CALIBRATED.format(points=found.points, empty=found.empty)
        if found
        else UNCALIBRATED.format(pos_weight=run["pos_weight"]),
        method=method_of(run), kinds=", ".join(dict.fromkeys(model.template_kinds)),
        figures="\n".join(f"- {name}: {value:.3f}" for name, value in card["validation"].items()),
    )  # fmt: skip
    config.out.with_suffix(".md").write_text(text)
    print(f"wrote {config.out} and {config.out.with_suffix('.md')}")
