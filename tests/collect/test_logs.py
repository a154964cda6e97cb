"""Logs of any make become learner_id, item_id, at; what is wrong with one is named with its line."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from learnloop.collect.logs import read_items, read_log, read_predictions
from learnloop.errors import BadInput, NothingToDo

TIMES = {
    "iso": ["2026-03-01T10:00:00Z", "2026-03-01T10:00:30Z"],
    "iso, no zone": ["2026-03-01T10:00:00", "2026-03-01 10:00:30"],
    "iso, another zone": ["2026-03-01T11:00:00+01:00", "2026-03-01T10:00:30Z"],
    "some with a zone": ["2026-03-01T10:00:00", "2026-03-01T11:00:30+01:00"],
    "seconds": ["1772359200", "1772359230"],
    "milliseconds": ["1772359200000", "1772359230000"],
    "with parts": ["1772359200.0", "1772359230.0"],
}


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_times_of_every_form_are_the_same_moments(tmp_path: Path, times: list[str]) -> None:
    log = read_log(write(tmp_path, f"learner_id,item_id,occurred_at\na,x,{times[0]}\nb,y,{times[1]}\n"))
    assert log.frame["at"].tolist() == [1772359200.0, 1772359230.0]
    assert log.times


@pytest.mark.parametrize(
    "times", [(1772359200, 1772359230, 1772359260000), (1772359200000,) * 2 + (1772359260,)]
)
def test_seconds_and_milliseconds_in_one_file_are_no_order_of_time(
    tmp_path: Path, times: tuple[int, ...]
) -> None:
    rows = "".join(f"a,x{place},{time}\n" for place, time in enumerate(times))
    with pytest.raises(BadInput, match=f"line 4: column 'occurred_at' has no time .*'{times[2]}'"):
        read_log(write(tmp_path, "learner_id,item_id,occurred_at\n" + rows))


def test_identifiers_stay_text_and_rows_stay_in_order(tmp_path: Path) -> None:
    log = read_log(
        write(tmp_path, 'item_id;learner_id;more\n1.50;007;q\n"a;\nb";7;q\n1.50;007;q\n', "log.tsv")
    )
    assert log.frame.to_dict("list") == {
        "learner_id": ["007", "7", "007"],
        "item_id": ["1.50", "a;\nb", "1.50"],
        "at": [0.0, 1.0, 2.0],
    }
    assert (log.rows, log.times, log.refused) == (3, False, {})


def test_packed_text_and_parquet_read_as_the_plain_file(tmp_path: Path) -> None:
    plain = write(tmp_path, "learner_id,item_id,occurred_at\n7,x,1772359200\n8,y,1772359230\n")
    packed = tmp_path / "log.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    parquet = tmp_path / "log.parquet"
    moments = pd.to_datetime([1772359200, 1772359230], unit="s", utc=True)
    pd.DataFrame({"learner_id": [7, 8], "item_id": ["x", "y"], "occurred_at": moments}).to_parquet(parquet)
    for other in (packed, parquet):
        pd.testing.assert_frame_equal(read_log(other).frame, read_log(plain).frame)


def test_whole_numbers_that_a_gap_made_floats_are_those_of_the_csv(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "log.parquet"
    gap = {"learner_id": [7.0, float("nan"), None, 9.0], "item_id": [1e19, 2.0, 3.0, 4.0]}
    pq.write_table(pa.table(gap), path)
    log = read_log(path)
    assert log.frame["learner_id"].tolist() == ["7", "9"]
    assert log.frame["item_id"].tolist() == ["1e+19", "4"]  # no float of that size is one whole number
    assert log.refused == {"no learner_id": 2}


def test_a_column_of_lists_is_no_column_of_identifiers(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pd.DataFrame({"learner_id": [["a"], ["b"]], "item_id": ["x", "y"]}).to_parquet(path)
    with pytest.raises(BadInput, match=r"holds list<.*not text"):
        read_log(path)


def test_a_least_value_needs_values(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no column 'value' to be at least 3.*--map value=COLUMN"):
        read_log(write(tmp_path, "learner_id,item_id,rating\na,x,4\n"), min_value=3)


def test_what_says_nothing_is_counted_and_left_out(tmp_path: Path) -> None:
    text = "learner_id,item_id,value\na,x,1\n,x,1\na,,1\nnan,x,1\na,y,0\na,z,-2\na,w,\nb,x,3\n"
    path = write(tmp_path, text)
    log = read_log(path)
    assert log.frame[["learner_id", "item_id"]].to_numpy().tolist() == [["a", "x"], ["b", "x"]]
    assert log.refused == {"no learner_id": 2, "no item_id": 1, "no value": 1, "value at or below 0": 2}
    assert log.rows == 8
    assert read_log(path, min_value=2).frame["learner_id"].tolist() == ["b"]
    assert read_log(path, min_value=-5).refused == {"no learner_id": 2, "no item_id": 1, "no value": 1}
    with pytest.raises(NothingToDo, match="4 value below 9"):
        read_log(path, min_value=9)


def test_other_columns_are_kept_when_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id,gender,age\na,x,f,\n")
    assert read_log(path, "learner_id=user_id").frame.columns.tolist() == ["learner_id", "item_id", "at"]
    assert read_log(path, "learner_id=user_id", keep=["gender"]).frame["gender"].tolist() == ["f"]
    everything = read_log(path, "learner_id=user_id", keep=None).frame
    assert everything.columns.tolist() == ["learner_id", "item_id", "at", "gender", "age"]
    assert everything["age"].isna().all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("user_id,item_id\na,x\n", "lacks column 'learner_id'.*Try: --map learner_id=user_id"),
        ("learner_id,movieId\na,x\n", "lacks column 'item_id'.*Try: --map item_id=movieId"),
        ("", "log.csv is empty"),
        ("learner_id,item_id\n", "no row that says something: it has none"),
        ("learner_id,item_id,occurred_at\na,x,1\na,x,2\na,x,soon\n", "line 4: column 'occurred_at'.*'soon'"),
        ("learner_id,item_id,occurred_at\na,x,2026-03-01\na,x,1\n", "line 3: column 'occurred_at'.*'1'"),
        ("learner_id,item_id,occurred_at\na,x,\n", "line 2: column 'occurred_at' is empty"),
        ("learner_id,item_id,value\na,x,1\nb,x,good\n", "line 3: column 'value' holds no number: 'good'"),
        ("learner_id,item_id\na,x\nb,y,z\n", "line 3 has 3 fields, not 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises((BadInput, NothingToDo), match=words):
        read_log(write(tmp_path, text))


def test_a_file_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("learner_id,item_id\na,x\nb,año\n".encode("latin1"))
    with pytest.raises(BadInput, match=r"log.csv line 3 is not UTF-8 text.*iconv"):
        read_log(path)


def test_items_are_text_and_the_first_of_two_counts(tmp_path: Path) -> None:
    found = read_items(write(tmp_path, "item_id,language,pages\n01,en,5\n02,,7\n01,es,6\n"))
    assert found["item_id"].tolist() == ["01", "02"]
    assert found["language"].fillna("-").tolist() == ["en", "-"]
    assert found["pages"].tolist() == ["5", "7"]


@pytest.mark.parametrize(
    "rows",
    [
        "learner_id,item_id,rank\na,y,2\nb,x,1\na,x,1\n",
        "learner_id,item_id,score\na,y,.1\nb,x,0\na,x,.5\n",
        "learner_id,item_id\na,x\nb,x\na,y\n",
    ],
)
def test_predictions_come_best_first(tmp_path: Path, rows: str) -> None:
    found = read_predictions(write(tmp_path, rows))
    assert found.to_numpy().tolist() == [["a", "x"], ["a", "y"], ["b", "x"]]


@pytest.mark.parametrize(
    ("header", "advice"), [("Name", '"items.item_id=Name"'), ("movieId", "items.item_id=movieId")]
)
def test_items_without_ids_are_mapped_as_items(tmp_path: Path, header: str, advice: str) -> None:
    with pytest.raises(BadInput, match=f"lacks column 'item_id'.*--map {advice}"):
        read_items(write(tmp_path, f"{header}\na\n"))


def test_predictions_of_no_rank_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 3: column 'rank' is empty"):
        read_predictions(write(tmp_path, "learner_id,item_id,rank\na,x,1\na,y,\n"))
    with pytest.raises(BadInput, match="1 rows lack"):
        read_predictions(write(tmp_path, "learner_id,item_id\na,x\na,\n"))
