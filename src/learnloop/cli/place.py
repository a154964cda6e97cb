"""Placement at the command line: questions in a terminal, or answers from a file."""

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from learnloop.cli.shell import Json, app, call, guard, names, show, with_loop

if TYPE_CHECKING:
    from learnloop.workflow.place import Question


@app.command()
def place(
    learner: Annotated[str, typer.Argument(help="learner_id, or the source of OUTSIDE_ID.")],
    outside_id: Annotated[str, typer.Argument(help="The id that system knows.")] = "",
    course: Annotated[str, typer.Option(help="item_id of the course.")] = "",
    concepts: Annotated[str, typer.Option(help="Or concept_ids, by commas.")] = "",
    most: Annotated[int, typer.Option(min=1, max=100, help="Questions, at most.")] = 60,
    answers: Annotated[
        Path | None, typer.Option(help="CSV with item_id and correct (1 or 0): nothing is asked.")
    ] = None,
    json_: Json = False,
) -> None:
    """What a learner knows of a course, by an adaptive test in the terminal. Ctrl-C keeps it.

    The same command goes on with it, and so does the API. Without a terminal and without --answers it says
    which question waits.

    Example: learnloop place moodle student-1042 --course demo:courses/python-foundations
    """
    named = [learner, *([outside_id] if outside_id else [])]
    named += ["--course", course] if course else ["--concepts", concepts]
    again = "learnloop place " + shlex.join(named)

    def work() -> None:
        ask = {}
        if answers is not None:
            ask = {"ask": call("place.from_file", answers)}
        elif sys.stdin.isatty():
            ask = {"ask": asked}
        wanted = tuple(names(concepts))
        options = {"outside_id": outside_id, "course": course, "concepts": wanted, "most": most, **ask}
        found = with_loop(lambda loop: call("place.place", loop, learner=learner, **options))
        show(found, json_)
        if found["status"] == "open":
            typer.secho(f"learnloop: the placement is kept. Go on: {again}", err=True)

    guard(work, f"the placement is kept. Go on: {again}")


def asked(question: "Question") -> bool:
    """Asks in the terminal, on stderr. Where the key is not known, or is not met to the letter, the learner
    says whether the answer was right."""
    # Polars, which MLflow imports where it is there, has reads go on after a signal: a Ctrl-C would then wait
    # for Enter.
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)
    typer.secho(f"\n{question.number}. {question.title}", err=True, bold=True)
    if question.text:
        typer.echo(question.text, err=True)
    for place_, option in enumerate(question.options, start=1):
        typer.echo(f"  {place_}) {option}", err=True)
    if question.options:
        chosen = 0
        while not 1 <= chosen <= len(question.options):
            chosen = typer.prompt("Your choice", type=int, err=True)
        given = question.options[chosen - 1]
    else:
        given = typer.prompt("Your answer", err=True)
    if question.key and _plain(given) == _plain(question.key):
        return True
    if question.key and question.options:
        return False
    if question.key:
        typer.echo(f"The answer: {question.key}", err=True)
    return typer.confirm("Was yours right?", err=True)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
