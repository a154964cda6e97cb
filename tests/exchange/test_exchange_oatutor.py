"""OATutor's steps as questions: every one is a question or refused with a reason."""

from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from learnloop.collect import oatutor as reading
from learnloop.exchange import oatutor
from learnloop.prepare import oatutor as cleaning
from learnloop.schemas import ITEM_CONCEPTS, ITEMS, QUESTIONS, empty


def _step(answer: str, **other: object) -> pd.DataFrame:
    row = {**dict.fromkeys(ITEMS.columns), "item_id": "oatutor:a1a", "kind": "question", "answer": answer}
    row |= {"parent_id": "oatutor:problem/a1", "title": "What is x?", "text": "", "language": "en"}
    about = {"problem_type": "TextBox", "answer_type": "arithmetic"}
    return pd.DataFrame([{**row, "attributes": about} | other])


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("$$0.63$$", 0.63),
        ("-4", -4.0),
        ("1,250", 1250.0),
        ("3/4", 0.75),
        ("$$\\frac{1}{8}$$", 0.125),
        (".5", 0.5),
    ],
)
def test_a_key_that_is_a_number_is_marked_as_one(answer: str, value: float) -> None:
    found = oatutor.questions(_step(answer), empty(ITEM_CONCEPTS), empty(QUESTIONS))
    assert found.questions.loc[0, "answer"]["value"] == value


@pytest.mark.parametrize(
    ("answer", "other", "reason"),
    [
        ("x^2", {}, "its key is a formula"),
        ("1/0", {}, "its key is a formula"),
        ("", {}, "no right answer"),
        ("3", {"text": "See ##figure1.gif"}, "needs a picture that the pool has not"),
        ("3", {"text": "Let k be @{k}."}, "has variables to fill in"),
        (
            "3",
            {"attributes": {"problem_type": "MultipleChoice"}},
            "a multiple choice that the importer refused",
        ),
    ],
)
def test_a_step_that_cannot_be_marked_is_refused(answer: str, other: dict[str, object], reason: str) -> None:
    found = oatutor.questions(_step(answer, **other), empty(ITEM_CONCEPTS), empty(QUESTIONS))
    assert [refusal.reason for refusal in found.refused] == [reason]
    assert found.questions.empty


def test_words_are_compared_as_words_only_where_the_pool_does_so() -> None:
    words = {"attributes": {"problem_type": "TextBox", "answer_type": "string"}}
    found = oatutor.questions(_step("no solution", **words), empty(ITEM_CONCEPTS), empty(QUESTIONS))
    assert (found.questions.loc[0, "key"], found.questions.loc[0, "answer"]) == ("no solution", {})
    found = oatutor.questions(_step("no solution"), empty(ITEM_CONCEPTS), empty(QUESTIONS))
    assert found.refused[0].reason == "its key is a formula"


def test_every_real_step_is_a_question_or_refused(shared_data: Path) -> None:
    context = cleaning.Context()
    for chunk in islice(reading.read(shared_data / "oatutor", chunk_rows=2_000), 3):
        frames = cleaning.clean(chunk, context).frames
    found = oatutor.questions(frames["items"], frames["item_concepts"], frames["questions"])
    steps = (frames["items"]["kind"] == "question").sum()
    assert len(found.questions) + len(found.refused) == steps > 200
    assert set(found.questions["origin"]) == {"imported"}
    assert set(found.questions["kind"]) == {"multiple_choice", "short_answer"}
