"""An import from the first look at its files to the list of what it refused, through the real database."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.settings import Settings
from learnloop.store import reading
from learnloop.workflow import importer
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv, import_movielens, import_responses
from learnloop.workflow.imports import past_imports, rejected_rows

ITEMS = "item_id,title\nloops,Loops\nvars,Variables\n"
LOG = (
    "learner_id,item_id,occurred_at\nana@school.example,loops,2025-01-01T10:00:00Z\n"
    "ben@school.example,vars,2025-01-02\nvars,ana@school.example,2025-01-03\n"
)


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    yield loop
    loop.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "log.csv").write_text(LOG)
    return {"items": tmp_path / "items.csv", "interactions": tmp_path / "log.csv"}


def times(loop: Loop, source: str) -> list[str]:
    events = reading.interactions(loop.engine)
    return sorted(events.loc[events["source"] == source, "occurred_at"].dt.strftime("%Y-%m-%d %H:%M"))


def test_a_dry_run_says_what_the_import_then_does_and_writes_nothing(
    loop: Loop, files: dict[str, Path]
) -> None:
    before = reading.counts(loop.engine)
    tried = import_csv(loop, **files, source="tried", dry_run=True)
    assert reading.counts(loop.engine) == before
    assert (tried["dry_run"], tried["imported_before"]) == (True, False)
    assert tried["would_write"]["interactions"] == 2
    (refused,) = tried["rejected_rows"]
    assert (refused["file"], refused["line"], refused["reason"]) == ("log.csv", 4, "unknown item")
    done = import_csv(loop, **files, source="tried")
    assert done["rows"] == tried["rows"]
    inserted = {table: change["inserted"] for table, change in done["changes"].items()}
    assert {table: inserted[table] for table in tried["would_write"]} == tried["would_write"]
    assert import_csv(loop, **files, source="tried", dry_run=True)["imported_before"] is True
    again = import_csv(loop, **files, source="tried")
    assert again["imported_before"] is True
    assert {n for change in again["changes"].values() for n in (change["inserted"], change["updated"])} == {0}
    files["interactions"].write_text(LOG + "ana@school.example,vars,2025-01-09\n")
    assert import_csv(loop, **files, source="tried")["imported_before"] is False


def test_a_dry_run_makes_no_home_and_no_key(tmp_path: Path, files: dict[str, Path]) -> None:
    loop = Loop(Settings(home=tmp_path / "home", llm="none"))
    tried = import_csv(loop, **files, source="school", dry_run=True)
    assert tried["rows"]["interactions"]["kept"] == 2
    assert not (tmp_path / "home").exists()
    assert "ana@" not in json.dumps(tried, default=str)


def test_a_dry_run_knows_the_items_that_are_there(loop: Loop, files: dict[str, Path]) -> None:
    import_csv(loop, items=files["items"], interactions=None, source="known")
    tried = import_csv(loop, items=None, interactions=files["interactions"], source="known", dry_run=True)
    assert tried["rows"]["interactions"]["kept"] == 2


def test_a_dry_run_of_what_cannot_be_kept_still_reports(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("user_id,item_id,timestamp,correct\n7,1,1499059021,maybe\n")
    tried = import_responses(loop, tmp_path / "answers.csv", dry_run=True)
    assert tried["problem"].startswith("none of the 1 responses could be kept")
    with pytest.raises(BadInput, match=r"none of the 1 responses.*learnloop import rejected --import-id"):
        import_responses(loop, tmp_path / "answers.csv")


def test_past_imports_and_what_each_refused(loop: Loop, files: dict[str, Path]) -> None:
    first = import_csv(loop, **files, source="listed")["import_id"]
    files["interactions"].write_text(LOG.rsplit("vars,ana", 1)[0] + "ben@school.example,loops,soon\n")
    second = import_csv(loop, **files, source="listed")["import_id"]
    newest, before = past_imports(loop, 2)
    assert (newest["import_id"], before["import_id"]) == (second, first)
    assert (newest["state"], newest["files"], newest["read"], newest["rejected"]) == ("finished", 2, 5, 1)
    assert [row["reason"] for row in rejected_rows(loop, import_id=first)["rows"]] == ["unknown item"]
    of_both = rejected_rows(loop, "listed", limit=1)
    assert (of_both["rejected"], of_both["shown"]) == (2, 1)
    (row,) = rejected_rows(loop, "listed", second)["rows"]
    assert (row["file"], row["line"], row["reason"]) == ("log.csv", 4, "time is not ISO 8601")
    assert row["record"].endswith(",listed:loops,xxxx")
    with pytest.raises(UnknownThing, match="no import 'nope'"):
        rejected_rows(loop, import_id="nope")


def test_an_import_that_broke_off_is_on_record(
    loop: Loop, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importer.loading, "load_cleaned", fail)
    with pytest.raises(KeyboardInterrupt):
        import_csv(loop, **files, source="broken")
    (newest,) = past_imports(loop, 1)
    assert (newest["source"], newest["state"]) == ("broken", "stopped: KeyboardInterrupt")
    monkeypatch.undo()
    assert import_csv(loop, **files, source="broken")["imported_before"] is False  # it was not finished


KILLED = """
import os, sys
from pathlib import Path
from learnloop.settings import Settings
from learnloop.store import loading
from learnloop.workflow import importer
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv

