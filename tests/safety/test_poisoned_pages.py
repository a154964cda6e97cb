"""A hundred poisoned pages go the whole way: page, lesson, questions and summary, database, API, dashboard.

Nothing hidden arrives, nothing that is shown acts, nothing that speaks to a machine is asked or summed up,
and every row keeps its contract.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from markdown_it import MarkdownIt
from poisoned import ATTACKS, Page, pages
from starlette.testclient import TestClient

from learnloop import schemas
from learnloop.collect.extract import extract
from learnloop.dashboard.escaping import plain, web_address
from learnloop.generate import language_model, pipeline
from learnloop.generate.instructions import reads_as_instruction
from learnloop.generate.rewriting import meanings, rewrite
from learnloop.generate.sentences import split
from learnloop.prepare.markup import text_as_html
from learnloop.prepare.pages import pages_to_frames
from learnloop.serve.app import create_app
from learnloop.settings import Settings
from learnloop.store import api_keys, loading, reading

PAGES = pages()
KINDS = schemas.QUESTION_KINDS
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
ACTS = {"script", "iframe", "object", "embed", "form", "input", "svg", "base", "meta", "link", "style", "img"}


@pytest.fixture(scope="module")
def cleaned() -> schemas.Cleaned:
    records = [record for page in PAGES for record in extract(page.html.encode(), page.url, "text/html")]
    return pages_to_frames(records, "poisoned")


@pytest.fixture(scope="module")
def lessons(cleaned: schemas.Cleaned) -> pd.DataFrame:
    return cleaned.frames["items"]


@pytest.fixture(scope="module")
def made(lessons: pd.DataFrame) -> pipeline.Generated:
    return pipeline.generate(lessons, model=None, embedder=None, questions_per_lesson=3, kinds=KINDS)


@pytest.fixture(scope="module")
def stored(engine: sa.Engine, cleaned: schemas.Cleaned, made: pipeline.Generated) -> sa.Engine:
    loading.load_cleaned(engine, cleaned, "poisoned")
    loading.load(engine, "questions", made.questions)
    loading.load(engine, "summaries", made.summaries)
    return engine


@pytest.fixture(scope="module")
def api(
    stored: sa.Engine, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    settings = Settings(
        home=tmp_path_factory.mktemp("poisoned"), database_url=database_url, pseudonym_key="k" * 40
    )
    key = api_keys.create(stored, "instructor")
    with TestClient(create_app(settings, database_url), headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def rows_of(frame: pd.DataFrame) -> Iterator[tuple[dict[str, Any], str]]:
    """Each row with all its text."""
    for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        yield row, json.dumps(row, default=str, ensure_ascii=False)


def page_of(item_id: str) -> Page:
    number = re.search(r"(\d{3})", item_id.rpartition("/")[2])
    assert number is not None
    return PAGES[int(number[1])]


def acting(html: str) -> list[str]:
    """Elements that act, handlers, and addresses that run something, as a browser's parser finds them."""
    found: list[str] = []

    class Finder(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag in ACTS:
                found.append(tag)
            for name, value in attrs:
                address = re.sub(r"[\s\x00-\x1f]", "", value or "").lower()
                if name.startswith("on") or address.startswith(("javascript:", "data:", "vbscript:")):
                    found.append(f"{tag} {name}")

    finder = Finder()
    finder.feed(html)
    finder.close()
    return found


def test_there_are_a_hundred_pages_of_every_attack() -> None:
    told = Counter(page.attack for page in PAGES)
    assert len(PAGES) == 100
    assert set(told) == set(ATTACKS)
    assert all(page.canary in page.html or page.attack in ("tags", "bits") for page in PAGES)
    assert pages() == PAGES
    assert pages(seed=1) != PAGES


def test_every_page_is_a_lesson_and_nothing_hidden_is_in_it(lessons: pd.DataFrame) -> None:
    assert len(lessons) == len(PAGES)
    leaked = [
        page_of(row["item_id"]).attack
        for row, text in rows_of(lessons)
        if page_of(row["item_id"]).seen == "hidden" and page_of(row["item_id"]).canary in text
    ]
    assert leaked == []
    assert [text for _, text in rows_of(lessons) if INVISIBLE.search(text)] == []


def test_no_canary_is_in_a_question_or_a_summary(made: pipeline.Generated) -> None:
    for frame in (made.questions, made.summaries):
        assert [text for _, text in rows_of(frame) if re.search(r"zqx\d+word", text, re.I)] == []


def test_the_lessons_around_the_attacks_are_still_asked_about(made: pipeline.Generated) -> None:
    assert made.questions["item_id"].nunique() >= 75
    assert len(made.summaries) >= 95


def test_nothing_that_is_asked_or_summed_up_speaks_to_a_machine(made: pipeline.Generated) -> None:
    said = [str(text) for name in ("stem", "key", "quote") for text in made.questions[name]]
    for row in made.summaries.to_dict("records"):
        said += [sentence.text for sentence in split(row["text"], "en")]
    assert [text for text in said if reads_as_instruction(text)] == []


def test_every_row_keeps_its_contract(
    cleaned: schemas.Cleaned, made: pipeline.Generated, stored: sa.Engine
) -> None:
    schemas.check(cleaned.frames["items"], schemas.ITEMS, "items")
    schemas.check(made.questions, schemas.QUESTIONS, "questions")
    schemas.check(made.summaries, schemas.SUMMARIES, "summaries")
    assert len(reading.questions(stored)) == len(made.questions)
    assert set(reading.questions(stored)["status"]) == {"draft"}  # whatever a page says of itself
    assert len(reading.summaries(stored)) == len(made.summaries)


def test_no_markup_is_in_what_was_made(made: pipeline.Generated) -> None:
    for frame in (made.questions, made.summaries):
        for row, _ in rows_of(frame):
            for name in ("stem", "key", "quote", "text", "options"):
                value = row.get(name) or ""
                for text in value if isinstance(value, list) else [str(value)]:
                    assert acting(text) == [], row
                    assert not re.search(r"(?:javascript|vbscript|data):", text, re.I), row


def test_addresses_and_licences_run_nothing(lessons: pd.DataFrame) -> None:
    for row in lessons.to_dict("records"):
        for name in ("licence", "url"):
            assert not re.match(r"\s*(?:javascript|data|vbscript):", str(row[name]), re.I), row["item_id"]
    assert acting(" ".join(lessons["title"])) == []


def test_the_api_gives_no_canary_of_hidden_text_and_html_that_does_nothing(
    api: TestClient, lessons: pd.DataFrame
) -> None:
    for item_id in lessons["item_id"]:
        page = page_of(item_id)
        reply = api.get(f"/v1/items/{item_id}")
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].startswith("application/json")
        assert page.seen != "hidden" or page.canary not in reply.text
        assert acting(reply.json()["text_html"]) == [], page.attack
        assert not re.search(r"zqx\d+word", str(reply.json()["summary"]), re.I)


