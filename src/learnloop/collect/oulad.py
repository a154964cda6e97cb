"""OULAD, the Open University Learning Analytics dataset, read from its folder of CSV files.

A record of studentAssessment.csv, its largest file but one (Kuzilek, Hlosta & Zdrahal 2017, CC BY 4.0):

    id_assessment,id_student,date_submitted,is_banked,score
    1752,11391,18,0,78

A field never holds a newline, so every line is a record. The files come in the order in which their
cleaning needs them: the catalogue, who registered, who they are, and only then what they did.
"""

from collections.abc import Iterator
from pathlib import Path

from learnloop.collect.delimited import Layout, inspect_delimited, read_delimited
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

SOURCE = "oulad"
_PRESENTATION = ("code_module", "code_presentation")
LAYOUTS = {
    "courses": Layout((*_PRESENTATION, "module_presentation_length"), multiline=False),
    "assessments": Layout(
        (*_PRESENTATION, "id_assessment", "assessment_type", "date", "weight"), multiline=False
    ),
    "vle": Layout(("id_site", *_PRESENTATION, "activity_type", "week_from", "week_to"), multiline=False),
    "studentRegistration": Layout(
        (*_PRESENTATION, "id_student", "date_registration", "date_unregistration"), multiline=False
    ),
    "studentInfo": Layout(
        (
            *_PRESENTATION,
            "id_student",
            "gender",
            "region",
            "highest_education",
            "imd_band",
            "age_band",
            "num_of_prev_attempts",
            "studied_credits",
            "disability",
            "final_result",
        ),
        multiline=False,
    ),
    "studentAssessment": Layout(
        ("id_assessment", "id_student", "date_submitted", "is_banked", "score"), multiline=False
    ),
    "studentVle": Layout((*_PRESENTATION, "id_student", "id_site", "date", "sum_click"), multiline=False),
}
NEEDED_BY = {"studentAssessment": "assessments", "studentVle": "vle"}


def files(folder: Path) -> dict[str, list[Path]]:
    """The files there are, by kind, in reading order; a kind whose file is absent has []."""
    found = {kind: [folder / f"{kind}.csv"] if (folder / f"{kind}.csv").is_file() else [] for kind in LAYOUTS}
    found["studentVle"] = sorted(folder.glob("studentVle*.csv"))  # published whole, and in parts
    return found


def size(folder: Path) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return sum(path.stat().st_size for paths in files(folder).values() for path in paths)


def inspect(folder: Path, advance: Advance | None = None) -> list[Inspected]:
    """Every file read through before any is imported. Raises BadInput."""
    return [
        inspect_delimited(path, LAYOUTS[kind], advance)
        for kind, paths in _wanted(folder).items()
        for path in paths
    ]


def read(folder: Path, chunk_rows: int = 50_000) -> Iterator[RawChunk]:
    """Every file in chunks of `chunk_rows`; the memory used is one chunk's. Raises BadInput."""
    before = 0
    for kind, paths in _wanted(folder).items():
        for path in paths:
            yield from read_delimited(path, SOURCE, kind, LAYOUTS[kind], chunk_rows, before)
            before += path.stat().st_size


def _wanted(folder: Path) -> dict[str, list[Path]]:
    found = files(folder)
    if not folder.is_dir() or not any(found.values()):
        raise BadInput(f"{folder} holds no OULAD file", "unpack the dataset and import its folder")
    wanted = {"courses", "studentInfo"} | {other for kind, other in NEEDED_BY.items() if found[kind]}
    lacking = [f"{kind}.csv" for kind in LAYOUTS if kind in wanted and not found[kind]]
    if lacking:
        raise BadInput(f"{folder} lacks {' and '.join(lacking)}", "put the whole dataset into one folder")
    return found
