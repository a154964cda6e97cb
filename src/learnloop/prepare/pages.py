"""Raw records of pages in, courses, lessons, exercises, concepts and prerequisites out.

One record, as collect/extract.py made it (shortened), and what becomes of it:

    {"url": "http://…/courses/statistics/mean.html", "kind": "lesson", "title": "Mean &amp; Median",
     "duration": "PT12M", "language": "en-GB", "parent_urls": ["/courses/statistics/"],
     "teaches": [{"code": "mean", "name": "Mean"}], "requires": [{"code": "table", "name": "Table"}],
     "questions": [{"text": "…?", "answer": "4", "options": ["3", "9"]}], "text": "The mean is …"}

    items           demo:courses/statistics/mean, lesson, "Mean & Median", 720 s, en, and …/mean#q1, exercise
    concepts        demo:mean, demo:table        item_concepts  both items teach demo:mean
    prerequisites   demo:mean requires demo:table, authored, confidence 1

The account: read counts records and the questions on them; each is kept (kept = rows of items) or rejected
with a reason. A copy of another page is rejected as `duplicate`, and its address is in `also_at` of the
item that stays.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from learnloop import schemas
from learnloop.prepare import duplicates, page_concepts
from learnloop.prepare.addresses import folders, item_key, key_from
from learnloop.prepare.language import UNDETERMINED, resolve_languages
from learnloop.prepare.levels import SCALE, levels
from learnloop.prepare.page_account import Account, Record, as_json, numbers
from learnloop.prepare.page_exercises import exercises_of
from learnloop.prepare.page_facts import duration_of, facts_of
from learnloop.prepare.page_teaching import Teaching, teachings_of
from learnloop.prepare.text import PARSED_RULES, RULES, Rule, clean_text
from learnloop.prepare.titles import case_titles
from learnloop.prepare.units import durations, utc_times

MIN_WORDS = 80  # of a page that does not say it is a lesson
MAX_LINK_SHARE = 0.4  # of its visible characters
SLOGAN_LESSONS = 3  # a description that so many lessons share describes none of them
LISTS = {"CollectionPage", "ItemList", "SearchResultsPage", "AboutPage", "ContactPage", "ProfilePage"}
_FIELDS = ["title", "abstract", "description", "language", "subject", "level", "duration", "licence"]
_FIELDS += ["position", "modified"]
DUPLICATE = "duplicate"


def pages_to_frames(records: Sequence[Record], source: str) -> schemas.Cleaned:
    """Frames items, concepts, item_concepts and prerequisites of one source's pages, passing their contracts.

    Missing stays NA (a duration nobody gave is NA). The order of `records` does not matter.
    """
    account = Account()
    sound = _sift(sorted(records, key=lambda record: (str(record["url"]), as_json(record))), account)
    sound = _one_an_address(sound, account)
    teachings = teachings_of(sound, source, account)
    pages = _pages(sound, source, teachings, account)
    listed = _place(pages, sound, source, account)
    exercises, by_item = exercises_of(pages, sound, account)
    items = pd.DataFrame([*pages.to_dict("records"), *exercises], columns=list(schemas.ITEMS.columns))
    items = schemas.check(items, schemas.ITEMS, f"pages of {source}: items")
    links = _item_concepts(items, teachings, source)
    copies = duplicates.find_duplicates(items, preferred=listed)
    frames = duplicates.merge({"items": items, "item_concepts": links}, copies)
    _refuse_copies(copies, sound, by_item, source, account)
    sound.sort(key=lambda record: _id(source, record) in copies)  # what stays names its concepts first
    concepts, prerequisites = _concepts(sound, pages, teachings, source, account)
    frames |= {"concepts": concepts, "prerequisites": prerequisites}
    checked = {
        name: schemas.check(frames[name], contract, f"pages of {source}: {name}")
        for name, contract in (
            ("items", schemas.ITEMS),
            ("concepts", schemas.CONCEPTS),
            ("item_concepts", schemas.ITEM_CONCEPTS),
            ("prerequisites", schemas.PREREQUISITES),
        )
    }
    return _account_for(records, checked, account)


def _account_for(
    records: Sequence[Record], frames: dict[str, pd.DataFrame], account: Account
) -> schemas.Cleaned:
    rejected = account.rejected()
    return schemas.Cleaned(
        frames,
        rejected,
        schemas.Accounting(
            read=sum(1 + len(numbers(record)) for record in records),
            kept=len(frames["items"]),
            repaired=dict(sorted(account.repaired.items())),
            rejected={str(reason): int(n) for reason, n in rejected["reason"].value_counts().items()},
        ),
    )


def _id(source: str, record: Record) -> str:
    return f"{source}:{item_key(record['url'])}"


def _sift(records: Sequence[Record], account: Account) -> list[Record]:
    """The records that are courses or lessons; the others are refused with their reason."""
    sound = []
    for record in records:
        reason = _refusal(record)
        if reason:
            account.refused.append((record, reason))
            continue
        sound.append(record)
        if record.get("broken_json_ld"):
            account.repair("broken JSON-LD: read from the page")
        for syntax in ("microdata", "rdfa", "open_graph"):
            account.repair(f"broken {syntax}: read without it", int(bool(record.get(f"broken_{syntax}"))))
    return sound


def _refusal(record: Record) -> str:
    if record["kind"] == "broken":
        return str(record.get("problem") or "broken page")
    if record["kind"] == "course":
        return ""
    words = sum(any(map(str.isalnum, word)) for word in str(record.get("text", "")).split())
    if record["kind"] == "lesson":
        return "" if words or record.get("questions") else "lesson without text"
    if record.get("broken_json_ld") and not words:
        return "broken page: neither its JSON-LD nor any text can be read"
    if LISTS & set(record.get("types", [])) or float(record.get("link_share", 0)) > MAX_LINK_SHARE:
        return "no lesson: a page of links"
    return "" if words >= MIN_WORDS else f"no lesson: fewer than {MIN_WORDS} words"


def _one_an_address(records: Sequence[Record], account: Account) -> list[Record]:
    """One record an item_id: `/a/` and `/a/index.html` are one page; what differs is refused."""
    first: dict[str, Record] = {}
    for record in records:
        kept = first.setdefault(item_key(record["url"]), record)
        if kept is record:
            continue
        same = {**kept, "url": "", "also_at": []} == {**record, "url": "", "also_at": []}
        account.refused.append((record, DUPLICATE if same else "another page has this item_id"))
        if same and record["url"] != kept["url"]:
            first[item_key(record["url"])] = {**kept, "also_at": [*kept.get("also_at", []), record["url"]]}
    return list(first.values())


def _pages(
    records: Sequence[Record], source: str, teachings: Mapping[str, Teaching], account: Account
) -> pd.DataFrame:
    """ITEMS rows of courses and lessons, without parents and positions from elsewhere."""
    raw = pd.DataFrame([{name: record.get(name) for name in _FIELDS} for record in records], columns=_FIELDS)
    raw["duration"] = [duration_of(record, account) for record in records]
    raw = raw.astype("str")
    clean = pd.DataFrame({name: _clean(raw[name], RULES, account) for name in _FIELDS}, index=raw.index)
    text = _clean(pd.Series([r.get("text", "") for r in records], dtype="str"), PARSED_RULES, account)
    kinds = pd.Series(["course" if r["kind"] == "course" else "lesson" for r in records], dtype="str")
    summaries = clean["abstract"].fillna(_descriptions(clean["description"], text, kinds, account))
    course_text = clean["description"].fillna(clean["abstract"]).fillna("")
    duration, repairs = durations(clean["duration"])
    account.repairs(repairs)
    modified, repairs = utc_times(clean["modified"])
    account.repairs(repairs)
    text = text.where(kinds == "lesson", course_text).fillna("")
    language, confidence, repairs = resolve_languages(clean["language"], text)
    account.repairs(repairs)
    level, repairs = levels(clean["level"])
    account.repairs(repairs)
    title, repairs = case_titles(clean["title"], language, text)
    account.repairs(repairs)
    keys = [item_key(record["url"]) for record in records]
    invented = {
        "title": title.isna(),
        "language": clean["language"].isna() & (language != UNDETERMINED),
        "duration_s": pd.Series([not str(record.get("duration") or "").strip() for record in records])
        & duration.notna(),
    }
    items = pd.DataFrame(
        {
            "item_id": [f"{source}:{key}" for key in keys],
            "source": source,
            "kind": kinds,
            "parent_id": None,
            "position": _positions(clean["position"], account),
            "title": _titles(title, keys, account),
            "text": text,
            "abstract": summaries.where(kinds == "lesson"),
            "language": language,
            "subject": clean["subject"].str.lower(),
            "level": level,
            "duration_s": duration,
            "licence": _licences(clean["licence"], account),
            "url": [record["url"] for record in records],
            "answer": None,
        }
    )
    items["attributes"] = pd.Series(
        [
            {
                **facts_of(record, account),
                **({"prerequisites_text": prose} if (prose := teachings[key].prose) else {}),
                **({} if pd.isna(when) else {"modified_at": when.isoformat()}),
                **({} if pd.isna(sure) else {"language_confidence": round(float(sure), 3)}),
                **({} if pd.isna(told) or told.lower() in SCALE else {"level_as_told": told}),
                **({"imputed": names} if (names := [n for n, rows in invented.items() if rows[i]]) else {}),
                **({"also_at": record["also_at"]} if "also_at" in record else {}),
            }
            for i, (when, sure, told, key, record) in enumerate(
                zip(modified, confidence, clean["level"], keys, records, strict=True)
            )
        ],
        index=items.index,
        dtype=object,
    )
    return items


def _clean(texts: pd.Series, rules: Sequence[Rule], account: Account) -> pd.Series:
    """Clean texts; what is empty is missing."""
    clean, repairs = clean_text(texts, rules)
    account.repairs(repairs)
    # whoever misread the bytes dropped some; a hole is shown, not guessed
    account.repair("letters lost before us: \ufffd left in place", int(clean.str.contains("\ufffd").sum()))
    return clean.where(clean != "")


def _licences(told: pd.Series, account: Account) -> pd.Series:
    """Names and web addresses of licences; an address that runs something (javascript:, data:) is none."""
    acts = told.str.match(r"\s*(?!https?:)[a-z][a-z0-9+.-]*:\S", case=False).fillna(False).astype(bool)
    account.repair("licence that is no web address: NA", int(acts.sum()))
    return told.where(~acts)


def _descriptions(described: pd.Series, text: pd.Series, kinds: pd.Series, account: Account) -> pd.Series:
    """Descriptions of lessons that can pass for the author's summary: not the slogan of the whole site."""
    # copies of one lesson share its description rightly
    lessons = pd.DataFrame({"described": described, "text": text})[kinds == "lesson"].drop_duplicates()
    sharing = lessons["described"].value_counts()
    slogan = described.isin(sharing.index[sharing >= SLOGAN_LESSONS]) & (kinds == "lesson")
    account.repair("slogan is no abstract: NA", int(slogan.sum()))
    return described.mask(slogan)


