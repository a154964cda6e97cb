"""With the text and without: what the model and the cosine say of planted questions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from test_generate_checks import DESCRIPTIONS, TEXT, evidence, term

from learnloop.generate import checks, round_trip
from learnloop.generate.embeddings import MiniLM, Similarities
from learnloop.generate.evidence import Evidence
from learnloop.generate.language_model import LanguageModel
from learnloop.generate.questions import Question


class Fixed:
    """Shares by two tables, with a passage and without one, to see what the checks make of an opinion."""

    def __init__(self, favourite: str, without: str = "") -> None:
        self.favourite, self.without = favourite, without

    def choose(self, prompt: str, options: Sequence[str], shared: str = "") -> np.ndarray:
        favourite = self.favourite if "Passage:" in prompt else self.without
        weights = np.array([1.0 if text == favourite else np.exp(-9) for text in options])
        return weights / weights.sum()


def own_words() -> Question:
    """A question that does not quote its sentence."""
    stem = "What do we call water that turns in a wide ring round a basin?"
    return replace(term(), kind="multiple_choice", form="proposed", stem=stem, body=stem)


def test_the_model_can_veto_and_says_what_it_preferred() -> None:
    assert checks.model_agrees(term(), Fixed("gyre")).passed
    vetoed = checks.model_agrees(term(), Fixed("tide"))
    assert (vetoed.passed, vetoed.detail) == (False, "tide")
    undecided = checks.model_agrees(term(), Fixed("none of them"))
    assert (undecided.passed, undecided.detail) == (False, "no option")


def test_the_real_model_finds_the_key_in_the_passage(model: LanguageModel) -> None:
    assert checks.model_agrees(term(), model).passed
    wrong = replace(term(), key="tide", distractors=("gyre", "crest", "fetch"))
    assert not checks.model_agrees(wrong, model).passed


def test_a_verbatim_cloze_is_no_evidence_but_may_still_be_known_beforehand() -> None:
    assert round_trip.is_verbatim(term())
    assert round_trip.text_helps(term(), Fixed("gyre")).detail == round_trip.VERBATIM
    assert not round_trip.text_helps(term(), Fixed("gyre", without="gyre")).passed


def test_the_text_has_to_help_a_question_in_its_own_words() -> None:
    assert not round_trip.is_verbatim(own_words())
    assert round_trip.text_helps(own_words(), Fixed("gyre", without="crest")).passed
    assert not round_trip.text_helps(own_words(), Fixed("crest", without="")).passed


class Picks:
    """A remote model: 1 for its pick, 0 for the others."""

    def __init__(self, pick: str) -> None:
        self.pick = pick

    def choose(self, prompt: str, options: Sequence[str], shared: str = "") -> np.ndarray:
        return np.array([float(text == self.pick) for text in options])


def test_a_pick_without_the_text_does_not_say_how_sure_it_is() -> None:
    assert round_trip.text_helps(own_words(), Picks("gyre")).passed
    assert round_trip.text_helps(term(), Picks("gyre")).passed
    assert not round_trip.text_helps(own_words(), Picks("crest")).passed


@pytest.mark.parametrize(
    ("before", "after", "support"),
    [
        ([0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25], 0.0),
        ([0.5, 0.5], [0.8, 0.2], 2 * np.log(4)),
        ([0.8, 0.2], [0.5, 0.5], -np.log(4)),
        ([0.5, 0.5], [0.2, 0.8], -2 * np.log(4)),
    ],
)
def test_support_is_what_the_text_adds_and_by_how_much_the_key_leads(
    before: list[float], after: list[float], support: float
) -> None:
    assert round_trip.support(np.array(before), np.array(after), 0) == pytest.approx(support)


def test_the_real_model_sees_that_a_passage_does_not_speak_for_the_key(model: LanguageModel) -> None:
    assert checks.text_helps(own_words(), model).passed
    other = replace(own_words().sentence, text="The fetch is the distance over which the wind blows.")
    assert not checks.text_helps(replace(own_words(), sentence=other), model).passed


def test_the_keys_share_is_the_models() -> None:
    share = round_trip.key_share(own_words(), Fixed("gyre"), with_text=True)
    assert share == pytest.approx(1 / (1 + 3 * np.exp(-9)))


def test_the_stem_finds_its_sentence_and_not_another(embedder: MiniLM) -> None:
    salt = " Sea water is salt. Salt comes from rivers. Most salt in water is table salt. Ice holds no salt."
    proof = Evidence(TEXT + salt, "en", DESCRIPTIONS, Similarities(embedder))
    assert round_trip.source_rank(own_words(), proof) == 1
    lost = replace(own_words(), body="How salt is sea water, in grams?", key="salt")
    assert round_trip.source_rank(lost, proof) > round_trip.FINDS_WITHIN
    assert not round_trip.stem_finds_source(lost, proof).passed
    assert round_trip.stem_finds_source(term(), proof).detail == round_trip.VERBATIM


def test_an_option_that_says_what_the_stem_says_is_guessed(embedder: MiniLM) -> None:
    proof = Evidence(TEXT, "en", DESCRIPTIONS, Similarities(embedder))
    told = replace(
        own_words(), body="Which animal barks and is kept as a pet dog?", key="a barking dog",
        distractors=("steel", "mathematics", "parliament"),
        options=("a barking dog", "steel", "mathematics", "parliament"),
    )  # fmt: skip
    assert not round_trip.not_guessable(told, proof).passed
    assert round_trip.not_guessable(own_words(), proof).passed
    assert round_trip.not_guessable(replace(told, distractors=()), evidence()).passed
