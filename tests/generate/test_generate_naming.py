"""Terms that running prose names in passing: each form is found, and what only looks like it is not."""

import pytest

from learnloop.generate.terms import Lesson, definitions


def found(text: str, language: str) -> dict[str, tuple[str, str]]:
    """name -> (how, description)."""
    lesson = Lesson.of("x:1", "c", "", text, language)
    return {term.name: (term.how, lesson.text[slice(*term.predicate)]) for term in definitions(lesson)}


@pytest.mark.parametrize(
    ("language", "text", "name", "how", "description"),
    [
        ("es", "Los pliegues de la membrana reciben el nombre de crestas.", "crestas", "named", ""),
        ("fr", "Une telle réunion porte le nom de concile.", "concile", "named", ""),
        ("de", "Der Lebensraum wird auch als Biotop bezeichnet.", "Biotop", "named", ""),
        ("en", "Two neighbouring crests are referred to as a wavelength.", "wavelength", "named", ""),
        ("en", "The blood leaves by the aorta, a vessel that carries it to the whole body.", "aorta", "", ""),
        (
            "en",
            "The blood leaves by the aorta, a vessel that carries oxygen to the organs.",
            "aorta",
            "apposed",
            "a vessel that carries oxygen to the organs",
        ),
        (
            "fr",
            "L'air entre par les stomates, des pores qui règlent les échanges de gaz.",
            "stomates",
            "apposed",
            "des pores qui règlent les échanges de gaz",
        ),
        (
            "fr",
            "On appelle pointage la première fermentation de la pâte après le pétrissage.",
            "pointage",
            "inverse",
            "la première fermentation de la pâte après le pétrissage",
        ),
        (
            "de",
            "Unter Aquaplaning versteht man das Aufschwimmen der Reifen auf nasser Fahrbahn.",
            "Aquaplaning",
            "inverse",
            "das Aufschwimmen der Reifen auf nasser Fahrbahn",
        ),
        ("fr", "Le frasage consiste à mélanger les ingrédients à petite vitesse.", "frasage", "told", ""),
        (
            "de",
            "Ein Fehler erster Art liegt vor, wenn die Hypothese zutrifft.",
            "Fehler erster Art",
            "told",
            "",
        ),
        (
            "en",
            "Levees are raised banks of coarse sediment that a river builds along its edges.",
            "levees",
            "defined",
            "raised banks of coarse sediment that a river builds along its edges",
        ),
        (
            "de",
            "Uferfiltrat ist Wasser, das aus einem Fluss in einen Brunnen sickert.",
            "Uferfiltrat",
            "defined",
            "Wasser, das aus einem Fluss in einen Brunnen sickert",
        ),
    ],
)
def test_forms_of_naming(language: str, text: str, name: str, how: str, description: str) -> None:
    terms = found(text, language)
    if how:
        assert terms[name] == (how, description)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "fr",
            "Les veines ont une paroi et, surtout dans les jambes, des valvules qui ferment le passage.",
        ),
        ("es", "El gas entra por los estomas, unos poros que suelen ser más numerosos en el envés."),
        ("fr", "Le basalte est la plus répandue, puisqu'il constitue le fond des océans."),
        ("en", "The workers are responsible men of the village."),
        ("en", "Cells are full of water and salts."),
        ("en", "Remains of the wall are still visible in parts of the town."),
    ],
)
def test_what_looks_like_a_definition(language: str, text: str) -> None:
    assert not {how for how, said in found(text, language).values() if said}


@pytest.mark.parametrize(
    ("language", "text", "name", "description"),
    [
        (
            "de",
            "Messing ist eine Legierung aus Kupfer und Zink, Bronze eine aus Kupfer und Zinn.",
            "Messing",
            "eine Legierung aus Kupfer und Zink",
        ),
        (
            "es",
            "El genotipo es el conjunto de los genes, y el fenotipo, el conjunto de los caracteres.",
            "genotipo",
            "el conjunto de los genes",
        ),
        (
            "en",
            "An allergy is a reaction of the immune system and may be fatal in tiny amounts.",
            "allergy",
            "a reaction of the immune system",
        ),
        ("en", "Brand equity is the extra value that a product has because of its name.", "brand equity", ""),
        ("en", "Reach is the range of tasks that a child can manage but not yet alone.", "reach", ""),
        (
            "de",
            "Zugzwang nennt man eine Lage, in der jeder Zug schadet.",
            "Zugzwang",
            "eine Lage, in der jeder Zug schadet",
        ),
    ],
)
def test_a_second_thing_is_cut_off(language: str, text: str, name: str, description: str) -> None:
    terms = found(text, language)
    assert terms[name][1] == description
    assert "Lage" not in terms


def test_a_list_of_terms_is_read_and_two_lines_with_a_colon_are_not() -> None:
    lines = [
        "- Macro: a recorded series of commands that can be played back.",
        "- Filter: a tool that hides the rows of a table.",
        "- Delimiter: the character that separates values in a text file.",
    ]
    assert found("\n".join(lines), "en")["macro"] == (
        "listed",
        "a recorded series of commands that can be played back",
    )
    assert not found("\n".join(lines[:2]), "en")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        # The verb of the clause would be lost, the part is of nothing, the pronoun has no noun.
        ("de", "Der Sättigungspunkt ist der Zustand, in dem die Wände nass, die Hohlräume aber leer sind."),
        ("de", "Das Zehrgebiet ist der untere Teil, in dem mehr Eis schmilzt, als neu entsteht."),
        ("es", "El iris es la parte que da su color al ojo de las personas."),
        ("en", "The stator is the part that does not turn while it runs."),
    ],
)
def test_descriptions_that_are_cut_or_of_nothing(language: str, text: str) -> None:
    assert not {said for _, said in found(text, language).values() if said}


def test_a_german_verb_for_two_clauses_stays() -> None:
    text = "Eine Moräne ist ein Wall aus Schutt, den das Eis mitgeführt und abgelagert hat."
    assert found(text, "de")["Moräne"][1].endswith("mitgeführt und abgelagert hat")


def test_an_example_ends_a_definition_and_spoils_no_other() -> None:
    text = (
        "A parameter is a number that describes a population, for example the mean height of all adults. "
        "A statistic is a number that is computed from a sample."
    )
    assert found(text, "en") == {
        "parameter": ("defined", "a number that describes a population"),
        "statistic": ("defined", "a number that is computed from a sample"),
    }
