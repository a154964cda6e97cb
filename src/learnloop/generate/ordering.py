"""Steps and events to be put in order, where the text itself numbers, links or dates them.

{"stem": "Put the events in order, the earliest first.", "key": "The first … → The second …",
 "options": [as shown], "answer": {"order": ["The first …", "The second …"]}}
"""

import re
from collections.abc import Sequence

from learnloop.generate import askable, grammar, referents, standing, wording
from learnloop.generate.instructions import reads_as_instruction
from learnloop.generate.questions import Question, Source
from learnloop.generate.sentences import Sentence

FEWEST, MOST, EVENTS = 3, 8, 6
STEP_WORDS = 32
SHORTEST_STEP = 6  # letters

_NUMBERED = re.compile(r"^[ \t]*(\d{1,2})[.)][ \t]+(\S.*?)[ \t]*$", re.M)
_ANNOUNCED = re.compile(
    r"\b(?:steps?|stages?|phases?|procedure|in (?:this|the following) order|sequence|how to|instructions"
    r"|pasos?|etapas?"
    r"|fases?|procedimiento|orden|secuencia|cómo|étapes?|phases?|procédure|ordre|comment|Schritte?n?|Phasen?"
    r"|Reihenfolge|\w*ablauf|Anleitung|Stufen?|Arbeitsschritte|Vorgehen|preparación|modo de empleo"
    r"|montaje|elaboración|préparation"
    r"|mode d['’]emploi|montage|mise en (?:place|service|position)|Durchführung|Vorbereitung|Zubereitung"
    r"|en (?:trois|quatre|cinq) temps|So \w+ (?:es|Sie|man|du)|Cómo se \w+|Así se \w+)\b",
    re.I,
)
# What stands under these is numbered, but no procedure.
_EXERCISES = re.compile(
    r"\b(?:exercises?|activit(?:y|ies)|practi[cs]e|your turn|questions?|tasks?|tips?|goals?"
    r"|objectives?|rules?"
    r"|para practicar|actividad(?:es)?|ejercicios?|tareas?|preguntas?|consejos?|objetivos?|reglas?"
    r"|exercices?|activités?|à vous de jouer|pour s['’]entraîner|conseils?|objectifs?|règles?"
    r"|Übung(?:en)?|Aufgaben?|zum Üben|Fragen|Tipps?|Ziele?|Lernziele?)\b",
    re.I,
)
_FIRST = {
    "en": r"First(?:ly)?|To begin|To start|In the first (?:step|stage|phase)|The first (?:step|stage|phase)",
    "es": r"Primero|En primer lugar|Para empezar|En la primera (?:etapa|fase)|Primeramente",
    "fr": r"D['’]abord|Tout d['’]abord|En premier lieu|Premièrement|Pour commencer",
    "de": r"Zuerst|Zunächst|Als [Ee]rstes|Im ersten Schritt",
}
_NEXT = {
    "en": r"Then|Next|After that|Afterwards|Second(?:ly)?|Third(?:ly)?|In the next (?:step|stage|phase)",
    "es": r"Luego|Después|A continuación|Más tarde|Seguidamente|En segundo lugar|En tercer lugar",
    "fr": r"Puis|Ensuite|Après cela|Deuxièmement|Troisièmement",
    "de": r"Dann|Danach|Anschließend|Darauf|Daraufhin|Im (?:nächsten|zweiten|dritten) Schritt",
}
_LAST = {
    "en": r"Finally|Lastly|Last|In the (?:last|final) (?:step|stage|phase)",
    "es": r"Finalmente|Por último|Al final",
    "fr": r"Enfin|Finalement|Pour finir|Pour terminer",
    "de": r"Schließlich|Zuletzt|Zum Schluss|Am Ende",
}
# The date of an event at the beginning or the end of its sentence; German verbs follow a date at once.
_OPENS = {
    "en": r"^In (?P<year>\d{4}),? (?=[A-Zthaone])",
    "es": r"^En (?:el año )?(?P<year>\d{4}),? ",
    "fr": r"^En (?P<year>\d{4}),? ",
    "de": r"^(?:Im Jahre? )?(?P<year>\d{4}) ",
}
_CLOSES = {
    "en": r" in (?P<year>\d{4})\.$",
    "es": r" en (?:el año )?(?P<year>\d{4})\.$",
    "fr": r" en (?P<year>\d{4})\.$",
    "de": r" im Jahre? (?P<year>\d{4})\.$",
}
_EARLIEST, _LATEST = 1000, 2099


