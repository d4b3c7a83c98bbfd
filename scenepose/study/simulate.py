"""A study with simulated raters of known taste, against one or more real servers that may be killed.

What is checked is the promise to raters: a vote that was acknowledged is there exactly once, with the answer
that was acknowledged, and nothing is there that nobody sent, whatever happened to the server in between.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import update

from scenepose.assets import bundled_scenes
from scenepose.errors import RequestError
from scenepose.picture import images
from scenepose.study import report
from scenepose.study.create import create
from scenepose.study.database import Database
from scenepose.study.design import TRUTH, Settings
from scenepose.study.items import Place
from scenepose.study.ranking import fit
from scenepose.study.results import results
from scenepose.study.rows import Row, read_rows
from scenepose.study.sessions import Sessions
from scenepose.study.tables import Trial, now

#: Strengths reach from minus to plus this (logits); side A is favoured by the bias.
REACH, BIAS = 1.0, 0.2
#: Of every hundred answers: neither, bad both, and raters who do not look.
TIES, BOTH_BAD, CARELESS = 0.12, 0.05, 0.06


@dataclass(frozen=True)
class Options:
    """See `scenepose study simulate --help`."""

    raters: int = 50
    votes: int = 2000
    sources: int = 6
    every: float = 2.0
    kill: bool = False
    servers: int = 1
    offline: bool = False
    study_only: bool = False
    seed: int = 0
    out: Path = Path("runs/study")
    database: str | None = None

    def __post_init__(self) -> None:
        if self.raters < 1 or self.votes < self.raters:
            raise RequestError(
                f"every rater votes at least once; {self.raters} raters, {self.votes} votes given"
            )
        if not 2 <= self.sources <= 20:
            raise RequestError(f"2 to 20 sources can be simulated, not {self.sources}")
        if not 1 <= self.servers <= 16:
            raise RequestError(f"1 to 16 servers can be simulated, not {self.servers}")
        if self.every < 0:
            raise RequestError(f"seconds between votes are not negative, and {self.every:g} is")

    @property
    def strengths(self) -> dict[str, float]:
        """The true strength of each source, strongest first."""
        values = np.linspace(REACH, -REACH, self.sources)
        return {f"source {chr(65 + k)}": float(value) for k, value in enumerate(values)}

    @property
    def expected(self) -> dict[str, float]:
        """What endless votes would give: ties count half and some raters do not look, so it is less."""
        values = np.array(list(self.strengths.values()))
        looking = 1 / (1 + np.exp(-(values[:, None] - values + BIAS)))
        points = (1 - TIES - BOTH_BAD) * looking + (TIES + BOTH_BAD) / 2
        points = (1 - CARELESS) * points + CARELESS / 2
        met = 1e6 * (1 - np.eye(self.sources))
        found = fit(met, met * points)[: self.sources]
        return {name: float(value) for name, value in zip(self.strengths, found, strict=True)}


class Taste:
    """How one simulated rater answers: by the true strengths, by side, or without looking."""

    def __init__(self, strengths: dict[str, float], seed: Sequence[int]):
        self.strengths = strengths
        self.random = np.random.default_rng(list(seed))
        self.careless = bool(self.random.random() < CARELESS)

    def answer(self, row: Row) -> str:
        """What this rater says to a trial."""
        if self.careless:
            return str(self.random.choice(["a", "b"]))
        if row.right_answer is not None and self.random.random() < 0.97:
            return row.right_answer
        luck = self.random.random()
        if luck < BOTH_BAD:
            return "both_bad"
        if luck < BOTH_BAD + TIES:
            return "tie"
        margin = self.strengths.get(row.source_a, 0) - self.strengths.get(row.source_b, 0) + BIAS
        return "a" if self.random.random() < 1 / (1 + np.exp(-margin)) else "b"


def run(options: Options) -> dict[str, Any]:
    """Make a study, let everybody vote, compare what was acknowledged with what is there.

    Returns:
        The report, also written to ``out/report.json``; "sound" says whether every promise held.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    url = options.database or str(options.out / f"simulated-{secrets.token_hex(4)}.sqlite")
    database = Database(url)
    study = make_study(database, options)
    if options.offline:
        done = vote_offline(database, study, options)
    else:
        from scenepose.study import load

        done = load.run(database, url, study, options)
    with database.read() as session:
        rows = read_rows(session, study)
    done |= compare(done.pop("acknowledged"), done.pop("sent"), rows)
    result = results(database, study)
    known = options.expected
    report.save(result, options.out, known)
    done["covered"] = {
        place["source"]: place["low"] is None
        or place["high"] is None
        or place["low"] <= known[place["source"]] <= place["high"]
        for place in result["ranking"]
    }
    (options.out / "report.json").write_text(json.dumps(done, indent=1), encoding="utf-8")
    return done


