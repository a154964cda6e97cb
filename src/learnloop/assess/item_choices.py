"""Who picks what, as knowing and guessing: is another option right, too, or instead; is the key given away?

    P(o | z) = w(z) r_o + (1 - w(z)) g_o,   w(z) = (1 - SLIP) / (1 + exp(-(a z - d)))

z is the standardised rest score. Who knows the answer (w) picks what is right (r), who does not picks by how
the options look (g). Two stories of r are held against the usual one, in which the key alone is right: r
parted between the key and one other option (`two`), or all of it on the other option (`wrong`). Each is
fitted by EM (Dempster, Laird & Rubin 1977) at each (a, d) of a grid, with a penalty on a far from the bank's
typical slope and g of the key no more than a fair guess; the evidence is the likelihood ratio. A third story,
r on the key and its g high (`given`: something gives it away), has a posterior probability, the likelihood
summed over the grid. It is the "don't know" of Thissen & Steinberg (1984), the bank's slopes for a prior.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from learnloop.assess.intervals import Array

SLIP = 0.02
BINS = 10
LEAST = 30  # picks of a question that anything is said of
STEEP = np.array([0.6, 0.8, 1.0, 1.25, 1.6])  # a, of the typical slope
SPREAD = 0.3  # sd of log a over a bank
SHIFTS = np.linspace(-4.5, 3.5, 13)  # d / a: the difficulty, sd of rest scores
WIDE = 2.0  # sd of the difficulties
PSEUDO = 0.5  # picks of each option that stand for what is known of g before
STEPS = 15
PARTED = (0.2, 0.8)  # of r: what the other of two right options may have
FAIR = 1.5  # times 1 / options: a fair guess of the key is no more
GUESSED = np.array([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85])  # g of the key
LOOK = 0.12  # sd of g of the key where nothing gives it away
GIVEN = 0.5  # g of the key from which on it is given away
GIVEN_BEFORE = 0.25  # weight of such a story before any answer; chosen on simulated banks
BLOCK = 24  # questions fitted at once


@dataclass(frozen=True)
class Choices:
    """p_two, p_wrong: (n, K) for each option as the other one (the key's are 1); p_given: (n,).

    part: (n, K) the other option's part of r; given: (n,) g of the key; prefers_wrong: (n, K), whether all
    on the other option is likelier than parted.
    """

    p_two: Array
    p_wrong: Array
    part: Array
    prefers_wrong: np.ndarray
    p_given: Array
    given: Array


def binned(
    codes: np.ndarray, option: np.ndarray, score: Array, shape: tuple[int, int]
) -> tuple[Array, Array]:
    """(n_questions, BINS, K) counts and (BINS,) middles. codes, option, score: (n,); shape: questions, K."""
    z = (score - score.mean()) / max(float(score.std()), 1e-9)
    edges = np.unique(np.quantile(z, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, z, side="right")
    n_bins = len(edges) + 1
    middles = np.bincount(bins, z, n_bins) / np.maximum(np.bincount(bins, minlength=n_bins), 1)
    cells = (codes * n_bins + bins) * shape[1] + option
    counts = np.bincount(cells, minlength=shape[0] * n_bins * shape[1])
    return counts.reshape(shape[0], n_bins, shape[1]).astype(float), middles


def choices(counts: Array, middles: Array, typical: float) -> Choices:
    """counts: (n, bins, K), the key first; middles: (bins,) z; typical: the bank's slope, a sd of z."""
    n, _, K = counts.shape
    found = [_block(counts[at : at + BLOCK], middles, typical) for at in range(0, n, BLOCK)]
    if not found:
        none = np.ones((0, K))
        return Choices(none, none, none, none.astype(bool), np.ones(0), np.ones(0))
    return Choices(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def of_options(
    options: pd.DataFrame, codes: np.ndarray, rows: np.ndarray, score: Array, n_questions: int, typical: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(p_two, p_wrong, part, prefers_wrong by row of `options`; p_given, given by question); NaN if unknown.

    options: code, is_key, listed; codes, rows, score: (n,) the question of a pick, its row in `options`, its
    rest score. Questions of LEAST picks and more, whose key is among two or more listed options.
    """
    of_option = pd.DataFrame(np.nan, options.index, ["p_two", "p_wrong", "part", "prefers_wrong"])
    of_question = pd.DataFrame(np.nan, np.arange(n_questions), ["p_given", "given"])
    listed = options[options["listed"]].sort_values(
        ["code", "is_key"], ascending=[True, False], kind="stable"
    )
    place = pd.Series(listed.groupby("code").cumcount(), listed.index).reindex(options.index, fill_value=-1)
    usable = (place.to_numpy()[rows] >= 0) if len(rows) else np.zeros(0, dtype=bool)
    codes, rows, score = codes[usable], rows[usable], score[usable]
    picks = np.bincount(codes, minlength=n_questions)
    sizes = listed.groupby("code")["is_key"].agg(["size", "sum"])
    for size in sorted(set(sizes["size"]) - {1}):
        wanted = sizes.index[(sizes["size"] == size) & (sizes["sum"] == 1) & (picks[sizes.index] >= LEAST)]
        within = np.isin(codes, wanted)
        if not within.any():
            continue
        at = np.searchsorted(wanted, codes[within])
        counts = binned(at, place.to_numpy()[rows[within]], score[within], (len(wanted), size))
        found = choices(*counts, typical)
        of_question.loc[wanted] = np.column_stack([found.p_given, found.given])
        index = listed.index[listed["code"].isin(wanted)]
        columns = [found.p_two, found.p_wrong, found.part, found.prefers_wrong.astype(float)]
        of_option.loc[index] = np.column_stack([one.ravel() for one in columns])
    of_option[options["is_key"].to_numpy(dtype=bool)] = np.nan
    return of_option, of_question


def _block(counts: Array, middles: Array, typical: float) -> tuple[np.ndarray, ...]:
    n, _, K = counts.shape
    a = (STEEP[:, None] * typical * np.ones(len(SHIFTS))).ravel()
    at = (np.ones(len(STEEP))[:, None] * SHIFTS).ravel()
    w = (1 - SLIP) / (1 + np.exp(-a[:, None] * (middles - at[:, None])))  # (grid, bins)
    prior = -0.5 * (np.log(a / typical) / SPREAD) ** 2 - 0.5 * (at / WIDE) ** 2
    fair = FAIR / K
    usual, _, _ = _fit(counts, w, prior, None, (0.0, 0.0), (0.0, fair))
    given, share = _given(counts, w, prior)
    p_two, p_wrong, part = np.ones((n, K)), np.ones((n, K)), np.zeros((n, K))
    prefers = np.zeros((n, K), dtype=bool)
    for other in range(1, K):
        two, _, beside = _fit(counts, w, prior, other, PARTED, (0.0, fair))
        wrong, _, _ = _fit(counts, w, prior, other, (1.0, 1.0), (0.0, 1.0))
        p_two[:, other] = _p(two - usual)
        p_wrong[:, other] = _p(wrong - usual)
        part[:, other], prefers[:, other] = beside, wrong > two
    return p_two, p_wrong, part, prefers, given, share


def _given(counts: Array, w: Array, prior: Array) -> tuple[Array, Array]:
    """The posterior probability that nothing gives the key away, and the posterior mean of g of the key.

    The likelihood at each g of GUESSED, summed over the grid, against what is known before: a fair guess is
    about 1 / K (sd LOOK), and with GIVEN_BEFORE any g from GIVEN on is as likely.
    """
    K = counts.shape[2]
    fits = [_fit(counts, w, prior, None, (0.0, 0.0), (g, g))[1] for g in GUESSED]
    usual = stats.norm.pdf(GUESSED, 1 / K, LOOK) + 1e-4
    away = (GUESSED >= GIVEN).astype(float)
    before = (1 - GIVEN_BEFORE) * usual / usual.sum(), GIVEN_BEFORE * away / away.sum()
    likelihood = np.stack(fits, axis=1)
    likelihood = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    both = [likelihood * one for one in before]
    total = (both[0] + both[1]).sum(axis=1)
    return both[0].sum(axis=1) / total, ((both[0] + both[1]) * GUESSED).sum(axis=1) / total


def _p(gain: Array) -> Array:
    """Of twice a gain in log-likelihood whose parameter is at its bound without it: ½ χ²_0 + ½ χ²_1."""
    return np.where(gain > 0, 0.5 * stats.chi2.sf(2 * np.maximum(gain, 0), 1), 1.0)


def _fit(
    counts: Array,
    w: Array,
    prior: Array,
    other: int | None,
    parted: tuple[float, float],
    guess: tuple[float, float],
) -> tuple[Array, Array, Array]:
    """The best log-likelihood over the grid, the one summed over it, and the other option's part of r."""
    n, _, K = counts.shape
    knows, not_known = w[None, :, :, None], (1 - w)[None, :, :, None]
    g = np.full((n, len(w), K), 1 / K)
    g = _bounded(g, guess)
    rho = np.full((n, len(w)), sum(parted) / 2)
    data = counts[:, None]  # (n, 1, bins, K)
    for _ in range(STEPS):
        r = _right(rho, other, K)
        known = knows * r[:, :, None, :]
        share = known / (known + not_known * g[:, :, None, :])
        taken = (data * share).sum(axis=2)  # picks of who knows, by option
        g = data.sum(axis=2) - taken + PSEUDO
        g = _bounded(g / g.sum(axis=2, keepdims=True), guess)
        if other is not None and parted[0] < parted[1]:
            rho = np.clip(taken[..., other] / np.maximum(taken[..., 0] + taken[..., other], 1e-9), *parted)
    p = knows * _right(rho, other, K)[:, :, None, :] + not_known * g[:, :, None, :]
    value = (
        (data * np.log(np.maximum(p, 1e-12))).sum(axis=(2, 3))
        + PSEUDO * np.log(np.maximum(g, 1e-12)).sum(axis=2)
        + prior
    )
    best = value.argmax(axis=1)
    rows = np.arange(n)
    return value[rows, best], np.logaddexp.reduce(value, axis=1), rho[rows, best]


def _right(rho: Array, other: int | None, K: int) -> Array:
    r = np.zeros((*rho.shape, K))
    r[..., 0] = 1 - rho
    if other is not None:
        r[..., other] = rho
    return r


def _bounded(g: Array, guess: tuple[float, float]) -> Array:
    """g with that of the key within `guess`, the others in proportion."""
    key = np.clip(g[..., :1], max(guess[0], 1e-6), min(guess[1], 1 - 1e-6))
    rest = g[..., 1:] * (1 - key) / np.maximum(g[..., 1:].sum(axis=-1, keepdims=True), 1e-12)
    return np.concatenate([key, rest], axis=-1)
