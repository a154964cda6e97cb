"""The result of `evaluate at-risk` in, one page of HTML out; nothing is fetched, and no script runs."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import pandas as pd

from learnloop.evaluate.plots import reliability_curve, svg
from learnloop.evaluate.ranking_html import (
    Html,
    bounds,
    count,
    decimal,
    number,
    paragraph,
    percent,
    signed,
    table,
    two_lines,
)

MARK = 'name="generator" content="learnloop at-risk report"'  # in every page of ours
MARK_WITHIN = 1_000  # bytes from the start of a report
Result = Mapping[str, Any]
COLUMNS = {"gender": "gender", "disability": "disability", "imd_band": "deprivation", "age_band": "age"}
RATES = ("base_rate", "selection", "tpr", "fpr", "bias")


def is_report(head: bytes) -> bool:
    """Whether a file that begins with `head` (MARK_WITHIN bytes or more) is a report that may be replaced."""
    return MARK.encode() in head[:MARK_WITHIN]


def page(result: Result) -> str:
    """A whole document. result: as `learnloop evaluate at-risk --json` prints it."""
    listed = [
        ("models", "How good is the estimate?", _models(result)),
        ("reliability", "Does 60% mean 60%?", _reliability(result)),
        ("rule", "Beside the rule of thumb", _rule(result)),
        ("lead", "How early is the first flag?", _lead(result)),
        ("fairness", "For whom it is good", _fairness(result)),
        ("sensitive", "What the sensitive attributes would add", _sensitive(result)),
        ("left-out", "Every presentation in turn", _left_out(result)),
        ("known", "What was known, and what was not used", _known(result)),
    ]
    told = [(name, title, body) for name, title, body in listed if body]
    links = "".join(f'<a href="#{name}">{escape(title)}</a> ' for name, title, _ in told)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{inner}</section>' for name, title, inner in told
    )
    text = files("learnloop.evaluate").joinpath("ranking.html").read_text(encoding="utf-8")
    text = text.replace("learnloop ranking report", "learnloop at-risk report")
    text = text.replace("<title>Ranking report</title>", "<title>At-risk report</title>")
    return Template(text).substitute(
        heading="Who will fail or withdraw",
        made=_made(result),
        body=_headline(result) + _tiles(result) + f"<nav>{links}</nav>" + body,
    )


def _weeks(result: Result) -> list[tuple[str, Mapping[str, Any]]]:
    return list(result["weeks"].items())


def _chosen(week: Mapping[str, Any]) -> Mapping[str, Any]:
    return week["models"][week["chosen"]]


def _made(result: Result) -> str:
    trained = ", ".join(map(str, result["trained_on"]))
    return (
        f"Trained on {escape(trained)}, asked of {escape(str(result['test']))}, which no model has seen;"
        f" models chosen on those, each told by the others; seed {escape(str(result['seed']))}."
    )


def _headline(result: Result) -> str:
    week, last = _weeks(result)[-1]
    best = _chosen(last)
    return paragraph(
        f"In week {week}, {percent(number(best['precision']) or 0)} of the flagged fifth go on to fail or"
        f" withdraw, {percent(last['at_risk'])} of all do; AUC {decimal(best['auc'])}.",
        "verdict",
    )


def _tiles(result: Result) -> str:
    cells = "".join(
        f'<div class="tile"><b>{decimal(_chosen(week)["auc"])}</b><span>AUC in week {escape(name)}, of'
        f" {count(week['enrolments'])} enrolments</span></div>"
        for name, week in _weeks(result)
    )
    return f'<div class="tiles">{cells}</div>'


def _models(result: Result) -> str:
    rows, marked = list[list[Any]](), None
    for name, week in _weeks(result):
        for model, found in week["models"].items():
            chosen = model == week["chosen"]
            told = [two_lines(found[one]) for one in ("auc", "brier", "ece")]
            flagged = [two_lines(found.get(one)) for one in ("precision", "recall")]
            rows.append([name, f"{model} (chosen)" if chosen else model, *told, *flagged])
            marked = len(rows) - 1 if chosen else marked
    heads = [
        "week",
        "model",
        "*AUC",
        "*Brier",
        "*ECE",
        "*precision of the flagged",
        "*of those at risk, flagged",
    ]
    return paragraph(
        "Flagged are the 20% with the highest estimates. Majority tells everybody the share of the past. In"
        " brackets, where the number lies with 95% certainty (bootstrap over learners)."
    ) + table(heads, rows, marked)


def _reliability(result: Result) -> str:
    drawn = []
    for name, week in _weeks(result):
        figure = reliability_curve(pd.DataFrame(_chosen(week)["reliability"]), f"Week {name}")
        axes = figure.axes[0]
        axes.set_xlabel("Estimated")
        axes.set_ylabel("Share that failed or withdrew")
        axes.legend(
            ["perfect", "model", "enrolments in the bin"], frameon=False, loc="upper left", fontsize=9
        )
        drawn.append(f"<figure>{svg(figure, f'Estimated and observed shares in week {name}')}</figure>")
    return paragraph(
        "Of those with an estimate of 60%, 60% should come to grief. Below the line, the model fears too"
        " much."
    ) + "".join(drawn)


def _rule(result: Result) -> str:
    rows = []
    for name, week in _weeks(result):
        rule, model = week["rule"], week["rule"]["model_with_as_many_flags"]
        told = [two_lines(one[what]) for what in ("precision", "recall") for one in (rule, model)]
        rows.append([name, percent(number(rule["selection"]) or 0.0), *told])
    heads = ["week", "*flagged by the rule", "*precision: rule", "*model", "*recall: rule", "*model"]
    return paragraph(
        "The rule: the mean mark is below 40, where what was due and not handed in counts 0, and nothing came"
        " in for 7 days. The model flags as many as the rule does. Before anything is due, the rule says"
        " nothing."
    ) + table(heads, rows)


def _lead(result: Result) -> str:
    rows = []
    for name, found in result["lead_time"].items():
        quartiles = found.get("quartiles")
        within = f"{quartiles[0]:.0f} to {quartiles[1]:.0f}" if quartiles else None
        rows.append([name, found["n"], percent(found["share"]), found["median"], within])
    heads = ["", "*learners", "*flagged in time", "*median days", "*middle half"]
    return paragraph(
        "Of those who were there in the first week asked. A flag counts if it came in one of the weeks asked."
    ) + table(heads, rows)


def _fairness(result: Result) -> str:
    parts = [
        paragraph(
            "The same flags, group by group. Selection: the share flagged; true positive rate: of those who"
            " come to grief, the share flagged; false positive rate: of the others; bias: mean estimate minus"
            " what came. Marked is what differs from all others by more than 5 points (bias: from 0) and is"
            " not chance. Where base rates differ, not all of these can be equal."
        )
    ]
    parts += [f"<h3>Week {escape(name)}</h3>{groups(week['fairness'])}" for name, week in _weeks(result)]
    return "".join(parts)


def groups(found: Sequence[Mapping[str, Any]]) -> str:
    """The fairness table; what differs stands out."""
    rows = [
        [
            COLUMNS.get(str(one["column"]), str(one["column"])),
            str(one["group"]),
            one["n"],
            *(_rate(one, name) for name in RATES),
        ]
        for one in found
    ]
    heads = ["", "group", "*n", "*at risk", "*selection", "*true positive", "*false positive", "*bias"]
    return table(heads, rows)


def _rate(one: Mapping[str, Any], name: str) -> Html:
    value, within = one[name], bounds(one[name])
    text = signed(value) if name == "bias" else decimal(value)
    told = f'<b class="warning">{text} differs</b>' if name in one["differs"] else text
    below = f'<span class="within">[{decimal(within[0])}, {decimal(within[1])}]</span>' if within else ""
    return Html(told + below)


def _sensitive(result: Result) -> str:
    rows = []
    for name, week in _weeks(result):
        found = week["with_sensitive"]
        flagged = [sum(len(one["differs"]) for one in of) for of in (week["fairness"], found["fairness"])]
        gap = found["difference"]
        told = [Html(signed(gap[what]) + _within(gap[what])) for what in ("auc", "brier")]
        rows.append([name, *told, *flagged])
    heads = ["week", "*AUC, more", "*Brier, more", "*differences without them", "*with them"]
    return paragraph(
        "Gender, disability, deprivation, age and region are not used. With them, this would change:"
    ) + table(heads, rows)


def _within(value: Any) -> str:
    within = bounds(value)
    return f'<span class="within">[{signed(within[0])}, {signed(within[1])}]</span>' if within else ""


def _left_out(result: Result) -> str:
    if not result.get("left_out"):
        return ""
    names = sorted(next(iter(result["left_out"].values()))["presentations"])
    weeks = list(result["left_out"])
    rows = []
    for name in names:
        of = [result["left_out"][week]["presentations"].get(name) for week in weeks]
        rows.append([name, *(cell for one in of for cell in _two(one))])
    heads = ["", *(f"*{what}, week {week}" for week in weeks for what in ("AUC", "ECE"))]
    whole = "; ".join(
        f"week {week}: AUC {decimal(found['all']['auc'])}, ECE {decimal(found['all']['ece'])}"
        for week, found in result["left_out"].items()
    )
    return paragraph(
        "Each is told by a model of all others, later ones among them: what a presentation is like to others,"
        f" not what was possible at the time. All together, {whole}."
    ) + table(heads, rows)


def _two(one: Mapping[str, Any] | None) -> tuple[str, str]:
    return (decimal(one["auc"]), decimal(one["ece"])) if one else ("–", "–")


def _known(result: Result) -> str:
    clicks = (
        "Clicks were used."
        if result["clicks_used"]
        else "Clicks were not used: studentVle.csv does not cover the presentations."
    )
    return paragraph(
        "Only what was known at the end of the day: registration, credits, education, earlier attempts and"
        " the results of presentations that had ended, what was due, what came in and how late, and marks"
        " that were out. OULAD does not say when a mark came out: a tutor's counts as known"
        f" {result['marking_days']} days after the hand-in, a computer's at once. Who had withdrawn by the"
        f" day, or had not registered yet, is not asked about. {clicks}"
    )
