"""learnloop evaluate questions on a file: scores, a sheet out, ratings in, a page."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, NothingToDo
from learnloop.workflow.evaluate_questions import brief, evaluate_questions

LESSON = (
    "The sea moves every day. The rise and fall of the sea is called the tide. A gyre is a ring of currents."
)
QUESTIONS = [
    {
        "question_id": f"q{place}",
        "item_id": "sea",
        "stem": stem,
        "key": key,
        "options": ["tide", "gyre", "reef"],
        "quote": "The rise and fall of the sea is called the tide.",
        "language": "und",
    }
    for place, (stem, key) in enumerate(
        [
            ("What is the rise and fall of the sea called?", "tide"),
            ("what <b>is", "wave"),
            ("Which ring of currents is meant by a lesson on <script>alert(1)</script> the sea?", "gyre"),
        ]
    )
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    questions, texts = tmp_path / "questions.jsonl", tmp_path / "texts.jsonl"
    questions.write_text("\n".join(json.dumps(row) for row in QUESTIONS), "utf-8")
    texts.write_text(json.dumps({"id": "sea", "text": LESSON}), "utf-8")
    return questions, texts


def test_scores_sheet_ratings_and_a_page(files: tuple[Path, Path], tmp_path: Path) -> None:
    questions, texts = files
    sheet, page = tmp_path / "sheet.csv", tmp_path / "out.html"
    command = ["evaluate", "questions", "--questions", str(questions), "--texts", str(texts), "--json"]
    ran = CliRunner().invoke(app, [*command, "--sheet", str(sheet), "--bootstrap", "60"])
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    assert result["lowest"][0]["question_id"] == "q1"
    assert "level" not in result["rubric"]  # no formula in a language that nobody named
    assert result["sheet"]["questions"] == 3
    head, _, body = sheet.read_text("utf-8-sig").partition("\nrow,")
    assert head.startswith("#")
    rows = list(csv.DictReader(io.StringIO(f"row,{body}")))
    for name, marks in (("ana", "210"), ("ben", "211")):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            file.write("# filled in\n")
            writer = csv.DictWriter(file, rows[0], delimiter=";")
            writer.writeheader()
            writer.writerows(row | {"fluent": mark} for row, mark in zip(rows, marks, strict=True))
    given = [part for name in ("ana", "ben") for part in ("--ratings", str(tmp_path / f"{name}.csv"))]
    ran = CliRunner().invoke(app, [*command, *given, "--report", str(page), "--bootstrap", "60"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)["raters"]["between"]["fluent"]["pairs"]["ana, ben"]
    assert told["n"] == 3
    assert told["same"] == pytest.approx(2 / 3)
    assert told["quadratic"]["value"] == pytest.approx(2 / 3)
    assert "<script>alert" not in page.read_text()
    assert "What people say" in page.read_text()
    assert brief(json.loads(ran.stdout))["questions"] == 3


def test_a_sheet_is_never_written_over(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("ratings")
    with pytest.raises(BadInput, match="is there"):
        evaluate_questions(files[0], sheet=tmp_path / "sheet.csv")


@pytest.mark.parametrize(
    ("record", "said"),
    [({"stem": "What?"}, "no key"), ({"stem": "What?", "key": "x", "kind": "essay"}, "'essay'")],
)
def test_a_record_that_is_no_question_is_named(tmp_path: Path, record: dict[str, str], said: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(record))
    with pytest.raises(BadInput, match=said):
        evaluate_questions(path)


def test_no_questions_is_nothing_to_do(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("")
    with pytest.raises(NothingToDo):
        evaluate_questions(path)


def test_a_csv_may_part_options_by_a_bar(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("stem,key,options\nWhat is the rise of the sea called?,tide,tide|gyre|reef\n")
    result = evaluate_questions(path, n_bootstrap=50)
    assert result["by"]["kind"]["multiple_choice"]["n"] == 1
    assert result["rubric"]["single_key"]["value"] == 1


def test_a_stem_that_is_harder_than_its_lesson_is_of_no_level(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    hard = "Which oceanographic terminology characterises periodically recurring gravitational oscillation?"
    rows = [QUESTIONS[0], QUESTIONS[0] | {"question_id": "hard", "stem": hard}]
    questions = tmp_path / "levels.jsonl"
    questions.write_text("\n".join(json.dumps(row | {"language": "en"}) for row in rows), "utf-8")
    easy, hard_row = evaluate_questions(questions, texts=files[1], n_bootstrap=50)["questions"]
    assert easy["level"] > hard_row["level"]
