"""Which numbers of a lesson can be asked for: the one figure or year of a sentence that stands alone."""

import re
from collections.abc import Collection

from learnloop.generate import bearings, grammar, owners, referents, standing
from learnloop.generate.terms import Lesson, Quantity, definitions, quantities

FIGURE = re.compile(r"\d+(?:[.,\u00a0\u202f ]\d{3})*(?:[.,]\d+)?")
_YEAR = re.compile(r"(?:1[0-9]|20)\d\d")
# "More than 8" is true of 9 and 10 as well: no option beside it is wrong for sure.
_BOUNDED = {
    "en": r"(?:more|less|fewer|greater|larger|higher|lower|older|younger|longer|shorter|better) than|over"
    r"|under"
    r"|above|below|at least|at most|up to|as (?:many|much|few|little|high|low) as|minimum of|maximum of"
    r"|exceed(?:s|ed|ing)?|beyond|within|almost|nearly|between|from|to|and|or|until|till|since|before|after"
    r"|by|only|first|early|mid|late|top|age|aged|chapter|section|figure|table|page|number|no\.|step|grade",
    "es": r"(?:más|menos|mayor(?:es)?|menor(?:es)?) (?:del?|que|a)|al menos|por lo menos|como (?:máximo"
    r"|mínimo)|hasta"
    r"|casi|entre|desde|y|o|a|superior(?:es)? a|inferior(?:es)? a|supera(?:n|r)?"
    r"|por (?:encima|debajo) de|mínimo de|máximo de|antes de"
    r"|después de|solo|capítulo|sección|figura|tabla|página|número|paso|los|las",
    "fr": r"(?:plus|moins) de|au moins|au plus|jusqu['’]à|presque|près de|entre|depuis|et|ou|à"
    r"|au-dess[uo]u?s de|en dessous de|au-delà de|en deçà de|supérieure?s? à"
    r"|inférieure?s? à|dépassent?|minimum de|maximum de|avant|après|chapitre|section|figure|tableau|page"
    r"|numéro|étape|seulement",
    "de": r"(?:mehr|weniger|größer|kleiner|höher|niedriger|älter|jünger|länger|kürzer) als|über|unter"
    r"|mindestens"
    r"|höchstens|bis(?: zu)?|maximal|minimal|fast|beinahe|nahezu|knapp|zwischen|seit|und|oder|von|vor|nach|ab"
    r"|nur|Kapitel|Abschnitt|Abbildung|Tabelle|Seite|Nummer|Schritt|Klasse|bis",
}
BOUNDED = {
    language: re.compile(
        rf"(?<!\w)(?:{words})"
        r"(?: (?:the|an?|about|el|la|los|las|los años|le|les|den|dem|der|die|das|rund|etwa))?"
        r"[ \u00a0]?[$€£]?$",
        re.I,
    )
    for language, words in _BOUNDED.items()
}
ABOUT = re.compile(
    r"\b(?:about|around|roughly|approximately|some|circa|unos|unas|aproximadamente|alrededor del?|cerca del?"
    r"|quelque|environ|autour de|à peu près|etwa|rund|ungefähr|circa|ca\.)(?: (?:the|el|la|le|den|die))? ?$",
    re.I,
)
# A narrative of people or things that the sentence does not name.
PAST = {
    "en": r"\b(?:was|were|had|did|\w{3,}ed|grew|rose|fell|began|became|won|lost|took|made|sold|built"
    r"|wrote)\b",
    "es": r"\b(?:fue|fueron|era|eran|había|tenía|tuvo|\w{3,}(?:ó|aron|ieron))\b",
    "fr": r"\b(?:fut|furent|était|étaient|avait|avaient|a été|ont été|(?:a|ont|est|sont) \w+(?:é|i|u|és"
    r"|ées?|is|it))\b",
    "de": r"\b(?:war|waren|wurde|wurden|hatte|hatten|ge\w{3,}t|\w{3,}(?:te|ten))\b",
}
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "i",
]


