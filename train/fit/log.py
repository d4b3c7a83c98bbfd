"""What a training run says of itself: a progress bar, TensorBoard, and files with a JSON object a line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from scenepose.files import replacing

#: Files that a run adds lines to; each has its "step".
LOGS = ("log.jsonl", "labels.jsonl")

#: A step, the names of its losses, their values, and on a GPU the event after which they are there.
Pending = tuple[int, list[str], Tensor, torch.cuda.Event | None]


def cut_log(path: Path, step: int) -> None:
    """Drop the lines of later steps, which a run that was broken off will do again."""
    if path.is_file():
        lines = [line for line in path.read_text().splitlines() if json.loads(line)["step"] <= step]
        with replacing(path) as part:
            part.write_text("".join(line + "\n" for line in lines))


class Log:
    """Losses as they come, smoothed; the bar, TensorBoard and ``log.jsonl``.

    A step's losses are read when the next step is on its way, so that a GPU never waits for the CPU.
    """

    def __init__(self, out: Path, step: int, steps: int, *, shown: bool) -> None:
        """``step`` of ``steps`` are done; only the process that is ``shown`` prints and writes."""
        self.out, self.shown = out, shown
        self.smooth: dict[str, float] = {}
        self.pending: Pending | None = None
        self.board = _board(out, step) if shown else None
        self.bar = tqdm(total=steps, initial=step, desc="training", unit="step", disable=not shown)

    def step(self, step: int, parts: dict[str, Tensor]) -> None:
        """Take the losses of a step, the ``step``-th from 1, and read those of the step before."""
        numbers = torch.stack(list(parts.values()))
        done = None
        if numbers.is_cuda:
            numbers, done = numbers.to("cpu", non_blocking=True), torch.cuda.Event()
            done.record()
        before, self.pending = self.pending, (step, list(parts), numbers, done)
        self._read(before)
        self.bar.update()

    def read(self) -> None:
        """Read what is pending. Raises FloatingPointError where it is not finite."""
        pending, self.pending = self.pending, None
        self._read(pending)

    def _read(self, pending: Pending | None) -> None:
        if pending is None:
            return
        step, names, numbers, done = pending
        if done is not None:
            done.synchronize()
        found: list[float] = numbers.tolist()
        values = dict(zip(names, found, strict=True))
        if not all(map(math.isfinite, values.values())):
            raise FloatingPointError(
                f"the loss of step {step - 1} is not finite; the last good state stays in {self.out}"
            )
        self.smooth = {name: 0.95 * self.smooth.get(name, v) + 0.05 * v for name, v in values.items()}
        self.bar.set_postfix({name: f"{v:.3f}" for name, v in self.smooth.items()}, refresh=False)
        if step % 25 == 0 or step == 1:
            self.scalars("train", self.smooth, step)

    def scalars(self, group: str, values: dict[str, float], step: int) -> None:
        """Show numbers in TensorBoard."""
        for name, value in values.items() if self.board is not None else ():
            self.board.add_scalar(f"{group}/{name}", value, step)  # pyright: ignore[reportOptionalMemberAccess]

    def write(self, name: str, step: int, line: dict) -> None:
        """Add a line to a log file."""
        if self.shown:
            with (self.out / name).open("a") as log:
                log.write(json.dumps({"step": step, **line}) + "\n")

    def say(self, group: str, step: int, figures: dict[str, float]) -> None:
        """Print figures, and show them in TensorBoard."""
        if self.shown:
            words = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
            tqdm.write(f"step {step} {group}: {words}")
            self.scalars(group, figures, step)

    def close(self) -> None:
        """Finish the bar and the board."""
        self.bar.close()
        if self.board is not None:
            self.board.close()


def _board(out: Path, step: int):
    """TensorBoard's writer, where it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"), purge_step=step or None)
