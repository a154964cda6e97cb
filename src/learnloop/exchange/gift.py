"""GIFT, Moodle's text format: questions as lines that a person can read and write.

One question as it is written, its remarks in comments as Moodle writes them ([id:…], [tag:…]), and ours:

    // [id:generated:0c3f] [tag:concept:demo:vectors] [tag:bloom:remember]
    // learnloop: {"question_id": "generated:0c3f", "version": 2, "item_id": "demo:vectors", "language": "en"}
    ::Which is a vector?::[plain]Which is a vector?{
        ~mass#has no direction
        =velocity
        ####Velocity has a size and a direction.
    }

GIFT holds multiple choice, true/false, short answers, numbers with a tolerance, matching, and a cloze as a
missing word. It has no ordering; it trims every text; an unescapable "->" makes any answer a matching. A
question that would come back different is refused. Grammar: Moodle's `question/format/gift`.
"""

import re
from collections.abc import Iterator

import pandas as pd

from learnloop.exchange import tags
from learnloop.exchange.decoding import decoded
from learnloop.exchange.markup import as_text, has_tags
from learnloop.exchange.reads import Loaded, Read, load_each, parsed_remarks
from learnloop.exchange.rows import BLANK, Dumped, Question, Refusal, Unheld, split_blank, title, write_each

LIMIT = 32 << 20  # bytes of a file
_RESERVED = "~=#{}:"
_FORMATS = ("html", "plain", "markdown", "moodle")
_FORMAT = re.compile(r"\[(html|plain|markdown|moodle)\]")
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d*)?)%")
# Moodle's own marks for escaped characters: a text that has one is changed by its reader.
_MARKED = re.compile(r"&&(?:058|035|061|123|125|126|092|010)")
_ESCAPED = re.compile(r"\\([\\~=#{}:n])")
# While a question is read, an escaped character stands as half a surrogate pair, which no text can have.
_HALF = 0xDC00
_BACK = {_HALF + ord(letter): letter for letter in "\\~=#{}:"} | {_HALF + ord("n"): "\n"}
_TRUTH = {"t": "true", "true": "true", "f": "false", "false": "false"}


def dump(questions: pd.DataFrame) -> Dumped:
    """`questions` (QUESTIONS, plus `version`) as a UTF-8 file, a category a lesson."""
    made, refused = write_each(questions, _written)
    blocks, lesson = ["// Questions from Learnloop.\n"], ""
    for question, text in made:
        if (item_id := str(question.meta.get("item_id", ""))) != lesson:
            lesson = item_id
            blocks.append(f"$CATEGORY: {tags.category(lesson)}\n")
        blocks.append(text)
    return Dumped("\n".join(blocks).encode(), len(made), refused)


def load(data: bytes, item_id: str, language: str = "und") -> Loaded:
    """The questions of a GIFT file in UTF-8 (or UTF-16 with its mark). Raises BadInput on other bytes.

    item_id and language: of questions whose remarks do not say theirs.
    """
    text = decoded(data, "a GIFT file", LIMIT)
    return load_each(list(_reads(text)), item_id, language)


# ---- out ----


def _written(question: Question) -> str:
    if question.kind == "ordering":
        raise Unheld("GIFT has no ordering questions")
    for text in [question.stem, *question.answers, *(part for pair in question.pairs for part in pair)]:
        if text != text.strip():
            raise Unheld("GIFT drops the space at the ends of a text")
    shown = [question.stem, question.general[0], *question.answers, *question.rationales, *question.options]
    if _MARKED.search("\n".join([*shown, *(left for left, _ in question.pairs)])):
        raise Unheld("GIFT would change the text &&…; of it")
    if question.kind in ("cloze", "multiple_choice") and any(not option for option in question.options):
        raise Unheld("GIFT has no empty options")
    before, after, blank = question.stem, "", ""
    if question.kind == "cloze" and (parts := split_blank(question.stem)):
        before, blank, after = parts
    general = question.general[0]
    inside = _answers(question) + (f"\n\t####{_text(general)}" if general.strip() else "")
    name = _escaped(title(question))
    lines = [f"// {' '.join(_comment(question))}".rstrip()]
    lines.append(f"// learnloop: {tags.remarks(question, blank=blank or None)}")
    lines.append(f"::{name}::[plain]{_escaped(before)}{{{inside}\n}}{_escaped(after)}\n")
    return "\n".join(lines)


def _comment(question: Question) -> Iterator[str]:
    for name, value in [("id", question.question_id), *(("tag", tag) for tag in tags.of(question))]:
        if "]" not in value and "\n" not in value:
            yield f"[{name}:{value}]"


