"""Each check on a question that is right and on the same question with one thing wrong."""

from dataclasses import replace

import numpy as np
import pytest

from learnloop.generate import checks
from learnloop.generate.checks import CHECKS, Evidence
from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.questions import Question
from learnloop.generate.sentences import split

TEXT = (
    "A gyre is a large ring of currents around an ocean basin. The crest is the highest point of a wave. "
    "The fetch is the distance over which the wind blows. "
    "The wind zone, also called the blowing belt, is wide. "
    "The mean salinity of the sea is about 35 grams per kilogram."
)
DESCRIPTIONS = {
    "gyre": "a large ring of currents around an ocean basin",
    "crest": "the highest point of a wave",
    "peak": "the very highest point of any wave",
    "fetch": "the distance over which the wind blows",
}


def evidence(lowest: float = 0.0) -> Evidence:
    similar = Similarities(CharacterTfidf([TEXT]))
    similar.lowest = lowest
    return Evidence(TEXT, "en", DESCRIPTIONS, similar)


def term(key: str = "gyre", *distractors: str) -> Question:
    sentence = next(s for s in split(TEXT, "en") if f" {key} " in s.text)
    start = TEXT.index(key)
    body = sentence.text.replace(key, "____", 1)
    chosen = distractors or ("crest", "fetch", "tide")
    return Question(
        "test:x", "en", "cloze", "term", f"Complete the sentence: {body}", body, key, chosen, start,
        start + len(key), sentence, options=(key, *chosen),
    )  # fmt: skip


def number(*distractors: str) -> Question:
    sentence = split(TEXT, "en")[-1]
    body = sentence.text.replace("35", "____")
    return replace(
        term("gyre", *(distractors or ("25", "45"))), form="number", key="35", body=body, stem=body,
        start=TEXT.index("35"), end=TEXT.index("35") + 2, sentence=sentence,
        options=("35", *(distractors or ("25", "45"))),
    )  # fmt: skip


def description(*distractors: str) -> Question:
    key = DESCRIPTIONS["crest"]
    chosen = distractors or (DESCRIPTIONS["gyre"], DESCRIPTIONS["fetch"])
    return replace(
        term("crest", *chosen), kind="multiple_choice", form="description", key=key, subject="crest",
        stem="Which description fits “crest”?", body="Which description fits “crest”?", start=TEXT.index(key),
        end=TEXT.index(key) + len(key), options=(key, *chosen),
    )  # fmt: skip


def said(text: str, question: Question | None = None, language: str = "en") -> Question:
    """A question whose source sentence, body and stem are `text`."""
    base = question or term()
    return replace(base, sentence=replace(base.sentence, text=text), body=text, stem=text, language=language)


@pytest.mark.parametrize("question", [term(), number(), description()], ids=lambda q: q.form)
def test_a_good_question_passes_every_check(question: Question) -> None:
    assert [verdict for verdict in checks.verdicts(question, evidence()) if not verdict.passed] == []
    assert len(checks.verdicts(question, evidence())) == len(CHECKS)


def kraft() -> Question:
    return replace(term(), key="Kraft")


BAD = [
    ("enough_distractors", term("gyre", "crest")),
    ("key_verbatim", replace(term(), start=term().start + 1)),
    ("key_verbatim", replace(term(), key="Gyre")),
    ("key_verbatim", replace(term(), sentence=split(TEXT, "en")[1])),
    ("key_not_in_stem", said("A(n) ____ is what gyres are called in the sea.")),
    ("key_not_in_stem", replace(number(), body="Of 35 grams the sea keeps about ____ grams per kilogram.")),
    ("key_not_in_stem", replace(description(), subject="highest crest")),
    ("key_not_in_stem", said("Die Gewichtskraft ist die ____ eines Körpers.", kraft(), "de")),
    ("stands_alone", said("Das entspricht 72 Kilometern pro Stunde, also ____.", language="de")),
    ("stands_alone", said("Una proteína es la que contiene los nueve en cada ____.", language="es")),
    ("options_distinct", term("gyre", "Crest", "crest ")),
    ("options_distinct", term("gyre", "marée", "maree")),
    ("options_distinct", number("35.0", "45")),
    ("options_distinct", replace(term(), options=("gyre", "crest", "fetch", "reef"))),
    ("one_right_answer", term("gyre", "ocean basin", "crest")),
    ("one_right_answer", term("crest", "peak", "gyre")),
    ("one_right_answer", replace(term("gyre", "wind zone", "crest"), key="blowing belt")),
    ("one_right_answer", term("gyre", "subtropical gyre", "crest")),
    ("one_right_answer", number("35.0", "45")),
    ("one_right_answer", description(DESCRIPTIONS["peak"], DESCRIPTIONS["gyre"])),
    ("no_dangling_pronoun", said("It is a ____ in the middle of the sea.")),
    ("no_dangling_pronoun", said("However, a ____ lies in the middle of the sea.")),
    ("no_dangling_pronoun", said("Estos son ____ de gran tamaño en el mar.", language="es")),
    ("no_dangling_pronoun", said("C'est un ____ au milieu de la mer.", language="fr")),
    ("no_dangling_pronoun", said("Dieser ____ liegt mitten im Meer.", language="de")),
    ("stands_alone", said("The ____ of the first list is larger than the wave.")),
    ("stands_alone", said("In the sea it is about as wide as a ____.")),
    ("stands_alone", said("El ____ de este mar es muy grande.", language="es")),
    ("stands_alone", said("Le ____ de cette mer est très grand.", language="fr")),
    ("stands_alone", said("Der ____ wird damit sehr viel größer.", language="de")),
    ("stem_length", said("A ____ is big.")),
    ("stem_length", said(" ".join(["currents"] * 60) + " ____.")),
    ("stem_length", said("This is what it is, so the ____ is.")),
    ("length_cue", replace(description(), distractors=("a wave", "the wind"))),
    ("language_matches", said("Le courant est une masse d'eau qui se déplace dans la mer avec le ____.")),
    ("distractors_plausible", number("3500", "45")),
    ("distractors_plausible", term("gyre", "Gyre", "crest")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "question"), BAD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BAD)])
def test_what_is_wrong_fails_its_check(name: str, question: Question) -> None:
    check = {check.__name__: check for check in CHECKS}[name]
    assert not check(question, evidence()).passed


def test_every_check_has_a_bad_example() -> None:
    assert {check.__name__ for check in CHECKS} == {name for name, _ in BAD}


def test_a_distractor_that_has_nothing_to_do_with_the_key_is_implausible() -> None:
    assert not checks.distractors_plausible(term(), evidence(lowest=0.1)).passed


class Fixed:
    """Scores by a table, to see what `model_agrees` makes of a model's opinion."""

    def __init__(self, favourite: str) -> None:
        self.favourite = favourite

    def log_probability(self, prompt: str, continuations: list[str], shared: str = "") -> np.ndarray:
        return np.array([0.0 if text.strip() == self.favourite else -1.0 for text in continuations])


def test_the_model_can_veto_and_says_what_it_preferred() -> None:
    assert checks.model_agrees(term(), Fixed("gyre")).passed
    vetoed = checks.model_agrees(term(), Fixed("tide"))
    assert (vetoed.passed, vetoed.detail) == (False, "tide")


def test_the_real_model_finds_the_key_in_the_passage(model: LanguageModel) -> None:
    assert checks.model_agrees(term(), model).passed
    wrong = replace(term(), key="tide", distractors=("gyre", "crest", "fetch"))
    assert not checks.model_agrees(wrong, model).passed
