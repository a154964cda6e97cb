"""Anki: a deck (.apkg) of cards to learn by heart, made with genanki; one way, out.

One note as it is in the package, and its card:

    guid <of question_id>   tags demo:vectors bloom::remember   fields
      Question  generated:0c3f          Version 2
      Front     Which is a vector? A) mass B) velocity
      Back      B) velocity             More  Velocity has a size and a direction.

A note's guid comes from its question_id alone, so importing a later export changes the cards that are there
and keeps what their learner has scheduled. A cloze is a cloze; each pair of a matching is a note of its own
with two cards, one in each direction, where no text stands twice; of other kinds only the question is asked,
since an answer does not tell which question it is of.
"""

import hashlib
import io
import re
from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from learnloop.exchange.rows import Dumped, Question, Unheld, split_blank, write_each
from learnloop.exchange.words import answered, lettered, words

if TYPE_CHECKING:
    import genanki

DECK = "Learnloop"
# Anki knows note types by number: these never change, or every export would make new ones.
QUESTION_MODEL, CLOZE_MODEL, PAIR_MODEL = 1_764_100_001, 1_764_100_002, 1_764_100_003
_FIELDS = ("Question", "Version", "Front", "Back", "More")
_CSS = ".card { font-family: sans-serif; font-size: 20px; text-align: left; max-width: 40em; margin: auto; }"
_BACK = "{{FrontSide}}<hr id=answer>{{Back}}<br><br><small>{{More}}</small>"


def dump(questions: pd.DataFrame, now: datetime, deck: str = DECK) -> Dumped:
    """`questions` (QUESTIONS, plus `version`) as a package. now: when the cards were changed."""
    import genanki

    models = _models()
    made, refused = write_each(questions, lambda question: list(_notes(question, models)))
    whole = genanki.Deck(deck_id(deck), deck)
    for _, notes in made:
        for note in notes:
            whole.add_note(note)
    sink = io.BytesIO()
    genanki.Package(whole).write_to_file(sink, timestamp=now.timestamp())
    return Dumped(sink.getvalue(), len(made), refused)


def deck_id(name: str) -> int:
    """The same deck for the same name, in the range that Anki takes for its own: 2^30 to 2^31."""
    return (1 << 30) + int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % (1 << 30)


def guid(question_id: str, part: str = "") -> str:
    import genanki

    return str(genanki.guid_for(question_id, part) if part else genanki.guid_for(question_id))


def _models() -> dict[int, "genanki.Model"]:
    import genanki

    fields = [{"name": name} for name in _FIELDS]
    ask = {"name": "Question", "qfmt": "{{Front}}", "afmt": _BACK}
    turned = {
        "name": "Turned",
        "qfmt": "{{Back}}",
        "afmt": "{{FrontSide}}<hr id=answer>{{Front}}<br><br><small>{{More}}</small>",
    }
    gap = {
        "name": "Cloze",
        "qfmt": "{{cloze:Front}}",
        "afmt": "{{cloze:Front}}<br><br>{{Back}}<br><small>{{More}}</small>",
    }
    return {
        QUESTION_MODEL: genanki.Model(QUESTION_MODEL, "Learnloop question", fields, [ask], css=_CSS),
        PAIR_MODEL: genanki.Model(PAIR_MODEL, "Learnloop pair", fields, [ask, turned], css=_CSS),
        CLOZE_MODEL: genanki.Model(
            CLOZE_MODEL, "Learnloop cloze", fields, [gap], css=_CSS, model_type=genanki.Model.CLOZE
        ),
    }


def _notes(question: Question, models: dict[int, "genanki.Model"]) -> Iterator["genanki.Note"]:
    more = "<br>".join(_shown(text) for text in _more(question))
    if question.kind == "matching":
        rights = [right for _, right in question.pairs]
        both_ways = len(set(rights)) == len(rights)
        for left, right in question.pairs:
            model = models[PAIR_MODEL if both_ways else QUESTION_MODEL]
            asked = f"{_shown(left)}<br><small>{_shown(question.stem)}</small>"
            yield _note(question, model, asked, _shown(right), more, part=left)
    elif question.kind == "cloze" and (parts := split_blank(question.stem)):
        before, _, after = (_shown(part) for part in parts)
        options = _shown("\n".join(lettered(question.options)))
        hint = "<br><br>" + options if options else ""
        gap = f"{{{{c1::{_inside(question.key)}}}}}"
        yield _note(question, models[CLOZE_MODEL], before + gap + after + hint, "", more)
    else:
        front = "\n".join([question.stem, *lettered(_choices(question))])
        yield _note(question, models[QUESTION_MODEL], _shown(front), _shown(answered(question)), more)


def _note(
    question: Question, model: "genanki.Model", front: str, back: str, more: str, part: str = ""
) -> "genanki.Note":
    import genanki

    if not re.sub(r"<[^>]*>|\s", "", front):
        raise Unheld("Anki has no card without a front")
    fields = [escape(question.question_id), str(question.meta.get("version", "")), front, back, more]
    return genanki.Note(
        model=model,
        fields=fields,
        guid=guid(question.question_id, part),
        tags=list(dict.fromkeys(_tags(question))),
    )


def _choices(question: Question) -> list[str]:
    if question.kind == "true_false":
        said = words(question.language)
        return [said["true"], said["false"]]
    return question.options


def _more(question: Question) -> list[str]:
    """What explains the answer: why it is right, the corrected statement, the sentence it rests on."""
    right = [
        text
        for answer, text in zip(question.answers, question.rationales, strict=True)
        if answer == question.key
    ]
    general = question.general[0]
    quote = str(question.meta.get("quote") or "")
    return [text for text in dict.fromkeys([*right, general, quote]) if text]


def _tags(question: Question) -> Iterator[str]:
    """Anki parts tags at spaces, and levels of a tag at ::."""
    named = [*question.meta.get("concept_ids", []), f"language::{question.language}"]
    if bloom := question.meta.get("bloom"):
        named.append(f"bloom::{bloom}")
    for tag in named:
        yield re.sub(r"\s+", "_", tag)


def _shown(text: str) -> str:
    """Text as HTML that shows it: lines as lines, runs of space as they are, and no template's braces."""
    shown = escape(text).replace("\n", "<br>").replace("\t", "&emsp;").replace("  ", "&nbsp; ")
    return shown.replace("{{", "&#123;&#123;").replace("}}", "&#125;&#125;")


def _inside(text: str) -> str:
    """In a gap, a double colon would begin a hint."""
    return _shown(text).replace("}", "&#125;").replace(":", "&#58;")
