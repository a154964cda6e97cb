"""The frontier of a crawl: which addresses it knows, which it has asked for, and what they said.

    source ocw  url https://ocw.mit.edu/courses/18-06/  depth 1  state done  status 200
    etag "5f3a"  sha256 9f86d081…  fetched_at 2026-05-04 10:00:00+00

A page lands, its address is done and its links are queued in one transaction: a crawl that is killed at
any moment goes on with exactly what was not committed. What is queued or done is never queued again.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from learnloop.errors import LearnloopError
from learnloop.schemas import Answer, Target
from learnloop.store import tables

LOCK = 0x63726177  # "craw": the first of the two keys of the advisory lock of a crawl
MOST_CRASHES = 5  # of the crawler, each while it had one address in hand: then it is left aside
LEFT_ASIDE = "the crawler died of it"
_frontier = tables.frontier


@dataclass(frozen=True)
class Begun:
    """resumed: the former crawl had not ended. It had landed (or failed) `landed` pages and asked `other`."""

    resumed: bool
    landed: int = 0
    other: int = 0


@contextmanager
def alone(engine: sa.Engine, source: str) -> Iterator[None]:
    """One crawl of a source at a time. Raises LearnloopError; a killed crawl's lock goes with it."""
    keys = {"lock": LOCK, "source": source}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        taken = sa.text("SELECT pg_try_advisory_lock(:lock, hashtext(:source))")
        if not connection.scalar(taken, keys):
            raise LearnloopError(
                f"another crawl of {source} is under way", "wait for it, or choose another --source"
            )
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:lock, hashtext(:source))"), keys)


def begin(
    engine: sa.Engine,
    source: str,
    signature: str,
    recipe: Mapping[str, Any],
    seeds: Collection[Target],
    now: datetime | None = None,
) -> Begun:
    """Goes on with the crawl that did not end, or queues every known address anew.

    With another signature the former frontier is forgotten: it was another crawl's.
    """
    started = now or datetime.now(UTC)
    crawls = tables.crawls
    with engine.begin() as connection:
        former = connection.execute(sa.select(crawls).where(crawls.c.source == source)).one_or_none()
        same = former is not None and former.signature == signature
        resumed = same and former is not None and former.finished_at is None
        mine = _frontier.c.source == source
        if not same:
            connection.execute(sa.delete(_frontier).where(mine))
        elif not resumed:
            again = sa.update(_frontier).where(mine)
            connection.execute(again.values(state="queued", error=None, crashes=0))
        row: dict[str, Any] = {"signature": signature, "recipe": dict(recipe), "finished_at": None}
        row |= {} if resumed else {"started_at": started}
        statement = insert(crawls).values({"source": source, "started_at": started, **row})
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=row))
        _queue(connection, source, seeds)
        if not resumed:
            return Begun(False)
        asked = sa.select(
            sa.func.count().filter(_counted()), sa.func.count().filter(sa.not_(_counted()))
        ).where(mine, _frontier.c.state != "queued")
        landed, other = connection.execute(asked).one()
    return Begun(True, int(landed), int(other))


def _counted() -> "sa.ColumnElement[bool]":
    """Counts towards the page limit: landed, or failed; not redirects, sitemaps and lists."""
    return sa.or_(_frontier.c.sha256.is_not(None), _frontier.c.state == "failed")


