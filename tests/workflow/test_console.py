"""What is said of a long step where nobody sees a bar move."""

import pytest

from learnloop.workflow import console


def test_off_a_terminal_it_says_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "EVERY", 0.0)
    with console.bar("evaluated [2] models", 4) as advance:
        advance(1, "rate, fold 1")
        advance(1, "rate, fold 2")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" 0 s")[0].strip() for line in lines[:2]] == [
        "evaluated [2] models: 1 of 4 rate, fold 1",
        "evaluated [2] models: 2 of 4 rate, fold 2",
    ]
    assert len(lines) == 3


def test_what_is_soon_done_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with console.bar("read", 2) as advance:
        advance(2)
    assert len(capsys.readouterr().err.splitlines()) == 1
