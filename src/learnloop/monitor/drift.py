"""Has the activity changed since the model was trained? Asked per learner, answered with an effect.

A learner's events are not independent, so the unit is the learner: each feature is one number a learner
and a window, and significance comes from permuting learners, never events. With thousands of learners
any difference is significant, so a verdict also wants an effect worth acting on; with few, the same
threshold on a raw index (PSI > 0.1) fires on noise most days, so the effect must exceed what the
permutations show by chance. Several features are tested at once: Benjamini-Hochberg (1995).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo

FEATURES: dict[str, str] = {
    "correct_rate": "share of answers that were right",
    "mean_score": "mean score, 0 to 1",
    "median_duration_s": "median seconds on an item",
    "events_per_active_day": "events on a day with any",
}
MIN_EFFECT = 0.2  # Cohen's (1988) "small" difference, in pooled standard deviations
MIN_MIX_EFFECT = 0.1  # a tenth of all activity moved to other items, beyond chance


@dataclass(frozen=True)
class Finding:
    """One feature: `effect` is a standardised mean difference (or, for `item_mix`, the total variation
    distance beyond its mean under permutation); `n_*` are learners."""

    feature: str
    reference: float
    current: float
    effect: float
    p_value: float
    adjusted_p: float
    n_reference: int
    n_current: int
    drift: bool


@dataclass(frozen=True)
class DriftReport:
    drift: bool
    findings: list[Finding] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def learner_features(interactions: pd.DataFrame) -> pd.DataFrame:
    """One row a learner, columns FEATURES (float, NaN where a learner has none), index learner_id."""
    grouped = interactions.groupby("learner_id", sort=True)
    active_days = interactions["occurred_at"].dt.floor("D").groupby(interactions["learner_id"]).nunique()
    return pd.DataFrame(
        {
            "correct_rate": grouped["correct"].mean(),
            "mean_score": grouped["score"].mean(),
            "median_duration_s": grouped["duration_s"].median(),
            "events_per_active_day": grouped.size() / active_days,
        }
    ).astype(float)


def detect(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    seed: int = 0,
    n_permutations: int = 500,
    level: float = 0.05,
    min_learners: int = 20,
) -> DriftReport:
    """Compares two frames of INTERACTIONS. Raises NothingToDo where either has too few learners."""
    for name, frame in (("reference", reference), ("current", current)):
        if frame["learner_id"].nunique() < min_learners:
            raise NothingToDo(
                f"the {name} window has {frame['learner_id'].nunique()} learners, fewer than {min_learners}",
                "learnloop monitor drift --since DATE with an earlier date",
            )
    rng = np.random.default_rng(seed)
    before, after = learner_features(reference), learner_features(current)
    raw: list[tuple[str, float, float, float, float, int, int, float]] = []
    skipped: dict[str, str] = {}
    for feature in FEATURES:
        old, new = before[feature].dropna(), after[feature].dropna()
        if min(len(old), len(new)) < min_learners:
            skipped[feature] = "too few learners have a value"
            continue
        effect, p_value = _numeric(old, new, rng, n_permutations)
        raw.append(
            (feature, float(old.mean()), float(new.mean()), effect, p_value, len(old), len(new), MIN_EFFECT)
        )
    distance, effect, p_value = _item_mix(reference, current, rng, n_permutations)
    raw.append(("item_mix", 0.0, distance, effect, p_value, len(before), len(after), MIN_MIX_EFFECT))
    adjusted = benjamini_hochberg(np.array([row[4] for row in raw]))
    findings = [
        Finding(name, old, new, effect, p, float(q), n, m, bool(q < level and abs(effect) >= wanted))
        for (name, old, new, effect, p, n, m, wanted), q in zip(raw, adjusted, strict=True)
    ]
    return DriftReport(any(finding.drift for finding in findings), findings, skipped)


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values, (n,): q_(i) = min over j >= i of p_(j) n / j (Benjamini & Hochberg 1995)."""
    order = np.argsort(p_values)
    ranked = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum.accumulate(ranked[::-1])[::-1].clip(max=1.0)
    return adjusted


