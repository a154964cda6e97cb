"""Next steps, mastery and progress: they follow the events, respect prerequisites and stay private."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serve_school import COURSES, School, concept, event, learner_id, lesson
from starlette.testclient import TestClient

from learnloop.serve import advice, beliefs, replies
from learnloop.serve.knowledge import interval

LESSONS = [lesson(course, n) for course, (_, titles) in COURSES.items() for n in range(len(titles))]
PARTS = ("recommendations", "mastery", "progress")


def test_the_interval_of_what_is_certain_is_a_number() -> None:
    mean = np.array([0.0, 1.0, 1 - 1e-16, 0.5, 0.5])
    low, high = interval(mean, np.array([0.0, 0.0, 0.2, 0.0, 0.9]))
    assert np.all((low >= 0) & (low <= high) & (high <= 1))
    np.testing.assert_allclose(low[:2], [0, 1], atol=1e-3)
    assert high[3] - low[3] < 1e-5
    assert high[4] - low[4] > 0.99, "wider than any Beta: as wide as there is"


def tell(api: TestClient, name: str, *done: dict[str, Any]) -> str:
    """Posts the events as the learner's own; the learner_id."""
    events = [{**one, "learner": {"source": "moodle", "id": name}} for one in done]
    assert api.post("/v1/events", json=events).status_code == 201
    return learner_id(name)


def read(course: str, number: int) -> dict[str, Any]:
    return event(lesson(course, number), verb="completed")


def answers(course: str, number: int, *correct: bool) -> list[dict[str, Any]]:
    return [
        event(f"{lesson(course, number)}#q{n % 2 + 1}", verb="answered", correct=right)
        for n, right in enumerate(correct)
    ]


def steps(api: TestClient, who: str, **params: Any) -> list[dict[str, Any]]:
    answer = api.get(f"/v1/learners/{who}/recommendations", params=params)
    assert answer.status_code == 200
    return replies.Recommendations.model_validate(answer.json()).model_dump()["items"]


def test_a_stranger_starts_where_nothing_is_needed(api: TestClient) -> None:
    found = steps(api, learner_id("never heard of"), k=20)
    assert {step["item_id"] for step in found} == {lesson(course, 0) for course in COURSES}
    for step in found:
        assert step["reasons"][0]["code"] == "start_here"
        assert step["reasons"][0]["text"] == "A good place to start"


def test_an_event_changes_the_next_answer(api: TestClient) -> None:
    who = learner_id("changing")
    before = [step["item_id"] for step in steps(api, who)]
    assert lesson("python", 0) in before
    assert lesson("python", 1) not in before
    tell(api, "changing", read("python", 0), *answers("python", 0, True, True, True, True))
    after = steps(api, who)
    assert after[0]["item_id"] == lesson("python", 1), "the lesson it opens is not the first"
    assert lesson("python", 0) not in [step["item_id"] for step in after]
    codes = {reason["code"] for reason in after[0]["reasons"]}
    assert {"next_in_course", "ready"} <= codes


def test_right_answers_open_a_lesson_that_wrong_ones_keep_shut(api: TestClient) -> None:
    tell(api, "good", read("python", 0), *answers("python", 0, *[True] * 8))
    tell(api, "bad", read("python", 0), *answers("python", 0, *[False] * 8))
    good, bad = steps(api, learner_id("good"), k=20), steps(api, learner_id("bad"), k=20)
    assert lesson("python", 1) in [step["item_id"] for step in good]
    assert lesson("python", 1) not in [step["item_id"] for step in bad]
    review = next(step for step in bad if step["item_id"] == lesson("python", 0))
    assert review["reasons"][0]["code"] == "review"
    assert review["reasons"][0]["text"].startswith("Worth a review: mastery of “Variables” is ")
    assert review["reasons"][0]["text"].endswith("%")


