"""Interactions: each event once, its digest the same wherever it is computed, its month made in time."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from store_frames import events as some_events
from store_frames import rows

from learnloop import schemas
from learnloop.errors import BadInput
from learnloop.store import binary, digests, events, loading, months, reading
from learnloop.store.loading import Loaded

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
said = st.fixed_dictionaries(
    {
        "learner_id": texts,
        "item_id": texts.map(lambda text: f"demo:k{text.splitlines()[0] if text.strip() else ''}"),
        "correct": st.none() | st.booleans(),
        "score": st.none() | st.sampled_from([0.0, -0.0, 1.0]) | st.floats(0, 1),
        "duration_s": st.none() | st.floats(0, 1e9),
        "occurred_at": st.datetimes(datetime(1971, 1, 1), datetime(2150, 1, 1)).map(
            lambda moment: pd.Timestamp(moment, tz="UTC")
        ),
    }
)


@pytest.fixture(autouse=True)
def _empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE interactions, event_keys")


@settings(max_examples=40, deadline=None)
@given(change=said, event_id=texts.filter(bool))
def test_one_digest_by_struct_by_arrow_and_by_duckdb(change: dict[str, Any], event_id: str) -> None:
    frame = schemas.check(
        rows("interactions", {**change, "event_id": event_id}), schemas.INTERACTIONS, "test"
    )
    event = {name: None if pd.isna(value) else value for name, value in frame.astype(object).iloc[0].items()}
    made = binary.block(frame)
    with mock.patch.object(digests, "MANY", 0):
        by_duckdb = binary.block(frame)
    for block in (made, by_duckdb):
        assert block.keys.tobytes() == digests.event_key(event_id).bytes
        assert int.from_bytes(block.contents.tobytes(), "big", signed=True) == digests.content(event)


def test_a_known_digest() -> None:
    assert digests.event_key("hello") == uuid.UUID("5d41402a-bc4b-2a76-b971-9d911017c592")


def test_keys_sort_as_postgresql_sorts_uuids(engine: sa.Engine) -> None:
    keys = np.random.default_rng(0).integers(0, 256, (500, 16)).astype(np.uint8)
    keys[100:200, :8] = keys[100, :8]  # equal in their first half
    ours = [uuid.UUID(bytes=keys[place].tobytes()) for place in binary.by_key(keys)]
    with engine.connect() as connection:
        query = "SELECT array_agg(key ORDER BY key) FROM unnest(%s::uuid[]) AS key"
        assert connection.exec_driver_sql(query, (ours[::-1],)).scalar() == ours


def test_new_known_and_contradicting_events_are_told_apart(engine: sa.Engine) -> None:
    frame = some_events(0, 1_000)
    assert loading.load(engine, "interactions", frame.iloc[:600]) == Loaded(inserted=600)
    again = frame.copy()
    again.loc[again.index[:7], "verb"] = "completed"
    expected = Loaded(inserted=400, unchanged=593, conflict=7)
    assert loading.load(engine, "interactions", again) == expected
    kept = reading.interactions(engine)
    pd.testing.assert_frame_equal(kept, frame[list(kept.columns)])


def test_a_repeat_that_no_probe_finds_is_found_all_the_same(engine: sa.Engine) -> None:
    frame = some_events(0, 2_000)
    loading.load(engine, "interactions", frame.iloc[3:4])
    with mock.patch.object(events, "PROBES", 2):
        assert loading.load(engine, "interactions", frame) == Loaded(inserted=1_999, unchanged=1)


def test_many_keys_get_their_index_anew(engine: sa.Engine) -> None:
    frame = some_events(0, 3_000)
    with mock.patch.object(events, "INDEX_ANEW", 1_000), mock.patch.object(events, "BLOCK_ROWS", 700):
        assert loading.load(engine, "interactions", frame.iloc[:1_500]) == Loaded(inserted=1_500)
        assert loading.load(engine, "interactions", frame) == Loaded(inserted=1_500, unchanged=1_500)
        with mock.patch.object(events, "PROBES", 2):
            late = some_events(2_998, 1_200).iloc[[2, 0, *range(3, 1_200)]]  # its second is known
            assert loading.load(engine, "interactions", late) == Loaded(inserted=1_198, unchanged=1)
    with engine.connect() as connection:
        primary = "SELECT count(*) FROM pg_constraint WHERE conname = 'event_keys_pkey'"
        assert connection.exec_driver_sql(primary).scalar() == 1


def test_an_event_twice_in_one_frame_is_refused(engine: sa.Engine) -> None:
    frame = pd.concat([some_events(0, 100), some_events(0, 1)], ignore_index=True)
    for size in (1_000, 30):  # in one block, as the contract sees it; and far apart
        with mock.patch.object(events, "BLOCK_ROWS", size), pytest.raises(BadInput) as caught:
            loading.load(engine, "interactions", frame)
        assert "event_id" in str(caught.value)
    assert reading.counts(engine)["event_keys"] == reading.counts(engine)["interactions"] == 0


def test_a_bad_row_in_a_late_block_takes_all_with_it(engine: sa.Engine) -> None:
    frame = some_events(0, 100)
    frame.loc[99, "item_id"] = "no identifier"
    with mock.patch.object(events, "BLOCK_ROWS", 30), pytest.raises(BadInput) as caught:
        loading.load(engine, "interactions", frame)
    assert caught.value.field == "item_id"
    assert reading.counts(engine)["interactions"] == 0


def test_months_are_made_once_by_whoever_comes_first(engine: sa.Engine) -> None:
    wanted = [(1999, 12), (2031, 1), (2031, 2), (2031, 12)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: months.ensure(engine, wanted), range(8)))
    assert sum(made) == 3, "1999 lies in the part that is there from the beginning"
    with engine.connect() as connection:
        found = sa.inspect(connection).get_indexes("interactions_203112")
    assert [index["column_names"] for index in found] == [["learner_id"]]


def test_an_event_lies_in_the_month_of_its_time_in_utc(engine: sa.Engine) -> None:
    times = {
        "1969-07-20T20:17:40Z": "interactions_before_2000",
        "1999-12-31T23:59:59.999999Z": "interactions_before_2000",
        "2000-01-01T00:00:00Z": "interactions_200001",
        "2024-02-29T23:30:00-01:00": "interactions_202403",
        "2199-12-31T23:59:59Z": "interactions_219912",
    }
    made = [{"event_id": time, "occurred_at": pd.Timestamp(time)} for time in times]
    for row in made:
        loading.load(engine, "interactions", rows("interactions", row))
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT event_id, tableoid::regclass::text FROM interactions")
        assert dict(found.all()) == times
    with pytest.raises(BadInput, match="an event of 2200-01"):
        loading.load(
            engine,
            "interactions",
            rows("interactions", {"occurred_at": pd.Timestamp("2200-01-01", tz="UTC")}),
        )


def test_a_time_range_reads_its_months_alone(engine: sa.Engine) -> None:
    since, until = datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 4, 2, tzinfo=UTC)
    moments = pd.date_range("2024-01-15", periods=8, freq="MS", tz="UTC")
    loading.load(
        engine,
        "interactions",
        rows("interactions", *({"event_id": str(at), "occurred_at": at} for at in moments)),
    )
    query = reading.interactions_query(since, until)
    with engine.connect() as connection:
        text = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.scalars(sa.text(f"EXPLAIN {text}".replace(":", "\\:"))))
    assert "interactions_202403" in plan
    assert "interactions_202404" in plan
    assert "interactions_202402" not in plan
    assert "interactions_202405" not in plan
