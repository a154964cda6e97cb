"""One learner's next steps, mastery and reviews now, from the database and the champion alone.

What the API answers, by the same functions, with the numbers behind it; no API needs to run. Nothing is
logged, and nothing is drawn: these are the steps without exploration.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.i18n import reason_text
from learnloop.recommend import policy
from learnloop.recommend.filters import Rule, Rules
from learnloop.schemas import Step
from learnloop.serve import advice, beliefs, content, knowledge, queries, reviews
from learnloop.serve.histories import History
from learnloop.serve.state import Models, Serving
from learnloop.store import curation, decisions, reading
from learnloop.store.pseudonyms import pseudonym
from learnloop.store.releases import Registry

LEFT_OUT = 10  # items that are told of, the best first
DIGITS = 4


@dataclass(frozen=True)
class House:
    """Where to look: the database, the releases, the key of the pseudonyms; and the language of reasons."""

    engine: sa.Engine
    registry: Registry
    pseudonym_key: bytes
    language: str


@dataclass(frozen=True)
class Learner:
    """One learner, and what the champion makes of them at `at`."""

    learner_id: str
    serving: Serving
    history: History
    rules: Rules
    at: pd.Timestamp
    language: str

    def head(self) -> dict[str, Any]:
        release = self.serving.released
        return {
            "learner_id": self.learner_id,
            "at": self.at.isoformat(timespec="seconds"),
            "release": release.version,
            "models": release.kinds,
        }

    def known(self, concepts: list[str]) -> list[dict[str, Any]]:
        """The concepts with their mastery, 0 where they were never met."""
        mastery = beliefs.known(self.serving, self.history, self.at)
        titles = self.serving.content.concept_titles
        return [
            {"concept_id": c, "title": titles.get(c, c), "mastery": round(mastery.get(c, 0.0), DIGITS)}
            for c in concepts
        ]

    def told(self, step: Step) -> list[str]:
        """The reasons in words."""
        return [
            reason_text(reason, self.language, advice.words(self.serving, reason, self.language)[1])
            for reason in step.reasons
        ]


def explain(
    house: House, learner: str, outside_id: str = "", k: int = 5, now: datetime | None = None
) -> dict[str, Any]:
    """The candidates with every number behind them, what was left out and why, and the last decision logged.

    learner: a learner_id, or the source of `outside_id`. Raises UnknownThing for a learner nobody has heard
    of, BadInput for what is no learner_id, NothingToDo before the first release.
    """
    one = _open(house, learner, outside_id, now)
    pool, answer = _decided(one, k)
    places = {advised.step.item_id: place for place, advised in enumerate(answer.items, start=1)}
    steps = {advised.step.item_id: advised.step for advised in answer.items}
    wish = advice.Wish(k)
    return {
        **one.head(),
        "policy": policy.VERSION,
        "weights": asdict(beliefs.AIMS.weights),
        "candidates": [
            {
                "item_id": step.item_id,
                "title": one.serving.content.titles[step.item_id],
                "place": places.get(step.item_id),
                **_numbers(step, pool),
                "prerequisites": one.known(one.serving.shelf().catalogue.requires(step.item_id)),
                "reasons": one.told(steps.get(step.item_id, step)),
            }
            for step in pool.candidates.steps
        ],
        "left_out": [
            {
                "item_id": item_id,
                "title": one.serving.content.titles[item_id],
                "why": why,
                "locked_by": one.known(missing),
            }
            for item_id, why, missing in advice.left_out(
                one.serving, one.learner_id, one.history, wish, one.rules, one.at
            )[:LEFT_OUT]
        ],
        "reviews": _review_rows(one),
        "last_decision": _last(house, one),
    }


def next_steps(
    house: House, learner: str, outside_id: str = "", k: int = 5, now: datetime | None = None
) -> dict[str, Any]:
    """At most k next steps with their reasons; errors as `explain`."""
    one = _open(house, learner, outside_id, now)
    _, answer = _decided(one, k)
    rows = [
        {
            "item_id": advised.step.item_id,
            "title": one.serving.content.titles[advised.step.item_id],
            "score": round(advised.step.score, DIGITS),
            "p_correct": advised.p_correct and round(advised.p_correct, DIGITS),
            "reasons": one.told(advised.step),
        }
        for advised in answer.items
    ]
    return {**one.head(), "next": rows}


def mastery(
    house: House, learner: str, outside_id: str = "", limit: int = 50, now: datetime | None = None
) -> dict[str, Any]:
    """Mastery, its uncertainty and recall of the `limit` most practised concepts; errors as `explain`."""
    one = _open(house, learner, outside_id, now)
    found = knowledge.mastery(one.serving, one.history, one.at)
    rows = [_plain(row) for row in found.head(limit).to_dict("records")]
    return {**one.head(), "total": len(found), "concepts": rows}


def review(
    house: House, learner: str, outside_id: str = "", limit: int = 50, now: datetime | None = None
) -> dict[str, Any]:
    """Recall, half-life and due day of what was practised, the first to be due first; errors as `explain`."""
    one = _open(house, learner, outside_id, now)
    rows = _review_rows(one)
    due = sum(row["due"] for row in rows)
    return {**one.head(), "target": beliefs.AIMS.recall_target, "due": due, "concepts": rows[:limit]}


def readable(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report for a person: what lies deeper than a row becomes words on its line."""
    return {
        name: [_line(row) for row in value] if isinstance(value, list) else value
        for name, value in report.items()
    } | (
        {"last_decision": readable(report["last_decision"])}
        if isinstance(report.get("last_decision"), dict)
        else {}
    )


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: "; ".join(_word(one) for one in value) if isinstance(value, list) else value
        for name, value in row.items()
    }


