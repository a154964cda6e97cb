"""The command that judges tracers, on any log of answers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Bootstrap, Json, ReportTo, Seed, ToMlflow, call, guard, names, show


@evaluate_app.command("trace")
def evaluate_trace(
    train: Annotated[
        Path,
        typer.Option(
            help="CSV, TSV or Parquet (.gz too): learner_id, item_id, correct[, concept_id][, occurred_at]"
            "[, duration_s]; several concepts joined by ~."
        ),
    ],
    test: Annotated[Path | None, typer.Option(help="What is asked, where you parted the log.")] = None,
    columns: Annotated[
        str, typer.Option("--map", help='Other column names: "learner_id=user_id,concept_id=skill".')
    ] = "",
    threshold: Annotated[
        float | None, typer.Option(help="Where correct is a score: what is at least this is right.")
    ] = None,
    ties: Annotated[
        str, typer.Option(help="Equal times: order (of rows) or together (none sees another).")
    ] = "order",
    folds: Annotated[int, typer.Option(min=1, help="Parts of the learners; 1: a fifth is asked.")] = 5,
    models: Annotated[str, typer.Option(help="By commas; default: all but attention and blend.")] = "",
    tune: Annotated[int, typer.Option(min=0, help="Trials a model, on validation data; 0: defaults.")] = 0,
    timeout: Annotated[float | None, typer.Option(min=1.0, help="Seconds of tuning a model.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="P(correct) of another tool: p_correct[, row], row 1 is the first.")
    ] = None,
    predictions_name: Annotated[str, typer.Option(help="What to call it; default: the file's name.")] = "",
    group_by: Annotated[
        list[str] | None, typer.Option(help="A column of the log to group answers by. Repeatable.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="No validation, no leaky number: half the time, no best.")
    ] = False,
    bootstrap: Bootstrap = 500,
    mlflow: ToMlflow = False,
    seed: Seed = 0,
    json_: Json = False,
    report_to: ReportTo = None,
) -> None:
    """Compare tracers on a log of answers: P(correct) of each, from what came before. Needs no database.

    Learners are split, never rows. Models are chosen on validation data; the test is only told. The leaky
    number of many papers stands beside the honest one and is used for nothing.

    Example: learnloop evaluate trace --train answers.csv --models logistic,bkt --json
    """
    options: dict[str, Any] = {
        "test": test,
        "columns": columns,
        "threshold": threshold,
        "ties": ties,
        "folds": folds,
        "models": names(models),
        "tune": tune,
        "timeout": timeout,
        "predictions": predictions,
        "predictions_name": predictions_name,
        "group_by": group_by or [],
        "fast": fast,
        "n_bootstrap": bootstrap,
        "mlflow": mlflow,
        "seed": seed,
        "report": report_to,
    }

    def work() -> None:
        result = call("evaluate_trace.evaluate_trace", train, **options)
        show(result if json_ else call("evaluate_trace.brief", result), json_)

    guard(work)
