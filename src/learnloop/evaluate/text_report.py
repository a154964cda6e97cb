"""The results of `evaluate text` and `evaluate questions` in, a page of HTML each out; nothing is fetched.

Names of files, texts and questions came with the data and are escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from learnloop.evaluate.ranking_html import code, decimal, many, number, paragraph, table, two_lines

MARK = 'name="generator" content="learnloop text report"'  # in every page of ours
MARK_WITHIN = 1_000  # bytes from the start of a report
Result = Mapping[str, Any]
SYSTEMS = {
    "prediction": "predictions",
    "lead": "lead: the source's first sentences",
    "random": "random: sentences drawn from the source",
    "other": "other: the prediction for another document",
}
MEANINGS = (
    ("BLEU", "Shared runs of one to four words, of the corpus, less for what is too short; 0 to 100."),
    ("chrF", "Shared runs of one to six characters, recall counting more; mean over documents, 0 to 100."),
    ("ROUGE", "F1 of shared words (1), word pairs (2), the longest common sequence (L); 0 to 100."),
    (
        "Alignment",
        "Each token is paired with the nearest of the other text by its vector; F1 of the mean cosines."
        " In the manner of BERTScore, with another model and without its rescaling: not BERTScore.",
    ),
    ("Interval", "Where the number lies with 95% certainty (bootstrap over documents)."),
    ("Correlation", "Spearman's, over documents: whether texts that a judge finds better score higher."),
    (
        "What they cannot say",
        "All of these measure likeness. A lost 'not' or a swapped name costs next to nothing, and copying"
        " the source scores well. Read the difference from the baselines, and the examples.",
    ),
)


def is_report(head: bytes) -> bool:
    """Whether a file that begins with `head` (MARK_WITHIN bytes or more) is a report that may be replaced."""
    return MARK.encode() in head[:MARK_WITHIN]


def text_page(result: Result) -> str:
    """A whole document. result: as `learnloop evaluate text --json` prints it."""
    parts = [
        ("scores", "Scores beside copying and chance", _scores(result)),
        ("differences", "Predictions less each baseline", _differences(result)),
        ("correlations", "Do the metrics agree with a judge?", _correlations(result)),
        ("examples", "Best, middle and worst by chrF", _examples(result["examples"])),
        ("words", "What the words mean", _glossary(result)),
    ]
    data = result["data"]
    made = (
        f"{many(result['n'], 'document')}; predictions {code(str(data['predictions']['file']))}, references"
        f" {code(str(data['references']['file']))}; tokens {escape(str(result['tokens']))}; seed"
        f" {escape(str(result['seed']))}."
    )
    return page("How near the texts come to their references", made, result["notes"], parts)


def page(heading: str, made: str, notes: Sequence[str], parts: Sequence[tuple[str, str, str]]) -> str:
    """The style of the ranking report, under our own name."""
    text = files("learnloop.evaluate").joinpath("ranking.html").read_text(encoding="utf-8")
    text = text.replace("learnloop ranking report", "learnloop text report", 1).replace(
        "<title>Ranking report</title>", "<title>Text report</title>", 1
    )
    told = [part for part in parts if part[2]]
    links = "".join(f'<a href="#{name}">{escape(title)}</a> ' for name, title, _ in told)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{inner}</section>' for name, title, inner in told
    )
    listed = "".join(f"<li>{escape(one)}</li>" for one in notes)
    warned = f'<p><b>Be careful:</b></p><ul class="care">{listed}</ul>' if listed else ""
    whole = Template(text).substitute(
        heading=escape(heading), made=made, body=f"{warned}<nav>{links}</nav>{body}"
    )
    return whole.encode("utf-8", "replace").decode("utf-8")


def _scores(result: Result) -> str:
    metrics = list(result["systems"]["prediction"])
    rows = [
        (SYSTEMS.get(name, name), *(two_lines(of[metric]) for metric in metrics))
        for name, of in result["systems"].items()
    ]
    return table(["system", *(f"*{name}" for name in metrics)], rows, marked=0)


def _differences(result: Result) -> str:
    metrics = list(result["systems"]["prediction"])
    rows = [
        (SYSTEMS.get(name, name), *(two_lines(of[metric]) for metric in metrics))
        for name, of in result["differences"].items()
    ]
    return table(["less", *(f"*{name}" for name in metrics)], rows) if rows else ""


def _correlations(result: Result) -> str:
    rows = [
        (judge, metric, two_lines(one) if one["value"] is not None else "does not vary", str(one["n"]))
        for judge, of in result["correlations"].items()
        for metric, one in of.items()
    ]
    if not rows:
        return ""
    told = ""
    if result.get("rubric"):
        parts = ", ".join(f"{name} {decimal(value)}" for name, value in result["rubric"].items())
        told = paragraph(f"Rubric of the predictions against their sources: {parts}.")
    return told + table(["judge", "metric", "*Spearman's", "*documents"], rows)


def _examples(examples: Sequence[Mapping[str, Any]]) -> str:
    texts = ("prediction", "reference")
    rows = [
        (
            *(str(one["rank"]), str(one["id"]), *(str(one[name])[:600] for name in texts)),
            *(decimal(number(one[name]), 1) for name in ("chrf", "rougeL")),
        )
        for one in examples
    ]
    return table(["*rank", "id", "prediction", "reference", "*chrF", "*ROUGE-L"], rows)


def _glossary(result: Result) -> str:
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in MEANINGS)
    signed = "".join(
        f"<dt>{escape(name)}</dt><dd>{code(str(one), 200)}</dd>" for name, one in result["signatures"].items()
    )
    return f"<dl>{terms}{signed}</dl>"
