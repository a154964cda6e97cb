"""The record of imports: begun, finished, broken off; which files they read and which rows they refused."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from store_frames import cleaned

from learnloop.errors import UnknownThing
from learnloop.store import imports, loading

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


def begin(engine: sa.Engine, source: str, *sums: str, at: datetime = BEGAN) -> str:
    return imports.begin(engine, source, [{"name": "a.csv", "sha256": sha256} for sha256 in sums], at)


def refused(line: int, reason: str = "no time") -> dict[str, object]:
    return {"file": "a.csv", "line": line, "reason": reason, "record": f"row {line}"}


def test_an_import_is_on_record_before_it_is_finished(engine: sa.Engine) -> None:
    import_id = begin(engine, "recorded", "aa")
    (row,) = [row for row in imports.past(engine, 10) if row["source"] == "recorded"]
    assert (row["import_id"], row["finished_at"], row["report"]) == (import_id, None, {})
    imports.finish(engine, import_id, {"rows": {"read": 3}}, BEGAN + timedelta(minutes=5))
    (row,) = [row for row in imports.past(engine, 10) if row["source"] == "recorded"]
    assert row["finished_at"] - row["started_at"] == timedelta(minutes=5)
    assert row["files"] == [{"name": "a.csv", "sha256": "aa"}]
    assert row["report"] == {"rows": {"read": 3}}


def test_what_a_report_says_of_garbage_can_be_kept(engine: sa.Engine) -> None:
    import_id = begin(engine, "garbage", "aa", at=BEGAN + timedelta(days=9))
    report = {"stopped": "a\0b \\u0000 \ud800", "at": BEGAN, "n": (1, 2.5, None, True)}
    imports.finish(engine, import_id, report, None)
    kept = imports.past(engine, 1)[0]["report"]
    assert kept == {"stopped": "a\ufffdb \\u0000 ?", "at": str(BEGAN), "n": [1, 2.5, None, True]}


def test_files_count_as_seen_only_after_a_finished_import_of_the_source(engine: sa.Engine) -> None:
    import_id = begin(engine, "seen", "s1", "s2")
    assert imports.seen_before(engine, "seen", {"s1", "s2"}) == set()
    imports.finish(engine, import_id, {}, BEGAN)
    begin(engine, "seen", "s3")
    assert imports.seen_before(engine, "seen", {"s1", "s3"}) == {"s1"}
    assert imports.seen_before(engine, "other", {"s1"}) == set()
    assert imports.seen_before(engine, "seen", set()) == set()


def test_the_newest_imports_come_first(engine: sa.Engine) -> None:
    made = [begin(engine, "ordered", at=datetime(2030, 1, day, tzinfo=UTC)) for day in (1, 3, 2)]
    assert [row["import_id"] for row in imports.past(engine, 2)] == [made[1], made[2]]


def test_a_row_that_two_imports_refused_is_kept_once_and_known_by_both(engine: sa.Engine) -> None:
    first, second = begin(engine, "twice"), begin(engine, "twice")
    loading.load_cleaned(engine, cleaned({}, [refused(2), refused(3)]), "twice", first)
    again = loading.load_cleaned(engine, cleaned({}, [refused(3), refused(4)]), "twice", second)
    loading.load_cleaned(engine, cleaned({}, [refused(4)]), "twice", second)
    assert (again["rejected_rows"].inserted, again["rejected_rows"].unchanged) == (1, 1)
    lines = {
        name: [row["line"] for row in imports.rejected(engine, import_id=key)[1]]
        for name, key in (("first", first), ("second", second))
    }
    assert lines == {"first": [2, 3], "second": [3, 4]}
    total, shown = imports.rejected(engine, "twice", limit=2)
    assert (total, [row["line"] for row in shown]) == (3, [2, 3])
    assert imports.rejected(engine, "nobody") == (0, [])
    with pytest.raises(UnknownThing, match="no import 'nope'"):
        imports.rejected(engine, import_id="nope")
