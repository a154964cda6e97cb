"""A school's own items and interactions."""

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.prepare import tables
from learnloop.schemas import Cleaned, RawChunk

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
EVENT = {"learner_id": "ana@school.example", "item_id": "loops", "occurred_at": "2025-01-01T00:00:00Z"}


def chunk(kind: str, *rows: dict[str, str], source: str = "csv") -> RawChunk:
    frame = pd.DataFrame(list(rows)).fillna("").astype("str")
    frame["line"] = range(2, len(frame) + 2)
    frame["damage"] = frame["raw"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    return RawChunk(source, f"{kind}.csv", kind, frame, True, 0)


@pytest.fixture
def context() -> tables.Context:
    return tables.Context(lambda ids: ids.map(lambda outside: f"p{sum(map(ord, outside))}"), NOW, {"demo:x"})


def clean(context: tables.Context, kind: str, *rows: dict[str, str]) -> Cleaned:
    cleaned = tables.clean(chunk(kind, *rows), context)
    assert cleaned.accounting.balanced
    return cleaned


def test_an_item_gets_the_source_its_concepts_and_their_prerequisites(context: tables.Context) -> None:
    row = {
        "item_id": "loops",
        "title": "Loops",
        "kind": "Exercise",
        "language": "es-MX",
        "parent_id": "py",
        "duration_s": "600",
        "url": "https://school.example/loops",
        "concepts": "loops ~ for~loops",
        "prerequisites": "variables",
    }
    frames = clean(context, "items", row).frames
    item = frames["items"].iloc[0]
    assert (item["item_id"], item["parent_id"], item["kind"]) == ("csv:loops", "csv:py", "exercise")
    assert (item["language"], item["duration_s"], item["text"]) == ("es", 600.0, "")
    assert set(frames["item_concepts"]["concept_id"]) == {"csv:loops", "csv:for"}
    assert set(frames["concepts"]["concept_id"]) == {"csv:loops", "csv:for", "csv:variables"}
    assert frames["prerequisites"][["concept_id", "requires_id"]].values.tolist() == [
        ["csv:for", "csv:variables"],
        ["csv:loops", "csv:variables"],
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"item_id": ""}, "no item id"),
        ({"title": " "}, "no title"),
        ({"kind": "party"}, "unknown kind"),
        ({"item_id": "a\nb"}, "line break in the item id"),
        ({"item_id": "csv:first"}, "duplicate item id"),
    ],
)
def test_a_wrong_item_is_refused(context: tables.Context, row: dict[str, str], reason: str) -> None:
    first = {"item_id": "first", "title": "First", "kind": "lesson"}
    cleaned = clean(context, "items", first, {"item_id": "second", "title": "Second", "kind": "", **row})
    assert cleaned.accounting.rejected == {reason: 1}
    assert cleaned.frames["items"]["item_id"].tolist() == ["csv:first"]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"url": "javascript:alert(1)"}, "url that is not http left empty"),
        ({"duration_s": "ten"}, "duration that is no number of seconds left empty"),
        ({"duration_s": "-1"}, "duration that is no number of seconds left empty"),
        ({"duration_s": "inf"}, "duration that is no number of seconds left empty"),
        ({"position": "1.5"}, "position that is no whole number left empty"),
        ({"language": "Klingon!"}, "language unknown"),
        ({"language": ""}, "language filled in: und"),
        ({"kind": ""}, "kind filled in: lesson"),
        ({"parent_id": "a"}, "item that is its own parent: parent left empty"),
        ({"created_at": "spring"}, "date unreadable: created_at left empty"),
        ({"prerequisites": "b"}, "prerequisites of an item without concepts ignored"),
    ],
)
def test_a_repair_is_counted_under_its_rule(context: tables.Context, row: dict[str, str], rule: str) -> None:
    item = {"item_id": "a", "title": "A", "kind": "lesson", "language": "en", **row}
    assert clean(context, "items", item).accounting.repaired == {rule: 1}


