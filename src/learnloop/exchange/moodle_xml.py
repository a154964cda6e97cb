"""Moodle XML: questions as Moodle's question bank exports and imports them.

One question as it is written (shortened):

    <question type="multichoice">
      <name><text>Which is a vector?</text></name>
      <questiontext format="plain_text"><text>Which is a vector?</text></questiontext>
      <generalfeedback format="plain_text"><text>Velocity has a size and a direction.</text></generalfeedback>
      <idnumber>generated:0c3f</idnumber> <single>true</single> <shuffleanswers>false</shuffleanswers>
      <answer fraction="0" format="plain_text"><text>mass</text><feedback …><text>…</text></feedback></answer>
      <answer fraction="100" format="plain_text"><text>velocity</text> …</answer>
      <tags><tag><text>concept:demo:vectors</text></tag></tags>
      <learnloop><text>{"question_id": "generated:0c3f", …}</text></learnloop>
    </question>

All six kinds have a type there: multichoice, truefalse, shortanswer, numerical, ordering (in Moodle itself
since 4.4), matching, and cloze with embedded answers. Moodle passes over elements that it does not know, so
the remarks of <learnloop> do no harm; what outlives a stay in Moodle is in `idnumber` and the tags. Grammar:
Moodle's `question/format/xml` and `question/type/multianswer`.
"""

import html
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pandas as pd

from learnloop.errors import BadInput
from learnloop.exchange import tags
from learnloop.exchange.markup import as_html, as_text, has_tags
from learnloop.exchange.reads import Loaded, Read, load_each, parsed_remarks
from learnloop.exchange.rows import BLANK, Dumped, Question, Refusal, Unheld, split_blank, title, write_each
from learnloop.exchange.safe_xml import added, inner, parse, written

_TYPES = {
    "multiple_choice": "multichoice",
    "true_false": "truefalse",
    "short_answer": "shortanswer",
    "ordering": "ordering",
    "matching": "matching",
    "cloze": "cloze",
}
# {1:SHORTANSWER:=Paris~=paris#yes}: its weight, its type, its answers. Another one within begins anew: a
# search that went on over it would take hours for a text of openings alone.
_EMBEDDED = re.compile(
    r"\{(\d{0,9}):([A-Z_]{1,40}):((?:\\.|(?!\{\d{0,9}:[A-Z_]{1,40}:)[^}\\])*+)\}", re.DOTALL
)
_ONE = ("1", "1.0", "1.0000000")  # how Moodle writes it
_CHOICE = re.compile(r"(?:MULTICHOICE|MC)(?:_?[VHS]+)?")
_TEXT = re.compile(r"SHORTANSWER(?:_C)?|SAC?|MWC?")


def dump(questions: pd.DataFrame) -> Dumped:
    """`questions` (QUESTIONS, plus `version`) as one <quiz>, a category a lesson."""
    made, refused = write_each(questions, _element)
    quiz, lesson = Element("quiz"), ""
    for question, element in made:
        if (item_id := str(question.meta.get("item_id", ""))) != lesson:
            lesson = item_id
            place = added(quiz, "question", type="category")
            added(added(place, "category"), "text", tags.category(lesson))
        quiz.append(element)
    return Dumped(written(quiz), len(made), refused)


def load(data: bytes, item_id: str, language: str = "und") -> Loaded:
    """The questions of an export of Moodle. Raises BadInput where it is none.

    item_id and language: of questions whose remarks do not say theirs.
    """
    quiz = parse(data, "a Moodle XML file")
    if quiz.tag != "quiz":
        raise BadInput(f"a Moodle XML file begins with <quiz>, not with <{quiz.tag}>", "say its --format")
    return load_each(list(_reads(quiz)), item_id, language)


# ---- out ----


