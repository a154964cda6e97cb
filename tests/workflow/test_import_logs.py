"""Logs through the real store: a dry run writes nothing, a second import changes nothing, days add up."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput
from learnloop.settings import Settings
from learnloop.store import reading
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv, import_openedx, import_xapi

COURSE = "course-v1:X+Y+2024"


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    yield loop
    loop.close()


def statement(number: int, verb: str = "answered", **more: Any) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "actor": {"mbox": f"mailto:learner{number % 3}@school.example"},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
        "object": {"id": f"https://lms.example/q/{number % 4}", "definition": {"name": {"en": "Sums"}}},
        "result": {"success": number % 2 == 0},
        "timestamp": f"2024-03-01T10:{number:02}:00Z",
        **more,
    }


def move(kind: str, number: int, day: int) -> dict[str, Any]:
    return {
        "event_type": f"edx.course.enrollment.{kind}",
        "event_source": "server",
        "time": f"2024-03-{day:02}T10:00:00+00:00",
        "context": {"user_id": 1, "course_id": COURSE},
        "event": {"user_id": number, "course_id": COURSE},
    }


def changed(report: dict[str, Any]) -> dict[str, int]:
    return {table: n["inserted"] + n["updated"] for table, n in report["changes"].items()}


def count(loop: Loop, table: str, source: str) -> int:
    with loop.engine.connect() as connection:
        found = connection.scalar(
            sa.text(f"SELECT count(*) FROM {table} WHERE source = :source"),  # noqa: S608 - our own names
            {"source": source},
        )
    return int(found or 0)


def test_statements_are_loaded_once_and_only_when_meant(loop: Loop, tmp_path: Path) -> None:
    voiding = statement(21, "voided", object={"objectType": "StatementRef", "id": statement(1)["id"]})
    records = [*(statement(n) for n in range(20)), {**statement(20), "actor": {}}, voiding]
    path = tmp_path / "statements.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"statements": records, "more": ""}).encode()))
    tried = import_xapi(loop, path, "lms", dry_run=True)
    assert count(loop, "interactions", "lms") == count(loop, "items", "lms") == 0
    first = import_xapi(loop, path, "lms")
    assert first["rows"] == tried["rows"]
    assert first["rows"]["statements"]["rejected"] == {
        "voided by another statement": 1,
        "invalid xAPI: actor: no inverse functional identifier": 1,
        "voids another statement": 1,
    }
    assert changed(first) == {"items": 4, "learners": 3, "interactions": 19, "rejected_rows": 3}
    second = import_xapi(loop, path, "lms")
    assert set(changed(second).values()) == {0}
    kept = reading.rejected_rows(loop.engine, "lms")
    assert sorted(kept["reason"]) == sorted(first["rows"]["statements"]["rejected"])
    assert not kept["record"].str.contains("school.example").any()


def test_what_an_earlier_import_stored_stays_and_is_counted_when_voided(loop: Loop, tmp_path: Path) -> None:
    first, second = tmp_path / "day1.jsonl", tmp_path / "day2.jsonl"
    first.write_text(json.dumps(statement(1)) + "\n")
    voiding = statement(21, "voided", object={"objectType": "StatementRef", "id": statement(1)["id"]})
    second.write_text(json.dumps(statement(2)) + "\n" + json.dumps(voiding) + "\n")
    assert "voided_but_stored" not in import_xapi(loop, first, "days")
    assert import_xapi(loop, second, "days")["voided_but_stored"] == 1
    assert import_xapi(loop, tmp_path, "together")["voided_but_stored"] == 0
    assert (count(loop, "interactions", "days"), count(loop, "interactions", "together")) == (2, 1)


def test_a_statement_is_the_same_in_every_form_of_file(loop: Loop, tmp_path: Path) -> None:
    records = [statement(n) for n in range(6)]
    lines, array = tmp_path / "s.jsonl", tmp_path / "s.json"
    lines.write_text("".join(json.dumps(record) + "\n" for record in records))
    array.write_text(json.dumps(records, indent=1))
    import_xapi(loop, lines, "forms")
    assert set(changed(import_xapi(loop, array, "forms")).values()) == {0}


def test_a_cut_file_loads_nothing(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text(json.dumps([statement(n) for n in range(5)])[:-30])
    with pytest.raises(BadInput, match="cut"):
        import_xapi(loop, path, "cut")
    assert count(loop, "interactions", "cut") == 0


def test_statements_of_which_none_can_be_kept_are_no_success(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps({**statement(1), "actor": {}}) + "\n")
    with pytest.raises(BadInput, match="none of the 1 statements could be kept"):
        import_xapi(loop, path, "none")


def test_the_logs_of_two_days_add_up_in_either_order_of_imports(loop: Loop, tmp_path: Path) -> None:
    days = {
        "tracking.log-1": [move("activated", 7, 1), move("activated", 8, 1)],
        "tracking.log-2": [move("deactivated", 7, 2)],
    }
    for name, records in days.items():
        (tmp_path / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    told = []
    for source, order in (("forth", sorted(days)), ("back", sorted(days, reverse=True))):
        for name in [*order, *order]:
            last = import_openedx(loop, tmp_path / name, source)
        assert set(changed(last).values()) == {0}
        known = reading.enrolments(loop.engine)
        known = known[known["item_id"] == f"{source}:{COURSE}"]
        told.append(
            sorted(zip(known["registered_at"].astype("str"), known["unregistered_at"].isna(), strict=True))
        )
    assert told[0] == told[1] == [("2024-03-01 10:00:00+00:00", False), ("2024-03-01 10:00:00+00:00", True)]
    assert count(loop, "interactions", "forth") == count(loop, "interactions", "back") == 2


def test_when_an_item_was_made_is_known_to_later_imports(loop: Loop, tmp_path: Path) -> None:
    items, answers = tmp_path / "items.csv", tmp_path / "answers.csv"
    items.write_text("item_id,title,parent_id,created_at\npy,Python,,2025-03-01\nloops,Loops,py,\n")
    answers.write_text(
        "learner_id,item_id,occurred_at\nana,loops,2025-02-01T10:00:00Z\nana,loops,2025-03-01T10:00:00Z\n"
    )
    assert reading.item_origins(loop.engine).empty
    import_csv(loop, items=items, interactions=None, source="made")
    origins = reading.item_origins(loop.engine).set_index("item_id")
    assert origins.loc["made:py", "attributes"] == {"created_at": "2025-03-01T00:00:00+00:00"}
    assert origins.loc["made:loops", ["parent_id", "attributes"]].tolist() == ["made:py", {}]
    report = import_csv(loop, items=None, interactions=answers, source="made")
    assert report["rows"]["interactions"]["rejected"] == {"time before the item came to be": 1}
    assert report["rows"]["interactions"]["kept"] == 1