def test_interactions_name_items_of_this_import_and_known_ones_of_other_sources(
    context: tables.Context,
) -> None:
    clean(context, "items", {"item_id": "loops", "title": "Loops"})
    rows = [EVENT, {**EVENT, "item_id": "demo:x"}, {**EVENT, "item_id": "demo:y"}, {**EVENT, "item_id": "x"}]
    cleaned = clean(context, "interactions", *rows)
    assert cleaned.frames["interactions"]["item_id"].tolist() == ["csv:loops", "demo:x"]
    assert cleaned.accounting.rejected == {"unknown item": 2}


def test_two_sources_that_count_their_events_from_one_do_not_collide(context: tables.Context) -> None:
    rows = [{**EVENT, "item_id": "demo:x", "event_id": "1"}]
    ids = [
        tables.clean(chunk("interactions", *rows, source=source), context).frames["interactions"]["event_id"]
        for source in ("north", "south")
    ]
    assert ids[0].tolist() == ["north:1"]
    assert ids[1].tolist() == ["south:1"]


def test_an_event_id_that_tells_the_learner_is_hidden_and_the_same_tomorrow(context: tables.Context) -> None:
    rows = [
        {**EVENT, "item_id": "demo:x", "event_id": "quiz-ana@school.example-1"},
        {**EVENT, "item_id": "demo:x", "event_id": "quiz-ana@school.example-2"},
        {**EVENT, "item_id": "demo:x", "event_id": "quiz-anabel-3"},
    ]
    cleaned = clean(context, "interactions", *rows)
    ids = cleaned.frames["interactions"]["event_id"].tolist()
    assert len(set(ids)) == 3
    assert not any("ana@school" in event_id for event_id in ids)
    assert ids[2] == "csv:quiz-anabel-3"
    assert cleaned.accounting.repaired["event id that held the learner's id replaced by a digest"] == 2
    again = tables.Context(context.pseudonymise, NOW, {"demo:x"})
    assert clean(again, "interactions", *rows).frames["interactions"]["event_id"].tolist() == ids


def test_a_missing_time_is_refused_even_with_an_event_id(context: tables.Context) -> None:
    row = {**EVENT, "item_id": "demo:x", "occurred_at": "", "event_id": "1"}
    assert clean(context, "interactions", row).accounting.rejected == {"no time": 1}


def test_columns_we_do_not_know_are_not_kept_in_the_rejects(context: tables.Context) -> None:
    cleaned = clean(context, "interactions", {**EVENT, "item_id": "nothing", "full_name": "Ana Torres"})
    assert "Torres" not in cleaned.rejected["record"].iloc[0]


def test_a_source_that_is_no_prefix_is_refused(context: tables.Context) -> None:
    with pytest.raises(BadInput) as refusal:
        tables.clean(chunk("items", {"item_id": "a", "title": "A"}, source="My School"), context)
    assert refusal.value.field == "source"


_text = st.text(st.sampled_from("aA1_-b 7é"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(_text, _text.filter(bool))
def test_a_word_is_found_as_a_pattern_would_find_it(text: str, word: str) -> None:
    pattern = rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
    assert tables._holds_word(text, word) == (re.search(pattern, text, re.IGNORECASE) is not None)


def test_nobody_does_an_item_before_it_or_its_course_was_made(context: tables.Context) -> None:
    context.born = {"demo:x": pd.Timestamp("2025-06-01T00:00:00Z")}
    clean(context, "items", {"item_id": "py", "title": "Python", "created_at": "1 March 2025"})
    items = clean(
        context, "items", {"item_id": "loops", "title": "Loops", "parent_id": "py", "created_at": ""}
    )
    assert items.frames["items"]["attributes"].tolist() == [{}]
    moments = {"loops": ["2025-02-01", "2025-03-02"], "demo:x": ["2025-05-01", "2025-06-02"]}
    rows = [
        {**EVENT, "item_id": item, "occurred_at": f"{day}T10:00:00Z"}
        for item, days in moments.items()
        for day in days
    ]
    cleaned = clean(context, "interactions", *rows)
    assert cleaned.accounting.rejected == {"time before the item came to be": 2}
    assert cleaned.frames["interactions"]["item_id"].tolist() == ["csv:loops", "demo:x"]
