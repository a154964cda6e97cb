"""The result of `questions statistics` in, a page of HTML out; nothing is fetched.

Stems, options and ids of questions came with the data and are escaped.
"""

from collections.abc import Mapping
from typing import Any

from learnloop.evaluate.ranking_html import Html, decimal, many, number, paragraph, table, two_lines
from learnloop.evaluate.text_report import page

Result = Mapping[str, Any]
SHOWN = 60  # characters of a stem
NAMED = 25  # flagged questions with a name in the figure
LINES = ((0.2, "review below"), (0.0, "suspend below"))


def statistics_page(result: Result) -> str:
    """A whole document. result: as `learnloop questions statistics --json` prints it."""
    made = (
        f"{many(result['questions'], 'question')}, {many(result['learners'], 'learner')},"
        f" {many(result['first_attempts'], 'first attempt')}; {result['with_a_pick']:,} say what was picked."
    )
    notes = []
    if not result["with_a_pick"]:
        notes.append("No answer says which option was picked: distractors are not judged.")
    if not result["applied"]:
        notes.append("A dry run: no status was changed.")
    parts = [
        ("map", "Difficulty and discrimination", _figure(result)),
        ("flags", "What the rules found", _flags(result)),
        ("questions", "The questions, the least telling first", _questions(result)),
        ("options", "Options of the flagged questions", _options(result)),
    ]
    return page("What the answers say of the questions", made, notes, parts)


def _figure(result: Result) -> str:
    from learnloop.evaluate import plots

    flagged: dict[Any, str] = {}
    for one in result["flags"]:
        flagged.setdefault((one["question_id"], one["version"]), one["rule"])
    points = [
        (row, flagged.get((row["question_id"], row["version"]), ""))
        for row in result["statistics"]
        if row["discrimination"] is not None
    ]
    if not points:
        return paragraph("Nobody has answered enough questions for a discrimination.")
    title = "Each point is a question; the flagged ones are named"
    figure, axes = plots.canvas(title, "Share right on the first attempt", "Discrimination (item-rest)")
    for height, said in LINES:
        axes.axhline(height, color=plots.QUIET, linewidth=1, linestyle="--")
        axes.annotate(said, (0.005, height), va="bottom", fontsize=8, color=plots.INK)
    quiet = [row for row, rule in points if not rule]
    x, y = [row["difficulty"] for row in quiet], [row["discrimination"] for row in quiet]
    axes.scatter(x, y, s=16, color=plots.PALE, label="nothing found")
    rules = sorted({rule for _, rule in points if rule})
    for place, rule in enumerate(rules):
        rows = [row for row, found in points if found == rule]
        axes.scatter(
            [row["difficulty"] for row in rows],
            [row["discrimination"] for row in rows],
            s=30,
            color=plots.COLOURS[(place + 1) % len(plots.COLOURS)],
            marker=plots.MARKERS[place % len(plots.MARKERS)],
            label=rule.replace("_", " "),
        )
    axes.set_xlim(0, 1.02)
    plots.legend(axes)
    named = [
        (plots.short(row["question_id"], 18), row["difficulty"], row["discrimination"])
        for row, rule in points
        if rule and rule != "practice_only"
    ]
    plots.label_points(figure, axes, named[:NAMED])
    svg = plots.svg(figure, f"{title}: share right against discrimination")
    return f"<figure>{svg}</figure>" + paragraph(
        "High and in the middle is good. Very easy and very hard questions are low by nature; below 0, who"
        " knows more is wrong more often."
    )


def _flags(result: Result) -> str:
    rows = [
        (
            one["action"],
            one["rule"].replace("_", " "),
            one["question_id"],
            one["stem"][:SHOWN],
            one["why"],
            one["change"] or one["left"],
        )
        for one in result["flags"]
    ]
    if not rows:
        return paragraph("Nothing.")
    return table(["action", "rule", "question", "stem", "why", "status"], rows)


def _questions(result: Result) -> str:
    def least(row: Mapping[str, Any]) -> float:
        found = number(row["discrimination"])
        return 2.0 if found is None else found

    rows = [
        (
            row["question_id"],
            str(row["version"]),
            str(row["n"]),
            _whole(row, "difficulty"),
            _whole(row, "discrimination"),
            _whole(row, "seconds", 1),
        )
        for row in sorted(result["statistics"], key=least)
    ]
    heads = ["question", "*version", "*answers", "*share right", "*discrimination", "*median seconds"]
    return table(heads, rows)


def _options(result: Result) -> str:
    flagged = {(one["question_id"], one["version"]) for one in result["flags"]}
    rows = [
        (
            row["question_id"],
            one["option"][:SHOWN],
            "key" if one["is_key"] else "",
            *(_whole(one, name) for name in ("share", "upper", "lower", "discrimination")),
        )
        for row in result["statistics"]
        if (row["question_id"], row["version"]) in flagged
        for one in row["options"]
    ]
    heads = ["question", "option", "", "*picked by", "*of the strongest third", "*of the weakest"]
    return table([*heads, "*correlation"], rows) if rows else ""


def _whole(row: Mapping[str, Any], name: str, digits: int = 3) -> Html:
    value = {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
    if digits == 3:
        return two_lines(value)
    return Html(decimal(value, digits))
