"""curation: what an instructor wants learners to see first, and never."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import curation
from learnloop.workflow.context import Loop

NEAR = 3  # rules that are told of where the one to remove is not there


def rule(
    loop: Loop, kind: str, item_id: str = "", *, course: str = "", learner_id: str = "", remove: bool = False
) -> dict[str, Any]:
    """Adds or removes a pin or a block; without an item, only lists. Returns the rules there are now.

    kind: `pin` or `block`. A running API follows within seconds. Raises UnknownThing on an item there is
    not and on a rule to remove there is not, BadInput on a learner_id that is none and on a rule for a course
    and a learner at once.
    """
    changed = False
    if learner_id and not re.fullmatch(r"[0-9a-f]{32}", learner_id):
        raise BadInput(
            f"{learner_id!r} is not a learner_id", "learnloop learner SOURCE ID", field="learner_id"
        )
    if item_id and remove:
        changed = curation.remove(loop.engine, kind, item_id, course, learner_id)
        if not changed:
            raise _no_such_rule(curation.rules(loop.engine, kind), kind, item_id, course, learner_id)
    elif item_id:
        changed = curation.put(loop.engine, kind, item_id, course, learner_id)
    elif remove:
        raise BadInput("say which rule to remove", f"learnloop {kind} ITEM --remove", field="item_id")
    names = ("item_id", "scope", "target", "created_at")
    rules = [{name: row[name] for name in names} for row in curation.rules(loop.engine, kind)]
    return {"changed": changed, f"{kind}s": rules}


def _no_such_rule(
    rules: Sequence[Mapping[str, Any]], kind: str, item_id: str, course: str, learner_id: str
) -> UnknownThing:
    """Says what is there instead: the rules of the item for others, else of items that are spelt alike."""
    mine = _who(*curation.scope_of(course, learner_id))
    same = [row for row in rules if row["item_id"] == item_id]
    alike = get_close_matches(item_id, {row["item_id"] for row in rules}, n=NEAR)
    near = same or [row for name in alike for row in rules if row["item_id"] == name]
    shown = [f"{row['item_id']} for {_who(row['scope'], row['target'])}" for row in near[:NEAR]]
    told = f"; near ones: {', '.join(shown)}" if shown else f"; there are {len(rules)} {kind}s, none like it"
    return UnknownThing(f"there is no {kind} of {item_id!r} for {mine}{told}", f"learnloop {kind}")


def _who(scope: str, target: str) -> str:
    return f"{scope} {target}" if target else "all"
