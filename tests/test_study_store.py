"""Sessions, votes and storage, on SQLite and on a PostgreSQL that really runs."""

from __future__ import annotations

import io
import json
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from PIL import Image
from sqlalchemy import inspect, text, update

from scenepose.study import manage, transfer
from scenepose.study.database import VARIABLE, Database, StudyError, default_url
from scenepose.study.design import Settings
from scenepose.study.enrol import Refused
from scenepose.study.results import results
from scenepose.study.sessions import Sessions
from scenepose.study.tables import Participant, Table, Trial, now
from scenepose.study.tokens import Created
from tests.studies import SOURCES, finish, rows_of, small_study

RATER = "rater-1"


@pytest.fixture
def study(study_database: Database) -> Created:
    return small_study(study_database)


@pytest.fixture
def sessions(study_database: Database) -> Sessions:
    return Sessions(study_database)


def test_a_whole_session(study_database: Database, study: Created, sessions: Sessions) -> None:
    info = sessions.info(study.study)
    assert (info["of"], info["practice"], info["joined"]) == (10, 1, False)
    done = []
    trial = sessions.next(study.study, RATER)
    while "trial" in trial:
        assert sessions.next(study.study, RATER) == trial  # asking again shows the same
        done.append((trial["practice"], trial["done"], trial["of"]))
        voted = sessions.vote(trial["trial"], RATER, "tie", 1e9)
        assert voted["accepted"]
        assert voted["next"].get("image_a") in (*trial["ahead"], None)
        trial = voted["next"]
    assert done == [(True, 0, 10)] + [(False, k, 10) for k in range(10)]
    assert set(trial) == {"code", "done", "of"}
    assert sessions.next(study.study, RATER) == trial
    rows = rows_of(study_database, study.study)
    assert Counter(row.kind for row in rows) == {"practice": 1, "pair": 8, "check": 1, "repeat": 1}
    assert all(row.voted_at >= row.shown_at for row in rows if row.voted_at and row.shown_at)
    assert all(0 <= (row.response_ms or 0) < 60_000 for row in rows)  # not what the client claimed


def test_trials_are_recorded_before_they_are_shown(
    study_database: Database, study: Created, sessions: Sessions
) -> None:
    key = sessions.join(study.study)
    rows = rows_of(study_database, study.study, key)
    assert len(rows) == 11
    assert all(row.shown_at is None and row.answer is None and row.seed for row in rows)
    assert sum(row.right_answer is not None for row in rows) == 2  # the check, and the first practice pair
    first = sessions.next(study.study, key)
    shown = [row for row in rows_of(study_database, study.study, key) if row.shown_at]
    assert [row.trial for row in shown] == [first["trial"]]


def test_a_vote_counts_once(study_database: Database, study: Created, sessions: Sessions) -> None:
    trial = sessions.next(study.study, RATER)["trial"]
    assert sessions.vote(trial, RATER, "b")["accepted"]
    for answer in ("b", "a", "tie"):
        again = sessions.vote(trial, RATER, answer)
        assert (again["accepted"], again["answer"]) == (False, "b")
        assert "answered already" in again["message"]
        assert again["next"]["trial"] != trial
    (row,) = [row for row in rows_of(study_database, study.study) if row.answer]
    assert (row.trial, row.answer) == (trial, "b")


def test_of_simultaneous_votes_one_counts(
    study_database: Database, study: Created, sessions: Sessions
) -> None:
    trial = sessions.next(study.study, RATER)["trial"]
    answers = ["a", "b", "tie", "both_bad"] * 3
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda answer: sessions.vote(trial, RATER, answer), answers))
    assert sum(reply["accepted"] for reply in replies) == 1
    assert len({reply["answer"] for reply in replies}) == 1
    assert sum(row.answer is not None for row in rows_of(study_database, study.study)) == 1


