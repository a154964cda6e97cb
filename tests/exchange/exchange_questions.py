"""Questions of all kinds as hypothesis draws them, with the characters that formats trip over."""

import json
import math
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from learnloop.schemas import BLOOM, QUESTIONS, check

NASTY = [
    *"~=#{}:\\<>&\"'%*|;,.[]()$/_01éñßœ«»–’∑√π²漢ا🙂",
    *(
        "//",
        "->",
        "::",
        "####",
        "\\n",
        "\\:",
        "{1:SA:=x}",
        "<b>",
        "</p>",
        "&amp;",
        "&#125;",
        "&&058;",
        "]]>",
        "<!--",
    ),
    *(
        "-->",
        "[html]",
        "[plain]",
        "[id:x]",
        "$CATEGORY:",
        "TRUE",
        "F",
        "%50%",
        "=%100%",
        "~%0%",
        "____",
        "1..2",
    ),
]
# Spaces to Unicode, or none to look at
NASTY += ["\u00a0", "\u2028", "\u0085", "\ufeff", "\u200b"]
WORDS = ["the", "mean", "vector", "9.81", "is", "x", "Water"]
PIECES = st.sampled_from([*NASTY, *WORDS * 4, *[" ", "  ", "\n", "\t", "\n\n"] * 4])
LOOSE = st.lists(PIECES, min_size=1, max_size=8).map("".join).filter(lambda text: text.strip() != "")
TIDY = LOOSE.map(str.strip).filter(bool)
TEXT = st.one_of(TIDY, TIDY, TIDY, LOOSE)
NUMBER = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 6) + 0.0)
IDS = st.integers(0, 10**6).map(lambda n: f"generated:{n:06x}")
OPTIONAL_TEXT = st.one_of(st.none(), TEXT)


@st.composite
def rows(
    draw: st.DrawFn, kinds: tuple[str, ...] = (), texts: st.SearchStrategy[str] = TEXT
) -> dict[str, Any]:
    """One row of QUESTIONS with `version`."""
    kind = draw(st.sampled_from(kinds))
    row: dict[str, Any] = {"kind": kind, "stem": draw(texts), "options": [], "answer": {}, "aliases": []}
    if kind == "cloze":
        before, after = draw(st.one_of(st.just(""), texts)), draw(st.one_of(st.just(""), texts))
        row["stem"] = draw(st.sampled_from([f"{before}____{after}", f"{before} _____ {after}", row["stem"]]))
    if kind == "multiple_choice" or (kind == "cloze" and draw(st.booleans())):
        row["options"] = draw(st.lists(st.one_of(texts, st.just("")), min_size=2, max_size=30, unique=True))
        row["key"] = draw(st.sampled_from([option for option in row["options"] if option.strip()] or ["k"]))
        row["options"] = row["options"] if row["key"] in row["options"] else ["k", "l"]
    elif kind == "true_false":
        row["key"] = draw(st.sampled_from(["true", "false"]))
        if row["key"] == "false" and draw(st.booleans()):
            row["answer"] = {"corrected": draw(texts)}
    elif kind == "ordering":
        order = draw(st.lists(texts, min_size=2, max_size=6, unique=True))
        row |= {"answer": {"order": order}, "options": draw(st.permutations(order))}
        row["key"] = draw(st.sampled_from([" → ".join(order), "as in the text"]))
    elif kind == "matching":
        pairs = draw(
            st.lists(st.tuples(texts, texts), min_size=2, max_size=5, unique_by=lambda pair: pair[0])
        )
        shown = [right for _, right in pairs] + draw(st.lists(texts, max_size=2))
        row |= {"answer": {"pairs": [list(pair) for pair in pairs]}, "options": draw(st.permutations(shown))}
        row["key"] = "; ".join(f"{left}: {right}" for left, right in pairs)
    elif kind == "short_answer" and draw(st.booleans()):
        value = draw(NUMBER)
        row["answer"] = {"value": value}
        if draw(st.booleans()):
            row["answer"] |= {"unit": draw(st.sampled_from(["", "m/s²", "%", "kg <x>"])), "tolerance": 0.25}
        row["key"] = draw(st.sampled_from([f"{value:g}", "nine point eight"]))
    else:
        row["key"] = draw(texts)
    if not row["options"] and kind in ("cloze", "short_answer"):
        row["aliases"] = draw(
            st.lists(texts.filter(lambda text: text != row["key"]), max_size=2, unique=True)
        )
    return row | _rest(draw, row)


def _rest(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    count = 2 if row["kind"] == "true_false" else len(row["options"]) or 1 + len(row["aliases"])
    note = st.fixed_dictionaries({}, optional={"rationale": TEXT, "origin": st.sampled_from(["rule", "x~y"])})
    notes = draw(st.one_of(st.just([]), st.lists(note, min_size=count, max_size=count)))
    provenance = st.fixed_dictionaries({"seed": st.integers(0, 9)}, optional={"feedback": TEXT})
    return {
        "question_id": draw(IDS),
        "version": draw(st.integers(1, 9)),
        "item_id": draw(st.sampled_from(["demo:a/b", "demo:ünï code", "s:x"])),
        "language": draw(st.sampled_from(["en", "es", "fr", "de"])),
        "quote": draw(OPTIONAL_TEXT),
        "span_start": draw(st.one_of(st.none(), st.integers(0, 99))),
        "span_end": draw(st.one_of(st.none(), st.integers(0, 99))),
        "source_sha256": "0" * 64,
        "origin": "generated",
        "provenance": draw(provenance),
        "notes": notes if any(notes) else [],
        "concept_ids": draw(
            st.lists(st.sampled_from(["demo:vec tor", "s:[x]", "s:" + "y" * 300]), unique=True)
        ),
        "bloom": draw(st.one_of(st.none(), st.sampled_from(BLOOM))),
        "difficulty": draw(st.one_of(st.none(), NUMBER)),
        "reading_level": draw(st.one_of(st.none(), NUMBER)),
        "licence": draw(st.sampled_from([None, "https://creativecommons.org/licenses/by/4.0/"])),
        "checks": {"grounding": {"passed": True, "detail": "x"}},
    }


def plain(**other: Any) -> dict[str, Any]:
    """One short row of QUESTIONS, with what is said of it."""
    row: dict[str, Any] = {"question_id": "s:1", "version": 1, "item_id": "s:x", "kind": "short_answer"}
    row |= {"stem": "What is it?", "key": "a", "options": [], "language": "en", "origin": "generated"}
    return row | {"source_sha256": "0" * 64, "provenance": {}} | other


def frame(rows_: list[dict[str, Any]]) -> pd.DataFrame:
    """QUESTIONS with `version`."""
    columns = [*QUESTIONS.columns, "version"]
    table = pd.DataFrame([{name: row.get(name) for name in columns} for row in rows_], columns=columns)
    table = table.astype({"span_start": "Int64", "span_end": "Int64", "version": "Int64"})
    return check(table, QUESTIONS, "test").assign(version=table["version"])


def as_dicts(table: pd.DataFrame, without: tuple[str, ...] = ("origin",)) -> dict[str, dict[str, Any]]:
    """Rows by question_id with one notation for nothing, for comparison. Imported is imported: no origin."""
    found = {}
    for row in table.to_dict("records"):
        values = {str(name): _plain(value) for name, value in row.items() if name not in without}
        found[str(values["question_id"])] = {
            name: value for name, value in values.items() if value not in ([], {}, None)
        }
    return found


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (list, dict)):
        return json.loads(json.dumps(value))
    return value.item() if hasattr(value, "item") else value
