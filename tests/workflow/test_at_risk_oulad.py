"""evaluate at-risk on a small OULAD of our own making, by the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.workflow.at_risk import evaluate_at_risk
from learnloop.workflow.oulad_tables import read

N = 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three presentations of one module; who hands in late or nothing comes to grief more often."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("oulad")
    of, info, dates, came, asked = [], [], [], [], []
    for number, presentation in enumerate(("2013B", "2013J", "2014J")):
        of.append(("AAA", presentation, 260))
        for k, due in enumerate((12, 24, 50)):
            asked.append(("AAA", presentation, f"{number}{k}", "TMA", due, 20))
        for learner in range(N):
            name, effort = f"{1000 * number + learner}", rng.normal()
            grief = rng.random() < 1 / (1 + np.exp(2.5 * effort))
            band = ["10-20", "30-40%", "?", "90-100%"][learner % 4]
            result = ["Pass", "Fail", "Withdrawn"][int(grief) * (1 + learner % 2)]
            info.append(
                ("AAA", presentation, name, "FM"[learner % 2], "Wales", "HE Qualification", band,
                 "0-35", 0, 60, "N", result)
            )  # fmt: skip
            gone = int(rng.integers(3, 200)) if result == "Withdrawn" else ""
            dates.append(("AAA", presentation, name, -20, gone))
            for k, due in enumerate((12, 24, 50)):
                if rng.random() < 1 / (1 + np.exp(-1 - 2 * effort)) and (gone == "" or gone > due):
                    came.append((f"{number}{k}", name, due - 1, 0, int(np.clip(60 + 20 * effort, 0, 100))))
    key = ["code_module", "code_presentation"]
    tables = {
        "courses": (of, [*key, "module_presentation_length"]),
        "assessments": (asked, [*key, "id_assessment", "assessment_type", "date", "weight"]),
        "studentRegistration": (dates, [*key, "id_student", "date_registration", "date_unregistration"]),
        "studentAssessment": (
            came,
            ["id_assessment", "id_student", "date_submitted", "is_banked", "score"],
        ),
        "studentInfo": (
            info,
            [*key, "id_student", "gender", "region", "highest_education", "imd_band", "age_band",
             "num_of_prev_attempts", "studied_credits", "disability", "final_result"],
        ),
    }  # fmt: skip
    for name, (rows, columns) in tables.items():
        pd.DataFrame(rows, columns=columns).to_csv(path / f"{name}.csv", index=False)
    return path


def run(folder: Path, *more: str) -> "tuple[int, str, str]":
    found = CliRunner().invoke(app, ["evaluate", "at-risk", "--oulad", str(folder), *more])
    return found.exit_code, found.stdout, found.stderr


def test_the_command_tells_all_and_writes_its_page(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    code, out, err = run(
        folder, "--week", "4,8", "--json", "--report", str(page), "--bootstrap", "50", "--leave-one-out"
    )
    assert code == 0, err
    found = json.loads(out)
    assert (found["test"], found["trained_on"]) == ("2014J", ["2013B", "2013J"])
    assert not found["clicks_used"]
    week = found["weeks"]["8"]
    best = week["models"][week["chosen"]]
    assert best["auc"]["value"] > 0.7
    assert best["brier"]["value"] < week["models"]["majority"]["brier"]["value"]
    assert week["models"]["majority"]["auc"]["value"] == 0.5
    assert {one["group"] for one in week["fairness"] if one["column"] == "imd_band"} == {
        "0-20%", "20-40%", "80-100%", "unknown",
    }  # fmt: skip
    assert set(found["left_out"]["8"]["presentations"]) == {"AAA-2013B", "AAA-2013J", "AAA-2014J"}
    assert found["weeks"]["4"]["enrolments"] > week["enrolments"], "who has withdrawn is not asked about"
    text = page.read_text()
    assert "For whom it is good" in text
    assert "<script" not in text
    code, _, _ = run(folder, "--week", "4", "--report", str(page), "--bootstrap", "50")
    assert code == 0, "its own report is replaced"


def test_clicks_are_used_where_they_cover_the_presentations(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    rows = [
        ("AAA", p, f"{1000 * n}", 1, d, 2) for n, p in enumerate(("2013B", "2013J", "2014J")) for d in (1, 90)
    ]
    names = ["code_module", "code_presentation", "id_student", "id_site", "date", "sum_click"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "studentVle.csv", index=False)
    vle = pd.DataFrame([(1, "AAA", "2013B", "page", "", "")])
    vle.columns = ["id_site", "code_module", "code_presentation", "activity_type", "week_from", "week_to"]
    vle.to_csv(tmp_path / "vle.csv", index=False)
    clicks = read(tmp_path, 56)["clicks"]
    assert clicks["day"].tolist() == [1, 1, 1]
    pd.DataFrame(rows[:2], columns=names).to_csv(tmp_path / "studentVle.csv", index=False)
    assert read(tmp_path, 56)["clicks"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--week", "soon"], "are no weeks"),
        (["--week", "99"], "between 1 and 40"),
        (["--test", "2020J"], "there is no presentation"),
        (["--test", "2013B"], "no presentation comes before"),
        (["--report", "/nowhere/at/all.html"], "cannot be written"),
    ],
)
def test_what_cannot_be_asked(folder: Path, options: list[str], said: str) -> None:
    code, _, err = run(folder, *options)
    assert code == 1
    assert said in err


def test_somebody_elses_file_is_kept(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "mine.html"
    page.write_text("mine")
    code, _, err = run(folder, "--report", str(page))
    assert code == 1
    assert "no such report" in err
    assert page.read_text() == "mine"


def test_the_same_seed_tells_the_same(folder: Path) -> None:
    first, second = (evaluate_at_risk(folder, weeks=[4], n_bootstrap=50) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
