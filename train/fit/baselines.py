"""`python -m train baseline`: train the methods that the paper's is compared with, on its frozen encoder.

Several are trained in one pass over the data: a batch is encoded once and feeds every method's losses, each
with optimisers of its own. With --finetune one method is trained end to end, with an encoder of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import reduce
from pathlib import Path
from shutil import copyfile

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from scenepose.data.sources import Source, open_source
from scenepose.files import replacing
from scenepose.methods.build import build
from scenepose.methods.checkpoint import load_head, read_head_file, save_head
from scenepose.methods.head import Head, Target
from scenepose.methods.table import METHODS
from scenepose.model.checkpoint import fingerprint, load_encoder, save_encoder
from scenepose.model.encoder import Encoder
from scenepose.model.features import Features, join
from scenepose.pose.templates import TemplateSet
from train.fit.batches import Batch, Batches
from train.fit.clusters import Poses, describe, fit
from train.fit.config import BaselineConfig
from train.fit.loop import BEST, LAST, Run, loader_of, start, train_on
from train.fit.optimise import learning_rate
from train.fit.parallel import average
from train.judge.measure import answer, judged_points, per_point, truth_at

#: The seven, which `all` stands for; `vae30` is asked for by name.
SEVEN = [name for name, method in METHODS.items() if name != "scenepose" and not method.variant]
#: What only evaluation asks for.
VARIANTS = [name for name, method in METHODS.items() if method.variant]
#: Batches by which the encoder's features are standardised before training.
FIRST = 4


class BaselineRun(Run):
    """The run of some methods on one encoder."""

    config: BaselineConfig

    def __init__(
        self,
        config: BaselineConfig,
        accelerator: Accelerator,
        encoder: Encoder,
        heads: dict[str, Head],
        checks: Sequence[Source],
    ) -> None:
        """Points of ``checks`` are validated."""
        self.config, self.heads = config, heads
        modules: dict[str, nn.Module] = dict(heads)
        self.fingerprint = fingerprint(encoder)
        learning = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
        self.encoder = encoder.eval().requires_grad_(False).to(accelerator.device)
        self.encoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if config.finetune:
            for name, parameter in encoder.named_parameters():
                parameter.requires_grad_(name in learning and not name.startswith("surface."))
            modules["encoder"] = encoder
        super().__init__(config, accelerator, {"systems": nn.ModuleDict(modules)})
        self.own = {name: _optimisers(head, encoder, config) for name, head in heads.items()}
        self.qualities = dict.fromkeys(heads, float("-inf"))
        limit = max(1, config.validate_points // max(1, len(checks)))
        points = [judged_points(source.samples, limit) for source in checks]
        self.checks = [(s, p, truth_at(s.samples, p)) for s, p in zip(checks, points, strict=True) if len(p)]

    def encode(self, batch: Batch) -> Features:
        """The features of a batch on the device, at the points where somebody fits; float32."""
        with self.accelerator.autocast(), nullcontext() if self.config.finetune else torch.no_grad():
            features = self.encoder.features(batch.pictures, batch.positions)
        return (features if batch.fits.all() else features.at(batch.fits)).float()

    @torch.no_grad()
    def standardise(self, batches: Sequence[Batch]) -> None:
        """Fix how the methods standardise the encoder's features, from some batches."""
        features = join([self.encode(batch.moved(self.device)) for batch in batches])
        for head in self.heads.values():
            head.standardise(features)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """One update of every method; their totals, and the discriminators' losses."""
        batch = batch.moved(self.device)
        features, target = self.encode(batch), target_of(batch)
        rate = learning_rate(self.step, self.config)
        parts = {}
        for name, head in self.heads.items():
            own, critics = self.own[name]
            if critics is not None:
                parts[f"{name} critic"] = head.critic_loss(features.detach(), target)
                self.descend(parts[f"{name} critic"], critics, rate)
            parts[name] = head.losses(features, target)["total"]
            self.descend(parts[name], own, rate)
        return parts

    def descend(self, loss: Tensor, optimiser: torch.optim.Optimizer, rate: float) -> None:
        """Move an optimiser's parameters, and no others, down a loss."""
        parameters: list[Tensor] = []
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
            parameters += group["params"]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        average(self.accelerator, [p.grad for p in parameters if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(parameters, self.config.clip, foreach=True)
        optimiser.step()

    def validate(self) -> dict[str, float]:
        """Measures on the validation points; each method's best weights so far are kept."""
        figures: dict[str, dict[str, float]] = {}
        with self.averaged():
            self.main.eval()
            found: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in self.heads}
            for source, points, truth in self.checks:
                workers = self.config.workers
                answers = answer(self.encoder, self.heads, source, points, workers=workers, progress=False)
                for name in self.heads:
                    for measure, values in per_point(answers[name], truth).items():
                        found[name].setdefault(measure, []).append(values)
            for name, head in self.heads.items():
                values = {measure: np.concatenate(parts) for measure, parts in found[name].items()}
                figures[name] = {m: float(np.nanmean(v)) for m, v in values.items() if not np.isnan(v).all()}
                if self.accelerator.is_main_process:
                    self.write(name, head, figures[name])
        return {f"{name} {m}": own[m] for name, own in figures.items() for m in ("pck", "mse") if m in own}

    def write(self, name: str, head: Head, figures: dict[str, float]) -> None:
        """Save a method, and its encoder where that has been trained, too; the best ones under ``best``."""
        config, last, best = self.config, self.config.out / LAST, self.config.out / BEST
        card = {
            "step": self.step,
            "validation": figures,
            "data": [source.split(":")[0] for source in config.data],
            "licence": config.licence,
        }
        tag = f"{name}-finetuned" if config.finetune else name
        files = [f"{tag}.safetensors"]
        save_head(last / files[0], name, head, self.encoder, card)
        if config.finetune:
            files.append(f"{tag}.encoder.safetensors")
            save_encoder(last / files[1], self.encoder, card)
        quality = figures.get("pck", 0.0)
        if quality > self.qualities[name]:
            self.qualities[name] = quality
            best.mkdir(parents=True, exist_ok=True)
            for file in files:
                with replacing(best / file) as part:
                    copyfile(last / file, part)

    def extra(self) -> dict:
        """The methods' optimisers, how good their best weights were, and whose features they read."""
        states = {name: [one and one.state_dict() for one in pair] for name, pair in self.own.items()}
        return {"optimisers": states, "qualities": self.qualities, "encoder": self.fingerprint}

    def take(self, extra: dict) -> None:
        """Continue with these.

        Raises:
            ValueError: the run was begun on another encoder.
        """
        if extra["encoder"] != self.fingerprint:
            raise ValueError(
                f"the run in {self.config.out} was begun on another encoder than {self.config.encoder}; use "
                "another --out, or --restart"
            )
        self.qualities = dict(extra["qualities"])
        for name, states in extra["optimisers"].items():
            for one, state in zip(self.own[name], states, strict=True):
                if one is not None:
                    one.load_state_dict(state)


def target_of(batch: Batch) -> Target:
    """The true poses of a batch, at the points where somebody fits."""
    normalised, known, scale = (column[batch.fits] for column in (batch.normalised, batch.known, batch.scale))
    normalised = torch.where(known[..., None], normalised, torch.zeros_like(normalised))
    return Target(normalised * scale[:, None], known, normalised, scale, batch.template[batch.fits])


def _optimisers(
    head: Head, encoder: Encoder, config: BaselineConfig
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer | None]:
    """A method's optimiser, and its discriminator's; matrices decay, vectors do not."""

    def groups(parameters: list[nn.Parameter], share: float) -> list[dict]:
        matrices, vectors = (
            [p for p in parameters if p.requires_grad and (p.dim() > 1) == decays] for decays in (True, False)
        )
        return [
            {"params": matrices, "share": share, "weight_decay": config.weight_decay},
            {"params": vectors, "share": share, "weight_decay": 0.0},
        ]

    own = groups([p for key, p in head.named_parameters() if not key.startswith("critic.")], head.rate)
    if config.finetune:
        own += groups(list(encoder.parameters()), config.backbone_lr)
    kinds: Callable = torch.optim.AdamW
    optimiser = kinds([one for one in own if one["params"]], lr=config.lr, betas=head.betas)
    if head.critic is None:
        return optimiser, None
    judging = groups(list(head.critic.parameters()), head.critic_rate)
    return optimiser, kinds(judging, lr=config.lr, betas=head.betas)


def asked_for(names: Sequence[str], finetune: bool) -> list[str]:
    """The methods to train, in a fixed order.

    Raises:
        ValueError: there is no such method, or several are to be trained end to end at once.
    """
    known = [*SEVEN, *VARIANTS]
    for name in names:
        if name not in (*known, "all"):
            raise ValueError(f"there is no method {name!r} to train here; there is all, {', '.join(known)}")
    if not names:
        raise ValueError(f"name the methods to train: all, or of {', '.join(known)}")
    wanted = [name for name in known if name in names or ("all" in names and name in SEVEN)]
    if finetune and len(wanted) > 1:
        raise ValueError(f"--finetune trains one method with an encoder of its own, not {len(wanted)}")
    return wanted


def fresh_heads(
    names: Sequence[str],
    encoder: Encoder,
    templates: TemplateSet,
    sources: Sequence[Source],
    seed: int = 0,
    sizes: dict[str, dict] | None = None,
) -> dict[str, Head]:
    """Untrained methods; `vae30` gets 30 classes by k-means of the sources' training poses.

    Args:
        templates: of the main method.
        sizes: by name, fields of a method's config that are to differ from the default.
    """
    heads = {}
    for name in names:
        torch.manual_seed(seed)  # so that a method starts the same, whichever others are trained beside it
        template_set = _thirty(sources) if name == "vae30" else templates
        heads[name] = build(name, encoder.config, template_set, (sizes or {}).get(name))
        heads[name].shares_templates = template_set is templates
    return heads


def start_from(head: Head, name: str, encoder: Encoder, folder: Path) -> None:
    """Give a method the weights of ``folder``; what does not ship with them, as a discriminator, stays fresh.

    They may come from an earlier state of the encoder, as long as its maps have the same shape.

    Raises:
        CheckpointError: they are missing, damaged, or of another method.
    """
    path = folder / f"{name}.safetensors"
    before = load_head(path, name, encoder, read_head_file(path).encoder)
    head.load_state_dict(before.state_dict(), strict=False)


def _thirty(sources: Sequence[Source]) -> TemplateSet:
    poses = reduce(Poses.joined, (Poses.primary(source.samples) for source in sources))
    return describe(fit(poses, 30), poses)


def prepare(
    config: BaselineConfig,
    sources: Sequence[Source],
    checks: Sequence[Source],
    sizes: dict[str, dict] | None = None,
) -> tuple[BaselineRun, Batches]:
    """The run, continued where it was broken off, and its batches; ``sizes`` as in `fresh_heads`."""
    names = asked_for(config.methods, config.finetune)
    if not (config.encoder / "encoder.safetensors").is_file():
        raise FileNotFoundError(f"there is no encoder in {config.encoder}: train the main method first")
    accelerator = start(config)
    encoder = load_encoder(config.encoder / "encoder.safetensors")
    templates = read_head_file(config.encoder / "scenepose.safetensors").template_set
    heads = fresh_heads(names, encoder, templates, sources, config.seed, sizes)
    if config.init is not None:
        for name, head in heads.items():
            start_from(head, name, encoder, config.init)
    run = BaselineRun(config, accelerator, encoder, heads, checks)
    run.resume()
    batches = Batches(
        sources, templates, config, view_size=encoder.config.view_size,
        part=(accelerator.process_index, accelerator.num_processes),
    )  # fmt: skip
    if run.step == 0 and config.init is None:
        run.standardise([batches.whole(step) for step in range(min(FIRST, config.steps))])
    return run, batches


def main(config: BaselineConfig) -> None:
    """Train until `config.steps`."""
    sources = [open_source(name, "train") for name in config.data]
    checks = [open_source(name, "val") for name in config.data]
    run, batches = prepare(config, sources, checks)
    train_on(run, loader_of(run, batches))
    sizes = {
        path.stem: os.path.getsize(path) / 1e6 for path in sorted((config.out / BEST).glob("*.safetensors"))
    }
    print(", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items()))
