"""The commands, in the order of the loop. Parses, calls one function, shows what it returns.

Results go to stdout (`--json` for machines), progress to stderr, and an error is one line: what is wrong
and the next command to type. Everything heavy is imported by the command that needs it.
"""

import json
import signal
import sys
from collections.abc import Callable
from importlib import import_module
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
app.add_typer(import_app, name="import")
app.add_typer(collect_app, name="collect")
app.add_typer(monitor_app, name="monitor")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
TopK = Annotated[int, typer.Option("--k", min=1, max=100, help="Length of the list that is judged.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]


@import_app.command("oulad")
def import_oulad(
    folder: Annotated[Path, typer.Argument(help="Folder with the dataset's CSV files.")], json_: Json = False
) -> None:
    """Import the Open University Learning Analytics Dataset.

    Example: learnloop import oulad data/oulad
    """

    _report("importing.import_oulad", json_, folder=folder)


@import_app.command("oatutor")
def import_oatutor(
    folder: Annotated[Path, typer.Argument(help="Folder with the content archive and skillModel.json.")],
    json_: Json = False,
) -> None:
    """Import OATutor's problems, steps, hints, skills and multiple-choice questions.

    Example: learnloop import oatutor data/oatutor
    """

    _report("importing.import_oatutor", json_, folder=folder)


@import_app.command("csv")
def import_csv(
    items: Annotated[Path | None, typer.Option(help="CSV or Parquet with item_id, title, …")] = None,
    interactions: Annotated[
        Path | None, typer.Option(help="CSV or Parquet with learner_id, item_id, occurred_at, …")
    ] = None,
    source: Annotated[str, typer.Option(help="Prefix of every identifier.")] = "csv",
    json_: Json = False,
) -> None:
    """Import your own items and interactions.

    Example: learnloop import csv --items items.csv --interactions log.csv --source school
    """

    _report("importing.import_csv", json_, items=items, interactions=interactions, source=source)


@collect_app.command("web")
def collect_web(
    urls: Annotated[list[str], typer.Argument(help="Where to start; the crawl stays on these hosts.")],
    source: Annotated[str | None, typer.Option(help="Prefix of the identifiers; default: the host.")] = None,
    max_pages: Annotated[int, typer.Option(min=1, help="Stop after this many pages.")] = 500,
    max_depth: Annotated[int, typer.Option(min=0, help="Links to follow from a start page.")] = 5,
    delay: Annotated[float, typer.Option(min=0.0, help="Seconds between two requests to a host.")] = 1.0,
    json_: Json = False,
) -> None:
    """Crawl course pages politely (robots.txt obeyed) and land them unchanged.

    Example: learnloop collect web https://example.org/courses/ --max-pages 200
    """

    _report(
        "collect.collect_web",
        json_,
        urls=urls,
        source=source,
        max_pages=max_pages,
        max_depth=max_depth,
        delay_s=delay,
    )


@app.command()
def prepare(json_: Json = False) -> None:
    """Extract and clean the landed pages into items, concepts and prerequisites.

    Example: learnloop prepare
    """

    _report("prepare.prepare", json_)


@app.command()
def simulate(
    learners: Annotated[int, typer.Option(min=1)] = 600, seed: Seed = 0, json_: Json = False
) -> None:
    """Let seeded learners with known truth study your lessons for 90 days: to try things out, not to report.

    Example: learnloop simulate --learners 600 --seed 1
    """

    _report("simulate.simulate", json_, learners=learners, seed=seed)


@app.command()
def train(
    factors: Annotated[int, typer.Option(min=1, help="Length of the factors of iALS.")] = 64,
    regularization: Annotated[float, typer.Option(min=0.0)] = 10.0,
    alpha: Annotated[float, typer.Option(min=0.0, help="Weight of what was done over what was not.")] = 4.0,
    iterations: Annotated[int, typer.Option(min=1)] = 15,
    test_share: Annotated[float, typer.Option(min=0.01, max=0.9, help="Newest share held back.")] = 0.2,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Take a snapshot and train recommenders and the tracer on all but its newest part.

    Example: learnloop train --factors 32
    """

    _report(
        "train.train",
        json_,
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=iterations,
        test_share=test_share,
        seed=seed,
    )


@app.command()
def evaluate(k: TopK = 10, seed: Seed = 0, json_: Json = False) -> None:
    """Score the trained candidate on the held-back part, beside popularity and random.

    Example: learnloop evaluate --k 10 --json
    """

    _report("evaluate.evaluate", json_, k=k, seed=seed)


@app.command()
def generate(
    questions: Annotated[int, typer.Option(min=0, help="Questions to ask for, a lesson.")] = 3,
    item: Annotated[list[str] | None, typer.Option(help="Only these lessons.")] = None,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Propose questions and summaries for the lessons, check them, and keep what passes.

    Example: learnloop generate --questions 5 --item demo:courses/python-foundations/loops
    """

    _report("generate.generate", json_, questions_per_lesson=questions, item_ids=item, seed=seed)


@app.command()
def approve(
    question: Annotated[list[str] | None, typer.Argument(help="question_ids, as the API names them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every draft there is.")] = False,
    json_: Json = False,
) -> None:
    """Let learners see generated questions: each is a draft until somebody has read it.

    Example: learnloop approve --all
    """
    _report("generate.approve", json_, question_ids=question or [], everything=everything)


@app.command()
def release(
    force: Annotated[bool, typer.Option(help="Promote without comparing with the champion.")] = False,
    k: TopK = 10,
    json_: Json = False,
) -> None:
    """Register the evaluated candidate and make it the champion, unless it is worse than the present one.

    Example: learnloop release
    """

    _report("release.release", json_, force=force, k=k)


@app.command()
def run(
    k: TopK = 10,
    questions: Annotated[int, typer.Option(min=0, help="Questions to ask for, a lesson.")] = 3,
    json_: Json = False,
) -> None:
    """Prepare, train, evaluate, generate and release, in one go.

    Example: learnloop run --json
    """

    _report("run.run", json_, k=k, questions_per_lesson=questions)


@app.command()
def retrain(k: TopK = 10, json_: Json = False) -> None:
    """Train a challenger on today's data and promote it only if it is not worse than the champion.

    Example: learnloop retrain --json
    """

    _report("release.retrain", json_, k=k)


@app.command()
def rollback(json_: Json = False) -> None:
    """Make the former champion the champion again.

    Example: learnloop rollback
    """

    _report("release.rollback", json_)


@monitor_app.command("drift")
def monitor_drift(
    since: Annotated[str, typer.Option(help="First day, UTC; default: the end of the training data.")] = "",
    until: Annotated[str, typer.Option(help="The day after the last.")] = "",
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Say whether learners behave otherwise than when the champion was trained, and by how much.

    Example: learnloop monitor drift --since 2026-09-01
    """

    _report("monitor.drift", json_, since=since, until=until, seed=seed)


@app.command()
def serve() -> None:
    """Serve the champion over HTTP until Ctrl-C, on loopback unless LEARNLOOP_API_HOST says otherwise.

    Example: learnloop serve
    """

    def work(loop: "Loop") -> None:
        from learnloop import serve as api

        _call("services.refuse_taken", loop.settings.api_port, "LEARNLOOP_API_PORT")
        loop.engine.dispose()  # migrated; the server opens its own
        api.run(loop.settings, loop.database_url)

    _guard(lambda: _with_loop(work))


@app.command()
def dashboard() -> None:
    """Open the pages for learners and operators until Ctrl-C; the API has to run.

    Example: learnloop dashboard
    """

    _guard(lambda: _call("services.until_told", _call("services.dashboard", _settings())))


@app.command()
def mlflow() -> None:
    """Open the MLflow page with every run and version until Ctrl-C.

    Example: learnloop mlflow
    """

    _guard(lambda: _with_loop(lambda loop: _call("services.until_told", _call("services.mlflow_page", loop))))


@app.command()
def status(json_: Json = False) -> None:
    """What is here and what is running; starts nothing.

    Example: learnloop status --json
    """

    _guard(lambda: _print(_call("status.status", _settings()), json_))


@app.command()
def doctor(json_: Json = False) -> None:
    """Check the installation; exit code 1 and the command that mends it where something is wrong.

    Example: learnloop doctor
    """

    def work() -> None:
        rows = _call("status.doctor", _settings())
        _print(rows, json_)
        if not all(row["ok"] for row in rows):
            raise typer.Exit(1)

    _guard(work)


@app.command()
def migrate(json_: Json = False) -> None:
    """Bring the database schema up to date (every command does so by itself).

    Example: learnloop migrate
    """

    _report("status.migrate", json_)


@app.command()
def learner(
    source: Annotated[str, typer.Argument(help="Where the id comes from: oulad, csv, …")],
    outside_id: Annotated[str, typer.Argument(help="The id that system knows.")],
    key: Annotated[bool, typer.Option(help="Also make an API key that sees this learner alone.")] = False,
    json_: Json = False,
) -> None:
    """The learner_id (a pseudonym) of somebody's outside id.

    Example: learnloop learner oulad 11391 --key
    """

    _report("status.learner", json_, source=source, outside_id=outside_id, key=key)


@app.command()
def stop(json_: Json = False) -> None:
    """Stop the embedded database.

    Example: learnloop stop
    """

    _guard(lambda: _print(_call("status.stop", _settings()), json_))


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Leave API, dashboard and MLflow running until Ctrl-C.")] = True,
    learners: Annotated[int, typer.Option(min=50, help="Simulated learners.")] = 600,
    json_: Json = False,
) -> None:
    """The whole loop on our own small courses, in a home of its own.

    Example: learnloop demo --no-serve --json
    """

    options = {"serve": serve, "learners": learners, "show": lambda report: _print(report, json_)}
    _guard(lambda: _call("demo.demo", _settings(), **options))


def _with_loop(work: Callable[["Loop"], Any]) -> Any:
    from learnloop.workflow.context import Loop

    loop = Loop()
    try:
        return work(loop)
    finally:
        loop.close()


def _report(step: str, as_json: bool, **options: Any) -> None:
    """Runs `learnloop.workflow.<step>(loop, **options)` and shows its report."""
    _guard(lambda: _print(_with_loop(lambda loop: _call(step, loop, **options)), as_json))


def _call(step: str, *given: Any, **options: Any) -> Any:
    """By name, so that `--help` and a mistyped option answer at once: a step imports what it needs."""
    module, function = step.split(".")
    return getattr(import_module(f"learnloop.workflow.{module}"), function)(*given, **options)


def _settings() -> Any:
    from learnloop import settings

    return settings.load()


def _guard(work: Callable[[], Any]) -> None:
    try:
        work()
    except LearnloopError as error:
        one_line = " ".join(str(error).split())  # PostgreSQL's own words come in several
        typer.secho(f"learnloop: {one_line}", err=True, fg="red")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.secho("learnloop: interrupted; what was finished is kept.", err=True)
        raise typer.Exit(130) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception:
        from learnloop.workflow.console import keep_traceback

        typer.secho(f"learnloop: {keep_traceback()}", err=True, fg="red")
        raise typer.Exit(1) from None


def _print(result: Any, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(result, indent=2, default=str, ensure_ascii=False) + "\n")
        return
    from learnloop.workflow.console import show

    show(result)


def main() -> None:
    # Being asked to end is Ctrl-C, whoever asks: what was started is stopped. A shell's background job
    # starts with Ctrl-C ignored, hence the first line.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
