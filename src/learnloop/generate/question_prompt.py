"""How a language model is asked for the question that a key answers, and for the answer to a question.

    Passage: A [ribosome] is a particle that assembles proteins from amino acids.
    Answer: ribosome
    Question: Which particle assembles proteins from amino acids?

The key is marked where it stands (Chan & Fan 2019): a passage may hold the same word twice.
"""

from collections.abc import Sequence
from typing import Any

PROMPT_VERSION = "question-1"  # of everything below; an adapter is bound to it


def prompt_of(passage: str, start: int, key: str) -> str:
    """`passage[start : start + len(key)] == key`; ends where the question, with a space before, begins."""
    marked = f"{passage[:start]}[{key}]{passage[start + len(key) :]}"
    return f"Passage: {marked}\nAnswer: {key}\nQuestion:"


def verifying_prompt(passage: str, questions: Sequence[str]) -> tuple[str, list[str]]:
    """What all share, and the rest for each question; ends where the answer, with a space before, begins."""
    return f"Passage: {passage}\nQuestion:", [f" {question}\nAnswer:" for question in questions]


def tokens(tokenizer: Any, text: str) -> list[int]:
    """ "<|im_end|>" in a lesson stays text and ends nothing."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


# Worked examples for a model that was not trained for this, in the language of the passage.
EXAMPLES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "en": (
        (
            "A glacier is a mass of ice that moves slowly down a slope under its own weight.",
            "glacier",
            "What is a mass of ice that moves slowly down a slope called?",
        ),
        (
            "The first public railway line with steam engines opened in England in 1825.",
            "1825",
            "In which year did the first public railway line with steam engines open?",
        ),
        (
            "The roots of a plant take up water, and the stem carries it to the leaves.",
            "stem",
            "Which part of a plant carries water from the roots to the leaves?",
        ),
    ),
    "es": (
        (
            "Un glaciar es una masa de hielo que baja lentamente por una ladera.",
            "glaciar",
            "¿Cómo se llama una masa de hielo que baja lentamente por una ladera?",
        ),
        (
            "La primera línea pública de tren con máquinas de vapor se abrió en Inglaterra en 1825.",
            "1825",
            "¿En qué año se abrió la primera línea pública de tren con máquinas de vapor?",
        ),
        (
            "Las raíces de una planta toman agua y el tallo lleva el agua a las hojas.",
            "tallo",
            "¿Qué parte de una planta lleva el agua de las raíces a las hojas?",
        ),
    ),
    "fr": (
        (
            "Un glacier est une masse de glace qui descend lentement une pente.",
            "glacier",
            "Comment appelle-t-on une masse de glace qui descend lentement une pente ?",
        ),
        (
            "La première ligne publique de train à vapeur a ouvert en Angleterre en 1825.",
            "1825",
            "En quelle année la première ligne publique de train à vapeur a-t-elle ouvert ?",
        ),
        (
            "Les racines d'une plante prennent l'eau et la tige conduit l'eau aux feuilles.",
            "tige",
            "Quelle partie d'une plante conduit l'eau des racines aux feuilles ?",
        ),
    ),
    "de": (
        (
            "Ein Gletscher ist eine Masse aus Eis, die langsam einen Hang hinabfließt.",
            "Gletscher",
            "Wie heißt eine Masse aus Eis, die langsam einen Hang hinabfließt?",
        ),
        (
            "Die erste öffentliche Eisenbahn mit Dampflokomotiven wurde 1825 in England eröffnet.",
            "1825",
            "In welchem Jahr wurde die erste öffentliche Eisenbahn mit Dampflokomotiven eröffnet?",
        ),
        (
            "Die Wurzeln einer Pflanze nehmen Wasser auf, und der Stängel leitet es in die Blätter.",
            "Stängel",
            "Welcher Teil einer Pflanze leitet Wasser von den Wurzeln in die Blätter?",
        ),
    ),
}

# A question's opening mark, and how it may go on: candidates begin with the likeliest few of these.
MARKS = {"es": "¿"}
OPENERS: dict[str, tuple[str, ...]] = {
    "en": ("What", "Which", "Who", "When", "Where", "Why", "How", "In", "At", "By"),
    "es": ("Qué", "Cuál", "Cuáles", "Quién", "Cuándo", "Dónde", "Cómo", "Cuánto", "En", "Por", "A", "De"),
    "fr": ("Quel", "Quelle", "Qui", "Que", "Quand", "Où", "Comment", "Combien", "En", "À", "Pourquoi"),
    "de": ("Was", "Welche", "Welcher", "Welches", "Wer", "Wann", "Wo", "Wie", "In", "Wodurch", "Warum"),
}


# Words that a question is made with, whatever it is about.
_ASKING = {
    "en": "what which who whom whose when where why how many much do does did name named term"
    " called type kind process part way word year date time number happens happen use used mean",
    "es": "qué cuál cuáles quién quiénes cuándo dónde cómo cuánto cuánta cuántos cuántas nombre término llama"
    " llaman llamado tipo proceso parte manera palabra año fecha número ocurre significa",
    "fr": "quel quelle quels quelles qui que quoi quand où comment combien pourquoi nom terme appelle appelé"
    " type processus partie manière mot année date nombre signifie",
    "de": "was welche welcher welches welchen welchem wer wann wo wie viele viel warum wodurch name heißt"
    " heißen nennt man begriff art teil weise wort jahr zahl bedeutet",
}
ASKING = {language: frozenset(words.split()) for language, words in _ASKING.items()}


def shots(language: str) -> str:
    """The worked examples of a language, English where it has none, as text before a prompt."""
    found = EXAMPLES.get(language, EXAMPLES["en"])
    return "".join(
        f"{prompt_of(passage, passage.find(key), key)} {question}\n\n" for passage, key, question in found
    )
