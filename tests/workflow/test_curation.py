"""Pins and blocks from the command line: what is not there cannot be taken back unnoticed."""

from collections.abc import Iterator

import pandas as pd
import pytest

from learnloop.errors import UnknownThing
from learnloop.schemas import ITEMS
from learnloop.settings import Settings
from learnloop.store import curation, loading
from learnloop.workflow.context import Loop
from learnloop.workflow.curation import rule

LEARNER = "0" * 32
LESSONS = [f"s:python/{name}" for name in ("loops", "lists", "classes")]


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    frame = pd.DataFrame({"item_id": LESSONS, "kind": "lesson", "source": "s", "language": "en", "text": ""})
    frame = frame.assign(title=frame["item_id"], attributes=[{} for _ in LESSONS])
    loading.load(loop.engine, "items", frame.reindex(columns=list(ITEMS.columns)))
    yield loop
    loop.close()


def test_a_rule_that_is_not_there_is_refused_with_near_ones(loop: Loop) -> None:
    for name in LESSONS:
        rule(loop, "pin", name)
    with pytest.raises(
        UnknownThing, match=r"no pin of 's:python/lops' for all; near ones: s:python/loops for"
    ):
        rule(loop, "pin", "s:python/lops", remove=True)
    with pytest.raises(UnknownThing, match=r"no block of 's:python/loops' for all; there are 0 blocks"):
        rule(loop, "block", LESSONS[0], remove=True)
    with pytest.raises(UnknownThing, match=r"for learner 0{32}; near ones: s:python/loops for all"):
        rule(loop, "pin", LESSONS[0], learner_id=LEARNER, remove=True)
    assert [row["item_id"] for row in curation.rules(loop.engine, "pin")] == LESSONS
    found = rule(loop, "pin", LESSONS[0], remove=True)
    assert found["changed"]
    assert [row["item_id"] for row in found["pins"]] == LESSONS[1:]
