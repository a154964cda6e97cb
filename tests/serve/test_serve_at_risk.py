"""A course's learners by estimated risk, over the API: for staff, in their language, with a model."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from serve_school import NOW, School
from starlette.testclient import TestClient
from test_serve_explain import cli

from learnloop.assess import risk_list
from learnloop.assess.at_home import day_of, tables_of
from learnloop.schemas import ENROLMENTS, INTERACTIONS, ITEMS
from learnloop.store import coursework, loading

N, DUE = 60, (5, 12)
TODAY = pd.Timestamp(NOW).normalize()
STARTS = {"last": TODAY - timedelta(days=400), "now": TODAY - timedelta(days=20)}


def item(item_id: str, kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
    empty = dict.fromkeys(ITEMS.columns)
    return {
        **empty, "item_id": item_id, "source": "risk", "kind": kind, "parent_id": "risk:A", "title": item_id,
        "text": "", "language": "en", "attributes": attributes,
    }  # fmt: skip


def college() -> dict[str, pd.DataFrame]:
    """One module twice: who is odd hands nothing in, and failed the last time."""
    courses = [
        item(f"risk:A-{name}", "course",
             {"module": "A", "presentation": name, "starts_on": start.date().isoformat(), "days": 100})
        for name, start in STARTS.items()
    ]  # fmt: skip
    tasks = [
        item(f"risk:A-T{day}", "assessment",
             {"assessment_type": "CMA",
              "presentations": {name: {"id": f"{name}{day}", "day": day, "weight": 50} for name in STARTS}})
        for day in DUE
    ]  # fmt: skip
    enrolments, came = [], []
    for name, start in STARTS.items():
        for k in range(N):
            learner = f"{name}-{k:02d}"
            result = None if name == "now" else "Fail" if k % 2 else "Pass"
            enrolments.append(
                (learner, f"risk:A-{name}", start - timedelta(days=9), None, result, {"gender": "F"})
            )
            came += [
                {
                    **dict.fromkeys(INTERACTIONS.columns),
                    "event_id": f"risk:{learner}-{day}", "learner_id": learner, "item_id": f"risk:A-T{day}",
                    "verb": "answered", "score": 0.6 + k / 400, "correct": True,
                    "occurred_at": start + timedelta(days=day - 1), "source": "risk",
                }
                for day in DUE if k % 2 == 0 or k % 10 == 1
            ]  # fmt: skip
    names = ["learner_id", "item_id", "registered_at", "unregistered_at", "result", "attributes"]
    return {
        "items": ITEMS.validate(pd.DataFrame(courses + tasks)),
        "enrolments": ENROLMENTS.validate(pd.DataFrame(enrolments, columns=names)),
        "interactions": INTERACTIONS.validate(pd.DataFrame(came)),
    }


@pytest.fixture(scope="module")
def path(school: School) -> Iterator[Path]:
    for table, frame in college().items():
        loading.load(school.engine, table, frame)
    yield school.settings.home / risk_list.FILE
    with school.engine.begin() as connection:
        for table, column in (("items", "item_id"), ("enrolments", "item_id"), ("interactions", "item_id")):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE {column} LIKE 'risk:%'"))  # noqa: S608
    (school.settings.home / risk_list.FILE).unlink(missing_ok=True)


def test_without_a_model_the_next_command_is_said(api: TestClient, path: Path) -> None:
    path.unlink(missing_ok=True)
    answer = api.get("/v1/courses/risk:A-now/at-risk")
    assert answer.status_code == 503
    assert "learnloop at-risk --train" in answer.json()["detail"]


def test_staff_see_which_courses_are_under_way(api: TestClient, school: School, path: Path) -> None:
    found = api.get("/v1/courses", headers=school.headers("instructor"))
    assert found.status_code == 200, found.text
    assert found.json() == {
        "courses": [{"course": "risk:A-now", "title": "risk:A-now", "day": 20, "days": 100}]
    }
    assert api.get("/v1/courses", headers=school.learner("ana")).status_code == 403


def test_staff_see_who_may_fail_and_why(api: TestClient, school: School, path: Path) -> None:
    own = coursework.read(school.engine)
    tables = tables_of(own.enrolments, own.items, own.hand_ins)
    path.write_text(json.dumps(risk_list.train(tables, day_of(TODAY), weeks=(2,))))
    answer = api.get(
        "/v1/courses/risk:A-now/at-risk",
        params={"limit": 20},
        headers={**school.headers("instructor"), "Accept-Language": "es"},
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["total"], found["day"], found["week"], len(found["learners"])) == (N, 20, 2, 20)
    first = found["learners"][0]
    assert all(int(one["learner_id"].split("-")[1]) % 2 for one in found["learners"])
    assert {name: first["reasons"][0][name] for name in ("code", "evidence")} == {
        "code": "missing_work",
        "evidence": {"missing": 2, "due": 2},
    }
    assert first["reasons"][0]["text"] == "Sin entregar: 2 de 2 que ya vencieron"
    assert api.get("/v1/courses/risk:A-now/at-risk", headers=school.learner("ana")).status_code == 403
    assert api.get("/v1/courses/risk:A-none/at-risk").status_code == 404
    assert api.get("/v1/courses/risk:A-last/at-risk").status_code == 409


def test_the_command_trains_and_tells_of_a_day(school: School, path: Path) -> None:
    path.unlink(missing_ok=True)
    asked = ["at-risk", "--course", "risk:A-now", "--on", TODAY.date().isoformat()]
    early = cli(school, *asked)
    assert (early.exit_code, early.stdout) == (1, "")
    assert "learnloop at-risk --train" in early.stderr
    trained = cli(school, "at-risk", "--train", "--on", TODAY.date().isoformat(), "--json")
    assert trained.exit_code == 0, trained.output
    assert json.loads(trained.stdout)["trained_on"] == 1
    found = json.loads(cli(school, *asked, "--limit", "5", "--json").stdout)
    assert (found["total"], found["day"], len(found["learners"])) == (N, 20, 5)
    risks = [one["risk"] for one in found["learners"]]
    assert risks == sorted(risks, reverse=True)
    spoken = cli(school, *asked, "--language", "es")
    assert "Sin entregar: 2 de 2" in " ".join(spoken.stdout.split())
    assert cli(school, "at-risk").exit_code == 1
