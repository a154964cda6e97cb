"""evaluate trace on planted answers: honest numbers choose, leaky ones are only told."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.evaluate.tracing import Honest, Leaky, choose, expanded
from learnloop.schemas import Space
from learnloop.settings import Settings
from learnloop.simulate.planted import planted_answers
from learnloop.trace.rate import RateTracer
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate_trace import evaluate_trace
from learnloop.workflow.evaluate_tracers import Part, Rules, evaluate_tracers

PLANTED = planted_answers(n_learners=60, n_items=20, n_concepts=6, answers_per_learner=30, seed=5)
FAST: dict[str, Any] = {"models": ["rate", "pfa"], "folds": 2, "n_bootstrap": 50}


class Copycat:
    """Says what the learner's answer before it was: worthless, unless that answer is its own."""

    name = "copycat"
    space: ClassVar[Space] = {}

    def fit(self, answers: pd.DataFrame) -> Self:
        return self

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        before = answers.groupby("learner_id")["correct"].shift()
        return before.map({True: 0.9, False: 0.1}).fillna(0.5).to_numpy(float)


class Broken(Copycat):
    name = "broken"

    def fit(self, answers: pd.DataFrame) -> Self:
        raise ValueError("singular")


def flat(answers: pd.DataFrame) -> pd.DataFrame:
    told = answers.assign(concept_id=answers["concept_ids"].map("~".join)).drop(columns="concept_ids")
    return told.assign(correct=told["correct"].astype(int))


def written(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frame = flat(PLANTED.answers)
    group = np.where(frame["learner_id"] < "l00020", "<f>", "m")
    return written(frame.assign(gender=group), tmp_path_factory.mktemp("answers") / "log.csv")


@pytest.fixture(scope="module")
def result(log: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    page = tmp_path_factory.mktemp("report") / "report.html"
    found = evaluate_trace(log, models=["logistic", "pfa"], folds=3, n_bootstrap=60, group_by=["gender"],
                           report=page)  # fmt: skip
    text = page.read_text()
    assert "not comparable" in text
    assert "&lt;f&gt;" in text
    assert "<f>" not in text
    return found


def planted_leak(seed: int = 0) -> pd.DataFrame:
    """Coin flips of items of different ease, each on three concepts: nothing but ease is to be known."""
    rng = np.random.default_rng(seed)
    n, length = 40, 30
    items = rng.integers(0, 10, n * length)
    return pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{k:03d}" for k in range(n)], length),
            "item_id": [f"i{item}" for item in items],
            "concept_ids": [("a", "b", "c")] * (n * length),
            "correct": rng.random(n * length) < 0.2 + 0.06 * items,
            "occurred_at": pd.Timestamp("2026-03-01", tz="UTC")
            + pd.to_timedelta(np.tile(np.arange(length), n) * 60, unit="s"),
        }
    )


def parted(answers: pd.DataFrame) -> tuple[list[Part], pd.DataFrame]:
    asked = (answers["learner_id"] >= "l030").to_numpy()
    test = answers[asked].reset_index(drop=True)
    return [Part("test", answers[~asked], test, test[:0], np.arange(len(test)))], test


def test_the_leaky_number_never_chooses() -> None:
    parts, asked = parted(planted_leak())
    kinds = {"copycat": (Copycat, {}), "rate": (RateTracer, {})}
    found = evaluate_tracers(kinds, parts, asked, Rules(n_bootstrap=50))
    leaky = {name: entry["leaky"]["auc"] for name, entry in found["models"].items()}
    honest = {name: entry["metrics"]["auc"]["value"] for name, entry in found["models"].items()}
    assert leaky["copycat"] > 0.75 > leaky["rate"]  # two of three rows see their own outcome
    assert honest["copycat"] < 0.56 < honest["rate"]
    assert found["models"]["copycat"]["leaky"]["rows"] == 3 * len(asked)
    assert found["models"]["copycat"]["leaky"]["label"].startswith("leaky, not comparable")
    assert found["best"] == found["best_on_test"] == "rate"


def test_only_honest_scores_can_choose() -> None:
    y = np.array([True, False])
    honest, leaky = Honest(np.zeros(2, int), y, np.array([0.6, 0.5])), Leaky(np.zeros(2, int), y, y * 1.0)
    with pytest.raises(TypeError, match="honest"):
        choose({"rate": [honest], "copycat": [leaky]})  # type: ignore[list-item]
    assert choose({"rate": [honest]}) == "rate"
    assert choose({"rate": []}) is None


@pytest.mark.parametrize("timed", [True, False])
def test_expanded_rows_are_of_one_concept_and_one_after_the_other(timed: bool) -> None:
    answers = planted_leak()[:60].reset_index(drop=True)
    answers.at[3, "concept_ids"] = ()
    rows, places = expanded(answers, timed)
    assert len(rows) == 3 * 60 - 2
    assert rows["concept_ids"].map(len).max() == 1
    np.testing.assert_array_equal(rows["correct"], answers["correct"].to_numpy()[places])
    steps = rows.groupby("learner_id")["occurred_at"].diff().dropna()
    assert (steps > pd.Timedelta(0)).all()
    assert timed or steps.nunique() == 1


