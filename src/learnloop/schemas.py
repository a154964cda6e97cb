"""The frame contracts at every door, and the few shapes the rooms share.

A contract coerces what is harmless (int to float) and raises BadInput, naming the column and a
value, on the rest. Missing is NA, never "" or 0. Identifiers are `source:key`. Times are UTC.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from learnloop.errors import BadInput

KINDS = ("course", "lesson", "exercise", "question", "assessment", "activity", "video")
VERBS = ("registered", "experienced", "completed", "answered", "scored", "rated")
UTC = pd.DatetimeTZDtype("us", "UTC")
IDENTIFIER = r"^[a-z0-9_]+:\S.*$"


def _are_identifiers(values: pd.Series) -> pd.Series:
    """A pattern takes long and most identifiers come often: each is matched once."""
    codes, names = pd.factorize(values)
    sound = np.array([re.match(IDENTIFIER, name) is not None for name in names] + [False])
    return pd.Series(sound[codes], index=values.index)


_identifier = pa.Check(_are_identifiers, error=f"str_matches('{IDENTIFIER}')")
_share = pa.Check.in_range(0.0, 1.0)


def _text(*checks: pa.Check, nullable: bool = False) -> pa.Column:
    return pa.Column(str, list(checks), nullable=nullable, coerce=True)


def _frame(
    columns: dict[str, pa.Column], unique: Sequence[str], optional: bool = False
) -> pa.DataFrameSchema:
    """optional: a nullable column that is absent is NA, instead of an error."""
    return pa.DataFrameSchema(
        columns, unique=list(unique), strict="filter", ordered=False, add_missing_columns=optional
    )


ITEMS = _frame(
    {
        "item_id": _text(_identifier),
        "source": _text(),
        "kind": _text(pa.Check.isin(KINDS)),
        "parent_id": _text(_identifier, nullable=True),
        "position": pa.Column("Int64", nullable=True, coerce=True),
        "title": _text(pa.Check.str_length(min_value=1)),
        "text": _text(),  # "" where an item has none
        "abstract": _text(nullable=True),  # the author's own summary
        "language": _text(pa.Check.str_matches(r"^([a-z]{2,3}|und)$")),
        "subject": _text(nullable=True),
        "level": _text(nullable=True),
        "duration_s": pa.Column("Float64", pa.Check.ge(0), nullable=True, coerce=True),
        "licence": _text(nullable=True),
        "url": _text(nullable=True),
        "answer": _text(nullable=True),  # the authored key of an exercise or question
        "attributes": pa.Column(object),  # dict: what only this source has (options, hints, due days)
    },
    unique=["item_id"],
)

CONCEPTS = _frame(
    {"concept_id": _text(_identifier), "title": _text(), "language": _text()},
    unique=["concept_id"],
)

ITEM_CONCEPTS = _frame(
    {"item_id": _text(_identifier), "concept_id": _text(_identifier)},
    unique=["item_id", "concept_id"],
)

PREREQUISITES = _frame(
    {
        "concept_id": _text(_identifier),
        "requires_id": _text(_identifier),
        "origin": _text(pa.Check.isin(["authored", "mined", "text"])),
        "confidence": pa.Column(float, _share, coerce=True),
    },
    unique=["concept_id", "requires_id"],
)

LEARNERS = _frame(
    {"learner_id": _text(), "source": _text(), "attributes": pa.Column(object)},
    unique=["learner_id"],
)

ENROLMENTS = _frame(
    {
        "learner_id": _text(),
        "item_id": _text(_identifier),  # the course (or course presentation)
        "registered_at": pa.Column(UTC, nullable=True, coerce=True),
        "unregistered_at": pa.Column(UTC, nullable=True, coerce=True),
        "result": _text(nullable=True),
        "attributes": pa.Column(object),
    },
    unique=["learner_id", "item_id"],
)

INTERACTIONS = _frame(
    {
        "event_id": _text(pa.Check.str_length(min_value=1, max_value=200)),
        "learner_id": _text(),
        "item_id": _text(_identifier),
        "verb": _text(pa.Check.isin(VERBS)),
        "correct": pa.Column("boolean", nullable=True, coerce=True),
        "score": pa.Column("Float64", _share, nullable=True, coerce=True),
        "duration_s": pa.Column("Float64", pa.Check.ge(0), nullable=True, coerce=True),
        "occurred_at": pa.Column(UTC, coerce=True),
        "source": _text(),
        "imputed": _text(nullable=True),  # names of the fields we filled in, by spaces: "verb duration_s"
    },
    unique=["event_id"],
    optional=True,
)

# Answers, as a tracer reads them: one row an answer, in time order within a learner.
# `concept_ids` is a tuple, because an item may teach several; expanding it into rows would leak.
ANSWERS = _frame(
    {
        "learner_id": _text(),
        "item_id": _text(),
        "concept_ids": pa.Column(object),
        "correct": pa.Column(bool, coerce=True),
        "duration_s": pa.Column("Float64", pa.Check.ge(0), nullable=True, coerce=True),  # of this answer
        "occurred_at": pa.Column(UTC, coerce=True),
    },
    unique=[],
    optional=True,
)

QUESTION_KINDS = ("cloze", "multiple_choice", "true_false", "short_answer", "ordering", "matching")
BLOOM = ("remember", "understand", "apply", "analyze", "evaluate", "create")

# What a question of each kind has in `key`, `options` and `answer`; UPPER CASE is text of the question.
#   cloze            key TERM           options [] or some with TERM       answer {}
#   multiple_choice  key OPTION         options OPTION and distractors     answer {}
#   true_false       key "true"|"false" options []                         answer {"corrected": S} if false
#   short_answer     key TERM           options []                         answer {} or {"value": 9.81,
#                                                                          "unit": "m/s²", "tolerance": 0.01}
#   ordering         key "A → B → C"    options A, B, C as shown           answer {"order": [A, B, C]}
#   matching         key "A: X; B: Y"   options X, Y as shown              answer {"pairs": [[A, X], [B, Y]]}
QUESTIONS = _frame(
    {
        "question_id": _text(),
        "item_id": _text(_identifier),  # the lesson it asks about
        "kind": _text(pa.Check.isin(QUESTION_KINDS)),
        "stem": _text(pa.Check.str_length(min_value=1)),
        "key": _text(pa.Check.str_length(min_value=1)),
        "options": pa.Column(object),  # list of str in the order shown; [] where free text is expected
        "quote": _text(nullable=True),  # the sentence of the source that the key rests on
        "span_start": pa.Column("Int64", nullable=True, coerce=True),  # of the key: characters, in item.text
        "span_end": pa.Column("Int64", nullable=True, coerce=True),
        "source_sha256": _text(),  # of item.text when the question was made
        "language": _text(),
        "origin": _text(pa.Check.isin(["authored", "generated", "imported"])),
        "provenance": pa.Column(object),  # dict: model, prompt version, seed, form
        # Absent or NA: none.
        "answer": pa.Column(object, nullable=True),  # dict, see above
        "aliases": pa.Column(object, nullable=True),  # list of str: what is right as well as the key
        "notes": pa.Column(object, nullable=True),  # a dict an option: rationale (why right, wrong), origin
        "concept_ids": pa.Column(object, nullable=True),  # list of str
        "bloom": _text(pa.Check.isin(BLOOM), nullable=True),  # suggested, after Anderson & Krathwohl 2001
        "difficulty": pa.Column(float, nullable=True, coerce=True),  # a prior, logits; 0: as the average one
        "reading_level": pa.Column(float, nullable=True, coerce=True),  # years of school
        "licence": _text(nullable=True),  # of the source
        "checks": pa.Column(object, nullable=True),  # dict: name -> {"passed": bool, "detail": str}
    },
    unique=["question_id"],
    optional=True,
)

SUMMARIES = _frame(
    {
        "item_id": _text(_identifier),
        "text": _text(pa.Check.str_length(min_value=1)),
        "source_sha256": _text(),
        "provenance": pa.Column(object),
    },
    unique=["item_id"],
)


def check(frame: pd.DataFrame, contract: pa.DataFrameSchema, door: str) -> pd.DataFrame:
    """`frame` coerced to `contract`, other columns dropped. Raises BadInput naming `door` and column."""
    try:
        return contract.validate(frame, lazy=True)
    except SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        column = str(first["column"] if pd.notna(first["column"]) else first["failure_case"])
        raise BadInput(
            f"{door}: column {column!r} fails {first['check']} with '{first['failure_case']}'"
            f" ({len(error.failure_cases)} failures)",
            field=column,
        ) from error


def empty(contract: pa.DataFrameSchema) -> pd.DataFrame:
    """A frame of no rows that passes `contract`."""
    columns = {
        name: pd.Series([], dtype=str(column.dtype) if column.dtype else object)
        for name, column in contract.columns.items()
    }
    return check(pd.DataFrame(columns), contract, "empty frame")


@dataclass
class Accounting:
    """What happened to the rows of one input: read = kept + rejected, repairs counted by rule."""

    read: int = 0
    kept: int = 0
    repaired: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Accounting") -> None:
        self.read += other.read
        self.kept += other.kept
        for mine, theirs in ((self.repaired, other.repaired), (self.rejected, other.rejected)):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count

    @property
    def balanced(self) -> bool:
        return self.read == self.kept + sum(self.rejected.values())

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class RawChunk:
    """Some consecutive records of one file, as they stand: what a reader of collect hands to prepare.

    `frame` has the file's own columns as str ("" where the field is empty) and three of ours: `line`
    (int, 1-based, the header is line 1), `damage` (NA, or why the record could not be read; its fields
    are then NA) and `raw` (the text of a damaged record).
    """

    source: str  # oulad, oatutor, csv
    file: str  # its name, as shown to a person
    kind: str  # which of the source's files: studentInfo, assessments, items, …
    frame: pd.DataFrame
    last: bool  # no more of this file comes
    consumed: int  # bytes of the whole input behind us, for a progress bar


@dataclass(frozen=True)
class Target:
    """An address a crawl means to ask for, and what its server said of it the last time."""

    url: str
    depth: int = 0  # links away from a start
    hops: int = 0  # redirects in a row that led here
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of asking for `url`: a page to land, new addresses, or an error. Kept as one.

    `page` has the columns of raw_pages; None where nothing is to be landed (a redirect, a sitemap, an
    unchanged page, an error).
    """

    url: str
    status: int | None  # None: there was no answer
    error: str = ""  # its kind, as counted in the report
    etag: str = ""
    last_modified: str = ""
    page: Mapping[str, Any] | None = None
    found: tuple[Target, ...] = ()


