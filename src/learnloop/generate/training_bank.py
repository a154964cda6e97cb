"""Approved and public questions in; examples to learn "passage and key -> question" from, cleaned, out.

    Example(passage="A ribosome is a particle that assembles proteins from amino acids.",
            start=2, key="ribosome", question="Which particle assembles proteins from amino acids?",
            language="en", source="demo", document="demo:courses/cell-biology/organelles")

What teaches nothing is dropped and counted: a question that needs a picture, its options or the page
before; one that gives its key away; one whose key is not in the text. Examples are parted by document,
never by row: two questions about one page share its facts.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.generate import grammar, wording
from learnloop.generate.sentences import Sentence, split

PASSAGE_WORDS = 45  # with question and markers some 90 tokens in English
QUESTION_WORDS = (4, 30)
KEY_WORDS = 12
LEAST_OVERLAP = 0.5  # of a question's content words, found around the key, for a passage looked up


@dataclass(frozen=True)
class Example:
    """`passage[start : start + len(key)] == key`. `document` is what a split never parts."""

    passage: str
    start: int
    key: str
    question: str
    language: str
    source: str
    document: str


@dataclass
class Bank:
    """Examples, and what became of the rest: `read` = len(examples) + all of `dropped`."""

    examples: list[Example] = field(default_factory=list)
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Bank") -> None:
        self.examples += other.examples
        self.read += other.read
        self.dropped += other.dropped

    @property
    def sha256(self) -> str:
        """Of the examples in their order: the name of what a model was trained on."""
        lines = (json.dumps(asdict(example), sort_keys=True) for example in self.examples)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def report(self) -> dict[str, Any]:
        """read, kept, dropped by reason, kept by source and by language."""
        return {
            "read": self.read,
            "kept": len(self.examples),
            "dropped": dict(sorted(self.dropped.items())),
            "sources": dict(sorted(Counter(example.source for example in self.examples).items())),
            "languages": dict(sorted(Counter(example.language for example in self.examples).items())),
        }


# ---- where examples come from ----


def from_store(questions: pd.DataFrame, items: pd.DataFrame) -> Bank:
    """Examples of approved questions; questions: QUESTIONS, items: ITEMS with the lessons and exercises.

    A question with a span rests on it. An authored exercise has none: its passage is looked up in the
    lesson it belongs to, then in the lessons of its course, else in its own hints: the sentences that hold
    the key verbatim and most of the question's words.
    """
    rows = {str(row["item_id"]): row for row in items.to_dict("records")}
    lessons = _lessons_of_courses(rows)
    bank = Bank(read=len(questions))
    for question in questions.to_dict("records"):
        stem = wording.without_hint(str(question["stem"]).strip())  # a passage tells no letters
        asked = _without_blank(stem, str(question["key"]))
        key = str(question["key"]).strip()
        if reason := refusal(asked, key, str(question["language"])):
            bank.dropped[reason] += 1
            continue
        found = _spanned(question, rows) or _looked_up(question, asked, rows, lessons)
        if isinstance(found, str):
            bank.dropped[found] += 1
            continue
        passage, start, document = found
        bank.examples.append(
            Example(
                passage,
                start,
                passage[start : start + len(key)],
                asked,
                str(question["language"]),
                str(question["item_id"]).split(":")[0],
                document,
            )
        )
    return without_repeats(bank)


def from_squad(document: Mapping[str, Any], language: str, source: str) -> Bank:
    """Examples of a file in SQuAD's format (Rajpurkar et al. 2016), where every question has its passage.

        {"data": [{"title": …, "paragraphs": [{"context": …, "qas": [{"question": …, "answers":
          [{"text": …, "answer_start": …}]}]}]}]}

    Raises BadInput where it is something else. Questions without an answer (SQuAD 2) are dropped.
    """
    bank = Bank()
    try:
        for number, article in enumerate(document["data"]):
            title = str(article.get("title") or number)
            for paragraph in article["paragraphs"]:
                _add_paragraph(bank, paragraph, language, source, f"{source}:{title}")
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        lacks = f"no {error}" if isinstance(error, KeyError) else "another structure"
        raise BadInput(
            f"{source} is no file in SQuAD's format: it has {lacks}",
            'give {"data": [{"title": …, "paragraphs": [{"context": …, "qas": […]}]}]}',
            "bank",
        ) from error
    return without_repeats(bank)


def _add_paragraph(
    bank: Bank, paragraph: Mapping[str, Any], language: str, source: str, document: str
) -> None:
    text = str(paragraph["context"])
    sentences = split(text, language)
    for entry in paragraph["qas"]:
        bank.read += 1
        if not entry.get("answers"):
            bank.dropped["no_key"] += 1
            continue
        answer, asked = entry["answers"][0], str(entry["question"]).strip()
        key, start = str(answer["text"]), int(answer["answer_start"])
        if text[start : start + len(key)] != key:
            bank.dropped["key_not_in_text"] += 1
        elif reason := refusal(asked, key, language):
            bank.dropped[reason] += 1
        else:
            passage, offset = window(text, start, start + len(key), language, sentences=sentences)
            bank.examples.append(Example(passage, offset, key, asked, language, source, document))


# ---- what teaches nothing ----

_POINTS_ELSEWHERE = {
    "en": r"\b(?:figures?|tables?|diagrams?|graphs?|pictures?|images?|charts?|above|below|previous|following"
    r"|shown|listed|this (?:passage|paragraph|section|chapter|module|text|example)"
    r"|not|except|best|you|your)\b",
    "es": r"\b(?:figuras?|tablas?|gráfic[oa]s?|imagen|imágenes|siguientes?|anterior(?:es)?|excepto)\b",
    "fr": r"\b(?:figures?|tableaux?|graphiques?|images?|suivante?s?|ci-dessous|ci-dessus|sauf)\b",
    "de": r"\b(?:Abbildung|Tabelle|Diagramm|Grafik|Bild|folgende[nrs]?|oben|unten|außer)\b",
}
POINTS_ELSEWHERE = {name: re.compile(pattern, re.I) for name, pattern in _POINTS_ELSEWHERE.items()}
_NO_KEY = re.compile(r"\b(?:all|none|both|neither|any) (?:of (?:the|these|those)|of them)\b|^[a-d]$", re.I)
_BLANK = re.compile(r"_{2,}|\.{4,}|…{2,}")


def refusal(question: str, key: str, language: str) -> str:
    """Why the pair teaches nothing, or "". Language codes without rules are refused, too."""
    if language not in grammar.LANGUAGES:
        return "language_without_rules"
    size = len(question.split())
    if not key or len(key.split()) > KEY_WORDS:
        return "no_key" if not key else "key_too_long"
    if _NO_KEY.search(key):
        return "key_points_at_options"
    if _BLANK.search(question):
        return "fill_in_the_blank"
    if not question.endswith("?"):
        return "no_question"
    if not QUESTION_WORDS[0] <= size <= QUESTION_WORDS[1]:
        return "question_length"
    if POINTS_ELSEWHERE[language].search(question):
        return "points_elsewhere"
    if tells(question, key, language):
        return "key_in_question"
    return ""


def tells(question: str, key: str, language: str) -> bool:
    """True where every content word of the key, however inflected, stands in the question."""
    there = grammar.words(question)
    parts = grammar.content_words(key, language) or grammar.words(key)
    return bool(parts) and all(any(grammar.same_word(part, word) for word in there) for part in parts)


# "________ involves the conversion of energy." asks what "What involves the conversion of energy?" asks.
_LEADING_BLANK = re.compile(r"^(?:(?:an?|the) )?_{2,} (?=(?:is|are|was|were|\w+s)\b)(?P<rest>[^_]+)\.$", re.I)


def _without_blank(stem: str, key: str) -> str:
    """An English stem that begins with its blank, as a question; any other stem as it is."""
    match = _LEADING_BLANK.match(stem)
    return f"What {match['rest']}?" if match and key[:1].islower() else stem


def without_repeats(bank: Bank) -> Bank:
    """The first of examples with one normalised question, or with one document, key and place."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for example in bank.examples:
        asked = (example.language, grammar.normalised(example.question))
        place = (example.document, example.passage, example.key, str(example.start))
        if seen & {asked, place}:
            bank.dropped["repeated"] += 1
            continue
        seen |= {asked, place}
        kept.append(example)
    bank.examples = kept
    return bank


