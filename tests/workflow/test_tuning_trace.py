"""`tune trace`: learners are split, the honest number chooses, the newest part is not looked at, and training
takes what was found."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.evaluate.tracing import Leaky, expanded, plain
from learnloop.prepare.answers import to_answers
from learnloop.schemas import Space, Span
from learnloop.settings import Settings
from learnloop.simulate.planted import planted_answers
from learnloop.store import reading
from learnloop.trace.irt import IRT
from learnloop.workflow import candidate
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate_tracers import Part
from learnloop.workflow.importing import import_csv
from learnloop.workflow.train import train
from learnloop.workflow.tuning_each import SCHEMA_VERSION
from learnloop.workflow.tuning_study import CHEAP_SHARE
from learnloop.workflow.tuning_tracers import OnLearners, study_name, tune_trace, tuned_tracer

ANSWERS, NEWEST = 800, 160  # the newest are a fifth


def validation(answers: pd.DataFrame) -> Part:
    part = Part("validation", answers, answers[:0], answers[:0], np.arange(0)).split(0)
    assert part is not None
    return part


class Echo:
    """Expects, `trust` of the way, that the learner's last answer on a concept is given again."""

    name = "echo"
    space: ClassVar[Space] = {"trust": Span(0.0, 1.0)}
    taught: ClassVar[list[frozenset[str]]] = []
    asked: ClassVar[list[frozenset[str]]] = []

    def __init__(self, trust: float = 0.5) -> None:
        self.trust = trust

    def fit(self, answers: pd.DataFrame) -> Self:
        self.taught.append(frozenset(answers["learner_id"]))
        return self

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        self.asked.append(frozenset(answers["learner_id"]))
        last: dict[tuple[str, str], bool] = {}
        found = np.full(len(answers), 0.5)
        rows = zip(answers["learner_id"], answers["concept_ids"], answers["correct"], strict=True)
        for place, (learner, concepts, correct) in enumerate(rows):
            past = [last[learner, one] for one in concepts if (learner, one) in last]
            if past:
                found[place] += 0.49 * self.trust * (2 * np.mean(past) - 1)
            last |= {(learner, one): bool(correct) for one in concepts}
        return found


def test_who_is_asked_taught_nothing_on_any_rung_and_a_quarter_teaches_on_the_first() -> None:
    answers = planted_answers(n_learners=520, n_items=8, n_concepts=2, answers_per_learner=3, seed=1).answers
    Echo.taught.clear()
    Echo.asked.clear()
    measure = OnLearners((Echo, {}), validation(answers))
    assert measure.rungs == 2
    for rung in range(measure.rungs):
        measure({"trust": 0.1}, rung)
    cheap, whole = Echo.taught
    assert len(cheap) == CHEAP_SHARE * len(whole)
    assert cheap < whole
    assert Echo.asked == [frozenset(answers["learner_id"]) - whole] * 2
    assert OnLearners((Echo, {}), validation(answers[answers["learner_id"] < "l00100"])).rungs == 1


def test_what_the_leaky_number_would_choose_earns_nothing() -> None:
    """Coin flips with three concepts each: to repeat the last answer on a concept helps where an answer is
    written once a concept, and not where it is asked once."""
    rng = np.random.default_rng(0)
    answers = pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{n:02d}" for n in range(60)], 20),
            "item_id": "s:i",
            "concept_ids": pd.Series([("s:a", "s:b", "s:c")] * 1200, dtype=object),
            "correct": rng.random(1200) < 0.5,
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(1200), "s"),
        }
    )
    part = validation(answers)
    rows, _ = expanded(part.test)
    shared = rows.assign(concept_ids=pd.Series([("s:any",)] * len(rows), dtype=object))
    who = rows["learner_id"].factorize()[0]
    leaky = plain(Leaky(who, rows["correct"].to_numpy(bool), Echo(1.0).predict(shared)))["auc"]
    assert leaky is not None
    assert leaky > 0.75
    assert abs(OnLearners((Echo, {}), part)({"trust": 1.0}, 0) - 0.5) < 0.06
    by_loss = OnLearners((Echo, {}), part, "log_loss")
    assert by_loss({"trust": 0.0}, 0) == pytest.approx(-np.log(2))
    assert by_loss({"trust": 1.0}, 0) < -1.5


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """40 learners of unlike ability, answers an hour apart."""
    folder, rng = tmp_path_factory.mktemp("traced"), np.random.default_rng(0)
    items, interactions = folder / "items.csv", folder / "log.csv"
    items.write_text("item_id,title,kind\n" + "".join(f"i{n:02d},Task {n},exercise\n" for n in range(12)))
    moments = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(ANSWERS), unit="h")
    who = rng.integers(40, size=ANSWERS)
    right = rng.random(ANSWERS) < np.where(who % 2, 0.85, 0.3)
    rows = [
        f"s{one},i{rng.integers(12):02d},answered,{str(correct).lower()},{at.isoformat()}Z\n"
        for one, correct, at in zip(who, right, moments, strict=True)
    ]
    interactions.write_text("learner_id,item_id,verb,correct,occurred_at\n" + "".join(rows))
    loop = Loop(Settings(home=folder / "home", database_url=database_url, llm="none"))
    import_csv(loop, items=items, interactions=interactions, source="school")
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def report(loop: Loop) -> dict[str, Any]:
    return tune_trace(loop, models=["irt", "rate"], trials=6)


