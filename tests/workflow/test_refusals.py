"""What a step refuses, before it does harm or pretends to have worked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, LearnloopError, UnknownThing
from learnloop.settings import Settings
from learnloop.store import reading
from learnloop.workflow.collect import collect_web
from learnloop.workflow.context import Loop
from learnloop.workflow.generate import generate
from learnloop.workflow.importing import import_csv
from learnloop.workflow.run import run
from learnloop.workflow.services import free_port


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    yield loop
    loop.close()


def test_one_run_at_a_time(loop: Loop) -> None:
    other = Loop(loop.settings)
    try:
        with other.alone(), pytest.raises(LearnloopError, match="another run"):
            run(loop)
        with loop.alone():
            pass  # free again
    finally:
        other.close()


def test_an_import_that_kept_nothing_is_no_success_but_its_account_is_kept(
    loop: Loop, tmp_path: Path
) -> None:
    items, log = tmp_path / "items.csv", tmp_path / "log.csv"
    items.write_text("item_id,title,text\nloops,Loops,\n")
    log.write_text("learner_id,item_id\nana,loops\nben,loops\n")
    with pytest.raises(BadInput, match="none of the 2 interactions could be kept; most often: no time"):
        import_csv(loop, items=items, interactions=log, source="school")
    assert len(reading.rejected_rows(loop.engine)) == 2
    with loop.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM imports")) == 1


def test_an_unknown_lesson_is_named(loop: Loop) -> None:
    with pytest.raises(UnknownThing, match="'school:nope'"):
        generate(loop, item_ids=["school:nope"])


def test_an_address_where_nobody_answers_is_no_success(loop: Loop) -> None:
    with pytest.raises(LearnloopError, match="nothing could be fetched"):
        collect_web(loop, [f"http://127.0.0.1:{free_port(0)}/"], delay_s=0.0)
