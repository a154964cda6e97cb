"""run: prepare to release in one go."""

from typing import Any

from learnloop.store import reading
from learnloop.workflow.context import Loop
from learnloop.workflow.evaluate import evaluate
from learnloop.workflow.generate import generate
from learnloop.workflow.prepare import prepare
from learnloop.workflow.release import release
from learnloop.workflow.train import train


def run(loop: Loop, *, k: int = 10, questions_per_lesson: int = 3) -> dict[str, Any]:
    """The report of each step, in the order they ran."""
    report: dict[str, Any] = {"prepare": prepare(loop)}
    with loop.alone():
        report["train"] = train(loop)
        report["evaluate"] = evaluate(loop, k=k)
        report["generate"] = generate(loop, questions_per_lesson=questions_per_lesson)
        report["release"] = release(loop, k=k)
    report["counts"] = reading.counts(loop.engine)
    return report
