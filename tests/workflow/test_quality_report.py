"""`prepare --report`: pages, imports and the database on one page, and what it will not overwrite."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import lxml.html
import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput
from learnloop.settings import Settings
from learnloop.store import loading, reading
from learnloop.workflow import prepare as preparing
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv
from learnloop.workflow.prepare import prepare

PROSE = (
    "The median is the middle value of a sorted list. When the list has an even number of values it lies"
    " halfway between the two in the middle. It hardly moves when one value is very large, which is why"
    " incomes are often described by it and not by the sum of all values that there are together. "
)
PAGE = """<html><head><title>{title}</title><script type="application/ld+json">
{{"@type": "LearningResource", "name": "{title}", "inLanguage": "{language}", "timeRequired": "{duration}"}}
</script></head><body><article><h1>{title}</h1><p>{text}</p></article></body></html>"""
PAGES = {
    "median": PAGE.format(title="The median", language="en-GB", duration="PT12M", text=PROSE * 2),
    "copy": PAGE.format(title="The median", language="en-GB", duration="PT12M", text=PROSE * 2),
    "hostile": PAGE.format(
        title="<img src=x onerror=alert(1)>",
        language="<script>alert(2)<\\/script>",
        duration="<script>alert(3)<\\/script>",
        text=PROSE.replace("median", "mode").replace("middle", "busiest") * 2,
    ),
}


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    yield loop
    loop.close()


def test_an_empty_database_has_a_report_that_says_how_to_begin(loop: Loop, tmp_path: Path) -> None:
    out = tmp_path / "quality.html"
    told = prepare(loop, report=out)
    assert told["report"] == str(out)
    assert "There is no data yet" in out.read_text()


@pytest.fixture(scope="module")
def document(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> lxml.html.HtmlElement:
    """Three pages, a table of items and a log of answers with a line that is refused, imported twice."""
    folder = tmp_path_factory.mktemp("school")
    bodies = {f"http://example.org/{name}.html": page.encode() for name, page in PAGES.items()}
    landed = pd.DataFrame(
        {
            "url": list(bodies),
            "sha256": [hashlib.sha256(body).hexdigest() for body in bodies.values()],
            "source": "site",
            "status": 200,
            "content_type": "text/html; charset=utf-8",
            "headers": [{} for _ in bodies],
            "body": list(bodies.values()),
            "fetched_at": pd.Timestamp("2026-01-02", tz="UTC"),
        }
    )
    loading.load(loop.engine, "raw_pages", landed)
    items, log = folder / "items.csv", folder / "log.csv"
    items.write_text("item_id,title,text\nloops,LOOPS AND LISTS,A loop repeats.\n")
    log.write_text(
        "learner_id,item_id,occurred_at,correct,duration_s\n"
        "ana,loops,2025-02-03T10:00:00Z,true,12\n"
        "ben,loops,2025-02-03T11:00:00Z,false,\n"
        "ben,loops,whenever,false,\n"
    )
    for _ in range(2):
        import_csv(loop, items=items, interactions=log, source="school")
    out = folder / "quality.html"
    prepare(loop, report=out)
    assert [file.name for file in sorted(folder.iterdir())] == ["items.csv", "log.csv", "quality.html"]
    return lxml.html.parse(str(out)).getroot()


def rows(document: lxml.html.HtmlElement, section: str) -> list[list[str]]:
    (found,) = document.xpath(f"//section[@id='{section}']")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found.iter("tr")]


def test_pages_and_imports_are_accounted_for_by_source(document: lxml.html.HtmlElement) -> None:
    found = {(row[0], row[1]): row[2:5] for row in rows(document, "sources")}
    assert found["site", "pages"] == ["3", "2", "1"]
    assert found["school", "interactions"] == ["3", "2", "1"]
    assert found["school", "items"] == ["1", "1", "0"]
    assert "they were imported" in document.text_content()
    assert "Of 7 records from 2 sources, 5 (71.4%) were kept" in " ".join(document.text_content().split())


def test_reasons_languages_copies_and_references(document: lxml.html.HtmlElement) -> None:
    assert ["site", "duplicate", "1"] in rows(document, "refused")
    assert ["en-GB", "English", "1"] in rows(document, "languages")
    assert ["PT#M", "PT12M", "12 min", "1"] in rows(document, "durations")
    assert rows(document, "copies")[1][0] == "site"
    assert ["interactions without their item", "2", "0", "0%"] in rows(document, "references")
    assert [row[-1] for row in rows(document, "imports")[1:]] == ["counted", "imported again since"]


def test_a_hostile_page_writes_nothing_into_the_report(document: lxml.html.HtmlElement) -> None:
    assert not list(document.iter("script", "img", "iframe", "link", "object"))
    assert "<script>alert(3)" in document.text_content()  # as text, where the durations are


def test_no_outside_id_is_shown(document: lxml.html.HtmlElement) -> None:
    words = document.text_content().split()
    assert "ana" not in words
    assert "ben" not in words


def test_a_report_takes_the_place_of_a_report_and_of_nothing_else(loop: Loop, tmp_path: Path) -> None:
    out = tmp_path / "quality.html"
    prepare(loop, report=out)
    first = out.read_text()
    prepare(loop, report=out)
    assert out.read_text()[:500] == first[:500]
    thesis = tmp_path / "thesis.html"
    thesis.write_text("<p>three years of work")
    with pytest.raises(BadInput, match="is no report of ours; it stays as it is"):
        prepare(loop, report=thesis)
    assert thesis.read_text() == "<p>three years of work"


@pytest.mark.parametrize(("path", "problem"), [("no/such/q.html", "no folder"), (".", "is a folder")])
def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(
    loop: Loop, tmp_path: Path, path: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "records_of_page", lambda *_: pytest.fail("the pages were prepared first"))
    with pytest.raises(BadInput, match=problem):
        prepare(loop, report=tmp_path / path)


def test_a_failure_on_the_way_leaves_the_former_report(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "quality.html"
    prepare(loop, report=out)
    before = out.read_bytes()

    def full(self: Path, _: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match="No space left"):
        prepare(loop, report=out)
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_the_report_changes_nothing_in_the_database(loop: Loop, tmp_path: Path) -> None:
    before = reading.counts(loop.engine)
    prepare(loop, report=tmp_path / "quality.html")
    assert reading.counts(loop.engine) == before


def test_the_command_refuses_a_report_on_logs_without_a_database(tmp_path: Path) -> None:
    options = [
        "--interactions",
        str(tmp_path),
        "--out",
        str(tmp_path / "o"),
        "--report",
        str(tmp_path / "q.html"),
    ]
    result = CliRunner().invoke(app, ["prepare", *options])
    assert result.exit_code == 2
    assert "--report tells of the database" in " ".join(result.output.replace("│", " ").split())
