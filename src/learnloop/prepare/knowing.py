"""When each learner came to know each concept, as far as right and wrong answers tell.

A concept is known or not; each try of one who does not know it teaches it with p_learn, and nothing is
forgotten (Corbett & Anderson 1994). Fitted by EM (Baum & Welch) over whole histories, so that an answer tells
of earlier moments too: for looking back, never for predicting.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

ITERATIONS = 15
MOST_TRIES = 40  # of a learner on a concept; later ones tell little of when it was learnt


@dataclass(frozen=True)
class Knowing:
    """m tries, by learner and time.

    learner, concept: (m,) codes; names: (n_concepts,); before: (m,) P(known before the try); learnt: (m,)
    P(it was this try that taught it); known: (m, n_concepts) P(known just before the try), of every concept,
    the mean of the concept where the learner never tried it; right: (m,) bool.
    """

    learner: np.ndarray
    concept: np.ndarray
    names: np.ndarray
    before: np.ndarray
    learnt: np.ndarray
    known: np.ndarray
    right: np.ndarray


def knowing(answers: pd.DataFrame) -> Knowing:
    """answers: ANSWERS; those of several concepts at once are left out: whose fault they are is unknown."""
    single = answers[answers["concept_ids"].map(len) == 1]
    order = single.sort_values(["learner_id", "occurred_at"], kind="stable", ignore_index=True)
    learner = pd.factorize(order["learner_id"])[0]
    concept, names = pd.factorize(order["concept_ids"].str[0], sort=True)
    number = pd.Series(concept).groupby([learner, concept]).cumcount().to_numpy()
    kept = number < MOST_TRIES
    learner, concept, number = learner[kept], concept[kept], number[kept]
    right = order["correct"].to_numpy(bool)[kept]
    k = len(names)
    pairs, row = np.unique(learner * max(k, 1) + concept, return_inverse=True)
    tries = np.full((len(pairs), int(number.max(initial=-1)) + 1), -1, dtype=np.int8)
    tries[row, number] = right
    before, learnt = _smoothed(tries, pairs % max(k, 1), k)
    own, new = before[row, number], learnt[row, number]
    known = _states(learner, concept, own, own + new, k)
    return Knowing(learner, concept, np.asarray(names, dtype=object), own, new, known, right)


def _smoothed(tries: np.ndarray, concept: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """tries: (s, steps) of 1, 0 and -1 for none; concept: (s,). Returns P(known before), P(learnt by), both
    (s, steps), at the parameters that EM finds; priors of a few tries keep them sane."""
    there, right = tries >= 0, tries == 1
    init, learn, slip, guess = (np.full(k, value) for value in (0.3, 0.15, 0.1, 0.25))
    before = learnt = np.zeros(tries.shape)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(concept, weights=(values * there).sum(axis=1), minlength=k)

    for _ in range(ITERATIONS if tries.size else 0):
        s, g = slip[concept, None], guess[concept, None]
        if_known = np.where(there, np.where(right, 1 - s, s), 1.0)
        if_not = np.where(there, np.where(right, g, 1 - g), 1.0)
        before, learnt = _forward_backward(if_known, if_not, init[concept], learn[concept])
        learn = (total(learnt) + 0.3) / (total(1 - before) + 2.0)
        slip = np.clip((total(before * ~right) + 1.0) / (total(before) + 10.0), 0.02, 0.4)
        guess = np.clip((total((1 - before) * right) + 2.0) / (total(1 - before) + 10.0), 0.05, 0.5)
        starts = np.bincount(concept, weights=before[:, 0], minlength=k)
        init = (starts + 1.0) / (np.bincount(concept, minlength=k) + 3.0)
    return before, learnt


def _forward_backward(
    if_known: np.ndarray, if_not: np.ndarray, init: np.ndarray, learn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """if_known, if_not: (s, steps) P(answer | state). One pass forth, one back."""
    steps = if_known.shape[1]
    filtered = np.empty(if_known.shape)  # P(known | answers up to and with the step)
    p = init
    for t in range(steps):
        above = p * if_known[:, t]
        filtered[:, t] = above / (above + (1 - p) * if_not[:, t])
        p = filtered[:, t] + (1 - filtered[:, t]) * learn
    known, not_known = np.ones(len(init)), np.ones(len(init))  # P(later answers | state after the step)
    before, learnt = np.empty(if_known.shape), np.empty(if_known.shape)
    for t in range(steps - 1, -1, -1):
        was = filtered[:, t] * known
        now = (1 - filtered[:, t]) * learn * known
        never = (1 - filtered[:, t]) * (1 - learn) * not_known
        whole = was + now + never
        before[:, t], learnt[:, t] = was / whole, now / whole
        not_known = if_not[:, t] * ((1 - learn) * not_known + learn * known)
        known = if_known[:, t] * known
        most = np.maximum(known, not_known)
        known, not_known = known / most, not_known / most
    return before, learnt


def _states(
    learner: np.ndarray, concept: np.ndarray, before: np.ndarray, after: np.ndarray, k: int
) -> np.ndarray:
    """(m, k) float32: what the last earlier try of each concept left, else what its first try will find."""
    m = len(learner)
    begins = np.searchsorted(learner, learner)
    ends = np.searchsorted(learner, learner, side="right")
    place = np.arange(m)
    found = np.empty((m, k), np.float32)
    for p in range(k):
        own = concept == p
        # the last own row strictly before each row, and the first at or after it
        last = np.r_[-1, np.maximum.accumulate(np.where(own, place, -1))[:-1]] if m else place
        first = np.minimum.accumulate(np.where(own, place, m)[::-1])[::-1]
        earlier, later = last >= begins, first < ends
        usual = float(before[own].mean()) if own.any() else 0.5
        ahead = np.where(later, before[np.minimum(first, m - 1)], usual)
        found[:, p] = np.where(earlier, after[np.maximum(last, 0)], ahead)
    return found
