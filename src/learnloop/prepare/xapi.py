"""xAPI statements into clean frames.

    {"id": "3b1c6a52-…", "actor": {"account": {"homePage": "https://lms.example", "name": "u-17…"}},
     "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"}, "result": {"success": true},
     "object": {"id": "https://lms.example/q/1", "definition": {"name": {"en": "Sums"}}},
     "timestamp": "2024-03-01T10:00:00Z"}

    event_id xapi:3b1c6a52-…  learner_id 4a08b215…  item_id xapi:https://lms.example/q/1  verb answered
    correct True  occurred_at 2024-03-01 10:00:00+00:00

- A statement is judged by the specification first (`xapi_statement`); an invalid one says why.
- A learner is known by the actor's identifier: `mailto:…` in lower case, the SHA-1 sum, the OpenID, or
  `homePage|name` of the account; who is named by two kinds of identifier is two learners. A group is none.
- A verb is read by `xapi_rules`; one that is unknown there is `answered` where the statement has a result
  to judge, else `experienced`, and counted as filled in. Success counts for answers alone.
- A voided statement is refused, wherever in the import it stands, and so is the statement that voids it.
  One that an earlier import stored stays stored: interactions are append-only.
- A statement without an id is known by its content.
- A statement that says within 2 s what another of the same actor said, under an id of its own, is a repeat.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare import xapi_rules as rules
from learnloop.prepare.catalogue import LONGEST_ID, Catalogue
from learnloop.prepare.interactions import admit, learners_without_attributes
from learnloop.prepare.json_text import blanked, parsed, shown, strings, without
from learnloop.prepare.repeats import Repeats
from learnloop.prepare.units import seconds, utc_time
from learnloop.prepare.verdicts import Occurrences, Pseudonymise, Verdicts, digests, rejects
from learnloop.prepare.xapi_activities import mention, tells
from learnloop.prepare.xapi_formats import is_iri, is_uuid
from learnloop.prepare.xapi_statement import VOIDED, problems, version_of
from learnloop.schemas import UTC, Cleaned, RawChunk

NO_TIME = "time of storing taken: the statement has none"
NO_ID = "statement without an id known by its content"
UNKNOWN_VERB = "unknown verb filled in: answered with a result, else experienced"
NO_ZONE = "time without a zone taken as UTC"
_PLACE = re.compile(r"\[\d+\]")
_ZONE = re.compile(r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$")


@dataclass
class Context:
    """What only the caller knows, and what former chunks held.

    known_items: titles of items imported earlier, by item_id. voided: ids of statements that some statement
    of this import voids, in lower case.
    """

    pseudonymise: Pseudonymise
    now: pd.Timestamp
    known_items: Mapping[str, str] = field(default_factory=dict)
    voided: Collection[str] = frozenset()
    learners: set[str] = field(default_factory=set)
    events: Occurrences = field(default_factory=Occurrences)
    repeats: Repeats = field(default_factory=Repeats)
    born: Mapping[str, pd.Timestamp] = field(default_factory=dict)  # when items came to be, where known
    catalogue: Catalogue | None = None


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account; the chunks' size changes nothing. Items come with a file's last chunk.

    Raises BadInput for a kind of record that is no statement.
    """
    if chunk.kind != "statements":
        raise BadInput(f"no {chunk.kind!r} among xAPI statements", "learnloop import xapi PATH")
    if context.catalogue is None:
        context.catalogue = Catalogue(chunk.source, context.known_items)
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    statements, reasons = _judged(raw["record"], context.voided)
    verdicts.refuse_each(reasons)
    sound = verdicts.sound
    rows = [_event(s, chunk.source) if good else _NOTHING for s, good in zip(statements, sound, strict=True)]
    events = _typed(rows, raw.index, chunk.source, context)
    for rule in sorted({rule for row in rows for rule in row.repairs}):
        verdicts.repair(pd.Series([rule in row.repairs for row in rows], index=raw.index), rule)
    verdicts.refuse(events["item_id"].str.len() > LONGEST_ID, f"activity id longer than {LONGEST_ID}")
    verdicts.refuse(pd.Series([row.telling for row in rows]), "the activity's id holds the learner's")
    said = [_said(s) if good else "" for s, good in zip(statements, verdicts.sound, strict=True)]
    detail = pd.Series(said, index=raw.index, dtype="str")
    kept = admit(
        events,
        verdicts,
        None,
        context.now,
        context.events,
        repeats=context.repeats,
        detail=detail,
        born=context.born,
    )
    for statement, row, good in zip(statements, rows, verdicts.sound, strict=True):
        if good:
            mention(statement, chunk.source, context.catalogue, row.names)
    met = sorted(set(kept["learner_id"]) - context.learners)
    context.learners.update(met)
    frames = {
        "items": context.catalogue.taken(chunk.last),
        "learners": learners_without_attributes(pd.Series(met, dtype="str"), chunk.source),
        "interactions": kept,
    }
    return Cleaned(frames, _rejected(chunk.file, verdicts, statements), verdicts.accounting())


