"""Logs of any size: the same bytes again, rows that depend on their number alone, and the dirt they claim."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.simulate.volume import BLOCK, DUPLICATES, FAULTS, ITEMS, Volume, items, part

VOLUME = Volume(50_000, seed=3, part_rows=16_384)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """All parts of VOLUME, with the part's number."""
    frames = [part(VOLUME, n)[0].to_pandas().assign(part=n) for n in range(VOLUME.parts)]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def truth() -> dict[str, int]:
    counts: dict[str, int] = {}
    for n in range(VOLUME.parts):
        for name, count in part(VOLUME, n)[1].items():
            counts[name] = counts.get(name, 0) + count
    return counts


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(rows: pd.DataFrame) -> None:
    assert part(VOLUME, 1)[0].equals(part(VOLUME, 1)[0])
    assert not part(Volume(50_000, 4, 16_384), 1)[0].equals(part(VOLUME, 1)[0])
    assert len(rows) == VOLUME.interactions == 50_000


def test_every_row_is_counted_once(rows: pd.DataFrame, truth: dict[str, int]) -> None:
    assert sum(truth.values()) == len(rows)
    assert set(truth) == {"", "duplicate", *FAULTS}


def test_an_event_delivered_twice_is_the_same_row_in_a_file_far_apart(rows: pd.DataFrame) -> None:
    again = rows[rows["event_id"].duplicated(keep=False)]
    content = again.drop(columns="part")
    assert len(content.drop_duplicates()) == content["event_id"].nunique()
    assert again.groupby("event_id")["part"].nunique().max() > 1
    share = rows["event_id"].duplicated().mean()
    assert share == pytest.approx(DUPLICATES, abs=0.002)


def test_the_planted_faults_are_there_as_often_as_the_truth_says(
    rows: pd.DataFrame, truth: dict[str, int]
) -> None:
    scores = pd.to_numeric(rows["score"], errors="coerce")
    fresh = rows[~rows["event_id"].duplicated()]
    assert (rows["score"] == "n/a").sum() == truth["score is not a number"]
    assert (scores > 1).sum() == truth["score outside 0 to 1"]
    assert (rows["occurred_at"] > "2030").sum() == truth["time in the future"]
    assert (~rows["item_id"].isin(items()["item_id"])).sum() == truth["unknown item"]
    assert (~fresh["occurred_at"].str.endswith("Z")).sum() == truth["time without a zone"]
    assert (fresh["duration_s"].astype(float) > 8 * 3_600).sum() == truth["dwell outlier"]
    for name, share in FAULTS.items():
        assert truth[name] / len(rows) == pytest.approx(share, rel=0.25, abs=0.0005), name


def test_a_repeat_has_the_content_of_the_row_before_within_a_second(
    rows: pd.DataFrame, truth: dict[str, int]
) -> None:
    fresh = rows[~rows["event_id"].duplicated()].reset_index(drop=True)
    fresh["at"] = pd.to_datetime(fresh["occurred_at"], format="ISO8601", utc=True)
    content = ["learner_id", "item_id", "verb", "correct", "score", "duration_s"]
    same = (fresh[content] == fresh[content].shift()).all(axis=1)
    close = fresh["at"].diff().between(pd.Timedelta(0), pd.Timedelta(seconds=1))
    repeats = same & close
    assert repeats.sum() == truth["repeat"] > 100
    assert not close[~repeats].any(), "rows of a session that are no repeats are seconds apart"


def test_popular_items_busy_learners_and_two_years(rows: pd.DataFrame) -> None:
    popularity = rows["item_id"].value_counts()
    assert popularity.iloc[0] > 20 * popularity.iloc[len(popularity) // 2]
    activity = rows["learner_id"].value_counts()
    assert activity.iloc[: len(activity) // 10].sum() > 0.25 * len(rows)
    assert rows["occurred_at"].min() < "2023-01-03"
    assert "2024-12-2" < rows.loc[rows["occurred_at"] < "2030", "occurred_at"].max() < "2025-01-03"


def test_the_last_part_is_cut_where_the_number_of_rows_says() -> None:
    sizes = [len(part(Volume(1_000, 0, 10 * BLOCK), n)[0]) for n in range(4)]
    assert sizes == [320, 320, 320, 40]
    assert len(part(Volume(1), 0)[0]) == 1


@pytest.mark.parametrize("wrong", [{"interactions": 0}, {"part_rows": 100}, {"seed": -1}])
def test_what_cannot_be_made_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="cannot make"):
        Volume(**{"interactions": 10, **wrong})
    with pytest.raises(BadInput, match="no part 1"):
        part(Volume(10), 1)


def test_items_are_what_the_import_of_tables_reads() -> None:
    assert len(items()) == ITEMS
    assert items()["item_id"].is_unique
    assert (items() != "").all(axis=None)
    assert np.isin(items()["kind"], ["lesson", "exercise"]).all()
