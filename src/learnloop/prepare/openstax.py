"""OpenStax books into items, concepts and questions, source `openstax`.

    <exercise id="fs-1"><problem><para>Which …?</para><list list-type="enumerated" number-style="lower-alpha">
    <item>sight</item><item>smell</item></list></problem><solution><para>B</para></solution></exercise>

    item openstax:m82162/fs-1  kind exercise  parent openstax:m82162  answer smell

course `openstax:SLUG` (a collection) > lesson `openstax:MODULE` > exercise `openstax:MODULE/ID`. A lesson's
position is its place in the book, its chapter stands in its attributes; a module that two books share
belongs to the first and names the other. Concepts: the module itself, where it has exercises, which are
about it; and the terms of its glossary, or without one the terms it prints as such, which the lesson
teaches. That one module comes before another is no prerequisite: a book has to be in some order.

Solutions that the authors have commented out are left out, and counted. An exercise whose solution is the
letter or number of one of its options is a row of QUESTIONS too.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare import cnxml
from learnloop.prepare.verdicts import rejects
from learnloop.schemas import (
    CONCEPTS,
    ITEM_CONCEPTS,
    ITEMS,
    QUESTIONS,
    Accounting,
    Cleaned,
    RawChunk,
    check,
    empty,
)

TITLE_LETTERS = 100
HELD_BACK = "solution that the authors commented out left out"
NO_ANSWER = "exercise without a solution"


@dataclass(frozen=True)
class Place:
    """Where a module stands in a book. chapter: 0 where it stands in none."""

    course: str
    position: int
    chapter: int
    chapter_title: str
    language: str
    licence: str | None
    subject: str | None


@dataclass
class Context:
    """What former chunks held: the books' tables of contents, and what was made already."""

    places: dict[str, list[Place]] = field(default_factory=dict)  # by module id
    courses: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    concepts: set[str] = field(default_factory=set)