def test_a_failing_model_is_told_and_the_others_go_on() -> None:
    parts, asked = parted(planted_leak())
    kinds: dict[str, Any] = {"broken": (Broken, {}), "rate": (RateTracer, {})}
    found = evaluate_tracers(kinds, parts, asked, Rules(n_bootstrap=50, fast=True))
    assert found["models"]["broken"]["error"] == "ValueError: singular"
    assert found["best"] is None
    assert found["best_on_test"] == "rate"
    with pytest.raises(NothingToDo, match="broken: ValueError"):
        evaluate_tracers({"broken": (Broken, {})}, parts, asked)


def test_each_answer_is_predicted_once_from_training_without_its_learner(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["models"].keys() == {"logistic", "pfa", "rate"}
    n = len(PLANTED.answers)
    assert result["test"]["answers"] == result["data"]["answers"] == n
    for entry in result["models"].values():
        assert sum(one["n"] for one in entry["reliability"]) == n
        for kind in ("attempt_on_item", "attempt_on_concept", "learner", "item", "history", "gender"):
            assert sum(one["n"] for one in entry["groups"][kind].values()) == n
        low, value, high = (entry["metrics"]["auc"][part] for part in ("low", "value", "high"))
        assert low < value < high
        assert entry["gap"] == pytest.approx(
            entry["validation"]["auc"] - np.mean([fold["auc"] for fold in entry["per_fold"]])
        )


def test_the_planted_truth_is_found_and_chosen_on_validation(result: dict[str, Any]) -> None:
    auc = {name: entry["metrics"]["auc"]["value"] for name, entry in result["models"].items()}
    truth = roc_auc_score(PLANTED.answers["correct"], PLANTED.probabilities)
    assert auc["rate"] < auc["logistic"] < truth
    validated = {name: entry["validation"]["auc"] for name, entry in result["models"].items()}
    assert result["best"] == max(validated, key=lambda name: validated[name])
    pairs = {(one["b"], one["metric"]): one for one in result["comparisons"] if one["a"] == result["best"]}
    assert len(pairs) == 4
    assert pairs["rate", "auc"]["p_value"] <= pairs["rate", "auc"]["p_holm"]
    first = result["models"]["rate"]["groups"]
    assert first["learner"]["new: the first 10 answers"]["n"] == 10 * 60
    assert first["attempt_on_item"]["first"]["n"] == result["test"]["first_attempts"]


def test_same_seed_same_result(log: Path) -> None:
    one, two = (evaluate_trace(log, **FAST, seed=3) for _ in range(2))
    for found in (one, two):
        for entry in found["models"].values():
            del entry["seconds"], entry["peak_bytes"]
    assert one == two


def test_a_given_test_has_earlier_answers_of_its_learners_as_history(tmp_path: Path) -> None:
    frame = flat(PLANTED.answers)
    of_test = (frame["learner_id"] >= "l00040") & (frame.groupby("learner_id").cumcount() >= 15)
    train, test = written(frame[~of_test], tmp_path / "a.csv"), written(frame[of_test], tmp_path / "b.csv")
    found = evaluate_trace(train, test=test, **{**FAST, "folds": 5})
    assert found["split"] == "given"
    assert found["data"]["learners_in_both"] == 20
    assert found["data"]["of_them_after_the_test_began"] == found["data"]["answers_in_both"] == 0
    assert found["test"]["answers"] == 300
    assert found["test"]["of_new_learners"] == 0  # 15 answers stand before each
    alone = evaluate_trace(written(frame[~of_test & (frame["learner_id"] < "l00040")], tmp_path / "c.csv"),
                           test=test, **FAST)  # fmt: skip
    assert alone["test"]["of_new_learners"] == 200


def test_answers_in_both_files_are_told(tmp_path: Path) -> None:
    frame = flat(PLANTED.answers)
    train, test = written(frame, tmp_path / "a.csv"), written(frame[:90], tmp_path / "b.csv")
    found = evaluate_trace(train, test=test, **FAST)
    assert found["data"]["answers_in_both"] == 90
    assert any("the test is in training" in note for note in found["data"]["notes"])


def test_rows_written_twice_are_told(tmp_path: Path) -> None:
    frame = flat(PLANTED.answers)
    twice = pd.concat([frame, frame.iloc[:100]])
    found = evaluate_trace(written(twice, tmp_path / "log.csv"), fast=True, **FAST)
    assert found["data"]["repeated_rows"] == 100
    assert "100 rows are the row before once more" in " ".join(found["data"]["notes"])


def test_at_one_time_and_together_nothing_is_told_of_an_order(tmp_path: Path) -> None:
    frame = flat(PLANTED.answers).assign(occurred_at=1_500_000_000)
    found = evaluate_trace(written(frame, tmp_path / "log.csv"), ties="together", fast=True, **FAST)
    assert found["data"]["notes"] == ["No learner has two different times: no answer sees another."]


def test_what_was_not_tried_is_told(tmp_path: Path) -> None:
    few = written(flat(PLANTED.answers[PLANTED.answers["learner_id"] < "l00006"]), tmp_path / "log.csv")
    found = evaluate_trace(few, folds=1, fast=True, n_bootstrap=50)
    assert found["models"].keys() == {"rate", "irt", "pfa", "logistic", "bkt", "memory"}
    assert "attention, blend. --models" in " ".join(found["data"]["notes"])


def test_predictions_of_another_tool_are_scored_and_never_chosen(log: Path, tmp_path: Path) -> None:
    oracle = tmp_path / "oracle.csv"
    pd.DataFrame({"p": PLANTED.probabilities}).to_csv(oracle, index=False)
    found = evaluate_trace(log, **FAST, predictions=oracle, columns="predictions.p_correct=p")
    truth = roc_auc_score(PLANTED.answers["correct"], PLANTED.probabilities)
    assert found["models"]["oracle"]["metrics"]["auc"]["value"] == pytest.approx(truth)
    assert found["best_on_test"] == "oracle"
    assert found["best"] in ("rate", "pfa")


def test_tuning_tries_the_defaults_first_and_is_told(log: Path) -> None:
    found = evaluate_trace(log, models=["pfa"], folds=1, n_bootstrap=50, tune=2)
    tuning = found["models"]["pfa"]["tuning"]
    assert tuning["trials"] == 2
    assert tuning["history"][0]["params"] == {"prior_variance": 0.3}
    assert found["models"]["pfa"]["params"] == tuning["best_params"]
    assert found["test"]["learners"] == 12


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"models": ["magic"]}, UnknownThing, "there are rate, .*logistic"),
        ({"folds": 61}, BadInput, "--folds 60"),
        ({"ties": "apart"}, BadInput, "order or together"),
        ({"group_by": ["history"]}, BadInput, "rename"),
        ({"group_by": ["school"]}, BadInput, "school"),
        ({"tune": 1, "fast": True}, BadInput, "--tune"),
        ({"report": Path("nowhere") / "x.html"}, BadInput, "folder that exists"),
    ],
)
def test_what_is_wrong_is_said(
    log: Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        evaluate_trace(log, **{**FAST, **options})


def test_only_a_report_of_ours_is_replaced(log: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("my notes")
    with pytest.raises(BadInput, match="no such report"):
        evaluate_trace(log, **FAST, report=mine)
    assert mine.read_text() == "my notes"


def cli(*words: str) -> Sequence[str]:
    return ["evaluate", "trace", *words]


def test_the_command_prints_both_numbers_with_their_labels(log: Path) -> None:
    run = CliRunner().invoke(app, cli("--train", str(log), "--models", "pfa", "--folds", "2"))
    assert run.exit_code == 0, run.output
    assert "honest auc" in run.stdout
    assert "leaky auc (not comparable)" in run.stdout
    assert "best (by validation)" in run.stdout
    lost = CliRunner().invoke(app, cli("--train", "nowhere.csv"))
    assert lost.exit_code == 1
    assert "there is no file" in lost.stderr


def test_mlflow_keeps_the_numbers_the_result_and_the_page(
    log: Path, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEARNLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LEARNLOOP_DATABASE_URL", database_url)
    asked = ["evaluate", "trace", "--train", str(log), "--models", "pfa", "--folds", "2", "--bootstrap", "50"]
    told = CliRunner().invoke(app, [*asked, "--mlflow", "--json"])
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    loop = Loop(Settings(home=tmp_path, database_url=database_url))
    try:
        import mlflow

        client = mlflow.MlflowClient(loop.registry.uri)
        (run,) = client.search_runs([loop.registry.experiment_id])
        assert run.info.status == "FINISHED"
        assert run.data.tags["data_sha256"] == result["data"]["sha256"]
        given = {"split": "learners", "folds": "2", "seed": "0", "best": result["best"]}
        assert given.items() <= run.data.params.items()
        for name in ("rate", "pfa"):
            for metric, numbers in result["models"][name]["metrics"].items():
                assert run.data.metrics[f"{name}_{metric}"] == pytest.approx(numbers["value"])
        names = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert {"evaluation.json", "evaluation.html"} < names
        assert any(name.endswith(".png") for name in names)
        kept = Path(client.download_artifacts(run.info.run_id, "evaluation.json", str(tmp_path)))
        assert json.loads(kept.read_text()) == result
    finally:
        loop.close()
