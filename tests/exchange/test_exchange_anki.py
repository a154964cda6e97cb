"""A deck for Anki, read back with sqlite3 as Anki reads it."""

import io
import json
import sqlite3
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from exchange_questions import frame, plain

from learnloop.exchange import anki

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _read(data: bytes, folder: Path) -> tuple[list[dict[str, Any]], dict[str, int], set[str]]:
    """Notes, how many cards each note (by guid) has, and the names of the decks."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (folder / "collection.anki2").write_bytes(archive.read("collection.anki2"))
    connection = sqlite3.connect(folder / "collection.anki2")
    rows = connection.execute("SELECT guid, mid, tags, flds, mod FROM notes ORDER BY id").fetchall()
    cards = dict(
        connection.execute(
            "SELECT guid, count(*) FROM cards JOIN notes ON cards.nid = notes.id GROUP BY guid"
        )
    )
    decks = {
        deck["name"]
        for deck in json.loads(connection.execute("SELECT decks FROM col").fetchone()[0]).values()
    }
    connection.close()
    names = ("question", "version", "front", "back", "more")
    notes = [
        {
            "guid": guid,
            "model": mid,
            "tags": tags.split(),
            "mod": mod,
            **dict(zip(names, flds.split("\x1f"), strict=True)),
        }
        for guid, mid, tags, flds, mod in rows
    ]
    return notes, cards, decks


def _notes(tmp_path: Path, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    dumped = anki.dump(frame(list(rows)), NOW)
    assert (dumped.written, dumped.refused) == (len(rows), [])
    return _read(dumped.data, tmp_path)[0]


def test_a_card_asks_and_its_back_answers_and_explains(tmp_path: Path) -> None:
    row = plain(kind="multiple_choice", options=["mass", "velocity <v>"], key="velocity <v>", version=4)
    row |= {"notes": [{}, {"rationale": "It points."}], "quote": "It has a direction.", "bloom": "apply"}
    (note,) = _notes(tmp_path, row | {"concept_ids": ["s:vector spaces"]})
    assert note["front"] == "What is it?<br>A) mass<br>B) velocity &lt;v&gt;"
    assert note["back"] == "B) velocity &lt;v&gt;"
    assert note["more"] == "It points.<br>It has a direction."
    assert (note["question"], note["version"], note["model"]) == ("s:1", "4", anki.QUESTION_MODEL)
    assert note["tags"] == ["s:vector_spaces", "language::en", "bloom::apply"]


def test_another_wording_is_the_same_note(tmp_path: Path) -> None:
    first = _notes(tmp_path, plain(version=1))[0]
    second = _notes(tmp_path, plain(version=2, stem="What is it, then?", key="b"))[0]
    other = _notes(tmp_path, plain(question_id="s:2"))[0]
    assert first["guid"] == second["guid"] != other["guid"]
    assert first["model"] == second["model"]
    assert anki.deck_id("Physics") == anki.deck_id("Physics") != anki.deck_id("Biology")
    assert 1 << 30 <= anki.deck_id("Physics") < 1 << 31
    assert anki.guid("s:1") == first["guid"]


def test_a_cloze_is_a_cloze_whatever_is_in_it(tmp_path: Path) -> None:
    plain_cloze = plain(kind="cloze", stem="It ____ in rain.", key="rusts")
    strange = plain(question_id="s:2", kind="cloze", stem="{{c1::x}} ____", key="a::b}}c")
    one, two = _notes(tmp_path, plain_cloze, strange)
    assert (one["front"], one["model"]) == ("It {{c1::rusts}} in rain.", anki.CLOZE_MODEL)
    assert two["front"].count("{{") == two["front"].count("}}") == 1
    assert "{{c1::a&#58;&#58;b&#125;&#125;c}}" in two["front"]


def test_pairs_are_learnt_in_both_directions_where_that_is_one_answer(tmp_path: Path) -> None:
    pairs = [["France", "Paris"], ["Spain", "Madrid"]]
    both = plain(kind="matching", answer={"pairs": pairs}, options=["Madrid", "Paris"])
    twice = [["iron", "metal"], ["tin", "metal"]]
    one_way = plain(question_id="s:2", kind="matching", answer={"pairs": twice}, options=["metal", "metal"])
    dumped = anki.dump(frame([both, one_way]), NOW)
    notes, cards, decks = _read(dumped.data, tmp_path)
    assert dumped.written == 2
    assert [(note["front"].split("<br>")[0], note["back"], cards[note["guid"]]) for note in notes] == [
        ("France", "Paris", 2),
        ("Spain", "Madrid", 2),
        ("iron", "metal", 1),
        ("tin", "metal", 1),
    ]
    assert anki.DECK in decks


@pytest.mark.parametrize(
    ("row", "back"),
    [
        (plain(kind="true_false", key="false", answer={"corrected": "It does."}, language="es"), "Falso"),
        (plain(aliases=["b"]), "a (also right: b)"),
        (plain(key="9.8", answer={"value": 9.8, "tolerance": 0.1}), "9.8 (tolerance ± 0.1)"),
        (plain(kind="ordering", options=["b", "a"], answer={"order": ["a", "b"]}), "B A<br>a → b"),
    ],
)
def test_the_back_of_every_kind(tmp_path: Path, row: dict[str, Any], back: str) -> None:
    assert _notes(tmp_path, row)[0]["back"] == back


def test_cards_change_when_they_were_written(tmp_path: Path) -> None:
    assert _notes(tmp_path, plain())[0]["mod"] == int(NOW.timestamp())
