"""exchange: the bank out as files of other systems, and their files into the bank as drafts."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.collect import oatutor as read_oatutor
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.exchange import anki, gift, moodle_xml, oatutor, printed, qti21, qti30, qti_reading, table
from learnloop.exchange.hidden import taken_out
from learnloop.exchange.merging import Merged, merge
from learnloop.exchange.packages import is_package
from learnloop.exchange.reads import Loaded
from learnloop.exchange.rows import Dumped, Refusal
from learnloop.prepare import oatutor as clean_oatutor
from learnloop.schemas import ITEMS, Accounting, Cleaned
from learnloop.store import loading, reading
from learnloop.store.questions import STATUSES
from learnloop.workflow import paths
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import write_whole

EXPORTS = ("gift", "moodle", "qti21", "qti30", "anki", "csv", "json", "html", "pdf")
IMPORTS = ("gift", "moodle", "qti21", "qti30", "csv", "json", "oatutor")
SHOWN = 50  # refused questions in a report; their reasons are counted whole
LARGEST = 256 << 20  # bytes of a file
_LOADERS: Mapping[str, Callable[[bytes, str, str], Loaded]] = {
    "gift": gift.load,
    "moodle": moodle_xml.load,
    "qti21": qti_reading.load,
    "qti30": qti_reading.load,
    "csv": table.load_csv,
    "json": table.load_json,
}


def export(
    loop: Loop,
    *,
    form: str,
    out: Path,
    status: str = "approved",
    item_id: str = "",
    language: str = "",
    key: bool = False,
    title: str = "",
) -> dict[str, Any]:
    """Writes the questions of `status` ("all" for any) to `out`; which ones the format refused, and why.

    item_id: of a lesson or of anything above it. key: of paper, the teachers' key instead of the sheet.
    """
    if form not in EXPORTS:
        raise BadInput(f"there is no format {form!r}", f"--format {'|'.join(EXPORTS)}", "format")
    if status not in ("all", *STATUSES):
        raise BadInput(f"{status!r} is no status", f"--status all|{'|'.join(STATUSES)}", "status")
    paths.may_write(out, "out")
    with step("read the bank"):
        questions = reading.questions(
            loop.engine, language=language or None, status=None if status == "all" else status
        )
        if item_id:
            questions = questions[questions["item_id"].isin(_below(loop, item_id))]
    if questions.empty:
        what = "" if status == "all" else f"{status} "
        raise NothingToDo(f"no {what}questions to export", "learnloop questions list")
    questions = questions.sort_values(["item_id", "question_id"], ignore_index=True)
    with step(f"wrote {out.name}"):
        dumped = _dumped(questions, form, key, title, language)
        write_whole(out, lambda beside: beside.write_bytes(dumped.data))
    return {
        "file": str(out),
        "format": form,
        "bytes": len(dumped.data),
        "questions": len(questions),
        "written": dumped.written,
        **_refused(dumped.refused),
    }


def _dumped(questions: pd.DataFrame, form: str, key: bool, title: str, language: str) -> Dumped:
    now, tongue = datetime.now(UTC), language or str(questions["language"].mode().iloc[0])
    made: Mapping[str, Callable[[], Dumped]] = {
        "gift": lambda: gift.dump(questions),
        "moodle": lambda: moodle_xml.dump(questions),
        "qti21": lambda: qti21.dump(questions),
        "qti30": lambda: qti30.dump(questions),
        "anki": lambda: anki.dump(questions, now, title or anki.DECK),
        "csv": lambda: table.dump_csv(questions),
        "json": lambda: table.dump_json(questions),
        "html": lambda: printed.dump_html(questions, title, key, tongue),
        "pdf": lambda: printed.dump_pdf(questions, now, title, key, tongue),
    }
    return made[form]()


def import_file(
    loop: Loop,
    file: Path,
    *,
    form: str = "",
    item_id: str = "",
    language: str = "und",
    source: str = "",
    licence: str = "",
    dry_run: bool = False,
) -> dict[str, Any]:
    """The questions of a file as drafts with origin `imported`; the same file again changes nothing.

    item_id: the lesson they ask about. Without it a question stays with the lesson it names, where that
    lesson is here, and all others hang on an assessment `imported:<name of the file>` that is made for them.
    source and licence: said of the new ones. Raises BadInput where the file is none of the formats.
    """
    if not file.exists():
        raise BadInput(f"there is no file {file}", paths.THERE, "file")
    if form == "oatutor" or file.is_dir():
        if item_id:
            raise BadInput("OATutor's questions have lessons of their own", "leave --item out", "item")
        return _import_oatutor(loop, file, dry_run)
    if not re.fullmatch("[a-z]{2,3}", language):
        raise BadInput(f"{language!r} is no language", "--language en", "language")
    items = reading.items(loop.engine)
    if item_id and item_id not in set(items["item_id"]):
        raise UnknownThing(f"there is no item {item_id!r}", "leave --item out, or learnloop prepare")
    data = paths.content(file, "file", LARGEST)
    form = form or _form(data, file)
    if form not in _LOADERS:
        raise BadInput(f"there is no format {form!r}", f"--format {'|'.join(IMPORTS)}", "format")
    placeholder = f"imported:{'-'.join(file.stem.split()) or 'questions'}"
    with step(f"read {file.name}"):
        loaded = _LOADERS[form](data, item_id or placeholder, language)
    if loaded.questions.empty and not loaded.refused:
        raise NothingToDo(f"{file.name} has no questions", f"--format {'|'.join(IMPORTS)}")
    found, hidden = taken_out(_placed(loaded.questions, items, item_id, placeholder))
    found = found.assign(licence=found["licence"].where(found["licence"].notna(), licence or None))
    found, unknown = _known_concepts(loop, found)
    said = {"file": file.name, "format": form, **({"source": source} if source else {})}
    merged = merge(found, reading.questions(loop.engine), said)
    refused = [*loaded.refused, *merged.refused]
    frames = {"questions": merged.questions}
    if (merged.questions["item_id"] == placeholder).any() and placeholder not in set(items["item_id"]):
        frames["items"] = _assessment(placeholder, file.stem, found)
    if not dry_run:
        loading.load_cleaned(
            loop.engine, Cleaned(frames, _rejected(file, refused), Accounting()), "questions"
        )
    return {
        "file": str(file),
        "format": form,
        "dry_run": dry_run,
        **_counts(merged, refused),
        "items": {str(name): int(count) for name, count in found["item_id"].value_counts().items()},
        "hidden_letters": hidden,
        "unknown_concepts": unknown,
        **_refused(refused),
    }


def _import_oatutor(loop: Loop, folder: Path, dry_run: bool) -> dict[str, Any]:
    """OATutor's items as `learnloop import oatutor` brings them, and its text boxes as questions as well."""
    context, totals, refused = clean_oatutor.Context(), Counter[str](), list[Refusal]()
    read_oatutor.inspect(folder)
    bank = reading.questions(loop.engine)
    with bar("imported OATutor's questions", read_oatutor.size(folder)) as advance:
        behind = 0
        for chunk in read_oatutor.read(folder):
            cleaned = clean_oatutor.clean(chunk, context)
            if "questions" in cleaned.frames:
                frames = cleaned.frames
                found = oatutor.questions(frames["items"], frames["item_concepts"], frames["questions"])
                merged = merge(found.questions, bank, {"file": chunk.file, "format": "oatutor"})
                cleaned.frames["questions"] = merged.questions
                totals.update({"read": len(found.questions) + len(found.refused), "new": merged.new})
                totals.update({"changed": merged.changed, "unchanged": merged.unchanged})
                refused += [*found.refused, *merged.refused]
            if not dry_run:
                loading.load_cleaned(loop.engine, cleaned, "oatutor")
            advance(chunk.consumed - behind)
            behind = chunk.consumed
    counts = {name: totals[name] for name in ("read", "new", "changed", "unchanged")}
    return {"file": str(folder), "format": "oatutor", "dry_run": dry_run, **counts, **_refused(refused)}


