"""Files damaged in every way we know of: one line says which and where, and nothing at all is loaded."""

import gzip
import json
import os
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.collect import inputs
from learnloop.store import reading


@dataclass(frozen=True)
class Sample:
    """A small sound input: its files, the one to damage (lines of it are records) and the command."""

    files: dict[str, str]
    target: str
    arguments: Callable[[Path], list[str]]
    delimited: bool = True

    @property
    def text(self) -> str:
        return self.files[self.target]


def folder_of(name: str) -> Callable[[Path], list[str]]:
    return lambda folder: [name, str(folder)]


STATEMENT = {
    "actor": {"mbox": "mailto:ana@school.example"},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
    "object": {"id": "https://lms.example/q/1", "definition": {"name": {"es": "Números"}}},
    "timestamp": "2024-03-01T10:00:00Z",
}
MOVE = {
    "event_type": "edx.course.enrollment.activated",
    "event_source": "server",
    "time": "2024-03-01T10:00:00+00:00",
    "context": {"user_id": 1, "course_id": "course-v1:X+Y+2024", "path": "/año"},
    "event": {"user_id": 7, "course_id": "course-v1:X+Y+2024"},
}
MODULE = (
    '<document xmlns="http://cnx.rice.edu/cnxml">\n<title>Señales</title>\n<content>\n'
    "<para>Año uno.</para>\n<para>Año dos.</para>\n<para>Año tres.</para>\n</content>\n</document>\n"
)
SAMPLES = {
    "csv": Sample(
        {
            "items.csv": "item_id,title\nloops,Bucles\n",
            "log.csv": "learner_id,item_id,occurred_at,note\n" + "ana,loops,2025-01-01,año\n" * 4,
        },
        "log.csv",
        lambda folder: ["csv", "--items", f"{folder}/items.csv", "--interactions", f"{folder}/log.csv"],
    ),
    "responses": Sample(
        {
            "answers.csv": "user_id,item_id,timestamp,correct,skill_id\n"
            + "".join(f"7,{n},149905902{n},1,año\n" for n in range(4))
        },
        "answers.csv",
        lambda folder: ["responses", f"{folder}/answers.csv"],
    ),
    "movielens": Sample(
        {
            "movies.csv": "movieId,title,genres\n" + "".join(f"{n},Año {n},Drama\n" for n in range(4)),
            "ratings.csv": "userId,movieId,rating,timestamp\n7,1,4.0,1260759144\n",
        },
        "movies.csv",
        folder_of("movielens"),
    ),
    "oulad": Sample(
        {
            "courses.csv": "code_module,code_presentation,module_presentation_length\nXYZ,2013J,268\n",
            "studentInfo.csv": "code_module,code_presentation,id_student,gender,region,highest_education,"
            "imd_band,age_band,num_of_prev_attempts,studied_credits,disability,final_result\n"
            + "".join(f"XYZ,2013J,{n},F,Año,A Level,10-20%,0-35,0,60,N,Pass\n" for n in range(1, 5)),
        },
        "studentInfo.csv",
        folder_of("oulad"),
    ),
    "openstax": Sample(
        {
            "collections/book.collection.xml": '<collection xmlns="http://cnx.rice.edu/collxml" '
            'xmlns:md="http://cnx.rice.edu/mdml"><metadata><md:title>Book</md:title></metadata>'
            '<content><module document="m1"/></content></collection>',
            "modules/m1/index.cnxml": MODULE,
        },
        "modules/m1/index.cnxml",
        folder_of("openstax"),
        delimited=False,
    ),
    "xapi": Sample(
        {"log.jsonl": (json.dumps(STATEMENT, ensure_ascii=False) + "\n") * 4},
        "log.jsonl",
        lambda folder: ["xapi", f"{folder}/log.jsonl"],
        delimited=False,
    ),
    "openedx": Sample(
        {"tracking.log": (json.dumps(MOVE, ensure_ascii=False) + "\n") * 4},
        "tracking.log",
        lambda folder: ["openedx", f"{folder}/tracking.log"],
        delimited=False,
    ),
}
everywhere = pytest.mark.parametrize("name", list(SAMPLES))
delimited = pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.delimited])


def written(name: str, folder: Path, content: bytes | None = None) -> Path:
    """The sample in `folder`, its target as it is or with `content`; the target's path."""
    sample = SAMPLES[name]
    for member, text in sample.files.items():
        (folder / member).parent.mkdir(parents=True, exist_ok=True)
        (folder / member).write_bytes(text.encode())
    target = folder / sample.target
    if content is not None:
        target.write_bytes(content)
    return target


