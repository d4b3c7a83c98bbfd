"""`python -m train verdicts`: the model's top answers as numbered crops, and what people who judged them say.

The folder keeps ``people.json``, the points with the poses that were judged, and a ``NAME.csv`` for each
person who judged them, with the columns number, verdict (right, wrong or doubtful) and cause. Photographs are
not kept: from the same source the command draws the same crops again. The summary goes into ``verdicts.md``.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenepose.data.sources import Source, open_source, parse_source
from scenepose.pose.kinds import KINDS
from scenepose.pose.metrics import bootstrap
from train.judge.answers import open_main
from train.judge.measure import answer
from train.judge.sheet import PREDICTION, choose, numbered, save_pages

VERDICTS = ("right", "wrong", "doubtful")


@dataclass
class VerdictsConfig:
    """Draw the people of a folder, choose them where it has none yet, and count the verdicts it holds."""

    data: str
    """A source, e.g. nyu:DIR."""
    folder: Path
    """Of people.json, the CSV files and verdicts.md."""
    pages: Path
    """Folder for the pages of crops."""
    split: str = "test"
    """For sources that name none."""
    count: int = 200
    """Points where somebody fits."""
    seed: int = 0
    """Of the choice of points."""
    checkpoint: Path | None = None
    """A folder of weights, or a head's file beside its encoder, instead of the shipped ones."""
    side: int = 360
    """Of a crop, pixels."""


def people_of(config: VerdictsConfig, source: Source) -> list[dict]:
    """The model's top pose at random points where somebody fits, in the frames' pixels."""
    samples = source.samples
    chosen = choose(source, config.count, "", config.seed)
    generator = open_main(config.checkpoint)
    answers = answer(generator.encoder, {"scenepose": generator.head}, source, chosen, top=1)["scenepose"]
    assert answers.scores is not None
    people = []
    for number, point in enumerate(chosen):
        frame, template = samples.point_frames[point], int(answers.templates[number, 0])
        place = samples.points[point].astype(float)
        keypoints = answers.poses[number, 0] * samples.frame_sizes[frame, 1] + place
        people.append(
            {
                "number": number + 1,
                "frame": str(samples.frame_names[frame]),
                "place": str(samples.frame_places[frame]),
                "point": place.round(2).tolist(),
                "kind": KINDS[answers.kinds[number, 0]],
                "template": generator.template_names[template],
                "score": round(float(answers.scores[number, template]), 4),
                "keypoints": keypoints.round(2).tolist(),
            }
        )
    return people


def draw(source: Source, people: list[dict], pages: Path, side: int) -> None:
    """Write the pages of numbered crops.

    Raises:
        ValueError: the source lacks a frame.
    """
    names = [str(name) for name in source.samples.frame_names]
    row_of, tiles = {name: row for row, name in enumerate(names)}, []
    for one in people:
        if one["frame"] not in row_of:
            raise ValueError(
                f"{source.name} has no frame {one['frame']!r}, which number {one['number']} needs"
            )
        row = row_of[one["frame"]]
        picture = source.picture(row)
        scale = source.scale_to(row, picture.size)
        point, pose = (np.array(one[name]) * scale for name in ("point", "keypoints"))
        tiles.append(numbered(picture, point, pose, PREDICTION, side, f"#{one['number']}  {one['kind']}"))
    save_pages(tiles, pages)


def read_verdicts(path: Path, numbers: set[int]) -> dict[int, tuple[str, str]]:
    """What one person said: number -> verdict and cause.

    Raises:
        ValueError: a line is no verdict, or a number is missing, foreign or judged twice; file and line are
            named.
    """
    said: dict[int, tuple[str, str]] = {}
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            number, verdict = (row.get(name) or "" for name in ("number", "verdict"))
            if not number.isdigit() or int(number) not in numbers or int(number) in said:
                raise ValueError(f"{path}, line {line}: {number!r} is nobody's number, or was judged before")
            if verdict not in VERDICTS:
                raise ValueError(f"{path}, line {line}: {verdict!r} is none of {', '.join(VERDICTS)}")
            said[int(number)] = (verdict, (row.get("cause") or "").strip())
    if missing := sorted(numbers - said.keys()):
        raise ValueError(f"{path}: number {missing[0]} was not judged")
    return said


def summary(said: dict[str, dict[int, tuple[str, str]]], people: list[dict]) -> str:
    """Shares of right answers with 95 % intervals (resampling places), by kind; causes of the others."""
    kinds = {one["number"]: one["kind"] for one in people}
    places = {one["number"]: one["place"] for one in people}

    def share(right: dict[int, bool]) -> str:
        found = bootstrap(np.array([*right.values()], float), np.array([places[number] for number in right]))
        return f"{found.mean:.3f} ({found.low:.3f}-{found.high:.3f})"

    lines = [
        "| judged by | right | wrong | doubtful | share right (95 % interval) |",
        "|---|---|---|---|---|",
    ]
    everyone = {number: [verdicts[number][0] for verdicts in said.values()] for number in kinds}
    both = {number: set(verdicts) == {"right"} for number, verdicts in everyone.items()}
    for name, verdicts in said.items():
        count = Counter(verdict for verdict, _ in verdicts.values())
        right = {number: verdict == "right" for number, (verdict, _) in verdicts.items()}
        lines.append(
            f"| {name} | {count['right']} | {count['wrong']} | {count['doubtful']} | {share(right)} |"
        )
    lines.append(f"| all of them | {sum(both.values())} | | | {share(both)} |")
    agreed = sum(len(set(verdicts)) == 1 for verdicts in everyone.values())
    lines += ["", f"They agree on {agreed} of {len(kinds)}.", "", "| kind | points | right for all of them |"]
    lines.append("|---|---|---|")
    for kind in KINDS:
        here = [number for number in kinds if kinds[number] == kind]
        if here:
            lines.append(f"| {kind} | {len(here)} | {share({number: both[number] for number in here})} |")
    causes = Counter(cause for v in said.values() for verdict, cause in v.values() if verdict != "right")
    lines += [
        "",
        "| cause | times |",
        "|---|---|",
        *(f"| {c or '-'} | {n} |" for c, n in causes.most_common()),
    ]
    return "\n".join(lines) + "\n"


def main(config: VerdictsConfig) -> None:
    """Choose, draw, count."""
    source, path = open_source(config.data, config.split), config.folder / "people.json"
    if path.is_file():
        people = json.loads(path.read_text())["people"]
    else:
        people = people_of(config, source)
        config.folder.mkdir(parents=True, exist_ok=True)
        kept = {"split": parse_source(config.data, config.split)[2], "seed": config.seed, "people": people}
        path.write_text(json.dumps(kept, separators=(",", ":")) + "\n")
    draw(source, people, config.pages, config.side)
    print(f"{config.pages}: {len(people)} people of {config.data}")
    numbers = {one["number"] for one in people}
    said = {one.stem: read_verdicts(one, numbers) for one in sorted(config.folder.glob("*.csv"))}
    if said:
        text = summary(said, people)
        (config.folder / "verdicts.md").write_text(text)
        print(text)