def test_forged_votes_change_nothing(study_database: Database, study: Created, sessions: Sessions) -> None:
    mine, other = sessions.next(study.study, RATER), sessions.next(study.study, "rater-2")
    later = rows_of(study_database, study.study, RATER)[5].trial
    tries = [
        (other["trial"], RATER, "a", "belongs to another participant"),
        (later, RATER, "a", "has not been shown yet"),
        ("no-such-trial", RATER, "a", "there is no trial"),
        ("' OR 1=1 --", RATER, "a", "there is no trial"),
        ("nul\0byte", RATER, "a", "there is no trial"),
        (None, RATER, "a", "there is no trial"),
        (mine["trial"], RATER, "c", "one of a, b, tie, both_bad, not 'c'"),
        (mine["trial"], RATER, None, "one of a, b, tie, both_bad"),
        (mine["trial"], RATER, ["a"], "one of a, b, tie, both_bad"),
        (mine["trial"], None, "a", "a participant is"),
        (mine["trial"], "x" * 5000, "a", "a participant is"),
        (mine["trial"], "somebody@example.org", "a", "a participant is"),
    ]
    for trial, key, answer, says in tries:
        with pytest.raises(Refused, match=says) as caught:
            sessions.vote(trial, key, answer)
        assert len(str(caught.value)) < 200
    for asked in ("nothing", None, 5, "' OR 1=1", {"a": 1}, "nul\0byte"):
        with pytest.raises(Refused, match="there is no study"):
            sessions.next(asked, RATER)
    assert not any(row.answer for row in rows_of(study_database, study.study))


def test_response_times_are_what_can_be_true(
    study_database: Database, study: Created, sessions: Sessions
) -> None:
    trial = sessions.next(study.study, RATER)
    for claimed in (None, "long", float("nan"), float("inf"), -5, True, 1e300, -(10**400), 10**400):
        trial = sessions.vote(trial["trial"], RATER, "a", claimed)["next"]
    times = [row.response_ms for row in rows_of(study_database, study.study) if row.answer]
    assert len(times) == 9
    assert all(time is not None and 0 <= time < 60_000 for time in times)


def test_raters_who_join_together_meet_all_pairs_equally(
    study_database: Database, sessions: Sessions
) -> None:
    study = small_study(study_database, Settings(pairs=9, practice=0, check_share=0, repeat_share=0)).study
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: sessions.join(study), range(8)))
    assert len(set(keys)) == 8
    rows = rows_of(study_database, study)
    met = Counter(frozenset((row.source_a, row.source_b)) for row in rows)
    assert len(met) == 3
    assert max(met.values()) - min(met.values()) <= 1
    with study_database.read() as session:
        numbers = sorted(session.query(Participant.number).all())
    assert [number for (number,) in numbers] == list(range(8))


def test_pairs_of_raters_who_went_away_are_given_to_others(
    study_database: Database, sessions: Sessions
) -> None:
    study = small_study(
        study_database, Settings(pairs=2, practice=0, check_share=0, repeat_share=0), places=1
    ).study
    sessions.join(study, "gone")
    with study_database.write() as session:
        session.execute(update(Participant).values(joined_at=now() - timedelta(days=2)))
    gone = {frozenset((row.source_a, row.source_b)) for row in rows_of(study_database, study, "gone")}
    met: Counter = Counter()
    for number in range(3):
        sessions.join(study, f"here-{number}")
        met.update(
            frozenset((row.source_a, row.source_b))
            for row in rows_of(study_database, study, f"here-{number}")
        )
    assert len(gone) == 2
    assert set(met.values()) == {2}  # as if nobody had gone before


def test_pictures_give_nothing_away(study_database: Database, study: Created, sessions: Sessions) -> None:
    names: set[str] = set()
    trial = sessions.next(study.study, RATER)
    while "trial" in trial:
        pictures = [sessions.picture(trial[side].rsplit("/", 1)[1]) for side in ("image_a", "image_b")]
        assert len(pictures[0]) == len(pictures[1])
        opened = [Image.open(io.BytesIO(picture)) for picture in pictures]
        assert opened[0].size == opened[1].size
        assert opened[0].info.keys() == opened[1].info.keys()
        assert not opened[0].getexif()
        assert not {"comment", "exif", "xmp"} & opened[0].info.keys()
        assert opened[0].tobytes() != opened[1].tobytes()
        names |= {trial["image_a"], trial["image_b"]}
        text_shown = json.dumps(trial)
        assert not any(source in text_shown for source in (*SOURCES, "truth", "check", "repeat"))
        trial = sessions.vote(trial["trial"], RATER, "a")["next"]
    assert len(names) == 22
    for name in ("nothing", "../../etc/passwd", "", None, "nul\0byte"):
        with pytest.raises(Refused, match="no such picture"):
            sessions.picture(name)


