"""The gate, the way back, and drift: on the demo's catalogue and simulated learners, without a crawl."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from learnloop.collect.extract import extract
from learnloop.demo import site
from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.prepare.pages import pages_to_frames
from learnloop.settings import Settings
from learnloop.store import loading, reading
from learnloop.workflow import candidate
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate import evaluate
from learnloop.workflow.monitor import drift
from learnloop.workflow.release import MODEL_CODE, _gate, release, retrain, rollback
from learnloop.workflow.simulate import simulate
from learnloop.workflow.train import train

NOW = pd.Timestamp("2026-06-01", tz="UTC")


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Lessons and 90 days of 200 learners until NOW; nothing trained."""
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    records: list[dict[str, Any]] = []
    for path in sorted(folder.glob("courses/*/*.html")):
        url = f"http://127.0.0.1/{path.relative_to(folder).as_posix()}"
        records += extract(path.read_bytes(), url, "text/html; charset=utf-8")
    loop = Loop(Settings(home=tmp_path_factory.mktemp("home"), database_url=database_url, llm="none"))
    loading.load_cleaned(loop.engine, pages_to_frames(records, "demo"), "demo")
    simulate(loop, learners=200, now=NOW)
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def champion(loop: Loop) -> int:
    """The version of the first release."""
    train(loop, factors=16, tracer="logistic")
    evaluate(loop, n_bootstrap=50)
    report = release(loop)
    assert (report["promoted"], report["former_champion"], report["gate"]) == (True, None, {})
    return int(report["version"])


def of_champion(loop: Loop) -> tuple[str, str]:
    """The kinds of its tracer and of its memory."""
    models = candidate.Models.load(loop.registry.champion().folder)
    assert models.tracer is not None
    assert models.memory is not None
    return models.tracer.name, models.memory.name


def train_spoiled(loop: Loop) -> None:
    """A candidate trained like the champion, its lessons' factors then dealt out to other lessons."""
    train(loop, recommender="ials", factors=16, tracer="logistic")
    kept = candidate.latest(loop.settings)
    models = candidate.Models.load(kept.folder)
    models.ials.item_ids = np.random.default_rng(0).permutation(models.ials.item_ids)
    with loop.registry.run("spoiled") as run:
        candidate.keep(loop.settings, models, {**kept.manifest, "run_id": run.id})
    evaluate(loop, n_bootstrap=50)


def continued(interactions: pd.DataFrame, start: pd.Timestamp, seed: int) -> pd.DataFrame:
    """The same people over again from `start`: a random half of the days each of them was active."""
    later = interactions.copy()
    later["occurred_at"] += start - interactions["occurred_at"].min().floor("D")
    days = later["learner_id"] + later["occurred_at"].dt.strftime("%j")
    kept = pd.Series(np.random.default_rng(seed).random(days.nunique()) < 0.5, index=days.unique())
    later = later[days.map(kept).astype(bool)].reset_index(drop=True)
    later["event_id"] = f"later-{seed}-" + later.index.astype("str")
    return later


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (evaluate, "nothing has been trained yet. Try: learnloop train"),
        (release, "nothing has been trained yet. Try: learnloop train"),
        (rollback, "nothing has been released yet. Try: learnloop run"),
        (drift, "nothing has been released yet. Try: learnloop run"),
    ],
    ids=["evaluate", "release", "rollback", "drift"],
)
def test_a_step_too_early_names_the_one_to_take_first(
    step: Any, told: str, tmp_path: Path, loop: Loop
) -> None:
    early = Loop(Settings(home=tmp_path, database_url=loop.settings.database_url, llm="none"))
    try:
        with pytest.raises(NothingToDo) as refused:
            step(early)
        assert str(refused.value) == told
    finally:
        early.close()


def test_nothing_is_released_unevaluated(loop: Loop, champion: int) -> None:
    train(loop, factors=16)
    with pytest.raises(NothingToDo, match=r"has not been evaluated\. Try: learnloop evaluate"):
        release(loop)
    assert loop.registry.champion_version() == champion


def test_the_first_release_has_none_to_go_back_to(loop: Loop, champion: int) -> None:
    with pytest.raises(NothingToDo, match="replaced nothing"):
        rollback(loop)
    assert loop.registry.champion_version() == champion


