"""Each flaw of the rubric in four languages, and the sound question beside it."""

from dataclasses import replace

import pytest
from test_generate_checks import evidence, term

from learnloop.generate import check_flaws, checks
from learnloop.generate.questions import Question


def asked(
    stem: str, key: str, *distractors: str, language: str = "en", kind: str = "multiple_choice"
) -> Question:
    options = (key, *distractors)
    return replace(
        term(), kind=kind, form="proposed", stem=stem, body=stem, key=key, distractors=distractors,
        options=options, language=language,
    )  # fmt: skip


WHAT = "What turns the water of the sea?"
FLAWED = [
    ("all_of_the_above", asked(WHAT, "wind", "the moon", "All of the above")),
    ("all_of_the_above", asked(WHAT, "viento", "luna", "Todas las anteriores", language="es")),
    ("all_of_the_above", asked(WHAT, "vent", "lune", "Toutes ces réponses", language="fr")),
    ("all_of_the_above", asked(WHAT, "Wind", "Mond", "Alle genannten", language="de")),
    ("none_of_the_above", asked(WHAT, "wind", "moon", "None of the above")),
    ("none_of_the_above", asked(WHAT, "viento", "luna", "Ninguna de las anteriores", language="es")),
    ("none_of_the_above", asked(WHAT, "vent", "lune", "Aucune de ces réponses", language="fr")),
    ("none_of_the_above", asked(WHAT, "Wind", "Mond", "Keine der Antworten", language="de")),
    ("complex_options", asked(WHAT, "both a and b", "wind", "moon")),
    ("complex_options", asked(WHAT, "I, II and III", "I", "II")),
    ("complex_options", asked(WHAT, "a y b", "viento", "luna", language="es")),
    ("complex_options", asked(WHAT, "a et c", "vent", "lune", language="fr")),
    ("complex_options", asked(WHAT, "a und b", "Wind", "Mond", language="de")),
    ("true_false_options", asked("The moon makes tides.", "True", "False", "Unknown")),
    ("true_false_options", asked("La luna mueve el mar.", "Verdadero", "Falso", language="es")),
    ("true_false_options", asked("La lune lève la mer.", "Vrai", "Faux", language="fr")),
    ("true_false_options", asked("Der Mond hebt das Meer.", "Ja", "Nein", language="de")),
    ("negative_stem", asked("Which of these is NOT a wave?", "rain", "swell", "bore")),
    ("negative_stem", asked("All of the following are waves except ____.", "rain", "swell", "bore")),
    ("negative_stem", asked("¿Cuál de estas no es una ola?", "lluvia", "mar", "resaca", language="es")),
    ("negative_stem", asked("Lequel n'est pas une vague ?", "pluie", "houle", "onde", language="fr")),
    ("negative_stem", asked("Was ist keine Welle?", "Regen", "Dünung", "Flut", language="de")),
    ("negative_stem", asked("A tide is not a ____.", "wave", "wind", "cloud", kind="cloze")),
    ("negative_stem", asked("Una marea nunca es una ____.", "ola", "nube", language="es", kind="cloze")),
    ("negative_stem", asked("Ce vent n’est jamais une ____.", "vague", "pluie", language="fr", kind="cloze")),
    ("negative_stem", asked("Ebbe ist keine ____.", "Welle", "Wolke", language="de", kind="cloze")),
    ("absolute_terms", asked(WHAT, "the wind above it", "the moon always", "the rain")),
    ("absolute_terms", asked(WHAT, "el viento", "siempre la luna", "la lluvia", language="es")),
    ("absolute_terms", asked(WHAT, "le vent", "toujours la lune", "la pluie", language="fr")),
    ("absolute_terms", asked(WHAT, "der Wind", "immer der Mond", "der Regen", language="de")),
    ("absolute_terms", asked("The moon always turns the sea.", "false", kind="true_false")),
    ("vague_terms", asked(WHAT, "the wind", "usually the moon", "the rain")),
    ("vague_terms", asked("La marea sube a menudo.", "true", language="es", kind="true_false")),
    ("vague_terms", asked("La mer monte souvent.", "true", language="fr", kind="true_false")),
    ("vague_terms", asked("Die See steigt meistens.", "true", language="de", kind="true_false")),
    ("word_repeat", asked("What do currents of the sea bring?", "warm currents", "fish", "sand")),
    ("word_repeat", asked("¿Qué traen las corrientes?", "corriente fría", "peces", "arena", language="es")),
    (
        "convergence_cue",
        asked(WHAT, "warm wind and cold rain", "warm wind and hail", "cold rain and snow", "dew"),
    ),
    ("grammar_cue", asked("The water turns in an ____.", "eddy", "gyre", "bore")),
    ("grammar_cue", asked("Le vent pousse l'____.", "onde", "marée", "houle", language="fr")),
    ("grammar_cue", asked("El viento mueve unas ____.", "olas", "marea", "corriente", language="es")),
    ("logical_cue", asked("How many seas are there?", "seven", "large", "salty")),
    ("logical_cue", asked("¿Cuántos mares hay?", "siete", "grandes", "salados", language="es")),
    ("logical_cue", asked("Combien de mers y a-t-il ?", "sept", "grandes", "salées", language="fr")),
    ("logical_cue", asked("Wie viele Meere gibt es?", "sieben", "große", "salzige", language="de")),
    (
        "unfocused_stem",
        asked("Which of the following is true?", "Wind turns the sea.", "Fish sing.", "Sand flies."),
    ),
    ("unfocused_stem", asked("¿Cuál es correcta?", "El viento.", "La arena.", "El pez.", language="es")),
    ("unfocused_stem", asked("Laquelle est vraie ?", "Le vent.", "Le sable.", "Le pain.", language="fr")),
    (
        "unfocused_stem",
        asked("Welche Aussage ist richtig?", "Der Wind.", "Der Sand.", "Brot.", language="de"),
    ),
    ("gratuitous_information", asked(f"As you know, the sea is wide. {WHAT}", "wind", "moon", "rain")),
    ("gratuitous_information", asked("The sea is wide. " * 20 + WHAT, "wind", "moon", "rain")),
    ("gratuitous_information", asked("Como sabemos, ¿qué mueve el mar?", "viento", "luna", language="es")),
    ("gratuitous_information", asked("Rappelons ceci : que meut la mer ?", "vent", "lune", language="fr")),
    ("gratuitous_information", asked("Übrigens, was bewegt das Meer?", "Wind", "Mond", language="de")),
    ("blank_in_the_middle", asked("The ____ turns the sea.", "wind", "moon", "rain")),
    ("lost_sequence", asked("How many metres?", "5", "20", "10")),
    ("lost_sequence", asked("¿Cuántos metros?", "1,5 m", "20 m", "3 m", language="es")),
]