def test_the_api_gives_questions_as_drafts_to_staff_alone(api: TestClient) -> None:
    assert api.get("/v1/questions").json()["questions"] == []
    drafts = api.get("/v1/questions", params={"status": "draft", "limit": 500})
    assert drafts.json()["questions"]
    assert not re.search(r"zqx\d+word", drafts.text, re.I)


def test_what_a_dashboard_shows_does_nothing(lessons: pd.DataFrame, made: pipeline.Generated) -> None:
    """`plain` and a Markdown reader that lets HTML through, as Streamlit's would at worst."""
    markdown = MarkdownIt("commonmark", {"html": True})
    texts = [str(row[name]) for row in lessons.to_dict("records") for name in ("title", "text", "licence")]
    texts += [str(text) for name in ("stem", "key", "quote") for text in made.questions[name]]
    texts += list(made.summaries["text"])
    for text in texts:
        assert acting(markdown.render(plain(text))) == [], text
    for page in PAGES:
        assert web_address(f"javascript:{page.canary}") == ""
        assert acting(text_as_html(page.html)) == []


def test_the_finder_of_what_acts_finds_it() -> None:
    assert acting('<p onclick="x()">a</p>') == ["p onclick"]
    assert acting('<a href=" java\nscript:x">a</a>') == ["a href"]
    assert acting("<script>x</script><img src=x>") == ["script", "img"]
    assert acting("&lt;script&gt; a < b") == []


def test_the_embedded_model_in_the_loop_follows_no_page(
    lessons: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    """Vetoes and a rewriting by the real model on a lesson with a command: no canary, no claim changed."""
    model = language_model.load("embedded", request.config.cache.mkdir("language-models"))
    assert model is not None
    wanted = lessons["item_id"].map(
        lambda one: page_of(one).seen == "command" and page_of(one).language == "en"
    )
    few = lessons[wanted].head(1)
    made = pipeline.generate(few, model=model, embedder=None, questions_per_lesson=1)
    for frame in (made.questions, made.summaries):
        assert [text for _, text in rows_of(frame) if re.search(r"zqx\d+word", text, re.I)] == []
    sources = [split(text, "en")[0].text for text in made.summaries["text"]]
    for one in rewrite(sources, "en", model).sentences:
        assert one.text == one.source or meanings(one.text, "en") == meanings(one.source, "en")
