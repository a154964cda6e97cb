"""Questions that ask for a number: its sentence with a gap, and other figures written like it."""

import re

import numpy as np

from learnloop.generate import wording
from learnloop.generate.askable import ABOUT, around, is_result, is_year
from learnloop.generate.questions import DISTRACTORS, Question, Source, blanked
from learnloop.generate.terms import Quantity, decimal_style, number_value

LONG_AGO, RECENT = 1750.0, 1940.0  # years; what happened lately is known more closely
LATEST_YEAR = 2025.0  # later ones are no plausible distractors


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
        wording.stem("cloze", "term", language, source.shown_topic(body), body=body),
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
    if ABOUT.search(around(quantity)[0]):  # "about 50": 40 and 60 are about right
        candidates = _rough(quantity, rng)
    else:
        candidates = [*dict.fromkeys(near[:1]), *_plausible(quantity, written, rng)]
    for value in candidates:
        text = written_like(value, written, style) + tail
        told = number_value(re.sub(r"[^\d.,\u00a0\u202f ]", "", text[: len(text) - len(tail)]), style)
        if told in taken or value in taken or len(chosen) == DISTRACTORS:
            continue
        chosen.append(text)
        taken |= {value, told}
    return chosen


def _rough(quantity: Quantity, rng: np.random.Generator) -> list[float]:
    """Values that nobody calls about the same: a factor of two between any two, of years a century."""
    value = quantity.value
    if is_year(quantity):
        return [
            year for year in rng.permutation([value - 200, value - 100, value + 100]) if year <= LATEST_YEAR
        ]
    top = 100.0 if _is_percent(quantity) else float("inf")
    low = rng.integers(0, 2)  # the right one is not always the second of four
    steps = (1 / 4, 1 / 2, 2.0) if low else (1 / 2, 2.0, 4.0)
    values = [value * step for step in (*steps, 1 / 4, 4.0, 1 / 8) if value * step <= top]
    whole = value == int(value)
    return [v for v in dict.fromkeys(values) if not whole or v == int(v) or value >= 40]


def _is_percent(quantity: Quantity) -> bool:
    return quantity.unit.lower() in ("%", "percent", "per cent", "por ciento", "pour cent", "prozent")


def _plausible(quantity: Quantity, written: str, rng: np.random.Generator) -> list[float]:
    """Values someone could take for it: near ones, doubles, halves."""
    value, unit = quantity.value, quantity.unit
    percent = _is_percent(quantity)
    if is_year(quantity):
        steps = (7, 12, 20) if value >= RECENT else (20, 40, 60) if value >= LONG_AGO else (50, 100, 150)
        around = [value + sign * step for step in steps for sign in (-1, 1)]
        top = LATEST_YEAR
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
        around = [value / 2, value * 2, value * 1.5, value * 0.7, value * 1.3]  # times 10 shows by its ".0"
        top = 100.0 if percent else float("inf")
        top = 1.0 if value < 1 and not unit and value * 2 <= 1 else top  # a share stays a share
    fitting = [number for number in around if 0 < number <= top]
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
