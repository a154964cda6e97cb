"""Classes of bad questions that readers found, one planted sentence each, and the sound one beside it."""

import pytest

from learnloop.generate import (
    askable,
    bearings,
    clozes,
    families,
    kinds,
    naming,
    opposites,
    ordering,
    short_answers,
)
from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.questions import Pool, Source
from learnloop.generate.terms import Lesson, definitions, quantities


def source(text: str, language: str, title: str = "") -> Source:
    lesson = Lesson.of("x:1", "c", title, text, language)
    similar = Similarities(CharacterTfidf([sentence.text for sentence in lesson.sentences]))
    return Source(lesson, Pool.of([lesson], definitions(lesson)), similar)


@pytest.mark.parametrize(
    ("name", "told", "language", "tells"),
    [
        ("plumaje", "el conjunto de las plumas de un ave", "es", True),
        ("gramaje", "la masa de un metro cuadrado de papel en gramos", "es", True),
        ("panel de cata", "el grupo de catadores entrenados", "es", True),
        ("elastic", "demand is inelastic when the value is below one", "en", True),
        ("Änderungsanomalie", "wenn eine Information nicht überall geändert wird", "de", True),
        ("sampling frame", "the list from which the sample is drawn", "en", True),
        ("bioaccumulation", "l'accumulation d'une substance dans les tissus", "fr", True),
        ("Nachbeben", "schwächere Beben, die auf ein starkes folgen", "de", True),
        ("plumaje", "lo que cubre el cuerpo de un ave", "es", False),
        ("mordant", "a substance that fixes a dye to a fibre", "en", False),
    ],
)
def test_words_of_one_family(name: str, told: str, language: str, tells: bool) -> None:
    assert families.is_derived(name, told, language) == tells


@pytest.mark.parametrize(
    ("language", "lines", "terms"),
    [
        ("es", "- Población: conjunto de todos los elementos. \n- Muestra: subconjunto de la población.\n"
         "- Parámetro: número que describe una población entera.",
         {"población", "muestra", "parámetro"}),
        ("de", "Plutonit – Gestein, das in der Tiefe langsam erstarrt.\n\nDiagenese – Vorgang, bei dem "
         "Gestein aus Sand entsteht.\n\nKluft – schmaler Riss im Gestein, der offen ist.",
         {"Plutonit", "Diagenese", "Kluft"}),
        ("en", "- Hedge: row of shrubs that marks a border.\n- Verge: strip of grass beside a road.\n"
         "- Coppice: wood that is cut to the ground.", {"hedge", "verge", "coppice"}),
    ],
)  # fmt: skip
def test_lists_of_terms_whose_descriptions_have_no_article(
    language: str, lines: str, terms: set[str]
) -> None:
    made = source(lines, language)
    assert {term.name for term in definitions(made.lesson) if made.description(term)} == terms
    assert not naming.glossary(lines.splitlines()[:1], language)


@pytest.mark.parametrize(
    ("language", "bad", "good"),
    [
        ("de", "Was ein Vulkan auswirft, heißt zusammenfassend Tephra.",
         "Was ein Vulkan auswirft, heißt Tephra."),
        ("en", "The dyes of this kind are called substantive.", "The dyes of this kind are called mordants."),
        ("en", "Indigo is a case by itself among many dyes.", "Indigo is a dye that is made from leaves."),
        ("de", "Deutschland ist ein Bundesstaat, der aus Ländern besteht.",
         "Eine Föderation ist ein Bundesstaat, der aus Ländern besteht."),
        ("es", "La unidad funcional es el lobulillo, un prisma de seis lados que rodea una vena.",
         "El lobulillo es un prisma de seis lados que rodea una vena."),
    ],
)  # fmt: skip
def test_what_is_no_term_or_no_description(language: str, bad: str, good: str) -> None:
    (term,) = definitions(source(good, language).lesson)
    opening = " ".join(bad.lower().split()[:3])
    assert not any(
        found.name.lower() in opening or found.how == "named"
        for found in definitions(source(bad, language).lesson)
    )
    assert term.text in good


