"""Accounts and counts in, tables of a data quality report out: what came, what was done to it, what stays.

    source demo, kind pages: read 150, kept 134, refused 16, repaired 88
    field duration_s of demo: 30 as given, 6 put in order, 2 emptied ("PT25"), 4 that nobody told

Nothing here reads a file or a database: the workflow hands over what the run and the store counted.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from learnloop.prepare.addresses import item_key
from learnloop.prepare.dwell import BINS, Limits, dwell_limits
from learnloop.prepare.rules import OTHER, RULES, by_rule
from learnloop.schemas import Accounting, Cleaned

_Count = tuple[str, str, bool, int]  # name, source, of a part, how often
Pair = tuple[Mapping[str, Any], Mapping[str, Any]]  # the record of a page, the item it became

ACCOUNTS = ("source", "kind", "part", "read", "kept", "refused", "repaired")  # part: counted with another
COUNTS = ("name", "source", "n")
FATES = ("given", "mended", "filled", "emptied", "untold")  # what became of one field of one page
FIELDS = ("source", "field", *FATES)
LANGUAGES = ("source", "declared", "language", "n")
FORMS = ("form", "example", "seconds", "n")
COPIES = ("source", "copy", "kept")
SPENT = ("source", "timed", "untimed", "median_s", "p90_s", "beyond")
PAGES = "pages"
# column of an item: the fields of a page's record that may tell it
TOLD_BY: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "text": ("text",),
    "abstract": ("abstract", "description"),
    "language": ("language",),
    "subject": ("subject",),
    "level": ("level",),
    "duration_s": ("duration",),
    "licence": ("licence",),
    "position": ("position",),
    "parent_id": ("parent_urls",),
}
_OF_LESSONS = ("text", "abstract", "position", "parent_id")
_NOTHING = ("", "und")


def _none(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


@dataclass
class Run:
    """What the preparation of pages did, source by source: `add` each as it is cleaned."""

    fields: pd.DataFrame = field(default_factory=lambda: _none(FIELDS))
    languages: pd.DataFrame = field(default_factory=lambda: _none(LANGUAGES))
    forms: pd.DataFrame = field(default_factory=lambda: _none(FORMS))
    copies: pd.DataFrame = field(default_factory=lambda: _none(COPIES))
    accounts: dict[tuple[str, str], Accounting] = field(default_factory=dict)

    def add(self, source: str, records: Sequence[Mapping[str, Any]], cleaned: Cleaned) -> None:
        """records: as extracted, with url. cleaned: what `pages_to_frames` made of them."""
        pairs = pairs_of(records, cleaned.frames["items"], source)
        self.fields = _joined(self.fields, fates(pairs, source))
        self.languages = _joined(self.languages, declared_languages(pairs, source))
        self.forms = _joined(self.forms, duration_forms(pairs))
        self.copies = _joined(self.copies, copies_of(cleaned.rejected, source))
        self.accounts[source, PAGES] = cleaned.accounting


@dataclass(frozen=True)
class Stored:
    """What the database holds, as `store.counted` counts it, and what refers to nothing (JOINS)."""

    items: pd.DataFrame
    languages: pd.DataFrame
    lengths: pd.DataFrame
    filled: pd.DataFrame
    events: pd.DataFrame
    learners: pd.DataFrame
    spent: pd.DataFrame  # SPENT
    times: pd.DataFrame  # bin, within, beyond: floor(4 log2 seconds) of interactions
    joins: pd.DataFrame


@dataclass(frozen=True)
class Quality:
    """Everything that the report shows. imports: rows for a table, see `imports_of`."""

    made_at: datetime
    accounts: pd.DataFrame  # ACCOUNTS
    repairs: pd.DataFrame  # COUNTS by rule
    refusals: pd.DataFrame  # COUNTS by reason
    run: Run
    stored: Stored
    imports: Sequence[Mapping[str, Any]]

    @property
    def empty(self) -> bool:
        """Whether nothing was ever collected, imported or sent."""
        return self.accounts.empty and self.stored.items.empty and self.stored.events.empty


def pairs_of(records: Iterable[Mapping[str, Any]], items: pd.DataFrame, source: str) -> list[Pair]:
    """(record, item) for every course and lesson that a page became; of two records of one the first."""
    pages = items[items["kind"].isin(["course", "lesson"])]
    made = {item["item_id"]: item for item in pages.to_dict("records")}
    found: dict[str, Pair] = {}
    for record in records:
        item_id = f"{source}:{item_key(str(record['url']))}"
        if item_id in made and record.get("kind") != "broken":
            found.setdefault(item_id, (record, made[item_id]))
    return list(found.values())


def fates(pairs: Iterable[Pair], source: str) -> pd.DataFrame:
    """FIELDS: of so many pages a field stands as given, was put in order, filled in, emptied, or never told.

    >>> page = ({"title": "A &amp; B"}, {"kind": "course", "title": "A & B"})
    >>> fates([page], "s").loc[0, ["field", "given", "mended"]].astype("str").tolist()
    ['title', '0', '1']
    """
    counts = {name: dict.fromkeys(FATES, 0) for name in TOLD_BY}
    for record, item in pairs:
        for name, told_by in TOLD_BY.items():
            if name not in _OF_LESSONS or item["kind"] != "course":
                before = next((value for key in told_by if (value := record.get(key))), "")
                counts[name][_fate(before, item.get(name))] += 1
    rows = [(source, name, *found.values()) for name, found in counts.items() if any(found.values())]
    return pd.DataFrame(rows, columns=list(FIELDS))


def _fate(before: Any, after: Any) -> str:
    told = bool(before) if isinstance(before, list) else bool(str(before).strip())
    if pd.isna(after) or str(after) in _NOTHING:
        return "emptied" if told else "untold"
    if not told:
        return "filled"
    return "given" if isinstance(before, list) or str(before).strip() == str(after) else "mended"


def declared_languages(pairs: Iterable[Pair], source: str) -> pd.DataFrame:
    """LANGUAGES: what pages say they are written in ("" for nothing), and what they are taken to be."""
    rows = [(source, str(record.get("language") or "").strip(), item["language"]) for record, item in pairs]
    frame = pd.DataFrame(rows, columns=list(LANGUAGES[:3]))
    return frame.groupby(list(LANGUAGES[:3]), as_index=False).size().rename(columns={"size": "n"})


def duration_forms(pairs: Iterable[Pair]) -> pd.DataFrame:
    """FORMS: how pages write their durations, digits aside, with an example and what it was read as."""
    found: dict[str, list[Any]] = {}
    for record, item in pairs:
        if text := str(record.get("duration") or "").strip():
            form = re.sub(r"\d+", "#", text)
            found.setdefault(form, [text, item["duration_s"], 0])[2] += 1
    return pd.DataFrame([(form, *told) for form, told in found.items()], columns=list(FORMS))


def top_forms(forms: pd.DataFrame, most: int = 12) -> pd.DataFrame:
    """FORMS of all sources together, the most frequent first."""
    first = {"example": ("example", "first"), "seconds": ("seconds", "first"), "n": ("n", "sum")}
    summed = forms.groupby("form", as_index=False).agg(**first)
    return summed.sort_values(["n", "form"], ascending=[False, True]).head(most)


def copies_of(rejected: pd.DataFrame, source: str) -> pd.DataFrame:
    """COPIES: addresses of pages that were refused as copies, and the items that stay in their stead."""
    rows = []
    for address, record in zip(rejected["file"], rejected["record"], strict=True):
        if '"duplicate_of"' in record:
            rows.append((source, address, json.loads(record).get("duplicate_of")))
    return pd.DataFrame(rows, columns=list(COPIES)).dropna()


def accounts_of(
    accounts: Mapping[tuple[str, str], Accounting], parts: Collection[tuple[str, str]] = ()
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(ACCOUNTS, COUNTS of repairs, COUNTS of refusals) of accounts by (source, kind).

    parts: those whose records are parts of others', or were made of them. What happened to a part may be
    told of the whole, too: of both the larger number counts.
    """
    rows, repairs, refusals = [], list[_Count](), list[_Count]()
    for key, one in sorted(accounts.items(), key=lambda item: (item[0][0], item[0] in parts, item[0][1])):
        refused, repaired = sum(one.rejected.values()), sum(one.repaired.values())
        rows.append((*key, key in parts, one.read, one.kept, refused, repaired))
        repairs += [(name, key[0], key in parts, n) for name, n in one.repaired.items()]
        refusals += [(name, key[0], key in parts, n) for name, n in one.rejected.items()]
    frame = pd.DataFrame(rows, columns=list(ACCOUNTS)).astype({"part": "bool"})
    return frame, _summed(repairs), _summed(refusals)


