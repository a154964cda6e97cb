"""What the answers say of the questions of the bank, and what is done about it."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.shell import Json, call, guard, questions_app, show, with_loop


@questions_app.command("statistics")
def statistics(
    interactions: Annotated[
        Path | None, typer.Option(help="CSV of answers instead of those of the home.", dir_okay=False)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Keep the numbers and set the statuses.")] = False,
    report_to: Annotated[
        Path | None, typer.Option("--report", help="Write a page with a figure.", dir_okay=False)
    ] = None,
    language: Annotated[str, typer.Option(help="Of the reasons: en or es.")] = "en",
    json_: Json = False,
) -> None:
    """Difficulty, discrimination, picks and time of each question, and which ones are bad and why.

    Example: learnloop questions statistics --interactions answers.csv --report statistics.html
    """
    options = {"interactions": interactions, "apply": apply, "report": report_to, "language": language}

    def work() -> None:
        result = with_loop(lambda loop: call("question_statistics.statistics", loop, **options))
        show(result if json_ else call("question_statistics.brief", result), json_)

    guard(work)
