"""What is kept of a refused row of activity: its fault, and no learner's outside id.

    learner_id 9c1f04…  item_id xxx@xxxxxx.xxxxxxx  occurred_at 2025-02-03T10:00:00Z  score 0.5

Fields of a refused row may have changed places, so an id may stand in any of them. A field is shown only
where it is sound for its column; of the others the letters and digits become x. File and line say where the
row itself is to be found.
"""

import re
from collections.abc import Collection

import pandas as pd

from learnloop.prepare.verdicts import row_text
from learnloop.schemas import VERBS

FLAG = re.compile(r"(?i)true|false|yes|no|t|f|[01](?:\.0)?")
SHARE = re.compile(r"0?\.\d{1,6}|[01](?:\.0{1,6})?")
ISO_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)


def mask_rejected(
    rejected: pd.DataFrame, raw: pd.DataFrame, known_items: Collection[str] | None
) -> pd.DataFrame:
    """`rejected` (columns file, line, reason, record) with records that show no outside id.

    raw: the rows of the file with our column names, their line, damage and raw text; learner_id is a
    pseudonym already. known_items: ids that are no learner's; None where they are not known.
    """
    if rejected.empty:
        return rejected
    rows = raw[raw["line"].isin(rejected["line"])].set_index("line")
    damaged = rows["damage"].notna()
    fields = rows.drop(columns=["damage", "raw"]).fillna("").astype("str")
    shown = {
        line: row_text(
            value if name == "learner_id" or _sound(name, value, known_items) else shape(value)
            for name, value in zip(fields.columns, values, strict=True)
        )
        for line, values in zip(fields.index, fields.itertuples(index=False), strict=True)
    }
    shown |= {line: shape(str(text)) for line, text in rows.loc[damaged, "raw"].fillna("").items()}
    return rejected.assign(record=rejected["line"].map(shown).astype("str"))


def shape(text: str) -> str:
    """'ana-17' -> 'xxx-xx': what it looks like, not what it says."""
    return re.sub(r"\w", "x", text)


def _sound(column: str, value: str, known_items: Collection[str] | None) -> bool:
    value = value.strip()
    if column == "item_id":
        return known_items is not None and value in known_items
    if column == "verb":
        return value.lower() in VERBS
    if column == "correct":
        return FLAG.fullmatch(value) is not None
    if column == "score":
        return SHARE.fullmatch(value) is not None
    return column == "occurred_at" and ISO_DATE.fullmatch(value) is not None
