"""Commands on what learners know and who needs help: placement tests, and who is at risk."""

from pathlib import Path
from typing import Annotated

import typer

from learnloop.cli.recommenders import evaluate_app
from learnloop.cli.shell import Bootstrap, Json, ReportTo, Seed, app, call, guard, names, show, with_loop
from learnloop.errors import BadInput


@evaluate_app.command("placement")
def evaluate_placement(
    families: Annotated[
        str, typer.Option(help="Families of simulated learners, by commas; default: all.")
    ] = "",
    learners: Annotated[int, typer.Option(min=10, help="Learners of each family.")] = 100,
    choice: Annotated[
        str, typer.Option(help="How the next question is chosen: variance, information, state or random.")
    ] = "variance",
    most: Annotated[int, typer.Option(min=1, help="Questions of an adaptive test, at most.")] = 60,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """How many questions an adaptive placement saves, on simulated learners. Needs no database.

    Example: learnloop evaluate placement --families bkt,irt --learners 50 --json
    """

    def work() -> None:
        result = call(
            "placement.evaluate_placement", names(families),
            learners=learners, choice=choice, most=most, seed=seed,
        )  # fmt: skip
        show(result if json_ else call("placement.brief", result), json_)

    guard(work)


@evaluate_app.command("at-risk")
def evaluate_at_risk(
    oulad: Annotated[
        Path | None, typer.Option(help="The folder of OULAD's CSV files; without it, what is on record.")
    ] = None,
    week: Annotated[str, typer.Option(help="Weeks of the presentation to be asked in, by commas.")] = "2,4,8",
    test: Annotated[str, typer.Option(help="The presentation asked of; default: the latest.")] = "",
    marking_days: Annotated[
        int, typer.Option(min=0, max=100, help="So long after the hand-in a tutor's mark is known.")
    ] = 14,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Each presentation of each module in turn, too.")
    ] = False,
    bootstrap: Bootstrap = 300,
    seed: Seed = 0,
    json_: Json = False,
    report_to: ReportTo = None,
) -> None:
    """Who will fail or withdraw, told early, of a presentation no model has seen.

    From the enrolments and hand-ins of this home or, with --oulad, from files alone, without a database.

    Beside it the rule 'failing and absent for 7 days' and the majority, and a table by gender, disability,
    deprivation and age.

    Example: learnloop evaluate at-risk --oulad DIR --week 2,4,8 --json --report out.html
    """

    def work() -> None:
        try:
            weeks = [int(one) for one in names(week)]
        except ValueError:
            raise BadInput(f"{week!r} are no weeks", "--week 2,4,8", "week") from None
        options = {
            "weeks": weeks, "test": test, "marking_days": marking_days, "leave_one_out": leave_one_out,
            "n_bootstrap": bootstrap, "seed": seed, "report": report_to,
        }  # fmt: skip
        if oulad:
            result = call("at_risk.evaluate_at_risk", oulad, **options)
        else:
            result = with_loop(lambda loop: call("at_risk.evaluate_at_risk", loop=loop, **options))
        show(result if json_ else call("at_risk.brief", result), json_)

    guard(work)


@app.command("at-risk")
def at_risk(
    course: Annotated[str, typer.Option(help="item_id of a course that is under way.")] = "",
    train: Annotated[
        bool, typer.Option("--train", help="Learn from the courses that have ended, and keep the model.")
    ] = False,
    on: Annotated[str, typer.Option(help="The day, YYYY-MM-DD; default: today.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Learners shown, at most.")] = 20,
    language: Annotated[str, typer.Option(help="Of the reasons: en or es.")] = "en",
    json_: Json = False,
) -> None:
    """Who is at risk of failing or leaving a course today, the highest risk first, and why. For staff.

    Example: learnloop at-risk --train; learnloop at-risk --course oulad:BBB-2014J --on 2014-11-26
    """

    def work() -> None:
        if not course and not train:
            raise BadInput("say which course, or --train", "learnloop at-risk --course ITEM", "course")
        if train:
            made = with_loop(lambda loop: call("at_risk_today.train", loop, on))
            if not course:
                return show(made, json_)
        found = with_loop(lambda loop: call("at_risk_today.learners", loop, course, on, limit, language))
        show(found if json_ else call("at_risk_today.brief", found), json_)

    guard(work)
