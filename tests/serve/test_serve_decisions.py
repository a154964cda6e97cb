"""Each answer is logged as it was given, and the log is never in its way."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from serve_school import COURSES, School, learner_id, lesson
from starlette.testclient import TestClient
from test_serve_curation import rule
from test_serve_learners import answers, read, tell

from learnloop.recommend.decisions import Decision
from learnloop.recommend.exploration import draw, relevance
from learnloop.schemas import Reason, Step
from learnloop.serve.app import create_app
from learnloop.serve.decision_log import DecisionLog, Made
from learnloop.store import decisions


def made(number: int = 0) -> Made:
    steps = [Step("s:a", 2.0, (Reason("ready"),)), Step("s:b", 1.0, (Reason("ready"),))]
    decision = Decision(steps, (1,), (0.25,), (0.75, 0.25))
    moment = datetime(2026, 3, 2, 10, 0, number, tzinfo=UTC)
    return Made(uuid4(), learner_id("logged"), moment, 3, "2", 0.5, 0.0, {"k": 1}, decision)


def exploring(school: School, temperature: float, **options: Any) -> TestClient:
    settings = replace(school.settings, exploration=temperature)
    app = create_app(settings, school.database_url, poll_seconds=3600, **options)
    return TestClient(app, headers=school.headers("service"))


def logged(school: School, who: str) -> pd.DataFrame:
    """The rows of one learner."""
    found = decisions.read(school.engine)
    return found[found["learner_id"] == who]


def counted(client: TestClient, outcome: str) -> float:
    line = f'learnloop_decisions_total{{outcome="{outcome}"}} '
    lines = [text for text in client.get("/metrics").text.splitlines() if text.startswith(line)]
    return float(lines[0].removeprefix(line)) if lines else 0.0


def test_without_exploration_the_list_is_logged_as_certain(school: School) -> None:
    who = learner_id("certain")
    with school.client(poll_seconds=3600) as client:
        path = f"/v1/learners/{who}/recommendations"
        first, second = (client.get(path, params={"k": 2, "level": "beginner"}).json() for _ in range(2))
    assert first["items"] == second["items"]
    assert first["decision_id"] != second["decision_id"], "an answer that is asked for again is another"
    rows = logged(school, who)  # the client is closed: everything is written
    for answer in (first, second):
        one = rows[rows["decision_id"] == answer["decision_id"]]
        assert one["item_id"].tolist() == [item["item_id"] for item in answer["items"]]
        assert one["score"].tolist() == [item["score"] for item in answer["items"]]
        assert one["position"].tolist() == [1, 2]
        assert one["probability"].tolist() == [1.0, 1.0]
        assert one["first"].tolist() == [1.0, 0.0]
        assert set(one["temperature"]) == set(one["diversity"]) == {0.0}
        assert set(one["release"]) == {answer["release"]}
    with school.engine.connect() as connection:
        query = sa.text("SELECT request FROM decisions WHERE decision_id = :one")
        assert connection.scalar(query, {"one": first["decision_id"]}) == {"k": 2, "level": "beginner"}


def test_with_exploration_lists_differ_and_can_be_drawn_again_from_the_log(school: School) -> None:
    who = learner_id("explorer")
    path = f"/v1/learners/{who}/recommendations"
    with exploring(school, temperature=0.5) as client:
        for course in COURSES:
            tell(client, "explorer", read(course, 0), *answers(course, 0, *[True] * 8))
        given = [client.get(path, params={"k": 2}).json() for _ in range(40)]
        given += [client.get(path, params={"k": 2, "diversity": 0.5}).json() for _ in range(10)]
    lists = {tuple(item["item_id"] for item in answer["items"]) for answer in given}
    assert len(lists) > 2
    rows = logged(school, who)
    assert rows["decision_id"].nunique() == 50
    for number, answer in enumerate(given):
        one = rows[rows["decision_id"] == answer["decision_id"]]
        shown = one.dropna(subset="position").sort_values("position")
        assert shown["item_id"].tolist() == [item["item_id"] for item in answer["items"]]
        assert one["first"].sum() == pytest.approx(1.0)
        assert shown["first"].iloc[0] == pytest.approx(shown["probability"].iloc[0])
        assert one["position"].isna().equals(one["probability"].isna())
        for item in answer["items"]:
            assert item["reasons"]
        if number < 40:
            # the name of the decision is the seed of its draw
            rng = np.random.default_rng(UUID(answer["decision_id"]).int)
            again = draw(relevance(one["score"].to_numpy()), 2, rng, 0.5)
            assert one["item_id"].iloc[again.order].tolist() == shown["item_id"].tolist()
            assert shown["probability"].tolist() == pytest.approx(again.probabilities.tolist())


def test_a_pin_is_certain_also_while_exploring(school: School) -> None:
    who = learner_id("pinned explorer")
    with exploring(school, temperature=5.0) as client, rule(client, school, "pin", lesson("cells", 0)):
        path = f"/v1/learners/{who}/recommendations"
        firsts = {client.get(path).json()["items"][0]["item_id"] for _ in range(20)}
    assert firsts == {lesson("cells", 0)}
    rows = logged(school, who)
    pinned = rows[rows["item_id"] == lesson("cells", 0)]
    assert set(pinned["probability"]) == {1.0}
    assert set(pinned["position"]) == {1}


def test_diversity_by_setting_and_by_request(school: School) -> None:
    settings = replace(school.settings, diversity=0.7)
    app = create_app(settings, school.database_url, poll_seconds=3600)
    who = learner_id("varied")
    with TestClient(app, headers=school.headers("service")) as client:
        path = f"/v1/learners/{who}/recommendations"
        ids = [client.get(path, params=params).json()["decision_id"] for params in ({}, {"diversity": 0})]
    rows = logged(school, who)
    assert [set(rows[rows["decision_id"] == one]["diversity"]) for one in ids] == [{0.7}, {0.0}]


def test_what_is_logged_is_counted_and_flushed_at_the_end(school: School) -> None:
    who = learner_id("counted")
    with school.client(poll_seconds=3600) as client:
        for _ in range(5):
            client.get(f"/v1/learners/{who}/recommendations")
        deadline = time.monotonic() + 60
        while counted(client, "logged") < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (counted(client, "logged"), counted(client, "dropped")) == (5.0, 0.0)
        client.get(f"/v1/learners/{who}/recommendations")
    assert logged(school, who)["decision_id"].nunique() == 6


class Book:
    """Counts what became of decisions, and writes them as it is told to."""

    def __init__(self, *troubles: Exception) -> None:
        self.counts = {"logged": 0, "dropped": 0}
        self.batches: list[list[Made]] = []
        self.troubles = list(troubles)
        self.gate = threading.Event()
        self.gate.set()

    def write(self, batch: Sequence[Made]) -> None:
        self.gate.wait(60)
        if self.troubles:
            raise self.troubles.pop(0)
        self.batches.append(list(batch))

    def count(self, outcome: str, number: int) -> None:
        self.counts[outcome] += number


AWAY = sa.exc.OperationalError("insert", {}, Exception("away"))


def test_a_database_that_is_away_for_a_moment_loses_nothing() -> None:
    book = Book(AWAY, AWAY)
    log = DecisionLog(book.write, book.count, retry_seconds=0.01)
    log.start()
    wanted = [made(number) for number in range(30)]
    for one in wanted:
        log.offer(one)
    while not book.batches:
        time.sleep(0.01)
    log.close()
    assert [one for batch in book.batches for one in batch] == wanted
    assert book.counts == {"logged": 30, "dropped": 0}


def test_a_full_queue_drops_at_once_and_counts() -> None:
    book = Book()
    book.gate.clear()
    log = DecisionLog(book.write, book.count, capacity=10)
    log.start()
    for number in range(60):
        log.offer(made(number))
    assert book.batches == [], "nobody waits for the writer, which waits for the gate"
    book.gate.set()
    log.close(seconds=60)
    assert book.counts["logged"] + book.counts["dropped"] == 60
    assert book.counts["dropped"] >= 30
    assert sum(map(len, book.batches)) == book.counts["logged"]


def test_what_cannot_be_written_is_dropped_and_the_rest_goes_on() -> None:
    book = Book(ValueError("never"))
    log = DecisionLog(book.write, book.count)
    log.start()
    log.offer(made())
    while not book.counts["dropped"]:
        time.sleep(0.01)
    log.offer(made())
    log.close()
    assert book.counts == {"logged": 1, "dropped": 1}


@pytest.mark.parametrize("away", [0, 2])
def test_a_bad_row_is_dropped_alone(away: int, caplog: pytest.LogCaptureFixture) -> None:
    """The second time also where the database goes away in the middle of it."""
    wanted = [made(number) for number in range(40)]
    bad = {wanted[number].decision_id for number in (3, 17)}

    class Strict(Book):
        def write(self, batch: Sequence[Made]) -> None:
            self.gate.wait(60)
            if bad & {one.decision_id for one in batch}:
                raise ValueError("the row, word for word")
            if len(batch) == 1 and self.troubles:
                raise self.troubles.pop()
            super().write(batch)

    book = Strict(*[AWAY] * away)
    log = DecisionLog(book.write, book.count, retry_seconds=0.01)
    for one in wanted:
        log.offer(one)
    log.start()
    while sum(book.counts.values()) < 40:
        time.sleep(0.01)
    log.close()
    assert book.counts == {"logged": 38, "dropped": 2}
    written = [one.decision_id for batch in book.batches for one in batch]
    assert written == [one.decision_id for one in wanted if one.decision_id not in bad]
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["2 decisions cannot be written (ValueError)"]


def test_a_row_that_the_table_refuses_is_dropped_alone(school: School) -> None:
    """PostgreSQL's text holds no NUL."""
    who = learner_id("of a bad row")
    rows = [replace(made(number), learner_id=who) for number in range(3)]
    rows[1] = replace(rows[1], request={"level": "a\x00b"})
    book = Book()
    log = DecisionLog(lambda batch: decisions.append(school.engine, [one.row() for one in batch]), book.count)
    for one in rows:
        log.offer(one)
    log.start()
    while sum(book.counts.values()) < 3:
        time.sleep(0.01)
    log.close()
    assert book.counts == {"logged": 2, "dropped": 1}
    assert set(logged(school, who)["decision_id"]) == {str(rows[0].decision_id), str(rows[2].decision_id)}


