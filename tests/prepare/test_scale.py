"""The steps that partitions share: their outcome is that of one frame, however the rows are cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.prepare import scale, tables
from learnloop.prepare.dwell import OUTLIER, drop_outliers, dwell_limits, merged, statistics
from learnloop.prepare.local_times import Clock
from learnloop.prepare.repeats import REPEAT
from learnloop.schemas import RawChunk
from learnloop.simulate.volume import Volume, items, part

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
KNOWN = frozenset("volume:" + items()["item_id"])


def pseudonymise(ids: pd.Series) -> pd.Series:
    return ids.map(lambda outside: "p" + outside[::-1])


CONTEXT = scale.Context("volume", NOW, pseudonymise, KNOWN)


def chunk(rows: pd.DataFrame, file: str, first_line: int = 2) -> RawChunk:
    frame = rows.reset_index(drop=True)
    frame["line"] = range(first_line, first_line + len(frame))
    frame["damage"] = frame["raw"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    return RawChunk("volume", file, "interactions", frame, True, 0)


def raw(n: int = 0, rows: int = 4_096) -> pd.DataFrame:
    return part(Volume(rows * 2, seed=1, part_rows=rows), n)[0].to_pandas().astype("str")


def test_planted_faults_are_refused_and_repaired_as_often_as_they_were_planted() -> None:
    volume = Volume(40_000, seed=2, part_rows=16_384)
    parts = [part(volume, n) for n in range(volume.parts)]
    truth = pd.DataFrame([counts for _, counts in parts]).sum().to_dict()
    chunks = [(n, chunk(table.to_pandas().astype("str"), f"{n}")) for n, (table, _) in enumerate(parts)]
    cleaned = scale.whole(chunks, CONTEXT)
    rejected = cleaned.accounting.rejected
    assert cleaned.accounting.balanced
    assert cleaned.accounting.read == 40_000
    assert len(cleaned.rejected) == 40_000 - len(cleaned.frames["interactions"])
    for name in ("time in the future", "unknown item", "score outside 0 to 1", "score is not a number"):
        assert rejected[name] == truth[name], name
    assert rejected["duplicate event"] == truth["duplicate"]
    assert rejected[REPEAT] == truth["repeat"]
    # every planted one, and the few that are as far out by chance
    assert truth["dwell outlier"] <= cleaned.accounting.repaired[OUTLIER] < 1.1 * truth["dwell outlier"]
    assert cleaned.accounting.repaired["time without a zone taken as UTC"] == truth["time without a zone"]


@pytest.mark.parametrize("clock", [Clock(), Clock(("%Y-%m-%dT%H:%M:%S.%fZ",), "America/Lima")])
def test_it_keeps_what_an_import_of_the_same_rows_keeps(clock: Clock) -> None:
    cleaned = scale.whole([(0, chunk(raw(), "a"))], replace(CONTEXT, clock=clock))
    context = tables.Context(pseudonymise, NOW, KNOWN, clock)
    imported = tables.clean(chunk(raw(), "a"), context)
    order = ["event_id"]
    ours, theirs = (
        frame.frames["interactions"].sort_values(order, ignore_index=True) for frame in (cleaned, imported)
    )
    repaired = cleaned.accounting.repaired.pop(OUTLIER)
    limits = dwell_limits(statistics(theirs))
    theirs, beyond = drop_outliers(theirs, limits)
    assert beyond.sum() == repaired
    pd.testing.assert_frame_equal(ours, theirs[list(ours)])
    assert cleaned.accounting == imported.accounting


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.integers(1, 4_095), max_size=4, unique=True),
    st.randoms(use_true_random=False),
    st.integers(1, 7),
)
def test_neither_cuts_nor_order_nor_buckets_change_anything(
    cuts: list[int], random: object, buckets: int
) -> None:
    whole = scale.whole([(n, chunk(raw(n), f"{n}")) for n in range(2)], CONTEXT)
    pieces = []
    for n in range(2):
        edges = [0, *sorted(cuts), 4_096]
        for start, end in pairwise(edges):
            pieces.append(scale.read_rows(chunk(raw(n)[start:end], f"{n}", start + 2), n, CONTEXT))
    random.shuffle(pieces)  # type: ignore[attr-defined]
    events = pd.concat([piece.events for piece in pieces], ignore_index=True)
    keys, place = scale.fingerprints(events["event_id"]), events["place"].to_numpy()
    dropped = []
    for bucket in range(buckets):
        here = keys[:, 1] % np.uint64(buckets) == bucket
        dropped.append(place[here][scale.duplicates(keys[here], place[here])])
    learner = scale.fingerprints(events["learner_id"])[:, 1] % np.uint64(buckets)
    settled = [
        scale.settle(events[learner == bucket], np.sort(np.concatenate(dropped)), ["0", "1"])
        for bucket in range(buckets)
    ]
    rules = pieces[0].rules
    limits = dwell_limits(merged([statistics(kept) for kept, _ in settled]))
    frames = [scale.finish(kept, rules, limits)[0] for kept, _ in settled]
    order = ["learner_id", "occurred_at", "event_id"]
    pd.testing.assert_frame_equal(
        pd.concat(frames).sort_values(order, ignore_index=True),
        whole.frames["interactions"].sort_values(order, ignore_index=True),
    )
    rejected = pd.concat([*(piece.rejected for piece in pieces), *(refused for _, refused in settled)])
    pd.testing.assert_frame_equal(
        rejected.sort_values(["file", "line"], ignore_index=True),
        whole.rejected.sort_values(["file", "line"], ignore_index=True),
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30), st.randoms())
def test_duplicates_are_all_but_the_first_of_a_key(pairs: list[tuple[int, int]], random: object) -> None:
    places = list(range(len(pairs)))
    random.shuffle(places)  # type: ignore[attr-defined]
    keys = np.array(pairs, dtype=np.uint64).reshape(-1, 2)
    first = {pair: min(p for q, p in zip(pairs, places, strict=True) if q == pair) for pair in pairs}
    expected = [place != first[pair] for pair, place in zip(pairs, places, strict=True)]
    assert scale.duplicates(keys, np.array(places, dtype=np.int64)).tolist() == expected


def test_a_refused_row_neither_hides_a_good_one_nor_its_repairs_count() -> None:
    good = raw().iloc[:1].assign(occurred_at="2024-05-01T10:00:00", event_id="e1", score="")
    rows = pd.concat([good.assign(score="7"), good, good], ignore_index=True)
    cleaned = scale.whole([(0, chunk(rows, "a"))], CONTEXT)
    assert cleaned.accounting.rejected == {"score outside 0 to 1": 1, "duplicate event": 1}
    assert cleaned.accounting.repaired == {"time without a zone taken as UTC": 1}
    assert cleaned.rejected[["line", "reason"]].values.tolist() == [
        [2, "score outside 0 to 1"],
        [4, "duplicate event"],
    ]


def test_no_outside_id_is_left() -> None:
    cleaned = scale.whole([(0, chunk(raw(), "a"))], CONTEXT)
    for frame in (cleaned.frames["interactions"], cleaned.rejected):
        assert not frame.astype("str").apply(lambda column: column.str.contains("learner-")).any(axis=None)
    assert "pseudonymise" not in repr(CONTEXT)


def test_nothing_to_prepare_is_said() -> None:
    with pytest.raises(BadInput, match="no interactions"):
        scale.whole([], CONTEXT)
