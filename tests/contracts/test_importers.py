"""What every importer promises, checked on small inputs of our own and, where it lies, on real data.

An importer is a reader (collect) and a cleaner (prepare); `SAMPLES` holds one sound input each, with one
row or record broken in `broken`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import log_samples as logs
import pandas as pd
import pytest
from importer_samples import (
    csv_broken,
    csv_sample,
    movielens_broken,
    movielens_sample,
    oatutor_broken,
    oatutor_sample,
    openstax_broken,
    openstax_sample,
    oulad_broken,
    oulad_sample,
    responses_broken,
    responses_sample,
)

from learnloop.collect import movielens as read_movielens
from learnloop.collect import oatutor as read_oatutor
from learnloop.collect import openedx as read_openedx
from learnloop.collect import openstax as read_openstax
from learnloop.collect import oulad as read_oulad
from learnloop.collect import responses as read_responses
from learnloop.collect import tables as read_tables
from learnloop.collect import xapi as read_xapi
from learnloop.errors import BadInput
from learnloop.prepare import movielens as clean_movielens
from learnloop.prepare import oatutor as clean_oatutor
from learnloop.prepare import openedx as clean_openedx
from learnloop.prepare import openstax as clean_openstax
from learnloop.prepare import oulad as clean_oulad
from learnloop.prepare import responses as clean_responses
from learnloop.prepare import tables as clean_tables
from learnloop.prepare import xapi as clean_xapi
from learnloop.schemas import Accounting, Cleaned, RawChunk
from learnloop.store.tables import CONTRACTS

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
LEARNERS = ["71000001", "71000002", "71000003"]  # outside ids no frame may show


def pseudonymise(ids: pd.Series) -> pd.Series:
    return ids.map(lambda outside: "p" + format(hash_of(outside), "x")).astype("str")


def hash_of(text: str) -> int:
    """A pseudonym for tests: FNV-1a, not secret but not readable."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


@dataclass(frozen=True)
class Importer:
    """read(folder, chunk_rows) gives chunks; clean(chunk, context) cleans them; context() is a fresh one."""

    write: Callable[[Path], None]
    broken: Callable[[Path], tuple[str, int]]  # breaks one row: the file and line it is reported with
    read: Callable[[Path, int], Iterator[RawChunk]]
    context: Callable[[], Any]
    clean: Callable[[RawChunk, Any], Cleaned]


IMPORTERS = {
    "oulad": Importer(
        oulad_sample,
        oulad_broken,
        read_oulad.read,
        lambda: clean_oulad.Context(pseudonymise, NOW),
        clean_oulad.clean,
    ),
    "oatutor": Importer(
        oatutor_sample, oatutor_broken, read_oatutor.read, clean_oatutor.Context, clean_oatutor.clean
    ),
    "csv": Importer(
        csv_sample,
        csv_broken,
        lambda folder, rows: read_tables.read(folder / "items.csv", folder / "interactions.csv", "csv", rows),
        lambda: clean_tables.Context(pseudonymise, NOW),
        clean_tables.clean,
    ),
    "openstax": Importer(
        openstax_sample,
        openstax_broken,
        read_openstax.read,
        clean_openstax.Context,
        clean_openstax.clean,
    ),
    "responses": Importer(
        responses_sample,
        responses_broken,
        lambda folder, rows: read_responses.read(folder / "answers.tsv", "responses", rows),
        lambda: clean_responses.Context(pseudonymise, NOW),
        clean_responses.clean,
    ),
    "movielens": Importer(
        movielens_sample,
        movielens_broken,
        read_movielens.read,
        lambda: clean_movielens.Context(pseudonymise, NOW),
        clean_movielens.clean,
    ),
    "xapi": Importer(
        logs.xapi_sample,
        logs.xapi_broken,
        lambda folder, rows: read_xapi.read(folder, chunk_rows=rows),
        lambda: clean_xapi.Context(pseudonymise, NOW),
        clean_xapi.clean,
    ),
    "xapi array": Importer(
        logs.xapi_array_sample,
        logs.xapi_array_broken,
        lambda folder, rows: read_xapi.read(folder, chunk_rows=rows),
        lambda: clean_xapi.Context(pseudonymise, NOW),
        clean_xapi.clean,
    ),
    "openedx": Importer(
        logs.openedx_sample,
        logs.openedx_broken,
        lambda folder, rows: read_openedx.read(folder, chunk_rows=rows),
        lambda: clean_openedx.Context(pseudonymise, NOW),
        clean_openedx.clean,
    ),
}


