"""Files of the methods' heads: half-precision safetensors that say which encoder they read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scenepose.errors import CheckpointError
from scenepose.methods.build import build
from scenepose.methods.head import Head
from scenepose.methods.table import METHODS
from scenepose.model.checkpoint import fingerprint, fitting, read_floats, read_metadata, write
from scenepose.model.encoder import Encoder
from scenepose.pose.templates import TemplateSet

HEAD = "scenepose-head"


@dataclass(frozen=True)
class HeadFile:
    """What a head's file says of itself.

    Attributes:
        name: of the method, "vae". parameters: its own, the encoder's aside.
        config: its sizes. template_set: what it was trained with.
        encoder: fingerprint of the encoder that it reads. card: what a reader should know.
    """

    name: str
    parameters: int
    config: dict[str, Any]
    template_set: TemplateSet
    encoder: str
    card: dict[str, Any]


def save_head(path: Path, name: str, head: Head, encoder: Encoder, card: dict) -> None:
    """Write what an answer needs of a head; the old file stays until the new one is whole.

    Args:
        name: one of `METHODS`.
        encoder: the one that it was trained on.
        card: data, licence, figures ...; must be JSON.
    """
    metadata = {
        "format": HEAD,
        "method": name,
        "parameters": str(head.size),
        "config": json.dumps(asdict(head.sizes)),
        "templates": head.template_set.to_json(),
        "encoder": fingerprint(encoder),
        "card": json.dumps(card),
    }
    write(path, head, metadata, head.shipped_state())


def read_head_file(path: Path) -> HeadFile:
    """What a head's file says of itself.

    Raises:
        CheckpointError: there is no such file, or it is not a method's.
    """
    metadata = read_metadata(path, HEAD, "a method")
    with fitting(path):
        if metadata["method"] not in METHODS:
            raise CheckpointError(f"{path} holds the weights of {metadata['method']}, an unknown method")
        return HeadFile(
            metadata["method"], int(metadata["parameters"]), json.loads(metadata["config"]),
            TemplateSet.from_json(metadata["templates"]), metadata["encoder"], json.loads(metadata["card"]),
        )  # fmt: skip


def load_head(path: Path, name: str, encoder: Encoder, print_of_encoder: str | None = None) -> Head:
    """Read a head for an encoder: in evaluation mode, float32, on the CPU.

    Args:
        print_of_encoder: the encoder's fingerprint, where it is known already.

    Raises:
        CheckpointError: the file is missing or damaged, belongs to another method, or to another encoder.
    """
    file = read_head_file(path)
    if file.name != name:
        raise CheckpointError(f"{path} holds the weights of {file.name}, not of {name}")
    if file.encoder != (here := print_of_encoder or fingerprint(encoder)):
        raise CheckpointError(
            f"{path} was trained on the encoder {file.encoder}, and this one is {here}: "
            f"train {name} again with `python -m train baseline {name}`"
        )
    with fitting(path):
        head = build(name, encoder.config, file.template_set, file.config)
        missing, strangers = head.load_state_dict(read_floats(path), strict=False)
    lacking = [key for key in missing if not (head.training_only and key.startswith(head.training_only))]
    if lacking or strangers:
        raise CheckpointError(f"{path} does not fit its own description: {(lacking + strangers)[0]}")
    for part in head.training_only:
        setattr(head, part.rstrip("."), None)
    return head.eval().requires_grad_(False)