def _said(statement: dict[str, Any]) -> str:
    """What our columns do not tell of a statement: its own verb, its result with its position in a film."""
    return json.dumps([statement["verb"]["id"], statement.get("result")], sort_keys=True)


def _judged(records: pd.Series, voided: Collection[str]) -> tuple[list[Any], dict[int, str]]:
    """(the statements, None where there is none; why one is refused, by row)."""
    statements: list[Any] = []
    reasons: dict[int, str] = {}
    for index, record in enumerate(records):
        statement = None
        if isinstance(record, str):
            try:
                statement = parsed(record)
            except BadInput as error:
                reasons[index] = error.problem
            else:
                found = problems(statement, version_of(statement) if isinstance(statement, dict) else "1.0.3")
                if found:  # the first; places in arrays would make a reason of its own of each
                    reasons[index] = "invalid xAPI: " + _PLACE.sub("[]", found[0])
                elif why := _unused(statement, voided):
                    reasons[index] = why
        statements.append(statement)
    return statements, reasons


def _unused(statement: dict[str, Any], voided: Collection[str]) -> str:
    """Why a valid statement says nothing about what a learner did with an item, else ""."""
    if statement["verb"]["id"] == VOIDED:
        return "voids another statement"
    if statement.get("id", "").lower() in voided:
        return "voided by another statement"
    if statement["actor"].get("objectType") == "Group":
        return "the actor is a group"
    if statement["object"].get("objectType", "Activity") != "Activity":
        return "the object is no activity"
    if rules.word(statement["verb"]["id"]) in rules.NO_LEARNING:
        return "verb of no learning"
    return ""


class _Row(NamedTuple):
    """One statement's event, before its types; times are datetimes."""

    outside: str = ""
    item_id: str | None = None
    verb: str | None = None
    correct: bool | None = None
    score: float | None = None
    duration_s: float | None = None
    occurred_at: datetime | None = None
    event_id: str = ""
    imputed: str | None = None
    content: str = ""  # what makes a statement without an id itself
    repairs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # the actor's
    telling: bool = False


_NOTHING = _Row()


def _event(statement: dict[str, Any], source: str) -> _Row:
    """A valid statement about an activity, as one event."""
    repairs: list[str] = []
    imputed: list[str] = []
    result, activity = statement.get("result", {}), statement["object"]
    verb, correct = _verb(statement["verb"]["id"], result, activity, repairs)
    if UNKNOWN_VERB in repairs:
        imputed.append("verb")
    score, mended = rules.score(result)
    repairs += [mended] if mended else []
    moment = statement.get("timestamp")
    if moment is None and "stored" in statement:
        moment = statement["stored"]
        repairs.append(NO_TIME)
        imputed.append("occurred_at")
    if moment and not _ZONE.search(moment):
        repairs.append(NO_ZONE)
    content = ""
    if "id" not in statement:
        repairs.append(NO_ID)
        content = json.dumps([statement["verb"]["id"], activity["id"], moment, result], sort_keys=True)
    names = tuple(_known_as(statement["actor"]))
    return _Row(
        outside=outside_id(statement["actor"]),
        item_id=f"{source}:{activity['id']}",
        verb=verb,
        correct=correct,
        score=score,
        duration_s=_dwell(statement, result, repairs),
        occurred_at=utc_time(moment) if moment else None,
        event_id=f"{source}:{statement['id'].lower()}" if "id" in statement else "",
        imputed=" ".join(imputed) or None,
        content=content,
        repairs=tuple(repairs),
        names=names,
        telling=tells(activity["id"], names),
    )


def outside_id(actor: dict[str, Any]) -> str:
    """The identifier of a valid agent, as `learnloop learner xapi ID` takes it.

    >>> outside_id({"mbox": "mailto:Ana@school.example"})
    'mailto:ana@school.example'
    >>> outside_id({"account": {"homePage": "https://lms.example", "name": "17"}})
    'https://lms.example|17'
    """
    if "account" in actor:
        return f"{actor['account']['homePage']}|{actor['account']['name']}"
    if "openid" in actor:
        return str(actor["openid"])
    return str(actor.get("mbox") or actor["mbox_sha1sum"]).lower()


