"""Service commands: what runs until Ctrl-C, and how the installation fares."""

from typing import TYPE_CHECKING, Annotated

import typer

from learnloop.cli.shell import Json, app, call, guard, report, settings, show, with_loop

if TYPE_CHECKING:
    from learnloop.workflow.context import Loop


@app.command()
def serve() -> None:
    """Serve the champion over HTTP until Ctrl-C, on loopback unless LEARNLOOP_API_HOST says otherwise.

    Example: learnloop serve
    """

    def work(loop: "Loop") -> None:
        from learnloop import serve as api

        call("services.refuse_taken", loop.settings.api_port, "LEARNLOOP_API_PORT")
        loop.engine.dispose()  # migrated; the server opens its own
        api.run(loop.settings, loop.database_url)

    guard(lambda: with_loop(work))


@app.command()
def dashboard() -> None:
    """Open the pages for learners and operators until Ctrl-C; the API has to run.

    Example: learnloop dashboard
    """

    guard(lambda: call("services.until_told", call("services.dashboard", settings())))


@app.command()
def mlflow() -> None:
    """Open the MLflow page with every run and version until Ctrl-C.

    Example: learnloop mlflow
    """

    guard(lambda: with_loop(lambda loop: call("services.until_told", call("services.mlflow_page", loop))))


@app.command()
def status(json_: Json = False) -> None:
    """What is here and what is running; starts nothing.

    Example: learnloop status --json
    """

    guard(lambda: show(call("status.status", settings()), json_))


@app.command()
def doctor(json_: Json = False) -> None:
    """Check the installation; exit code 1 and the command that mends it where something is wrong.

    Example: learnloop doctor
    """

    def work() -> None:
        rows = call("status.doctor", settings())
        show(rows, json_)
        if not all(row["ok"] for row in rows):
            raise typer.Exit(1)

    guard(work)


@app.command()
def migrate(json_: Json = False) -> None:
    """Bring the database schema up to date (every command does so by itself).

    Example: learnloop migrate
    """

    report("status.migrate", json_)


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

    report("status.learner", json_, source=source, outside_id=outside_id, key=key)


@app.command()
def stop(json_: Json = False) -> None:
    """Stop the embedded database.

    Example: learnloop stop
    """

    guard(lambda: show(call("status.stop", settings()), json_))


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Leave API, dashboard and MLflow running until Ctrl-C.")] = True,
    learners: Annotated[int, typer.Option(min=50, help="Simulated learners.")] = 600,
    json_: Json = False,
) -> None:
    """The whole loop on our own small courses, in a home of its own.

    Example: learnloop demo --no-serve --json
    """

    options = {"serve": serve, "learners": learners, "show": lambda report: show(report, json_)}
    guard(lambda: call("demo.demo", settings(), **options))
