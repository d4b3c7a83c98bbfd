"""How far the answers can be trusted: attention checks, repeats, agreement, raters that look suspicious.

Nobody is ever left out silently: a flag names its reason, and results are given with and without.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from scenepose.study.rows import Row

#: A rater is flagged from so many failed checks and such a share of them,
FAILED_CHECKS, FAILED_SHARE = 2, 1 / 3
#: a median answer quicker than this (milliseconds), judged from so many answers,
TOO_QUICK, ENOUGH = 700, 8
#: the same button so often, whatever was shown,
SAME_BUTTON = 0.9
#: or so many repeats with hardly any answered alike.
REPEATS, SAME_REPEATS = 4, 0.2


@dataclass(frozen=True)
class Rater:
    """One participant's answers in numbers; shares are None where there is nothing to share.

    Attributes:
        answered: pairs, checks and repeats with an answer.
        of: how many there are in the session.
        checks, checks_failed: attention checks answered, and those not answered with the upright pose.
        repeats, repeats_alike: repeats answered, and those with the same verdict as the first time.
        median_ms: response time.
        left_share: how often the left pose was preferred, of all preferences.
        flags: sentences; empty for most.
    """

    participant: str
    answered: int
    of: int
    checks: int
    checks_failed: int
    repeats: int
    repeats_alike: int
    median_ms: float | None
    left_share: float | None
    flags: tuple[str, ...]


def raters(rows: Iterable[Row]) -> list[Rater]:
    """Every participant, in the order of the rows."""
    by_participant: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.kind != "practice":
            by_participant[row.participant].append(row)
    return [_rater(name, own) for name, own in by_participant.items()]


def _rater(name: str, rows: Sequence[Row]) -> Rater:
    answered = [row for row in rows if row.answer is not None]
    by_trial = {row.trial: row for row in answered}
    checks = [row for row in answered if row.kind == "check"]
    failed = sum(row.answer != row.right_answer for row in checks)
    repeats = [row for row in answered if row.kind == "repeat" and row.repeats in by_trial]
    alike = sum(row.verdict == by_trial[row.repeats or ""].verdict for row in repeats)
    times = [row.response_ms for row in answered if row.response_ms is not None]
    sides = [row.answer for row in answered if row.answer in ("a", "b")]
    typical = median(times) if times else None
    buttons = Counter(row.answer for row in answered)
    button, most = buttons.most_common(1)[0] if buttons else (None, 0)
    flags = []
    if failed >= FAILED_CHECKS and failed >= FAILED_SHARE * len(checks):
        flags.append(f"failed {failed} of {len(checks)} attention checks")
    if len(answered) >= ENOUGH and typical is not None and typical < TOO_QUICK:
        flags.append(f"answered in {typical / 1000:.1f} s (median)")
    if len(answered) >= ENOUGH and most >= SAME_BUTTON * len(answered):
        flags.append(f"gave the answer {button!r} {most} times in {len(answered)}")
    if len(repeats) >= REPEATS and alike <= SAME_REPEATS * len(repeats):
        flags.append(f"answered {len(repeats) - alike} of {len(repeats)} repeats differently")
    return Rater(
        name, len(answered), len(rows), len(checks), failed, len(repeats), alike, typical,
        sides.count("a") / len(sides) if sides else None, tuple(flags),
    )  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Agreement between raters who judged the same two poses at the same item.

    Attributes:
        alpha: Krippendorff's, nominal, of the verdicts: 1 is perfect, 0 is chance; None without two judging
            the same.
        same: the share of pairs of raters with the same verdict.
        units: how many pairs of poses were judged by two raters or more.
    """

    alpha: float | None
    same: float | None
    units: int


def agreement(rows: Iterable[Row]) -> Agreement:
    """Agreement over the first showings."""
    units: dict[Hashable, list[str]] = defaultdict(list)
    for row in rows:
        if row.kind == "pair" and row.answer is not None:
            units[row.item, frozenset((row.source_a, row.source_b))].append(row.verdict)
    shared = [verdicts for verdicts in units.values() if len(verdicts) > 1]
    return Agreement(krippendorff(shared), _same(shared), len(shared))


def krippendorff(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal values; each unit holds what its raters said, in any order.

    Units with one value say nothing. None where no unit has two values or all values are one and the same.
    """
    pairable = [unit for unit in units if len(unit) > 1]
    total = sum(map(len, pairable))
    values = Counter(value for unit in pairable for value in unit)
    if len(values) < 2:
        return None
    observed = sum(
        sum(count * (len(unit) - count) for count in Counter(unit).values()) / (len(unit) - 1)
        for unit in pairable
    )
    expected = sum(count * (total - count) for count in values.values()) / (total - 1)
    return 1 - observed / expected


def _same(units: Sequence[Sequence[Hashable]]) -> float | None:
    alike = sum(count * (count - 1) for unit in units for count in Counter(unit).values())
    pairs = sum(len(unit) * (len(unit) - 1) for unit in units)
    return alike / pairs if pairs else None
