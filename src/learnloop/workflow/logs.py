"""The files of an evaluation, read once: the log, a test part, items and what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.collect.logs import Log, read_items, read_log
from learnloop.errors import BadInput
from learnloop.schemas import ItemFeatures
from learnloop.workflow.console import step

MIXED = ("genres", "genre", "course", "course_id", "parent_id", "subject", "level", "kind")
DESCRIBED = ("title", "language", "level", "subject", "parent_id", "licence")  # of schemas.ITEMS
MOST_CLASSES = 200  # more are names, not a mix


@dataclass(frozen=True)
class Files:
    """log: all interactions, or the training part where there is a test. items: NA where a field is empty."""

    log: Log
    test: Log | None
    items: pd.DataFrame | None

    def attribute(self, name: str) -> dict[str, str]:
        """item -> its value of column `name`; {} where the items have none."""
        if self.items is None or name not in self.items:
            return {}
        there = self.items[self.items[name].notna()]
        return dict(zip(there["item_id"], there[name], strict=True))

    def mixed(self) -> tuple[str, dict[str, str]]:
        """The attribute whose mix a list should keep (calibration) and its values; ("", {}) without one."""
        for name in MIXED:
            values = self.attribute(name)
            if 2 <= len({part for value in values.values() for part in value.split("|")}) <= MOST_CLASSES:
                return name, values
        return "", {}

    def own(self, column: str) -> Mapping[str, pd.Series]:
        """learner_id and `column` of every row of log and test."""
        parts = [part.frame for part in (self.log, self.test) if part is not None and column in part.frame]
        whole = pd.concat([part[["learner_id", column]] for part in parts])
        return {"learner_ids": whole["learner_id"], "values": whole[column]}

    def told(self) -> dict[str, Any]:
        """What the report says of the data."""
        rows = [part for part in (self.log, self.test) if part is not None]
        everything = pd.concat([part.frame[["learner_id", "item_id"]] for part in rows])
        refused: dict[str, int] = {}
        for part in rows:
            for reason, count in part.refused.items():
                refused[reason] = refused.get(reason, 0) + count
        return {
            "file": self.log.file,
            "sha256": self.log.sha256,
            **({"test_file": self.test.file, "test_sha256": self.test.sha256} if self.test else {}),
            "rows": sum(part.rows for part in rows),
            "learners": int(everything["learner_id"].nunique()),
            "items": int(everything["item_id"].nunique()),
            "refused": refused,
            "times": all(part.times for part in rows),
        }


def load(
    interactions: Path,
    test: Path | None = None,
    items: Path | None = None,
    columns: str = "",
    min_value: float | None = None,
    group_by: tuple[str, ...] = (),
    all_columns: bool = False,
) -> Files:
    """columns: as --map has them; "items.item_id=id" is for the items alone. Raises BadInput, NothingToDo."""
    of_log, of_items = _parted(columns)
    keep = None if all_columns else group_by
    with step(f"read {interactions.name}"):
        log = read_log(interactions, of_log, min_value, keep)
    absent = [column for column in group_by if column not in log.frame]
    if absent:
        raise BadInput(f"{log.file} has no column {absent[0]!r}", "--group-by a column of it", absent[0])
    asked = None
    if test is not None:
        with step(f"read {test.name}"):
            # of the columns of --group-by the test may lack some: what the log says of a learner is enough
            asked = read_log(test, of_log, min_value, None if all_columns or group_by else ())
        if asked.times != log.times:
            lacking = asked.file if log.times else log.file
            raise BadInput(
                f"{lacking} has no column 'occurred_at', the other file has one",
                "give it, or drop it in both",
            )
    found = None
    if items is not None:
        with step(f"read {items.name}"):
            found = read_items(items, of_items)
    return Files(log, asked, found)


def _parted(columns: str) -> tuple[str, str]:
    """--map for the log and for the items: a name without a table counts for the log."""
    parts = [part.strip() for part in columns.split(",") if part.strip()]
    of_items = [part for part in parts if part.startswith("items.")]
    return ",".join(part for part in parts if part not in of_items), ",".join(of_items)


def features(files: Files) -> ItemFeatures | None:
    """What the items' text and metadata say, for the models that read it; None without --items.

    What a log holds is what is ranked, whatever its kind is called; columns of words that are no column of
    ours (genres, say) are read as text.
    """
    if files.items is None:
        return None
    from learnloop.recommend.features import item_features

    given = files.items
    ours = {name: given.get(name) for name in DESCRIBED}
    others = [name for name in MIXED if name in given and name not in (*DESCRIBED, "kind")]
    words = given[[name for name in ("text", *others) if name in given]].fillna("").agg(" ".join, axis=1)
    frame = pd.DataFrame({**ours, "item_id": given["item_id"], "kind": "lesson"}).astype("str")
    title = frame["title"].fillna("")
    return item_features(
        frame.assign(title=title, text=words.str.replace("|", " ") if len(words.index) else "")
    )
