"""OATutor's problems, steps, hints and skills into items, concepts and questions, source `oatutor`.

A step of the pool (shortened) and what becomes of it:

    {"id": "acc585clocation6b", "stepAnswer": ["$$0.63$$"], "problemType": "TextBox",
     "stepTitle": "What proportion think that …?", "stepBody": "", "answerType": "arithmetic"}

    item oatutor:acc585clocation6b  kind question  parent oatutor:problem/acc585clocation6  answer $$0.63$$

course `oatutor:course/…` > lesson `oatutor:lesson/…/…` > exercise `oatutor:problem/…` > question (a step,
its hints in attributes). Problems have a prefix because a step may be called as a problem is: step b of
a2a5cd1alginequalabs11 and problem a2a5cd1alginequalabs11b. A multiple-choice step whose key is verbatim
one of at least two choices is a row of QUESTIONS too; those that are not are counted under
`multiple_choice` with the reason. The pool has no pictures: a step that shows one ("##figure1.gif") is an
item, but no question to ask.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare import oatutor_records as records
from learnloop.prepare.verdicts import Verdicts, rejects
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

FIGURE = re.compile(r"##\S+\.(?:gif|png|jpe?g|svg|webp)", re.IGNORECASE)
KINDS = ("problems", "steps", "hints")


@dataclass
class Context:
    """What the content needs from the plans, and what former chunks held."""

    courses: dict[str, records.Course] = field(default_factory=dict)  # by name
    skill_languages: dict[str, set[str]] = field(default_factory=dict)
    skills: dict[str, list[str]] = field(default_factory=dict)  # step id -> concept ids
    lessons: set[str] = field(default_factory=set)  # item ids already made
    problems: set[str] = field(default_factory=set)  # ids already kept
    steps: set[str] = field(default_factory=set)


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account; chunks come in the reader's order, their size changes nothing.

    Raises BadInput for a kind that OATutor has not.
    """
    if chunk.kind == "courses":
        return _courses(chunk, context)
    if chunk.kind == "skills":
        return _skills(chunk, context)
    if chunk.kind == "content":
        return _content(chunk, context)
    raise BadInput(f"OATutor has no {chunk.kind!r}", "learnloop import oatutor DIR")


def _courses(chunk: RawChunk, context: Context) -> Cleaned:
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    refused, renamed, items = {}, set(), []
    for row, record in raw["record"].items():
        try:
            plan = records.parsed(record, dict)
            name, lessons = records.text_of(plan, "courseName"), plan.get("lessons")
            if not name.strip() or not isinstance(lessons, list):
                raise records.Refused("a course needs courseName and lessons")
            if name in context.courses:
                raise records.Refused("duplicate course")
        except records.Refused as refusal:
            refused[row] = refusal.reason
            continue
        language = str(plan.get("language") or "und").lower()
        if language == "se":  # Sweden's country code; as a language it would be Northern Sami
            language = "sv"
            renamed.add(row)
        language = language if re.fullmatch(r"[a-z]{2,3}", language) else "und"
        places = {str(lesson.get("id")): n for n, lesson in enumerate(lessons, 1) if isinstance(lesson, dict)}
        course = records.Course(
            f"oatutor:course/{records.slug(name)}",
            language,
            records.licence(plan.get("courseLicense")),
            places,
        )
        context.courses[name] = course
        for lesson in lessons:
            goals = lesson.get("learningObjectives") if isinstance(lesson, dict) else None
            for skill in goals if isinstance(goals, dict) else {}:
                context.skill_languages.setdefault(skill, set()).add(language)
        items.append(records.item(course.item_id, "course", name, course, attributes={}))
    verdicts.refuse_each(refused)
    verdicts.repair(raw.index.to_series().isin(renamed), "language se, a country, read as sv")
    return verdicts.cleaned({"items": _frame(items, ITEMS)}, chunk.file)


def _skills(chunk: RawChunk, context: Context) -> Cleaned:
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    titles: dict[str, tuple[str, str]] = {}
    refused, shortened = {}, set()
    for row, step_id, record in raw[["step_id", "record"]].itertuples():
        try:
            names = records.parsed(record, list)
            if not all(isinstance(name, str) for name in names):
                raise records.Refused("a skill is not a text")
            if step_id in context.skills:
                raise records.Refused("duplicate step")
        except records.Refused as refusal:
            refused[row] = refusal.reason
            continue
        stripped = [" ".join(name.split()) for name in names]
        known = list(dict.fromkeys(name for name in stripped if name))
        if len(known) < len(names):
            shortened.add(row)
        context.skills[step_id] = [f"oatutor:{name}" for name in known]
        for name in known:
            languages = context.skill_languages.get(name, set())
            language = next(iter(languages)) if len(languages) == 1 else "en"
            titles[f"oatutor:{name}"] = (name.replace("_", " ").strip() or name, language)
    verdicts.refuse_each(refused)
    verdicts.repair(raw.index.to_series().isin(shortened), "empty or repeated skill dropped")
    concepts = [
        {"concept_id": concept_id, "title": title, "language": language}
        for concept_id, (title, language) in sorted(titles.items())
    ]
    return verdicts.cleaned({"concepts": _frame(concepts, CONCEPTS)}, chunk.file)


