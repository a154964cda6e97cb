"""The bank of questions: what is in it, the status of each, and who set it when and why.

    question_id demo:9f86…  version 2  status approved  by 4c1d…  why "read it"  at 2026-03-02 10:00:00+00

    draft -> approved, retired        approved -> suspended, retired, draft
    suspended -> approved, retired, draft        retired -> draft

What is approved is what learners get. A new version, or a change of its lesson's text, sets a status by
itself: `store.question_loading`. Nobody else writes versions or statuses.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.schemas import QUESTION_KINDS
from learnloop.store import question_items
from learnloop.store.question_tables import question_statuses, question_versions, questions
from learnloop.store.tables import items

MAY_BECOME: Mapping[str, tuple[str, ...]] = {
    "draft": ("approved", "retired"),
    "approved": ("suspended", "retired", "draft"),
    "suspended": ("approved", "retired", "draft"),
    "retired": ("draft",),
}
STATUSES = tuple(MAY_BECOME)
ORIGINS = ("authored", "generated", "imported")
AROUND = 300  # characters of the text before and after a quote


class Stale(BadInput):
    """A question is not any more what the caller saw of it."""


@dataclass(frozen=True)
class Wanted:
    """Which questions; None: any."""

    status: str | None = None
    item_id: str | None = None
    language: str | None = None
    kind: str | None = None
    origin: str | None = None

    def of(self, query: "sa.Select[Any]") -> "sa.Select[Any]":
        """`query` of those alone. Raises BadInput on a status, a kind or an origin there is not."""
        for name, known in (("status", STATUSES), ("kind", QUESTION_KINDS), ("origin", ORIGINS)):
            if getattr(self, name) is not None:
                _known(getattr(self, name), known, name)
        for name, value in vars(self).items():
            if value is not None:
                query = query.where(questions.c[name] == value)
        return query


def listed(
    engine: sa.Engine, wanted: Wanted | None = None, limit: int = 100, after: str = ""
) -> tuple[int, list[dict[str, Any]]]:
    """How many there are, and the first `limit` rows of `questions` by question_id; those behind `after`."""
    wanted = wanted or Wanted()
    count = wanted.of(sa.select(sa.func.count()).select_from(questions))
    rows = wanted.of(sa.select(questions)).where(questions.c.question_id > after)
    with engine.connect() as connection:
        total = int(connection.scalar(count) or 0)
        found = connection.execute(rows.order_by(questions.c.question_id).limit(limit)).mappings()
        return total, [dict(row) for row in found]


def counted(engine: sa.Engine, wanted: Wanted | None = None) -> dict[str, int]:
    """How many of each status, every status named."""
    query = (wanted or Wanted()).of(sa.select(questions.c.status, sa.func.count()))
    with engine.connect() as connection:
        found = {row[0]: int(row[1]) for row in connection.execute(query.group_by(questions.c.status))}
    return {status: found.get(status, 0) for status in STATUSES}


def get(engine: sa.Engine, question_id: str) -> dict[str, Any]:
    """The row of `questions`. Raises UnknownThing."""
    with engine.connect() as connection:
        query = sa.select(questions).where(questions.c.question_id == question_id)
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise _unknown(question_id)
    return dict(row)


def history(engine: sa.Engine, question_id: str) -> list[dict[str, Any]]:
    """version, status, by, why, at: the oldest first. Raises UnknownThing."""
    table = question_statuses
    columns = (table.c.version, table.c.status, table.c.by, table.c.why, table.c.at)
    query = sa.select(*columns).where(table.c.question_id == question_id).order_by(table.c.entry)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    if not rows:
        raise _unknown(question_id)
    return rows


def versions(engine: sa.Engine, question_id: str) -> list[dict[str, Any]]:
    """Former versions: version, content (the row as it was), replaced_at; the oldest first."""
    table = question_versions
    columns = (table.c.version, table.c.content, table.c.replaced_at)
    query = sa.select(*columns).where(table.c.question_id == question_id).order_by(table.c.version)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def contexts(engine: sa.Engine, question_ids: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """question_id -> what stands in the lesson before the quote, the quote, and what stands after it.

    Only of questions whose quote is in the lesson's text, letter by letter.
    """
    query = (
        sa.select(questions.c.question_id, questions.c.quote, items.c.text)
        .join(items, items.c.item_id == questions.c.item_id)
        .where(_among(questions.c.question_id, question_ids), questions.c.quote.is_not(None))
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = {}
    for question_id, quote, text in rows:
        start = text.find(quote)
        if start >= 0 and quote:
            end = start + len(quote)
            found[question_id] = (text[max(0, start - AROUND) : start], quote, text[end : end + AROUND])
    return found


def set_status(
    engine: sa.Engine,
    question_ids: Sequence[str],
    status: str,
    *,
    by: str,
    why: str = "",
    version: int | None = None,
    was: str | None = None,
) -> list[str]:
    """Sets the status of all of them, or of none; the ids of those that it changed.

    by: who (a key's name, "cli", "rule:NAME"). version, was: what the caller saw of them; Stale is raised
    where one is another by now. A question that has the status already is left as it is. Raises UnknownThing,
    and BadInput on a step that is not allowed (MAY_BECOME), or where a generated question is to be approved
    whose lesson has changed and does not hold its quote any more; one whose quote still stands there is
    from then on a question of the lesson as it is.
    """
    _known(status, STATUSES, "status")
    if not by:
        raise BadInput("say who sets the status", "--by NAME", field="by")
    with engine.begin() as connection:
        texts = _texts(connection, question_ids) if status == "approved" else {}
        rows = _locked(connection, question_ids)
        changing = []
        for row in rows:
            _as_seen(row, version, was)
            if row["status"] != status:
                _allowed(row, status)
                changing.append(row)
                if status == "approved" and row["origin"] == "generated" and row["item_id"] in texts:
                    _rest_on(connection, row, texts[row["item_id"]])
        ids = [row["question_id"] for row in changing]
        if ids:
            where = _among(questions.c.question_id, ids)
            connection.execute(sa.update(questions).where(where).values(status=status))
            said = {"status": status, "by": by, "why": why}
            entries = [
                {"question_id": row["question_id"], "version": row["version"], **said} for row in changing
            ]
            connection.execute(sa.insert(question_statuses), entries)
            if status == "approved":
                question_items.register(connection, ids)  # what learners answer is an item
        return ids


def _texts(connection: sa.Connection, question_ids: Sequence[str]) -> dict[str, str]:
    """item_id -> text, locked until the end: a loader of items comes before, or sees what we commit."""
    wanted = sa.select(questions.c.item_id).where(_among(questions.c.question_id, question_ids))
    query = sa.select(items.c.item_id, items.c.text).where(items.c.item_id.in_(wanted))
    locking = query.order_by(items.c.item_id).with_for_update(read=True)
    return {row.item_id: row.text for row in connection.execute(locking)}


def _locked(connection: sa.Connection, question_ids: Sequence[str]) -> list[dict[str, Any]]:
    query = sa.select(questions).where(_among(questions.c.question_id, question_ids))
    ordered = query.order_by(questions.c.question_id).with_for_update()
    rows = [dict(row) for row in connection.execute(ordered).mappings()]
    known = {row["question_id"] for row in rows}
    for question_id in question_ids:
        if question_id not in known:
            raise _unknown(question_id)
    return rows


def _as_seen(row: Mapping[str, Any], version: int | None, was: str | None) -> None:
    name, again = row["question_id"], f"learnloop questions show {row['question_id']}"
    if version is not None and row["version"] != version:
        raise Stale(f"{name!r} is at version {row['version']}, not {version}", again, field="version")
    if was is not None and row["status"] != was:
        raise Stale(f"{name!r} is {row['status']} by now, not {was}", again, field="was")


def _allowed(row: Mapping[str, Any], status: str) -> None:
    if status not in MAY_BECOME[row["status"]]:
        ways = ", ".join(MAY_BECOME[row["status"]])
        raise BadInput(
            f"{row['question_id']!r} is {row['status']} and cannot become {status}, only {ways}",
            f"learnloop questions history {row['question_id']}",
            field="status",
        )


def _rest_on(connection: sa.Connection, row: Mapping[str, Any], text: str) -> None:
    """Ties a question to the lesson's present text, where that is another than the one it was made from."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest == row["source_sha256"]:
        return
    quote = row["quote"] or ""
    if _letters(quote) not in _letters(text):
        raise BadInput(
            f"the lesson of {row['question_id']!r} has changed and does not hold its quote any more",
            f"learnloop questions retire {row['question_id']}",
            field="status",
        )
    start, within = text.find(quote), quote.find(row["key"])
    placed = quote and start >= 0 and within >= 0
    span = (start + within, start + within + len(row["key"])) if placed else (None, None)
    values = {"source_sha256": digest, "span_start": span[0], "span_end": span[1]}
    own = questions.c.question_id == row["question_id"]
    connection.execute(sa.update(questions).where(own).values(values))


def _letters(text: str) -> str:
    """`text` without what nobody sees: hidden characters, and how many spaces there are."""
    shown = (letter for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", "".join(shown)).split())


def _known(value: str, known: Sequence[str], field: str) -> None:
    if value not in known:
        raise BadInput(f"{value!r} is no {field}", f"one of {', '.join(known)}", field)


def _unknown(question_id: str) -> UnknownThing:
    return UnknownThing(f"there is no question {question_id!r}", "learnloop questions list")


def _among(column: "sa.Column[Any]", values: Sequence[str]) -> "sa.ColumnElement[bool]":
    return column == sa.any_(sa.literal(sorted(set(values)), sa.ARRAY(sa.Text)))
