"""Clean frames and what they were made of in, the numbers of a quality report out.

One record of a page, and what is told of it:

    {"url": "http://…/mean.html", "kind": "lesson", "title": "Mean", "language": "en-GB", "duration": ""}

    before  title given, language en, duration missing      after  title, language en, duration 720 s (imputed)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from learnloop.prepare.dwell import BINS, Limits
from learnloop.prepare.language import UNDETERMINED, normalise_language

# a record's field -> the column that it becomes
FIELDS = {
    **{"title": "title", "text": "text", "abstract": "abstract", "language": "language"},
    **{"subject": "subject", "level": "level", "duration": "duration_s", "licence": "licence"},
}
MISSING = ("source", "column", "before", "after", "imputed")


def missing(records: Sequence[Mapping[str, Any]], items: pd.DataFrame, source: str) -> pd.DataFrame:
    """MISSING: shares of pages without a value, in [0, 1], before and after, and of values filled in.

    records: raw pages; items: ITEMS made of them. NaN where there are none. A language of `und` is missing.
    """
    pages = items[items["kind"].isin(["course", "lesson"])]
    told = [record for record in records if record.get("kind") != "broken"]
    filled = [set(one.get("imputed", ())) for one in pages["attributes"]]
    rows = [
        (
            source,
            column,
            _share([not str(record.get(field) or "").strip() for record in told]),
            _share(pages[column].isna() | pages[column].astype("str").isin(["", UNDETERMINED])),
            _share([column in names for names in filled]),
        )
        for field, column in FIELDS.items()
    ]
    return pd.DataFrame(rows, columns=list(MISSING))


def languages(records: Iterable[Mapping[str, Any]], items: pd.DataFrame) -> pd.DataFrame:
    """language, before, after: how many pages declare it, how many items have it; `und` is none."""
    before = pd.Series(
        [normalise_language(str(one.get("language") or "")) or UNDETERMINED for one in records], dtype="str"
    ).value_counts()
    after = items.loc[items["kind"].isin(["course", "lesson"]), "language"].value_counts()
    both = pd.DataFrame({"before": before, "after": after}).fillna(0).astype("int64")
    return both.rename_axis("language").reset_index()


def dwell_histogram(told: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """seconds (lower edge of an octave), n, beyond: how many times lie in it, how many of them are outliers.

    told: `dwell.statistics`. A bin counts as beyond where all of it is, so a few outliers may be missed.
    """
    edge = np.exp2(told["bin"].astype("float64") / BINS)
    beyond = edge > limits.of(told["item_id"])
    octave = np.floor(told["bin"].astype("float64") / BINS)
    frame = pd.DataFrame({"octave": octave, "n": told["n"], "beyond": told["n"].where(beyond, 0)})
    summed = frame.groupby("octave", as_index=False)[["n", "beyond"]].sum()
    return summed.assign(seconds=np.exp2(summed["octave"]))[["seconds", "n", "beyond"]]


def _share(rows: Any) -> float:
    values = np.asarray(rows, dtype=bool)
    return float(values.mean()) if len(values) else float("nan")
