"""Tables of answers (EdNet, Gervet et al. 2020) into items, concepts, learners and interactions.

    user_id 3021  item_id 27  timestamp 1499059021  correct 1  skill_id 0~14

    item responses:27 kind exercise "Exercise 27"; concepts responses:skill/0, responses:skill/14;
    interaction answered, correct, 2017-07-03 05:17:01 UTC, of the learner HMAC(3021)

An answer with the same learner, item, second and result as one before is refused as a duplicate.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare.interactions import clean_interactions, learners_without_attributes
from learnloop.prepare.masking import mask_rejected
from learnloop.prepare.repeats import Repeats
from learnloop.prepare.verdicts import OURS, Occurrences, Pseudonymise
from learnloop.schemas import CONCEPTS, ITEM_CONCEPTS, ITEMS, Cleaned, RawChunk, check, empty

SOURCE = re.compile(r"[a-z0-9_]+")
FIRST_EPOCH = 100_000_000  # seconds; a smaller stamp (before March 1973) counts from somewhere else
MILLISECONDS = 10_000_000_000  # stamps this large are not seconds (they would be after the year 2286)


@dataclass
class Context:
    """What only the caller knows, and what former chunks held.

    epoch: the moment that relative stamps count from; None where stamps are Unix time.
    """

    pseudonymise: Pseudonymise
    now: pd.Timestamp
    epoch: pd.Timestamp | None = None
    items: set[str] = field(default_factory=set)
    concepts: set[str] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    learners: set[str] = field(default_factory=set)
    events: Occurrences = field(default_factory=Occurrences)
    repeats: Repeats = field(default_factory=Repeats)


def refuse_relative(chunk: RawChunk, epoch: pd.Timestamp | None) -> None:
    """Raises BadInput where the first rows' stamps count from a start that only `epoch` could tell."""
    stamps = _stamps(chunk.frame["timestamp"]).dropna()
    if epoch is None and len(stamps) and stamps.median() < FIRST_EPOCH:
        raise BadInput(
            f"{chunk.file} line {int(chunk.frame['line'].iloc[0])}: timestamps such as {int(stamps.median())}"
            " do not count from 1970",
            "say from when: --epoch 2012-09-01",
            "timestamp",
        )


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account; the chunks' size changes nothing. Raises BadInput for a bad source."""
    source = chunk.source
    if not SOURCE.fullmatch(source):
        raise BadInput(f"source {source!r} is not made of a-z, 0-9 and _", "--source ednet", "source")
    given = chunk.frame.reset_index(drop=True)
    text = {name: given[name].fillna("").str.strip() for name in given if name not in OURS}
    stated = text["item_id"]
    raw = pd.DataFrame(
        {
            "learner_id": context.pseudonymise(text["user_id"]).where(text["user_id"] != "", ""),
            "item_id": (f"{source}:" + stated).mask(stated == "", ""),
            "occurred_at": _times(text["timestamp"], context.epoch),
            "verb": "answered",
            "correct": text["correct"],
            **{name: given[name] for name in OURS},
        }
    )
    raw["raw"] = raw["raw"].str.replace(r"\w", "x", regex=True)
    no_result = raw["damage"].isna() & (raw["correct"] == "")
    raw["correct"] = raw["correct"].mask(no_result, "missing")  # an answer without a result is none
    cleaned = clean_interactions(
        raw,
        None,
        context.now,
        source,
        file=chunk.file,
        seen=context.events,
        repeats=context.repeats,
    )
    cleaned.rejected = mask_rejected(cleaned.rejected, raw, None)
    kept = ~given["line"].isin(set(cleaned.rejected["line"]))
    skills = text.get("skill_id", pd.Series("", index=given.index))
    cleaned.frames |= _catalogue(raw.loc[kept, "item_id"], skills[kept], source, context)
    met = set(cleaned.frames["interactions"]["learner_id"]) - context.learners
    context.learners.update(met)
    if met:
        learners = learners_without_attributes(pd.Series(sorted(met), dtype="str"), source)
        cleaned.frames["learners"] = learners
    return cleaned


def _catalogue(
    item_ids: pd.Series, skills: pd.Series, source: str, context: Context
) -> dict[str, pd.DataFrame]:
    """What these rows name for the first time: items, concepts, and which item needs which."""
    named = pd.DataFrame({"item_id": item_ids, "skills": skills}).drop_duplicates()
    fresh = sorted(set(named["item_id"]) - context.items)
    pairs = {
        (item_id, f"{source}:skill/{skill}")
        for item_id, cell in zip(named["item_id"], named["skills"], strict=True)
        for skill in parted(cell)
    } - context.pairs
    concepts = sorted({concept for _, concept in pairs} - context.concepts)
    context.items.update(fresh)
    context.pairs.update(pairs)
    context.concepts.update(concepts)
    blank = [""] * len(fresh)
    items = pd.DataFrame({"item_id": fresh, "title": [f"Exercise {i.split(':', 1)[1]}" for i in fresh]})
    items = items.assign(source=source, kind="exercise", text=blank, language="und")
    items["attributes"] = pd.Series([{} for _ in fresh], dtype=object)
    titles = [f"Skill {concept.split('/', 1)[1]}" for concept in concepts]
    return {
        "items": _or_empty(items.reindex(columns=list(ITEMS.columns)), ITEMS),
        "concepts": _or_empty(
            pd.DataFrame({"concept_id": concepts, "title": titles, "language": "und"}), CONCEPTS
        ),
        "item_concepts": _or_empty(
            pd.DataFrame(sorted(pairs), columns=["item_id", "concept_id"]), ITEM_CONCEPTS
        ),
    }


def parted(skills: str) -> Iterable[str]:
    """'0~14' and '0_14' -> ['0', '14']; a name such as 'two_digits' stays whole; '' -> []."""
    mark = "_" if re.fullmatch(r"\d+(?:_\d+)+", skills) else "~"
    return list(dict.fromkeys(part.strip() for part in skills.split(mark) if part.strip()))


def _stamps(text: pd.Series) -> pd.Series:
    return pd.to_numeric(text.str.strip().mask(text == ""), errors="coerce").astype("Float64")


def _times(text: pd.Series, epoch: pd.Timestamp | None) -> pd.Series:
    """ISO 8601 for each stamp; what is none stays as it is, and is refused where the times are read."""
    stamps = _stamps(text)
    start = pd.Timestamp(0, tz="UTC") if epoch is None else epoch
    seconds = stamps if epoch is not None else stamps.mask(stamps >= MILLISECONDS, stamps / 1000)
    sound = seconds.between(0 if epoch is not None else FIRST_EPOCH, MILLISECONDS).fillna(False)
    micros = (seconds[sound].astype("float64") * 1_000_000).round().astype("int64")
    moments = start.tz_convert("UTC") + pd.to_timedelta(micros, unit="us")
    iso = moments.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    wrong = text.mask(text != "", "no time: " + text)
    return wrong.mask(sound, iso.reindex(text.index))


def _or_empty(frame: pd.DataFrame, contract: object) -> pd.DataFrame:
    return check(frame, contract, "responses") if len(frame) else empty(contract)  # type: ignore[arg-type]
