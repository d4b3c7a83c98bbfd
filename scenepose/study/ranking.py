"""From preferences to a ranking: Bradley-Terry with a side bias, and intervals by resampling raters.

The chance that A is preferred to B is sigmoid(strength_A - strength_B + bias), where the bias is that of the
left (first) side. A tie or "both bad" counts as half a win for each. A weak normal prior on the strengths and
the bias keeps a source that never won at a finite place. Strengths are in logits and sum to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import t as student

#: Standard deviation of the prior on strengths, logits: three would already mean 95 wins in 100.
PRIOR = 3.0
#: Resamplings, and the intervals' probability.
RESAMPLINGS, LEVEL = 500, 0.95


@dataclass(frozen=True)
class Votes:
    """Preferences, one row each.

    Attributes:
        sources: the names that the numbers stand for.
        a, b: (V,) which source was on which side.
        points: (V,) what A got: 1, 0, or 0.5 for a tie or "both bad".
        raters: (V,) a number for whoever voted.
    """

    sources: tuple[str, ...]
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    points: NDArray[np.float64]
    raters: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.a)

    @classmethod
    def from_rows(cls, sources: Sequence[str], rows: Sequence[tuple[str, str, float, int]]) -> Votes:
        """From (source A, source B, points of A, rater)."""
        number = {name: k for k, name in enumerate(sources)}
        columns = zip(*rows, strict=True) if rows else ((), (), (), ())
        a, b, points, raters = columns
        return cls(
            tuple(sources),
            np.array([number[name] for name in a], np.int64),
            np.array([number[name] for name in b], np.int64),
            np.array(points, float),
            np.array(raters, np.int64),
        )


@dataclass(frozen=True)
class Place:
    """One source in the ranking.

    Attributes:
        source: its name.
        strength: logits; the mean of all sources is zero.
        low, high: the interval's ends; None where it is open (a source that never or always won) or where
            fewer than two raters voted.
        rank: shared by sources whose intervals overlap, directly or through others in between.
        win_rate: points over comparisons, both sides.
        comparisons: how many votes it took part in.
    """

    source: str
    strength: float
    low: float | None
    high: float | None
    rank: int
    win_rate: float | None
    comparisons: int


@dataclass(frozen=True)
class Ranking:
    """Sources, strongest first, and the bias to the left side with its interval (logits)."""

    places: tuple[Place, ...]
    side_bias: float
    side_bias_low: float | None
    side_bias_high: float | None
    raters: int
    votes: int


def fit(counts: NDArray, wins: NDArray, prior: float = PRIOR, side_bias: bool = True) -> NDArray[np.float64]:
    """The most probable strengths.

    Args:
        counts: (S, S) how often row (side A) met column (side B).
        wins: (S, S) the points that A got in those.
        prior: standard deviation, logits.
        side_bias: whether to estimate it; else it is 0.

    Returns:
        (S + 1,): strengths that sum to zero, then the bias.
    """
    size = len(counts)
    design, met, won = _problem(counts, wins, side_bias)

    def loss(values: NDArray) -> tuple[float, NDArray]:
        margin = design @ values
        # log(1 + e^margin) - points * margin, which is the logistic loss with halves
        value = float((met * np.logaddexp(0, margin) - won * margin).sum())
        slope = design.T @ (met * expit(margin) - won)
        return value + 0.5 * float((values**2).sum()) / prior**2, slope + values / prior**2

    found = minimize(
        loss, np.zeros(size + 1), jac=True, method="L-BFGS-B",
        options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    return _centred(np.asarray(found.x, float))


def fit_many(counts: NDArray, wins: NDArray, start: NDArray, prior: float = PRIOR) -> NDArray[np.float64]:
    """`fit` of many resampled studies at once, by Newton's method from the whole study's fit.

    Args:
        counts, wins: (K, S, S) as in `fit`. start: (S + 1,).

    Returns:
        (K, S + 1).
    """
    size = counts.shape[1]
    a, b = np.nonzero(counts.sum(0))
    design = _design(a, b, size, True)
    met, won = counts[:, a, b], wins[:, a, b]
    values = np.tile(start, (len(counts), 1))
    for _ in range(50):
        chance = expit(values @ design.T)
        slope = (met * chance - won) @ design + values / prior**2
        if np.abs(slope).max() < 1e-6:
            break
        weight = met * chance * (1 - chance)
        curvature = np.einsum("kp,pi,pj->kij", weight, design, design) + np.eye(size + 1) / prior**2
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        # Far from the optimum a whole step may overshoot; two logits at most are always safe enough.
        values -= step * np.minimum(1, 2 / np.abs(step).max(1, keepdims=True).clip(1e-12))
    return _centred(values)


def _problem(counts: NDArray, wins: NDArray, side_bias: bool) -> tuple[NDArray, NDArray, NDArray]:
    """The comparisons that happened: design matrix (P, S + 1), how often, and A's points."""
    a, b = np.nonzero(counts)
    return _design(a, b, len(counts), side_bias), counts[a, b].astype(float), wins[a, b].astype(float)


