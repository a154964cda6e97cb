"""A school's own tables, from CSV and from Parquet."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learnloop.collect import inputs, tables
from learnloop.errors import BadInput


def test_parquet_gives_the_text_that_csv_gives(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "learner_id,item_id,occurred_at,correct,score\n7,a,2025-01-01T08:00:00.000000Z,true,0.5\n8,b,,,\n"
    )
    frame = pd.DataFrame(
        {
            "learner_id": [7, 8],
            "item_id": pd.Categorical(["a", "b"]),
            "occurred_at": pd.to_datetime(["2025-01-01T10:00:00+02:00", None], utc=True).tz_convert(
                "Europe/Madrid"
            ),
            "correct": pd.array([True, None], dtype="boolean"),
            "score": [0.5, None],
        }
    )
    frame.to_parquet(tmp_path / "e.parquet")
    chunks = [list(tables.read(None, tmp_path / name)) for name in ("e.csv", "e.parquet")]
    pd.testing.assert_frame_equal(chunks[0][0].frame, chunks[1][0].frame)


def test_parquet_comes_in_chunks_with_lines_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "i.parquet"
    concepts = [["x", "y"], [], None, ["z"], ["z"]]
    pq.write_table(pa.table({"item_id": list("abcde"), "title": list("ABCDE"), "concepts": concepts}), path)
    chunks = list(tables.read(path, None, chunk_rows=2))
    assert [chunk.frame["line"].tolist() for chunk in chunks] == [[2, 3], [4, 5], [6]]
    assert [chunk.last for chunk in chunks] == [False, False, True]
    assert chunks[-1].consumed == path.stat().st_size == tables.size(path, None)
    assert pd.concat([chunk.frame for chunk in chunks])["concepts"].tolist() == ["x~y", "", "", "z", "z"]


def test_a_nul_in_parquet_damages_its_row_alone(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item_id": ["a", "b"], "title": ["A", "B\0"]}), tmp_path / "i.parquet")
    frame = next(tables.read(tmp_path / "i.parquet", None)).frame
    assert frame["damage"].fillna("").tolist() == ["", "NUL byte"]


def test_an_empty_parquet_table_gives_one_empty_chunk(tmp_path: Path) -> None:
    table = pa.table({"item_id": pa.array([], pa.string()), "title": pa.array([], pa.string())})
    pq.write_table(table, tmp_path / "i.parquet")
    chunks = list(tables.read(tmp_path / "i.parquet", None))
    assert [(len(chunk.frame), chunk.last) for chunk in chunks] == [(0, True)]


def test_what_is_no_parquet_or_lacks_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "i.parquet").write_text("item_id,title\n")
    with pytest.raises(BadInput, match="no Parquet file"):
        next(tables.read(tmp_path / "i.parquet", None))
    pq.write_table(pa.table({"item_id": ["a"]}), tmp_path / "j.parquet")
    with pytest.raises(BadInput, match="lacks column 'title'") as refusal:
        next(tables.read(tmp_path / "j.parquet", None))
    assert refusal.value.field == "title"


def test_a_column_that_is_no_text_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item_id": ["a"], "title": [{"en": "A"}]}), tmp_path / "i.parquet")
    with pytest.raises(BadInput, match="'title' of type struct"):
        next(tables.read(tmp_path / "i.parquet", None))


def test_no_file_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file to import"):
        next(tables.read(None, None))
    with pytest.raises(BadInput, match=r"nowhere\.csv"):
        next(tables.read(tmp_path / "nowhere.csv", None))


def test_a_parquet_bomb_is_refused_by_what_its_footer_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "UNPACKED_FREE", 1 << 20)
    path = tmp_path / "log.parquet"
    columns = {"learner_id": ["l" * 1000] * 8000, "item_id": ["i"] * 8000}
    pq.write_table(pa.table(columns), path, use_dictionary=False, compression="zstd")
    with pytest.raises(BadInput, match=r"log.parquet unpacks to \d+ MiB, over 200 times its size"):
        tables.inspect(None, path)
    monkeypatch.undo()
    (found,) = tables.inspect(None, path)
    assert (found.packed_bytes, found.lines) == (path.stat().st_size, 0)