def propose(source: Source) -> list[Question]:
    """Numbered steps, linked steps, dated events: in this order, those of FEWEST or more parts."""
    found = [_asked(source, "steps", parts, topic) for parts, topic in _numbered(source)]
    found += [_asked(source, "steps", parts, topic) for parts, topic in _linked(source)]
    if events := _dated(source):
        found.append(_asked(source, "dates", events, ""))
    return [question for question in found if question is not None]


Part = tuple[int, int, str]  # where it stands in the text, and how it is shown


def _numbered(source: Source) -> list[tuple[list[Part], str]]:
    """Lists "1. … 2. …" whose heading or lead announces steps."""
    text = source.lesson.text
    runs: list[list[re.Match[str]]] = []
    for match in _NUMBERED.finditer(text):
        follows = runs and int(match[1]) == int(runs[-1][-1][1]) + 1
        if follows and not text[runs[-1][-1].end() : match.start()].strip():
            runs[-1].append(match)
        elif match[1] == "1":
            runs.append([match])
    steps = [[_first_sentence(match) for match in run] for run in runs]
    told = [
        _topic_of(text[: run[0].start()], [p[2] for p in parts], source)
        for run, parts in zip(runs, steps, strict=True)
    ]
    return [(parts, topic) for parts, topic in zip(steps, told, strict=True) if topic]


def _first_sentence(match: re.Match[str]) -> Part:
    """A step says first what is done, then how and why."""
    end = _STOP.search(match[2])
    text = match[2][: end.end()] if end else match[2]
    return match.start(2), match.start(2) + len(text), text


_STOP = re.compile(r"(?<=\w{3})[.!?](?= [A-ZÀ-Ý¿¡])")


def _topic_of(before: str, steps: Sequence[str], source: Source) -> str:
    """What a list of `steps` after the text `before` does, by the line above it or by the lesson, or "".

    That line announces steps of something, or only steps ("Steps:"), or names a task; or the paragraph says
    that the order matters.
    """
    language, about = source.language, source.lesson.topic
    paragraph = before.rstrip().rsplit("\n\n", 1)[-1]
    lead = re.sub(r"\s*[:.]$", "", paragraph.rsplit("\n", 1)[-1].strip())
    if _EXERCISES.search(lead) and not _IN_ORDER.search(paragraph):
        return ""
    if re.search(r"\b(?:ihn|sie|es|it|them|l[oa]s?|les?)(?: an| ab| auf| ein)?$", lead):
        return ""  # "So legt man ihn an"
    if _ANNOUNCED.search(lead) and len(lead.split()) <= STEP_WORDS and _says_of_what(lead, language):
        return lead
    if len(lead.split()) <= STEP_WORDS and _is_task(lead, steps, language):
        return lead
    if _ANNOUNCED.search(lead) and len(lead.split()) <= 3:
        heading = _heading_before(before, about)
        return heading if _says_of_what(heading, language) else ""
    if _is_heading(lead) and lead != about:
        return ""  # the list belongs to it, and it announces no steps
    if about and (
        _is_task(about, steps, language) or _IN_ORDER.search(paragraph) or _ANNOUNCED.search(about)
    ):
        return about if _says_of_what(about, language) else ""
    return ""


def _is_heading(line: str) -> bool:
    return bool(line) and len(line.split()) <= 8 and line[-1] not in ".:;,!?"


_IN_ORDER = re.compile(
    r"\b(?:in (?:this|the following|the right) order|en (?:este|el siguiente) orden|dans (?:cet|l['’]) ?ordre"
    r"|in (?:dieser|der (?:richtigen|folgenden)) Reihenfolge|step by step|paso a paso|Schritt für Schritt)\b",
    re.I,
)


