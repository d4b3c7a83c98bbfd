"""The documentation: figures as they were measured, links and commands that exist."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import tyro

from scenepose.cli import COMMANDS as SHELL
from scenepose.study import cli as study
from tests.conftest import ROOT
from train.__main__ import COMMANDS as TRAIN
from train.ship import docs

PAGES = docs.pages(ROOT)
RECIPES = sorted((ROOT / "train/recipes").glob("*.sh"))
#: A command with everything up to the end of its line, comment or pipe.
CALL = re.compile(r"(-m train|scenepose(?: study)?) ([a-z][\w-]*)\b([^#|`]*)")
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_figures_are_those_that_were_measured(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for start, name, before, _ in docs.BLOCK.findall(text):
        after, _ = docs.written(f"{start}{before}<!-- /figures -->", ROOT)
        assert after == f"{start}{before}<!-- /figures -->", (
            f"{page.name}: the figures {name!r} are stale; write them by: python -m train docs"
        )


def test_every_marker_is_paired_and_known() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = docs.BLOCK.findall(text)
        assert len(blocks) == text.count("<!-- figures:") == text.count("<!-- /figures -->"), page.name
        assert {name for _, name, *_ in blocks} <= docs.BLOCKS.keys(), page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name} links to {target}"


def slug(heading: str) -> str:
    """A heading's anchor on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_commands_have_the_options_that_pages_and_recipes_give_them() -> None:
    checked = set()
    for path in [*PAGES, *RECIPES]:
        text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
        fenced = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        script = path.suffix == ".sh"
        used = set()
        for line in (text if script else "\n".join(fenced)).splitlines():
            for program, command, rest in CALL.findall(line):
                used |= (known := options(program, command))
                for flag in FLAG.findall(rest):
                    assert flag in known, f"{path.name}: {command} has no {flag}"
                checked.add(command)
        for flag in FLAG.findall(text) if script else []:  # also what several calls of it share
            assert flag in used, f"{path.name}: no command of it has {flag}"
    assert len(checked) > 20


@cache
def options(program: str, command: str) -> frozenset[str]:
    """The options of a command, from its own help."""
    config = ()
    if program == "-m train":
        assert command in TRAIN, f"there is no python -m train {command}"
        function, config = import_module(TRAIN[command][0]).main, (tyro.conf.OmitArgPrefixes,)
    elif program == "scenepose study":
        function = getattr(study, command, None) or getattr(study, f"{command}_")
    else:
        assert command in SHELL, f"there is no scenepose {command}"
        function = SHELL[command]
    with redirect_stdout(io.StringIO()) as text, pytest.raises(SystemExit):
        tyro.cli(function, args=["--help"], config=config)
    return frozenset(FLAG.findall(text.getvalue()))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_a_recipe_is_a_script_that_says_what_it_needs(recipe: Path) -> None:
    assert os.access(recipe, os.X_OK)
    assert "set -euo pipefail" in recipe.read_text()
    subprocess.run(["bash", "-n", str(recipe)], check=True)
    if recipe.name != "trial.sh":  # which needs no photographs
        environment = os.environ | {"PYTHON": "false"}
        done = subprocess.run([str(recipe)], capture_output=True, text=True, env=environment)
        assert done.returncode != 0
        assert "usage" in done.stderr


def test_readme_is_one_page() -> None:
    assert (ROOT / "README.md").stat().st_size < 10_000


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A folder with a page of two blocks, and measurements for one of them."""
    end = "<!-- /figures -->\n"
    page = f"# A\n\n<!-- figures:rooms -->\n{end}\n<!-- figures:clicks -->\nold\n{end}"
    (tmp_path / "README.md").write_text(page)
    results = tmp_path / "results.json"
    results.write_text(json.dumps(measurements()))
    docs.main(docs.DocsConfig(rooms=results, root=tmp_path))
    return tmp_path


def measurements(pck: float = 0.361) -> dict:
    """What `evaluate` writes, as far as figures need it."""
    row = {
        "pck": pck, "pck_interval": [0.343, 0.377], "pck_minus_constant": [0.098, 0.082, 0.115],
        "pck_by_kind": {"sit": 0.3}, "pck_top5": 0.53, "pck_top5_by_kind": {"sit": 0.5},
        "nobody_below_half": 0.57,
        "posture": None, "posture_interval": [None, None], "confusion": [[1]],
    }  # fmt: skip
    return {
        "data": ["rooms:/home/somebody/rooms:test"], "sources": ["rooms"], "splits": ["test"], "count": 2000,
        "places": 80, "methods": {name: dict(row) for name in ("scenepose", "constant", "truth")},
    }  # fmt: skip


def test_figures_are_written_between_markers(documented: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (documented / "README.md").read_text()
    assert "| ScenePose | 0.361 (0.343-0.377) |" in text
    assert "2,000 points in 80 places" in text
    assert "<!-- figures:clicks -->\nold\n<!-- /figures -->" in text
    docs.main(docs.DocsConfig(root=documented))
    assert "clicks stays as it is: assets/docs/results/clicks.json is missing" in capsys.readouterr().out
    assert (documented / "README.md").read_text() == text


def test_tables_of_all_methods(tmp_path: Path) -> None:
    results, folder = measurements(), tmp_path / docs.RESULTS
    best = dict(results["methods"]["scenepose"], pck=0.4, mse=0.004, params=12_300_000, ms_per_click=49.2)
    results["methods"] |= {"unipose": best, "vae30": best | {"pck": 0.5}}
    click = {"frame": "1", "target": "chair", "point": [1.5, 2.5], "kind": "sit", "tall": None}
    clicks = [{**click, "right kind": value} for value in (1.0, 0.0)]
    folder.mkdir(parents=True)
    for path in (docs.PHOTOGRAPHS, docs.ROOMS):
        (tmp_path / path).write_text(json.dumps(results))
    (tmp_path / docs.CLICKS).write_text(json.dumps(clicks))
    compared = docs.content("compare-rooms", tmp_path)
    assert "| `unipose` | **0.400 (0.343-0.377)** |" in compared  # the best of those that ship
    assert "| `vae30` | 0.500 (0.343-0.377) |" in compared
    assert "| 12.3 M | 49 |" in compared
    assert docs.content("clicks", tmp_path).splitlines()[2] == "| chair | 2 |  | 0.50 |"
    assert "| **ScenePose** |  | 0.36 | 0.53 |  | 0.36 | 0.53 |" in docs.content("status", tmp_path)
    assert "| sit | 0.300 | 0.500 | 0.300 | 0.500 |" in docs.content("kinds", tmp_path)
    assert "| highest score below 0.5 where nobody fits | 0.57 | 0.57 |" in docs.content("scores", tmp_path)


def test_stale_figures_are_noticed(documented: Path) -> None:
    page = documented / "README.md"
    before = page.read_text()
    (documented / docs.ROOMS).write_text(json.dumps(measurements(pck=0.4)))
    assert docs.written(before, documented)[0] != before


def test_measurements_are_kept_without_folders_of_this_machine(documented: Path) -> None:
    kept = (documented / docs.ROOMS).read_text()
    assert "somebody" not in kept
    assert "confusion" not in kept


@pytest.mark.parametrize("wrong", ["{", "{}", "[]"])
def test_damaged_measurements_are_a_sentence(documented: Path, wrong: str) -> None:
    (documented / docs.ROOMS).write_text(wrong)
    with pytest.raises(ValueError, match=r"rooms\.json cannot be read"):
        docs.content("rooms", documented)
