"""What a short answer says of its key: enough to shut out synonyms, too little to give it away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.generate import first_letters, grammar, kinds, short_answers, wording
from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.evidence import from_row
from learnloop.generate.examine import worded
from learnloop.generate.questions import Pool, Question, Source
from learnloop.generate.terms import Lesson, definitions

WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)


def asked(text: str, language: str = "en") -> list[Question]:
    lesson = Lesson.of("t:1", "t", "", text, language)
    pool = Pool.of([lesson], definitions(lesson))
    similar = Similarities(CharacterTfidf([sentence.text for sentence in lesson.sentences]))
    return kinds.queues(Source(lesson, pool, similar), ("short_answer",))["short_answer"]


@pytest.mark.parametrize(
    ("key", "language", "hint"),
    [
        ("passive immunity", "en", "Hint: p…e i…y (7 and 8 letters)."),
        ("cost of living", "en", "Hint: c… of l…g (4 and 6 letters)."),
        ("temps de pose", "fr", "Indice : t… de p… (5 et 4 lettres)."),
        ("zone d'ombre", "fr", "Indice : z… d'o… (4 et 5 lettres)."),
        ("tasa de interés", "es", "Pista: t… de i…s (4 y 7 letras)."),
        ("Liquidität", "de", "Hinweis: Li…t (10 Buchstaben)."),
        ("IP-Adresse", "de", "Hinweis: I…e (9 Buchstaben)."),
        ("IMC", "fr", "Indice : un sigle de 3 lettres."),
        ("str", "en", ""),
        ("ion", "en", ""),
    ],
)
def test_each_word_shows_its_first_letter_a_long_one_its_last_and_its_length(
    key: str, language: str, hint: str
) -> None:
    assert first_letters.of(key, language) == hint


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("voltage", "potential difference"),
        ("cirque", "corrie"),
        ("passive immunity", "passive immunisation"),
        ("router", "gateway"),
        ("dublette", "duplikat"),
        ("subarriendo", "subalquiler"),
    ],
)
def test_a_synonym_does_not_fit_the_hint(key: str, other: str) -> None:
    hint = first_letters.of(key, "en")
    assert first_letters.fits(key, hint, "en")
    assert not first_letters.fits(other, hint, "en")


@given(st.lists(WORD, min_size=1, max_size=4), st.sampled_from(["en", "es", "fr", "de"]))
def test_a_hint_is_found_again_at_the_end_and_shows_at_most_three_letters_of_a_word(
    words: list[str], language: str
) -> None:
    hint = first_letters.of(" ".join(words), language)
    stem = "Write the term: a. b"
    assert wording.without_hint(f"{stem} {hint}".rstrip()) == stem
    assert wording.hint_of(f"{stem} {hint}") == hint
    shown = hint.partition(": ")[2].partition(" (")[0].split()
    for word, letters in zip(words, shown, strict=False):
        whole = word in grammar.FUNCTION_WORDS[language]
        begins, _, ends = letters.partition("…")
        assert len(begins) <= 2 or whole
        assert len(ends) <= 1
        assert word.startswith(begins)
        assert word.endswith(ends)


def test_every_short_answer_about_a_term_begins_its_key_in_its_stem() -> None:
    found = asked(
        "The crest is the highest point of a moving wave."
        " Sacs of this kind in the leaf are known as thylakoids."
        " A gyre is a large ring of ocean currents around a basin."
    )
    assert {question.key for question in found} >= {"crest", "gyre"}
    for question in found:
        assert question.stem.endswith(first_letters.of(question.key, "en"))
        assert wording.hint_of(question.stem) not in question.body


def test_a_reworded_and_a_stored_question_keep_the_letters_out_of_what_is_checked() -> None:
    (question,) = asked("The crest is the highest point of a moving wave.")
    new = worded(question, "What is the highest point of a moving wave called?", "a model")
    assert new.stem == "What is the highest point of a moving wave called? Hint: c… (5 letters)."
    row = {"item_id": "t:1", "language": "en", "kind": "short_answer", "key": "crest", "options": []}
    assert from_row({**row, "stem": new.stem}).body == "What is the highest point of a moving wave called?"


def test_a_topic_of_the_keys_family_is_not_shown() -> None:
    text = "Käse entsteht, wenn man das Eiweiß der Milch zum Gerinnen bringt und die Flüssigkeit abtrennt."
    for title, shown in (("Grundlagen der Käserei", False), ("Grundlagen der Molkerei", True)):
        lesson = Lesson.of("t:1", "t", title, text, "de")
        pool = Pool.of([lesson], definitions(lesson))
        source = Source(lesson, pool, Similarities(CharacterTfidf([text])))
        (term,) = definitions(lesson)
        question = short_answers.for_name(source, term)
        assert question is not None
        assert (title in question.stem) is shown
