"""The review page in a real browser: read, decide with a why, by keyboard, in both languages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

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
from playwright.sync_api import Page, expect

from learnloop.settings import Settings
from learnloop.store import api_keys, generations, loading, question_feedback, question_tables, questions
from learnloop.workflow.context import Loop

TEXT = f"Before it. A loop repeats its body. {HOSTILE}"
LESSON = "demo:lesson/1"

pytestmark = in_a_browser


@dataclass(frozen=True)
class Pages:
    address: str
    loop: Loop
    key: str  # an instructor's


def row(number: int, **change: Any) -> dict[str, Any]:
    made = {
        "question_id": f"demo:q{number}",
        "item_id": LESSON,
        "kind": "multiple_choice",
        "stem": f"{number}. What repeats its body? {HOSTILE}",
        "key": "a loop",
        "options": ["a name", "a loop", HOSTILE],
        "quote": "A loop repeats its body.",
        "span_start": 11,
        "span_end": 17,
        "source_sha256": "0" * 64,
        "language": "en",
        "origin": "generated",
        "provenance": {},
        "answer": None,
        "aliases": ["loops"],
        "notes": [{"rationale": "the text says so", "origin": "text"}],
        "checks": {"key_verbatim": {"passed": True, "detail": ""}, "length_cue": {"passed": True}},
        "bloom": "remember",
    }
    return {**made, **change}


def bank() -> pd.DataFrame:
    falsely = {"kind": "true_false", "key": "false", "options": [], "answer": {"corrected": "It repeats."}}
    pairs = {"kind": "matching", "key": "l: x; m: y", "options": ["y", "x"]}
    rows = [row(number) for number in range(4)]
    rows.append(row(4, **falsely))
    rows.append(row(5, **pairs, answer={"pairs": [["l", "x"], ["m", "y"]]}, language="es"))
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def pages(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("review")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none"))
    one_lesson(loop, LESSON, TEXT)
    with site(loop, "operator") as found:
        yield Pages(f"{found.operator}?page=review", loop, api_keys.create(loop.engine, "instructor"))


@pytest.fixture(autouse=True)
def _bank(pages: Pages) -> None:
    with pages.loop.engine.begin() as connection:
        names = "questions, question_versions, question_statuses, question_reports, question_statistics"
        names += ", generations"
        connection.execute(sa.text(f"TRUNCATE {names}"))
    loading.load(pages.loop.engine, "questions", bank())


def open_review(page: Page, pages: Pages, more: str = "") -> None:
    signed_in(page, pages.address + more, pages.key)
    expect(page.get_by_role("button", name=("Aprobar" if "es" in more else "Approve"))).to_be_visible()


def status(pages: Pages, number: int) -> str:
    return str(questions.get(pages.loop.engine, f"demo:q{number}")["status"])


def test_a_draft_with_all_it_rests_on(pages: Pages, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages.address)
    expect(page.get_by_text("Question 1 of 6")).to_be_visible(timeout=60_000)
    for shown in ("0. What repeats its body?", "✓ a loop", "○ a name", "Right as well: loops"):
        expect(page.get_by_text(shown).first).to_be_visible()
    expect(page.locator("strong", has_text="A loop repeats its body.")).to_be_visible()
    expect(page.get_by_text("Before it.")).to_be_visible()
    expect(page.get_by_text("Checks passed: 2 of 2")).to_be_visible()
    expect(page.get_by_text("To decide, sign in with an instructor's key")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    nothing_is_active(page)
    assert not [url for url in asked if "evil" in url]


def test_decided_by_keyboard_and_never_while_writing(pages: Pages, page: Page) -> None:
    open_review(page, pages)
    drawn(page)
    page.get_by_text("What it rests on").click()  # away from the field of the key
    key(page, "a", "Question 1 of 5")
    expect(page.get_by_text("1. What repeats its body?").first).to_be_visible()
    assert status(pages, 0) == "approved"
    page.get_by_text("What it rests on").click()
    key(page, "t", "Say why first.")
    assert status(pages, 1) == "draft"
    why = page.get_by_label("Why")
    expect(why).to_have_count(1)  # the former question's is still being taken away
    why.press_sequentially("a test at stake")
    why.press("Enter")
    drawn(page)
    assert status(pages, 1) == "draft", "a letter that is written decides nothing"
    retire = page.get_by_role("button", name="Retire")
    until(page.get_by_text("Question 1 of 4"), lambda: retire.press("Enter"))
    last = questions.history(pages.loop.engine, "demo:q1")[-1]
    assert (last["status"], last["why"]) == ("retired", "a test at stake")
    assert last["by"] == pages.key.split("_")[1]
    page.get_by_text("What it rests on").click()
    key(page, "ArrowRight", "Question 2 of 4")
    key(page, "ArrowLeft", "Question 1 of 4")


def test_decided_by_somebody_else_meanwhile(pages: Pages, page: Page) -> None:
    open_review(page, pages)
    questions.set_status(pages.loop.engine, ["demo:q0"], "retired", by="another")
    press(page, "Approve", "Somebody has changed it meanwhile")
    assert status(pages, 0) == "retired"


def test_suspended_with_reports_and_history_in_spanish(pages: Pages, page: Page) -> None:
    engine = pages.loop.engine
    by = api_keys.create(engine, "instructor", name="A. Example *biology*").split("_")[1]
    questions.set_status(engine, ["demo:q4"], "approved", by=by, why="leída")
    question_feedback.report(pages.loop.engine, "demo:q4", "a" * 32, "two_right", "b también")
    open_review(page, pages, "&language=es")
    choose(page, "Estado", "Aprobadas")
    expect(page.get_by_text("Pregunta 1 de 1")).to_be_visible()
    for shown in (
        "✓ Falso",
        "Corregido: It repeats.",
        "Dos respuestas son correctas",
        "b también",
        "A. Example *biology* · leída",
    ):
        expect(page.get_by_text(shown).first).to_be_visible()
    write(page.get_by_label("Por qué"), "dos respuestas")
    press(page, "Suspender", "Ninguna pregunta cumple estos filtros.")
    assert status(pages, 4) == "suspended"


def test_what_is_flagged_comes_first_with_its_numbers(pages: Pages, page: Page) -> None:
    engine = pages.loop.engine
    questions.set_status(engine, [f"demo:q{number}" for number in range(4)], "approved", by="cli")
    wrong = {"discrimination": -0.21, "low": -0.31, "high": -0.1, "n": 312, "q": 0.0004}
    dead = {"picked": 2, "n": 312, "share": 0.006, "n_wrong": 100, "q": 0.001}
    told: dict[str, Any] = {"difficulty": 0.31, "difficulty_low": 0.26, "difficulty_high": 0.37}
    told["options"] = [{"option": HOSTILE, "is_key": False, "share": 0.006}]
    made: tuple[dict[str, Any], ...] = (
        {"rule": "dead_distractor", "action": "replace", "option": HOSTILE, "evidence": dead},
        {"rule": "negative_discrimination", "action": "suspend", "option": None, "evidence": wrong},
    )
    rows = [
        {"question_id": f"demo:q{n}", "version": 1, "n": 312, "statistics": {**told, "flags": [flag]}}
        for n, flag in zip((1, 3), ({**one, "why": ""} for one in made), strict=True)
    ]
    question_feedback.keep_statistics(engine, rows, datetime(2026, 3, 1, tzinfo=UTC))
    question_feedback.report(engine, "demo:q2", "a" * 32, "two_right")
    page.goto(pages.address)
    choose(page, "Status", "Approved")
    expect(page.get_by_text("0. What repeats its body?").first).to_be_visible()
    expect(page.get_by_text("What its answers say")).to_have_count(0)
    until(page.get_by_text("3. What repeats its body?"), page.get_by_text("Flagged first").click)
    after = {3: 1, 1: 2, 2: 0}
    for number, said in (
        (3, "Suspend it? Those who know more get it wrong more often: discrimination -0.21"),
        (1, f"Replace an option? Hardly anybody picks “{HOSTILE.split()[0]}"),
        (2, "Learners who report this version: 1"),
    ):
        expect(page.get_by_text(f"{number}. What repeats its body?").first).to_be_visible()
        expect(page.get_by_text(said)).to_be_visible()
        if number != 2:
            expect(
                page.get_by_text("Of 312 first answers, as of 2026-03-01. Right: 31% [26%, 37%].")
            ).to_be_visible()
        nothing_is_active(page)
        press(page, "Next", f"{after[number]}. What repeats its body?")


def test_questions_are_asked_for_and_cancelled(pages: Pages, page: Page) -> None:
    open_review(page, pages)
    count = page.get_by_label("How many questions")
    until(count, page.get_by_text("Make new ones").click)
    expect(page.get_by_role("combobox", name="Lesson", exact=True)).to_have_value("Loops (en)")
    until(page.get_by_text("Asked for last"), lambda: write(count, "2"))
    asked = generations.newest(pages.loop.engine, 10)
    assert {(*row["request"]["item_ids"], row["request"]["count"]) for row in asked} == {(LESSON, 2)}
    assert {row["created_by"] for row in asked} == {pages.key.split("_")[1]}
    until(page.get_by_text("cancelled"), page.get_by_role("button", name="Cancel").first.click)


def at_work(pages: Pages, worker: UUID) -> UUID:
    """A job that another process is at: the API leaves it alone."""
    job = uuid4()
    row = {"generation_id": job, "state": "running", "worker": worker, "progress": 0.5, "attempts": 1}
    row |= {"request": {"item_ids": [LESSON], "count": 5}, "created_by": "test"}
    later = sa.text("now() + interval '1 hour'")
    with pages.loop.engine.begin() as connection:
        connection.execute(sa.insert(question_tables.generations).values(**row, heartbeat_at=later))
    return job


def test_what_came_of_jobs_in_spanish(pages: Pages, page: Page) -> None:
    engine, worker = pages.loop.engine, uuid4()
    budget = "the language model's token budget would be passed: 900 of 1,000 used. Try: export A=1"
    counts = {"requested": 5, "accepted": 1, "rejected": {"length_cue": 3, "grounded": 4}}
    counts |= {"skipped": {"stopped": 1}, "stopped": f"{budget} {HOSTILE}"}
    made = bank()[bank()["question_id"] == "demo:q3"]
    assert generations.finish(engine, at_work(pages, worker), worker, made, counts)
    job = at_work(pages, worker)
    open_review(page, pages, "&language=es")
    expect(page.get_by_text("Pregunta 1 de 6")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 1400})
    until(page.get_by_text("Lo último que se pidió"), page.get_by_text("Crear nuevas").click)
    expect(page.get_by_text("en marcha")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    for shown in (
        "Pedidas: 5. Borradores que pasaron todas las comprobaciones: 1.",
        f"Terminó antes de tiempo, y lo creado hasta entonces se conserva. Motivo: {budget}",
        "El trabajo terminó antes de llegar a ella.",
        "Rechazadas, por comprobación: grounded 4, length_cue 3",
    ):
        expect(page.get_by_text(shown)).to_be_visible()
    nothing_is_active(page)
    cancelled = page.get_by_text("cancelado", exact=True)
    until(cancelled, page.get_by_role("button", name="Cancelar").click)
    assert generations.get(engine, job)["state"] == "cancelled"
    until(page.get_by_text("Solo lo creado a partir de"), page.get_by_role("button", name="Leer sus").click)
    expect(page.get_by_text("Pregunta 1 de 1")).to_be_visible()
    expect(page.get_by_text("3. What repeats its body?").first).to_be_visible()
    press(page, "Todas las preguntas", "Pregunta 1 de 6")


def test_filters(pages: Pages, page: Page) -> None:
    page.goto(pages.address)
    expect(page.get_by_text("Question 1 of 6")).to_be_visible(timeout=60_000)
    choose(page, "Kind", "Match")
    expect(page.get_by_text("Question 1 of 1")).to_be_visible()
    expect(page.get_by_text("l → x")).to_be_visible()
    choose(page, "Kind", "All kinds")
    expect(page.get_by_text("Question 1 of 6")).to_be_visible()
    choose(page, "Language", "es")
    expect(page.get_by_text("Question 1 of 1")).to_be_visible()