_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|enero|febrero"
    r"|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|janvier|février|mars"
    r"|avril|mai"
    r"|juin|juillet|août|septembre|octobre|novembre|décembre|januar|februar|märz|juni|juli|oktober|dezember)"
)
_DATED = re.compile(
    rf"(?:{_MONTH}(?:,| de| del)?(?: \d{{1,2}},)?|\byear|\baño|l['’]année|\bJahre?"
    r"|\b(?:in|en|since|desde|depuis|seit))[ ]$",
    re.I,
)
_MONTH_BEFORE = re.compile(rf"{_MONTH}(?:,| de| del)?[ ]$", re.I)
_MONTH_NEXT = re.compile(rf"\.?[ ](?:de )?{_MONTH}\b", re.I)


def is_year(quantity: Quantity) -> bool:
    """A bare four-digit number from 1000 to 2099 after a word of time ("in 1905", not "1905 ships")."""
    if quantity.unit or not _YEAR.fullmatch(quantity.text):
        return False
    return bool(_DATED.search(around(quantity)[0]))


def around(quantity: Quantity) -> tuple[str, str]:
    text = quantity.sentence.text
    return text[: quantity.start - quantity.sentence.start], text[quantity.end - quantity.sentence.start :]


def is_askable(quantity: Quantity, lesson: Lesson) -> bool:
    """The only figure (or the only year) of a sentence that stands alone and says it for sure.

    Figures that come first are what an example starts from; nobody can work them out.
    """
    sentence, language = quantity.sentence, lesson.language
    before, after = around(quantity)
    text = sentence.text
    figures = [match[0] for match in FIGURE.finditer(text) if not _MONTH_NEXT.match(text[match.end() :])]
    years = [figure for figure in figures if _YEAR.fullmatch(figure)]
    alone = len(years) == 1 if is_year(quantity) else len(figures) - len(years) == 1
    if not alone or len(figures) > 2 or figures.count(_digits(quantity.text)) != 1:
        return False
    if is_unsure(text, language) or _is_part(quantity, language):
        return False
    if (
        standing.is_shown(text)
        or standing.is_by_a_task(sentence, lesson)
        or standing.objection(sentence, lesson)
    ):
        return False
    if referents.brought_in(sentence, lesson) or referents.is_of_a_row(text, language):
        return False
    if owners.lacks_owner(text, language):
        return False  # "In 1905 its members numbered 300"
    if (
        _SUBJECTLESS.match(text)
        or _OF_ITS.match(after)
        or (_AMOUNT.match(after) and not _WEIGHS.search(before))
    ):
        return False
    if language == "es" and (not _OPENS_IN_SPANISH.match(text) or _NOBODY.match(text)):
        return False  # "Saca cada carta …": the subject is in another sentence
    if (
        not is_year(quantity)
        and not is_limit(quantity, language)
        and bearings.POSSIBLE[language].search(text if language == "de" else before)
    ):
        return False
    if is_year(quantity):
        dated = _IN.search(before) or _MONTH_BEFORE.search(before)
        return bool(dated) and has_name(text, lesson)
    if _YEAR.fullmatch(quantity.text):
        return False  # a year without a word of time, or a count that looks like one
    named = has_name(text, lesson) or not (re.search(PAST[language], text) or _OF_A_SAMPLE.match(text))
    counts = bool(quantity.unit) or bool(re.match(r"[ \u00a0][^\W\d]", after))
    return named and counts


