"""The one door for events."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.prepare.interactions import clean_interactions
from learnloop.prepare.verdicts import Occurrences
from learnloop.schemas import INTERACTIONS, Cleaned, check

NOW = pd.Timestamp("2026-01-01T12:00:00Z")
EVENT = {"learner_id": "l1", "item_id": "demo:a", "occurred_at": "2025-05-01T10:00:00Z"}


def clean(*events: dict[str, str], known: set[str] | None = None, **options: object) -> Cleaned:
    raw = pd.DataFrame([{**EVENT, **event} for event in events]).fillna("")
    return clean_interactions(raw, known, NOW, "test", **options)  # type: ignore[arg-type]


def kept(**event: str) -> pd.Series:
    cleaned = clean(event)
    assert len(cleaned.frames["interactions"]) == 1, cleaned.accounting
    return cleaned.frames["interactions"].iloc[0]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"learner_id": " "}, "no learner"),
        ({"item_id": ""}, "no item"),
        ({"item_id": "no prefix"}, "item id is not source:key"),
        ({"item_id": "demo:\0"}, "NUL character"),
        ({"verb": "danced"}, "unknown verb"),
        ({"occurred_at": ""}, "no time"),
        ({"occurred_at": "", "event_id": "e1"}, "no time"),
        ({"occurred_at": "03/04/2025"}, "time is not ISO 8601"),
        ({"occurred_at": "2025-02-30"}, "time is not ISO 8601"),
        ({"occurred_at": "2026-01-02T12:00:01Z"}, "time in the future"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "time before 1970"),
        ({"correct": "maybe"}, "correct is neither true nor false"),
        ({"score": "many"}, "score is not a number"),
        ({"score": "nan"}, "score is not a number"),
        ({"score": "-0.1"}, "score outside 0 to 1"),
        ({"score": "87"}, "score outside 0 to 1"),
        ({"event_id": "e" * 201}, "event id longer than 200"),
    ],
)
def test_a_row_is_refused_with_its_reason_and_its_neighbours_stay(event: dict[str, str], reason: str) -> None:
    cleaned = clean({}, event, {"item_id": "demo:b"})
    assert cleaned.accounting.rejected == {reason: 1}
    assert cleaned.accounting.balanced
    assert len(cleaned.frames["interactions"]) == 2
    assert cleaned.rejected[["line", "reason"]].values.tolist() == [[3, reason]]


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("2025-05-01T10:00:00+02:00", "2025-05-01T08:00:00Z"),
        ("2025-05-01", "2025-05-01T00:00:00Z"),
        ("2025-05-01 10:00:00.25", "2025-05-01T10:00:00.25Z"),
        ("1735689600", "2025-01-01T00:00:00Z"),
        ("1735689600500", "2025-01-01T00:00:00.5Z"),
        ("2026-01-02T11:59:59Z", "2026-01-02T11:59:59Z"),  # a clock that runs ahead, less than a day
    ],
)
def test_times_become_utc(stated: str, meant: str) -> None:
    assert kept(occurred_at=stated)["occurred_at"] == pd.Timestamp(meant)


@pytest.mark.parametrize(
    ("stated", "counted"),
    [
        ("2025-05-01", True),
        ("2025-05-01T10:00:00", True),
        ("2025-05-01T10:00:00Z", False),
        ("2025-05-01T10:00:00-05", False),
    ],
)
def test_a_time_without_a_zone_is_counted_as_a_repair(stated: str, counted: bool) -> None:
    assert (
        "time without a zone taken as UTC" in clean({"occurred_at": stated}).accounting.repaired
    ) == counted


def test_correct_and_verb_are_read_and_filled_in() -> None:
    assert kept(correct="1")[["verb", "correct"]].tolist() == ["answered", True]
    assert kept(correct="FALSE")[["verb", "correct"]].tolist() == ["answered", False]
    assert kept(score="0.5")["verb"] == "answered"
    assert kept()["verb"] == "experienced"
    assert pd.isna(kept(verb="answered")["correct"])
    assert pd.isna(kept(duration_s="-3")["duration_s"])


def test_an_event_without_an_id_has_the_same_one_tomorrow_and_another_for_other_content() -> None:
    assert kept()["event_id"] == kept()["event_id"]
    others = [
        {"learner_id": "l2"},
        {"item_id": "demo:b"},
        {"occurred_at": "2025-05-01T10:00:01Z"},
        {"verb": "completed"},
        {"correct": "1"},
        {"correct": "0"},
        {"score": "0.5"},
        {"duration_s": "9"},
    ]
    cleaned = clean({}, *others)
    assert cleaned.accounting.kept == len(others) + 1
    # however the same moment is written
    assert kept(occurred_at="2025-05-01T12:00:00+02:00")["event_id"] == kept()["event_id"]


def test_duplicates_are_found_within_a_chunk_and_over_chunks() -> None:
    seen = Occurrences()
    first = clean({}, {}, {"event_id": "e"}, seen=seen)
    second = clean({"event_id": "e", "item_id": "demo:b"}, {"item_id": "demo:b"}, seen=seen)
    assert first.accounting.rejected == second.accounting.rejected == {"duplicate event": 1}


def test_a_refused_event_does_not_make_a_good_one_a_duplicate() -> None:
    assert clean({"event_id": "e", "score": "7"}, {"event_id": "e"}).accounting.kept == 1


def test_unknown_items_are_refused_only_where_items_are_known() -> None:
    assert clean({}, known={"demo:b"}).accounting.rejected == {"unknown item": 1}
    assert clean({}, known={"demo:a"}).accounting.kept == 1
    assert clean({}).accounting.kept == 1


def test_live_events_without_a_time_happened_now() -> None:
    cleaned = clean({"occurred_at": "", "event_id": "e"}, fill_time=True)
    assert cleaned.frames["interactions"]["occurred_at"].tolist() == [NOW]
    assert cleaned.accounting.repaired["time filled in: that of arrival"] == 1


def test_a_frame_without_learners_is_refused() -> None:
    with pytest.raises(BadInput) as refusal:
        clean_interactions(pd.DataFrame({"item_id": ["demo:a"]}), None, NOW, "test")
    assert refusal.value.field == "learner_id"


def test_no_events_give_an_empty_frame_that_keeps_the_contract() -> None:
    cleaned = clean_interactions(pd.DataFrame({"learner_id": [], "item_id": []}), None, NOW, "test")
    assert check(cleaned.frames["interactions"], INTERACTIONS, "test").empty
    assert cleaned.accounting.read == 0


_cell = st.one_of(
    st.sampled_from(
        ["", " ", "1", "0", "0.5", "true", "demo:a", "e1", "answered", "2025-05-01", "nan", "1e999"]
    ),
    st.text(max_size=6),
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            dict.fromkeys((*EVENT, "verb", "correct", "score", "duration_s", "event_id"), _cell)
        ),
        max_size=6,
    )
)
def test_whatever_the_text_the_account_balances_and_the_contract_holds(rows: list[dict[str, str]]) -> None:
    raw = pd.DataFrame(rows, columns=[*EVENT, "verb", "correct", "score", "duration_s", "event_id"])
    cleaned = clean_interactions(raw, None, NOW, "test")
    assert cleaned.accounting.balanced
    assert cleaned.accounting.read == len(rows) == cleaned.accounting.kept + len(cleaned.rejected)
    assert len(check(cleaned.frames["interactions"], INTERACTIONS, "test")) == cleaned.accounting.kept


@given(st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=12))
def test_occurrences_number_as_a_counter_does(chunks: list[list[int]]) -> None:
    occurrences, counter = Occurrences(), dict[int, int]()
    for chunk in chunks:
        keys = pd.Series([f"{key:016x}" for key in chunk], dtype="str")
        expected = []
        for key in chunk:
            expected.append(counter.get(key, 0))
            counter[key] = expected[-1] + 1
        assert occurrences.number(keys).tolist() == expected
