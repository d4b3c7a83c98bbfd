"""`python -m train release-baselines`: trained methods become the ones that ship, beside the main one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile

from scenepose.files import replacing
from scenepose.methods.checkpoint import HeadFile, read_head_file
from scenepose.model.checkpoint import fingerprint, load_encoder
from train.fit.baselines import SEVEN
from train.fit.loop import BEST

#: The most that they may weigh together, in megabytes.
LIMIT = 60.0

CARD = """# The methods that ScenePose is compared with

Heads on the frozen encoder in `encoder.safetensors` ({encoder}), which they name and without which they are
refused; trained by `python -m train baseline all`, half precision, {megabytes:.1f} MB together. What each is
stands in its file in `scenepose/methods`.

| | parameters | steps | PCK@0.2, validation | MSE, validation |
|---|---|---|---|---|
{rows}

**Trained on** {data}. **Licence.** {licence}
"""


@dataclass
class ReleaseBaselinesConfig:
    """Copy a run's best heads to where the package looks for them, and write their card."""

    run: Path = Path("runs/baselines")
    """The training run's folder."""
    out: Path = Path("assets/checkpoints")
    """Where the main model is, and the heads go."""
    methods: list[str] = field(default_factory=lambda: list(SEVEN))
    """Which of them."""


def row(name: str, file: HeadFile) -> str:
    """A line of the card's table."""
    figures = file.card.get("validation", {})
    pck, mse = figures.get("pck", float("nan")), figures.get("mse", float("nan"))
    return f"| {name} | {file.parameters / 1e6:.2f} M | {file.card.get('step')} | {pck:.3f} | {mse:.4f} |"


def main(config: ReleaseBaselinesConfig) -> None:
    """Check all, then copy all.

    Raises:
        CheckpointError: a file is missing or damaged. ValueError: one belongs to another encoder than the one
            that ships, or they weigh too much.
    """
    encoder = fingerprint(load_encoder(config.out / "encoder.safetensors"))
    paths = {name: config.run / BEST / f"{name}.safetensors" for name in config.methods}
    files = {name: read_head_file(path) for name, path in paths.items()}
    for name, file in files.items():
        if file.encoder != encoder:
            raise ValueError(f"{paths[name]} was trained on the encoder {file.encoder}, and {encoder} ships")
    megabytes = sum(path.stat().st_size for path in paths.values()) / 1e6
    if megabytes > LIMIT:
        raise ValueError(f"the heads weigh {megabytes:.1f} MB together, and {LIMIT:.0f} MB is the limit")
    for name, path in paths.items():
        with replacing(config.out / f"{name}.safetensors") as part:
            copyfile(path, part)
    card = next(iter(files.values())).card
    text = CARD.format(
        encoder=encoder, megabytes=megabytes, rows="\n".join(row(name, file) for name, file in files.items()),
        data=" and ".join(card.get("data", [])), licence=card.get("licence", ""),
    )  # fmt: skip
    (config.out / "baselines.md").write_text(text)
    print(f"{len(paths)} methods, {megabytes:.1f} MB, are in {config.out}")
