"""simulate --family: a whole folder or none, the same bytes again, nothing of others touched."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, UnknownThing
from learnloop.simulate.practice import answers
from learnloop.workflow.context import Loop
from learnloop.workflow.simulate_families import TABLES, simulate_family

RUN = """
import sys
from pathlib import Path
from learnloop.workflow.context import Loop
from learnloop.workflow.simulate_families import simulate_family
simulate_family(Loop(), family="bkt", learners=500_000, out=Path(sys.argv[1]))
"""


def simulated(out: Path, **options: object) -> dict[str, object]:
    given = {"family": "engagement", "learners": 40, "answers": 50, "seed": 3, **options}
    return simulate_family(Loop(), out=out, **given)  # type: ignore[arg-type]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_are_the_log_and_its_truth(tmp_path: Path) -> None:
    report = simulated(tmp_path / "out")
    expected = answers("engagement", 40, 50, 3)
    text = dict.fromkeys(("learner_id", "item_id", "concept_id", "requires_id"), "str")
    read = {name: pd.read_csv(tmp_path / "out" / f"{name}.csv", dtype=text) for name in TABLES}
    found = read["answers"]
    assert found.columns.tolist() == ["learner_id", "item_id", "concept_id", "occurred_at", "correct"]
    assert found["learner_id"].tolist() == expected.answers["learner_id"].tolist()
    assert found["item_id"].tolist() == expected.answers["item_id"].tolist()
    assert found["concept_id"].tolist() == expected.answers["concept_ids"].map("~".join).tolist()
    assert found["correct"].tolist() == expected.answers["correct"].astype(int).tolist()
    assert read["truth.answers"]["p_correct"].tolist() == pytest.approx(expected.p_correct, abs=1e-6)
    times = pd.to_datetime(found["occurred_at"], utc=True)
    assert (times == expected.answers["occurred_at"].dt.floor("s").array).all()
    assert found["occurred_at"][0] == "2026-01-05T08:00:00Z"
    assert read["truth.mastery"]["mastery"].tolist() == pytest.approx(expected.mastery["mastery"].tolist())
    assert read["truth.learners"]["answers"].sum() == len(found) == report["answers"]
    assert (read["truth.learners"]["active"] == 0).sum() == report["dropped_out"]
    assert read["truth.concepts"]["rate"].tolist() == pytest.approx(expected.concepts["rate"].tolist())
    assert len(read["prerequisites"]) == expected.course.requires.sum()
    assert set(read["items"]["item_id"]) == set(read["truth.items"]["item_id"])
    assert "difficulty" not in read["items"], "what nobody could know is called truth"


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    simulated(tmp_path / "csv")
    simulated(tmp_path / "parquet", format_="parquet")
    one = pd.read_csv(tmp_path / "csv" / "answers.csv")
    two = pd.read_parquet(tmp_path / "parquet" / "answers.parquet")
    assert one["item_id"].tolist() == two["item_id"].tolist()
    assert one["correct"].tolist() == two["correct"].astype(int).tolist()
    assert str(two["occurred_at"].dtype) == "datetime64[us, UTC]"


def test_it_is_the_same_again_and_replaces_only_its_own(tmp_path: Path) -> None:
    first = simulated(tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    assert simulated(tmp_path / "out") == first
    assert bytes_of(tmp_path / "out") == before
    simulated(tmp_path / "out", format_="parquet", seed=4)
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".parquet", ".json"}
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="no folder of simulated answers"):
        simulated(tmp_path / "out")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="no folder of simulated answers"):
        simulated(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out"], "nothing is left beside"


def test_a_killed_run_leaves_no_folder_and_an_interrupted_one_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for ending in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen([sys.executable, "-c", RUN, str(out)], stderr=subprocess.DEVNULL)
        own = f".out.{process.pid}.writing"
        while not (tmp_path / own / "answers.csv").is_file():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(ending)
        process.wait()
        assert not out.exists()
        assert (tmp_path / own).exists() == (ending == signal.SIGKILL)
    (tmp_path / f".out.{os.getppid()}.former").mkdir()  # of somebody who is at work
    simulated(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".out.{os.getppid()}.former", "out"]


def test_killed_between_two_renames_the_former_folder_comes_back(tmp_path: Path) -> None:
    simulated(tmp_path / "out")
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    (tmp_path / "out").rename(tmp_path / f".out.{process.pid}.former")
    with pytest.raises(BadInput, match="0 learners"):
        simulated(tmp_path / "out", learners=0)
    assert len(bytes_of(tmp_path / "out")) == len(TABLES) + 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"family": "dkt"}, "no family 'dkt'"),
        ({"policy": "best first"}, "--policy best-first is none of random, course-order"),
        ({"format_": "xlsx"}, "--format xlsx is none of csv, parquet"),
    ],
)
def test_what_it_cannot_do_is_said_before_anything_is_written(
    tmp_path: Path, options: dict[str, object], problem: str
) -> None:
    with pytest.raises((BadInput, UnknownThing), match=problem) as told:
        simulated(tmp_path / "out", **options)
    assert "learnloop simulate --family" in told.value.next_step
    assert not list(tmp_path.iterdir())


def test_the_command_writes_and_says_so_as_json(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    command = ["simulate", "--family", "memory", "--learners", "12", "--answers", "9", "--seed", "2"]
    command += ["--concepts", "4", "--policy", "course-order", "--out", str(out), "--json"]
    result = CliRunner().invoke(app, command, env={"LEARNLOOP_HOME": str(tmp_path / "home")})
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["answers"] == 12 * 9
    assert report["policy"] == "course order"
    assert json.loads((out / "manifest.json").read_text()) == {k: v for k, v in report.items() if k != "out"}
    assert pd.read_csv(out / "answers.csv")["concept_id"].str.startswith("sim:c00").all()
    assert not (tmp_path / "home").exists(), "no database is started"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--family", "bkt"], "add --out DIR"),
        (["--out", "x"], "--out needs --family F"),
        (["--interactions", "10", "--family", "bkt", "--out", "x"], "give one"),
        (["--answers", "10"], "add --family bkt --out DIR"),
        (["--interactions", "10", "--out", "x", "--format", "csv"], "add --family bkt --out DIR"),
        (["--interactions", "10"], "add --out DIR"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"LEARNLOOP_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    result = CliRunner().invoke(app, ["simulate", *arguments], env=environment)
    assert result.exit_code == 2
    assert problem in result.output
    assert not list(tmp_path.iterdir())
