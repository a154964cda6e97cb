"""Verdicts on prerequisites: what gates, what waits, what never comes back."""

from collections.abc import Iterator

import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, UnknownThing
from learnloop.schemas import PREREQUISITES, check
from learnloop.store import loading, prerequisites
from learnloop.store.prerequisites import Replaced


def edges(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    names = [(f"t:{a}", f"t:{b}", origin, confidence) for a, b, origin, confidence in rows]
    return pd.DataFrame(names, columns=["concept_id", "requires_id", "origin", "confidence"])


def pairs(frame: pd.DataFrame) -> set[str]:
    joined = frame["concept_id"] + frame["requires_id"]
    return set(joined.str.replace("t:", ""))


@pytest.fixture
def stored(engine: sa.Engine) -> Iterator[sa.Engine]:
    given = edges(
        ("b", "a", "authored", 1.0),
        ("c", "b", "mined", 0.95),
        ("d", "c", "mined", 0.6),
        ("e", "d", "text", 0.5),
    )
    loading.load(engine, "prerequisites", given)
    yield engine
    with engine.begin() as connection:
        for table in ("prerequisites", "prerequisite_verdicts"):
            connection.execute(sa.text(f'TRUNCATE "{table}"'))


def test_what_is_authored_or_sure_gates_and_the_rest_waits(stored: sa.Engine) -> None:
    assert pairs(prerequisites.gating(stored)) == {"ba", "cb"}
    check(prerequisites.gating(stored), PREREQUISITES, "gating")
    assert prerequisites.judge(stored, "t:d", "t:c", "accepted", "as in the book", "ana")
    assert prerequisites.judge(stored, "t:c", "t:b", "refused")
    assert prerequisites.judge(stored, "t:b", "t:a", "refused"), "an author may be wrong, too"
    gating = prerequisites.gating(stored)
    assert pairs(gating) == {"dc"}
    assert gating["confidence"].tolist() == [1.0]
    assert gating["origin"].tolist() == ["mined"]


def test_a_verdict_says_who_when_and_why_and_can_change(stored: sa.Engine) -> None:
    assert prerequisites.judge(stored, "t:d", "t:c", "refused", "side by side", "ana")
    assert not prerequisites.judge(stored, "t:d", "t:c", "refused", "side by side", "eva"), "said before"
    one = prerequisites.judged(stored, verdict="refused").iloc[0]
    assert (one["why"], one["decided_by"], one["gates"]) == ("side by side", "ana", False)
    assert one["decided_at"].tzinfo is not None
    assert prerequisites.judge(stored, "t:d", "t:c", "accepted", "on second thoughts", "eva")
    assert pairs(prerequisites.judged(stored, verdict="accepted")) == {"dc"}
    assert pairs(prerequisites.judged(stored, origin="text", verdict="none")) == {"ed"}
    order = prerequisites.judged(stored)
    assert order["verdict"].notna().tolist() == [False, False, False, True]
    assert order["confidence"].head(3).is_monotonic_decreasing


def test_accepting_a_circle_names_it(stored: sa.Engine) -> None:
    loading.load(stored, "prerequisites", edges(("a", "c", "text", 0.4)))
    with pytest.raises(BadInput, match="t:c requires t:b requires t:a") as caught:
        prerequisites.judge(stored, "t:a", "t:c", "accepted")
    assert caught.value.next_step == "learnloop prerequisites refuse t:c t:b"
    prerequisites.judge(stored, "t:c", "t:b", "refused")
    assert prerequisites.judge(stored, "t:a", "t:c", "accepted")


def test_mining_again_leaves_what_people_said(stored: sa.Engine) -> None:
    prerequisites.judge(stored, "t:d", "t:c", "accepted")
    prerequisites.judge(stored, "t:e", "t:d", "refused")
    found = edges(
        ("b", "a", "mined", 0.3),
        ("c", "b", "mined", 0.92),
        ("e", "d", "mined", 0.99),
        ("e", "a", "mined", 0.8),
    )
    assert prerequisites.replace_mined(stored, found) == Replaced(1, 1, 0, 0, 2)
    now = prerequisites.judged(stored)
    assert pairs(now) == {"ba", "cb", "dc", "ed", "ea"}
    assert now.set_index("requires_id").loc["t:a", "origin"].tolist().count("authored") == 1
    assert pairs(prerequisites.gating(stored)) == {"ba", "cb", "dc"}
    assert prerequisites.replace_mined(stored, found) == Replaced(0, 0, 2, 0, 2), (
        "the same again changes nothing"
    )
    assert prerequisites.replace_mined(stored, found.iloc[:0]).gone == 2
    assert pairs(prerequisites.judged(stored)) == {"ba", "dc", "ed"}


def test_what_nobody_found_cannot_be_judged(stored: sa.Engine) -> None:
    with pytest.raises(UnknownThing, match="'t:x' requires 't:a'"):
        prerequisites.judge(stored, "t:x", "t:a", "accepted")
    with pytest.raises(BadInput, match="'maybe'"):
        prerequisites.judge(stored, "t:b", "t:a", "maybe")
    with pytest.raises(BadInput, match="not authored"):
        prerequisites.replace_mined(stored, edges(("b", "a", "authored", 1.0)))
    with pytest.raises(BadInput, match="'dream'"):
        prerequisites.judged(stored, origin="dream")
