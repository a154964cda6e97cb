"""Generated questions reach learners once somebody has approved them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.settings import Settings
from learnloop.store import loading, reading, tables
from learnloop.store.questions import set_status
from learnloop.workflow.context import Loop
from learnloop.workflow.questions import approve, listed, show


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
    with loop.engine.begin() as connection:
        connection.execute(sa.update(tables.questions).values(status="draft"))
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
    set_status(loop.engine, ["q2"], "retired", by="cli")
    assert approve(loop, everything=True) == {"approved": 2, "drafts": 0}
    assert status(loop)["q2"] == "retired"


def test_an_id_nobody_knows_approves_nothing(loop: Loop) -> None:
    with pytest.raises(UnknownThing, match="'q9'"):
        approve(loop, question_ids=["q1", "q9"])
    with pytest.raises(BadInput, match="--all"):
        approve(loop)
    assert set(status(loop).values()) == {"draft"}


def test_a_draft_whose_lesson_changed_stays_and_is_told(loop: Loop) -> None:
    lesson = {
        "item_id": "demo:lesson",
        "source": "demo",
        "kind": "lesson",
        "title": "Loops",
        "language": "en",
    }
    absent = dict.fromkeys(("parent_id", "position", "abstract", "subject", "level", "duration_s"))
    absent |= dict.fromkeys(("licence", "url", "answer"))
    items = pd.DataFrame([{**lesson, **absent, "text": "All is new here.", "attributes": {}}])
    loading.load(loop.engine, "items", items)
    with loop.engine.begin() as connection:
        old = sa.update(tables.questions).where(tables.questions.c.question_id == "q1")
        connection.execute(old.values(quote="A sentence that is gone."))
    found = approve(loop, everything=True)
    assert (found["approved"], found["drafts"]) == (2, 1)
    assert list(found["refused"]) == ["q1"]


def test_shown_and_listed(loop: Loop) -> None:
    set_status(loop.engine, ["q0"], "retired", by="Ana", why="dull")
    found = listed(loop, status="retired")
    assert (found["total"], found["by_status"]["draft"]) == (1, 2)
    shown = show(loop, "q0")
    assert shown["history"][-1]["why"] == "dull"
    assert "licence" not in shown, "what it has not is left out"
