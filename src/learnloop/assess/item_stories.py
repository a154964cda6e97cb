"""What is wrong with each question of a bank, told by its picks: the posterior of five stories.

    question_id demo:9f86   sound .04   given .01   option "Lyon"   two .93  instead .02  unpicked .00

    sound      the key alone is right, and who does not know it picks by looks
    given      so, but something gives the key away: who does not know it picks it mostly
    two        the key and one other option are right
    instead    another option is right, not the key
    unpicked   one distractor looks so wrong that nobody takes it

How well each explains the picks is its evidence (`item_choices`). What questions are like before, the bank
says (empirical Bayes, Efron 2010): from those that look sound come the typical slope and how it varies, how
much options differ in looks and how they lean, and the spread of difficulties; from all, how common each
fault is. A small bank moves little from what is said below, which stands for PSEUDO questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from learnloop.assess.intervals import Array
from learnloop.assess.item_choices import (
    BOTH,
    KEY,
    LOOKS,
    OTHER,
    PART,
    SHIFT,
    SLOPE,
    Fitted,
    Stories,
    binned,
    fit,
)

FAULTS = ("given", "two", "instead", "unpicked")
LEAST = 30  # picks of a question that anything is said of
GIVEN = (1.1, 0.6)  # logit of the key's part of the guesses where it is given away: .75, about .5 to .9
PARTED = 0.8  # sd of logit of what the other of two right options has: .5, about .2 to .8
UNPICKED = (-3.5, 1.0)  # how a dead distractor looks: 1 / 33 of another one
WIDE = 2.2  # sd of the difficulties (sd of rest scores) that fits are made with
ROUNDS = 2  # of learning from the bank
PSEUDO = 10.0  # questions that what is said before stands for; of faults four times as many
LEARNED = 400  # questions that a bank is learned from
BLOCK = 48  # questions fitted at once
GRID = np.linspace(-8, 8, 161)
SMOOTH = 0.3  # sd of the kernel that makes a density of difficulties
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


@dataclass(frozen=True)
class Bank:
    """What its questions are like. typical, spread: slope and sd of its logarithm; look, lean: sd of h and l.

    density: (GRID,) of difficulties; faults: (4,) how common each of FAULTS is.
    """

    typical: float
    spread: float
    look: float
    lean: float
    density: Array
    faults: Array


@dataclass(frozen=True)
class Posterior:
    """sound, given, guess (the key's part of the guesses): (n,); two, instead, unpicked: (n, K), the key's 0.

    part: (n, K) what of the right picks the other option has where two are right.
    """

    sound: Array
    given: Array
    guess: Array
    two: Array
    instead: Array
    unpicked: Array
    part: Array


def before(typical: float) -> Bank:
    """What is said before any answer."""
    wide = np.exp(-0.5 * (GRID / WIDE) ** 2)
    return Bank(typical, 0.3, 0.45, 0.15, wide / _area(wide), np.full(len(FAULTS), 0.05))


def learned(counts: Array, middles: Array, bank: Bank) -> Bank:
    """The bank as its own questions say. counts: (n, bins, K), the key first; of many, the most answered."""
    first = bank
    most = np.argsort(-counts.sum(axis=(1, 2)), kind="stable")[:LEARNED]
    for _ in range(ROUNDS):
        fitted = _fitted(counts[most], middles, bank)
        bank = _learned(fitted, counts.shape[2], bank, first)
    return bank


def posterior(counts: Array, middles: Array, bank: Bank) -> Posterior:
    """counts: (n, bins, K), the key first; middles: (bins,) z."""
    n, _, K = counts.shape
    if not n:
        none, many = np.zeros(0), np.zeros((0, K))
        return Posterior(none, none, none, many, many, many, many)
    parts = [_fitted(counts[at : at + BLOCK], middles, bank) for at in range(0, n, BLOCK)]
    evidence = np.concatenate([_corrected(one, bank.density) for one in parts], axis=1)
    weights = _weights(evidence, bank.faults, K)
    at = np.concatenate([one.at for one in parts], axis=1)
    of_other, part = {kind: np.zeros((n, K)) for kind in (BOTH, OTHER, "unpicked")}, np.zeros((n, K))
    for row, (kind, other) in enumerate(_told(K)):
        if kind in of_other:
            of_other[kind][:, other] = weights[row]
        if kind == BOTH:
            part[:, other] = 1 / (1 + np.exp(-at[row][:, PART]))
    looks = np.exp(at[1][:, LOOKS : LOOKS + K])
    guess = looks[:, 0] / looks.sum(axis=1)
    return Posterior(
        weights[0], weights[1], guess, of_other[BOTH], of_other[OTHER], of_other["unpicked"], part
    )


def of_options(
    options: pd.DataFrame, codes: np.ndarray, rows: np.ndarray, score: Array, n_questions: int, typical: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(two, instead, unpicked, part by row of `options`; sound, given, guess by question); NaN if unknown.

    options: code, is_key, listed; codes, rows, score: (n,) the question of a pick, its row in `options`, its
    rest score. Questions of LEAST picks and more, whose key is among two or more listed options. Those with
    as many options are a bank.
    """
    of_option = pd.DataFrame(np.nan, options.index, ["two", "instead", "unpicked", "part"])
    of_question = pd.DataFrame(np.nan, np.arange(n_questions), ["sound", "given", "guess"])
    listed = options[options["listed"]].sort_values(
        ["code", "is_key"], ascending=[True, False], kind="stable"
    )
    place = pd.Series(listed.groupby("code").cumcount(), listed.index).reindex(options.index, fill_value=-1)
    usable = (place.to_numpy()[rows] >= 0) if len(rows) else np.zeros(0, dtype=bool)
    codes, rows, score = codes[usable], rows[usable], score[usable]
    n_picks = np.bincount(codes, minlength=n_questions)
    sizes = listed.groupby("code")["is_key"].agg(["size", "sum"])
    for size in sorted(set(sizes["size"]) - {1}):
        wanted = sizes.index[(sizes["size"] == size) & (sizes["sum"] == 1) & (n_picks[sizes.index] >= LEAST)]
        within = np.isin(codes, wanted)
        if not within.any():
            continue
        at = np.searchsorted(wanted, codes[within])
        counts, middles = binned(at, place.to_numpy()[rows[within]], score[within], (len(wanted), size))
        found = posterior(counts, middles, learned(counts, middles, before(typical)))
        of_question.loc[wanted] = np.column_stack([found.sound, found.given, found.guess])
        index = listed.index[listed["code"].isin(wanted)]
        columns = [found.two, found.instead, found.unpicked, found.part]
        of_option.loc[index] = np.column_stack([one.ravel() for one in columns])
    of_option[options["is_key"].to_numpy(dtype=bool)] = np.nan
    return of_option, of_question


def _told(K: int) -> list[tuple[int | str, int]]:
    """(what is right, or which fault, and the other option) of each story, in order.

    Of two options, one that nobody takes and a key that is given away are the same, and so are two right
    answers and a question that tells nobody apart: they are told as the latter.
    """
    kinds: Sequence[int | str] = (BOTH, OTHER, "unpicked") if K > 2 else (OTHER,)
    return [(KEY, 1), ("given", 1), *((kind, other) for other in range(1, K) for kind in kinds)]


def _fitted(counts: Array, middles: Array, bank: Bank) -> Fitted:
    """(stories, n, …): each story of each question."""
    n, _, K = counts.shape
    orders = [[0, other, *(o for o in range(1, K) if o != other)] for _, other in _told(K)]
    mean = np.zeros((len(orders), LOOKS + 2 * K))
    sd = np.tile(
        np.concatenate([[bank.spread, WIDE, PARTED], np.full(K, bank.look), np.full(K, bank.lean)]),
        (len(orders), 1),
    )
    right = np.zeros(len(orders), dtype=int)
    for row, (kind, _) in enumerate(_told(K)):
        if kind == "given":  # a logit of 1 against K - 1 others
            mean[row, LOOKS], sd[row, LOOKS] = GIVEN[0] + np.log(K - 1), GIVEN[1]
        elif kind == "unpicked":
            mean[row, LOOKS + 1], sd[row, LOOKS + 1] = UNPICKED
        else:
            right[row] = kind
    stories = Stories(
        np.concatenate([counts[:, :, order] for order in orders]),
        np.repeat(mean, n, axis=0),
        np.repeat(sd, n, axis=0),
        np.repeat(right, n),
    )
    found = fit(stories, middles, bank.typical)
    shape = (len(orders), n, -1)
    return Fitted(found.evidence.reshape(shape[:2]), found.at.reshape(shape), found.variance.reshape(shape))


def _corrected(fitted: Fitted, density: Array) -> Array:
    """The evidence with `density` of difficulties in place of the normal one that the fit was made with."""
    d = fitted.at[..., SHIFT, None] + np.sqrt(fitted.variance[..., SHIFT, None]) * NODES
    wide = np.exp(-0.5 * (d / WIDE) ** 2) / (WIDE * np.sqrt(2 * np.pi))
    ratio = (np.interp(d, GRID, density) / wide) @ (WEIGHTS / WEIGHTS.sum())
    found: Array = fitted.evidence + np.log(np.maximum(ratio, 1e-6))
    return found


def _weights(evidence: Array, faults: Array, K: int) -> Array:
    """(stories, n) posterior. A fault is as likely at any other option."""
    told = _told(K)
    common = {"given": faults[0], BOTH: faults[1] / (K - 1), OTHER: faults[2] / (K - 1)}
    common["unpicked"] = faults[3] / (K - 1)
    prior = np.array([common.get(kind, 0.0) for kind, _ in told])
    prior[0] = 1 - prior.sum()
    joint = evidence + np.log(prior)[:, None]
    joint = np.exp(joint - joint.max(axis=0))
    found: Array = joint / joint.sum(axis=0)
    return found


def _learned(fitted: Fitted, K: int, bank: Bank, first: Bank) -> Bank:
    """One round: from the sound ones, each as far as it is likely to be so."""
    at, variance = fitted.at[0], fitted.variance[0]
    density, faults = bank.density, first.faults
    for _ in range(5):
        weights = _weights(_corrected(fitted, density), faults, K)
        density = _density(at[:, SHIFT], variance[:, SHIFT], weights[0])
        faults = _common(weights, K, first.faults)
    sound = weights[0] * (np.abs(at[:, SHIFT]) < 2.5 * WIDE)  # where nobody is wrong looks are not seen
    total = sound.sum() + PSEUDO
    slope = float((sound * at[:, SLOPE]).sum() / total)

    def spread(places: slice, mean: float, now: float, before: float) -> float:
        # sd² = Σ (φ - mean)² / Σ (1 - variance / sd²): each counts as far as its picks say it (MacKay 1992)
        far = ((at[:, places] - mean) ** 2).mean(axis=1)
        said = np.clip(1 - variance[:, places] / now**2, 0, 1).mean(axis=1)
        return float(np.sqrt(((sound * far).sum() + PSEUDO * before**2) / ((sound * said).sum() + PSEUDO)))

    return replace(
        bank,
        typical=bank.typical * float(np.exp(slope)),
        spread=spread(slice(SLOPE, SLOPE + 1), slope, bank.spread, first.spread),
        look=spread(slice(LOOKS, LOOKS + K), 0.0, bank.look, first.look),
        lean=spread(slice(LOOKS + K, None), 0.0, bank.lean, first.lean),
        density=density,
        faults=faults,
    )


def _density(d: Array, variance: Array, sound: Array) -> Array:
    """(GRID,): of the difficulties of sound questions (n,), smoothed, with PSEUDO of the wide one."""
    density = np.exp(-0.5 * (GRID / WIDE) ** 2)
    pseudo = PSEUDO * density / density.sum()
    # the posterior at the wide prior, less that prior: the likelihood of d alone
    likelihood = np.exp(np.minimum(-0.5 * (GRID - d[:, None]) ** 2 / variance[:, None], 0))
    likelihood = np.minimum(likelihood / np.exp(-0.5 * (GRID / WIDE) ** 2), 1e12)
    step = GRID[1] - GRID[0]
    kernel = np.exp(-0.5 * (np.arange(-15, 16) * step / SMOOTH) ** 2)
    for _ in range(8):
        each = likelihood * density
        each /= np.maximum(each.sum(axis=1, keepdims=True), 1e-300)
        density = np.convolve(sound @ each + pseudo, kernel / kernel.sum(), "same")
    return density / _area(density)


def _common(weights: Array, K: int, first: Array) -> Array:
    """(4,): how common each fault is."""
    told, n = _told(K), weights.shape[1]
    kinds = ("given", BOTH, OTHER, "unpicked")
    found = [weights[[one == kind for one, _ in told]].sum() for kind in kinds]
    common: Array = (np.array(found) + 4 * PSEUDO * first) / (n + 4 * PSEUDO)
    return common


def _area(density: Array) -> float:
    return float(density.sum() * (GRID[1] - GRID[0]))