def imports_of(
    past: Iterable[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], dict[tuple[str, str], Accounting], set[tuple[str, str]]]:
    """(rows of a table, accounts by source and kind, which of these are parts) of imports, newest first.

    Files that were imported again count once, as their newest finished import told them; imports that
    were broken off are shown and not counted.
    """
    rows: list[dict[str, Any]] = []
    accounts: dict[tuple[str, str], Accounting] = {}
    parts, seen = set(), set()
    for one in past:
        told = {kind: Accounting(**account) for kind, account in one["report"].get("rows", {}).items()}
        mine = set(one["report"].get("parts", []))
        whole = [account for kind, account in told.items() if kind not in mine]
        files = (one["source"], frozenset(str(file.get("sha256")) for file in one["files"]))
        finished = one["finished_at"] is not None
        counts = finished and files not in seen
        if counts:
            seen.add(files)
            parts |= {(one["source"], kind) for kind in mine}
            for kind, account in told.items():
                accounts.setdefault((one["source"], kind), Accounting()).add(account)
        rows.append(
            {
                "source": one["source"],
                "started_at": one["started_at"],
                "files": len(one["files"]),
                "read": sum(account.read for account in whole),
                "kept": sum(account.kept for account in whole),
                "state": "counted" if counts else "imported again since" if finished else "broken off",
            }
        )
    return rows, accounts, parts


