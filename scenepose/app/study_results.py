"""The Results tab: a study's ranking and how far to trust it, for whoever has its token."""

from __future__ import annotations

import base64
import json
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import api

from scenepose.app import cards, files
from scenepose.app.desk import Desk
from scenepose.app.study import in_sentences
from scenepose.errors import ScenePoseError, sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HINT = (
    "A study’s results open with its id and its results token. Both were printed when the study was made; "
    "“scenepose study link STUDY --new-token” makes a new token."
)


class ResultsTab:
    """Builds the tab inside ``app``, which is being built."""

    def __init__(self, app: gr.Blocks, desk: Desk):
        self.desk = desk
        with gr.Row(equal_height=False, elem_id="sp-results-fields"):
            self.study = gr.Textbox(
                label="Study", placeholder="its id", elem_id="sp-results-study", max_lines=1
            )
            self.token = gr.Textbox(
                label="Results token", type="password", elem_id="sp-results-token", max_lines=1
            )
            self.button = gr.Button(
                "Show results", variant="primary", elem_id="sp-results-show", min_width=140
            )
        self.view = gr.HTML(cards.hint(HINT), padding=False, elem_id="sp-results")
        with gr.Row(visible=False) as self.downloads:
            self.csv = gr.DownloadButton(
                "Download CSV (one line a trial)", size="sm", elem_id="sp-results-csv"
            )
            self.json = gr.DownloadButton("Download JSON (everything)", size="sm", elem_id="sp-results-json")
        gr.on(
            [self.button.click, self.token.submit],
            self.show, [self.study, self.token], [self.view, self.downloads, self.csv, self.json],
            concurrency_id="study-results", concurrency_limit=1, api_visibility="private",
            show_progress_on=self.view,
        )  # fmt: skip
        app.load(self.open_link, None, self.study, queue=False, api_visibility="private")
        api(self.study_ranking, api_name="study_ranking", concurrency_id="study-results", concurrency_limit=1)

    def open_link(self, request: gr.Request) -> Any:
        """Fill in the study of a link, ?results=STUDY."""
        return str(dict(request.query_params).get("results", ""))[:40]

    def study_ranking(self, study: str, token: str) -> dict[str, Any]:
        """A study's ranking and everything else known of it.

        Args:
            study: the study's id.
            token: its results token.
        """
        return in_sentences(lambda: self._results(study, token))

    def show(self, study: str, token: str) -> tuple:
        """The results as a page, and the files to download."""
        try:
            result = self._results(str(study).strip(), str(token).strip())
            csv, everything = self._files(result["study"])
        except ScenePoseError as error:
            gr.Warning(sentence(error))
            return cards.hint(sentence(error)), gr.skip(), gr.skip(), gr.skip()
        return view(result), gr.Row(visible=True), csv, everything

    def _results(self, study: str, token: str) -> dict[str, Any]:
        from scenepose.study.results import results

        return results(self.desk.database, study, token=str(token or ""))

    def _files(self, study: str) -> tuple[str, str]:
        from scenepose.study import transfer

        database = self.desk.database
        csv = files.download(f"study-{study}.csv", lambda path: transfer.export_csv(database, study, path))
        exported = transfer.export_json(database, study)
        everything = files.download(
            f"study-{study}.json", lambda path: path.write_text(json.dumps(exported), encoding="utf-8")
        )
        return csv, everything


def view(result: dict[str, Any]) -> str:
    """The results as HTML."""
    from scenepose.study import plots

    parts = [f"<h2>{escape(result['title'])}</h2>", _numbers(result)]
    if not result["votes"]:
        parts.append(cards.hint("There are no votes yet. Send the link around, then look again."))
        return f'<div class="sp-results">{"".join(parts)}</div>'
    parts += [
        "<h3>Ranking</h3>",
        '<div class="sp-results-row">' + _picture(plots.ranking(result), "Strengths with intervals"),
        _table(result) + "</div>",
        "<p class='sp-note'>Bradley-Terry strengths in logits, raters resampled for the intervals; ties and "
        "“both bad” count half for each. Sources whose intervals overlap share a rank.</p>",
        '<div class="sp-results-row"><div><h3>Who was preferred to whom</h3>',
        _picture(plots.wins(result), "Win matrix") + "</div>",
        f"<div><h3>Votes over time</h3>{_picture(plots.over_time(result), 'Votes by the hour')}"
        f"{_flagged(result)}</div></div>",
    ]
    return f'<div class="sp-results">{"".join(parts)}</div>'


