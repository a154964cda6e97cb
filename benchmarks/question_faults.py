"""Faults to plant in sound questions, one for each check: what the check is there to find.

Each takes a question, its evidence, and a generator, and gives back the faulty pair, or None where the
fault has no place in this question. `question_checks.py` counts how many are found.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from learnloop.generate.evidence import Evidence
from learnloop.generate.questions import BLANK, Question

Faulty = tuple[Question, Evidence] | None
Fault = Callable[[Question, Evidence, np.random.Generator], Faulty]

WORDS = {  # by language: a name, a pointer, a leaning word, not, always, usually, all, none, and, true, false
    "en": ("Kowalczyk", "in the first list", "It", "not", "always", "usually", "All of the above",
           "None of the above", "and", "True", "False"),
    "es": ("Kowalczyk", "en este caso", "Este", "no", "siempre", "a menudo", "Todas las anteriores",
           "Ninguna de las anteriores", "y", "Verdadero", "Falso"),
    "fr": ("Kowalczyk", "dans ce cas", "Cette", "jamais", "toujours", "souvent", "Toutes ces réponses",
           "Aucune de ces réponses", "et", "Vrai", "Faux"),
    "de": ("Kowalczyk", "in diesem Beispiel", "Dieser", "nicht", "immer", "meistens", "Alle genannten",
           "Keine der Antworten", "und", "Richtig", "Falsch"),
}  # fmt: skip
UNFOCUSED = {
    "en": "Which of the following is true?",
    "es": "¿Cuál es correcta?",
    "fr": "Laquelle est vraie ?",
    "de": "Welche Aussage ist richtig?",
}
CHATTER = {
    "en": "As you know, ",
    "es": "Como sabemos, ",
    "fr": "Comme vous le savez, ",
    "de": "Wie wir wissen, ",
}
FOREIGN = {
    "en": "La corriente es una masa de agua que se mueve por el mar con el ____ de la tarde.",
    "es": "Der Strom ist eine Masse von Wasser, die sich mit dem ____ durch das Meer bewegt.",
    "fr": "The current is a mass of water that moves through the sea with the ____ of the day.",
    "de": "Le courant est une masse d'eau qui se déplace dans la mer avec le ____ du soir.",
}


def _stem(question: Question, body: str) -> Question:
    return replace(question, body=body, stem=body)


def _options(question: Question, *distractors: str) -> Question:
    return replace(question, distractors=distractors, options=tuple(sorted((question.key, *distractors))))


def _before_stop(body: str, words: str) -> str:
    return re.sub(r"[.!?]?$", f" {words}.", body, count=1)


def _in_words(question: Question) -> bool:
    return question.form != "number" and bool(question.distractors)


FAULTS: dict[str, Fault] = {
    "enough_distractors": lambda q, e, r: (_options(q, q.distractors[0]), e),
    "quote_verbatim": lambda q, e, r: (
        replace(q, sentence=replace(q.sentence, text=q.sentence.text.replace(" ", "  ", 1))), e,
    ),
    "key_verbatim": lambda q, e, r: (replace(q, start=q.start + 1, end=q.end + 1), e),
    "language_matches": lambda q, e, r: (_stem(q, FOREIGN[q.language]), e),
    "no_dangling_pronoun": lambda q, e, r: (
        replace(q, sentence=replace(
            q.sentence, text=re.sub(r"^\S+", WORDS[q.language][2], q.sentence.text)
        )), e,
    ),
    "stands_alone": lambda q, e, r: (_stem(q, _before_stop(q.body, WORDS[q.language][1])), e),
    "stem_length": lambda q, e, r: (_stem(q, f"{' '.join(q.body.split()[:2])} {BLANK}."), e),
    "stem_grounded": lambda q, e, r: (
        _stem(q, _before_stop(q.body, ["1537", WORDS[q.language][0]][int(r.integers(2))])), e,
    ),
    "options_distinct": lambda q, e, r: (
        _options(q, q.key.upper() if r.integers(2) and _in_words(q) else f" {q.key}.", *q.distractors[1:]), e,
    ),
    "key_not_in_stem": lambda q, e, r: (_stem(q, _before_stop(q.body, f"({q.key})")), e),
    "options_alike": lambda q, e, r: (
        (_options(q, "17", "23", "48"), e) if _in_words(q) else (_options(q, "blau", "rot", "gris"), e)
    ),
    "length_cue": lambda q, e, r: (
        (_options(q, *(f"{n}{chr(97 + n)}" for n in range(3))), e) if len(q.key) > 7 else None
    ),
    "negative_stem": lambda q, e, r: (_stem(q, q.body.replace(BLANK, f"{WORDS[q.language][3]} {BLANK}")), e),
    "all_of_the_above": lambda q, e, r: (_options(q, *q.distractors[:2], WORDS[q.language][6]), e),
    "none_of_the_above": lambda q, e, r: (_options(q, *q.distractors[:2], WORDS[q.language][7]), e),
    "complex_options": lambda q, e, r: (
        _options(q, *q.distractors[:2], ["a {} b", "I {} II", "A {} C"][int(r.integers(3))].format(
            WORDS[q.language][8]
        )), e,
    ),
    "true_false_options": lambda q, e, r: (_options(q, *WORDS[q.language][9:11]), e),
    "absolute_terms": lambda q, e, r: (
        (_options(q, f"{WORDS[q.language][4]} {q.distractors[0]}", *q.distractors[1:]), e)
        if _in_words(q) else None
    ),
    "vague_terms": lambda q, e, r: (
        (_options(q, f"{WORDS[q.language][5]} {q.distractors[0]}", *q.distractors[1:]), e)
        if _in_words(q) else None
    ),
    "word_repeat": lambda q, e, r: (
        (_stem(q, _before_stop(q.body, q.key.split()[-1])), e)
        if _in_words(q) and len(q.key.split()[-1]) >= 5 else None
    ),
    "convergence_cue": lambda q, e, r: (
        (replace(_options(replace(q, key="red wind and cold rain"), "red wind and hail", "cold rain and fog",
                          "dew on roofs")), e)
        if q.language == "en" and _in_words(q) else None
    ),
    "grammar_cue": lambda q, e, r: (
        (_stem(q, re.sub(r"\ba\(n\)", "an", q.body, flags=re.I)), e)
        if "a(n)" in q.body.lower() and any(t[0] not in "aeiouAEIOUhHuU" for t in q.options) else None
    ),
    "unfocused_stem": lambda q, e, r: (replace(_stem(q, UNFOCUSED[q.language]), kind="multiple_choice"), e),
    "gratuitous_information": lambda q, e, r: (_stem(q, CHATTER[q.language] + q.body), e),
    "blank_in_the_middle": lambda q, e, r: (
        (replace(q, kind="multiple_choice"), e) if not re.search(rf"{BLANK}\W*$", q.body) else None
    ),
    "lost_sequence": lambda q, e, r: (
        (replace(q, options=(q.options[1], q.options[-1], *q.options[2:-1], q.options[0])), e)
        if q.form == "number" and len(q.options) > 2 else None
    ),
}  # fmt: skip


def _said_elsewhere(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """The lesson says of a distractor what the stem says of the key."""
    said = question.body.replace(BLANK, question.distractors[0]).replace("a(n)", "a")
    return (question, replace(evidence, text=f"{evidence.text}\n\n{said}")) if _in_words(question) else None


def _other_name(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """The lesson gives the key a second name, a distractor's."""
    also = {"en": ", also called ", "es": ", también llamado ", "fr": ", aussi appelé ", "de": ", auch "}
    said = f"{question.key}{also[question.language]}{question.distractors[0]}."
    return (question, replace(evidence, text=f"{evidence.text}\n\n{said}")) if _in_words(question) else None


