"""Repeated events, times spent, births and joins: planted faults are found, and nothing else."""

import doctest
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.prepare import dwell, hashing, joins, repeats
from learnloop.prepare.interactions import births, clean_interactions
from learnloop.prepare.repeats import REPEAT, Repeats, debounce
from learnloop.simulate.volume import Volume, items, part

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
START = pd.Timestamp("2025-05-01T10:00:00.100Z")


def events(*rows: tuple[str, str, bool | None, float]) -> pd.DataFrame:
    """(learner, item, correct, seconds after START) a row."""
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "correct", "after"])
    frame["occurred_at"] = START + pd.to_timedelta(frame.pop("after"), unit="s")
    frame["correct"] = frame["correct"].astype("boolean")
    return frame.assign(verb="answered", score=pd.array([pd.NA] * len(frame), dtype="Float64"))


@pytest.mark.parametrize("module", [repeats, dwell, hashing, joins])
def test_the_examples_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("second", "dropped"),
    [
        (("l", "s:q", True, 1.9), True),
        (("l", "s:q", True, 2.0), True),
        (("l", "s:q", True, 2.1), False),
        (("l", "s:q", False, 1.0), False),  # another answer
        (("l", "s:q", None, 1.0), False),
        (("l", "s:r", True, 1.0), False),
        (("m", "s:q", True, 1.0), False),
    ],
)
def test_what_is_a_repeat(second: tuple[str, str, bool | None, float], dropped: bool) -> None:
    frame = events(("l", "s:q", True, 0.0), second)
    kept, mask = debounce(frame)
    assert mask.tolist() == [False, dropped]
    assert kept.index.tolist() == ([0] if dropped else [0, 1])


def test_a_burst_is_one_event_though_others_lie_between() -> None:
    frame = events(*[("l", item, True, 0.5 * n) for n in range(4) for item in ("s:q", "s:r")])
    assert debounce(frame)[1].tolist() == [False, False] + [True] * 6


def test_times_that_know_no_seconds_tell_no_repeats() -> None:
    days = events(*[("l", "s:q", True, 0.0)] * 3).assign(occurred_at=pd.Timestamp("2025-05-01", tz="UTC"))
    assert not debounce(days)[1].any()


def test_of_nothing_there_is_no_repeat() -> None:
    assert len(debounce(events())[1]) == 0
    assert Repeats().mark(events()).empty


