"""Weights of a blend: normalised scores and what was held out in, weights >= 0 of sum 1 out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

K = 10  # NDCG@K is what the weights are learnt for
PER_BASE = 40  # items a learner that each base puts first
STEPS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # times the others' sum, for one weight
SWEEPS = 6
SHRINKAGE = (0.0, 0.25, 0.5, 0.75, 1.0)  # how far from the best single base to the weights found
ENOUGH = 50  # learners of a band that may tell its weights
GAIN = 1e-3  # a share of NDCG: a base that adds less is dropped


@dataclass(frozen=True)
class Candidates:
    """scores: (n, C, n_bases) float32, -inf where a learner has fewer than C; relevant: (n, C) bool;
    ideal: (n,) the best possible gain of each learner."""

    scores: np.ndarray
    relevant: np.ndarray
    ideal: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        width = max(part.relevant.shape[1] for part in parts)
        padded = [
            (
                np.pad(
                    part.scores, ((0, 0), (0, width - part.scores.shape[1]), (0, 0)), constant_values=-np.inf
                ),
                np.pad(part.relevant, ((0, 0), (0, width - part.relevant.shape[1]))),
                part.ideal,
            )
            for part in parts
        ]
        return cls(*(np.concatenate(arrays) for arrays in zip(*padded, strict=True)))

    def of(self, rows: np.ndarray) -> "Candidates":
        return Candidates(self.scores[rows], self.relevant[rows], self.ideal[rows])

    def ndcg(self, weights: np.ndarray) -> float:
        """The mean NDCG@K of ranking the candidates by their weighted scores."""
        return float(self.ndcgs(weights).mean())

    def ndcgs(self, weights: np.ndarray) -> np.ndarray:
        """(n,) NDCG@K of each learner."""
        # -inf * 0 is no number: a place that holds nothing stays last by its own rule
        blended = np.where(np.isneginf(self.scores[:, :, 0]), -np.inf, _finite(self.scores) @ weights)
        k = min(K, blended.shape[1])
        first = np.argpartition(-blended, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(blended, first, axis=1), axis=1, kind="stable")
        hits = np.take_along_axis(self.relevant, np.take_along_axis(first, order, axis=1), axis=1)
        return hits @ (1 / np.log2(np.arange(2, k + 2))) / self.ideal


def _finite(scores: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(scores), np.float32(0), scores)


def candidates(
    normed: np.ndarray,
    item_ids: np.ndarray,
    histories: Sequence[Sequence[str]],
    wanted: Sequence[Sequence[str]],
) -> Candidates:
    """Of each learner, the unseen items that any base puts among its first PER_BASE.

    normed: (n_bases, n, n_items). What no base has among them no weights could bring among the first K
    but by chance, so it need not be kept; it still counts in `ideal`.
    """
    column = {item_id: place for place, item_id in enumerate(item_ids)}
    rows: list[np.ndarray] = []
    for row, history in enumerate(histories):
        own = normed[:, row].copy()
        own[:, [column[item_id] for item_id in history if item_id in column]] = -np.inf
        most = min(PER_BASE, own.shape[1])
        first = np.unique(np.argpartition(-own, most - 1, axis=1)[:, :most])
        rows.append(first[~np.isneginf(own[0, first])])
    width = max(len(first) for first in rows)
    scores = np.full((len(rows), max(width, 1), len(normed)), -np.inf, dtype=np.float32)
    relevant = np.zeros(scores.shape[:2], dtype=bool)
    for row, first in enumerate(rows):
        scores[row, : len(first)] = normed[:, row, first].T
        relevant[row, : len(first)] = np.isin(first, [column[item_id] for item_id in wanted[row]])
    gains = np.cumsum(1 / np.log2(np.arange(2, K + 2)))
    ideal = np.array([gains[min(len(items), K) - 1] for items in wanted])
    return Candidates(scores, relevant, ideal)


def learnt(
    found: Candidates, rng: np.random.Generator, origin: np.ndarray | None = None
) -> tuple[np.ndarray, list[float]]:
    """(weights, [NDCG@K of each base alone, ..., of the weights]) on the learners of `found`.

    Each half of the learners says how far to go from `origin` (the best single base where there is none)
    to the weights found on the other half; the mean of both is how far the weights of all go.
    """
    n, n_bases = found.scores.shape[0], found.scores.shape[2]
    halves = [found.of(rows) for rows in np.array_split(rng.permutation(n), 2)]
    far = float(np.mean([_how_far(one, other, origin) for one, other in (halves, halves[::-1])]))
    start, weights = ascended(found, origin)
    weights = _sparse(found, (1 - far) * start + far * weights)
    alone = [found.ndcg(single) for single in np.eye(n_bases)]
    return weights, [*alone, found.ndcg(weights)]


def learnt_by_band(
    found: Candidates, bands: np.ndarray, n_bands: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[float]]:
    """(weights of shape (n_bands, n_bases), `learnt`'s measures): how learners of a band are best ranked.

    bands: (n,) of `found`'s learners. A band starts from the weights of all, and goes as far from them as
    one half of its learners says of the other; with fewer than ENOUGH learners it stays there.
    """
    whole, measured = learnt(found, rng)
    weights = np.tile(whole, (n_bands, 1))
    for band in range(n_bands):
        rows = np.flatnonzero(bands == band)
        if len(rows) >= ENOUGH:
            weights[band], _ = learnt(found.of(rows), rng, whole)
    ranked = np.empty(len(bands))
    for band in np.unique(bands):
        rows = np.flatnonzero(bands == band)
        ranked[rows] = found.of(rows).ndcgs(weights[band])
    return weights, [*measured[:-1], float(ranked.mean())]


def _how_far(learning: Candidates, judging: Candidates, origin: np.ndarray | None) -> float:
    start, weights = ascended(learning, origin)
    gains = [judging.ndcg((1 - far) * start + far * weights) for far in SHRINKAGE]
    return SHRINKAGE[int(np.argmax(gains))]  # the nearest to the start where equal


def ascended(found: Candidates, origin: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(`origin`, or the best single base as weights; the best weights by ascent from it, from the best
    single base and from equal ones)."""
    singles = np.eye(found.scores.shape[2])
    best = singles[int(np.argmax([found.ndcg(single) for single in singles]))]
    starts = [best, np.full(len(best), 1 / len(best))] if origin is None else [origin, best]
    ends = [_climbed(found, start) for start in starts]
    return best if origin is None else origin, max(ends, key=lambda end: end[1])[0]


def _climbed(found: Candidates, weights: np.ndarray) -> tuple[np.ndarray, float]:
    value = found.ndcg(weights)
    for _ in range(SWEEPS):
        before = value
        for base in range(len(weights)):
            others = weights.copy()
            others[base] = 0
            if others.sum() == 0:
                continue
            for step in STEPS:
                tried = others / others.sum()
                tried[base] = step
                tried /= tried.sum()
                gain = found.ndcg(tried)
                if gain > value + 1e-12:
                    weights, value = tried, gain
        if value - before < GAIN * value:
            break
    return weights, value


def _sparse(found: Candidates, weights: np.ndarray) -> np.ndarray:
    """Without the bases, lightest first, that can go for less than GAIN of what is reached."""
    floor = (1 - GAIN) * found.ndcg(weights)
    for base in np.argsort(weights, kind="stable")[:-1]:
        left = weights.copy()
        left[base] = 0
        if weights[base] > 0 and found.ndcg(left) >= floor:
            weights = left / left.sum()
    return weights / weights.sum()
