"""From a learner's history and a release to next steps and mastery: the other rooms composed, and no I/O."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from learnloop.recommend.decisions import Decision, decide, wanted
from learnloop.recommend.filters import Filters, Rules
from learnloop.recommend.policy import Candidates, Catalogue, candidates, explained
from learnloop.recommend.ranking import top_k
from learnloop.schemas import Reason, Step
from learnloop.serve.histories import History
from learnloop.serve.state import NO_FILTERS, Models, Serving, Shelf

THRESHOLD = 0.6  # of mastery; the line in the dashboard's chart
KEPT_ANSWERS = 20  # drawn ones, of one learner
RANKED = 500  # items the policy looks through: deeper ones are never reached at k <= 50


@dataclass(frozen=True)
class Wish:
    """What one request asks for. language: only items in it; else in those the learner has learnt in."""

    k: int = 10
    language: str = ""
    filters: Filters = NO_FILTERS
    temperature: float = 0.0
    diversity: float = 0.0

    def asked(self) -> dict[str, Any]:
        """What was asked for, without what was left open."""
        filters = {name: value for name, value in vars(self.filters).items() if value}
        return {"k": self.k, **({"language": self.language} if self.language else {}), **filters}


@dataclass(frozen=True)
class Advice:
    step: Step
    p_correct: float | None


@dataclass(frozen=True)
class Answer:
    items: list[Advice]
    decision: Decision


def advise(
    serving: Serving,
    learner_id: str,
    history: History,
    wish: Wish,
    rules: Rules,
    rng: np.random.Generator,
) -> Answer:
    """At most k next steps; where nothing is known of the learner, the popular items that need nothing.

    Done items stay away, but for a review that the policy gives as such; blocked and hidden ones always do.
    Kept until the learner does something or the release changes, because pages are reloaded: the answer, or
    the candidates where `rng` draws among them.
    """
    key = (serving.mark, rules, history.hidden, wish)
    kept = history.memo.get("advice")
    if kept is None or kept[0] != key:
        kept = (key, _candidates(serving, learner_id, history, wish, rules), {})
        history.memo["advice"] = kept
    found: Candidates = kept[1]
    known: dict[tuple[int, ...], list[Advice]] = kept[2]
    decision = decide(found, wish.k, rng, wish.temperature, wish.diversity, serving.likeness.matrix)
    if decision.shown not in known:
        if len(known) >= KEPT_ANSWERS:
            known.clear()
        known[decision.shown] = _told(serving, history, decision)
    return Answer(known[decision.shown], decision)


def _candidates(serving: Serving, learner_id: str, history: History, wish: Wish, rules: Rules) -> Candidates:
    done = _done(serving, history)
    models, whole = serving.released, serving.shelf()
    shelf = serving.shelf(filters_of(serving, history, wish))
    courses = _courses(serving, history, wish, done)
    closed = _closed(serving, history, rules.blocked(learner_id, courses))
    rolls_up = serving.content.rolls_up
    return candidates(
        _ranking(models, shelf, done, closed),
        mastery=_known(serving, models, whole, history, done),
        history=done,
        catalogue=shelf.catalogue,
        whole=whole.catalogue,
        pinned=[rolls_up.get(item_id, item_id) for item_id in rules.pinned(learner_id, courses)],
        closed=closed,
        threshold=THRESHOLD,
        k=wanted(wish.k, wish.temperature, wish.diversity),
    )


def _told(serving: Serving, history: History, decision: Decision) -> list[Advice]:
    """The steps that are shown, with the reasons that take time to find."""
    done = _done(serving, history)
    steps = explained(decision.steps, done, serving.explain)
    if not done:
        steps = _starting(serving.shelf().catalogue, steps)
    chances = _chances(serving, serving.released, history, [step.item_id for step in steps])
    return [Advice(step, p) for step, p in zip(steps, chances, strict=True)]


def _done(serving: Serving, history: History) -> list[str]:
    rolls_up = serving.content.rolls_up
    return [rolls_up[item_id] for item_id in history.done if item_id in rolls_up]


def filters_of(serving: Serving, history: History, wish: Wish) -> Filters:
    """Those of the wish, and the languages it stands for."""
    if wish.language:
        return replace(wish.filters, languages=frozenset([wish.language]))
    if wish.filters.course:  # whoever asks for a course wants it in its language
        return wish.filters
    kept = history.memo.get("spoken")
    if kept is None or kept[0] is not serving.content.mark:
        spoken = {serving.content.facts[item_id]["language"] for item_id in set(_done(serving, history))}
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


def _known(
    serving: Serving, models: Models, whole: Shelf, history: History, done: Sequence[str]
) -> dict[str, float]:
    """Mastery of what others require. Nobody masters what they have never met: an estimate that rests on
    other learners alone (no answer, no item done that teaches the concept) does not open a door."""
    teaches = whole.catalogue.concepts
    met = {concept for item_id in done for concept in teaches.get(item_id, ())}
    if models.tracer is None:  # then having done what teaches it stands for mastery
        return dict.fromkeys(met, 1.0)
    met |= {c for event in history.answers for c in serving.content.taught.get(event.item_id, ())}
    wanted = [concept for concept in whole.required if concept in met]
    if not wanted:
        return {}
    found = models.tracer.mastery(answers(serving, history), wanted)
    return dict(zip(found["concept_id"].tolist(), found["mastery"].tolist(), strict=True))


def _starting(catalogue: Catalogue, steps: Sequence[Step]) -> list[Step]:
    """For a learner nobody knows: `start_here`, after a pin alone, on every step that needs nothing."""
    found = []
    for step in steps:
        pinned = [reason for reason in step.reasons if reason.code == "pinned"]
        others = [reason for reason in step.reasons if reason.code not in ("start_here", "pinned")]
        needs, reasons = catalogue.requires(step.item_id), (*pinned, Reason("start_here"), *others)
        found.append(step if needs else Step(step.item_id, step.score, reasons))
    return found


def _chances(
    serving: Serving, models: Models, history: History, item_ids: Sequence[str]
) -> list[float | None]:
    if models.tracer is None or not item_ids:
        return [None] * len(item_ids)
    taught = [serving.shelf().catalogue.concepts.get(item_id, ()) for item_id in item_ids]
    chances = models.tracer.predict_next(answers(serving, history), item_ids, taught)
    return [float(p) for p in chances]


def answers(serving: Serving, history: History) -> pd.DataFrame:
    """The learner's ANSWERS, as the tracer reads them; made once for each new event."""
    kept = history.memo.get("answers")
    if kept is not None and kept[0] is serving.content.mark:
        frame: pd.DataFrame = kept[1]
        return frame
    rows = history.answers
    frame = pd.DataFrame(
        {
            "learner_id": pd.Series(["learner"] * len(rows), dtype="str"),
            "item_id": pd.Series([event.item_id for event in rows], dtype="str"),
            "concept_ids": pd.Series(
                [serving.content.taught.get(event.item_id, ()) for event in rows], dtype=object
            ),
            "correct": pd.Series([bool(event.correct) for event in rows], dtype=bool),
        }
    )
    history.memo["answers"] = (serving.content.mark, frame)
    return frame