_DOES = {
    "en": r"(?:[A-Z][a-z]+ing|How to)\b",
    "es": r"[A-ZÁÉÍÓÚ]?[a-zñáéíóú]+(?:ar|er|ir)(?:se|lo|la|los|las)?\b",
    "fr": r"[A-ZÀ-Ý]?[a-zà-ÿ]+(?:er|ir|re|oir)\b",
    "de": r".*\b[a-zäöüß]+(?:en|ern|eln)[.;]?$",
}
# Aims and advice are numbered, too.
_AIMS = re.compile(
    r"(?:comprender|conocer|saber|identificar|reconocer|connaître|savoir|comprendre|identifier|reconnaître"
    r"|respecter|éviter|evitar|respetar|understanding|knowing|recogni[sz]ing|.*\b(?:kennen|verstehen|wissen"
    r"|erkennen|vermeiden|beachten)[.;]?$)",
    re.I,
)


def _is_task(topic: str, steps: Sequence[str], language: str) -> bool:
    """ "Coller un tube" above "1. Couper …, 2. Ébavurer …": a task and what is done, one after the other."""
    if not re.match(_DOES[language], topic) or any(_AIMS.match(text) for text in (topic, *steps)):
        return False
    done = steps if language != "en" else []  # an English step shows no form of its verb
    return all(re.match(_DOES[language], text) or reads_as_instruction(text) for text in done)


