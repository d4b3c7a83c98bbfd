"""The Study tab: pairs of poses for raters, and the endpoints of the same for programs.

The tab itself is a page of script (study_page.js) that talks to `Desk.routes`: the next pair is there before
it is asked for, keys work, and a lost connection loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api

from scenepose.app.desk import Desk
from scenepose.errors import ScenePoseError, sentence

_FOLDER = Path(__file__).parent


def head() -> str:
    """What the page needs in its head."""
    return f"<script>\n{(_FOLDER / 'study_page.js').read_text(encoding='utf-8')}</script>\n"


def css() -> str:
    """How it looks."""
    return (_FOLDER / "study_page.css").read_text(encoding="utf-8")


class StudyTab:
    """Builds the tab inside the app that is being built."""

    def __init__(self, desk: Desk):
        self.desk = desk
        gr.HTML('<div id="sp-study"></div>', padding=False)
        # No queue: a vote waits neither for a model nor for other votes.
        api(self.study_next, api_name="study_next", queue=False)
        api(self.study_vote, api_name="study_vote", queue=False)

    def study_next(self, study: str, participant: str) -> dict[str, Any]:
        """The next pair for a participant, who agrees to take part by asking; or the completion code.

        Args:
            study: the study's id.
            participant: a random id, 4 to 64 letters, digits, - or _.
        """
        return in_sentences(lambda: self.desk.sessions.next(study, participant))

    def study_vote(self, trial: str, participant: str, answer: str) -> dict[str, Any]:
        """Answer a pair, once.

        Args:
            trial: the id that /study_next gave.
            participant: whose trial it is.
            answer: a, b, tie or both_bad.
        """
        return in_sentences(lambda: self.desk.sessions.vote(trial, participant, answer))


def tab_of_link(request: gr.Request) -> Any:
    """The tab that a link means: ?study=..., ?results=..., ?compare=... and ?how have one each."""
    asked = dict(request.query_params)
    for tab in ("study", "results", "compare", "how"):
        if tab in asked:
            return gr.Tabs(selected=tab)
    return gr.skip()


def in_sentences(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run something; what a client did wrong reaches it as a sentence."""
    try:
        return work()
    except ScenePoseError as error:
        raise gr.Error(sentence(error), print_exception=False) from error
