"""What speaks for each item as a learner's next step: seven numbers in [0, 1], and their weighted sum.

    score = sum over k of weight_k component_k

    readiness    P(every prerequisite is known) = product of their mastery; 1 where none is needed
    challenge    1 where P(correct) lies in the band; falling in a straight line to 0 at P = 0 and P = 1
    gain         expected learning: gain of the item x readiness^`readiness_power`, as a share of the
                 learner's largest over all items, or of `least_gain` where that is more: where there is
                 nothing much to gain by belief, variety decides, and what is wrongly believed is met again
    review       practised, and recall fell below its target: (target - recall) / target, of the item's worst
                 concept
    relevance    the recommender's score, as a share of the learner's range
    variety      1 - (exp(-a / item_steps) + exp(-b / concept_steps)) / 2, a and b the steps since the item,
                 and since the most recent of its concepts, was done: not the same again and again
    opens        of the concepts not mastered yet, the share that waits for this item's concept

A learner is m rows at once; the numbers of each component stay, so that a step can be explained and logged.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from learnloop.errors import BadInput
from learnloop.recommend.syllabus import Syllabus

COMPONENTS = ("readiness", "challenge", "gain", "review", "relevance", "variety", "opens")


@dataclass(frozen=True)
class Weights:
    """How much each component counts. The defaults were chosen on simulated learners of other seeds than
    those that are reported (docs/5-next-step.md)."""

    readiness: float = 0.0
    challenge: float = 0.05
    gain: float = 1.0
    review: float = 0.0  # a gain from mastery that fades counts what was forgotten already
    relevance: float = 0.1
    variety: float = 0.1
    opens: float = 0.1

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (np.isfinite(value) and value >= 0):
                raise BadInput(f"the weight of {name} must be 0 or more, not {value}", field=name)


@dataclass(frozen=True)
class Aims:
    """What a good step is. threshold: a concept counts as mastered where mastery - caution x sd and mastery
    itself reach it. band: of P(correct). recall_target: below it a practised concept wants a review.
    item_steps, concept_steps: after so many steps a repeat costs 1/e of what it costs at once."""

    threshold: float = 0.6
    caution: float = 0.0
    band: tuple[float, float] = (0.6, 0.85)
    recall_target: float = 0.9
    item_steps: float = 20.0
    concept_steps: float = 2.0
    readiness_power: float = 1.0
    least_gain: float = 0.01
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        low, high = self.band
        if not 0 <= low <= high <= 1:
            raise BadInput(f"a band of P(correct) lies within 0 and 1, not {low} to {high}", field="band")
        if not 0 < self.threshold < 1:
            raise BadInput(f"a threshold lies between 0 and 1, not {self.threshold}", field="threshold")
        if self.caution < 0:
            raise BadInput(f"caution must be 0 or more, not {self.caution}", field="caution")


# Of the API, which has a recommender and one tracer: the course a learner is in is the recommender's to say;
# within it, learning decides.
SERVED = Aims(
    threshold=0.7,
    weights=Weights(challenge=0.1, gain=1.0, review=0.2, relevance=0.5, variety=0.1, opens=0.1),
)
LEARNT = 0.15  # by one step, of what is not mastered: about a seventh; where a tracer tells no gain


@dataclass(frozen=True)
class Beliefs:
    """What is believed of m learners. NaN is unknown, and unknown is not mastered.

    mastery, sd, recall: (m, n_concepts) in [0, 1]; p_correct: (m, n_items); gain: (m, n_items), the expected
    increase of the sum of mastery by practising the item once (a tracer's `gain`), None: the room to learn,
    the sum of 1 - mastery over the item's concepts. relevance: (m, n_items), any scale. since_item, (m,
    n_items), and since_concept, (m, n_concepts): the learner's steps since then, inf where never.
    """

    mastery: np.ndarray
    p_correct: np.ndarray
    sd: np.ndarray | None = None
    gain: np.ndarray | None = None
    recall: np.ndarray | None = None
    relevance: np.ndarray | None = None
    since_item: np.ndarray | None = None
    since_concept: np.ndarray | None = None


def missing(beliefs: Beliefs, aims: Aims) -> np.ndarray:
    """(m, n_concepts) bool: what is not mastered."""
    known = beliefs.mastery >= aims.threshold  # False for NaN
    if aims.caution > 0 and beliefs.sd is not None:
        known &= beliefs.mastery - aims.caution * beliefs.sd >= aims.threshold
    return np.asarray(~known, dtype=bool)


def components(
    syllabus: Syllabus, beliefs: Beliefs, aims: Aims, lacking: np.ndarray
) -> dict[str, np.ndarray]:
    """Name, as in COMPONENTS -> (m, n_items) in [0, 1]. lacking: as `missing` gives it."""
    shape = beliefs.p_correct.shape
    mastery = np.clip(np.nan_to_num(beliefs.mastery), 1e-9, 1.0)
    # product of the prerequisites' mastery, as a sum of logarithms
    readiness = np.exp(np.log(mastery) @ syllabus.needs.T)
    gain = beliefs.gain if beliefs.gain is not None else (1 - mastery) @ syllabus.teaches.T
    gain = np.maximum(np.nan_to_num(gain), 0.0) * readiness**aims.readiness_power
    return {
        "readiness": readiness,
        "challenge": challenge(beliefs.p_correct, aims.band),
        "gain": gain / np.maximum(gain.max(axis=1, keepdims=True), max(aims.least_gain, 1e-12)),
        "review": _review(syllabus, beliefs, aims.recall_target),
        "relevance": _shares(beliefs.relevance) if beliefs.relevance is not None else np.zeros(shape),
        "variety": _variety(syllabus, beliefs, aims),
        "opens": _opens(syllabus, lacking),
    }


def total(parts: Mapping[str, np.ndarray], weights: Weights) -> np.ndarray:
    """(m, n_items) the weighted sum."""
    found = np.zeros_like(parts["gain"])
    for name, weight in asdict(weights).items():
        if weight:
            found += weight * parts[name]
    return found


def challenge(p_correct: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """1 within the band, 0 at P = 0 and P = 1; unknown is 0."""
    low, high = band
    below = p_correct / low if low > 0 else np.ones_like(p_correct)
    above = (1 - p_correct) / (1 - high) if high < 1 else np.ones_like(p_correct)
    return np.nan_to_num(np.clip(np.minimum(below, above), 0.0, 1.0))


def _review(syllabus: Syllabus, beliefs: Beliefs, target: float) -> np.ndarray:
    if beliefs.recall is None or target <= 0:
        return np.zeros(beliefs.p_correct.shape)
    lost = np.clip((target - np.nan_to_num(beliefs.recall, nan=1.0)) / target, 0.0, 1.0)
    if beliefs.since_concept is not None:
        lost = np.where(np.isfinite(beliefs.since_concept), lost, 0.0)
    return _worst(syllabus, lost)


def _variety(syllabus: Syllabus, beliefs: Beliefs, aims: Aims) -> np.ndarray:
    repeated = np.zeros(beliefs.p_correct.shape)
    if beliefs.since_item is not None:
        repeated += np.exp(-beliefs.since_item / aims.item_steps)
    if beliefs.since_concept is not None:
        repeated += _worst(syllabus, np.exp(-beliefs.since_concept / aims.concept_steps))
    return 1.0 - repeated / 2


def _opens(syllabus: Syllabus, lacking: np.ndarray) -> np.ndarray:
    lacks = lacking.astype(np.float32)
    above = lacks @ syllabus.waits.T.astype(np.float32)  # how many missing concepts wait for each
    share = np.where(lacking, above / np.maximum(lacks.sum(axis=1, keepdims=True), 1.0), 0.0)
    return _worst(syllabus, share.astype(float))


def _worst(syllabus: Syllabus, values: np.ndarray) -> np.ndarray:
    """(m, n_items) the largest of the item's concepts; values: (m, n_concepts), 0 or more."""
    found = np.zeros((len(values), len(syllabus.item_ids)))
    for concept, teachers in enumerate(syllabus.teachers):
        found[:, teachers] = np.maximum(found[:, teachers], values[:, concept, None])
    return found


def _shares(scores: np.ndarray) -> np.ndarray:
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return np.where(high > low, (scores - low) / np.where(high > low, high - low, 1.0), 1.0)
