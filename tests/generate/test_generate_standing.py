"""Which sentences may be asked about, which figures, and which sentences define."""

import pytest

from learnloop.generate import aliases, askable, bearings, clozes, contrast, standing
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


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("On each level about 90 percent of the energy is lost.", "en"),
        ("Third, the machines of the office are cut off.", "en"),
        ("James Cook ran aground on it in June 1770.", "en"),
        ("In 1967 that reality began to change in England.", "en"),
        ("In Madrid the best angle is 34 degrees.", "en"),
        ("The two cities signed a treaty in 1648.", "en"),
        ("Louis Pasteur worked the method out for wine in 1864.", "en"),
        ("La Unesco lo inscribió en 2010 en una lista.", "es"),
        ("En las zonas tensas, es del 15 % como mucho.", "es"),
        ("La diferencia entre los dos trabajos es de 5 euros.", "es"),
        ("Les romans, qui en comptent 175, parurent en 1782.", "fr"),
        ("À chaque étape, 90 % de l'énergie se perd.", "fr"),
        ("In Gebieten mit wenig Wohnungen liegt sie bei 15 Prozent.", "de"),
        ("Auf jeder Stufe gehen etwa 90 Prozent verloren.", "de"),
    ],
)
def test_what_only_its_neighbours_explain_is_not_asked(text: str, language: str) -> None:
    assert bearings.has_lost_bearings(text, language)
    assert askable.askable(lesson(text, language)) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The process in which enzymes react with air and turn it brown is slow.", "en"),
        ("Light that falls on a prism is split into seven colours.", "en"),
        ("El Nilo, que nace en África, mide 6650 km.", "es"),
        ("Il y a 206 os dans le corps d'un adulte.", "fr"),
        ("Wenn Wasser gefriert, dehnt es sich um 9 Prozent aus.", "de"),
    ],
)
def test_a_pronoun_whose_noun_is_there_may_stand(text: str, language: str) -> None:
    assert not bearings.has_lost_bearings(text.replace("turn it", "turn the leaf"), language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A queen of the bees in June can lay 2,000 eggs.", "en"),
        ("La abeja reina de una colmena puede poner 2.000 huevos.", "es"),
        ("La reine d'une ruche peut pondre 2 000 œufs.", "fr"),
        ("Die Königin der Bienen kann 2.000 Eier legen.", "de"),
        ("According to a report the fleet of Peru lost 40 ships.", "en"),
        ("La gestation dure environ 63 jours.", "fr"),
        ("Trees of the north covered Europe around 9,000 BP again.", "en"),
        ("The station Red Nose hired a group for its 2001–02 identity.", "en"),
    ],
)
def test_possible_told_and_nameless_figures_are_not_asked(text: str, language: str) -> None:
    assert askable.askable(lesson(text, language)) == []


def test_a_book_of_exercises_is_not_asked_about() -> None:
    task = "Calculate the mean of the ages. What is the share of red balls in the urn of Anna? "
    fact = "An acid is a substance that gives protons away. The human skeleton of an adult has 206 bones. "
    assert definitions(lesson(fact))
    assert askable.askable(lesson(fact))
    book = lesson(task * 10 + fact)
    assert bearings.is_exercises(book)
    assert definitions(book) == []
    assert askable.askable(book) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Every photograph is a compromise between the three settings of a camera.", "en"),
        ("The term culture is the set of beliefs and customs of a society.", "en"),
        ("Didi is the first person who puts a hand into the basket.", "en"),
        ("The Five Factor Model is the most widely accepted theory of traits.", "en"),
        ("Forming bonds with others is a necessity for beings that live in groups.", "en"),
        ("Las entradas de la tabla son los goles de los equipos de fútbol.", "es"),
        ("Una estadística es un número de la población verdadero falso.", "es"),
        ("Toda foto es un compromiso entre tres ajustes de una cámara.", "es"),
    ],
)
def test_what_is_said_of_a_thing_does_not_define_it(text: str, language: str) -> None:
    assert definitions(lesson(text, language)) == []


@pytest.mark.parametrize(
    ("one", "other", "language", "siblings"),
    [
        ("Kurzzeitgedächtnis", "Arbeitsgedächtnis", "de", True),
        ("short-term memory", "working memory", "en", True),
        ("memoria de trabajo", "memoria a corto plazo", "es", True),
        ("Nahrungskette", "Symbiose", "de", False),
        ("tarn", "delta", "en", False),
    ],
)
def test_names_that_share_their_head(one: str, other: str, language: str, siblings: bool) -> None:
    assert contrast.are_siblings(one, other, language) is siblings


def test_a_relative_clause_of_two_verbs_is_not_cut() -> None:
    one = lesson("Das Arbeitsgedächtnis ist ein System, das Inhalte kurz hält und verarbeitet.", "de")
    told = [one.text[slice(*term.predicate)] for term in definitions(one)]
    assert told == ["ein System, das Inhalte kurz hält und verarbeitet"]
    two = lesson("Encoding is the first step of the work and storage is the second one of the chain.")
    assert [two.text[slice(*term.predicate)] for term in definitions(two)] in ([], [""])


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [
        ("A prime lens is a lens with a fixed focal length.", "en", True),
        ("Una ley orgánica es una ley que requiere mayoría absoluta.", "es", True),
        ("La taxe carbone est une taxe proportionnelle aux émissions.", "fr", True),
        ("Ein Mietvertrag ist ein Vertrag über den Gebrauch einer Sache.", "de", True),
        ("Das Anlagevermögen ist der Teil des Vermögens im Betrieb.", "de", True),
        ("Die Vorsteuer ist die Umsatzsteuer auf Einkäufe des Betriebs.", "de", True),
        ("A tripod is a stand with three legs of metal.", "en", False),
        ("Ein Festmeter ist ein Maß für die Menge von Holz.", "de", False),
    ],
)
def test_a_sentence_that_tells_a_part_of_its_term(text: str, language: str, told: bool) -> None:
    (term,) = definitions(lesson(text, language))
    assert clozes.is_told_by_a_part(term, language) is told
