"""A search that is killed, or that two processes work on: it ends with the trials that were asked for."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.settings import Settings
from learnloop.workflow.context import Loop
from learnloop.workflow.importing import import_csv
from learnloop.workflow.tuning import tuned_params
from learnloop.workflow.tuning_tracers import tuned_tracer

PROGRAM = Path(__file__).parent / "slow_tuner.py"
TRIALS = 6


@pytest.fixture(scope="module")
def school(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose database holds 1,200 events of 60 learners, some lessons far more popular than others, and
    three answers in four are right."""
    folder = tmp_path_factory.mktemp("tuned")
    rng = np.random.default_rng(0)
    items = folder / "items.csv"
    items.write_text("item_id,title,kind\n" + "".join(f"i{n:02d},Lesson {n},lesson\n" for n in range(40)))
    popular = 1 / np.arange(1, 41)
    chosen = rng.choice(40, size=1200, p=popular / popular.sum())
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(1200), unit="h")
    rows = [
        f"s{rng.integers(60)},i{item:02d},answered,{str(n % 4 > 0).lower()},{at.isoformat()}Z\n"
        for n, (item, at) in enumerate(zip(chosen, moments, strict=True))
    ]
    interactions = folder / "log.csv"
    interactions.write_text("learner_id,item_id,verb,correct,occurred_at\n" + "".join(rows))
    loop = Loop(Settings(home=folder / "home", database_url=database_url))
    import_csv(loop, items=items, interactions=interactions, source="school")
    loop.close()
    return folder / "home"


@pytest.fixture(scope="module")
def tuners(school: Path, database_url: str) -> Iterator[Callable[..., list[Any]]]:
    """Gives an order to slow_tuner.py and returns its answer."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout

    def order(
        command: str = "recommend", jobs: int = 1, hang_at: int = 0, takes_s: float = 0.0, **options: Any
    ) -> list[Any]:
        told = {
            "command": command,
            "jobs": jobs,
            "hang_at": hang_at,
            "takes_s": takes_s,
            "options": options,
        }
        print(json.dumps({**told, "home": str(school), "url": database_url}), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    yield order
    process.stdin.close()
    process.wait(timeout=120)
    process.stdout.close()


def kept(engine: sa.Engine, study: str) -> pd.DataFrame:
    """The trials of the study whose name has that in it, in order: state, worker, settings."""
    query = sa.text(
        "SELECT t.number, t.state::text AS state,"
        " max(a.value_json) FILTER (WHERE a.key = 'worker') AS worker,"
        " coalesce(bool_or(a.key = 'abandoned'), false) AS abandoned,"
        " (SELECT string_agg(param_value::text, ' ' ORDER BY param_name)"
        "  FROM optuna.trial_params p WHERE p.trial_id = t.trial_id) AS params"
        " FROM optuna.trials t JOIN optuna.studies s USING (study_id)"
        " LEFT JOIN optuna.trial_user_attributes a USING (trial_id)"
        " WHERE s.study_name LIKE :name GROUP BY t.trial_id ORDER BY t.number"
    )
    with engine.connect() as connection:
        return pd.read_sql(query, connection, params={"name": f"%{study}/%"})


@pytest.mark.parametrize(
    ("command", "study", "model", "options", "read"),
    [
        ("recommend", "/k5", "leaning", {"k": 5}, tuned_params),
        ("trace", "trace/sure", "sure", {}, tuned_tracer),
    ],
)
def test_killed_twice_it_ends_with_exactly_the_trials_asked_for_and_the_same_result(
    school: Path,
    database_url: str,
    engine: sa.Engine,
    tuners: Callable[..., list[Any]],
    command: str,
    study: str,
    model: str,
    options: dict[str, Any],
    read: Callable[[Settings, str], dict[str, Any]],
) -> None:
    for hang_at in (3, 2):  # in the third trial, then in the first one that is begun after that is done again
        assert tuners(command, hang_at=hang_at, trials=TRIALS, **options) == [None]
    (report,) = tuners(command, trials=TRIALS, **options)
    found, trials = report["models"][model], kept(engine, study)
    finished = trials[trials["state"] == "COMPLETE"]
    assert len(finished) == found["trials"] == TRIALS
    assert trials["abandoned"].sum() == 2
    assert len(trials) == TRIALS + 2, "what was being tried when it was killed is tried again, once"
    killed = set(trials.loc[trials["state"] == "FAIL", "params"])
    assert len(killed) == 2
    assert killed <= set(finished["params"])
    settings = Settings(home=school, database_url=database_url)
    assert read(settings, model) == found["best_params"]
    (report,) = tuners(command, trials=TRIALS, **options, fresh=True)
    again = report["models"][model]
    assert kept(engine, study)["params"].tolist() == finished["params"].tolist()
    assert again | {"seconds": 0} == found | {"seconds": 0}


def test_two_at_once_share_the_trials_and_begin_none_twice(
    engine: sa.Engine, tuners: Callable[..., list[Any]]
) -> None:
    reports = tuners(jobs=2, takes_s=0.2, trials=2 * TRIALS, k=7)
    trials = kept(engine, "/k7")
    assert trials["state"].tolist() == ["COMPLETE"] * 2 * TRIALS
    assert trials["number"].tolist() == list(range(2 * TRIALS))
    assert trials["params"].nunique() == 2 * TRIALS
    assert sorted(trials.groupby("worker").size()) == sorted(report["fits"] for report in reports)
    assert min(report["fits"] for report in reports) > 1
    for report in reports:
        assert report["models"]["leaning"]["trials"] == 2 * TRIALS
        assert report["models"]["leaning"]["best_params"] == reports[0]["models"]["leaning"]["best_params"]
