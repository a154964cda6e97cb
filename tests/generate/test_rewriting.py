"""Rewritings: sound ones stand, every planted corruption is refused, whatever the model says."""

from collections.abc import Sequence

import pytest
from generate_lessons import frame
from hypothesis import given, settings
from hypothesis import strategies as st
from rewriting_cases import CORRUPTED, SOUND

from learnloop.generate.language_model import LanguageModel
from learnloop.generate.rewriting import REASONS, meanings, parsed, refusal, rewrite
from learnloop.generate.sentences import split

SENTENCES = [
    (row["language"], sentence.text)
    for row in frame().to_dict("records")
    for sentence in split(row["text"], row["language"])
]


class Scripted:
    """A writer that says what it was told to, one reply a prompt."""

    name = "scripted"

    def __init__(self, *replies: str) -> None:
        self.replies = replies

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        assert all("<<<\n" in prompt for prompt in prompts)
        return list(self.replies)


@pytest.mark.parametrize(("language", "source", "text"), SOUND)
def test_a_rewriting_that_keeps_every_claim_stands(language: str, source: str, text: str) -> None:
    assert refusal(source, text, language) == ""


@pytest.mark.parametrize(("language", "kind", "source", "text"), CORRUPTED)
def test_every_planted_corruption_is_refused(language: str, kind: str, source: str, text: str) -> None:
    assert refusal(source, text, language) in REASONS


def test_the_reason_names_what_is_wrong() -> None:
    said = {
        kind: refusal(source, text, language)
        for language, kind, source, text in reversed(CORRUPTED)
        if language == "en"
    }
    wanted = {"number": "numbers", "number word": "numbers", "roles": "order", "negation": "negation"}
    wanted |= {"added": "added", "dropped": "dropped", "strengthened": "quantifiers"}
    assert {kind: said[kind] for kind in wanted} == wanted


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SENTENCES), st.data())
def test_no_word_can_be_left_out_doubled_or_swapped(case: tuple[str, str], data: st.DataObject) -> None:
    language, source = case
    words = source.split()
    place = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.integers(0, len(words) - 1))
    swapped = list(words)
    swapped[place], swapped[other] = words[other], words[place]
    for changed in (words[:place] + words[place + 1 :], words[: place + 1] + words[place:], swapped):
        text = " ".join(changed)
        same = meanings(text, language) == meanings(source, language)
        assert same or refusal(source, text, language) != ""


def test_what_is_refused_leaves_the_extract_and_is_counted() -> None:
    sources = [
        "Some metals are liquid at noon.",
        "Salt is not a source of energy.",
        "A tide is, in fact, a rise.",
    ]
    made = rewrite(
        sources,
        "en",
        Scripted("All metals are liquid at noon.", "", "Sentence: A tide is a rise."),
    )
    assert [one.text for one in made.sentences] == [*sources[:2], "A tide is a rise."]
    assert made.counts["proposed"] == 3
    assert made.counts["refused"]["quantifiers"] == 1
    assert made.counts["refused"]["empty"] == 1
    assert made.counts["survived"] == 1


def test_a_cosine_below_the_fence_is_refused_too() -> None:
    made = rewrite(
        ["In fact, salt is white."], "en", Scripted("Salt is white."), cosine=lambda one, other: 0.1
    )
    assert made.counts["refused"] == {"cosine": 1}
    assert made.sentences[0].text == "In fact, salt is white."


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('"Salt is white."', "Salt is white."),
        ("Rewritten sentence: Salt is white.\nI hope it helps.", "Salt is white."),
        ("<<<\nSalt is white.\n>>>", "Salt is white."),
        ("\n\n", ""),
    ],
)
def test_a_reply_is_cut_to_its_sentence(said: str, expected: str) -> None:
    assert parsed(said) == expected


def test_the_embedded_model_changes_no_claim(model: LanguageModel) -> None:
    sources = [text for language, text in SENTENCES if language == "en"][:2]
    made = rewrite(sources, "en", model)
    assert len(made.sentences) == len(sources)
    for source, one in zip(sources, made.sentences, strict=True):
        assert one.text == source or meanings(one.text, "en") == meanings(source, "en")
