"""Model commands: train, release, retrain, roll back, watch."""

from typing import Annotated

import typer

from learnloop.cli.shell import Json, Seed, TopK, app, monitor_app, report


@app.command()
def train(
    recommender: Annotated[
        str, typer.Option(help="Its name, or auto: the best on a validation part of the training data.")
    ] = "auto",
    tracer: Annotated[
        str, typer.Option(help="Its name, or auto: the least log-loss on a validation part.")
    ] = "auto",
    tuned: Annotated[
        bool, typer.Option("--tuned", help="With what `tune recommend` and `tune trace` found best.")
    ] = False,
    dask: Annotated[
        bool, typer.Option("--dask", help="Train iALS on partitions: the same factors, for more data.")
    ] = False,
    factors: Annotated[int, typer.Option(min=1, help="Length of the factors of iALS.")] = 128,
    regularization: Annotated[float, typer.Option(min=0.0)] = 15.0,
    alpha: Annotated[float, typer.Option(min=0.0, help="Weight of what was done over what was not.")] = 2.0,
    iterations: Annotated[int, typer.Option(min=1)] = 15,
    test_share: Annotated[float, typer.Option(min=0.01, max=0.9, help="Newest share held back.")] = 0.2,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Take a snapshot and train recommenders and the tracer on all but its newest part.

    Example: learnloop train --recommender auto --factors 32
    """

    report(
        "train.train",
        json_,
        recommender=recommender,
        tracer=tracer,
        tuned=tuned,
        dask=dask,
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=iterations,
        test_share=test_share,
        seed=seed,
    )


@app.command()
def release(
    force: Annotated[bool, typer.Option(help="Promote without comparing with the champion.")] = False,
    k: TopK = 10,
    json_: Json = False,
) -> None:
    """Register the evaluated candidate and make it the champion, unless it is worse than the present one.

    Example: learnloop release
    """

    report("release.release", json_, force=force, k=k)


@app.command()
def run(
    k: TopK = 10,
    questions: Annotated[int, typer.Option(min=0, help="Questions to ask for, a lesson.")] = 3,
    json_: Json = False,
) -> None:
    """Prepare, train, evaluate, generate and release, in one go.

    Example: learnloop run --json
    """

    report("run.run", json_, k=k, questions_per_lesson=questions)


@app.command()
def retrain(k: TopK = 10, json_: Json = False) -> None:
    """Train a challenger on today's data and promote it only if it is not worse than the champion.

    Example: learnloop retrain --json
    """

    report("release.retrain", json_, k=k)


@app.command()
def rollback(json_: Json = False) -> None:
    """Make the former champion the champion again.

    Example: learnloop rollback
    """

    report("release.rollback", json_)


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

    report("monitor.drift", json_, since=since, until=until, seed=seed)


@monitor_app.command("prune")
def monitor_prune(
    days: Annotated[
        int | None, typer.Option(min=0, max=99_999, help="Default: LEARNLOOP_DECISIONS_DAYS; 0 keeps all.")
    ] = None,
    json_: Json = False,
) -> None:
    """Delete logged decisions that are too old to be kept. A running API does so once a day.

    Example: learnloop monitor prune --days 90
    """

    report("monitor.prune", json_, days=days)
