"""Possessives without their noun or owner, words that resume, and what no short answer rests on."""

from collections.abc import Callable

import pytest

from learnloop.generate import askable, bearings, clozes, kinds, owners, referents, short_answers, true_false
from learnloop.generate.questions import BLANK, Pool, Source
from learnloop.generate.terms import Lesson, definitions


class Words:
    """The share of words two texts have in common, in place of an embedder."""

    lowest = -1.0

    def __call__(self, one: str, other: str) -> float:
        left, right = set(one.lower().split()), set(other.lower().split())
        return len(left & right) / max(1, min(len(left), len(right)))


def source(text: str, language: str) -> Source:
    lesson = Lesson.of("x:1", "c", "", text, language)
    return Source(lesson, Pool.of([lesson], definitions(lesson)), Words())


def asked(text: str, language: str) -> dict[str, str]:
    """key -> body of the short answers about terms."""
    made = source(text, language)
    found = kinds.queues(made, ("short_answer",))["short_answer"]
    return {question.key: question.body for question in found}


@pytest.mark.parametrize(
    ("language", "without", "with_it"),
    [
        ("en", "Hooke put forward his own in 1665.", "Hooke put forward his own scale in 1665."),
        ("en", "The Dutch gave up theirs in 1798.", "The Dutch gave up their company in 1798."),
        (
            "en",
            "The moon makes its own, unlike a star.",
            "The moon makes no light of its own, unlike a star.",
        ),
        ("es", "Celsius propuso la suya en 1742.", "Celsius propuso su escala en 1742."),
        ("fr", "La France garda le sien jusqu'en 1891.", "La France garda son méridien jusqu'en 1891."),
        ("fr", "La Suède fonda la leur en 1668.", "La Suède leur donna une banque en 1668."),
        ("de", "Frankreich behielt die seine bis 1891.", "Frankreich behielt seine Skala bis 1891."),
        ("de", "Frankreich behielt seine bis 1891.", "Larven, die ihre Nahrung im Boden finden, sind blind."),
    ],
)
def test_a_possessive_needs_its_noun(language: str, without: str, with_it: str) -> None:
    assert owners.lacks_noun(without, language)
    assert bearings.has_lost_bearings(without, language)
    assert not owners.lacks_noun(with_it, language)


@pytest.mark.parametrize(
    ("language", "resuming", "complete"),
    [
        (
            "en",
            "The matter was settled in part by a stork in 1822.",
            "The matter of the birds was settled in 1822.",
        ),
        ("en", "Pasteur closed the debate in 1864.", "Pasteur closed the debate about germs in 1864."),
        (
            "en",
            "In 1905, the effect was explained by Einstein.",
            "The effect of heat on iron was explained in 1905.",
        ),
        (
            "en",
            "The phenomenon takes place at night.",
            "A phase change is a process in which heat is taken up.",
        ),
        (
            "es",
            "La cuestión se resolvió en 1822.",
            "La cuestión de las aves migratorias se resolvió en 1822.",
        ),
        ("es", "El fenómeno fue explicado en 1905.", "El fenómeno de la inercia fue explicado en 1905."),
        ("fr", "L'affaire fut tranchée en 1822.", "L'affaire des cigognes fut tranchée en 1822."),
        ("fr", "Le débat dura jusqu'en 1864.", "Le débat sur les germes dura jusqu'en 1864."),
        ("de", "Die Frage wurde 1822 entschieden.", "Die Frage nach dem Vogelzug wurde 1822 entschieden."),
        (
            "de",
            "Im Jahr 1905 wurde der Effekt erklärt.",
            "Im Jahr 1905 wurde der Effekt der Strahlung erklärt.",
        ),
    ],
)
def test_a_noun_that_resumes_needs_a_complement(language: str, resuming: str, complete: str) -> None:
    assert owners.resumes(resuming, language)
    assert bearings.has_lost_bearings(resuming, language)
    assert not owners.resumes(complete, language)


