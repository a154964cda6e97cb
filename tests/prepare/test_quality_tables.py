"""The tables of the quality report, each from frames small enough to count by hand."""

import doctest
import math

import pandas as pd

from learnloop.prepare import quality_tables as tables
from learnloop.prepare.dwell import BINS
from learnloop.prepare.pages import pages_to_frames
from learnloop.prepare.rules import OTHER, RULES
from learnloop.schemas import Accounting

PROSE = (
    "The {0} is the middle value of a sorted list of {0}s. When the list has an even number of values it"
    " lies halfway between the two in the middle. It hardly moves when one value is very large, which is"
    " why incomes are often described by the {0} and not by the sum of all values together. "
)


def record(path: str, word: str, **told: object) -> dict[str, object]:
    url = f"http://example.org/stats/{path}.html"
    return {"url": url, "kind": "lesson", "title": word, "text": PROSE.format(word) * 2, "found": [], **told}


RECORDS = [
    {"url": "http://example.org/stats/index.html", "kind": "course", "title": "Statistics", "language": "en"},
    record("a", "median", language="en-GB", duration="PT12M", level="Nivel básico", licence="CC0"),
    record("b", "mode", duration="soon", parent_urls=["/stats/"]),
    record("c", "mean", language="en", title="Caf&eacute;"),
    record("print/c", "mean", language="en", title="Caf&eacute;"),
    {
        "url": "http://example.org/gone.html",
        "kind": "broken",
        "problem": "status 404",
        "text": "",
        "found": [],
    },
]


def run() -> tables.Run:
    told = tables.Run()
    told.add("s", RECORDS, pages_to_frames(RECORDS, "s"))
    return told


def test_the_examples_hold() -> None:
    assert doctest.testmod(tables).failed == 0


def test_what_became_of_each_field() -> None:
    fields = run().fields.set_index("field")
    assert fields.loc["title", ["given", "mended"]].tolist() == [3, 1]  # a course, three lessons; no copy
    assert fields.loc["language"].to_dict() == {
        **{"source": "s", "given": 2, "mended": 1},
        **{"filled": 1, "emptied": 0, "untold": 0},
    }
    assert fields.loc["duration_s", ["mended", "emptied", "untold"]].tolist() == [1, 1, 2]
    assert fields.loc["level", ["mended", "untold"]].tolist() == [1, 3]
    assert fields.loc["parent_id", ["given", "filled", "untold"]].tolist() == [1, 2, 0]  # lessons alone
    assert (fields[list(tables.FATES)].sum(axis=1) == [4 if f in ALL else 3 for f in fields.index]).all()


ALL = {"title", "language", "subject", "level", "duration_s", "licence"}


def test_pages_that_were_refused_have_no_fate() -> None:
    told = run()
    assert told.accounts["s", tables.PAGES].rejected == {"duplicate": 1, "status 404": 1}
    assert told.copies.to_numpy().tolist() == [["s", "http://example.org/stats/print/c.html", "s:stats/c"]]


def test_languages_and_durations_as_pages_write_them() -> None:
    told = run()
    flows = {(row.declared, row.language): row.n for row in told.languages.itertuples()}
    assert flows == {("", "en"): 1, ("en", "en"): 2, ("en-GB", "en"): 1}
    forms = tables.top_forms(told.forms).set_index("form")
    assert forms.loc["PT#M", ["example", "seconds", "n"]].tolist() == ["PT12M", 720.0, 1]
    assert pd.isna(forms.loc["soon", "seconds"])


def test_two_sources_are_told_apart() -> None:
    told = run()
    told.add("t", RECORDS[:2], pages_to_frames(RECORDS[:2], "t"))
    assert told.fields.groupby("source")["given"].size().to_dict().keys() == {"s", "t"}
    assert tables.top_forms(told.forms).set_index("form").loc["PT#M", "n"] == 2
    assert set(told.accounts) == {("s", "pages"), ("t", "pages")}


def test_nothing_was_prepared() -> None:
    told = tables.Run()
    accounts, repairs, refusals = tables.accounts_of(told.accounts)
    assert len(accounts) == len(repairs) == len(refusals) == len(tables.top_forms(told.forms)) == 0
    counted = tables.rule_counts(repairs, refusals)
    assert counted["rule"].tolist() == [rule.name for rule in RULES]
    assert counted["n"].sum() == 0


