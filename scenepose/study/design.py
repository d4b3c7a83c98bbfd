"""Who sees which pairs: the plan of one rater's session.

All pairs of sources meet equally often over the study, a rater never sees the same two poses at the same
item twice (planned repeats aside), sides are balanced within a session, and attention checks and repeats are
spread over it. Nothing here touches a database: counts come in, a plan goes out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations, pairwise
from typing import Any

from scenepose.errors import RequestError

#: Pose sources that are no methods.
TRUTH, TEMPLATE = "truth", "template"
QUESTION = "Which person looks more natural in this place?"
#: Two different sources, in alphabetical order.
SourcePair = tuple[str, str]
#: A repeat comes at least this many trials after its first showing.
REPEAT_DISTANCE = 5


@dataclass(frozen=True)
class Settings:
    """How a study is run.

    Attributes:
        seed: of all that is drawn; another seed, another study.
        pairs: a rater's pairs, attention checks and repeats among them, practice not.
        practice: pairs before them that never count.
        check_share, repeat_share: of ``pairs``.
        max_raters: nobody joins beyond so many.
        invited_only: whether only personal links may take part.
    """

    seed: int = 0
    pairs: int = 40
    practice: int = 2
    check_share: float = 0.1
    repeat_share: float = 0.1
    max_raters: int = 1000
    invited_only: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.pairs <= 1000:
            raise RequestError(f"a rater gets 1 to 1000 pairs, not {self.pairs}")
        if not 0 <= self.practice <= 20:
            raise RequestError(f"there are 0 to 20 practice pairs, not {self.practice}")
        for share in (self.check_share, self.repeat_share):
            if not 0 <= share <= 0.4:
                raise RequestError(f"checks and repeats are each 0 to 0.4 of the pairs, not {share:g}")
        if self.max_raters < 1:
            raise RequestError(f"at least 1 rater must be let in, not {self.max_raters}")

    @property
    def checks(self) -> int:
        """Attention checks a session."""
        return round(self.pairs * self.check_share)

    @property
    def repeats(self) -> int:
        """Pairs shown a second time, sides swapped."""
        return round(self.pairs * self.repeat_share)

    @property
    def fresh(self) -> int:
        """Pairs that count for the ranking."""
        return self.pairs - self.checks - self.repeats

    def to_json(self) -> dict[str, Any]:
        """As kept in the database."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """The inverse of `to_json`; unknown names are left out."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


@dataclass(frozen=True)
class Planned:
    """One trial of a plan.

    Attributes:
        kind: "practice", "pair", "check" or "repeat".
        item: the item's number.
        a, b: the source on each side.
        turned: the side that is upside down ("a" or "b"), in attention checks.
        repeats: the trial of the same plan that is shown again.
    """

    kind: str
    item: int
    a: str
    b: str
    turned: str | None = None
    repeats: Planned | None = None


@dataclass(frozen=True)
class Counts:
    """What the study's raters have answered, or are about to: how often what was planned."""

    pairs: Mapping[SourcePair, int]
    items: Mapping[tuple[int, SourcePair], int]


def reference_of(available: Iterable[str], compared: Sequence[str]) -> str:
    """What attention checks show, upright and upside down: the truth, else the template, else any source.

    Raises:
        RequestError: nothing is available.
    """
    names = set(available)
    for name in (TRUTH, TEMPLATE, *compared):
        if name in names:
            return name
    raise RequestError("there is a place at which no source has a pose")


def possible_pairs(sources: Mapping[int, Iterable[str]]) -> dict[SourcePair, list[int]]:
    """The items at which two sources can meet, for every two that can; ``sources`` are those of each item."""
    found: dict[SourcePair, list[int]] = {}
    for item, names in sorted(sources.items()):
        for first, second in combinations(sorted(names), 2):
            found.setdefault((first, second), []).append(item)
    return found


def check_capacity(settings: Settings, sources: Mapping[int, Iterable[str]]) -> None:
    """Refuse sessions longer than there are different pairs.

    Raises:
        RequestError: the sentence names both numbers.
    """
    capacity = sum(map(len, possible_pairs(sources).values()))
    if capacity < settings.fresh:
        raise RequestError(
            f"a rater would need {settings.fresh} different pairs, and these scenes and methods make "
            f"{capacity}; ask for fewer pairs or more points"
        )


