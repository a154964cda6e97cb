"""A set: no fact twice, keys spread, kinds as asked, nothing padded."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.generate import set_checks

FACTS = (
    "A gyre is a ring of currents", "The crest is the highest point", "Salt comes from rivers",
    "The fetch is where wind blows", "Tides rise twice daily", "Ice floats because it is light",
    "Whales sing to one another", "Plankton feeds most fish", "Coral builds long reefs",
)  # fmt: skip


def row(n: int, kind: str = "multiple_choice", **more: Any) -> dict[str, Any]:
    key = more.pop("key", f"word{chr(97 + n)}")
    options = [] if kind in ("true_false", "short_answer") else [f"other{n}", f"third{n}", key, f"fourth{n}"]
    return {
        "question_id": f"generated:{n}", "item_id": "test:a", "kind": kind, "stem": f"Stem {n}?", "key": key,
        "options": options, "quote": FACTS[n], "span_start": 400 * n, "language": "en", "notes": None, **more,
    }  # fmt: skip


def test_the_first_come_first_and_the_rest_is_not_needed() -> None:
    chosen = set_checks.choose([row(n) for n in range(6)], 3)
    assert len(chosen.rows) == 3
    assert chosen.rejected == {"not_needed": 3}


def test_nothing_is_padded() -> None:
    assert len(set_checks.choose([row(0), row(1)], 9).rows) == 2
    assert set_checks.choose([], 9) == set_checks.Chosen([])


@pytest.mark.parametrize(
    ("twin", "reason"),
    [
        (row(1, quote=FACTS[0]), "same_fact"),
        (row(1, quote="The gyre is a ring of sea currents."), "same_fact"),
        (row(1, key="Gyres"), "same_key"),
        (row(1, quote=None, stem="Stem 0?"), "same_fact"),
        (row(1), ""),
    ],
)
def test_one_fact_or_one_key_is_asked_once(twin: dict[str, Any], reason: str) -> None:
    first = row(0, key="gyre")
    chosen = set_checks.choose([first, twin], 2)
    assert chosen.rejected == (Counter({reason: 1}) if reason else Counter())


def test_questions_without_a_quote_are_compared_by_their_stems() -> None:
    assert set_checks.same_fact(row(0, quote=None), row(1, quote=None, stem="stem 0"))
    assert not set_checks.same_fact(row(0, quote=None), row(1, quote=None))


def test_a_figure_may_be_the_answer_twice() -> None:
    assert not set_checks.same_key(row(0, key="35"), row(1, key="35"))
    assert not set_checks.same_key(row(0, "true_false", key="true"), row(1, "true_false", key="true"))


def test_kinds_are_mixed_as_asked() -> None:
    rows = [row(n, "cloze" if n < 6 else "short_answer") for n in range(9)]
    even = set_checks.choose(rows, 4, ["cloze", "short_answer"])
    assert Counter(r["kind"] for r in even.rows) == {"cloze": 2, "short_answer": 2}
    mostly = set_checks.choose(rows, 4, {"cloze": 3, "short_answer": 1})
    assert Counter(r["kind"] for r in mostly.rows) == {"cloze": 3, "short_answer": 1}
    only = set_checks.choose(rows, 9, ["short_answer"])
    assert only.rejected == {"kind_not_asked": 6}


def test_true_and_false_stay_within_one() -> None:
    rows = [row(n, "true_false", key="true" if n < 5 else "false") for n in range(7)]
    chosen = set_checks.choose(rows, 7)
    assert Counter(r["key"] for r in chosen.rows) == {"true": 3, "false": 2}
    assert chosen.rejected == {"one_sided": 2}


def test_the_whole_text_is_covered_before_a_part_comes_twice() -> None:
    rows = [row(n, span_start=place) for n, place in enumerate([0, 100, 200, 1500, 2500])]
    assert {r["span_start"] for r in set_checks.choose(rows, 3).rows} == {0, 1500, 2500}


def test_keys_stand_in_every_place_equally_often_and_notes_go_with_them() -> None:
    rows = [row(n, notes=[{"origin": text} for text in row(n)["options"]]) for n in range(8)]
    spread = set_checks.balanced(rows, seed=1)
    assert Counter(r["options"].index(r["key"]) for r in spread) == dict.fromkeys(range(4), 2)
    for before, after in zip(rows, spread, strict=True):
        assert sorted(before["options"]) == sorted(after["options"])
        assert [note["origin"] for note in after["notes"]] == after["options"]


def test_numbers_orders_and_pairs_stay_as_they_are() -> None:
    rows = [
        row(0, options=["25", "35 g", "45"], key="35 g"),
        row(1, "ordering"),
        row(2, "matching"),
        row(3, "true_false"),
    ]
    assert set_checks.balanced(rows, seed=3) == rows


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(7)), st.integers(0, 5))
def test_the_order_of_rows_does_not_change_where_keys_stand(order: list[int], seed: int) -> None:
    rows = [row(n) for n in range(7)]
    one = {r["question_id"]: r["options"] for r in set_checks.balanced(rows, seed)}
    other = {r["question_id"]: r["options"] for r in set_checks.balanced([rows[n] for n in order], seed)}
    assert one == other
    places = Counter(options.index(rows[int(name[10:])]["key"]) for name, options in one.items())
    assert max(places.values()) - min(places.get(place, 0) for place in range(4)) <= 1
