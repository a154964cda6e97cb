"""Every physical record is accounted for, with its line, whatever the bytes are."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from learnloop.collect.delimited import Layout, inspect_delimited, read_delimited
from learnloop.errors import BadInput

LINES = Layout(("a", "b"), multiline=False)
QUOTED = Layout(("a", "b"))
REUSED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)


def read(path: Path, layout: Layout = QUOTED, chunk_rows: int = 1000) -> pd.DataFrame:
    chunks = list(read_delimited(path, "csv", "t", layout, chunk_rows))
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].consumed == path.stat().st_size
    return pd.concat([chunk.frame for chunk in chunks], ignore_index=True)


def written(folder: Path, content: bytes | str) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@REUSED
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))] * 2),
        max_size=12,
    ),
    chunk_rows=st.integers(1, 5),
)
def test_what_a_csv_writer_wrote_comes_back(
    tmp_path: Path, rows: list[tuple[str, str]], chunk_rows: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    frame = read(written(tmp_path, text.getvalue()), chunk_rows=chunk_rows)
    assert list(zip(frame["a"], frame["b"], strict=True)) == rows
    assert frame["damage"].isna().all()


@REUSED
@given(
    body=st.lists(
        st.one_of(
            st.sampled_from([b"1,2", b'"1","2"', b'"1,2', b"1", b"1,2,3", b"1,\xff", b"\0,1", b"", b" "]),
            st.binary(max_size=8),
        ),
        max_size=12,
    ),
    chunk_rows=st.integers(1, 5),
)
def test_each_line_is_one_record_where_fields_hold_no_newline(
    tmp_path: Path, body: list[bytes], chunk_rows: int
) -> None:
    path = written(tmp_path, b"a,b\n" + b"\n".join(body))
    try:
        frame = read(path, LINES, chunk_rows)
    except BadInput as refusal:
        if "UTF-" not in str(refusal):
            raise
        assume(False)  # mostly noise: refused as a whole
    lines = path.read_bytes().splitlines()  # at \n, \r and \r\n, as the file's iterator
    texts = [line.decode("utf-8", "surrogateescape") for line in lines]
    assert list(frame["line"]) == [n for n, text in enumerate(texts, 1) if n > 1 and text.strip()]
    whole = frame[frame["damage"].isna()]
    for line, a, b in zip(whole["line"], whole["a"], whole["b"], strict=True):
        assert next(csv.reader([texts[line - 1]])) == [a, b]
    assert frame.loc[frame["damage"].notna(), "raw"].notna().all()


def test_lines_stay_right_over_quoted_newlines_and_blank_lines(tmp_path: Path) -> None:
    frame = read(written(tmp_path, 'a,b\n1,"x\ny\r\nz"\n\n2,plain\n'))
    assert list(frame["line"]) == [2, 6]
    assert frame["b"].iloc[0] == "x\ny\r\nz"


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    lines = ['"1","2"'] * 50
    lines[10] = '"1","cut in the mid'
    frame = read(written(tmp_path, "a,b\n" + "\n".join(lines)))
    damaged = frame[frame["damage"].notna()]
    assert list(damaged["line"]) == [12]
    assert damaged["raw"].tolist() == ['"1","cut in the mid']
    assert len(frame) == 50


def test_a_stray_quote_does_not_swallow_an_unquoted_file(tmp_path: Path) -> None:
    beyond_the_limit = f"1,{'x' * 1000}\n" * 1_200
    frame = read(written(tmp_path, 'a,b\n1,"2\n' + beyond_the_limit), LINES)
    assert len(frame) == 1_201
    assert list(frame.loc[frame["damage"].notna(), "line"]) == [2]


@pytest.mark.parametrize(
    ("row", "damage"),
    [
        (b"1", "too few fields"),
        (b"1,2,3", "too many fields"),
        (b"1,\0", "NUL byte"),
        (b"1,caf\xe9", "not UTF-8"),
        (b'1,"2', "quotes do not match"),
        (b'1,"2"x', "quotes do not match"),
    ],
)
def test_one_bad_row_is_damaged_with_its_reason(tmp_path: Path, row: bytes, damage: str) -> None:
    frame = read(written(tmp_path, b"a,b\n1,2\n" + row + b"\n3,4\n"))
    assert frame["damage"].fillna("").tolist() == ["", damage, ""]
    assert frame["line"].tolist() == [2, 3, 4]
    assert "\0" not in frame["raw"].iloc[1]
    frame["raw"].iloc[1].encode()  # can be stored


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "t.csv is empty"),
        (b"\n\n", "t.csv is empty"),
        (b"a,c\n1,2\n", "t.csv line 1 lacks column 'b'"),
        (b"a;b\n1;2\n", "commas"),
        (b"a,b,a\n1,2,3\n", "t.csv line 1 names column 'a' twice"),
        (b"a,b,line\n1,2,3\n", "'line'"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"a,\xe9\n1,2\n", "line 1 is not UTF-8"),
        (b"a,b\n" + b"1,caf\xe9\n" * 5, "line 2 and 4 more are not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        read(written(tmp_path, content))
    assert said in str(refusal.value)
    assert refusal.value.next_step


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n"))["a"].tolist() == ["1"]


def test_a_file_with_a_header_alone_gives_one_empty_last_chunk(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a,b\n")).empty


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.csv"):
        read(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        ("a,b\n1,2\n3,4", LINES),
        ("a,b\n1,2\n3,4,5", LINES),  # a row too long is a row's fault, not a cut
        ("a,b\n1,2\n  ", LINES),
        ("a,b", LINES),
        ('a,b\n1,"x\ny"', QUOTED),
        ('a,b\n1,"x\n,y,\nz"', QUOTED),
        ("a;b\n1;2\n3;4", Layout(("a", "b"), delimiter="")),
    ],
)
def test_a_last_line_that_is_whole_needs_no_newline(content: str, layout: Layout, tmp_path: Path) -> None:
    found = inspect_delimited(written(tmp_path, content), layout)
    assert found.lines == content.count("\n") + 1


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        ("a,b\n1,2\n3", LINES),
        ('a,b\n1,2\n3,"4', LINES),
        ('a,b\n1,"x\ny', QUOTED),
        ('a,b\n1,"x\ny"\n2', QUOTED),
        ("a;b\n1;2\n3", Layout(("a", "b"), delimiter="")),
    ],
)
def test_a_last_line_that_is_cut_damns_the_file(content: str, layout: Layout, tmp_path: Path) -> None:
    last = content.count("\n") + 1
    with pytest.raises(BadInput, match=rf"t.csv line {last} is cut in the middle"):
        inspect_delimited(written(tmp_path, content), layout)
