"""Export and import with a bank: where questions go, what comes again, what is kept out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.exchange.reads import as_frame
from learnloop.schemas import ITEMS
from learnloop.settings import Settings
from learnloop.store import loading, reading
from learnloop.store import questions as bank
from learnloop.workflow.context import Loop
from learnloop.workflow.exchange import EXPORTS, export, import_file

LESSON, COURSE = "s:physics/vectors", "s:physics"
GIFT = """// [id:q7] [tag:mechanics]
::Speed::[html]<p>Which is a <b>vector</b>?</p>{
~mass#has no direction ~energy =velocity ####It points somewhere. }

What falls\u200b with g?{ =a body =the body }

Pick two.{ ~%50%a ~%50%b ~c }
"""


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    rows = [(COURSE, "course", None, ""), (LESSON, "lesson", COURSE, "Velocity is a vector.")]
    frame = pd.DataFrame(rows, columns=["item_id", "kind", "parent_id", "text"])
    frame = frame.assign(source="s", language="en", title=frame["item_id"], attributes=[{}, {}])
    loading.load(loop.engine, "items", frame.reindex(columns=list(ITEMS.columns)))
    concepts = pd.DataFrame({"concept_id": ["s:vectors"], "title": ["Vectors"], "language": ["en"]})
    loading.load(loop.engine, "concepts", concepts)
    loading.load(loop.engine, "questions", as_frame([_question("s:1"), _question("s:2", kind="ordering")]))
    bank.set_status(loop.engine, ["s:1", "s:2"], "approved", by="test")
    yield loop
    loop.close()


def _question(question_id: str, **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "question_id": question_id,
        "item_id": LESSON,
        "kind": "multiple_choice",
        "stem": "Which?",
    }
    row |= {
        "key": "a",
        "options": ["a", "b"],
        "language": "en",
        "origin": "generated",
        "provenance": {"seed": 1},
    }
    row |= {"source_sha256": "0" * 64, "span_start": 0, "span_end": 3, "concept_ids": ["s:vectors"]}
    row |= {"checks": {"grounding": {"passed": True, "detail": ""}}, **other}
    if row["kind"] == "ordering":
        row |= {"key": "a → b", "answer": {"order": ["a", "b"]}, "options": ["b", "a"]}
    return row


def _stored(loop: Loop, question_id: str) -> dict[str, Any]:
    rows = reading.questions(loop.engine).set_index("question_id")
    return {str(name): value for name, value in rows.loc[question_id].items()}


def test_a_foreign_file_becomes_drafts_of_a_lesson_once(loop: Loop, tmp_path: Path) -> None:
    file = tmp_path / "week 1.gift"
    file.write_text(GIFT)
    before = len(reading.questions(loop.engine))
    tried = import_file(loop, file, item_id=LESSON, language="en", dry_run=True)
    assert len(reading.questions(loop.engine)) == before
    found = import_file(loop, file, item_id=LESSON, language="en", source="Ms Gray", licence="CC0")
    assert {**tried, "dry_run": False} == found
    assert (found["read"], found["new"], found["refused"]) == (3, 2, {"an answer with partial credit": 1})
    assert found["hidden_letters"] == 1
    rows = reading.questions(loop.engine, item_id=LESSON, origin="imported").set_index("stem")
    row = rows.loc["Which is a vector?"]
    assert (row["status"], row["version"], row["language"], row["licence"]) == ("draft", 1, "en", "CC0")
    assert row["notes"] == [{"rationale": "has no direction"}, {}, {}]
    assert row["provenance"] == {
        **{"feedback": "It points somewhere.", "identifier": "q7", "tags": ["mechanics"]},
        **{"file": "week 1.gift", "format": "gift", "source": "Ms Gray"},
    }
    assert rows.loc["What falls with g?", "aliases"] == ["the body"]
    again = import_file(loop, file, item_id=LESSON, language="en", source="Ms Gray", licence="CC0")
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 2)


def test_without_a_lesson_they_hang_on_an_assessment_of_their_own(loop: Loop, tmp_path: Path) -> None:
    file = tmp_path / "final exam.txt"
    file.write_text("Water boils at 100 °C at sea level.{TRUE}")
    for _ in range(2):
        found = import_file(loop, file, language="en")
        assert found["items"] == {"imported:final-exam": 1}
    item = reading.items(loop.engine).set_index("item_id").loc["imported:final-exam"]
    assert (item["kind"], item["title"], item["source"]) == ("assessment", "final exam", "imported")
    assert found["unchanged"] == 1


@pytest.mark.parametrize("form", EXPORTS)
def test_every_format_is_written_and_says_what_it_could_not_hold(
    loop: Loop, tmp_path: Path, form: str
) -> None:
    found = export(loop, form=form, out=tmp_path / f"out.{form}", item_id=COURSE)
    refused = {"GIFT has no ordering questions": 1} if form == "gift" else {}
    assert found["refused"] == refused
    assert found["written"] + sum(refused.values()) == found["questions"] == 2
    assert (tmp_path / f"out.{form}").stat().st_size == found["bytes"]


@pytest.mark.parametrize("form", ["moodle", "qti21", "qti30", "csv", "json"])
def test_an_export_that_comes_home_changes_nothing(loop: Loop, tmp_path: Path, form: str) -> None:
    file = tmp_path / {"moodle": "a.xml", "csv": "a.csv", "json": "a.json"}.get(form, "a.zip")
    before = reading.questions(loop.engine)
    export(loop, form=form, out=file, status="all")
    found = import_file(loop, file)
    assert (found["new"], found["changed"], found["unchanged"]) == (0, 0, len(before))
    assert found["refused"] == {}
    pd.testing.assert_frame_equal(reading.questions(loop.engine), before)


def test_an_edit_made_elsewhere_is_a_new_version_and_a_draft(loop: Loop, tmp_path: Path) -> None:
    file = tmp_path / "edited.json"
    export(loop, form="json", out=file, status="all", item_id=LESSON)
    original = file.read_text()
    file.write_text(original.replace('"Which?"', '"Which one?"', 1))
    former = _stored(loop, "s:1")
    assert former["status"] == "approved"
    found = import_file(loop, file)
    assert (found["new"], found["changed"]) == (0, 1)
    row = _stored(loop, "s:1")
    assert (row["stem"], row["version"], row["status"], row["origin"]) == (
        "Which one?",
        2,
        "draft",
        "imported",
    )
    assert row["checks"] is None
    assert row["provenance"] == {"seed": 1, "file": "edited.json", "format": "json"}
    assert (row["item_id"], row["source_sha256"]) == (LESSON, former["source_sha256"])
    assert import_file(loop, file)["changed"] == 0
    file.write_text(original)
    stale = import_file(loop, file)
    assert stale["refused"] == {"the file has version 1, the bank version 2": 1}
    assert _stored(loop, "s:1")["stem"] == "Which one?"


def test_a_lesson_and_concepts_of_somewhere_else_are_not_made_up(loop: Loop, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    row = _question("other:1", item_id="other:lesson", concept_ids=["s:vectors", "other:concept"])
    file.write_text(json.dumps([row]))
    found = import_file(loop, file)
    assert found["items"] == {"imported:other": 1}
    assert found["unknown_concepts"] == ["other:concept"]
    assert _stored(loop, "other:1")["concept_ids"] == ["s:vectors"]
    assert _stored(loop, "other:1")["checks"] is None
    assert import_file(loop, file)["unchanged"] == 1


def test_what_cannot_be_done_says_why(loop: Loop, tmp_path: Path) -> None:
    strange = tmp_path / "quiz.docx"
    strange.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(BadInput, match=r"does not show what quiz.docx is\. Try: --format gift"):
        import_file(loop, strange)
    with pytest.raises(UnknownThing, match="no item 's:none'"):
        import_file(loop, strange, item_id="s:none")
    with pytest.raises(BadInput, match="there is no"):
        import_file(loop, tmp_path / "absent.gift")
    with pytest.raises(BadInput, match="'english' is no language"):
        import_file(loop, strange, language="english")
    with pytest.raises(BadInput, match="no format 'word'"):
        export(loop, form="word", out=tmp_path / "x")
    with pytest.raises(NothingToDo, match="no retired questions to export"):
        export(loop, form="gift", out=tmp_path / "x", status="retired")
    with pytest.raises(BadInput, match="cannot be written"):
        export(loop, form="json", out=tmp_path / "none" / "x", status="all")
    with pytest.raises(UnknownThing, match="no item 's:none'"):
        export(loop, form="json", out=tmp_path / "x", item_id="s:none")
    for name, content in {"empty.gift": "", "remarks.gift": "// nothing\n", "none.json": "[]"}.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(NothingToDo, match=f"{name} has no questions"):
            import_file(loop, tmp_path / name)


def _pool(folder: Path, *steps: dict[str, Any]) -> Path:
    problem = {
        "id": "p1",
        "title": "Speed",
        "body": "A body falls.",
        "courseName": "Physics",
        "lesson": "Fall",
    }
    plan = {"courseName": "Physics", "language": "en", "lessons": [{"id": "L1"}]}
    (folder / "content-pool" / "p1").mkdir(parents=True)
    (folder / "coursePlans.json").write_text(json.dumps([plan]))
    (folder / "skillModel.json").write_text(json.dumps({"p1a": ["free_fall"]}))
    (folder / "content-pool" / "p1" / "p1.json").write_text(json.dumps(problem))
    for step in steps:
        place = folder / "content-pool" / "p1" / "steps" / str(step["id"])
        place.mkdir(parents=True)
        (place / f"{step['id']}.json").write_text(json.dumps(step))
    return folder


def test_oatutor_comes_with_its_text_boxes(loop: Loop, tmp_path: Path) -> None:
    box = {"problemType": "TextBox", "stepBody": "", "answerType": "arithmetic"}
    number = {**box, "id": "p1a", "stepTitle": "How fast, in m/s?", "stepAnswer": ["$$9.81$$"]}
    formula = {**box, "id": "p1b", "stepTitle": "Its path?", "stepAnswer": ["$$\\frac{g t^2}{2}$$"]}
    folder = _pool(tmp_path / "oatutor", number, formula)
    found = import_file(loop, folder)
    assert (found["read"], found["new"], found["refused"]) == (2, 1, {"its key is a formula": 1})
    row = _stored(loop, "oatutor:p1a")
    assert (row["kind"], row["key"], row["status"], row["origin"]) == (
        "short_answer",
        "9.81",
        "draft",
        "imported",
    )
    assert row["answer"] == {"value": 9.81, "tolerance": 0.0}
    assert row["stem"] == "A body falls.\n\nHow fast, in m/s?"
    assert row["concept_ids"] == ["oatutor:free_fall"]
    again = import_file(loop, folder)
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 1)
