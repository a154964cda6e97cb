"""Training by name, with tuned settings, on partitions; and pins and blocks by the command line's step."""

import json
import shutil
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.prepare.answers import to_answers
from learnloop.recommend.ease import EASE
from learnloop.recommend.signals import signals
from learnloop.schemas import Tracer
from learnloop.settings import Settings
from learnloop.simulate.catalogues import made_up_catalogue
from learnloop.store import loading, reading
from learnloop.trace.memory import Memory
from learnloop.workflow import candidate
from learnloop.workflow.choose import COMPETING, choose
from learnloop.workflow.choose_tracer import COMPETING as TRACERS_COMPETING
from learnloop.workflow.choose_tracer import choose_tracer, made
from learnloop.workflow.context import Loop
from learnloop.workflow.curation import rule
from learnloop.workflow.evaluate import evaluate
from learnloop.workflow.recommenders import RECOMMENDERS
from learnloop.workflow.simulate import simulate
from learnloop.workflow.tracers import TRACERS
from learnloop.workflow.train import train
from learnloop.workflow.tuning_each import SCHEMA_VERSION


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = made_up_catalogue(
        n_courses=3, lessons_per_course=5, exercises_per_lesson=1, languages=("en",), seed=0
    )
    home = tmp_path_factory.mktemp("train-home")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none", dask_memory=2_000_000_000))
    for table in ("items", "concepts", "item_concepts", "prerequisites"):
        loading.load(loop.engine, table, getattr(made, table))
    simulate(loop, learners=80, seed=0, now=pd.Timestamp("2026-06-01", tz="UTC"))
    yield loop
    loop.close()


def trained(loop: Loop) -> candidate.Models:
    return candidate.Models.load(candidate.latest(loop.settings).folder)


def known(loop: Loop) -> pd.DataFrame:
    """The signals before the split, which is all that training may see."""
    split_at = candidate.latest(loop.settings).split_at
    return signals(reading.interactions(loop.engine, until=split_at), reading.items(loop.engine))


def test_auto_says_what_it_chose_among_and_looks_at_no_held_back_event(loop: Loop) -> None:
    report = train(loop)
    told = report["recommender"]
    assert {"popularity", "ials"} <= set(told["validation"])
    assert told["validation"][told["name"]] == max(told["validation"].values())
    models = trained(loop)
    assert models.ranker.name == told["name"]
    done = known(loop)
    assert models.ranker.item_ids.tolist() == sorted(done["item_id"].unique())
    companions, texts = models.recommenders.companions, models.recommenders.texts
    assert companions is not None
    assert companions.n_learners == done["learner_id"].nunique()
    assert texts is not None
    # with the future cut off the values are the same: nothing of it was looked at
    before = reading.interactions(loop.engine, until=candidate.latest(loop.settings).split_at)
    make = {
        name: RECOMMENDERS[name] for name in COMPETING if name != "ials"
    }  # whose defaults are train's own
    again = choose(before, reading.items(loop.engine), make).validation
    assert again == {name: told["validation"][name] for name in make}
    logged = loop.registry.resume(report["run_id"])._client.get_run(report["run_id"]).data
    assert logged.params["recommender"] == told["name"]
    for name, value in told["params"].items():
        assert logged.params[f"recommender_{name}"] == str(value)
    for name, value in told["validation"].items():
        assert logged.metrics[f"validation_ndcg_at_10_{name}"] == pytest.approx(value)


def test_auto_chooses_a_tracer_on_validation_and_keeps_a_memory_beside_it(loop: Loop) -> None:
    report = train(loop, recommender="popularity")
    told, kept = report["tracer"], candidate.latest(loop.settings)
    assert kept.manifest["tracer"] == told
    assert set(told["validation"]) == set(TRACERS_COMPETING)
    models = trained(loop)
    assert models.tracer is not None
    assert models.memory is not None
    assert models.tracer.name == told["name"]
    logged = loop.registry.resume(report["run_id"])._client.get_run(report["run_id"]).data
    assert logged.params["tracer"] == told["name"]
    for name, found in told["validation"].items():
        assert logged.metrics[f"validation_log_loss_{name}"] == pytest.approx(found["log_loss"])
        assert logged.metrics[f"validation_auc_{name}"] == pytest.approx(found["auc"])
    # with the future cut off, choice and models are the same: nothing of it was looked at
    before = reading.interactions(loop.engine, until=kept.split_at)
    answers = to_answers(before, reading.items(loop.engine), reading.item_concepts(loop.engine))
    assert len(answers) == report["training"]["answers"]
    again = choose_tracer(answers, made("auto"))
    assert (again.name, again.validation) == (told["name"], told["validation"])
    expected: tuple[Tracer, ...] = (TRACERS[told["name"]]().fit(answers), Memory().fit(answers))
    for tracer, ours in zip(expected, (models.tracer, models.memory), strict=True):
        np.testing.assert_array_equal(ours.predict(answers), tracer.predict(answers))


