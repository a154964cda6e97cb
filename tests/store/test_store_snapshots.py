"""Snapshots: the same data gives the same bytes, and a changed file is refused."""

from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from pyarrow import parquet
from store_frames import events

from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.store import copying, loading, reading, snapshots, tables

ROWS = 3_000


@pytest.fixture(autouse=True)
def _filled(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE interactions, event_keys, snapshots")
    loading.load(engine, "interactions", events(0, ROWS))


def test_a_snapshot_is_the_interactions(engine: sa.Engine, tmp_path: Path) -> None:
    snapshot = snapshots.export(engine, tmp_path / "new" / "folder")
    pd.testing.assert_frame_equal(
        snapshots.read(snapshot.path, snapshot.sha256), reading.interactions(engine), check_exact=True
    )
    assert (snapshot.rows, snapshot.first_at) == (ROWS, pd.Timestamp("2024-01-01", tz="UTC"))
    assert snapshot.last_at == pd.Timestamp("2024-01-01T00:49:59", tz="UTC")
    with engine.connect() as connection:
        kept = connection.execute(sa.select(tables.snapshots)).one()
    assert tuple(kept)[:5] == (
        snapshot.sha256,
        str(snapshot.path),
        ROWS,
        snapshot.first_at,
        snapshot.last_at,
    )
    assert [path.name for path in snapshot.path.parent.iterdir()] == [snapshot.path.name]


def test_the_same_data_gives_the_same_bytes(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order it was loaded, and however the stream from the server was cut."""
    monkeypatch.setattr(snapshots, "ROW_GROUP", 701)
    first = snapshots.export(engine, tmp_path)
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE interactions, event_keys")
    for start in (2_000, 0, 1_000):
        loading.load(engine, "interactions", events(start, 1_000).iloc[::-1])
    monkeypatch.setattr(copying, "BLOCK_BYTES", 5_003)
    second = snapshots.export(engine, tmp_path)
    assert second == first
    assert parquet.ParquetFile(first.path).metadata.num_row_groups == 5
    assert reading.counts(engine)["snapshots"] == 1


def test_one_more_event_gives_another_snapshot(engine: sa.Engine, tmp_path: Path) -> None:
    first = snapshots.export(engine, tmp_path)
    loading.load(engine, "interactions", events(ROWS, 1))
    second = snapshots.export(engine, tmp_path)
    assert second.sha256 != first.sha256
    assert len(snapshots.read(first.path, first.sha256)) == ROWS, "a snapshot never changes"
    assert reading.counts(engine)["snapshots"] == 2


def test_what_arrives_while_a_snapshot_is_written_is_in_the_next_one(engine: sa.Engine) -> None:
    """It is read month by month; an event of a month to come must not be in it beside an older one that is
    missing."""

    def later(number: int) -> pd.DataFrame:
        made = events(ROWS + number, 1)
        return made.assign(occurred_at=made["occurred_at"] + pd.Timedelta(days=60))

    loading.load(engine, "interactions", later(0))
    with engine.connect() as connection:
        reading_on = snapshots._month_by_month(connection)
        rows = len(next(reading_on))
        assert loading.load(engine, "interactions", later(1)).inserted == 1
        rows += sum(map(len, reading_on))
    assert rows == ROWS + 1


def test_a_changed_byte_is_noticed(engine: sa.Engine, tmp_path: Path) -> None:
    snapshot = snapshots.export(engine, tmp_path)
    content = bytearray(snapshot.path.read_bytes())
    content[len(content) // 2] ^= 1
    snapshot.path.write_bytes(content)
    with pytest.raises(BadInput, match="its hash differs"):
        snapshots.read(snapshot.path, snapshot.sha256)


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownThing):
        snapshots.read(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("not Parquet")
    with pytest.raises(BadInput, match="is not a snapshot"):
        snapshots.read(tmp_path / "text.parquet")


def test_no_interactions_no_snapshot(engine: sa.Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE interactions, event_keys")
    with pytest.raises(NothingToDo):
        snapshots.export(engine, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_over_many_months_is_in_one_order(engine: sa.Engine, tmp_path: Path) -> None:
    """Read a month at a time, written as if read at once."""
    frame = events(0, 900)
    days = pd.to_timedelta([number * 31 % 900 for number in range(900)], unit="D")
    frame["occurred_at"] = pd.Timestamp("1999-06-01", tz="UTC") + days
    frame["event_id"] = "far:" + frame["event_id"]
    loading.load(engine, "interactions", frame)
    snapshot = snapshots.export(engine, tmp_path)
    assert snapshot.rows == ROWS + 900
    pd.testing.assert_frame_equal(snapshots.read(snapshot.path), reading.interactions(engine))
