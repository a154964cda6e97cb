"""Each check on a question that is right and on the same question with one thing wrong."""

from dataclasses import replace

import pytest

from learnloop.generate import check_options, checks
from learnloop.generate.checks import CHECKS, Evidence
from learnloop.generate.embeddings import CharacterTfidf, MiniLM, Similarities
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
        options=tuple(sorted(("35", *(distractors or ("25", "45"))), key=float)),
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


def blood_cell() -> Question:
    return replace(term(), key="blood cell", distractors=("nerve cell",))


BAD = [
    ("enough_distractors", term("gyre", "crest")),
    ("key_verbatim", replace(term(), start=term().start + 1)),
    ("key_verbatim", replace(term(), key="Gyre")),
    ("key_verbatim", replace(term(), sentence=split(TEXT, "en")[1])),
    ("key_not_in_stem", said("A(n) ____ is what gyres are called in the sea.")),
    ("key_not_in_stem", said("A blood cell is what we call a ____.", blood_cell())),
    ("key_not_in_stem", replace(number(), body="Of 35 grams the sea keeps about ____ grams per kilogram.")),
    ("key_not_in_stem", replace(description(), subject="highest point of waves")),
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
    ("quote_verbatim", said("A gyre is a large ____ in the middle of the sea.")),
    ("stem_grounded", replace(term(), body="In 1998 a ____ was seen in the sea near Norway.")),
    ("stem_grounded", replace(term(), body="A ____ is what the sailor Nansen saw in the wide sea.")),
    ("options_alike", replace(number("30", "40"), form="term", distractors=("many", "few"), key="35")),
    ("options_alike", term("gyre", "crests", "tides")),
    ("well_formed", replace(term(), options=("crest", "fetch"))),
    ("one_right_answer", term("gyre", "ring", "crest")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "question"), BAD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BAD)])
def test_what_is_wrong_fails_its_check(name: str, question: Question) -> None:
    check = {check.__name__: check for check in CHECKS}[name]
    assert not check(question, evidence()).passed


def test_every_check_of_source_and_options_has_a_bad_example() -> None:
    """Those of other files have theirs beside their own tests; synonyms want an embedder, below."""
    wanted = {
        check.__name__ for check in CHECKS if "grounding" in check.__module__ or "options" in check.__module__
    }
    assert wanted - {"no_synonym"} <= {name for name, _ in BAD}


GOOD = [
    (
        "key_not_in_stem",
        said("Is the ____ of this sort a gyre or a crest by the books?", term("gyre", "crest", "fetch")),
    ),
    (
        "key_not_in_stem",
        said("Welchen Markt ersetzte die Halle?", replace(term(), key="Metzgermarkt", distractors=()), "de"),
    ),
    ("stands_alone", said("The physicist Newton ____ light in his study.", replace(term(), form="proposed"))),
    ("stands_alone", said("Newton split light. This showed that white light is a ____.")),
    ("stands_alone", said("The people who sail and those who row call it a ____.")),
    ("stem_grounded", replace(term(), body="Which Large ring surrounds an Ocean basin?")),
    (
        "options_distinct",
        replace(number(), form="term", key="x < 2", distractors=("x > 2",), options=("x < 2", "x > 2")),
    ),
    ("one_right_answer", term("crest", "fetch", "gyre")),
]


@pytest.mark.parametrize(("name", "question"), GOOD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(GOOD)])
def test_what_people_write_passes(name: str, question: Question) -> None:
    check = {check.__name__: check for check in CHECKS}[name]
    verdict = check(question, evidence())
    assert verdict.passed, verdict.detail


def test_all_verdicts_go_on_where_verdicts_stop() -> None:
    bad = replace(term(), start=term().start + 1)
    stopped = checks.verdicts(bad, evidence())
    told = checks.all_verdicts(bad, evidence())
    assert not stopped[-1].passed
    assert list(told) == [check.__name__ for check in CHECKS]
    assert [name for name, said in told.items() if not said["passed"]] == [stopped[-1].check]


def test_a_row_reads_as_the_question_it_was_made_of() -> None:
    question = term()
    row = {
        "item_id": "test:x", "language": "en", "kind": "cloze", "stem": question.stem, "key": "gyre",
        "options": list(question.options), "quote": question.sentence.text, "span_start": question.start,
        "span_end": question.end, "answer": None,
    }  # fmt: skip
    read = checks.from_row(row, TEXT)
    assert (read.body, read.form, read.distractors) == (question.body, "term", question.distractors)
    assert all(verdict.passed for verdict in checks.verdicts(read, evidence()))
    assert checks.from_row({**row, "options": ["1.5", "2"], "key": "2"}).form == "number"


STRANGERS = ("bus driver", "shoelace", "parking ticket")


def test_everyday_words_beside_a_term_of_the_lesson_are_absurd(embedder: MiniLM) -> None:
    seen = Evidence(TEXT, "en", DESCRIPTIONS, Similarities(embedder))
    assert checks.distractors_plausible(term(), seen).passed
    for strangers in (STRANGERS, ("crest", "fetch", "bus driver")):
        told = checks.distractors_plausible(term("gyre", *strangers), seen)
        assert not told.passed
        assert told.detail.split(":")[0] in STRANGERS


def test_without_cosines_that_tell_one_word_of_the_course_is_enough() -> None:
    """DESCRIPTIONS holds "peak", which the lesson's text does not."""
    assert not checks.distractors_plausible(term("gyre", *STRANGERS), evidence()).passed
    for known in ("peak", "waves"):
        assert checks.distractors_plausible(term("gyre", "shoelace", known), evidence()).passed


SYNONYMS = [("velocity", "speed"), ("lawyer", "attorney"), ("hypertension", "high blood pressure")]


@pytest.mark.parametrize(("key", "other"), SYNONYMS)
def test_a_synonym_is_no_distractor_and_a_sibling_is_one(embedder: MiniLM, key: str, other: str) -> None:
    seen = Evidence(TEXT, "en", {}, Similarities(embedder))
    planted = replace(term("gyre", other, "crest"), key=key)
    assert not check_options.no_synonym(planted, seen).passed
    assert check_options.no_synonym(replace(planted, distractors=(f"new {key}", "crest")), seen).passed
    assert check_options.no_synonym(planted, evidence()).passed  # letters do not tell


def test_a_distractor_that_has_nothing_to_do_with_the_key_is_implausible() -> None:
    assert not checks.distractors_plausible(term(), evidence(lowest=0.3)).passed


@pytest.mark.parametrize(("cosine", "passed"), [(0.05, False), (0.4, True), (0.97, False)])
def test_of_terms_neither_the_same_nor_the_unrelated_stand_beside_the_key(
    cosine: float, passed: bool
) -> None:
    class Constant:
        lowest = 0.1

        def __call__(self, one: str, other: str) -> float:
            return cosine

    seen = Evidence(TEXT, "en", DESCRIPTIONS, Constant())
    assert checks.distractors_plausible(term(), seen).passed == passed
    long = term("gyre", "a large ring of warm currents", "a small ring of cold currents")
    longer = replace(long, key="a large ring of cold currents")
    assert checks.distractors_plausible(longer, replace(seen, text="")).passed == (cosine >= 0.1)
    assert checks.distractors_plausible(longer, seen).passed  # its words are the lesson's