@pytest.mark.parametrize(
    ("language", "text", "description"),
    [
        ("de", "Die Krume ist das weiche Innere des Brotes, die Kruste sein äußerer, gebräunter Teil.",
         "das weiche Innere des Brotes"),
        ("de", "Annuität nennt man die Begrenzung der Ämter auf ein Jahr, Kollegialität die mit zweien.",
         "die Begrenzung der Ämter auf ein Jahr"),
    ],
)  # fmt: skip
def test_the_second_of_two_definitions_is_cut(language: str, text: str, description: str) -> None:
    made = source(text, language)
    (term,) = definitions(made.lesson)
    assert made.description(term) == description
    assert clozes.was_cut(term)
    assert short_answers.for_term(made, term) is None


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("es", "El ayllu era el grupo de familias que cultivaba una tierra de todos.", 1),
        ("es", "La reina era la mujer que mandaba en aquel palacio.", 0),
        ("de", "Der Vicus war die Siedlung, die vor dem Tor eines Lagers entstand.", 1),
    ],
)
def test_what_things_were_is_a_definition_where_the_word_is_rare(
    language: str, text: str, found: int
) -> None:
    assert len(definitions(source(text, language).lesson)) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "George Gallup got the winner right with 50,000 answers."),
        ("en", "Not far away, a second tunnel was opened by the company."),
        ("fr", "Non loin de là, le tunnel du Malpas fut percé par des ouvriers."),
        ("es", "Cerca de allí, los romanos abrieron una mina de oro."),
        ("es", "La unidad funcional del órgano es el lobulillo."),
        ("de", "In der Nähe liegt ein zweites Kastell der Römer."),
    ],
)
def test_places_and_outcomes_told_before(language: str, text: str) -> None:
    assert bearings.has_lost_bearings(text, language)


def test_the_more_of_what_the_lesson_does_not_say() -> None:
    text = "Je niedriger die Punktzahl ist, desto höher ist das Risiko für die Haut."
    bare, told = source(text, "de"), source(text, "de", "Die Punktzahl nach Braden")
    assert opposites.turned(bare.lesson.sentences[0], bare.lesson) is None
    assert opposites.turned(told.lesson.sentences[0], told.lesson) is not None


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("fr", "Le coton de Lyon rétrécit d'environ 5 % au lavage.", 0),
        ("fr", "La sauce Mornay se garde au-dessus de 63 °C pendant le service.", 0),
        ("en", "The Dart usually needs 12 litres of oil.", 0),
        ("en", "The Gatun Dam is 800 m thick at the base.", 1),
    ],
)
def test_rough_usual_and_bounded_figures(language: str, text: str, left: int) -> None:
    made = source(text, language)
    assert len(quantities(made.lesson)) == 1
    assert len(kinds.find(made).figures) == left


def test_a_figure_of_a_step_is_left_alone() -> None:
    made = source("1. The Rayburn oven is heated to 250 °C.\n2. The Rayburn door is shut.", "en")
    assert not askable.askable(made.lesson)


STEPS = [
    "Ponga la bicicleta boca abajo.", "Vacíe la cámara del todo.", "Introduzca un desmontable en la llanta.",
    "Meta el desmontable por el borde.", "Extraiga la cámara de la rueda.", "Seque la zona con un paño.",
    "Extienda una capa de pegamento.", "Coloque el parche con fuerza.", "Monte la cámara en la rueda.",
]  # fmt: skip


def listed(heading: str, steps: list[str]) -> str:
    lines = "\n".join(f"{place}. {step}" for place, step in enumerate(steps, 1))
    lead = "Cómo reparar un pinchazo\n\nHace falta un parche y algo de paciencia en casa."
    return f"{lead}\n\n{heading}\n\n{lines}"


