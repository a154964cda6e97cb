"""prepare --interactions: files in, files out, whole or not at all, whoever does the work."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scale_frames import KEY, NOW, clean, rejected, single_frame
from typer.testing import CliRunner

from learnloop import settings
from learnloop.cli import app
from learnloop.errors import BadInput, LearnloopError
from learnloop.workflow import cluster, partitions
from learnloop.workflow.context import Loop
from learnloop.workflow.scale import prepare_interactions
from learnloop.workflow.volume import simulate_volume

RUN = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from learnloop.workflow import partitions
from learnloop.workflow.context import Loop
from learnloop.workflow.scale import prepare_interactions
whole = partitions.write_json
def killed(mark, report):
    whole(mark, report)
    if mark.parent.name == sys.argv[4]:
        os.kill(os.getpid(), signal.SIGKILL)
partitions.write_json = killed
prepare_interactions(Loop(), interactions=Path(sys.argv[1]), out=Path(sys.argv[2]), source="volume",
                     now=pd.Timestamp(sys.argv[3]), bucket_rows=4_000)
"""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs") / "raw"
    simulate_volume(Loop(), interactions=30_000, out=folder, seed=4, part_rows=8_192)
    return folder


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    home = {"LEARNLOOP_HOME": str(tmp_path / "home"), "LEARNLOOP_PSEUDONYM_KEY": KEY}
    return Loop(settings.load(home))


@pytest.mark.parametrize("bucket_rows", [1_000_000, 7_000, 1_500])
def test_any_number_of_buckets_gives_what_one_frame_gives(
    logs: Path, loop: Loop, tmp_path: Path, bucket_rows: int
) -> None:
    report = prepare_interactions(
        loop, interactions=logs, out=tmp_path / "out", source="volume", now=NOW, bucket_rows=bucket_rows
    )
    whole = single_frame(logs)
    pd.testing.assert_frame_equal(clean(tmp_path / "out"), whole.interactions)
    pd.testing.assert_frame_equal(rejected(tmp_path / "out"), whole.rejected)
    assert report["rows"] == whole.account
    assert json.loads((tmp_path / "out" / "account.json").read_text())["rows"] == whole.account
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out"]


def test_a_learner_is_in_one_file_and_in_the_order_of_time(logs: Path, loop: Loop, tmp_path: Path) -> None:
    prepare_interactions(loop, interactions=logs, out=tmp_path / "out", now=NOW, bucket_rows=5_000)
    seen: set[str] = set()
    files = sorted((tmp_path / "out" / "interactions").iterdir())
    assert len(files) == 6
    for path in files:
        frame = pd.read_parquet(path)
        learners = set(frame["learner_id"])
        assert not learners & seen
        seen |= learners
        assert frame.sort_values(["learner_id", "occurred_at"], kind="stable").equals(frame)


