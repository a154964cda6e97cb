"""Numbers as people write them in, floats out: figures in two customs, thousands by letter, words.

    "1.5k" -> 1500.0    "1.299,50" -> 1299.5    "doce" -> 12.0    "1,299" -> None: a thousand here, one there

text2num, which knows the numerals of the languages, reads the words.
"""

import re

LANGUAGES = ("en", "es", "fr", "de")
_SCALE = {"": 1.0, "k": 1e3, "m": 1e6}
_FIGURES = re.compile(r"(\d+(?:[.,' \u00a0\u202f]\d{3})*)(?:([.,])(\d+))?\s*([km]?)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def number(text: str, decimals: int = 3) -> float | None:
    """The number that `text` is, nothing else being in it; None where it has no reading, or two.

    decimals: how many figures its fraction has at most; with less than 3, "1,299" has one reading.

    >>> number("1.5k"), number("1.299,50"), number("twelve"), number("1,299")
    (1500.0, 1299.5, 12.0, None)
    """
    text = figures_for_words(text.strip())
    if re.fullmatch(r"0[.,]\d+", text):  # no thousands begin with a nought
        return float(text.replace(",", "."))
    match = _FIGURES.fullmatch(text)
    if not match:
        return None
    whole, _, fraction, letter = match[1], match[2], match[3], match[4].lower()
    marks = set(re.findall(r"[.,]", whole))
    if len(marks) > 1 or (match[2] and match[2] in marks):
        return None
    if len(re.findall(r"[.,]", whole)) == 1 and fraction is None and decimals >= 3:
        return None  # a single mark before three figures is a thousand here and a fraction there
    value = float(re.sub(r"\D", "", whole) + (f".{fraction}" if fraction else ""))
    return value * _SCALE[letter]


def figures_for_words(text: str) -> str:
    """Numerals in words as figures, in the language that explains most of them; other words stay.

    >>> figures_for_words("doce semanas"), figures_for_words("one hour and thirty minutes")
    ('12 semanas', '1 hour and 30 minutes')
    """
    if not _WORD.search(text):
        return text
    from text_to_num import alpha2digit

    read = {str(alpha2digit(text, language, threshold=0)) for language in LANGUAGES}
    return min(read | {text}, key=lambda told: (len(_WORD.findall(told)), told))
