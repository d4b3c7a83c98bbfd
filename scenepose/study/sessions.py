"""Raters' sessions: joining, the next trial, a vote, a picture. Everything a client says is checked here.

A trial exists before it is shown, and a vote changes it once: ``UPDATE ... WHERE answer IS NULL``, so a
double click, a replay or two servers on one database cannot count anything twice.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from scenepose.study import design, pictures
from scenepose.study.database import Database
from scenepose.study.enrol import Refused, enrol
from scenepose.study.tables import ANSWERS, Figure, Participant, Study, Trial, now

#: What a participant's key may be: no name, no address.
KEY = re.compile(r"[A-Za-z0-9_-]{4,64}")
NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
#: Pictures kept in memory, 150 kB each.
KEPT = 200
#: The longest response time that is told apart: three weeks, so that it fits 32 bits.
LONGEST_MS = 21 * 24 * 3600 * 1000


class Sessions:
    """Raters' sessions on one database; every method may be called from any thread."""

    def __init__(self, database: Database):
        self.database = database
        self._pictures: OrderedDict[int, bytes] = OrderedDict()
        self._lock = Lock()

    def info(self, study_id: Any, key: Any = None) -> dict[str, Any]:
        """What a rater is told before agreeing: title, question, lengths, and how far they are already.

        Raises:
            Refused: there is no such study, or it is closed.
        """
        with self.database.read() as session:
            study = _open_study(session, study_id)
            settings = design.Settings.from_json(study.settings)
            participant = _find(session, study, _key(key)) if key else None
            joined = participant is not None and participant.joined_at is not None
            return {
                "study": study.id, "title": study.title, "question": study.question,
                "of": settings.pairs, "practice": settings.practice, "joined": joined,
                "invited_only": settings.invited_only,
            }  # fmt: skip

    def join(self, study_id: Any, key: Any = None) -> str:
        """Take part: a session's trials are planned and recorded. Returns the participant's key.

        Args:
            study_id: the study. key: from the rater's link; None makes a new one. Joining twice is the same
                as joining once.

        Raises:
            Refused: no such study, closed, full, or by invitation and this key is not invited.
        """
        key = _key(key) if key else secrets.token_urlsafe(12)
        with self.database.write() as session:
            # Locked, so that raters who join at the same moment see each other's plans.
            study = _open_study(session, study_id, lock=True)
            participant = _find(session, study, key)
            if participant is None or participant.joined_at is None:
                enrol(session, study, participant, key)
        return key

    def next(self, study_id: Any, key: Any) -> dict[str, Any]:
        """The trial to show, or the completion code when all are answered.

        Returns:
            {"trial", "image_a", "image_b", "done", "of", "practice", "ahead"}, images as paths on this
            server, "ahead" those of the trial after; or {"code", "done", "of"}.

        Raises:
            Refused: see `join`, which this does first for somebody new.
        """
        key = _key(key)
        with self.database.read() as session:
            rater = _rater(session, _open_study(session, study_id).id, key)
        if rater is None:
            self.join(study_id, key)
        with self.database.read() as session:
            rater = rater or _rater(session, study_id, key)
            assert rater is not None
            answer, unseen = _current(session, rater)
        if unseen:
            with self.database.write() as session:
                answer = _show(session, rater)
        return answer

    def vote(self, trial_id: Any, key: Any, answer: Any, response_ms: Any = None) -> dict[str, Any]:
        """Record one answer, once.

        Args:
            trial_id: as `next` told it. key: the participant's. answer: "a", "b", "tie" or "both_bad".
            response_ms: how long the page says it took; anything but a number is ignored.

        Returns:
            {"accepted", "answer", "message", "next"}: ``accepted`` is False where the trial was answered
            before, ``answer`` is what is recorded, ``next`` what `next` would say.

        Raises:
            Refused: an unknown answer or trial, somebody else's, or one not shown yet. Nothing was changed.
        """
        if answer not in ANSWERS:
            raise Refused(f"an answer is one of {', '.join(ANSWERS)}, not {_quoted(answer)}")
        key = _key(key)
        if not _is_name(trial_id):
            raise Refused(f"there is no trial {_quoted(trial_id)}")
        with self.database.write() as session:
            trial = session.execute(
                select(*Rater.COLUMNS, Participant.key, Trial.shown_at)
                .join(Participant, Trial.participant_id == Participant.id)
                .join(Study, Participant.study_id == Study.id)
                .where(Trial.id == trial_id)
            ).first()
            if trial is None:
                raise Refused(f"there is no trial {_quoted(trial_id)}")
            if not hmac.compare_digest(trial.key.encode(), key.encode()):
                raise Refused("this trial belongs to another participant; nothing was changed")
            if trial.shown_at is None:
                raise Refused("this trial has not been shown yet; nothing was changed")
            moment = now()
            passed = max(0, round((moment - trial.shown_at).total_seconds() * 1000))
            changed = session.execute(
                update(Trial)
                .where(Trial.id == trial_id, Trial.answer.is_(None))
                .values(answer=answer, voted_at=moment, response_ms=_milliseconds(response_ms, passed))
                .execution_options(synchronize_session=False)
            )
            accepted = changed.rowcount == 1  # pyright: ignore[reportAttributeAccessIssue]
            recorded = (
                answer if accepted else session.scalar(select(Trial.answer).where(Trial.id == trial_id))
            )
            return {
                "accepted": accepted,
                "answer": recorded,
                "message": "Your answer was recorded."
                if accepted
                else "This pair was answered already; nothing was changed.",
                "next": _show(session, Rater.of_row(trial)),
            }

    def picture(self, name: Any) -> bytes:
        """A trial's picture by its random name, JPEG; both of a trial have the same length.

        Raises:
            Refused: there is none of that name.
        """
        if not _is_name(name):
            raise Refused("there is no such picture")
        with self.database.read() as session:
            found = session.execute(
                select(Trial.image_a, Trial.figure_a, Trial.figure_b).where(
                    or_(Trial.image_a == name, Trial.image_b == name)
                )
            ).first()
            if found is None:
                raise Refused("there is no such picture")
            both = [self._figure(session, number) for number in (found.figure_a, found.figure_b)]
        return pictures.padded(both[0 if found.image_a == name else 1], max(map(len, both)))

    def _figure(self, session: Session, number: int) -> bytes:
        with self._lock:
            if number in self._pictures:
                self._pictures.move_to_end(number)
                return self._pictures[number]
        picture = session.scalar(select(Figure.picture).where(Figure.id == number))
        if picture is None:
            raise Refused("this study was imported without its pictures")
        with self._lock:
            self._pictures[number] = picture
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        return picture


