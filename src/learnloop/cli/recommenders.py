"""Commands that judge recommenders: the candidate of this home, or any log without one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from learnloop.cli.shell import (
    Bootstrap,
    Json,
    ReportTo,
    Seed,
    ToMlflow,
    TopK,
    app,
    call,
    guard,
    names,
    report,
    show,
)

evaluate_app = typer.Typer()
app.add_typer(evaluate_app, name="evaluate")


@evaluate_app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    k: TopK = 10,
    audit: Annotated[bool, typer.Option("--audit", help="Look for leaks and bias instead.")] = False,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Score the trained candidate on the held-back part, beside popularity and random.

    With --audit: look in its data and its rankings for leaks and bias.

    Example: learnloop evaluate --k 10 --json

    Example: learnloop evaluate --audit
    """
    if context.invoked_subcommand is None:
        report("audit.audit_candidate" if audit else "evaluate.evaluate", json_, k=k, seed=seed)


@evaluate_app.command("recommend")
def evaluate_recommend(
    interactions: Annotated[
        Path, typer.Option(help="CSV, TSV or Parquet (.gz too): learner_id, item_id[, occurred_at][, value].")
    ],
    test: Annotated[
        Path | None, typer.Option(help="What is asked for, where you parted the log yourself.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option(help="item_id[, title, text, language, level, subject, kind, …].")
    ] = None,
    columns: Annotated[
        str, typer.Option("--map", help='Other column names: "learner_id=user_id,items.title=Name".')
    ] = "",
    split: Annotated[str, typer.Option(help="time, leave-last-out or learners.")] = "time",
    folds: Annotated[int, typer.Option(min=1, help="Rolling windows of time, or parts of learners.")] = 1,
    test_share: Annotated[float, typer.Option(min=0.01, max=0.9, help="Share that is asked for.")] = 0.2,
    models: Annotated[str, typer.Option(help="By commas; default: the fast ones and blend.")] = "",
    tune: Annotated[int, typer.Option(min=0, help="Trials a model, on validation data; 0: defaults.")] = 0,
    timeout: Annotated[float | None, typer.Option(min=1.0, help="Seconds of tuning a model.")] = None,
    k: TopK = 10,
    min_value: Annotated[
        float | None, typer.Option(help="Rows of a smaller value do not count; default: those above 0 do.")
    ] = None,
    show_seen: Annotated[bool, typer.Option("--show-seen", help="Rank what was done before, too.")] = False,
    predictions: Annotated[
        Path | None, typer.Option(help="Lists of another tool: learner_id, item_id[, rank or score].")
    ] = None,
    predictions_name: Annotated[str, typer.Option(help="What to call it; default: the file's name.")] = "",
    group_by: Annotated[
        list[str] | None, typer.Option(help="A column of the log to group learners by. Repeatable.")
    ] = None,
    curve: Annotated[bool, typer.Option("--curve", help="Train on 12, 25, 50, 100% of learners.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Look for leaks and bias, too.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="No validation: half the time, no best.")] = False,
    bootstrap: Bootstrap = 500,
    mlflow: ToMlflow = False,
    seed: Seed = 0,
    json_: Json = False,
    report_to: ReportTo = None,
) -> None:
    """Compare recommenders on a log of yours, or lists that another tool made. Needs no database.

    Models are chosen on validation data; the test is only told.

    Example: learnloop evaluate recommend --interactions log.csv --models popularity,ease --json
    """
    options: dict[str, Any] = {
        "test": test,
        "items": items,
        "columns": columns,
        "split": split,
        "folds": folds,
        "test_share": test_share,
        "models": names(models),
        "tune": tune,
        "timeout": timeout,
        "k": k,
        "min_value": min_value,
        "hide_seen": not show_seen,
        "predictions": predictions,
        "predictions_name": predictions_name,
        "group_by": group_by or [],
        "curve": curve,
        "audit": audit,
        "fast": fast,
        "n_bootstrap": bootstrap,
        "mlflow": mlflow,
        "seed": seed,
        "report": report_to,
    }

    def work() -> None:
        result = call("evaluate_recommend.evaluate_recommend", interactions, **options)
        show(result if json_ else call("evaluate_recommend.brief", result), json_)

    guard(work, "an evaluation keeps nothing, and starts anew")
