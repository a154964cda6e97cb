"""Numbers of a lesson that can be asked for, and questions that ask for them: a fact with one figure or"
" year."""

import re

import numpy as np

from learnloop.generate import grammar, standing, wording
from learnloop.generate.questions import DISTRACTORS, Question, Source, blanked
from learnloop.generate.terms import Lesson, Quantity, decimal_style, number_value, quantities

FIGURE = re.compile(r"\d+(?:[.,\u00a0\u202f ]\d{3})*(?:[.,]\d+)?")
_YEAR = re.compile(r"(?:1[0-9]|20)\d\d")
# "More than 8" is true of 9 and 10 as well: no option beside it is wrong for sure.
_BOUNDED = {
    "en": r"(?:more|less|fewer|greater|larger|higher|lower|older|younger|longer|shorter|better) than|over"
    r"|under"
    r"|above|below|at least|at most|up to|as (?:many|much|few|little|high|low) as|minimum of|maximum of"
    r"|exceed(?:s|ed|ing)?|beyond|within|almost|nearly|between|from|to|and|or|until|till|since|before|after"
    r"|by|only|first|early|mid|late|top|age|aged|chapter|section|figure|table|page|number|no\.|step|grade",
    "es": r"(?:más|menos|mayor(?:es)?|menor(?:es)?) (?:de|que|a)|al menos|por lo menos|como (?:máximo"
    r"|mínimo)|hasta"
    r"|casi|entre|desde|y|o|a|superior(?:es)? a|inferior(?:es)? a|supera(?:n|r)?|mínimo de|máximo de|antes de"
    r"|después de|solo|capítulo|sección|figura|tabla|página|número|paso|los|las",
    "fr": r"(?:plus|moins) de|au moins|au plus|jusqu['’]à|presque|près de|entre|depuis|et|ou|à"
    r"|supérieure?s? à"
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
    r"\b(?:about|around|roughly|approximately|some|circa|unos|unas|aproximadamente|alrededor de|cerca de"
    r"|environ|autour de|à peu près|etwa|rund|ungefähr|circa|ca\.)(?: (?:the|el|la|le|den|die))? ?$",
    re.I,
)
# A narrative of people or things that the sentence does not name.
_PAST = {
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


def is_year(quantity: Quantity) -> bool:
    """A bare four-digit number from 1000 to 2099 that counts nothing ("in 1905", not "1905 ships")."""
    if quantity.unit or not _YEAR.fullmatch(quantity.text):
        return False
    before, after = _around(quantity)
    dated = re.search(
        r"\b(?:in|since|of|by|year|during|en|de|del|año|desde|depuis|année|im Jahr|Jahr|im|seit"
        r"|january|february|march|april|may|june|july|august|september|october|november|december"
        r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
        r"|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
        r"|januar|februar|märz|april|juni|juli|oktober|dezember),? (?:\d{1,2},? )?$",
        before,
        re.I,
    )
    follows = re.match(
        r"[.,;)]|$| (?:[A-Z(]|and|when|by|the|y|el|la|los|et|le|la|les|und|der|die|das|wurde|wird)", after
    )
    opens = not before.strip() and re.match(
        r" (?:wurde|war|begann|gründete|entdeckte|veröffentlichte)", after
    )
    return bool((dated and follows) or opens or (dated and re.search(r"\b(?:in|en|im Jahr) $", before, re.I)))


def _around(quantity: Quantity) -> tuple[str, str]:
    text = quantity.sentence.text
    return text[: quantity.start - quantity.sentence.start], text[quantity.end - quantity.sentence.start :]


def is_askable(quantity: Quantity, lesson: Lesson) -> bool:
    """The only figure (or the only year) of a sentence that stands alone and says it for sure.

    Figures that come first are what an example starts from; nobody can work them out.
    """
    sentence, language = quantity.sentence, lesson.language
    before, after = _around(quantity)
    text = sentence.text
    figures = [match[0] for match in FIGURE.finditer(text)]
    years = [figure for figure in figures if _YEAR.fullmatch(figure)]
    alone = len(years) == 1 if is_year(quantity) else len(figures) - len(years) == 1
    if not alone or len(figures) > 2 or figures.count(_digits(quantity.text)) != 1:
        return False
    if standing.is_dated(text, language) or standing.is_hedged(text, language):
        return False
    bounded = BOUNDED[language].search(before) and not (is_year(quantity) and _IN.search(before))
    if bounded or re.match(
        r"[ \u00a0]?(?:or|o|ou|oder|to|bis|and|y|et|und|[-–—/])[ \u00a0]?\w*\d|(?:st|nd|rd|th|s|er|e|º|ª"
        r"|\.)\b|-",
        after,
    ):
        return False
    if re.match(
        r" (?:or more|or less|or so|and (?:over|above|older)|o más|o menos|ou plus|ou moins|oder mehr)", after
    ):
        return False
    if is_year(quantity):
        return (
            bool(_IN.search(before))
            and has_name(sentence.text, lesson)
            and not standing.objection(sentence, lesson)
        )
    named = has_name(text, lesson) or not re.search(_PAST[language], text)
    counts = bool(quantity.unit) or bool(re.match(r"[ \u00a0][^\W\d]", after))
    return named and counts and not standing.objection(sentence, lesson)


_IN = re.compile(
    r"(?:^|\b)(?:in|en|im Jahr|im Jahre|In|En|Im Jahr|l['’]année|año|year|on \w+ \d+,|\w{3,9} (?:de|del)) $",
    re.I,
)


def _digits(text: str) -> str:
    match = FIGURE.match(text)
    return match[0] if match else text


def has_name(text: str, lesson: Lesson) -> bool:
    """True where the sentence says of whom or what it speaks: a name inside it, or the title's word."""
    title = grammar.content_words(lesson.title, lesson.language)
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


def askable(lesson: Lesson) -> list[Quantity]:
    """The figures of `lesson` that can be asked for, in text order."""
    return [
        quantity
        for quantity in quantities(lesson)
        if is_askable(quantity, lesson) or is_result(quantity, lesson)
    ]


def is_result(quantity: Quantity, lesson: Lesson) -> bool:
    """The outcome of a calculation whose numbers the sentence gives ("The half of 50 is 25.")."""
    before, after = _around(quantity)
    text = quantity.sentence.text
    figures = [match[0] for match in FIGURE.finditer(text)]
    code = re.search(r"[=<>\[\]{}_\"]|\w\(", text)
    return (
        bool(_EQUALS.search(before))
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


def cloze(source: Source, quantity: Quantity) -> Question:
    """The sentence with a gap for the figure, and other figures written like it."""
    lesson, language = source.lesson, source.language
    body = blanked(quantity.sentence, quantity.start, quantity.end, language)
    chosen = changed(source, quantity)
    notes = [wording.key_note(quantity.text, quantity.sentence.text, language)]
    notes += [wording.number_note(text, quantity.text, language) for text in chosen]
    question = Question(
        lesson.item_id,
        language,
        "cloze",
        "number",
        wording.stem("cloze", "term", language, body=body),
        body,
        quantity.text,
        tuple(chosen),
        quantity.start,
        quantity.end,
        quantity.sentence,
        notes=tuple(notes),
        bloom="apply" if is_result(quantity, lesson) else "remember",
    )
    return source.with_options(question)


def changed(source: Source, quantity: Quantity) -> list[str]:
    """Up to DISTRACTORS other figures, written like the right one."""
    pool, lesson = source.pool, source.lesson
    rng = source.draws(lesson.item_id, quantity.start, "number")
    style = decimal_style(lesson.language)
    digits = re.match(r"[\d.,\u00a0\u202f ]*\d", quantity.text)
    written = digits[0] if digits else quantity.text
    tail = quantity.text[len(written) :]
    # Figures of the source sentence would be right answers to something else on the page.
    taken = {quantity.value} | {
        number.value for number in pool.numbers if number.sentence.text == quantity.sentence.text
    }
    near = [
        number.value
        for number in pool.numbers
        if number.unit == quantity.unit and quantity.unit and 0.2 <= number.value / (quantity.value or 1) <= 5
    ]
    chosen: list[str] = []
    for value in [*dict.fromkeys(near[:1]), *_plausible(quantity, written, rng)]:
        text = written_like(value, written, style) + tail
        told = number_value(re.sub(r"[^\d.,\u00a0\u202f ]", "", text[: len(text) - len(tail)]), style)
        if told in taken or value in taken or len(chosen) == DISTRACTORS:
            continue
        if ABOUT.search(_around(quantity)[0]) and abs(told - quantity.value) < 0.2 * abs(quantity.value):
            continue  # "about 50": 45 is about right
        chosen.append(text)
        taken |= {value, told}
    return chosen


def _plausible(quantity: Quantity, written: str, rng: np.random.Generator) -> list[float]:
    """Values someone could take for it: near ones, doubles, halves, a slipped decimal point."""
    value, unit = quantity.value, quantity.unit
    percent = unit.lower() in ("%", "percent", "per cent", "por ciento", "pour cent", "prozent")
    if is_year(quantity):
        around = [value + step for step in (-50, -25, -10, -5, 5, 10, 25)]
        top = 2100.0
    elif value == int(value) and value <= 12:
        around = [value + step for step in (-3, -2, -1, 1, 2, 3, 4)] + [2 * value]
        top = 100.0
    elif value == int(value):
        grain = 10 ** max(0, len(str(int(value)).rstrip("0")) - 1) * 10 ** (
            len(str(int(value))) - len(str(int(value)).rstrip("0"))
        )
        step = max(1, round(value * 0.2 / max(1, grain / 10)) * max(1, grain / 10))
        around = [value - 2 * step, value - step, value + step, value + 2 * step, 2 * value, value / 2]
        top = 100.0 if percent else float("inf")
    else:
        around = [value / 2, value * 2, value * 1.5, value * 10, value / 10]
        top = 100.0 if percent else float("inf")
        top = 1.0 if value < 1 and not unit and value * 2 <= 1 else top  # a share stays a share
    fitting = [number for number in around if 0 <= number <= top and (number > 0 or value <= 3)]
    return [float(fitting[index]) for index in rng.permutation(len(fitting))]


def written_like(value: float, example: str, style: str) -> str:
    """`value` with the decimals and the thousands mark of `example`."""
    point, thousands = (".", ",") if style == "point" else (",", ".")
    decimals = len(example.rsplit(point, 1)[1]) if point in example else 0
    if not decimals and value != int(value):
        value = round(value)
    text = f"{value:,.{decimals}f}"
    blank = next((mark for mark in ("\u202f", "\u00a0", " ") if mark in example), "")
    grouped = thousands in example or blank or value >= 10_000
    mark = blank or (thousands if grouped else "")
    return text.replace(",", "\x00").replace(".", point).replace("\x00", mark)
