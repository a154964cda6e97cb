"""Tuning: which hyper-parameters each recommender and each tracer is best with here."""

from typing import Annotated

import typer

from learnloop.cli.shell import Json, Seed, TopK, app, names, report

tune_app = typer.Typer(help="Look for better hyper-parameters.", no_args_is_help=True)
app.add_typer(tune_app, name="tune")


@tune_app.command("recommend")
def tune_recommend(
    models: Annotated[str, typer.Option(help="Names, a,b,…; default: all with something to tune.")] = "",
    trials: Annotated[int, typer.Option(min=1, help="Settings to try, for each model.")] = 30,
    timeout: Annotated[
        float | None, typer.Option(min=0.0, help="Seconds of trials for each model; no more are begun then.")
    ] = None,
    k: TopK = 10,
    split: Annotated[
        str, typer.Option(help="How validation is held back: time, leave-last-out or learners.")
    ] = "time",
    test_share: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Newest share, never looked at; as for train.")
    ] = 0.2,
    seed: Seed = 0,
    fresh: Annotated[bool, typer.Option(help="Forget the trials there are and start anew.")] = False,
    json_: Json = False,
) -> None:
    """Search the hyper-parameters of each recommender on a validation part of the training data.

    Stopped or killed, the same command goes on where it stopped.

    Example: learnloop tune recommend --models ials,ease --trials 30 --timeout 600
    """
    report(
        "tuning.tune_recommend",
        json_,
        models=names(models),
        trials=trials,
        timeout=timeout,
        k=k,
        split=split,
        test_share=test_share,
        seed=seed,
        fresh=fresh,
    )


@tune_app.command("trace")
def tune_trace(
    models: Annotated[
        str, typer.Option(help="Names, a,b,…; default: all with something to tune but attention.")
    ] = "",
    trials: Annotated[int, typer.Option(min=1, help="Settings to try, for each tracer.")] = 30,
    timeout: Annotated[
        float | None, typer.Option(min=0.0, help="Seconds of trials for each tracer; no more are begun then.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Of validation learners: log_loss (a release is chosen by it) or auc.")
    ] = "log_loss",
    test_share: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Newest share, never looked at; as for train.")
    ] = 0.2,
    seed: Seed = 0,
    fresh: Annotated[bool, typer.Option(help="Forget the trials there are and start anew.")] = False,
    json_: Json = False,
) -> None:
    """Search the hyper-parameters of each tracer on learners held back from the training data.

    Learners are split, never rows, and each answer is predicted once, from what came before it. Stopped or
    killed, the same command goes on where it stopped.

    Example: learnloop tune trace --models logistic,bkt --trials 30 --timeout 600
    """
    report(
        "tuning_tracers.tune_trace",
        json_,
        models=names(models),
        trials=trials,
        timeout=timeout,
        metric=metric,
        test_share=test_share,
        seed=seed,
        fresh=fresh,
    )
