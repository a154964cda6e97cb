"""A school's own items and interactions (CSV, Parquet) into clean frames.

    item_id,title,kind,language,parent_id,concepts,prerequisites
    loops,Loops,lesson,en,python,loops,variables~lists

    item csv:loops, parent csv:python; concepts csv:loops; prerequisites csv:loops -> csv:variables, csv:lists

Identifiers get the source as a prefix, unless they have it. An interaction may also name an item of another
source by its full id, where that item is known. An item may say when it was made, `created_at`: nobody did
it, or what is below it, before. `prerequisites` are concepts that each of the item's own
concepts needs.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare.interactions import births, clean_interactions, learners_without_attributes
from learnloop.prepare.local_times import Clock, to_iso
from learnloop.prepare.masking import mask_rejected
from learnloop.prepare.repeats import Repeats
from learnloop.prepare.units import utc_times
from learnloop.prepare.verdicts import OURS, Occurrences, Pseudonymise, Verdicts, digests
from learnloop.schemas import (
    CONCEPTS,
    ITEM_CONCEPTS,
    ITEMS,
    KINDS,
    PREREQUISITES,
    Cleaned,
    RawChunk,
    check,
    empty,
)

LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")
SOURCE = re.compile(r"[a-z0-9_]+")


@dataclass
class Context:
    """What only the caller knows, and what former chunks held.

    pseudonymise: outside learner ids as they stand in the file to pseudonyms, same index. known_items:
    items imported earlier, of any source. born: when items came to be, where known.
    """

    pseudonymise: Pseudonymise
    now: pd.Timestamp
    known_items: Collection[str] = frozenset()
    clock: Clock = field(default_factory=Clock)  # how the file writes its times
    items: set[str] = field(default_factory=set)  # of this import
    concepts: set[str] = field(default_factory=set)
    learners: set[str] = field(default_factory=set)
    events: Occurrences = field(default_factory=Occurrences)
    repeats: Repeats = field(default_factory=Repeats)
    born: dict[str, pd.Timestamp] = field(default_factory=dict)
    dated: list[pd.DataFrame] = field(default_factory=list)  # items that may say so, until it is asked


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account; items come before interactions, the chunks' size changes nothing.

    Raises BadInput for a source that is no prefix, or a kind other than items and interactions.
    """
    if not SOURCE.fullmatch(chunk.source):
        raise BadInput(
            f"source {chunk.source!r} is not made of a-z, 0-9 and _", "--source my_school", "source"
        )
    if chunk.kind == "items":
        return _items(chunk, context)
    if chunk.kind == "interactions":
        return _interactions(chunk, context)
    raise BadInput(f"no table of {chunk.kind!r}", "learnloop import csv --items F --interactions F")


def _items(chunk: RawChunk, context: Context) -> Cleaned:
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    text = (
        raw.reindex(columns=[*ITEMS.columns, "concepts", "prerequisites", "created_at"])
        .astype("str")
        .fillna("")
    )
    text = text.apply(lambda column: column.str.strip())
    items = text.mask(text == "")
    verdicts.refuse(text["item_id"] == "", "no item id")
    verdicts.refuse(text["title"] == "", "no title")
    items["item_id"] = _prefixed(text["item_id"], chunk.source)
    verdicts.refuse(text["item_id"].str.contains(r"[\r\n]", na=False), "line break in the item id")
    items["parent_id"] = _prefixed(text["parent_id"], chunk.source)
    orphan = items["parent_id"] == items["item_id"]
    items["parent_id"] = items["parent_id"].mask(orphan)
    verdicts.repair(orphan, "item that is its own parent: parent left empty")
    items["kind"] = text["kind"].str.lower().mask(text["kind"] == "", "lesson")
    verdicts.repair(text["kind"] == "", "kind filled in: lesson")
    verdicts.refuse(~items["kind"].isin(KINDS), "unknown kind")
    items["text"], items["source"] = text["text"], chunk.source
    items["language"] = _languages(text["language"], verdicts)
    items["duration_s"] = _positive(text["duration_s"], "duration that is no number of seconds", verdicts)
    items["position"] = _positive(text["position"], "position that is no whole number", verdicts, whole=True)
    web = text["url"].str.match(r"https?://\S+$", case=False)
    items["url"] = text["url"].where(web)
    verdicts.repair((text["url"] != "") & ~web, "url that is not http left empty")
    items["attributes"] = _created(text["created_at"], verdicts)
    again = _seen_before(items["item_id"], verdicts, context.items)
    verdicts.refuse(again, "duplicate item id")
    teaches = _listed(text["concepts"], chunk.source)
    needs = _listed(text["prerequisites"], chunk.source)
    lost = (needs.str.len() > 0) & (teaches.str.len() == 0)
    verdicts.repair(lost, "prerequisites of an item without concepts ignored")
    kept = verdicts.sound
    frames = {"items": check(items[kept].reset_index(drop=True), ITEMS, chunk.file)}
    if "created_at" in raw:
        context.dated.append(frames["items"][["item_id", "parent_id", "attributes"]])
    frames |= _concept_frames(items["item_id"][kept], teaches[kept], needs[kept], context)
    return verdicts.cleaned(frames, chunk.file)


