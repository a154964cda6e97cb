"""Grade, train a grader, judge one and comment on an essay, as they are typed."""

import csv
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.settings import Settings
from learnloop.store import loading
from learnloop.workflow import graded_answers
from learnloop.workflow.context import Loop
from learnloop.workflow.grading import grade_answers

sys.path.insert(0, str(Path(__file__).parents[1] / "assess"))
from graded_school import planted

run = CliRunner()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEARNLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LEARNLOOP_EMBEDDER", "none")
    return tmp_path


def as_file(rows: pd.DataFrame, path: Path) -> Path:
    table = rows.assign(reference=[" || ".join(many) for many in rows["references"]])
    table[["question_id", "question", "reference", "answer", "correct"]].to_csv(path, index=False)
    return path


def test_grade_train_grade_again(own_home: Path) -> None:
    rows = planted(12, 14)
    asked = rows.iloc[0]
    question = own_home / "q.json"
    question.write_text(
        json.dumps(
            {
                "kind": "short_answer",
                "language": "en",
                "stem": asked["question"],
                "key": asked["references"][0],
            }
        )
    )
    answers = own_home / "answers.csv"
    pd.DataFrame({"answer": [asked["references"][0], *rows["answer"].head(6)]}).to_csv(answers, index=False)
    ask = ["grade", "--question", str(question), "--answers", str(answers), "--json"]
    before = json.loads(run.invoke(app, ask).stdout)
    assert before["grader"] is None
    assert [one["how"] for one in before["grades"]] == ["exact"] + ["abstained"] * 6
    data = as_file(rows, own_home / "graded.csv")
    trained = run.invoke(app, ["train-grader", "--data", str(data), "--trust", "0.5", "--json"])
    assert trained.exit_code == 0, trained.output
    told = json.loads(trained.stdout)
    assert told["embedder"] == "hashed-character-ngrams"
    assert told["answers"] == len(rows)
    after = json.loads(run.invoke(app, [*ask, "--language", "es"]).stdout)
    by_model = [one for one in after["grades"] if one["how"] == "model"]
    assert by_model
    assert all(one["feedback"][0]["said"] for one in by_model)
    truth = dict(zip(rows["answer"], rows["correct"], strict=True))
    assert sum(one["score"] == truth[one["answer"]] for one in by_model) > 0.6 * len(by_model)


def test_one_answer_with_its_feedback(own_home: Path) -> None:
    question = own_home / "q.json"
    question.write_text(
        json.dumps(
            {
                "kind": "short_answer",
                "language": "es",
                "stem": "¿Cuánto vale g?",
                "key": "9,81 m/s²",
                "answer": {"value": 9.81, "unit": "m/s²", "tolerance": 0.01},
            }
        )
    )
    result = run.invoke(app, ["grade", "--question", str(question), "--answer", "9.81 kg", "--json"])
    found = json.loads(result.stdout)["grades"][0]
    assert (found["score"], found["how"]) == (0.0, "numeric")
    assert found["feedback"][0]["said"] == "El número es correcto, la unidad no: tiene que ser m/s²."
    refused = run.invoke(app, ["grade", "--question", str(question)])
    assert refused.exit_code == 1
    assert "--answer TEXT" in refused.output


def test_a_question_of_this_home_is_known_by_its_id(database_url: str, tmp_path: Path) -> None:
    loop = Loop(Settings(home=tmp_path, database_url=database_url, embedder="none"))
    row = {
        "question_id": "demo:q7",
        "item_id": "demo:lesson",
        "kind": "short_answer",
        "stem": "Which gas do plants take in?",
        "key": "carbon dioxide",
        "options": [],
        "aliases": ["CO2"],
        "source_sha256": "0" * 64,
        "language": "en",
        "origin": "authored",
        "provenance": {},
    }
    try:
        loading.load(loop.engine, "questions", pd.DataFrame([row]))
        found = grade_answers(loop, question="demo:q7", answer="co2")
        assert (found["question"], found["grades"][0]["how"]) == ("demo:q7", "alias")
        with pytest.raises(UnknownThing, match="nobody"):
            grade_answers(loop, question="nobody", answer="co2")
    finally:
        loop.close()


def test_evaluate_on_questions_not_seen_and_on_a_test(own_home: Path) -> None:
    rows = planted(14, 12, seed=4)
    known = rows["question_id"].str[1:].astype(int) < 9
    data, test = as_file(rows[known], own_home / "a.csv"), as_file(rows[~known], own_home / "b.csv")
    more = run.invoke(
        app,
        ["evaluate", "grading", "--data", str(data), "--test", str(test), "--bootstrap", "20", "--json"],
    )
    assert more.exit_code == 0, more.output
    told = json.loads(more.stdout)
    assert set(told) == {"embedder", "language", "trained_on", "unseen_questions"}
    assert told["unseen_questions"]["macro_f1"] > 0.75
    assert told["unseen_questions"]["macro_f1"] > told["unseen_questions"]["majority"]
    folded = run.invoke(
        app, ["evaluate", "grading", "--data", str(data), "--folds", "2", "--bootstrap", "20"]
    )
    assert folded.exit_code == 0, folded.output
    assert "macro_f1" in folded.stdout


def test_an_essay(own_home: Path) -> None:
    text = own_home / "essay.txt"
    text.write_text("Ellos corren mucho. " * 40, encoding="utf-8")
    found = json.loads(run.invoke(app, ["essay", "--text", str(text), "--language", "es", "--json"]).stdout)
    assert found["method"].startswith("rules")
    assert any(one["code"] == "same_start" and "frases" in one["said"] for one in found["findings"])
    for one in found["findings"]:
        for span in one["spans"]:
            assert text.read_text(encoding="utf-8")[span["start"] : span["end"]].startswith(span["text"])


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


HEAD = ["question_id", "question", "reference", "answer", "correct"]


def test_references_in_a_cell_and_in_rows(tmp_path: Path) -> None:
    rows = [HEAD, ["q", "Why?", "a || b", "x", "correct"], ["q", "Why?", "c", "y", "0,5"]]
    found = graded_answers.read(write(tmp_path / "f.csv", rows))
    assert found["references"].tolist() == [["a", "b", "c"]] * 2
    assert found["correct"].tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        ([HEAD[:-1], ["q", "Why?", "a", "x"]], BadInput, "correct"),
        ([HEAD], NothingToDo, "no answers"),
        ([HEAD, ["q", "Why?", " ", "x", "1"]], BadInput, "no reference"),
        ([HEAD, ["q", "Why?", "a", "x", "nice"]], BadInput, "line 2"),
    ],
)
def test_a_table_that_is_none(
    tmp_path: Path, rows: list[list[str]], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        graded_answers.read(write(tmp_path / "f.csv", rows))
    with pytest.raises(BadInput, match="no file"):
        graded_answers.read(tmp_path / "nowhere.csv")
