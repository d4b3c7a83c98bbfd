"""Bradley-Terry: against choix, against known strengths, and where there is hardly anything to rank."""

from __future__ import annotations

import choix
import numpy as np
import pytest
from scipy.special import expit

from scenepose.study.quality import krippendorff
from scenepose.study.ranking import PRIOR, Ranking, Votes, fit, fit_many, rank

STRENGTHS = np.array([1.0, 0.3, -0.3, -1.0])


def simulated(raters: int, each: int, seed: int, bias: float = 0.3, differ: float = 0.3) -> Votes:
    """Votes of raters whose tastes differ a little, with ties that leave the expectation as it is."""
    draw = np.random.default_rng(seed)
    size, count = len(STRENGTHS), raters * each
    a = draw.integers(size, size=count)
    b = (a + draw.integers(1, size, size=count)) % size
    who = np.repeat(np.arange(raters), each)
    taste = STRENGTHS + draw.normal(0, differ, (raters, size))
    chance = expit(taste[who, a] - taste[who, b] + bias)
    points = (draw.random(count) < chance).astype(float)
    return Votes(tuple("ABCD"), a, b, points, who)


def place(ranking: Ranking, source: str):
    return next(entry for entry in ranking.places if entry.source == source)


def test_the_same_as_choix() -> None:
    """choix knows neither halves nor sides: every vote is given twice, a tie once each way."""
    draw = np.random.default_rng(0)
    votes = simulated(20, 30, 1, bias=0)
    points = np.where(draw.random(len(votes)) < 0.2, 0.5, votes.points)
    met, won = np.zeros((4, 4)), np.zeros((4, 4))
    np.add.at(met, (votes.a, votes.b), 1)
    np.add.at(won, (votes.a, votes.b), points)
    pairs = []
    for a, b, point in zip(votes.a, votes.b, points, strict=True):
        pairs += [(a, b)] * int(2 * point) + [(b, a)] * int(2 - 2 * point)
    theirs = choix.opt_pairwise(4, pairs, alpha=1 / PRIOR**2, method="BFGS")
    ours = fit(met, won, side_bias=False)
    np.testing.assert_allclose(ours[:4], theirs - theirs.mean(), atol=1e-4)
    assert ours[4] == 0


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    draw = np.random.default_rng(2)
    met = draw.integers(0, 9, (30, 4, 4)) * (1 - np.eye(4, dtype=int))
    won = np.where(draw.random(met.shape) < 0.3, 0, met * draw.random(met.shape))
    together = fit_many(met, won, np.zeros(5))
    alone = [fit(*each) for each in zip(met, won, strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_the_side_bias_is_found_and_does_not_move_the_strengths() -> None:
    votes = simulated(60, 100, 2, bias=0.8, differ=0)
    ranking = rank(votes, resamplings=60)
    assert ranking.side_bias == pytest.approx(0.8, abs=0.12)
    found = [place(ranking, name).strength for name in "ABCD"]
    np.testing.assert_allclose(found, STRENGTHS, atol=0.15)


@pytest.mark.parametrize(("raters", "each"), [(6, 40), (40, 20)])
def test_intervals_cover_the_truth(raters: int, each: int) -> None:
    """95 % intervals hold the true strength in 90 to 99 of 100 studies, with few raters and with many."""
    held = []
    for study in range(110):
        ranking = rank(simulated(raters, each, 100 + study), resamplings=100, seed=study)
        for entry in ranking.places:
            truth = STRENGTHS["ABCD".index(entry.source)]
            low = -np.inf if entry.low is None else entry.low
            high = np.inf if entry.high is None else entry.high
            held.append(low <= truth <= high)
    assert 0.90 <= np.mean(held) <= 0.99


def test_a_method_that_never_wins() -> None:
    draw = np.random.default_rng(3)
    rows = []
    for rater in range(12):
        for _ in range(10):
            a, b = draw.permutation(["good", "fair", "never"])[:2]
            if "never" in (a, b):
                rows.append((a, b, float(b == "never"), rater))
            else:
                rows.append((a, b, float(draw.random() < (0.7 if a == "good" else 0.3)), rater))
    ranking = rank(Votes.from_rows(("good", "fair", "never"), rows), resamplings=100)
    never = place(ranking, "never")
    assert ranking.places[-1] is never
    assert never.win_rate == 0
    assert np.isfinite(never.strength)
    assert never.low is None
    assert never.high is not None
    assert never.rank == 3


def test_one_rater_gives_an_order_but_no_intervals() -> None:
    rows = [("A", "B", 1.0, 7), ("B", "A", 0.0, 7), ("A", "C", 1.0, 7), ("C", "B", 0.5, 7)]
    ranking = rank(Votes.from_rows(("A", "B", "C"), rows))
    assert ranking.places[0].source == "A"
    assert ranking.raters == 1
    assert all(entry.low is None and entry.high is None and entry.rank == 1 for entry in ranking.places)
    assert ranking.side_bias_low is None


def test_no_votes() -> None:
    ranking = rank(Votes.from_rows(("A", "B"), []))
    assert [(entry.strength, entry.rank, entry.win_rate) for entry in ranking.places] == [(0, 1, None)] * 2
    assert (ranking.raters, ranking.votes) == (0, 0)


def test_overlapping_intervals_share_a_rank() -> None:
    ranking = rank(simulated(12, 30, 5), resamplings=150)
    for one in ranking.places:
        for other in ranking.places:
            assert one.low is not None
            assert one.high is not None
            assert other.low is not None
            assert other.high is not None
            if one.low <= other.high and other.low <= one.high:
                assert one.rank == other.rank
            if one.low > other.high:
                assert one.rank <= other.rank
    assert ranking.places[0].rank == 1
    assert ranking.places[-1].rank > 1


def test_the_order_of_votes_and_their_sides_do_not_matter() -> None:
    votes = simulated(10, 40, 6, bias=0)
    order = np.random.default_rng(0).permutation(len(votes))
    shuffled = Votes(
        votes.sources, votes.b[order], votes.a[order], 1 - votes.points[order], votes.raters[order]
    )
    one, two = rank(votes, resamplings=40), rank(shuffled, resamplings=40)
    for name in "ABCD":
        assert place(one, name).strength == pytest.approx(place(two, name).strength, abs=1e-4)
    assert one.side_bias == pytest.approx(-two.side_bias, abs=1e-4)


def test_krippendorff() -> None:
    """Four observers and twelve units with gaps: the example of Krippendorff (2011), alpha = 0.743."""
    observers = ("123321412   ", "1233224125 3", " 3332342251 ", "12332441251 ")
    units = [[value for value in unit if value != " "] for unit in zip(*observers, strict=True)]
    assert krippendorff(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff(["xx", "yy", "xx"]) == 1
    assert krippendorff(["xy", "yx"]) == pytest.approx(-0.5)
    assert krippendorff(["xx"]) is None
    assert krippendorff([]) is None
