"""place: a test at the command line, from a file or by hand, that goes on where it was."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from learnloop import schemas
from learnloop.cli.place import asked
from learnloop.errors import BadInput, NothingToDo, UnknownThing
from learnloop.settings import Settings
from learnloop.store import loading, releases
from learnloop.trace.rate import RateTracer
from learnloop.workflow.context import Loop
from learnloop.workflow.place import Question, from_file, place

COURSE = "t:course"
ANA, BEN = "a" * 32, "b" * 32
MODEL = """
import mlflow


class Nothing(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return []


mlflow.models.set_model(Nothing())
"""


def items() -> pd.DataFrame:
    """A course of three lessons with four questions each; the third question of each has two parts."""
    rows: list[tuple[str, str, str | None]] = [(COURSE, "course", None)]
    for lesson in range(3):
        rows.append((f"t:l{lesson}", "lesson", COURSE))
        rows += [(f"t:l{lesson}#q{n}", "exercise", f"t:l{lesson}") for n in range(3)]
        rows += [(f"t:l{lesson}#q2{part}", "question", f"t:l{lesson}#q2") for part in "ab"]
    frame = pd.DataFrame(rows, columns=["item_id", "kind", "parent_id"])
    frame = frame.assign(source="t", position=0, title=frame["item_id"], text="Which?", language="en")
    frame = frame.assign(answer="yes", attributes=[{"options": ["no", "yes"]}] * len(frame))
    for name in ("abstract", "subject", "level", "duration_s", "licence", "url"):
        frame[name] = None
    return frame


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    home = tmp_path_factory.mktemp("home")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none", pseudonym_key="k" * 40))
    concepts = [f"t:c{n}" for n in range(3)]
    frames = {
        "items": items(),
        "concepts": pd.DataFrame({"concept_id": concepts, "title": concepts, "language": "en"}),
        "item_concepts": pd.DataFrame({"item_id": [f"t:l{n}" for n in range(3)], "concept_id": concepts}),
        "prerequisites": pd.DataFrame(
            {
                "concept_id": concepts[1:],
                "requires_id": concepts[:-1],
                "origin": "authored",
                "confidence": 1.0,
            }
        ),
    }
    for table, frame in frames.items():
        loading.load(loop.engine, table, frame)
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def released(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A champion whose tracer has no difficulties of its own, but finds t:c0 easier."""
    with pytest.raises(NothingToDo):
        place(loop, learner=ANA, course=COURSE)
    folder = tmp_path_factory.mktemp("release") / "release"
    (folder / "tracer").mkdir(parents=True)
    rows = [(f"u{n}", f"t:l{n % 3}#q0", n % 3 == 0 or n % 2 == 0, (f"t:c{n % 3}",)) for n in range(60)]
    answers = pd.DataFrame(rows, columns=["learner_id", "item_id", "correct", "concept_ids"])
    answers = answers.assign(occurred_at=pd.Timestamp("2026-01-01", tz="UTC"))
    RateTracer().fit(schemas.check(answers, schemas.ANSWERS, "test")).save(folder / "tracer")
    releases.seal(folder, {"split_at": "2026-01-20T00:00:00+00:00", "seed": 0})
    code = folder.parent / "model.py"
    code.write_text(MODEL)
    with loop.registry.run("train") as run:
        pass
    loop.registry.promote(loop.registry.register(folder, run.id, code, {"ndcg": 0.5}).version)
    return loop


def told(path: Path, rows: dict[str, int]) -> Path:
    pd.DataFrame({"item_id": list(rows), "correct": list(rows.values())}).to_csv(path, index=False)
    return path


def test_a_file_answers_and_what_it_lacks_waits(released: Loop, tmp_path: Path) -> None:
    waits = place(released, learner=ANA, course=COURSE)
    assert (waits["status"], waits["answered"]) == ("open", 0)
    first = waits["question"]
    assert first["options"] == ["no", "yes"]
    assert "key" not in first
    one = place(
        released, learner=ANA, course=COURSE, ask=from_file(told(tmp_path / "f", {first["item_id"]: 1}))
    )
    assert (one["status"], one["answered"]) == ("open", 1)
    assert one["placement_id"] == waits["placement_id"]
    assert one["question"]["item_id"] != first["item_id"]
    everything = {item_id: int("l0" in item_id) for item_id in items()["item_id"]}
    done = place(released, learner=ANA, course=COURSE, ask=from_file(told(tmp_path / "f", everything)))
    assert (done["status"], done["placement_id"]) == ("finished", one["placement_id"])
    assert done["stopped"] in ("precise", "little", "exhausted")
    known = {row["concept_id"]: row["p_mastered"] for row in done["concepts"]}
    assert known["t:c0"] > known["t:c2"]
    with released.engine.connect() as connection:
        query = sa.text("SELECT item_id FROM interactions WHERE learner_id = :who AND verb = 'answered'")
        stored = set(connection.scalars(query, {"who": ANA}))
    assert len(stored) == done["answered"]
    assert not {item_id for item_id in stored if item_id.endswith("#q2")}, "its parts are asked"
    assert place(released, learner=ANA, course=COURSE)["placement_id"] != done["placement_id"]


def test_an_interrupt_keeps_what_was_answered(released: Loop) -> None:
    seen: list[str] = []

    def twice(question: Question) -> bool:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(question.item_id)
        return True

    with pytest.raises(KeyboardInterrupt):
        place(released, learner=BEN, course=COURSE, ask=twice)
    waits = place(released, learner=BEN, course=COURSE)
    assert waits["answered"] == 2
    assert waits["question"]["item_id"] not in seen
    assert waits["question"]["number"] == 3


def test_what_cannot_be(released: Loop, tmp_path: Path) -> None:
    with pytest.raises(UnknownThing, match="no course"):
        place(released, learner=ANA, course="t:nothing")
    with pytest.raises(UnknownThing, match="no concept"):
        place(released, learner=ANA, concepts=("t:nothing",))
    with pytest.raises(BadInput, match="one of them"):
        place(released, learner=ANA)
    with pytest.raises(BadInput, match="no learner_id"):
        place(released, learner="ana", course=COURSE)
    with pytest.raises(BadInput, match="needs 3 or more"):
        place(released, learner=ANA, course="t:l0#q2")
    with pytest.raises(BadInput, match="line 3: correct"):
        from_file(told(tmp_path / "f", {"t:a": 1, "t:b": 2}))
    with pytest.raises(BadInput, match="no file"):
        from_file(tmp_path / "nothing.csv")
    named = place(released, learner="moodle", outside_id="7", concepts=("t:c1", "t:c0"))
    assert named["concepts"] == ["t:c0", "t:c1"]


@pytest.mark.parametrize(
    ("options", "key", "typed", "right"),
    [
        (["no", "yes"], "yes", "2\n", True),
        (["no", "yes"], "yes", "1\n", False),
        (["no", "yes"], "yes", "3\n2\n", True),
        ([], "Yes  it is", " yes it IS\n", True),
        ([], "yes", "of course\ny\n", True),
        ([], "yes", "no\nn\n", False),
        ([], "", "whatever\nn\n", False),
    ],
)
def test_a_question_in_the_terminal(options: list[str], key: str, typed: str, right: bool) -> None:
    app, found = typer.Typer(), list[bool]()

    @app.command()
    def ask() -> None:
        found.append(asked(Question(1, "t:q", "A question", "Is it?", options, key)))

    shown = CliRunner().invoke(app, [], input=typed)
    assert shown.exit_code == 0, shown.output
    assert found == [right]
    assert "1. A question" in shown.stderr
    assert "A question" not in shown.stdout, "that is for the result"


def typed(
    command: list[str], environment: dict[str, str], keys: list[tuple[bytes, bytes]]
) -> tuple[int, str]:
    """(exit status, what was written) of a command in a terminal of its own; keys: what to wait for, what to
    type then."""
    mine, theirs = os.openpty()
    # the terminal is to be the session's own, else no Ctrl-C comes of it
    begin = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    begin += "os.execv(sys.argv[1], sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", begin, *command],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen, since = b"", 0
        try:
            for wanted, key in keys:
                while wanted not in seen[since:]:
                    seen += _more(mine)
                since = len(seen)
                os.write(mine, key)
            # a signal between prompt and reading waits for the next key: who sees nothing presses again
            while part := _more(mine, again=keys[-1][1]):
                seen += part
            status = process.wait(120)
        finally:
            process.kill()
            os.close(mine)
    return status, seen.decode()