def _concept_frames(
    item_id: pd.Series, teaches: pd.Series, needs: pd.Series, context: Context
) -> dict[str, pd.DataFrame]:
    """teaches, needs: a list of concept ids for each item."""
    pairs = {(item, concept) for item, own in zip(item_id, teaches, strict=True) for concept in own}
    required = {
        (concept, other)
        for own, others in zip(teaches, needs, strict=True)
        for concept in own
        for other in others
        if other != concept
    }
    met = {concept for _, concept in pairs} | {concept for pair in required for concept in pair}
    fresh = sorted(met - context.concepts)
    context.concepts.update(fresh)
    titles = [concept.split(":", 1)[1].replace("_", " ") for concept in fresh]
    concepts = pd.DataFrame({"concept_id": fresh, "title": titles, "language": "und"})
    links = pd.DataFrame(sorted(pairs), columns=["item_id", "concept_id"])
    before = pd.DataFrame(sorted(required), columns=["concept_id", "requires_id"])
    before = before.assign(origin="authored", confidence=1.0)
    return {
        name: check(frame, contract, "concepts") if len(frame) else empty(contract)
        for name, frame, contract in (
            ("concepts", concepts, CONCEPTS),
            ("item_concepts", links, ITEM_CONCEPTS),
            ("prerequisites", before, PREREQUISITES),
        )
    }


def _created(text: pd.Series, verdicts: Verdicts) -> pd.Series:
    """{"created_at": ISO 8601 in UTC} a row; {} where there is no date."""
    times = utc_times(text.mask(text == ""))[0]
    verdicts.repair((text != "") & times.isna(), "date unreadable: created_at left empty")
    found = [{} if pd.isna(time) else {"created_at": time.isoformat()} for time in times]
    return pd.Series(found, index=text.index, dtype=object)


def _interactions(chunk: RawChunk, context: Context) -> Cleaned:
    known = context.items | set(context.known_items)
    if context.dated:
        context.born = context.born | births(pd.concat(context.dated, ignore_index=True))
        context.dated = []
    frame, repairs = chunk.frame.reset_index(drop=True), dict[str, pd.Series]()
    if context.clock != Clock() and "occurred_at" in frame:
        times, repairs = to_iso(frame["occurred_at"], context.clock)
        frame = frame.assign(occurred_at=times)
    raw, hidden = own_rows(frame, chunk.source, known, context.pseudonymise)
    cleaned = clean_interactions(
        raw,
        known,
        context.now,
        chunk.source,
        file=chunk.file,
        seen=context.events,
        repeats=context.repeats,
        born=context.born,
    )
    cleaned.rejected = mask_rejected(cleaned.rejected, raw, known)
    sound = ~raw["line"].isin(set(cleaned.rejected["line"]))
    for rule, rows in {HIDDEN: hidden, **repairs}.items():
        if count := int((rows & sound).sum()):
            cleaned.accounting.repaired[rule] = count
    met = set(cleaned.frames["interactions"]["learner_id"]) - context.learners
    context.learners.update(met)
    if met:
        learners = learners_without_attributes(pd.Series(sorted(met), dtype="str"), chunk.source)
        cleaned.frames["learners"] = learners
    return cleaned


HIDDEN = "event id that held the learner's id replaced by a digest"