@dataclass
class Imported:
    frames: dict[str, pd.DataFrame]
    rejected: pd.DataFrame
    accounts: dict[str, Accounting]


@pytest.fixture(params=list(IMPORTERS))
def importer(request: pytest.FixtureRequest) -> Importer:
    return IMPORTERS[request.param]


def run(importer: Importer, folder: Path, chunk_rows: int = 50_000) -> Imported:
    context, accounts = importer.context(), dict[str, Accounting]()
    frames: dict[str, list[pd.DataFrame]] = {}
    rejected = []
    for chunk in importer.read(folder, chunk_rows):
        cleaned = importer.clean(chunk, context)
        assert cleaned.accounting.balanced, (chunk.kind, cleaned.accounting)
        if chunk.kind != "content":  # whose rows are files of several records
            assert cleaned.accounting.read == len(chunk.frame)
        for kind, account in {chunk.kind: cleaned.accounting, **cleaned.by_kind}.items():
            accounts.setdefault(kind, Accounting()).add(account)
        for table, frame in cleaned.frames.items():
            frames.setdefault(table, []).append(frame)
        rejected.append(cleaned.rejected)
    return Imported(
        {table: pd.concat(parts, ignore_index=True) for table, parts in frames.items()},
        pd.concat(rejected, ignore_index=True),
        accounts,
    )


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    key = [name for name in frame if name.endswith("_id")]
    return frame.sort_values(key, ignore_index=True)


def same(one: Imported, other: Imported) -> None:
    assert one.accounts == other.accounts
    assert one.frames.keys() == other.frames.keys()
    for table in one.frames:
        pd.testing.assert_frame_equal(in_order(one.frames[table]), in_order(other.frames[table]))
    pd.testing.assert_frame_equal(one.rejected, other.rejected)


def test_every_row_is_accounted_for(importer: Importer, tmp_path: Path) -> None:
    importer.write(tmp_path)
    imported = run(importer, tmp_path)
    assert all(account.balanced and account.read for account in imported.accounts.values())
    assert imported.rejected.empty


def test_the_frames_keep_their_contracts_over_all_chunks(importer: Importer, tmp_path: Path) -> None:
    importer.write(tmp_path)
    for table, frame in run(importer, tmp_path, 1).frames.items():
        assert len(CONTRACTS[table].validate(frame)) == len(frame)  # keys are unique over chunks too


def test_a_second_import_gives_the_same_rows_with_the_same_ids(importer: Importer, tmp_path: Path) -> None:
    importer.write(tmp_path)
    same(run(importer, tmp_path), run(importer, tmp_path))


@pytest.mark.parametrize("chunk_rows", [1, 2, 3])
def test_the_size_of_chunks_changes_nothing(importer: Importer, tmp_path: Path, chunk_rows: int) -> None:
    importer.write(tmp_path)
    importer.broken(tmp_path)
    same(run(importer, tmp_path), run(importer, tmp_path, chunk_rows))


def test_chunks_have_one_last_of_each_file_and_bytes_that_grow(importer: Importer, tmp_path: Path) -> None:
    importer.write(tmp_path)
    chunks = list(importer.read(tmp_path, 2))
    assert all(len(chunk.frame) for chunk in chunks)
    for file in {chunk.file for chunk in chunks}:
        own = [chunk.last for chunk in chunks if chunk.file == file]
        assert own == [False] * (len(own) - 1) + [True]
    consumed = [chunk.consumed for chunk in chunks]
    assert consumed == sorted(consumed)
    names = {chunk.file for chunk in chunks}
    named = [path for path in tmp_path.rglob("*") if names & set(path.relative_to(tmp_path).parts)]
    assert consumed[-1] == sum(path.stat().st_size for path in named if path.is_file())


