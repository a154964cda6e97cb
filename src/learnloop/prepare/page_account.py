"""The account of a source's pages: records and questions refused, with their reasons, and repairs by rule."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from learnloop.prepare.verdicts import rejects

Record = dict[str, Any]


def as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True)


def numbers(record: Record) -> range:
    """1-based numbers of the questions on a page."""
    return range(1, len(record.get("questions", [])) + 1)


class Account:
    """Refusals with their records, and repairs by rule."""

    def __init__(self) -> None:
        self.refused: list[tuple[Record, str]] = []  # a page with its questions
        self.questions: list[tuple[Record, int, str]] = []  # (page, 1-based number, reason)
        self.repaired: dict[str, int] = {}

    def repair(self, rule: str, count: int = 1) -> None:
        if count:
            self.repaired[rule] = self.repaired.get(rule, 0) + count

    def repairs(self, counts: Mapping[str, int]) -> None:
        for rule, count in counts.items():
            self.repair(rule, count)

    def rejected(self) -> pd.DataFrame:
        rows = [(record["url"], 1, reason, as_json(record)) for record, reason in self.refused]
        pages = [(record, n, reason) for record, reason in self.refused for n in numbers(record)]
        for record, n, reason in pages + self.questions:
            rows.append((record["url"], n, reason, as_json(record["questions"][n - 1])))
        return rejects(rows)