def _heading_before(text: str, topic: str) -> str:
    """The line before the one that says "Steps:", where it is a heading, else what the lesson is about."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][:-1]
    return (
        lines[-1].rstrip(":")
        if lines and len(lines[-1].split()) <= 8 and lines[-1][-1] not in ".!?"
        else topic
    )


def _linked(source: Source) -> list[tuple[list[Part], str]]:
    """Sentences of one paragraph that begin with "First", "Then", …, "Finally"."""
    language, found = source.language, []
    if language == "de":  # without its link a German step begins with the verb
        return []
    run: list[Sentence] = []
    for sentence in source.lesson.sentences:
        after_run = bool(run) and sentence.paragraph == run[-1].paragraph
        if re.match(rf"(?:{_FIRST[language]})\b", sentence.text):
            run = [sentence]
        elif after_run and re.match(rf"(?:{_NEXT[language]})\b", sentence.text):
            run.append(sentence)
        elif after_run and re.match(rf"(?:{_LAST[language]})\b", sentence.text):
            found.append([*run, sentence])
            run = []
        else:
            run = []
    told = [([_unlinked(s, language) for s in run], _announced(run[0], source)) for run in found]
    return [(parts, topic) for parts, topic in told if topic]


def _announced(first: Sentence, source: Source) -> str:
    """What the steps are steps of: the sentence before, or the title where it promises them; or ""."""
    place = source.lesson.sentences.index(first)
    before = source.lesson.sentences[place - 1] if place else None
    if before and before.paragraph == first.paragraph and _ANNOUNCED.search(before.text):
        lead = " ".join(before.text.split())
        if len(lead.split()) <= STEP_WORDS and not standing.objection(before, source.lesson):
            return re.sub(r"[:.]$", "", lead)
    title = source.lesson.topic
    return title if _ANNOUNCED.search(title) and _says_of_what(title, source.language) else ""


def _says_of_what(topic: str, language: str) -> bool:
    """ "Steps" or "Follow these steps" names no task."""
    words = grammar.content_words(_ANNOUNCED.sub(" ", topic), language)
    return any(word not in _FOLLOW and not word.isdigit() for word in words)


_FOLLOW_WORDS = (
    "follow following these order correct as proceed work carry siga sigue sigan estos siguientes orden"
    " correcto suivez suivre suivantes suivants voici ces bon gehen vor folgende folgenden folgen beachten"
    " so diese diesen sie"
)
_FOLLOW = frozenset(_FOLLOW_WORDS.split())


def _unlinked(sentence: Sentence, language: str) -> Part:
    """A step without the word that tells its place."""
    link = rf"^(?:{_FIRST[language]}|{_NEXT[language]}|{_LAST[language]})\b,? ?"
    text = re.sub(link, "", " ".join(sentence.text.split()))
    return sentence.start, sentence.end, text


def _dated(source: Source) -> list[Part]:
    """Events with a year of their own, in the order of years, without the year."""
    language, lesson = source.language, source.lesson
    dated: dict[int, Part] = {}
    for sentence in lesson.sentences:
        match = re.search(_OPENS[language], sentence.text) or re.search(_CLOSES[language], sentence.text)
        years = re.findall(r"\d{3,}", sentence.text)
        if not match or len(years) != 1 or standing.objection(sentence, lesson):
            continue
        if standing.is_hedged(sentence.text, language) or not askable.has_name(sentence.text, lesson):
            continue
        if referents.brought_in(sentence, lesson) or referents.is_of_a_row(sentence.text, language):
            continue
        year = int(match["year"])
        text = " ".join((sentence.text[: match.start()] + sentence.text[match.end() :]).split()).rstrip(".")
        if _EARLIEST <= year <= _LATEST and len(text.split()) >= 4 and not _TOLD.search(text):
            dated.setdefault(year, (sentence.start, sentence.end, text))
    years_told = sorted(dated)
    return [dated[year] for year in years_told[:EVENTS]]


def _asked(source: Source, form: str, parts: Sequence[Part], topic: str) -> Question | None:
    """The question, or None where the parts are too few, too long, or lean on one another."""
    lesson, language = source.lesson, source.language
    apart = form == "steps" and any(
        _LABELLED.match(text) or _CONDITION[language].match(text) for _, _, text in parts
    )
    if apart:  # "Stage 2: …", "If she does not breathe …"
        return None
    texts = [text.rstrip(".;,") for _, _, text in parts]
    if not FEWEST <= len(texts) <= MOST or len({text.casefold() for text in texts}) < len(texts):
        return None
    if not all(_is_plain(text, language) for text in texts):
        return None
    if form == "steps" and (not topic or any(grammar.leans(text, language) for text in texts[:1])):
        return None
    start, end = min(part[0] for part in parts), max(part[1] for part in parts)
    shown = list(texts)
    source.draws(lesson.item_id, start, "ordering").shuffle(shown)
    if shown == texts:
        shown = shown[1:] + shown[:1]
    shown_topic = "" if topic else source.shown_topic(" ".join(texts))
    first = next(s for s in lesson.sentences if s.start <= parts[0][0] < s.end)
    return Question(
        lesson.item_id,
        language,
        "ordering",
        form,
        wording.stem("ordering", form, language, shown_topic, body=f"{topic}."),
        topic or wording.stem("ordering", form, language),
        " → ".join(texts),
        (),
        start,
        end,
        first,
        options=tuple(shown),
        anchor=lesson.text[start:end],
        answer={"order": texts},
        notes=tuple(
            wording.key_note(text, lesson.text[a:b], language)
            for (a, b, _), text in zip(parts, texts, strict=True)
        ),
        bloom="understand",
    )


# Two of these are alternatives, whatever their order.
_CONDITION = {
    "en": re.compile(r"(?:If|When|Unless|In case|Otherwise)\b"),
    "es": re.compile(r"(?:Si|Cuando|En caso de|De lo contrario|Solo si)\b"),
    "fr": re.compile(r"(?:Si|S['’]il|Quand|Lorsqu\w*|En cas de|Sinon)\b"),
    "de": re.compile(
        r"(?:Wenn|Falls|Sofern|Sobald|Bei|Andernfalls)\b|[A-ZÄÖÜ][a-zäöüß]+t (?:er|sie|es|man|der|die|das)\b"
    ),
}
_LABELLED = re.compile(r"[^\W\d_]+ (?:\d+|[IVX]+)\b ?[:.–-]?")


def _is_plain(text: str, language: str) -> bool:
    short = len(text) < SHORTEST_STEP or len(text.split()) > STEP_WORDS
    return not short and not standing.COMPARED[language].search(text) and not _TOLD.search(text)


# A step that tells its place by itself.
_TOLD = re.compile(
    r"\b(?:first|second|third|last|final(?:ly)?|step \d|primer[oa]?|segund[oa]|último|última|premi(?:er"
    r"|ère)|dernière?"
    r"|erste[nrs]?|zweite[nrs]?|letzte[nrs]?)\b",
    re.I,
)
