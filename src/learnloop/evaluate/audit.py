"""What makes a number too good to be true: leaks between the parts, columns that know the answer, bias.

    {"check": "future_in_training", "severity": "high", "evidence": {"rows": 12}, "advice": "…"}

Each check takes frames or arrays and returns its findings, [] where there is nothing to say. Logs have
learner_id, item_id, at. severity: high is a leak, medium may be one, low is a bias to know of.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from learnloop.evaluate.beyond_accuracy import exposure, gini, head_share
from learnloop.evaluate.ranking import Relevance, metrics

Finding = dict[str, Any]
FEW = 0.01  # share of rows below which a leak is medium, not high
TOLD = 0.7  # partial correlation with the test above which a column knows it
SURE = 0.9  # of the counts themselves: no honest column is as near
LEAST_ITEMS = 30  # with fewer, a correlation says little
ABOVE = 1.5  # times as good as validation says, beyond what the test does to all models
DEALS = 5  # times that labels are dealt anew
FAR = 4.0  # standard errors from chance
CONTROL = 2.0  # times as good as chance
LEAST = 0.02  # of NDCG: less is not worth a finding
HEAD = 0.01  # of the items, whose share of all places is looked at
HEAD_TIMES = 3.0  # times the share that they have in the data
SAME_FIRST = 0.5  # of learners who get one and the same item first


def _finding(check: str, severity: str, advice: str, **evidence: Any) -> Finding:
    return {"check": check, "severity": severity, "evidence": evidence, "advice": advice}


def repeated_pairs(train: pd.DataFrame, test: pd.DataFrame, times: bool) -> list[Finding]:
    """Rows of the test that stand in training, too: with times the same moment, without any the same pair."""
    keys = ["learner_id", "item_id", "at"] if times else ["learner_id", "item_id"]
    known = pd.MultiIndex.from_frame(train[keys].drop_duplicates())
    repeated = int(pd.MultiIndex.from_frame(test[keys]).isin(known).sum())
    if not repeated:
        return []
    share = repeated / len(test)
    return [
        _finding(
            "test_rows_in_training",
            "high" if share >= FEW else "medium",
            "remove the test rows from the training file and fit again",
            rows=repeated,
            share_of_test=share,
            same="learner, item and time" if times else "learner and item",
        )
    ]


def future_rows(train: pd.DataFrame, test: pd.DataFrame) -> list[Finding]:
    """Training rows from after the test begins: of the learner's own test is worse than of others'."""
    begins = test.groupby("learner_id")["at"].min()
    own = train["learner_id"].map(begins).to_numpy(float)
    at = train["at"].to_numpy(float)
    of_own, of_all = int((at > own).sum()), int((at > float(begins.min())).sum())
    if not of_all:
        return []
    return [
        _finding(
            "future_in_training",
            "high" if of_own else "medium",
            "train on what happened before the test alone: --split time, or cut the file at one instant",
            rows_after_the_test_began=of_all,
            share_of_training=of_all / len(train),
            after_the_learner_s_own_test=of_own,
        )
    ]


def spellings(ids: pd.Series, what: str) -> list[Finding]:
    """Identifiers that differ only in case, blanks or the form of their characters (NFKC)."""
    names = pd.Series(ids.unique()).astype(str)
    alike = pd.Series([" ".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in names])
    groups = names.groupby(alike).agg(list)
    several = groups[groups.map(len) > 1]
    if several.empty:
        return []
    return [
        _finding(
            f"{what}s_under_several_names",
            "medium",
            f"write each {what} one way, else training and test know it by different names",
            count=len(several),
            example=" / ".join(repr(name) for name in several.iloc[0][:3]),
        )
    ]


def too_good(models: Mapping[str, Mapping[str, Any]], metric: str = "ndcg") -> list[Finding]:
    """A model whose test is far above its validation, when the test is not so for the others.

    models: as in the JSON. With r = test / validation, the whole interval of the test must lie above
    validation x the median r of the other models x ABOVE. A list of another tool has no validation: it must
    lie above ABOVE times the best interval of those that have one.
    """
    tests = {name: entry["metrics"][metric] for name, entry in models.items() if "metrics" in entry}
    validated: dict[str, float] = {
        name: float(models[name]["validation"][metric]) for name in tests if models[name].get("validation")
    }
    advice = "look for what it may know of the test: its features, its training file, its settings"
    found = []
    for name, value in validated.items():
        others = [tests[other]["value"] / of for other, of in validated.items() if other != name and of > 0]
        usual = max(float(np.median(others)) if others else 1.0, 1.0)
        if tests[name]["low"] > value * usual * ABOVE and tests[name]["value"] > 0.05:
            numbers = {"test": tests[name]["value"], "validation": value, "ratio_of_the_others": usual}
            found.append(_finding("test_above_validation", "high", advice, model=name, **numbers))
    highest = max((tests[name]["high"] for name in validated), default=1.0)
    for name in sorted(tests.keys() - validated.keys()) if validated else ():
        if tests[name]["low"] > ABOVE * highest:
            numbers = {"test": tests[name]["value"], "best_interval_of_ours_ends": highest}
            found.append(_finding("test_above_all_others", "medium", advice, model=name, **numbers))
    return found


def dealt_anew(
    lists: Mapping[str, np.ndarray], relevant: Relevance, counts: np.ndarray, seed: int = 0
) -> list[Finding]:
    """The control: where each learner's relevant items are another learner's, nobody can be foreseen.

    What is left to a model is what the test likes on the whole. Of that training tells its popularity, and a
    history what is going on just now: so all good models do better there than the most popular items. One
    that does far better than those and than the median of the other models knows it from elsewhere.
    lists: model -> columns (n, k).
    """
    n = len(relevant.sizes)
    rng = np.random.default_rng(seed)
    dealt = [_dealt(relevant, rng.permutation(n)) for _ in range(DEALS)]

    def control(columns: np.ndarray) -> np.ndarray:
        return np.mean(
            [metrics(part.hits(columns), part.sizes, columns.shape[1])["ndcg"] for part in dealt], 0
        )

    controls = {name: control(columns) for name, columns in lists.items()}
    found = []
    for name, columns in lists.items():
        popular = np.tile(np.argsort(-counts, kind="stable")[: columns.shape[1]], (n, 1))
        others = [float(values.mean()) for other, values in controls.items() if other != name]
        usual = max(float(control(popular).mean()), float(np.median(others)) if len(others) > 1 else 0.0)
        reached = controls[name]
        sure = FAR * float(np.std(reached)) / np.sqrt(n)
        if reached.mean() - usual > max(sure, LEAST) and reached.mean() > CONTROL * usual:
            found.append(
                _finding(
                    "control_above_chance",
                    "medium",
                    "look for what it may know of the time of the test: future rows, features counted on all",
                    model=name,
                    ndcg_with_labels_dealt_anew=float(reached.mean()),
                    ndcg_of_the_others_there=usual,
                )
            )
    return found


def _dealt(relevant: Relevance, order: np.ndarray) -> Relevance:
    keys = np.sort(order[relevant.rows] * relevant.n_items + relevant.columns)
    sizes = np.empty_like(relevant.sizes)
    sizes[order] = relevant.sizes
    return Relevance(keys, sizes, relevant.n_items)


def telling_columns(
    items: pd.DataFrame, item_ids: np.ndarray, train: np.ndarray, test: np.ndarray
) -> list[Finding]:
    """Columns of numbers of the items that know how popular an item is in the test.

    train, test: (n_items,) learners of each item of `item_ids` in either part. The partial correlation of
    the column with the test, given training: what an honest column knows, training mostly knows, too. Taken
    of the counts and of their ranks.
    """
    place = pd.Index(items["item_id"]).get_indexer(pd.Index(item_ids))
    found = []
    for name in items.columns.drop("item_id"):
        told = pd.to_numeric(items[name].astype(object), errors="coerce").to_numpy(float)
        values = np.where(place >= 0, told[place], np.nan)
        there = ~np.isnan(values)
        if there.sum() < LEAST_ITEMS:
            continue
        parts = values[there], test[there].astype(float), train[there].astype(float)
        ranks = [pd.Series(part).rank().to_numpy() for part in parts]
        counted = abs(_partial(*parts))
        strength = max(counted, abs(_partial(*ranks)))
        if strength > TOLD:
            found.append(
                _finding(
                    "item_column_knows_the_test",
                    "high" if counted > SURE else "medium",
                    f"leave {name!r} out, or compute it on the training part alone",
                    column=name,
                    partial_correlation_with_the_test=strength,
                    items=int(there.sum()),
                )
            )
    return found


def _partial(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> float:
    """Correlation of what is left of a and b when the straight line through `given` is taken away."""

    def left(values: np.ndarray) -> np.ndarray:
        design = np.column_stack([np.ones(len(given)), given])
        return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]

    rest_a, rest_b = left(a), left(b)
    size = float(np.linalg.norm(rest_a) * np.linalg.norm(rest_b))
    # What is left of a column that training explains is noise of the arithmetic.
    tiny = 1e-9 * (np.linalg.norm(a) + 1) * (np.linalg.norm(b) + 1)
    return float(rest_a @ rest_b) / size if size > tiny else 0.0


def telling_rows(train: pd.DataFrame, relevant: Mapping[str, set[str]]) -> list[Finding]:
    """Columns of the training log that name what a learner did next, say one called next_item.

    For each learner of the test, the column's values of the learner's own rows that no row of training has
    as the learner's item; how often they are right, against how often they are for the next learner.
    """
    learners = sorted(set(relevant) & set(train["learner_id"]))
    if len(learners) < 2:
        return []
    rows = train[train["learner_id"].isin(learners)]
    done = rows.groupby("learner_id")["item_id"].agg(set)
    items = set(train["item_id"]).union(*relevant.values())
    found = []
    for name in train.columns.drop(["learner_id", "item_id", "at"]):
        named = rows.loc[rows[name].isin(items)].groupby("learner_id")[name].agg(set)
        told = {learner: named[learner] - done[learner] for learner in learners if learner in named.index}
        told = {learner: values for learner, values in told.items() if values}
        if len(told) < max(2, 0.1 * len(learners)):
            continue
        right = np.mean([bool(values & relevant[learner]) for learner, values in told.items()])
        shifted = dict(zip(told, [*list(told)[1:], next(iter(told))], strict=True))
        chance = np.mean([bool(values & relevant[shifted[learner]]) for learner, values in told.items()])
        if right > 0.3 and right > 2 * chance:
            found.append(
                _finding(
                    "log_column_names_the_next_item",
                    "high",
                    f"leave {name!r} out: it was written when the answer was known",
                    column=name,
                    learners=len(told),
                    right_for=float(right),
                    right_for_another_learner=float(chance),
                )
            )
    return found


def popularity_bias(name: str, columns: np.ndarray, counts: np.ndarray) -> list[Finding]:
    """Lists that hold the most popular 1% of the items far more often than the data do."""
    shown = exposure(columns, len(counts))
    share, own = head_share(shown, counts, HEAD), head_share(counts, counts, HEAD)
    if share <= HEAD_TIMES * own or gini(shown) <= gini(counts):
        return []
    return [
        _finding(
            "popularity_bias",
            "low",
            "compare coverage and the groups of cold items; a re-ranking for diversity lowers it",
            model=name,
            rank_correlation_of_exposure_and_popularity=_spearman(shown, counts),
            share_of_the_top_1_percent=share,
            their_share_of_the_data=own,
            gini=gini(shown),
            gini_of_the_data=gini(counts),
        )
    ]


def position_bias(name: str, columns: np.ndarray, counts: np.ndarray, item_ids: np.ndarray) -> list[Finding]:
    """One and the same item on the first place of most learners, far above its share of the data."""
    first = columns[:, 0][columns[:, 0] >= 0] if columns.shape[1] else np.array([], dtype=int)
    if not len(first):
        return []
    shown = np.bincount(first, minlength=len(counts))
    item = int(shown.argmax())
    share, own = shown[item] / len(first), counts[item] / max(counts.sum(), 1)
    if share <= SAME_FIRST or share <= HEAD_TIMES * own:
        return []
    return [
        _finding(
            "position_bias",
            "low",
            "what stands first is done more, and is learnt again: log what is shown, with its probability",
            model=name,
            item=str(item_ids[item]),
            first_for=float(share),
            share_of_the_data=float(own),
        )
    ]


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [pd.Series(part).rank().to_numpy() for part in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1]) if min(np.ptp(rank) for rank in ranks) > 0 else 0.0
