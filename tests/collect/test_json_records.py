"""Records out of JSON in any form: the same records, their places, and what is said of a broken file."""

import gzip
import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from learnloop.collect import json_records
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

RECORDS: list[dict[str, Any]] = [
    {"n": n, "text": ["],[{", 'a "quoted" é\n'], "deep": {"half": 0.5, "none": None}} for n in range(5)
]


def forms(records: list[Any]) -> dict[str, str]:
    return {
        "lines": "".join(json.dumps(record) + "\n" for record in records),
        "one array": json.dumps(records, ensure_ascii=False),
        "an array on many lines": json.dumps(records, indent=1),
        "an answer": json.dumps({"statements": records, "more": "/xapi/statements?from=7"}),
        "an answer, more first": json.dumps({"more": "", "statements": records}, indent=2) + "\n",
        "objects on many lines": "\n".join(json.dumps(record, indent=2) for record in records),
    }


def written(folder: Path, text: str | bytes, packed: bool = False, name: str = "log.json") -> Path:
    data = text.encode() if isinstance(text, str) else text
    path = folder / name
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def chunks(path: Path, chunk_rows: int = 2) -> list[RawChunk]:
    json_records.inspect(path)
    return list(json_records.read(path, "s", "records", chunk_rows))


def rows(path: Path, chunk_rows: int = 2) -> list[dict[str, Any]]:
    return [row for chunk in chunks(path, chunk_rows) for row in chunk.frame.to_dict("records")]