def _positions(texts: pd.Series, account: Account) -> pd.Series:
    numbers = pd.to_numeric(texts.where(texts.str.fullmatch(r"\d{1,6}")), errors="coerce").astype("Int64")
    account.repair("position unreadable: NA", int((numbers.isna() & texts.notna()).sum()))
    return numbers


def _titles(titles: pd.Series, keys: Sequence[str], account: Account) -> pd.Series:
    """Titles; where a page has none, the last part of its address."""
    account.repair("title from the address", int(titles.isna().sum()))
    told = [key.rpartition("/")[2].replace("-", " ").replace("_", " ") or key for key in keys]
    return titles.fillna(pd.Series(told, index=titles.index, dtype="str"))


def _place(pages: pd.DataFrame, records: Sequence[Record], source: str, account: Account) -> set[str]:
    """Writes parents, positions and inherited subjects into `pages`; the item_ids that courses list.

    A lesson's course is the one it names, else the one that lists it, else the one whose folder it is in.
    """
    rows = {item_id: i for i, item_id in enumerate(pages["item_id"])}
    courses = {
        item_id for item_id, kind in zip(pages["item_id"], pages["kind"], strict=True) if kind == "course"
    }
    listed: dict[str, tuple[str, int]] = {}
    for item_id, record in zip(pages["item_id"], records, strict=True):
        for n, link in enumerate(record.get("part_urls", []) if item_id in courses else [], start=1):
            listed.setdefault(f"{source}:{key_from(record['url'], link)}", (item_id, n))
    parents, positions, subjects = (list(pages[name]) for name in ("parent_id", "position", "subject"))
    attributes = list(pages["attributes"])

    def inferred(i: int, name: str, rule: str) -> None:
        account.repair(rule)
        attributes[i] = {**attributes[i], "imputed": [*attributes[i].get("imputed", []), name]}

    for i, (item_id, record) in enumerate(zip(pages["item_id"], records, strict=True)):
        if item_id in courses:
            continue
        parent, rule = _parent(record, source, courses, listed.get(item_id))
        parents[i] = parent
        if rule and parent:
            inferred(i, "parent_id", rule)
        else:
            account.repair(rule, 1 if rule else 0)
        course, n = listed.get(item_id, ("", 0))
        if parent and parent == course and pd.isna(positions[i]):
            positions[i] = n
            inferred(i, "position", "position from the course's list")
        if parent and pd.isna(subjects[i]) and not pd.isna(subjects[rows[parent]]):
            subjects[i] = subjects[rows[parent]]
            inferred(i, "subject", "subject from the course")
    pages["attributes"] = pd.Series(attributes, index=pages.index, dtype=object)
    pages["parent_id"] = pd.Series(parents, index=pages.index, dtype="str")
    pages["position"] = pd.Series(positions, index=pages.index, dtype="Int64")
    pages["subject"] = pd.Series(subjects, index=pages.index, dtype="str")
    return set(listed)


