"""Self-training (paper): which templates are positive at each training point, and when it ends.

Stage 1 knows one positive, the template nearest to the true pose. In stage 2 every template whose score
exceeds a threshold is positive too. Because our samples know every pose that fits, the labels that this adds
can be checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scenepose.data.sources import Source
from scenepose.pose.geometry import decompose
from scenepose.pose.skeleton import mirror
from scenepose.pose.templates import TemplateSet
from train.fit.batches import Batch
from train.judge.measure import truth_at, valid_templates


@dataclass
class Stages:
    """When the second stage begins: held-out classification accuracy has started to fall.

    Attributes:
        switched: the step at which the second stage began; -1 during the first.
        best: highest accuracy so far. falling: validations in a row below it.
    """

    switched: int = -1
    best: float = -1.0
    falling: int = 0

    def seen(self, accuracy: float, step: int, patience: int) -> None:
        """Take note of a validation of the first stage."""
        if self.switched >= 0:
            return
        self.falling = 0 if accuracy > self.best else self.falling + 1
        self.best = max(self.best, accuracy)
        if self.falling >= patience:
            self.switched = step


@dataclass
class Labels:
    """What self-training added: the labels beside the nearest template's.

    Attributes:
        nearest: (P, 2) the nearest template at each training point, as pictured and mirrored; -1 where nobody
            fits. Points are counted through all sources.
        added: (P, 2, K) bool, other positive templates, as pictured and mirrored.
        labelled: (P, 2) bool, where labels were ever added: a point is labelled before it is shown.
    """

    nearest: NDArray
    added: NDArray
    labelled: NDArray
    _truth: tuple[NDArray, NDArray] | None = field(default=None, repr=False)

    @classmethod
    def none(cls, sources: Sequence[Source], templates: TemplateSet) -> Labels:
        """The labels of the first stage."""
        columns = []
        for source in sources:
            both = np.full((len(source.samples), 2), -1)
            points = np.flatnonzero(source.samples.primary_rows >= 0)
            rows = source.samples.primary_rows[points]
            known = source.samples.visibility[rows] >= 1
            poses = np.where(known[..., None], source.samples.normalised_unit(rows), np.nan)
            plain = decompose(poses.astype(np.float64))[2]
            for side, some in enumerate((plain, mirror(plain))):
                both[points, side] = templates.nearest(some, source.samples.kinds[rows])
            columns.append(both)
        nearest = np.concatenate(columns)
        shape = nearest.shape
        return cls(nearest, np.zeros((*shape, len(templates)), bool), np.zeros(shape, bool))

    def due(self, points: NDArray, mirrored: NDArray, limit: int) -> tuple[NDArray, NDArray]:
        """What to label before points (n,) are shown, mirrored (n,) or not: the first ``limit`` different
        ones (0: all) at which somebody fits, (m,) each."""
        shown = np.stack([points, mirrored.astype(np.int64)], 1)[self.nearest[points, 0] >= 0]
        _, first = np.unique(shown, axis=0, return_index=True)
        chosen = shown[np.sort(first)[: limit or None]]
        return chosen[:, 0], chosen[:, 1].astype(bool)

    def refresh(self, points: NDArray, mirrored: NDArray, scores: NDArray, threshold: float) -> float:
        """Label points (n,), mirrored (n,) or not, anew from their scores (n, K).

        Returns:
            The share of positive labels that changed where there had been labels before, NaN if nowhere. (Of
            all labels hardly any is positive: their share would be small whatever happens.)
        """
        side = mirrored.astype(np.int64)
        found = (scores > threshold) & (np.arange(scores.shape[-1]) != self.nearest[points, side][:, None])
        again = self.labelled[points, side]
        before = self.added[points, side]
        either = int((found | before)[again].sum())
        changed = float((found != before)[again].sum() / max(1, either)) if again.any() else float("nan")
        self.added[points, side] = found
        self.labelled[points, side] = True
        return changed

    def checked(self, sources: Sequence[Source], templates: TemplateSet) -> dict[str, float]:
        """Precision and recall of the added labels against the poses known to fit, of the points labelled as
        pictured.

        Labels count where the template's kind was tried at the point. ``chance`` is the precision of adding
        any template. All three are missing where the source knows but one pose a point.
        """
        if self._truth is None:
            self._truth = _truth(sources, templates)
        somebody = np.flatnonzero(self.nearest[:, 0] >= 0)
        here = self.labelled[somebody, 0]
        points = somebody[here]
        fits, counted = (known[here] for known in self._truth)
        others = np.arange(len(templates)) != self.nearest[points, :1]
        counted, fits, added = counted & others, fits & others, self.added[points, 0]
        right = float((added & fits).sum())
        per_point = {"added_per_point": float(added.sum() / max(1, len(points)))}
        if not counted.any():  # a source that knows one pose a point cannot judge
            return per_point
        return {
            **per_point,
            "precision": right / max(1, int((added & counted).sum())),
            "recall": right / max(1, int(fits.sum())),
            "chance": float(fits.sum() / max(1, int(counted.sum()))),
        }

    def apply(self, batch: Batch) -> tuple[Batch, Tensor, Tensor]:
        """A batch (on the CPU) with the added labels, and whose poses to ask for.

        Returns:
            The batch; asked (B, n) int64, templates whose poses are wanted, the nearest one first; others
            (B, n) bool, which of them are positive beside it.
        """
        added = torch.from_numpy(self.added[batch.sample.numpy(), batch.mirrored.numpy().astype(int)])
        positive = torch.where(added, torch.ones_like(batch.positive), batch.positive)
        batch = batch._replace(positive=positive, counted=batch.counted | added)
        return batch, *asked(batch)


def asked(batch: Batch) -> tuple[Tensor, Tensor]:
    """Which templates' poses to ask for at each point: see `Labels.apply`."""
    own = torch.nn.functional.one_hot(batch.template, batch.positive.shape[1]).bool()
    others = (batch.positive > 0.99) & ~own & batch.fits[:, None]
    count = int(others.sum(1).max()) if len(others) else 0
    # True sorts first: the other positives, then templates that fill the rows up.
    order = torch.argsort(others.int(), dim=1, descending=True, stable=True)[:, :count]
    return (
        torch.cat([batch.template[:, None], order], 1),
        torch.cat([torch.zeros_like(others[:, :1]), others.gather(1, order)], 1),
    )


def _truth(sources: Sequence[Source], templates: TemplateSet) -> tuple[NDArray, NDArray]:
    """Templates that fit, and those that count, (n, K) each, at the points that have a pose."""
    fits, counted = [], []
    for source in sources:
        truth = truth_at(source.samples, np.flatnonzero(source.samples.primary_rows >= 0))
        positive, tried = valid_templates(truth, templates)
        fits.append(positive)
        counted.append(tried)
    return np.concatenate(fits), np.concatenate(counted)
