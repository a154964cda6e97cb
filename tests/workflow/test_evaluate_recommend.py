"""evaluate recommend on a planted log: tastes are found, leaks are found, and clean data are found clean."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.errors import BadInput, UnknownThing
from learnloop.evaluate import protocols
from learnloop.evaluate.ranking import METRICS, ranking_metrics
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.ranking import recommend
from learnloop.workflow.asked import Rules
from learnloop.workflow.evaluate_models import _best, evaluate_models
from learnloop.workflow.evaluate_recommend import brief, evaluate_recommend

N_LEARNERS, N_ITEMS, EVENTS = 240, 60, 20
START, DAY = 1_772_000_000, 86_400.0


def planted(seed: int = 0) -> pd.DataFrame:
    """Learners of four tastes, each of a quarter of the items; some items are popular; times are uniform."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, N_ITEMS // 4 + 1) ** 0.5
    rows = []
    for learner in range(N_LEARNERS):
        taste = learner % 4
        for _ in range(EVENTS):
            own = 4 * rng.choice(N_ITEMS // 4, p=weights / weights.sum()) + taste
            item = own if rng.random() < 0.9 else rng.integers(N_ITEMS)
            rows.append((f"l{learner:03d}", f"i{item:02d}", START + 30 * DAY * rng.random()))
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "occurred_at"])
    return frame.drop_duplicates(["learner_id", "item_id"]).sort_values("occurred_at", ignore_index=True)