def plan(
    settings: Settings,
    rater: int,
    sources: Mapping[int, Iterable[str]],
    references: Mapping[int, str],
    counts: Counts,
) -> list[Planned]:
    """One rater's trials, in order.

    Args:
        settings: the study's.
        rater: the rater's number, which with the seed draws everything random here.
        sources: of each item's number, the names of what can be shown there.
        references: of each item's number, the source that checks show, upright and upside down.
        counts: of the raters before.
    """
    draw = random.Random(f"{settings.seed}:{rater}")
    chosen = _choose(draw, settings.fresh, sources, counts, [])
    sides = _balanced(draw, len(chosen))
    pairs = [
        Planned("pair", item, pair[not straight], pair[straight])
        for (item, pair), straight in zip(chosen, sides, strict=True)
    ]
    pairs = _spread(draw, pairs)
    trials = _with_repeats(draw, pairs, settings.repeats)
    trials = _with_checks(draw, trials, _checks(draw, settings.checks, references))
    practice: list[Planned] = []
    if settings.practice:
        practice = _checks(draw, 1, references)
        others = _choose(draw, settings.practice - 1, sources, counts, chosen)
        sides = _balanced(draw, len(others))
        practice += [
            Planned("practice", item, pair[not straight], pair[straight])
            for (item, pair), straight in zip(others, sides, strict=True)
        ]
    return [Planned("practice", t.item, t.a, t.b, t.turned) for t in practice] + trials


def _choose(
    draw: random.Random,
    count: int,
    sources: Mapping[int, Iterable[str]],
    counts: Counts,
    taken: list[tuple[int, SourcePair]],
) -> list[tuple[int, SourcePair]]:
    """Items with two sources each: the pair that has met least, at the item that this rater saw least."""
    possible = {pair: list(items) for pair, items in possible_pairs(sources).items()}
    for item, pair in taken:
        possible[pair].remove(item)
    met, seen = Counter(counts.pairs), Counter(item for item, _ in taken)
    chosen: list[tuple[int, SourcePair]] = []
    for _ in range(count):
        open_pairs = [pair for pair, items in possible.items() if items]
        if not open_pairs:
            break
        pair = min(open_pairs, key=lambda pair: (met[pair], draw.random()))
        item = min(
            possible[pair],
            key=lambda item, pair=pair: (seen[item], counts.items.get((item, pair), 0), draw.random()),
        )
        possible[pair].remove(item)
        met[pair] += 1
        seen[item] += 1
        chosen.append((item, pair))
    return chosen


def _balanced(draw: random.Random, count: int) -> list[bool]:
    """As many True as False, in random order; an odd one is drawn."""
    sides = [True, False] * (count // 2) + [draw.random() < 0.5] * (count % 2)
    draw.shuffle(sides)
    return sides


def _spread(draw: random.Random, trials: list[Planned]) -> list[Planned]:
    """Random order, with one item twice in a row as seldom as twenty draws allow."""
    orders = [draw.sample(trials, len(trials)) for _ in range(20)]
    return min(orders, key=lambda order: sum(a.item == b.item for a, b in pairwise(order)))


def _with_repeats(draw: random.Random, pairs: list[Planned], count: int) -> list[Planned]:
    """Some pairs of the first half again in the second, sides swapped."""
    early = pairs[: (len(pairs) + 1) // 2]
    trials = list(pairs)
    for first in draw.sample(early, min(count, len(early))):
        earliest = max(trials.index(first) + 1 + REPEAT_DISTANCE, len(trials) // 2)
        place = draw.randint(min(earliest, len(trials)), len(trials))
        trials.insert(place, Planned("repeat", first.item, first.b, first.a, repeats=first))
    return trials


def _checks(draw: random.Random, count: int, references: Mapping[int, str]) -> list[Planned]:
    """Attention checks at random items: an upright pose against the same one upside down."""
    items = sorted(references)
    if not items:
        return []
    chosen = (
        [items[k % len(items)] for k in range(count)] if count > len(items) else draw.sample(items, count)
    )
    sides = _balanced(draw, len(chosen))
    return [
        Planned("check", item, references[item], references[item], turned="a" if side else "b")
        for item, side in zip(chosen, sides, strict=True)
    ]


def _with_checks(draw: random.Random, trials: list[Planned], checks: list[Planned]) -> list[Planned]:
    """Each check at a random place of its own stretch of the session, so that they never bunch."""
    length = len(trials) + len(checks)
    borders = [length * k // max(1, len(checks)) for k in range(len(checks) + 1)]
    merged = list(trials)
    for check, low, high in zip(checks, borders[:-1], borders[1:], strict=True):
        merged.insert(draw.randrange(low, max(high, low + 1)), check)
    return merged
