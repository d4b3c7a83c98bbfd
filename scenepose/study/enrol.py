"""Letting raters in: a number, a completion code, and the plan of their session, recorded at once."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import timedelta

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from scenepose.study import design
from scenepose.study.database import StudyError
from scenepose.study.tables import Figure, Item, Participant, Study, Trial, now

#: A session begun but not ended keeps its pairs reserved for so long; then others get them.
RESERVED = timedelta(hours=24)


class Refused(StudyError):
    """A client asked for what it may not have or what is not there; the text is the answer."""


def new_participant(study_id: str, key: str, number: int, invited: bool = False) -> Participant:
    """A participant who has not joined yet."""
    return Participant(
        study_id=study_id, key=key, number=number, invited=invited, code=secrets.token_hex(4).upper()
    )


def invite(session: Session, study: Study, count: int) -> list[str]:
    """Make participants with keys of their own, for personal links. The caller holds the study locked."""
    first = next_number(session, study)
    keys = [secrets.token_urlsafe(12) for _ in range(count)]
    session.add_all(new_participant(study.id, key, first + k, invited=True) for k, key in enumerate(keys))
    return keys


def next_number(session: Session, study: Study) -> int:
    """The number of the next participant."""
    highest = session.scalar(select(func.max(Participant.number)).where(Participant.study_id == study.id))
    return 0 if highest is None else highest + 1


def enrol(session: Session, study: Study, participant: Participant | None, key: str) -> None:
    """Let a rater in and record their trials. The caller holds the study locked.

    Raises:
        Refused: the study is full, or by invitation and this key is not invited.
    """
    settings = design.Settings.from_json(study.settings)
    if participant is None:
        if settings.invited_only:
            raise Refused("this study is by invitation: please use the personal link you were sent")
        number = next_number(session, study)
        if number >= settings.max_raters:
            raise Refused("this study has all the participants it needs; thank you for your interest")
        participant = new_participant(study.id, key, number)
        session.add(participant)
    participant.joined_at = now()
    session.flush()
    figures = session.execute(
        select(Figure.id, Item.number, Figure.source, Figure.turned)
        .join(Item, Figure.item_id == Item.id)
        .where(Item.study_id == study.id)
    ).all()
    ids = {(row.number, row.source, row.turned): row.id for row in figures}
    upright: dict[int, list[str]] = {}
    for row in figures:
        if not row.turned:
            upright.setdefault(row.number, []).append(row.source)
    compared = {item: [name for name in study.sources if name in names] for item, names in upright.items()}
    references = {item: design.reference_of(names, compared[item]) for item, names in upright.items()}
    plan = design.plan(settings, participant.number, compared, references, _counts(session, study))
    seed = f"{settings.seed}:{participant.number}"
    session.execute(insert(Trial), _rows(plan, participant.id, seed, ids))


def _rows(
    plan: list[design.Planned], participant: int, seed: str, figures: dict[tuple[int, str, bool], int]
) -> list[dict]:
    """The plan as rows of the trials' table, every one with random names of its own."""
    ids = {id(trial): secrets.token_urlsafe(12) for trial in plan}
    return [
        {
            "id": ids[id(trial)], "participant_id": participant, "position": position,
            "kind": trial.kind, "seed": seed,
            "figure_a": figures[trial.item, trial.a, trial.turned == "a"],
            "figure_b": figures[trial.item, trial.b, trial.turned == "b"],
            "image_a": secrets.token_urlsafe(16), "image_b": secrets.token_urlsafe(16),
            "right_answer": {"a": "b", "b": "a"}.get(trial.turned or ""),
            "repeats": ids[id(trial.repeats)] if trial.repeats else None,
        }
        for position, trial in enumerate(plan)
    ]  # fmt: skip


def _counts(session: Session, study: Study) -> design.Counts:
    """How often pairs met: answered ones, and those that raters of the last day have before them."""
    a, b = aliased(Figure), aliased(Figure)
    rows = session.execute(
        select(Item.number, a.source, b.source, func.count())
        .select_from(Trial)
        .join(Participant, Trial.participant_id == Participant.id)
        .join(a, Trial.figure_a == a.id)
        .join(b, Trial.figure_b == b.id)
        .join(Item, a.item_id == Item.id)
        .where(
            Participant.study_id == study.id,
            Trial.kind == "pair",
            or_(Trial.answer.is_not(None), Participant.joined_at > now() - RESERVED),
        )
        .group_by(Item.number, a.source, b.source)
    ).all()
    pairs: Counter[design.SourcePair] = Counter()
    items: Counter[tuple[int, design.SourcePair]] = Counter()
    for item, first, second, count in rows:
        pair = (first, second) if first < second else (second, first)
        pairs[pair] += count
        items[item, pair] += count
    return design.Counts(pairs, items)