def test_a_worse_challenger_waits_is_forced_and_taken_back(loop: Loop, champion: int) -> None:
    train_spoiled(loop)
    refused = release(loop, k=5)
    assert refused["promoted"] is False
    assert refused["version"] > champion
    ranking = refused["gate"]["ranking"]
    assert ranking["promote"] is False
    assert ranking["high"] < -0.1  # it lost, and not by chance
    assert refused["gate"]["tracing"]["promote"] is True  # the tracer was not spoiled
    assert loop.registry.champion_version() == champion
    newest = loop.registry.versions()[0]
    assert (newest["version"], newest["champion"]) == (refused["version"], False)
    assert set(newest["metrics"]) == {"ndcg_at_10"}  # as evaluated, whatever k the gate judged by

    assert of_champion(loop) == ("logistic", "memory")
    train(loop, recommender="ials", factors=16, tracer="irt")
    evaluate(loop, n_bootstrap=50)
    forced = release(loop, force=True)
    assert (forced["promoted"], forced["former_champion"]) == (True, champion)
    assert loop.registry.champion_version() == forced["version"]
    assert of_champion(loop) == ("irt", "memory")

    assert rollback(loop) == {"from": forced["version"], "to": champion}
    assert loop.registry.champion().version == champion
    assert of_champion(loop) == ("logistic", "memory")


def test_a_champion_whose_tracer_is_read_no_more_does_not_close_the_gate(loop: Loop, champion: int) -> None:
    """An upgrade may change how a tracer is saved; the way out is to train, evaluate and release."""
    train(loop, recommender="ials", factors=16, tracer="bkt")
    evaluate(loop, n_bootstrap=50)
    old = candidate.latest(loop.settings)
    manifest = old.folder / "tracer" / "tracer.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": 0}))
    old = old.with_metrics("k", 10)  # sealed again
    loop.registry.promote(loop.registry.register(old.folder, old.run_id, MODEL_CODE, {}).version)
    with pytest.raises(ModelUnavailable, match=r"bkt version 0.*Try: learnloop train"):
        of_champion(loop)
    train(loop, recommender="ials", factors=16, tracer="bkt")
    evaluate(loop, n_bootstrap=50)
    found = _gate(loop, candidate.latest(loop.settings), 10)
    assert found["ranking"].n_learners > 20
    assert (found["tracing"].promote, found["tracing"].n_learners) == (True, 0)
    assert found["tracing"].why.startswith("nothing to compare with: ")
    assert rollback(loop)["to"] == champion
    assert _gate(loop, candidate.latest(loop.settings), 10)["tracing"].n_learners > 20


def test_retraining_on_the_same_days_promotes_an_equal(loop: Loop, champion: int) -> None:
    before = loop.registry.champion_version()
    report = retrain(loop)
    assert set(report["release"]["gate"]) == {"ranking", "tracing"}
    assert report["release"]["promoted"] is True, report["release"]["gate"]
    assert rollback(loop)["to"] == before


def test_drift_is_quiet_while_the_same_people_go_on(loop: Loop, champion: int) -> None:
    past = reading.interactions(loop.engine, until=NOW)
    loading.load(loop.engine, "interactions", continued(past, NOW, seed=1))
    report = drift(loop, since="2026-06-01", until="2026-09-01")
    assert report["findings"]
    assert report["drift"] is False, report


def test_drift_is_found_where_answers_get_much_worse(loop: Loop, champion: int) -> None:
    start = NOW + pd.Timedelta(days=200)
    worse = continued(reading.interactions(loop.engine, until=NOW), start, seed=2)
    wrong = (worse["verb"] == "answered") & (np.random.default_rng(2).random(len(worse)) < 0.6)
    worse.loc[wrong, "correct"] = False
    worse.loc[wrong, "score"] = 0.0
    loading.load(loop.engine, "interactions", worse)
    report = drift(loop, since=start.isoformat())
    assert report["drift"] is True
    found = {finding["feature"]: finding for finding in report["findings"] if finding["drift"]}
    assert found["correct_rate"]["effect"] < -0.5
    assert {"median_duration_s", "item_mix"}.isdisjoint(found)  # nothing else was changed


@pytest.mark.parametrize("text", ["soon", "NaT", "2026-13-01"])
def test_drift_names_the_option_that_is_no_date(text: str, loop: Loop, champion: int) -> None:
    with pytest.raises(BadInput, match=f"--until '{text}' is not a date") as refused:
        drift(loop, until=text)
    assert refused.value.field == "until"


def test_drift_compares_nobody_with_nobody(loop: Loop, champion: int) -> None:
    with pytest.raises(NothingToDo, match="has 0 learners"):
        drift(loop, since="2040-01-01")
