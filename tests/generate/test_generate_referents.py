"""Sentences that need the text before them to say what they speak of, one class a case, in four languages."""

import pytest

from learnloop.generate import askable, bearings, clozes, contrast, opposites, referents, sorts, standing
from learnloop.generate.terms import Lesson


def last(text: str, language: str, title: str = "") -> tuple[Lesson, object]:
    lesson = Lesson.of("x:1", "c", title, text, language)
    return lesson, lesson.sentences[-1]


@pytest.mark.parametrize(
    ("language", "text", "noun"),
    [
        ("en", "France began the Panama Canal in 1881. The Americans opened the canal in 1914.", "canal"),
        ("en", "A lock has gates. Each passage through the old locks takes 20 minutes.", "locks"),
        ("en", "The heart has four chambers. The heart beats 70 times a minute.", ""),
        ("en", "Ships cross the sea. The crew of the Mary Rose numbered 400 men.", ""),
        ("es", "Un tratado puso fin a la guerra. El rey firmó el tratado en 1648.", "tratado"),
        ("fr", "Une loi parut. Le ministre abrogea la loi en 1841.", "loi"),
        ("de", "Ein Vertrag wurde entworfen. Der Papst unterschrieb den Vertrag im Jahr 1122.", "Vertrag"),
    ],
)
def test_nouns_that_were_brought_in_before(language: str, text: str, noun: str) -> None:
    lesson, sentence = last(text, language)
    assert referents.brought_in(sentence, lesson) == noun  # type: ignore[arg-type]


def test_a_name_cut_short_needs_the_whole_one() -> None:
    text = "The Grainger Market was opened by a mayor. A fire destroyed the roof of the Market in 1901."
    lesson, sentence = last(text, "en")
    assert referents.brought_in(sentence, lesson) == "Market"  # type: ignore[arg-type]


def test_what_is_named_must_say_what_it_is() -> None:
    assert referents.is_bare_subject("The entire conflict is known as the ", "en")
    assert not referents.is_bare_subject("The place where two rivers meet is known as a ", "en")
    assert referents.is_bare_subject("Das Verfahren heißt ", "de")
    assert not referents.is_bare_subject("Die Zeit, die das Licht braucht, heißt ", "de")


def test_a_noun_of_the_topic_is_shown_with_the_question() -> None:
    text = "France began the Panama Canal in 1881. The Americans opened the canal in 1914."
    lesson, sentence = last(text, "en", "Panama Canal")
    assert referents.brought_in(sentence, lesson) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The present lighthouse was completed in 1882."),
        ("es", "El edificio actual fue terminado en 1882."),
        ("fr", "Le nouveau pont est ouvert en 1882."),
        ("de", "Die heutige Kirche stammt aus dem Jahr 1882."),
    ],
)
def test_one_of_several(language: str, text: str) -> None:
    assert referents.is_of_a_row(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "El 6 de septiembre de 1522 entró en Sanlúcar con 18 hombres."),
        ("es", "A finales de marzo de 1520 se detuvo en el puerto de San Julián."),
        ("es", "En España está regulado por una ley de 1882."),
        ("es", "En España lo regula una ley de 1882."),
        ("fr", "L'Académie y organise des expositions chaque année."),
        ("fr", "Une capsule de tissu fibreux sépare le rein des autres."),
        ("de", "Die linke Seite heißt Soll, die rechte Haben."),
        ("es", "Cuando llega a la superficie recibe el nombre de lava."),
        ("es", "El de Menga tiene una losa de 150 toneladas."),
        ("fr", "Le mot a été forgé en 1866 par Ernst Haeckel."),
        ("en", "The word was coined by Ernst Haeckel in 1866."),
        ("en", "Karl von Frisch, who deciphered it, shared the Nobel Prize."),
        ("en", "The left side is called the debit side."),
    ],
)
def test_lost_bearings(language: str, text: str) -> None:
    assert bearings.has_lost_bearings(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "El 6 de septiembre de 1522 la nao Victoria entró en Sanlúcar."),
        ("es", "Lo importante es la presión del agua."),
        ("es", "Cuando llega el invierno los días son cortos."),
        ("fr", "Le prix comprend le port, y compris les taxes."),
        ("de", "Die linke Seite einer Bilanz heißt Aktiva."),
        ("en", "The left side of the heart pumps blood into the body."),
    ],
)
def test_bearings_that_are_there(language: str, text: str) -> None:
    assert not bearings.has_lost_bearings(text, language)


