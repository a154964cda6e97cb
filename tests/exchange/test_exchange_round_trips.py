"""load(dump(x)) == x for every kind and format, on what is not refused; and what may be refused, and why."""

import os
from types import ModuleType
from typing import Any

import pytest
from exchange_questions import as_dicts, frame, rows
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from learnloop.exchange import gift, moodle_xml
from learnloop.schemas import QUESTION_KINDS

EXAMPLES = int(os.environ.get("LEARNLOOP_TEST_EXAMPLES", "12"))
FORMATS = {"gift": gift, "moodle": moodle_xml}
# Why a sound question may be refused, by format: anything else is a fault of ours.
REASONS: dict[str, tuple[str, ...]] = {
    "gift": ("GIFT ",),
    "moodle": ("Moodle ",),
}


# A frame costs more than the questions in it, so each example is a file of several.
FILES = st.lists(
    rows(kinds=QUESTION_KINDS), min_size=10, max_size=14, unique_by=lambda row: row["question_id"]
)


@pytest.mark.parametrize("name", FORMATS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(file=FILES)
def test_what_is_written_comes_back(name: str, file: list[dict[str, Any]]) -> None:
    _comes_back(FORMATS[name], REASONS[name], file)


def _comes_back(module: ModuleType, reasons: tuple[str, ...], given_rows: list[dict[str, Any]]) -> None:
    table = frame(given_rows)
    dumped = module.dump(table)
    assert dumped.written + len(dumped.refused) == len(table)
    assert all(refusal.reason.startswith(reasons) for refusal in dumped.refused), dumped.refused
    loaded = module.load(dumped.data, "imported:x")
    assert loaded.refused == []
    gone = {refusal.where for refusal in dumped.refused}
    kept = {name: row for name, row in as_dicts(table).items() if name not in gone}
    assert as_dicts(loaded.questions) == kept
    assert set(loaded.questions["origin"]) <= {"imported"}
