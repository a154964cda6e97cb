import pytest
from generate_lessons import frame

from learnloop.generate.terms import Lesson, definitions, mentions, number_value, quantities


def lesson(text: str, language: str = "en") -> Lesson:
    return Lesson.of("test:x", "test:c", "Title", text, language)


@pytest.mark.parametrize(
    ("language", "text", "name", "predicate"),
    [
        ("en", "A gyre is a large ring of currents, such as a whirl.", "gyre", "a large ring of currents"),
        (
            "en",
            "Osmosis is the flow of water through a membrane.",
            "osmosis",
            "the flow of water through a membrane",
        ),
        ("en", "DNA is the molecule that carries plans.", "DNA", "the molecule that carries plans"),
        ("es", "La mediana es el valor central de una lista.", "mediana", "el valor central de una lista"),
        ("fr", "L'énergie est une grandeur qui se conserve.", "énergie", "une grandeur qui se conserve"),
        ("fr", "Les ondes sont des mouvements qui portent.", "ondes", "des mouvements qui portent"),
        ("de", "Der Leiter ist ein Stoff, der Strom leitet.", "Leiter", "ein Stoff, der Strom leitet"),
    ],
)
def test_a_definition_gives_its_term_and_what_it_says(
    language: str, text: str, name: str, predicate: str
) -> None:
    (term,) = definitions(lesson(text, language))
    assert (term.name, text[slice(*term.predicate)]) == (name, predicate)
    assert text[term.start : term.end] == term.text


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("en", "A loop that never ends is called an infinite loop.", "infinite loop"),
        ("es", "El resultado de una suma se llama total.", "total"),
        ("fr", "Le résultat d'une addition s'appelle la somme.", "somme"),
        ("de", "Das Ergebnis einer Addition heißt Summe.", "Summe"),
    ],
)
def test_a_name_at_the_end_of_a_clause_is_a_term(language: str, text: str, name: str) -> None:
    assert [term.name for term in definitions(lesson(text, language))] == [name]


@pytest.mark.parametrize(
    "text",
    [
        "It is a large ring of currents.",
        "This is the reason for everything.",
        "The reason is the pull of the Moon.",
        "The first is a number of cells.",
        "Street lighting is an example of that.",
        "The sea that we know is the home of fish.",
        "Usually is a word of seven letters.",
    ],
)
def test_what_names_nothing_is_no_term(text: str) -> None:
    assert definitions(lesson(text)) == []


def test_a_mention_is_a_whole_noun_phrase_outside_its_definition() -> None:
    one = lesson("A wave is a movement of water.")
    other = lesson(
        "The wave breaks on the shore. The wave length grows. A shock wave is loud. Wave after wave came."
    )
    found = mentions(other, definitions(one))
    assert [term.sentence.text for term in found] == [
        "The wave breaks on the shore.",
        "The wave length grows.",
    ]


def test_quantities_carry_value_unit_and_place() -> None:
    text = "The range reaches 16 metres. The flow is 1,050.5 km a day. Add 3, 4 and 5. It is 20% of 7/8."
    found = quantities(lesson(text))
    assert [(q.text, q.value, q.unit) for q in found] == [
        ("16", 16, ""),
        ("1,050.5 km", 1050.5, "km"),
        ("20%", 20, "%"),
    ]
    assert [q.is_result for q in found] == [False, True, True]
    assert all(text[q.start : q.end] == q.text for q in found)


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("1,000.5", "point", 1000.5),
        ("1.000,5", "comma", 1000.5),
        ("300 000", "comma", 300000),
        ("0,3", "comma", 0.3),
    ],
)
def test_numbers_are_read_in_their_language(text: str, style: str, value: float) -> None:
    assert number_value(text, style) == value


def test_every_span_of_the_lessons_is_verbatim() -> None:
    seen = 0
    for row in frame().to_dict("records"):
        one = lesson(row["text"], row["language"])
        for span in [*definitions(one), *quantities(one)]:
            assert one.text[span.start : span.end] == span.text
            seen += 1
    assert seen > 30
