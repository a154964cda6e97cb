"""The bank of questions out to other systems, and in from them."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.shell import Json, questions_app, report

FORMATS = "gift, moodle, qti21, qti30, csv, json"


@questions_app.command("export")
def export(
    form: Annotated[str, typer.Option("--format", help=f"{FORMATS}, anki, html or pdf.")],
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    status: Annotated[str, typer.Option(help="Of this status; all for any.")] = "approved",
    item: Annotated[str, typer.Option(help="Of this lesson, or of all below this course.")] = "",
    language: Annotated[str, typer.Option(help="In this language alone.")] = "",
    key: Annotated[bool, typer.Option("--key", help="Of html and pdf: the key for teachers.")] = False,
    title: Annotated[str, typer.Option(help="Heading of html and pdf, or name of the deck.")] = "",
    json_: Json = False,
) -> None:
    """Write questions for another system or for paper; what the format cannot hold is refused by name.

    Example: learnloop questions export --format moodle --out questions.xml --language es
    """
    given = {"status": status, "item_id": item, "language": language, "key": key, "title": title}
    report("exchange.export", json_, form=form, out=out, **given)


@questions_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file; of OATutor, its folder.")],
    form: Annotated[str, typer.Option("--format", help=f"{FORMATS} or oatutor; default: as it looks.")] = "",
    item: Annotated[str, typer.Option(help="item_id of the lesson they ask about.")] = "",
    language: Annotated[str, typer.Option(help="Of those that do not say theirs: en, es, …")] = "und",
    source: Annotated[str, typer.Option(help="Whose they are, to be kept with them.")] = "",
    licence: Annotated[str, typer.Option(help="Of those that do not say theirs.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would happen; write nothing.")
    ] = False,
    json_: Json = False,
) -> None:
    """Take questions of another system into the bank, as drafts. The same file again changes nothing.

    Example: learnloop questions import quiz.gift --item demo:courses/python-foundations/loops --language en
    """
    given = {"item_id": item, "language": language, "source": source, "licence": licence}
    report("exchange.import_file", json_, file=file, form=form, dry_run=dry_run, **given)
