"""The pages in a real browser, over the real API, on a released model."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd
import pytest
import sqlalchemy as sa
from dashboard_site import choose, in_a_browser, press, site, until, write
from playwright.sync_api import Page, expect

from learnloop.settings import Settings
from learnloop.simulate.catalogues import made_up_catalogue
from learnloop.store import api_keys, loading, questions, reading
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate import evaluate
from learnloop.workflow.release import release
from learnloop.workflow.simulate import simulate
from learnloop.workflow.train import train

HOSTILE = (
    'Loops <img src=x onerror="document.title=1"> **bold** [x](javascript:alert(1)) <script>document.title=2'
    "</script> ![pixel](https://evil.example/p.png) www.evil.example https://evil.example me@evil.example "
    ":red[alarm] $x^2$ `code` &lt;b&gt; {n}"
)

pytestmark = in_a_browser


@dataclass(frozen=True)
class Pages:
    operator: str  # the dashboard with a key of its own
    open: str  # the dashboard that asks each reader for theirs
    learner_id: str
    learner_key: str
    api: str


@pytest.fixture(scope="module")
def pages(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("dashboard")
    loop = Loop(Settings(home=home, database_url=database_url))
    _teach(loop)
    activity = reading.interactions(loop.engine).groupby("learner_id").size().sort_values()
    learner_id = str(activity.index[len(activity) // 4])  # the busiest have nothing left to do
    learner_key = api_keys.create(loop.engine, "learner", learner_id)
    with site(loop, "operator", "open", until="ready") as found:
        yield Pages(found.operator, found.open, learner_id, learner_key, found.api)


def _teach(loop: Loop) -> None:
    """A catalogue whose lessons and concepts have hostile names, and learners who studied it; a release."""
    made = made_up_catalogue(
        n_courses=4, lessons_per_course=6, exercises_per_lesson=2, languages=("en",), seed=0
    )
    lessons = made.items["kind"] == "lesson"
    titles = HOSTILE.replace("{n}", "") + made.items.index.astype(str)
    urls = ["javascript:alert(1)" if n % 2 else f"https://school.example/{n}" for n in made.items.index]
    items = made.items.assign(
        title=made.items["title"].mask(lessons, pd.Series(titles, index=made.items.index)),
        url=made.items["url"].mask(lessons, pd.Series(urls, index=made.items.index)),
        duration_s=made.items["duration_s"].mask(lessons, 600.0),
    )
    concepts = made.concepts.assign(title=HOSTILE + made.concepts["title"])
    loading.load(loop.engine, "concepts", concepts)
    for table in ("item_concepts", "prerequisites"):
        loading.load(loop.engine, table, getattr(made, table))
    loading.load(loop.engine, "items", items)
    simulate(loop, learners=120, seed=0, now=pd.Timestamp("2026-06-01", tz="UTC"))
    train(loop)
    evaluate(loop, n_bootstrap=50)
    release(loop)


@pytest.mark.parametrize(
    ("language", "steps", "mastered", "review", "progress"),
    [
        ("en", "Your next steps", "What you master", "When to review", "Your progress"),
        ("es", "Tus próximos pasos", "Lo que dominas", "Cuándo repasar", "Tu progreso"),
    ],
)
def test_a_learner_sees_steps_with_reasons_mastery_reviews_and_progress(
    pages: Pages, page: Page, language: str, steps: str, mastered: str, review: str, progress: str
) -> None:
    page.goto(f"{pages.operator}?language={language}&learner={pages.learner_id}")
    for heading in (steps, mastered, review, progress):
        expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=60_000)
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(3)
    reason = {"en": "Because you did", "es": "Porque hiciste"}[language]
    expect(page.get_by_text(reason).first).to_be_visible()


def test_scraped_titles_are_text_and_their_addresses_are_not_followed(pages: Pages, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{pages.operator}?learner={pages.learner_id}")
    steps = page.locator("[data-testid=stPageLink], [data-testid=stMarkdown]").filter(has_text="Loops <img")
    expect(steps.first).to_be_visible(timeout=60_000)
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(3)
    linked = page.locator("[data-testid=stPageLink]").filter(has_text="Loops <img")
    expect(linked.first).to_be_visible()  # the page may still be drawing
    assert 0 < linked.count() < steps.count(), "one step with an address and one without is wanted"
    for shown in (
        "**bold**",
        "[x](javascript:alert(1))",
        "<script>",
        ":red[alarm]",
        "$x^2$",
        "`code`",
        "&lt;b",
    ):
        expect(steps.first).to_contain_text(shown)
        expect(linked.first).to_contain_text(shown)
    # the reasons say titles and concepts, too
    reasons = page.locator("[data-testid=stCaptionContainer]").filter(has_text="evil.example")
    assert reasons.count() > 0
    for hostile in ("img[src*=evil]", "img[src=x]", "a[href^=javascript]", "a[href*='evil.example']"):
        assert page.locator(hostile).count() == 0, hostile
    assert page.locator("a[href^='https://school.example/']").count() > 0  # an honest address is a link
    mark = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
    mark.hover()  # the chart's tooltip says the concept's title
    assert (
        page.locator("#vg-tooltip-element img, #vg-tooltip-element script, #vg-tooltip-element a").count()
        == 0
    )
    assert page.title() == "Learnloop"
    assert not [url for url in asked if "evil" in url]


def test_what_is_not_interesting_goes_and_comes_back(pages: Pages, page: Page) -> None:
    page.goto(f"{pages.operator}?learner={pages.learner_id}")
    buttons = page.get_by_role("button", name="Not interested")
    expect(buttons.first).to_be_visible(timeout=60_000)
    back = page.get_by_role("button", name="Show again what I hid")
    expect(back).to_have_count(0)
    until(back, buttons.first.click)
    back.click()
    expect(back).to_have_count(0)
    expect(buttons.first).to_be_visible()


def test_what_does_not_fit_into_the_time_is_not_called_done(pages: Pages, page: Page) -> None:
    page.goto(f"{pages.operator}?learner={pages.learner_id}")
    choose(page, "Time you have", "5 minutes")
    expect(page.get_by_text("Nothing here is known to fit into that time.")).to_be_visible()
    expect(page.get_by_role("button", name="Not interested")).to_have_count(0)


def test_the_operations_page_shows_the_release_and_its_quality(pages: Pages, page: Page) -> None:
    page.goto(f"{pages.operator}?page=operations")
    expect(page.get_by_role("heading", name="Release")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Trained on activity until")).to_be_visible()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(2)
    expect(page.get_by_text("120", exact=True)).to_be_visible()  # learners


def test_without_a_key_nothing_is_shown_and_a_learner_sees_only_itself(pages: Pages, page: Page) -> None:
    page.goto(pages.open)
    expect(page.get_by_text("Sign in with your key")).to_be_visible(timeout=60_000)
    assert page.get_by_role("heading", name="Your next steps").count() == 0
    field = page.locator("input[type=password]")
    until(page.get_by_text("This key is not valid"), lambda: write(field, "ll_no_such"))
    steps = page.get_by_role("heading", name="Your next steps")
    until(steps, lambda: write(field, pages.learner_key))
    assert page.get_by_text("Operations").count() == 0


def test_from_a_recommended_step_to_its_questions_and_what_they_did_to_mastery(
    pages: Pages, page: Page, engine: sa.Engine
) -> None:
    page.goto(pages.open)
    key = page.locator("input[type=password]")
    expect(key).to_be_visible(timeout=60_000)
    api = httpx.Client(base_url=pages.api, headers={"Authorization": f"Bearer {pages.learner_key}"})
    mine = f"/v1/learners/{pages.learner_id}"
    lesson = api.get(f"{mine}/recommendations").json()["items"][0]["item_id"]
    practised = sum(row["attempts"] for row in api.get(f"{mine}/mastery").json()["concepts"])
    question = {"question_id": "demo:practice", "item_id": lesson, "kind": "true_false", "options": []}
    question |= {"stem": f"It is so. {HOSTILE}", "key": "true", "source_sha256": "0" * 64, "language": "en"}
    made = pd.DataFrame([{**question, "origin": "imported", "provenance": {}}])
    empty = {"quote": None, "span_start": None, "span_end": None}
    loading.load(engine, "questions", made.assign(**empty))
    questions.set_status(engine, ["demo:practice"], "approved", by="cli")
    until(page.get_by_role("button", name="Practise"), lambda: write(key, pages.learner_key))
    press(page, "Practise", "Question 1 of 1")
    page.get_by_text("True", exact=True).click()
    press(page, "Answer", page.get_by_text("Right.", exact=True))
    expect(page.get_by_text("is now").first).to_be_visible()
    press(page, "See how it went", "1 of 1 right")
    expect(page.get_by_role("heading", name="Mastery, before and after")).to_be_visible()
    change = page.get_by_test_id("stMetricValue").first
    expect(change).to_contain_text("→")
    deadline = time.monotonic() + 120  # the API looks for new items every few seconds
    while sum(row["attempts"] for row in api.get(f"{mine}/mastery").json()["concepts"]) <= practised:
        assert time.monotonic() < deadline, "the tracer knows nothing of the answer"
        time.sleep(0.2)
    api.close()


def test_the_pages_listen_on_loopback_alone(pages: Pages, tmp_path: Path) -> None:
    port = int(httpx.URL(pages.operator).port or 0)
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == port
    ]
    assert listening == [f"0100007F:{port:04X}"]