def _answers(question: Question) -> str:
    said = [f"#{_text(text)}" if text.strip() else "" for text in question.rationales]
    if question.kind == "true_false":
        right, wrong = said if question.key == "true" else said[::-1]
        return question.key.upper() + (wrong or "#" * bool(right)) + right
    if question.kind == "matching":
        return _pairs(question)
    if question.numeric:
        return f"#\n\t=%100%{_number(question)}{said[0] if said else ''}"
    if question.options:
        if len(question.options) < 2:
            raise Unheld("GIFT needs two options or more")
        signs = ["=" if option == question.key else "~" for option in question.options]
        weights = [
            "%0%" if sign == "~" and text[:1] == "%" else ""
            for sign, text in zip(signs, question.options, strict=True)
        ]
        rows = zip(signs, weights, question.options, said, strict=True)
        return "".join(f"\n\t{sign}{weight}{_text(text)}{note}" for sign, weight, text, note in rows)
    if any("->" in text for text in [*question.answers, *question.rationales]):
        raise Unheld("GIFT takes an answer with -> for a matching")
    rows_ = zip(question.answers, said, strict=True)
    return "".join(f"\n\t=%100%{_text(tags.without_wildcards(text))}{note}" for text, note in rows_)


def _number(question: Question) -> str:
    value, tolerance = float(question.answer["value"]), float(question.answer.get("tolerance") or 0.0)
    return f"{value!r}:{tolerance!r}"


def _pairs(question: Question) -> str:
    if len(question.pairs) < 2:
        raise Unheld("GIFT needs two pairs or more")
    if any("->" in left or not left or not right for left, right in question.pairs):
        raise Unheld("GIFT cannot match an empty text or one with ->")
    lines = [f"\n\t={_text(left)} -> {_escaped(right)}" for left, right in question.pairs]
    lines += [f"\n\t= -> {_escaped(text)}" for text in tags.extra_options(question)]
    return "".join(lines)


def _text(text: str) -> str:
    return ("[plain]" if _FORMAT.match(text.strip()) else "") + _escaped(text)


def _escaped(text: str) -> str:
    """
    >>> _escaped("a=b\\nc")
    'a\\\\=b\\\\nc'
    """
    return "".join(f"\\{letter}" if letter in _RESERVED + "\\" else letter for letter in text).replace(
        "\n", "\\n"
    )


# ---- in ----


def _reads(text: str) -> Iterator[Read | Refusal]:
    category = ""
    for number, lines in _blocks(text):
        comments = [line.strip()[2:].strip() for line in lines if line.strip().startswith("//")]
        body = "\n".join(line for line in lines if not line.strip().startswith("//")).strip()
        if body.startswith("$CATEGORY:"):
            category, _, body = body.removeprefix("$CATEGORY:").strip().partition("\n")
        if not body:
            continue
        where = f"line {number}"
        try:
            read = _read(where, _ESCAPED.sub(lambda match: chr(_HALF + ord(match[1])), body))
        except Unheld as unheld:
            yield Refusal(where, unheld.reason)
            continue
        for comment in comments:
            if comment.startswith("learnloop:"):
                read.meta = parsed_remarks(comment.removeprefix("learnloop:"))
            read.tags += re.findall(r"\[tag:([^\x00-\x1f\x7f\]]+)\]", comment)
            read.identifier = next(
                iter(re.findall(r"\[id:([^\x00-\x1f\x7f\]]+)\]", comment)), read.identifier
            )
        read.category = category.strip()
        tags.apply(read)
        if blank := read.meta.get("blank"):
            read.stem = read.stem.replace("\udcff", str(blank))
        elif read.kind != "cloze":
            read.stem = read.stem.replace("\udcff", "")
        read.stem = read.stem.replace("\udcff", BLANK)
        read.stem = read.stem if read.meta.get("kind") == "cloze" else read.stem.strip()
        yield read


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines between blank lines, with the number of the first; a question is one block."""
    block: list[str] = []
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _read(where: str, text: str) -> Read:
    if text.startswith("::") and "::" in text[2:]:
        text = text[2:].partition("::")[2]
    start, end = text.find("{"), text.find("}")
    if start < 0 and end < 0:
        raise Unheld("a description: it asks nothing")
    if not 0 <= start < end:
        raise Unheld("braces that do not match")
    if "{" in text[end:]:
        raise Unheld("several answers in one question")
    answers, before, after = text[start + 1 : end].strip(), text[:start], text[end + 1 :]
    found = _FORMAT.match(before.strip())
    form = found[1] if found else "moodle"
    answers, _, general = answers.rpartition("####") if "####" in answers else (answers, "", "")
    # The place of the answer, until it is known whether it is a missing word.
    stem = _plain(before.lstrip() + "\udcff" + after.rstrip(), form, trimmed=False)
    read = Read(where, "", stem, general=_plain(general, form))
    _answered(read, answers.strip(), form)
    if after.strip() and read.kind in ("multiple_choice", "short_answer") and not read.answer:
        read.kind = "cloze"
    elif after.strip():
        read.stem = read.stem.replace("\udcff", BLANK)
    return read


def _answered(read: Read, text: str, form: str) -> None:
    """Moodle's order of trial: number, multiple choice, matching, true or false, short answer."""
    if not text:
        raise Unheld("an essay: it has no key")
    if text.startswith(">"):
        _ordering(read, text, form)
    elif text.startswith("#"):
        _numeric(read, text[1:], form)
    elif "~" in text:
        read.kind = "multiple_choice"
        marked = [_weighed(part, form, part[0] == "~") for part in _split(text, "~=")]
        tags.choose(read, marked)
    elif "=" in text and "->" in text:
        _matching(read, text, form)
    elif (truth := _TRUTH.get(text.partition("#")[0].strip().lower())) is not None:
        wrong, right = ([_plain(part, form) for part in text.split("#")[1:3]] + ["", ""])[:2]
        read.kind, read.key = "true_false", truth
        read.rationales = [right, wrong] if truth == "true" else [wrong, right]
    else:
        read.kind = "short_answer"
        parts = _split(text if text.startswith("=") else f"={text}", "=")
        tags.accept(read, [_weighed(part, form) for part in parts])


