"""A study's trials as plain rows, answered and not: what results, exports and imports are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from scenepose.study.tables import Figure, Item, Participant, Trial


@dataclass(frozen=True)
class Row:
    """One trial with what it showed, to whom, and what they said; see `tables` for the columns."""

    trial: str
    participant: str
    position: int
    kind: str
    item: int
    scene: str
    x: float
    y: float
    width: int
    height: int
    source_a: str
    source_b: str
    turned_a: bool
    turned_b: bool
    seed: str
    right_answer: str | None
    repeats: str | None
    shown_at: datetime | None
    answer: str | None
    voted_at: datetime | None
    response_ms: int | None

    @property
    def points(self) -> float:
        """What side A got: 1 or 0, and half for a tie or "both bad"."""
        return {"a": 1.0, "b": 0.0}.get(self.answer or "", 0.5)

    @property
    def verdict(self) -> str:
        """The answer whatever the sides: the preferred source's name, "tie" or "both_bad"."""
        return {"a": self.source_a, "b": self.source_b}.get(self.answer or "", self.answer or "")


def read_rows(session: Session, study_id: str, participant: str | None = None) -> list[Row]:
    """All trials of a study, or of one participant's key, by participant and position."""
    a, b = aliased(Figure), aliased(Figure)
    query = (
        select(
            Trial.id, Participant.key, Trial.position, Trial.kind, Item.number, Item.scene, Item.x, Item.y,
            Item.width, Item.height, a.source, b.source, a.turned, b.turned, Trial.seed, Trial.right_answer,
            Trial.repeats, Trial.shown_at, Trial.answer, Trial.voted_at, Trial.response_ms,
        )
        .select_from(Trial)
        .join(Participant, Trial.participant_id == Participant.id)
        .join(a, Trial.figure_a == a.id)
        .join(b, Trial.figure_b == b.id)
        .join(Item, a.item_id == Item.id)
        .where(Participant.study_id == study_id)
        .order_by(Participant.number, Trial.position)
    )  # fmt: skip
    if participant is not None:
        query = query.where(Participant.key == participant)
    return [Row(*values) for values in session.execute(query)]