@dataclass
class Cleaned:
    """Clean frames by table name, what was refused, and the accounting of one chunk or file.

    `rejected` has columns file, line (1-based, the header is line 1), reason, record (the raw text).
    `by_kind` parts the accounting where one input holds several kinds of record, and holds what was
    made of them (multiple_choice: how many steps became questions, and why the others did not).
    """

    frames: dict[str, pd.DataFrame]
    rejected: pd.DataFrame
    accounting: Accounting
    by_kind: dict[str, Accounting] = field(default_factory=dict)


@dataclass(frozen=True)
class Reason:
    """Why an item is recommended: a code the translation layer puts into words, and its evidence."""

    code: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One recommended item."""

    item_id: str
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ItemFeatures:
    """What is known of items before anybody has done them: text embeddings and metadata, as numbers.

    item_ids: (n_items,) of str, sorted; matrix: (n_items, n_features) float32, a row an item, of unit
    length or all 0 where nothing is known. `basis` says what the numbers are, for the report.
    """

    item_ids: np.ndarray
    matrix: np.ndarray
    basis: str = ""


@dataclass(frozen=True)
class Span:
    """Where a tuner may look for a number: [low, high], on a logarithmic scale where `log`."""

    low: float
    high: float
    log: bool = False
    whole: bool = False  # integers only


Space = Mapping[str, Span | tuple[Any, ...]]  # hyper-parameter -> a Span, or the values to choose from


class Recommender(Protocol):
    """Ranks items for a learner from the items the learner has done. Contract: tests/contracts."""

    name: str
    item_ids: np.ndarray  # (n_items,) of str, sorted
    space: ClassVar[Space]  # {} where there is nothing to tune

    def fit(self, signals: pd.DataFrame, features: ItemFeatures | None = None) -> Self:
        """signals: learner_id, item_id, weight > 0, at; one row a pair, in any order.

        `at` (float, larger is later; optional) is when the learner last did the item: seconds since
        1970, or a row number where no times are known. A model that does not read `at` or `features`
        ignores them; one that does works without.
        """
        ...

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        """(n_histories, n_items), finite. Histories are oldest first; items nobody has seen in training
        are ignored, and a history without any other is a new learner's."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that scoring needs."""
        ...

    def save(self, folder: Path) -> None:
        """Writes safetensors and JSON into `folder`, which exists."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...


class Tracer(Protocol):
    """P(correct) and mastery from what a learner has answered before. Contract: tests/contracts."""

    name: str
    space: ClassVar[Space]  # {} where there is nothing to tune

    def fit(self, answers: pd.DataFrame) -> Self:
        """answers: ANSWERS, any row order. Raises NothingToDo where there are none."""
        ...

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        """(n,) P(correct) of each row, in the rows' order, from its learner's strictly earlier rows.

        The row's own moment, item and concepts are known when it is asked; its outcome and its duration
        are not, nor is anything of that moment or later.
        """
        ...

    def predict_next(
        self,
        history: pd.DataFrame,
        item_ids: Sequence[str],
        concept_ids: Sequence[Sequence[str]],
        now: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """(len(item_ids),) P(correct) if the learner of `history` answered each item at `now`.

        history: ANSWERS of one learner, possibly none. concept_ids: the concepts of each item. now: None is
        right after the last answer, before anything is forgotten. Without `occurred_at`, or where it is
        unknown of any row, the rows are in time order, a second apart, the last of them at `now`.
        """
        ...

    def mastery(
        self, history: pd.DataFrame, concept_ids: Sequence[str], now: pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """concept_id, mastery in (0, 1), sd in (0, .5], attempts (of this learner); a row a concept."""
        ...

    def save(self, folder: Path) -> None:
        """Writes safetensors and JSON into `folder`, which exists."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...


class Following(Protocol):
    """What a tracer believes of n learners at once, kept up answer by answer.

    A tracer that can do so has `follow(item_ids, concepts_of, concept_ids, n_learners) -> Following`:
    item_ids (n_items,), concepts_of the concepts of each, concept_ids (n_concepts,). Everything it says is
    what `predict_next` and `mastery` say of the whole history.
    """

    def observe(self, learners: np.ndarray, items: np.ndarray, correct: np.ndarray, at: np.ndarray) -> None:
        """(m,) learners 0 .. n-1, each at most once; (m,) item codes; (m,) bool; (m,) seconds since 1970,
        later than the learner's former ones."""
        ...

    def p_correct(self, learners: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(m, n_items) P(correct) if each learner answered each item at `at` (m,)."""
        ...

    def mastery(self, learners: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, n_concepts) mastery, and its standard deviation."""
        ...
