"""simulate --interactions: files that a killed run leaves whole and a second run completes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput
from learnloop.workflow.context import Loop
from learnloop.workflow.volume import simulate_volume

RUN = """
import os, signal, sys
from pathlib import Path
from learnloop.workflow import volume
from learnloop.workflow.context import Loop
whole = volume._write_part
def killed(simulated, index, path):
    whole(simulated, index, path)
    if index == 4:
        os.kill(os.getpid(), signal.SIGKILL)  # written, and not yet in its place
volume._write_part = killed
volume.simulate_volume(Loop(), interactions=200_000, out=Path(sys.argv[1]), seed=5, part_rows=16_384)
"""


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_killed_run_is_completed_with_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    report = simulate_volume(Loop(), interactions=200_000, out=whole, seed=5, part_rows=16_384)
    done = subprocess.run([sys.executable, "-c", RUN, str(killed)], stderr=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL
    assert len(list(killed.glob("part-*.parquet"))) == 4
    assert len(list(killed.glob(".part-*.writing"))) == 1
    (killed / ".part-00099.parquet.1.writing").write_bytes(b"half a file")
    first = {path.name: path.stat().st_mtime_ns for path in killed.glob("part-*.parquet")}
    simulate_volume(Loop(), interactions=200_000, out=killed, seed=5, part_rows=16_384)
    assert bytes_of(killed) == bytes_of(whole)
    assert first.items() <= {p.name: p.stat().st_mtime_ns for p in killed.glob("part-*.parquet")}.items()
    assert sum(report["faults"].values()) + report["sound"] == 200_000


def test_a_folder_with_something_else_is_not_touched(tmp_path: Path) -> None:
    simulate_volume(Loop(), interactions=100, out=tmp_path / "a")
    with pytest.raises(BadInput, match="another simulation"):
        simulate_volume(Loop(), interactions=101, out=tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        simulate_volume(Loop(), interactions=100, out=tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["thesis.txt"]


def test_the_command_needs_both_options_and_no_home(tmp_path: Path) -> None:
    home = {"LEARNLOOP_HOME": str(tmp_path / "home")}
    alone = CliRunner().invoke(app, ["simulate", "--interactions", "10"], env=home)
    assert alone.exit_code == 2
    arguments = ["simulate", "--interactions", "5000", "--out", str(tmp_path / "logs"), "--json"]
    done = CliRunner().invoke(app, arguments, env=home)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["rows"] == report["sound"] + sum(report["faults"].values()) == 5_000
    assert not (tmp_path / "home").exists()
