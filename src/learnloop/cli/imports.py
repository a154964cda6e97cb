"""Import commands: export files in, accounted for row by row; what was imported, and what was refused."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.shell import Json, import_app, report

DryRun = Annotated[bool, typer.Option("--dry-run", help="Report what would happen; write nothing.")]
Source = Annotated[str, typer.Option(help="Prefix of every identifier.")]


@import_app.command("oulad")
def import_oulad(
    folder: Annotated[Path, typer.Argument(help="Folder with the dataset's CSV files.")],
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import the Open University Learning Analytics Dataset.

    Example: learnloop import oulad data/oulad
    """

    report("importing.import_oulad", json_, folder=folder, dry_run=dry_run)


@import_app.command("oatutor")
def import_oatutor(
    folder: Annotated[Path, typer.Argument(help="Folder with the content archive and skillModel.json.")],
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import OATutor's problems, steps, hints, skills and multiple-choice questions.

    Example: learnloop import oatutor data/oatutor
    """

    report("importing.import_oatutor", json_, folder=folder, dry_run=dry_run)


@import_app.command("openstax")
def import_openstax(
    folder: Annotated[Path, typer.Argument(help="A book's repository: collections/ and modules/.")],
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import an OpenStax book (CNXML): its sections, exercises with solutions, and key terms.

    Example: learnloop import openstax osbooks-psychology
    """

    report("importing.import_openstax", json_, folder=folder, dry_run=dry_run)


@import_app.command("csv")
def import_csv(
    items: Annotated[Path | None, typer.Option(help="CSV or Parquet with item_id, title, …")] = None,
    interactions: Annotated[
        Path | None, typer.Option(help="CSV or Parquet with learner_id, item_id, occurred_at, …")
    ] = None,
    source: Source = "csv",
    columns: Annotated[
        str, typer.Option("--map", help='Other column names: "learner_id=Student,items.title=Name".')
    ] = "",
    mapping: Annotated[Path | None, typer.Option(help="The same in a TOML file.")] = None,
    delimiter: Annotated[
        str, typer.Option(help="comma, semicolon, tab, pipe or a character; default: found out.")
    ] = "",
    date_format: Annotated[
        list[str] | None,
        typer.Option(help='Of times that are not ISO 8601: "%d/%m/%Y %H:%M"; may be repeated.'),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Of times that name no zone: Europe/Madrid; default: UTC.")
    ] = "",
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import your own items and interactions.

    Example: learnloop import csv --items items.csv --interactions log.csv --source school --dry-run
    """

    report(
        "importing.import_csv",
        json_,
        items=items,
        interactions=interactions,
        source=source,
        columns=columns,
        mapping=mapping,
        delimiter=delimiter,
        date_formats=tuple(date_format or ()),
        timezone=timezone,
        dry_run=dry_run,
    )


@import_app.command("responses")
def import_responses(
    file: Annotated[Path, typer.Argument(help="Columns user_id, item_id, timestamp, correct, skill_id.")],
    source: Source = "responses",
    epoch: Annotated[
        str, typer.Option(help="The date that timestamps count from, where it is not 1970-01-01.")
    ] = "",
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import a table of answers, as EdNet and the knowledge tracing sets come.

    Example: learnloop import responses preprocessed_data.csv --source ednet
    """

    report("importing.import_responses", json_, file=file, source=source, epoch=epoch, dry_run=dry_run)


@import_app.command("movielens")
def import_movielens(
    folder: Annotated[Path, typer.Argument(help="Folder with movies.csv and ratings.csv.")],
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import MovieLens, a benchmark set: films to compare recommenders on, in a home without courses.

    Example: LEARNLOOP_HOME=bench learnloop import movielens ml-latest-small
    """

    report("importing.import_movielens", json_, folder=folder, dry_run=dry_run)


@import_app.command("xapi")
def import_xapi(
    path: Annotated[Path, typer.Argument(help="JSON or JSON lines, packed or not, or a folder of them.")],
    source: Source = "xapi",
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import xAPI statements (1.0.3 and 2.0); invalid ones are refused with the reason.

    Statements that void each other belong into one import: give the folder.

    Example: learnloop import xapi statements.jsonl.gz --source lms --dry-run
    """

    report("importing.import_xapi", json_, path=path, source=source, dry_run=dry_run)


@import_app.command("openedx")
def import_openedx(
    path: Annotated[Path, typer.Argument(help="A tracking log, packed or not, or a folder of them.")],
    source: Source = "openedx",
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Import the tracking logs of an Open edX site: answers, videos, pages, grades, enrolments.

    Example: learnloop import openedx logs/ --source campus
    """

    report("importing.import_openedx", json_, path=path, source=source, dry_run=dry_run)


@import_app.command("list")
def import_list(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20, json_: Json = False
) -> None:
    """List the imports there were: finished, stopped or killed, with their counts of rows.

    Example: learnloop import list
    """

    report("imports.past_imports", json_, limit=limit)


@import_app.command("rejected")
def import_rejected(
    source: Annotated[str, typer.Option(help="Only of this source.")] = "",
    import_id: Annotated[str, typer.Option(help="Only of this import: learnloop import list.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many rows to show.")] = 50,
    json_: Json = False,
) -> None:
    """Show the rows that imports refused: file, line, reason and the record, outside ids masked.

    Example: learnloop import rejected --source oulad --limit 10
    """

    report("imports.rejected_rows", json_, source=source, import_id=import_id, limit=limit)
