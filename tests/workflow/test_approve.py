"""Generated questions reach learners once somebody has approved them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from learnloop.errors import BadInput, UnknownThing
from learnloop.settings import Settings
from learnloop.store import loading, reading
from learnloop.workflow.context import Loop
from learnloop.workflow.generate import approve


@pytest.fixture
def loop(database_url: str, tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path, database_url=database_url))
    rows = [
        {
            "question_id": f"q{number}",
            "item_id": "demo:lesson",
            "kind": "cloze",
            "stem": f"Question {number}: ____",
            "key": "loops",
            "options": ["loops", "lists"],
            "quote": None,
            "span_start": None,
            "span_end": None,
            "source_sha256": "0" * 64,
            "language": "en",
            "origin": "generated",
            "provenance": {},
        }
        for number in range(3)
    ]
    loading.load(loop.engine, "questions", pd.DataFrame(rows))
    loading.set_question_status(loop.engine, [row["question_id"] for row in rows], "draft")
    yield loop
    loop.close()


def status(loop: Loop) -> dict[str, str]:
    found = reading.questions(loop.engine)
    return dict(zip(found["question_id"], found["status"], strict=True))


def test_one_is_approved_the_others_stay_drafts(loop: Loop) -> None:
    assert approve(loop, question_ids=["q1"]) == {"approved": 1, "drafts": 2}
    assert status(loop) == {"q0": "draft", "q1": "approved", "q2": "draft"}
    assert approve(loop, question_ids=["q1"])["approved"] == 0, "a second time changes nothing"


def test_all_drafts_but_nothing_retired(loop: Loop) -> None:
    loading.set_question_status(loop.engine, ["q2"], "retired")
    assert approve(loop, everything=True) == {"approved": 2, "drafts": 0}
    assert status(loop)["q2"] == "retired"


def test_an_id_nobody_knows_approves_nothing(loop: Loop) -> None:
    with pytest.raises(UnknownThing, match="'q9'"):
        approve(loop, question_ids=["q1", "q9"])
    with pytest.raises(BadInput, match="--all"):
        approve(loop)
    assert set(status(loop).values()) == {"draft"}