@pytest.fixture(autouse=True, params=[7, 1 << 20], ids=["small window", "window"])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window smaller than a record: then every record is read on for."""
    monkeypatch.setattr(json_records, "WINDOW", request.param)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("form", list(forms([])))
def test_every_form_gives_the_same_records(form: str, packed: bool, tmp_path: Path) -> None:
    path = written(tmp_path, forms(RECORDS)[form], packed)
    assert [json.loads(row["record"]) for row in rows(path)] == RECORDS
    made = chunks(path)
    assert [chunk.last for chunk in made] == [False, False, True]
    assert made[-1].consumed == json_records.size(path) == path.stat().st_size
    assert {str(chunk.frame[name].dtype) for chunk in made for name in ("record", "raw", "number")} == {"str"}


def test_a_record_keeps_its_line_and_its_number_in_the_array(tmp_path: Path) -> None:
    def places(form: str) -> list[tuple[int, str]]:
        path = written(tmp_path, forms([{"a": 1}, {"a": 2}])[form])
        return [(row["line"], row["number"]) for row in rows(path)]

    assert places("lines") == [(1, ""), (2, "")]
    assert places("one array") == [(1, "1"), (1, "2")]
    assert places("an array on many lines") == [(2, "1"), (5, "2")]
    assert places("objects on many lines") == [(1, ""), (4, "")]


def test_one_record_alone_and_an_array_of_none(tmp_path: Path) -> None:
    assert [row["record"] for row in rows(written(tmp_path, '{"a": 1}'))] == ['{"a": 1}']
    assert rows(written(tmp_path, '\ufeff {\n"a": 1}\n'))[0]["line"] == 1
    assert rows(written(tmp_path, "[]")) == []


def test_what_is_in_an_array_need_not_be_a_record(tmp_path: Path) -> None:
    assert [row["record"] for row in rows(written(tmp_path, "[12, 345, null, []]"))] == [
        "12",
        "345",
        "null",
        "[]",
    ]


def test_a_broken_line_costs_one_row(tmp_path: Path) -> None:
    good = b'{"a": 1}\n'
    path = written(tmp_path, good + b'{"a": \n' + b"\n" + b'{"a": "\xff"}\n' + b'{"a": "\0"}\n' + good)
    found = rows(path)
    assert [row["line"] for row in found] == [1, 2, 4, 5, 6]
    assert [row["damage"] for row in found if isinstance(row["damage"], str)] == ["not UTF-8", "NUL byte"]
    assert [row["raw"] for row in found if isinstance(row["raw"], str)] == ['{"a": "\\xff"}', '{"a": "\\0"}']
    assert found[1]["record"] == '{"a": '  # whether it is JSON is not a reader's to say


def test_a_first_line_that_is_broken_is_a_row_too(tmp_path: Path) -> None:
    path = written(tmp_path, '{"actor": {"mbox": "mai\n{"a": 1}\n')
    assert [row["line"] for row in rows(path)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n1,2\n", "line 1 is no JSON"),
        (json.dumps(RECORDS)[:-1], "is cut: it ends in the middle of its JSON, at line 1"),
        (json.dumps(RECORDS)[:-20], "is cut, or no JSON, from line 1 on"),
        (json.dumps(RECORDS, indent=1)[:-2], "is cut: it ends in the middle of its JSON, at line 56"),
        ('[{"a": 1},\n{"a" 2},\n{"a": 3}]', "from line 2 on: Expecting ':' delimiter"),
        ('[{"a": 1}\n{"a": 2}]', "line 2 on: a comma or a closing bracket is missing"),
        ('[{"a": 1},\n]', "line 2 on: Expecting value"),
        ('[{"a": 1}] , {"a": 2}', "line 1 on: Expecting value"),
        ('{"statements": [{"a": 1}], "less": 2}', "neither 'more' nor a closing brace"),
        ('{"a": 1}\n{"a": 2', "line 2 is cut in the middle"),
    ],
)
def test_what_damns_a_file_is_said_before_anything_is_read(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        json_records.inspect(written(tmp_path, text))
    assert says in refusal.value.problem
    assert refusal.value.problem.startswith("log.json")
    assert refusal.value.next_step


def test_a_document_in_another_encoding_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps([{"a": "é"}] * 3, ensure_ascii=False).encode("latin1"))
    with pytest.raises(BadInput, match="not UTF-8") as refusal:
        json_records.inspect(path)
    assert "iconv" in refusal.value.next_step
    with pytest.raises(BadInput, match="UTF-16"):
        json_records.inspect(written(tmp_path, json.dumps(RECORDS).encode("utf-16")))


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "".join(f'{{"a": {n}}}\n' for n in range(5_000)), packed=True)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInput, match="cut or damaged"):
        json_records.inspect(path)


def test_a_record_without_end_is_refused_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_records, "LONGEST_LINE", 4_096)
    for text in ('[{"a": "' + "x" * 50_000 + '"}]', '[\n{"a": "' + "x" * 50_000 + '"}]'):
        with pytest.raises(BadInput, match=r"line \d: a record is longer than"):
            json_records.inspect(written(tmp_path, text))
    path = written(tmp_path, '{"a": 1}\n{"a": "' + "x" * 50_000 + '"}\n')
    with pytest.raises(BadInput, match="line 2: a record is longer than"):
        list(json_records.read(path, "s", "records"))


def test_a_folder_is_read_file_by_file_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("day2.log", "day1.log.gz", "notes.txt"):
        written(tmp_path, f'{{"of": "{name}"}}\n', packed=name.endswith(".gz"), name=name)
    made = chunks(tmp_path)
    assert [chunk.file for chunk in made] == ["day1.log.gz", "day2.log"]
    assert all(chunk.last for chunk in made)
    assert made[-1].consumed == json_records.size(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no file"):
        json_records.files(tmp_path / "empty")
    with pytest.raises(BadInput, match="there is no file"):
        json_records.inspect(tmp_path / "gone.json")


def test_a_chunk_is_also_bounded_by_its_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "CHUNK_CHARACTERS", 100)
    path = written(tmp_path, "".join(json.dumps({"a": "x" * 60}) + "\n" for _ in range(6)))
    assert [len(chunk.frame) for chunk in json_records.read(path, "s", "records")] == [2, 2, 2]


def test_one_long_array_is_not_held_whole(tmp_path: Path) -> None:
    text = "[" + ",".join(json.dumps({"n": n, "text": "x" * 1_000}) for n in range(20_000)) + "]"
    path = written(tmp_path, zlib.compress(b""))  # a place for it
    path.write_text(text)
    size = len(text)
    del text
    tracemalloc.start()
    try:
        assert sum(1 for _ in json_records.document_records(path)) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(records=st.lists(st.dictionaries(st.text(max_size=5), _VALUES, max_size=3), min_size=1, max_size=6))
def test_any_records_come_back_from_any_form(
    records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    assume(records[0] and "statements" not in records[0] and "more" not in records[0])
    for text in forms(records).values():
        read = list(json_records.read(written(folder, text), "s", "records", 2))
        assert [json.loads(record) for chunk in read for record in chunk.frame["record"]] == records