def take(engine: sa.Engine, source: str, host: str, limit: int, out: Collection[str]) -> list[Target]:
    """The next addresses of `host`, without those of `out`, which are being asked for.

    First what no crawl has asked for yet, so that a site beyond the page limit is finished by crawling it
    again; of those the nearest.

    What the server said last time goes along only where what it said it of is still here.
    """
    raw = tables.raw_pages
    here = sa.exists().where(
        raw.c.source == _frontier.c.source,
        raw.c.url == _frontier.c.url,
        raw.c.sha256 == _frontier.c.sha256,
    )
    known = sa.or_(_frontier.c.sha256.is_(None), here)
    etag, modified = (
        sa.case((known, sa.func.coalesce(column, "")), else_="")
        for column in (_frontier.c.etag, _frontier.c.last_modified)
    )
    query = (
        sa.select(_frontier.c.url, _frontier.c.depth, _frontier.c.hops, etag, modified)
        .where(_frontier.c.source == source, _frontier.c.host == host, _frontier.c.state == "queued")
        .where(_frontier.c.url != sa.all_(sa.literal(sorted(out), sa.ARRAY(sa.Text))))
        .order_by(_frontier.c.fetched_at.is_not(None), _frontier.c.depth, _frontier.c.position)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [Target(*row) for row in connection.execute(query)]


def settle(
    engine: sa.Engine, source: str, answer: Answer, now: datetime | None = None
) -> tuple[bool, set[str]]:
    """Keeps one answer: its page, its state and its links, all or nothing.

    (whether the page was new, the hosts that have something new in their queue)
    """
    with engine.begin() as connection:
        fresh = answer.page is not None and _land(connection, source, answer.page)
        connection.execute(
            sa.update(_frontier)
            .where(_frontier.c.source == source, _frontier.c.url == answer.url)
            .values(_settled(answer, now or datetime.now(UTC)))
        )
        hosts = _queue(connection, source, answer.found)
    return fresh, hosts


def _settled(answer: Answer, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": "failed" if answer.error else "done",
        "status": answer.status,
        "error": answer.error or None,
    }
    if answer.error:
        return values
    if answer.status == 304:  # what is known of it still holds, unless the server says it anew
        return values | {
            name: value
            for name, value in (("etag", answer.etag), ("last_modified", answer.last_modified))
            if value
        }
    return values | {
        "etag": answer.etag or None,
        "last_modified": answer.last_modified or None,
        "sha256": answer.page["sha256"] if answer.page is not None else None,
        "fetched_at": answer.page["fetched_at"] if answer.page is not None else now,
    }


def _land(connection: sa.Connection, source: str, page: Mapping[str, Any]) -> bool:
    """Is the version new? One that is here stays as it is, unless another came between: then it is the
    newest again, which is told by its time."""
    raw = tables.raw_pages
    row = {**page, "source": source, "headers": json.loads(_plain(json.dumps(page["headers"])))}
    row["content_type"] = page["content_type"].replace("\x00", "")
    statement = insert(raw).values(row)
    newer = sa.text(
        "EXISTS (SELECT FROM raw_pages AS other"
        " WHERE other.source = raw_pages.source AND other.url = raw_pages.url"
        " AND other.fetched_at > raw_pages.fetched_at)"
    )
    statement = statement.on_conflict_do_update(
        index_elements=["source", "url", "sha256"],
        set_={"fetched_at": statement.excluded.fetched_at},
        where=newer,
    )
    # xmax is 0 on a row version that was inserted and never locked
    return bool(connection.scalar(statement.returning(sa.literal_column("xmax = 0"))))


def _plain(headers: str) -> str:
    return headers.replace("\\u0000", "")  # PostgreSQL keeps no NUL


def _queue(connection: sa.Connection, source: str, targets: Collection[Target]) -> set[str]:
    """Adds what is not known yet; of a queued address the shorter way counts. Hosts with something new."""
    nearest: dict[str, Target] = {}
    for target in targets:
        if target.url not in nearest or target.depth < nearest[target.url].depth:
            nearest[target.url] = target
    if not nearest:
        return set()
    found = list(nearest.values())
    arrays = {
        "urls": [target.url for target in found],
        "hosts": [urlsplit(target.url).hostname or "" for target in found],
        "depths": [target.depth for target in found],
        "hops": [target.hops for target in found],
    }
    return set(connection.execute(_QUEUE, {"source": source, **arrays}).scalars())


# arrays, because a sitemap may list more addresses than a statement may have parameters
_QUEUE = sa.text(
    "INSERT INTO frontier (source, url, host, depth, hops, state, crashes)"
    " SELECT :source, url, host, depth, hops, 'queued', 0"
    " FROM unnest(CAST(:urls AS text[]), CAST(:hosts AS text[]),"
    " CAST(:depths AS int[]), CAST(:hops AS int[]))"
    " AS found (url, host, depth, hops)"
    " ON CONFLICT (source, url) DO UPDATE SET depth = excluded.depth"
    " WHERE frontier.state = 'queued' AND frontier.depth > excluded.depth"
    " RETURNING host"
)


def blame(engine: sa.Engine, source: str, urls: Collection[str]) -> None:
    """The crawler died with `urls` in hand: one that it dies of again and again is left aside."""
    crashes = _frontier.c.crashes + 1
    hopeless = crashes >= MOST_CRASHES
    statement = (
        sa.update(_frontier)
        .where(_frontier.c.source == source, _frontier.c.state == "queued")
        .where(_frontier.c.url == sa.any_(sa.literal(sorted(urls), sa.ARRAY(sa.Text))))
        .values(
            crashes=crashes,
            state=sa.case((hopeless, "failed"), else_=_frontier.c.state),
            error=sa.case((hopeless, LEFT_ASIDE), else_=None),
        )
    )
    with engine.begin() as connection:
        connection.execute(statement)


def finish(engine: sa.Engine, source: str, now: datetime | None = None) -> int:
    """Ends the crawl; how many addresses it leaves unasked."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(tables.crawls)
            .where(tables.crawls.c.source == source)
            .values(finished_at=now or datetime.now(UTC))
        )
    return waiting(engine, source)


def waiting(engine: sa.Engine, source: str) -> int:
    """Addresses that are known and not asked for yet."""
    query = sa.select(sa.func.count()).where(_frontier.c.source == source, _frontier.c.state == "queued")
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def recipes(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """The recipe each source was last crawled with, {} where it was crawled without."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(tables.crawls.c.source, tables.crawls.c.recipe))
        return {row.source: row.recipe for row in rows}
