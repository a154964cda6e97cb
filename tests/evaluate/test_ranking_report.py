"""The ranking report: what it says, that it is one sound page, and that no data can write into it."""

import ast
import copy
import doctest
import inspect
from io import BytesIO
from pathlib import Path
from typing import Any

import lxml.html
import numpy as np
import pytest
from matplotlib.figure import Figure

from learnloop.errors import BadInput
from learnloop.evaluate import audit, ranking_html, ranking_report
from learnloop.evaluate.ranking import paired_difference, ranking_metrics, summary
from learnloop.evaluate.ranking_html import decimal
from learnloop.evaluate.ranking_plots import figures
from learnloop.evaluate.ranking_report import MARK_WITHIN, document, is_report, report_page
from learnloop.evaluate.ranking_result import group_values, leading, measured, stems
from learnloop.evaluate.ranking_words import CHECKS, cautions
from learnloop.workflow.evaluate_recommend import evaluate_recommend

HOSTILE = "学習 <script>alert(1)</script> ${body} $x_1$ \x07 \" onload='x' </text></svg>"
QUALITY_PAGE = b'<!doctype html><head><meta name="generator" content="learnloop data quality report"></head>'
PLOTS = ("metric_by_model", "accuracy_against_popularity", "history_length", "validation_and_test", "folds")
N_LEARNERS = 120


