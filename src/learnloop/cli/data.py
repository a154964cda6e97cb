"""Data commands: pages in, cleaned; logs simulated where there are none yet."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.shell import Json, Seed, app, call, collect_app, guard, report, show


@collect_app.command("web")
def collect_web(
    urls: Annotated[
        list[str] | None, typer.Argument(help="Where to start; the crawl stays on these hosts.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="What the site looks like: a file, or a name of `collect recipes`.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Prefix of the identifiers; default: the host.")] = None,
    max_pages: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many pages; default: the recipe's, or 500.")
    ] = None,
    max_depth: Annotated[
        int | None, typer.Option(min=0, help="Links to follow from a start; default: the recipe's, or 5.")
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option(min=0.0, help="Seconds between two requests to a host; default: the recipe's, or 1."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A host that may be private or loopback, as written in the address. Repeatable."),
    ] = None,
    json_: Json = False,
) -> None:
    """Crawl course pages politely (robots.txt obeyed) and land them unchanged.

    An interrupted crawl goes on where it stopped; a finished one asks only for what has changed since.

    Example: learnloop collect web https://example.org/courses/ --max-pages 200
    """

    report(
        "collect.collect_web",
        json_,
        urls=urls or [],
        recipe=recipe,
        source=source,
        max_pages=max_pages,
        max_depth=max_depth,
        delay_s=delay,
        allow_hosts=allow_host or [],
    )


@collect_app.command("recipes")
def collect_recipes(json_: Json = False) -> None:
    """List the recipes that come with Learnloop; each describes one catalogue's site.

    Example: learnloop collect recipes
    """

    guard(lambda: show(call("collect.list_recipes"), json_))


@app.command()
def prepare(
    interactions: Annotated[
        Path | None, typer.Option(help="Folder of raw logs (Parquet, CSV) of any size, cleaned into --out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the clean Parquet of --interactions; must not exist.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option(help="Their items; else items.parquet in the folder; else any item goes.")
    ] = None,
    source: Annotated[str, typer.Option(help="Prefix of every identifier of --interactions.")] = "csv",
    columns: Annotated[
        str, typer.Option("--map", help='Other column names of --interactions: "learner_id=Student".')
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
    report_to: Annotated[
        Path | None,
        typer.Option("--report", help="Write a data quality report here (HTML); only replaces its like."),
    ] = None,
    json_: Json = False,
) -> None:
    """Extract and clean the landed pages into items, concepts and prerequisites.

    With --interactions and --out: raw logs of any size into clean Parquet, in constant memory, on all cores
    or on the cluster of LEARNLOOP_DASK_SCHEDULER, without a database.

    With --report: one page that says what came in (imports, too), what the rules did to it, before and after,
    and what is missing. A file that is there and is no such report is left alone, with an error.

    Example: learnloop prepare

    Example: learnloop prepare --report quality.html

    Example: learnloop prepare --interactions logs --out clean --source school
    """

    if (interactions is None) != (out is None):
        raise typer.BadParameter("--interactions and --out go together")
    if report_to is not None and interactions is not None:
        raise typer.BadParameter("--report tells of the database, which --interactions does without")
    if interactions is None:
        report("prepare.prepare", json_, report=report_to)
    else:
        report(
            "scale.prepare_interactions",
            json_,
            interactions=interactions,
            out=out,
            items=items,
            source=source,
            columns=columns,
            mapping=mapping,
            delimiter=delimiter,
            date_formats=tuple(date_format or ()),
            timezone=timezone,
        )


@app.command()
def simulate(
    learners: Annotated[int, typer.Option(min=1)] = 600,
    seed: Seed = 0,
    family: Annotated[
        str | None,
        typer.Option(
            help="Write answers of such learners, with their truth, to --out:"
            " bkt, irt, memory, engagement or mixture."
        ),
    ] = None,
    answers: Annotated[
        int | None, typer.Option(min=1, help="Of each learner of --family; 100 where not given.")
    ] = None,
    concepts: Annotated[
        int | None, typer.Option(min=1, help="In the course of --family; 20 where not given.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Which items --family meets: random (the default) or course-order.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="Of the files of --family: csv (the default) or parquet.")
    ] = None,
    interactions: Annotated[
        int | None, typer.Option(min=1, help="Write so many raw interactions, with planted dirt, to --out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files of --family or --interactions; no database.")
    ] = None,
    json_: Json = False,
) -> None:
    """Let seeded learners with known truth study your lessons for 90 days: to try things out, not to report.

    With --family and --out: answers of learners of that family to a planted course, and the truth, instead:
    to see what a model of learning finds again.

    With --interactions and --out: raw logs of any size as Parquet, to try out the preparation.

    Example: learnloop simulate --learners 600 --seed 1

    Example: learnloop simulate --learners 1000 --family memory --answers 200 --out simulated

    Example: learnloop simulate --interactions 10000000 --out logs
    """

    given = {
        "answers": answers,
        "concepts": concepts,
        "policy": policy.replace("-", " ") if policy is not None else None,
        "format_": format_,
    }
    options = {name: value for name, value in given.items() if value is not None}
    if family is not None and interactions is not None:
        raise typer.BadParameter("--family and --interactions are two different things to write: give one")
    if out is not None and family is None and interactions is None:
        raise typer.BadParameter("--out needs --family F (answers) or --interactions N (raw logs) beside it")
    if out is None and (family is not None or interactions is not None):
        name = "--family" if family is not None else "--interactions"
        raise typer.BadParameter(f"{name} and --out go together: add --out DIR")
    if options and family is None:
        names = ", ".join(f"--{name.strip('_')}" for name in options)
        raise typer.BadParameter(f"{names} is of --family: add --family bkt --out DIR")
    if family is not None:
        report(
            "simulate_families.simulate_family",
            json_,
            family=family,
            out=out,
            learners=learners,
            seed=seed,
            **options,
        )
    elif interactions is not None:
        report("volume.simulate_volume", json_, interactions=interactions, out=out, seed=seed)
    else:
        report("simulate.simulate", json_, learners=learners, seed=seed)
