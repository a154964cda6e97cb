"""The practice page in a real browser: all six kinds by keyboard, explained at once; reports; in Spanish."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from dashboard_site import (
    HOSTILE,
    choose,
    in_a_browser,
    key,
    nothing_is_active,
    one_lesson,
    press,
    signed_in,
    site,
    until,
    write,
)
from playwright.sync_api import Page, expect

from learnloop.dashboard.practice import _go_on
from learnloop.settings import Settings
from learnloop.store import api_keys, loading, practice_answers, question_feedback, questions, reading
from learnloop.workflow.context import Loop

LESSON = "demo:lesson/1"
LEARNER = "a" * 32

pytestmark = in_a_browser


@dataclass(frozen=True)
class Practice:
    address: str
    loop: Loop
    key: str  # a learner's


def bank() -> pd.DataFrame:
    shared: dict[str, Any] = {
        "item_id": LESSON,
        "quote": f"A loop repeats its body. {HOSTILE}",
        "span_start": 0,
        "span_end": 6,
        "source_sha256": "0" * 64,
        "language": "en",
        "origin": "imported",
        "provenance": {},
    }
    made: list[dict[str, Any]] = [
        {
            "kind": "multiple_choice",
            "stem": f"What repeats its body? {HOSTILE}",
            "key": "a loop",
            "options": ["a name", "a loop", HOSTILE],
            "notes": [{"rationale": "A name stands."}, {"rationale": HOSTILE}, {"rationale": "no"}],
        },
        {
            "kind": "true_false",
            "stem": "A loop stands.",
            "key": "false",
            "answer": {"corrected": "It repeats."},
        },
        {"kind": "cloze", "stem": "A ____ repeats its body.", "key": "loop"},
        {
            "kind": "ordering",
            "stem": "Put in order.",
            "key": "mix, then wait → bake",
            "options": ["bake", "mix, then wait"],
            "answer": {"order": ["mix, then wait", "bake"]},
        },
        {
            "kind": "matching",
            "stem": "Match.",
            "key": "loop: repeats; list: holds",
            "options": ["holds", "repeats"],
            "answer": {"pairs": [["loop", "repeats"], ["list", "holds"]]},
        },
        {"kind": "short_answer", "stem": "How do loops end?", "key": "by a condition that is false"},
    ]
    rows = [
        {"question_id": f"demo:q{n}", "options": [], "answer": None, "notes": None, **shared, **one}
        for n, one in enumerate(made)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def practice(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    home = tmp_path_factory.mktemp("practice")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none"))
    one_lesson(loop, LESSON)
    with site(loop, "open") as found:
        key = api_keys.create(loop.engine, "learner", LEARNER)
        yield Practice(f"{found.open}?page=practice", loop, key)


@pytest.fixture(autouse=True)
def _bank(practice: Practice) -> None:
    names = "questions, question_versions, question_statuses, question_reports, question_answers"
    with practice.loop.engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}, interactions, event_keys"))
    loading.load(practice.loop.engine, "questions", bank())
    questions.set_status(practice.loop.engine, bank()["question_id"].tolist(), "approved", by="cli")


def open_practice(page: Page, practice: Practice, more: str = "") -> None:
    signed_in(page, practice.address + more, practice.key)
    expect(page.get_by_role("heading", name="Practicar" if "es" in more else "Practice")).to_be_visible()


def on(page: Page, place: int) -> None:
    page.get_by_text("The answer is").or_(page.get_by_text("Right.")).or_(
        page.get_by_text("Your teacher will look")
    ).first.click()  # away from any field
    key(page, "ArrowRight", f"Question {place} of 6")
    expect(page.get_by_text("You answered:")).to_have_count(0)


def answered(page: Page, *shown: str) -> None:
    """By the button, with the keyboard."""
    button = page.get_by_role("button", name="Answer", exact=True)
    until(page.get_by_text(shown[0], exact=shown[0] == "Right."), lambda: button.press("Enter"))
    for told in shown[1:]:
        expect(page.get_by_text(told).first).to_be_visible()


def test_a_round_of_all_six_kinds_by_keyboard(practice: Practice, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_practice(page, practice)
    expect(page.get_by_text("Question 1 of 6")).to_be_visible()
    assert page.get_by_text("The lesson says").count() == 0
    press(page, "Answer", "Answer all of it first.")
    page.get_by_role("radiogroup", name="Your answer").get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    answered(page, "Not right. The answer is: a loop", "A name stands.", "The lesson says")
    nothing_is_active(page)
    on(page, 2)
    page.get_by_text("False", exact=True).click()
    answered(page, "Right.", "What is true: It repeats.")
    on(page, 3)
    field = page.get_by_label("Your answer")
    until(page.get_by_text("Right.", exact=True), lambda: write(field, "Loop"))
    on(page, 4)
    choose(page, "Place 1", "mix, then wait")
    choose(page, "Place 2", "bake")
    answered(page, "You answered: mix, then wait → bake")
    on(page, 5)
    choose(page, "loop", "repeats")
    choose(page, "list", "repeats")
    answered(page, "1 of 2 pairs are right.")
    on(page, 6)
    field = page.get_by_label("Your answer")
    looked_at = page.get_by_text("Your teacher will look at this answer.")
    until(looked_at, lambda: write(field, f"when it is enough {HOSTILE}"))
    press(page, "See how it went", "3 of 6 right")
    expect(page.get_by_text("Your teacher will look at 1 of your answers.")).to_be_visible()
    kept = practice_answers.read(practice.loop.engine)
    assert kept["correct"].astype(object).where(kept["correct"].notna(), None).tolist() == [
        *(False, True, True, True, False),
        None,
    ]
    assert kept["seconds"].gt(0).all()
    assert len(reading.interactions(practice.loop.engine)) == 5
    assert page.title() == "Learnloop"
    assert not [url for url in asked if "evil" in url]
    press(page, "Another round", "Question 1 of 6")


def test_the_button_of_a_question_before_leads_nowhere() -> None:
    found: dict[str, Any] = {"place": 1, "reply": {"correct": True}}
    _go_on(found, 0)
    assert (found["place"], found["reply"]) == (1, {"correct": True})
    _go_on(found, 1)
    assert (found["place"], found["reply"]) == (2, None)


def test_a_question_reported_and_one_that_is_taken_away(practice: Practice, page: Page) -> None:
    open_practice(page, practice, "&language=es")
    words = page.get_by_label("Con tus palabras")
    until(words, page.get_by_text("Algo está mal en esta pregunta").click)
    words.fill(HOSTILE)
    press(page, "Enviar", "Primero di qué está mal.")
    expect(words).to_have_value(HOSTILE)
    choose(page, "Qué está mal", "Dos respuestas son correctas")
    press(page, "Enviar", "Gracias.")
    expect(page.get_by_label("Con tus palabras")).to_have_value("")
    expect(page.get_by_role("combobox", name="Qué está mal", exact=True)).to_have_value("")
    (report,) = question_feedback.reports(practice.loop.engine, "demo:q0")
    assert (report["reason"], report["comment"], report["version"]) == ("two_right", HOSTILE, 1)
    questions.set_status(practice.loop.engine, ["demo:q0"], "suspended", by="cli", why="wrong")
    page.get_by_text("a name").click()
    press(page, "Responder", "Esa pregunta se ha cambiado o retirado mientras tanto")
    expect(page.get_by_text("Pregunta 1 de 5")).to_be_visible()
    assert practice_answers.read(practice.loop.engine).empty
    page.get_by_text("Verdadero", exact=True).click()
    press(page, "Responder", "No es correcto. Lo cierto es: It repeats.")
