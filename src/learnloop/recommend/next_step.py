"""The next best step of m learners at once: pure arrays in, items with reasons and propensities out.

Kept for any graph: no step has a concept with a prerequisite that the learner has not mastered. Where such an
item is the one that is wanted, the first item that can be started on the way to it takes its place and its
score. A pin comes first and obeys this too; what is blocked is never shown, not as a prerequisite either.

The places are filled one after the other as in `exploration`: from the `candidates` best items by a softmax
over their scores, scaled to [0, 1] within them; at temperature 0 by the best one. Within a list an item that
shares a concept with an earlier place loses the weight of variety.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from learnloop.errors import BadInput
from learnloop.recommend.merits import Aims, Beliefs, components, missing, total
from learnloop.recommend.syllabus import Syllabus, handed_down, locked
from learnloop.schemas import Reason, Step

VERSION = "next-step-1"  # of what decides; logged with each decision
CANDIDATES = 50  # the softmax is over so many


@dataclass(frozen=True)
class Rules:
    """What an instructor and the clock say. pinned: (n_items,) or (m, n_items), the place of a pin from 1, 0
    where there is none; one that was done is no longer pinned. blocked: the same shapes, bool. minutes: (m,)
    that the learner has; longer items are left out, unless nothing fits."""

    pinned: np.ndarray | None = None
    blocked: np.ndarray | None = None
    minutes: np.ndarray | None = None


@dataclass(frozen=True)
class NextStepDecision:
    """One learner's decision, to be stored as JSON: candidates, the best first, with their score, the numbers
    behind it, the probability of the first drawn place, their place in the list (from 1) and its probability
    given the places before. `models`: name -> version of what the beliefs came from."""

    steps: tuple[Step, ...]
    candidates: tuple[Mapping[str, Any], ...]
    aims: Mapping[str, Any]
    temperature: float
    models: Mapping[str, str]
    policy: str = VERSION

    @property
    def propensity(self) -> float:
        """The probability of the list: the product of those of its places."""
        given = (one["probability"] for one in self.candidates if one["probability"] is not None)
        return float(np.prod(list(given)))

    def to_json(self) -> dict[str, Any]:
        """Plain values only; `of_json` takes it back."""
        return asdict(self)

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "NextStepDecision":
        steps = tuple(
            Step(one["item_id"], one["score"], tuple(Reason(**reason) for reason in one["reasons"]))
            for one in stored["steps"]
        )
        return cls(**{**stored, "steps": steps, "candidates": tuple(stored["candidates"])})


@dataclass(frozen=True)
class NextSteps:
    """What was decided for m learners. items: (m, k) codes, -1 where nothing is left; probabilities: (m, k),
    of each place given those before; first: (m, n_items), of each item at the first drawn place; scores:
    (m, n_items), the weighted sum, or what was handed down where that is more; open: (m, n_items) bool, what
    could have been shown; parts: the components."""

    syllabus: Syllabus
    beliefs: Beliefs
    aims: Aims
    temperature: float
    items: np.ndarray
    probabilities: np.ndarray
    first: np.ndarray
    scores: np.ndarray
    open: np.ndarray
    parts: Mapping[str, np.ndarray]
    wishes: np.ndarray = field(repr=False)  # (m, n_items) the weighted sum of any item, locked ones too
    inherited: np.ndarray = field(repr=False)  # (m, n_items) what was handed down to it, or -inf
    pinned: np.ndarray = field(repr=False)  # (m, n_items) 1 / place of the pins still to be done, or -inf
    for_pins: np.ndarray = field(repr=False)  # (m, n_items) what was handed down from those, or -inf

    def decision(self, learner: int = 0, models: Mapping[str, str] | None = None) -> NextStepDecision:
        """With the reasons; learner: its row."""
        from learnloop.recommend.next_step_reasons import reasons

        shown = [int(item) for item in self.items[learner] if item >= 0]
        scores, names = self.scores[learner], self.syllabus.item_ids
        steps = tuple(
            Step(str(names[item]), float(scores[item]), reasons(self, learner, item)) for item in shown
        )
        places = {item: place for place, item in enumerate(shown)}
        order = sorted(np.flatnonzero(self.open[learner]).tolist(), key=lambda item: (-scores[item], item))
        kept = [item for place, item in enumerate(order) if place < CANDIDATES or item in places]
        candidates = tuple(
            {
                "item_id": str(names[item]),
                "score": float(scores[item]),
                "first": float(self.first[learner, item]),
                "position": places[item] + 1 if item in places else None,
                "probability": float(self.probabilities[learner, places[item]]) if item in places else None,
                "components": {
                    name: round(float(part[learner, item]), 6) for name, part in self.parts.items()
                },
                "p_correct": float(self.beliefs.p_correct[learner, item]),
            }
            for item in kept
        )
        aims = {**asdict(self.aims), "band": list(self.aims.band)}
        return NextStepDecision(steps, candidates, aims, self.temperature, dict(models or {}))


def next_step(
    syllabus: Syllabus,
    beliefs: Beliefs,
    aims: Aims | None = None,
    rules: Rules | None = None,
    *,
    k: int = 1,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
) -> NextSteps:
    """At most k steps of each learner; fewer where fewer may be shown.

    Ties go to the earlier item. At a temperature above 0 `rng` gives one number a learner and place; else it
    is not used. Raises BadInput on a knob outside its range.
    """
    if not (np.isfinite(temperature) and temperature >= 0):
        raise BadInput(f"a temperature must be 0 or more, not {temperature}", field="temperature")
    if temperature > 0 and rng is None:
        raise BadInput("a temperature above 0 needs a random generator", field="rng")
    aims, rules = aims or Aims(), rules or Rules()
    shape = beliefs.p_correct.shape
    lacking = missing(beliefs, aims)
    shut = locked(syllabus, lacking)
    blocked = np.broadcast_to(rules.blocked, shape) if rules.blocked is not None else np.zeros(shape, bool)
    closed = blocked | _too_long(syllabus, rules.minutes, ~shut & ~blocked)
    parts = components(syllabus, beliefs, aims, lacking)
    wishes = total(parts, aims.weights)
    inherited = handed_down(syllabus, lacking, closed, wishes, wishes)
    scores = np.maximum(wishes, inherited)
    pinned = _pins(rules, beliefs, shape)
    for_pins = handed_down(syllabus, lacking, closed, pinned, wishes)
    pins, open_to = np.maximum(np.where(shut, -np.inf, pinned), for_pins), ~shut & ~closed
    items, given, first = _draw(syllabus, scores, pins, open_to, aims, rules.minutes, k, temperature, rng)
    return NextSteps(
        syllabus=syllabus,
        beliefs=beliefs,
        aims=aims,
        temperature=temperature,
        items=items,
        probabilities=given,
        first=first,
        scores=scores,
        open=open_to,
        parts=parts,
        wishes=wishes,
        inherited=inherited,
        pinned=pinned,
        for_pins=for_pins,
    )


def _too_long(syllabus: Syllabus, minutes: np.ndarray | None, startable: np.ndarray) -> np.ndarray:
    """(m, n_items) bool; nothing is where no item that may be started fits."""
    if minutes is None:
        return np.zeros(startable.shape, dtype=bool)
    long = syllabus.minutes > np.asarray(minutes, dtype=float)[:, None]
    fits = (startable & ~long).any(axis=1, keepdims=True)
    shortest = np.where(startable, syllabus.minutes, np.inf).min(axis=1, keepdims=True)
    return np.where(fits, long, syllabus.minutes > shortest)


def _pins(rules: Rules, beliefs: Beliefs, shape: tuple[int, ...]) -> np.ndarray:
    """(m, n_items) 1 / place, so that the first pin has the largest number; -inf where there is none."""
    if rules.pinned is None:
        return np.full(shape, -np.inf)
    pinned = np.broadcast_to(rules.pinned, shape)
    waits = pinned > 0 if beliefs.since_item is None else (pinned > 0) & ~np.isfinite(beliefs.since_item)
    return np.where(waits, 1.0 / np.maximum(pinned, 1), -np.inf)


def _draw(
    syllabus: Syllabus,
    scores: np.ndarray,
    pins: np.ndarray,
    open_to: np.ndarray,
    aims: Aims,
    minutes: np.ndarray | None,
    k: int,
    temperature: float,
    rng: np.random.Generator | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """items (m, k), probabilities (m, k), first (m, n_items). pins: what comes first, -inf where nothing."""
    m, everyone = len(scores), np.arange(len(scores))
    items, given = np.full((m, k), -1), np.ones((m, k))
    first = np.zeros(scores.shape)
    drawn_yet = np.zeros(m, dtype=bool)
    left, repeated = open_to.copy(), np.zeros(scores.shape)
    spare = None if minutes is None else np.asarray(minutes, dtype=float).copy()
    for place in range(max(k, 0)):
        chances = _chances(np.where(left, scores - aims.weights.variety * repeated, -np.inf), temperature)
        pin = np.where(left, pins, -np.inf)
        by_pin = np.isfinite(pin.max(axis=1))
        some = left.any(axis=1)
        taken = chances.argmax(axis=1)
        if temperature > 0 and rng is not None:
            reached = np.cumsum(chances, axis=1)
            taken = (reached > rng.random(m)[:, None] * reached[:, -1:]).argmax(axis=1)
        taken = np.where(by_pin, pin.argmax(axis=1), taken)
        now = some & ~by_pin & ~drawn_yet
        first[now] = chances[now]
        drawn_yet |= now
        items[some, place] = taken[some]
        given[:, place] = np.where(by_pin, 1.0, chances[everyone, taken])
        left[everyone, taken] = False
        if place + 1 < k:
            shared = syllabus.teaches[taken].astype(np.float32) @ syllabus.teaches.T.astype(np.float32) > 0
            repeated = np.maximum(repeated, shared)
            if spare is not None:
                spare -= syllabus.minutes[taken]
                left &= syllabus.minutes <= spare[:, None]
    given[items < 0] = 1.0
    return items, given, first


def _chances(worth: np.ndarray, temperature: float) -> np.ndarray:
    """(m, n_items), adding up to 1 where anything is left. worth: -inf where it is not."""
    best = worth.max(axis=1, keepdims=True)
    chances = np.zeros(worth.shape)
    some = np.isfinite(best[:, 0])
    if temperature == 0:
        chances[np.flatnonzero(some), worth[some].argmax(axis=1)] = 1.0
        return chances
    n = worth.shape[1]
    floor = np.partition(worth, max(n - CANDIDATES, 0), axis=1)[:, max(n - CANDIDATES, 0), None]
    among = np.isfinite(worth) & (worth >= floor)
    low = np.where(among, worth, np.inf).min(axis=1, keepdims=True)
    width = np.where(np.isfinite(best) & (best > low), best - low, 1.0)
    values = np.where(among, (worth - np.where(np.isfinite(best), best, 0.0)) / width, -np.inf)
    chances = np.exp(values / temperature)
    return np.asarray(chances / np.maximum(chances.sum(axis=1, keepdims=True), 1e-300), dtype=float)
