"""How well a policy taught simulated learners: steps to mastery, what stays, what was wasted, and for whom.

    reached   the answer after which a learner had mastered every concept for the first time; inf: never
    steps     min(reached, limit): its mean is the restricted mean (Royston & Parmar 2013), which needs no
              guess at how long those would have taken who did not reach it

Every policy taught the same learners, so policies are compared learner by learner.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.evaluate.ranking import interval, means, resampled_means

GOAL = 0.2  # of the steps of the best simple policy, to be saved
POINTS = 80  # of a curve


def per_learner(
    *,
    reached: np.ndarray,
    limit: int,
    answered: np.ndarray,
    over: np.ndarray,
    unready: np.ndarray,
    broken: np.ndarray | None,
    final: np.ndarray,
    kept: np.ndarray,
    unmastered: np.ndarray,
) -> pd.DataFrame:
    """A row a learner. answered, over, unready, broken: (n,) answers until `reached`, of them on concepts
    mastered already, against prerequisites in truth, and in the policy's own belief (None: it has none).
    final, kept: (n, n_concepts) true mastery at the end and after a wait. unmastered: (n,) concepts.

    steps, reached (0 or 1), final_mastery, retention, over_practice (answers), over_share (of all until
    mastery; NaN for who knew all from the start), under_practice (concepts), unready_share, violations.
    """
    some = np.where(answered > 0, answered, np.nan)
    return pd.DataFrame(
        {
            "steps": np.minimum(reached, limit),
            "reached": (reached <= limit).astype(float),
            "final_mastery": final.mean(axis=1),
            "retention": kept.mean(axis=1),
            "over_practice": over.astype(float),
            "over_share": over / some,
            "under_practice": unmastered.astype(float),
            "unready_share": unready / some,
            "violations": np.full(len(reached), np.nan) if broken is None else broken.astype(float),
        }
    )


def summary(table: pd.DataFrame, slow: np.ndarray, n_bootstrap: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Column -> {value, low, high}; violations as a number of answers, None where the policy believes
    nothing; fairness: slow learners less fast ones, in steps and final mastery. slow: (n,) bool."""
    found: dict[str, Any] = means(table.drop(columns="violations"), n_bootstrap, seed)
    broken = table["violations"]
    found["violations"] = None if broken.isna().any() else int(broken.sum())
    found["fairness"] = {
        column: between_groups(table[column].to_numpy(float), slow, n_bootstrap, seed)
        for column in ("steps", "final_mastery")
    }
    return found


def between_groups(
    values: np.ndarray, slow: np.ndarray, n_bootstrap: int = 1000, seed: int = 0
) -> dict[str, float] | None:
    """{value, low, high, slow, fast} of mean(slow) - mean(fast); None where a group is empty."""
    if slow.all() or not slow.any():
        return None
    columns = np.column_stack([np.where(slow, values, np.nan), np.where(slow, np.nan, values)])
    drawn = resampled_means(columns, n_bootstrap, np.random.default_rng(seed))
    differences = drawn[:, 0] - drawn[:, 1]
    low, high = interval(differences[~np.isnan(differences)])
    one, two = np.nanmean(columns, axis=0).tolist()
    return {"value": one - two, "low": low, "high": high, "slow": one, "fast": two}


def saving(ours: np.ndarray, rival: np.ndarray, n_bootstrap: int = 1000, seed: int = 0) -> dict[str, float]:
    """{value, low, high} of 1 - mean(ours) / mean(rival), steps of the same learners in the same order.

    The bootstrap draws learners, so that both means are of the same ones. Raises BadInput.
    """
    if len(ours) != len(rival) or not len(ours):
        raise BadInput("the two policies did not teach the same learners", field="steps")
    drawn = resampled_means(np.column_stack([ours, rival]), n_bootstrap, np.random.default_rng(seed))
    share = 1.0 - drawn[:, 0] / np.maximum(drawn[:, 1], 1e-12)
    low, high = interval(share)
    return {"value": float(1.0 - ours.mean() / max(rival.mean(), 1e-12)), "low": low, "high": high}


def best_simple(steps: Mapping[str, np.ndarray], simple: Sequence[str]) -> str:
    """The simple policy of the smallest mean; of equals the first."""
    return min((name for name in simple if name in steps), key=lambda name: float(steps[name].mean()))


def curve(reached: np.ndarray, mastered: np.ndarray) -> dict[str, list[float]]:
    """steps, at most POINTS of them; reached: share of learners by then; mastered: mean concepts then.

    mastered: (limit + 1,), after each answer, from 0 on.
    """
    limit = len(mastered) - 1
    grid = np.unique(np.linspace(0, limit, min(POINTS, limit + 1)).round().astype(int))
    share = (reached[None, :] <= grid[:, None]).mean(axis=1)
    return {
        "steps": grid.tolist(),
        "reached": np.round(share, 4).tolist(),
        "mastered": np.round(mastered[grid], 3).tolist(),
    }