@pytest.mark.parametrize(
    ("language", "lost", "sound"),
    [
        (
            "en",
            "Kolff built the first working machine in 1943.",
            "Kolff built the first dialysis machine in 1943.",
        ),
        ("en", "The price per ton fell to 16 cents.", "The price of copper fell to 16 cents."),
        (
            "en",
            "Alfred Hobbs, an American, opened it in 1851.",
            "Alfred Hobbs, an American, opened a lock in 1851.",
        ),
        (
            "es",
            "Kolff construyó la primera máquina en 1943.",
            "Kolff construyó la primera máquina de diálisis en 1943.",
        ),
        ("es", "El precio por tonelada cayó a 16 centavos.", "El precio del cobre cayó a 16 centavos."),
        (
            "fr",
            "Kolff construisit le premier appareil en 1943.",
            "Kolff construisit le premier appareil de dialyse en 1943.",
        ),
        ("fr", "Le prix par tonne tomba à 16 centimes.", "Le prix du cuivre tomba à 16 centimes."),
        (
            "fr",
            "Alfred Hobbs, un Américain, l'ouvrit en 1851.",
            "Alfred Hobbs, un Américain, ouvrit une serrure en 1851.",
        ),
        (
            "de",
            "Kolff baute die erste Maschine im Jahr 1943.",
            "Kolff baute die erste Maschine zur Dialyse im Jahr 1943.",
        ),
        (
            "fr",
            "Un homme en perd chaque jour quelques grammes.",
            "Un homme perd chaque jour un litre d'eau.",
        ),
        ("de", "Der Preis je Tonne fiel auf 16 Cent.", "Der Preis von Kupfer fiel auf 16 Cent."),
        (
            "de",
            "Die Stelle, auf die er trifft, heißt Schlagring.",
            "Die Stelle, auf die der Klöppel trifft, heißt Schlagring.",
        ),
    ],
)
def test_what_needs_a_complement_or_an_object(language: str, lost: str, sound: str) -> None:
    assert bearings.has_lost_bearings(lost, language)
    assert not bearings.has_lost_bearings(sound, language)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Affineur heißt der Fachmann, der Käse bis zur vollen Reife pflegt.", ""),
        ("Stollen heißen Gänge, die waagerecht in den Berg führen.", ""),
        ("Rhetorik heißt die Kunst der Rede.", ""),
        ("Der Fachmann, der Käse bis zur vollen Reife pflegt, heißt Affineur.", "Affineur"),
    ],
)
def test_german_names_stand_before_the_class(text: str, name: str) -> None:
    lesson = Lesson.of("x:1", "c", "", text, "de")
    assert [term.text for term in definitions(lesson) if term.how == "named"] == [name] * bool(name)


@pytest.mark.parametrize(
    ("language", "lacking", "owned"),
    [
        ("en", "the sum of its observable features", "an animal that carries its shell on its back"),
        ("en", "the point of its orbit nearest the Sun", "the mass of a body divided by its volume"),
        ("en", "In 1905 its members numbered 300.", "In 1905 the union and its members left the city."),
        ("es", "el conjunto de sus rasgos visibles", "un animal que lleva su casa a cuestas"),
        ("es", "En 1905 su longitud era de 300 metros.", "En 1905 el puente perdió su techo."),
        ("fr", "l'ensemble de ses traits visibles", "un animal qui porte sa maison sur le dos"),
        ("fr", "En 1905, sa longueur était de 300 mètres.", "En 1905, le pont perdit son toit."),
        ("de", "die Summe seiner sichtbaren Merkmale", "ein Tier, das sein Haus auf dem Rücken trägt"),
        ("de", "Im Jahr 1905 maß ihre Mauer 300 Meter.", "Im Jahr 1905 verlor die Brücke ihr Dach."),
    ],
)
def test_a_possessive_needs_its_owner(language: str, lacking: str, owned: str) -> None:
    assert owners.lacks_owner(lacking, language)
    assert not owners.lacks_owner(owned, language)


def test_a_description_whose_owner_is_elsewhere_is_asked_in_no_form() -> None:
    assert clozes.points_elsewhere("the sum of its observable features", "en")
    assert not kinds.propose(
        source("The phenotype is the sum of its observable features.", "en"), ("cloze", "short_answer")
    )


def test_a_figure_of_something_that_only_a_possessive_names() -> None:
    text = "In 1905 its members numbered 300 in Leeds."
    assert not askable.askable(Lesson.of("x:1", "c", "", text, "en"))


