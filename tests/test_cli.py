"""The command line as a person meets it: real processes, what they print where, and how they end."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.store import database, embedded
from learnloop.store.pseudonyms import pseudonym

KEY = "a pseudonym key of at least 32 characters"


def learnloop(*arguments: str, home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`learnloop ARGUMENTS` in a process of its own, with no setting but these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEARNLOOP_")}
    settings = {"LEARNLOOP_HOME": str(home), "LEARNLOOP_LLM": "none", "LEARNLOOP_PSEUDONYM_KEY": KEY}
    return subprocess.run(
        [sys.executable, "-m", "learnloop.cli", *arguments],
        env={**inherited, **settings, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def in_process(*arguments: str, home: Path, more: Mapping[str, str] | None = None) -> Result:
    """The same through Typer's runner, which is quicker, where a process would show nothing more."""
    environment: dict[str, str | None] = dict.fromkeys(
        name for name in os.environ if name.startswith("LEARNLOOP_")
    )
    environment |= {"LEARNLOOP_HOME": str(home), "LEARNLOOP_LLM": "none", "LEARNLOOP_PSEUDONYM_KEY": KEY}
    return CliRunner().invoke(app, list(arguments), env={**environment, **(more or {})})


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose database runs and holds nothing."""
    home = tmp_path_factory.mktemp("empty-home")
    embedded.ensure_running(home)
    yield home
    embedded.stop(home)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def test_a_folder_without_data_is_one_line_with_the_next_step(tmp_path: Path) -> None:
    done = learnloop("import", "oulad", str(tmp_path / "nowhere"), home=tmp_path / "home")
    assert done.returncode == 1
    assert done.stdout == ""
    line = only_line(done.stderr)
    assert re.fullmatch(r"learnloop: .*nowhere.* Try: .+", line), line
    assert not (tmp_path / "home" / "database").exists()  # no server is started to say so


def test_training_on_nothing_says_what_to_import(empty: Path) -> None:
    done = learnloop("train", home=empty)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"learnloop: no interactions .* Try: learnloop import .+", only_line(done.stderr))


def test_json_is_all_there_is_on_stdout(empty: Path) -> None:
    done = learnloop("prepare", "--json", home=empty)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["read"] == 0
    assert "extracted and cleaned" in done.stderr  # progress goes elsewhere


def test_import_csv_reports_and_keeps_no_outside_id(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title,kind\nloops,Loops,lesson\n")
    (tmp_path / "log.csv").write_text(
        "learner_id,item_id,occurred_at,verb\n"
        "ada.lovelace@school.example,loops,2026-03-02T18:04:11Z,completed\n"
        "ada.lovelace@school.example,loops,not a time,completed\n"
    )
    arguments = ["import", "csv", "--items", str(tmp_path / "items.csv")]
    arguments += ["--interactions", str(tmp_path / "log.csv"), "--source", "school", "--json"]
    first, second = learnloop(*arguments, home=empty), in_process(*arguments, home=empty)
    assert first.returncode == 0, first.stderr
    rows = json.loads(first.stdout)["rows"]["interactions"]
    assert (rows["read"], rows["kept"], sum(rows["rejected"].values())) == (2, 1, 1)
    changes = json.loads(second.stdout)["changes"]
    assert {name for name, change in changes.items() if change["inserted"] + change["updated"]} == set()
    learner = in_process("learner", "school", "ada.lovelace@school.example", "--json", home=empty)
    assert json.loads(learner.stdout) == {
        "learner_id": pseudonym(KEY.encode(), "school", "ada.lovelace@school.example"),
        "interactions": 1,
    }
    engine = database.connect(embedded.ensure_running(empty))
    with engine.connect() as connection:
        told = [
            table
            for table in ("learners", "interactions", "imports", "rejected_rows")
            if connection.scalar(
                sa.text(f"SELECT count(*) FROM {table} AS found WHERE found::text ILIKE '%lovelace%'")  # noqa: S608
            )
        ]
    engine.dispose()
    assert told == []


def test_a_new_key_is_for_that_learner(empty: Path) -> None:
    done = in_process("learner", "school", "somebody", "--key", home=empty)
    assert done.exit_code == 0, done.stderr
    assert pseudonym(KEY.encode(), "school", "somebody") in done.stdout
    assert re.search(r"api_key: ll_[0-9a-f]{16}_[0-9a-f]{64}$", done.stdout, re.MULTILINE)
    assert "somebody" not in done.stdout


def test_doctor_fails_with_the_command_that_mends_it(empty: Path) -> None:
    done = in_process("doctor", "--json", home=empty)
    assert done.exit_code == 1
    checks = {row["name"]: row for row in json.loads(done.stdout)}
    assert checks["database"]["ok"] is True
    assert (checks["champion release"]["ok"], checks["champion release"]["next_step"]) == (
        False,
        "learnloop run",
    )
    assert not [row for row in checks.values() if "(" in row["detail"]]  # words, not a repr


def test_status_of_a_stopped_home_starts_nothing_and_stop_is_no_error(tmp_path: Path) -> None:
    status = in_process("status", "--json", home=tmp_path / "home")
    assert status.exit_code == 0, status.output
    assert json.loads(status.stdout)["database"]["running"] is False
    stop = in_process("stop", "--json", home=tmp_path / "home")
    assert (stop.exit_code, json.loads(stop.stdout)) == (0, {"stopped": False})
    assert not (tmp_path / "home").exists()


def test_stop_stops_and_the_next_command_starts_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        assert in_process("migrate", home=home).exit_code == 0
        assert json.loads(in_process("status", "--json", home=home).stdout)["counts"]["items"] == 0
        assert json.loads(learnloop("stop", "--json", home=home).stdout) == {"stopped": True}
        assert embedded.status(home)["running"] is False
        assert in_process("migrate", "--json", home=home).exit_code == 0
    finally:
        embedded.stop(home)


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (("monitor", "drift", "--since", "soon"), {}, "nothing has been released yet. Try: learnloop run"),
        (("rollback",), {}, "nothing has been released yet. Try: learnloop run"),
        (("evaluate",), {}, "nothing has been trained yet. Try: learnloop train"),
        (("release",), {}, "nothing has been trained yet. Try: learnloop train"),
        (("simulate",), {}, "there are no lessons to simulate learners on. Try: learnloop collect web URL"),
        (("train",), {"LEARNLOOP_LLM": "gpt"}, "LEARNLOOP_LLM='gpt' is not one of embedded, none, hf:NAME"),
    ],
)
def test_an_error_is_one_line(
    arguments: tuple[str, ...], settings: Mapping[str, str], told: str, tmp_path: Path, server_url: str
) -> None:
    more = {"LEARNLOOP_DATABASE_URL": server_url, **settings}
    done = in_process(*arguments, home=tmp_path, more=more)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert only_line(done.stderr).startswith(f"learnloop: {told}")


def test_an_option_out_of_range_is_refused_by_name(tmp_path: Path) -> None:
    done = in_process("train", "--test-share", "2", home=tmp_path)
    assert done.exit_code == 2
    assert "--test-share" in done.stderr


def test_a_database_out_of_reach_is_one_line(tmp_path: Path) -> None:
    url = "postgresql://user:secret-word@127.0.0.1:1/nowhere"
    done = learnloop("prepare", home=tmp_path, LEARNLOOP_DATABASE_URL=url)
    assert done.returncode == 1
    assert "Try: " in only_line(done.stderr)
    assert "secret-word" not in done.stderr


def test_what_nobody_expected_is_one_line_and_a_file(tmp_path: Path, empty: Path) -> None:
    """A file where a folder should be is no error of ours to foresee."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "snapshots").write_text("not a folder")
    url = embedded.ensure_running(empty)
    done = learnloop("train", home=home, LEARNLOOP_DATABASE_URL=url, TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    line = only_line(done.stderr)
    found = re.fullmatch(r"learnloop: unexpected FileExistsError: .* Try: less (\S+\.log)", line)
    assert found, line
    assert "Traceback" in Path(found[1]).read_text()