@pytest.fixture
def refused(tmp_path: Path, database_url: str, engine: sa.Engine) -> Callable[[str], str]:
    """Runs the import of the sample in tmp_path, which must end in one line and leave no trace."""

    def run(name: str) -> str:
        home = tmp_path / "home"
        environment: dict[str, str | None] = dict.fromkeys(
            n for n in os.environ if n.startswith("LEARNLOOP_")
        )
        environment |= {"LEARNLOOP_HOME": str(home), "LEARNLOOP_DATABASE_URL": database_url}
        done = CliRunner().invoke(app, ["import", *SAMPLES[name].arguments(tmp_path)], env=environment)
        assert (done.exit_code, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert re.fullmatch(r"learnloop: .+ Try: .+", line), line
        assert set(reading.counts(engine).values()) <= {0}
        assert not home.exists()
        return line

    return run


@everywhere
def test_the_samples_are_sound(name: str, tmp_path: Path, database_url: str) -> None:
    written(name, tmp_path)
    environment: dict[str, str | None] = dict.fromkeys(n for n in os.environ if n.startswith("LEARNLOOP_"))
    environment |= {"LEARNLOOP_HOME": str(tmp_path / "home"), "LEARNLOOP_DATABASE_URL": database_url}
    arguments = ["import", *SAMPLES[name].arguments(tmp_path), "--dry-run", "--json"]
    done = CliRunner().invoke(app, arguments, env=environment)
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert "problem" not in report
    assert sum(report["would_write"].values()) > 0


@everywhere
def test_a_file_cut_in_the_middle_of_a_line(name: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    text = SAMPLES[name].text.rstrip("\n").encode()
    lines = text.count(b"\n") + 1
    cut = text[: text.rindex(b"\n") + 1 + len(text.rsplit(b"\n", 1)[1]) // 3]
    target = written(name, tmp_path, cut)
    line = refused(name)
    assert target.name in line
    assert f"line {lines}" in line


@everywhere
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_another_encoding(name: str, encoding: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    target = written(name, tmp_path, SAMPLES[name].text.encode(encoding))
    line = refused(name)
    assert re.search(rf"{target.name} line \d+ .*UTF-8|{target.name} line 1: this is UTF-", line), line
    assert "iconv" in line


@everywhere
def test_nul_bytes_all_over(name: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    sample = SAMPLES[name]
    first, rest = sample.text.split("\n", 1)
    last = rest.strip("\n").split("\n")[-1]
    filler = f"{last[:9]}\0{last[9:]}\n" * 60
    target = written(name, tmp_path, f"{first}\n{filler}{rest}".encode())
    assert re.search(rf"{target.name} line 2 and 59 more hold NUL bytes", refused(name))


@everywhere
def test_a_line_without_end(name: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    first, rest = SAMPLES[name].text.split("\n", 1)
    target = written(name, tmp_path)
    with target.open("wb") as file:  # 60 MB in one line
        file.write(f"{first}\n".encode())
        for _ in range(60):
            file.write(b"x" * 1_000_000)
        file.write(rest.encode())
    tracemalloc.start()
    line = refused(name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"{target.name} line 2 is longer than 16 MiB" in line
    assert peak < 56_000_000


@pytest.mark.parametrize("kind", ["gz", "zip"])
@everywhere
def test_a_bomb(
    name: str, kind: str, tmp_path: Path, refused: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "UNPACKED_FREE", 1 << 20)
    content = SAMPLES[name].text.encode() * (1 + (6 << 20) // len(SAMPLES[name].text))
    target = written(name, tmp_path)
    if kind == "gz":
        target.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.csv", content)
    assert f"{target.name} unpacks to more than 200 times its size" in refused(name)


@pytest.mark.parametrize("keep", [0.5, 0.99])
@everywhere
def test_a_cut_archive(name: str, keep: float, tmp_path: Path, refused: Callable[[str], str]) -> None:
    packed = gzip.compress(SAMPLES[name].text.encode())
    target = written(name, tmp_path, packed[: int(len(packed) * keep)])
    assert f"{target.name} is cut or damaged" in refused(name)


@everywhere
def test_no_content(name: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    target = written(name, tmp_path, b"")
    assert f"{target.name} is empty" in refused(name)


@delimited
def test_a_column_that_is_missing(name: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    sample = SAMPLES[name]
    rows = [line.split(",", 1)[1] for line in sample.text.splitlines()]
    target = written(name, tmp_path, "\n".join([*rows, ""]).encode())
    assert f"{target.name} line 1 lacks column {sample.text.split(',')[0]!r}" in refused(name)


@delimited
def test_a_column_that_is_there_twice(name: str, tmp_path: Path, refused: Callable[[str], str]) -> None:
    rows = [f"{line},{line.split(',')[0]}" for line in SAMPLES[name].text.splitlines()]
    target = written(name, tmp_path, "\n".join([*rows, ""]).encode())
    column = SAMPLES[name].text.split(",")[0]
    assert f"{target.name} line 1 names column {column!r} twice" in refused(name)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ('<!DOCTYPE d [<!ENTITY a "aaaa">]>\n', "line 1: declares entities"),
        ('<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n', "line 1: declares entities"),
        ("<!-- unended\n", "line 10: not well-formed XML: Comment not terminated"),
    ],
)
def test_xml_that_reaches_out_is_not_read(
    fault: str, told: str, tmp_path: Path, refused: Callable[[str], str]
) -> None:
    written("openstax", tmp_path, (fault + MODULE).encode())
    assert f"modules/m1/index.cnxml {told}" in refused("openstax")


def test_the_second_file_is_looked_at_before_the_first_is_loaded(
    tmp_path: Path, refused: Callable[[str], str]
) -> None:
    written("movielens", tmp_path)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n7,1,4.0,1260759144\n7,1")
    assert "ratings.csv line 3 is cut in the middle" in refused("movielens")
