"""Frames that refer to each other in, how many of their references lead nowhere out.

interactions  item_id csv:loop-7        no such item: 1 of "interactions without their item"
items         parent_id csv:python      no such item: 1 of "items without their parent"
"""

from collections.abc import Mapping

import pandas as pd

JOINS = ("join", "rows", "unmatched")
# (what is counted, its frame, the column that refers, the frame and the column it must be in)
_REFERENCES = (
    ("interactions without their item", "interactions", "item_id", "items", "item_id"),
    ("interactions without their learner", "interactions", "learner_id", "learners", "learner_id"),
    ("enrolments without their course", "enrolments", "item_id", "items", "item_id"),
    ("items without their parent", "items", "parent_id", "items", "item_id"),
    ("links to an unknown item", "item_concepts", "item_id", "items", "item_id"),
    ("links to an unknown concept", "item_concepts", "concept_id", "concepts", "concept_id"),
    ("concepts that no item teaches", "concepts", "concept_id", "item_concepts", "concept_id"),
    ("prerequisites of an unknown concept", "prerequisites", "concept_id", "concepts", "concept_id"),
    ("prerequisites that name an unknown concept", "prerequisites", "requires_id", "concepts", "concept_id"),
)


def unmatched(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """JOINS: of so many rows that refer, so many find nothing. NA refers to nothing and is not counted.

    frames: any of items, concepts, item_concepts, prerequisites, learners, enrolments, interactions; a
    reference is looked at where both its ends are given. A frame may hold a column `n`: it stands for n rows.

    >>> items = pd.DataFrame({"item_id": ["s:a", "s:b"], "parent_id": ["s:gone", None]})
    >>> unmatched({"items": items}).values.tolist()
    [['items without their parent', 1, 1]]
    """
    rows = []
    for name, table, column, other, key in _REFERENCES:
        if table in frames and other in frames:
            frame = frames[table]
            refers = frame[column].notna()
            lost = refers & ~frame[column].isin(frames[other][key])
            counts = frame["n"] if "n" in frame else pd.Series(1, index=frame.index)
            rows.append((name, int(counts[refers].sum()), int(counts[lost].sum())))
    return pd.DataFrame(rows, columns=list(JOINS))
