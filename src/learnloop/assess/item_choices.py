"""How well a story of right answers and guesses explains who picked what: fitted, with its evidence.

    P(o | z) = w(z) r_o + (1 - w(z)) g_o(z)
    w(z) = (1 - SLIP) / (1 + exp(-a (z - d))),   g_o(z) = exp(h_o + l_o z) / Σ_j exp(h_j + l_j z)

z is the standardised rest score. Who knows the answer (w) picks what is right (r); who does not picks by how
the options look (h), which may lean with z (l): a misconception can suit the better ones. It is the "don't
know" of Thissen & Steinberg (1984). In a story r is on the key, on one other option, or parted between both
(logit r_other = t). Each parameter has a normal prior: how a story says it is. A fit is the likeliest
parameters (scoring by the expected information, damped as Levenberg and Marquardt do); its evidence is
Laplace's integral of the likelihood over the prior, which pays for parameters that a story does not need.
"""

from dataclasses import dataclass

import numpy as np

from learnloop.assess.intervals import Array

SLIP = 0.02
BINS = 15
SLOPE, SHIFT, PART, LOOKS = 0, 1, 2, 3  # places: log (a / typical), d, t, then K of h and K of l
KEY, OTHER, BOTH = 0, 1, 2  # what is right: option 0, option 1, or the two
STEPS = 30
ENOUGH = 0.01  # a gain in log-likelihood that is none
LONGEST = 2.0  # a step of any parameter
STARTS = (-1.0, 1.0)  # d from which a fit begins; the better one counts


@dataclass(frozen=True)
class Stories:
    """A row a fit. counts: (n, bins, K) picks; mean, sd: (n, 3 + 2 K) of the priors; right: (n,)."""

    counts: Array
    mean: Array
    sd: Array
    right: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """evidence: (n,) log; at, variance: (n, 3 + 2 K) the likeliest parameters and how unsure they are."""

    evidence: Array
    at: Array
    variance: Array


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


def fit(stories: Stories, middles: Array, typical: float) -> Fitted:
    """middles: (bins,) z; typical: the slope a whose logarithm the first parameter is counted from."""
    found = [_fit_from(stories, middles, typical, start) for start in STARTS]
    best = np.argmax([one.evidence for one in found], axis=0)
    rows = np.arange(len(best))
    evidence, at, variance = (
        np.stack([getattr(one, name) for one in found])[best, rows] for name in ("evidence", "at", "variance")
    )
    return Fitted(evidence, at, variance)


class _Model:
    """The probabilities at some parameters, and how they change with each."""

    def __init__(self, at: Array, right: np.ndarray, middles: Array, typical: float) -> None:
        self.K = (at.shape[1] - LOOKS) // 2
        self.at, self.right, self.z = at, right, middles
        self.a = typical * np.exp(np.clip(at[:, SLOPE], -3, 3))
        steep = self.a[:, None] * (middles - at[:, SHIFT, None])
        self.knows = 1 / (1 + np.exp(-np.clip(steep, -40, 40)))  # (n, bins)
        looks = at[:, None, LOOKS : LOOKS + self.K] + at[:, None, LOOKS + self.K :] * middles[:, None]
        g = np.exp(looks - looks.max(axis=2, keepdims=True))
        self.g = g / g.sum(axis=2, keepdims=True)  # (n, bins, K)
        self.part = 1 / (1 + np.exp(-at[:, PART]))
        other = np.choose(right, [0 * self.part, 0 * self.part + 1, self.part])
        self.r = np.zeros((len(at), 1, self.K))
        self.r[:, 0, 0], self.r[:, 0, 1] = 1 - other, other
        self.w = (1 - SLIP) * self.knows
        self.p = np.maximum(self.w[..., None] * self.r + (1 - self.w)[..., None] * self.g, 1e-9)

    def slopes(self) -> Array:
        """(n, bins, K, parameters): ∂p / ∂parameter."""
        K, n = self.K, len(self.at)
        found = np.zeros((n, len(self.z), K, LOOKS + 2 * K))
        rises = ((self.w * (1 - self.knows)) * self.a[:, None])[..., None] * (self.r - self.g)
        found[..., SLOPE] = rises * (self.z - self.at[:, SHIFT, None])[..., None]
        found[..., SHIFT] = -rises
        parted = np.where(self.right == BOTH, self.part * (1 - self.part), 0)[:, None] * self.w
        found[:, :, 0, PART], found[:, :, 1, PART] = -parted, parted
        guessed = (1 - self.w)[..., None] * self.g
        looks = -guessed[..., None] * self.g[:, :, None, :]  # of a softmax: g_o (1[o = j] - g_j)
        looks[..., range(K), range(K)] += guessed
        found[..., LOOKS : LOOKS + K] = looks
        found[..., LOOKS + K :] = looks * self.z[:, None, None]
        return found


