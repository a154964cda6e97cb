"""learnloop evaluate text, from files to a report, with the small model's alignment."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput
from learnloop.workflow.evaluate_text import brief, evaluate_text

LESSONS = {
    "tide": "Water moves in many ways. A tide is the regular rise and fall of the sea. Ships wait for it.",
    "gyre": "Water moves in many ways. A gyre is a large ring of currents. Ships avoid it in storms.",
    "wave": "Water moves in many ways. A wave carries energy through the water. Ships ride on it.",
}
SAID = {name: text.split(". ")[1] + "." for name, text in LESSONS.items()}
WANTED = {"tide": "The sea rises and falls.", "gyre": "Currents form a ring.", "wave": "Waves carry energy."}


def written(folder: Path, name: str, texts: dict[str, str]) -> Path:
    path = folder / name
    lines = (json.dumps({"id": key, "text": text}) for key, text in texts.items())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "references": written(tmp_path, "references.jsonl", {**WANTED, "reef": "No prediction."}),
        "predictions": written(tmp_path, "predictions.jsonl", SAID),
        "sources": written(tmp_path, "sources.jsonl", LESSONS),
    }


def test_files_to_scores_and_a_page(files: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    command = ["evaluate", "text", "--json", "--bootstrap", "60", "--report", str(page)]
    for name, path in files.items():
        command += [f"--{name}", str(path)]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    assert result["data"]["documents"] == 3
    assert result["data"]["references_without_prediction"] == 1
    assert set(result["systems"]) == {"prediction", "lead", "random", "other"}
    own, others = (result["systems"][name]["alignment"]["value"] for name in ("prediction", "other"))
    assert others < own < 1
    assert set(result["correlations"]) == {"rubric"}
    assert "not BERTScore" in result["signatures"]["alignment"]
    assert result["rubric"]["grounded"] == 1
    assert "Scores beside copying and chance" in page.read_text()
    assert brief(result)["documents"] == 3


def test_a_file_that_is_no_report_of_ours_is_not_written_over(files: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "mine.html"
    other.write_text("mine")
    with pytest.raises(BadInput, match="no such report"):
        evaluate_text(files["references"], files["predictions"], alignment=False, report=other)
    assert other.read_text() == "mine"


def test_ids_that_do_not_meet_are_named(files: dict[str, Path], tmp_path: Path) -> None:
    strangers = written(tmp_path, "strangers.jsonl", {"x": "A text."})
    with pytest.raises(BadInput, match="no id"):
        evaluate_text(files["references"], strangers, alignment=False)
    with pytest.raises(BadInput, match="has no text"):
        evaluate_text(files["references"], files["predictions"], sources=strangers, alignment=False)


def test_without_sources_it_says_what_is_missing(files: dict[str, Path]) -> None:
    result = evaluate_text(files["references"], files["predictions"], alignment=False, n_bootstrap=50)
    assert any("--sources" in note for note in result["notes"])
    assert "alignment" not in result["signatures"]


def test_files_of_lines_are_as_long_as_each_other(tmp_path: Path) -> None:
    """A line left out would shift all those after it."""
    paths = [tmp_path / name for name in ("references.txt", "predictions.txt")]
    paths[0].write_text("The sea rises.\nCurrents form a ring.\nWaves carry energy.\n")
    paths[1].write_text("Currents form a ring.\nWaves carry energy.\n")
    with pytest.raises(BadInput, match=r"has 3 lines, .* 2"):
        evaluate_text(*paths, alignment=False)
    paths[1].write_text("\nCurrents form a ring.\nWaves carry energy.\n")
    result = evaluate_text(*paths, alignment=False, n_bootstrap=50)
    assert result["n"] == 3
    assert result["systems"]["prediction"]["rouge1"]["value"] == pytest.approx(200 / 3)
