"""Records of pages in, what each teaches, aims at and needs out, as terms.

One course, and what becomes of it beside the course "Algebra I" at /courses/algebra:

    {"kind": "course", "title": "Statistics", "teaches": [], "about": [{"code": "", "name": "Averages"}],
     "requires": [{"code": "", "name": "Algebra", "url": "/courses/algebra"},
                  {"code": "", "name": "tables; graphs"}]}

    taught, aims  Averages                     needs  Algebra I, tables, graphs
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from learnloop.prepare.addresses import item_key, key_from
from learnloop.prepare.page_account import Account, Record
from learnloop.prepare.page_concepts import Term, concept_id
from learnloop.prepare.text import RULES, repair

MAX_NAME_WORDS = 8  # longer ones are sentences; a concept is called by a name
MAX_LISTED_WORDS = 4  # of each part where commas part them: "algebra, plane geometry"
_BREAKS = re.compile(r"[;\n•·|]+")
_LABEL = re.compile(
    r"^(?:prerequisites?|requirements?|requisitos?|prérequis|voraussetzung(?:en)?)\s*:\s*", re.I
)
_NOTHING = {"none", "no", "nothing", "n/a", "na", "no prerequisites", "no prerequisite", "no requirements"}
_NOTHING |= {"none required", "ninguno", "ninguna", "sin requisitos", "aucun", "aucune", "keine", "-", "–"}


@dataclass
class Teaching:
    """Terms of one page. taught: all it touches; aims: what its prerequisites are for; needs: those."""

    taught: list[Term] = field(default_factory=list)
    aims: list[Term] = field(default_factory=list)
    needs: list[Term] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)  # prerequisites that are sentences


def teachings_of(records: Sequence[Record], source: str, account: Account) -> dict[str, Teaching]:
    """By item_key of the record's url.

    Aims are what a page `teaches`; where it does not say, what it `assesses`; else what it is `about`. A
    course that has prerequisites or is one, and says nothing of these, aims at itself: at a concept of its
    title, without which its place among the others would be lost.
    """
    by_key = {item_key(record["url"]): record for record in records}
    found = {key: _told(record) for key, record in by_key.items()}
    named = {
        concept_id(source, _itself(record)): key
        for key, record in by_key.items()
        if record["kind"] == "course"
    }
    for key, record in by_key.items():
        for term in record.get("requires", []):
            other = key_from(record["url"], term["url"]) if term.get("url") else ""
            other = other if other in by_key else named.get(concept_id(source, term), "")
            if other and other != key:
                found[key].needs += _aims(found[other], by_key[other], account)
            elif other != key:
                found[key].needs += _needs(term, found[key], account)
    for key, record in by_key.items():
        if record["kind"] == "course" and found[key].needs:
            _aims(found[key], record, account)
    return found


def _told(record: Record) -> Teaching:
    teaches, assesses, about = (list(record.get(name, [])) for name in ("teaches", "assesses", "about"))
    return Teaching(taught=[*teaches, *assesses, *about], aims=teaches or assesses or about)


def _itself(record: Record) -> Term:
    return {"code": "", "name": str(record.get("title") or "")}


def _aims(teaching: Teaching, record: Record, account: Account) -> list[Term]:
    """What a page aims at; a course that says nothing gets the concept of its own title."""
    if not teaching.aims and record["kind"] == "course" and record.get("title"):
        account.repair("concept from the title of a course")
        teaching.aims = [_itself(record)]
        teaching.taught = [*teaching.taught, *teaching.aims]
    return teaching.aims


def _needs(term: Term, teaching: Teaching, account: Account) -> list[Term]:
    """A term with a code as it is; a text as the names in it."""
    if term.get("code"):
        return [{"code": term["code"], "name": term.get("name", "")}]
    text = _LABEL.sub("", repair(term.get("name", ""), RULES)[0])
    found: list[Term] = []
    for name in _names(text):
        if name.casefold() in _NOTHING:
            account.repair("prerequisite that says there is none dropped")
        elif len(name.split()) > MAX_NAME_WORDS:
            account.repair("prerequisite in a sentence: kept as text")
            teaching.prose.append(name)
        else:
            found.append({"code": "", "name": name})
    account.repair("prerequisites listed in one text parted", int(len(found) > 1))
    return found


def _names(text: str) -> Iterator[str]:
    for part in _BREAKS.split(text):
        listed = [name.strip(" .-–*") for name in part.split(",")]
        short = all(0 < len(name.split()) <= MAX_LISTED_WORDS for name in listed)
        for name in listed if short else [part.strip().strip(".-–*").strip()]:
            if name:
                yield name