def _form(data: bytes, file: Path) -> str:
    """By what the file begins with, then by its name."""
    if is_package(data):
        return "qti21"
    head = data[:4000].replace(b"\0", b"")
    if re.search(rb"<quiz[\s>]", head):
        return "moodle"
    if re.search(rb"<(?:\w+:)?(?:qti-assessment-item|assessmentItem)[\s>]", head):
        return "qti21"
    forms = {".gift": "gift", ".txt": "gift", ".csv": "csv", ".json": "json", ".xml": "moodle"}
    form = forms.get(file.suffix.lower(), "")
    if not form:
        raise BadInput(f"it does not show what {file.name} is", f"--format {'|'.join(IMPORTS)}", "format")
    return form


def _below(loop: Loop, item_id: str) -> set[str]:
    """`item_id` and all that hangs on it. Raises UnknownThing."""
    items = reading.items(loop.engine)
    if item_id not in set(items["item_id"]):
        raise UnknownThing(f"there is no item {item_id!r}", "learnloop status")
    children = items.dropna(subset=["parent_id"]).groupby("parent_id")["item_id"].agg(list).to_dict()
    found, waiting = {item_id}, [item_id]
    while waiting:
        new = [child for child in children.get(waiting.pop(), []) if child not in found]
        found.update(new)
        waiting += new
    return found