def _element(question: Question) -> Element:
    numeric = question.kind == "short_answer" and question.numeric
    made = Element("question", type="numerical" if numeric else _TYPES[question.kind])
    added(added(made, "name"), "text", title(question))
    blank = _stem(made, question)
    _text(made, "generalfeedback", question.general[0])
    added(made, "defaultgrade", "1")
    added(made, "penalty", "0.3333333")
    added(made, "hidden", "0")
    added(made, "idnumber", question.question_id if len(question.question_id) <= 100 else "")
    if numeric:
        _number(made, question)
    elif question.kind != "cloze":
        _ANSWERS[question.kind](made, question)
    labels = added(made, "tags")
    for tag in tags.of(question):
        added(added(labels, "tag"), "text", tag)
    added(added(made, "learnloop"), "text", tags.remarks(question, blank=blank))
    return made


def _stem(made: Element, question: Question) -> str | None:
    """Writes the question's text; of a cloze, the blank that became a field."""
    if question.kind != "cloze":
        _text(made, "questiontext", question.stem)
        return None
    before, blank, after = split_blank(question.stem) or (question.stem, "", "")
    # A brace of the text would begin an embedded answer.
    shown = as_html(f"{before}\x1a{after}").replace("{", "&#123;").replace("}", "&#125;")
    text = added(made, "questiontext", format="html")
    added(text, "text", shown.replace("\x1a", _embedded(question)))
    return blank or None


def _embedded(question: Question) -> str:
    said = [f"#{_inside(text)}" if text.strip() else "" for text in question.rationales]
    kind = "MULTICHOICE" if question.options else "SHORTANSWER"
    parts = []
    for text, note in zip(question.answers, said, strict=True):
        right = not question.options or text == question.key
        _refuse_loose(text)
        shown = text if question.options else tags.without_wildcards(text)
        parts.append(f"{'=' if right else ''}{_inside(shown)}{note}")
    return f"{{1:{kind}:{'~'.join(parts)}}}"


def _inside(text: str) -> str:
    """Entities for what ends an embedded answer, begins one, or is markup."""
    return "".join(f"&#{ord(letter)};" if letter in "~#{}=%\\\"&<>'\n\t" else letter for letter in text)


