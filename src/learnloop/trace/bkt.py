"""Bayesian knowledge tracing: each learner knows each concept or not, and every answer is evidence."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.schemas import Space, Span
from learnloop.trace import weights
from learnloop.trace.bkt_em import (
    Data,
    Estimate,
    Parameters,
    Prior,
    first_chances,
    forward,
    log_likelihoods,
    logit,
    maximise,
    sigmoid,
)
from learnloop.trace.bkt_following import BKTFollowing
from learnloop.trace.chains import (
    DAY,
    Chains,
    Practice,
    chains,
    log_counts,
    named,
    read,
    read_history,
    seconds,
)

FORGETTING = ("day", "step", "none")
LOWEST = 1e-6  # no prediction closer to 0 or 1
OPTIONS = ("forgetting", "per_item", "per_learner", "item_variance", "strength", "iterations")
SLOPE_VARIANCE = 1.0
POOLED_STRENGTH = 4.0  # answers that the prior of the pooled parameters weighs


class BKT:
    """P(correct) = L (1 - p_slip) + (1 - L) p_guess, L = P(the learner knows the concept).

    Corbett & Anderson 1994, fitted by expectation-maximisation: first one set of parameters for all
    concepts, then each concept's own, drawn to that set with the weight of `strength` answers. A concept
    never seen has the pooled set.

    forgetting: by the "day" between two answers on a concept, with exp(-rate days); by the "step", at each
    answer, the same; or "none". Answers of one moment are one occasion to learn.
    item_variance: with per_item, each item's own effect, in logits, on both 1 - p_slip and p_guess, drawn
    to 0 as N(0, item_variance): one number an item, where KT-IDEM (Pardos & Heffernan 2011) has two.
    per_learner: what a learner has got right and wrong on anything so far moves p_init of a concept still
    new to them, logit(p_init) + slopes · log(1 + counts) (a prior per student, Pardos & Heffernan 2010).

    Several concepts: each concept's state is updated as if the answer were its own alone, and P(correct) is
    the mean of their probabilities.
    """

    name = "bkt"
    space: ClassVar[Space] = {
        "forgetting": FORGETTING,
        "item_variance": Span(0.05, 4.0, log=True),
        "strength": Span(1.0, 300.0, log=True),
    }

    def __init__(
        self,
        forgetting: str = "day",
        per_item: bool = True,
        per_learner: bool = True,
        item_variance: float = 0.8,
        strength: float = 100.0,
        iterations: int = 60,
    ) -> None:
        if forgetting not in FORGETTING:
            raise BadInput(f"no forgetting {forgetting!r}", f"one of {', '.join(FORGETTING)}", "forgetting")
        self.forgetting = forgetting
        self.per_item = per_item
        self.per_learner = per_learner
        self.item_variance = item_variance
        self.strength = strength
        self.iterations = iterations
        self.items: dict[str, int] = {}
        self.concepts: dict[str, int] = {}
        self.effects = np.zeros(1)  # (n_items + 1,) in logits; the last, 0, for the unseen
        self.slopes = np.zeros(2)
        self.fitted = Parameters.prior()  # (n_concepts + 1,) each; the last, pooled, for the unseen

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        practice = read(answers)
        if not len(practice):
            raise NothingToDo("no answers to learn from", "learnloop import csv --interactions FILE")
        found, rows = chains(practice), practice.pair_rows
        correct, items, done = practice.correct[rows], practice.items[rows], self._done(practice, found)
        n_items, n_concepts = len(practice.item_ids), len(practice.concept_ids)
        variances = (self.item_variance * self.per_item, SLOPE_VARIANCE * self.per_learner)

        def best(groups: np.ndarray, n_groups: int, start: Estimate, prior: Prior) -> Estimate:
            units = self._units(found)
            data = Data(found, groups, units, correct, items, done, n_groups, n_items)
            return maximise(data, start, prior, self.iterations)[0]

        first = Parameters.prior()
        if self.forgetting == "none":
            first.forget = np.zeros(1)
        start = Estimate(first, np.zeros(n_items), np.zeros(2))
        pooled = best(np.zeros_like(found.concepts), 1, start, Prior(first, POOLED_STRENGTH, *variances))
        prior = Prior(pooled.p, self.strength, *variances)
        start = replace(pooled, p=pooled.p.take(np.zeros(n_concepts, dtype=np.int64)))
        own = best(found.concepts, n_concepts, start, prior)
        pairs = zip(vars(own.p).values(), vars(pooled.p).values(), strict=True)
        self.fitted = Parameters(*(np.append(mine, theirs) for mine, theirs in pairs))
        self.effects, self.slopes = np.append(own.effects, 0.0), own.slopes
        self.items = {item_id: i for i, item_id in enumerate(practice.item_ids)}
        self.concepts = {concept_id: i for i, concept_id in enumerate(practice.concept_ids)}
        return self

    @staticmethod
    def _done(practice: Practice, found: Chains) -> np.ndarray:
        """(n, 2) what the learner had done, on anything, before each chain began."""
        rows = np.empty(len(found.at), dtype=np.int64)
        rows[found.pair_events] = practice.pair_rows
        return log_counts(practice.learners, practice.at, practice.correct)[:, rows[: found.n]].T

    def _units(self, found: Chains) -> np.ndarray:
        """The time in which something may be forgotten, before each later event."""
        if self.forgetting == "day":
            return found.gaps / DAY
        return np.full(len(found.before), 1.0 if self.forgetting == "step" else 0.0)

    def _codes(self, practice: Practice) -> tuple[np.ndarray, np.ndarray]:
        """Our codes of the pairs' items and of the practice's concepts; -1, the last entry, is unseen."""
        items = np.array([self.items.get(i, -1) for i in practice.item_ids], dtype=np.int64)
        concepts = np.array([self.concepts.get(c, -1) for c in practice.concept_ids], dtype=np.int64)
        return items[practice.items[practice.pair_rows]], concepts

    def _filter(self, practice: Practice) -> tuple[Chains, np.ndarray, np.ndarray]:
        """The chains, and P(known) before and after each event."""
        found = chains(practice)
        items, codes = self._codes(practice)
        own = self.fitted.take(codes[practice.pair_concepts])
        correct, shift = practice.correct[practice.pair_rows], self.effects[items]
        ratio = log_likelihoods(found, own.known + shift, correct)
        ratio -= log_likelihoods(found, own.unknown + shift, correct)
        by_event = self.fitted.take(codes[found.concepts])
        init, n = logit(by_event.p_init[: found.n]), found.n
        by_event.p_init[:n] = first_chances(init, self.slopes, self._done(practice, found))
        kept = np.exp(-by_event.forget[found.n :] * self._units(found))
        return found, *forward(found, ratio, by_event, kept)

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """P(correct) of each row, (n,) in the rows' order, from its learner's strictly earlier rows."""
        practice = read(answers)
        if not len(practice):
            return np.zeros(0)
        found, before, _ = self._filter(practice)
        items, codes = self._codes(practice)
        chance = self._chance(before[found.pair_events], codes[practice.pair_concepts], items)
        return np.clip(practice.mean_by_row(chance), LOWEST, 1.0 - LOWEST)

    def _chance(self, known: np.ndarray, concepts: np.ndarray, items: np.ndarray) -> np.ndarray:
        """P(correct) of pairs, from P(known)."""
        shift = self.effects[items]
        right_if_known = sigmoid(self.fitted.known[concepts] + shift)
        right_if_not = sigmoid(self.fitted.unknown[concepts] + shift)
        return np.asarray(known * right_if_known + (1.0 - known) * right_if_not)

    def _state(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(k,) P(known) at `now`, the worth of the evidence, and the number of attempts, by concept."""
        practice = read_history(history, now)
        found, _, after = self._filter(practice)
        own = {concept_id: i for i, concept_id in enumerate(practice.concept_ids)}
        asked = np.array([own.get(c, -1) for c in concept_ids], dtype=np.int64)
        p = self.fitted.take(np.array([self.concepts.get(c, -1) for c in concept_ids], dtype=np.int64))
        right = practice.correct.sum()
        done = np.log1p([right, len(practice) - right])
        known, worth = first_chances(logit(p.p_init), self.slopes, done), np.zeros(len(asked))
        tries = np.bincount(practice.pair_concepts, minlength=len(own))
        attempts = np.where(asked >= 0, np.append(tries, 0)[asked], 0)
        last = np.empty(len(own), dtype=np.int64)
        last[found.concepts[found.last]] = found.last
        tried = asked >= 0
        ends = last[asked[tried]]
        until = found.at.max(initial=-np.inf) if now is None else seconds(now)
        rate = p.forget[tried]
        kept = np.exp(-rate * (np.maximum(until - found.at[ends], 0.0) / DAY if self._by_day else 1.0))
        learnt = after[ends] + (1.0 - after[ends]) * p.p_learn[tried]
        known[tried] = learnt * kept
        worth[tried] = self._worth(found, last, rate, asked[tried]) * kept
        return known, worth, attempts

    @property
    def _by_day(self) -> bool:
        return self.forgetting == "day"

    def _worth(self, found: Chains, last: np.ndarray, rate: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Answers on each asked concept, each weighed by what is left of its time until the last one."""
        answers = np.bincount(found.pair_events, minlength=len(found.at)).astype(float)
        rates = np.zeros(len(last))
        rates[asked] = rate
        if self._by_day:
            ago = (found.at[last[found.concepts]] - found.at) / DAY
        else:
            step = np.searchsorted(found.starts, np.arange(len(found.at)), side="right") - 1
            ago = (step[last[found.concepts]] - step).astype(float)
        fading = answers * np.exp(-rates[found.concepts] * ago)
        return np.bincount(found.concepts, weights=fading, minlength=len(last))[asked]

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """(len(item_ids),) P(correct) if the learner of `history` answered each item at `now`.

        history: ANSWERS of one learner, possibly none. concept_ids: the concepts of each item. Raises
        BadInput where the history is several learners'.
        """
        if not len(item_ids):
            return np.zeros(0)
        lists = [named(concepts) for concepts in concept_ids]
        asked = list(dict.fromkeys(c for concepts in lists for c in concepts))
        known, _, _ = self._state(history, asked, now)
        place = {c: i for i, c in enumerate(asked)}
        rows = np.repeat(np.arange(len(lists)), [len(concepts) for concepts in lists])
        flat = [c for concepts in lists for c in concepts]
        items = np.array([self.items.get(i, -1) for i in item_ids], dtype=np.int64)[rows]
        codes = np.array([self.concepts.get(c, -1) for c in flat], dtype=np.int64)
        chance = self._chance(known[[place[c] for c in flat]], codes, items)
        means = np.bincount(rows, weights=chance) / np.bincount(rows)
        return np.clip(means, LOWEST, 1.0 - LOWEST)

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery = L, sd, attempts (of this learner) at `now`, after forgetting.

        L says how likely the learner knows the concept, not how much that rests on. The standard deviation
        is that of a Beta with mean L that rests on n answers of this learner and one of the crowd's:

            sd^2 = L (1 - L) / (n + 2)

        An answer counts exp(-rate days) in n: what is forgotten is no evidence of today. history: ANSWERS
        of one learner, possibly none.
        """
        known, worth, attempts = self._state(history, concept_ids, now)
        known = np.clip(known, LOWEST, 1.0 - LOWEST)
        return pd.DataFrame(
            {
                "concept_id": pd.array(list(concept_ids), dtype="str"),
                "mastery": known,
                "sd": np.sqrt(known * (1.0 - known) / (worth + 2.0)),
                "attempts": attempts,
            }
        )

    def follow(
        self,
        item_ids: Sequence[str],
        concepts_of: Sequence[Sequence[str]],
        concept_ids: Sequence[str],
        n_learners: int,
    ) -> BKTFollowing:
        """All of `n_learners` new learners at once; see schemas.Following."""
        lists = [named(concepts) for concepts in concepts_of]
        followed = list(dict.fromkeys([*concept_ids, *(c for concepts in lists for c in concepts)]))
        place = {c: i for i, c in enumerate(followed)}
        codes = np.array([self.concepts.get(c, -1) for c in followed], dtype=np.int64)
        items = np.array([self.items.get(i, -1) for i in item_ids], dtype=np.int64)
        return BKTFollowing(
            self.fitted.take(codes),
            self.effects[items],
            self.slopes,
            [[place[c] for c in concepts] for concepts in lists],
            len(concept_ids),
            n_learners,
            by_day=self._by_day,
        )

    def parameters(self) -> pd.DataFrame:
        """concept_id, p_init, p_learn, p_guess, p_slip, p_forget (a day or a step); the last row, pooled."""
        p = self.fitted
        return pd.DataFrame(
            {
                "concept_id": pd.array([*self.concepts, "(pooled)"], dtype="str"),
                "p_init": p.p_init,
                "p_learn": p.p_learn,
                "p_guess": sigmoid(p.unknown),
                "p_slip": sigmoid(-p.known),
                "p_forget": -np.expm1(-p.forget),
            }
        )

    def save(self, folder: Path) -> None:
        """Writes the parameters into `folder`, which exists."""
        about: dict[str, Any] = {name: getattr(self, name) for name in OPTIONS}
        about |= {"item_ids": list(self.items), "concept_ids": list(self.concepts)}
        arrays = {**vars(self.fitted), "effects": self.effects, "slopes": self.slopes}
        weights.save(folder, self.name, arrays, about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises ModelUnavailable where the files are missing or do not match."""
        arrays, about = weights.load(folder, cls.name)
        tracer = cls(**{name: about[name] for name in OPTIONS})
        tracer.effects, tracer.slopes = arrays.pop("effects"), arrays.pop("slopes")
        tracer.fitted = Parameters(**arrays)
        tracer.items = {item_id: i for i, item_id in enumerate(about["item_ids"])}
        tracer.concepts = {concept_id: i for i, concept_id in enumerate(about["concept_ids"])}
        return tracer
