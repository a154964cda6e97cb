"""A teacher grades in a real browser, by keyboard, in Spanish; the learner is told, and says it is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from dashboard_site import (
    HOSTILE,
    choose,
    drawn,
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
from playwright.sync_api import Locator, Page, expect

from learnloop.settings import Settings
from learnloop.store import api_keys, grades, loading, practice_answers, questions
from learnloop.workflow.context import Loop

LESSON = "demo:lesson/1"
KEY = "by a condition that is false, because the body is skipped"
ANA, BEN, CLEO = "a" * 32, "b" * 32, "c" * 32
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
MARK, COMMENT = "Mark, from 0 to 100", "For the learner, if you like"

pytestmark = in_a_browser


@dataclass(frozen=True)
class School:
    operator: str
    open: str
    loop: Loop
    teacher: str
    learner: str  # Ana's key


@pytest.fixture(scope="module")
def school(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    home = tmp_path_factory.mktemp("grading")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none", embedder="none"))
    one_lesson(loop, LESSON)
    shared: dict[str, Any] = {
        "item_id": LESSON,
        "kind": "short_answer",
        "options": [],
        "quote": "A loop ends.",
        "key": KEY,
    }
    shared |= {"source_sha256": "0" * 64, "language": "en", "origin": "imported", "provenance": {}}
    stems = (f"How do loops end? {HOSTILE}", "Why do loops end?")
    rows = [{"question_id": f"demo:q{n}", "stem": stem, **shared} for n, stem in enumerate(stems)]
    bank = pd.DataFrame(rows).assign(span_start=None, span_end=None, answer=None, notes=None)
    loading.load(loop.engine, "questions", bank)
    questions.set_status(loop.engine, ["demo:q0", "demo:q1"], "approved", by="cli")
    with site(loop, "operator", "open") as found:
        teacher = api_keys.create(loop.engine, "instructor")
        learner = api_keys.create(loop.engine, "learner", ANA)
        yield School(f"{found.operator}?page=grading", found.open, loop, teacher, learner)


@pytest.fixture(autouse=True)
def _four_wait(school: School) -> None:
    with school.loop.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE question_answers, interactions, event_keys"))
    hidden = "it ends\u202e when\u200b it ends\nand then?"
    for number, (who, picked) in enumerate(
        [(ANA, f"{hidden} {HOSTILE}"), (BEN, "the condition is false"), (CLEO, "the condition is false")]
    ):
        answer(school, number, who, picked)
    answer(school, 3, ANA, "because", "demo:q1")


def answer(
    school: School, number: int, who: str, picked: str, question: str = "demo:q0", **change: Any
) -> None:
    row: dict[str, Any] = {
        "event_id": f"answer:{number}",
        "question_id": question,
        "version": 1,
        "learner_id": who,
        "picked": picked,
        "correct": None,
        "score": None,
        "seconds": 21.4,
        "answered_at": AT + timedelta(minutes=number),
        "grade": {"how": "abstained", "confidence": 0.0, "feedback": [{"code": "teacher", "values": {}}]},
        "graded_by": None,
    }
    practice_answers.append(school.loop.engine, {**row, **change}, "api")


def kept(school: School, number: int) -> tuple[float | None, str | None]:
    row = practice_answers.get(school.loop.engine, f"answer:{number}")
    assert row is not None
    return row["score"], row["comment"]


def aside(page: Page) -> None:
    drawn(page)
    page.get_by_text("What is right").click()  # away from any field


def mark(page: Page) -> Locator:
    return page.get_by_label(MARK)


def with_mark(page: Page, value: int) -> Locator:
    return page.locator(f"[data-testid=stNumberInputField][value='{value}']")


def has_mark(page: Page, value: int) -> None:
    expect(with_mark(page, value)).to_be_visible()
    expect(page.get_by_test_id("stNumberInputField")).to_have_count(1)  # the former one is taken away


def test_graded_by_keyboard_with_a_comment_and_put_right(school: School, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    signed_in(page, school.operator, school.teacher)
    expect(page.get_by_text("Answer 1 of 4")).to_be_visible()
    expect(mark(page)).to_be_visible()  # the queue is shown before it is known who teaches
    shown = page.get_by_test_id("stText").first
    expect(shown).to_have_text(f"it ends when it ends\nand then? {HOSTILE}")
    for told in (
        "Letters that nobody sees, left out here: 2",
        "○ by a condition",
        "○ the body is skipped",
        "21 s",
    ):
        expect(page.get_by_text(told).first).to_be_visible()
    assert page.get_by_text(ANA[:12]).count() == 0, "the mark is for the words"
    aside(page)
    key(page, "Enter", "Give a mark from 0 to 100 first.")
    mark(page).fill("150")
    press(page, "Save and go on", "Give a mark from 0 to 100 first.")
    assert kept(school, 0) == (None, None)
    aside(page)
    key(page, "5", with_mark(page, 50))
    comment = page.get_by_label(COMMENT)
    comment.press_sequentially("0 or 1? Why?")
    has_mark(page, 50)  # what is written puts no mark
    until(page.get_by_text("Answer 1 of 3"), lambda: comment.press("Control+Enter"))
    assert kept(school, 0) == (0.5, "0 or 1? Why?")
    expect(page.get_by_text("Others who wait with the very same words: 1.")).to_be_visible()
    aside(page)
    key(page, "1", with_mark(page, 100))
    key(page, "Enter", "And 1 more with the same words")
    expect(page.get_by_text("Answer 1 of 1")).to_be_visible()
    assert [kept(school, number)[0] for number in (1, 2)] == [1.0, 1.0]
    expect(page.get_by_text("Your last grade: 100% for “the condition is false”")).to_be_visible()
    press(page, "Put it right", "This answer has 100%: you put its grade right.")
    has_mark(page, 100)
    until(page.get_by_text("Your last grade: 25%"), lambda: write(mark(page), "25"))
    assert [kept(school, number)[0] for number in (1, 2)] == [0.25, 0.25]
    row = practice_answers.get(school.loop.engine, "answer:1")
    assert row is not None
    assert row["graded_by"] == school.teacher.split("_")[1]
    key(page, "0", with_mark(page, 0))
    key(page, "Enter", "No answer waits for a grade.")
    nothing_is_active(page)
    assert not [url for url in asked if "evil" in url]


def test_in_spanish_one_question_at_a_time_and_graded_by_somebody_else_meanwhile(
    school: School, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 1400})  # a phone's
    page.goto(f"{school.operator}&language=es")
    expect(page.get_by_text("Para calificar, entra con la clave de un docente")).to_be_visible()
    expect(page.get_by_role("button", name="Guardar y seguir")).to_have_count(0)
    page.set_viewport_size({"width": 1280, "height": 1100})
    untold = page.get_by_text("Ninguna máquina la califica. Al estudiante se le dijo:")
    until(untold, lambda: write(page.locator("input[type=password]"), school.teacher))
    choose(page, "Pregunta", "Why do loops end? (1)")
    expect(page.get_by_text("Respuesta 1 de 1")).to_be_visible()
    expect(page.get_by_test_id("stText").first).to_have_text("because")
    expect(page.get_by_text("No hay ningún calificador entrenado")).to_be_visible()
    press(page, "Bien", with_mark(page, 100))
    grades.mark(school.loop.engine, "answer:3", 0.0, "another", AT)
    press(page, "Guardar y seguir", "Alguien la ha calificado mientras tanto.")
    expect(page.get_by_text("Respuesta 1 de 3")).to_be_visible()
    assert kept(school, 3) == (0.0, None)
    press(page, "Siguiente", "Respuesta 2 de 3")
    expect(page.get_by_text("Alguien la ha calificado mientras tanto.")).to_have_count(0)
    grades.mark(school.loop.engine, "answer:0", 0.0, "another", AT)  # not the one that is read
    press(page, "Mitad", "Respuesta 1 de 2")
    has_mark(page, 50)
    grades.mark(
        school.loop.engine, "answer:1", 0.0, "another", AT
    )  # the one that is read, and the same words
    press(page, "Mal", "Alguien la ha calificado mientras tanto.")
    expect(page.get_by_text("Ninguna respuesta espera calificación.")).to_be_visible()


def test_any_grade_is_found_and_put_right_for_all_who_have_it(school: School, page: Page) -> None:
    engine = school.loop.engine
    grades.mark(engine, "answer:1", 0.0, "another", AT)  # and Cleo's along
    answer(school, 4, ANA, f"because {HOSTILE}", "demo:q1", correct=True, score=1.0)
    page.set_viewport_size({"width": 390, "height": 1400})
    signed_in(page, f"{school.operator}&language=es", school.teacher)
    expect(page.get_by_text("Respuesta 1 de 2")).to_be_visible()
    corrections = page.get_by_role("button", name="Corregirla")
    until(page.get_by_text(f"because {HOSTILE}"), page.get_by_text("Respuestas calificadas").click)
    expect(corrections).to_have_count(3)
    expect(page.get_by_text("100% · Una máquina · 2026-03-02 10:04")).to_be_visible()
    nothing_is_active(page)
    choose(page, "Calificada por", "Un docente")
    expect(corrections).to_have_count(2)
    words = page.get_by_label("Palabras de la respuesta")
    until(page.get_by_text("Ninguna respuesta calificada cumple"), lambda: write(words, "because"))
    until(page.get_by_text("0% · Un docente").first, lambda: write(words, "FALSE"))
    until(page.get_by_text("Otros con las mismas palabras y esta nota: 1."), corrections.first.click)
    press(page, "Dejarla", corrections.first)
    expect(words).to_have_value("FALSE")
    until(page.get_by_text("Esta respuesta tiene 0%"), corrections.first.click)
    press(page, "Bien", with_mark(page, 100))
    press(page, "Guardar y seguir", "100% · Un docente")
    expect(page.get_by_text("100% · Un docente")).to_have_count(2)
    assert [kept(school, number)[0] for number in (1, 2)] == [1.0, 1.0]
    assert grades.counted(engine, BEN)["new"] == grades.counted(engine, CLEO)["new"] == 1


def test_a_late_grade_is_told_to_its_learner_until_it_is_read(school: School, page: Page) -> None:
    engine = school.loop.engine
    later = AT + timedelta(days=1)
    grades.mark(engine, "answer:0", 0.5, "cli", later, f"And why?\n{HOSTILE}")
    grades.mark(engine, "answer:1", 1.0, "cli", AT)  # Ben's
    signed_in(page, f"{school.open}?language=es", school.learner)
    expect(page.get_by_text("Nuevas calificaciones de tu docente: 1")).to_be_visible()
    press(page, "Leer", page.get_by_role("heading", name="Practicar"))
    expect(page.get_by_text("Tus respuestas que esperan a tu docente: 1")).to_be_visible()
    for told in (
        "50% · How do loops end?",
        "Tu docente ha calificado esta respuesta: 50%. Aún no es correcto. A tu respuesta le falta: by a",
        "Has respondido: it ends when it ends and then?",
        f"La respuesta es: {KEY}",
    ):
        expect(page.get_by_text(told).first).to_be_visible()
    expect(page.get_by_test_id("stText")).to_have_text(f"And why?\n{HOSTILE}")
    assert page.get_by_text("the condition is false").count() == 0, "another's"
    nothing_is_active(page)
    drawn(page)
    page.get_by_role("button", name="Ya lo he leído").click()
    expect(page.get_by_text("Nuevas calificaciones")).to_have_count(0)
    assert grades.counted(engine, ANA) == {"waiting": 1, "new": 0}
    assert grades.counted(engine, BEN)["new"] == 1
