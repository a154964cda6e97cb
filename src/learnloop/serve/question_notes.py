"""What the statistics of answers and learners' reports say of a question, for those who review it.

{"rule": "dead_distractor", "action": "replace", "option": "a name", "why": "Hardly anybody picks “a name” …"}
"""

from collections.abc import Mapping
from typing import Any

from learnloop.assess import item_rules
from learnloop.assess.item_rules import ACTIONS, RULES, Flag


def noted(notes: Mapping[str, Any] | None, language: str) -> dict[str, Any]:
    """flags (the gravest first) and reporters of a row of `question_feedback.notes`."""
    if notes is None:
        return {"flags": [], "reporters": 0}
    kept = (notes["statistics"] or {}).get("flags", [])
    flags = [
        {name: one[name] for name in ("rule", "action", "option")} | {"why": _why(one, language)}
        for one in sorted(kept, key=lambda one: ACTIONS.index(one["action"]))
    ]
    return {"flags": flags, "reporters": notes["reporters"]}


def measured(notes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """StatisticsSeen, None where none are kept of the present version."""
    if notes is None or notes["computed_at"] is None:
        return None
    found = notes["statistics"]
    options = [
        {name: one[name] for name in ("option", "is_key", "share")} for one in found.get("options", [])
    ]
    return {
        "computed_at": notes["computed_at"].isoformat(),
        "n": notes["n"],
        **{name: _interval(found, name) for name in ("difficulty", "discrimination", "seconds")},
        "options": options,
    }


def _why(flag: Mapping[str, Any], language: str) -> str:
    """In words of `language` where the numbers that they need are kept, else as the command said it then: a
    newer Learnloop may tell more of a rule than was kept."""
    evidence = flag.get("evidence")
    if not evidence or flag["rule"] not in RULES:
        return str(flag["why"])
    made = Flag("", 0, flag["rule"], flag["action"], flag["option"], evidence)
    try:
        return item_rules.sentence(made, language)
    except KeyError:
        return str(flag["why"])


def _interval(found: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    if found.get(name) is None:
        return None
    return {"value": found[name], "low": found.get(f"{name}_low"), "high": found.get(f"{name}_high")}
