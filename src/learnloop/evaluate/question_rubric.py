"""A score for each question from what can be measured of it: six parts, each in [0, 1].

    grounded    mean of: the quote stands in the source; so does what is claimed; the stem's words do
    answerable  1 / the place of the sentence with the key among the source's sentences, the one nearest to
                the stem first; 0 where the stem tells the key
    single_key  the key among the options once, less the share of distractors that the quote names as well
    distinct    1 less the likeness of the two nearest options, and of the nearest other stem of its lesson
    fluent      mean of: begins well, ends well, 5 to 45 words, no word twice running, no left-over markup
    level       1 where the stem asks for no more years of school than its lesson, 0 from six more on

A part that a recorded check (`checks`, or `provenance["checks"]`) failed is halved. The score is the mean of
the parts that apply. It has not read the lesson: what people say of the same questions stands beside it
(`rating_sheets`).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from learnloop.evaluate.text import sentences, words_of

PARTS = ("grounded", "answerable", "single_key", "distinct", "fluent", "level")
CHECKS = {
    "grounded": (
        "key_verbatim",
        "quote_verbatim",
        "stem_grounded",
        "pairs_told",
        "order_told",
        "one_exchange",
    ),
    "answerable": (
        "round_trip",
        "model_agrees",
        "text_helps",
        "stands_alone",
        "no_dangling_pronoun",
        "key_not_in_stem",
    ),
    "single_key": ("one_right_answer", "no_synonym", "no_other_answer", "statement_is_false", "well_formed"),
    "distinct": ("options_distinct", "steps_distinct", "distractors_plausible"),
    "fluent": ("stem_length", "language_matches", "grammar_cue", "unfocused_stem", "negative_stem"),
    "level": ("reading_level",),
}
BLANK = re.compile(r"_{2,}")
STEM_WORDS = (5, 45)
YEARS = 6.0  # of school above the lesson at which nothing is left of `level`
LONG = 4  # letters of a word that counts as one of content
CHOSEN = ("multiple_choice", "cloze")


def rubric(questions: pd.DataFrame, texts: Mapping[str, str]) -> pd.DataFrame:
    """(n, parts and `score`), a row a question of schemas.QUESTIONS, in order; NaN: does not apply.

    texts: item_id -> the lesson's text; where it is not there, the quote is the source. `level` needs the
    columns `stem_years` and `source_years` (years of school).
    """
    rows = []
    stems = [_words(str(stem)) for stem in questions["stem"]]
    others: dict[str, list[int]] = {}
    for place, item in enumerate(questions["item_id"]):
        others.setdefault(str(item), []).append(place)
    for place, row in enumerate(questions.to_dict("records")):
        quote = _text(row.get("quote"))
        source = texts.get(str(row["item_id"])) or quote
        mates = [stems[other] for other in others[str(row["item_id"])] if other != place]
        parts = {
            "grounded": _grounded(row, quote, source),
            "answerable": _answerable(row, quote, source),
            "single_key": _single_key(row, quote),
            "distinct": _distinct(row, stems[place], mates),
            "fluent": _fluent(str(row["stem"])),
            "level": _level(row),
        }
        failed = _failed(row)
        rows.append(
            {name: value / 2 if failed & set(CHECKS[name]) else value for name, value in parts.items()}
        )
    frame = pd.DataFrame(rows, columns=list(PARTS), dtype=float)
    return frame.assign(score=frame[list(PARTS)].mean(axis=1))


def plain(text: str) -> str:
    """Lower case, no accents, no punctuation, single spaces."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"[\w%]+", "".join(c for c in letters if not unicodedata.combining(c))))


def _grounded(row: Mapping[str, Any], quote: str, source: str) -> float:
    if not source:
        return float("nan")
    there, held = plain(source), []
    held.append(float(bool(quote) and plain(quote) in there))
    claims = [plain(claim) for claim in _claims(row)]
    held.append(sum(_stands(claim, there) for claim in claims) / len(claims) if claims else 0.0)
    known = set(there.split())
    said = [word for word in _words(str(row["stem"])) if len(word) >= LONG or word.isdigit()]
    held.append(sum(_near(word, known) for word in said) / len(said) if said else 1.0)
    return float(np.mean(held))


def _claims(row: Mapping[str, Any]) -> list[str]:
    """What the source has to say: the key, the true statement, each step, each side of each pair."""
    answer = row.get("answer") if isinstance(row.get("answer"), Mapping) else {}
    kind = row["kind"]
    if kind == "true_false":
        return [str((answer or {}).get("corrected") or row["stem"])]
    if kind == "ordering":
        return [str(step) for step in (answer or {}).get("order") or _list(row.get("options"))]
    if kind == "matching":
        return [str(side) for pair in (answer or {}).get("pairs") or [] for side in pair]
    return [str(row["key"])]


