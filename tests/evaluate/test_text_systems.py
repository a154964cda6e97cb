"""Scores beside copying and chance: baselines that are what they say, correlations, alignment, a page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate import text_report
from learnloop.evaluate.text import sentences
from learnloop.evaluate.text_rubric import PARTS, rubric
from learnloop.evaluate.text_systems import (
    compare,
    correlations,
    greedy_alignment,
    per_document,
    spearman,
    systems,
    tokens_for,
)

TOPICS = ("tide", "wave", "gyre", "reef", "delta", "lagoon")


def documents() -> pd.DataFrame:
    rows = []
    for place, topic in enumerate(TOPICS):
        source = (
            f"Many things move in water number {place}. A {topic} is one of the shapes of the sea. "
            f"Ships avoid the {topic} in bad weather. Nobody counts them all."
        )
        rows.append(
            {
                "id": topic,
                "prediction": f"A {topic} is one of the shapes of the sea.",
                "reference": f"A {topic} is a shape of the sea.",
                "source": source,
            }
        )
    return pd.DataFrame(rows)


def test_baselines_are_as_long_as_the_prediction_and_come_from_where_they_say() -> None:
    frame = documents()
    told = systems(frame, seed=3)
    assert set(told) == {"prediction", "lead", "random", "other"}
    for place, source in enumerate(frame["source"]):
        parts = sentences(source)
        assert told["lead"][place] == parts[0]
        assert told["random"][place] in parts
        assert told["other"][place] != told["prediction"][place]
    assert sorted(told["other"]) == sorted(told["prediction"])
    assert told == systems(frame, seed=3)
    assert told["random"] != systems(frame, seed=4)["random"]


def test_without_sources_there_is_no_copy_and_no_rubric() -> None:
    found = compare(documents().drop(columns="source"), n_bootstrap=60)
    assert set(found["systems"]) == {"prediction", "other"}
    assert found["correlations"] == {}


def test_a_good_prediction_beats_copying_and_chance_beyond_doubt() -> None:
    found = compare(documents(), n_bootstrap=200)
    for baseline in ("lead", "random", "other"):
        assert found["differences"][baseline]["rougeL"]["low"] > 0
    for of in found["systems"].values():
        for one in of.values():
            assert one["low"] <= one["value"] <= one["high"]
    assert found["systems"]["prediction"]["bleu"]["value"] > found["systems"]["lead"]["bleu"]["value"]


def test_bleu_is_sacrebleus_corpus_score() -> None:
    from sacrebleu.metrics import BLEU

    frame = documents()
    wanted = BLEU().corpus_score(frame["prediction"].tolist(), [frame["reference"].tolist()]).score
    assert compare(frame, n_bootstrap=50)["systems"]["prediction"]["bleu"]["value"] == pytest.approx(wanted)


def test_characters_are_tokens_where_no_spaces_are_written() -> None:
    assert tokens_for(["ループはコードを繰り返す。"]) == "char"
    assert tokens_for(["El bucle repite código."]) == "13a"
    frame = pd.DataFrame([{"id": "1", "prediction": "循环重复代码", "reference": "循环重复一段代码"}])
    found = compare(frame, n_bootstrap=50)
    assert found["tokens"] == "char"
    assert 0 < found["systems"]["prediction"]["rouge1"]["value"] < 100


def test_spearman_is_scipys() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 5, 12), rng.normal(size=12)
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman(np.ones(5), np.arange(5)) is None
    assert spearman(np.arange(2), np.arange(2)) is None


def test_a_planted_correlation_is_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(1)
    judge = rng.normal(size=80)
    each = pd.DataFrame({"good": judge + 0.3 * rng.normal(size=80), "noise": rng.normal(size=80)})
    found = correlations(each, judge, 200)
    assert found["good"]["low"] > 0.8
    assert found["noise"]["low"] < 0 < found["noise"]["high"]
    judge[:40] = np.nan
    assert correlations(each, judge, 60)["good"]["n"] == 40


def test_scores_of_people_are_a_judge_too() -> None:
    frame = documents().assign(score=[1, 2, 3, 4, 5, None])
    assert compare(frame, n_bootstrap=60)["correlations"]["score"]["chrf"]["n"] == 5


def test_greedy_alignment_is_the_formula() -> None:
    vectors = {"a b": np.eye(3)[:2], "b c": np.eye(3)[1:], "": np.zeros((0, 3))}

    def of(texts: Sequence[str]) -> list[np.ndarray]:
        return [vectors[text] for text in texts]

    found = greedy_alignment(["a b", "a b", ""], ["a b", "b c", "a b"], of)
    assert found == pytest.approx([1.0, 0.5, 0.0])


def test_the_rubric_lowers_exactly_the_part_that_was_broken() -> None:
    source = documents()["source"][0]
    good = "A tide is one of the shapes of the sea."
    broken = {
        "grounded": "A tide is 37 of the shapes of the sea.",
        "distinct": "A tide is one of the sea, one of the sea, one of the sea.",
        "fluent": "a tide is one of the shapes of the sea",
        "brief": source,
    }
    best = rubric([good], [source]).iloc[0]
    for part, text in broken.items():
        assert rubric([text], [source]).iloc[0][part] < best[part], part
    # nine words that are there and a figure that is not, which counts five
    assert rubric([broken["grounded"]], [source])["grounded"].iloc[0] == pytest.approx(9 / 14)
    told = rubric([*broken.values(), ""], [source] * 5)
    assert ((told >= 0) & (told <= 1)).all().all()
    assert told["score"].iloc[-1] == 0
    assert list(told) == [*PARTS, "score"]


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(NothingToDo):
        compare(documents()[:0])
    with pytest.raises(BadInput, match="'wave'"):
        compare(documents().assign(reference=["x", " ", "x", "x", "x", "x"]))


def test_the_page_escapes_what_came_with_the_data() -> None:
    frame = documents().assign(id=["<script>x</script>", *TOPICS[1:]])
    found = compare(frame, None, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], n_bootstrap=60)
    data = {name: {"file": "<b>f", "sha256": "0"} for name in ("predictions", "references")}
    result = {**found, "data": data, "seed": 0, "notes": ["<i>note"], "signatures": {"bleu": "x"}}
    page = text_report.text_page(result | {"rubric": None})
    assert text_report.is_report(page.encode())
    assert "<script>x" not in page
    assert "<b>f" not in page
    assert "<i>note" not in page
    assert "Scores beside copying and chance" in page


def test_each_document_is_scored_alone() -> None:
    each = per_document(["the sea is wide", "no"], ["the sea is wide", "the sea is wide"])
    assert each["sentence_bleu"].tolist()[0] == pytest.approx(100)
    assert each["rouge2"].tolist() == [100, 0]