def _fit_from(stories: Stories, middles: Array, typical: float, start: float) -> Fitted:
    n, D = stories.mean.shape
    weight = 1 / stories.sd**2
    at = stories.mean.copy()
    at[:, SHIFT] = start
    value = _value(stories, at, _Model(at, stories.right, middles, typical).p, np.arange(n))
    information, damping, left = np.zeros((n, D, D)), np.full(n, 0.1), np.arange(n)
    for _ in range(STEPS):
        if not len(left):
            break
        step, information[left], promised = _step(stories, at, left, damping, middles, typical)
        new = at[left] + step
        p = _Model(new, stories.right[left], middles, typical).p
        after = _value(stories, new, p, left)
        gain = after - value[left]
        better = gain > 0
        at[left[better]], value[left[better]] = new[better], after[better]
        damping[left] = np.clip(damping[left] * np.where(better, 0.1, 8.0), 1e-7, 1e7)
        ended = np.where(better, gain < ENOUGH, (promised < ENOUGH) | (damping[left] > 1e5))
        left = left[~ended]
    # ∫ p(x | φ) p(φ) dφ ≈ p(x | φ*) p(φ*) (2π)^(D/2) |I|^(-1/2)
    evidence = value + 0.5 * np.log(weight).sum(axis=1) - 0.5 * np.linalg.slogdet(information)[1]
    variance = np.diagonal(np.linalg.inv(information), axis1=1, axis2=2)
    return Fitted(evidence, at, variance)


def _step(
    stories: Stories, at: Array, left: np.ndarray, damping: Array, middles: Array, typical: float
) -> tuple[Array, Array, Array]:
    """The next step of the rows `left`, their information (expected, and of the prior), the gain promised."""
    model = _Model(at[left], stories.right[left], middles, typical)
    counts, weight = stories.counts[left], 1 / stories.sd[left] ** 2
    slopes, D = model.slopes(), at.shape[1]
    of_bin = counts.sum(axis=2, keepdims=True)
    scaled = (slopes * np.sqrt(of_bin / model.p)[..., None]).reshape(len(left), -1, D)
    information = np.matmul(scaled.transpose(0, 2, 1), scaled)
    information[:, range(D), range(D)] += weight
    pull = np.matmul((counts / model.p).reshape(len(left), 1, -1), slopes.reshape(len(left), -1, D))[:, 0]
    pull -= (at[left] - stories.mean[left]) * weight
    damped = information.copy()
    damped[:, range(D), range(D)] *= 1 + damping[left, None]
    step = np.clip(np.linalg.solve(damped, pull[..., None])[..., 0], -LONGEST, LONGEST)
    return step, information, np.abs(pull * step).sum(axis=1)


def _value(stories: Stories, at: Array, p: Array, rows: np.ndarray) -> Array:
    """The log-likelihood and the prior's part, less what does not depend on the parameters."""
    far = (at - stories.mean[rows]) / stories.sd[rows]
    found: Array = (stories.counts[rows] * np.log(p)).sum(axis=(1, 2)) - 0.5 * (far**2).sum(axis=1)
    return found