@pytest.mark.parametrize(
    ("name", "question"), FLAWED, ids=[f"{n}-{q.language}-{i}" for i, (n, q) in enumerate(FLAWED)]
)
def test_a_flaw_is_seen(name: str, question: Question) -> None:
    assert not getattr(check_flaws, name)(question, evidence()).passed


FLAW_CHECKS = [check for check in checks.RUBRIC if check.__module__ == check_flaws.__name__]


def test_every_flaw_of_the_file_has_a_flawed_example() -> None:
    assert {check.__name__ for check in FLAW_CHECKS} == {name for name, _ in FLAWED}


SOUND = [
    asked(WHAT, "the steady wind", "the full moon", "the heavy rain"),
    asked("¿Qué mueve el agua del mar?", "el viento", "la luna", "la lluvia", language="es"),
    asked("Qu’est-ce qui pousse l’eau de la mer ?", "le vent", "la lune", "la pluie", language="fr"),
    asked("Was bewegt das Wasser des Meeres?", "der Wind", "der Mond", "der Regen", language="de"),
    asked("How many seas are there?", "5", "7", "9"),
    asked("The water turns in a ____.", "gyre", "bore", "union"),
    asked("Complete: the ____ turns the sea.", "wind", "moon", "rain", kind="cloze"),
    asked("Which wind, also called a trade wind, blows all year?", "trade A", "trade B", "trade C"),
    asked("What of all that blows is the strongest of winds?", "A storm", "B breeze", "C calm"),
]


@pytest.mark.parametrize("question", SOUND, ids=[q.stem[:20] for q in SOUND])
def test_a_sound_question_has_none(question: Question) -> None:
    assert [c.__name__ for c in FLAW_CHECKS if not c(question, evidence()).passed] == []