def around(value: float, width: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": value - width, "high": value + width}


def model(ndcg: float, validation: float, **more: Any) -> dict[str, Any]:
    bands = {"0": 0.1, "1-2": 0.5, "11-20": 1.0, "3-10": 0.8}  # in the order of text, not of number
    return {
        "params": {"factors": 64},
        "metrics": {"ndcg": around(ndcg), "recall": around(ndcg / 2)},
        "beyond": {"coverage": 0.5, "gini": 0.4, "average_popularity": around(30.0), "calibration_kl": 0.25},
        "groups": {
            "history": {
                band: {"n": 30, "ndcg": around(ndcg * share), "recall": around(ndcg)}
                for band, share in bands.items()
            },
            "language": {"en": {"n": 90, "ndcg": around(ndcg)}, "es": {"n": 30, "ndcg": around(ndcg / 3)}},
            "item": {"head": {"n": 9, "recall": around(ndcg)}, "cold": {"n": 6, "recall": around(0.0, 0.0)}},
        },
        "seconds": {"fit": 1.25, "recommend": 0.5},
        "nbytes": 2_000_000,
        "validation": {"ndcg": validation},
        "train": {"ndcg": validation * 1.5},
        "gap": validation - ndcg,
        "per_fold": [{"fold": "window 1", "ndcg": ndcg - 0.01}, {"fold": "window 2", "ndcg": ndcg + 0.01}],
        "tuning": {"trials": 20},
        **more,
    }


def result() -> dict[str, Any]:
    """Three models and one that failed, every part there."""
    return {
        "data": {
            "file": "log.csv",
            "sha256": "c0ffee" * 10,
            "rows": 1_204,
            "learners": 400,
            "items": 90,
            "refused": {"value_at_most_0": 7},
            "times": True,
        },
        **{"split": "time", "folds": 2, "k": 10, "test_share": 0.2, "seed": 3, "hide_seen": True},
        "test": {"learners": N_LEARNERS, "new_learners": 5, "relevant": 300, "reachable_share": 0.97},
        "models": {
            "popularity": model(0.1, 0.11),
            "ease": model(0.3, 0.32),
            "ials": model(0.25, 0.27),
            "sasrec": {"error": "it needs 40 GB"},
        },
        "comparisons": [
            {"a": "ease", "b": "ials", "metric": "ndcg", **around(0.05), "p_value": 0.0005, "p_holm": 0.001},
            {
                "a": "ease",
                "b": "popularity",
                "metric": "ndcg",
                **around(0.2),
                "p_value": 1e-4,
                "p_holm": 2e-4,
            },
        ],
        "best": "ease",
        "curve": {
            name: [
                {"share": share, "learners": int(400 * share), "ndcg": at * share, "low": 0.0, "high": at}
                for share in (0.25, 0.5, 1.0)
            ]
            for name, at in (("ease", 0.3), ("popularity", 0.1))
        },
        "audit": [
            {"check": "slight_thing", "severity": "low", "evidence": {"gini": 0.93}, "advice": "look"},
            {"check": "test_in_training", "severity": "high", "evidence": "9 pairs of 300", "advice": "drop"},
        ],
    }


def undrawn(told: dict[str, Any]) -> str:
    """The page with a blank in the place of each figure: drawing them takes most of the time."""
    names = [*PLOTS, "learning_curve", "calibration", *(f"groups_{stem}" for stem in stems(told).values())]
    return document(told, dict.fromkeys(names, "<svg></svg>"))


def text_of(page: str) -> str:
    return " ".join(" ".join(lxml.html.fromstring(page).itertext()).split())


@pytest.fixture(scope="module")
def page() -> str:
    return report_page(result())


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    return figures(result())


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return report_page(hostile())


def verdict(told: dict[str, Any]) -> str:
    (found,) = lxml.html.fromstring(undrawn(told)).find_class("verdict")
    return " ".join(found.text_content().split())


def cells(page: str) -> list[list[str]]:
    tree = lxml.html.fromstring(page)
    return [[" ".join(cell.text_content().split()) for cell in row] for row in tree.iter("tr")]


def test_the_examples_hold() -> None:
    assert doctest.testmod(ranking_html).failed == 0


def test_the_headline_says_what_was_chosen_and_by_how_much() -> None:
    assert verdict(result()) == (
        "ease was chosen: of 3 models it is the best on validation (NDCG@10 .320 there). On the test, which"
        " had no say in the choice, it reaches NDCG@10 .300 [.280, .320] over 120 learners."
        " That is .050 [.030, .070] above the next, ials, p = .001."
    )


def test_the_headline_where_the_chosen_one_is_not_the_best_on_the_test() -> None:
    told = result()
    told["best"] = "ials"
    # made the other way round
    text = verdict(told)
    assert "On the test ease is above it by .050 [.030, .070]" in text
    assert "The choice stands" in text
    told["comparisons"][0] |= {"value": 0.01, "low": -0.01, "high": 0.03, "p_holm": 0.4}
    assert "cannot be told from it: the difference is −.010 [−.030, .010], p = .40" in verdict(told)
    told["comparisons"] = []
    assert "That is .050 below the best other one, ease." in verdict(told)


def test_a_difference_that_holm_does_not_let_pass_is_said_to_be_chance() -> None:
    told = result()
    told["comparisons"][0]["p_holm"] = 0.08
    assert "p = .080 after Holm's correction, so it may be chance" in verdict(told)
    assert ["ease − ials", "NDCG@10", "+.050 [.030, .070]", "< .001", ".080", "may be chance"] in cells(
        undrawn(told)
    )


def test_serious_findings_come_first_in_words() -> None:
    told = undrawn(result())
    sections = [section.get("id") for section in lxml.html.fromstring(told).iter("section")]
    assert sections[0] == "audit"
    text = text_of(told)
    assert text.index("test in training high 9 pairs of 300 What to do: drop") < text.index(
        "slight thing low"
    )
    assert "gini: 0.93" in text
    assert "believe no number here" in text
    quiet = {**result(), "audit": []}
    assert "believe no number here" not in text_of(undrawn(quiet))
    assert "No test row is in training" in text_of(undrawn(quiet))
    timeless = text_of(undrawn({**quiet, "data": {**quiet["data"], "times": False}}))
    assert "No test row is in training" in timeless
    assert "no training row is from after" not in timeless
    assert "was not checked: the log has no times" in timeless
    unasked = {name: part for name, part in result().items() if name != "audit"}
    assert "were not audited" in text_of(undrawn(unasked))


def test_every_check_of_the_audit_is_put_into_words() -> None:
    tree = ast.parse(inspect.getsource(audit))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    made = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "_finding"}
    spelt = {"'learners_under_several_names'", "'items_under_several_names'"}
    assert made - {"f'{what}s_under_several_names'"} | spelt == {repr(name) for name in CHECKS}
    finding = {"check": "future_in_training", "severity": "high", "evidence": {"rows": 3}, "advice": "cut"}
    assert CHECKS["future_in_training"] + " rows: 3" in text_of(undrawn({**result(), "audit": [finding]}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test": {"learners": 40, "new_learners": 0}}, "Only 40 learners"),
        ({"test": {"learners": 400, "new_learners": 200}}, "50% of the learners in the test are new"),
        ({"test": {"learners": 400, "reachable_share": 0.7}}, "30% of what learners went on to do"),
        ({"split": "leave-last-out"}, "training holds what other learners did later"),
        ({"data": {"times": False}}, "no times"),
        ({"hide_seen": False}, "count as hits"),
        ({"models": {"ease": model(0.2, 0.3)}}, ".100 lower on the test than on validation"),
        ({"models": {"ease": model(0.3, 0.2)}}, ".100 higher on the test than on validation"),
        ({"models": {"ease": model(0.3, 0.3, beyond={"popularity_lift": 0.8})}}, "80% more popular"),
        ({"models": {"ease": model(0.3, 0.3, beyond={"coverage": 0.04})}}, "4% of the catalogue"),
        (
            {"models": {"ease": model(0.3, 0.3, per_fold=[{"ndcg": 0.1}, {"ndcg": 0.5}])}},
            "from .100 to .500",
        ),
    ],
)
def test_what_to_be_careful_about(change: dict[str, Any], said: str) -> None:
    plain = {**result(), "audit": []}
    del plain["models"]["sasrec"]
    assert cautions(plain, measured(plain)) == []
    assert "Nothing in these data calls for special care" in undrawn(plain)
    told = {**plain, **change}
    (found,) = cautions(told, measured(told))
    assert said in found