def _word(one: Any) -> str:
    return f"{one['title']} {one['mastery']:.2f}" if isinstance(one, Mapping) else str(one)


def _open(house: House, learner: str, outside_id: str, now: datetime | None) -> Learner:
    who = f"{learner} {outside_id}".strip()
    if outside_id:
        learner_id = pseudonym(house.pseudonym_key, learner, outside_id)
    elif re.fullmatch(r"[0-9a-f]{32}", learner):
        learner_id = learner
    else:
        raise BadInput(f"{learner!r} is not a learner_id", "learnloop learner SOURCE ID", field="learner")
    events = queries.history(house.engine, learner_id)
    if not events and reading.learners(house.engine, [learner_id]).empty:
        raise UnknownThing(f"nobody has heard of learner {who}", "learnloop learner SOURCE ID")
    release = house.registry.champion()
    serving = Serving(content.read(house.engine), Models.load(release))
    hidden = frozenset(curation.hidden(house.engine, learner_id))
    history = History(events, 0.0, hidden)
    rules = Rules(
        tuple(
            Rule(row["kind"], row["item_id"], row["scope"], row["target"])
            for row in curation.rules(house.engine)
        )
    )
    at = beliefs.moment(history, now or datetime.now(UTC))
    return Learner(learner_id, serving, history, rules, at, house.language)


def _decided(one: Learner, k: int) -> tuple[advice.Pool, advice.Answer]:
    """All the candidates, and the k that are shown of them without exploration."""
    wish, rng = advice.Wish(k), np.random.default_rng(0)  # nothing is drawn
    answer = advice.advise(one.serving, one.learner_id, one.history, wish, one.rules, rng, one.at)
    wider = advice.Wish(max(k, advice.POOL))
    return advice.pool(one.serving, one.learner_id, one.history, wider, one.rules, one.at), answer


def _numbers(step: Step, pool: advice.Pool) -> dict[str, Any]:
    p_correct = pool.p_correct.get(step.item_id)
    return {
        "score": round(step.score, DIGITS),
        **{name: round(value, DIGITS) for name, value in pool.components[step.item_id].items()},
        "p_correct": p_correct and round(p_correct, DIGITS),
    }


def _review_rows(one: Learner) -> list[dict[str, Any]]:
    titles = one.serving.content.titles
    closed = advice.closed_to(one.serving, one.learner_id, one.history, one.rules)
    rows = reviews.table(one.serving, one.history, one.at, closed)
    return [{**_plain(row), "item_title": titles.get(row["item_id"])} for row in rows]


def _last(house: House, one: Learner) -> dict[str, Any] | None:
    """What was logged last, the shown ones first."""
    row = decisions.last(house.engine, one.learner_id)
    if row is None:
        return None
    names = ("decision_id", "made_at", "release", "policy", "temperature", "diversity", "request", "models")
    titles = one.serving.content.titles
    candidates = [
        {
            "item_id": found["item_id"],
            "title": titles.get(found["item_id"], found["item_id"]),
            **{name: found[name] for name in ("position", "probability", "first")},
            "score": round(found["score"], DIGITS),
            **found.get("components", {}),  # none were logged before policy 3
            "p_correct": found.get("p_correct"),
        }
        for found in sorted(
            row["candidates"], key=lambda found: found["position"] or len(row["candidates"]) + 1
        )
    ]
    facts = {name: row[name] for name in names}
    facts |= {"decision_id": str(row["decision_id"]), "made_at": row["made_at"].isoformat()}
    return {**facts, "candidates": candidates}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Times as ISO text, floats to DIGITS."""
    return {
        name: value.isoformat(timespec="seconds")
        if isinstance(value, datetime)
        else round(value, DIGITS)
        if isinstance(value, float)
        else value
        for name, value in row.items()
    }
