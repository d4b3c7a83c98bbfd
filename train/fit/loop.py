"""The loop of a training run: steps, logs, validations, and a state that survives being killed."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from shutil import copyfile, rmtree

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import DataLoader

from scenepose.files import replacing
from train.fit.batches import Batch, Batches
from train.fit.config import RunConfig
from train.fit.log import LOGS, Log, cut_log
from train.fit.optimise import Average, learning_rate, optimiser_of
from train.fit.parallel import accelerator_of, average, average_gradients

FILES = ("state.pt", "config.json", *LOGS)
#: Folders of weights in a run's: those of the newest validation, and of the best.
LAST, BEST = "last", "best"


class Run(ABC):
    """A training run: modules, optimisers, average and step, and their place on disk.

    The first module is the one that is averaged, validated and shipped. What a step does depends on the
    state, the seed and the step's number alone, so a run that was broken off ends as an unbroken one.
    """

    config: RunConfig

    def __init__(self, config: RunConfig, accelerator: Accelerator, modules: dict[str, nn.Module]) -> None:
        self.accelerator, self.device = accelerator, accelerator.device
        self.step, self.best, self.ended = 0, -math.inf, ""
        self.modules = {name: module.to(self.device) for name, module in modules.items()}
        for module in self.modules.values():
            module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.main = next(iter(self.modules.values()))
        self.optimisers = {name: optimiser_of(module, config) for name, module in self.modules.items()}
        self.average = Average(self.main, config.ema)

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Update the modules once (`update`), and give the losses by name."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Measures on the fixed validation points, by the averaged weights; saves these."""

    def between_steps(self, figures: dict[str, float] | None) -> dict[str, float] | None:
        """What happens between two steps, after a validation's ``figures``; what to log of it."""
        return None

    def extra(self) -> dict:
        """What else the rest of the run depends on."""
        return {}

    def take(self, extra: dict) -> None:
        """Continue from what `extra` gave."""
        del extra

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """One step; the losses, as means over the whole batch, still on the device."""
        for module in self.modules.values():
            module.train()
        # Dropout depends on the step alone, so that a resumed run equals an unbroken one.
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * world + rank)
        rate = learning_rate(self.step, self.config)
        for group in next(iter(self.optimisers.values())).param_groups:
            group["lr"] = rate * group["share"]
        parts = self.losses(batch)
        self.step += 1
        if self.config.ema:
            self.average.update(self.main, self.step)
        values = torch.stack([value.detach().float() for value in parts.values()])
        average(self.accelerator, [values])
        return dict(zip(parts, values.unbind(), strict=True))

    def update(self, name: str, loss: Tensor) -> Tensor:
        """Move a module down its loss; the gradient's norm."""
        module, optimiser = self.modules[name], self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        average_gradients(self.accelerator, module)
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), self.config.clip, foreach=True)
        optimiser.step()
        return norm

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in place of the last ones."""
        if self.config.ema:
            self.average.swap(self.main)
        try:
            yield
        finally:
            if self.config.ema:
                self.average.swap(self.main)

    def save(self) -> None:
        """Write the state whole or not at all."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "best": self.best,
            "ended": self.ended,
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average.weights,
            "extra": self.extra(),
        }
        with replacing(self.config.out / "state.pt") as part:
            torch.save(state, part)

    def resume(self) -> None:
        """Continue from the state on disk, where there is one; logs of lost steps are cut off."""
        path = self.config.out / "state.pt"
        if path.is_file():
            state = torch.load(path, map_location=self.device, weights_only=True)
            for name, module in self.modules.items():
                module.load_state_dict(state["modules"][name])
                self.optimisers[name].load_state_dict(state["optimisers"][name])
            self.average.weights = state["average"]
            self.step, self.best, self.ended = state["step"], state["best"], state["ended"]
            self.take(state["extra"])
        if self.accelerator.is_main_process:
            for name in LOGS:
                cut_log(self.config.out / name, self.step)
        self.accelerator.wait_for_everyone()

    def keep_best(self, quality: float) -> None:
        """Make the weights in ``last`` the best ones, too, where their quality is higher than any before."""
        if quality > self.best:
            self.best = quality
            if self.accelerator.is_main_process:
                for path in (self.config.out / LAST).glob("*.safetensors"):
                    (self.config.out / BEST).mkdir(exist_ok=True)
                    with replacing(self.config.out / BEST / path.name) as part:
                        copyfile(path, part)


def start(config: RunConfig) -> Accelerator:
    """Make the out folder, see that a run there may be continued, and set up the device.

    Raises:
        ValueError: the folder's run was started with other settings.
    """
    accelerator = accelerator_of(config.device, config.precision)
    saved = config.out / "config.json"
    if accelerator.is_main_process:
        if config.restart and config.out.is_dir():
            for name in FILES:
                (config.out / name).unlink(missing_ok=True)
            for folder in (LAST, BEST):
                rmtree(config.out / folder, ignore_errors=True)
        config.out.mkdir(parents=True, exist_ok=True)
    accelerator.wait_for_everyone()
    if (config.out / "state.pt").is_file() and saved.is_file() and (changed := config.differences(saved)):
        raise ValueError(
            f"the run in {config.out} was started with another {changed[0]}; use --restart or another --out"
        )
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        config.save(saved)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)  # the optimiser's averages of tiny gradients are slow otherwise
    return accelerator


def loader_of(run: Run, batches: Batches) -> DataLoader:
    """The batches that the run has still to see."""
    config = run.config
    return DataLoader(
        batches, batch_size=None, sampler=range(run.step, config.steps), num_workers=config.workers,
        prefetch_factor=2 if config.workers else None, pin_memory=run.device.type == "cuda",
        # Forked processes share the pictures in memory; newer Pythons would copy them.
        multiprocessing_context="fork" if config.workers else None,
    )  # fmt: skip


def train_on(run: Run, loader: Iterable[Batch]) -> None:
    """Step, validate, save, until the steps are done, the run says that it ended, or its minutes are over."""
    config = run.config
    log = Log(config.out, run.step, config.steps, shown=run.accelerator.is_main_process)
    begun = saved = time.monotonic()
    try:
        for batch in loader if not run.ended else ():
            parts = run.train_step(batch)
            log.step(run.step, parts)
            done, figures = run.step == config.steps, None
            if done or run.step % config.validate_every == 0:
                log.read()
                figures = run.validate()
                log.say("validation", run.step, figures)
                log.write("log.jsonl", run.step, {"train": log.smooth, "validation": figures})
            if news := run.between_steps(figures):
                log.say("labels", run.step, news)
                log.write("labels.jsonl", run.step, news)
            over = _over(run, begun)
            done = done or bool(run.ended) or over
            if done or time.monotonic() - saved > 60 * config.save_minutes:
                log.read()
                run.save()
                saved = time.monotonic()
            if done:
                break
    finally:
        log.close()
    if log.shown and (run.ended or run.step < config.steps):
        print(
            run.ended or f"stopped at step {run.step} of {config.steps}; the same command goes on from there"
        )


def _over(run: Run, begun: float) -> bool:
    """Whether the run's minutes are over, by the first process' clock."""
    if not run.config.minutes:
        return False
    over = [time.monotonic() - begun > 60 * run.config.minutes]
    if run.accelerator.num_processes > 1:
        broadcast_object_list(over)
    return over[0]
