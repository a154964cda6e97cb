"""Whatever passes a contract comes back from PostgreSQL as it went in."""

import math
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_frames import ROWS, rows

from learnloop.store import loading, reading, tables

# Every character that PostgreSQL holds: all but NUL and halves of characters.
CHARACTERS = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
NASTY = [
    "",
    "\\N",
    "\\.",
    "\n\\.\n",
    "NULL",
    '"',
    '""',
    ",",
    "\t",
    "\r\n",
    "\r",
    "\\",
    "'",
    " ",
    "\u2028",
    "𝄞é",
    "%s",
]
texts = st.sampled_from(NASTY) | st.text(CHARACTERS, max_size=12)
some_text = texts.filter(bool)
keys = st.text(CHARACTERS, min_size=1, max_size=8).map(lambda key: "demo:k" + key.replace("\n", ""))
maybe_text = st.none() | texts
shares = st.floats(0, 1)
seconds = st.floats(0, 1e12) | st.sampled_from([0.1, 5e-324, math.inf])
moments = st.datetimes(
    pd.Timestamp("1900-01-01").to_pydatetime(),
    pd.Timestamp("2199-12-31 23:59:59.999999").to_pydatetime(),  # the loader takes nothing later
).map(lambda moment: pd.Timestamp(moment, tz="UTC"))
whole = st.none() | st.integers(-(2**63), 2**63 - 1)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(texts, plain_json, max_size=3)

FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "items": {
        "item_id": keys, "parent_id": st.none() | keys, "position": whole, "title": some_text, "text": texts,
        "abstract": maybe_text, "subject": maybe_text, "level": maybe_text, "duration_s": st.none() | seconds,
        "licence": maybe_text, "url": maybe_text, "answer": maybe_text, "attributes": objects,
    },
    "concepts": {"concept_id": keys, "title": texts, "language": texts},
    "item_concepts": {"item_id": keys, "concept_id": keys},
    "prerequisites": {"concept_id": keys, "requires_id": keys, "confidence": shares},
    "learners": {"learner_id": some_text, "source": texts, "attributes": objects},
    "enrolments": {
        "learner_id": texts, "item_id": keys, "registered_at": st.none() | moments,
        "unregistered_at": st.none() | moments, "result": maybe_text, "attributes": objects,
    },
    "questions": {
        "question_id": texts, "item_id": keys, "stem": some_text, "key": some_text,
        "options": st.lists(texts), "quote": maybe_text, "span_start": whole,
        "span_end": whole, "provenance": objects,
    },
    "summaries": {"item_id": keys, "text": some_text, "provenance": objects},
    "interactions": {
        "event_id": some_text, "learner_id": texts, "item_id": keys, "correct": st.none() | st.booleans(),
        "score": st.none() | shares, "duration_s": st.none() | seconds, "occurred_at": moments,
        "source": texts,
    },
}  # fmt: skip


def truncate(engine: sa.Engine, table: str) -> None:
    with engine.begin() as connection:
        also = ", event_keys" if table == "interactions" else ""
        connection.exec_driver_sql(f'TRUNCATE "{table}"{also}')


def test_the_test_covers_every_table() -> None:
    assert set(FIELDS) == set(ROWS) - {"raw_pages"}
    assert set(ROWS) == set(tables.CONTRACTS)


@pytest.mark.parametrize("table", FIELDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_round_trip(engine: sa.Engine, table: str, data: st.DataObject) -> None:
    contract = tables.CONTRACTS[table]
    unique = list(contract.unique)
    changes = data.draw(
        st.lists(
            st.fixed_dictionaries(FIELDS[table]),
            min_size=1,
            max_size=4,
            unique_by=lambda row: tuple(row[name] for name in unique),
        )
    )
    given_frame = contract.validate(rows(table, *changes))
    truncate(engine, table)
    assert loading.load(engine, table, given_frame).inserted == len(changes)
    read = getattr(reading, table)(engine)[list(given_frame.columns)]
    assert read.equals(contract.validate(read)), "not in the contract's dtypes"
    assert dict(read.dtypes) == dict(given_frame.dtypes)
    pd.testing.assert_frame_equal(
        read.sort_values(unique, ignore_index=True),
        given_frame.sort_values(unique, ignore_index=True),
        check_exact=True,
    )
    assert loading.load(engine, table, read).unchanged == len(changes), (
        "what was read differs from what is kept"
    )


@settings(max_examples=25, deadline=None)
@given(body=st.binary(max_size=300), headers=objects, url=some_text)
def test_pages_round_trip_to_the_byte(
    engine: sa.Engine, body: bytes, headers: dict[str, Any], url: str
) -> None:
    truncate(engine, "raw_pages")
    loading.load(engine, "raw_pages", rows("raw_pages", {"url": url, "body": body, "headers": headers}))
    (page,) = reading.raw_pages(engine)
    assert (page.url, page.body, page.headers) == (url, body, headers)


@pytest.mark.parametrize("table", FIELDS)
def test_nothing_comes_back_in_the_contracts_dtypes(engine: sa.Engine, table: str) -> None:
    truncate(engine, table)
    read = getattr(reading, table)(engine)
    assert read.empty
    contract = tables.CONTRACTS[table]
    assert dict(contract.validate(read).dtypes) == {name: read[name].dtype for name in contract.columns}
