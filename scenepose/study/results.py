"""A study's results: ranking, win matrix, how far to trust it, and votes over time, as one JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from scenepose.study import quality
from scenepose.study.database import Database, StudyError
from scenepose.study.ranking import RESAMPLINGS, Ranking, Votes, rank
from scenepose.study.rows import Row, read_rows
from scenepose.study.tables import Study
from scenepose.study.tokens import matches


def results(
    database: Database, study_id: str, *, resamplings: int = RESAMPLINGS, token: str | None = None
) -> dict[str, Any]:
    """Everything known of a study.

    Args:
        resamplings: of the raters, for the intervals.
        token: checked where one is given; whoever can open the database needs none.

    Returns:
        {"study", "title", "question", "sources", "participants", "joined", "finished", "votes", "ranking",
        "side_bias", "wins", "both_bad", "answers", "agreement", "checks", "repeats", "raters", "flagged",
        "without_flagged", "votes_over_time", "median_ms"}; "ranking" is a list of `ranking.Place`,
        "without_flagged" the same from the other raters' votes.

    Raises:
        StudyError: there is no such study, or the token is not its.
    """
    with database.read() as session:
        study = session.get(Study, study_id) if isinstance(study_id, str) and study_id.isalnum() else None
        if token is not None and (study is None or not matches(str(token), study.token_hash)):
            raise StudyError("there is no study with this id and results token")
        if study is None:
            raise StudyError(f"there is no study {str(study_id)[:40]!r} in {database.url.render_as_string()}")
        about = {
            "study": study.id, "title": study.title, "question": study.question,
            "sources": list(study.sources), "closed": study.closed_at is not None,
        }  # fmt: skip
        rows = read_rows(session, study_id)
    return about | summary(rows, about["sources"], resamplings)


def summary(rows: Sequence[Row], sources: Sequence[str], resamplings: int = RESAMPLINGS) -> dict[str, Any]:
    """`results` of rows, however they were read."""
    counted = [row for row in rows if row.kind != "practice"]
    answered = [row for row in counted if row.answer is not None]
    pairs = [row for row in answered if row.kind == "pair"]
    people = quality.raters(rows)
    flagged = {person.participant for person in people if person.flags}
    ranking = _ranked(pairs, sources, resamplings)
    kept = [row for row in pairs if row.participant not in flagged]
    checks, failed = sum(p.checks for p in people), sum(p.checks_failed for p in people)
    repeats, alike = sum(p.repeats for p in people), sum(p.repeats_alike for p in people)
    times = sorted(row.response_ms for row in answered if row.response_ms is not None)
    return {
        "joined": len(people),
        "finished": sum(person.answered == person.of for person in people),
        "votes": len(pairs),
        "all_answers": len(answered),
        "ranking": [asdict(place) for place in ranking.places],
        "side_bias": {
            "value": ranking.side_bias, "low": ranking.side_bias_low, "high": ranking.side_bias_high
        },
        "wins": _wins(pairs, sources),
        "answers": {name: sum(row.answer == name for row in pairs) for name in ("a", "b", "tie", "both_bad")},
        "both_bad": _both_bad(pairs, sources),
        "agreement": asdict(quality.agreement(rows)),
        "checks": {"answered": checks, "failed": failed, "share": failed / checks if checks else None},
        "repeats": {"answered": repeats, "alike": alike, "share": alike / repeats if repeats else None},
        "median_ms": times[len(times) // 2] if times else None,
        "raters": [asdict(person) for person in people],
        "flagged": len(flagged),
        "without_flagged": (
            [asdict(place) for place in _ranked(kept, sources, resamplings).places] if flagged else None
        ),
        "votes_over_time": _over_time(answered),
    }  # fmt: skip


def _ranked(pairs: Sequence[Row], sources: Sequence[str], resamplings: int) -> Ranking:
    names = {row.participant: k for k, row in enumerate(pairs)}
    votes = [(row.source_a, row.source_b, row.points, names[row.participant]) for row in pairs]
    return rank(Votes.from_rows(sources, votes), resamplings=resamplings)


def _wins(pairs: Sequence[Row], sources: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """For every two sources, from the first one's side: {"points", "met"}."""
    table = {
        first: {second: {"points": 0.0, "met": 0} for second in sources if second != first}
        for first in sources
    }
    for row in pairs:
        for own, other, points in (
            (row.source_a, row.source_b, row.points),
            (row.source_b, row.source_a, 1 - row.points),
        ):
            table[own][other]["points"] += points
            table[own][other]["met"] += 1
    return table


def _both_bad(pairs: Sequence[Row], sources: Sequence[str]) -> dict[str, float | None]:
    """How often each source's pairs were called both bad."""
    met = Counter(name for row in pairs for name in (row.source_a, row.source_b))
    bad = Counter(name for row in pairs if row.answer == "both_bad" for name in (row.source_a, row.source_b))
    return {name: bad[name] / met[name] if met[name] else None for name in sources}


def _over_time(answered: Sequence[Row]) -> list[dict[str, Any]]:
    """Answers by the hour: [{"hour": ISO time, "votes": n}], hours without any left out."""
    hours = Counter(
        row.voted_at.replace(minute=0, second=0, microsecond=0) for row in answered if row.voted_at
    )
    return [{"hour": hour.isoformat(), "votes": count} for hour, count in sorted(hours.items())]


def studies(database: Database) -> list[dict[str, Any]]:
    """All studies: id, title, sources, when they were made, whether they are closed."""
    with database.read() as session:
        return [
            {
                "study": study.id, "title": study.title, "sources": list(study.sources),
                "created": study.created_at.isoformat(timespec="minutes"), "closed": bool(study.closed_at),
            }
            for study in session.scalars(select(Study).order_by(Study.created_at))
        ]  # fmt: skip


def moment(text: str | None) -> datetime | None:
    """The inverse of `datetime.isoformat`, always with a zone; None and "" are None."""
    if not text:
        return None
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
