"""`learnloop generate questions --text`: from a file to questions, without a database."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop import schemas
from learnloop.cli import app
from learnloop.errors import BadInput, UnknownThing
from learnloop.settings import Settings
from learnloop.workflow.context import Loop
from learnloop.workflow.generate_questions import questions

SENTENCES = (
    "Osmosis is the flow of water through a membrane.",
    "A vacuole is a space inside a plant cell that stores water and salts.",
    "Turgor is the pressure of the water against the wall of a plant cell.",
    "The xylem is the tissue that carries water from the roots to the leaves.",
    "The tallest known coast redwood reaches 115 m.",
    "In 1727 Stephen Hales published the first measurements of the water that plants give off.",
)


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """No server listens at this address: whoever needs the database fails."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    return Loop(Settings(home=tmp_path / "home", database_url=nowhere, llm="none", embedder="none"))


def written(folder: Path, name: str) -> Path:
    path = folder / name
    if name.endswith(".html"):
        paragraphs = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
        path.write_text(
            f"<html><head><title>Water</title></head><body><nav>Home</nav><article>{paragraphs}</article>"
        )
    elif name.endswith(".md"):
        path.write_text("# Water\n\n" + " ".join(SENTENCES).replace("vacuole", "**vacuole**"))
    else:
        path.write_text(" ".join(SENTENCES))
    return path


@pytest.mark.parametrize("name", ["water.txt", "water.md", "water.html"])
def test_a_file_gives_questions_and_counts(loop: Loop, tmp_path: Path, name: str) -> None:
    found = questions(loop, text=written(tmp_path, name), count=20)
    assert found["language"] == "en"
    assert found["counts"]["accepted"] == len(found["questions"]) >= 4
    assert found["counts"]["requested"] == 20
    asked = " ".join(row["stem"] + row["key"] for row in found["questions"])
    assert "osmosis" in asked
    assert "1727" not in asked  # a year is put in order or left alone
    assert "**" not in asked
    assert all(row["reading_level"] is not None for row in found["questions"])
    assert json.loads(json.dumps(found))["questions"] == found["questions"]


def test_kinds_seed_and_the_written_file(loop: Loop, tmp_path: Path) -> None:
    text = written(tmp_path, "water.txt")
    out = tmp_path / "asked.json"
    first = questions(loop, text=text, kinds_wanted="short,tf", seed=3, out=out)
    again = questions(loop, text=text, kinds_wanted="short,tf", seed=3)
    assert {row["kind"] for row in first["questions"]} - {"true_false"} == {"short_answer"}
    assert first["questions"] == again["questions"]
    kept = pd.DataFrame(json.loads(out.read_text()))
    assert len(schemas.check(kept, schemas.QUESTIONS, "test")) == len(first["questions"])


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("Это русский текст о воде и растениях, и правил для него здесь нет совсем.", {}, "rules"),
        ("", {}, "no text"),
        ("A text.", {"kinds_wanted": "essay"}, "essay"),
        ("A text.", {"language": "pt"}, "pt"),
        ("A text.", {"out": Path("asked.xlsx")}, "asked.xlsx"),
        ("A text.", {"item_id": "demo:x"}, "one text"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    loop: Loop, tmp_path: Path, text: str, options: dict[str, object], problem: str
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text)
    with pytest.raises(BadInput, match=problem):
        questions(loop, text=path, **options)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"nothing\.txt"):
        questions(loop, text=tmp_path / "nothing.txt")


def test_the_command_prints_questions_for_people(tmp_path: Path) -> None:
    path = written(tmp_path, "water.txt")
    environment = {
        "LEARNLOOP_HOME": str(tmp_path / "home"),
        "LEARNLOOP_LLM": "none",
        "LEARNLOOP_EMBEDDER": "none",
        "LEARNLOOP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    }
    result = CliRunner().invoke(
        app, ["generate", "questions", "--text", str(path), "--kinds", "mc,cloze"], env=environment
    )
    assert result.exit_code == 0, result.output
    assert "1. [" in result.stdout
    assert "   * " in result.stdout
    assert "accepted:" in result.stdout
    assert "of 10: no more of what this text says" in result.stdout
    assert UnknownThing.__name__ not in result.output
