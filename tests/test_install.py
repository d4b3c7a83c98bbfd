"""`make demo` installs with a line that says how far it is, and a pip that fails is heard."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenepose.app.install import Progress
from tests.conftest import ROOT

#: What pip says, shortened: first it finds out what is needed, then it fetches, then it unpacks.
LINES = """\
Obtaining file:///work
Collecting torch>=2.11 (from scenepose==0.1.0)
  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (29 kB)
Collecting pillow>=11 (from scenepose==0.1.0)
  Using cached pillow-12.3.0-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (8.8 kB)
Requirement already satisfied: numpy>=1.26 in ./lib (from scenepose==0.1.0) (2.4.1)
Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (858.4 MB)
Using cached pillow-12.3.0-cp311-cp311-manylinux_2_27_x86_64.whl (7.1 MB)
Installing collected packages: torch, pillow, scenepose
Successfully installed pillow-12.3.0 scenepose-0.1.0 torch-2.14.1
"""


def test_progress() -> None:
    progress = Progress()
    seen = [str(progress) for line in LINES.splitlines() if progress.read(line)]
    assert seen == [
        "finding out what is needed: 1 packages so far",
        "finding out what is needed: 2 packages so far",
        "1 packages here (0.9 GB fetched), 1 left",
        "2 packages here (0.9 GB fetched), 0 left",
        "unpacking 3 packages, the last step; it takes a minute or more",
    ]


def install(tmp_path: Path, code: int) -> subprocess.CompletedProcess:
    """Run the installer with a pip that says `LINES` and ends with a code."""
    package = tmp_path / "fake" / "pip"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        f"import sys\nprint({LINES!r})\nprint('ERROR: no space left', file=sys.stderr)\nprint(sys.argv)\n"
        f"sys.exit({code})\n"
    )
    return subprocess.run(
        [sys.executable, "scenepose/app/install.py", str(tmp_path / "log"), "--editable", "."],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path / "fake")}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_a_pip_that_works(tmp_path: Path) -> None:
    done = install(tmp_path, 0)
    assert done.returncode == 0
    assert "unpacking 3 packages" in done.stdout
    assert "installed in" in done.stdout
    assert "'--editable', '.'" in (tmp_path / "log").read_text()
    assert done.stderr == ""


@pytest.mark.parametrize("code", [1, 2, 23])
def test_a_pip_that_fails_is_heard(tmp_path: Path, code: int) -> None:
    done = install(tmp_path, code)
    assert done.returncode == code
    assert "ERROR: no space left" in done.stderr
    assert f"pip failed with exit code {code}; all that it said is in {tmp_path / 'log'}" in done.stderr
    assert "installed in" not in done.stdout


@pytest.fixture
def make(tmp_path: Path):
    """Run make with an environment whose Python only notes what it is asked for, and may fail at it."""
    program = tmp_path / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncase "$*" in *"$FAILS_AT"*) exit 7;; esac\n'
    )
    program.chmod(0o755)

    def run(*arguments: str, fails_at: str = "nothing") -> tuple[subprocess.CompletedProcess, list[str]]:
        done = subprocess.run(
            ["make", "--no-print-directory", f"VENV={tmp_path}/venv", *arguments],
            cwd=ROOT, env={**os.environ, "FAILS_AT": fails_at}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        asked = tmp_path / "asked"
        return done, asked.read_text().splitlines() if asked.exists() else []

    return run


def test_one_line_a_stage(make) -> None:
    done, asked = make("demo", "ARGS=--port 8000")
    assert [line[:3] for line in done.stdout.splitlines()] == ["2/3", "3/3"]
    assert [" ".join(line.split()[-3:]) for line in asked] == [
        f"{asked[0].split()[1]} --editable .", "demo.py --port 8000",
    ]  # fmt: skip
    done, asked = make("demo")
    assert done.stdout.splitlines() == ["3/3 Starting the demo; it stops with Ctrl-C."]


def test_the_build_of_pytorch_can_be_named(make) -> None:
    """As far as it can be tested without that index: what pip would be asked for, and in which order."""
    done, asked = make("demo", "TORCH=cpu")
    assert "with PyTorch for cpu" in done.stdout
    assert asked[0].endswith("torch torchvision --index-url https://download.pytorch.org/whl/cpu")
    assert asked[1].endswith("--editable .")
    assert asked[2] == "demo.py"


def test_a_failed_installation_starts_again(make, tmp_path: Path) -> None:
    done, _ = make("demo", fails_at="--editable")
    assert done.returncode == 2  # make's own
    assert "Error 7" in done.stderr
    assert "3/3" not in done.stdout
    assert not (tmp_path / "venv" / ".installed").exists()
    done, asked = make("demo")
    assert done.returncode == 0
    assert asked[-1] == "demo.py"
