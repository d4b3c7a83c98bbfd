"""Files of the heads: half-precision safetensors that say which encoder they belong to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from scenepose.baselines import HEADS, build
from scenepose.baselines.head import Head
from scenepose.errors import CheckpointError
from scenepose.features import fingerprint
from scenepose.model.checkpoint import read_floats, write_tensors
from scenepose.model.scenepose import ScenePose
from scenepose.templates import TemplateSet

FORMAT = "scenepose-baseline"


@dataclass(frozen=True)
class HeadFile:
    """What a head's file says of itself.

    Attributes:
        name: of the system, "vae". parameters: its own, the encoder's aside.
        config: its sizes. template_set: what it was trained with.
        encoder: fingerprint of the encoder that it reads. card: what a reader should know.
    """

    name: str
    parameters: int
    config: dict[str, Any]
    template_set: TemplateSet
    encoder: str
    card: dict[str, Any]


def save_head(path: Path, name: str, head: Head, model: ScenePose, card: dict) -> None:
    """Write what an answer needs of a head; the old file stays until the new one is whole.

    Matrices are stored in half precision; vectors and statistics stay float32.

    Args:
        name: one of `HEADS`.
        model: the encoder that it was trained on.
        card: data, licence, figures ...; must be JSON.
    """
    matrices = {key for key, parameter in head.named_parameters() if parameter.dim() > 1}
    metadata = {
        "format": FORMAT,
        "method": name,
        "parameters": str(head.size),
        "config": json.dumps(asdict(head.sizes)),
        "templates": head.template_set.to_json(),
        "encoder": fingerprint(model),
        "card": json.dumps(card),
    }
    write_tensors(path, head.shipped_state(), matrices, metadata)


def read_head_file(path: Path) -> HeadFile:
    """What a head's file says of itself.

    Raises:
        CheckpointError: there is no such file, or it is no head's.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT or metadata["method"] not in HEADS:
            raise CheckpointError(f"{path} holds no system that ScenePose is compared with")
        return HeadFile(
            metadata["method"], int(metadata["parameters"]), json.loads(metadata["config"]),
            TemplateSet.from_json(metadata["templates"]), metadata["encoder"], json.loads(metadata["card"]),
        )  # fmt: skip
    except (SafetensorError, KeyError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is no checkpoint of a baseline: {error}") from error


def load_head(path: Path, name: str, model: ScenePose, encoder: str | None = None) -> Head:
    """Read a head for an encoder: in evaluation mode, float32, on the CPU.

    Args:
        encoder: the model's fingerprint, where it is known already.

    Raises:
        CheckpointError: the file is missing or damaged, belongs to another system, or to another encoder.
    """
    said = read_head_file(path)
    if said.name != name:
        raise CheckpointError(f"{path} holds the weights of {said.name}, not of {name}")
    if said.encoder != (here := encoder or fingerprint(model)):
        raise CheckpointError(
            f"{path} was trained on the encoder {said.encoder}, and this one is {here}: "
            f"train {name} again with `python -m train baseline {name}`"
        )
    try:
        head = build(name, model.config, said.template_set, said.config)
        missing, strangers = head.load_state_dict(read_floats(path), strict=False)
    except (RuntimeError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{path} does not fit its own description: {error}") from error
    lacking = [key for key in missing if not (head.training_only and key.startswith(head.training_only))]
    if lacking or strangers:
        raise CheckpointError(f"{path} does not fit its own description: {(lacking + strangers)[0]}")
    for part in head.training_only:
        setattr(head, part.rstrip("."), None)
    return head.eval().requires_grad_(False)
