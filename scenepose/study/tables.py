"""The tables of a study. `migrations` holds the steps that bring a database to this shape.

A *study* has *items* (a scene with a point) and for each of them *figures*: one pose source's answer there,
drawn and ready to be shown. A *participant* gets *trials*, each two figures side by side, all recorded before
the first is shown; a vote fills the last columns of its trial, once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column

#: What a rater may answer.
ANSWERS = ("a", "b", "tie", "both_bad")
#: Trials: "practice" and "check" never count; "repeat" only for consistency; "pair" makes the ranking.
TRIAL_KINDS = ("practice", "pair", "check", "repeat")


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


class Moment(TypeDecorator[datetime]):
    """A point in time, always UTC: SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """The parent of all tables."""


class Study(Table):
    """One study and how it is run; ``settings`` are those of `design.Settings`."""

    __tablename__ = "studies"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    question: Mapped[str] = mapped_column(String(400))
    sources: Mapped[list] = mapped_column(JSON)
    settings: Mapped[dict] = mapped_column(JSON)
    #: SHA-256 of the results token; the token itself is shown once, to whoever made the study.
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    #: Set for studies that were closed or imported without pictures: nobody can take part.
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


class Item(Table):
    """A scene with a point; pixels of the original picture."""

    __tablename__ = "items"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    number: Mapped[int]
    scene: Mapped[str] = mapped_column(String(300))
    x: Mapped[float]
    y: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]


class Figure(Table):
    """One source's pose at an item, drawn. ``turned`` ones are upside down, for attention checks."""

    __tablename__ = "figures"
    __table_args__ = (UniqueConstraint("item_id", "source", "turned"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(100))
    turned: Mapped[bool]
    #: 16 pairs, pixels of the original picture, MPII order.
    keypoints: Mapped[list] = mapped_column(JSON)
    #: JPEG; None in studies imported without pictures.
    picture: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))


class Participant(Table):
    """One rater, known by a random key only."""

    __tablename__ = "participants"
    __table_args__ = (
        UniqueConstraint("study_id", "key"),
        UniqueConstraint("study_id", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    #: In the rater's link; whoever has it continues that rater's session.
    key: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    invited: Mapped[bool] = mapped_column(default=False)
    #: When they agreed to take part and got their trials.
    joined_at: Mapped[datetime | None] = mapped_column(Moment)
    code: Mapped[str] = mapped_column(String(32))


class Trial(Table):
    """Two figures of one item, side by side, for one rater; the last columns are the vote."""

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("participant_id", "position"),
        CheckConstraint("answer IN ('a', 'b', 'tie', 'both_bad')", name="known_answer"),
        CheckConstraint("(answer IS NULL) = (voted_at IS NULL)", name="vote_is_whole"),
        Index("ix_trials_image_a", "image_a", unique=True),
        Index("ix_trials_image_b", "image_b", unique=True),
    )

    #: Random, and told to the rater only when the trial is shown.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participants.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    figure_a: Mapped[int] = mapped_column(ForeignKey("figures.id"))
    figure_b: Mapped[int] = mapped_column(ForeignKey("figures.id"))
    #: Random names that the pictures are asked for by.
    image_a: Mapped[str] = mapped_column(String(32))
    image_b: Mapped[str] = mapped_column(String(32))
    #: What the session's order, pairs and sides were drawn with.
    seed: Mapped[str] = mapped_column(String(80))
    #: Attention checks: the side that is upright.
    right_answer: Mapped[str | None] = mapped_column(String(1))
    #: Repeats: the trial whose pair is shown again, sides swapped.
    repeats: Mapped[str | None] = mapped_column(ForeignKey("trials.id"))
    shown_at: Mapped[datetime | None] = mapped_column(Moment)
    answer: Mapped[str | None] = mapped_column(String(10))
    voted_at: Mapped[datetime | None] = mapped_column(Moment)
    #: As the rater's page measured it, milliseconds; never above what the server saw pass.
    response_ms: Mapped[int | None]
