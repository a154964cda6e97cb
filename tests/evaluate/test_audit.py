"""Each leak and bias planted, each found; and nothing found where nothing was planted."""

import numpy as np
import pandas as pd

from learnloop.evaluate import audit
from learnloop.evaluate.ranking import Relevance


def rows(*triples: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(list(triples), columns=["learner_id", "item_id", "at"])


def test_a_row_at_the_same_moment_is_a_copy_and_a_later_repeat_is_none() -> None:
    train = rows(("a", "x", 1.0), ("b", "x", 2.0))
    assert audit.repeated_pairs(train, rows(("a", "x", 5.0), ("a", "y", 6.0)), times=True) == []
    (found,) = audit.repeated_pairs(train, rows(("a", "x", 1.0), ("a", "y", 6.0)), times=True)
    assert found["evidence"]["share_of_test"] == 0.5
    (found,) = audit.repeated_pairs(train, rows(("a", "x", 5.0), ("a", "y", 6.0)), times=False)
    assert (found["check"], found["severity"]) == ("test_rows_in_training", "high")


def test_the_future_of_others_is_less_than_one_s_own() -> None:
    test = rows(("a", "y", 10.0), ("b", "y", 20.0))
    assert audit.future_rows(rows(("a", "x", 9.0), ("b", "x", 10.0)), test) == []
    (others,) = audit.future_rows(rows(("a", "x", 9.0), ("b", "x", 15.0)), test)
    (own,) = audit.future_rows(rows(("a", "x", 11.0), ("c", "x", 15.0)), test)
    assert [others["severity"], own["severity"]] == ["medium", "high"]
    assert own["evidence"]["rows_after_the_test_began"] == 2
    assert own["evidence"]["after_the_learner_s_own_test"] == 1


def test_one_name_in_several_spellings() -> None:
    assert audit.spellings(pd.Series(["a1", "a2", "a1"]), "item") == []
    (found,) = audit.spellings(pd.Series(["Ana", "ana ", "ANA", "eva", "\uff45va"]), "learner")
    assert found["evidence"]["count"] == 2
    assert "'Ana' / 'ana ' / 'ANA'" in found["evidence"]["example"]


def entry(test: float, validation: float | None) -> dict[str, object]:
    interval = {"value": test, "low": test - 0.02, "high": test + 0.02}
    return {"metrics": {"ndcg": interval}, "validation": None if validation is None else {"ndcg": validation}}


def test_a_test_far_above_validation_is_found_unless_it_is_so_for_all() -> None:
    easy = {"a": entry(0.4, 0.2), "b": entry(0.42, 0.2), "c": entry(0.38, 0.2)}
    assert audit.too_good(easy) == []
    (found,) = audit.too_good({**easy, "d": entry(0.9, 0.2)})
    assert (found["check"], found["evidence"]["model"]) == ("test_above_validation", "d")
    (found,) = audit.too_good({**easy, "theirs": entry(0.9, None)})
    assert (found["check"], found["evidence"]["model"]) == ("test_above_all_others", "theirs")
    assert audit.too_good({**easy, "theirs": entry(0.45, None)}) == []


def asked(n: int = 300, m: int = 100) -> tuple[np.ndarray, Relevance, np.ndarray]:
    """(popular in training, relevant, items in any order); the test likes the other end of the items."""
    rng = np.random.default_rng(0)
    weights = np.linspace(1, 10, m) ** 2
    relevant = [
        {f"{item:03d}" for item in rng.choice(m, 5, False, weights / weights.sum())} for _ in range(n)
    ]
    counts = np.arange(m, 0, -1)
    return counts, Relevance.of(relevant, [f"{item:03d}" for item in range(m)]), rng.permutation(m)


def test_a_model_that_knows_the_popularity_of_the_test_is_found_by_labels_dealt_anew() -> None:
    counts, relevant, mixed = asked()
    n, m = len(relevant.sizes), len(counts)
    future = np.tile(np.arange(m)[::-1][:10], (n, 1))
    honest = np.tile(mixed[:10], (n, 1))
    assert audit.dealt_anew({"popular": np.tile(np.arange(10), (n, 1))}, relevant, counts) == []
    (found,) = audit.dealt_anew({"future": future}, relevant, counts)
    assert found["check"] == "control_above_chance"
    # What several models reach there, they know of what is going on, and one of them is no cheat.
    near = {
        f"model {shift}": np.tile(np.arange(m)[::-1][10 + shift : 20 + shift], (n, 1)) for shift in range(3)
    }
    assert audit.dealt_anew(near, relevant, counts) == []
    # A model that foresees each learner, and nothing else, is at chance where labels are another's.
    own = relevant.columns.reshape(n, 5)
    told = audit.dealt_anew({"own": own, "honest": honest}, relevant, relevant_counts(relevant))
    assert told == []


def relevant_counts(relevant: Relevance) -> np.ndarray:
    return np.bincount(relevant.columns, minlength=relevant.n_items)


def test_a_column_counted_on_the_whole_file_knows_the_test_and_one_counted_on_training_does_not() -> None:
    rng = np.random.default_rng(1)
    taste = rng.gamma(1, 20, 200)
    train, test = rng.poisson(4 * taste), rng.poisson(taste)
    item_ids = np.array([f"i{number:03d}" for number in range(200)])
    items = pd.DataFrame(
        {
            "item_id": item_ids[::-1],
            "whole": (train + test)[::-1],
            "training": train[::-1],
            "outside": rng.poisson(taste)[::-1],  # an honest count from elsewhere
            "pages": rng.integers(1, 99, 200),
            "title": "a",
        }
    )
    (found,) = audit.telling_columns(items, item_ids, train, test)
    assert found["evidence"]["column"] == "whole"
    assert found["severity"] == "high"
    assert audit.telling_columns(items.head(20), item_ids, train, test) == []  # too few to tell


def test_a_column_that_names_the_next_item() -> None:
    rng = np.random.default_rng(2)
    log = pd.DataFrame(
        {"learner_id": np.repeat([f"l{n:02d}" for n in range(50)], 6), "item_id": rng.integers(0, 80, 300)}
    ).astype(str)
    log = log.assign(at=np.arange(300.0), next=log.groupby("learner_id")["item_id"].shift(-1))
    log = log.assign(other=rng.permutation(log["item_id"]))
    last = log.groupby("learner_id").tail(1)
    relevant = {learner: {item} for learner, item in zip(last["learner_id"], last["item_id"], strict=True)}
    train = log.drop(last.index)
    (found,) = audit.telling_rows(train, relevant)
    assert found["evidence"]["column"] == "next"
    assert audit.telling_rows(train.drop(columns="next"), relevant) == []


def test_bias_is_told_where_lists_are_far_more_popular_than_the_data() -> None:
    counts = np.array([40] * 2 + [10] * 198)
    rng = np.random.default_rng(3)
    fair = np.array([rng.permutation(200)[:5] for _ in range(400)])
    narrow = fair.copy()
    narrow[:, 0] = 1
    item_ids = np.array([f"i{number}" for number in range(200)])
    assert audit.popularity_bias("fair", fair, counts) == []
    assert audit.position_bias("fair", fair, counts, item_ids) == []
    (popular,) = audit.popularity_bias("narrow", narrow, counts)
    assert popular["evidence"]["share_of_the_top_1_percent"] > 0.2
    (first,) = audit.position_bias("narrow", narrow, counts, item_ids)
    assert first["evidence"]["item"] == "i1"
    assert first["evidence"]["first_for"] == 1