@pytest.mark.parametrize(
    ("language", "whole", "cut"),
    [
        (
            "en",
            "A cirque is a bowl-shaped hollow at the head of a glacial valley.",
            "A cirque is a bowl-shaped hollow at the head of a glacial valley; two of them leave a ridge.",
        ),
        (
            "es",
            "El triforio es una galería estrecha situada encima de las naves laterales.",
            "El triforio es una galería estrecha situada encima de las naves laterales; da luz al coro.",
        ),
        (
            "fr",
            "Une tirade est une longue réplique adressée à un autre personnage.",
            "Une tirade est une longue réplique adressée à un autre personnage ; elle lasse vite.",
        ),
        (
            "de",
            "Ein Router ist ein Gerät, das Pakete zwischen Netzen weiterleitet.",
            "Ein Router ist ein Gerät, das Pakete zwischen Netzen weiterleitet; meist kennt er viele Wege.",
        ),
    ],
)
def test_a_name_is_to_be_written_only_for_all_that_is_said(language: str, whole: str, cut: str) -> None:
    """What is said of it is given whole: a description, or, where that is a part, the sentence with a gap."""
    assert [BLANK in body for body in asked(whole, language).values()] == [False]
    for body in asked(cut, language).values():
        assert body.startswith(("A", "Le", "El", "Une", "Ein", BLANK))
        assert BLANK in body
        assert body[-12:] == cut[-12:]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "A refraction is the change of direction of light that a denser medium refracts."),
        ("es", "La fermentación alcohólica es la transformación de azúcar en alcohol por las levaduras."),
        ("fr", "L'écoulage consiste à laisser couler le vin de goutte dans une cuve."),
        ("de", "Nachbeben sind schwächere Beben, die auf ein starkes folgen."),
    ],
)
def test_a_word_of_the_same_family_tells_the_name(language: str, text: str) -> None:
    assert not asked(text, language)


@pytest.mark.parametrize(
    ("language", "before", "text"),
    [
        (
            "en",
            "Metre is a regular pattern of syllables.",
            "The smallest unit of the pattern is called a foot.",
        ),
        ("es", "Un verso tiene medida.", "La parte más breve del verso se llama pie."),
        ("fr", "Un vers a une mesure.", "La plus petite partie du vers s'appelle pied."),
        ("de", "Ein Vers hat ein Maß.", "Die kleinste Einheit des Verses heißt Takt."),
    ],
)
def test_a_part_of_what_the_sentence_before_tells(language: str, before: str, text: str) -> None:
    lesson = Lesson.of("x:1", "c", "", f"{before} {text}", language)
    assert referents.is_part_of_the_told(lesson.sentences[-1], lesson)
    alone = Lesson.of("x:1", "c", "", text, language)
    assert not referents.is_part_of_the_told(alone.sentences[-1], alone)


def _exchanged(text: str, language: str) -> Callable[[str], list[str]]:
    made = source(text, language)
    terms = {term.name: term for term in made.pool.terms}
    return lambda name: true_false._exchangeable(made, terms[name])


def test_terms_of_unlike_sorts_are_not_exchanged() -> None:
    text = (
        "A transistor is a component in which a small current controls a larger one. "
        "A bypass is an unintended path of very low resistance. "
        "A relay is a component with which a weak circuit switches a strong one."
    )
    others = _exchanged(text, "en")
    assert others("transistor") == ["relay"]
    assert others("bypass") == []
    spanish = (
        "Un solvente es una sustancia que separa las moléculas de otra materia. "
        "El calor latente es una energía que absorbe un cuerpo al cambiar de estado."
    )
    assert _exchanged(spanish, "es")("solvente") == []


def test_a_description_whose_end_was_cut_is_no_option() -> None:
    text = (
        "Un asteroide es un cuerpo rocoso que gira alrededor del Sol y es pequeño para ser planeta. "
        "Un albedo es una fracción de luz que refleja una superficie; la nieve tiene el mayor."
    )
    asteroid, albedo = source(text, "es").pool.terms
    assert clozes.was_cut(asteroid)
    assert not clozes.was_cut(albedo)


def test_plural_names_stand_beside_no_verb_of_one() -> None:
    text = "Akne entsteht, wenn sich Talgdrüsen entzünden. Rezeptoren sind Zellen, die auf Druck antworten."
    acne, receptors = source(text, "de").pool.terms
    assert (acne.how, receptors.number) == ("told", "plural")
    assert not clozes.agrees(acne, receptors, "")


def test_short_answers_keep_their_floor_of_words() -> None:
    assert short_answers.FEWEST_WORDS >= 4
    assert not asked("Una membrana es una red fina.", "es")


@pytest.mark.parametrize("language", ["en", "es", "fr", "de"])
@pytest.mark.parametrize("opening", ["1" * 400, "1." * 200, "May 11 " * 60, "In 1905 " * 60])
def test_rows_of_figures_are_looked_at_once(language: str, opening: str) -> None:
    """It would not end otherwise, not before the sun does."""
    assert not owners.lacks_owner(f"{opening}x", language)
