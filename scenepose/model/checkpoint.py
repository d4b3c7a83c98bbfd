"""Checkpoints: half-precision safetensors that carry everything needed to use them.

The encoder is one file; every method's head is another, which names its encoder
(`scenepose.methods.checkpoint`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from scenepose.errors import CheckpointError
from scenepose.files import replacing
from scenepose.model.encoder import Encoder, EncoderConfig
from scenepose.model.teacher import Teacher
from scenepose.pose.templates import TemplateSet

ENCODER, TEACHER = "scenepose-encoder", "scenepose-teacher"


def save_encoder(path: Path, encoder: Encoder, card: dict) -> None:
    """Write an encoder so that `load_encoder` needs nothing else. The old file stays until the new is whole.

    Args:
        card: what a reader should know (data, licence, figures ...); must be JSON.
    """
    write(
        path,
        encoder,
        {"format": ENCODER, "config": json.dumps(asdict(encoder.config)), "card": json.dumps(card)},
    )


def load_encoder(path: Path) -> Encoder:
    """Read an encoder: in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: there is no such file, or it is not an encoder's.
    """
    metadata = read_metadata(path, ENCODER, "the encoder")
    with fitting(path):
        encoder = Encoder(EncoderConfig(**json.loads(metadata["config"])))
        encoder.load_state_dict(read_floats(path))
    return encoder.to(memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]


def fingerprint(encoder: Encoder) -> str:
    """What tells one encoder's weights from another's: 16 hexadecimal digits.

    It covers what F is made of, as a checkpoint stores it, so that saving and loading do not change it.
    """
    config = asdict(encoder.config)
    parts = {name: config[name] for name in ("view_size", "channels", "views", "three_views")}
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8)
    for name, tensor in sorted(encoder.state_dict().items()):
        if name.startswith("surface.") or name.endswith("num_batches_tracked"):
            continue
        tensor = tensor.detach().cpu()
        digest.update(name.encode())
        digest.update((tensor.half() if tensor.dim() > 1 else tensor.float()).contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_teacher(path: Path, teacher: Teacher, templates: TemplateSet, card: dict) -> None:
    """Write a teacher so that `load_teacher` needs nothing else."""
    config = {name: getattr(teacher, name) for name in ("features", "offset_range", "view_size")}
    metadata = {"format": TEACHER, "config": json.dumps(config), "templates": templates.to_json()}
    write(path, teacher, {**metadata, "card": json.dumps(card)})


def load_teacher(path: Path) -> tuple[Teacher, TemplateSet]:
    """Read a teacher and the templates that it learnt: in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: there is no such file, or it is not a teacher's.
    """
    metadata = read_metadata(path, TEACHER, "a teacher")
    with fitting(path):
        teacher = Teacher(**json.loads(metadata["config"]))
        teacher.load_state_dict(read_floats(path))
        return teacher.eval(), TemplateSet.from_json(metadata["templates"])


def read_card(path: Path, kind: str = ENCODER, name: str = "the encoder") -> dict:
    """The card that a file was saved with.

    Raises:
        CheckpointError: there is no such file, or it holds something else.
    """
    return json.loads(read_metadata(path, kind, name)["card"])


def write(
    path: Path, module: nn.Module, metadata: dict[str, str], state: dict[str, Tensor] | None = None
) -> None:
    """Write a module's weights: matrices in half precision; vectors (norms, biases) and statistics stay
    float32, because they cost nothing and some would underflow.

    Args:
        state: the weights to write; by default all of the module's.
    """
    matrices = {name for name, parameter in module.named_parameters() if parameter.dim() > 1}
    tensors = {
        name: (tensor.half() if name in matrices else tensor).contiguous()
        for name, tensor in (module.state_dict() if state is None else state).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        save_file(tensors, str(part), metadata)


def read_floats(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, those of floating point as float32."""
    with safe_open(str(path), "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def read_metadata(path: Path, kind: str, name: str) -> dict[str, str]:
    """A file's metadata.

    Args:
        kind: the format that it should have. name: what such a file holds, for the message.

    Raises:
        CheckpointError: there is no such file, or it holds something else.
    """
    if not path.is_file():
        raise CheckpointError(f"the weights of {name} are missing: there is no file {path}")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} does not hold the weights of {name}: {error}") from error
    if metadata.get("format") != kind:
        raise CheckpointError(f"{path} does not hold the weights of {name}")
    return metadata


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """What does not fit a file's own description is a CheckpointError that names the file."""
    try:
        yield
    except (RuntimeError, TypeError, KeyError, ValueError, SafetensorError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} does not fit its own description: {error}") from error