def test_full_closed_and_by_invitation(study_database: Database, sessions: Sessions) -> None:
    study = small_study(study_database, Settings(pairs=4, max_raters=2)).study
    sessions.join(study, "rater-1")
    sessions.join(study, "rater-2")
    assert sessions.join(study, "rater-1") == "rater-1"
    with pytest.raises(Refused, match="all the participants it needs"):
        sessions.join(study, "rater-3")
    manage.close(study_database, study)
    with pytest.raises(Refused, match="closed"):
        sessions.next(study, "rater-1")
    manage.close(study_database, study, reopen=True)
    assert "trial" in sessions.next(study, "rater-1")

    invited = small_study(study_database, Settings(pairs=4, invited_only=True)).study
    with pytest.raises(Refused, match="by invitation"):
        sessions.join(invited)
    keys = manage.invite(study_database, invited, 3)
    assert len(set(keys)) == 3
    assert "trial" in sessions.next(invited, keys[1])


def test_results_and_their_token(study_database: Database, study: Created, sessions: Sessions) -> None:
    empty = results(study_database, study.study, token=study.token)
    assert (empty["votes"], empty["joined"], empty["agreement"]["alpha"]) == (0, 0, None)
    assert [place["rank"] for place in empty["ranking"]] == [1, 1, 1]
    for number in range(3):
        finish(sessions, study.study, f"rater-{number}", "a")
    found = results(study_database, study.study, token=study.token, resamplings=50)
    assert (found["joined"], found["finished"], found["votes"]) == (3, 3, 24)
    assert found["answers"] == {"a": 24, "b": 0, "tie": 0, "both_bad": 0}
    assert found["flagged"] == 3  # always the same button
    assert all("gave the answer 'a' 10 times in 10" in rater["flags"][-1] for rater in found["raters"])
    assert found["side_bias"]["value"] > 1
    assert sum(hour["votes"] for hour in found["votes_over_time"]) == 30
    for source in SOURCES:
        for other in set(SOURCES) - {source}:
            one, two = found["wins"][source][other], found["wins"][other][source]
            assert one["met"] == two["met"] == one["points"] + two["points"]
    json.dumps(found)
    renewed = manage.renew_token(study_database, study.study)
    assert results(study_database, study.study, token=renewed, resamplings=20)["votes"] == 24
    for name, token in ((study.study, study.token), (study.study, ""), ("nothing", renewed), (None, renewed)):
        with pytest.raises(StudyError, match="no study with this id and results token"):
            results(study_database, name, token=token)  # type: ignore[arg-type]


def test_failed_checks_are_flagged_and_nobody_is_deleted(
    study_database: Database, sessions: Sessions
) -> None:
    study = small_study(study_database, Settings(pairs=10, check_share=0.4, repeat_share=0)).study
    sessions.join(study, "blind")
    with study_database.write() as session:
        for row in rows_of(study_database, study):
            wrong = {"a": "b", "b": "a"}.get(row.right_answer or "", "tie")
            session.execute(
                update(Trial)
                .where(Trial.id == row.trial)
                .values(shown_at=now(), answer=wrong, voted_at=now(), response_ms=3000)
            )
    found = results(study_database, study, resamplings=20)
    assert found["checks"] == {"answered": 4, "failed": 4, "share": 1}
    assert found["raters"][0]["flags"] == ("failed 4 of 4 attention checks",)
    assert found["votes"] == 6
    assert sum(place["comparisons"] for place in found["without_flagged"]) == 0


@pytest.mark.parametrize("pictures", [False, True])
def test_json_round_trip(
    study_database: Database, study: Created, sessions: Sessions, tmp_path: Path, pictures: bool
) -> None:
    finish(sessions, study.study, RATER, "b")
    half = sessions.next(study.study, "rater-2")
    path = tmp_path / "study.json"
    path.write_text(json.dumps(transfer.export_json(study_database, study.study, pictures)))
    with pytest.raises(StudyError, match="already"):
        transfer.import_file(study_database, path)
    elsewhere = Database(str(tmp_path / "other.sqlite"))
    small_study(elsewhere)  # so that ids differ
    assert transfer.import_file(elsewhere, path) == Created(study.study, "")
    assert rows_of(elsewhere, study.study) == rows_of(study_database, study.study)
    before = results(study_database, study.study, resamplings=30)
    after = results(elsewhere, study.study, token=study.token, resamplings=30)
    assert after | {"closed": False} == before
    assert after["closed"] is not pictures
    if pictures:
        moved = Sessions(elsewhere)
        assert moved.next(study.study, "rater-2") == half
        name = half["image_a"].rsplit("/", 1)[1]
        assert moved.picture(name) == sessions.picture(name)
    elsewhere.close()


