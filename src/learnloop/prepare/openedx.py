"""Open edX tracking logs into clean frames.

    {"event_type": "problem_check", "event_source": "server", "username": "ana",
     "time": "2024-03-01T10:00:00.431355+00:00", "context": {"user_id": 8, "course_id": "course-v1:X+Y+Z"},
     "event": {"problem_id": "block-v1:X+Y+Z+type@problem+block@a0ef", "success": "correct", "grade": 3,
               "max_grade": 3}}

    event_id openedx:5d1c…  learner_id 4a08b215…  item_id openedx:block-v1:X+Y+Z+type@problem+block@a0ef
    verb answered  correct True  score 1.0  occurred_at 2024-03-01 10:00:00.431355+00:00

- A learner is known by the number of the account; by `username:NAME` in an event without one. An enrolment
  or a grade is the learner's it names, who need not be the one who acted.
- Events have no identifier: theirs is a digest of learner, type, time and content, so that a log that is
  imported twice, or shipped twice, counts once. What a learner does again within 2 s, the payload being the
  same, is a repeat.
- What an event type means is in `openedx_events`; a type that is not there is refused as not used, and
  counted by type.
- Enrolments are gathered over the import, and joined with those known before: the first activation and the
  last deactivation count, whatever the order of the files.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare import openedx_events as meanings
from learnloop.prepare.catalogue import Catalogue
from learnloop.prepare.interactions import admit, learners_without_attributes
from learnloop.prepare.json_text import blanked, parsed, shown, without
from learnloop.prepare.repeats import Repeats
from learnloop.prepare.text import repair
from learnloop.prepare.units import utc_time
from learnloop.prepare.verdicts import Occurrences, Pseudonymise, Verdicts, digests, rejects
from learnloop.schemas import ENROLMENTS, UTC, Accounting, Cleaned, RawChunk, check, empty

NOT_USED = "event type not used"
COPY = "browser's copy of a server event"
NO_ZONE = "time without a zone taken as UTC"
_ZONE = re.compile(r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$")
SOURCES = ("server", "browser", "mobile", "task")
_TYPE = re.compile(r"[A-Za-z][\w.-]{0,79}")


@dataclass
class Context:
    """What only the caller knows, and what former chunks held.

    known_items: titles of items imported earlier, by item_id. enrolments: known from earlier imports,
    ENROLMENTS rows.
    """

    pseudonymise: Pseudonymise
    now: pd.Timestamp
    known_items: Mapping[str, str] = field(default_factory=dict)
    enrolments: pd.DataFrame = field(default_factory=lambda: empty(ENROLMENTS))
    learners: set[str] = field(default_factory=set)
    events: Occurrences = field(default_factory=Occurrences)
    repeats: Repeats = field(default_factory=Repeats)
    born: Mapping[str, pd.Timestamp] = field(default_factory=dict)  # when items came to be, where known
    catalogue: Catalogue | None = None
    moves: dict[tuple[str, str], set[tuple[datetime, bool]]] = field(default_factory=dict)  # in and out
    moved: set[tuple[str, str]] = field(default_factory=set)  # learner and course, since enrolments were told


class _Row(NamedTuple):
    """One record: why it is refused, or its event before its types. moment: a datetime."""

    kind: str = "unreadable"
    refused: str = ""
    outside: str = ""
    said: meanings.Said | None = None
    moment: datetime | None = None
    title: str = ""
    done: str = ""  # the event without its time
    content: str = ""
    repairs: tuple[str, ...] = ()


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account, by event type too; the chunks' size changes nothing.

    Items and enrolments come with a file's last chunk. Raises BadInput for another kind of record.
    """
    if chunk.kind != "events":
        raise BadInput(f"no {chunk.kind!r} in a tracking log", "learnloop import openedx PATH")
    if context.catalogue is None:
        context.catalogue = Catalogue(chunk.source, context.known_items)
        context.moves = _known_moves(context.enrolments)
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    records = [_record(text) for text in raw["record"]]
    rows = [_row(record) for record in records]
    verdicts.refuse_each({index: row.refused for index, row in enumerate(rows) if row.refused})
    events = _typed(rows, raw.index, chunk.source, context)
    for rule in sorted({rule for row in rows for rule in row.repairs}):
        verdicts.repair(pd.Series([rule in row.repairs for row in rows], index=raw.index), rule)
    done = pd.Series([row.done for row in rows], index=raw.index, dtype="str")
    kept = admit(
        events,
        verdicts,
        None,
        context.now,
        context.events,
        repeats=context.repeats,
        detail=done,
        born=context.born,
    )
    for row, learner_id, good in zip(rows, events["learner_id"], verdicts.sound, strict=True):
        if good and row.said is not None and row.moment is not None:
            _mention(row, row.said, chunk.source, context.catalogue)
            if row.said.enrolled is not None:
                pair = (learner_id, f"{chunk.source}:{row.said.item}")
                context.moves.setdefault(pair, set()).add((row.moment, row.said.enrolled))
                context.moved.add(pair)
    # Leaving a course is no verb of ours: it stays in the enrolment alone.
    left = [
        e for e, row in zip(events["event_id"], rows, strict=True) if row.said and row.said.enrolled is False
    ]
    met = sorted(set(kept["learner_id"]) - context.learners)
    context.learners.update(met)
    frames = {
        "items": context.catalogue.taken(chunk.last),
        "learners": learners_without_attributes(pd.Series(met, dtype="str"), chunk.source),
        "enrolments": _enrolments(context) if chunk.last else empty(ENROLMENTS),
        "interactions": kept[~kept["event_id"].isin(left)].reset_index(drop=True),
    }
    rejected = _rejected(chunk.file, verdicts, records)
    return Cleaned(frames, rejected, verdicts.accounting(), _by_type(rows, verdicts))