def _parent(
    record: Record, source: str, courses: set[str], listed: tuple[str, int] | None
) -> tuple[str | None, str]:
    """(item_id of the course or None, the repair it took or "")."""
    named = [f"{source}:{key_from(record['url'], link)}" for link in record.get("parent_urls", [])]
    for candidate in named:
        if candidate in courses:
            return candidate, ""
    if listed is not None:
        return listed[0], "course from its list of lessons"
    for folder in folders(item_key(record["url"])):
        if f"{source}:{folder}" in courses:
            return f"{source}:{folder}", "course from the address"
    return None, "course unknown: NA" if named else ""


def _item_concepts(items: pd.DataFrame, teachings: Mapping[str, Teaching], source: str) -> pd.DataFrame:
    """Pages teach what they say; exercises what their lesson aims at."""
    taught = {f"{source}:{key}": teaching.taught for key, teaching in teachings.items()}
    aims = {f"{source}:{key}": teaching.aims for key, teaching in teachings.items()}
    rows = [
        {"item_id": item["item_id"], "concept_id": concept}
        for item in items.to_dict("records")
        for term in (aims[item["parent_id"]] if item["kind"] == "exercise" else taught[item["item_id"]])
        if (concept := page_concepts.concept_id(source, term))
    ]
    return pd.DataFrame(rows, columns=["item_id", "concept_id"]).drop_duplicates()


