"""Mining into the database: what people said stays, and what is not sure waits."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.errors import NothingToDo
from learnloop.schemas import INTERACTIONS, ITEMS
from learnloop.settings import Settings
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.practice import answers
from learnloop.store import loading, prerequisites
from learnloop.workflow.context import Loop
from learnloop.workflow.prerequisites import judge, listed, mine


@pytest.fixture(scope="module")
def course() -> Course:
    return planted_course(n_concepts=8, items_per_concept=5, seed=2)


@pytest.fixture
def loop(database_url: str, tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path, database_url=database_url))
    yield loop
    with loop.engine.begin() as connection:
        for table in ("prerequisites", "prerequisite_verdicts", "concepts", "items", "item_concepts"):
            connection.execute(sa.text(f'TRUNCATE "{table}"'))
    loop.close()


@pytest.fixture
def studied(loop: Loop, course: Course) -> Loop:
    """A course of exercises without a text, and 300 learners' answers to them."""
    told = answers("bkt", 300, 80, 1, course=course).answers
    items = pd.DataFrame(
        {"item_id": course.item_ids, "source": "sim", "kind": "exercise", "title": "An item"}
    )
    items = items.assign(text="", language="en").reindex(columns=list(ITEMS.columns))
    items["attributes"] = [{} for _ in range(len(items))]
    pairs = [(i, c) for i, own in zip(course.item_ids, course.concept_tuples, strict=True) for c in own]
    concepts = pd.DataFrame({"concept_id": course.concept_ids, "title": course.concept_ids, "language": "en"})
    events = told[["learner_id", "item_id", "correct", "occurred_at"]].assign(verb="answered", source="sim")
    events["event_id"] = [f"sim:{number}" for number in range(len(events))]
    loading.load(loop.engine, "items", items)
    loading.load(loop.engine, "concepts", concepts)
    loading.load(loop.engine, "item_concepts", pd.DataFrame(pairs, columns=["item_id", "concept_id"]))
    loading.load(loop.engine, "interactions", events.reindex(columns=list(INTERACTIONS.columns)))
    return loop


def test_what_is_mined_is_listed_judged_and_mined_again(studied: Loop, course: Course) -> None:
    planted = set(course.prerequisites_frame().itertuples(index=False, name=None))
    assert mine(studied, dry_run=True)["changes"] == {}
    assert listed(studied)["total"] == 0, "a dry run writes nothing"
    report = mine(studied)
    found = {(edge["concept_id"], edge["requires_id"]) for edge in report["edges"]}
    assert report["found"] == {"mined": len(found), "text": 0}
    assert len(found & planted) >= 0.8 * len(found) > 2
    assert report["gating"] + report["waiting"] == len(found) == listed(studied)["total"]
    assert listed(studied)["gating"] == report["gating"] == len(prerequisites.gating(studied.engine))
    refused, accepted = sorted(found)[:2]
    assert judge(studied, *refused, verdict="refused", why="no", by="Ana")["changed"]
    assert judge(studied, *accepted, verdict="accepted")["changed"]
    again = mine(studied)
    assert again["left_out"]["judged before"] == 2
    assert again["changes"]["gone"] == 0
    told = {(one["concept_id"], one["requires_id"]): one for one in listed(studied)["prerequisites"]}
    assert told[refused]["verdict"] == "refused"
    assert (told[refused]["why"], told[refused]["gates"], told[accepted]["gates"]) == ("no", False, True)
    assert refused not in {(edge["concept_id"], edge["requires_id"]) for edge in again["edges"]}


def test_an_authors_prerequisites_are_enough(studied: Loop, course: Course) -> None:
    """One authored edge of the source: nothing is mined beside it, unless asked for; and it never changes."""
    authored = course.prerequisites_frame().iloc[:1].assign(origin="authored", confidence=1.0)
    loading.load(studied.engine, "prerequisites", authored)
    report = mine(studied)
    assert report["edges"] == []
    assert report["left_out"]["source has authored ones"] > 2
    beside = mine(studied, authored_too=True)
    assert len(beside["edges"]) > 2
    assert len(prerequisites.judged(studied.engine, origin="authored")) == 1


def test_nothing_to_mine_says_what_to_do(loop: Loop) -> None:
    with pytest.raises(NothingToDo, match="no concepts"):
        mine(loop)
    loading.load(
        loop.engine, "concepts", pd.DataFrame([{"concept_id": "t:a", "title": "A", "language": "en"}])
    )
    with pytest.raises(NothingToDo, match="nothing to mine"):
        mine(loop, answers=False, text=False)
