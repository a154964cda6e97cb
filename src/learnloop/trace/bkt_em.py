"""Chains of practice in; the parameters of Bayesian knowledge tracing out, by expectation-maximisation.

A chain's hidden state is known or not. With L its probability before an event, the event's outcome gives
the posterior, practice may teach, and time may take away (Corbett & Anderson 1994; forgetting: Khajah,
Lindsey & Mozer 2016):

    L  -> L' = L P(y | known) / (L P(y | known) + (1 - L) P(y | unknown))
    L' -> (L' + (1 - L') p_learn) exp(-forget gap)

Baum-Welch: a forward pass, a smoothing pass, and expected counts. Every parameter has a prior worth some
answers, so one answer, all right and all wrong have finite estimates.
"""

from dataclasses import dataclass

import numpy as np

from learnloop.trace.chains import Chains

# Below .5, whoever knows is likelier right than wrong and the other way round. Without the bound the
# likelihood has a second, mirrored answer in which "known" means wrong (Baker, Corbett & Aleven 2008).
MOST_ERROR = 0.49
CERTAIN = 1e-9  # no state is closer to 0 or 1
PRIOR_ITEM_ERROR = 0.2


@dataclass
class Parameters:
    """One entry a concept, each (g,). `known` and `unknown` are logits of P(correct), given the state."""

    p_init: np.ndarray
    p_learn: np.ndarray
    known: np.ndarray  # logit(1 - p_slip)
    unknown: np.ndarray  # logit(p_guess)
    forget: np.ndarray  # a rate: 1 - exp(-forget) is forgotten in one day, or one step

    @classmethod
    def prior(cls) -> "Parameters":
        """Before any answer, (1,): even odds of a right first answer."""
        error = logit(np.array([PRIOR_ITEM_ERROR]))
        return cls(np.array([0.5]), np.array([0.1]), -error, error, np.array([0.01]))

    def take(self, codes: np.ndarray) -> "Parameters":
        return Parameters(*(values[codes] for values in vars(self).values()))


@dataclass
class Estimate:
    """All that is fitted. effects: (n_items,) logits; slopes: (2,) of p_init on what a learner did before."""

    p: Parameters
    effects: np.ndarray
    slopes: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """Everything on scales without bounds."""
        p = self.p
        with np.errstate(divide="ignore"):  # log 0 where nothing is forgotten
            rate = np.maximum(np.log(p.forget), -30.0)
        own = (logit(p.p_init), logit(p.p_learn), p.known, p.unknown, rate)
        return np.concatenate([*own, self.effects, self.slopes])

    def moved(self, x: np.ndarray) -> "Estimate":
        """The estimate whose `flat` is x, inside the bounds."""
        k, least = len(self.p.p_init), logit(np.array(MOST_ERROR))
        init, learn, known, unknown, rate, effects, slopes = np.split(
            x, [*(k * np.arange(1, 6)), 5 * k + len(self.effects)]
        )
        p = Parameters(
            sigmoid(np.clip(init, -9.0, 9.0)),
            sigmoid(np.clip(learn, -9.0, 9.0)),
            np.clip(known, -least, 7.0),
            np.clip(unknown, -7.0, least),
            np.where(self.p.forget > 0, np.exp(np.minimum(rate, 1.6)), 0.0),
        )
        return Estimate(p, np.clip(effects, -9.0, 9.0), np.clip(slopes, -9.0, 9.0))


@dataclass(frozen=True)
class Prior:
    """Where the parameters are drawn to, and how many answers (occasions, days) that weighs."""

    centre: Parameters  # (1,)
    strength: float
    item_variance: float  # of the items' effects, in logits; 0: items have none
    slope_variance: float  # of the slopes; 0: p_init is the same for every learner


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0))))


def logit(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p) - np.log1p(-p))


