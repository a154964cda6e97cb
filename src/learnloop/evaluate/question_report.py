"""The result of `evaluate questions` in, a page of HTML out; nothing is fetched.

Stems, keys and names of raters came with the data and are escaped.
"""

from collections.abc import Mapping
from typing import Any

from learnloop.evaluate.question_rubric import PARTS
from learnloop.evaluate.ranking_html import code, decimal, many, paragraph, table, two_lines
from learnloop.evaluate.text_report import page

Result = Mapping[str, Any]
WEIGHTS = ("none", "linear", "quadratic")
LOWEST = ("question_id", "kind", "stem", "key", "weakest")
MEANINGS = {
    "grounded": "quote, claim and words of the stem stand in the lesson",
    "answerable": "the stem leads to the sentence that has the key, and does not tell it",
    "single_key": "the key is among the options once, and the quote names no other option",
    "distinct": "options differ, and so do the stems of one lesson",
    "fluent": "begins and ends well, of fair length, nothing left over",
    "level": "asks for no more years of school than its lesson",
}


def question_page(result: Result) -> str:
    """A whole document. result: as `learnloop evaluate questions --json` prints it."""
    data = result["data"]
    made = f"{many(result['n'], 'question')} of {code(str(data['file']))}"
    made = f"{made}, sha256 {code(str(data['sha256'])[:12])}."
    parts = [
        ("rubric", "The rubric", _rubric(result)),
        ("groups", "By kind, language and origin", _groups(result)),
        ("raters", "What people say", _raters(result)),
        ("lowest", "The lowest scores", _lowest(result)),
    ]
    return page("How good the questions are", made, result["notes"], parts)


def _rubric(result: Result) -> str:
    rows = [
        (name, MEANINGS.get(name, "the mean of the parts that apply"), two_lines(result["rubric"][name]))
        for name in (*PARTS, "score")
        if name in result["rubric"]
    ]
    told = paragraph("Each part is from 0 to 1, computed; nobody has read the questions for it.")
    return told + table(["part", "what it looks at", "*mean"], rows)


def _groups(result: Result) -> str:
    rows = [
        (
            name,
            value,
            str(of["n"]),
            *(two_lines(of[part]) if part in of else "" for part in ("score", *PARTS)),
        )
        for name, groups in result["by"].items()
        for value, of in groups.items()
    ]
    return table(["by", "value", "*questions", "*score", *(f"*{part}" for part in PARTS)], rows)


def _raters(result: Result) -> str:
    raters = result.get("raters")
    if not raters:
        return ""
    told = paragraph(f"{many(raters['n'], 'rater')}, {many(raters['questions'], 'question')}. Cohen's kappa.")
    between = [
        (part, pair, str(one["n"]), decimal(one["same"]), *(_kappa(one[name]) for name in WEIGHTS))
        for part, of in raters["between"].items()
        for pair, one in of["pairs"].items()
    ]
    if between:
        told += table(["part", "raters", "*both", "*same", *(f"*{name}" for name in WEIGHTS)], between)
    rubric = [
        (part, str(one["n"]), decimal(one["people"]), decimal(one["rubric"]), _kappa(one["spearman"]))
        for part, one in raters["with_rubric"].items()
    ]
    return told + table(["part", "*questions", "*people", "*rubric", "*Spearman's"], rubric)


def _kappa(one: Mapping[str, Any]) -> Any:
    return two_lines(one) if one["value"] is not None and one["low"] is not None else "undefined"


def _lowest(result: Result) -> str:
    rows = [(*(str(one[name]) for name in LOWEST), decimal(one["score"])) for one in result["lowest"]]
    return table(["question", "kind", "stem", "key", "weakest part", "*score"], rows)
