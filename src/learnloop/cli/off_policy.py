"""The command that says what another policy would have earned, from the decisions that were logged."""

from datetime import datetime
from typing import Annotated

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Bootstrap, Json, Seed, names, report


@evaluate_app.command("off-policy")
def evaluate_off_policy(
    target: Annotated[
        str, typer.Option(help="By commas: greedy, uniform, temperature=0.1, temperature=0.1/diversity=0.2.")
    ] = "greedy,uniform",
    delay_days: Annotated[
        float, typer.Option(min=0.001, help="Answers before so many days are no evidence of learning.")
    ] = 1.0,
    horizon_days: Annotated[float, typer.Option(min=0.01, help="Nor those after so many.")] = 30.0,
    places: Annotated[int, typer.Option(min=1, max=20, help="Of a list: the sum over its first places.")] = 1,
    steps: Annotated[
        int, typer.Option(min=1, max=20, help="Of a learner: the sum over first decisions.")
    ] = 1,
    clip: Annotated[
        float | None, typer.Option(min=0.1, help="Cut weights here: less noise, and a bias that is told.")
    ] = None,
    missing: Annotated[
        str, typer.Option(help="Decisions nobody answered after: leave-out, or least (they earned 0).")
    ] = "leave-out",
    since: Annotated[datetime | None, typer.Option(help="Decisions from this moment on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Decisions before this moment (UTC).")] = None,
    bootstrap: Bootstrap = 1000,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """What other knobs would have earned, from the logged decisions and what learners answered later.

    Needs decisions that were drawn (LEARNLOOP_EXPLORATION above 0); where the log cannot tell, it says so.

    Example: learnloop evaluate off-policy --target greedy,uniform,temperature=0.3 --delay-days 1 --json
    """
    if places > 1 and steps > 1:
        raise typer.BadParameter("--places and --steps do not go together")
    report(
        "evaluate_off_policy.evaluate_off_policy",
        json_,
        targets=names(target),
        delay_days=delay_days,
        horizon_days=horizon_days,
        places=places,
        steps=steps,
        clip=clip,
        missing=missing.replace("-", " "),
        since=_utc(since),
        until=_utc(until),
        n_bootstrap=bootstrap,
        seed=seed,
    )


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