def of_items() -> pd.DataFrame:
    numbers = range(N_ITEMS)
    return pd.DataFrame(
        {
            "item_id": [f"i{number:02d}" for number in numbers],
            "language": ["es" if number % 4 == 0 else "en" for number in numbers],
            "subject": [f"s{number % 4}" for number in numbers],
            "pages": np.random.default_rng(5).integers(5, 50, N_ITEMS),
        }
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    planted().assign(gender=lambda rows: np.where(rows["learner_id"] < "l080", "f", "m")).to_csv(
        path, index=False
    )
    return path


def written(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


FAST: dict[str, Any] = {"models": ["popularity", "neighbours"], "n_bootstrap": 60}


@pytest.fixture(scope="module")
def result(log: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("result")
    found = evaluate_recommend(
        log,
        items=written(of_items(), folder / "items.csv"),
        models=["random", "popularity", "neighbours", "ials"],
        n_bootstrap=100,
        group_by=["gender"],
        curve=True,
        audit=True,
        report=folder / "report.html",
    )
    assert (folder / "report.html").read_text().startswith("<!")
    return found


def test_planted_tastes_are_found_and_chosen_on_validation(result: dict[str, Any]) -> None:
    ndcg = {name: entry["metrics"]["ndcg"] for name, entry in result["models"].items()}
    assert ndcg["random"]["value"] < ndcg["popularity"]["value"]
    assert ndcg["popularity"]["high"] < ndcg["neighbours"]["low"]
    validated = {name: entry["validation"]["ndcg"] for name, entry in result["models"].items()}
    assert result["best"] == max(validated, key=lambda name: validated[name])
    against = {one["b"]: one for one in result["comparisons"]}
    assert against.keys() == result["models"].keys() - {result["best"]}
    assert against["popularity"]["p_value"] <= against["popularity"]["p_holm"] < 0.01


def test_the_result_is_json_of_the_parts_it_promises(result: dict[str, Any]) -> None:
    again = json.loads(json.dumps(result, allow_nan=False))
    assert again["data"]["rows"] == len(planted())
    assert again["test"]["reachable_share"] == 1
    entry = again["models"]["ials"]
    assert entry["beyond"].keys() == {
        *("coverage", "gini", "novelty", "intra_list_diversity"),
        *("average_popularity", "popularity_lift", "calibration_kl"),
    }
    assert entry["gap"] == pytest.approx(entry["validation"]["ndcg"] - entry["metrics"]["ndcg"]["value"])
    assert entry["groups"].keys() == {"history", "language", "gender", "items"}
    gender = entry["groups"]["gender"]
    assert gender["f"]["n"] + gender["m"]["n"] == again["test"]["learners"]
    assert entry["per_fold"][0]["ndcg"] == pytest.approx(entry["metrics"]["ndcg"]["value"])
    assert [point["share"] for point in again["curve"]["popularity"]] == [0.125, 0.25, 0.5, 1.0]
    assert again["curve"]["popularity"][-1]["ndcg"] == pytest.approx(
        again["models"]["popularity"]["metrics"]["ndcg"]["value"]
    )
    assert again["calibrated_on"] == "subject"
    # who ranks by taste keeps the learner's mix of subjects
    calibration = {name: one["beyond"]["calibration_kl"] for name, one in again["models"].items()}
    assert calibration["neighbours"]["high"] < calibration["random"]["low"]


def test_clean_data_are_found_clean(result: dict[str, Any]) -> None:
    assert result["audit"] == []


def test_a_model_s_numbers_are_those_of_plain_steps(log: Path, result: dict[str, Any]) -> None:
    frame = planted().rename(columns={"occurred_at": "at"})
    fold = protocols.folds(frame)[0]
    counts = fold.train.drop_duplicates(["learner_id", "item_id"])["item_id"].value_counts()
    lists = {
        learner: sorted(
            set(counts.index) - set(fold.histories[learner]), key=lambda item: (-counts[item], item)
        )
        for learner in fold.relevant
    }
    plain = ranking_metrics(lists, fold.relevant, len(counts), 10)
    for metric in ("ndcg", "recall", "map"):
        found = result["models"]["popularity"]["metrics"][metric]["value"]
        assert found == pytest.approx(plain[metric].mean()), metric


def test_another_tool_s_lists_score_as_the_model_that_made_them(log: Path, tmp_path: Path) -> None:
    frame = planted().rename(columns={"occurred_at": "at"})
    fold = protocols.folds(frame)[0]
    signals = fold.train[["learner_id", "item_id"]].drop_duplicates().assign(weight=1.0)
    model = Popularity().fit(signals)
    learners = sorted(fold.relevant)
    rows = [
        (learner, item, place)
        # with what the learner had done, twice, and an item that nobody knows behind them
        for learner, ranked in zip(
            learners, recommend(model, [fold.histories[one] for one in learners], 10), strict=True
        )
        for place, item in enumerate([fold.histories[learner][0], *[item for item, _ in ranked], "unknown"])
    ]
    rows += [(learners[0], fold.histories[learners[0]][0], 99), ("nobody", "i01", 0)]
    theirs = written(pd.DataFrame(rows, columns=["learner_id", "item_id", "rank"]), tmp_path / "theirs.csv")
    found = evaluate_recommend(log, models=["popularity"], predictions=theirs, n_bootstrap=60)["models"]
    assert found["theirs"]["metrics"] == found["popularity"]["metrics"]
    told = found["theirs"]["predictions"]
    assert told["seen"] == len(learners)
    assert (told["repeated"], told["of_other_learners"], told["learners_without"]) == (1, 1, 0)
    half = written(pd.DataFrame(rows[:-2]).iloc[::2].set_axis(["learner_id", "item_id", "rank"], axis=1),
                   tmp_path / "half.csv.txt")  # fmt: skip
    short = evaluate_recommend(log, models=["popularity"], predictions=half, n_bootstrap=60, fast=True)
    assert short["models"]["half"]["predictions"]["short_lists"] > 0
    assert short["best"] is None


def test_items_that_training_lacks_count_for_a_model_and_for_a_list_alike(tmp_path: Path) -> None:
    """Half of the test is a lesson nobody had done: who ranks it first is right, in every group, too."""
    train, test = parted()
    fresh = test.drop_duplicates("learner_id")[["learner_id", "occurred_at"]].assign(item_id="new")
    path, asked = written(train, tmp_path / "train.csv"), tmp_path / "test.csv"
    written(pd.concat([test, fresh]), asked)
    theirs = pd.DataFrame({"learner_id": sorted(fresh["learner_id"]), "item_id": "new"})
    fold = protocols.given(*(part.rename(columns={"occurred_at": "at"}) for part in (train, fresh)))
    lists = {"theirs": theirs}
    found = evaluate_models({"newest": (Newest, {})}, [fold], Rules(n_bootstrap=60), lists)["models"]
    for name in ("newest", "theirs"):
        groups = found[name]["groups"]
        assert found[name]["metrics"]["ndcg"]["value"] == 1, name
        assert [one["ndcg"]["value"] for one in groups["history"].values()] == [1] * len(groups["history"])
        assert groups["items"]["cold"]["recall"]["value"] == 1
    assert found["theirs"]["predictions"]["unknown_items"] == len(theirs)
    mixed = evaluate_recommend(
        path,
        test=asked,
        predictions=written(theirs, tmp_path / "theirs.csv"),
        models=["popularity"],
        n_bootstrap=60,
    )
    assert mixed["models"]["theirs"]["metrics"]["hit"]["value"] == 1
    assert mixed["test"]["reachable_share"] < 1


def test_of_equal_models_the_first_named_is_best() -> None:
    folds = protocols.folds(planted().rename(columns={"occurred_at": "at"}))
    kinds: dict[str, Any] = {"a": (Popularity, {}), "b": (Popularity, {})}
    for names in ("ab", "ba"):
        found = evaluate_models({name: kinds[name] for name in names}, folds, Rules(n_bootstrap=60))
        assert found["best"] == found["best_on_test"] == names[0]


def test_tuning_asks_for_repeats_where_the_test_does(tmp_path: Path) -> None:
    days = pd.DataFrame(
        [(f"l{n}", f"i{n % 5}", START + day * DAY) for day in range(10) for n in range(30)],
        columns=["learner_id", "item_id", "occurred_at"],
    )
    path = written(days, tmp_path / "log.csv")
    found = evaluate_recommend(path, models=["popularity"], hide_seen=False, tune=1, n_bootstrap=60)
    tuned = found["models"]["popularity"]
    assert tuned["tuning"]["best_value"] == pytest.approx(tuned["validation"]["ndcg"])
    assert tuned["validation"]["ndcg"] > 0


def test_folds_pool_learners(log: Path) -> None:
    found = evaluate_recommend(log, folds=3, split="learners", **FAST)
    entry = found["models"]["neighbours"]
    assert [fold["fold"] for fold in entry["per_fold"]] == ["learners 1", "learners 2", "learners 3"]
    assert entry["metrics"]["ndcg"]["sd"] == pytest.approx(
        np.std([f["ndcg"] for f in entry["per_fold"]], ddof=1)
    )
    assert found["test"]["learners"] == N_LEARNERS


class Failing:
    name = "failing"
    space: dict[str, Any] = {}  # noqa: RUF012 - as the contract has it

    def fit(self, signals: pd.DataFrame, features: Any = None) -> Self:
        raise MemoryError("too many items")


class Newest(Popularity):
    """Popularity, and before it a lesson that nobody in training has done."""

    name = "newest"

    def fit(self, signals: pd.DataFrame, features: Any = None) -> Self:
        super().fit(signals)
        self.item_ids = np.array([*self.item_ids, "new"], dtype=object)
        self.item_weights = np.append(self.item_weights, 2 * self.n_learners)
        return self


class Cheat(Popularity):
    """Popularity that has got hold of the test, for learners of the time of the test alone."""

    name = "cheat"
    answers: dict[tuple[str, ...], set[str]] = {}  # noqa: RUF012 - set by the test

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        found = super().scores(histories)
        for row, history in enumerate(histories):
            known = self.answers.get(tuple(history), set())
            found[row] += [item_id in known for item_id in self.item_ids]
        return found


def test_a_model_that_fails_is_told_and_the_others_go_on() -> None:
    fold = protocols.folds(planted().rename(columns={"occurred_at": "at"}))
    kinds: dict[str, Any] = {"failing": (Failing, {}), "popularity": (Popularity, {})}
    found = evaluate_models(kinds, fold, Rules(n_bootstrap=60))
    assert found["models"]["failing"] == {"params": {}, "error": "MemoryError: too many items"}
    assert found["best"] == "popularity"


def checks(found: dict[str, Any], severity: str = "high") -> set[str]:
    return {one["check"] for one in found["audit"] if one["severity"] == severity}


def parted(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = planted(seed)
    cut = int(0.8 * len(frame))
    return frame[:cut], frame[cut:]


def test_planted_rows_of_the_test_in_training_are_found(tmp_path: Path) -> None:
    train, test = parted()
    clean = written(train, tmp_path / "train.csv")
    asked = written(test, tmp_path / "test.csv")
    assert evaluate_recommend(clean, test=asked, audit=True, **FAST)["audit"] == []
    leaky = written(pd.concat([train, test.iloc[::10]]), tmp_path / "leaky.csv")
    found = evaluate_recommend(leaky, test=asked, audit=True, **FAST)
    assert checks(found) == {"test_rows_in_training", "future_in_training"}
    # without times it is the pair alone that tells
    for path, frame in ((leaky, pd.concat([train, test.iloc[::10]])), (asked, test)):
        written(frame.drop(columns="occurred_at"), path)
    found = evaluate_recommend(leaky, test=asked, audit=True, **FAST)
    assert checks(found) == {"test_rows_in_training"}


def test_planted_future_rows_and_spellings_are_found(tmp_path: Path) -> None:
    train, test = parted()
    later = test.iloc[::7].assign(item_id="i00", occurred_at=lambda rows: rows["occurred_at"] + DAY)
    twice = train.iloc[:40].assign(learner_id=lambda rows: rows["learner_id"].str.upper() + " ")
    found = evaluate_recommend(
        written(pd.concat([train, later, twice]), tmp_path / "train.csv"),
        test=written(test, tmp_path / "test.csv"),
        audit=True,
        **FAST,
    )
    assert checks(found) == {"future_in_training"}
    assert checks(found, "medium") == {"learners_under_several_names"}


def test_planted_columns_that_know_the_answer_are_found(tmp_path: Path) -> None:
    frame = planted()
    items = of_items().assign(popularity=of_items()["item_id"].map(frame["item_id"].value_counts()))
    upcoming = frame.assign(next_item=frame.groupby("learner_id")["item_id"].shift(-1))
    found = evaluate_recommend(
        written(upcoming, tmp_path / "log.csv"),
        items=written(items, tmp_path / "items.csv"),
        audit=True,
        **FAST,
    )
    assert checks(found) == {"item_column_knows_the_test", "log_column_names_the_next_item"}
    told = {one["check"]: one["evidence"]["column"] for one in found["audit"]}
    assert set(told.values()) == {"popularity", "next_item"}


def test_a_planted_cheat_is_found() -> None:
    folds = protocols.folds(planted().rename(columns={"occurred_at": "at"}))
    Cheat.answers = {tuple(folds[0].histories[one]): items for one, items in folds[0].relevant.items()}
    from learnloop.evaluate.audit import too_good

    found = evaluate_models(
        {"cheat": (Cheat, {}), "popularity": (Popularity, {})}, folds, Rules(n_bootstrap=60)
    )
    (finding,) = too_good(found["models"])
    assert (finding["check"], finding["evidence"]["model"]) == ("test_above_validation", "cheat")


def test_options_that_make_no_sense_are_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownThing, match=r"no model 'best'; there are random, popularity, .*--models"):
        evaluate_recommend(log, models=["best"])
    with pytest.raises(BadInput, match="lacks column 'sex'"):
        evaluate_recommend(log, group_by=["sex"], **FAST)
    with pytest.raises(BadInput, match="a group of ours is called 'items'"):
        evaluate_recommend(log, group_by=["gender", "items"], **FAST)
    with pytest.raises(BadInput, match="--fast leaves out the validation that --tune needs"):
        evaluate_recommend(log, tune=2, fast=True, **FAST)
    stranger = written(pd.DataFrame({"learner_id": ["7"], "item_id": ["i01"]}), tmp_path / "other.csv")
    with pytest.raises(BadInput, match="no learner that the test asks about: the first is '7', not 'l0"):
        evaluate_recommend(log, predictions=stranger, **FAST)
    with pytest.raises(BadInput, match="only for what is new"):
        evaluate_recommend(log, hide_seen=False, split="learners", **FAST)
    mine = tmp_path / "notes.html"
    mine.write_text("mine")
    with pytest.raises(BadInput, match="is no such report"):
        evaluate_recommend(log, report=mine, **FAST)
    assert mine.read_text() == "mine"


def test_seen_items_count_where_they_are_shown(tmp_path: Path) -> None:
    """Learners who do the same item every day: the past repeats, where one may say so."""
    days = pd.DataFrame(
        [(f"l{n}", f"i{n % 5}", START + day * DAY) for day in range(10) for n in range(30)],
        columns=["learner_id", "item_id", "occurred_at"],
    )
    found = evaluate_recommend(written(days, tmp_path / "log.csv"), hide_seen=False, **FAST)
    assert found["test"]["relevant"] == 30
    assert found["models"]["popularity"]["metrics"]["recall"]["value"] == 1


def test_the_command_prints_json_and_names_what_is_wrong(log: Path) -> None:
    run = CliRunner()
    options = [
        "evaluate",
        "recommend",
        "--interactions",
        str(log),
        "--models",
        "popularity",
        "--bootstrap",
        "60",
    ]
    told = run.invoke(app, [*options, "--fast", "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["models"]["popularity"]["metrics"]["ndcg"]["value"] > 0
    plain = run.invoke(app, options)
    assert "best (by validation): popularity" in plain.stdout
    wrong = run.invoke(app, [*options, "--map", "learner_id=user"])
    assert wrong.exit_code == 1
    assert "learnloop: the interactions file has no column 'user'" in wrong.stderr


def test_groups_are_also_read_from_the_test(tmp_path: Path) -> None:
    """Half of the test's learners are new: only the test says what they are."""
    rows = planted().assign(team=lambda frame: np.where(frame["learner_id"] < "l120", "a", "b"))
    new = rows["learner_id"].str[-1].isin(list("02468"))
    late = rows["occurred_at"] >= rows["occurred_at"].quantile(0.8)
    train, test = written(rows[~late & ~new], tmp_path / "a.csv"), written(rows[late], tmp_path / "b.csv")
    found = evaluate_recommend(train, test=test, group_by=["team"], fast=True, **FAST)
    team = found["models"]["popularity"]["groups"]["team"]
    assert team["a"]["n"] + team["b"]["n"] == found["test"]["learners"] > 200
    assert found["test"]["new_learners"] > 100
    plain = written(rows[late].drop(columns="team"), tmp_path / "c.csv")
    fewer = evaluate_recommend(train, test=plain, group_by=["team"], fast=True, **FAST)
    groups = fewer["models"]["popularity"]["groups"]["team"]
    assert groups["a"]["n"] + groups["b"]["n"] == found["test"]["learners"] - found["test"]["new_learners"]


def test_why_a_model_was_neither_validated_nor_tuned_is_told(tmp_path: Path) -> None:
    """Training is one instant: no part of it can be held back."""
    rows = [(f"l{n}", f"i{item}", 0 if item < 3 else 100) for n in range(20) for item in range(5)]
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "occurred_at"])
    path = written(frame.assign(occurred_at=frame["occurred_at"] + START), tmp_path / "log.csv")
    found = evaluate_recommend(path, models=["ease"], tune=2, n_bootstrap=50, test_share=0.4)
    entry = found["models"]["ease"]
    assert (found["best"], entry["validation"], entry["tuning"]["trials"]) == (None, None, 0)
    assert "leave 0 of 1 folds" in entry["unvalidated"]
    assert entry["tuning"]["left_out"] in entry["unvalidated"]
    shown = brief(found)["models"]["ease"]
    assert shown["not validated"] == entry["unvalidated"]
    assert "validation" in shown["not tuned"]
    good = evaluate_recommend(written(planted(), tmp_path / "good.csv"), **FAST)["models"]["popularity"]
    assert "unvalidated" not in good


def test_an_interrupted_evaluation_does_not_say_that_it_keeps_anything(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("learnloop.workflow.evaluate_recommend.evaluate_models", interrupted)
    done = CliRunner().invoke(app, ["evaluate", "recommend", "--interactions", str(log)])
    assert done.exit_code == 130
    assert "learnloop: interrupted; an evaluation keeps nothing" in done.stderr


def test_what_the_audit_found_is_told_in_the_terminal_with_its_evidence(tmp_path: Path) -> None:
    frame = planted()
    upcoming = frame.assign(next_item=frame.groupby("learner_id")["item_id"].shift(-1))
    options = ["--models", "popularity", "--bootstrap", "60", "--fast", "--audit"]
    for name, rows, words in (
        ("clean.csv", frame, "audit: clean"),
        ("leaky.csv", upcoming, "high: log_column_names_the_next_item (column next_item, learners "),
    ):
        path = str(written(rows, tmp_path / name))
        told = CliRunner().invoke(app, ["evaluate", "recommend", "--interactions", path, *options])
        assert words in told.stdout


def test_a_tuned_blend_is_made_of_tuned_bases(tmp_path: Path) -> None:
    path = written(planted(3).head(1500), tmp_path / "log.csv")
    found = evaluate_recommend(path, models=["ease", "blend"], tune=2, n_bootstrap=50)
    ease, blend = found["models"]["ease"], found["models"]["blend"]
    assert blend["params"]["bases"]["ease"] == {
        name: value for name, value in ease["params"].items() if name != "seed"
    }
    assert blend["tuning"]["best_value"] == pytest.approx(blend["validation"]["ndcg"])
    assert blend["validation"]["ndcg"] > 0


@pytest.mark.parametrize(("split", "best"), [("time", "a"), ("leave-last-out", "b"), ("learners", "c")])
def test_the_fold_whose_validation_is_in_no_test_chooses(split: str, best: str) -> None:
    worth = {"a": [0.9, 0.1, 0.2], "b": [0.1, 0.3, 0.6], "c": [0.8, 0.8, 0.5]}
    found: dict[str, Any] = {
        name: [SimpleNamespace(validation=dict.fromkeys(METRICS, value)) for value in values]
        for name, values in worth.items()
    }
    assert _best(found, split) == best
    nothing: dict[str, Any] = {"a": [SimpleNamespace(validation=dict.fromkeys(METRICS, 0.0))]}
    assert _best(nothing, split) is None  # nobody found anything: there is no best


def test_chance_is_chosen_only_alone() -> None:
    found: dict[str, Any] = {
        name: [SimpleNamespace(validation=dict.fromkeys(METRICS, value))]
        for name, value in (("popularity", 0.1), ("random", 0.2))
    }
    assert _best(found, "time") == "popularity"
    assert _best({"random": found["random"]}, "time") == "random"