def test_a_killed_run_leaves_nothing_and_the_next_completes_it(
    logs: Path, loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEARNLOOP_HOME", str(loop.settings.home))
    monkeypatch.setenv("LEARNLOOP_PSEUDONYM_KEY", KEY)
    out, work = tmp_path / "out", tmp_path / ".out.preparing"
    command = [sys.executable, "-c", RUN, str(logs), str(out), NOW.isoformat()]
    for folder in ("read", "settled"):
        done = subprocess.run([*command, folder], stderr=subprocess.DEVNULL)
        assert done.returncode == -signal.SIGKILL
        assert len(list((work / folder).glob("*.json"))) == 1
        assert not out.exists()
    first = {path: path.stat().st_mtime_ns for path in (work / "read").glob("*.json")}
    assert first
    kept: list[bool] = []
    real = partitions._read_file
    monkeypatch.setattr(partitions, "_read_file", lambda *given: kept.append(True) or real(*given))
    prepare_interactions(loop, interactions=logs, out=out, source="volume", now=NOW, bucket_rows=4_000)
    assert len(kept) == 4 - len(first), "what was finished was done again"
    pd.testing.assert_frame_equal(clean(out), single_frame(logs).interactions)
    assert not work.exists()


def test_other_input_starts_anew(logs: Path, loop: Loop, tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / ".out.preparing"
    broken = tmp_path / "logs"
    broken.mkdir()
    for path in logs.glob("*.parquet"):
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "part-00009.csv").write_text("nobody,nothing\n1,2\n")
    with pytest.raises(BadInput, match="part-00009"):  # ends the run in its middle
        prepare_interactions(loop, interactions=broken, out=out, source="volume", now=NOW)
    assert (work / "read" / "00000.json").exists()
    assert not out.exists()
    prepare_interactions(loop, interactions=logs, out=out, source="volume", now=NOW)
    pd.testing.assert_frame_equal(clean(out), single_frame(logs).interactions)


def test_a_csv_file_with_other_names_is_prepared_as_its_parquet_twin(
    logs: Path, loop: Loop, tmp_path: Path
) -> None:
    csv = tmp_path / "part-00000.csv"
    theirs = pd.read_parquet(logs / "part-00000.parquet").rename(columns={"learner_id": "Student"})
    theirs.to_csv(csv, index=False, sep=";")
    for n, path in enumerate((csv, logs / "part-00000.parquet")):
        prepare_interactions(
            loop,
            interactions=path,
            out=tmp_path / f"{n}",
            items=logs / "items.parquet",
            source="volume",
            columns="" if n else "learner_id=Student",
            now=NOW,
        )
    pd.testing.assert_frame_equal(clean(tmp_path / "0"), clean(tmp_path / "1"))


LOCAL = """Student;Exercise;When
ana;loops;03/02/2025 18:04
ana;loops;30/03/2025 02:30
ana;loops;26/10/2025 02:30
ana;loops;2025-10-27T18:04:00Z
"""
UTC = ["2025-02-03T17:04Z", "2025-03-30T01:00Z", "2025-10-26T00:30Z", "2025-10-27T18:04Z"]


def test_files_in_a_form_of_their_own_are_read_by_the_options_that_an_import_has(
    loop: Loop, tmp_path: Path
) -> None:
    folder, out, mapping = tmp_path / "logs", tmp_path / "out", tmp_path / "map.toml"
    folder.mkdir()
    (folder / "1.csv").write_text("Student;Exercise;When\nben;loops;2025-10-28T18:04:00Z\n")
    (folder / "2.csv").write_text(LOCAL)
    mapping.write_text('learner_id = "Student"\nitem_id = "Exercise"\noccurred_at = "When"\n')
    with pytest.raises(BadInput, match=r"2\.csv line 3: .* --date-format"):
        prepare_interactions(loop, interactions=folder, out=out, mapping=mapping, now=NOW)
    options = [f"--mapping={mapping}", "--delimiter=semicolon"]
    options += ["--date-format=%d/%m/%Y %H:%M", "--timezone=Europe/Madrid"]
    done = CliRunner().invoke(
        app,
        ["prepare", f"--interactions={folder}", f"--out={out}", "--json", *options],
        env={"LEARNLOOP_HOME": str(tmp_path / "home"), "LEARNLOOP_PSEUDONYM_KEY": KEY},
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"]["repaired"] == {
        "time read by the date format given": 3,
        "time without a zone taken as of the zone given": 3,
        "hour that the clocks repeated taken as the first": 1,
        "hour that the clocks skipped moved to its end": 1,
        "verb filled in: answered with a result, else experienced": 5,
    }
    times = sorted(clean(out)["occurred_at"])
    assert times == [pd.Timestamp(time) for time in [*UTC, "2025-10-28T18:04Z"]]


@pytest.mark.parametrize(
    "given", [{"date_formats": ["%H:%M"]}, {"timezone": "Europe/Madird"}, {"delimiter": "::"}]
)
def test_an_option_that_cannot_be_meant_is_refused_before_anything_is_read(
    logs: Path, loop: Loop, tmp_path: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match=r"--date-format|--timezone|--delimiter"):
        prepare_interactions(loop, interactions=logs, out=tmp_path / "out", **given)
    assert not list(tmp_path.iterdir())


def test_nothing_was_done_before_its_item_was_made(loop: Loop, tmp_path: Path) -> None:
    items, log = tmp_path / "items.csv", tmp_path / "log.csv"
    items.write_text("item_id,title,parent_id,created_at\npy,Python,,2025-03-01\nloops,Loops,py,\nx,X,,\n")
    log.write_text(
        "learner_id,item_id,occurred_at\nana,loops,2025-02-01T10:00:00Z\nana,loops,2025-03-01T10:00:00Z\n"
        "ana,x,2025-02-01T10:00:00Z\n"
    )
    report = prepare_interactions(loop, interactions=log, out=tmp_path / "out", items=items, now=NOW)
    assert report["rows"]["rejected"] == {"time before the item came to be": 1}
    assert report["rows"]["kept"] == 2


def test_what_cannot_be_done_is_said_and_nothing_is_written(logs: Path, loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match="there already"):
        prepare_interactions(loop, interactions=logs, out=tmp_path / "there")
    with pytest.raises(BadInput, match="no folder"):
        prepare_interactions(loop, interactions=tmp_path / "nowhere", out=tmp_path / "out")
    with pytest.raises(BadInput, match="no Parquet or CSV"):
        prepare_interactions(loop, interactions=tmp_path / "there", out=tmp_path / "out")
    with pytest.raises(BadInput, match="there is no file"):
        prepare_interactions(loop, interactions=logs, items=tmp_path / "items.csv", out=tmp_path / "out")
    (tmp_path / "there" / "x.parquet").write_text("no Parquet")
    with pytest.raises(BadInput, match="no Parquet file"):
        prepare_interactions(loop, interactions=tmp_path / "there", out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("times", [[], ["never", "never"]])
def test_a_file_without_a_sound_row_stops_nothing(loop: Loop, tmp_path: Path, times: list[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("learner_id,item_id,occurred_at\n" + "".join(f"ana,x,{time}\n" for time in times))
    report = prepare_interactions(loop, interactions=log, out=tmp_path / "out", now=NOW)
    assert report["rows"]["read"] == sum(report["rows"]["rejected"].values()) == len(times)
    assert len(rejected(tmp_path / "out")) == len(times)
    assert clean(tmp_path / "out").empty


def test_two_runs_into_one_folder_do_not_meet(logs: Path, loop: Loop, tmp_path: Path) -> None:
    from learnloop.workflow.scale import _alone

    work = tmp_path / ".out.preparing"
    work.mkdir()
    with _alone(work), pytest.raises(LearnloopError, match="another run"):
        prepare_interactions(loop, interactions=logs, out=tmp_path / "out")


def test_the_key_is_in_no_file_and_in_no_message(logs: Path, tmp_path: Path) -> None:
    plan = partitions.Plan(tmp_path, (logs / "part-00000.parquet",), "volume", NOW, 3, key=KEY.encode())
    assert KEY not in repr(plan)
    for folder in partitions.FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    cluster.here(partitions.read_file, [(plan, 0)], lambda: None)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_task_hands_back_as_little_for_many_buckets_as_for_one(logs: Path, tmp_path: Path) -> None:
    sizes = []
    for buckets in (1, 50):
        work = tmp_path / f"{buckets}"
        for folder in partitions.FOLDERS:
            (work / folder).mkdir(parents=True)
        plan = partitions.Plan(work, (logs / "part-00000.parquet",), "volume", NOW, buckets, key=KEY.encode())
        for n, task in enumerate((partitions.read_file, partitions.find_duplicates)):
            report = cluster.here(task, [(plan, 0)], lambda: None)[0]
            sizes.append((n, len(json.dumps(report))))
    assert sizes[:2] == sizes[2:]


def test_the_command(logs: Path, tmp_path: Path) -> None:
    environment = {"LEARNLOOP_HOME": str(tmp_path / "home"), "LEARNLOOP_PSEUDONYM_KEY": KEY}
    alone = CliRunner().invoke(app, ["prepare", "--interactions", str(logs)], env=environment)
    assert alone.exit_code == 2
    arguments = ["prepare", "--interactions", str(logs), "--out", str(tmp_path / "out"), "--source", "volume"]
    done = CliRunner().invoke(app, [*arguments, "--json"], env=environment)
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["rejected"].values()) == 30_000
    assert not (tmp_path / "home" / "database").exists()