def test_closing_waits_for_the_batch_in_hand() -> None:
    book = Book()
    book.gate.clear()
    log = DecisionLog(book.write, book.count)
    log.start()
    log.offer(made())
    while log._waiting.qsize():
        time.sleep(0.01)
    threading.Timer(0.3, book.gate.set).start()
    log.close(seconds=60)
    assert book.counts == {"logged": 1, "dropped": 0}


def test_what_is_still_in_hand_at_the_end_is_counted_once() -> None:
    book = Book()
    book.gate.clear()
    log = DecisionLog(book.write, book.count)
    for number in range(5):
        log.offer(made(number))
    log.start()
    while log._in_flight < 5:  # being written
        time.sleep(0.01)
    log.close(seconds=0.2)
    assert book.counts == {"logged": 0, "dropped": 5}
    book.gate.set()
    assert log._thread is not None
    log._thread.join(60)
    assert not log._thread.is_alive()
    assert book.counts == {"logged": 0, "dropped": 5}, "it is not counted again when it arrives after all"


def test_at_the_end_a_database_that_is_away_is_not_waited_for() -> None:
    book = Book(*[AWAY] * 1000)
    log = DecisionLog(book.write, book.count, retry_seconds=3600)
    log.start()
    for number in range(7):
        log.offer(made(number))
    log.close(seconds=60)
    assert log._thread is not None
    assert not log._thread.is_alive(), "it waits for the next try"
    assert book.counts == {"logged": 0, "dropped": 7}


def test_a_batch_sent_twice_is_there_once(school: School) -> None:
    rows = [made(number).row() for number in range(3)]
    assert decisions.append(school.engine, rows) == 3
    assert decisions.append(school.engine, rows) == 0
    assert decisions.append(school.engine, []) == 0
    found = logged(school, learner_id("logged"))
    assert found["decision_id"].tolist() == [str(row["decision_id"]) for row in rows for _ in range(2)]
    assert found["position"].tolist() == [pd.NA, 1] * 3
    assert found["probability"].dropna().tolist() == [0.25] * 3
    assert found["first"].tolist() == [0.75, 0.25] * 3
    since, until = (datetime(2026, 3, 2, 10, 0, second, tzinfo=UTC) for second in (1, 2))
    assert decisions.read(school.engine, since, until)["decision_id"].nunique() == 1
    assert decisions.read(school.engine, until=datetime(2020, 1, 1, tzinfo=UTC)).empty
