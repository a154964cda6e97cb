"""`learnloop explain`, `next`, `mastery` and `reviews`: what the API says, with the numbers behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from serve_school import KEY, NOW, School, concept, learner_id, lesson
from test_serve_learners import answers, read, tell
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.recommend.merits import COMPONENTS
from learnloop.serve import explain
from learnloop.store import curation
from learnloop.store.releases import Registry


@pytest.fixture
def house(school: School) -> explain.House:
    return explain.House(school.engine, school.registry, KEY.encode(), "en")


def cli(school: School, *arguments: str) -> Result:
    environment = {
        "LEARNLOOP_HOME": str(school.settings.home),
        "LEARNLOOP_DATABASE_URL": school.database_url,
        "LEARNLOOP_PSEUDONYM_KEY": KEY,
        "LEARNLOOP_LLM": "none",
    }
    return CliRunner().invoke(app, list(arguments), env=environment)


def studied(school: School, name: str) -> tuple[str, dict[str, Any]]:
    """Somebody who read a lesson and answered right; and the API's answer to what is next."""
    with school.client(poll_seconds=3600) as client:
        who = tell(client, name, read("python", 0), *answers("python", 0, *[True] * 8))
        return who, client.get(f"/v1/learners/{who}/recommendations", params={"k": 1}).json()


def test_it_is_what_the_api_answers_with_the_numbers_behind_it(school: School, house: explain.House) -> None:
    who, answer = studied(school, "explained")
    found = explain.explain(house, "moodle", "explained", k=1, now=NOW)
    assert (found["learner_id"], found["release"]) == (who, answer["release"])
    assert found["models"] == {"ranker": "ease", "tracer": "logistic", "memory": "memory"}
    first, *others = found["candidates"]
    (shown,) = answer["items"]
    assert (first["item_id"], first["place"]) == (shown["item_id"], 1) == (lesson("python", 1), 1)
    assert {one["place"] for one in others} == {None}
    assert first["score"] == pytest.approx(shown["score"], abs=1e-4)
    assert first["p_correct"] == pytest.approx(shown["p_correct"], abs=1e-4)
    assert {name: first[name] for name in COMPONENTS} == pytest.approx(shown["components"], abs=1e-4)
    assert first["reasons"] == [reason["text"] for reason in shown["reasons"]]
    (needed,) = first["prerequisites"]
    assert (needed["concept_id"], needed["title"]) == (concept("python", 0), "Variables")
    assert needed["mastery"] >= 0.6
    json.dumps(found)


def test_what_is_locked_says_by_what_and_what_is_closed_says_so(school: School, house: explain.House) -> None:
    who, _ = studied(school, "locked out")
    curation.put(school.engine, "block", lesson("cells", 0), "", who)
    try:
        found = {one["item_id"]: one for one in explain.explain(house, who, now=NOW)["left_out"]}
    finally:
        curation.remove(school.engine, "block", lesson("cells", 0), "", who)
    loops = found[lesson("python", 2)]
    assert loops["why"] == "locked"
    assert loops["locked_by"] == [{"concept_id": concept("python", 1), "title": "Conditions", "mastery": 0.0}]
    assert found[lesson("cells", 0)]["why"] == "closed"
    assert lesson("python", 1) not in found


def test_the_last_decision_is_told_with_its_probabilities(school: School, house: explain.House) -> None:
    who, answer = studied(school, "logged last")
    told = explain.explain(house, who, now=NOW)["last_decision"]
    assert told["decision_id"] == answer["decision_id"]
    assert told["request"] == {"k": 1}
    (logged,) = told["candidates"]
    assert (logged["item_id"], logged["position"], logged["probability"]) == (lesson("python", 1), 1, 1.0)
    assert logged["relevance"] == pytest.approx(answer["items"][0]["components"]["relevance"], abs=1e-6)
    with school.client(poll_seconds=3600) as client:
        silent = tell(client, "never asked, but known", read("cells", 0))
    assert explain.explain(house, silent, now=NOW)["last_decision"] is None


def test_mastery_and_reviews_are_those_of_the_api(school: School, house: explain.House) -> None:
    who, _ = studied(school, "both ways")
    with school.client(poll_seconds=3600) as client:
        for name, found in (
            ("mastery", explain.mastery(house, who, limit=3, now=NOW)),
            ("reviews", explain.review(house, who, limit=3, now=NOW)),
        ):
            api = client.get(f"/v1/learners/{who}/{name}", params={"limit": 3}).json()["concepts"]
            assert [row["concept_id"] for row in found["concepts"]] == [row["concept_id"] for row in api]
            for mine, theirs in zip(found["concepts"], api, strict=True):
                assert mine["mastery"] == pytest.approx(theirs["mastery"], abs=1e-4)
                assert mine["recall"] == (theirs["recall"] and pytest.approx(theirs["recall"], abs=1e-4))


def test_who_nobody_knows_is_said_with_the_next_command(
    school: School, house: explain.House, tmp_path: Path
) -> None:
    with pytest.raises(UnknownThing, match=r"nobody has heard of learner moodle nobody.*learnloop learner"):
        explain.next_steps(house, "moodle", "nobody", now=NOW)
    with pytest.raises(BadInput, match=r"'Ana' is not a learner_id.*learnloop learner SOURCE ID"):
        explain.next_steps(house, "Ana", now=NOW)
    who, _ = studied(school, "before the first release")
    unreleased = explain.House(
        school.engine, Registry.open(school.engine, tmp_path, f"sqlite:///{tmp_path}/none.db"), b"k", "en"
    )
    with pytest.raises(NothingToDo, match="learnloop run"):
        explain.mastery(unreleased, who, now=NOW)


@pytest.mark.parametrize("command", ["next", "explain", "mastery", "reviews"])
def test_the_commands(school: School, command: str) -> None:
    who, _ = studied(school, f"typed {command}")
    machine = cli(school, command, "moodle", f"typed {command}", "--json")
    assert machine.exit_code == 0, machine.output
    found = json.loads(machine.stdout)
    assert found["learner_id"] == who
    person = cli(school, command, who)
    assert person.exit_code == 0, person.output
    assert "Variables" in person.stdout
    assert "{" not in person.stdout.replace("request", ""), "a person reads no JSON"
    lost = cli(school, command, "moodle", "nobody of that name")
    assert (lost.exit_code, lost.stdout) == (1, "")
    assert "nobody has heard of learner moodle nobody of that name" in lost.stderr


def test_next_is_the_api_in_the_language_of_the_settings(school: School, house: explain.House) -> None:
    who = learner_id("typed in spanish")
    with school.client(poll_seconds=3600) as client:
        tell(client, "typed in spanish", read("python", 0), *answers("python", 0, *[True] * 8))
    spanish = explain.House(house.engine, house.registry, house.pseudonym_key, "es")
    (english,) = explain.next_steps(house, who, k=1, now=NOW)["next"]
    (translated,) = explain.next_steps(spanish, who, k=1, now=NOW)["next"]
    assert english["item_id"] == translated["item_id"]
    assert "Next in “Python”" in english["reasons"]
    assert "Lo siguiente en «Python»" in translated["reasons"]