def _text(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    """Plain text, or HTML where Moodle would drop spaces that count."""
    loose = text != text.strip()
    child = added(parent, tag, format="html" if loose else "plain_text", **attributes)
    added(child, "text", as_html(text) if loose else text)
    return child


def _refuse_loose(text: str) -> None:
    if text != text.strip():
        raise Unheld("Moodle drops the space at the ends of such an answer")
    if not text:
        raise Unheld("Moodle has no empty answers")


def _answer(parent: Element, fraction: str, text: str, feedback: str) -> Element:
    answer = _text(parent, "answer", text, fraction=fraction)
    _text(answer, "feedback", feedback)
    return answer


def _choices(made: Element, question: Question) -> None:
    added(made, "single", "true")
    added(made, "shuffleanswers", "false")
    added(made, "answernumbering", "ABCD")
    for option, said in zip(question.options, question.rationales, strict=True):
        if not option.strip():
            raise Unheld("Moodle has no empty answers")
        _answer(made, "100" if option == question.key else "0", option, said)


def _truth(made: Element, question: Question) -> None:
    for truth, said in zip(question.answers, question.rationales, strict=True):
        _answer(made, "100" if truth == question.key else "0", truth, said)


def _accepted(made: Element, question: Question) -> None:
    added(made, "usecase", "0")
    for text, said in zip(question.answers, question.rationales, strict=True):
        _refuse_loose(text)
        _answer(made, "100", tags.without_wildcards(text), said)


def _number(made: Element, question: Question) -> None:
    answer = _answer(made, "100", repr(float(question.answer["value"])), question.rationales[0])
    added(answer, "tolerance", repr(float(question.answer.get("tolerance") or 0.0)))
    if unit := str(question.answer.get("unit") or ""):
        place = added(added(made, "units"), "unit")
        added(place, "multiplier", "1")
        added(place, "unit_name", unit)
        added(made, "unitgradingtype", "0")
        added(made, "showunits", "0")


def _ordered(made: Element, question: Question) -> None:
    for name, value in (
        ("layouttype", "VERTICAL"),
        ("selecttype", "ALL"),
        ("selectcount", "0"),
        ("gradingtype", "ABSOLUTE_POSITION"),
        ("showgrading", "SHOW"),
        ("numberingstyle", "none"),
    ):
        added(made, name, value)
    for place, text in enumerate(question.order, start=1):
        if not text.strip():
            raise Unheld("Moodle has no empty answers")
        _answer(made, str(place), text, "")


def _pairs(made: Element, question: Question) -> None:
    added(made, "shuffleanswers", "true")
    extra = [("", text) for text in tags.extra_options(question)]
    for left, right in [*question.pairs, *extra]:
        _refuse_loose(right)
        if not left.strip() and (left, right) not in extra:
            raise Unheld("Moodle cannot match an empty text")
        part = _text(made, "subquestion", left)
        added(added(part, "answer"), "text", right)


_ANSWERS = {
    "multiple_choice": _choices,
    "true_false": _truth,
    "short_answer": _accepted,
    "ordering": _ordered,
    "matching": _pairs,
}


# ---- in ----


def _reads(quiz: Element) -> Iterator[Read | Refusal]:
    category = ""
    for number, element in enumerate(quiz.iter("question"), start=1):
        kind = element.get("type", "")
        if kind == "category":
            category = _string(element.find("category"))
            continue
        name = " ".join(_string(element.find("name")).split())
        where = f"question {number}" + (f" ({name[:60]})" if name else "")
        try:
            read = Read(where, "", "", category=category, identifier=_string(element.find("idnumber")))
            read.meta = parsed_remarks(_string(element.find("learnloop")))
            read.tags = [_string(tag) for tag in element.iterfind("tags/tag")]
            read.general = _plain(element.find("generalfeedback"))
            _READERS.get(kind, _unknown)(read, element)
        except Unheld as unheld:
            yield Refusal(where, unheld.reason)
            continue
        tags.apply(read)
        yield read


def _unknown(_: Read, element: Element) -> None:
    raise Unheld(f"a question of type {element.get('type', '')[:40] or 'unknown'}")


def _string(element: Element | None) -> str:
    """What stands in its <text>, or in itself: old exports have no <text>."""
    if element is None:
        return ""
    text = element.find("text")
    return (element.text if text is None else text.text) or ""


def _plain(element: Element | None) -> str:
    """Its text as a reader sees it, by its format."""
    if element is None:
        return ""
    if next(element.iter("file"), None) is not None:
        raise Unheld("it has a file, which is not read")
    text = element.find("text")
    raw = _string(element) if text is None or not len(text) else inner(text)
    form = element.get("format", "html")
    if form == "plain_text" or (form in ("markdown", "moodle_auto_format") and not has_tags(raw)):
        return raw.strip()
    return as_text(raw)


def _marked(element: Element) -> list[tuple[float, str, str]]:
    """(share of the mark, text, feedback) of each <answer>."""
    found = []
    for answer in element.findall("answer"):
        try:
            share = float(answer.get("fraction") or answer.findtext("fraction") or 0) / 100
        except ValueError:
            raise Unheld("a fraction that is no number") from None
        found.append((round(share, 6), _plain(answer), _plain(answer.find("feedback"))))
    return found


def _read_choices(read: Read, element: Element) -> None:
    read.kind, read.stem = "multiple_choice", _plain(element.find("questiontext"))
    tags.choose(read, _marked(element))


def _read_truth(read: Read, element: Element) -> None:
    read.kind, read.stem = "true_false", _plain(element.find("questiontext"))
    marked = _marked(element)
    if len(marked) != 2 or [share for share, _, _ in marked].count(1.0) != 1:
        raise Unheld("neither true nor false is right")
    if [text.lower() for _, text, _ in marked] == ["false", "true"]:
        marked.reverse()  # any other words are a translation: true first, as Moodle writes them
    read.key = "true" if marked[0][0] == 1.0 else "false"
    read.rationales = [feedback for _, _, feedback in marked]


def _read_texts(read: Read, element: Element) -> None:
    read.kind, read.stem = "short_answer", _plain(element.find("questiontext"))
    for answer in element.findall("answer"):
        answer.set("format", "plain_text")  # learners type letters; Moodle compares them as they are
    tags.accept(read, _marked(element))


def _read_number(read: Read, element: Element) -> None:
    read.kind, read.stem = "short_answer", _plain(element.find("questiontext"))
    right = [(answer, mark) for answer, mark in zip(element.findall("answer"), _marked(element), strict=True)]
    right = [(answer, mark) for answer, mark in right if mark[0] > 0]
    units = element.findall("units/unit")
    if len(right) != 1 or right[0][1][0] != 1.0:
        raise Unheld("several numbers as answers" if right else "no right answer")
    answer, (_, number, feedback) = right[0]
    if len(units) > 1 or any((unit.findtext("multiplier") or "1").strip() not in _ONE for unit in units):
        raise Unheld("several units")
    try:
        read.answer = {"value": float(number), "tolerance": abs(float(answer.findtext("tolerance") or 0))}
    except ValueError:
        raise Unheld(f"{number[:40]!r} is no number") from None
    if units and (unit := units[0].findtext("unit_name")):
        read.answer["unit"] = unit
    read.rationales = [feedback]


def _read_order(read: Read, element: Element) -> None:
    read.kind, read.stem = "ordering", _plain(element.find("questiontext"))
    try:
        answers = sorted(element.findall("answer"), key=lambda answer: float(answer.get("fraction") or 0))
    except ValueError:
        raise Unheld("a fraction that is no number") from None
    order = [_plain(answer) for answer in answers]
    read.answer, read.options = {"order": order}, list(order)


def _read_pairs(read: Read, element: Element) -> None:
    read.kind, read.stem = "matching", _plain(element.find("questiontext"))
    pairs = []
    for part in element.findall("subquestion"):
        left, right = _plain(part), _string(part.find("answer")).strip()
        if not right:
            continue
        read.options.append(right)
        if left:
            pairs.append([left, right])
    read.answer = {"pairs": pairs}


def _read_cloze(read: Read, element: Element) -> None:
    place = element.find("questiontext")
    raw = _string(place)
    found = list(_EMBEDDED.finditer(raw))
    if len(found) != 1:
        raise Unheld("several embedded answers" if found else "no embedded answer")
    kind, text = found[0][2], found[0][3]
    blank = str(read.meta.get("blank") or ("" if read.meta.get("kind") == "cloze" else BLANK))
    if place is not None:
        text_element = added(place, "text") if place.find("text") is None else place.find("text")
        assert text_element is not None  # noqa: S101 - it was just made
        text_element.text = raw[: found[0].start()] + "\uf8ff" + raw[found[0].end() :]
    read.kind, read.stem = "cloze", _plain(place).replace("\uf8ff", blank)
    marked = [_alternative(part) for part in re.split(r"(?<!\\)~", text)]
    if _CHOICE.fullmatch(kind):
        tags.choose(read, marked)
    elif _TEXT.fullmatch(kind):
        tags.accept(read, marked)
    else:
        raise Unheld(f"an embedded answer of type {kind[:40]}")


def _alternative(part: str) -> tuple[float, str, str]:
    share = 0.0
    if found := re.match(r"=|%(-?\d+(?:[.,]\d*)?)%", part):
        share = float(found[1].replace(",", ".")) / 100 if found[1] else 1.0
        part = part[found.end() :]
    # The # of an entity (&#125;) is none.
    text, *feedback = re.split(r"(?<![\\&])#", part, maxsplit=1)
    return share, _unescaped(text), _unescaped("".join(feedback))


def _unescaped(text: str) -> str:
    return html.unescape(re.sub(r"\\([}~#/\"\\])", r"\1", text)).strip()


_READERS = {
    "multichoice": _read_choices,
    "truefalse": _read_truth,
    "shortanswer": _read_texts,
    "numerical": _read_number,
    "ordering": _read_order,
    "matching": _read_pairs,
    "cloze": _read_cloze,
    "multianswer": _read_cloze,
}