def log_likelihoods(chains: Chains, logits: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """(E,) log P(outcomes of the event), from (m,) logits of P(correct) and outcomes of its pairs."""
    logs = -np.logaddexp(0.0, np.where(correct > 0, -logits, logits))
    return np.bincount(chains.pair_events, weights=logs, minlength=len(chains.at))


def forward(
    chains: Chains, log_ratio: np.ndarray, p: Parameters, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(E,) P(known) before each event, and after its outcome.

    log_ratio (E,): log P(outcome | known) - log P(outcome | unknown). p: one entry an event. kept (E - n,):
    exp(-forget gap) before each later event.
    """
    ratio = np.exp(np.clip(log_ratio, -50.0, 50.0))
    prior, posterior = p.p_init.copy(), np.empty(len(ratio))
    learn, n = p.p_learn, chains.n
    for t in range(len(chains.starts) - 1):
        if t:
            now, earlier = chains.first_of_step(t)
            known = posterior[earlier]
            prior[now] = (known + (1.0 - known) * learn[now]) * kept[now.start - n : now.stop - n]
        else:
            now = slice(0, n)
        np.clip(prior[now], CERTAIN, 1.0 - CERTAIN, out=prior[now])
        weighed = prior[now] * ratio[now]
        posterior[now] = weighed / (weighed + 1.0 - prior[now])
    return prior, posterior


def smooth(
    chains: Chains, prior: np.ndarray, posterior: np.ndarray, learn: np.ndarray, kept: np.ndarray
) -> np.ndarray:
    """(E,) P(known at the event | the whole chain); learn (E,), the rest as in `forward`.

    gamma_t = sum over j of post_t(known) A(known, j) gamma_t+1(j) / prior_t+1(j).
    """
    n = chains.n
    if_known = posterior[chains.before] * kept / prior[n:]
    if_not = posterior[chains.before] * (1.0 - kept) / (1.0 - prior[n:])
    gamma = posterior.copy()
    for t in range(len(chains.starts) - 2, 0, -1):
        now, earlier = chains.first_of_step(t)
        a, b = if_known[now.start - n : now.stop - n], if_not[now.start - n : now.stop - n]
        gamma[earlier] = b + (a - b) * gamma[now]
    return gamma


@dataclass(frozen=True)
class Data:
    """What the passes read. groups: (E,) which parameters an event has; items: (m,) codes of the pairs."""

    chains: Chains
    groups: np.ndarray
    gaps: np.ndarray  # (E - n,) in days, or 1 each
    correct: np.ndarray  # (m,)
    items: np.ndarray
    done: np.ndarray  # (n, 2) log(1 + right), log(1 + wrong) of the learner, before each chain began
    n_groups: int
    n_items: int

    def per_group(self, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
        return np.bincount(groups, weights=values, minlength=self.n_groups)


def maximise(
    data: Data, start: Estimate, prior: Prior, iterations: int, tolerance: float = 1e-6
) -> tuple[Estimate, list[float]]:
    """The estimate, (n_groups,) parameters each, and the log-likelihood before each iteration.

    EM creeps: two iterations r and r + v, taken together, say how far the way goes on (SQUAREM, Varadhan &
    Roland 2008): x0 + 2 s r + s^2 v with s = |r| / |v|, and one more iteration from there. Where that leads
    down, it is not taken. Ends where an iteration adds less than `tolerance` an event.
    """
    here, found = start, list[float]()
    while len(found) < iterations:
        one, value0 = _iterate(data, here, prior)
        two, value1 = _iterate(data, one, prior)
        found += [value0, value1]
        if abs(value1 - value0) < tolerance * len(data.groups):
            return two, found
        x0, x1, x2 = here.flat, one.flat, two.flat
        r, v = x1 - x0, x2 - 2.0 * x1 + x0
        s = max(float(np.sqrt((r @ r) / max(v @ v, 1e-30))), 1.0)
        far, value = _iterate(data, here.moved(x0 + 2.0 * s * r + s * s * v), prior)
        here = two
        if value > value1:
            here = far
            found.append(value)
    return here, found


def first_chances(init: np.ndarray, slopes: np.ndarray, done: np.ndarray) -> np.ndarray:
    """P(known) before the first practice: sigmoid(logit(p_init) + slopes · done).

    init: logits; done (…, 2): log(1 + right answers), log(1 + wrong ones) on anything before.
    """
    return sigmoid(init + done @ slopes)


def _iterate(data: Data, e: Estimate, prior: Prior) -> tuple[Estimate, float]:
    chains, p, n = data.chains, e.p, data.chains.n
    shift = e.effects[data.items]
    of_pair = data.groups[chains.pair_events]
    if_known = log_likelihoods(chains, p.known[of_pair] + shift, data.correct)
    if_not = log_likelihoods(chains, p.unknown[of_pair] + shift, data.correct)
    by_event = p.take(data.groups)
    if prior.slope_variance:
        by_event.p_init[:n] = first_chances(logit(by_event.p_init[:n]), e.slopes, data.done)
    kept = np.exp(-np.minimum(by_event.forget[n:] * data.gaps, 20.0))
    before, after = forward(chains, if_known - if_not, by_event, kept)
    value = float(np.logaddexp(np.log(before) + if_known, np.log1p(-before) + if_not).sum())
    gamma = smooth(chains, before, after, by_event.p_learn, kept)
    fresh = _transitions(data, p, (before, after, gamma, kept), prior)
    slopes = e.slopes
    if prior.slope_variance:
        fresh.p_init, slopes = _first(data, p.p_init, slopes, gamma[:n], prior)
    fresh.known, fresh.unknown, effects = _emissions(data, p, gamma[chains.pair_events], e.effects, prior)
    return Estimate(fresh, effects, slopes), value


def _first(
    data: Data, p_init: np.ndarray, slopes: np.ndarray, gamma: np.ndarray, prior: Prior
) -> tuple[np.ndarray, np.ndarray]:
    """p_init and its slopes: a Newton step each of a logistic regression on gamma (n,), P(known) at first."""
    groups, init = data.groups[: len(gamma)], logit(p_init)
    chance = first_chances(init[groups], slopes, data.done)
    slope = data.per_group(gamma - chance, groups) + prior.strength * (prior.centre.p_init - p_init)
    bend = data.per_group(chance * (1 - chance), groups) + prior.strength * p_init * (1 - p_init)
    init = np.clip(init + np.clip(slope / bend, -1.0, 1.0), -9.0, 9.0)
    chance = first_chances(init[groups], slopes, data.done)
    slope = data.done.T @ (gamma - chance) - slopes / prior.slope_variance
    bend = (data.done.T * (chance * (1 - chance))) @ data.done + np.eye(2) / prior.slope_variance
    return sigmoid(init), slopes + np.clip(np.linalg.solve(bend, slope), -1.0, 1.0)


def _transitions(data: Data, p: Parameters, states: tuple[np.ndarray, ...], prior: Prior) -> Parameters:
    """p_init, p_learn and forget from expected counts; the rest as it was.

    Who knew or had just learnt and still knows survived the gap; an event of forgetting within a gap g is
    expected at 1 / f - g / (exp(f g) - 1), as of an exponential life that is seen only at its ends.
    """
    before, after, gamma, kept = states
    chains, n, centre, weight = data.chains, data.chains.n, prior.centre, prior.strength
    groups = data.groups[n:]
    learn, forget = p.p_learn[groups], p.forget[groups]
    to_known, to_unknown = gamma[n:] / before[n:], (1.0 - gamma[n:]) / (1.0 - before[n:])
    known = after[chains.before]
    learnt_kept = (1.0 - known) * learn * kept * to_known
    learnt_lost = (1.0 - known) * learn * (1.0 - kept) * to_unknown
    never = (1.0 - known) * (1.0 - learn) * to_unknown
    survived, lost = known * kept * to_known + learnt_kept, known * (1.0 - kept) * to_unknown + learnt_lost
    product = forget * data.gaps
    # for a tiny product the difference loses its digits; its limit is gap / 2
    safe = np.clip(product, 1e-4, 700.0)
    waited = data.gaps * np.where(product < 1e-4, 0.5, 1.0 / safe - 1.0 / np.expm1(safe))
    learned, asked = learnt_kept + learnt_lost, learnt_kept + learnt_lost + never
    starts = data.groups[:n]
    return Parameters(
        p_init=_share(
            data.per_group(gamma[:n], starts), data.per_group(np.ones(n), starts), centre.p_init, weight
        ),
        p_learn=_share(
            data.per_group(learned, groups), data.per_group(asked, groups), centre.p_learn, weight
        ),
        known=p.known,
        unknown=p.unknown,
        # a Gamma prior: `weight` times the centre's events in `weight` days
        forget=np.clip(
            (data.per_group(lost, groups) + weight * centre.forget)
            / (data.per_group(survived * data.gaps + lost * waited, groups) + weight),
            0.0,
            5.0,
        ),
    )


def _share(events: np.ndarray, chances: np.ndarray, centre: np.ndarray, weight: float) -> np.ndarray:
    return np.clip((events + weight * centre) / (chances + weight), 1e-4, 1.0 - 1e-4)


def _emissions(
    data: Data, p: Parameters, gamma: np.ndarray, effects: np.ndarray, prior: Prior
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two logits of P(correct) and the items' effects; gamma (m,) is P(known) at each pair.

    Without item effects they are shares of expected counts. With them, one Newton step each in turn: the
    logits on the concept, then one effect an item on both, N(0, item_variance).
    """
    groups = data.groups[data.chains.pair_events]
    least = logit(np.array(MOST_ERROR))
    fresh = []
    for weight, logits, centre, low, high in (
        (gamma, p.known, prior.centre.known, -least, 7.0),
        (1.0 - gamma, p.unknown, prior.centre.unknown, -7.0, least),
    ):
        if prior.item_variance:
            chance = sigmoid(logits[groups] + effects[data.items])
            own = sigmoid(logits)
            slope = data.per_group(weight * (data.correct - chance), groups)
            slope += prior.strength * (sigmoid(centre) - own)
            bend = data.per_group(weight * chance * (1.0 - chance), groups) + prior.strength * own * (
                1.0 - own
            )
            moved = logits + np.clip(slope / bend, -1.0, 1.0)
        else:
            right = data.per_group(weight * data.correct, groups)
            moved = logit(_share(right, data.per_group(weight, groups), sigmoid(centre), prior.strength))
        fresh.append(np.clip(moved, low, high))
    if prior.item_variance:
        slope, bend = -effects / prior.item_variance, np.full(data.n_items, 1.0 / prior.item_variance)
        for weight, logits in zip((gamma, 1.0 - gamma), fresh, strict=True):
            chance = sigmoid(logits[groups] + effects[data.items])
            slope = slope + np.bincount(data.items, weight * (data.correct - chance), data.n_items)
            bend = bend + np.bincount(data.items, weight * chance * (1.0 - chance), data.n_items)
        effects = effects + np.clip(slope / bend, -1.0, 1.0)
    return fresh[0], fresh[1], effects
