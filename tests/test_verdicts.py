"""Answers drawn for people to judge, and what they said, counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.pose.kinds import KINDS
from tests import tiny
from train.judge import verdicts
from train.judge.verdicts import VerdictsConfig, read_verdicts, summary


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VerdictsConfig:
    monkeypatch.setattr(verdicts, "open_source", lambda name, split: tiny.source(frames=6))
    weights = tiny.save(tmp_path / "weights", tiny.encoder(), tiny.head())
    return VerdictsConfig(
        "nyu:x", tmp_path / "judged", tmp_path / "pages", count=7,
        checkpoint=weights, side=90,
    )  # fmt: skip


def test_the_same_people_are_drawn_again_without_the_model(config: VerdictsConfig) -> None:
    verdicts.main(config)
    page = config.pages / "page-01.png"
    first, people = page.read_bytes(), json.loads((config.folder / "people.json").read_text())["people"]
    assert [one["number"] for one in people] == list(range(1, 8))
    assert all(one["kind"] in KINDS and 0 <= one["score"] <= 1 for one in people)
    for one in people:  # the point is the middle of the pose's box
        keypoints = np.array(one["keypoints"])
        np.testing.assert_allclose((keypoints.min(0) + keypoints.max(0)) / 2, one["point"], atol=0.02)
    assert config.checkpoint is not None
    config.checkpoint.unlink()
    page.unlink()
    verdicts.main(config)
    assert page.read_bytes() == first
    assert Image.open(page).size == (5 * 90, 2 * 90)


def test_verdicts_are_counted(config: VerdictsConfig, capsys: pytest.CaptureFixture) -> None:
    verdicts.main(config)
    words = {
        "anna": ["right", "right", "wrong", "right", "doubtful", "right", "right"],
        "ben": ["right", "wrong", "wrong", "right", "right", "right", "right"],
    }
    for name, said in words.items():
        lines = [f"{n},{word},{'' if word == 'right' else 'floats'}" for n, word in enumerate(said, start=1)]
        (config.folder / f"{name}.csv").write_text("number,verdict,cause\n" + "\n".join(lines) + "\n")
    verdicts.main(config)
    text = (config.folder / "verdicts.md").read_text()
    assert text in capsys.readouterr().out
    assert "| anna | 5 | 1 | 1 | 0.714 (" in text
    assert "| ben | 5 | 2 | 0 | 0.714 (" in text
    assert "| all of them | 4 | | | 0.571 (" in text
    assert "They agree on 5 of 7." in text
    assert "| floats | 4 |" in text


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["1,right", "2,perhaps"], r"anna\.csv, line 3: 'perhaps' is none of right, wrong, doubtful"),
        (["1,right", "1,wrong"], r"line 3: '1' is nobody's number, or was judged before"),
        (["7,right"], r"line 2: '7' is nobody's number"),
        (["1,right"], r"number 2 was not judged"),
    ],
)
def test_bad_verdicts_are_named(lines: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "anna.csv").write_text("\n".join(["number,verdict", *lines]))
    with pytest.raises(ValueError, match=sentence):
        read_verdicts(tmp_path / "anna.csv", {1, 2})


def test_one_who_judged_alone_is_enough() -> None:
    people = [{"number": 1, "kind": "sit", "place": "here"}]
    assert "| sit | 1 | 1.000" in summary({"anna": {1: ("right", "")}}, people)
