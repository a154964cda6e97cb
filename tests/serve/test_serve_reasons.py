"""The reasons of an answer are true of the data and of the model that serves."""

from typing import Any

import pytest
from serve_school import COURSES, School, catalogue, learner_id, lesson, simulated
from starlette.testclient import TestClient
from test_serve_learners import answers, read, steps, tell

from learnloop.recommend.policy import ORDER
from learnloop.recommend.signals import signals
from learnloop.recommend.stored import Recommenders


@pytest.fixture(scope="module")
def given(api: TestClient) -> dict[str, list[dict[str, Any]]]:
    """Steps of learners who have mastered the first lessons of one course or two, by who they are."""
    found = {}
    for course in COURSES:
        for depth in (1, 2, 3):
            name = f"reasoned {course} {depth}"
            for number in range(depth):
                tell(api, name, read(course, number), *answers(course, number, *[True] * 8))
            found[f"{course}/{depth}"] = steps(api, learner_id(name), k=50)
    return found


def evidence(
    given: dict[str, list[dict[str, Any]]], code: str
) -> list[tuple[list[str], str, dict[str, Any]]]:
    """(history, item, reason) wherever `code` is given."""
    return [
        ([lesson(who.split("/")[0], n) for n in range(int(who[-1]))], step["item_id"], reason)
        for who, found in given.items()
        for step in found
        for reason in step["reasons"]
        if reason["code"] == code
    ]


def test_others_did_counts_learners_of_the_training_data(given: dict[str, list[dict[str, Any]]]) -> None:
    by_item = signals(simulated(), catalogue()["items"]).groupby("item_id")["learner_id"].agg(set).to_dict()
    told = evidence(given, "others_did")
    assert told
    for history, item_id, reason in told:
        other, learners = reason["evidence"]["item"], reason["evidence"]["learners"]
        assert other in history
        assert learners == len(by_item[other] & by_item[item_id]) >= 5
        assert reason["text"].startswith(f"{learners} learners who did “")


def test_because_you_did_is_the_rankers_own_share(
    given: dict[str, list[dict[str, Any]]], school: School
) -> None:
    ranker: Any = Recommenders.load(school.registry.release(1).folder / "recommender").ranker
    assert ranker.name == "ease"
    told = evidence(given, "because_finished")
    assert told
    for history, item_id, reason in told:
        done = [item for item in history for _ in range(9)]  # read once and eight answers
        parts = {item: part for item, part in ranker.contributions(done, item_id).items() if part > 0}
        best = max(part for item, part in parts.items() if item != item_id)
        assert parts[reason["evidence"]["item"]] == pytest.approx(best)
        assert reason["evidence"]["share"] == pytest.approx(best / sum(parts.values()), abs=5e-4)


def test_the_first_reason_is_the_most_telling(given: dict[str, list[dict[str, Any]]]) -> None:
    for found in given.values():
        for step in found:
            places = [ORDER.index(reason["code"]) for reason in step["reasons"]]
            assert places == sorted(places)