# ---- the passage ----


def window(
    text: str,
    start: int,
    end: int,
    language: str,
    most_words: int = PASSAGE_WORDS,
    sentences: Sequence[Sentence] | None = None,
) -> tuple[str, int]:
    """The sentence of `text[start:end]` with as many before it, then after it, as fit; and the new start.

    A question leans backwards more than forwards: pronouns have their nouns in what was said before. A
    single sentence that is too long is cut around the key.
    """
    known = split(text, language) if sentences is None else sentences
    inside = [n for n, sentence in enumerate(known) if sentence.start < end and start < sentence.end]
    if not inside:
        return text[start:end], 0
    first, last = inside[0], inside[-1]
    words = sum(len(known[n].text.split()) for n in range(first, last + 1))
    for step in (-1, 1):
        beside = first - 1 if step < 0 else last + 1
        while 0 <= beside < len(known) and words + len(known[beside].text.split()) <= most_words:
            words += len(known[beside].text.split())
            first, last = min(first, beside), max(last, beside)
            beside += step
    left, right = known[first].start, known[last].end
    if words > most_words:
        left, right = _cut(text, start, end, left, right, most_words)
    return _one_line(text[left:start], text[start:end], text[end:right])


def _cut(text: str, start: int, end: int, left: int, right: int, most_words: int) -> tuple[int, int]:
    """`text[left:right]` narrowed to about `most_words`, two thirds of them before the key."""
    before = list(re.finditer(r"\S+", text[left:start]))[-(2 * most_words // 3) :]
    after = list(re.finditer(r"\S+", text[end:right]))[: most_words // 3]
    return (
        left + before[0].start() if before else start,
        end + after[-1].end() if after else end,
    )


def _one_line(before: str, key: str, after: str) -> tuple[str, int]:
    """Without line breaks and doubled spaces outside the key; and where the key begins."""
    head, tail = re.sub(r"\s+", " ", before).lstrip(), re.sub(r"\s+", " ", after).rstrip()
    return head + key + tail, len(head)


def _spanned(
    question: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]
) -> tuple[str, int, str] | None:
    """The window around the question's own span, where its lesson still says the same there."""
    item = rows.get(str(question["item_id"]))
    start, end = question.get("span_start"), question.get("span_end")
    if item is None or not _is_number(start) or not _is_number(end):
        return None
    begin, stop, text = int(str(start)), int(str(end)), str(item["text"])
    if text[begin:stop] != question["key"]:
        return None
    passage, offset = window(text, begin, stop, str(question["language"]))
    return passage, offset, str(question["item_id"])


def _is_number(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def _lessons_of_courses(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """parent -> the lessons with text right below it."""
    found: dict[str, list[str]] = defaultdict(list)
    for item_id, row in sorted(rows.items()):
        if row["kind"] == "lesson" and row["text"] and isinstance(row["parent_id"], str):
            found[row["parent_id"]].append(item_id)
    return found


def _looked_up(
    question: Mapping[str, Any],
    asked: str,
    rows: Mapping[str, Mapping[str, Any]],
    lessons: Mapping[str, list[str]],
) -> tuple[str, int, str] | str:
    """(passage, start, document) of the likeliest sentences, or why there are none."""
    key, language = str(question["key"]).strip(), str(question["language"])
    item = rows.get(str(question["item_id"]))
    if item is None:
        return "no_passage"
    lesson = _lesson_of(item, rows)
    own = [lesson] if lesson else []
    course = rows[lesson]["parent_id"] if lesson else item["parent_id"]
    mates = [name for name in lessons.get(str(course), []) if name not in own]
    texts = [(name, str(rows[name]["text"])) for name in own]
    document = lesson or str(item["parent_id"] or item["item_id"])
    hints = " ".join(str(hint.get("text", "")) for hint in (item["attributes"] or {}).get("hints", []))
    for group in (texts, [(document, hints)], [(name, str(rows[name]["text"])) for name in mates]):
        best = max(
            (_best_place(text, key, asked, language, name) for name, text in group if text),
            default=(0.0, "", 0, ""),
        )
        if best[0] >= LEAST_OVERLAP:
            return best[1], best[2], best[3]
    return "no_passage"


def _lesson_of(item: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The item or the nearest above it that is a lesson with text; "" where there is none."""
    seen: set[str] = set()
    current: Mapping[str, Any] | None = item
    while current is not None and current["item_id"] not in seen:
        if current["kind"] == "lesson" and current["text"]:
            return str(current["item_id"])
        seen.add(str(current["item_id"]))
        current = rows.get(str(current["parent_id"]))
    return ""


def _best_place(text: str, key: str, asked: str, language: str, document: str) -> tuple[float, str, int, str]:
    """(share of the question's content words in the window, window, start, document); 0 without the key."""
    wanted = grammar.content_words(asked, language)
    sentences = split(text, language)
    best = (0.0, "", 0, document)
    for hit in re.finditer(rf"(?<!\w){re.escape(key)}(?!\w)", text, re.I):
        passage, start = window(text, hit.start(), hit.end(), language, sentences=sentences)
        there = set(grammar.words(passage))
        near = sum(any(grammar.same_word(word, other) for other in there) for word in wanted)
        best = max(best, (near / max(1, len(wanted)), passage, start, document))
    return best


# ---- parts ----


def parted(
    examples: Iterable[Example], validation_share: float, seed: int, held_out: Sequence[str] = ()
) -> tuple[list[Example], list[Example]]:
    """(training, validation) by document; a document whose name begins with one of `held_out` is in neither.

    Where a document goes depends on its name and `seed` alone, so it stays there when others are added.
    Documents of several files about one article ("xquad.en:Warsaw", "xquad.es:Warsaw") go together.
    """
    training: list[Example] = []
    validation: list[Example] = []
    for example in examples:
        if example.document.startswith(tuple(held_out)) if held_out else False:
            continue
        name = example.document.split(":", 1)[-1]
        digest = hashlib.sha256(f"{seed}|{name}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        (validation if share < validation_share else training).append(example)
    return training, validation
