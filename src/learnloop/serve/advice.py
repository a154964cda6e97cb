"""From a learner's history and a release to next steps and mastery: the other rooms composed, and no I/O.

`policy.candidates` says what may come at all: prerequisites, pins, blocks, filters. Of these, and of what a
memory says is due, the order is by the weighted sum of `merits`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from learnloop.recommend.candidate_merits import Known, components, total
from learnloop.recommend.decisions import Decision, decide, wanted
from learnloop.recommend.filters import Filters, Rules
from learnloop.recommend.policy import Candidates, Catalogue, candidates, explained, ordered
from learnloop.recommend.ranking import top_k
from learnloop.schemas import Reason, Step
from learnloop.serve import beliefs, reviews
from learnloop.serve.beliefs import AIMS, THRESHOLD
from learnloop.serve.histories import History
from learnloop.serve.state import NO_FILTERS, Models, Serving, Shelf

KEPT_ANSWERS = 20  # drawn ones, of one learner
RANKED = 500  # items the policy looks through: deeper ones are never reached at k <= 50
POOL = 50  # candidates that are weighed


@dataclass(frozen=True)
class Wish:
    """What one request asks for. language: only items in it; else in those the learner has learnt in."""

    k: int = 10
    language: str = ""
    filters: Filters = NO_FILTERS
    temperature: float = 0.0
    diversity: float = 0.0
    minutes: int | None = None  # that the learner has

    def asked(self) -> dict[str, Any]:
        """What was asked for, without what was left open."""
        filters = {name: value for name, value in vars(self.filters).items() if value}
        own = {"language": self.language, "minutes": self.minutes}
        return {"k": self.k, **{name: value for name, value in own.items() if value}, **filters}


@dataclass(frozen=True)
class Advice:
    step: Step
    p_correct: float | None
    components: Mapping[str, float]  # merits.COMPONENTS


@dataclass(frozen=True)
class Pool:
    """What may be shown, the best first, and why: by item_id, the components and P(correct)."""

    candidates: Candidates
    components: Mapping[str, Mapping[str, float]]
    p_correct: Mapping[str, float]


@dataclass(frozen=True)
class Answer:
    items: list[Advice]
    decision: Decision
    pool: Pool


def advise(
    serving: Serving,
    learner_id: str,
    history: History,
    wish: Wish,
    rules: Rules,
    rng: np.random.Generator,
    now: datetime,
) -> Answer:
    """At most k next steps; where nothing is known of the learner, the popular items that need nothing.

    Done items stay away, but for a review that is given as such; blocked and hidden ones always do. Kept
    until the learner does something, the release changes or beliefs are stale, because pages are reloaded:
    the answer, or the candidates where `rng` draws among them.
    """
    at = beliefs.moment(history, now)
    key = (serving.mark, rules, history.hidden, wish, at)
    kept = history.memo.get("advice")
    if kept is None or kept[0] != key:
        kept = (key, pool(serving, learner_id, history, wish, rules, at), {})
        history.memo["advice"] = kept
    found: Pool = kept[1]
    known: dict[tuple[int, ...], list[Advice]] = kept[2]
    likeness = serving.likeness.matrix
    decision = decide(found.candidates, wish.k, rng, wish.temperature, wish.diversity, likeness)
    if decision.shown not in known:
        if len(known) >= KEPT_ANSWERS:
            known.clear()
        known[decision.shown] = _told(serving, history, decision, found, at)
    return Answer(known[decision.shown], decision, found)


def pool(
    serving: Serving, learner_id: str, history: History, wish: Wish, rules: Rules, at: pd.Timestamp
) -> Pool:
    """As many candidates as a decision over the wished places needs."""
    found = _weighed(serving, learner_id, history, wish, rules, at)
    if wish.minutes is not None and not found.candidates.steps:
        found = _shortest(
            serving, _weighed(serving, learner_id, history, replace(wish, minutes=None), rules, at)
        )
    kept, fixed = wanted(wish.k, wish.temperature, wish.diversity), found.candidates.fixed
    return replace(found, candidates=Candidates(found.candidates.steps[:kept], min(fixed, kept)))


def _weighed(
    serving: Serving, learner_id: str, history: History, wish: Wish, rules: Rules, at: pd.Timestamp
) -> Pool:
    """All that may be shown: pins in their order, then by the weighted sum of the components."""
    done = beliefs.done(serving, history)
    whole, shelf = serving.shelf(), serving.shelf(filters_of(serving, history, wish))
    courses = _courses(serving, history, wish, done)
    closed = _closed(serving, history, rules.blocked(learner_id, courses)) | _too_long(serving, wish)
    mastery = beliefs.known(serving, history, at)
    rolls_up = serving.content.rolls_up
    found = candidates(
        _ranking(serving.released, shelf, done, closed),
        mastery=mastery,
        history=done,
        catalogue=shelf.catalogue,
        whole=whole.catalogue,
        pinned=[rolls_up.get(item_id, item_id) for item_id in rules.pinned(learner_id, courses)],
        closed=closed,
        threshold=THRESHOLD,
        k=max(POOL, wanted(wish.k, wish.temperature, wish.diversity)),
    )
    steps = reviews.added(serving, history, shelf, found.steps, mastery, closed, at)
    item_ids = [step.item_id for step in steps]
    chances = beliefs.chances(serving, history, item_ids, at)
    parts = _components(serving, history, steps, mastery, chances, at)
    scored = [Step(step.item_id, total(parts[step.item_id], AIMS), step.reasons) for step in steps]
    rest = sorted(scored[found.fixed :], key=lambda step: -step.score)
    return Pool(Candidates([*scored[: found.fixed], *rest], found.fixed), parts, chances)


def _components(
    serving: Serving,
    history: History,
    steps: Sequence[Step],
    mastery: Mapping[str, float],
    chances: Mapping[str, float],
    at: pd.Timestamp,
) -> Mapping[str, Mapping[str, float]]:
    item_ids = [step.item_id for step in steps]
    since_item, since_concept = beliefs.since(serving, history)
    remembered = beliefs.recall(serving, history, at, AIMS.recall_target)
    known = Known(
        mastery=mastery,
        recall={concept: one.recall for concept, one in remembered.items()},
        p_correct=chances,
        gain=beliefs.gains(serving, history, item_ids, mastery, at) if chances else {},
        relevance={step.item_id: step.score for step in steps},
        since_item=since_item,
        since_concept=since_concept,
    )
    return components(item_ids, serving.shelf().catalogue, serving.waiting, known, AIMS)


def _shortest(serving: Serving, found: Pool) -> Pool:
    """Where nothing fits into the time, what takes the least of it."""
    facts = serving.content.facts
    takes = [facts[step.item_id]["duration_s"] for step in found.candidates.steps]
    least = min((one for one in takes if one is not None), default=None)
    steps = [step for step, one in zip(found.candidates.steps, takes, strict=True) if one == least]
    return replace(found, candidates=Candidates(steps, min(found.candidates.fixed, len(steps))))


def _too_long(serving: Serving, wish: Wish) -> frozenset[str]:
    """The items that say that they take longer."""
    if wish.minutes is None:
        return frozenset()
    items = serving.content.items
    return frozenset(items.loc[items["duration_s"].gt(60 * wish.minutes).fillna(False), "item_id"])


def _told(
    serving: Serving, history: History, decision: Decision, found: Pool, at: pd.Timestamp
) -> list[Advice]:
    """The steps that are shown, with the reasons that take time to find."""
    done = beliefs.done(serving, history)
    steps = explained(decision.steps, done, serving.explain)
    if done:
        mastery = beliefs.known(serving, history, at)
        steps = [_valued(serving, step, found, mastery, answered=bool(history.answers)) for step in steps]
    else:
        steps = _starting(serving.shelf().catalogue, steps)
    return [Advice(step, found.p_correct.get(step.item_id), found.components[step.item_id]) for step in steps]


def _valued(serving: Serving, step: Step, found: Pool, mastery: Mapping[str, float], answered: bool) -> Step:
    """The step with what its components say: the right level, and what it opens."""
    told, parts = list(step.reasons), found.components[step.item_id]
    if answered and parts["challenge"] == 1.0:
        told.append(Reason("right_level", {"p_correct": round(found.p_correct[step.item_id], 2)}))
    if parts["opens"] > 0:
        mastered = {concept for concept, value in mastery.items() if value >= THRESHOLD}
        taught = serving.shelf().catalogue.concepts.get(step.item_id, ())
        waits = max(len(serving.waiting.on(c) - mastered) for c in taught if c not in mastered)
        told.append(Reason("opens", {"concepts": waits}))
    return Step(step.item_id, step.score, ordered(told))


def left_out(
    serving: Serving, learner_id: str, history: History, wish: Wish, rules: Rules, at: pd.Timestamp
) -> list[tuple[str, str, list[str]]]:
    """(item_id, why, missing concepts) of what ranks well and may not be shown, the best first.

    why: `locked` by prerequisites that are not mastered, `closed` (blocked or hidden) or `too long`.
    """
    done = beliefs.done(serving, history)
    courses = _courses(serving, history, wish, done)
    closed = _closed(serving, history, rules.blocked(learner_id, courses))
    long, mastery = _too_long(serving, wish), beliefs.known(serving, history, at)
    found, catalogue = [], serving.shelf().catalogue
    for item_id, _ in _ranking(
        serving.released, serving.shelf(filters_of(serving, history, wish)), done, frozenset()
    ):
        missing = [c for c in catalogue.requires(item_id) if not mastery.get(c, 0.0) >= THRESHOLD]
        why = "closed" if item_id in closed else "too long" if item_id in long else "locked"
        if missing or why != "locked":
            found.append((item_id, why, missing))
    return found


def closed_to(serving: Serving, learner_id: str, history: History, rules: Rules) -> frozenset[str]:
    """What the learner is sent to by nobody: what they have hidden, and what is blocked for them or for a
    course that they have begun or signed up for."""
    courses = _courses(serving, history, Wish(), beliefs.done(serving, history))
    return _closed(serving, history, rules.blocked(learner_id, courses))


def filters_of(serving: Serving, history: History, wish: Wish) -> Filters:
    """Those of the wish, and the languages it stands for."""
    if wish.language:
        return replace(wish.filters, languages=frozenset([wish.language]))
    if wish.filters.course:  # whoever asks for a course wants it in its language
        return wish.filters
    kept = history.memo.get("spoken")
    if kept is None or kept[0] is not serving.content.mark:
        spoken = {
            serving.content.facts[item_id]["language"] for item_id in set(beliefs.done(serving, history))
        }
        # whose language nobody knows may be in anybody's
        kept = serving.content.mark, frozenset(spoken | {"und"} if spoken else spoken)
        history.memo["spoken"] = kept
    return replace(wish.filters, languages=kept[1])


def _courses(serving: Serving, history: History, wish: Wish, done: Sequence[str]) -> set[str]:
    """Those begun or signed up for, and the one that is asked for: an instructor's rule may be for them."""
    registered = {event.item_id for event in history.events if event.verb == "registered"}
    begun = {course for item_id in {*done, *registered} for course in serving.holders.get(item_id, ())}
    return begun | registered | ({wish.filters.course} if wish.filters.course else set())