def test_accounts_become_rows_that_add_up() -> None:
    accounts, repairs, refusals = tables.accounts_of(
        {
            ("s", "pages"): Accounting(5, 3, {"fix_mojibake": 2, "odd": 1}, {"duplicate": 2}),
            ("t", "events"): Accounting(9, 8, {"fix_mojibake": 4}, {"not a line": 1}),
            ("t", "items"): Accounting(2, 2, {"fix_mojibake": 1}, {}),
        }
    )
    assert (accounts["read"] == accounts["kept"] + accounts["refused"]).all()
    assert {tuple(row) for row in repairs.to_numpy()} == {
        *(("fix_mojibake", "s", 2), ("fix_mojibake", "t", 5), ("odd", "s", 1)),
    }
    counted = tables.rule_counts(repairs, refusals)
    fired = counted[counted["n"] > 0]
    told = {(row["rule"], row["count"], row["source"]): row["n"] for row in fired.to_dict("records")}
    assert told == {
        ("fix_mojibake", "fix_mojibake", "s"): 2,
        ("fix_mojibake", "fix_mojibake", "t"): 5,
        ("duplicates", "duplicate", "s"): 2,
        (OTHER, "odd", "s"): 1,
    }
    assert set(counted["rule"]) == {*(rule.name for rule in RULES), OTHER}, "a rule is not counted"


def an_import(source: str, sha: str, kept: int, finished: bool = True) -> dict[str, object]:
    account = {"read": kept + 1, "kept": kept, "repaired": {}, "rejected": {"no time": 1}}
    return {
        "source": source,
        "files": [{"name": "log.csv", "sha256": sha}],
        "started_at": pd.Timestamp("2026-01-02", tz="UTC"),
        "finished_at": pd.Timestamp("2026-01-02", tz="UTC") if finished else None,
        "report": {"rows": {"events": account}},
    }


def test_a_file_counts_once_however_often_it_was_imported() -> None:
    past = [
        an_import("s", "aa", 7),
        an_import("s", "bb", 20),
        an_import("s", "aa", 6),  # the same file, before
        an_import("t", "aa", 3),
        an_import("t", "cc", 50, finished=False),
        {**an_import("t", "dd", 1), "report": {}},  # killed before it wrote its report
    ]
    rows, accounts, parts = tables.imports_of(past)
    assert parts == set()
    assert accounts["s", "events"] == Accounting(29, 27, {}, {"no time": 2})
    assert accounts["t", "events"].kept == 3
    states = [row["state"] for row in rows]
    assert states == ["counted", "counted", "imported again since", "counted", "broken off", "counted"]


def test_parts_of_records_are_told_and_counted_once() -> None:
    whole = {"read": 10, "kept": 10, "repaired": {"mended": 5}, "rejected": {}}
    steps = {"read": 10, "kept": 10, "repaired": {"mended": 5}, "rejected": {}}
    made = {"read": 4, "kept": 3, "repaired": {"shortened": 1}, "rejected": {"no picture": 1}}
    one = an_import("s", "aa", 0)
    one["report"] = {
        "rows": {"questions": made, "steps": steps, "zip": whole},
        "parts": ["questions", "steps"],
    }
    (row,), accounts, parts = tables.imports_of([one])
    assert (row["read"], row["kept"]) == (10, 10)
    frame, repairs, refusals = tables.accounts_of(accounts, parts)
    assert frame["kind"].tolist() == ["zip", "questions", "steps"]
    assert frame["part"].tolist() == [False, True, True]
    assert dict(zip(repairs["name"], repairs["n"], strict=True)) == {"mended": 5, "shortened": 1}
    assert dict(zip(refusals["name"], refusals["n"], strict=True)) == {"no picture": 1}


def binned(seconds: float) -> int:
    return math.floor(math.log2(seconds) * BINS)


def test_times_beyond_what_anybody_spends() -> None:
    times = pd.DataFrame(
        [
            ("s", "s:q", binned(20), 60),
            ("s", "s:q", binned(25), 40),
            ("s", "s:q", binned(7200), 2),
            ("s", "s:q", None, 5),
            ("t", "t:q", None, 9),
        ],
        columns=["source", "item_id", "bin", "n"],
    ).astype({"bin": "Int64"})
    table, histogram = tables.spent(times, {"s:q": "exercise"})
    of = table.set_index("source")
    assert of.loc["s", ["timed", "untimed", "beyond"]].tolist() == [102, 5, 2]
    assert abs(of.loc["s", "median_s"] - 20) < 1
    assert of.loc["t", ["timed", "untimed", "beyond"]].tolist() == [0, 9, 0]
    assert pd.isna(of.loc["t", "median_s"])
    assert histogram["within"].sum() == 100
    assert histogram.loc[histogram["beyond"] > 0, "bin"].tolist() == [math.floor(math.log2(7200) * 4)]


def test_no_times_at_all() -> None:
    none = pd.DataFrame({"source": [], "item_id": [], "bin": pd.array([], "Int64"), "n": []})
    table, histogram = tables.spent(none, {})
    assert len(table) == len(histogram) == 0