def _split(text: str, signs: str) -> list[str]:
    """Parts that begin with one of `signs`; what stands before the first must be nothing."""
    places = [place for place, letter in enumerate(text) if letter in signs]
    if not places or text[: places[0]].strip():
        raise Unheld("an answer without = or ~")
    return [text[start:end] for start, end in zip(places, [*places[1:], len(text)], strict=True)]


def _weighed(part: str, form: str, weight: bool = True) -> tuple[float, str, str]:
    """(share of the mark, text, feedback) of '=%50%text#feedback'; weight: whether one may stand there."""
    share = 1.0 if part.startswith("=") else 0.0
    part = part[1:].strip()
    if weight and (found := _WEIGHT.match(part)):
        share = float(found[1]) / 100
        part = part[found.end() :]
    text, _, feedback = part.partition("#")
    return share, _plain(text, form), _plain(feedback, form)


def _numeric(read: Read, text: str, form: str) -> None:
    read.kind = "short_answer"
    text = text.partition("~")[0].strip()
    parts = _split(text if text.startswith("=") else f"={text}", "=")
    if len(parts) != 1:
        raise Unheld("several numbers as answers")
    share, number, feedback = _weighed(parts[0], form)
    if share != 1.0:
        raise Unheld("an answer with partial credit")
    try:
        if ".." in number:
            low, high = (float(part) for part in number.split("..", 1))
            value, tolerance = (low + high) / 2, (high - low) / 2
        else:
            first, _, second = number.partition(":")
            value, tolerance = float(first), float(second or 0)
    except ValueError:
        raise Unheld(f"{number[:40]!r} is no number") from None
    read.answer = {"value": value, "tolerance": abs(tolerance)}
    read.rationales = [feedback]


def _matching(read: Read, text: str, form: str) -> None:
    read.kind = "matching"
    pairs: list[list[str]] = []
    for part in _split(text, "="):
        left, arrow, right = part[1:].partition("->")
        if not arrow:
            raise Unheld("a pair without ->")
        read.options.append(right.translate(_BACK).strip())  # of the right side Moodle knows no format
        if left.strip():
            pairs.append([_plain(left, form), read.options[-1]])
    read.answer = {"pairs": pairs}


def _ordering(read: Read, text: str, form: str) -> None:
    """Moodle's extension: {>3 ALL VERTICAL … and a line an item, in the right order."""
    read.kind = "ordering"
    order = [_plain(line, form) for line in text.split("\n")[1:] if line.strip()]
    read.answer, read.options = {"order": order}, list(order)


def _plain(text: str, form: str, trimmed: bool = True) -> str:
    found = _FORMAT.match(text.strip())
    if found:
        text, form = text.strip()[found.end() :], found[1]
    text = text.translate(_BACK)
    if form == "html" or (form in ("moodle", "markdown") and has_tags(text)):
        text = as_text(text)
    return text.strip() if trimmed else text
