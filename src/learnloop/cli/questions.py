"""Commands on the bank of questions: listed, shown, approved, suspended, retired."""

from typing import Annotated

import typer

from learnloop.cli.shell import Json, app, questions_app, report

Questions = Annotated[list[str], typer.Argument(metavar="QUESTION…", help="question_ids.")]
Question = Annotated[str, typer.Argument(help="Its question_id.")]
Why = Annotated[str, typer.Option(help="The reason, for whoever reads the history later.")]
By = Annotated[str, typer.Option(help="Who says so.")]


@questions_app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="draft, approved, suspended or retired.")] = None,
    item: Annotated[str | None, typer.Option(help="Of this lesson: its item_id.")] = None,
    language: Annotated[str | None, typer.Option(help="en, es, …")] = None,
    kind: Annotated[str | None, typer.Option(help="multiple_choice, cloze, true_false, …")] = None,
    origin: Annotated[str | None, typer.Option(help="authored, generated or imported.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    json_: Json = False,
) -> None:
    """The questions of the bank, and how many there are of each status.

    Example: learnloop questions list --status draft --language es
    """
    given = {"status": status, "item_id": item, "language": language, "kind": kind, "origin": origin}
    report("questions.listed", json_, limit=limit, **given)


@questions_app.command("show")
def show(question: Question, json_: Json = False) -> None:
    """One question with its key, the passage it rests on, its checks, its history and its reports.

    Example: learnloop questions show demo:q1
    """
    report("questions.show", json_, question_id=question)


@questions_app.command("history")
def history(question: Question, json_: Json = False) -> None:
    """Which status a question had, from when, by whom and why.

    Example: learnloop questions history demo:q1
    """
    report("questions.history", json_, question_id=question)


@questions_app.command("approve")
def approve_(questions: Questions, why: Why = "", by: By = "cli", json_: Json = False) -> None:
    """Learners get them from now on. All of the named ones, or none.

    Example: learnloop questions approve demo:q1 demo:q2 --why "read both" --by Ana
    """
    report("questions.set_status", json_, question_ids=questions, status="approved", why=why, by=by)


@questions_app.command("suspend")
def suspend(questions: Questions, why: Why = "", by: By = "cli", json_: Json = False) -> None:
    """Learners do not get them until they are approved again.

    Example: learnloop questions suspend demo:q1 --why "two answers are right"
    """
    report("questions.set_status", json_, question_ids=questions, status="suspended", why=why, by=by)


@questions_app.command("retire")
def retire(questions: Questions, why: Why = "", by: By = "cli", json_: Json = False) -> None:
    """Learners never get them again; what they answered is kept.

    Example: learnloop questions retire demo:q1 --why "of a lesson that is not taught any more"
    """
    report("questions.set_status", json_, question_ids=questions, status="retired", why=why, by=by)


@questions_app.command("reopen")
def reopen(questions: Questions, why: Why = "", by: By = "cli", json_: Json = False) -> None:
    """They are drafts again, whatever they were: somebody has to read them.

    Example: learnloop questions reopen demo:q1 --why "retired by mistake"
    """
    report("questions.set_status", json_, question_ids=questions, status="draft", why=why, by=by)


@app.command()
def approve(
    question: Annotated[list[str] | None, typer.Argument(help="question_ids, as the API names them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every draft there is.")] = False,
    why: Why = "",
    by: By = "cli",
    json_: Json = False,
) -> None:
    """Let learners see generated questions: each is a draft until somebody has read it.

    Example: learnloop approve --all
    """
    report("questions.approve", json_, question_ids=question or [], everything=everything, why=why, by=by)
