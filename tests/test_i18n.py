"""Reasons in the reader's language."""

import pytest

from learnloop.errors import BadInput
from learnloop.i18n import REASONS, best_language, reason_text, translator
from learnloop.schemas import Reason

EVIDENCE = {"item": "Loops", "course": "Python", "learners": 7, "concept": "Variables", "mastery": "40%"}
EVIDENCE |= {"recall": "63%", "p_correct": "71%", "concepts": 4}


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_can_be_said_in_both_languages(code: str) -> None:
    english, spanish = (reason_text(Reason(code, EVIDENCE), language) for language in ("en", "es"))
    assert english != spanish
    assert "{" not in english + spanish


def test_titles_replace_identifiers() -> None:
    reason = Reason("because_finished", {"item": "demo:loops"})
    assert reason_text(reason, "es", {"item": "Bucles"}) == "Porque hiciste «Bucles»"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("es-MX,es;q=0.9", "es"),
        ("de, en;q=0.5", "en"),
        ("fr", "en"),
        ("", "en"),
        ("en;q=0.2,es;q=0.8", "es"),
        ("*;q=x", "en"),
    ],
)
def test_the_best_language_of_a_header(header: str, language: str) -> None:
    assert best_language(header, "en") == language


def test_a_language_we_do_not_speak_is_said() -> None:
    with pytest.raises(BadInput, match="'tlh'"):
        translator("tlh")
