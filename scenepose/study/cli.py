"""`scenepose study ...`: make a study, invite, read its results, take it along."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

from scenepose.errors import RequestError

StudyId = Annotated[Positional[str], arg(metavar="STUDY")]
DatabaseUrl = Annotated[str | None, arg(metavar="URL")]
_ADDRESS = "http://127.0.0.1:7860"


def create(
    scenes: str = "rooms:test",
    points: Annotated[Path | None, arg(metavar="FILE.csv")] = None,
    places: int = 24,
    methods: Annotated[str | None, arg(metavar="LIST")] = None,
    pairs: int = 40,
    practice: int = 2,
    checks: float = 0.1,
    repeats: float = 0.1,
    max_raters: int = 1000,
    invited_only: bool = False,
    seed: int = 0,
    title: str = "Which pose looks more natural?",
    question: str = "Which person looks more natural in this place?",
    address: str = _ADDRESS,
    database: DatabaseUrl = None,
) -> None:
    """Make a study: choose places, let every method answer there, draw the pictures.

    Args:
        scenes: bundled (the demo's scenes), a folder of pictures, or a data source with known poses
            (rooms:test, nyu:DIR:val), which adds the ground truth.
        points: a CSV file with the columns scene, x, y for a folder; without it points are proposed.
        places: how many scenes with a point; a table is taken whole.
        methods: pose sources, separated by commas: names that `scenepose methods` lists, truth, template (the
            best template without offsets). By default all that are there.
        pairs: pairs a rater, attention checks and repeats among them.
        practice: pairs before those, which never count.
        checks: share of attention checks.
        repeats: share of pairs shown a second time with sides swapped.
        max_raters: nobody joins beyond so many.
        invited_only: only personal links (`scenepose study link STUDY --invite N`) may take part.
        seed: of everything drawn.
        title: what raters read first.
        question: what they answer.
        address: where raters reach the server.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from tqdm import tqdm

    import scenepose
    from scenepose.study import create as making
    from scenepose.study import items, sources
    from scenepose.study.design import TEMPLATE, TRUTH, Settings, check_capacity

    # Whatever can be wrong is said before anything is computed.
    settings = Settings(seed, pairs, practice, checks, repeats, max_raters, invited_only)
    names = [name.strip() for name in methods.split(",") if name.strip()] if methods else sources.available()
    sources.check_sources(names)
    making.check_texts(title, question)
    if points is None:
        known = scenes != "bundled" and not Path(scenes).is_dir()
        check_capacity(settings, dict.fromkeys(range(places), sources.possible(names, known)))
    opened = _open(database)
    opened.check_writable()
    answering = [name for name in names if name not in (TRUTH, TEMPLATE)]
    proposing = next(iter(answering), next(iter(scenepose.METHODS)))
    found = items.places(scenes, points, places, seed, lambda: scenepose.load(proposing))
    possible = {k: sources.possible(names, place.truth is not None) for k, place in enumerate(found)}
    check_capacity(settings, possible)
    with tqdm(total=len(found) * max(1, len(answering)), desc="answers", unit="pose") as bar:
        poses = sources.poses(found, names, progress=bar.update)
    if methods is None and not any(TRUTH in here for here in poses):
        names.remove(TRUTH)
    with tqdm(desc="pictures", unit="picture") as bar:
        made = making.create(
            opened, found, poses, names, settings, title=title, question=question, progress=bar.update
        )
    print(f"study           {made.study}: {', '.join(names)} at {len(found)} places")
    print(f"link for raters {link_for(address, made.study)}")
    print(f"results         {address}/?results={made.study}")
    print(f"results token   {made.token}  (shown only now)")
    print(
        "serve it with   python -m scenepose.app --study-only"
        + (f" --database {database}" if database else "")
    )


def link(
    study: StudyId,
    /,
    invite: int = 0,
    new_token: bool = False,
    address: str = _ADDRESS,
    database: DatabaseUrl = None,
) -> None:
    """Print the study's link, or make personal links.

    Args:
        study: the study's id.
        invite: how many personal links to make; each holds a random key that one rater goes on with anywhere.
        new_token: make a new results token; the old one stops working.
        address: where raters reach the server.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from scenepose.study import manage

    if invite < 0:
        raise RequestError(f"there are no {invite} personal links")
    opened = _open(database)
    token = manage.renew_token(opened, study) if new_token else None
    keys = manage.invite(opened, study, invite)
    for key in keys:
        print(link_for(address, study, key))
    if not keys:
        print(link_for(address, study))
    if token:
        print(f"results token {token}")


def results(
    study: StudyId,
    /,
    out: Annotated[Path | None, arg(metavar="DIR")] = None,
    resamplings: int = 1000,
    database: DatabaseUrl = None,
) -> None:
    """Print the ranking and how far to trust it.

    Args:
        study: the study's id.
        out: also write results.json, ranking.png, wins.png and votes.png there.
        resamplings: of the raters, for the intervals.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from scenepose.study import report
    from scenepose.study.results import results as read

    if resamplings < 20:
        raise RequestError(f"intervals need at least 20 resamplings, not {resamplings}")
    if out is not None:
        _check_folder(out)
    found = read(_open(database), study, resamplings=resamplings)
    print(report.text(found))
    if out is not None:
        for path in report.save(found, out):
            print(path)


def export(
    study: StudyId,
    /,
    out: Annotated[Path | None, arg(metavar="FILE")] = None,
    pictures: bool = False,
    database: DatabaseUrl = None,
) -> None:
    """Write the study to a file: JSON with everything, or CSV with one line a trial.

    Args:
        study: the study's id.
        out: FILE.json or FILE.csv; by default study-STUDY.json.
        pictures: put the pictures into the JSON, so that the study can go on after an import.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from scenepose.study import transfer

    out = out or Path(f"study-{study}.json")
    if out.suffix.lower() not in (".json", ".csv"):
        raise RequestError(f"an export is a .json or a .csv file, not {out.name}")
    opened = _open(database)
    _check_folder(out.parent)
    if out.suffix.lower() == ".csv":
        transfer.export_csv(opened, study, out)
    else:
        out.write_text(json.dumps(transfer.export_json(opened, study, pictures)), encoding="utf-8")
    print(out)


def import_(file: Annotated[Positional[Path], arg(metavar="FILE")], /, database: DatabaseUrl = None) -> None:
    """Read a study back from what `export` wrote.

    Args:
        file: FILE.json or FILE.csv.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from scenepose.study import transfer

    made = transfer.import_file(_open(database), file)
    print(f"study         {made.study}")
    if made.token:
        print(f"results token {made.token}  (shown only now)")


def backup(file: Annotated[Positional[Path], arg(metavar="FILE")], /, database: DatabaseUrl = None) -> None:
    """Copy the whole database to a new SQLite file while studies go on.

    Args:
        file: the new file; use it again with --database FILE.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    _open(database).backup(file)
    print(file)


def close(study: StudyId, /, reopen: bool = False, database: DatabaseUrl = None) -> None:
    """End a study: nobody can take part any more, results stay.

    Args:
        study: the study's id.
        reopen: let people take part again.
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from scenepose.study import manage

    manage.close(_open(database), study, reopen)
    print(f"{study} is {'open again' if reopen else 'closed'}")


def list_(database: DatabaseUrl = None) -> None:
    """The studies in the database.

    Args:
        database: SQLAlchemy's URL; by default an SQLite file in your data folder.
    """
    from scenepose.study.results import studies

    opened = _open(database)
    print(opened.url.render_as_string())
    for entry in studies(opened):
        state = "closed" if entry["closed"] else "open"
        names = ", ".join(entry["sources"])
        print(f"{entry['study']}  {entry['created']}  {state:6}  {entry['title']}: {names}")


def simulate(
    raters: int = 50,
    votes: int = 2000,
    sources: int = 6,
    every: float = 2.0,
    kill: bool = False,
    servers: int = 1,
    offline: bool = False,
    study_only: bool = False,
    seed: int = 0,
    out: Path = Path("runs/study"),
    database: DatabaseUrl = None,
) -> None:
    """Try everything with simulated raters of known taste: a real server, real requests, real pictures.

    Each rater fetches both pictures and votes every so many seconds; some also send replays, forged ids and
    votes for trials of others. In the end every acknowledged vote must be there exactly once and no other.
    The report, results and plots go to a folder.

    Args:
        raters: how many at once.
        votes: in all; each rater gives the same number.
        sources: how many pose sources, their strengths evenly from -1 to 1.
        every: seconds between one rater's votes.
        kill: end the (first) server with kill -9 in the middle, and start it again if it is the only one.
        servers: how many serve the study from one database; raters of one that is away go on at the next.
        offline: no server and no waiting: votes go straight into the database.
        study_only: serve only the study, without loading the model.
        seed: of the raters' answers.
        out: folder for report.json, results.json and the plots.
        database: a URL, for example of PostgreSQL; by default a new SQLite file in the folder.
    """
    from scenepose.study import simulate as simulation

    _check_folder(out)
    options = simulation.Options(
        raters, votes, sources, every, kill, servers, offline, study_only, seed, out, database
    )
    report = simulation.run(options)
    print(json.dumps(report, indent=2))
    if not report["sound"]:
        raise RequestError("the simulation found votes that are missing, doubled or invented; see above")


def link_for(address: str, study: str, key: str | None = None) -> str:
    """A rater's link."""
    return f"{address.rstrip('/')}/?study={study}" + (f"&participant={key}" if key else "")


def commands() -> tyro.extras.SubcommandApp:
    """The group of commands, to be hung below `scenepose`."""
    app = tyro.extras.SubcommandApp()
    named = {
        "create": create, "link": link, "results": results, "export": export, "import": import_,
        "backup": backup, "close": close, "list": list_, "simulate": simulate,
    }  # fmt: skip
    for name, command in named.items():
        app.command(name=name)(command)
    return app


def _check_folder(folder: Path) -> None:
    """Make a folder, and see that files can be written there before they are computed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RequestError(f"nothing can be written to the folder {folder} ({error.strerror})") from error


def _open(url: str | None):
    from scenepose.study.database import Database

    return Database(url)
