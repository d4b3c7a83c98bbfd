"""Who sees which pairs: balance, no pair twice, checks and repeats where they belong."""

from __future__ import annotations

from collections import Counter

import pytest

from scenepose.errors import RequestError
from scenepose.study.design import (
    REPEAT_DISTANCE,
    Counts,
    Planned,
    Settings,
    check_capacity,
    plan,
    reference_of,
)

SOURCES = {item: ["truth", "one", "two", "three", "template"] for item in range(12)}
REFERENCES = dict.fromkeys(SOURCES, "truth")


def plans(settings: Settings, raters: int, sources: dict = SOURCES) -> list[list[Planned]]:
    """Sessions of several raters, each knowing of those before."""
    references = {item: reference_of(names, names) for item, names in sources.items()}
    pairs: Counter = Counter()
    items: Counter = Counter()
    made = []
    for rater in range(raters):
        made.append(plan(settings, rater, sources, references, Counts(pairs, items)))
        for trial in made[-1]:
            if trial.kind == "pair":
                pair = tuple(sorted((trial.a, trial.b)))
                pairs[pair] += 1
                items[trial.item, pair] += 1
    return made


def counted(trials: list[Planned]) -> list[Planned]:
    return [trial for trial in trials if trial.kind != "practice"]


def test_all_methods_meet_equally_often() -> None:
    met = Counter(
        frozenset((trial.a, trial.b))
        for session in plans(Settings(pairs=40), 15)
        for trial in session
        if trial.kind == "pair"
    )
    assert len(met) == 10
    assert max(met.values()) - min(met.values()) <= 1


def test_methods_missing_at_some_places_still_meet_equally_often() -> None:
    sources = {item: ["one", "two", "template"] + ["truth"] * (item < 5) for item in range(20)}
    met = Counter(
        frozenset((trial.a, trial.b))
        for session in plans(Settings(pairs=20), 20, sources)
        for trial in session
        if trial.kind == "pair"
    )
    assert max(met.values()) - min(met.values()) <= 1


def test_a_rater_sees_no_pair_twice_but_the_planned_repeats() -> None:
    for session in plans(Settings(pairs=60, practice=3), 5):
        seen = Counter(
            (trial.item, frozenset((trial.a, trial.b)))
            for trial in session
            if trial.kind in ("pair", "practice") and not trial.turned
        )
        assert set(seen.values()) == {1}


def test_shares_of_checks_and_repeats() -> None:
    for session in plans(Settings(pairs=40, practice=2), 5):
        kinds = Counter(trial.kind for trial in session)
        assert kinds == {"practice": 2, "pair": 32, "check": 4, "repeat": 4}
        assert [trial.kind for trial in session[:2]] == ["practice", "practice"]


def test_repeats_are_swapped_and_far_from_the_first_showing() -> None:
    for session in plans(Settings(pairs=40), 10):
        for position, trial in enumerate(session):
            if trial.kind == "repeat":
                first = trial.repeats
                assert first is not None
                assert (trial.item, trial.a, trial.b) == (first.item, first.b, first.a)
                assert position - session.index(first) > REPEAT_DISTANCE


def test_checks_are_spread_and_show_one_pose_both_ways() -> None:
    for session in plans(Settings(pairs=40), 10):
        places = [k for k, trial in enumerate(counted(session)) if trial.kind == "check"]
        assert all(10 * k <= place < 10 * (k + 1) for k, place in enumerate(places))
        for trial in session:
            if trial.kind == "check":
                assert trial.a == trial.b == "truth"
                assert trial.turned in ("a", "b")


def test_sides_are_balanced_and_random() -> None:
    sessions = plans(Settings(pairs=40, check_share=0, repeat_share=0), 30)
    left = Counter(trial.a for session in sessions for trial in session if trial.kind == "pair")
    right = Counter(trial.b for session in sessions for trial in session if trial.kind == "pair")
    for name in SOURCES[0]:
        assert abs(left[name] - right[name]) < 0.15 * (left[name] + right[name])
    patterns = {tuple(trial.a < trial.b for trial in counted(session)[:12]) for session in sessions}
    assert len(patterns) > 20


def test_the_seed_decides() -> None:
    assert plans(Settings(seed=4), 2) == plans(Settings(seed=4), 2)
    assert plans(Settings(seed=4), 2) != plans(Settings(seed=5), 2)


def test_checks_without_a_truth_show_the_template() -> None:
    assert reference_of(["one", "template", "truth"], ["one"]) == "truth"
    assert reference_of(["one", "template"], ["one"]) == "template"
    assert reference_of(["one", "two"], ["two", "one"]) == "two"


def test_sessions_longer_than_there_are_pairs_are_refused() -> None:
    sources = {0: ["one", "two"], 1: ["one", "two"]}
    check_capacity(Settings(pairs=2, check_share=0, repeat_share=0), sources)
    with pytest.raises(RequestError, match="3 different pairs, and these scenes and methods make 2"):
        check_capacity(Settings(pairs=3, check_share=0, repeat_share=0), sources)


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"practice": -1}, {"check_share": 0.9}, {"max_raters": 0}])
def test_senseless_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(RequestError, match=str(next(iter(wrong.values())))):
        Settings(**wrong)


@pytest.mark.parametrize("pairs", [1, 2, 3, 5, 9])
def test_short_sessions_have_the_length_they_should(pairs: int) -> None:
    for session in plans(Settings(pairs=pairs, practice=1), 3):
        assert len(counted(session)) == pairs
