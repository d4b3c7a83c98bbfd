"""The simulation: a real server under several raters, killed in the middle; and PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from scenepose.errors import RequestError
from scenepose.study.database import Database
from scenepose.study.sessions import Sessions
from scenepose.study.simulate import Options, compare, run
from scenepose.study.tables import Trial
from tests import postgres
from tests.studies import rows_of, small_study


@pytest.mark.slow
def test_a_killed_server_loses_and_invents_nothing(tmp_path: Path) -> None:
    options = Options(raters=8, votes=160, sources=3, every=0.15, kill=True, study_only=True, out=tmp_path)
    report = run(options)
    assert report["sound"], report
    assert report["killed_after"] < 160
    assert report["requests_interrupted"] > 0
    assert (report["acknowledged_votes"], report["votes_in_database"]) == (160, 160)
    assert report["replays_and_forgeries_wrongly_accepted"] == 0
    assert report["votes_timed"] == 160
    assert json.loads((tmp_path / "report.json").read_text())["sound"]
    for name in ("ranking", "wins", "votes"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width > 300
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_raters_straight_into_postgresql(postgres_server: str, tmp_path: Path) -> None:
    with postgres.fresh_database(postgres_server) as url:
        report = run(Options(raters=12, votes=240, sources=3, offline=True, out=tmp_path, database=url))
    assert report["sound"]
    assert report["votes_in_database"] == 240
    found = json.loads((tmp_path / "results.json").read_text())
    assert (found["joined"], found["finished"]) == (12, 12)
    order = [place["source"] for place in found["ranking"]]
    assert order.index("source A") < order.index("source C")


def test_two_servers_on_one_postgresql_with_one_killed(postgres_server: str, tmp_path: Path) -> None:
    with postgres.fresh_database(postgres_server) as url:
        options = Options(
            raters=10, votes=200, sources=3, every=0.15, kill=True, servers=2, study_only=True, out=tmp_path,
            database=url,
        )  # fmt: skip
        report = run(options)
        assert report["sound"], report
        assert report["servers"] == 2
        assert 0 < report["killed_after"] < 200
        assert "back_after_seconds" not in report  # it stays away
        assert report["requests_interrupted"] > 0
        assert (report["acknowledged_votes"], report["votes_in_database"]) == (200, 200)
        assert report["replays_and_forgeries_wrongly_accepted"] == 0
        database = Database(url)
        with database.read() as session:
            answered = list(session.scalars(select(Trial.id).where(Trial.answer.is_not(None))))
        database.close()
    assert len(answered) == len(set(answered)) == 200
    for name in ("server.log", "server1.log"):
        assert "Traceback" not in (tmp_path / name).read_text()


def test_the_comparison_finds_what_is_wrong(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "study.sqlite"))
    study = small_study(database, places=4).study
    sessions = Sessions(database)
    trial = sessions.next(study, "rater-1")["trial"]
    sessions.vote(trial, "rater-1", "a")
    rows = rows_of(database, study)
    database.close()
    told, sent = {trial: "a"}, {trial: {"a"}}
    assert compare(told, sent, rows)["sound"]
    assert compare(told, sent, [replace(row, answer=None) for row in rows])["missing"] == 1
    assert compare(told, sent, [replace(row, answer=row.answer and "b") for row in rows])["changed"] == 1
    assert compare({}, {}, rows)["invented"] == 1
    assert compare(told, {trial: {"b"}}, rows)["invented"] == 1


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"raters": 0}, "0 raters"),
        ({"votes": 3}, "3 votes"),
        ({"sources": 1}, "not 1"),
        ({"servers": 0}, "not 0"),
    ],
)
def test_senseless_simulations_are_refused(wrong: dict, names: str) -> None:
    with pytest.raises(RequestError, match=names):
        Options(**wrong)
