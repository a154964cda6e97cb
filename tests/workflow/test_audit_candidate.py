"""The audit of a trained candidate, and an evaluation that MLflow keeps, on simulated learners."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.settings import Settings
from learnloop.simulate.catalogues import made_up_catalogue
from learnloop.store import loading
from learnloop.workflow import audit
from learnloop.workflow.context import Loop
from learnloop.workflow.simulate import simulate
from learnloop.workflow.train import train


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = made_up_catalogue(
        n_courses=3, lessons_per_course=5, exercises_per_lesson=1, languages=("en",), seed=0
    )
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    for table in ("items", "concepts", "item_concepts", "prerequisites"):
        loading.load(loop.engine, table, getattr(made, table))
    simulate(loop, learners=80, seed=0, now=pd.Timestamp("2026-06-01", tz="UTC"))
    train(loop, recommender="neighbours", factors=8)
    yield loop
    loop.close()


def test_a_candidate_on_clean_data_has_no_leak(loop: Loop) -> None:
    found = audit.audit_candidate(loop)
    assert found["learners"] > 0
    assert [one for one in found["audit"] if one["severity"] != "low"] == []


def test_a_candidate_whose_data_hold_a_learner_twice(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = audit.candidate.training_snapshot

    def spelt(*given: object) -> pd.DataFrame:
        rows = snapshot(*given)
        return pd.concat([rows, rows.head(5).assign(learner_id=rows["learner_id"].head(5).str.upper())])

    monkeypatch.setattr(audit.candidate, "training_snapshot", spelt)
    assert "learners_under_several_names" in {one["check"] for one in audit.audit_candidate(loop)["audit"]}


def test_mlflow_keeps_the_result_and_the_page(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEARNLOOP_HOME", str(loop.settings.home))
    monkeypatch.setenv("LEARNLOOP_DATABASE_URL", loop.settings.database_url)
    log = tmp_path / "log.csv"
    log.write_text("learner_id,item_id\n" + "".join(f"l{n % 9},i{n * 7 % 11}\n" for n in range(90)))
    told = CliRunner().invoke(
        app,
        ["evaluate", "recommend", "--interactions", str(log), "--models", "popularity", "--mlflow", "--json"],
    )
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    client = loop.registry._client
    (run, *_) = client.search_runs([loop.registry.experiment_id], order_by=["attributes.start_time DESC"])
    assert run.data.tags["data_sha256"] == result["data"]["sha256"]
    value = result["models"]["popularity"]["metrics"]["ndcg"]["value"]
    assert run.data.metrics["popularity_ndcg_at_10"] == pytest.approx(value)
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"evaluation.json", "evaluation.html"} <= names


def test_the_command_audits_the_candidate(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEARNLOOP_HOME", str(loop.settings.home))
    monkeypatch.setenv("LEARNLOOP_DATABASE_URL", loop.settings.database_url)
    told = CliRunner().invoke(app, ["evaluate", "--audit", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout).keys() == {"run_id", "split_at", "interactions", "learners", "audit"}
