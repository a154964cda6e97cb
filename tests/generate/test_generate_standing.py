"""Which sentences may be asked about, which figures, and which sentences define."""

import pytest

from learnloop.generate import aliases, askable, contrast, standing
from learnloop.generate.terms import Lesson, definitions, quantities


def lesson(text: str, language: str = "en", title: str = "") -> Lesson:
    return Lesson.of("test:x", "test:c", title, text, language)


@pytest.mark.parametrize(
    ("text", "language", "why"),
    [
        ("The heart pumps blood through the body.", "en", ""),
        ("It pumps blood through the whole body.", "en", "leaning"),
        ("In addition, the heart pumps blood through it.", "en", "compared"),
        ("The effects of sleep on moral judgment in adults.", "en", "verbless"),
        ("The heart (Harvey, 1628) pumps blood through the body.", "en", "cited"),
        ("We know that the heart pumps the blood.", "en", "pointing"),
        ("For example, a heart pumps blood for years.", "en", "example"),
        ("El corazón bombea la sangre y es un músculo.", "es", ""),
        ("Además, el corazón bombea sangre y es fuerte.", "es", "leaning"),
        ("Le cœur est un muscle qui bat sans arrêt.", "fr", ""),
        ("Nous savons que le cœur est un muscle.", "fr", "person"),
        ("Das Herz pumpt das Blut durch den Körper.", "de", ""),
        ("Dieses Herz pumpt das Blut durch den Körper.", "de", "leaning"),
    ],
)
def test_what_speaks_against_a_sentence(text: str, language: str, why: str) -> None:
    one = lesson(text, language)
    assert standing.objection(one.sentences[0], one) == why


def test_what_was_brought_in_before_is_no_subject_of_its_own() -> None:
    one = lesson("A team of twelve doctors came to town. The team was paid by the city itself.")
    assert [standing.is_anaphoric(s, one) for s in one.sentences] == [False, True]
    known = lesson("The heart is a muscle in the chest. The heart was drawn by Leonardo himself.")
    assert not any(standing.is_anaphoric(s, known) for s in known.sentences)


@pytest.mark.parametrize(
    ("text", "language", "asked"),
    [
        ("The human skeleton of an adult has 206 bones.", "en", ["206"]),
        ("More than 206 bones are in the human skeleton.", "en", []),
        ("The human skeleton has 206 bones or more in a child.", "en", []),
        ("Neil Armstrong flew to the Moon with Apollo 11 himself.", "en", []),
        ("Early in stage 2 sleep the heart becomes slow.", "en", []),
        ("Currently the human skeleton has 206 bones.", "en", []),
        ("The ship probably carried 40 tons of coal to Rome.", "en", []),
        ("Isaac Newton was born in 1643 in Woolsthorpe.", "en", ["1643"]),
        ("Isaac Newton died on 31 March 1727 in London.", "en", ["1727"]),
        ("The half of 50 is 25.", "en", ["25"]),
        ("The mean is 6, the median is 7.", "en", []),
        ("El río Nilo mide unos 6650 km de largo.", "es", ["6650 km"]),
        ("Hace un gol el 65 % de las veces que chuta.", "es", []),
        ("En 1785 presentó un documento sobre la Tierra.", "es", []),
        ("Le mont Blanc en France atteint 4 806 m aujourd'hui.", "fr", []),
        ("Le corps d'un adulte contient environ 5 litres de sang.", "fr", ["5"]),
        ("Die Stadt Hof hatte 2010 eine neue Halle.", "de", []),
        ("Der Ätna auf Sizilien ist etwa 3350 m hoch.", "de", ["3350 m"]),
    ],
)
def test_figures_that_can_be_asked_for(text: str, language: str, asked: list[str]) -> None:
    one = lesson(text, language)
    assert [quantity.text for quantity in askable.askable(one)] == asked


def test_a_figure_beside_a_task_belongs_to_the_task() -> None:
    one = lesson("An urn in the room of Anna holds 11 balls. What is the share of red ones?")
    assert len(quantities(one)) == 1
    assert askable.askable(one) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Reading is an important tool for every pupil in a school.", "en"),
        ("Glia and neurons are the two types of cell in the brain.", "en"),
        ("The greatest strength of experiments is the control of causes.", "en"),
        ("Heute ist die Warschauer Börse der größte Markt der Region.", "de"),
        ("Seitdem ist der Sektor ein Teil der ganzen Wirtschaft.", "de"),
        ("Una causa de preocupación son los ataques a los docentes.", "es"),
        ("Usted es el presidente de una organización de eventos.", "es"),
        ("La lecture est un outil important pour tous les élèves.", "fr"),
    ],
)
def test_remarks_are_no_definitions(text: str, language: str) -> None:
    assert definitions(lesson(text, language)) == []


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("A gyre is a ring of currents, and it turns slowly.", "a ring of currents"),
        ("Botany is the study of roots, stems, and leaves.", "the study of roots, stems, and leaves"),
        ("Anemia is a condition in which cells, which are red, take another form.", ""),
        ("A sample is a subset of people (see below) from a population.", ""),
    ],
)
def test_a_description_is_cut_where_it_goes_on_and_nowhere_else(text: str, predicate: str) -> None:
    one = lesson(text)
    assert [one.text[slice(*term.predicate)] for term in definitions(one)] == [predicate]


@pytest.mark.parametrize(
    ("one", "other", "language", "apart"),
    [
        ("a tide of large range", "a tide of small range", "en", True),
        ("the rise of cold water", "a ring of currents around a basin", "en", True),
        ("a figure with four equal sides", "a figure with four right angles", "en", False),
        ("a rectangle with equal sides", "a parallelogram with equal angles", "en", False),
        ("el paso del agua a vapor", "el paso del vapor a hielo", "es", False),
        ("ein Tier, das im Wasser lebt", "ein Tier, das Milch gibt", "de", False),
    ],
)
def test_descriptions_that_exclude_each_other(one: str, other: str, language: str, apart: bool) -> None:
    assert contrast.apart(one, other, language) is apart
    assert contrast.apart(other, one, language) is apart


def test_other_names_of_a_key() -> None:
    one = lesson("Deoxyribonucleic acid (DNA) is the molecule that carries the plan of a cell.")
    (term,) = definitions(one)
    assert "DNA" in aliases.of_term(term, one)
    two = lesson("A router is a device that forwards packets between networks.")
    assert aliases.of_term(definitions(two)[0], two) == ["routers"]
    three = lesson("The pancreas is an organ that secretes hormones into the blood.")
    assert aliases.of_term(definitions(three)[0], three) == []
