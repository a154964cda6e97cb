"""questions: the bank as those who review it see it: listed, shown, approved, suspended, retired."""

from collections.abc import Sequence
from typing import Any

from learnloop.errors import BadInput
from learnloop.store import question_feedback, questions
from learnloop.store.questions import Wanted
from learnloop.workflow.context import Loop

LISTED = ("question_id", "status", "version", "kind", "language", "item_id", "stem", "key")
EVERY_DRAFT = 1_000_000


def listed(
    loop: Loop,
    *,
    status: str | None = None,
    item_id: str | None = None,
    language: str | None = None,
    kind: str | None = None,
    origin: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """The questions that fit, by question_id, and how many of each status fit beside the status asked for."""
    wanted = Wanted(status, item_id, language, kind, origin)
    total, rows = questions.listed(loop.engine, wanted, limit)
    counts = questions.counted(loop.engine, Wanted(None, item_id, language, kind, origin))
    return {
        "total": total,
        "by_status": counts,
        "questions": [{name: row[name] for name in LISTED} for row in rows],
    }


def show(loop: Loop, question_id: str) -> dict[str, Any]:
    """Everything there is to know of a question; what it has not is left out."""
    row = questions.get(loop.engine, question_id)
    found = {name: value for name, value in row.items() if value not in (None, [], {})}
    context = questions.contexts(loop.engine, [question_id]).get(question_id)
    if context is not None:
        found["context"] = dict(zip(("before", "quote", "after"), context, strict=True))
    reports = question_feedback.reports(loop.engine, question_id)
    statistics = question_feedback.statistics(loop.engine, question_id)
    return {
        **found,
        "history": questions.history(loop.engine, question_id),
        "former_versions": questions.versions(loop.engine, question_id),
        "reports": [{name: one[name] for name in ("version", "reason", "comment", "at")} for one in reports],
        "statistics": [{name: one[name] for name in ("version", "n", "statistics")} for one in statistics],
    }


def history(loop: Loop, question_id: str) -> dict[str, Any]:
    """Which status it had, from when, by whom and why."""
    return {"question_id": question_id, "history": questions.history(loop.engine, question_id)}


def set_status(
    loop: Loop, question_ids: Sequence[str], *, status: str, why: str = "", by: str = "cli"
) -> dict[str, Any]:
    """Gives all of them the status, or none. A running API follows at once."""
    changed = questions.set_status(loop.engine, question_ids, status, by=by, why=why)
    left = [question_id for question_id in question_ids if question_id not in set(changed)]
    return {"status": status, "changed": changed, "had_it_already": left}


def approve(
    loop: Loop,
    *,
    question_ids: Sequence[str] = (),
    everything: bool = False,
    why: str = "",
    by: str = "cli",
) -> dict[str, Any]:
    """Drafts become questions that learners get. Raises UnknownThing on an id that is no question.

    everything: every draft; those that cannot be approved (their lesson has changed) are told in `refused`.
    """
    refused: dict[str, str] = {}
    if everything:
        drafts = [
            row["question_id"]
            for row in questions.listed(loop.engine, Wanted(status="draft"), EVERY_DRAFT)[1]
        ]
        changed, refused = _each(loop, drafts, by, why)
    elif question_ids:
        changed = len(questions.set_status(loop.engine, question_ids, "approved", by=by, why=why))
    else:
        raise BadInput("nothing to approve was named", "learnloop approve --all")
    left = questions.counted(loop.engine)["draft"]
    return {"approved": changed, "drafts": left, **({"refused": refused} if refused else {})}


def _each(loop: Loop, question_ids: Sequence[str], by: str, why: str) -> tuple[int, dict[str, str]]:
    """All at once where all of them can be, else one by one: how many, and why the others were not."""
    try:
        return len(questions.set_status(loop.engine, question_ids, "approved", by=by, why=why)), {}
    except BadInput:
        changed, refused = 0, {}
        for question_id in question_ids:
            try:
                changed += len(questions.set_status(loop.engine, [question_id], "approved", by=by, why=why))
            except BadInput as error:
                refused[question_id] = error.problem
        return changed, refused
