"""Answers that ask for marks gain nothing, even before a model that key words please."""

import json

import pytest
from attack_answers import ATTACKS
from graded_school import QUESTIONS, planted

from learnloop.assess import ngrams
from learnloop.assess.answer_features import AnswerFeatures
from learnloop.assess.grading import Grade, grade
from learnloop.assess.screening import screen
from learnloop.assess.short_answers import ShortAnswerGrader
from learnloop.assess.words import content, tokens

ARRANGED = [
    {
        "kind": "short_answer",
        "language": "en",
        "stem": "How fast does it fall?",
        "key": "9.81 m/s²",
        "answer": {"value": 9.81, "unit": "m/s²", "tolerance": 0.01},
        "wrong": "2 m",
    },
    {
        "kind": "multiple_choice",
        "language": "en",
        "stem": "Which gas do plants take in?",
        "key": "Carbon dioxide gas of air",
        "options": ["Oxygen of the air", "Carbon dioxide gas of air", "Pure argon"],
        "wrong": "Oxygen of the air",
    },
    {
        "kind": "ordering",
        "language": "en",
        "stem": "Order the stages.",
        "key": "egg → larva → pupa → adult",
        "options": ["pupa", "egg", "adult", "larva"],
        "answer": {"order": ["egg", "larva", "pupa", "adult"]},
        "wrong": "adult → pupa → larva → egg",
    },
    {
        "kind": "matching",
        "language": "en",
        "stem": "Match them.",
        "key": "France: Paris; Spain: Madrid",
        "options": ["Madrid", "Paris"],
        "answer": {"pairs": [["France", "Paris"], ["Spain", "Madrid"]]},
        "wrong": "France: Madrid; Spain: Paris",
    },
]
# Where the key is a number or a pair, these name it plainly: answers, if poor ones.
ANSWERS_IN_EARNEST = {
    "key_words",
    "key_words_with_commas",
    "key_words_backwards",
    "shuffled_reference",
    "reference_fifty_times",
}


@pytest.fixture(scope="module")
def graders() -> dict[str, ShortAnswerGrader]:
    """Trusting ones: every answer is graded, and what has the key words is right."""
    english = ShortAnswerGrader.fit(planted(), ngrams.embed, trust=0.5, trees=20)
    spanish = AnswerFeatures(ngrams.embed, "es", english.features.idf, english.features.unknown)
    return {
        "en": english,
        "es": ShortAnswerGrader(spanish, english.cold, english.warm, english.about),
    }


def gained(found: Grade) -> float:
    return found.score or 0.0


def test_there_are_fifty() -> None:
    assert len(ATTACKS) == 50


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["question_id"])
def test_free_text(question: dict[str, str], graders: dict[str, ShortAnswerGrader]) -> None:
    grader = graders[question["language"]]
    assert grade(question, question["key"]).score == 1.0
    nothing = max(gained(grade(question, text, grader)) for text in ("", question["wrong"]))
    assert nothing == 0.0
    for name, build in ATTACKS.items():
        found = grade(question, build(question), grader)
        assert gained(found) <= nothing, f"{name}: {json.dumps(build(question))[:100]} earned {found}"


def test_the_model_alone_would_fall_for_key_words(graders: dict[str, ShortAnswerGrader]) -> None:
    """What the screening is for: the model is pleased by a list of words that the screening doubts."""
    row = planted().iloc[0]
    listed = " ".join(content(tokens(row["references"][0], "en"), "en"))
    assert graders["en"].judge(row["question"], row["references"], listed).score == 1.0
    assert screen(listed, row["question"], row["references"], "en").doubt == "key_words"


@pytest.mark.parametrize("question", ARRANGED, ids=lambda question: question["kind"])
def test_the_other_kinds(question: dict[str, object]) -> None:
    assert grade(question, str(question["key"])).score == 1.0
    for name, build in ATTACKS.items():
        if name not in ANSWERS_IN_EARNEST and build(question) != question["key"]:
            assert gained(grade(question, build(question))) == 0.0, name


def test_max_points_clamp_an_attack_too(graders: dict[str, ShortAnswerGrader]) -> None:
    for build in ATTACKS.values():
        found = grade(QUESTIONS[0], build(QUESTIONS[0]), graders["en"], max_points=5)
        assert found.points in (None, 0.0)
