"""`tune recommend` on a database: studies by snapshot, the newest part never looked at, results kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.settings import Settings
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv
from learnloop.workflow.tuning import study_name, tune_recommend, tuned_params

EVENTS, NEWEST = 600, 120  # the newest are a fifth


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """40 learners; what is popular changes with time."""
    folder, rng = tmp_path_factory.mktemp("school"), np.random.default_rng(0)
    items, interactions = folder / "items.csv", folder / "log.csv"
    items.write_text("item_id,title,kind\n" + "".join(f"i{n:02d},Lesson {n},lesson\n" for n in range(30)))
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(EVENTS), unit="h")
    rows = [
        f"s{rng.integers(40)},i{min(n // 30 + rng.geometric(0.3), 29):02d},completed,{at.isoformat()}Z\n"
        for n, at in enumerate(moments)
    ]
    interactions.write_text("learner_id,item_id,verb,occurred_at\n" + "".join(rows))
    loop = Loop(Settings(home=folder / "home", database_url=database_url))
    import_csv(loop, items=items, interactions=interactions, source="school")
    yield loop
    loop.close()


def studies(loop: Loop) -> list[str]:
    with loop.engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT study_name FROM optuna.studies ORDER BY 1")).scalars())


@pytest.fixture(scope="module")
def report(loop: Loop) -> dict[str, Any]:
    return tune_recommend(loop, models=["popularity", "random"], trials=6, k=5)


def test_what_is_found_is_better_than_the_defaults_and_kept_for_training(
    loop: Loop, report: dict[str, Any]
) -> None:
    found = report["models"]["popularity"]
    assert found["best_value"] > found["default_value"] > 0
    assert (found["trials"], report["models"]["random"]["trials"]) == (6, 1)
    assert tuned_params(loop.settings, "popularity") == found["best_params"]
    document = json.loads((loop.settings.home / "tuned" / "popularity.json").read_text())
    assert document["snapshot_sha256"] == report["snapshot_sha256"]
    assert document["value"] == found["best_value"]


def test_mlflow_has_a_run_a_model_below_one_for_all(loop: Loop, report: dict[str, Any]) -> None:
    import mlflow

    client = mlflow.MlflowClient(loop.registry.uri)
    parent = client.get_run(report["run_id"])
    below = client.search_runs(
        [loop.registry.experiment_id], f"tags.`mlflow.parentRunId` = '{report['run_id']}'"
    )
    runs = {run.data.tags["model"]: run for run in below}
    assert set(runs) == {"popularity", "random"}
    found, run = report["models"]["popularity"], runs["popularity"]
    assert run.data.tags["snapshot_sha256"] == parent.data.params["snapshot_sha256"]
    assert run.data.metrics["best_value"] == pytest.approx(found["best_value"])
    assert run.data.params["half_life"] == str(found["best_params"]["half_life"])
    files = {Path(file.path).name for file in client.list_artifacts(run.info.run_id)}
    assert files == {"trials.json", "history.png", "importance.png"}


def test_the_same_again_tries_nothing_more_and_a_larger_budget_goes_on(
    loop: Loop, report: dict[str, Any]
) -> None:
    before = studies(loop)
    again = tune_recommend(loop, models=["popularity"], trials=6, k=5)
    assert again["models"]["popularity"] == report["models"]["popularity"]
    more = tune_recommend(loop, models=["popularity"], trials=8, k=5)["models"]["popularity"]
    assert more["trials"] == 8
    assert more["best_value"] >= report["models"]["popularity"]["best_value"]
    assert studies(loop) == before


def test_another_snapshot_is_another_study_and_the_newest_part_changes_no_value(
    loop: Loop, report: dict[str, Any]
) -> None:
    before = studies(loop)
    with loop.engine.begin() as connection:
        changed = connection.execute(
            sa.text(
                "UPDATE interactions SET item_id = 'school:i00' WHERE occurred_at >= "
                "(SELECT min(occurred_at) FROM interactions) + make_interval(hours => :hours)"
            ),
            {"hours": EVENTS - NEWEST},
        )
    assert changed.rowcount == NEWEST
    other = tune_recommend(loop, models=["popularity"], trials=6, k=5)
    assert other["snapshot_sha256"] != report["snapshot_sha256"]
    first, second = report["models"]["popularity"], other["models"]["popularity"]
    assert first | {"seconds": 0} == second | {"seconds": 0}
    assert len(studies(loop)) == len(before) + 1


def test_another_question_is_another_study() -> None:
    about = {"snapshot_sha256": "0" * 64, "split": "time", "k": 10, "test_share": 0.2, "seed": 0}
    others = [
        {"k": 5},
        {"split": "learners"},
        {"seed": 1},
        {"test_share": 0.3},
        {"snapshot_sha256": "1" * 64},
    ]
    names = [study_name("ials", {"x": (1, 2)}, about | other) for other in ({}, *others)]
    names.append(study_name("ials", {"x": (1, 3)}, about))
    names.append(study_name("ease", {"x": (1, 2)}, about))
    assert len(set(names)) == len(names)


def test_a_model_there_is_not_is_bad_input(loop: Loop) -> None:
    with pytest.raises(BadInput, match="no recommender 'cleverest'"):
        tune_recommend(loop, models=["cleverest"])


def test_what_is_not_there_or_damaged_is_said(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(NothingToDo, match="learnloop tune recommend --models ials"):
        tuned_params(settings, "ials")
    (tmp_path / "tuned").mkdir()
    kept = tmp_path / "tuned" / "ials.json"
    good = {"schema_version": 1, "params": {"factors": 32, "no_longer_there": 1}}
    kept.write_text(json.dumps(good))
    assert tuned_params(settings, "ials") == {"factors": 32}
    for damage in (json.dumps(good)[:-1], json.dumps({**good, "schema_version": 2}), "[]"):
        kept.write_text(damage)
        with pytest.raises(ModelUnavailable):
            tuned_params(settings, "ials")
