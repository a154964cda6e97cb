"""MovieLens into items and interactions, source `movielens`: a benchmark set, no course.

    1,Toy Story (1995),Adventure|Animation    item movielens:1 kind video, subject Adventure, Animation
    1,31,2.5,1260759144                       interaction rated, score 0.444, 2009-12-14 02:52:24 UTC

Ratings go from 0.5 to 5 stars: score = (rating - 0.5) / 4.5, so that 0 and 1 are the worst and the best.
"""

from dataclasses import dataclass, field

import pandas as pd

from learnloop.errors import BadInput
from learnloop.prepare.interactions import clean_interactions, learners_without_attributes
from learnloop.prepare.masking import mask_rejected
from learnloop.prepare.verdicts import OURS, Occurrences, Pseudonymise, Verdicts
from learnloop.schemas import ITEMS, Cleaned, RawChunk, check

LOWEST, HIGHEST = 0.5, 5.0  # stars


@dataclass
class Context:
    """What only the caller knows, and what former chunks held."""

    pseudonymise: Pseudonymise
    now: pd.Timestamp
    items: set[str] = field(default_factory=set)
    learners: set[str] = field(default_factory=set)
    events: Occurrences = field(default_factory=Occurrences)


def clean(chunk: RawChunk, context: Context) -> Cleaned:
    """One chunk's frames and account; films come before ratings, the chunks' size changes nothing."""
    if chunk.kind == "movies":
        return _movies(chunk, context)
    if chunk.kind == "ratings":
        return _ratings(chunk, context)
    raise BadInput(f"MovieLens has no {chunk.kind!r}", "learnloop import movielens DIR")


def _movies(chunk: RawChunk, context: Context) -> Cleaned:
    raw = chunk.frame.reset_index(drop=True)
    verdicts = Verdicts(raw)
    title, genres = raw["title"].fillna("").str.strip(), raw["genres"].fillna("").str.strip()
    key = raw["movieId"].fillna("").str.strip()
    item_id = "movielens:" + key
    verdicts.refuse(~key.str.fullmatch(r"\d+"), "movieId is not a number")
    verdicts.refuse(title == "", "no title")
    again = item_id.duplicated() | item_id.isin(context.items)
    verdicts.refuse(again, "duplicate movieId")
    none = genres.isin(["", "(no genres listed)"])
    verdicts.repair(none, "no genres listed: subject left empty")
    year = title.str.extract(r"\((\d{4})\)\s*$")[0]
    items = pd.DataFrame({"item_id": item_id, "title": title}).reindex(columns=list(ITEMS.columns))
    items = items.assign(source="movielens", kind="video", text="", language="und")
    items["subject"] = genres.str.replace("|", ", ", regex=False).mask(none)
    items["attributes"] = pd.Series(
        [{} if pd.isna(value) else {"year": int(value)} for value in year], dtype=object
    )
    kept = items[verdicts.sound].reset_index(drop=True)
    context.items.update(kept["item_id"])
    return verdicts.cleaned({"items": check(kept, ITEMS, chunk.file)}, chunk.file)


def _ratings(chunk: RawChunk, context: Context) -> Cleaned:
    given = chunk.frame.reset_index(drop=True)
    text = {name: given[name].fillna("").str.strip() for name in given if name not in OURS}
    stars = pd.to_numeric(text["rating"].mask(text["rating"] == ""), errors="coerce").astype("Float64")
    score = ((stars - LOWEST) / (HIGHEST - LOWEST)).round(6)
    raw = pd.DataFrame(
        {
            "learner_id": context.pseudonymise(text["userId"]).where(text["userId"] != "", ""),
            "item_id": ("movielens:" + text["movieId"]).mask(text["movieId"] == "", ""),
            "occurred_at": text["timestamp"],
            "verb": "rated",
            "score": score.astype("str").where(stars.notna(), "no rating"),
            **{name: given[name] for name in OURS},
        }
    )
    raw["raw"] = raw["raw"].str.replace(r"\w", "x", regex=True)
    cleaned = clean_interactions(
        raw, context.items, context.now, "movielens", file=chunk.file, seen=context.events
    )
    cleaned.rejected = mask_rejected(cleaned.rejected, raw, context.items)
    met = set(cleaned.frames["interactions"]["learner_id"]) - context.learners
    context.learners.update(met)
    if met:
        learners = learners_without_attributes(pd.Series(sorted(met), dtype="str"), "movielens")
        cleaned.frames["learners"] = learners
    return cleaned
