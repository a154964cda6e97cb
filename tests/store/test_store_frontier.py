"""The frontier on a real PostgreSQL: nothing is lost, nothing asked for twice, whatever dies when."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from learnloop.errors import LearnloopError
from learnloop.schemas import Answer, Target
from learnloop.store import frontier, reading, tables

START = "https://a.test/"
WHEN = datetime(2026, 5, 4, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty(engine: sa.Engine) -> Iterator[None]:
    yield
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE frontier, crawls, raw_pages"))


def page(url: str, text: str = "<p>lesson</p>") -> dict[str, Any]:
    return {
        "url": url,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "status": 200,
        "content_type": "text/html",
        "headers": {"ETag": '"1"', "X-Odd": "a\x00b"},
        "body": text.encode(),
        "fetched_at": WHEN,
    }


def begin(engine: sa.Engine, signature: str = "s", **recipe: Any) -> frontier.Begun:
    return frontier.begin(engine, "a", signature, recipe, [Target(START)])


def take(engine: sa.Engine, *out: str, limit: int = 10, host: str = "a.test") -> list[Target]:
    return frontier.take(engine, "a", host, limit, out)


def settle(engine: sa.Engine, url: str, *found: Target, **kwargs: Any) -> tuple[bool, set[str]]:
    return frontier.settle(engine, "a", Answer(url, **{"status": 200, **kwargs}, found=found))


def states(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(tables.frontier.c.url, tables.frontier.c.state))
        return {row.url: row.state for row in rows}


def test_nearest_first_and_what_is_out_is_not_given_again(engine: sa.Engine) -> None:
    assert begin(engine) == frontier.Begun(resumed=False)
    deep, near, other = (
        Target(START + "deep", 2),
        Target(START + "near", 1),
        Target("https://b.test/x", 1),
    )
    fresh, hosts = settle(engine, START, deep, near, other, page=page(START))
    assert (fresh, hosts) == (True, {"a.test", "b.test"})
    assert [target.url for target in take(engine)] == [near.url, deep.url]
    assert [target.url for target in take(engine, near.url)] == [deep.url]
    assert take(engine, limit=1) == [near]
    assert take(engine, host="b.test") == [other]
    # a shorter way is found; a known address is not new
    assert settle(engine, near.url, Target(deep.url, 1), Target(START, 1)) == (False, {"a.test"})
    assert take(engine)[0] == Target(deep.url, 1)
    assert states(engine)[START] == "done"


def test_a_page_its_state_and_its_links_are_kept_together_or_not_at_all(engine: sa.Engine) -> None:
    begin(engine)
    broken = page(START) | {"fetched_at": "not a time"}
    with pytest.raises(sa.exc.DBAPIError):
        settle(engine, START, Target(START + "1", 1), page=broken)
    assert states(engine) == {START: "queued"}
    with pytest.raises(sa.exc.DBAPIError):
        settle(engine, START, Target(START + "1", "x"), page=page(START))  # type: ignore[arg-type]
    assert list(reading.raw_pages(engine)) == []
    assert states(engine) == {START: "queued"}


def test_an_unfinished_crawl_goes_on_and_a_finished_one_asks_again_with_what_was_said(
    engine: sa.Engine,
) -> None:
    begin(engine)
    settle(engine, START, Target(START + "1", 1), Target(START + "2", 1), page=page(START), etag='"1"')
    settle(engine, START + "2", status=None, error="timeout")
    settle(engine, START + "1", Target(START + "m", 1, 1), status=301)
    assert begin(engine) == frontier.Begun(resumed=True, landed=2, other=1)
    assert [target.url for target in take(engine)] == [START + "m"]
    settle(engine, START + "m", page=page(START + "m", "m"), last_modified="Mon, 04 May 2026 10:00:00 GMT")
    assert frontier.finish(engine, "a") == 0

    assert begin(engine) == frontier.Begun(resumed=False)
    told = {target.url: target for target in take(engine)}
    assert told[START].etag == '"1"'
    assert told[START + "m"] == Target(START + "m", 1, 1, "", "Mon, 04 May 2026 10:00:00 GMT")
    assert len(told) == 4
    settle(engine, START, status=304)
    assert settle(engine, START + "m", status=304, etag='"new"') == (False, set())
    frontier.finish(engine, "a")
    begin(engine)
    told = {target.url: target for target in take(engine)}
    assert (told[START].etag, told[START + "m"].etag) == ('"1"', '"new"')
    assert told[START + "m"].last_modified != ""


def test_without_the_page_nothing_is_unchanged(engine: sa.Engine) -> None:
    begin(engine)
    settle(engine, START, page=page(START), etag='"1"')
    frontier.finish(engine, "a")
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.raw_pages))
    begin(engine)
    assert take(engine) == [Target(START)]


def test_another_signature_is_another_crawl(engine: sa.Engine) -> None:
    begin(engine, "s", name="one")
    settle(engine, START, Target(START + "1", 1), page=page(START), etag='"1"')
    assert begin(engine, "t", name="two") == frontier.Begun(resumed=False)
    assert take(engine) == [Target(START)]
    assert frontier.recipes(engine) == {"a": {"name": "two"}}


def test_the_same_version_lands_once_and_odd_headers_do_not_stop_it(engine: sa.Engine) -> None:
    begin(engine)
    assert settle(engine, START, page=page(START))[0] is True
    assert settle(engine, START, page=page(START))[0] is False
    assert settle(engine, START, page=page(START, "new words"))[0] is True
    pages = list(reading.raw_pages(engine))
    assert [p.source for p in pages] == ["a", "a"]
    assert pages[0].headers["X-Odd"] == "ab"


def test_a_page_belongs_to_every_source_that_landed_it(engine: sa.Engine) -> None:
    for source in ("a", "b"):
        frontier.begin(engine, source, "s", {}, [Target(START)])
        answer = Answer(START, status=200, etag='"1"', page=page(START))
        assert frontier.settle(engine, source, answer)[0] is True
    assert [found.source for found in reading.raw_pages(engine)] == ["a", "b"]
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.raw_pages).where(tables.raw_pages.c.source == "a"))
    frontier.finish(engine, "a")
    frontier.begin(engine, "a", "s", {}, [Target(START)])
    assert take(engine) == [Target(START)], "what another source landed is not here"


def test_what_was_never_asked_for_comes_before_what_is_known(engine: sa.Engine) -> None:
    begin(engine)
    settle(engine, START, Target(START + "deep", 3), page=page(START))
    frontier.finish(engine, "a")  # at its page limit
    begin(engine)
    assert [target.url for target in take(engine)] == [START + "deep", START]


def test_a_page_that_changes_and_changes_back_is_the_newest_again(engine: sa.Engine) -> None:
    begin(engine)
    for minute, text in enumerate(("old", "new", "old", "old")):
        version = page(START, text) | {"fetched_at": WHEN + timedelta(minutes=minute)}
        assert settle(engine, START, page=version)[0] is (minute < 2)
    assert [(p.body, p.fetched_at.minute) for p in reading.raw_pages(engine)] == [(b"new", 1), (b"old", 2)]


def test_a_page_that_kills_its_crawler_is_left_aside_in_the_end(engine: sa.Engine) -> None:
    begin(engine)
    for _ in range(frontier.MOST_CRASHES):
        assert states(engine) == {START: "queued"}
        frontier.blame(engine, "a", [START])
    assert states(engine) == {START: "failed"}
    frontier.finish(engine, "a")
    begin(engine)
    assert states(engine) == {START: "queued"}


def test_one_crawl_of_a_source_at_a_time(engine: sa.Engine) -> None:
    with frontier.alone(engine, "a"):
        with (
            pytest.raises(LearnloopError, match="another crawl of a is under way"),
            frontier.alone(engine, "a"),
        ):
            pass
        with frontier.alone(engine, "b"):
            pass
    with frontier.alone(engine, "a"):
        pass


def test_a_sitemap_of_fifty_thousand_addresses_is_queued_in_its_order(engine: sa.Engine) -> None:
    begin(engine)
    settle(engine, START, *(Target(f"{START}{i}") for i in range(50_000)))
    assert frontier.waiting(engine, "a") == 50_000
    assert [target.url for target in take(engine, limit=3)] == [f"{START}{i}" for i in range(3)]


def test_the_migration_makes_the_tables_of_the_model(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert not [
        difference for difference in found if "frontier" in str(difference) or "crawls" in str(difference)
    ]
