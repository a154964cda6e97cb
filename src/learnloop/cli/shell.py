"""What every command shares: the apps they hang on, how one is run, and how its result or error is shown."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from learnloop.errors import LearnloopError

if TYPE_CHECKING:
    from learnloop.workflow.context import Loop

app = typer.Typer(
    help="Turns course pages and learner activity into each learner's next best step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
import_app = typer.Typer(help="Import export files: who did what, and on which items.", no_args_is_help=True)
collect_app = typer.Typer(help="Collect course pages from the web.", no_args_is_help=True)
monitor_app = typer.Typer(help="Watch the activity and the models.", no_args_is_help=True)
questions_app = typer.Typer(help="The bank of questions: read, approved, suspended.", no_args_is_help=True)
app.add_typer(import_app, name="import")
app.add_typer(collect_app, name="collect")
app.add_typer(monitor_app, name="monitor")
app.add_typer(questions_app, name="questions")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
TopK = Annotated[int, typer.Option("--k", min=1, max=100, help="Length of the list that is judged.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
Bootstrap = Annotated[int, typer.Option(min=50, help="Resamples of every interval.")]
ToMlflow = Annotated[bool, typer.Option(help="Log the run, JSON and report to the MLflow of this home.")]
ReportTo = Annotated[
    Path | None, typer.Option("--report", help="Write a page (HTML) here; only replaces its like.")
]


def with_loop(work: Callable[["Loop"], Any]) -> Any:
    from learnloop.workflow.context import Loop

    loop = Loop()
    try:
        return work(loop)
    finally:
        loop.close()


def report(step: str, as_json: bool, **options: Any) -> None:
    """Runs `learnloop.workflow.<step>(loop, **options)` and shows its report."""
    guard(lambda: show(with_loop(lambda loop: call(step, loop, **options)), as_json))


def call(step: str, *given: Any, **options: Any) -> Any:
    """By name, so that `--help` and a mistyped option answer at once: a step imports what it needs."""
    module, function = step.split(".")
    return getattr(import_module(f"learnloop.workflow.{module}"), function)(*given, **options)


def names(text: str) -> list[str]:
    """What stands between the commas of an option."""
    return [name.strip() for name in text.split(",") if name.strip()]


def settings() -> Any:
    from learnloop import settings

    return settings.load()


KEPT = "what was finished is kept"


def guard(work: Callable[[], Any], interrupted: str = KEPT) -> None:
    """interrupted: what Ctrl-C leaves behind, in words."""
    try:
        work()
    except LearnloopError as error:
        one_line = " ".join(str(error).split())  # PostgreSQL's own words come in several
        typer.secho(f"learnloop: {one_line}", err=True, fg="red")
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, typer.Abort):  # a prompt makes an Abort of Ctrl-C, and of Ctrl-D
        typer.secho(f"\nlearnloop: interrupted; {interrupted}.", err=True)
        raise typer.Exit(130) from None
    except typer.Exit:
        raise
    except Exception:
        from learnloop.workflow.console import keep_traceback

        typer.secho(f"learnloop: {keep_traceback()}", err=True, fg="red")
        raise typer.Exit(1) from None


def show(result: Any, as_json: bool) -> None:
    if as_json:
        # NaN is no JSON: what is not defined is null
        told = json.dumps(finite(result), indent=2, default=str, ensure_ascii=False, allow_nan=False)
        sys.stdout.write(told + "\n")
        return
    from learnloop.workflow import console

    console.show(result)


def finite(value: Any) -> Any:
    """The same with None for every number that is none."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value