def make_study(database: Database, options: Options) -> str:
    """A study over the bundled scenes with made-up poses: what counts is that the pictures are real."""
    pairs = options.votes // options.raters
    settings = Settings(options.seed, min(pairs, 1000), practice=0, max_raters=options.raters + 1)
    scenes = bundled_scenes()
    combinations = options.sources * (options.sources - 1) // 2
    count = max(len(scenes), -(-settings.fresh // combinations))
    draw = np.random.default_rng(options.seed)
    places, poses = [], []
    for k in range(count):
        scene = scenes[k % len(scenes)]
        picture = images.read(scene.path)
        places.append(Place(f"{scene.name}-{k}", lambda picture=picture: picture, scene.point))
        body = _body() * 0.5 * picture.height + np.array(scene.point)
        names = [*options.strengths, TRUTH]
        noise = draw.normal(0, 0.012 * picture.height, (len(names), 16, 2))
        poses.append({name: (body + noise[n]).astype(np.float32) for n, name in enumerate(names)})
    made = create(database, places, poses, list(options.strengths), settings, title="A simulated study")
    return made.study


def vote_offline(database: Database, study: str, options: Options) -> dict[str, Any]:
    """Everybody votes at once, straight into the database."""
    sessions = Sessions(database)
    acknowledged: dict[str, str] = {}
    for number in range(options.raters):
        key, taste = sessions.join(study), Taste(options.strengths, (options.seed, number))
        with database.read() as session:
            rows = {row.trial: row for row in read_rows(session, study, key)}
        trial = sessions.next(study, key)
        while "trial" in trial:
            answer = taste.answer(rows[trial["trial"]])
            voted = sessions.vote(trial["trial"], key, answer)
            acknowledged[trial["trial"]] = voted["answer"]
            trial = voted["next"]
        _take_time(database, list(rows), taste)
    return {"acknowledged": acknowledged, "sent": {trial: {answer} for trial, answer in acknowledged.items()}}


def _take_time(database: Database, trials: Sequence[str], taste: Taste) -> None:
    """Rewrite when a rater's votes were cast, as if somebody had sat there within the last ten hours."""
    moment = now() - timedelta(hours=float(taste.random.triangular(1, 4, 10)))
    with database.write() as session:
        for trial in trials:
            seconds = float(taste.random.lognormal(np.log(0.5 if taste.careless else 2.6), 0.5))
            shown, moment = moment, moment + timedelta(seconds=seconds)
            session.execute(
                update(Trial)
                .where(Trial.id == trial)
                .values(shown_at=shown, voted_at=moment, response_ms=round(seconds * 1000))
                .execution_options(synchronize_session=False)
            )


def compare(acknowledged: dict[str, str], sent: dict[str, set[str]], rows: Sequence[Row]) -> dict[str, Any]:
    """What the raters were told against what the database holds.

    Args:
        acknowledged: trial to the answer that the server said is recorded.
        sent: trial to the answers that its own rater sent, acknowledged or not.
    """
    kept = {row.trial: row.answer for row in rows if row.answer is not None}
    missing = [trial for trial in acknowledged if trial not in kept]
    changed = [trial for trial, answer in acknowledged.items() if kept.get(trial, answer) != answer]
    invented = [trial for trial, answer in kept.items() if answer not in sent.get(trial, ())]
    return {
        "acknowledged_votes": len(acknowledged),
        "votes_in_database": len(kept),
        "missing": len(missing),
        "changed": len(changed),
        "invented": len(invented),
        "sound": not (missing or changed or invented),
    }


def _body() -> np.ndarray:
    """Somebody who stands and faces us, one unit high, centred: (16, 2)."""
    joints = [
        (-0.08, 0.5), (-0.08, 0.26), (-0.07, 0.02), (0.07, 0.02), (0.08, 0.26), (0.08, 0.5), (0, 0.02),
        (0, -0.26), (0, -0.33), (0, -0.5), (-0.17, 0), (-0.15, -0.14), (-0.11, -0.28), (0.11, -0.28),
        (0.15, -0.14), (0.17, 0),
    ]  # fmt: skip
    return np.array(joints)
