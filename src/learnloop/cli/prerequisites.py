"""Commands on what requires what: mined, listed, accepted, refused."""

from typing import Annotated

import typer

from learnloop.cli.shell import Json, Seed, app, report

prerequisites_app = typer.Typer(help="What requires what: mine it, and judge it.", no_args_is_help=True)
app.add_typer(prerequisites_app, name="prerequisites")

Concept = Annotated[str, typer.Argument(help="concept_id of what comes later.")]
Required = Annotated[str, typer.Argument(help="concept_id of what it requires.")]
Why = Annotated[str, typer.Option(help="The reason, for whoever reads the list later.")]
By = Annotated[str, typer.Option(help="Who says so.")]


@prerequisites_app.command("mine")
def mine(
    answers: Annotated[bool, typer.Option("--answers/--no-answers", help="Look at answers.")] = True,
    text: Annotated[bool, typer.Option("--text/--no-text", help="Look at lessons' texts.")] = True,
    authored_too: Annotated[
        bool, typer.Option("--authored-too", help="Also for sources that have authored prerequisites.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be found; write nothing.")
    ] = False,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Find prerequisites in answers and lessons' texts, each with an origin and a confidence.

    Those of a confidence of .9 or more decide what is recommended at once, the others once accepted.

    Example: learnloop prerequisites mine --dry-run
    """
    report(
        "prerequisites.mine",
        json_,
        answers=answers,
        text=text,
        authored_too=authored_too,
        dry_run=dry_run,
        seed=seed,
    )


@prerequisites_app.command("list")
def list_(
    origin: Annotated[str | None, typer.Option(help="authored, mined or text.")] = None,
    verdict: Annotated[str | None, typer.Option(help="accepted, refused or none.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 200,
    json_: Json = False,
) -> None:
    """The prerequisites there are, those that wait for a verdict first.

    Example: learnloop prerequisites list --verdict none
    """
    report("prerequisites.listed", json_, origin=origin, verdict=verdict, limit=limit)


@prerequisites_app.command("accept")
def accept(concept: Concept, requires: Required, why: Why = "", by: By = "", json_: Json = False) -> None:
    """It decides what is recommended from now on, whatever its confidence.

    Example: learnloop prerequisites accept demo:loops demo:booleans --why "as in the syllabus" --by Ana
    """
    given = {"concept_id": concept, "requires_id": requires, "why": why, "by": by}
    report("prerequisites.judge", json_, verdict="accepted", **given)


@prerequisites_app.command("refuse")
def refuse(concept: Concept, requires: Required, why: Why = "", by: By = "", json_: Json = False) -> None:
    """It is never mined again and never decides anything.

    Example: learnloop prerequisites refuse demo:loops demo:lists --why "taught side by side" --by Ana
    """
    given = {"concept_id": concept, "requires_id": requires, "why": why, "by": by}
    report("prerequisites.judge", json_, verdict="refused", **given)