def _record(text: Any) -> dict[str, Any] | str:
    """The record, or why there is none."""
    if not isinstance(text, str):
        return "unreadable"
    try:
        record = parsed(text)
    except BadInput as error:
        return error.problem
    return record if isinstance(record, dict) else "the record is not an object"


def _row(record: dict[str, Any] | str) -> _Row:
    if isinstance(record, str):
        return _Row(refused=record)
    name = record.get("event_type") or record.get("name")  # the second in what an event bus hands on
    if not isinstance(name, str) or not name:
        return _Row("no type", "no event type")
    context = record.get("context")
    kind = _kind(name, record)
    if not isinstance(context, dict):
        return _Row(kind, "the context is not an object")
    payload = _payload(record)
    meant = _meaning(name, record.get("event_source") or context.get("event_source"))
    if isinstance(meant, str):
        return _Row(kind, meant)
    if payload is None:
        return _Row(kind, "the event is not an object")
    course = meanings.course_key(context.get("course_id"))
    module = context.get("module") if isinstance(context.get("module"), dict) else {}
    usage = meanings.block_key((module or {}).get("usage_key"), "", "")
    said = meant(meanings.Event(name, payload, course, usage))
    if said is None or not said.item:
        return _Row(kind, "the event names no item")
    outside = _outside(record, context, payload, name)
    if not outside:
        return _Row(kind, "no user")
    text = record.get("time") or record.get("timestamp")
    moment = utc_time(text) if isinstance(text, str) else None
    if text and moment is None:
        return _Row(kind, "time is not ISO 8601")
    repairs = said.repairs
    if isinstance(text, str) and not _ZONE.search(text):
        repairs += (NO_ZONE,)
    title = (module or {}).get("display_name") if usage == said.item else ""
    content = {name: value for name, value in payload.items() if name not in ("user_id", "username")}
    return _Row(
        kind,
        outside=outside,
        said=said,
        moment=moment,
        title=title if isinstance(title, str) else "",
        done=json.dumps([name, content], sort_keys=True),
        content=json.dumps([name, text, content], sort_keys=True),
        repairs=repairs,
    )


def _kind(event_type: str, record: dict[str, Any]) -> str:
    """The type as it may be told: an address in a word, and nothing that holds a name."""
    if event_type.startswith("/"):
        return meanings.page_kind(event_type)
    if event_type in meanings.SERVER or event_type in meanings.ANYWHERE:
        return event_type
    plain = _TYPE.fullmatch(event_type) and without(event_type, _names(record)) == event_type
    return event_type if plain else "odd type"


def _names(record: dict[str, Any]) -> list[str]:
    """What the learner of a record is called."""
    context, payload = record.get("context"), _payload(record)
    holders = [holder for holder in (record, context, payload) if isinstance(holder, dict)]
    return [str(holder[name]) for holder in holders for name in ("username", "user_id") if holder.get(name)]


def _payload(record: dict[str, Any]) -> dict[str, Any] | None:
    """The event's own part; a browser sends it as a string of JSON."""
    payload = record.get("event", record.get("data"))
    if isinstance(payload, str):
        try:
            payload = parsed(payload) if payload else {}
        except BadInput:
            return None
    return payload if isinstance(payload, dict) else {} if payload is None else None


def _meaning(name: str, source: Any) -> Any:
    """The function that reads events of this type, or why they are refused."""
    if name.startswith("/"):
        said = meanings.page(name)
        return NOT_USED if said is None else lambda _: said
    if name in meanings.SERVER:
        return COPY if source == "browser" else meanings.SERVER[name]
    return meanings.ANYWHERE.get(name, NOT_USED)


def _outside(record: dict[str, Any], context: dict[str, Any], payload: dict[str, Any], name: str) -> str:
    """The account's number, else `username:NAME`, else ""."""
    about_another = name.startswith(("edx.course.", "edx.grades.", "edx.certificate."))
    for holder in (payload, context) if about_another else (context,):
        number = holder.get("user_id")
        if (isinstance(number, int) and not isinstance(number, bool)) or (
            isinstance(number, str) and number.strip()
        ):
            return str(number).strip()
    for holder in (record, context):
        if isinstance(holder.get("username"), str) and holder["username"].strip():
            return f"username:{holder['username'].strip()}"
    return ""