def test_the_numbers_are_there() -> None:
    found = cells(undrawn(result()))
    assert ["ease (chosen)", ".300[.280, .320]", ".150[.130, .170]"] in found
    assert ["ials", ".405", ".270", ".250", ".020"] in found
    assert ["es", "30", ".100[.080, .120]", ".083[.063, .103]", ".033[.013, .053]"] in found
    assert ["ease (chosen)", ".300", ".014", ".290", ".310"] in found
    assert ["ease (chosen)", "factors=64", "20 trials", "1.2", "0.5", "2.0 MB"] in found
    assert ["rows left out: value at most 0", "7"] in found
    assert "sasrec could not be evaluated: it needs 40 GB" in text_of(undrawn(result()))


def test_the_page_is_one_document_that_asks_for_nothing(page: str, drawn: dict[str, Figure]) -> None:
    tree = lxml.html.fromstring(page)
    assert not [
        value
        for element in tree.iter()
        for name, value in element.attrib.items()
        if name.rsplit("}")[-1] in ("src", "href") and not value.startswith("#")
    ]
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert page == report_page(copy.deepcopy(result())), "equal results, equal pages"
    assert len(list(tree.iter("svg"))) == len(drawn) == 9
    links = {a.get("href") for a in tree.iter("a")}
    assert links == {f"#{section.get('id')}" for section in tree.iter("section")}


def hostile() -> dict[str, Any]:
    told = result()
    for name in ("ease", "sasrec"):
        told["models"][f"{name}{HOSTILE}"] = told["models"].pop(name)
    chosen = told["models"][f"ease{HOSTILE}"]
    chosen["params"] = {HOSTILE: HOSTILE}
    for one in measured(told).values():
        one["groups"] |= {HOSTILE: {HOSTILE: {"n": 3, "ndcg": around(0.1)}}}
    told["models"][f"sasrec{HOSTILE}"]["error"] = HOSTILE
    told["best"] = f"ease{HOSTILE}"
    told["comparisons"][0] |= {"a": f"ease{HOSTILE}"}
    told["curve"] = {f"ease{HOSTILE}": told["curve"]["ease"]}
    told["audit"][1] = {
        "check": HOSTILE,
        "severity": HOSTILE,
        "evidence": {HOSTILE: HOSTILE},
        "advice": HOSTILE,
    }
    told["data"] |= {"file": HOSTILE, "sha256": HOSTILE, "refused": {HOSTILE: 1}}
    for fold in chosen["per_fold"]:
        fold["fold"] = HOSTILE
    return {**told, "split": HOSTILE, "seed": HOSTILE}


def test_no_name_can_write_into_the_page(hostile_page: str) -> None:
    tree = lxml.html.fromstring(hostile_page)
    assert not list(tree.iter("script"))
    assert not [element for element in tree.iter() if "onload" in element.attrib]
    assert len(list(tree.iter("svg"))) == 10
    text = text_of(hostile_page)
    assert "<script>alert(1)</script>" in text
    assert "${body}" in text


@pytest.mark.parametrize(
    "gone", ["data", "test", "comparisons", "best", "curve", "k", "split", "folds", "seed"]
)
def test_a_part_that_is_missing_is_left_out(gone: str) -> None:
    told = {name: part for name, part in result().items() if name != gone}
    assert "How well the models recommend" in undrawn(told)
    assert "None" not in text_of(undrawn(told))


@pytest.mark.parametrize(
    ("gone", "figure"),
    [
        ("beyond", "accuracy_against_popularity"),
        ("groups", "history_length"),
        ("validation", "validation_and_test"),
        ("per_fold", "folds"),
    ],
)
def test_a_figure_whose_numbers_are_missing_is_left_out(
    gone: str, figure: str, drawn: dict[str, Figure]
) -> None:
    told = {**result(), "curve": {}}
    assert figure in drawn
    for one in told["models"].values():
        one.pop(gone, None)
    assert figure not in figures(told)
    assert "nan" not in text_of(undrawn(told))


