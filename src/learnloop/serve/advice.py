"""From a learner's history and a release to next steps and mastery: the other rooms composed, and no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from learnloop.recommend.policy import Catalogue, next_steps
from learnloop.recommend.ranking import top_k
from learnloop.schemas import Reason, Step
from learnloop.serve.histories import History
from learnloop.serve.state import Models, Serving, Shelf

THRESHOLD = 0.6  # of mastery; the line in the dashboard's chart
RANKED = 500  # items the policy looks through: deeper ones are never reached at k <= 50


@dataclass(frozen=True)
class Advice:
    step: Step
    p_correct: float | None


def advise(serving: Serving, history: History, k: int, language: str = "") -> list[Advice]:
    """`advice_of`, kept until the learner does something or the release changes: pages are reloaded."""
    kept = history.memo.get("advice")
    if kept is None or kept[0] is not serving.mark or kept[1] != (k, language):
        kept = (serving.mark, (k, language), advice_of(serving, history, k, language))
        history.memo["advice"] = kept
    found: list[Advice] = kept[2]
    return found


def advice_of(serving: Serving, history: History, k: int, language: str = "") -> list[Advice]:
    """At most k next steps; where nothing is known of the learner, the popular items that need nothing.

    language: only items in it; else in those the learner has learnt in. Done items stay away, but for a
    review that the policy gives as such.
    """
    rolls_up = serving.content.rolls_up
    done = [rolls_up[item_id] for item_id in history.done if item_id in rolls_up]
    spoken = {serving.content.facts[item_id]["language"] for item_id in set(done)}
    # whose language nobody knows may be in anybody's
    wanted = {language} if language else spoken | {"und"} if spoken else spoken
    models, shelf = serving.released, serving.shelf(wanted)
    steps = next_steps(
        _ranking(models, shelf, done),
        mastery=_known(serving, models, shelf, history, done),
        history=done,
        catalogue=shelf.catalogue,
        explain=models.recommenders.ials.explain,
        threshold=THRESHOLD,
        k=k,
    )
    if not done:
        steps = _starting(shelf.catalogue, steps)
    chances = _chances(serving, models, history, [step.item_id for step in steps])
    return [Advice(step, p) for step, p in zip(steps, chances, strict=True)]


def _ranking(models: Models, shelf: Shelf, done: Sequence[str]) -> list[tuple[str, float]]:
    """The best items of the release, then what came after its training, in order of name."""
    seen = set(done)
    strange = seen.isdisjoint(shelf.trained)
    model = models.recommenders.popularity if strange else models.recommenders.ranker
    (ranked,) = top_k(model.scores([done]), model.item_ids, RANKED, [shelf.absent | seen])
    lowest = min((score for _, score in ranked), default=0.0)
    newer = [item_id for item_id in shelf.newer if item_id not in seen]
    return ranked + [(item_id, lowest) for item_id in newer[: max(RANKED - len(ranked), 0)]]


def _known(
    serving: Serving, models: Models, shelf: Shelf, history: History, done: Sequence[str]
) -> dict[str, float]:
    """Mastery of what others require. Nobody masters what they have never met: an estimate that rests on
    other learners alone (no answer, no item done that teaches the concept) does not open a door."""
    teaches = serving.shelf().catalogue.concepts
    met = {concept for item_id in done for concept in teaches.get(item_id, ())}
    if models.tracer is None:  # then having done what teaches it stands for mastery
        return dict.fromkeys(met, 1.0)
    met |= {c for event in history.answers for c in serving.content.taught.get(event.item_id, ())}
    wanted = [concept for concept in shelf.required if concept in met]
    if not wanted:
        return {}
    found = models.tracer.mastery(answers(serving, history), wanted)
    return dict(zip(found["concept_id"].tolist(), found["mastery"].tolist(), strict=True))


def _starting(catalogue: Catalogue, steps: Sequence[Step]) -> list[Step]:
    """For a learner nobody knows: `start_here`, before any other reason, on every step that needs nothing."""
    found = []
    for step in steps:
        others = [reason for reason in step.reasons if reason.code != "start_here"]
        needs = catalogue.requires(step.item_id)
        found.append(step if needs else Step(step.item_id, step.score, (Reason("start_here"), *others)))
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
        elif name == "mastery":
            filled[name] = format_percent(float(value), locale=language)
        elif isinstance(value, int):
            filled[name] = format_decimal(value, locale=language)
    return reason.evidence, filled