# "The mean is 244 pounds": of a sample that another sentence describes.
_OF_A_SAMPLE = re.compile(
    r"(?:(?:the|el|la|los|las|le|les|l['’]|der|die|das) ?)?(?:mean|median|average|sample|total|probability"
    r"|result"
    r"|price|score|amount|dose|media|mediana|promedio|desviación|muestra|probabilidad|resultado|precio"
    r"|puntuación"
    r"|área|valor|cantidad|dosis|moyenne|médiane|échantillon|probabilité|résultat|prix|quantité|Mittelwert"
    r"|Median"
    r"|Durchschnitt|Stichprobe|Wahrscheinlichkeit|Ergebnis|Preis|Summe|Menge|Dosis)"
    # "of copper" says of what, "of the houses" does not.
    r"(?: (?!of (?!the\b)|de (?!l[oa]s?\b)|d['’]|du\b|der\b|von (?!den\b))\w+){0,8}?"
    r" (?:is|was|are|were|es|son|fue|era|est|était|sont|ist|war|beträgt|betrug)\b",
    re.I,
)


# "The Sun has 99 % of its mass": of whose?
_OF_ITS = re.compile(
    r"[ \u00a0]?(?:%|percent|per cent|Prozent)? ?(?:of|de|von) (?:its|their|sus?|sa|son|ses|leurs?"
    r"|ihre[rn]?)\b"
)
# "An adult stores 500 grams": of what? "A wheel weighs 40 kilograms" says it.
_AMOUNT = re.compile(
    r"[ \u00a0](?:(?:kilo)?gram\w*|kilos?|Kilogramm|Gramm|lit(?:er|re|ro)s?|Liter|ton(?:ne|elada)?s?|Tonnen)"
    r"(?=[,.;]| (?:in|en|and|y|et|und|a year|al año|par an|im Jahr)\b|$)"
)
_WEIGHS = re.compile(
    r"\b(?:weigh\w*|holds?|mass|contains?|pes[ao]\w*|contiene\w*|masa|capacidad|pèse\w*|contien\w*"
    r"|masse|wieg\w*"
    r"|fass\w*|enthält|enthalten|Gewicht|lift\w*|carr\w+|carga\w*|laden)\b",
    re.I,
)
# "Üblich sind 5 Prozent": of what, the sentence before says.
_SUBJECTLESS = re.compile(
    r"(?:Üblich|Typisch|Normal|Erlaubt|Zulässig|Vorgeschrieben|Empfohlen|Nötig|Erforderlich|Möglich"
    r"|Gängig|Häufig"
    r"|Usual|Typical|Lo (?:habitual|normal|usual))\w* (?:ist|sind|war|waren|wären|is|are|was|es|son)\b"
)


def is_unsure(text: str, language: str) -> bool:
    """Dated, hedged, or giving a reason."""
    return bool(
        standing.is_dated(text, language) or standing.is_hedged(text, language) or _BECAUSE.search(text)
    )


_BECAUSE = re.compile(r"\b(?:because|porque|ya que|parce que|puisque|weil)\b", re.I)
_OPENS_IN_SPANISH = re.compile(
    r"(?:El|La|Los|Las|Una?|Unos|Unas|Cada|Todo|Toda|Todos|Todas|En|A|Al|De|Del|Desde|Durante|Para|Por|Con"
    r"|Según|Entre|Tras|Aproximadamente|Alrededor|Cerca|Casi|Cuando|Dos|Tres|Cuatro|Cinco)\b|\S+"
    r" (?:[A-ZÁÉÍÓÚÑ]|(?:es|son|fue"
    r"|tiene|tienen|mide|pesa|contiene|nació|murió|recibió|ganó|publicó|descubrió|fundó|escribió)\b)"
)


_NOBODY = re.compile(r"En (?:el año )?\d{4},? (?:lo |la |le )?[a-zñ]+(?:ó|aron|ieron)\b")


