"""Logs of answers as others write them: what is read, what is refused, and how ties become an order."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learnloop.collect.answer_logs import in_order, read_answers, read_probabilities
from learnloop.errors import BadInput, NothingToDo
from learnloop.schemas import ANSWERS, check

LOG = """learner_id,item_id,concept_id,occurred_at,correct,duration_s
007,i1,a~b,1772359200,1,5
007,i1,a~b,1772359200,0,-1
007,i2,,1772359100,true,
,i2,a,1772359100,1,1
b,,a,1772359100,1,1
b,i3,a,1772359100,0.5,1
b,i3,a,1772359100,,1
b,i3,a,1772359100,maybe,1
b,i3,a ~ a,1772359300,0.0,1
"""


def written(text: str, path: Path) -> Path:
    path.write_text(text)
    return path


def test_rows_are_read_or_refused_with_a_reason(tmp_path: Path) -> None:
    log = read_answers(written(LOG, tmp_path / "log.csv"))
    assert log.rows == 9
    assert log.refused == {
        "no learner_id": 1,
        "no item_id": 1,
        "no correct": 1,
        "correct is no number": 1,
        "correct is neither 0 nor 1": 1,
    }
    assert len(log.frame) == log.rows - sum(log.refused.values())
    assert log.frame["learner_id"].tolist() == ["007", "007", "007", "b"]
    assert log.frame["concept_ids"].tolist() == [("a", "b"), ("a", "b"), ("item:i2",), ("a",)]
    assert log.frame["correct"].tolist() == [True, False, True, False]
    assert log.frame["row"].tolist() == [0, 1, 2, 8]
    assert log.frame["duration_s"].isna().tolist() == [False, True, True, False]
    assert log.own == 1


def test_a_threshold_makes_scores_right_or_wrong(tmp_path: Path) -> None:
    log = read_answers(written(LOG, tmp_path / "log.csv"), threshold=0.5)
    assert "correct is neither 0 nor 1" not in log.refused
    assert log.frame["correct"].tolist() == [True, False, True, True, False]


def test_only_fractions_names_the_threshold(tmp_path: Path) -> None:
    path = written("learner_id,item_id,correct\na,i,0.5\nb,i,0.25\n", tmp_path / "log.csv")
    with pytest.raises(NothingToDo, match="--threshold"):
        read_answers(path)


def test_ties_are_broken_by_the_rows_and_told(tmp_path: Path) -> None:
    ordered = in_order(read_answers(written(LOG, tmp_path / "log.csv")).frame)
    frame = check(ordered.frame, ANSWERS, "answers")
    assert frame["item_id"].tolist() == ["i2", "i1", "i1", "i3"]
    assert frame["correct"].tolist() == [True, True, False, False]
    steps = frame["occurred_at"].diff().dt.total_seconds().tolist()[1:3]
    assert steps == pytest.approx([100, 1e-6])
    assert ordered.tied == 1
    assert ordered.timed


def test_ties_may_stay_together(tmp_path: Path) -> None:
    ordered = in_order(read_answers(written(LOG, tmp_path / "log.csv")).frame, "together")
    assert ordered.frame["occurred_at"].nunique() == 3
    with pytest.raises(BadInput, match="--ties order or together"):
        in_order(ordered.frame.assign(at=0.0), "apart")


def test_a_nudge_never_overtakes_or_meets_the_next_moment() -> None:
    rng = np.random.default_rng(0)
    at = 1_772_359_200 + rng.integers(0, 6, 400) * 1e-6  # far more ties than microseconds to break them in
    frame = pd.DataFrame({"learner_id": np.where(np.arange(400) % 3, "a", "b"), "at": at})
    frame = frame.assign(item_id="i", correct=True, concept_ids=[("c",)] * 400, row=np.arange(400))
    ordered = in_order(frame).frame
    for learner, own in ordered.groupby("learner_id"):
        assert (own["occurred_at"].diff().dropna() > pd.Timedelta(0)).all()
        mine = frame[frame["learner_id"] == learner].sort_values("at", kind="stable")
        assert own["row"].tolist() == mine["row"].tolist()


@pytest.mark.parametrize("column", ["", ",occurred_at"])
def test_without_times_or_with_one_alone_rows_are_the_order(tmp_path: Path, column: str) -> None:
    """Equal steps: a tracer that reads times must see that these are none."""
    more = column and ",1500000000"
    rows = [f"{learner},i{n},1{more}" for n in range(4) for learner in "ab"]
    text = f"learner_id,item_id,correct{column}\n" + "\n".join(rows) + "\n"
    ordered = in_order(read_answers(written(text, tmp_path / "log.csv")).frame)
    assert not ordered.timed
    assert ordered.frame["item_id"].tolist() == [f"i{n}" for n in range(4)] * 2
    steps = ordered.frame.groupby("learner_id")["occurred_at"].diff().dropna().dt.total_seconds()
    assert set(steps) == {1.0}
    assert ordered.tied == (6 if column else 0)


def test_one_answer_written_once_a_concept_is_noticed(tmp_path: Path) -> None:
    text = (
        "learner_id,item_id,concept_id,correct,occurred_at\na,i,x,1,10\na,i,y,1,10\na,i,x,0,20\na,i,x,0,20\n"
    )
    ordered = in_order(read_answers(written(text, tmp_path / "log.csv")).frame)
    assert (ordered.expanded, ordered.repeated) == (1, 1)


def test_the_same_row_twice_is_no_repeat_where_no_time_says_so(tmp_path: Path) -> None:
    text = "learner_id,item_id,correct\na,i,1\na,i,1\n"
    assert in_order(read_answers(written(text, tmp_path / "log.csv")).frame).repeated == 0


def test_concepts_may_be_a_list_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    lists = [["x", "y"], [], ["y"]]
    pd.DataFrame(
        {"learner_id": [1, 1, 2], "item_id": [7, 8, 7], "concept_id": lists, "correct": [True] * 3}
    ).to_parquet(path)
    log = read_answers(path)
    assert log.frame["concept_ids"].tolist() == [("x", "y"), ("item:8",), ("y",)]
    assert log.own == 1


def test_a_log_of_concepts_alone_says_what_the_item_may_be(tmp_path: Path) -> None:
    path = written("learner_id,concept_id,correct\na,x,1\n", tmp_path / "log.csv")
    with pytest.raises(BadInput, match="--map item_id=concept_id"):
        read_answers(path)
    log = read_answers(path, "item_id=concept_id")
    assert log.frame[["item_id", "concept_ids"]].values.tolist() == [["x", ("x",)]]


def test_other_names_are_mapped_and_likely_ones_are_told(tmp_path: Path) -> None:
    path = written("user_id\titem_id\tskill_id\ttimestamp\tcorrect\n1\t2\t3\t10\t1\n", tmp_path / "log.tsv")
    with pytest.raises(BadInput, match="--map learner_id=user_id"):
        read_answers(path)
    log = read_answers(path, "learner_id=user_id")
    assert log.likely == {"concept_id": "skill_id", "occurred_at": "timestamp"}
    mapped = read_answers(path, "learner_id=user_id,concept_id=skill_id,occurred_at=timestamp")
    assert mapped.likely == {}
    assert mapped.frame["at"].tolist() == [10.0]


@pytest.mark.parametrize(("header", "words"), [("score", "correct=score"), ("seen", "correct=COLUMN")])
def test_a_log_without_outcomes_names_the_column_to_map(tmp_path: Path, header: str, words: str) -> None:
    path = written(f"learner_id,item_id,{header}\na,i,1\n", tmp_path / "log.csv")
    with pytest.raises(BadInput, match=words):
        read_answers(path)


def test_probabilities_by_row_or_in_order(tmp_path: Path) -> None:
    plain = written("p_correct\n0.5\n1\n", tmp_path / "plain.csv")
    assert read_probabilities(plain, "", 2).tolist() == [0.5, 1.0]
    with pytest.raises(BadInput, match="2 predictions"):
        read_probabilities(plain, "", 3)
    numbered = written("row,p\n3,0.25\n1,0.5\n", tmp_path / "numbered.csv")
    found = read_probabilities(numbered, "p_correct=p", 3)
    assert found[[0, 2]].tolist() == [0.5, 0.25]
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row,p_correct\n1,1.5\n", "line 2.*no probability"),
        ("row,p_correct\n0,0.5\n", "line 2.*1 to 2"),
        ("row,p_correct\n1,0.5\n1,0.5\n", "line 3.*twice"),
        ("row,p\n1,0.5\n", "p_correct"),
    ],
)
def test_wrong_probabilities_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_probabilities(written(text, tmp_path / "p.csv"), "", 2)
