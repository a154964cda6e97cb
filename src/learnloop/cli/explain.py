"""Commands about one learner: what is next and why, what is mastered, what is about to be forgotten."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from learnloop.cli.shell import Json, app, guard, show, with_loop

if TYPE_CHECKING:
    from learnloop.workflow.context import Loop

Learner = Annotated[
    str, typer.Argument(help="A learner_id, or where the outside id comes from: oulad, csv, …")
]
OutsideId = Annotated[str, typer.Argument(help="The id that system knows.")]
K = Annotated[int, typer.Option("--k", min=1, max=50, help="At most so many steps.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many concepts.")]


def _report(question: str, json_: bool, **options: Any) -> None:
    """Asks `learnloop.serve.explain.<question>` and shows its report."""

    def work(loop: "Loop") -> None:
        from learnloop.serve import explain

        house = explain.House(loop.engine, loop.registry, loop.pseudonym_key, loop.settings.language)
        found = getattr(explain, question)(house, **options)
        show(found if json_ else explain.readable(found), json_)

    guard(lambda: with_loop(work))


@app.command()
def explain(learner: Learner, outside_id: OutsideId = "", k: K = 5, json_: Json = False) -> None:
    """Why a learner gets these next steps and not others: every number behind each candidate, what is locked
    by which prerequisite, and the last decision that was logged.

    Example: learnloop explain oulad 11391
    """

    _report("explain", json_, learner=learner, outside_id=outside_id, k=k)


@app.command("next")
def next_(learner: Learner, outside_id: OutsideId = "", k: K = 5, json_: Json = False) -> None:
    """A learner's next steps now, with their reasons.

    Example: learnloop next oulad 11391 --k 3
    """

    _report("next_steps", json_, learner=learner, outside_id=outside_id, k=k)


@app.command()
def mastery(learner: Learner, outside_id: OutsideId = "", limit: Limit = 50, json_: Json = False) -> None:
    """What a learner masters, how sure that is, and how much of it is recalled.

    Example: learnloop mastery oulad 11391
    """

    _report("mastery", json_, learner=learner, outside_id=outside_id, limit=limit)


@app.command()
def reviews(learner: Learner, outside_id: OutsideId = "", limit: Limit = 50, json_: Json = False) -> None:
    """What a learner is about to forget, when a review is due, and what to review it with.

    Example: learnloop reviews oulad 11391
    """

    _report("review", json_, learner=learner, outside_id=outside_id, limit=limit)