def plain(frame: pd.DataFrame, window_s: float) -> list[bool]:
    """The reference: each event against every earlier one of the frame that is alike."""
    before: dict[tuple[object, ...], list[pd.Timestamp]] = {}
    found = []
    for row in frame.itertuples():
        alike = before.setdefault((row.learner_id, row.item_id, row.verb, str(row.correct)), [])
        gaps = [abs(row.occurred_at - at) for at in alike]
        coarse = row.occurred_at == row.occurred_at.floor("min")
        near = [gap for gap in gaps if gap <= pd.Timedelta(seconds=window_s) and (gap or not coarse)]
        found.append(bool(near))
        alike.append(row.occurred_at)
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 59), max_size=5),
    st.booleans(),
    st.sampled_from([0.1, 1.0, 60.0]),
)
def test_chunks_and_the_plain_loop_find_the_same(
    seed: int, cuts: list[int], in_order: bool, step: float
) -> None:
    """In any order of the file, however it is cut, on a clock of any step."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.choice([0, 1, 7, 15, 21, 25], 60)) * step - 0.1 * (step >= 1.0)
    frame = events(*[(f"l{rng.integers(2)}", f"s:{rng.integers(2)}", bool(rng.integers(2)), t) for t in at])
    if not in_order:
        frame = frame.sample(frac=1, random_state=seed)
    whole = repeats.repeats(frame)
    assert whole.tolist() == plain(frame, 2.0)
    repeated, edges = Repeats(), [0, *sorted(cuts), 60]
    parts = [repeated.mark(frame.iloc[a:b]) for a, b in pairwise(edges)]
    assert pd.concat(parts).tolist() == whole.tolist()


def test_many_repeats_at_once_are_told_from_one_another() -> None:
    """A client that sends one event 50,000 times in a second must not cost a comparison of all with all."""
    at = np.random.default_rng(0).permutation(50_000) / 50_000
    frame = events(("l", "s:q", True, 0.0)).iloc[[0] * 50_000].reset_index(drop=True)
    frame["occurred_at"] = START + pd.to_timedelta(at, unit="s")
    assert repeats.repeats(frame).sum() == 49_999
    marker = Repeats()
    marks = [marker.mark(part) for _, part in frame.groupby(frame.index // 5_000)]
    assert pd.concat(marks).tolist() == [False] + [True] * 49_999
    assert sum(len(run[0]) for run in marker.runs) <= 2


def test_what_else_must_be_equal_may_be_told() -> None:
    frame = events(*[("l", "s:video", None, 0.4 * n) for n in range(3)])
    places = pd.Series(["12 s", "90 s", "12 s"])
    assert repeats.repeats(frame, detail=places).tolist() == [False, False, True]
    marker = Repeats()
    assert [marker.mark(frame[n : n + 1], places[n : n + 1]).item() for n in range(3)] == [False, False, True]


def test_a_repeat_is_refused_though_its_source_numbered_it() -> None:
    row = {"learner_id": "l", "item_id": "s:q", "correct": "true"}
    raw = pd.DataFrame(
        [
            row | {"event_id": "e1", "occurred_at": "2025-05-01T10:00:00.1Z"},
            row | {"event_id": "e2", "occurred_at": "2025-05-01T10:00:00.6Z"},
            row | {"event_id": "e2", "occurred_at": "2025-05-01T10:00:00.6Z"},
        ]
    )
    cleaned = clean_interactions(raw, None, NOW, "test", repeats=Repeats())
    assert cleaned.accounting.rejected == {REPEAT: 1, "duplicate event": 1}
    assert cleaned.accounting.balanced
    assert len(clean_interactions(raw, None, NOW, "test").frames["interactions"]) == 2


def test_nobody_did_an_item_before_it_came_to_be() -> None:
    catalogue = pd.DataFrame(
        {
            "item_id": ["s:c", "s:q", "s:odd"],
            "parent_id": [None, "s:c", None],
            "attributes": [{"created_at": "2025-03-01"}, {}, {"created_at": "spring"}],
        }
    )
    born = births(catalogue)
    assert born == dict.fromkeys(["s:c", "s:q"], pd.Timestamp("2025-03-01", tz="UTC"))
    times = ["2025-02-27T12:00:00Z", "2025-02-28T12:00:00Z"]  # a clock may be a day off
    raw = pd.DataFrame({"learner_id": "l", "item_id": "s:q", "occurred_at": times})
    cleaned = clean_interactions(raw, None, NOW, "test", born=born)
    assert cleaned.accounting.rejected == {"time before the item came to be": 1}
    assert cleaned.rejected["line"].tolist() == [2]


def times(seed: int, n: int = 400, away: int = 8) -> tuple[pd.DataFrame, np.ndarray]:
    """Log-normal times of two items, with planted absences: (events, which are planted)."""
    rng = np.random.default_rng(seed)
    quick, slow = np.exp(rng.normal(3.0, 0.6, n)), np.exp(rng.normal(7.5, 0.5, n))
    quick[:away], slow[:away] = 7200.0, 60_000.0
    frame = pd.DataFrame({"item_id": ["s:quick"] * n + ["s:slow"] * n, "duration_s": [*quick, *slow]})
    return frame, np.isin(np.arange(2 * n) % n, range(away))


def test_planted_absences_are_left_empty_and_long_lessons_stay() -> None:
    frame, planted = times(1)
    limits = dwell.dwell_limits(dwell.statistics(frame))
    cleaned, beyond = dwell.drop_outliers(frame, limits)
    assert beyond[planted].all()
    assert beyond[~planted].mean() <= 0.005
    assert limits.by_item["s:slow"] > dwell.AWAY_S > limits.by_item["s:quick"] > 60
    assert cleaned["duration_s"].isna().equals(beyond)
    assert frame["duration_s"].notna().all()


def test_statistics_of_parts_add_up_to_those_of_all() -> None:
    frame, _ = times(2)
    parts = [dwell.statistics(frame.iloc[n::3]) for n in range(3)]
    pd.testing.assert_frame_equal(dwell.merged(parts), dwell.statistics(frame), check_dtype=False)
    assert dwell.merged([]).empty


def test_a_limit_is_that_of_the_exact_median_within_a_bin() -> None:
    frame, _ = times(3)
    logs = np.log(frame.loc[frame["item_id"] == "s:slow", "duration_s"])
    sigma = max(1.4826 * (logs - logs.median()).abs().median(), dwell.MIN_SIGMA)
    exact = np.exp(logs.median() + dwell.FAR * sigma)
    found = dwell.dwell_limits(dwell.statistics(frame)).by_item["s:slow"]
    assert found == pytest.approx(exact, rel=0.15)


def test_few_times_tell_no_limit_of_their_own() -> None:
    frame = pd.DataFrame({"item_id": ["s:a"] * 5, "duration_s": [1.0, 1.0, 1.0, 1.0, 1700.0]})
    limits = dwell.dwell_limits(dwell.statistics(frame))
    assert (dict(limits.by_item), limits.default_s) == ({}, dwell.AWAY_S)
    many, _ = times(4)
    kinds = {"s:slow": "lesson", "s:new": "lesson", "s:quick": "exercise", "s:fresh": "exercise"}
    limits = dwell.dwell_limits(dwell.statistics(many), kinds)
    assert limits.by_item["s:new"] > dwell.AWAY_S  # as lessons are
    assert limits.by_item["s:fresh"] == dwell.AWAY_S
    assert dwell.dwell_limits(dwell.statistics(many.head(0))) == dwell.Limits()


def test_faults_planted_in_a_large_log_are_found() -> None:
    volume = Volume(60_000, seed=3, part_rows=16_384)
    parts = [part(volume, n) for n in range(volume.parts)]
    truth = pd.DataFrame([counts for _, counts in parts]).sum()
    raw = pd.concat([table.to_pandas().astype("str") for table, _ in parts], ignore_index=True)
    raw["item_id"] = "volume:" + raw["item_id"]
    known = set("volume:" + items()["item_id"])
    cleaned = clean_interactions(raw, known, NOW, "volume", repeats=Repeats())
    assert cleaned.accounting.balanced
    assert cleaned.accounting.rejected[REPEAT] == truth["repeat"]
    kept = cleaned.frames["interactions"]
    beyond = dwell.outliers(kept, dwell.dwell_limits(dwell.statistics(kept)))
    assert beyond.sum() == pytest.approx(truth["dwell outlier"], rel=0.1)


def test_references_that_lead_nowhere_are_counted() -> None:
    frames = {
        "items": pd.DataFrame({"item_id": ["s:a", "s:b"], "parent_id": [None, "s:gone"]}),
        "concepts": pd.DataFrame({"concept_id": ["s:k", "s:idle"]}),
        "item_concepts": pd.DataFrame({"item_id": ["s:a", "s:x"], "concept_id": ["s:k", "s:k"]}),
        "prerequisites": pd.DataFrame({"concept_id": ["s:k"], "requires_id": ["s:never"]}),
        "interactions": pd.DataFrame({"item_id": ["s:a", "s:x"], "n": [10, 3]}),
    }
    found = joins.unmatched(frames).set_index("join")["unmatched"].to_dict()
    assert found == {
        "interactions without their item": 3,
        "items without their parent": 1,
        "links to an unknown item": 1,
        "links to an unknown concept": 0,
        "concepts that no item teaches": 1,
        "prerequisites of an unknown concept": 0,
        "prerequisites that name an unknown concept": 1,
    }