def _stands(claim: str, there: str) -> float:
    """1 where the claim stands in the source word for word, else the share of its words that do."""
    if f" {claim} " in f" {there} ":
        return 1.0
    known = set(there.split())
    words = claim.split()
    return 0.9 * sum(word in known for word in words) / len(words) if words else 0.0


def _near(word: str, known: set[str]) -> bool:
    return word in known or any(word[:LONG] == other[:LONG] for other in known if len(other) >= LONG)


def _answerable(row: Mapping[str, Any], quote: str, source: str) -> float:
    """Reciprocal rank of the key's sentence by words shared with the stem; a stem that tells the key, 0."""
    if not source or row["kind"] in ("ordering", "matching", "true_false"):
        return float("nan") if not source else float(bool(quote))
    key, stem = plain(str(row["key"])), set(_words(BLANK.sub(" ", str(row["stem"]))))
    telling = [word for word in key.split() if len(word) >= LONG]
    if telling and all(word in stem for word in telling):
        return 0.0
    parts = [plain(part) for part in sentences(source)]
    if quote and plain(quote) not in parts:
        parts.append(plain(quote))
    overlap = [len(stem & set(part.split())) / (len(part.split()) ** 0.5 + 1) for part in parts]
    told = [value for value, part in zip(overlap, parts, strict=True) if f" {key} " in f" {part} "]
    if not told:
        return 0.0
    return 1 / (1 + sum(value > max(told) for value in overlap))


def _single_key(row: Mapping[str, Any], quote: str) -> float:
    options, key = [plain(str(option)) for option in _list(row.get("options"))], plain(str(row["key"]))
    aliases = {plain(str(alias)) for alias in _list(row.get("aliases"))}
    if row["kind"] == "true_false":
        return float(str(row["key"]) in ("true", "false"))
    if row["kind"] not in CHOSEN or not options:
        return 1.0
    if options.count(key) != 1:
        return 0.0
    wrong = [option for option in options if option != key]
    there = f" {plain(quote)} "
    also = sum(option in aliases or f" {option} " in there for option in wrong)
    return 1 - also / len(wrong) if wrong else 1.0


def _distinct(row: Mapping[str, Any], stem: Sequence[str], mates: Sequence[Sequence[str]]) -> float:
    options = [plain(str(option)) for option in _list(row.get("options"))]
    pairs = [(one, other) for place, one in enumerate(options) for other in options[place + 1 :]]
    alike = max((_jaccard(_triples(one), _triples(other)) for one, other in pairs), default=0.0)
    repeated = max((_jaccard(set(stem), set(mate)) for mate in mates), default=0.0)
    # Below a half, likeness is that of one lesson's words and does no harm.
    return 1 - max(0.0, 2 * max(alike, repeated) - 1)


def _triples(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0


def _fluent(stem: str) -> float:
    said = words_of().tokenize(BLANK.sub(" blank ", stem))
    held = (
        bool(re.match(r"[\"“«„'(¿¡]*(?:[^\W_]|_{2,})", stem)) and not stem[:1].islower(),
        bool(re.search(r"[.!?:…。？][\"”»“')]*$", stem.strip())),
        STEM_WORDS[0] <= len(said) <= STEM_WORDS[1],
        not any(one == other and one.isalpha() for one, other in pairwise(said)),
        not re.search(r"[<>{}\[\]|]|https?:|&\w+;|\s{2,}", stem.strip()),
    )
    return sum(held) / len(held)


def _level(row: Mapping[str, Any]) -> float:
    mine, theirs = row.get("stem_years"), row.get("source_years")
    if mine is None or theirs is None or pd.isna(mine) or pd.isna(theirs):
        return float("nan")
    return float(np.clip(1 - (float(mine) - float(theirs)) / YEARS, 0, 1))


def _failed(row: Mapping[str, Any]) -> set[str]:
    """Names of the checks that did not pass, as they were recorded."""
    provenance = row.get("provenance")
    recorded = row.get("checks")
    if not isinstance(recorded, Mapping):
        recorded = provenance.get("checks") if isinstance(provenance, Mapping) else None
    if not isinstance(recorded, Mapping):
        return set()
    return {
        str(name)
        for name, told in recorded.items()
        if not (told.get("passed", True) if isinstance(told, Mapping) else told)
    }


def _words(text: str) -> list[str]:
    return plain(text).split()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