def rule_counts(repairs: pd.DataFrame, refusals: pd.DataFrame) -> pd.DataFrame:
    """(rule, count, source, n) of COUNTS: what each rule of `prepare.rules` did, in its order, then others.

    A rule that had nothing to do has one row, with count and source "" and n 0. Of what no rule claims,
    only the repairs are listed: refusals have a table of their own.
    """
    claimed = by_rule(dict.fromkeys([*repairs["name"], *refusals["name"]], 1))
    rule = dict(zip(claimed["count"], claimed["rule"], strict=True))
    named = pd.concat([repairs, refusals[refusals["name"].map(rule) != OTHER]])
    named = named.groupby(["name", "source"], as_index=False)["n"].sum()
    named = named.assign(rule=named["name"].map(rule)).rename(columns={"name": "count"})
    fired = set(named["rule"])
    columns = ["rule", "count", "source", "n"]
    idle = pd.DataFrame([(one.name, "", "", 0) for one in RULES if one.name not in fired], columns=columns)
    every = pd.concat([named[columns], idle], ignore_index=True).astype({"n": "int64"})
    places = {name: place for place, name in enumerate([*(one.name for one in RULES), OTHER])}
    return every.sort_values("rule", key=lambda names: names.map(places), kind="stable", ignore_index=True)


def spent(times: pd.DataFrame, kinds: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(SPENT, histogram: bin, within, beyond) of times by source, item_id and bin, NA without a time.

    beyond: more than anybody spends on that item (`prepare.dwell`); to a bin's width, 4.4%.
    """
    timed = times[times["bin"].notna()].astype({"bin": "int64", "n": "int64"})
    told = timed.groupby(["item_id", "bin"], as_index=False)["n"].sum()
    limits = dwell_limits(told, kinds) if len(told) else Limits()
    seconds = 2.0 ** ((timed["bin"] + 0.5) / BINS)
    timed = timed.assign(seconds=seconds, beyond=seconds > limits.of(timed["item_id"]).astype("float64"))
    rows = []
    for source, part in times.groupby("source"):
        mine = timed[timed["source"] == source]
        n = int(mine["n"].sum())
        median, p90 = (_quantile(mine, share) for share in (0.5, 0.9))
        beyond = int(mine.loc[mine["beyond"], "n"].sum())
        rows.append((source, n, int(part["n"].sum()) - n, median, p90, beyond))
    coarse = pd.DataFrame(
        {
            "bin": timed["bin"] // (BINS // 4),
            "within": timed["n"].where(~timed["beyond"], 0),
            "beyond": timed["n"].where(timed["beyond"], 0),
        }
    )
    histogram = coarse.groupby("bin", as_index=False)[["within", "beyond"]].sum()
    return pd.DataFrame(rows, columns=list(SPENT)), histogram


def _quantile(timed: pd.DataFrame, share: float) -> float | None:
    """The weighted quantile of `seconds`, each n times."""
    if timed.empty:
        return None
    ordered = timed.sort_values("seconds")
    up_to = ordered["n"].cumsum()
    return float(ordered.loc[up_to >= share * up_to.iloc[-1], "seconds"].iloc[0])


def _summed(rows: Sequence[_Count]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["name", "source", "part", "n"]).astype({"n": "int64"})
    summed = frame.groupby(["name", "source", "part"], as_index=False)["n"].sum()
    return summed.groupby(["name", "source"], as_index=False)["n"].max()


def _joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    full = [frame for frame in (one, other) if len(frame)]
    return pd.concat(full, ignore_index=True) if full else one