@dataclass(frozen=True)
class Rater:
    """What showing a trial needs of a participant who joined: columns only, because every vote reads them."""

    COLUMNS: ClassVar = (Participant.id, Participant.code, Study.settings)

    id: int
    code: str
    of: int

    @classmethod
    def of_row(cls, row: Any) -> Rater:
        """From a row with `COLUMNS`."""
        return cls(row.id, row.code, int(row.settings["pairs"]))


def _rater(session: Session, study_id: str, key: str) -> Rater | None:
    """The participant, if they joined."""
    row = session.execute(
        select(*Rater.COLUMNS)
        .join(Study, Participant.study_id == Study.id)
        .where(Participant.study_id == study_id, Participant.key == key, Participant.joined_at.is_not(None))
    ).first()
    return None if row is None else Rater.of_row(row)


def _current(session: Session, rater: Rater) -> tuple[dict[str, Any], bool]:
    """What a rater sees now, and whether that is still to be marked as shown."""
    done = session.scalar(
        select(func.count()).where(
            Trial.participant_id == rater.id, Trial.answer.is_not(None), Trial.kind != "practice"
        )
    )
    waiting = session.execute(
        select(Trial.id, Trial.kind, Trial.image_a, Trial.image_b, Trial.shown_at)
        .where(Trial.participant_id == rater.id, Trial.answer.is_(None))
        .order_by(Trial.position)
        .limit(2)
    ).all()
    if not waiting:
        return {"code": rater.code, "done": rater.of, "of": rater.of}, False
    first, *later = waiting
    answer = {
        "trial": first.id, "image_a": image_path(first.image_a), "image_b": image_path(first.image_b),
        "done": done, "of": rater.of, "practice": first.kind == "practice",
        "ahead": [image_path(name) for row in later for name in (row.image_a, row.image_b)],
    }  # fmt: skip
    return answer, first.shown_at is None


def _show(session: Session, rater: Rater) -> dict[str, Any]:
    """`_current`, marked as shown."""
    answer, unseen = _current(session, rater)
    if unseen:
        session.execute(
            update(Trial)
            .where(Trial.id == answer["trial"], Trial.shown_at.is_(None))
            .values(shown_at=now())
            .execution_options(synchronize_session=False)
        )
    return answer


def image_path(name: str) -> str:
    """Where the server gives a picture out."""
    return f"/study/image/{name}"


def _open_study(session: Session, study_id: Any, lock: bool = False) -> Study:
    asked = select(Study).where(Study.id == study_id)
    study = session.scalar(asked.with_for_update() if lock else asked) if _is_name(study_id) else None
    if study is None:
        raise Refused(f"there is no study {_quoted(study_id)}; please check the link")
    if study.closed_at is not None:
        raise Refused("this study is closed; thank you for your interest")
    return study


def _find(session: Session, study: Study, key: str) -> Participant | None:
    return session.scalar(select(Participant).where(Participant.study_id == study.id, Participant.key == key))


def _key(key: Any) -> str:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise Refused(f"a participant is 4 to 64 letters, digits, - or _, not {_quoted(key)}")
    return key


def _is_name(value: Any) -> bool:
    """Whether this can be one of our random names at all; databases refuse some other strings."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _quoted(value: Any) -> str:
    """A client's value, short enough to be repeated to it."""
    text = str(value)
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _milliseconds(claimed: Any, passed: int) -> int:
    """What the page measured, if that can be true; else what the server saw pass."""
    passed = min(passed, LONGEST_MS)
    # Only NaN differs from itself; huge integers would not survive math.isnan.
    if isinstance(claimed, bool) or not isinstance(claimed, int | float) or claimed != claimed:
        return passed
    return round(min(max(claimed, 0), passed))