def _placed(questions: pd.DataFrame, items: pd.DataFrame, item_id: str, placeholder: str) -> pd.DataFrame:
    """Each with a lesson that is here, and the hash of its text where the file's is of another lesson."""
    texts = dict(zip(items["item_id"], items["text"], strict=True)) | {placeholder: ""}
    said = questions["item_id"]
    place = pd.Series(item_id, index=said.index) if item_id else said.where(said.isin(texts), placeholder)
    hashes = [
        stated if here == there and here != placeholder else hashlib.sha256(texts[here].encode()).hexdigest()
        for here, there, stated in zip(place, said, questions["source_sha256"], strict=True)
    ]
    return questions.assign(
        item_id=place.astype(said.dtype), source_sha256=pd.Series(hashes, index=said.index, dtype=str)
    )


def _known_concepts(loop: Loop, questions: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without the concepts that nobody here has heard of, and which those are."""
    known = set(reading.concepts(loop.engine)["concept_id"])
    unknown = sorted(
        {name for names in questions["concept_ids"] for name in names or [] if name not in known}
    )
    kept = [[name for name in names or [] if name in known] for names in questions["concept_ids"]]
    return questions.assign(concept_ids=pd.Series(kept, index=questions.index, dtype=object)), unknown


def _assessment(item_id: str, title: str, questions: pd.DataFrame) -> pd.DataFrame:
    """ITEMS with the one that questions without a lesson hang on: a test, so that nobody studies it."""
    tongue = str(questions["language"].mode().iloc[0])
    row = {**dict.fromkeys(ITEMS.columns), "item_id": item_id, "source": "imported", "kind": "assessment"}
    row |= {"title": title, "text": "", "language": tongue, "attributes": {}}
    columns = {
        name: pd.Series([row[name]], dtype=str(column.dtype) if column.dtype else object)
        for name, column in ITEMS.columns.items()
    }
    return pd.DataFrame(columns)


def _rejected(file: Path, refused: list[Refusal]) -> pd.DataFrame:
    """As rejected rows, for `learnloop import rejected --source questions`."""
    lines = [int(found[1]) if (found := re.match(r"line (\d+)", one.where)) else 0 for one in refused]
    rows = [(file.name, line, one.reason, one.where) for line, one in zip(lines, refused, strict=True)]
    return pd.DataFrame(rows, columns=["file", "line", "reason", "record"])


def _counts(merged: Merged, refused: list[Refusal]) -> dict[str, int]:
    kept = {"new": merged.new, "changed": merged.changed, "unchanged": merged.unchanged}
    return {"read": sum(kept.values()) + len(refused), **kept}


def _refused(refused: list[Refusal]) -> dict[str, Any]:
    reasons = Counter(one.reason for one in refused)
    return {
        "refused": dict(reasons.most_common()),
        "refused_questions": [{"question": one.where, "reason": one.reason} for one in refused[:SHOWN]],
    }