def test_what_is_found_is_kept_and_told(loop: Loop, report: dict[str, Any]) -> None:
    found = report["models"]["irt"]
    assert -np.log(2) < found["default_value"] <= found["best_value"] < 0  # minus log-loss
    assert (found["trials"], report["models"]["rate"]["trials"]) == (6, 1)
    assert (report["metric"], report["learners"]) == ("log_loss", 8)  # a fifth of the learners
    assert tuned_tracer(loop.settings, "irt") == found["best_params"]
    document = json.loads((loop.settings.home / "tuned" / "trace" / "irt.json").read_text())
    assert document["snapshot_sha256"] == report["snapshot_sha256"]
    run = loop.registry.resume(report["run_id"])._client.get_run(report["run_id"])
    assert run.info.run_name == "tune trace"


def test_training_takes_what_was_found(loop: Loop, report: dict[str, Any]) -> None:
    best = report["models"]["irt"]["best_params"]
    trained = train(loop, recommender="popularity", tracer="irt", tuned=True)
    assert trained["tracer"]["params"] == best
    known = reading.interactions(loop.engine, until=pd.Timestamp(trained["split_at"]))
    answers = to_answers(known, reading.items(loop.engine), reading.item_concepts(loop.engine))
    tracer = candidate.Models.load(candidate.latest(loop.settings).folder).tracer
    assert tracer is not None
    np.testing.assert_array_equal(tracer.predict(answers), IRT(**best).fit(answers).predict(answers))
    assert train(loop, recommender="popularity", tracer="irt")["tracer"]["params"] == {}
    with pytest.raises(NothingToDo, match="learnloop tune recommend, or learnloop tune trace"):
        train(loop, recommender="popularity", tracer="bkt", tuned=True)


def test_the_same_again_tries_nothing_more_and_the_newest_part_changes_no_value(
    loop: Loop, report: dict[str, Any]
) -> None:
    assert tune_trace(loop, models=["irt"], trials=6)["models"]["irt"] == report["models"]["irt"]
    with loop.engine.begin() as connection:
        changed = connection.execute(
            sa.text(
                "UPDATE interactions SET correct = NOT correct WHERE occurred_at >= "
                "(SELECT min(occurred_at) FROM interactions) + make_interval(hours => :hours)"
            ),
            {"hours": ANSWERS - NEWEST},
        )
    assert changed.rowcount == NEWEST
    other = tune_trace(loop, models=["irt"], trials=6)
    assert other["snapshot_sha256"] != report["snapshot_sha256"]
    first, second = report["models"]["irt"], other["models"]["irt"]
    assert first | {"seconds": 0} == second | {"seconds": 0}


def test_another_question_is_another_study() -> None:
    about: dict[str, object] = {"snapshot_sha256": "0" * 64, "metric": "auc", "test_share": 0.2, "seed": 0}
    others: list[dict[str, object]] = [
        {"metric": "log_loss"},
        {"seed": 1},
        {"test_share": 0.3},
        {"snapshot_sha256": "1" * 64},
    ]
    names = [study_name("irt", {"x": (1, 2)}, about | other) for other in ({}, *others)]
    names += [study_name("irt", {"x": (1, 3)}, about), study_name("bkt", {"x": (1, 2)}, about)]
    assert len(set(names)) == len(names)


def test_what_cannot_be_asked_for_is_said(loop: Loop) -> None:
    with pytest.raises(BadInput, match="no tracer 'cleverest'"):
        tune_trace(loop, models=["cleverest"])
    with pytest.raises(BadInput, match="its bases have") as refused:
        tune_trace(loop, models=["blend"])
    assert refused.value.next_step == "--models logistic,bkt,attention"
    with pytest.raises(BadInput, match="'brier'"):
        tune_trace(loop, models=["irt"], metric="brier")


def test_a_blend_takes_what_was_found_of_its_bases(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(NothingToDo, match="learnloop tune trace --models irt"):
        tuned_tracer(settings, "irt")
    with pytest.raises(NothingToDo, match="no base of the blend"):
        tuned_tracer(settings, "blend")
    kept = tmp_path / "tuned" / "trace" / "logistic.json"
    kept.parent.mkdir(parents=True)
    good = {"schema_version": SCHEMA_VERSION, "params": {"prior_variance": 0.7, "no_longer_there": 1}}
    kept.write_text(json.dumps(good))
    assert tuned_tracer(settings, "logistic") == {"prior_variance": 0.7}
    bases = tuned_tracer(settings, "blend")["bases"]
    assert bases == {"logistic": {"prior_variance": 0.7}, "bkt": {}, "attention": {"members": 1}}
    kept.write_text("{")
    with pytest.raises(ModelUnavailable, match="learnloop tune trace --models logistic"):
        tuned_tracer(settings, "logistic")