def _more(terminal: int, again: bytes = b"") -> bytes:
    """What comes next; b"" at the end. Fails where nothing comes in two minutes of typing again."""
    for _ in range(8):
        ready, _, _ = select.select([terminal], [], [], 15)
        if ready:
            break
        os.write(terminal, again)
    assert ready
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so where the other side is closed
        return b""


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_leaving_a_terminal_keeps_the_test(released: Loop, key: bytes) -> None:
    """Ctrl-C, or Ctrl-D: what was answered is kept, and the command to go on is told."""
    learner = uuid4().hex
    program = [str(Path(sys.executable).with_name("learnloop")), "place", learner, "--course", COURSE]
    environment = {
        **os.environ,
        "LEARNLOOP_HOME": str(released.settings.home),
        "LEARNLOOP_DATABASE_URL": released.settings.database_url,
        "LEARNLOOP_PSEUDONYM_KEY": "k" * 40,
        "LEARNLOOP_LLM": "none",
        "COLUMNS": "200",
    }
    status, shown = typed(program, environment, [(b"Your choice: ", b"2\n"), (b"Your choice: ", key)])
    assert status == 130, shown
    assert f"the placement is kept. Go on: learnloop place {learner} --course {COURSE}" in shown
    waits = place(released, learner=learner, course=COURSE)
    assert (waits["answered"], waits["question"]["number"]) == (1, 2)
