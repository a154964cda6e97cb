"""The list of cleaning rules: each does what its example says, and nothing that was counted is left out."""

import doctest

import pandas as pd
import pytest

from learnloop.prepare import rules
from learnloop.prepare.rules import OTHER, RULES, Rule, by_rule


def test_the_example_of_the_list_holds() -> None:
    assert doctest.testmod(rules) == (0, 2)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_does_and_does_it(rule: Rule) -> None:
    assert rule.does.endswith((".", ":", ";")) or len(rule.does) > 20, rule.does
    assert rule.before != rule.after
    assert rule.counted
    if rule.applies:
        assert str(rule.function(rule.before)) == rule.after


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.applies], ids=lambda rule: rule.name)
def test_the_example_in_a_rules_docstring_holds(rule: Rule) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    found = finder.find(rule.function, globs=vars(__import__(rule.function.__module__, fromlist=["_"])))
    assert sum(len(test.examples) for test in found) > 0, "no example before and after"
    assert all(runner.run(test).failed == 0 for test in found)


def test_names_are_unique_and_every_group_has_rules() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert {rule.group for rule in RULES} == {"text", "values", "events", "items"}


def test_every_rule_is_told_though_it_never_fired() -> None:
    told = by_rule({})
    assert told["rule"].tolist() == [rule.name for rule in RULES]
    assert told["n"].sum() == 0


def test_no_count_is_lost_or_told_twice() -> None:
    counts = {
        "fix_mojibake": 3,
        "language detected": 5,
        "language declared wrongly": 1,
        "repeat within 2 s": 7,
        "duplicate event": 2,
        "time in the future": 1,
        "price unreadable: NA": 4,
        "slogan is no abstract: NA": 6,
    }
    told = by_rule(counts)
    assert told["n"].sum() == sum(counts.values())
    assert told.loc[told["n"] > 0, "count"].is_unique
    by_name = told.groupby("rule")["n"].sum()
    assert by_name["detect_language"] == 6
    assert by_name["repeats"] == 9
    assert by_name[OTHER] == 6
    pd.testing.assert_series_equal(
        told.groupby("count")["n"].sum()[list(counts)].reset_index(drop=True),
        pd.Series(list(counts.values()), name="n"),
    )
