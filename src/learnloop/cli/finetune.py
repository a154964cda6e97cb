"""Fine-tuning: an adapter that writes questions, what it is worth, and what a person says of it."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.shell import Json, Seed, app, names, report

finetune_app = typer.Typer(help="Train what writes questions.", no_args_is_help=True)
app.add_typer(finetune_app, name="finetune")

Adapter = Annotated[str, typer.Argument(help="Its name, as `finetune adapters` shows it, or its folder.")]


@finetune_app.command("questions")
def finetune_questions(
    bank: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A JSON file in SQuAD's format; may be repeated."),
    ] = None,
    languages: Annotated[
        str, typer.Option(help="a,b,…: with several, each file's name says its own (squad.es.json).")
    ] = "en",
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="Leave out documents whose name begins so (demo:); may be repeated."),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.0, help="Of training; then the best so far is kept.")
    ] = 60.0,
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Of the adapter's matrices.")] = 16,
    batch_size: Annotated[int, typer.Option(min=1)] = 8,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Train a LoRA adapter on the approved questions, and on public ones, to write a question for a key.

    Stopped or killed, the same command goes on at its last checkpoint.

    Example: learnloop finetune questions --bank squad.en.json --minutes 60
    """
    report(
        "finetune.questions",
        json_,
        bank=bank or [],
        languages=names(languages),
        hold_out=hold_out or [],
        minutes=minutes,
        epochs=epochs,
        rank=rank,
        batch_size=batch_size,
        seed=seed,
    )


@finetune_app.command("measure")
def finetune_measure(
    adapter: Adapter,
    most: Annotated[int, typer.Option(min=1, help="Keys to ask for.")] = 200,
    candidates: Annotated[int, typer.Option(min=1, max=16, help="Questions to choose from, a key.")] = 1,
    sheet: Annotated[
        Path | None, typer.Option(help="Write the accepted questions here (CSV), to be read.")
    ] = None,
    json_: Json = False,
) -> None:
    """Say how many of a hundred proposals the checks accept without the adapter and with it.

    Example: learnloop finetune measure 2026-11-26-0a1b2c3d4e5f --sheet to-read.csv
    """
    report("finetune.measure", json_, adapter=adapter, most=most, candidates=candidates, sheet=sheet)


@finetune_app.command("audit")
def finetune_audit(
    adapter: Adapter,
    sheet: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="The sheet, with valid, dull or invalid filled in."),
    ],
    by: Annotated[str, typer.Option(help="Who has read them.")],
    json_: Json = False,
) -> None:
    """Take down what a person said of the adapter's questions: it passes with 50 read and none invalid.

    Example: learnloop finetune audit 2026-11-26-0a1b2c3d4e5f --sheet to-read.csv --by "A. Teacher"
    """
    report("finetune.audit", json_, adapter=adapter, sheet=sheet, by=by)


@finetune_app.command("adapters")
def finetune_adapters(json_: Json = False) -> None:
    """List the adapters there are, what they are worth, and which would be used.

    Example: learnloop finetune adapters --json
    """
    report("finetune.listed", json_)