@pytest.mark.parametrize(
    ("language", "leaning", "sound"),
    [
        (
            "es",
            "una cavidad ósea que lo protege de los golpes",
            "un defecto en el que la imagen se forma antes",
        ),
        ("fr", "une couche qui l'entoure et la nourrit", "une couche qui entoure et nourrit un organe"),
        ("de", "eine Hülle, die ihn vor Stößen schützt", "eine Hülle, die Organe vor Stößen schützt"),
        (
            "de",
            "das Erwärmen auf niedrige Temperatur, durch das er einen Teil der Härte verliert",
            "das Erwärmen auf niedrige Temperatur, durch das Stahl einen Teil der Härte verliert",
        ),
        (
            "en",
            "a bony cavity that protects it from blows",
            "a machine that lifts goods and sorts them by size",
        ),
        ("es", "una capa que alimenta a las demás", "una capa que alimenta a las células vecinas"),
    ],
)
def test_descriptions_with_a_pronoun_for_something_outside(language: str, leaning: str, sound: str) -> None:
    assert clozes.points_elsewhere(leaning, language)
    assert not clozes.points_elsewhere(sound, language)


def test_a_limit_that_a_rule_sets_is_a_figure_to_ask_for() -> None:
    text = "A portable extinguisher must hold at least 9 litres of water."
    lesson = Lesson.of("x:1", "c", "", text, "en")
    assert [q.text for q in askable.askable(lesson)] == ["9"]
    loose = Lesson.of("x:1", "c", "", "A portable extinguisher holds at least 9 litres of water.", "en")
    assert not askable.askable(loose)


def test_a_figure_whose_subject_is_elsewhere() -> None:
    lesson = Lesson.of("x:1", "c", "", "Üblich sind 5 Prozent, in der Physik ist man strenger.", "de")
    assert not askable.askable(lesson)


@pytest.mark.parametrize(
    ("language", "text", "turned"),
    [
        ("en", "On the Braden scale a lower score means a higher risk.", "lower"),
        ("en", "The adrenal hormone raises the blood pressure.", "lowers"),
        ("fr", "Le gluten se forme quand les protéines absorbent de l'eau.", "libèrent"),
        ("es", "El calor dilata los metales de una vía.", "contrae"),
        ("de", "Der Verdichter erhöht den Druck des Gases.", "senkt"),
        # A name, an adjective of a kind, a negation, a past event, an order.
        ("en", "The higher school in the valley has a library.", ""),
        ("fr", "Le plus grand commun diviseur se calcule par l'algorithme d'Euclide.", ""),
        ("es", "El alto horno funde el mineral de hierro.", ""),
        ("en", "Salt does not raise the pressure of the gas.", ""),
        ("de", "Im Handel steigt man niedrig ein, um schnell Anteile zu gewinnen.", ""),
        ("en", "The king raised the tax on salt in the towns.", ""),
        ("en", "Keep the head lower than the feet of the patient.", ""),
    ],
)
def test_sentences_that_one_word_turns_round(language: str, text: str, turned: str) -> None:
    lesson, sentence = last(text, language)
    found = opposites.turned(sentence, lesson)  # type: ignore[arg-type]
    assert (found[2] if found else "") == turned


@pytest.mark.parametrize(
    ("language", "text", "asked"),
    [
        ("es", "Un adulto guarda alrededor de 500 gramos, lo que basta para dos horas.", False),
        ("es", "El Sol reúne el 99,8 % de su masa.", False),
        ("fr", "Une barrique bordelaise contient 225 litres.", True),
        ("en", "A wheel of this cheddar weighs 40 kilograms.", False),
        ("en", "A wheel of Parmesan weighs 40 kilograms.", True),
    ],
)
def test_amounts_of_something(language: str, text: str, asked: bool) -> None:
    assert bool(askable.askable(Lesson.of("x:1", "c", "", text, language))) == asked


def test_things_of_different_sorts() -> None:
    assert sorts.differ("a narrow inlet of the sea", "a viral disease that insects spread", "en")
    assert sorts.differ("ein Vertrag zwischen zwei Parteien", "eine Hautkrankheit, die ansteckt", "de")
    assert not sorts.differ("un apareil qui mesure le vent", "un instrument qui mesure la pluie", "fr")
    assert not sorts.differ("una palabra rara", "un aparato raro", "es")  # of the one nothing is known


def test_who_is_to_write_a_name_may_think_of_a_near_one() -> None:
    gateway = "l'équipement qui relie un réseau local à un autre réseau"
    router = "un équipement qui choisit le chemin des paquets d'un réseau à l'autre"
    assert contrast.are_near(gateway, router, "fr")
    assert not contrast.are_near("a tide of large range", "a tide of small range", "en")
    assert not contrast.are_near("a device that measures wind", "a device that prints labels", "en")


def test_headings_bring_nothing_in() -> None:
    text = "The contract\n\nThe contract is an agreement that binds two parties."
    lesson = Lesson.of("x:1", "c", "", text, "en")
    assert not standing.is_anaphoric(lesson.sentences[-1], lesson)


def test_an_illness_is_no_distractor_of_a_thing() -> None:
    assert sorts.clash("a chamber with gates at both ends", "a viral disease that insects spread", "en")
    assert sorts.clash("l'artisan qui surveille la cave", "le lait que l'on chauffe", "fr")
    assert not sorts.clash("a chamber with gates at both ends", "a tool that lifts stones", "en")