def test_no_model_at_all() -> None:
    told = {
        **result(),
        "models": {"ease": {"error": "no memory"}},
        "best": None,
        "comparisons": [],
        "curve": {},
    }
    assert figures(told) == {}
    assert verdict(told) == "No model could be evaluated. The reasons are below."
    assert "ease could not be evaluated: no memory" in text_of(undrawn(told))
    assert "No model could be evaluated" in report_page({})


def test_without_a_choice_the_page_makes_none() -> None:
    told = {**result(), "best": None}
    assert verdict(told).startswith(
        "No model was chosen, for there was no validation. Highest on the test is ease"
    )


def test_values_that_are_no_numbers_are_dashes() -> None:
    told = result()
    told["models"]["ials"]["beyond"] = {"gini": float("nan"), "coverage": None}
    told["models"]["ials"]["groups"]["language"]["es"] = {"n": 0, "ndcg": None}
    row = next(row for row in cells(undrawn(told)) if row[:2] == ["ials", "–"])
    assert set(row[1:]) == {"–"}


def test_figures_show_the_numbers(drawn: dict[str, Figure]) -> None:
    assert set(PLOTS) < set(drawn)
    assert {"learning_curve", "calibration", "groups_language", "groups_item"} < set(drawn)
    (axes,) = drawn["metric_by_model"].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["popularity", "ials", "ease"]
    assert [text.get_text() for text in axes.texts] == [".100", ".250", ".300"]
    (axes,) = drawn["history_length"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1-2", "3-10", "11-20"]
    line = next(line for line in axes.lines if line.get_label() == "ease")
    np.testing.assert_allclose(line.get_ydata(), [0.03, 0.15, 0.24, 0.3])
    (axes,) = drawn["accuracy_against_popularity"].axes
    assert sorted(text.get_text() for text in axes.texts) == ["ease", "ials", "popularity"]
    (axes,) = drawn["learning_curve"].axes
    line = next(line for line in axes.lines if line.get_label() == "ease")
    np.testing.assert_allclose(line.get_xydata(), [[100, 0.075], [200, 0.15], [400, 0.3]])
    (axes,) = drawn["groups_item"].axes
    assert axes.get_xlabel() == "Recall@10"


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_every_figure_can_be_drawn_for_the_experiment_tracker() -> None:
    for figure in figures(hostile()).values():
        assert figure.axes[0].get_title(loc="left")
        file = BytesIO()
        figure.savefig(file, format="png", dpi=40)
        assert file.getvalue().startswith(b"\x89PNG")


def test_names_beside_points_do_not_cover_each_other() -> None:
    told = result()
    told["models"] = {
        f"model {n}": model(0.3 + 0.002 * n, 0.3, beyond={"average_popularity": 50 + n}) for n in range(8)
    }
    figure = figures(told)["accuracy_against_popularity"]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 8
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_popularity_keeps_its_line_beside_many_better_models() -> None:
    told = result()
    told["models"] |= {f"model {n}": model(0.2 + 0.01 * n, 0.2) for n in range(9)}
    assert leading(told)[0] == "ease"
    assert leading(told)[-1] == "popularity"
    assert len(leading(told)) == 6


def test_groups_keep_the_order_of_the_result_and_have_names_of_their_own() -> None:
    told = result()
    assert group_values(told, "item") == ["head", "cold"]
    for one in measured(told).values():
        one["groups"] |= {"a/b": {}, "a?b": {}}
    assert len(set(stems(told).values())) == len(stems(told)) == 5
    assert all(stem.replace("_", "a").isalnum() for stem in stems(told).values())


def test_groups_of_a_few_are_in_the_table_alone() -> None:
    told = result()
    for one in measured(told).values():
        one["groups"]["history"]["1-2"]["n"] = 4
    (axes,) = figures(told)["history_length"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "3-10", "11-20"]
    assert ["1-2", "4"] in [row[:2] for row in cells(undrawn(told))]
    assert "Groups of fewer than 5 are in the table alone" in text_of(undrawn(told))
    assert "Groups of fewer" not in text_of(undrawn(result()))


def test_a_column_whose_name_holds_history_is_a_group_as_any_other() -> None:
    told = result()
    for one in measured(told).values():
        one["groups"]["browsing_history"] = {
            "much": {"n": 70, "ndcg": around(0.2)},
            "little": {"n": 50, "ndcg": around(0.1)},
        }
    assert group_values(told, "browsing_history") == ["much", "little"]
    drawn = figures(told)
    assert {"history_length", "groups_browsing_history"} <= drawn.keys()
    assert drawn["history_length"].axes[0].get_xticklabels()[0].get_text() == "0"


def test_why_there_is_no_validation_is_told() -> None:
    reason = "window 1: 30 interactions leave nobody to ask"
    told = {**result(), "best": None}
    for one in measured(told).values():
        left_out = {"trials": 0, "left_out": "nobody to ask"}
        one |= {"validation": None, "gap": None, "unvalidated": reason, "tuning": left_out}
    text = text_of(undrawn(told))
    assert f"there was no validation ({reason})" in text
    assert f"No validation was done ({reason})" in text
    assert "no, for want of a validation" in text


def test_only_a_page_of_ours_may_be_replaced(hostile_page: str) -> None:
    ours = hostile_page.encode("utf-8", "replace")
    assert is_report(ours)
    assert is_report(ours[:MARK_WITHIN])
    for other in (b"", b"<html>my thesis</html>", QUALITY_PAGE):
        assert not is_report(other)
    assert not is_report(b" " * MARK_WITHIN + ours), "a page that quotes one is not one"
    assert is_report(report_page({}).encode())


def test_it_reads_what_the_metrics_of_this_room_give() -> None:
    """Planted: one model puts the relevant item first, the other anywhere."""
    rng = np.random.default_rng(5)
    items = [f"i{n}" for n in range(30)]
    relevant = {f"l{n}": {items[rng.integers(30)]} for n in range(N_LEARNERS)}
    lists = {
        "oracle": {who: [*wanted, *sorted(set(items) - wanted)] for who, wanted in relevant.items()},
        "chance": {who: list(rng.permutation(items)) for who in relevant},
    }
    frames = {name: ranking_metrics(ranked, relevant, 30, 10) for name, ranked in lists.items()}
    told = {
        **{"k": 10, "best": "oracle", "test": {"learners": N_LEARNERS}},
        "models": {
            name: {"metrics": summary(frame, 100), "validation": {"ndcg": float(frame["ndcg"].mean())}}
            for name, frame in frames.items()
        },
        "comparisons": [
            {
                **{"a": "oracle", "b": "chance", "metric": "ndcg"},
                **paired_difference(frames["oracle"]["ndcg"], frames["chance"]["ndcg"], 2000),
            }
        ],
    }
    assert "it reaches NDCG@10 1.000 [1.000, 1.000] over 120 learners" in verdict(told)
    assert "above the next, chance, p < .001" in verdict(told)
    assert len(figures(told)) == 2
    assert ranking_report.MARK in undrawn(told)


def planted_log(path: Path) -> Path:
    """60 learners go through 12 items in order, each from a random place on, an item an hour."""
    rng = np.random.default_rng(1)
    lines = ["learner_id,item_id,occurred_at,gender"]
    for learner in range(60):
        start, begun = int(rng.integers(8)), 1_700_000_000 + int(rng.integers(20)) * 3_600
        for step in range(5):
            item = f"i{(start + step) % 12:02d}"
            lines.append(f"l{learner},{item},{begun + 3_600 * step},{'fm'[learner % 2]}")
    path.write_text("\n".join(lines))
    return path


def test_the_report_of_a_real_evaluation(tmp_path: Path) -> None:
    log, out = planted_log(tmp_path / "log.csv"), tmp_path / "ranking.html"
    options = {"models": ["random", "popularity", "neighbours"], "n_bootstrap": 50, "folds": 2, "k": 3}
    told = evaluate_recommend(log, **options, group_by=["gender"], curve=True, audit=True, report=out)
    assert told["best"] == "neighbours"
    page = out.read_text("utf-8")
    text = text_of(page)
    assert "neighbours was chosen" in text
    assert f"NDCG@3 {decimal(told['models']['neighbours']['metrics']['ndcg'])}" in text
    sections = [section.get("id") for section in lxml.html.fromstring(page).iter("section")]
    assert sections == [
        *("audit", "models", "comparisons", "gap", "popularity", "history", "groups", "folds", "curve"),
        *("calibration", "settings", "data", "words"),
    ]
    assert set(figures(told)) == {*PLOTS, "learning_curve", "calibration", "groups_gender", "groups_items"}
    evaluate_recommend(log, models=["popularity"], n_bootstrap=50, report=out)  # replaces its like
    out.write_text("<html>my thesis</html>")
    with pytest.raises(BadInput, match="no such report"):
        evaluate_recommend(log, models=["popularity"], n_bootstrap=50, report=out)
    assert out.read_text() == "<html>my thesis</html>"