@given(
    done=st.lists(st.tuples(st.sampled_from(LESSONS), st.none() | st.booleans()), min_size=1, max_size=10),
    k=st.integers(1, 20),
    language=st.sampled_from(["", "en", "es", "fr"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_done_and_nothing_shut_is_recommended(
    api: TestClient, done: list[tuple[str, bool | None]], k: int, language: str
) -> None:
    """For any history: at most k steps, none twice, no done item but as a review, no missing prerequisite."""
    told = [
        event(item_id) if correct is None else event(f"{item_id}#q1", verb="answered", correct=correct)
        for item_id, correct in done
    ]
    who = tell(api, told[0]["event_id"], *told)  # nobody else has been called that
    found = steps(api, who, k=k, language=language)
    seen = {item_id for item_id, _ in done}
    mastered = {
        row["concept_id"]: row["mastery"] >= 0.6
        for row in api.get(f"/v1/learners/{who}/mastery").json()["concepts"]
    }
    assert len(found) <= k
    assert len({step["item_id"] for step in found}) == len(found)
    for step in found:
        assert step["reasons"]
        codes = {reason["code"] for reason in step["reasons"]}
        assert step["item_id"] not in seen or "review" in codes
        assert language in ("", step["language"])
        course, place = step["item_id"].removeprefix("school:").split("/lesson-")
        if int(place):
            needed = int(place) - 1
            assert lesson(course, needed) in seen, "what it needs was never met"
            assert mastered[concept(course, needed)]


def test_who_has_done_most_of_it_still_gets_what_is_left(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few items the policy is shown, they are not those done already."""
    monkeypatch.setattr(advice, "RANKED", 2)
    who = tell(api, "busy", *(read("python", n) for n in range(5)), *answers("python", 4, *[True] * 6))
    assert lesson("python", 5) in [step["item_id"] for step in steps(api, who)]


def test_one_language_alone(api: TestClient) -> None:
    who = tell(api, "english", read("python", 0))
    assert {step["language"] for step in steps(api, who, k=20)} == {"en"}, "who learnt in English stays in it"
    tell(api, "polyglot", read("python", 0))
    who = tell(api, "polyglot", read("cocina", 0))
    assert {step["language"] for step in steps(api, who, k=20)} == {"en", "es"}
    assert {step["language"] for step in steps(api, who, k=20, language="es")} == {"es"}
    assert steps(api, who, language="fr") == []


def test_reasons_speak_the_readers_language(api: TestClient) -> None:
    who = tell(api, "lectora", read("python", 0), *answers("python", 0, *[True] * 4))
    path = f"/v1/learners/{who}/recommendations"
    spanish = api.get(path, headers={"Accept-Language": "es-MX,es;q=0.9,en;q=0.1"})
    english = api.get(path, headers={"Accept-Language": "fr, en;q=0.5"})
    assert (spanish.headers["content-language"], english.headers["content-language"]) == ("es", "en")
    both = list(zip(spanish.json()["items"], english.json()["items"], strict=True))
    assert len(both) > 1
    for es, en in both:
        assert es["item_id"] == en["item_id"]
        for one, other in zip(es["reasons"], en["reasons"], strict=True):
            assert one["evidence"] == other["evidence"]
            assert one["text"] != other["text"]
    texts = [reason["text"] for es, _ in both for reason in es["reasons"]]
    assert "Siguiente en «Python»" in texts or any("Python" in text for text in texts)
    assert not any("school:" in text for text in texts), "an identifier where a title belongs"


def test_mastery_follows_the_answers(api: TestClient) -> None:
    who = learner_id("practising")

    def of(name: str) -> dict[str, Any]:
        answer = api.get(f"/v1/learners/{who}/mastery")
        found = replies.MasteryReply.model_validate(answer.json())
        assert found.goal == beliefs.THRESHOLD
        assert found.total == len(found.concepts) == 14
        return {row.title: row for row in found.concepts}[name].model_dump()

    before = of("Nucleus")
    tell(api, "practising", *answers("cells", 1, True, True, True, True, True, True))
    after = of("Nucleus")
    assert (before["attempts"], after["attempts"]) == (0, 6)
    assert after["mastery"] > before["mastery"] + 0.05
    assert after["sd"] < before["sd"]
    for row in (before, after):
        assert 0 <= row["low"] < row["mastery"] < row["high"] <= 1
    tell(api, "practising", *answers("cells", 1, *[False] * 10))
    assert of("Nucleus")["mastery"] < after["mastery"]


def test_the_most_practised_concepts_come_first(api: TestClient) -> None:
    who = tell(api, "orderly", *answers("cells", 2, True, False), *answers("cocina", 3, True))
    rows = api.get(f"/v1/learners/{who}/mastery", params={"limit": 2}).json()["concepts"]
    assert [(row["title"], row["attempts"]) for row in rows] == [("Mitosis", 2), ("Hornear", 1)]


def test_progress_day_by_day(api: TestClient) -> None:
    who = tell(
        api,
        "diligent",
        event(lesson("python", 0), verb="registered", occurred_at="2026-03-01T08:00:00Z"),
        event(lesson("python", 0), occurred_at="2026-03-01T09:00:00Z", duration_s=90),
        event(
            f"{lesson('python', 0)}#q1",
            verb="answered",
            correct=True,
            duration_s=30,
            occurred_at="2026-03-01T23:30:00-02:00",
        ),
        event(
            f"{lesson('python', 1)}#q1", verb="answered", correct=False, occurred_at="2026-03-04T10:00:00Z"
        ),
    )
    found = api.get(f"/v1/learners/{who}/progress").json()
    replies.Progress.model_validate(found)
    assert found == {
        "learner_id": who,
        "events": 4,
        "items_done": 2,
        "answers": 2,
        "correct": 1,
        "correct_rate": 0.5,
        "first_at": "2026-03-01T08:00:00+00:00",
        "last_at": "2026-03-04T10:00:00+00:00",
        "days": [
            {"date": "2026-03-01", "events": 2, "answers": 0, "correct": 0, "minutes": 1.5},
            {"date": "2026-03-02", "events": 1, "answers": 1, "correct": 1, "minutes": 0.5},
            {"date": "2026-03-04", "events": 1, "answers": 1, "correct": 0, "minutes": None},
        ],
    }
    last = api.get(f"/v1/learners/{who}/progress", params={"days": 1}).json()["days"]
    assert [day["date"] for day in last] == ["2026-03-04"]


def test_progress_of_a_stranger_is_zero(api: TestClient) -> None:
    found = api.get(f"/v1/learners/{learner_id('nobody')}/progress").json()
    assert (found["events"], found["correct_rate"], found["days"]) == (0, None, [])


@pytest.mark.parametrize("part", PARTS)
def test_a_learner_sees_that_learner_alone(api: TestClient, school: School, part: str) -> None:
    mine = school.learner("dora")
    assert api.get(f"/v1/learners/{learner_id('dora')}/{part}", headers=mine).status_code == 200
    for other in (learner_id("ana"), learner_id("nobody at all")):
        answer = api.get(f"/v1/learners/{other}/{part}", headers=mine)
        assert answer.status_code == 403
        assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["ana", "A" * 32, "0" * 31, "0" * 33, "%00", "0" * 32 + "%0a"])
def test_a_learner_id_is_a_pseudonym(api: TestClient, part: str, name: str) -> None:
    answer = api.get(f"/v1/learners/{name}/{part}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "learner_id"


@pytest.mark.parametrize(
    ("params", "field"),
    [({"k": 0}, "k"), ({"k": 51}, "k"), ({"k": "many"}, "k"), ({"language": "English"}, "language")],
)
def test_wrong_parameters_are_named(api: TestClient, params: dict[str, Any], field: str) -> None:
    answer = api.get(f"/v1/learners/{learner_id('ana')}/recommendations", params=params)
    assert answer.status_code == 422
    assert {"in": "query", "field": field}.items() <= answer.json()["errors"][0].items()


def test_what_is_personal_is_not_cached(api: TestClient) -> None:
    for part in PARTS:
        answer = api.get(f"/v1/learners/{learner_id('ana')}/{part}")
        assert answer.headers["cache-control"] == "no-store"


def test_the_class_for_staff_alone(api: TestClient, school: School) -> None:
    who = tell(api, "class-member", read("cells", 0), read("cells", 1))
    for role in school.keys:
        headers = school.headers(role)
        found = replies.Learners.model_validate(
            api.get("/v1/learners", headers=headers, params={"limit": 1000}).json()
        ).learners
        counts = [row.interactions for row in found]
        assert counts == sorted(counts, reverse=True)
        assert {row.learner_id: row.interactions for row in found}[who] == 2
    assert api.get("/v1/learners", headers=school.learner("class-member")).status_code == 403


def test_me(api: TestClient, school: School) -> None:
    assert api.get("/v1/me").json() == {"role": "service", "learner_id": None}
    mine = api.get("/v1/me", headers=school.learner("dora")).json()
    assert mine == {"role": "learner", "learner_id": learner_id("dora")}
