"""`python -m train release`: a training run's best checkpoint becomes the one that ships, with its card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scenepose.data.samples import KINDS
from scenepose.data.sources import open_source
from scenepose.model.checkpoint import load_checkpoint, read_card, save_checkpoint
from scenepose.model.scenepose import ScenePose
from train.judge import POSTURES, answer, judged_points, truth_at

CARD = """# {name}

A generator of human poses for a point in a picture of a place: 16 MPII keypoints for each of
{templates} pose templates, with a compatibility score each. Method: Yao, Chen, Niu, Sheng,
"Scene-aware Human Pose Generation using Transformer", ACM MM 2023, written new.
{parameters:.1f} million parameters, half precision, {megabytes:.1f} MB.

**Trained on** {data}; {steps} steps of {frames} frames with {points} points each, from {backbone} weights.

**Licence.** {licence}

**Validation** (the run's own fixed points, averaged weights; PCK@0.2 of the top pose, best of 3 and of 5):

{figures}

{shifted}

**Training.** {method}

**Limits.** Poses are what a placer computed to fit physically, drawn from few kinds ({kinds}); the
compatibility score is trained to rank, and a positive weighs {pos_weight} times a negative, so it is no
probability. Views are {view_size} pixels wide; the paper has 224.
"""


SHIFTED = """These are from before the sitting templates' logits were shifted by {shift:.2f}, so that on
validation points sitting and standing people are told equally well; the README's figures are from after."""


@dataclass
class ReleaseConfig:
    """Write the checkpoint and its card."""

    run: Path = Path("runs/scenepose")
    out: Path = Path("assets/checkpoints/scenepose.safetensors")
    which: str = "best"  # best or last
    balance: bool = True  # shift the sitting templates' scores, see `posture_shift`
    # What the data allow: say it in the card.
    licence: str = (
        "The code is MIT; these weights are not under the same terms. They learnt from NYUv2 photographs, "
        "which are for research, from an ImageNet backbone, and from rooms rendered for this project. Use "
        "them for research and other non-commercial work. For a commercial use train your own: `python -m "
        "train scenepose --data rooms` needs what is bundled and a backbone that you may use."
    )


def posture_shift(logits: NDArray, sits: NDArray, only_sitting: NDArray, only_upright: NDArray) -> float:
    """What to add to the sitting templates' logits so that both postures are told equally well.

    Seated people face all ways, so their score is shared among more templates than that of people who stand
    and mostly face us; the top pose then stands too often.

    Args:
        logits: (N, K). sits: (K,) bool, templates that sit.
        only_sitting, only_upright: (N,) bool, points where poses of one posture only are known to fit.

    Returns:
        The shift, 0 to 3, with the highest mean of the two shares of right top poses; the smallest such.
        0 where one of the two has no points.
    """
    if not (only_sitting.any() and only_upright.any() and sits.any() and (~sits).any()):
        return 0.0
    lead = logits[:, ~sits].max(1) - logits[:, sits].max(1)
    shifts = np.arange(0, 3.01, 0.05)
    right = [((lead < s)[only_sitting].mean() + (lead >= s)[only_upright].mean()) / 2 for s in shifts]
    return float(shifts[int(np.argmax(right))])


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


def _logit(scores: NDArray) -> NDArray:
    clear = scores.clip(1e-7, 1 - 1e-7)  # saturated scores have no finite logit
    return np.log(clear / (1 - clear))


def balance_postures(model: ScenePose, data: list[str], points: int = 300) -> float:
    """Shift a model's classifier by `posture_shift`, found on validation points of its sources."""
    columns: list[tuple[NDArray, NDArray, NDArray]] = []
    for name in data:
        source = open_source(name, "val")
        chosen = judged_points(source.samples, points)
        scores = answer(model, source, chosen).scores
        assert scores is not None
        upright = {KINDS.index(kind) for kind in POSTURES}
        valid = [set(kinds.tolist()) for kinds in truth_at(source.samples, chosen).valid_kinds]
        sitting = np.array([kinds == {KINDS.index("sit")} for kinds in valid])
        columns.append((_logit(scores), sitting, np.array([kinds <= upright for kinds in valid])))
    sits = np.array([kind == "sit" for kind in model.template_kinds])
    shift = posture_shift(*(np.concatenate([c[0] for c in columns]), sits),
                          *(np.concatenate([c[n] for c in columns]) for n in (1, 2)))  # fmt: skip
    with torch.no_grad():
        model.foundation.classifier.bias.add_(shift * torch.from_numpy(sits).float())
    return shift


def main(config: ReleaseConfig) -> None:
    """Copy, with everything a reader should know."""
    source = config.run / f"{config.which}.safetensors"
    model, card = load_checkpoint(source), read_card(source)
    run = json.loads((config.run / "config.json").read_text())
    data = [name.split(":")[0] for name in run["data"]]
    shift = balance_postures(model, run["data"]) if config.balance else 0.0
    card = {
        "step": card["step"], "validation": card["validation"], "data": data, "licence": config.licence,
        "backbone": Path(run["backbone"]).name, "pos_weight": run["pos_weight"], "posture_shift": shift,
    }  # fmt: skip
    save_checkpoint(config.out, model, card)
    text = CARD.format(
        name=config.out.stem, templates=len(model.templates), data=" and ".join(data), steps=card["step"],
        parameters=sum(p.numel() for p in model.parameters()) / 1e6,
        megabytes=config.out.stat().st_size / 1e6, frames=run["frames"], points=run["points_per_frame"],
        backbone=card["backbone"], licence=config.licence, pos_weight=run["pos_weight"],
        view_size=model.config.view_size, shifted=SHIFTED.format(shift=shift) if shift else "",
        method=method_of(run), kinds=", ".join(dict.fromkeys(model.template_kinds)),
        figures="\n".join(f"- {name}: {value:.3f}" for name, value in card["validation"].items()),
    )  # fmt: skip
    config.out.with_suffix(".md").write_text(text)
    print(f"wrote {config.out} and {config.out.with_suffix('.md')}")
