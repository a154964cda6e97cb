"""What `prepare --interactions` must give, made on one frame; and its files read back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.collect import tables
from learnloop.prepare import scale
from learnloop.schemas import INTERACTIONS, check
from learnloop.simulate.volume import items
from learnloop.store.pseudonyms import pseudonyms

KEY = "a pseudonym key of at least 32 characters"
NOW = pd.Timestamp("2026-01-01T00:00:00Z")
ORDER = ["learner_id", "occurred_at", "event_id"]


@dataclass(frozen=True)
class Expected:
    interactions: pd.DataFrame
    rejected: pd.DataFrame
    account: dict[str, Any]


def single_frame(logs: Path, source: str = "volume") -> Expected:
    """The plain pandas path: every row in one frame."""
    kinds = dict(zip(f"{source}:" + items()["item_id"], items()["kind"], strict=True))
    context = scale.Context(
        source,
        NOW,
        lambda ids: pseudonyms(KEY.encode(), source, ids),
        set(kinds),
        kinds,
    )
    files = enumerate(sorted(logs.glob("part-*.parquet")))
    chunks = [(order, chunk) for order, path in files for chunk in tables.read(None, path, source)]
    cleaned = scale.whole(chunks, context)
    return Expected(
        cleaned.frames["interactions"].sort_values(ORDER, ignore_index=True),
        _by_line(cleaned.rejected),
        cleaned.accounting.to_dict(),
    )


def clean(out: Path) -> pd.DataFrame:
    """INTERACTIONS of all files, in the order of `single_frame`."""
    frames = [pd.read_parquet(path) for path in sorted((out / "interactions").glob("*.parquet"))]
    return check(pd.concat(frames).sort_values(ORDER, ignore_index=True), INTERACTIONS, "out")


def rejected(out: Path) -> pd.DataFrame:
    frames = [pd.read_parquet(path) for path in sorted((out / "rejected").glob("*.parquet"))]
    return _by_line(pd.concat(frames))


def _by_line(rejected: pd.DataFrame) -> pd.DataFrame:
    return rejected.sort_values(["file", "line"], ignore_index=True)