def _numbers(result: dict[str, Any]) -> str:
    checks, repeats, agreement = result["checks"], result["repeats"], result["agreement"]
    bias = result["side_bias"]
    alpha = "–" if agreement["alpha"] is None else f"{agreement['alpha']:.2f}"
    clear = bias["low"] is not None and not bias["low"] <= 0 <= bias["high"]
    leaning = ("left is favoured" if bias["value"] > 0 else "right is favoured") if clear else "no clear bias"
    both_bad = result["answers"]["both_bad"] / result["votes"] if result["votes"] else None
    tiles = [
        (str(result["votes"]), "votes that count", f"{result['all_answers']} answers in all"),
        (str(result["joined"]), "raters", f"{result['finished']} finished"),
        (_percent(checks["share"]), "attention checks failed", f"of {checks['answered']}"),
        (_percent(repeats["share"]), "repeats answered alike", f"of {repeats['answered']}, sides swapped"),
        (alpha, "agreement (Krippendorff’s α)", f"same verdict {_percent(agreement['same'])}"),
        (_percent(both_bad), "“both bad”", f"ties {_percent(_share(result, 'tie'))}"),
        (f"{bias['value']:+.2f}", "side bias (logits)", leaning),
        (str(result["flagged"]), "raters flagged", "never deleted"),
    ]
    cells = "".join(
        f"<div><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(note)}</small></div>"
        for value, name, note in tiles
    )
    return f'<div class="sp-tiles">{cells}</div>'


def _table(result: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{place['rank']}</td><td>{escape(place['source'])}</td><td>{place['strength']:+.2f}</td>"
        f"<td>{_ends(place)}</td><td>{_percent(place['win_rate'])}</td>"
        f"<td>{_percent(result['both_bad'][place['source']])}</td><td>{place['comparisons']}</td></tr>"
        for place in result["ranking"]
    )
    heads = "".join(
        f"<th>{name}</th>"
        for name in ("Rank", "Source", "Strength", "95 % interval", "Preferred", "Both bad", "Pairs")
    )
    return f'<div class="sp-table"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _ends(place: dict[str, Any]) -> str:
    if place["low"] is None and place["high"] is None:
        return "unknown"
    low = "–∞" if place["low"] is None else f"{place['low']:+.2f}"
    high = "∞" if place["high"] is None else f"{place['high']:+.2f}"
    return f"{low} to {high}"


def _flagged(result: dict[str, Any]) -> str:
    raters = [rater for rater in result["raters"] if rater["flags"]]
    if not raters:
        return "<h3>Flagged raters</h3><p class='sp-note'>Nobody looks suspicious.</p>"
    items = "".join(
        f"<li><code>{escape(rater['participant'][:8])}…</code> {escape('; '.join(rater['flags']))}</li>"
        for rater in raters
    )
    order = ", ".join(
        f"{escape(place['source'])} ({place['rank']})" for place in result["without_flagged"] or []
    )
    return (
        f"<h3>Flagged raters</h3><ul class='sp-flags'>{items}</ul>"
        f"<p class='sp-note'>Their votes count above. Without them the order is {order}.</p>"
    )


def _picture(figure: Figure, text: str) -> str:
    from scenepose.study import plots

    data = base64.b64encode(plots.svg(figure)).decode()
    return f'<img class="sp-plot" alt="{escape(text)}" src="data:image/svg+xml;base64,{data}">'


def _share(result: dict[str, Any], answer: str) -> float | None:
    return result["answers"][answer] / result["votes"] if result["votes"] else None


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