def _typed(rows: list[_Row], index: pd.Index, source: str, context: Context) -> pd.DataFrame:
    """The columns of INTERACTIONS."""
    said = [row.said for row in rows]
    events = pd.DataFrame(
        {
            name: pd.Series([s and getattr(s, name) for s in said], index=index, dtype=dtype)
            for name, dtype in (("verb", "str"), ("correct", "boolean"), ("score", "Float64"))
        }
    )
    items = [f"{source}:{s.item}" if s else None for s in said]
    events["item_id"] = pd.Series(items, index=index, dtype="str")
    events["duration_s"] = pd.Series(pd.NA, index=index, dtype="Float64")
    events["imputed"] = pd.Series(pd.NA, index=index, dtype="str")
    events["occurred_at"] = pd.Series(pd.array([row.moment for row in rows], dtype=UTC), index=index)
    outside = pd.Series([row.outside for row in rows], index=index, dtype="str")
    events["learner_id"] = context.pseudonymise(outside).where(outside != "", "")
    events["source"] = source
    content = pd.Series([row.content for row in rows], index=index, dtype="str")
    events["event_id"] = f"{source}:" + digests([events["learner_id"], events["item_id"], content])
    return events


def _mention(row: _Row, said: meanings.Said, source: str, catalogue: Catalogue) -> None:
    course = meanings.course_of(said.item)
    catalogue.mention(
        f"{source}:{said.item}",
        kind=meanings.kind_of(said.item),
        title=repair(row.title)[0] if row.title else "",
        parent_id=f"{source}:{course}" if course else None,
        duration_s=said.length_s,
    )
    if course:
        catalogue.mention(f"{source}:{course}", kind="course", title=course.removeprefix("course-v1:"))


def _known_moves(known: pd.DataFrame) -> dict[tuple[str, str], set[tuple[datetime, bool]]]:
    moves: dict[tuple[str, str], set[tuple[datetime, bool]]] = {}
    for row in known.itertuples(index=False):
        own = moves.setdefault((row.learner_id, row.item_id), set())
        own |= {
            (moment.to_pydatetime(), enrolled)
            for moment, enrolled in ((row.registered_at, True), (row.unregistered_at, False))
            if pd.notna(moment)
        }
    return moves


def _enrolments(context: Context) -> pd.DataFrame:
    """One row a learner and course: first activation; the last move, where it is a deactivation."""
    if not context.moved:
        return empty(ENROLMENTS)
    rows = []
    for learner_id, item_id in sorted(context.moved):
        moves = context.moves[learner_id, item_id]
        *_, (last, enrolled) = sorted(moves)
        first = min((moment for moment, on in moves if on), default=None)
        rows.append((learner_id, item_id, first, None if enrolled else last))
    context.moved = set()
    frame = pd.DataFrame(rows, columns=["learner_id", "item_id", "registered_at", "unregistered_at"])
    for name in ("registered_at", "unregistered_at"):
        frame[name] = pd.array(frame[name], dtype=UTC)
    frame["result"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    frame["attributes"] = pd.Series([{} for _ in frame.index], dtype=object)
    return check(frame, ENROLMENTS, "enrolments")


def _by_type(rows: list[_Row], verdicts: Verdicts) -> dict[str, Accounting]:
    found: dict[str, Accounting] = {}
    for row, reason in zip(rows, verdicts.reason, strict=True):
        account = found.setdefault(f"events: {row.kind}", Accounting())
        account.read += 1
        if isinstance(reason, str):
            account.rejected[reason] = account.rejected.get(reason, 0) + 1
        else:
            account.kept += 1
    return dict(sorted(found.items()))


def _rejected(file: str, verdicts: Verdicts, records: list[dict[str, Any] | str]) -> pd.DataFrame:
    """The refused rows: of an event its type, time and course; of other text its shape."""
    refused = verdicts.raw[~verdicts.sound]
    texts = []
    for index, text, damaged in zip(refused.index, refused["record"], refused["raw"], strict=True):
        record = records[index]
        if isinstance(record, dict):
            texts.append(_told(record))
        else:
            texts.append(blanked(text if isinstance(text, str) else str(damaged)))
    columns = (refused["line"], verdicts.reason[refused.index], texts)
    return rejects((file, *row) for row in zip(*columns, strict=True))


def _told(record: dict[str, Any]) -> str:
    context = record.get("context")
    names = _names(record)
    name, moment = record.get("event_type") or record.get("name"), record.get("time")
    course = meanings.course_key(context.get("course_id")) if isinstance(context, dict) else ""
    return shown(
        {
            "event_type": _kind(name, record) if isinstance(name, str) else "",
            "event_source": record.get("event_source") if record.get("event_source") in SOURCES else "",
            "time": moment if isinstance(moment, str) and utc_time(moment) else "",
            "course_id": without(course, names),
        }
    )
