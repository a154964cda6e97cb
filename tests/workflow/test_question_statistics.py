"""Statistics with a bank: answers of the home or of a file, statuses set by rules, people heard."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, NothingToDo
from learnloop.exchange.reads import as_frame
from learnloop.schemas import INTERACTIONS, ITEMS
from learnloop.settings import Settings
from learnloop.simulate.question_answers import Parameters, Simulated, question_answers
from learnloop.store import loading, question_feedback
from learnloop.store import question_answers as answered
from learnloop.store import questions as bank
from learnloop.workflow.context import Loop
from learnloop.workflow.question_statistics import brief, statistics

LESSON = "sim:lesson"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
PLANTED = {"wrong_key": 2, "two_right": 1, "dead_distractor": 1}


@pytest.fixture(scope="module")
def made() -> Simulated:
    bank_of = Parameters(n_questions=30, answers_per_question=400, per_learner=20, planted=PLANTED)
    return question_answers(bank_of, seed=3)


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory, made: Simulated) -> Iterator[Loop]:
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    item = {"item_id": LESSON, "source": "sim", "kind": "lesson", "title": "L", "text": "", "language": "en"}
    frame = pd.DataFrame([{**item, "attributes": {}}])
    loading.load(loop.engine, "items", frame.reindex(columns=list(ITEMS.columns)))
    loading.load(loop.engine, "questions", _questions(made))
    bank.set_status(loop.engine, list(made.questions["question_id"]), "approved", by="test")
    yield loop
    loop.close()


def _questions(made: Simulated, **other: Any) -> pd.DataFrame:
    row = {"item_id": LESSON, "kind": "multiple_choice", "language": "en", "origin": "generated"}
    row |= {"provenance": {}, "source_sha256": "0" * 64}
    return as_frame(
        [
            {**row, "question_id": name, "stem": f"Which of {name}?", "key": key, "options": options, **other}
            for name, key, options in zip(
                made.questions["question_id"], made.questions["key"], made.questions["options"], strict=True
            )
        ]
    )


@pytest.fixture(scope="module")
def file(made: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answers") / "answers.csv"
    frame = made.answers.drop(columns=["version", "correct"])
    frame.assign(picked=frame["picked"].str.lower()).to_csv(path, index=False)
    return path


def _statuses(loop: Loop) -> dict[str, str]:
    return {row["question_id"]: row["status"] for row in bank.listed(loop.engine, limit=1000)[1]}


def _bad(made: Simulated, kind: str) -> set[str]:
    return set(made.truth.loc[made.truth["planted"] == kind, "question_id"])


def test_a_bank_without_answers_has_nothing_to_say(loop: Loop) -> None:
    with pytest.raises(NothingToDo, match="nobody has answered"):
        statistics(loop)


def test_a_file_is_graded_by_the_key_and_nothing_changes(
    loop: Loop, made: Simulated, file: Path, tmp_path: Path
) -> None:
    page = tmp_path / "out.html"
    result = statistics(loop, interactions=file, report=page, now=NOW)
    assert (result["ungraded"], result["with_a_pick"]) == (0, result["first_attempts"])
    shares = {row["question_id"]: row["difficulty"] for row in result["statistics"]}
    truth = made.truth.set_index("question_id")["share_right"]
    assert shares == pytest.approx(truth.to_dict(), abs=1e-6)
    suspended = {one["question_id"] for one in result["flags"] if one["change"] == "suspended"}
    assert suspended == _bad(made, "wrong_key")
    assert _bad(made, "dead_distractor") <= {
        one["question_id"] for one in result["flags"] if one["rule"] == "dead_distractor"
    }
    assert set(_statuses(loop).values()) == {"approved"}
    assert question_feedback.statistics(loop.engine) == []
    text = page.read_text("utf-8")
    assert "<svg" in text
    assert all(name in text for name in suspended)
    assert json.loads(json.dumps(result, default=str))["applied"] is False
    assert "nothing was changed" in brief(result)["next"]


def test_applied_it_says_who_and_why_and_a_person_is_heard(loop: Loop, made: Simulated, file: Path) -> None:
    result = statistics(loop, interactions=file, apply=True, now=NOW)
    wrong = sorted(_bad(made, "wrong_key"))
    statuses = _statuses(loop)
    assert [statuses[name] for name in wrong] == ["suspended", "suspended"]
    assert set(result["changed"]) == {name for name, status in statuses.items() if status != "approved"}
    last = bank.history(loop.engine, wrong[0])[-1]
    assert last["by"].startswith("rule:")
    assert "%" in last["why"] or "discrimination" in last["why"]
    kept = question_feedback.statistics(loop.engine, wrong[0])[0]
    assert kept["n"] == kept["statistics"]["options"][0]["n"]
    flag = kept["statistics"]["flags"][0]
    assert flag["rule"] in last["by"]
    assert flag["evidence"]["n"] > 0, "the review page says it again, in its reader's language"

    bank.set_status(loop.engine, [wrong[0]], "approved", by="Ana", why="the key is right")
    again = statistics(loop, interactions=file, apply=True, now=NOW + timedelta(days=1))
    assert _statuses(loop)[wrong[0]] == "approved"
    assert again["changed"] == []
    left = [one["left"] for one in again["flags"] if one["question_id"] == wrong[0]]
    assert "somebody approved it against a rule as grave" in left


def test_answers_of_the_home_belong_to_the_version_of_their_moment(loop: Loop, made: Simulated) -> None:
    good = made.truth.loc[made.truth["planted"] == "good", "question_id"].iloc[0]
    engine = loop.engine
    before = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [("e1", "ana", True, before), ("e2", "ana", False, before + timedelta(hours=1))]
    rows += [("e3", "ben", False, before)]
    loading.load(engine, "interactions", _interactions(good, rows))
    changed = _questions(made, stem="Another wording?")
    loading.load(engine, "questions", changed[changed["question_id"] == good])
    replaced = bank.versions(engine, good)[0]["replaced_at"]
    later = [("e4", "ana", False, replaced + timedelta(seconds=5))]
    loading.load(engine, "interactions", _interactions(good, later))
    found = answered.first_answers(engine)
    told = found[["learner_id", "version", "correct"]].to_numpy().tolist()
    assert told == [["ana", 1, True], ["ben", 1, False], ["ana", 2, False]]
    result = statistics(loop)
    assert (result["with_a_pick"], result["questions"], result["flags"]) == (0, 2, [])
    kept = statistics(loop, apply=True, now=NOW + timedelta(days=2))
    assert (kept["kept"], kept["changed"]) == (2, [])


def _interactions(question_id: str, rows: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["event_id", "learner_id", "correct", "occurred_at"])
    said = {"item_id": question_id, "verb": "answered", "source": "test", "duration_s": 9.0}
    return frame.assign(**said).reindex(columns=list(INTERACTIONS.columns))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learner_id,question_id\na,q\n", "no column 'picked'"),
        ("learner_id,question_id,picked\n,q,A\n", "line 2: no learner_id"),
        ("learner_id,question_id,picked,correct\na,q,A,maybe\n", "line 2: 'maybe' is neither"),
        ("learner_id,question_id,picked,seconds\na,q,A,-3\n", "line 2: '-3' is no seconds"),
        ("learner_id,question_id,picked,version\na,q,A,1.5\n", "line 2: '1.5' is no version"),
        ("learner_id,question_id,picked,occurred_at\na,q,A,soon\n", "line 2: 'soon' is no time"),
    ],
)
def test_a_broken_file_is_named_with_its_line(loop: Loop, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        statistics(loop, interactions=path)


def test_what_is_not_in_the_bank_counts_where_the_file_grades_it(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("learner_id,question_id,picked,correct\na,x:1,A,1\nb,x:1,B,\n")
    result = statistics(loop, interactions=path, apply=True, now=NOW + timedelta(days=3))
    assert (result["first_attempts"], result["ungraded"], result["kept"]) == (1, 1, 0)


@pytest.mark.parametrize("key", ["true", "false"])
def test_true_and_false_are_two_options_in_any_language(loop: Loop, tmp_path: Path, key: str) -> None:
    said = {"question_id": f"tf:{key}", "kind": "true_false", "key": key, "options": [], "language": "es"}
    said |= {"item_id": LESSON, "stem": "El agua hierve.", "origin": "generated", "provenance": {}}
    if key == "false":
        said["answer"] = {"corrected": "El agua se hiela."}
    loading.load(loop.engine, "questions", as_frame([{**said, "source_sha256": "0" * 64}]))
    path = tmp_path / "tf.csv"
    path.write_text(
        f"learner_id,question_id,picked\na,tf:{key},verdadero\nb,tf:{key},Falso\nc,tf:{key},true\n"
    )
    (row,) = statistics(loop, interactions=path)["statistics"]
    assert {one["option"]: one["picked"] for one in row["options"]} == {"true": 2, "false": 1}
    assert row["difficulty"] == pytest.approx(2 / 3 if key == "true" else 1 / 3, abs=1e-5)


def test_the_command(loop: Loop, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNLOOP_DATABASE_URL", loop.settings.database_url)
    monkeypatch.setenv("LEARNLOOP_HOME", str(loop.settings.home))
    told = CliRunner().invoke(
        app, ["questions", "statistics", "--interactions", str(file), "--language", "es", "--json"]
    )
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    assert any("clave" in one["why"] for one in result["flags"])
    assert result["rules"]["dead_distractor"] >= 1
