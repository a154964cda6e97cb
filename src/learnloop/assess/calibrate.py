"""What earlier learners' answers to the questions of a bank say of the questions and of the concepts.

Stochastic EM (Celeux & Diebolt 1985; averaged as by Gu & Kong 1998): the learners' levels are drawn given the
parameters, the parameters are set given the levels, and the mean over the second half is kept. The answers of
a learner should be of one sitting: a level does not change here.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from learnloop.assess.bank import ABILITIES, BANDS, LEVELS, Bank, centred
from learnloop.assess.belief import draw, draw_ability, p_correct, sweep
from learnloop.errors import NothingToDo

OWN_WEIGHT = 15.0  # learners that the table of all concepts counts for in each row of a concept's own
SHARED_WEIGHT = 5.0  # and the bank's prior in the table of all
DIFFICULTY_VARIANCE = 0.5  # logits^2, around the bank's
MOST_STEP = 1.0
LADDERS = ((0.2, 0.6, 0.9), LEVELS)  # levels to choose from
WEIGHTS = (15.0, 60.0)
HELD_OUT = 0.2
SETTLE, DRAWS = 10, 30  # sweeps before, and those that count


def calibrated(
    bank: Bank, answers: pd.DataFrame, *, seed: int, rounds: int = 100, own_weight: float = OWN_WEIGHT
) -> Bank:
    """The bank with difficulty and prior learnt from `answers`: learner_id, item_id, correct.

    Answers to questions outside the bank are not read. A question nobody answered keeps its difficulty.
    Raises NothingToDo where no answer is left.
    """
    return _fitted(bank, _counted(bank, answers), np.random.default_rng(seed), rounds, own_weight)


def best_calibrated(
    bank: Bank, answers: pd.DataFrame, *, seed: int, rounds: int = 100
) -> tuple[Bank, dict[str, float]]:
    """`calibrated` with the levels and the weight that tell best what learners answer who are not learnt
    from; and the log-loss of each choice.

    A fifth of the learners is held out; of their answers a random half is known and the other half is told.
    """
    counts = _counted(bank, answers)
    rng = np.random.default_rng([seed, 1])
    held = np.asarray(rng.random(counts.shape[1]) < HELD_OUT)
    if held.all() or not held.any():
        return calibrated(bank, answers, seed=seed, rounds=rounds), {}
    shown = rng.binomial(counts[:, held].astype(np.int64), 0.5).astype(float)
    told, losses, best = counts[:, held] - shown, dict[str, float](), None
    for levels in LADDERS:
        start = replace(bank, levels=np.array(levels), prior=np.zeros(0))
        for weight in WEIGHTS:
            one = _fitted(start, counts[:, ~held], np.random.default_rng(seed), rounds // 2, weight)
            loss = _log_loss(one, shown, told, np.random.default_rng([seed, 2]))
            losses[f"{len(levels)} levels, weight {weight:g}"] = loss
            if best is None or loss < best[0]:
                best = (loss, start, weight)
    assert best is not None  # noqa: S101  (there are ladders)
    return calibrated(best[1], answers, seed=seed, rounds=rounds, own_weight=best[2]), losses


def _log_loss(bank: Bank, shown: np.ndarray, told: np.ndarray, rng: np.random.Generator) -> float:
    levels, theta = draw(bank, shown.shape[1], rng)
    p = np.zeros(shown.shape[1:])
    for number in range(SETTLE + DRAWS):
        sweep(bank, levels, theta, shown, rng)
        theta = draw_ability(bank, levels, rng)
        if number >= SETTLE:
            p += p_correct(bank, levels) / DRAWS
    return float(-(told[1] * np.log(p) + told[0] * np.log(1 - p)).sum() / told.sum())


def _counted(bank: Bank, answers: pd.DataFrame) -> np.ndarray:
    """(2, n_learners, n_items) wrong and right answers. Raises NothingToDo."""
    known = answers[answers["item_id"].isin(bank.places)]
    if known.empty:
        raise NothingToDo("nobody has answered a question of this bank yet")
    learners, names = pd.factorize(known["learner_id"])
    items = known["item_id"].map(bank.places).to_numpy(dtype=np.int64)
    counts = np.zeros((2, len(names), len(bank.item_ids)))
    np.add.at(counts, (known["correct"].to_numpy(dtype=np.int64), learners, items), 1.0)
    return counts


def _fitted(bank: Bank, counts: np.ndarray, rng: np.random.Generator, rounds: int, own_weight: float) -> Bank:
    levels, theta = draw(bank, counts.shape[1], rng)
    now, kept = bank, list[Bank]()
    for number in range(rounds):
        sweep(now, levels, theta, counts, rng)
        theta = draw_ability(now, levels, rng)
        now = replace(
            now,
            difficulty=_difficulty(now, bank, levels, counts),
            prior=_prior(bank, levels, theta, own_weight),
        )
        if number >= rounds // 2:
            kept.append(now)
    return replace(
        bank,
        difficulty=np.mean([one.difficulty for one in kept], axis=0),
        prior=np.mean([one.prior for one in kept], axis=0),
    )


def _prior(first: Bank, levels: np.ndarray, theta: np.ndarray, own_weight: float) -> np.ndarray:
    """Each row of a concept's table is shrunk to that of all concepts, and that to the first bank's."""
    n_concepts = len(first.concept_ids)
    counts = np.zeros((n_concepts, BANDS, len(ABILITIES), len(first.levels)))
    for concept in range(n_concepts):
        band = first.bands[first.weakest(levels, first.parents[concept])]
        np.add.at(counts[concept], (band, theta, levels[:, concept]), 1.0)
    shared = counts.sum(axis=0) + SHARED_WEIGHT * first.prior.mean(axis=0)
    shared /= shared.sum(axis=-1, keepdims=True)
    own = counts + own_weight * shared
    return own / own.sum(axis=-1, keepdims=True)


def _difficulty(now: Bank, first: Bank, levels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """One Newton step of a logistic regression with the level's logit as offset, and a normal prior."""
    x = np.log(now.levels / (1 - now.levels))
    pull = -(now.difficulty - first.difficulty) / DIFFICULTY_VARIANCE
    bend = np.full(len(pull), 1 / DIFFICULTY_VARIANCE)
    for item, concepts in enumerate(now.concepts_of):
        p = 1 / (1 + np.exp(now.difficulty[item] - x[now.weakest(levels, concepts)]))
        tries = counts[:, :, item].sum(axis=0)
        pull[item] -= (counts[1, :, item] - tries * p).sum()
        bend[item] += (tries * p * (1 - p)).sum()
    return centred(now.difficulty + np.clip(pull / bend, -MOST_STEP, MOST_STEP), now.teaches)
