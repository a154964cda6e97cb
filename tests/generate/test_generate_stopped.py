"""A run whose model's budget is spent midway, or whose model goes away: what was made before is kept."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from chat_server import Answer, Server, failed, said, serving
from generate_lessons import frame
from typer.testing import CliRunner

from learnloop import schemas
from learnloop.cli import app
from learnloop.errors import ModelUnavailable
from learnloop.generate import language_model, pipeline, rewriting
from learnloop.generate.budget import Budget, BudgetSpent
from learnloop.generate.pipeline import Generated
from learnloop.generate.remote_model import Access

USED = 1_000  # tokens of each answer


def reader(payload: dict[str, Any]) -> Answer:
    """Picks the first option that the exercise's own passage holds."""
    asked = payload["messages"][0]["content"]
    passage = asked.rpartition("Passage:")[2].partition("Question:")[0].lower()
    letters = {text.lower(): letter for letter, text in re.findall(r"^([A-Z])\. (.+)$", asked, re.M)}
    picked = next((letters[text] for text in letters if text in passage), "A")
    return said(json.dumps({"option": picked}), usage=(USED - 5, 5))


def lessons() -> pd.DataFrame:
    found = frame()
    return found[found["language"] == "en"]


def asked(server: Server, budget: Budget, **given: Any) -> Generated:
    access = Access(budget=budget, attempts=1, sleep=lambda seconds: None)
    model = language_model.load(f"openai:{server.url}#tiny", Path(), access)
    return pipeline.generate(lessons(), model=model, embedder=None, **{"summarise": False, **given})


def test_what_was_made_before_the_budget_was_spent_is_kept() -> None:
    with serving(reader) as server:
        whole = asked(server, Budget())
        calls = len(server.seen)
        server.seen.clear()
        part = asked(server, Budget(tokens=calls * USED // 2 + 3_000))
        assert 0 < len(server.seen) < calls
    counts = part.counts["questions"]
    assert 0 < len(part.questions) == counts["accepted"] < whole.counts["questions"]["accepted"]
    assert counts["requested"] == whole.counts["questions"]["requested"]
    assert counts["proposed"] == counts["accepted"] + sum(counts["rejected"].values())
    assert "token budget would be passed" in counts["stopped"]
    assert "LEARNLOOP_LLM_TOKEN_BUDGET=" in counts["stopped"]
    schemas.check(part.questions, schemas.QUESTIONS, "test")
    assert set(part.questions["question_id"]) <= set(whole.questions["question_id"])
    assert "stopped" not in whole.counts["questions"]


def test_lessons_it_did_not_come_to_are_counted() -> None:
    many = pd.concat([lessons().assign(item_id=lambda f, n=n: f["item_id"] + f"/{n}") for n in range(4)])
    with serving(reader) as server:
        access = Access(budget=Budget(tokens=9_000))
        model = language_model.load(f"openai:{server.url}#tiny", Path(), access)
        made = pipeline.generate(many, model=model, embedder=None)
    counts = made.counts["questions"]
    assert counts["skipped"]["stopped"] > 2
    assert counts["requested"] == 3 * len(many)
    assert len(made.summaries) == len(many) - counts["skipped"]["stopped"]


def test_a_budget_too_small_for_one_question_is_an_error() -> None:
    with serving(reader) as server:
        with pytest.raises(BudgetSpent, match="LEARNLOOP_LLM_TOKEN_BUDGET"):
            asked(server, Budget(tokens=10))
        assert server.seen == []


def test_a_model_that_goes_away_takes_nothing_with_it() -> None:
    with serving(reader) as server:
        whole = len(asked(server, Budget()).questions)
        calls = len(server.seen)

    def dying(payload: dict[str, Any]) -> Answer:
        return reader(payload) if len(server.seen) < calls - 1 else failed(500)

    with serving(dying) as server:
        made = asked(server, Budget())
    assert 0 < len(made.questions) < whole
    assert "answered 500" in made.counts["questions"]["stopped"]
    with serving(lambda payload: failed(401)) as server, pytest.raises(ModelUnavailable, match="401"):
        asked(server, Budget())


def test_sentences_said_anew_before_the_budget_was_spent_are_kept() -> None:
    sources = [f"In fact, salt {number} is white." for number in range(9)]

    def writer(payload: dict[str, Any]) -> Answer:
        source = payload["messages"][0]["content"].partition("<<<\n")[2].partition("\n>>>")[0]
        return said(source.replace("In fact, salt", "Salt"), usage=(USED - 5, 5))

    with serving(writer) as server:
        access = Access(budget=Budget(tokens=5 * USED), parallel=1)
        model = language_model.load(f"openai:{server.url}#tiny", Path(), access)
        assert model is not None
        made = rewriting.rewrite(sources, "en", model)
        kept = rewriting.BATCH
        assert [one.text for one in made.sentences[:kept]] == [f"Salt {n} is white." for n in range(kept)]
        assert [one.text for one in made.sentences[kept:]] == sources[kept:]
        assert made.counts["survived"] == kept
        assert made.counts["refused"] == {rewriting.STOPPED: len(sources) - kept}
        assert "token budget" in str(made.counts["stopped"])
        with pytest.raises(BudgetSpent):
            rewriting.rewrite(sources, "en", model)


def test_the_command_prints_what_was_made_and_why_there_is_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "lesson.txt"
    text.write_text("\n\n".join(lessons()["text"]))
    monkeypatch.setenv("LEARNLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LEARNLOOP_EMBEDDER", "none")
    command = ["generate", "questions", "--text", str(text), "--count", "20", "--kinds", "mc,cloze", "--json"]
    with serving(reader) as server:
        monkeypatch.setenv("LEARNLOOP_LLM", f"openai:{server.url}#tiny")
        whole = json.loads(CliRunner().invoke(app, command).stdout)
        budget = whole["models"]["spent"]["calls"] * USED // 2 + 3_000
        monkeypatch.setenv("LEARNLOOP_LLM_TOKEN_BUDGET", str(budget))
        as_json = CliRunner().invoke(app, command)
        told = CliRunner().invoke(app, command[:-1])
    assert told.exit_code == as_json.exit_code == 0, told.output
    part = json.loads(as_json.stdout)
    assert 0 < len(part["questions"]) < len(whole["questions"])
    assert 0 < part["models"]["spent"]["tokens_in"] <= budget
    assert "token budget" in part["counts"]["stopped"]
    assert "1. [" in told.stdout
    assert "of 20: the language model's token budget would be passed" in told.stdout
