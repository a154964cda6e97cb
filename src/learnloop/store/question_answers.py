"""What learners answered to the questions of the bank, and which version each of them saw.

learner_id 5a3c…  question_id demo:9f86  version 2  picked "Lyon"  correct True  seconds 21.0

Answers over the API are kept with the version and what was picked: `store.practice_answers`. Others come as
interactions whose item_id is the question_id. Those say no version: it is the one that was in the bank at
that moment; and what was picked is in no column.
"""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from learnloop.schemas import UTC
from learnloop.store import practice_answers
from learnloop.store.question_tables import question_versions, questions
from learnloop.store.tables import interactions

WORDING = ("kind", "stem", "key", "options", "answer", "aliases", "language")


KEYS = ["question_id", "version", "learner_id"]


def first_answers(engine: sa.Engine) -> pd.DataFrame:
    """learner_id, question_id, version, picked, correct, seconds, occurred_at; the first of a learner and
    version. picked: text, None where it is not known or no text. What waits for a grade is left out."""
    practised, others = _practised(engine), _of_interactions(engine)
    both = pd.concat([practised, others.assign(picked=None)], ignore_index=True)
    first = both.sort_values("occurred_at", kind="stable").drop_duplicates(KEYS)
    return first.sort_values(KEYS, ignore_index=True)[list(practised.columns)]


def _practised(engine: sa.Engine) -> pd.DataFrame:
    kept = practice_answers.read(engine)
    kept = kept[kept["correct"].notna()].reset_index(drop=True)
    return pd.DataFrame(
        {
            **{name: kept[name].astype(object) for name in ("learner_id", "question_id")},
            "version": kept["version"].astype(int),
            "picked": pd.Series([_text(one) for one in kept["picked"]], dtype=object),
            "correct": kept["correct"].astype(bool),
            "seconds": kept["seconds"].to_numpy(dtype=float, na_value=float("nan")),
            "occurred_at": kept["answered_at"].astype(UTC),
        }
    )


def _text(picked: Any) -> str | None:
    if isinstance(picked, bool):
        return "true" if picked else "false"
    return picked if isinstance(picked, str) else None


def _of_interactions(engine: sa.Engine) -> pd.DataFrame:
    """The columns but `picked`, of interactions that did not come over the API as answers."""
    done, old = interactions.c, question_versions.c
    seen = (
        sa.select(sa.func.min(old.version))
        .where(old.question_id == questions.c.question_id, old.replaced_at > done.occurred_at)
        .scalar_subquery()
    )
    version = sa.func.coalesce(seen, questions.c.version).label("version")
    answered = (
        sa.select(
            done.learner_id,
            questions.c.question_id,
            version,
            done.correct,
            done.duration_s.label("seconds"),
            done.occurred_at,
            done.event_id,
        )
        .join(questions, questions.c.question_id == done.item_id)
        .where(done.verb == "answered", done.correct.is_not(None), done.source != "practice")
        .subquery()
    )
    keys = (answered.c.learner_id, answered.c.question_id, answered.c.version)
    order = sa.func.row_number().over(
        partition_by=keys, order_by=(answered.c.occurred_at, answered.c.event_id)
    )
    ranked = sa.select(answered, order.label("place")).subquery()
    columns = [column for column in ranked.c if column.name not in ("event_id", "place")]
    query = sa.select(*columns).where(ranked.c.place == 1)
    query = query.order_by(ranked.c.question_id, ranked.c.version, ranked.c.learner_id)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    frame = pd.DataFrame(rows, columns=[column.name for column in columns])
    kinds = {"version": int, "correct": bool, "seconds": float, "occurred_at": UTC}
    return frame.astype({**dict.fromkeys(("learner_id", "question_id"), object), **kinds})


def wordings(engine: sa.Engine) -> pd.DataFrame:
    """question_id, version, current (bool), status (NA of former ones) and WORDING, of every version."""
    columns = [questions.c[name] for name in ("question_id", "version", "status", *WORDING)]
    with engine.connect() as connection:
        now = [{**row, "current": True} for row in connection.execute(sa.select(*columns)).mappings()]
        former = [
            {
                **{name: row.content.get(name) for name in WORDING},
                "question_id": row.question_id,
                "version": row.version,
                "status": None,
                "current": False,
            }
            for row in connection.execute(sa.select(question_versions))
        ]
    names = ["question_id", "version", "current", "status", *WORDING]
    frame = pd.DataFrame([*now, *former], columns=names).astype({"version": int, "current": bool})
    return frame.sort_values(["question_id", "version"], ignore_index=True)