def _numeric(
    old: pd.Series, new: pd.Series, rng: np.random.Generator, n_permutations: int
) -> tuple[float, float]:
    """(Cohen's d, permutation p-value) of the difference in means, new minus old.

    Where neither window varies, the standard deviation is that of both together: always right before and
    never after is a change.
    """
    values = np.concatenate([old.to_numpy(), new.to_numpy()])
    spread = np.sqrt(
        (old.var(ddof=1) * (len(old) - 1) + new.var(ddof=1) * (len(new) - 1)) / (len(values) - 2)
    )
    if spread < 1e-9 * max(1.0, np.abs(values).max()):
        spread = values.std(ddof=1)
    if spread < 1e-9 * max(1.0, np.abs(values).max()):
        return 0.0, 1.0
    # A learner active in both windows is one learner: permuting swaps the two values, never moves
    # them to strangers, or a class that is merely the same people would look too different or too alike.
    relabel = _relabelling(old.index, new.index, rng)

    def difference(is_new: np.ndarray) -> float:
        return float(values[is_new].mean() - values[~is_new].mean())

    observed = difference(np.arange(len(values)) >= len(old))
    # a relabelling that changes nothing is as extreme, whatever the last bit of the sum says
    least = abs(observed) - 1e-12 * max(1.0, np.abs(values).max())
    extreme = sum(abs(difference(relabel())) >= least for _ in range(n_permutations))
    return observed / float(spread), (extreme + 1) / (n_permutations + 1)


def _item_mix(
    reference: pd.DataFrame, current: pd.DataFrame, rng: np.random.Generator, n_permutations: int
) -> tuple[float, float, float]:
    """(total variation distance of the item shares, its excess over chance, permutation p-value)."""
    from scipy.sparse import csr_matrix

    both = pd.concat([reference, current])
    window = np.repeat([0, 1], [len(reference), len(current)])
    units = pd.MultiIndex.from_arrays([window, both["learner_id"]])
    unit_codes, unit_index = pd.factorize(units, sort=True)
    item_codes, item_index = pd.factorize(both["item_id"])
    shape = (len(unit_index), len(item_index))
    counts = csr_matrix((np.ones(len(both)), (unit_codes, item_codes)), shape=shape)
    # each learner counts once, however busy
    shares = counts.multiply(1 / counts.sum(axis=1)).tocsr()
    is_new_unit = unit_index.get_level_values(0).to_numpy() == 1
    learners = unit_index.get_level_values(1)
    relabel = _relabelling(learners[~is_new_unit], learners[is_new_unit], rng)

    def distance(is_new: np.ndarray) -> float:
        new, old = is_new.astype(float), (~is_new).astype(float)
        return float(0.5 * np.abs(shares.T @ (new / new.sum()) - shares.T @ (old / old.sum())).sum())

    observed = distance(is_new_unit)
    by_chance = np.array([distance(relabel()) for _ in range(n_permutations)])
    p_value = (int((by_chance >= observed).sum()) + 1) / (n_permutations + 1)
    return observed, observed - float(by_chance.mean()), p_value


def _relabelling(old: pd.Index, new: pd.Index, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Draws of a boolean "is new" for the concatenation of `old` and `new` learners."""
    n = len(old) + len(new)
    partner_old, partner_new = old.get_indexer(new), np.arange(len(old), n)
    paired = partner_old >= 0
    old_slots, new_slots = partner_old[paired], partner_new[paired]
    single = np.ones(n, dtype=bool)
    single[old_slots] = single[new_slots] = False
    base = np.arange(n) >= len(old)

    def draw() -> np.ndarray:
        labels = base.copy()
        swap = rng.random(len(old_slots)) < 0.5
        labels[old_slots], labels[new_slots] = swap, ~swap
        labels[single] = rng.permutation(base[single])
        return labels

    return draw
