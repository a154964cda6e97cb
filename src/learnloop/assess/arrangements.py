"""Orders and pairs as learners write them, against the key, with credit for a part.

"B > A > C" against A, B, C     two of three pairs in order
"1: water, 2: fire"             the pairs by letter or number of the option, or by its text
"""

import re
from collections.abc import Sequence

from learnloop.assess.normal_forms import same_text
from learnloop.assess.words import visible, visible_lines

_BETWEEN = (r"→|->|=>|⇒", r"\s[>]\s|>", r"\n", r";", r"\|", r",")  # from the surest on
LONGER, MORE = 4, 200  # times the longest option, and characters, up to which a text may name one
_SIDES = r"→|->|=>|⇒|:|=|\s[-–—]\s"


def option(text: str, options: Sequence[str], language: str) -> str | None:
    """The option that `text` names: its very words, its words in normal form, its letter or its number.

    None where it names none, or two at once, or is far longer than any: a page is not compared word by word.
    """
    found, plain = _named(text, options, language)
    # "b) Oxygen"
    labelled = None if found else re.match(r"\(?([A-Za-z])[.):]\s+(.+)", plain)
    return _named(labelled[2], options, language)[0] if labelled else found


def _named(text: str, options: Sequence[str], language: str) -> tuple[str | None, str]:
    """(the option, what more there is to look at); see `option`."""
    if len(text) > LONGER * max(map(len, options), default=0) + MORE:
        return None, ""
    plain = visible(text)
    if plain in options:
        return plain, plain
    named = [one for one in options if same_text(plain, one, language)]
    if named:
        return (named[0], plain) if len(named) == 1 else (None, "")
    label = re.fullmatch(r"\(?([A-Za-z]|\d{1,2})[.):]?", plain)
    if not label:
        return None, plain
    place = int(label[1]) - 1 if label[1].isdigit() else ord(label[1].lower()) - ord("a")
    return (options[place] if 0 <= place < len(options) else None), plain


def ordered(answer: str, order: Sequence[str], shown: Sequence[str], language: str) -> tuple[float, int]:
    """(share of pairs that stand in the order of the key, number of pairs). Kendall 1938.

    A pair with a part that is missing does not count as right; an answer that names a part twice has none
    right, since it would have every order.
    """
    pairs = len(order) * (len(order) - 1) // 2
    named = [option(one, list(shown) or list(order), language) for one in _parts(answer, len(order))]
    found = [one for one in named if one is not None]
    if len(set(found)) != len(found) or not pairs:
        return 0.0, max(1, pairs)
    place = {one: index for index, one in enumerate(found)}
    right = sum(
        1
        for index, one in enumerate(order)
        for other in order[index + 1 :]
        if one in place and other in place and place[one] < place[other]
    )
    return right / pairs, pairs


def matched(answer: str, pairs: Sequence[tuple[str, str]], language: str) -> set[str]:
    """The left sides that the answer matches rightly; one that it matches twice is not."""
    lefts, rights = [one for one, _ in pairs], list(dict.fromkeys(other for _, other in pairs))
    found: dict[str, list[str | None]] = {}
    for piece in re.split(r"[;\n|]|,(?=[^,;\n|]*(?:" + _SIDES + "))", visible_lines(answer)):
        sides = _sides(piece, lefts, language)
        if sides:
            found.setdefault(sides[0], []).append(option(sides[1], rights, language))
    return {left for left, right in pairs if found.get(left) == [right]}


def _parts(answer: str, wanted: int) -> list[str]:
    """The answer at the surest separator that is in it; "1." and "a)" before a part go."""
    lines = visible_lines(answer)
    pattern = next((one for one in _BETWEEN if re.search(one, lines)), ",")
    parts = [part.strip() for part in re.split(pattern, lines)]
    if wanted > 1 and len(parts) > 1:
        parts = [re.sub(r"^\d{1,2}[.)]\s+(?=\S)", "", part) for part in parts]
    return [part for part in parts if part]


def _sides(piece: str, lefts: Sequence[str], language: str) -> tuple[str, str] | None:
    """(left side as the key has it, what stands right of it), at the first sign where the left is known."""
    for sign in re.finditer(_SIDES, piece):
        left = option(piece[: sign.start()].strip(), lefts, language)
        if left is not None:
            return left, piece[sign.end() :].strip()
    return None