def mastery(serving: Serving, history: History) -> pd.DataFrame:
    """concept_id, title, mastery, sd, low, high, attempts of every concept, the most practised first.

    low, high: central 95% interval of the Beta distribution with that mean and standard deviation, which
    stays within [0, 1]. Empty where the release has no tracer.
    """
    tracer = serving.released.tracer
    titles = serving.content.concept_titles
    if tracer is None:
        return pd.DataFrame(columns=["concept_id", "title", "mastery", "sd", "low", "high", "attempts"])
    found = tracer.mastery(answers(serving, history), sorted(titles))
    low, high = interval(found["mastery"].to_numpy(float), found["sd"].to_numpy(float))
    found = found.assign(title=[titles[concept] for concept in found["concept_id"]], low=low, high=high)
    return found.sort_values(["attempts", "title"], ascending=[False, True], kind="stable", ignore_index=True)


def interval(mean: np.ndarray, sd: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of Beta(a, b) with a + b = mean (1 - mean) / sd^2 - 1, by the method of moments.

    A standard deviation too large for any Beta gives the widest one, a + b close to 0.
    """
    from scipy.special import betaincinv

    strength = np.maximum(mean * (1 - mean) / np.maximum(sd, 1e-6) ** 2 - 1, 1e-3)
    a, b = mean * strength, (1 - mean) * strength
    tail = (1 - level) / 2
    return betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)


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
        elif name in ("mastery", "share", "similarity"):
            filled[name] = format_percent(float(value), locale=language)
        elif isinstance(value, int):
            filled[name] = format_decimal(value, locale=language)
    return reason.evidence, filled