def _closed(serving: Serving, history: History, blocked: Collection[str]) -> frozenset[str]:
    """What is blocked or hidden, as the items a learner is sent to; a blocked course closes all in it."""
    content, closed = serving.content, frozenset(blocked) | (history.hidden or frozenset())
    found = {content.rolls_up.get(item_id, item_id) for item_id in closed}
    courses = (one for one in closed if content.facts.get(one, {}).get("kind") == "course")
    return frozenset(found.union(*(serving.within.get(course, ()) for course in courses)))


def _ranking(
    models: Models, shelf: Shelf, done: Sequence[str], closed: Collection[str]
) -> list[tuple[str, float]]:
    """The best items of the release, then what came after its training, in order of name."""
    seen = set(done)
    strange = seen.isdisjoint(shelf.trained)
    model = models.recommenders.popularity if strange else models.recommenders.ranker
    here = shelf.popularity if strange else shelf.ranker
    (ranked,) = top_k(model.scores([done])[:, here.columns], here.item_ids, RANKED, [seen.union(closed)])
    lowest = min((score for _, score in ranked), default=0.0)
    newer = [item_id for item_id in shelf.newer if item_id not in seen and item_id not in closed]
    return ranked + [(item_id, lowest) for item_id in newer[: max(RANKED - len(ranked), 0)]]


def _starting(catalogue: Catalogue, steps: Sequence[Step]) -> list[Step]:
    """For a learner nobody knows: `start_here`, after a pin alone, on every step that needs nothing."""
    found = []
    for step in steps:
        pinned = [reason for reason in step.reasons if reason.code == "pinned"]
        others = [reason for reason in step.reasons if reason.code not in ("start_here", "pinned")]
        needs, reasons = catalogue.requires(step.item_id), (*pinned, Reason("start_here"), *others)
        found.append(step if needs else Step(step.item_id, step.score, reasons))
    return found


def words(serving: Serving, reason: Reason, language: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """(evidence, what to put into the sentence): ids become titles, shares become percentages."""
    from babel.numbers import format_decimal, format_percent

    content = serving.content
    filled: dict[str, Any] = {}
    for name, value in reason.evidence.items():
        if name in ("item", "course"):
            filled[name] = content.titles.get(value, value)
        elif name == "concept":
            filled[name] = content.concept_titles.get(value, value)
        elif name in ("mastery", "share", "similarity", "recall", "p_correct"):
            filled[name] = format_percent(float(value), locale=language)
        elif isinstance(value, int):
            filled[name] = format_decimal(value, locale=language)
    return reason.evidence, filled