class _Rows:
    """What one content chunk has given so far."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.item_concepts: list[dict[str, str]] = []
        self.questions: list[dict[str, Any]] = []
        self.rejected: list[tuple[str, int, str, str]] = []
        self.accounts = {kind: Accounting() for kind in (*KINDS, "multiple_choice")}

    def kept(self, kind: str, *repairs: str) -> None:
        account = self.accounts[kind]
        account.add(Accounting(read=1, kept=1, repaired=dict.fromkeys(repairs, 1)))

    def refused(self, kind: str, reason: str) -> None:
        self.accounts[kind].add(Accounting(read=1, rejected={reason: 1}))

    def reject(self, kind: str, member: str, refusal: records.Refused, record: str) -> None:
        self.refused(kind, refusal.reason)
        self.rejected.append((member, refusal.line, refusal.reason, record.replace("\0", "\\0")))


def _content(chunk: RawChunk, context: Context) -> Cleaned:
    rows = _Rows()
    members = chunk.frame[["member", "record", "damage", "raw"]].astype(object)
    members = members.where(members.notna(), None)
    for _, problem in itertools.groupby(members.itertuples(index=False), key=lambda m: m[0].split("/")[0]):
        _problem(list(problem), rows, context)
    frames = {
        "items": _frame(rows.items, ITEMS),
        "item_concepts": _frame(rows.item_concepts, ITEM_CONCEPTS),
        "questions": _frame(rows.questions, QUESTIONS),
    }
    total = Accounting()
    for kind in KINDS:
        total.add(rows.accounts[kind])
    return Cleaned(frames, rejects(rows.rejected), total, rows.accounts)


def _problem(members: list[Any], rows: _Rows, context: Context) -> None:
    """One problem's members: itself, then its steps, then their hints, whatever order they came in."""
    by_depth: dict[int, list[Any]] = {}
    for member in sorted(members):
        by_depth.setdefault(member[0].count("/"), []).append(member)
    parent: dict[str, Any] | None = None
    for name, value, text in _read(by_depth.pop(1, []), "problems", dict, rows):
        try:
            parent = _exercise(value, rows, context)
        except records.Refused as refusal:
            rows.reject("problems", name, refusal, text)
    steps: dict[str, dict[str, Any]] = {}
    for name, value, text in _read(by_depth.pop(3, []), "steps", dict, rows):
        try:
            steps[name.split("/")[2]] = _step(value, parent, rows, context)
        except records.Refused as refusal:
            rows.reject("steps", name, refusal, text)
    for name, value, _ in _read(by_depth.pop(4, []), "hints", list, rows):
        step = steps.get(name.split("/")[2])
        for hint in value:
            try:
                _hint(hint, step, rows)
            except records.Refused as refusal:
                rows.reject("hints", name, refusal, json.dumps(hint, ensure_ascii=False)[:2000])
    for name, _, _, _ in itertools.chain.from_iterable(by_depth.values()):
        rows.reject("problems", name, records.Refused("no place of a problem, step or hint"), name)


def _read(members: list[Any], kind: str, wanted: type, rows: _Rows) -> Iterator[tuple[str, Any, str]]:
    for name, record, damage, raw in members:
        try:
            if damage:
                raise records.Refused(damage)
            value = records.parsed(record, wanted)
        except records.Refused as refusal:
            rows.reject(kind, name, refusal, raw or record or "")
            continue
        yield name, value, record


def _exercise(value: dict[str, Any], rows: _Rows, context: Context) -> dict[str, Any]:
    key = records.fresh_id(value, context.problems)
    repairs: list[str] = []
    title = records.text_of(value, "title").strip() or key
    if title == key:
        repairs.append("empty title replaced by the id")
    text, broken = records.lines(records.text_of(value, "body"))
    if broken:
        repairs.append("backslash-n made a line break")
    name, lesson = records.text_of(value, "courseName").strip(), records.text_of(value, "lesson").strip()
    course = context.courses.get(records.text_of(value, "courseName"))
    if course is None:
        repairs.append("course not in coursePlans.json")
        course = records.Course(f"oatutor:course/{records.slug(name)}", "und", None, {})
    imputed = ["title"] if title == key else []
    licence = records.licence(value.get("license"))
    if licence is None:
        licence = course.licence
        imputed += ["licence"] if licence else []
        repairs.append("licence taken from the course" if licence else "no licence stated")
    parent_id = course.item_id
    if lesson:
        parent_id = f"oatutor:lesson/{records.slug(name)}/{records.slug(lesson)}"
        if parent_id not in context.lessons:
            context.lessons.add(parent_id)
            place = course.lessons.get(str(value.get("lessonId")))
            rows.items.append(
                records.item(
                    parent_id,
                    "lesson",
                    lesson,
                    course,
                    parent_id=course.item_id,
                    position=place,
                    attributes={"courseName": name},
                )
            )
    item = records.item(
        f"oatutor:problem/{key}",
        "exercise",
        title,
        course,
        parent_id=parent_id,
        position=records.trailing_number(key),
        text=text,
        licence=licence,
        attributes={"courseName": name, "lesson": lesson, "attribution": str(value.get("oer") or "")},
    )
    if imputed:
        item["attributes"]["imputed"] = imputed
    item["variables"] = bool(value.get("variabilization"))  # dropped by the contract
    rows.items.append(item)
    context.problems.add(key)
    rows.kept("problems", *repairs)
    return item


