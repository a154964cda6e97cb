"""Who is at risk today, from a home's own enrolments: a model trained and kept, and a course's list by it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from learnloop.assess import risk_list
from learnloop.assess.at_home import day_of, tables_of
from learnloop.errors import BadInput
from learnloop.store import coursework
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import write_json


def train(loop: Loop, on: str = "", weeks: Sequence[int] = risk_list.WEEKS, seed: int = 0) -> dict[str, Any]:
    """Fits a model a week to the courses that had ended `on` a day (default: today) and keeps them in
    `home/at-risk.json`. Raises NothingToDo where none has."""
    today = day_of(_day(on))
    own = coursework.read(loop.engine)
    tables = tables_of(own.enrolments, own.items, own.hand_ins)
    with bar(f"fitted {len(weeks)} weeks", len(weeks)) as advance:
        book = risk_list.train(tables, today, weeks, seed, advance)
    path = loop.settings.home / risk_list.FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, book)
    return {
        "trained_on": len(book["trained_on"]),
        "weeks": [int(week) for week in book["weeks"]],
        "file": str(path),
    }


def learners(loop: Loop, course: str, on: str = "", limit: int = 20, language: str = "en") -> dict[str, Any]:
    """`risk_list.listing` of `course` on a day (default: today), the first `limit` learners of it. Raises
    ModelUnavailable where no model is kept."""
    today = day_of(_day(on))
    book = risk_list.kept(loop.settings.home / risk_list.FILE)
    own = coursework.read(loop.engine)
    found = risk_list.listing(
        tables_of(own.enrolments, own.items, own.hand_ins), book, course, today, language
    )
    return {**found, "total": len(found["learners"]), "learners": found["learners"][:limit]}


def brief(found: dict[str, Any]) -> dict[str, Any]:
    """For people: a line a learner."""
    lines = {
        one["learner_id"]: f"{one['risk']:.0%}  {'; '.join(reason['text'] for reason in one['reasons'])}"
        for one in found["learners"]
    }
    told = {name: found[name] for name in ("course", "title", "day", "week", "total")}
    return {**told, "expected to fail or leave": round(found["at_risk_expected"], 1), "learners": lines}


def _day(on: str) -> pd.Timestamp:
    """As the API counts days: in UTC, wherever this machine stands."""
    try:
        return pd.Timestamp(date.fromisoformat(on) if on else datetime.now(UTC).date(), tz="UTC")
    except ValueError:
        raise BadInput(f"{on!r} is no day", "--on 2014-11-20", "on") from None
