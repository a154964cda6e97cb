"""What earlier learners' answers to the questions of a bank say of the questions and of the concepts.

Stochastic EM (Celeux & Diebolt 1985; Gu & Kong 1998 for the averaging): the learners' states are drawn given
the parameters, the parameters are set given the states, and the mean over the second half is kept. The answers
should be of one sitting each: a state does not change here.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from learnloop.assess.bank import ABILITIES, LEAST_GAP, Bank
from learnloop.assess.belief import draw, draw_ability, sweep
from learnloop.errors import NothingToDo

WEIGHT = 10.0  # pseudo-answers behind an item's guess and slip, at the bank's means
LEAK_WEIGHT = 20.0
BASE_VARIANCE, LOADING_VARIANCE = 4.0, 1.0  # of the priors of base around 0 and of loading around 1


def calibrated(bank: Bank, answers: pd.DataFrame, *, seed: int, rounds: int = 120) -> Bank:
    """The bank with guess, slip, base, loading and leak learnt from `answers`: learner_id, item_id, correct.

    Answers to items outside the bank are not read. An item nobody answered keeps a value near the bank's.
    Raises NothingToDo where no answer is left.
    """
    known = answers[answers["item_id"].isin(bank.places)]
    if known.empty:
        raise NothingToDo("nobody has answered a question of this bank yet")
    learners, names = pd.factorize(known["learner_id"])
    items = known["item_id"].map(bank.places).to_numpy(dtype=np.int64)
    counts = np.zeros((2, len(names), len(bank.item_ids)))
    np.add.at(counts, (known["correct"].to_numpy(dtype=np.int64), learners, items), 1.0)
    rng = np.random.default_rng(seed)
    mastered, theta = draw(bank, len(names), rng)
    kept: list[tuple[np.ndarray, ...]] = []
    now = bank
    for number in range(rounds):
        odds = counts[0] * now.log_odds[0] + counts[1] * now.log_odds[1]
        sweep(now, mastered, theta, odds, rng)
        theta = draw_ability(now, mastered, rng)
        now = _set(now, bank, mastered, theta, counts)
        if number >= rounds // 2:
            kept.append((now.guess, now.slip, now.base, np.array([now.loading]), np.array([now.leak])))
    guess, slip, base, loading, leak = (np.mean(values, axis=0) for values in zip(*kept, strict=True))
    return replace(bank, guess=guess, slip=slip, base=base, loading=float(loading[0]), leak=float(leak[0]))


def _set(now: Bank, first: Bank, mastered: np.ndarray, theta: np.ndarray, counts: np.ndarray) -> Bank:
    """The parameters' posterior modes given everybody's state; the questions' priors are those of `first`."""
    able = now.able(mastered)
    wrong, right = counts
    guess = _share(right * ~able, wrong * ~able, first.guess)
    slip = _share(wrong * able, right * able, first.slip)
    # where an answer would say nothing, or the contrary, both give way alike
    excess = np.maximum(0.0, guess + slip - (1 - LEAST_GAP)) / 2
    ready = np.stack([now.ready(mastered, c) for c in range(len(now.concept_ids))], axis=1)
    base, loading = _newton(now.base, now.loading, ready, mastered, theta)
    unready = float((~ready).sum())
    leak = ((mastered & ~ready).sum() + LEAK_WEIGHT * first.leak) / (unready + LEAK_WEIGHT)
    leak = min(max(float(leak), 0.005), 0.3)
    guess, slip = (np.clip(values - excess, 0.01, 0.95) for values in (guess, slip))
    return replace(now, guess=guess, slip=slip, base=base, loading=loading, leak=leak)


def _share(yes: np.ndarray, no: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(n_items,) shares shrunk to the share of all items, and that to the prior."""
    hits, all_ = yes.sum(axis=0), (yes + no).sum(axis=0)
    whole = (hits.sum() + WEIGHT * prior.mean()) / (all_.sum() + WEIGHT)
    centre = np.clip(prior + whole - prior.mean(), 0.01, 0.9)
    return (hits + WEIGHT * centre) / (all_ + WEIGHT)


def _newton(
    base: np.ndarray,
    loading: float,
    ready: np.ndarray,
    mastered: np.ndarray,
    theta: np.ndarray,
    steps: int = 3,
) -> tuple[np.ndarray, float]:
    """Logistic regression of mastered on theta among the ready: an intercept a concept, one slope."""
    grid = np.searchsorted(ABILITIES, theta - 1e-9)
    shape = (len(ABILITIES), len(base))
    tries, wins = np.zeros(shape), np.zeros(shape)
    np.add.at(tries, grid, ready)
    np.add.at(wins, grid, ready & mastered)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(base + loading * ABILITIES[:, None])))
        v = tries * p * (1 - p)
        base = base + ((wins - tries * p).sum(axis=0) - base / BASE_VARIANCE) / (
            v.sum(axis=0) + 1 / BASE_VARIANCE
        )
        p = 1 / (1 + np.exp(-(base + loading * ABILITIES[:, None])))
        v = tries * p * (1 - p)
        slope = (ABILITIES[:, None] * (wins - tries * p)).sum() - (loading - 1) / LOADING_VARIANCE
        bend = (ABILITIES[:, None] ** 2 * v).sum() + 1 / LOADING_VARIANCE
        loading = float(np.clip(loading + slope / bend, 0.0, 4.0))
    return base, loading
