"""What pages say they teach and need in, concepts and prerequisites out."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from learnloop.prepare.text import RULES, repair

Term = dict[str, str]  # {"code": "mean", "name": "Mean"}, either may be ""


def slug(name: str) -> str:
    """A code for a concept that has only a name: letters and digits of any script, joined by hyphens.

    >>> slug("Mean & Médian")
    'mean-median'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return "-".join(re.findall(r"\w+", plain))


def concept_id(source: str, term: Mapping[str, str]) -> str:
    """`source:code`, or "" for a term that says nothing."""
    code = "-".join(repair(term.get("code", ""), RULES)[0].split()) or slug(
        repair(term.get("name", ""), RULES)[0]
    )
    return f"{source}:{code}" if code else ""


def concepts_of(terms: Sequence[tuple[Mapping[str, str], str, bool]], source: str) -> list[dict[str, str]]:
    """CONCEPTS rows. terms: (term, language of its page, taught there), the pages that stay first.

    A concept is called what the page that teaches it calls it; where nobody names it, by its code.
    """
    rows: dict[str, dict[str, str]] = {}
    for wanted in (True, False):
        for term, language, taught in terms:
            name = repair(term.get("name", ""), RULES)[0]
            found = concept_id(source, term)
            if not found or taught is not wanted:
                continue
            row = rows.setdefault(found, {"concept_id": found, "title": "", "language": language})
            row["title"] = row["title"] or name
    return [{**row, "title": row["title"] or row["concept_id"].partition(":")[2]} for row in rows.values()]


def prerequisites_of(pairs: Iterable[tuple[str, str]]) -> tuple[pd.DataFrame, dict[str, int]]:
    """(PREREQUISITES, repairs). pairs: (concept, what it requires), as authors wrote them.

    A pair that would close a circle is left out: of what needs itself nothing could ever be recommended.
    """
    requires: dict[str, set[str]] = {}
    repairs: dict[str, int] = {}
    rows = []
    for concept, required in sorted(set(pairs)):
        if concept == required or _reaches(requires, required, concept):
            repairs["prerequisite in a circle dropped"] = (
                repairs.get("prerequisite in a circle dropped", 0) + 1
            )
            continue
        requires.setdefault(concept, set()).add(required)
        rows.append({"concept_id": concept, "requires_id": required, "origin": "authored", "confidence": 1.0})
    columns = ["concept_id", "requires_id", "origin", "confidence"]
    return pd.DataFrame(rows, columns=columns), repairs


def _reaches(requires: Mapping[str, set[str]], start: str, goal: str) -> bool:
    """Does `start` need `goal`, directly or through others?"""
    waiting, seen = [start], {start}
    while waiting:
        for required in requires.get(waiting.pop(), ()):
            if required == goal:
                return True
            if required not in seen:
                seen.add(required)
                waiting.append(required)
    return False
