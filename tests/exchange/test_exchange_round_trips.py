"""load(dump(x)) == x for every kind and format, on what is not refused; and what may be refused, and why."""

import os
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from exchange_questions import as_dicts, frame, plain, rows
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.exchange import gift, moodle_xml, qti21, qti30, table
from learnloop.exchange.reads import Loaded
from learnloop.exchange.rows import Dumped
from learnloop.schemas import QUESTION_KINDS

EXAMPLES = int(os.environ.get("LEARNLOOP_TEST_EXAMPLES", "7"))
FORMATS: dict[str, tuple[Callable[[Any], Dumped], Callable[[bytes, str], Loaded]]] = {
    "gift": (gift.dump, gift.load),
    "moodle": (moodle_xml.dump, moodle_xml.load),
    "qti21": (qti21.dump, qti21.load),
    "qti30": (qti30.dump, qti30.load),
    "csv": (table.dump_csv, table.load_csv),
    "json": (table.dump_json, table.load_json),
}
# Why a sound question may be refused; anything else is a fault of ours. The others hold everything.
REASONS = {
    "gift": (
        "GIFT has no ordering questions",
        "GIFT drops the space at the ends of a text",
        "GIFT would change the text &&…; of it",
        "GIFT has no empty options",
        "GIFT takes an answer with -> for a matching",
        "GIFT cannot match an empty text or one with ->",
    ),
    "moodle": ("Moodle has no empty answers", "Moodle drops the space at the ends of such an answer"),
}
# A frame costs more than the questions in it, so each example is a file of several.
FILES = st.lists(
    rows(kinds=QUESTION_KINDS), min_size=10, max_size=14, unique_by=lambda row: row["question_id"]
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # a shrunk file says no more than the first question that differs
)
@given(file=FILES)
def test_what_is_written_comes_back(file: list[dict[str, Any]]) -> None:
    questions = frame(file)
    for name in FORMATS:
        _comes_back(name, questions)


def _comes_back(name: str, questions: pd.DataFrame) -> None:
    dump, load = FORMATS[name]
    dumped = dump(questions)
    assert dumped.written + len(dumped.refused) == len(questions)
    assert {refusal.reason for refusal in dumped.refused} <= set(REASONS.get(name, ()))
    loaded = load(dumped.data, "imported:x")
    assert loaded.refused == []
    gone = {refusal.where for refusal in dumped.refused}
    wanted, found = as_dicts(questions), as_dicts(loaded.questions)
    assert set(found) == set(wanted) - gone
    for question_id, row in found.items():
        assert row == wanted[question_id], name
    assert set(loaded.questions["origin"]) <= {"imported"}
    assert dump(questions).data == dumped.data


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("count", [2, 60])
def test_many_options_keep_their_order(name: str, count: int) -> None:
    options = [f"option {number}: {number * 7 % count}" for number in range(count)]
    questions = frame([plain(kind="multiple_choice", options=options, key=options[count // 2])])
    dump, load = FORMATS[name]
    assert load(dump(questions).data, "imported:x").questions.loc[0, "options"] == options


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_that_contradicts_itself_is_refused_by_name(name: str) -> None:
    wrong = [
        (plain(kind="multiple_choice", options=["a", "b"], key="c"), "its key is not one of its options"),
        (plain(kind="multiple_choice", options=["a", "a"], key="a"), "its key is not one of its options"),
        (plain(kind="true_false", key="yes"), "its key is 'yes', neither true nor false"),
        (
            plain(kind="ordering", options=["a", "b"], answer={"order": ["a"]}),
            "its order is not that of its options",
        ),
        (
            plain(kind="matching", options=["x"], answer={"pairs": [["a", "y"]]}),
            "its pairs are not of its options",
        ),
        (plain(kind="short_answer", key="a\x08b"), "a control character in its text"),
    ]
    rows_ = [row | {"question_id": f"s:{number}"} for number, (row, _) in enumerate(wrong)]
    dumped = FORMATS[name][0](frame(rows_))
    assert [(one.where, one.reason) for one in dumped.refused] == [
        (f"s:{number}", reason) for number, (_, reason) in enumerate(wrong)
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_no_questions_are_a_file_without_questions(name: str) -> None:
    dump, load = FORMATS[name]
    dumped = dump(frame([]))
    if name.startswith("qti"):
        with pytest.raises(BadInput, match="no QTI items"):
            load(dumped.data, "imported:x")
    else:
        assert load(dumped.data, "imported:x").questions.empty