def test_csv_round_trip(study_database: Database, study: Created, sessions: Sessions, tmp_path: Path) -> None:
    finish(sessions, study.study, RATER, "b")
    sessions.next(study.study, "rater-2")
    path = tmp_path / "study.csv"
    transfer.export_csv(study_database, study.study, path)
    assert len(path.read_text().splitlines()) == 23
    elsewhere = Database(str(tmp_path / "other.sqlite"))
    made = transfer.import_file(elsewhere, path)
    before, after = (
        results(database, study.study, resamplings=30) for database in (study_database, elsewhere)
    )
    assert results(elsewhere, study.study, token=made.token, resamplings=30) == after
    for name in ("votes", "ranking", "wins", "agreement", "checks", "repeats", "raters", "votes_over_time"):
        assert after[name] == before[name]
    elsewhere.close()


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "study.sqlite"))
    for name, content in (
        ("a.json", "nothing"), ("b.json", '{"format": "other"}'), ("c.csv", "a,b\n1,2\n"),
        ("d.json", '{"format": "scenepose-study", "version": 1}'), ("e.json", "[]"),
    ):  # fmt: skip
        (tmp_path / name).write_text(content)
        with pytest.raises(StudyError, match="export"):
            transfer.import_file(database, tmp_path / name)
    with pytest.raises(StudyError, match="cannot be read"):
        transfer.import_file(database, tmp_path / "gone.json")
    database.close()


def test_backup_while_it_goes_on(
    study_database: Database, study: Created, sessions: Sessions, tmp_path: Path
) -> None:
    finish(sessions, study.study, RATER)
    study_database.backup(tmp_path / "backup.sqlite")
    sessions.next(study.study, "later")
    copy = Database(str(tmp_path / "backup.sqlite"))
    assert rows_of(copy, study.study) == rows_of(study_database, study.study, RATER)
    name = Sessions(copy).next(study.study, "elsewhere")["image_a"].rsplit("/", 1)[1]
    assert Sessions(copy).picture(name)[:2] == b"\xff\xd8"
    copy.close()
    with pytest.raises(StudyError, match="never overwrites"):
        study_database.backup(tmp_path / "backup.sqlite")


def test_migrations_from_empty_give_the_tables(study_database: Database) -> None:
    with study_database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == "0001"
        assert compare_metadata(context, Table.metadata) == []


def test_a_newer_or_foreign_database_is_refused(study_database: Database) -> None:
    url = study_database.url.render_as_string(hide_password=False)
    with study_database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StudyError, match="newer ScenePose"):
        Database(url)
    with study_database.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(StudyError, match="tables of another program"):
        Database(url)


def test_two_servers_can_open_an_empty_database_together(study_database: Database) -> None:
    url = study_database.url.render_as_string(hide_password=False)
    with study_database.engine.begin() as connection:
        for name in [*reversed([table.name for table in Table.metadata.sorted_tables]), "alembic_version"]:
            connection.execute(text(f"DROP TABLE {name}"))
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Database(url), range(4)))
    assert inspect(study_database.engine).has_table("trials")
    for database in opened:
        database.close()


def test_sqlite_is_safe_and_the_default_is_outside_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(str(tmp_path / "deep" / "study.sqlite"))
    with database.engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in
                    ("journal_mode", "synchronous", "foreign_keys")]  # fmt: skip
    assert settings == ["wal", 2, 1]
    database.close()
    with sqlite3.connect(tmp_path / "deep" / "study.sqlite") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_url().startswith("sqlite:///")
    assert str(Path.cwd()) not in default_url()
    monkeypatch.setenv(VARIABLE, "postgresql://somewhere/else")
    assert default_url() == "postgresql://somewhere/else"


@pytest.mark.parametrize(
    "url", ["nothing://x", "sqlite:////proc/none/a.sqlite", "postgresql://127.0.0.1:1/none"]
)
def test_databases_that_cannot_be_used_are_one_sentence(url: str) -> None:
    with pytest.raises(StudyError) as caught:
        Database(url)
    assert len(str(caught.value).splitlines()) == 1


def test_times_keep_their_zone(study_database: Database, study: Created, sessions: Sessions) -> None:
    sessions.next(study.study, RATER)
    shown = next(row.shown_at for row in rows_of(study_database, study.study) if row.shown_at)
    assert shown.tzinfo == UTC
    assert abs(now() - shown) < timedelta(minutes=1)