def test_a_broken_row_is_refused_with_its_file_and_line_and_the_rest_stays(
    importer: Importer, tmp_path: Path
) -> None:
    importer.write(tmp_path)
    before = run(importer, tmp_path)
    file, line = importer.broken(tmp_path)
    after = run(importer, tmp_path)
    assert (file, line) in list(zip(after.rejected["file"], after.rejected["line"], strict=True))
    assert all(account.balanced for account in after.accounts.values())
    lost = sum(
        sum(account.rejected.values())
        for kind, account in after.accounts.items()
        if kind != "content" and not kind.startswith("events: ")  # the same rows again, by type
    )
    assert lost == len(after.rejected)
    kept = {kind: account.kept for kind, account in after.accounts.items()}
    for kind, account in before.accounts.items():
        assert account.kept - 4 < kept[kind] <= account.kept


# One sound row in the file named first, and rows that are refused with a learner's id in several places.
TELLING = {
    "oulad": ("studentAssessment.csv", "99,71000003,5,0,50\n10,71000003,x,0,50\n71000001,71000003,5,0,7\n"),
    "csv": (
        "interactions.csv",
        "71000003,nothing,2025-01-01,1,71000003\n71000003,vars,soon,1,e-71000003\n"
        "vars,71000002,2025-01-01,1,e7\nvars,loops,71000002,1,e8\n",
    ),
    "responses": ("answers.tsv", "5\t71000003\t71000001\t1\t7\n71000003\t5\t1499059021\t71000002\t7\n"),
    "movielens": ("ratings.csv", "71000003,71000001,5,1260759148\n1,71000003,71000002,71000001\n"),
    "xapi": ("statements.jsonl", logs.XAPI_TELLING),
    "openedx": ("tracking.log", logs.OPENEDX_TELLING),
}
OUTSIDE = {"xapi": logs.XAPI_OUTSIDE}  # what stands for LEARNERS there


@pytest.mark.parametrize("name", list(TELLING))
def test_no_outside_id_of_a_learner_appears_in_any_frame(name: str, tmp_path: Path) -> None:
    importer = IMPORTERS[name]
    importer.write(tmp_path)
    importer.broken(tmp_path)
    target, rows = TELLING[name]
    with (tmp_path / target).open("a") as file:
        file.write(rows)
    imported = run(importer, tmp_path)
    assert len(imported.rejected) == 1 + rows.count("\n")
    for table, frame in {**imported.frames, "rejected": imported.rejected}.items():
        text = frame.to_json(orient="values", date_format="iso")
        assert not [learner for learner in LEARNERS if learner[:6] in text], table
    expected = set(pseudonymise(pd.Series(OUTSIDE.get(name, LEARNERS))))
    assert set(imported.frames["learners"]["learner_id"]) == expected
    assert set(imported.frames["interactions"]["learner_id"]) <= expected


def test_a_folder_without_the_files_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for name in set(IMPORTERS) - {"xapi array"}:
        with pytest.raises(BadInput) as refusal:
            run(IMPORTERS[name], tmp_path)
        assert refusal.value.next_step


def test_ednet_whole_every_answer_of_the_real_file(shared_data: Path) -> None:
    path = shared_data / "ednet-small" / "preprocessed_data_test.csv"
    if not path.is_file():
        pytest.skip(f"no real data at {path}")
    context = clean_responses.Context(pseudonymise, NOW)
    account, frames = Accounting(), dict[str, list[pd.DataFrame]]()
    for chunk in read_responses.read(path):
        cleaned = clean_responses.clean(chunk, context)
        account.add(cleaned.accounting)
        for table, frame in cleaned.frames.items():
            frames.setdefault(table, []).append(frame)
    assert (account.read, account.kept) == (87_210, 87_191)
    # the same answer in the same second, and in the next
    assert account.rejected == {"duplicate event": 17, "repeat within 2 s": 2}
    assert {table: sum(map(len, parts)) for table, parts in frames.items()} == {
        "items": 11_640,
        "concepts": 117,
        "item_concepts": 11_640,
        "learners": 1_000,
        "interactions": 87_191,
    }


def test_movielens_whole_every_rating_of_the_real_file(shared_data: Path) -> None:
    folder = shared_data / "movielens-latest-small"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    imported = run(IMPORTERS["movielens"], folder)
    assert imported.accounts["movies"].kept == imported.accounts["movies"].read == 9_125
    assert imported.accounts["ratings"].kept == imported.accounts["ratings"].read == 100_004
    assert imported.frames["interactions"]["score"].between(0, 1).all()
    assert imported.frames["interactions"]["learner_id"].nunique() == 671