def _refuse_copies(
    copies: Mapping[str, str],
    records: Sequence[Record],
    questions: Mapping[str, tuple[Record, int]],
    source: str,
    account: Account,
) -> None:
    """Copies go to the account: the page alone, since each of its questions has a row of its own."""
    for record in records:
        if _id(source, record) in copies:
            alone = {name: value for name, value in record.items() if name != "questions"}
            account.refused.append((alone | {"duplicate_of": copies[_id(source, record)]}, DUPLICATE))
    for item_id, (record, n) in questions.items():
        if item_id in copies:
            account.questions.append((record, n, DUPLICATE))


def _concepts(
    records: Sequence[Record],
    pages: pd.DataFrame,
    teachings: Mapping[str, Teaching],
    source: str,
    account: Account,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """CONCEPTS and PREREQUISITES of all pages; of two names for one concept the first record's holds."""
    language = dict(zip(pages["item_id"], pages["language"], strict=True))
    told = [(_id(source, record), teachings[item_key(record["url"])]) for record in records]
    terms = [
        (term, language[item_id], is_taught)
        for item_id, teaching in told
        for is_taught, listed in ((True, teaching.taught), (False, teaching.needs))
        for term in listed
    ]
    pairs = {
        (page_concepts.concept_id(source, aim), page_concepts.concept_id(source, needed))
        for _, teaching in told
        for aim in teaching.aims
        for needed in teaching.needs
    }
    found = page_concepts.concepts_of(terms, source)
    prerequisites, repairs = page_concepts.prerequisites_of(pair for pair in pairs if all(pair))
    account.repairs(repairs)
    return pd.DataFrame(found, columns=list(schemas.CONCEPTS.columns)), prerequisites
