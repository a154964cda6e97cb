"""The rubric lowers the part that was broken, and no other; sheets are blind and come back."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.evaluate.question_rubric import PARTS, rubric
from learnloop.evaluate.rating_sheets import (
    COLUMNS,
    INSTRUCTIONS,
    between_raters,
    ratings,
    row_of,
    sheet,
    with_rubric,
)

LESSON = (
    "The sea moves every day. The regular rise and fall of the sea is called the tide. A gyre is a large ring"
    " of currents. A reef is a ridge of rock or coral. Salinity is measured in grams of salt."
)
QUOTE = "The regular rise and fall of the sea is called the tide."


def question(**changed: Any) -> dict[str, Any]:
    return {
        "question_id": "q1",
        "item_id": "sea/tides",
        "kind": "multiple_choice",
        "stem": "What is the regular rise and fall of the sea called?",
        "key": "tide",
        "options": ["gyre", "tide", "reef"],
        "quote": QUOTE,
        "language": "en",
        "origin": "generated",
        "answer": None,
        "aliases": None,
        "checks": None,
        "provenance": {},
        "stem_years": 5.0,
        "source_years": 6.0,
    } | changed


def parts_of(*rows: Mapping[str, Any]) -> pd.DataFrame:
    return rubric(pd.DataFrame(list(rows)), {"sea/tides": LESSON})


BROKEN = {
    "grounded": {"quote": "The tide was invented in 1874 by sailors."},
    "answerable": {"stem": "What is the tide, the regular rise and fall of the sea, called?"},
    "single_key": {"options": ["gyre", "reef", "sea"]},
    "distinct": {"options": ["ring of currents", "tide", "rings of currents"]},
    "fluent": {"stem": "what is the regular rise and fall fall of the <b>sea</b> called"},
    "level": {"stem_years": 15.0},
}


def test_a_sound_question_scores_near_one() -> None:
    told = parts_of(question()).iloc[0]
    assert told["score"] > 0.95
    assert list(told.index) == [*PARTS, "score"]


@pytest.mark.parametrize("part", PARTS)
def test_what_was_broken_is_what_is_lowered(part: str) -> None:
    good, bad = parts_of(question()).iloc[0], parts_of(question(**BROKEN[part])).iloc[0]
    assert bad[part] < good[part] - 0.2
    assert bad["score"] < good["score"]


def test_a_failed_check_halves_its_part_alone() -> None:
    good = parts_of(question()).iloc[0]
    bad = parts_of(question(checks={"one_right_answer": {"passed": False, "detail": "reef"}})).iloc[0]
    assert bad["single_key"] == good["single_key"] / 2
    assert all(bad[part] == good[part] for part in PARTS if part != "single_key")
    old = parts_of(question(provenance={"checks": {"key_verbatim": False}})).iloc[0]
    assert old["grounded"] == good["grounded"] / 2


def test_a_distractor_that_the_quote_names_counts_against_the_key() -> None:
    told = parts_of(question(options=["sea", "tide", "reef"])).iloc[0]
    assert told["single_key"] == 0.5
    assert parts_of(question(options=["gyre", "tide"], aliases=["gyre"])).iloc[0]["single_key"] == 0


def test_years_and_likeness_are_lost_by_the_formula() -> None:
    told = parts_of(question(stem_years=9.0), question(question_id="q2", item_id="sea/gyres"))
    assert told["level"].tolist() == [0.5, 1.0]  # three years too many, of six
    alike = {"options": ["abcdef", "tide", "abcdeg"]}  # 4 of 8 triples with the ends, and so no harm
    nearer = {"options": ["abcdefghi", "tide", "abcdefghj"]}  # 7 of 11: 2 x 7 / 11 - 1 is lost
    told = parts_of(question(**alike), question(question_id="q2", item_id="sea/gyres", **nearer))
    assert told["distinct"].tolist() == pytest.approx([1.0, 1 - 3 / 11])


def test_the_same_stem_twice_is_not_distinct() -> None:
    told = parts_of(
        question(), question(question_id="q2"), question(question_id="q3", stem="How is salinity measured?")
    )
    assert told["distinct"].tolist()[:2] == [0, 0]
    assert told["distinct"].iloc[2] > 0.9


def test_every_kind_has_a_score() -> None:
    rows = [
        question(
            question_id="c", kind="cloze", stem="The rise and fall of the sea is called the ____.", options=[]
        ),
        question(question_id="t", kind="true_false", stem=QUOTE, key="true", options=[]),
        question(
            question_id="f",
            kind="true_false",
            stem="The regular rise and fall of the sea is called the reef.",
            key="false",
            options=[],
            answer={"corrected": QUOTE},
        ),
        question(question_id="s", kind="short_answer", options=[]),
        question(
            question_id="m",
            kind="matching",
            key="tide: rise and fall; gyre: ring of currents",
            options=["rise and fall", "ring of currents"],
            answer={"pairs": [["tide", "rise and fall"], ["gyre", "ring of currents"]]},
        ),
        question(
            question_id="o",
            kind="ordering",
            key="a",
            options=["tide", "gyre"],
            answer={"order": ["tide", "gyre"]},
        ),
    ]
    told = parts_of(*rows)
    assert (told["score"] > 0.7).all()
    assert ((told.fillna(0) >= 0) & (told.fillna(0) <= 1)).all().all()


def test_without_a_lesson_the_quote_is_the_source_and_without_years_there_is_no_level() -> None:
    told = rubric(pd.DataFrame([question(stem_years=None)]), {})
    assert np.isnan(told["level"].iloc[0])
    assert told["grounded"].iloc[0] > 0.9
    bare = rubric(pd.DataFrame([question(quote=None)]), {})
    assert np.isnan(bare["grounded"].iloc[0])
    assert not np.isnan(bare["score"].iloc[0])


def filled(text: str, rater: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of a sheet, as they are read back, with a rater's marks."""
    body = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
    records = list(csv.DictReader(io.StringIO(body)))
    return [record | rater.get(record["row"], {}) for record in records]