def _design(a: NDArray, b: NDArray, size: int, side_bias: bool) -> NDArray[np.float64]:
    """Rows that turn strengths and bias into margins: strength_a - strength_b + bias."""
    design = np.zeros((len(a), size + 1))
    rows = np.arange(len(a))
    design[rows, a], design[rows, b], design[:, size] = 1, -1, float(side_bias)
    return design


def _centred(values: NDArray) -> NDArray:
    """Strengths moved so that they sum to zero; the bias stays."""
    return np.concatenate([values[..., :-1] - values[..., :-1].mean(-1, keepdims=True), values[..., -1:]], -1)


def rank(
    votes: Votes, *, prior: float = PRIOR, resamplings: int = RESAMPLINGS, level: float = LEVEL, seed: int = 0
) -> Ranking:
    """Rank the sources; raters, not votes, are resampled, because one rater's votes resemble each other.

    Few raters make percentile intervals too narrow: they are widened by Student's t and n / (n - 1)
    (Hesterberg 2015, "expanded percentiles").
    """
    size = len(votes.sources)
    names, of_rater = np.unique(votes.raters, return_inverse=True)
    # Everything a fit needs, by rater: (R, S, S).
    met, won = np.zeros((len(names), size, size)), np.zeros((len(names), size, size))
    np.add.at(met, (of_rater, votes.a, votes.b), 1.0)
    np.add.at(won, (of_rater, votes.a, votes.b), votes.points)
    all_met, all_won = met.sum(0), won.sum(0)
    values = fit(all_met, all_won, prior)
    low = high = np.full(size + 1, np.nan)
    if len(names) > 1:
        draw = np.random.default_rng(seed)
        drawn = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamplings)
        samples = fit_many(np.tensordot(drawn, met, 1), np.tensordot(drawn, won, 1), values, prior)
        low, high = _interval(samples, values, len(names), level)
    comparisons = all_met.sum(1) + all_met.sum(0)
    points = all_won.sum(1) + (all_met - all_won).sum(0)
    places = []
    for k, source in enumerate(votes.sources):
        ends = _known(low[k]), _known(high[k])
        # Resampling what never happened never makes it happen: such an end is open.
        bottom = None if points[k] == 0 else ends[0]
        top = None if points[k] == comparisons[k] else ends[1]
        rate = float(points[k] / comparisons[k]) if comparisons[k] else None
        places.append((source, float(values[k]), bottom, top, rate, int(comparisons[k])))
    interval_known = len(names) > 1
    ranks = _ranks([(bottom, top) for _, _, bottom, top, _, _ in places], interval_known)
    ranked = [
        Place(source, strength, bottom, top, position, rate, count)
        for (source, strength, bottom, top, rate, count), position in zip(places, ranks, strict=True)
    ]
    ranked.sort(key=lambda place: (-place.strength, place.source))
    return Ranking(
        tuple(ranked), float(values[size]), _known(low[size]), _known(high[size]), len(names), len(votes)
    )


def _interval(samples: NDArray, values: NDArray, raters: int, level: float) -> tuple[NDArray, NDArray]:
    """Percentiles of the resampled values, widened about the estimate for few raters."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
    normal = student.ppf(1 - tail, 1e6)
    widen = student.ppf(1 - tail, raters - 1) / normal * np.sqrt(raters / (raters - 1))
    return values + (low - values) * widen, values + (high - values) * widen


def _ranks(ends: Sequence[tuple[float | None, float | None]], known: bool) -> list[int]:
    """Ranks by groups of intervals that overlap, directly or through others; without intervals all are first.

    A group's rank is 1 + how many sources are in the groups above it.
    """
    if not known:
        return [1] * len(ends)
    low = np.array([-np.inf if bottom is None else bottom for bottom, _ in ends])
    high = np.array([np.inf if top is None else top for _, top in ends])
    ranks, rank_now, reached = [1] * len(ends), 1, np.inf
    for position, k in enumerate(np.argsort(-high, kind="stable")):
        if high[k] < reached and position:
            rank_now = position + 1
        reached = min(reached, low[k])
        ranks[k] = rank_now
    return ranks


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