def test_steps_under_a_heading_are_steps_of_the_title() -> None:
    found = [ordering.propose(source(listed("Pasos", STEPS[:size]), "es", "x")) for size in (2, 7, 9)]
    assert [len(questions) for questions in found] == [0, 0, 0]  # of what, no title says
    many, few = (
        ordering.propose(source(listed("Pasos", STEPS[:size]), "es", "Cómo reparar un pinchazo"))
        for size in (ordering.MOST + 1, 7)
    )
    assert not many  # of steps left out, others may change places
    (question,) = few
    assert question.answer["order"] == [step.rstrip(".") for step in STEPS[:7]]
    assert "Cómo reparar un pinchazo" in question.stem


@pytest.mark.parametrize(
    ("heading", "steps"),
    [
        ("Para practicar", STEPS[:4]),
        ("Pasos", ["Si respira, colóquela de lado.", "Si no respira, empiece el masaje.", *STEPS[:2]]),
        ("Etapas", [f"Etapa {n}: {step}" for n, step in enumerate(STEPS[:4], 1)]),
    ],
)
def test_exercises_and_numbered_stages_are_no_steps(heading: str, steps: list[str]) -> None:
    assert not ordering.propose(source(listed(heading, steps), "es", "Cómo reparar un pinchazo"))


def test_a_hint_that_fits_another_word_of_the_lesson_is_none() -> None:
    defined = "A compressor is any object that can return its members one at a time."
    other = " A comparator remembers where it stands."
    asked = [kinds.queues(source(text, "en"), ("short_answer",)) for text in (defined, defined + other)]
    assert [len(queue["short_answer"]) for queue in asked] == [1, 0]


def test_a_cut_description_is_no_statement_but_its_sentence_has_a_gap() -> None:
    text = "Abrasion is the grinding of the bed by stones frozen into the base, and it leaves long scratches."
    queues = kinds.queues(source(text, "en"), ("true_false", "short_answer"))
    assert not queues["true_false"]
    (question,) = queues["short_answer"]
    assert question.body == text.replace("Abrasion", "____")


def test_one_option_inside_another_is_shown_once() -> None:
    text = (
        "A gyre is a large ring of currents around a basin. A swell is a train of long waves."
        " A fetch is the distance over which the wind blows. A berm is a ridge of sand behind the beach."
        " A bank is a ridge of sand behind the beach and under the sea."
    )
    made = source(text, "en")
    asked = [clozes.which_description(made, term) for term in made.pool.terms]
    for question in filter(None, asked):
        assert not any(
            one != other and one in other for one in question.options for other in question.options
        )


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["Duration: the morning of the second day.", "Materials: a broom, a bucket and some soap.",
                "Target group: the cleaning staff of a school.", "Lesson 3: the care of a wooden floor."]),
        ("es", ["Objetivo: la prevención de la sordera en el taller.", "Público: los empleados de un taller.",
                "Error común: el uso de un casco que no ajusta bien."]),
        ("fr", ["Objectif : la prévention de la surdité au travail.", "Public : les salariés d'un atelier.",
                "Conseil : un casque qui est bien ajusté à la tête."]),
        ("de", ["Lernziel: die Pflege eines Bodens aus Holz.", "Dauer: der Vormittag des zweiten Tages.",
                "Zielgruppe: die Kräfte, die eine Schule putzen."]),
        # clauses of a paragraph
        ("en", ["Moral hazard arises afterwards: a person who is insured may take less care."
                " Fraud comes next: a claim that nobody has checked. Reserves come last: a sum that pays"
                " for what is still open."]),
    ],
)  # fmt: skip
def test_what_frames_a_lesson_is_no_term_of_it(language: str, lines: list[str]) -> None:
    made = source("\n\n".join(lines), language)
    assert not [term.name for term in definitions(made.lesson) if term.how == "listed"]


def test_the_title_is_no_line_of_a_list_of_terms() -> None:
    title = "Hedges: a guide to what grows beside a road"
    entries = ["Verge: a strip of grass beside a road.", "Coppice: a wood that is cut to the ground."]
    entries += ["Ditch: a trench that leads the water of a road away."]
    lesson = source("\n\n".join([title, *entries]), "en", title).lesson
    assert {term.name for term in definitions(lesson)} == {"verge", "coppice", "ditch"}
