"""Texts from lines, CSV and JSON lines; what is wrong is named."""

from pathlib import Path

import pytest

from learnloop.collect.texts import read_records, read_texts
from learnloop.errors import BadInput, NothingToDo


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_same_texts_from_every_kind_of_file(tmp_path: Path) -> None:
    files = {
        "a.txt": "El mar.\nThe sea, wide.\n",
        "a.csv": '\ufeff# read me\n# first\nid,text,score\n1,El mar.,2\n2,"The sea, wide.",3\n',
        "a.tsv": "id\ttext\n1\tEl mar.\n2\tThe sea, wide.\n",
        "a.jsonl": '{"id": 1, "text": "El mar."}\n\n{"id": 2, "summary": "x", "text": "The sea, wide."}\n',
        "a.json": '{"all": [{"item_id": "1", "text": "El mar."}, {"item_id": 2, "text": "The sea, wide."}]}',
    }
    for name, text in files.items():
        found = read_texts(written(tmp_path, name, text))
        assert found["id"].tolist() == ["1", "2"], name
        assert found["text"].tolist() == ["El mar.", "The sea, wide."], name
    assert read_texts(tmp_path / "a.csv")["score"].tolist() == ["2", "3"]


def test_one_record_alone_is_one_and_not_the_list_it_holds(tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", '{"stem": "What?", "options": [], "notes": [{"rationale": "r"}]}')
    assert [record["stem"] for record in read_records(path)] == ["What?"]


def test_the_column_that_is_asked_for_comes_first(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"id": "1", "text": "t", "reference": "r"}\n')
    assert read_texts(path, "reference")["text"].tolist() == ["r"]
    assert read_texts(path)["text"].tolist() == ["t"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{", "line 1 is not JSON"),
        ("a.jsonl", "[1]", "line 1 is no JSON object"),
        ("a.json", "[1]", "no list of JSON objects"),
        ("a.json", "[" * 100_000, "is not JSON"),
        ("a.jsonl", "[" * 100_000, "line 1 is not JSON"),
        ("a.csv", "id,words\n1,x\n", "no column of texts"),
        ("a.jsonl", '{"id": "1", "text": null}', "record 1 has no text"),
        ("a.csv", "id,text\n1,x\n1,y\n", "'1' is there twice"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_texts(written(tmp_path, name, text))


def test_no_file_no_text_and_no_utf8(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file"):
        read_texts(tmp_path / "none.txt")
    with pytest.raises(NothingToDo):
        read_texts(written(tmp_path, "empty.txt", ""))
    (tmp_path / "latin.txt").write_bytes(b"a\xf1o\n")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_texts(tmp_path / "latin.txt")