def own_rows(
    frame: pd.DataFrame, source: str, known: Collection[str] | None, pseudonymise: Pseudonymise
) -> tuple[pd.DataFrame, pd.Series]:
    """A file's interactions with our identifiers, and which rows' event ids held the learner's id.

    frame: the columns of a RawChunk. known: ids of all items; None where they are not known. No outside
    id is left in what is returned, and a row's outcome does not depend on the others.
    """
    raw = frame.reset_index(drop=True)
    outside = raw["learner_id"].fillna("").str.strip()
    # A damaged row's text may hold a learner's id anywhere: only its shape is kept.
    raw["raw"] = raw["raw"].str.replace(r"\w", "x", regex=True)
    raw["learner_id"] = pseudonymise(outside).where(outside != "", "")
    stated = raw["item_id"].fillna("").str.strip()
    own = _prefixed(stated, source)
    if known is not None:
        own = own.where(~stated.isin(known) | own.isin(known), stated)
    raw["item_id"] = own.fillna("")
    hidden = pd.Series(False, index=raw.index)
    if "event_id" in raw:
        # Two schools both count their events from 1: the source keeps them apart.
        event = _prefixed(raw["event_id"].fillna("").str.strip(), source).fillna("")
        hidden = _tells(event, outside)
        if hidden.any():
            digest = f"{source}:" + digests([raw["learner_id"][hidden], event[hidden]])
            event = event.mask(hidden, digest.reindex(event.index))
        raw["event_id"] = event
    return raw[[name for name in raw if name in (*INPUT, *OURS)]], hidden


INPUT = ("learner_id", "item_id", "occurred_at", "verb", "correct", "score", "duration_s", "event_id")


def _tells(event_id: pd.Series, outside: pd.Series) -> pd.Series:
    """Whether an event's id holds its learner's outside id as a word of its own ("17-quiz3")."""
    events, learners = (ids.str.lower().to_numpy(dtype=object) for ids in (event_id, outside))
    # Almost no row gets past this; what is not ASCII has other ways to be equal but for case.
    held = np.array([learner in event for event, learner in zip(events, learners, strict=True)], dtype=bool)
    held |= ~(event_id.str.isascii() & outside.str.isascii()).to_numpy(dtype=bool)
    held &= (outside != "").to_numpy(dtype=bool)
    for at in np.flatnonzero(held):
        held[at] = _holds_word(event_id.iat[at], outside.iat[at])
    return pd.Series(held, index=event_id.index)


def _holds_word(text: str, word: str) -> bool:
    """Without a pattern where both are ASCII: compiling one for each learner takes 100 times as long."""
    if not (text.isascii() and word.isascii()):
        return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text, re.IGNORECASE) is not None
    text, word = text.lower(), word.lower()
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
            return True
        at = text.find(word, at + 1)
    return False


def _prefixed(ids: pd.Series, source: str) -> pd.Series:
    """`loops` -> `csv:loops`; what has the prefix keeps it; "" -> NA."""
    return ids.mask(~ids.str.startswith(f"{source}:"), f"{source}:" + ids).mask(ids == "")


def _listed(text: pd.Series, source: str) -> pd.Series:
    """'variables~lists' -> ['csv:variables', 'csv:lists'], each once."""
    prefix = f"{source}:"
    rows = [
        list(
            dict.fromkeys(
                prefix + " ".join(name.split()).removeprefix(prefix)
                for name in cell.split("~")
                if name.strip()
            )
        )
        for cell in text
    ]
    return pd.Series(rows, index=text.index, dtype=object)


def _languages(text: pd.Series, verdicts: Verdicts) -> pd.Series:
    """'es-MX' -> 'es'; nothing, or no language code, -> 'und'."""
    codes = [LANGUAGE.fullmatch(value) for value in text]
    languages = pd.Series([code.group(1).lower() if code else "und" for code in codes], index=text.index)
    verdicts.repair(text == "", "language filled in: und")
    verdicts.repair(
        (text != "") & pd.Series([not code for code in codes], index=text.index), "language unknown"
    )
    return languages.astype("str")


def _positive(text: pd.Series, what: str, verdicts: Verdicts, whole: bool = False) -> pd.Series:
    numbers = pd.to_numeric(text.mask(text == ""), errors="coerce").astype("Float64")
    bad = numbers.isna() | ~numbers.between(0, 1e9).fillna(False)
    if whole:
        bad |= (numbers % 1 != 0).fillna(True)
    verdicts.repair((text != "") & bad, f"{what} left empty")
    return numbers.mask(bad)


def _seen_before(ids: pd.Series, verdicts: Verdicts, known: set[str]) -> pd.Series:
    """Of the rows still sound: is the id known? Those that are not become known."""
    again = []
    for item_id, sound in zip(ids, verdicts.sound, strict=True):
        again.append(sound and item_id in known)
        if sound:
            known.add(item_id)
    return pd.Series(again, index=ids.index, dtype=bool)