def bank(n: int = 12) -> pd.DataFrame:
    return pd.DataFrame([question(question_id=f"secret-{i}", origin="generated") for i in range(n)])


def test_a_sheet_is_blind_shuffled_and_says_what_to_do() -> None:
    text = sheet(bank(), {"secret-1": "A passage."}, seed=1)
    assert "secret" not in text
    assert "generated" not in text
    assert all(line in text for line in INSTRUCTIONS)
    records = filled(text, {})
    assert tuple(records[0]) == COLUMNS
    rows = [record["row"] for record in records]
    assert sorted(rows) == sorted(row_of(f"secret-{i}") for i in range(12))
    assert rows != [row_of(f"secret-{i}") for i in range(12)]
    assert [r["passage"] for r in records if r["row"] == row_of("secret-1")] == ["A passage."]
    assert text == sheet(bank(), {"secret-1": "A passage."}, seed=1)


def test_no_cell_is_a_formula() -> None:
    frame = bank(1).assign(stem=['=HYPERLINK("http://x")'], key=["@SUM(A1)"], quote=["-1 is a number"])
    record = filled(sheet(frame, {}), {})[0]
    assert [record[name][0] for name in ("question", "answer", "passage")] == ["'"] * 3


def test_ratings_come_back_and_agree_as_planted() -> None:
    frame = bank(60)
    rng = np.random.default_rng(2)
    truth = {row_of(name): int(rng.integers(0, 3)) for name in frame["question_id"]}
    text = sheet(frame, {})
    ana = {row: {"grounded": str(value), "fluent": "2"} for row, value in truth.items()}
    ben = {row: {"grounded": f"{value},0", "fluent": str(rng.integers(0, 3))} for row, value in truth.items()}
    rated = ratings({"ana": filled(text, ana), "ben": filled(text, ben)}, frame)
    told = between_raters(rated, 60)
    assert told["grounded"]["none"] == 1
    assert told["fluent"]["none"] == pytest.approx(0)
    assert "level" not in told
    scores = pd.DataFrame(
        {
            "question_id": frame["question_id"],
            "grounded": [truth[row_of(name)] / 2 for name in frame["question_id"]],
            "fluent": 0.5,
            "score": [truth[row_of(name)] / 2 for name in frame["question_id"]],
        }
    )
    with_them = with_rubric(rated, scores, 60)
    assert with_them["grounded"]["spearman"]["value"] == pytest.approx(1)
    assert with_them["grounded"]["kappa"]["value"] == 1
    assert with_them["fluent"]["spearman"]["value"] is None
    assert with_them["score"]["spearman"]["value"] > 0.5


def test_a_column_names_several_raters_of_one_file() -> None:
    frame = bank(1)
    row = row_of("secret-0")
    rows = [{"row": row, "rater": name, "grounded": "1"} for name in ("ana", "ben")]
    assert between_raters(ratings({"f": rows}, frame), 50)["grounded"]["n"] == 1


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"row": "strange"}, "no question here"),
        ({"row": row_of("secret-0"), "level": "3"}, "rating '3'"),
        ({"row": row_of("secret-0"), "level": "good"}, "rating 'good'"),
    ],
)
def test_what_is_wrong_on_a_sheet_is_named(record: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        ratings({"ana": [record]}, bank(1))


def test_a_question_is_rated_once_by_a_rater() -> None:
    rows = [{"row": row_of("secret-0"), "level": "1"}] * 2
    with pytest.raises(BadInput, match="twice"):
        ratings({"ana": rows}, bank(1))
