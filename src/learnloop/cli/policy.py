"""The command that judges the next-step policy, on learners whose truth is known."""

from typing import Annotated

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Bootstrap, Json, ReportTo, Seed, call, guard, names, show


@evaluate_app.command("policy")
def evaluate_policy(
    families: Annotated[str, typer.Option(help="Of simulated learners, by commas, or all.")] = "all",
    learners: Annotated[int, typer.Option(min=2, help="Taught by each policy, the same ones.")] = 1000,
    steps: Annotated[int, typer.Option(min=1, help="Answers of each learner at the most.")] = 400,
    tracers: Annotated[
        str, typer.Option(help="What the policy believes by: the mean of these.")
    ] = "bkt,logistic,memory",
    threshold: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Mastery from which a concept counts as mastered.")
    ] = 0.75,
    caution: Annotated[
        float, typer.Option(min=0.0, help="Standard deviations below which mastery must reach it, too.")
    ] = 1.0,
    weights: Annotated[
        str, typer.Option(help='Of components, the others as they are: "gain=1,variety=0.2".')
    ] = "",
    temperature: Annotated[
        float, typer.Option(min=0.0, help="Of the softmax that explores; 0: always the best.")
    ] = 0.0,
    bootstrap: Bootstrap = 1000,
    seed: Seed = 0,
    json_: Json = False,
    report_to: ReportTo = None,
) -> None:
    """Let our next-step policy, simple ones and an oracle teach the same simulated learners.

    Steps to mastery, final mastery, what is left after 30 days, over- and under-practice, violations of
    prerequisites, slow and fast learners. Needs no database.

    Example: learnloop evaluate policy --families all --learners 1000 --report policy.html
    """

    def work() -> None:
        result = call(
            "evaluate_policy.evaluate_policy",
            families=names(families),
            learners=learners,
            steps=steps,
            seed=seed,
            tracers=names(tracers),
            threshold=threshold,
            caution=caution,
            weights=_weights(weights),
            temperature=temperature,
            n_bootstrap=bootstrap,
            report=report_to,
        )
        show(result if json_ else call("evaluate_policy.brief", result), json_)

    guard(work)


def _weights(text: str) -> dict[str, float]:
    from learnloop.errors import BadInput

    found = {}
    for part in text.split(","):
        name, given, value = part.partition("=")
        if not part.strip():
            continue
        try:
            found[name.strip()] = float(value)
        except ValueError:
            given = ""
        if not given:
            raise BadInput(f"{part.strip()!r} is no weight", '--weights "gain=1,variety=0.2"', "weights")
    return found
