"""simulate --family: answers of simulated learners and the truth behind them as files, without a database.

DIR/answers.csv          learner_id, item_id, concept_id (joined by ~), occurred_at, correct (1 or 0)
DIR/items.csv            item_id, concept_id, minutes
DIR/prerequisites.csv    concept_id, requires_id
DIR/truth.answers.csv    p_correct, a row for each row of answers.csv
DIR/truth.items.csv      item_id, difficulty
DIR/truth.concepts.csv   the family's parameters
DIR/truth.learners.csv   what was planted in each learner, and whether they stayed
DIR/truth.mastery.csv    learner_id, concept_id, mastery, mastered, ready: after the last answer
DIR/manifest.json        what was asked for, and how many rows

or .parquet. The folder is written beside its place and renamed into it: it is there whole, or not at all.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from learnloop.errors import BadInput, UnknownThing
from learnloop.simulate.course import planted_course
from learnloop.simulate.families import FAMILIES
from learnloop.simulate.practice import POLICIES, Block, blocks, mastery_frame, moments
from learnloop.workflow.console import bar
from learnloop.workflow.context import Loop
from learnloop.workflow.whole import write_json

FORMATS = ("csv", "parquet")
TABLES = (
    "answers",
    "items",
    "prerequisites",
    "truth.answers",
    "truth.items",
    "truth.concepts",
    "truth.learners",
    "truth.mastery",
)
MANIFEST = "manifest.json"
KIND = "simulated answers"


def simulate_family(
    loop: Loop,
    *,
    family: str,
    out: Path,
    learners: int = 600,
    answers: int = 100,
    concepts: int = 20,
    policy: str = "random",
    format_: str = "csv",
    seed: int = 0,
) -> dict[str, Any]:
    """Writes `out` and says what is in it. A folder of an earlier run of this command is replaced.

    loop: not used; no database is started. Memory does not grow with the number of learners. Raises
    UnknownThing for the family, BadInput where `out` holds something else, or for the rest.
    """
    _refuse(family, policy, format_)
    _claim(out)
    course = planted_course(n_concepts=concepts, seed=seed)
    asked = {
        "kind": KIND,
        "family": family,
        "learners": learners,
        "answers_per_learner": answers,
        "concepts": concepts,
        "policy": policy,
        "seed": seed,
    }
    rows = right = dropped = 0
    with _whole_folder(out) as folder, bar(f"simulated {learners:,} learners", learners) as advance:
        with _Tables(folder, format_) as tables:
            item_frame = course.items_frame()
            tables.add("items", item_frame[["item_id", "concept_id", "minutes"]])
            tables.add("prerequisites", course.prerequisites_frame())
            tables.add("truth.items", item_frame[["item_id", "difficulty"]])
            for number, block in enumerate(blocks(family, learners, answers, seed, course, policy)):
                tables.add("answers", _answers_table(block))
                tables.add("truth.answers", pa.table({"p_correct": block.p_correct.round(6)}))
                tables.add("truth.learners", block.environment.learners_frame())
                tables.add("truth.mastery", mastery_frame(block.environment))
                if number == 0:
                    tables.add("truth.concepts", block.environment.concepts)
                rows += len(block.item)
                right += int(block.correct.sum())
                dropped += int((~block.environment.active).sum())
                advance(block.environment.n_learners, f"{rows:,} answers")
        counted = {"answers": rows, "correct": right / rows, "dropped_out": dropped}
        report = {**asked, **counted, "files": {name: f"{name}.{format_}" for name in TABLES}}
        write_json(folder / MANIFEST, report)
    return {"out": str(out), **report}


class _Tables:
    """Files of a folder that grow by pieces."""

    def __init__(self, folder: Path, format_: str) -> None:
        self.folder, self.format_ = folder, format_
        self.writers: dict[str, Any] = {}

    def __enter__(self) -> "_Tables":
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers.values():
            writer.close()

    def add(self, name: str, rows: pd.DataFrame | pa.Table) -> None:
        table = pa.Table.from_pandas(rows, preserve_index=False) if isinstance(rows, pd.DataFrame) else rows
        if self.format_ == "csv":
            table = _for_csv(table)
        if name not in self.writers:
            path = self.folder / f"{name}.{self.format_}"
            if self.format_ == "csv":
                plain = pacsv.WriteOptions(quoting_style="none", quoting_header="none")
                self.writers[name] = pacsv.CSVWriter(path, table.schema, write_options=plain)
            else:
                self.writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
        self.writers[name].write_table(table)


def _answers_table(block: Block) -> pa.Table:
    """Identifiers by dictionary: each is made once, however often it is answered."""
    course = block.environment.course
    return pa.table(
        {
            "learner_id": pa.array(block.environment.learner_ids()).take(pa.array(block.learner)),
            "item_id": pa.array(course.item_ids.tolist()).take(pa.array(block.item)),
            "concept_id": pa.array(course.items_frame()["concept_id"]).take(pa.array(block.item)),
            "occurred_at": pa.array(moments(block.day).tz_localize(None)).cast(
                pa.timestamp("us", tz="UTC"), safe=False
            ),
            "correct": pa.array(block.correct),
        }
    )


def _for_csv(table: pa.Table) -> pa.Table:
    """Times as 2026-01-05T08:07:48Z to the second (answers are half a minute apart or more); bool as 1, 0."""
    for place, column in enumerate(table.schema):
        values = table.column(place)
        if pa.types.is_timestamp(column.type):
            text = pc.cast(pc.cast(values, pa.timestamp("s"), safe=False), pa.string())
            values = pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), "Z", "")
        elif pa.types.is_boolean(column.type):
            values = values.cast(pa.int8())
        table = table.set_column(place, column.name, values)
    return table


def _refuse(family: str, policy: str, format_: str) -> None:
    named = "learnloop simulate --family bkt --learners 600 --out DIR"
    if family not in FAMILIES:
        raise UnknownThing(
            f"there is no family {family!r} of simulated learners; there are {', '.join(FAMILIES)}", named
        )
    for name, value, known in (("policy", policy, POLICIES), ("format", format_, FORMATS)):
        if value not in known:
            typed = [one.replace(" ", "-") for one in (value, *known)]
            problem = f"--{name} {typed[0]} is none of {', '.join(typed[1:])}"
            raise BadInput(problem, f"{named} --{name} {typed[1]}", name)


def _claim(out: Path) -> None:
    """Nothing is there, or an empty folder, or a folder with nothing but our own files."""
    if out.is_dir() and not out.is_symlink():
        manifest = out / MANIFEST
        names = {path.name for path in out.iterdir()}
        if not names:
            return
        ours = {f"{name}.{format_}" for name in TABLES for format_ in FORMATS} | {MANIFEST}
        if names <= ours and manifest.is_file() and _kind_of(manifest) == KIND:
            return
    elif not out.exists() and not out.is_symlink():
        return
    raise BadInput(f"{out} is there and is no folder of simulated answers", "choose another --out", "out")


def _kind_of(manifest: Path) -> str:
    try:
        read = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        return ""
    return str(read.get("kind", "")) if isinstance(read, dict) else ""


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out`, which becomes `out` when the block ends well and is removed when it does not."""
    out = out.absolute()
    beside = out.with_name(f".{out.name}.{os.getpid()}.writing")
    former = out.with_name(f".{out.name}.{os.getpid()}.former")
    _forget_killed(out)
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        raise BadInput(f"{out} cannot be made: {error.strerror}", "choose another --out", "out") from error
    try:
        yield beside
        if out.is_dir():
            _claim(out)  # again: somebody may have put something there meanwhile
            out.rename(former)
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def _forget_killed(out: Path) -> None:
    """Removes what runs that were killed left beside `out`."""
    for left in [*out.parent.glob(f".{out.name}.*.writing"), *out.parent.glob(f".{out.name}.*.former")]:
        number = left.name.split(".")[-2]
        if not (number.isdigit() and left.is_dir() and not _runs(int(number))):
            continue
        if left.suffix == ".former" and not out.exists():
            left.rename(out)  # killed between two renames
        else:
            shutil.rmtree(left, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
