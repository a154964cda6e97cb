"""What the attention tracer says of many learners at once: each learner's window of answers, and counts.

The network looks back `blocks * length` answers and no further, so that is what is kept of each learner, as
it stood when it was answered; what was counted over the whole past is counted on. To be asked is one forward
pass over that window and the questions, a learner at a time, whose cost does not grow with the history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learnloop.trace.attention_additive import Additive
from learnloop.trace.attention_forward import Seen, residual
from learnloop.trace.logits import squashed

SOONEST = 1e-6  # seconds after the last answer, as in `Attention.predict_next`


@dataclass(frozen=True)
class Model:
    """What following needs of a fitted tracer."""

    additive: Additive
    networks: Sequence[Mapping[str, np.ndarray]]
    heads: int
    length: int
    blocks: int
    scale: float
    precision: float
    timed: bool


class Questions:
    """q questions, each an item with its concepts: codes of the model, and codes of their own."""

    def __init__(
        self,
        items: np.ndarray,
        own_items: np.ndarray,
        concepts_of: Sequence[Sequence[int]],
        followed: np.ndarray,
        additive: Additive,
    ) -> None:
        """items: (q,) the model's codes, -1 unseen; own_items: (q,) which tell unseen ones apart;
        concepts_of: places in `followed`, (k,), the model's codes of the concepts."""
        widest = max(map(len, concepts_of), default=0)
        self.own_concepts = np.full((len(items), max(widest, 1)), -1, dtype=np.int64)
        for row, concepts in enumerate(concepts_of):
            self.own_concepts[row, : len(concepts)] = concepts
        there = self.own_concepts >= 0
        self.items, self.own_items = items, own_items
        self.concepts = np.where(there, np.append(followed, -1)[self.own_concepts], -1)
        self.shares = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
        self.easiness, self.support = additive.items[items], additive.support[items]
        self.base = additive.intercept + self.easiness
        self.base = self.base + (additive.concepts[self.concepts] * self.shares).sum(axis=1)


class AttentionFollowing:
    """n learners: right and wrong answers, and the last answers of each; see schemas.Following."""

    def __init__(
        self,
        model: Model,
        questions: Questions,
        n_items: int,
        n_concepts: int,
        n_followed: int,
        n_learners: int,
    ) -> None:
        """questions: the n_items to ask, then the average items of the first n_concepts of the n_followed
        concepts."""
        self.model, self.q = model, questions
        self.n_items, self.n_concepts = n_items, n_concepts
        self.window = model.blocks * model.length
        self.overall = np.zeros((2, n_learners))  # right and wrong
        self.by_concept = np.zeros((2, n_learners, n_followed + 1))  # the last, 0, where there is none
        self.by_item = np.zeros((2, n_learners, int(questions.own_items.max(initial=0)) + 1))
        self.last = np.zeros(n_learners)  # seconds since 1970
        # answer number t of a learner is in place t mod window
        self.asked = np.zeros((n_learners, self.window), dtype=np.int64)
        self.correct = np.zeros((n_learners, self.window), dtype=np.int64)
        self.seconds = np.zeros((n_learners, self.window))
        self.features = np.zeros((n_learners, self.window, len(model.additive.slopes)))

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners, each at most once; item codes; outcomes; seconds since 1970."""
        place = self._answers(learners) % self.window
        self.features[learners, place] = self._features(learners, items, at)
        self.asked[learners, place], self.correct[learners, place] = items, correct
        self.seconds[learners, place] = self._clock(at)
        wrong = 1 - np.asarray(correct, dtype=np.int64)
        self.overall[wrong, learners] += 1
        self.by_item[wrong, learners, self.q.own_items[items]] += 1
        concepts = self.q.own_concepts[items]
        rows, slots = np.nonzero(concepts >= 0)
        self.by_concept[wrong[rows], learners[rows], concepts[rows, slots]] += 1
        self.last[learners] = at

    def _answers(self, learners: np.ndarray) -> np.ndarray:
        """(m,) how many answers there are so far."""
        return self.overall[:, learners].sum(axis=0).astype(np.int64)

    def _clock(self, at: np.ndarray) -> np.ndarray:
        return at if self.model.timed else np.zeros(np.shape(at))

    def _features(self, learners: np.ndarray, questions: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_features) of question `questions[i]` to learner `learners[i]` at `at[i]`, as in FEATURES."""
        concepts, shares = self.q.own_concepts[questions], self.q.shares[questions]
        of_concepts = self.by_concept[:, learners[:, None], concepts]
        of_item = self.by_item[:, learners, self.q.own_items[questions]]
        pairs = [
            np.log1p([right, right + wrong])
            for right, wrong in (self.overall[:, learners], of_concepts, of_item)
        ]
        pairs[1] = (pairs[1] * shares).sum(axis=2)
        waited = np.maximum(self._clock(at) - self._clock(self.last[learners]), 0) / 60
        since = np.where(self._answers(learners) > 0, np.log1p(waited), 0.0)
        return np.column_stack([*np.concatenate(pairs), since])

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item at `at` (m,)."""
        found = self._logits(learners, at, np.arange(self.n_items))
        return squashed(found.mean(axis=0))

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) P(correct) on each concept's average item, and its sd: `Attention.mastery`."""
        found = self._logits(learners, at, np.arange(self.n_items, self.n_items + self.n_concepts))
        p = squashed(found.mean(axis=0))
        spread = squashed(found).var(axis=0, ddof=1) if len(found) > 1 else np.zeros(p.shape)
        attempts = self.by_concept[:, learners, : self.n_concepts].sum(axis=0)
        return p, np.minimum(np.sqrt(spread + p * (1 - p) / (self.model.precision + attempts + 1)), 0.5)

    def _logits(self, learners: np.ndarray, at: np.ndarray, questions: np.ndarray) -> np.ndarray:
        """(members or 1, m, len(questions))"""
        model = self.model
        found = np.empty((max(len(model.networks), 1), len(learners), len(questions)))
        if not len(questions):
            return found
        for row, (learner, now) in enumerate(zip(learners.tolist(), at.tolist(), strict=True)):
            n = int(self.overall[:, learner].sum())
            moment = max(now, self.last[learner] + SOONEST) if n else now
            who = np.full(len(questions), learner)
            features = self._features(who, questions, np.full(len(questions), moment))
            found[:, row] = self.q.base[questions] + features @ model.additive.slopes
            seen = self._seen(learner, n, questions, features, moment)
            for member, network in enumerate(model.networks):
                told = residual(network, model.heads, model.length, seen)
                found[member, row] += told[len(told) - len(questions) :]
        return model.scale * found

    def _seen(self, learner: int, n: int, questions: np.ndarray, features: np.ndarray, moment: float) -> Seen:
        """The learner's window, the oldest first, and the questions, which follow it at one moment."""
        past = np.arange(max(n - self.window, 0), n)
        place = past % self.window
        q = np.append(self.asked[learner, place], questions)
        asked = np.full(len(questions), moment)
        features = np.concatenate([self.features[learner, place], features])
        return Seen(
            items=self.q.items[q],
            concepts=self.q.concepts[q],
            own_items=self.q.own_items[q],
            own_concepts=self.q.own_concepts[q],
            shares=self.q.shares[q],
            correct=np.append(self.correct[learner, place], np.zeros(len(questions), dtype=np.int64)),
            before=np.append(past, np.full(len(questions), n)),
            seconds=np.append(self.seconds[learner, place], self._clock(asked)),
            easiness=self.q.easiness[q],
            features=np.column_stack([features, self.q.support[q]]),
        )
