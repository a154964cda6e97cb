"""curation: what an instructor wants learners to see first, and never."""

import re
from typing import Any

from learnloop.errors import BadInput
from learnloop.store import curation
from learnloop.workflow.context import Loop


def rule(
    loop: Loop, kind: str, item_id: str = "", *, course: str = "", learner_id: str = "", remove: bool = False
) -> dict[str, Any]:
    """Adds or removes a pin or a block; without an item, only lists. Returns the rules there are now.

    kind: `pin` or `block`. A running API follows within seconds. Raises UnknownThing on an item there is
    not, BadInput on a learner_id that is none and on a rule for a course and a learner at once.
    """
    changed = False
    if learner_id and not re.fullmatch(r"[0-9a-f]{32}", learner_id):
        raise BadInput(
            f"{learner_id!r} is not a learner_id", "learnloop learner SOURCE ID", field="learner_id"
        )
    if item_id and remove:
        changed = curation.remove(loop.engine, kind, item_id, course, learner_id)
    elif item_id:
        changed = curation.put(loop.engine, kind, item_id, course, learner_id)
    elif remove:
        raise BadInput("say which rule to remove", f"learnloop {kind} ITEM --remove", field="item_id")
    names = ("item_id", "scope", "target", "created_at")
    rules = [{name: row[name] for name in names} for row in curation.rules(loop.engine, kind)]
    return {"changed": changed, f"{kind}s": rules}
