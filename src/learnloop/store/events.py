"""Interactions into PostgreSQL: each event once, whoever sends it and however often.

    event_keys     event_key 5d41402a-bc4b-2a76-b971-9d911017c592   content -8213490217450381377
    interactions   the event itself, in the part of its month

What tells events apart is their event_id alone, and a table in parts can promise that for no column but the
one it is parted by. So event_keys promises it: one row an event, written in the same transaction. A second
event with a known key is `unchanged` where it says the same and a `conflict` where it does not; neither
changes anything, for what happened, happened.

The rows go in first and their keys after them, which fails where one is known: then the transaction goes
back to where it was, asks which are known, and sends the others.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pandas as pd
import psycopg
import sqlalchemy as sa

from learnloop.errors import BadInput, DatabaseUnavailable
from learnloop.store import binary, digests, months

BLOCK_ROWS = 262_144
PROBES = 500  # event_ids looked up beforehand: a file that was loaded already is not sent again
ATTEMPTS = 8  # each failure means that another loader committed some of our events meanwhile
INDEX_ANEW = 500_000  # keys in one load from which sorting all of them once beats putting each in place


class _Known(Exception):
    """Some of these events are there already."""


def append(
    connection: sa.Connection,
    frame: pd.DataFrame,
    check: Callable[[pd.DataFrame], pd.DataFrame] = lambda block: block,
    alone: bool = False,
) -> tuple[int, int, int]:
    """(new, unchanged, in conflict): INTERACTIONS into an open transaction, all of them or none.

    check: what makes a block of rows keep the contract, while the block before is being sent.
    alone: whether this load is all that its transaction does, so that it may lock event_keys.
    Raises BadInput for what `check` refuses, for an event_id twice, and for NUL characters.
    """
    if frame.empty:
        check(frame)
        return 0, 0, 0
    if not _any_known(connection, frame):
        try:
            with connection.begin_nested():
                return _all_new(connection, frame, check, alone), 0, 0
        except _Known:
            pass
    for _ in range(ATTEMPTS):
        try:
            with connection.begin_nested():
                return _some_new(connection, frame, check)
        except _Known:
            continue
    raise DatabaseUnavailable("other loaders keep sending the same events", "run it again after them")


def _all_new(
    connection: sa.Connection, frame: pd.DataFrame, check: Callable[[pd.DataFrame], pd.DataFrame], alone: bool
) -> int:
    """Sends everything. Raises _Known where some of it is there, or is in the frame twice."""
    keys, contents = [], []
    with _blocks(frame, check) as blocks:
        for block in blocks:
            _send_rows(connection, block)
            keys.append(block.keys)
            contents.append(block.contents)
    _send_keys(connection, np.concatenate(keys), np.concatenate(contents), alone)
    return len(frame)


def _some_new(
    connection: sa.Connection, frame: pd.DataFrame, check: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[int, int, int]:
    """Asks first what is known, then sends the rest. Raises _Known where that changed meanwhile."""
    with _blocks(frame, check) as blocks:
        digested = [(block.keys, block.contents) for block in blocks]
    keys = np.concatenate([pair[0] for pair in digested])
    contents = np.concatenate([pair[1] for pair in digested])
    _refuse_twice(frame, keys)
    known, same = _ask(connection, keys, contents)
    fresh = np.flatnonzero(~known)
    if len(fresh):
        _all_new(connection, frame.iloc[fresh], check, alone=False)
    unchanged = int(same.sum())
    return len(fresh), unchanged, len(frame) - len(fresh) - unchanged


@contextmanager
def _blocks(
    frame: pd.DataFrame, check: Callable[[pd.DataFrame], pd.DataFrame]
) -> Iterator[Iterator[binary.Block]]:
    """The frame in blocks; the next is made in a thread of its own while one is used."""

    def made(start: int) -> binary.Block:
        return binary.block(check(frame.iloc[start : start + BLOCK_ROWS]))

    def ahead(pool: ThreadPoolExecutor) -> Iterator[binary.Block]:
        waiting = pool.submit(made, 0)
        for start in range(BLOCK_ROWS, len(frame), BLOCK_ROWS):
            block, waiting = waiting.result(), pool.submit(made, start)
            yield block
        yield waiting.result()

    with ThreadPoolExecutor(1, "block") as pool:
        yield ahead(pool)


def _send_rows(connection: sa.Connection, block: binary.Block) -> None:
    months.ensure(connection, block.months)
    names = ", ".join(binary.COLUMNS)
    statement = f"COPY interactions ({names}) FROM STDIN (FORMAT binary)"
    with _driver(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        _write(copy, block.rows)


def _send_keys(connection: sa.Connection, keys: np.ndarray, contents: np.ndarray, alone: bool) -> None:
    """Raises _Known."""
    anew = alone and len(keys) >= INDEX_ANEW and _few_keys(connection, len(keys)) and _locked(connection)
    try:
        with _driver(connection).cursor() as cursor:
            if anew:
                cursor.execute("ALTER TABLE event_keys DROP CONSTRAINT event_keys_pkey")
            else:
                # In key order the index is written from left to right, and two loaders that share
                # events wait for each other at the first of them: no deadlock.
                order = binary.by_key(keys)
                keys, contents = keys[order], contents[order]
            with cursor.copy("COPY event_keys (event_key, content) FROM STDIN (FORMAT binary)") as copy:
                for start in range(0, len(keys), BLOCK_ROWS):
                    piece = slice(start, start + BLOCK_ROWS)
                    _write(copy, binary.key_rows(keys[piece], contents[piece]), first=not start)
            if anew:
                cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
                cursor.execute(
                    "ALTER TABLE event_keys ADD CONSTRAINT event_keys_pkey PRIMARY KEY (event_key)"
                )
    except psycopg.errors.UniqueViolation as error:
        raise _Known from error


def _few_keys(connection: sa.Connection, beside: int) -> bool:
    """Whether event_keys holds no more than some `beside` keys, of about 60 bytes each."""
    size = connection.scalar(sa.text("SELECT pg_relation_size('event_keys')")) or 0
    return bool(size <= 60 * beside)


def _locked(connection: sa.Connection) -> bool:
    """Takes event_keys for us alone, unless anybody uses it: we hold rows, and must not wait for it."""
    try:
        with connection.begin_nested():
            _driver(connection).execute("LOCK TABLE event_keys IN ACCESS EXCLUSIVE MODE NOWAIT")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _any_known(connection: sa.Connection, frame: pd.DataFrame) -> bool:
    """Whether any of PROBES event_ids, from all over the frame, is there already."""
    if "event_id" not in frame:
        return False  # as `check` will say
    places = np.unique(np.linspace(0, len(frame) - 1, PROBES).astype(int))
    probes = [value for value in frame["event_id"].iloc[places] if isinstance(value, str)]
    try:
        keys = [digests.event_key(value) for value in probes]
    except UnicodeEncodeError:
        return False
    query = "SELECT EXISTS (SELECT FROM event_keys WHERE event_key = ANY(%s))"
    row = _driver(connection).execute(query, (keys,)).fetchone()
    return bool(row and row[0])


def _ask(connection: sa.Connection, keys: np.ndarray, contents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool each: whether the key is known, and whether it is with the same content."""
    known, same = np.zeros(len(keys), bool), np.zeros(len(keys), bool)
    # The numbers come back as one long value each: a million rows would be a million messages.
    query = """
        SELECT string_agg(int4send(number), ''::bytea),
               string_agg(int4send(number), ''::bytea) FILTER (WHERE asked.content = kept.content)
        FROM asked JOIN event_keys kept USING (event_key)
    """
    with _driver(connection).cursor(binary=True) as cursor:
        cursor.execute("CREATE TEMP TABLE asked (event_key uuid, content bigint, number integer)")
        with cursor.copy("COPY asked FROM STDIN (FORMAT binary)") as copy:
            for start in range(0, len(keys), BLOCK_ROWS):
                piece = slice(start, start + BLOCK_ROWS)
                _write(copy, binary.key_rows(keys[piece], contents[piece], start), first=not start)
        cursor.execute("ANALYZE asked")
        told = cursor.execute(query).fetchone() or (None, None)
        cursor.execute("DROP TABLE asked")
    for flags, numbers in ((known, told[0]), (same, told[1])):
        flags[np.frombuffer(numbers or b"", ">i4")] = True
    return known, same


def _refuse_twice(frame: pd.DataFrame, keys: np.ndarray) -> None:
    order = binary.by_key(keys)
    again = np.flatnonzero((keys[order[1:]] == keys[order[:-1]]).all(axis=1))
    if len(again):
        event_id = frame["event_id"].iloc[order[again[0] + 1]]
        raise BadInput(
            f"interactions: column 'event_id' holds {str(event_id)[:80]!a} twice ({len(again)} repeats)",
            field="event_id",
        )


def _write(copy: psycopg.Copy, rows: bytes | memoryview, first: bool = True) -> None:
    if first:
        copy.write(binary.HEAD)
    copy.write(rows)


def _driver(connection: sa.Connection) -> psycopg.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise DatabaseUnavailable("loading needs the psycopg driver", "connect with learnloop.store.database")
    return driver
