"""How a result is shown: as JSON that is JSON, and to a person without a `nan`."""

import json

import pytest

from learnloop.cli.shell import show

RESULT = {"auc": {"value": float("nan"), "low": None, "high": 0.5}, "rows": [(1, float("inf"))], "n": 3}


def test_what_is_not_defined_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT, True)
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told == {"auc": {"value": None, "low": None, "high": 0.5}, "rows": [[1, None]], "n": 3}


def test_and_a_dash_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    show({"auc": RESULT["auc"], "ece": float("nan")}, False)
    assert capsys.readouterr().out.splitlines() == ["auc: -  [-, 0.5000]", "ece: -"]