def _is_part(quantity: Quantity, language: str) -> bool:
    """The figure is a bound, a range, a label ("stage 2", "Apollo 11"), an ordinal, or a day of a month."""
    before, after = around(quantity)
    dated = is_year(quantity) and (_IN.search(before) or _MONTH_BEFORE.search(before))
    if BOUNDED[language].search(before) and not dated and not is_limit(quantity, language):
        return True
    if _GOES_ON.match(after) or _OR_MORE.match(after) or _MONTH_NEXT.match(after):
        return True
    if re.search(r"\d[–—/-]$", before) or re.match(r"[ \u00a0]?(?:BP|BCE?|CE|AD)\b", after):
        return True  # "2001–02", "9,000 BP"
    label = re.search(r"([^\W\d_][\w’'-]*)\.?[ \u00a0]$", before)
    if is_year(quantity) or not label or is_limit(quantity, language):
        return False
    if language == "en":
        word = label[1].lower()
        fits = word in grammar.FUNCTION_WORDS["en"] or word in _COUNTING or word.endswith(("s", "ed", "ly"))
        return not fits or (label[1][:1].isupper() and len(before.split()) > 1)
    if language == "de":
        return label[1][:1].isupper() and label[1].lower() not in grammar.FUNCTION_WORDS["de"]
    named = label[1][:1].isupper() and len(before.split()) > 1
    return named or bool(_LABEL.fullmatch(label[1].lower()))


# Verbs without an ending that tells them from "stage 2".
# "Masks must hold back at least 94 percent": the bound is the fact.
_MUST = {
    "en": r"\b(?:must|shall|may not|is required to|are required to)\b",
    "es": r"\b(?:deben?|deberá|tienen? que|no puede(?:n)?)\b",
    "fr": r"\b(?:doit|doivent|ne (?:peut|peuvent)|devra)\b",
    "de": r"\b(?:muss|müssen|darf|dürfen)\b",
}
_LIMIT = re.compile(
    r"(?:at least|at most|no more than|al menos|por lo menos|como (?:mínimo|máximo)|más de|au moins|au plus"
    r"|plus de|mindestens|höchstens|maximal|nicht mehr als) (?:de )?$",
    re.I,
)


def is_limit(quantity: Quantity, language: str) -> bool:
    """The figure is a bound that a rule sets."""
    before, _ = around(quantity)
    return bool(re.search(_MUST[language], before) and _LIMIT.search(before))


_COUNTING = {"weigh", "measure", "cover", "contain", "have", "hold", "carry", "reach", "live", "last", "need"}
_COUNTING |= {"use", "cost", "make", "produce", "off"}
_LABEL = re.compile(
    r"fase|etapa|tipo|nivel|clase|grupo|versión|volumen|parte|percentil|phase|étape|type|niveau|classe"
    r"|groupe|version|partie|edad|âge"
)
_GOES_ON = re.compile(
    r"[ \u00a0]?(?:or|o|ou|oder|to|bis|and|y|et|und|[-–—/])[ \u00a0]?\w*\d|(?:st|nd|rd|th|s|er|e|º|ª)\b|\.["
    r" ]?[a-zà-ÿ]|-"
)
_OR_MORE = re.compile(
    r"(?:[ \u00a0][\w%°]+){0,3} (?:or more|or less|or so|and after|or fewer|and (?:over|above|older"
    r"|more)|o más|o"
    r" menos|y más"
    r"|ou plus|ou moins|et plus|oder mehr|und mehr|oder weniger)\b"
)
_IN = re.compile(
    r"(?:^|\b)(?:in|en|im Jahr|im Jahre|In|En|Im Jahr|l['’]année|año|year|on \w+ \d+,|\w{3,9} (?:de|del)) $",
    re.I,
)


def _digits(text: str) -> str:
    match = FIGURE.match(text)
    return match[0] if match else text


_COMPLEMENT = re.compile(r"(?:[\w-]+ ){1,3}(?:of|de|del|du|des|d['’]|der|von)\b ?")


def _is_of_something(text: str, lesson: Lesson, taught: Collection[str]) -> bool:
    """ "The gestation lasts 63 days.": whose? No name, nothing the lesson defines, no word of its title."""
    subject = re.match(rf"{standing.DEFINITE[lesson.language]}(?: |(?<=['’]))", text, re.I)
    if not subject or _COMPLEMENT.match(text[subject.end() :]):
        return False
    opening = grammar.content_words(" ".join(text.split()[:6]), lesson.language)
    told = any(grammar.same_word(word, other) for word in opening for other in taught)
    return not told and not has_name(text, lesson)