@dataclass
class _Rows:
    items: list[dict[str, Any]] = field(default_factory=list)
    concepts: list[dict[str, str]] = field(default_factory=list)
    item_concepts: list[dict[str, str]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[tuple[str, int, str, str]] = field(default_factory=list)
    accounts: dict[str, Accounting] = field(default_factory=dict)

    def kept(self, kind: str, repairs: Iterable[str] = ()) -> None:
        one = Accounting(read=1, kept=1, repaired=dict.fromkeys(repairs, 1))
        self.accounts.setdefault(kind, Accounting()).add(one)

    def refused(self, kind: str, reason: str) -> None:
        self.accounts.setdefault(kind, Accounting()).add(Accounting(read=1, rejected={reason: 1}))

    def reject(self, kind: str, member: str, line: int, reason: str, record: str) -> None:
        self.refused(kind, reason)
        self.rejected.append((member, line, reason, record[:2000]))


def refuse_malformed(chunk: RawChunk) -> None:
    """Raises BadInput, with file and line, for the first record that is no XML we read."""
    for member, record, damage in chunk.frame[["member", "record", "damage"]].itertuples(index=False):
        try:
            if pd.notna(damage):
                raise cnxml.Malformed(str(damage))
            cnxml.parsed(record)
        except cnxml.Malformed as fault:
            raise BadInput(f"{member} line {fault.line}: {fault.reason}", "fetch the file again") from fault


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account; collections come before modules, the chunks' size changes nothing."""
    make = {"collections": _collection, "modules": _module}.get(chunk.kind)
    if make is None:
        raise BadInput(f"OpenStax has no {chunk.kind!r}", "learnloop import openstax DIR")
    rows = _Rows(accounts={chunk.kind: Accounting()})
    columns = chunk.frame[["member", "record", "damage", "raw"]].astype(object)
    for member, record, damage, raw in columns.where(columns.notna(), None).itertuples(index=False):
        try:
            if damage:
                raise cnxml.Malformed(damage)
            make(member, cnxml.parsed(record), rows, context)
        except cnxml.Malformed as fault:
            rows.reject(chunk.kind, member, fault.line, fault.reason, raw or record or "")
    frames = {
        "items": _frame(rows.items, ITEMS),
        "concepts": _frame(rows.concepts, CONCEPTS),
        "item_concepts": _frame(rows.item_concepts, ITEM_CONCEPTS),
        "questions": _frame(rows.questions, QUESTIONS),
    }
    return Cleaned(frames, rejects(rows.rejected), rows.accounts[chunk.kind], rows.accounts)


def _collection(member: str, root: Any, rows: _Rows, context: Context) -> None:
    metadata, content = cnxml.first(root, "metadata"), cnxml.first(root, "content")
    facts = {cnxml.name(child): _line(child) for child in metadata} if metadata is not None else {}
    title, slug = facts.get("title") or _line(cnxml.first(root, "title")), facts.get("slug", "")
    slug = slug or re.sub(r"[^\w]+", "-", title.lower()).strip("-")
    if not title or content is None:
        raise cnxml.Malformed("a collection needs a title and a content")
    course = f"openstax:{slug}"
    if course in context.courses:
        raise cnxml.Malformed("duplicate collection")
    context.courses.add(course)
    language, unsure = _language(facts.get("language") or root.get(cnxml.LANG) or "")
    licence = _licence(metadata)
    subject = facts.get("subject") or None
    position = 0
    for chapter, chapter_title, module in _modules(content, 0, ""):
        position += 1
        place = Place(course, position, chapter, chapter_title, language, licence, subject)
        context.places.setdefault(module, []).append(place)
    rows.items.append(
        _item(course, "course", title, language, licence=licence, subject=subject)
        | {"attributes": {"uuid": facts.get("uuid", ""), "modules": position}}
    )
    rows.kept("collections", ["no language stated"] if unsure else [])


def _modules(content: Any, chapter: int, title: str) -> Iterable[tuple[int, str, str]]:
    """(chapter, its title, module id) in the order of the book; parts of chapters count as the chapter."""
    number = 0
    for child in content:
        if cnxml.name(child) == "module":
            yield chapter, title, str(child.get("document") or "")
        elif cnxml.name(child) == "subcollection":
            number += 1
            inner = cnxml.first(child, "content")
            own = (chapter, title) if chapter else (number, _line(cnxml.first(child, "title")))
            yield from _modules(inner, *own) if inner is not None else ()


def _module(member: str, root: Any, rows: _Rows, context: Context) -> None:
    metadata, content = cnxml.first(root, "metadata"), cnxml.first(root, "content")
    folder = member.split("/")[-2]
    key = _line(cnxml.first(metadata, "content-id")) if metadata is not None else ""
    key = key if re.fullmatch(r"[\w.-]+", key) else folder
    title = _line(cnxml.first(root, "title"))
    if content is None or not title:
        raise cnxml.Malformed("a module needs a title and a content")
    if key in context.modules:
        raise cnxml.Malformed("duplicate module")
    context.modules.add(key)
    places = context.places.get(key) or context.places.get(folder) or []
    place = places[0] if places else Place("", 0, 0, "", "und", None, None)
    language, _ = _language(root.get(cnxml.LANG) or place.language)
    writer = cnxml.Writer(root, language)
    lesson = _item(f"openstax:{key}", "lesson", title, language, licence=place.licence, subject=place.subject)
    abstract = cnxml.first(metadata, "abstract") if metadata is not None else None
    lesson |= {
        "parent_id": place.course or None,
        "position": place.position or None,
        "text": writer.text(content),
        "abstract": (writer.text(abstract) or None) if abstract is not None else None,
        "attributes": {
            "chapter": place.chapter,
            "chapter_title": place.chapter_title,
            "objectives": _objectives(abstract, writer),
            "glossary": _glossary(root, writer),
            "also_in": [other.course for other in places[1:]],
        },
    }
    rows.items.append(lesson)
    repairs = [] if places else ["module that is in no collection"]
    rows.kept("modules", repairs + ([] if lesson["text"] else ["module without text"]))
    before = len(rows.items)
    _exercises(member, root, writer, lesson, rows)
    exercises = [item["item_id"] for item in rows.items[before:]]
    _teach(lesson, exercises, _terms(root, writer), rows, context)


def _objectives(abstract: Any, writer: cnxml.Writer) -> list[str]:
    return [writer.line(item) for item in cnxml.descendants(abstract, "item")] if abstract is not None else []


def _glossary(root: Any, writer: cnxml.Writer) -> list[dict[str, str]]:
    found = []
    for definition in cnxml.descendants(root, "definition"):
        term, meaning = cnxml.first(definition, "term"), cnxml.first(definition, "meaning")
        if term is not None and writer.line(term):
            told = writer.line(meaning) if meaning is not None else ""
            found.append({"term": writer.line(term), "meaning": told})
    return found


def _terms(root: Any, writer: cnxml.Writer) -> list[str]:
    """The glossary's terms; without a glossary those that the text prints as terms."""
    defined = [entry["term"] for entry in _glossary(root, writer)]
    printed = (
        writer.line(term)
        for term in cnxml.descendants(root, "term")
        if "no-emphasis" not in (term.get("class") or "")
    )
    return list(dict.fromkeys(term for term in defined or printed if re.search(r"\w", term)))


def _teach(
    lesson: dict[str, Any], exercises: list[str], terms: list[str], rows: _Rows, context: Context
) -> None:
    language, item_id = lesson["language"], lesson["item_id"]
    taught = {item_id: lesson["title"]} if exercises else {}
    for term in terms:
        taught.setdefault(f"openstax:{language}/{' '.join(term.casefold().split())}", term)
    for concept_id, title in taught.items():
        if concept_id not in context.concepts:
            context.concepts.add(concept_id)
            rows.concepts.append({"concept_id": concept_id, "title": title, "language": language})
        rows.item_concepts.append({"item_id": item_id, "concept_id": concept_id})
    rows.item_concepts += [{"item_id": exercise, "concept_id": item_id} for exercise in exercises]


def _exercises(member: str, root: Any, writer: cnxml.Writer, lesson: dict[str, Any], rows: _Rows) -> None:
    rows.accounts.setdefault("exercises", Accounting())
    rows.accounts.setdefault("multiple_choice", Accounting())
    seen: set[str] = set()
    for number, element in enumerate(cnxml.descendants(root, "exercise"), 1):
        own = (element.get("id") or "").strip()
        key = own if own and own not in seen and not re.search(r"\s", own) else f"exercise-{number}"
        seen.add(key)
        problem = cnxml.first(element, "problem")
        text = writer.text(problem) if problem is not None else ""
        if not text:
            record = f"exercise {key} of {lesson['item_id']}"
            rows.reject("exercises", member, element.sourceline or 1, "exercise without a problem", record)
            continue
        repairs = [] if key == own else ["exercise without an id of its own numbered"]
        item = _exercise(element, text, f"{lesson['item_id']}/{key}", number, lesson, writer)
        rows.items.append(item)
        _question(item, problem, writer, rows)
        if any(not cnxml.name(child) and "<solution" in (child.text or "") for child in element):
            repairs.append(HELD_BACK)
        elif item["answer"] is None:
            repairs.append(NO_ANSWER)
        rows.kept("exercises", repairs)


def _exercise(
    element: Any, text: str, item_id: str, number: int, lesson: dict[str, Any], writer: cnxml.Writer
) -> dict[str, Any]:
    solutions = [writer.text(solution) for solution in cnxml.children(element, "solution")]
    sections = [part.get("class") for part in element.iterancestors() if cnxml.name(part) == "section"]
    answer = "\n\n".join(solution for solution in solutions if solution)
    item = _item(item_id, "exercise", _short(text), lesson["language"], licence=lesson["licence"])
    return item | {
        "parent_id": lesson["item_id"],
        "position": number,
        "text": text,
        "subject": lesson["subject"],
        "answer": answer or None,
        "attributes": {
            "given": _given(element, writer),
            "section": next((part for part in sections if part), ""),
            "worked_example": any(cnxml.name(part) == "example" for part in element.iterancestors()),
        },
    }


def _given(element: Any, writer: cnxml.Writer) -> str:
    """What a section of exercises says before this one and those beside it: "Use the following table …"."""
    if not (cnxml.name(element.getparent()) == "section" and element.getparent().get("class")):
        return ""
    said: list[str] = []
    for before in element.itersiblings(preceding=True):
        if cnxml.name(before) == "exercise" and said:
            break
        if cnxml.name(before) in ("para", "list", "table", "figure", "note", "equation"):
            said.append(writer.text(before))
    return "\n\n".join(reversed([text for text in said if text]))


def _question(item: dict[str, Any], problem: Any, writer: cnxml.Writer, rows: _Rows) -> None:
    """Makes `item` one of multiple choice where its solution names one of the options of its one list."""
    lists = list(cnxml.descendants(problem, "list"))
    named = re.fullmatch(r"\(?([a-zA-Z]|\d{1,2})[.):]?", item["answer"] or "")
    if named is None or len(lists) != 1 or lists[0].get("list-type") != "enumerated":
        return
    style = lists[0].get("number-style") or ""
    options = [writer.text(option) for option in cnxml.children(lists[0], "item")]
    numerals = [cnxml.numeral(place, style).lower() for place in range(1, len(options) + 1)]
    mark = named.group(1).lower()
    if mark not in numerals:
        rows.refused("multiple_choice", "solution names none of the options")
        return
    parent = lists[0].getparent()
    at = parent.index(lists[0])
    parent.remove(lists[0])
    stem = writer.text(problem)
    parent.insert(at, lists[0])
    key = options[numerals.index(mark)]
    item["attributes"] |= {"options": options, "solution": item["answer"]}
    item["answer"] = key or item["answer"]
    fault = "no stem" if not stem else "an option without text" if not all(options) else ""
    fault = fault or ("options that are alike" if len(set(options)) < max(len(options), 2) else "")
    if fault:
        rows.refused("multiple_choice", fault)
        return
    rows.kept("multiple_choice")
    rows.questions.append(
        {
            **dict.fromkeys(QUESTIONS.columns),
            "question_id": item["item_id"],
            "item_id": item["item_id"],
            "kind": "multiple_choice",
            "stem": stem,
            "key": key,
            "options": options,
            "source_sha256": hashlib.sha256(item["text"].encode()).hexdigest(),
            "language": item["language"],
            "origin": "authored",
            "provenance": {"source": "openstax", "licence": item["licence"]},
        }
    )


def _item(
    item_id: str, kind: str, title: str, language: str, licence: str | None, subject: str | None = None
) -> dict[str, Any]:
    return dict.fromkeys(ITEMS.columns) | {
        "item_id": item_id,
        "source": "openstax",
        "kind": kind,
        "title": title,
        "text": "",
        "language": language,
        "licence": licence,
        "subject": subject,
        "attributes": {},
    }


def _short(text: str) -> str:
    """The first line of an exercise as its title, cut between words."""
    line = text.split("\n", 1)[0].strip()
    if len(line) <= TITLE_LETTERS:
        return line
    return line[: TITLE_LETTERS - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def _line(element: Any) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _language(stated: str) -> tuple[str, bool]:
    """'es-MX' -> 'es'; ("und", True) where there is none."""
    found = re.match(r"[A-Za-z]{2,3}(?![A-Za-z])", stated.strip())
    return (found.group().lower(), False) if found else ("und", True)


def _licence(metadata: Any) -> str | None:
    found = cnxml.first(metadata, "license") if metadata is not None else None
    address = (found.get("url") or _line(found)) if found is not None else ""
    return address or None


def _frame(rows: list[dict[str, Any]], contract: Any) -> pd.DataFrame:
    return check(pd.DataFrame(rows), contract, "openstax") if rows else empty(contract)