def _step(
    value: dict[str, Any], parent: dict[str, Any] | None, rows: _Rows, context: Context
) -> dict[str, Any]:
    if parent is None:
        raise records.Refused("its problem is missing or refused")
    key = records.fresh_id(value, context.steps)
    answers, choices = value.get("stepAnswer"), value.get("choices", [])
    if not isinstance(answers, list) or not answers or not all(isinstance(a, str) for a in answers):
        raise records.Refused("stepAnswer is not a list of texts")
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise records.Refused("choices is not a list of texts")
    repairs: list[str] = []
    stated, broken_title = records.lines(records.text_of(value, "stepTitle"))
    text, broken = records.lines(records.text_of(value, "stepBody"))
    if not stated:
        repairs.append("empty title replaced by the id")
    if broken or broken_title:
        repairs.append("backslash-n made a line break")
    inherited = [name for name in parent["attributes"].get("imputed", []) if name == "licence"]
    imputed = inherited if stated else ["title", *inherited]
    concepts = context.skills.get(key, [])
    if not concepts:
        repairs.append("step without a skill")
    item = {
        **parent,
        "item_id": f"oatutor:{key}",
        "kind": "question",
        "parent_id": parent["item_id"],
        "position": records.letter(key, parent["item_id"]),
        "title": stated or key,
        "text": text,
        "answer": answers[0],
        "variables": parent["variables"] or bool(value.get("variabilization")),
        "attributes": {
            "options": choices,
            "answer_type": str(value.get("answerType") or ""),
            "problem_type": str(value.get("problemType") or ""),
            "hints": [],
            **({"imputed": imputed} if imputed else {}),
        },
    }
    rows.items.append(item)
    rows.item_concepts += [{"item_id": item["item_id"], "concept_id": concept} for concept in concepts]
    context.steps.add(key)
    rows.kept("steps", *repairs)
    if value.get("problemType") == "MultipleChoice":
        _question(item, parent, stated, rows)
    return item


def _question(item: dict[str, Any], parent: dict[str, Any], stated: str, rows: _Rows) -> None:
    choices, key = item["attributes"]["options"], item["answer"]
    options = list(dict.fromkeys(choices))
    stem = "\n\n".join(part for part in (parent["text"], stated, item["text"]) if part)
    reason = ""
    if len(options) < 2:
        reason = "fewer than two choices"
    elif key not in options:
        reason = "key is not one of the choices"
    elif not stem:
        reason = "no stem"
    elif item["variables"]:
        reason = "has variables to fill in"
    elif FIGURE.search("\n".join([stem, *options])):
        reason = "needs a picture that the pool has not"
    if reason:
        rows.refused("multiple_choice", reason)
        return
    rows.kept("multiple_choice", *(["repeated choice dropped"] if len(options) < len(choices) else []))
    rows.questions.append(
        {
            "question_id": item["item_id"],
            "item_id": item["item_id"],
            "kind": "multiple_choice",
            "stem": stem,
            "key": key,
            "options": options,
            "quote": None,
            "span_start": None,
            "span_end": None,
            "source_sha256": hashlib.sha256(item["text"].encode()).hexdigest(),
            "language": item["language"],
            "origin": "authored",
            "provenance": {
                "source": records.SOURCE,
                "licence": item["licence"],
                "attribution": parent["attributes"]["attribution"],
            },
        }
    )


def _hint(hint: Any, step: dict[str, Any] | None, rows: _Rows) -> None:
    if step is None:
        raise records.Refused("its step is missing or refused")
    if not isinstance(hint, dict):
        raise records.Refused("a hint is not a JSON object")
    title, text = records.text_of(hint, "title").strip(), records.lines(records.text_of(hint, "text"))[0]
    if not title and not text:
        raise records.Refused("hint without title and text")
    own: dict[str, Any] = {"title": title, "text": text, "type": str(hint.get("type") or "hint")}
    if isinstance(hint.get("hintAnswer"), list):
        own["answer"] = [str(answer) for answer in hint["hintAnswer"]]
    step["attributes"]["hints"].append(own)
    rows.kept("hints", *(["title stands for the empty text"] if not text else []))


def _frame(rows: list[dict[str, Any]], contract: Any) -> pd.DataFrame:
    if not rows:
        return empty(contract)
    columns = {
        name: pd.Series([row.get(name) for row in rows], dtype=str(column.dtype) if column.dtype else object)
        for name, column in contract.columns.items()
    }
    return check(pd.DataFrame(columns), contract, "OATutor")
