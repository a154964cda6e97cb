"""What a check may look at, and what it says: the shapes that all checks share."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from learnloop.generate import grammar, lemmas, wording
from learnloop.generate.questions import BLANK, Question, Similarity
from learnloop.generate.sentences import Sentence, split


@dataclass(frozen=True)
class Verdict:
    """What one check said; `detail` names what it stumbled over."""

    check: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """The lesson, the course's descriptions by normalised term, a cosine; `title` of the lesson if known.

    `text` is what spans refer to. Where it is "" (a question without a source), checks that read the
    source pass and say so.
    """

    text: str
    language: str
    descriptions: Mapping[str, str]
    similarity: Similarity
    title: str = ""

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        return tuple(split(self.text, self.language))

    @cached_property
    def sentence_lemmas(self) -> tuple[frozenset[str], ...]:
        """The dictionary forms of each sentence's content words."""
        return tuple(frozenset(lemmas.lemmas(s.text, self.language)) for s in self.sentences)

    @cached_property
    def lemmas(self) -> frozenset[str]:
        return frozenset().union(*self.sentence_lemmas, lemmas.lemmas(self.title, self.language))

    @cached_property
    def course_lemmas(self) -> frozenset[str]:
        """`lemmas`, and those of the course's terms and of what it says of them."""
        described = " ".join(word for pair in self.descriptions.items() for word in pair)
        return self.lemmas.union(lemmas.lemmas(described, self.language))

    @cached_property
    def plain_words(self) -> frozenset[str]:
        """Every word of text and title, case folded, without accents."""
        return frozenset(grammar.words(lemmas.plain(f"{self.title} {self.text}")))


Check = Callable[[Question, Evidence], Verdict]
NO_SOURCE = "no source to read"


def from_row(row: Mapping[str, Any], text: str = "") -> Question:
    """A row of schemas.QUESTIONS as the checks read it; `text` is its item's, "" where unknown.

    `form` is number where every option begins with a figure, else term.
    """
    options = tuple(str(option) for option in row["options"])
    key, stem = str(row["key"]), str(row["stem"])
    start, end = (int(row[name]) if _given(row.get(name)) else 0 for name in ("span_start", "span_end"))
    quote = str(row["quote"]) if _given(row.get("quote")) else ""
    at = max(0, text.find(quote)) if quote else 0
    texts = options or (key,)
    form = "number" if all(text.lstrip("-−+$€£ ")[:1].isdigit() for text in texts) else "term"
    distractors = tuple(option for option in options if option != key) if key in options else ()
    return Question(
        str(row["item_id"]), str(row["language"]), str(row["kind"]), form, stem, _body(stem), key,
        distractors, start, end, Sentence(at, at + len(quote), quote, 0), options=options,
        answer=answer if isinstance(answer := row.get("answer"), Mapping) else {},
    )  # fmt: skip


def statement(question: Question, option: str) -> str:
    """The stem with `option` in its blank, or behind it."""
    if BLANK in question.body:
        return question.body.replace(BLANK, option, 1)
    return f"{question.subject or question.body} {option}"


def _body(stem: str) -> str:
    """`stem` without an instruction before its blank ("Complete the sentence: …"), any blank as BLANK."""
    text = re.sub(r"_{2,}", BLANK, wording.without_hint(stem))
    text = re.sub(r"^([^_:()]{5,60}) \([^()_]{3,80}\)( ?:|(?<=[?])) ", r"\1\2 ", text)  # a topic in brackets
    head, colon, tail = text.partition(": ")
    return tail if colon and BLANK in tail and BLANK not in head and len(head.split()) <= 4 else text


def _given(value: object) -> bool:
    return value is not None and value == value and str(value) not in ("", "<NA>", "nan", "None")
