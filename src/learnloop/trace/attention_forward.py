"""The attention network in NumPy: one learner's answers and a network's arrays in, logits out.

Double precision, and a product a learner, never one of several learners at once: an answer's logit is then
the same whoever else is asked about.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learnloop.trace.attention_additive import Inputs
from learnloop.trace.attention_rows import Rows

EPSILON = 1e-5  # of a layer norm, as in PyTorch
BLOCK = 128  # answers asked at once: bounds the memory of a long history


@dataclass(frozen=True)
class Seen:
    """m consecutive answers of one learner."""

    items: np.ndarray  # (m,) codes of the model, -1 unseen
    concepts: np.ndarray  # (m, most) codes of the model, -1 unseen
    own_items: np.ndarray  # (m,) codes of these answers, which tell unseen ones apart
    own_concepts: np.ndarray  # (m, most), -1 where an item has fewer
    shares: np.ndarray  # (m, most)
    correct: np.ndarray  # (m,) 0 or 1
    before: np.ndarray  # (m,)
    seconds: np.ndarray  # (m,)
    easiness: np.ndarray  # (m,)
    features: np.ndarray  # (m, n_features + 1)

    @classmethod
    def of(cls, rows: Rows, told: Inputs, items: np.ndarray, concepts: np.ndarray, part: slice) -> "Seen":
        """Rows `part` of `rows`; items and concepts are the model's codes of all of them."""
        return cls(
            items=items[part],
            concepts=concepts[part],
            own_items=rows.items[part],
            own_concepts=rows.concepts[part],
            shares=rows.shares[part],
            correct=rows.correct[part].astype(np.int64),
            before=rows.before[part],
            seconds=rows.seconds[part],
            easiness=told.easiness[part],
            features=told.features[part],
        )


def residual(weights: Mapping[str, np.ndarray], heads: int, length: int, seen: Seen) -> np.ndarray:
    """(m,) what the network adds to the additive logits. The last row of the tables is the unseen's, 0."""
    w = weights
    shares, easiness = seen.shares[..., None], seen.easiness[:, None]
    state = (w["concepts"][seen.concepts] * shares).sum(axis=1)
    variation = (w["variation"][seen.concepts] * shares).sum(axis=1)
    state = state + easiness * (w["common_variation"] + variation)
    state = state + w["item_vectors"][seen.items] + seen.features @ w["features"]
    outcome = w["outcome"][seen.correct] + easiness * w["outcome_variation"][seen.correct]
    for block in range(len(w["attention"])):
        state = state + _attended(w, block, heads, length, seen, state, outcome)
        normed = _norm(state, w["feed_norm"][block])
        (first, second), (first_bias, second_bias) = w["feed"][block], w["feed_bias"][block]
        state = state + np.maximum(normed @ first + first_bias, 0) @ second + second_bias
    return _norm(state, w["last_norm"]) @ w["last"]


def _attended(
    w: Mapping[str, np.ndarray],
    block: int,
    heads: int,
    length: int,
    seen: Seen,
    state: np.ndarray,
    outcome: np.ndarray,
) -> np.ndarray:
    m, d = state.shape
    query, key, value, out = w["attention"][block]
    asked = _norm(state, w["state_norm"][block])
    told = _norm(state + outcome, w["value_norm"][block])
    q, k, v = (
        (source @ by).reshape(m, heads, d // heads).transpose(1, 0, 2)
        for source, by in ((asked, query), (asked, key), (told, value))
    )
    sink = w["sink"][block][:, None, None]
    mixed = np.empty((heads, m, d // heads))
    for start in range(0, m, BLOCK):
        rows = slice(start, min(start + BLOCK, m))
        # answers are in time order, so those in reach stand together
        near = np.searchsorted(seen.before, [seen.before[start] - length, seen.before[rows.stop - 1]])
        keys = slice(int(near[0]), int(near[1]))
        logits = q[:, rows] @ k[:, keys].transpose(0, 2, 1) * (d // heads) ** -0.5
        logits = logits + _bias(w, block, length, seen, rows, keys)
        highest = np.maximum(logits.max(axis=-1, keepdims=True, initial=-np.inf), sink)
        odds = np.exp(logits - highest)
        total = odds.sum(axis=-1, keepdims=True) + np.exp(sink - highest)
        mixed[:, rows] = (odds / total) @ v[:, keys]
    return mixed.transpose(1, 0, 2).reshape(m, d) @ out


def _bias(
    w: Mapping[str, np.ndarray], block: int, length: int, seen: Seen, rows: slice, keys: slice
) -> np.ndarray:
    """(heads, rows, keys): -inf for what is not strictly before or out of reach."""
    apart = seen.before[rows, None] - seen.before[None, keys]
    gap = np.maximum(seen.seconds[rows, None] - seen.seconds[None, keys], 0)
    same_item = seen.own_items[rows, None] == seen.own_items[None, keys]
    overlap = np.zeros(apart.shape)
    for mine in range(seen.shares.shape[1]):
        for other in range(seen.shares.shape[1]):
            alike = seen.own_concepts[rows, None, mine] == seen.own_concepts[None, keys, other]
            overlap += (alike & (seen.shares[None, keys, other] > 0)) * seen.shares[rows, None, mine]
    factors = (
        -np.exp(w["log_decay"][block]),
        -np.exp(w["log_fading"][block]),
        w["same_item"][block],
        w["same_concept"][block],
    )
    terms = (apart - 1.0, np.log1p(gap / 60), same_item, overlap)
    total = sum(by[:, None, None] * term[None] for by, term in zip(factors, terms, strict=True))
    return np.where((apart < 1) | (apart > length), -np.inf, total)


def _norm(state: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """gain (x - mean) / sqrt(variance + EPSILON) + offset, over the last axis."""
    centred = state - state.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * parameters[0] + parameters[1]