def die(*_):
    os.kill(os.getpid(), 9)

importer.loading.load_cleaned = die
loop = Loop(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], llm="none"))
import_csv(loop, items=Path(sys.argv[3]), interactions=None, source="killed")
"""


def test_an_import_that_was_killed_is_on_record(loop: Loop, files: dict[str, Path], tmp_path: Path) -> None:
    arguments = [str(tmp_path / "home"), loop.database_url, str(files["items"])]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, timeout=120)
    assert done.returncode == -9, done.stderr
    (newest,) = past_imports(loop, 1)
    assert (newest["source"], newest["state"]) == ("killed", "running, or killed")
    with loop.engine.connect() as connection:
        files_of = sa.text("SELECT files FROM imports WHERE source = 'killed'")
        (file,) = connection.scalar(files_of)
    assert (file["name"], file["bytes"], file["lines"]) == ("items.csv", len(ITEMS), 3)


def test_other_columns_delimiter_packing_and_times(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("Exercise|Name\nloops|Loops\n")
    text = "Student;Exercise;Date\nana@school.example;loops;03/07/2025 10:00\nben;loops;2025-12-03\n"
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(text.encode()))
    mapping = tmp_path / "columns.toml"
    mapping.write_text(
        'item_id = "Exercise"\n[items]\ntitle = "Name"\n[interactions]\nlearner_id = "Student"\n'
    )
    options: dict[str, Any] = {"items": tmp_path / "items.csv", "interactions": tmp_path / "log.csv.gz"}
    options |= {"mapping": mapping, "columns": "occurred_at=Date", "source": "mapped"}
    with pytest.raises(BadInput, match=r"log.csv.gz line 2: '03/07/2025 10:00' may begin with the day"):
        import_csv(loop, **options)
    options |= {"date_formats": ("%d/%m/%Y %H:%M",), "timezone": "Europe/Madrid"}
    report = import_csv(loop, **options)
    assert report["rows"]["interactions"]["kept"] == 2
    assert report["rows"]["interactions"]["repaired"]["time without a zone taken as of the zone given"] == 2
    assert times(loop, "mapped") == ["2025-07-03 08:00", "2025-12-02 23:00"]


def test_parquet_goes_the_same_way_and_a_damaged_one_loads_nothing(loop: Loop, tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text(ITEMS)
    log = tmp_path / "log.parquet"
    rows = 5_000
    at = pa.array([datetime(2025, 1, 1, 10, tzinfo=UTC)] * rows, pa.timestamp("us", "UTC"))
    columns = {"Student": [f"l{n}" for n in range(rows)], "item_id": ["loops"] * rows, "occurred_at": at}
    pq.write_table(pa.table(columns), log, row_group_size=1_000, compression="none")
    whole = log.read_bytes()
    before = reading.counts(loop.engine)
    page = whole.index(b"l4999") // 2
    for damaged in (
        whole[:-30],
        whole[: len(whole) // 2],
        whole[:page] + b"\xff" * 200 + whole[page + 200 :],
    ):
        log.write_bytes(damaged)
        with pytest.raises(BadInput, match=r"log.parquet"):
            import_csv(loop, items=items, interactions=log, columns="learner_id=Student", source="parquet")
        assert reading.counts(loop.engine) == before
    log.write_bytes(whole)
    with pytest.raises(BadInput, match="lacks column 'learner_id'; it has Student, item_id, occurred_at"):
        import_csv(loop, items=items, interactions=log, source="parquet")
    report = import_csv(loop, items=items, interactions=log, columns="learner_id=Student", source="parquet")
    assert report["changes"]["interactions"]["inserted"] == rows


def test_relative_stamps_need_their_epoch(loop: Loop, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("user_id,item_id,timestamp,correct\n7,1,60,1\n7,2,3660.5,0\n")
    with pytest.raises(BadInput, match=r"timestamps such as \d+ do not count from 1970.*--epoch"):
        import_responses(loop, answers, source="relative")
    with pytest.raises(BadInput, match="--epoch 'monday' is no date"):
        import_responses(loop, answers, source="relative", epoch="monday")
    import_responses(loop, answers, source="relative", epoch="2012-09-01")
    assert times(loop, "relative") == ["2012-09-01 00:01", "2012-09-01 01:01"]


def test_films_stay_under_a_source_of_their_own(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,A Walk (1999),Drama|Comedy\n")
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n7,1,2.75,1260759144\n")
    import_movielens(loop, tmp_path)
    items = reading.items(loop.engine, source="movielens")
    assert items[["item_id", "kind", "subject"]].to_numpy().tolist() == [
        ["movielens:1", "video", "Drama, Comedy"]
    ]
    events = reading.interactions(loop.engine).query("source == 'movielens'")
    assert events[["verb", "score"]].to_numpy().tolist() == [["rated", 0.5]]