def test_a_tracer_by_name(loop: Loop) -> None:
    report = train(loop, recommender="popularity", tracer="bkt")
    assert (report["tracer"]["name"], report["tracer"]["validation"]) == ("bkt", {})
    tracer = trained(loop).tracer
    assert tracer is not None
    assert tracer.name == "bkt"
    evaluated = evaluate(loop, n_bootstrap=20)
    assert evaluated["tracer"] == "bkt"
    assert {"auc", "log_loss", "ece"} <= set(evaluated["tracing"]["bkt"])
    assert set(evaluated["tracing"]) >= {"bkt", "item_rate", "answers"}
    with pytest.raises(BadInput, match="'best'; there are auto, attention"):
        train(loop, tracer="best")


def test_a_candidate_without_memory_is_one_of_before(loop: Loop) -> None:
    train(loop, recommender="popularity", tracer="pfa")
    folder = candidate.latest(loop.settings).folder
    shutil.rmtree(folder / "memory")
    assert candidate.Models.load(folder).memory is None


def test_a_recommender_by_name(loop: Loop) -> None:
    report = train(loop, recommender="ease")
    assert (report["recommender"]["name"], report["recommender"]["validation"]) == ("ease", {})
    expected = EASE().fit(known(loop))
    history = [expected.item_ids[:2].tolist()]
    np.testing.assert_array_equal(trained(loop).ranker.scores(history), expected.scores(history))
    with pytest.raises(BadInput, match="'best'; there are auto"):
        train(loop, recommender="best")


def test_tuned_settings_are_used_where_there_are_some(loop: Loop) -> None:
    with pytest.raises(NothingToDo, match="learnloop tune recommend"):
        train(loop, tuned=True)
    folder = loop.settings.home / "tuned"
    folder.mkdir()
    document = {"schema_version": SCHEMA_VERSION, "params": {"factors": 7, "iterations": 3}}
    (folder / "ials.json").write_text(json.dumps(document))
    report = train(loop, recommender="ials", tuned=True)
    assert (report["parameters"]["factors"], report["parameters"]["alpha"]) == (7, 2.0)
    assert report["recommender"]["params"]["factors"] == 7
    assert trained(loop).ials.item_factors.shape[1] == 7
    train(loop, recommender="ials", factors=5)
    assert trained(loop).ials.item_factors.shape[1] == 5


def test_partitions_give_the_factors_of_one_process(loop: Loop) -> None:
    settings = {"recommender": "ials", "factors": 6, "iterations": 4}
    train(loop, **settings)  # type: ignore[arg-type]
    whole = trained(loop).ials
    train(loop, **settings, dask=True)  # type: ignore[arg-type]
    np.testing.assert_allclose(trained(loop).ials.item_factors, whole.item_factors, atol=1e-4)
    assert list((loop.settings.home / "dask").glob("tmp*")) == [], "the scratch folder is gone"


def test_pins_and_blocks_by_the_command(loop: Loop) -> None:
    items = reading.items(loop.engine)
    lesson, course = (
        str(items.loc[items["kind"] == kind, "item_id"].iloc[0]) for kind in ("lesson", "course")
    )
    assert rule(loop, "pin") == {"changed": False, "pins": []}
    found = rule(loop, "pin", lesson, course=course)
    assert found["changed"] is True
    assert [(one["item_id"], one["scope"], one["target"]) for one in found["pins"]] == [
        (lesson, "course", course)
    ]
    assert rule(loop, "pin", lesson, course=course)["changed"] is False
    with pytest.raises(UnknownThing, match=f"no pin of '{lesson}' for all; near ones: {lesson} for course"):
        rule(loop, "pin", lesson, remove=True)
    blocked = rule(loop, "block", lesson, course=course)
    assert (blocked["changed"], len(blocked["blocks"])) == (True, 1)
    assert rule(loop, "pin")["pins"] == [], "blocked is no longer pinned"
    assert rule(loop, "block", lesson, course=course, remove=True) == {"changed": True, "blocks": []}
    with pytest.raises(UnknownThing, match="there is no item 's:nothing'"):
        rule(loop, "pin", "s:nothing")
    with pytest.raises(BadInput, match="is a course"):
        rule(loop, "pin", course)
    with pytest.raises(BadInput, match="learnloop learner"):
        rule(loop, "pin", lesson, learner_id="ana")
    with pytest.raises(BadInput, match="--remove"):
        rule(loop, "block", remove=True)
