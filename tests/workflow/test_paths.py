"""What a person types wrong: a file that is none, a place that is none; one sentence, and what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput
from learnloop.workflow import paths
from learnloop.workflow.whole import write_whole

WRONG = {
    "none": "there is no file",
    "folder": "is a folder, not a file",
    "empty": "is no CSV file: No columns to parse",
    "binary": "is no text in UTF-8 (byte 0)",
    "other": "has no column 'answer'",
}


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe" * 40)
    (tmp_path / "other").write_text("a,b\n1,2\n")
    return tmp_path


@pytest.mark.parametrize(("name", "said"), WRONG.items())
def test_a_table_that_is_none_is_named_with_what_is_wanted(wrong: Path, name: str, said: str) -> None:
    with pytest.raises(BadInput) as raised:
        paths.table(wrong / name, ["answer"], "answers")
    assert said in raised.value.problem
    assert str(wrong / name) in raised.value.problem
    assert raised.value.next_step


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_sign_of_a_table_is_the_one_of_its_first_line(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f'\ufeffanswer{sign}correct\n"9,81; or | so"{sign}01\n{sign}\n', encoding="utf-8")
    found = paths.table(path, ["answer", "correct"], "answers")
    assert found.to_dict("list") == {"answer": ["9,81; or | so", ""], "correct": ["01", ""]}


def test_texts_and_documents_have_a_largest_size(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps("x" * 100))
    assert paths.document(path, "question") == "x" * 100
    with pytest.raises(BadInput, match="more than 101 bytes"):
        paths.content(path, "text", 101)
    path.write_text("[" * 100_000)
    with pytest.raises(BadInput, match="no JSON file"):
        paths.document(path, "question")


def test_what_cannot_be_written_is_said_before_and_when_it_is(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none" / "out.json"):
        with pytest.raises(BadInput, match="cannot be written"):
            paths.may_write(place, "out")
        with pytest.raises(BadInput, match="cannot be written"):
            write_whole(place, lambda beside: beside.write_text("x"))
    paths.may_write(tmp_path / "out.json", "out")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("kept")

    def full(beside: Path) -> None:
        beside.write_text("hal")
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match=r"cannot be written: No space left"):
        write_whole(path, full)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("out.json", "kept")]


COMMANDS = {
    "generate questions --text none": "there is no file",
    "generate questions --text folder": "is a folder",
    "generate questions --text empty": "has no text",
    "generate questions --text binary": "is no text",
    "generate questions --text prose --language klingon": "no rules for questions in 'klingon'",
    "generate questions --text prose --out none/out.json": "cannot be written",
    "generate questions --text prose --out out.pdf": "cannot write out.pdf",
    "generate summaries --text folder": "is a folder",
    "generate summaries --text prose --language klingon": "no rules for questions in 'klingon'",
    "essay --text none --language en": "there is no file",
    "essay --text folder --language en": "is a folder",
    "essay --text binary --language en": "is no text in UTF-8",
    "essay --text empty --language en": "the essay has no words",
    "essay --text prose --language it": "no essay feedback in 'it'",
    "generate questions --text prose --kinds riddle": "no kind of question 'riddle'",
    "grade --question question.json --answer x --language zz": "no translation into 'zz'",
    "evaluate placement --families zz": "no family 'zz'",
    "evaluate policy --weights zz=1": "no component 'zz'",
    "grade --question question.json --answers folder": "is a folder",
    "grade --question question.json --answers empty": "is no CSV file",
    "grade --question none.json --answer x": "there is no file",
    "train-grader --data empty": "is no CSV file",
    "train-grader --data other": "has no column 'question_id'",
    "evaluate grading --data empty": "is no CSV file",
    "evaluate text --references prose --predictions prose --tokenize zzz": "'zzz' is not one of",
    "evaluate questions --questions question.json --sheet none/s.csv": "cannot be written",
    "evaluate questions --questions question.json --ratings empty": "empty has no ratings",
    "evaluate off-policy --missing zz": "'zz' is neither 'leave out' nor 'least'",
    "evaluate questions --status zzz": "'zzz' is not one of",
    "questions import none": "there is no file",
    "questions export --format zzz --out o": "there is no format 'zzz'",
    "questions export --format gift --out o --status zzz": "'zzz' is no status",
    "questions export --format gift --out none/o": "cannot be written",
    "place moodle ana --course x:y --answers other": "has no column 'item_id'",
}


@pytest.mark.parametrize(("typed", "said"), COMMANDS.items())
def test_a_wrong_command_gets_one_line_and_a_next_step(
    wrong: Path, monkeypatch: pytest.MonkeyPatch, typed: str, said: str
) -> None:
    """Without a database: none of these gets so far."""
    (wrong / "prose").write_text("Osmosis is the flow of water through a membrane. " * 20)
    question = {"kind": "short_answer", "stem": "What flows?", "key": "water", "options": []}
    (wrong / "question.json").write_text(json.dumps(question))
    monkeypatch.chdir(wrong)
    for name, value in {"HOME": str(wrong / "home"), "LLM": "none", "EMBEDDER": "none"}.items():
        monkeypatch.setenv(f"LEARNLOOP_{name}", value)
    monkeypatch.setenv("LEARNLOOP_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    found = CliRunner().invoke(app, typed.split())
    assert found.exit_code == 1
    told = [line for line in found.stderr.splitlines() if line.startswith("learnloop: ")]
    assert len(told) == 1
    assert said in told[0]
    assert ". Try: " in told[0]
