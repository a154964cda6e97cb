"""Filters, hidden items, pins and blocks: what was asked to come comes, and what was not does not."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from serve_school import COURSES, NOW, School, concept, event, learner_id, lesson
from starlette.testclient import TestClient
from test_serve_learners import answers, read, steps, tell

from learnloop.recommend.filters import Filters, Rule, Rules
from learnloop.serve import advice, replies, state
from learnloop.serve.histories import Event, History
from learnloop.store import curation

ALL = [lesson(course, n) for course, (_, titles) in COURSES.items() for n in range(len(titles))]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [step["item_id"] for step in found]


def first_codes(found: list[dict[str, Any]]) -> dict[str, str]:
    return {step["item_id"]: step["reasons"][0]["code"] for step in found}


@contextmanager
def rule(api: TestClient, school: School, kind: str, item_id: str, **target: str) -> Iterator[None]:
    """One pin or block by an instructor, for as long as the block runs."""
    headers = school.headers("instructor")
    body = {"item_id": item_id, **target}
    answer = api.post(f"/v1/{kind}s", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    try:
        yield
    finally:
        assert api.delete(f"/v1/{kind}s", params=body, headers=headers).json() == {"rules": []}


@pytest.fixture
def graduate(api: TestClient, request: pytest.FixtureRequest) -> str:
    """Who knows the first two lessons of two courses, so that there is something to choose from."""
    name = f"graduate of {request.node.name}"
    for course in ("python", "cells"):
        for number in range(2):
            tell(api, name, read(course, number), *answers(course, number, *[True] * 8))
    return learner_id(name)


def test_filters_hold_for_everything_that_comes(api: TestClient, graduate: str) -> None:
    assert set(names(steps(api, graduate, k=50))) == {lesson("python", 2), lesson("cells", 2)}
    in_course = steps(api, graduate, k=50, course="school:cells")
    assert names(in_course) == [lesson("cells", 2)]
    assert in_course[0]["reasons"][0]["code"] != "start_here"
    other = steps(api, graduate, k=50, course="school:cocina")
    assert names(other) == [lesson("cocina", 0)], "who asks for a course gets it in its language"
    assert steps(api, graduate, k=50, level="beginner") == []
    assert set(names(steps(api, graduate, k=50, level="Advanced"))) == {
        lesson("python", 2),
        lesson("cells", 2),
    }
    assert steps(api, graduate, k=50, max_duration_s=899) == []
    assert len(steps(api, graduate, k=50, max_duration_s=900)) == 2
    assert steps(api, graduate, k=50, licence="CC-BY-4.0") == []
    assert names(steps(api, graduate, k=50, licence="cc-by-4.0", language="es")) == [lesson("cocina", 0)]


def test_a_filter_opens_no_door(api: TestClient) -> None:
    """The lesson before does not pass, so it cannot come first, and neither can what needs it."""
    who = tell(api, "hasty", read("cells", 0))
    assert lesson("python", 0) in names(steps(api, who, k=50))
    assert names(steps(api, who, k=50, level="advanced")) == []


def test_wishes_that_mean_the_same_share_a_shelf_and_few_are_kept(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "KEPT_SHELVES", 3)
    with school.client(poll_seconds=3600) as client:
        serving = client.app.state.backend.serving  # type: ignore[attr-defined]
        before = len(serving._shelves)
        for seconds in range(1, 300):
            assert steps(client, learner_id("new"), level=f"level {seconds}", max_duration_s=seconds) == []
        assert len(serving._shelves) == before + 1
        for course, level in product(COURSES, ("beginner", "advanced")):
            assert (
                steps(client, learner_id("new"), level=level, course=f"school:{course}")
                or level != "beginner"
            )
        assert len(serving._shelves) == before + 3
        assert len(steps(client, learner_id("new"))) == 3
        monkeypatch.setattr(state, "SHELVED", 0)
        steps(client, learner_id("new"), level="beginner", max_duration_s=10**6)
        assert len(serving._shelves) == before + 1, "few shelves, but too many items on them"


def test_durations_make_few_shelves_and_none_lets_in_what_takes_longer(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "DURATIONS", 4)
    with school.client(poll_seconds=3600) as client:
        serving = client.app.state.backend.serving  # type: ignore[attr-defined]
    items = serving.content.items
    takes = pd.Series(np.arange(len(items)) * 10.0 + 60, index=items.index, dtype="Float64")
    many = state.Serving(replace(serving.content, items=items.assign(duration_s=takes)), serving.models)
    keys = {many._known(Filters(max_duration_s=float(limit))) for limit in range(1, 2000)}
    assert len(keys) == 5, "four, and none"
    for limit in (59.0, 60.0, 125.0, 333.0, 1e9):
        longest = many._known(Filters(max_duration_s=limit)).max_duration_s
        assert longest is None if limit < 60 else 60 <= longest <= limit  # type: ignore[operator]


def test_what_nothing_meets_is_one_empty_shelf(school: School) -> None:
    with school.client(poll_seconds=3600) as client:
        serving = client.app.state.backend.serving  # type: ignore[attr-defined]
    before = len(serving._shelves)
    for course, level in product(("school:python", "school:cells", ""), ("guru", "sage")):
        assert not serving.shelf(Filters(course=course, level=level)).catalogue.reachable
    assert not serving.shelf(Filters(frozenset({"xx"}), max_duration_s=900.0)).catalogue.reachable
    assert len(serving._shelves) == before + 1


def test_a_shelf_that_two_want_at_once_is_made_once(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    with school.client(poll_seconds=3600) as client:
        serving = client.app.state.backend.serving  # type: ignore[attr-defined]
    real, made = state.Shelf.of, list[int]()

    def slow(*arguments: Any) -> state.Shelf:
        made.append(1)
        threading.Event().wait(0.1)
        return real(*arguments)

    monkeypatch.setattr(state.Shelf, "of", slow)
    wish = Filters(course="school:cells", level="beginner", max_duration_s=600.0)
    threads = [threading.Thread(target=serving.shelf, args=(wish,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert made == [1]


def test_a_course_there_is_not(api: TestClient, graduate: str) -> None:
    answer = api.get(f"/v1/learners/{graduate}/recommendations", params={"course": "school:alchemy"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"max_duration_s": 0}, "max_duration_s"),
        ({"diversity": 1.01}, "diversity"),
        ({"diversity": "nan"}, "diversity"),
        ({"course": "no identifier"}, "course"),
        ({"level": "x" * 101}, "level"),
        ({"licence": "a\x00b"}, "licence"),
    ],
)
def test_wrong_wishes_are_named(api: TestClient, params: dict[str, Any], field: str) -> None:
    answer = api.get(f"/v1/learners/{learner_id('ana')}/recommendations", params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_what_is_hidden_stays_away_until_it_is_wanted_again(
    api: TestClient, school: School, graduate: str
) -> None:
    mine = {"Authorization": f"Bearer {school.token(graduate)}"}
    path = f"/v1/learners/{graduate}/hidden"
    gone = lesson("python", 2)
    assert gone in names(steps(api, graduate, k=50))
    for _ in range(2):  # twice is once
        answer = api.post(f"{path}/{gone}", headers=mine)
        assert replies.Hidden.model_validate(answer.json()).item_ids == [gone]
        assert gone not in names(steps(api, graduate, k=50))
    assert api.get(path, headers=mine).json() == {"learner_id": graduate, "item_ids": [gone]}
    tell(api, "somebody else", read("python", 0))
    assert gone not in names(steps(api, graduate, k=50)), "others' events change nothing"
    assert api.delete(f"{path}/{gone}", headers=mine).json()["item_ids"] == []
    assert gone in names(steps(api, graduate, k=50))


def test_a_hidden_exercise_hides_its_lesson_and_a_hidden_item_fills_no_gap(api: TestClient) -> None:
    who = learner_id("picky")
    first = lesson("python", 0)
    assert first in names(steps(api, who, k=50))
    assert api.post(f"/v1/learners/{who}/hidden/{first}%23q1").status_code == 200
    found = names(steps(api, who, k=50))
    assert first not in found
    assert not any(name.startswith("school:python/") for name in found), "nothing opens without the first"


def test_only_known_items_and_ones_own_wishes(api: TestClient, school: School) -> None:
    who = learner_id("dora")
    mine = school.learner("dora")
    assert api.post(f"/v1/learners/{who}/hidden/school:nothing", headers=mine).status_code == 404
    other = f"/v1/learners/{learner_id('ana')}/hidden"
    calls = [api.get(other, headers=mine)]
    calls += [call(f"{other}/{ALL[0]}", headers=mine) for call in (api.post, api.delete)]
    assert [answer.status_code for answer in calls] == [403, 403, 403]
    assert api.get(other).json()["item_ids"] == []


def test_a_pin_comes_first_with_its_reason(api: TestClient, school: School, graduate: str) -> None:
    last = steps(api, graduate, k=50)[-1]["item_id"]
    with rule(api, school, "pin", last):
        found = steps(api, graduate, k=50)
        assert found[0]["item_id"] == last
        assert found[0]["reasons"][0]["code"] == "pinned"
        assert found[0]["reasons"][0]["text"] == "Recommended by your teacher"
        assert len(found[0]["reasons"]) > 1, "the other reasons are still true"
        assert names(steps(api, graduate, k=1)) == [last]
    assert first_codes(steps(api, graduate, k=50))[last] != "pinned"


def test_before_a_pin_comes_what_it_needs_and_it_opens_when_that_is_mastered(
    api: TestClient, school: School
) -> None:
    who = tell(api, "aiming high", read("cells", 0), *answers("cells", 0, *[True] * 8))
    with rule(api, school, "pin", lesson("python", 1)):
        found = steps(api, who, k=50)
        assert found[0]["item_id"] == lesson("python", 0)
        reason = found[0]["reasons"][0]
        assert reason["code"] == "fills_gap"
        assert reason["evidence"] == {"concept": concept("python", 0), "item": lesson("python", 1)}
        assert lesson("python", 1) not in names(found)
        tell(api, "aiming high", read("python", 0), *answers("python", 0, *[True] * 8))
        assert first_codes(steps(api, who, k=50))[lesson("python", 1)] == "pinned"
        assert steps(api, who)[0]["item_id"] == lesson("python", 1)
        tell(api, "aiming high", read("python", 1))
        assert lesson("python", 1) not in names(steps(api, who, k=50)), "done is done"


def test_a_stranger_is_told_of_the_pin_first(api: TestClient, school: School) -> None:
    with rule(api, school, "pin", lesson("cocina", 0)):
        found = steps(api, learner_id("quite new"), k=50)
    assert found[0]["item_id"] == lesson("cocina", 0)
    assert [reason["code"] for reason in found[0]["reasons"]][:2] == ["pinned", "start_here"]


def test_a_rule_may_be_for_one_course_or_one_learner(api: TestClient, school: School, graduate: str) -> None:
    outsider = tell(api, "in the kitchen", read("cocina", 0))
    with rule(api, school, "pin", lesson("python", 2), course="school:python"):
        assert first_codes(steps(api, graduate, k=50))[lesson("python", 2)] == "pinned"
        assert "pinned" not in first_codes(steps(api, outsider, k=50, language="en")).values()
        asked = steps(api, outsider, k=50, course="school:python")
        assert asked[0]["reasons"][0]["code"] == "fills_gap", "who asks for the course is one of its learners"
    with rule(api, school, "block", lesson("python", 2), learner_id=graduate):
        assert lesson("python", 2) not in names(steps(api, graduate, k=50))
    with rule(api, school, "block", lesson("python", 0), course="school:python"):
        tell(api, "in the kitchen", event("school:python", verb="registered"))
        assert lesson("python", 0) not in names(steps(api, outsider, k=50, language="en"))


def test_blocked_is_stronger_than_pinned_and_a_course_may_be_blocked(
    api: TestClient, school: School, graduate: str
) -> None:
    item = lesson("cells", 2)
    with rule(api, school, "pin", item, course="school:cells"), rule(api, school, "block", item):
        assert item not in names(steps(api, graduate, k=50))
    with rule(api, school, "block", "school:python"):
        assert names(steps(api, graduate, k=50)) == [item]


def test_a_block_takes_the_place_of_a_pin_of_the_same_scope(api: TestClient, school: School) -> None:
    headers = school.headers("admin")
    api.post("/v1/pins", json={"item_id": ALL[0]}, headers=headers)
    with rule(api, school, "block", ALL[0]):
        assert api.get("/v1/pins", headers=headers).json() == {"rules": []}
        (found,) = replies.RulesReply.model_validate(api.get("/v1/blocks", headers=headers).json()).rules
        assert (found.item_id, found.scope, found.course, found.learner_id) == (ALL[0], "all", None, None)


def test_rules_are_for_instructors_and_admins(api: TestClient, school: School) -> None:
    for headers in (school.headers("service"), school.learner("dora")):
        for name in ("pins", "blocks"):
            calls = [
                api.get(f"/v1/{name}", headers=headers),
                api.post(f"/v1/{name}", json={"item_id": ALL[0]}, headers=headers),
                api.delete(f"/v1/{name}", params={"item_id": ALL[0]}, headers=headers),
            ]
            assert [answer.status_code for answer in calls] == [403, 403, 403]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"item_id": "school:nothing"}, 404),
        ({"item_id": ALL[0], "course": "school:alchemy"}, 404),
        ({"item_id": ALL[0], "course": ALL[1]}, 422),
        ({"item_id": "school:python"}, 422),
        ({"item_id": ALL[0], "course": "school:python", "learner_id": "0" * 32}, 422),
        ({"item_id": ALL[0], "learner_id": "ana"}, 422),
        ({"item_id": ALL[0], "reason": "because"}, 422),
        ({}, 422),
    ],
)
def test_a_rule_that_cannot_be(api: TestClient, school: School, body: dict[str, str], status: int) -> None:
    answer = api.post("/v1/pins", json=body, headers=school.headers("instructor"))
    assert answer.status_code == status
    assert api.get("/v1/pins", headers=school.headers("instructor")).json() == {"rules": []}


@pytest.mark.parametrize("name", ["pins", "blocks"])
def test_what_is_wrong_with_a_rule_to_end_is_in_the_query(api: TestClient, school: School, name: str) -> None:
    params = {"item_id": ALL[0], "course": "school:python", "learner_id": "0" * 32}
    answer = api.delete(f"/v1/{name}", params=params, headers=school.headers("instructor"))
    assert answer.status_code == 422
    (wrong,) = answer.json()["errors"]
    assert (wrong["in"], wrong["field"]) == ("query", "learner_id")
    assert "pointer" not in wrong
    posted = api.post(f"/v1/{name}", json=params, headers=school.headers("instructor")).json()["errors"]
    assert [(one["in"], one["pointer"]) for one in posted] == [("body", "#/learner_id")]


def test_another_replica_follows(school: School, api: TestClient) -> None:
    """A pin through one process is in the answers of another within its poll."""
    from test_serve_operations import until

    who = learner_id("of another replica")
    with school.client(poll_seconds=0.05) as other, rule(api, school, "pin", lesson("cells", 0)):
        until(
            lambda: (
                other.get(f"/v1/learners/{who}/recommendations").json()["items"][0]["reasons"][0]["code"]
                == "pinned"
            )
        )


def test_a_rule_for_a_course_holds_for_its_parts(school: School) -> None:
    """The lessons of Python lie in a unit of the course here."""
    unit = {"item_id": "school:python/unit", "kind": "course", "parent_id": "school:python"}
    with school.client(poll_seconds=3600) as client:
        serving = client.app.state.backend.serving  # type: ignore[attr-defined]
    facts = {
        name: {**row, "parent_id": unit["item_id"]} if row["parent_id"] == "school:python" else row
        for name, row in serving.content.facts.items()
    }
    content = replace(serving.content, facts={**facts, unit["item_id"]: {**facts["school:python"], **unit}})
    nested = state.Serving(content, serving.models)

    def shown(done: list[str], rule: Rule) -> list[str]:
        moment = datetime(2026, 3, 2, tzinfo=UTC)
        events = [Event(moment, f"t:{item_id}", item_id, "completed", None) for item_id in done]
        history, wish = History(events, 0.0, frozenset()), advice.Wish(k=50)
        found = advice.advise(
            nested, learner_id("x"), history, wish, Rules((rule,)), np.random.default_rng(0), NOW
        )
        return [one.step.item_id for one in found.items]

    first, other = lesson("python", 0), lesson("cells", 0)
    assert {first, other} <= set(shown([], Rule("block", lesson("cocina", 0), "all", "")))
    assert first not in shown([], Rule("block", "school:python", "all", ""))
    assert other in shown([first], Rule("block", other, "course", "school:cocina"))
    assert other not in shown([first], Rule("block", other, "course", "school:python"))


def test_a_shelf_is_never_made_in_the_way_of_other_requests(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []
    real = state.Shelf.of

    def watched(*arguments: Any) -> state.Shelf:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            made.append(False)
        else:
            made.append(True)
        return real(*arguments)

    with school.client(poll_seconds=3600) as client:
        monkeypatch.setattr(state.Shelf, "of", watched)
        both = tell(client, "of two languages", read("python", 0), read("cocina", 0))
        assert steps(client, both)
        assert steps(client, both, max_duration_s=600)
    assert made == [False, False]


def test_shelves_of_several_languages_count_among_the_few() -> None:
    several, one = Filters(frozenset({"en", "es", "und"})), Filters(frozenset({"en", "und"}))
    assert [state._usual(key) for key in (Filters(), one, several)] == [True, True, False]
    assert not state._usual(replace(one, level="beginner"))


def test_a_slow_reading_of_the_rules_does_not_undo_a_newer_one(
    school: School, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = api.app.state.backend.keeper  # type: ignore[attr-defined]
    real, begun, gate = curation.rules, threading.Event(), threading.Event()

    def slow(engine: Any, kind: str | None = None) -> list[dict[str, Any]]:
        rows = real(engine, kind)
        if not begun.is_set():
            begun.set()
            gate.wait(60)
        return rows

    monkeypatch.setattr(curation, "rules", slow)
    older, newer = (threading.Thread(target=keeper.read_rules) for _ in range(2))
    try:
        older.start()
        assert begun.wait(60)
        curation.put(school.engine, "pin", ALL[0])
        newer.start()
        newer.join(0.3)
        gate.set()
        older.join(60)
        newer.join(60)
        assert [found.item_id for found in keeper.rules.rules] == [ALL[0]]
    finally:
        gate.set()
        curation.remove(school.engine, "pin", ALL[0])
        keeper.read_rules()


def test_a_shelf_ranks_as_the_whole_does_without_the_rest(school: School) -> None:
    with school.client(poll_seconds=3600) as client:
        serving = client.app.state.backend.serving  # type: ignore[attr-defined]
    done = [lesson("python", 0), lesson("cells", 1)]
    whole, part = serving.shelf(), serving.shelf(Filters(course="school:python"))
    for history in (done, []):
        everything = advice._ranking(serving.released, whole, history, ())
        found = advice._ranking(serving.released, part, history, ())
        assert found == [pair for pair in everything if pair[0] in part.catalogue.reachable]
        assert 0 < len(found) < len(everything)
