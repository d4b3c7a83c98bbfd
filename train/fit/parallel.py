"""Several processes as one: every mean is over the whole batch, whichever process holds its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor, nn


def accelerator_of(device: str, precision: str) -> Accelerator:
    """The processes that `accelerate launch` started, or this one alone.

    Args:
        device: auto takes a GPU where there is one; cpu. precision: fp32 or bf16.
    """
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if precision == "bf16" else "no",
        gradient_accumulation_steps=1,
    )
    if accelerator.device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    return accelerator


def global_counts(accelerator: Accelerator, counts: dict[str, Tensor]) -> dict[str, Tensor]:
    """Valid entries of the whole batch, divided by the number of processes.

    A loss divided by this, averaged over the processes, is the mean over all valid entries.
    """
    numbers = torch.stack([count.float() for count in counts.values()])
    numbers = numbers.to(accelerator.device, non_blocking=True)
    if accelerator.num_processes > 1:
        torch.distributed.all_reduce(numbers)
        numbers /= accelerator.num_processes
    return dict(zip(counts, numbers.unbind(), strict=True))


def average(accelerator: Accelerator, tensors: Iterable[Tensor]) -> None:
    """Average tensors of the same shapes over the processes, in place, in one message."""
    if accelerator.num_processes == 1:
        return
    tensors = list(tensors)
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    torch.distributed.all_reduce(flat)
    flat /= accelerator.num_processes
    for tensor, values in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(values.view_as(tensor))


def average_gradients(accelerator: Accelerator, module: nn.Module) -> None:
    """Average a module's gradients over the processes; what has none in one process has none in any.

    This is what DistributedDataParallel does; written out, parts that a stage does not use need no care.
    """
    average(accelerator, [p.grad for p in module.parameters() if p.grad is not None])


def in_parts(
    accelerator: Accelerator, points: NDArray, compute: Callable[[NDArray], tuple[NDArray, ...]]
) -> tuple[NDArray, ...]:
    """``compute(points)``, arrays with a row for each point, each process computing a part of the rows."""
    if accelerator.num_processes == 1:
        return compute(points)
    rank, world = accelerator.process_index, accelerator.num_processes
    parts = gather_object([compute(points[rank::world])])
    order = np.argsort(np.concatenate([np.arange(len(points))[r::world] for r in range(world)]))
    return tuple(np.concatenate(column)[order] for column in zip(*parts, strict=True))