def _in_the_quote(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """A distractor is a word of the quoted sentence."""
    words = [w for w in re.findall(r"[^\W\d_]{5,}", question.body) if w.lower() not in question.key.lower()]
    fits = words and _in_words(question)
    return (_options(question, words[-1], *question.distractors[1:]), evidence) if fits else None


EVERYDAY = {
    "en": "shoelace;sofa;bus driver;lullaby;parking ticket;wedding;football;toothbrush;umbrella;sandwich"
    ";birthday party;doorbell;pillow;swimming pool;raincoat;teapot;taxi;haircut;suitcase;snowman",
    "es": "cordón;sofá;conductor de autobús;nana;multa;boda;fútbol;cepillo;paraguas;bocadillo;fiesta;timbre"
    ";almohada;piscina;impermeable;tetera;taxi;peinado;maleta;muñeco",
    "fr": "lacet;canapé;chauffeur de bus;berceuse;amende;mariage;football;brosse;parapluie;tartine;fête"
    ";sonnette;oreiller;piscine;imperméable;théière;taxi;coiffure;valise;poupée",
    "de": "Schnürsenkel;Sofa;Busfahrer;Wiegenlied;Strafzettel;Hochzeit;Fußball;Zahnbürste;Regenschirm;Brot"
    ";Geburtstag;Klingel;Kopfkissen;Schwimmbad;Regenmantel;Teekanne;Taxi;Frisur;Koffer;Puppe",
}
PSEUDO = [
    "blafter", "mulgrave tink", "frondle", "querbin", "splorth", "dravick", "tomelling", "zandrop", "gorvane",
]  # fmt: skip


def _magnitude(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """A number a thousand times too large."""
    if question.form != "number":
        return None
    large = re.sub(
        r"\d+([.,]\d+)*", lambda figure: str(9 * 10 ** (len(figure[0]) + 3)), question.key, count=1
    )
    return _options(question, large, *question.distractors[1:]), evidence


def _strange(pool: dict[str, str] | list[str], most: int) -> Fault:
    """At most `most` of the distractors are from another world: everyday words, or words of no language."""

    def fault(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
        if question.form == "number":
            return None
        words = pool[question.language].split(";") if isinstance(pool, dict) else pool
        n = min(most, len(question.distractors))
        strangers = (str(word) for word in rng.choice(words, n, replace=False))
        return _options(question, *strangers, *question.distractors[n:]), evidence

    return fault


def _three_fifths(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """Every distractor has at most three fifths of the key's length."""
    most = 3 * len(question.key) // 5
    fits = _in_words(question) and most > 4
    return (_options(question, *(f"{'abcdefgh'[n] * most}" for n in range(3))), evidence) if fits else None


# One thing under two names, from many subjects; written down before any was tried.
SYNONYMS = """corrie|cirque;erythrocyte|red blood cell;leukocyte|white blood cell;thrombocyte|platelet
hypertension|high blood pressure;myocardial infarction|heart attack;patella|kneecap;trachea|windpipe
oesophagus|gullet;larynx|voice box;clavicle|collarbone;scapula|shoulder blade;sternum|breastbone
femur|thigh bone;fever|pyrexia;pertussis|whooping cough;varicella|chickenpox;rubella|German measles
cholecystectomy|gallbladder removal;axon|nerve fibre;epinephrine|adrenaline;vitamin C|ascorbic acid
photosynthesis|carbon assimilation;arithmetic mean|average;type I error|false positive
standard deviation|root mean square deviation;normal distribution|Gaussian distribution
independent variable|predictor;dependent variable|outcome variable;type II error|false negative
histogram|frequency chart;exponent|power;ellipse|oval;rhombus|diamond;perimeter|circumference
capacitor|condenser;turbine|rotor engine;velocity|speed;friction|resistance to sliding;lorry|truck
lift|elevator;aeroplane|aircraft;petrol|gasoline;dictatorship|autocracy;legislature|parliament
attorney|lawyer;mortgage|home loan;bankruptcy|insolvency;invoice|bill;wages|salary;levy|tax
tariff|customs duty;merger|amalgamation;workforce|labour force;famine|starvation;reward|reinforcement
tsunami|seismic sea wave;hurricane|tropical cyclone;earthquake|seismic tremor;glacier|ice stream
estuary|river mouth;levee|embankment;meander|river bend;magma|molten rock;stalactite|dripstone
wetland|marsh;conifer|needle-leaved tree;fungicide|antifungal agent;compost|humus
pollination|transfer of pollen;predator|hunter;mitosis|cell division;herbivore|plant eater
amnesia|memory loss;insomnia|sleeplessness;classical conditioning|Pavlovian conditioning
anxiety|nervousness;firewall|packet filter;encryption|ciphering;bug|software defect;database|data store
array|list;subroutine|procedure;loop|iteration;font|typeface;sonnet|fourteen-line poem
allegory|extended metaphor;overture|orchestral introduction;fresco|wall painting on wet plaster
pottery|ceramics;racking|decanting wine;blanching|scalding;braising|stewing;whisk|beater"""
PAIRS = [tuple(pair.split("|")) for line in SYNONYMS.splitlines() for pair in line.split(";")]


def _synonym(key: str, other: str) -> Fault:
    """The key is `key`, and `other`, which means the same, is a distractor."""

    def fault(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
        if question.language != "en" or question.form == "number":
            return None
        return _options(replace(question, key=key), other, *question.distractors[1:]), evidence

    return fault


def _second_fact(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """A statement that changes two places of the sentence."""
    sentence = question.sentence.text
    wrong = sentence.replace(question.key, question.distractors[0], 1)
    words = wrong.split()
    far = 0 if question.start - question.sentence.start > len(sentence) / 2 else len(words) - 2
    words[far] = "Zebra"
    return _statement(question, " ".join(words)), evidence


def _stated(question: Question, evidence: Evidence, rng: np.random.Generator) -> Faulty:
    """A changed statement that another sentence of the lesson makes."""
    wrong = question.sentence.text.replace(question.key, question.distractors[0], 1)
    return _statement(question, wrong), replace(evidence, text=f"{evidence.text}\n\n{wrong}")


def _statement(question: Question, wrong: str) -> Question:
    return replace(
        question, kind="true_false", form="definition", key="false", distractors=(), options=(), body=wrong,
        stem=wrong, anchor=question.key, answer={"corrected": question.sentence.text},
    )  # fmt: skip


MORE: dict[str, tuple[str, Fault]] = {
    "said elsewhere": ("one_right_answer", _said_elsewhere),
    "another name": ("one_right_answer", _other_name),
    "a word of the quote": ("one_right_answer", _in_the_quote),
    "a thousandfold": ("distractors_plausible", _magnitude),
    "all of another world": ("distractors_plausible", _strange(EVERYDAY, 3)),
    "one of another world": ("distractors_plausible", _strange(EVERYDAY, 1)),
    "all of no language": ("distractors_plausible", _strange(PSEUDO, 3)),
    "one of no language": ("distractors_plausible", _strange(PSEUDO, 1)),
    "three fifths": ("length_cue", _three_fifths),
    "two exchanges": ("one_exchange", _second_fact),
    "said by another sentence": ("statement_is_false", _stated),
}
SYNONYM_FAULTS = [_synonym(*pair) for pair in PAIRS]
