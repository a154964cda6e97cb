"""The components of `merits` for a few candidates of one learner: what the API asks, a request at a time.

`merits` works on arrays of all items and concepts; a catalogue of 5,000 items would take longer than the rest
of the answer. Here the shares are of the candidates' largest, and the numbers are the same for the same items
(tests/recommend/test_candidate_merits.py).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from math import exp, prod

import numpy as np

from learnloop.recommend.merits import Aims, challenge
from learnloop.recommend.policy import Catalogue


@dataclass(frozen=True)
class Known:
    """What is believed of one learner. What is absent is unknown: not mastered, never practised, no gain.

    mastery, recall: by concept, in [0, 1]. p_correct: by item. gain: by item, the expected increase of the
    sum of mastery by practising it once. relevance: by item, any scale, empty where there is no recommender.
    since_item, since_concept: the learner's steps since then.
    """

    mastery: Mapping[str, float] = field(default_factory=dict)
    recall: Mapping[str, float] = field(default_factory=dict)
    p_correct: Mapping[str, float] = field(default_factory=dict)
    gain: Mapping[str, float] = field(default_factory=dict)
    relevance: Mapping[str, float] = field(default_factory=dict)
    since_item: Mapping[str, int] = field(default_factory=dict)
    since_concept: Mapping[str, int] = field(default_factory=dict)


class Waiting:
    """Which concepts wait for each: those that cannot be started before it is mastered, directly or not."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.concepts = frozenset(catalogue.teachers) | frozenset(catalogue.untaught)
        self._direct: dict[str, list[str]] = {}
        for concept, needs in catalogue.prerequisites.items():
            for needed in needs:
                self._direct.setdefault(needed, []).append(concept)
        self._found: dict[str, frozenset[str]] = {}

    def on(self, concept: str) -> frozenset[str]:
        """Found once: a graph has few concepts that anybody is shown."""
        found = self._found.get(concept)
        if found is None:
            above, waiting = set[str](), list(self._direct.get(concept, ()))
            while waiting:
                one = waiting.pop()
                if one not in above:
                    above.add(one)
                    waiting.extend(self._direct.get(one, ()))
            found = self._found[concept] = frozenset(above)
        return found


def components(
    item_ids: Sequence[str], catalogue: Catalogue, waiting: Waiting, known: Known, aims: Aims
) -> dict[str, dict[str, float]]:
    """item_id -> each of merits.COMPONENTS in [0, 1]. catalogue: of all items, not of a filter's."""
    mastered = {concept for concept, value in known.mastery.items() if value >= aims.threshold}
    mastered &= waiting.concepts
    relevance = (
        _shares([known.relevance[one] for one in item_ids]) if known.relevance else [0.0] * len(item_ids)
    )
    chances = np.array([known.p_correct.get(one, np.nan) for one in item_ids], dtype=float)
    fitting = challenge(chances, aims.band)
    found = {}
    for number, item_id in enumerate(item_ids):
        concepts = catalogue.concepts.get(item_id, ())
        readiness = prod(max(known.mastery.get(c, 0.0), 1e-9) for c in catalogue.requires(item_id))
        found[item_id] = {
            "readiness": readiness,
            "challenge": float(fitting[number]),
            "gain": max(known.gain.get(item_id, 0.0), 0.0) * readiness**aims.readiness_power,
            "review": _review(concepts, known, aims.recall_target),
            "relevance": relevance[number],
            "variety": _variety(item_id, concepts, known, aims),
            "opens": _opens(concepts, waiting, mastered),
        }
    most = max((one["gain"] for one in found.values()), default=0.0)
    for one in found.values():
        one["gain"] /= max(most, aims.least_gain, 1e-12)
    return found


def total(parts: Mapping[str, float], aims: Aims) -> float:
    """The weighted sum."""
    return sum(weight * parts[name] for name, weight in vars(aims.weights).items() if weight)


def _shares(scores: Sequence[float]) -> list[float]:
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]


def _review(concepts: Sequence[str], known: Known, target: float) -> float:
    """(target - recall) / target of the worst concept that was practised."""
    practised = [known.recall[c] for c in concepts if c in known.recall and c in known.since_concept]
    return min(max((target - min(practised, default=1.0)) / target, 0.0), 1.0) if target > 0 else 0.0


def _variety(item_id: str, concepts: Sequence[str], known: Known, aims: Aims) -> float:
    """1 - (exp(-a / item_steps) + exp(-b / concept_steps)) / 2"""
    since = known.since_item.get(item_id)
    ago = min((known.since_concept[c] for c in concepts if c in known.since_concept), default=None)
    by_item = exp(-since / aims.item_steps) if since is not None else 0.0
    return 1.0 - (by_item + (exp(-ago / aims.concept_steps) if ago is not None else 0.0)) / 2


def _opens(concepts: Sequence[str], waiting: Waiting, mastered: AbstractSet[str]) -> float:
    """Of the concepts not mastered, the largest share that waits for one of these that is not either."""
    lacking = len(waiting.concepts) - len(mastered)
    waits = (len(waiting.on(c) - mastered) for c in concepts if c not in mastered)
    return max(waits, default=0) / max(lacking, 1)
