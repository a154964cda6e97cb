"""Every cleaning rule there is, with one example each: what the quality report and the docs list.

    Rule("fix_mojibake", "text", fix_mojibake, "dÃ©finition", "définition", counted=("fix_mojibake",))

An account counts by what happened ("language detected", "language declared wrongly"); a rule names those
counts that are its own, and what no rule claims is listed as it stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from learnloop.prepare import (
    duplicates,
    dwell,
    interactions,
    joins,
    language,
    levels,
    numbers,
    prices,
    repeats,
    text,
    titles,
    units,
    workload,
)

OTHER = "other"


@dataclass(frozen=True)
class Rule:
    """before, after: its example, as a person reads it. counted: how the counts that are its own begin."""

    name: str
    group: str  # text, values, missing, events, items
    function: Callable[..., Any]
    before: str
    after: str
    counted: tuple[str, ...]
    applies: bool = True  # function(before), shown as text, is `after`

    @property
    def does(self) -> str:
        """The first line of its function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n")[0]


def _text(function: Callable[[str], str], before: str, after: str) -> Rule:
    return Rule(function.__name__, "text", function, before, after, (function.__name__,))


RULES: tuple[Rule, ...] = (
    _text(text.fix_mojibake, "dÃ©finition", "définition"),
    _text(text.unescape_entities, "Ca&ntilde;&oacute;n &amp;amp; r&#237;o", "Cañón & río"),
    _text(text.strip_tags, "a <b>mean</b> of List<String>", "a mean of List<String>"),
    _text(text.drop_invisible, "pro\u00adbability", "probability"),
    _text(text.normalise_unicode, "ﬁnd x² of ２５ m", "find x² of 25 m"),
    _text(text.collapse_whitespace, "  one   line ", "one line"),
    Rule(
        "fix_title_case",
        "text",
        titles.fix_title_case,
        "INTRODUCCIÓN A LA ESTADÍSTICA",
        "Introducción a la estadística",
        ("fix_title_case", "title in capitals", "title in small"),
    ),
    Rule(
        "detect_language",
        "text",
        language.detect,
        "El promedio es la suma de los valores dividida entre cuántos son.",
        "es",
        ("language detected", "language declared wrongly", "language unknown", "language filled in"),
    ),
    Rule("durations", "values", units.seconds, "doce semanas", "7257600.0", ("duration",)),
    Rule(
        "dates_and_zones",
        "values",
        units.utc_time,
        "3 de marzo de 2024",
        "2024-03-03 00:00:00+00:00",
        ("date unreadable", "time without a zone", "time read as", "local time"),
    ),
    Rule("prices", "values", prices.price, "US$ 1,299.00", "(1299.0, 'USD')", ("price",)),
    Rule("levels", "values", levels.level, "Nivel básico", "beginner", ("level",)),
    Rule(
        "numbers", "values", numbers.number, "1.5k", "1500.0", ("number", "position that", "position unread")
    ),
    Rule(
        "weekly_workload",
        "values",
        workload.weekly_workload,
        "3-4 hours a week",
        "(10800.0, 14400.0)",
        ("workload a week",),
    ),
    Rule(
        "filled_in",
        "values",
        interactions.filled_in,
        "no verb, but a result",
        "answered, imputed: verb",
        (
            *("missing", "verb filled in", "kind filled in", "time filled in", "title from", "position from"),
            *("subject from", "duration from", "course from", "abstract from"),
        ),
        applies=False,
    ),
    Rule(
        "births",
        "events",
        interactions.births,
        "answered in February, the item made in March",
        "refused",
        ("time in the future", "time before"),
        applies=False,
    ),
    Rule(
        "repeats",
        "events",
        repeats.repeats,
        "answered at 10:00:00.1, answered at 10:00:00.8",
        "answered at 10:00:00.1",
        ("repeat within", "duplicate event"),
        applies=False,
    ),
    Rule(
        "dwell_outliers",
        "events",
        dwell.drop_outliers,
        "14 s, 22 s, 18 s, 5,400 s",
        "14 s, 22 s, 18 s, NA",
        ("dwell time",),
        applies=False,
    ),
    Rule(
        "duplicates",
        "items",
        duplicates.find_duplicates,
        "/mean and /print/mean, the same words",
        "/mean, also at /print/mean",
        ("duplicate", "another page has this item_id"),
        applies=False,
    ),
    Rule(
        "unmatched",
        "items",
        joins.unmatched,
        "an answer to school:q99, which is not there",
        "refused and counted",
        ("unknown item", "course unknown", "unknown assessment", "unknown site"),
        applies=False,
    ),
)


def by_rule(counts: Mapping[str, int]) -> pd.DataFrame:
    """rule, group, count, n: each count of an account under its rule; a rule that never fired has n = 0.

    >>> told = by_rule({"language detected": 2, "slogan is no abstract: NA": 1})
    >>> told[told["n"] > 0][["rule", "n"]].values.tolist()
    [['detect_language', 2], ['other', 1]]
    """
    rows = []
    left = dict(counts)
    for rule in RULES:
        own = {name: n for name, n in left.items() if name.startswith(rule.counted)}
        left = {name: n for name, n in left.items() if name not in own}
        rows += [(rule.name, rule.group, name, n) for name, n in own.items()] or [
            (rule.name, rule.group, "", 0)
        ]
    rows += [(OTHER, OTHER, name, n) for name, n in left.items()]
    return pd.DataFrame(rows, columns=["rule", "group", "count", "n"])