def has_name(text: str, lesson: Lesson) -> bool:
    """True where the sentence says of whom or what it speaks: a name inside it, or the title's word."""
    title = grammar.content_words(lesson.topic, lesson.language)
    if any(
        grammar.same_word(word, other)
        for word in grammar.content_words(text, lesson.language)
        for other in title
    ):
        return True
    inside = r"(?<=[a-zà-ÿ,;)’'] )" if lesson.language != "de" else r"(?<=[\w,;)] )"
    for match in re.finditer(rf"{inside}[A-ZÀ-Ý][\w’'-]*(?: [A-ZÀ-Ý][\w’'-]*)*", text):
        if match[0].lower() not in _MONTHS and (
            lesson.language != "de" or " " in match[0] or match[0].isupper()
        ):
            return True
    return bool(re.match(r"[A-ZÀ-Ý][\w’'-]+ [A-ZÀ-Ý][\w’'-]+", text))


_STEP = re.compile(r"(?:^|\n)[ \t]*(?:\d{1,2}[.)]|[-*•–])[ \t]+(?:[^\n]*[.!?] )?$")


def _is_in_a_step(quantity: Quantity, lesson: Lesson) -> bool:
    """In a line of a numbered list or of one with bullets: a recipe, a manual, a part of something."""
    return bool(_STEP.search(lesson.text[max(0, quantity.sentence.start - 400) : quantity.sentence.start]))


def askable(lesson: Lesson) -> list[Quantity]:
    """The figures of `lesson` that can be asked for: quantities, then years, each in text order."""
    if bearings.is_exercises(lesson):
        return []
    taught = {
        word for term in definitions(lesson) for word in grammar.content_words(term.name, lesson.language)
    }
    found = [
        q
        for q in quantities(lesson)
        if (
            is_askable(q, lesson)
            and not _is_in_a_step(q, lesson)
            and not _is_of_something(q.sentence.text, lesson, taught)
        )
        or is_result(q, lesson)
    ]
    return sorted(found, key=is_year)


_EQUAL = re.compile(
    r"\b(?:is|are|equals|gives|makes|returns|prints|es|son|da|vale|est|sont|donne|vaut|ist|sind|ergibt"
    r"|beträgt)\b"
)


def is_result(quantity: Quantity, lesson: Lesson) -> bool:
    """The outcome of a calculation whose numbers the sentence gives ("The half of 50 is 25.")."""
    before, after = around(quantity)
    text = quantity.sentence.text
    figures = [match[0] for match in FIGURE.finditer(text)]
    code = re.search(r"[=<>\[\]{}_\"]|\w\(", text)
    return (
        bool(_EQUALS.search(before))
        and len(_EQUAL.findall(before))
        == 1  # "The mean is 6, the median is 7" reports, it calculates nothing
        and 2 <= len(figures) <= 7
        and figures.count(_digits(quantity.text)) == 1
        and not re.search(r"\d|^[ \u00a0]?[-–/]", after)
        and not code
        and not standing.is_hedged(text, lesson.language)
        and not any(_YEAR.fullmatch(figure) for figure in figures)
        and standing.objection(quantity.sentence, lesson) in ("", "form", "length")
        and ":" not in text
    )


_EQUALS = re.compile(
    r"\b(?:is|are|equals|gives|makes|returns|prints|es|son|da|vale|est|sont|donne|vaut|ist|sind|ergibt"
    r"|beträgt)"
    r"(?: (?:about|around|roughly|only|therefore|then|exactly|aproximadamente|unos|unas|environ|alors|donc"
    r"|also|etwa|rund|dann))?[ \u00a0]$"
)
