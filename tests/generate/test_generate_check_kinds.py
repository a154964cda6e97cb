"""True/false, short answer, ordering and matching: a sound one, and one with each fault."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.generate import check_kinds as kinds
from learnloop.generate import checks
from learnloop.generate.checks import CHECKS_OF_KIND
from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.evidence import Evidence
from learnloop.generate.questions import Question
from learnloop.generate.sentences import split

TEXT = (
    "A gyre is a large ring of currents around an ocean basin. The crest is the highest point of a wave. "
    "The fetch is the distance over which the wind blows. "
    "Sailors of the Vega passed the northern strait in 1879. "
    "Rivers carry salt to the sea. The crest of a tide is its peak. Ripples grow to waves. "
    "Steamers crossed the wide ocean in 1838. Divers reached the deepest trench in 1960."
)
DESCRIPTIONS = {
    "gyre": "a large ring of currents around an ocean basin",
    "crest": "the highest point of a wave",
    "fetch": "the distance over which the wind blows",
}
EVIDENCE = Evidence(TEXT, "en", DESCRIPTIONS, Similarities(CharacterTfidf([TEXT])))


def made(kind: str, form: str, key: str, anchor: str, **more: Any) -> Question:
    start = max(0, TEXT.find(anchor))
    sentence = next(s for s in split(TEXT, "en") if s.start <= start < s.end)
    stem = more.pop("stem", sentence.text)
    return replace(
        Question("test:x", "en", kind, form, stem, stem, key, (), start, start + len(anchor), sentence),
        anchor=anchor, **more,
    )  # fmt: skip


def false(statement: str = "The crest is the lowest point of a wave.", **more: Any) -> Question:
    corrected = more.pop("corrected", "The crest is the highest point of a wave.")
    anchor = more.pop("anchor", "highest")
    return made(
        "true_false", "definition", "false", anchor, stem=statement, answer={"corrected": corrected}, **more
    )


def true() -> Question:
    return made("true_false", "definition", "true", "highest")


def short() -> Question:
    return made(
        "short_answer", "term", "gyre", "gyre", stem="What is a large ring of currents around a basin called?"
    )


STEPS = ["Rivers carry salt to the sea", "The crest of a tide is its peak", "Ripples grow to waves"]


def order(form: str = "steps", steps: list[str] = STEPS, shown: list[str] | None = None) -> Question:
    return made(
        "ordering", form, " → ".join(steps), steps[0], stem="Put the steps in order.",
        options=tuple(shown or [*steps[1:], steps[0]]), answer={"order": steps},
    )  # fmt: skip


DATED = [
    "Steamers crossed the wide ocean",
    "Sailors of the Vega passed the northern strait",
    "Divers reached the deepest trench",
]
PAIRS = [["gyre", DESCRIPTIONS["gyre"]], ["crest", DESCRIPTIONS["crest"]], ["fetch", DESCRIPTIONS["fetch"]]]


def match(pairs: list[list[str]] = PAIRS) -> Question:
    return made(
        "matching", "definitions", "; ".join(f"{a}: {b}" for a, b in pairs), pairs[0][1],
        stem="Match the terms.",
        options=tuple(b for _, b in reversed(pairs)), answer={"pairs": pairs},
    )  # fmt: skip


ONE_EACH = [false(), true(), short(), order(), order("dates", DATED), match()]


@pytest.mark.parametrize("question", ONE_EACH, ids=lambda q: f"{q.kind}-{q.form}")
def test_a_sound_question_passes_every_check_of_its_kind(question: Question) -> None:
    told = checks.all_verdicts(question, EVIDENCE)
    assert [(name, said) for name, said in told.items() if not said["passed"]] == []
    assert len(checks.verdicts(question, EVIDENCE)) == len(CHECKS_OF_KIND[question.kind])


FAULTY: list[tuple[Callable[..., Any], Question]] = [
    (kinds.well_formed, replace(true(), key="yes")),
    (kinds.well_formed, replace(true(), answer={"corrected": "The crest is high."})),
    (kinds.well_formed, replace(false(), answer={})),
    (kinds.well_formed, replace(short(), options=("gyre", "crest"))),
    (kinds.well_formed, replace(short(), answer={"value": 9.81, "tolerance": 9})),
    (kinds.well_formed, replace(order(), options=tuple(STEPS))),
    (kinds.well_formed, replace(order(), key="a → b")),
    (kinds.well_formed, replace(match(), options=("a", "b", "c"))),
    (kinds.well_formed, replace(short(), key=" ")),
    (kinds.one_exchange, replace(true(), body="The crest is the top of a wave.")),
    (kinds.one_exchange, false("The fetch is the lowest point of a wave.")),  # two exchanges in one run
    (kinds.one_exchange, false("The crest is the point of a wave.")),
    (kinds.one_exchange, false(corrected="The crest is the very top of a wave.")),
    (
        kinds.statement_is_false,
        false("A peak is the highest point of a wave.", corrected="A peak is the highest point of a wave."),
    ),
    (
        kinds.statement_is_false,
        false(
            "A gyre is a large basin of currents around an ocean basin.",
            corrected="A gyre is a large ring of currents around an ocean basin.",
            anchor="ring",
        ),
    ),
    (
        kinds.statement_is_false,
        false(
            "The top of a tide is its peak.",
            corrected="The crest of a tide is its peak.",
            anchor="crest of a tide",
        ),
    ),
    (
        kinds.answer_is_short,
        replace(short(), key="a ring of currents that goes round an ocean basin all year"),
    ),
    (kinds.no_other_answer, replace(short(), key="whirl")),
    (
        kinds.steps_distinct,
        order(steps=["Rivers carry salt", "Rivers carry salt to the sea", "Ripples grow"]),
    ),
    (kinds.order_told, order(steps=[STEPS[1], STEPS[0], STEPS[2]])),
    (kinds.order_told, order(steps=["crest", *STEPS[1:]])),
    (kinds.order_told, order("dates", [DATED[1], DATED[0], DATED[2]])),
    (kinds.order_told, order("dates", STEPS)),
    (kinds.order_not_shown, order(steps=["First the rain falls", "Then it flows", "Finally it dries"])),
    (kinds.order_not_shown, order("dates", ["The strait in 1879", "The ocean in 1938", "The trench"])),
    (kinds.order_not_shown, order(steps=["1. rain", "2. river", "3. sea"])),
    (kinds.pairs_told, match(PAIRS[:2])),
    (kinds.pairs_told, match([*PAIRS[:2], ["tide", "the rise of the sea"]])),
    (kinds.pairs_told, match([*PAIRS, ["gyre", "the distance"]])),
    (kinds.one_match_each, match([*PAIRS[:2], ["top", "the highest point of any wave"]])),
    (kinds.one_match_each, match([*PAIRS[:2], ["point", "the highest point of a wave here"]])),
]


@pytest.mark.parametrize(
    ("check", "question"), FAULTY, ids=[f"{c.__name__}-{i}" for i, (c, _) in enumerate(FAULTY)]
)
def test_a_fault_is_seen(check: Callable[..., Any], question: Question) -> None:
    evidence = EVIDENCE
    if check is kinds.statement_is_false and "top of a tide" in question.body:
        evidence = Evidence(TEXT + " The top of a tide is its peak, too.", "en", {}, EVIDENCE.similarity)
    assert not check(question, evidence).passed


def test_every_check_of_the_file_has_a_faulty_example() -> None:
    of_file = {c for group in CHECKS_OF_KIND.values() for c in group if c.__module__ == kinds.__name__}
    assert of_file == {check for check, _ in FAULTY}


WORDS = st.lists(st.sampled_from(["the", "crest", "tide", "wave", "of", "in", "sea"]), min_size=3, max_size=9)


@given(WORDS, st.integers(0, 8), st.sampled_from(["1879", "moon", "northern lights"]))
def test_one_exchanged_word_is_found_wherever_it_stands(words: list[str], at: int, new: str) -> None:
    at = at % len(words)
    changed = [*words[:at], new, *words[at + 1 :]]
    found = kinds.exchange(" ".join(changed).capitalize() + ".", " ".join(words) + ".")
    assert found is not None
    assert (found[0].lower(), found[1]) == (new, words[at])


def test_a_sentence_is_no_exchange_of_itself() -> None:
    assert kinds.exchange("The crest is high.", "the crest is high") is None
