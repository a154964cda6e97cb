"""Instructors' commands: pin and block."""

from typing import Annotated

import typer

from learnloop.cli.shell import Json, app, report

Item = Annotated[str, typer.Argument(help="item_id, as the API names it; without one: list.")]
Course = Annotated[str, typer.Option(help="Only for learners of this course.")]
Learner = Annotated[str, typer.Option(help="Only for this learner_id (learnloop learner tells it).")]
Remove = Annotated[bool, typer.Option("--remove", help="Take the rule back.")]


@app.command()
def pin(
    item: Item = "", course: Course = "", learner: Learner = "", remove: Remove = False, json_: Json = False
) -> None:
    """Recommend an item first, or what it requires and a learner lacks; without an item, list the pins.

    Example: learnloop pin demo:courses/python-foundations/loops --course demo:courses/python-foundations
    """

    report("curation.rule", json_, kind="pin", item_id=item, course=course, learner_id=learner, remove=remove)


@app.command()
def block(
    item: Item = "", course: Course = "", learner: Learner = "", remove: Remove = False, json_: Json = False
) -> None:
    """Never recommend an item, or anything of a course; without an item, list the blocks.

    Example: learnloop block demo:courses/python-foundations/loops
    """

    report(
        "curation.rule", json_, kind="block", item_id=item, course=course, learner_id=learner, remove=remove
    )