@pytest.mark.parametrize(
    ("book", "modules", "exercises", "answered", "choice", "held_back"),
    # Of 3,376 exercises one is empty, and ten have two solutions; comments hold the solutions held back.
    [
        ("openstax-psychology-en", 105, 589, 480, 311, 3),
        ("openstax-estadistica-es", 179, 3_376, 1_871, 74, 323),
    ],
)
def test_openstax_whole_every_exercise_of_the_real_books(
    book: str,
    modules: int,
    exercises: int,
    answered: int,
    choice: int,
    held_back: int,
    shared_data: Path,
) -> None:
    folder = shared_data / book
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    imported = run(IMPORTERS["openstax"], folder, 20)
    assert imported.accounts["modules"].kept == imported.accounts["modules"].read == modules
    account = imported.accounts["exercises"]
    assert (account.read, account.repaired[clean_openstax.HELD_BACK]) == (exercises, held_back)
    items = imported.frames["items"].set_index("item_id")
    own = items[items["kind"] == "exercise"]
    assert (len(own), own["answer"].notna().sum()) == (account.kept, answered)
    assert len(imported.frames["questions"]) == choice
    lessons = items[items["kind"] == "lesson"]
    assert (lessons["text"].str.len() > 200).all()
    assert set(items["parent_id"].dropna()) <= set(items.index)
    assert not items["text"].str.contains(r"</?(?:m:|para|item|mrow|emphasis)").any()
    for _, book_lessons in lessons.groupby("parent_id"):
        assert sorted(book_lessons["position"]) == list(range(1, len(book_lessons) + 1))
    assert set(imported.frames["item_concepts"]["concept_id"]) == set(
        imported.frames["concepts"]["concept_id"]
    )


def test_oulad_whole_every_row_of_the_real_files(shared_data: Path) -> None:
    folder = shared_data / "oulad"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    imported = run(IMPORTERS["oulad"], folder)
    for kind, paths in read_oulad.files(folder).items():
        lines = sum(len(path.read_bytes().splitlines()) - 1 for path in paths)
        assert imported.accounts[kind].read == imported.accounts[kind].kept == lines, kind
    assert imported.accounts["studentInfo"].repaired["imd_band: percent sign added"] == 3_516
    assert imported.accounts["studentAssessment"].repaired == {"missing score left empty": 173}
    assert imported.accounts["assessments"].repaired == {
        "missing date left empty: the end of the presentation": 11
    }
    events = imported.frames["interactions"]
    assert events["event_id"].is_unique
    assert events["verb"].value_counts().to_dict() == {
        "answered": 172_003,
        "scored": 1_909,
        "experienced": imported.accounts["studentVle"].kept,
    }
    items = imported.frames["items"]
    assert (items["kind"] == "assessment").sum() == 70
    assert set(events["item_id"]) <= set(items["item_id"])
    enrolments = imported.frames["enrolments"]
    assert len(enrolments) == 32_593
    assert enrolments["result"].notna().all()
    assert enrolments["registered_at"].isna().sum() == 45
    assert set(enrolments["learner_id"]) == set(imported.frames["learners"]["learner_id"])


def test_oatutor_whole_every_record_of_the_real_pool(shared_data: Path) -> None:
    folder = shared_data / "oatutor"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    imported = run(IMPORTERS["oatutor"], folder)
    kept = {kind: account.kept for kind, account in imported.accounts.items()}
    assert (kept["problems"], kept["steps"]) == (12_814, 16_362)
    assert kept["hints"] == 61_700
    choice = imported.accounts["multiple_choice"]
    assert choice.read == 6_575
    assert choice.kept == len(imported.frames["questions"])
    items, questions = imported.frames["items"], imported.frames["questions"]
    assert items["item_id"].is_unique
    assert set(items["parent_id"].dropna()) <= set(items["item_id"])
    assert set(questions["item_id"]) <= set(items["item_id"])
    assert all(key in options for key, options in zip(questions["key"], questions["options"], strict=True))
    assert set(imported.frames["item_concepts"]["concept_id"]) == set(
        imported.frames["concepts"]["concept_id"]
    )
    assert set(items["language"]) == {"en", "sv"}