def _verb(
    iri: str, result: dict[str, Any], activity: dict[str, Any], repairs: list[str]
) -> tuple[str, bool | None]:
    """(our verb, correct). Success counts for answers, and for whatever is done with a question."""
    name = rules.word(iri)
    verb, success = rules.VERBS.get(name), result.get("success")
    judged = success is not None or bool(result.get("score"))
    if verb is None:
        verb = "answered" if judged else "experienced"
        repairs.append(UNKNOWN_VERB)
    elif success is not None and "interactionType" in activity.get("definition", {}):
        verb = "answered"
    if verb != "answered":
        if success is not None:
            repairs.append("success of what is no answer left out")
        return verb, None
    return verb, success if success is not None else rules.VERDICTS.get(name)


def _dwell(statement: dict[str, Any], result: dict[str, Any], repairs: list[str]) -> float | None:
    if "duration" in result:
        length = seconds(result["duration"])
        if length is None:  # a month has no length
            repairs.append("duration of months or years left empty")
        return length
    return rules.last_segment(result) if rules.word(statement["verb"]["id"]) == "paused" else None


def _typed(rows: list[_Row], index: pd.Index, source: str, context: Context) -> pd.DataFrame:
    """The columns of INTERACTIONS."""
    events = pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], index=index, dtype=dtype)
            for name, dtype in (
                ("item_id", "str"),
                ("verb", "str"),
                ("correct", "boolean"),
                ("score", "Float64"),
                ("duration_s", "Float64"),
                ("event_id", "str"),
                ("imputed", "str"),
            )
        }
    )
    events["occurred_at"] = pd.Series(pd.array([row.occurred_at for row in rows], dtype=UTC), index=index)
    outside = pd.Series([row.outside for row in rows], index=index, dtype="str")
    events["learner_id"] = context.pseudonymise(outside).where(outside != "", "")
    events["source"] = source
    nameless = events["event_id"] == ""
    if nameless.any():
        content = pd.Series([row.content for row in rows], index=index, dtype="str")
        digest = digests([events["learner_id"][nameless], content[nameless]])
        events["event_id"] = events["event_id"].mask(nameless, f"{source}:" + digest)
    return events


def _known_as(actor: Any) -> list[str]:
    """What an actor, valid or not, is called: nothing of it may be shown."""
    if not isinstance(actor, dict):
        return list(strings(actor))
    account = actor.get("account")
    named = [actor.get(name) for name in ("name", "mbox", "mbox_sha1sum", "openid")]
    named.append(account.get("name") if isinstance(account, dict) else account)
    found = [text for part in named for text in strings(part)]
    found += [text.removeprefix("mailto:") for text in found if text.startswith("mailto:")]
    members = actor.get("member")
    for member in members if isinstance(members, list) else []:
        found += _known_as(member)
    return found


def _rejected(file: str, verdicts: Verdicts, statements: list[Any]) -> pd.DataFrame:
    """The refused rows: of a statement its ids and verb, nobody's name; of other text its shape."""
    refused = verdicts.raw[~verdicts.sound]
    records = []
    for index, record, number, damaged in zip(
        refused.index, refused["record"], refused["number"], refused["raw"], strict=True
    ):
        statement = statements[index]
        if isinstance(statement, dict):
            records.append(_shown(statement, number))
        else:
            records.append(blanked(record if isinstance(record, str) else str(damaged)))
    columns = (refused["line"], verdicts.reason[refused.index], records)
    return rejects((file, *row) for row in zip(*columns, strict=True))


def _shown(statement: dict[str, Any], number: str) -> str:
    """Enough to find the statement in its file; an activity's id may hold another learner's."""
    names = [text for holder in ("actor", "authority") for text in _known_as(statement.get(holder, {}))]
    own, moment, verb = statement.get("id"), statement.get("timestamp"), statement.get("verb")
    iri = verb.get("id") if isinstance(verb, dict) else None
    return shown(
        {
            "number": number,
            "id": own if isinstance(own, str) and is_uuid(own) else "",
            "verb": without(iri, names) if isinstance(iri, str) and is_iri(iri) and "@" not in iri else "",
            "timestamp": moment if isinstance(moment, str) and utc_time(moment) else "",
        }
    )
