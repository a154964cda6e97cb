"""What is where in a result of `evaluate recommend`: any part may be missing, any value may be none.

{"best": "ease", "models": {"ease": {"metrics": {"ndcg": {"value": .31, "low": .29, "high": .33}}, …}}, …}
"""

from collections.abc import Mapping
from typing import Any

from learnloop.evaluate.ranking_html import known, number

Result = Mapping[str, Any]
MOST_LINES = 6  # models beside each other where each is a line or a column
MOST_GROUPS = 12
FEWEST_DRAWN = 5  # in a group: fewer say nothing, and their interval is none
BASELINE = "popularity"


def ndcg(model: Mapping[str, Any]) -> float | None:
    """On the test."""
    return number((model.get("metrics") or {}).get("ndcg"))


def validated(model: Mapping[str, Any]) -> float | None:
    """NDCG on validation."""
    return number((model.get("validation") or {}).get("ndcg"))


def measured(result: Result) -> dict[str, Mapping[str, Any]]:
    """The models that have an NDCG on the test, best first; others have an error."""
    found = {str(name): model for name, model in (result.get("models") or {}).items() if model}
    found = {name: model for name, model in found.items() if ndcg(model) is not None}
    return dict(sorted(found.items(), key=lambda one: (-(ndcg(one[1]) or 0.0), one[0])))


def leading(result: Result) -> list[str]:
    """The models worth a line each: the chosen one, the best others on the test, and popularity."""
    names, best = list(measured(result)), result.get("best")
    kept = sorted(names, key=lambda name: name != best)[:MOST_LINES]
    if BASELINE in names and BASELINE not in kept:
        kept[-1] = BASELINE
    return kept


def n_folds(result: Result) -> int:
    folds = result.get("folds")
    return len(folds) if isinstance(folds, list | tuple) else int(number(folds) or 1)


def at_k(metric: str, result: Result) -> str:
    return f"{metric}@{result['k']}" if result.get("k") else metric


def group_kinds(result: Result) -> list[str]:
    """What learners or items were grouped by, in the order of the result."""
    kinds: dict[str, None] = {}
    for model in measured(result).values():
        kinds.update(dict.fromkeys(map(str, model.get("groups") or {})))
    return list(kinds)


def is_history(kind: str) -> bool:
    """The bands of `groups.history_bands`; a column of the log may be called browsing_history."""
    return kind == "history"


def group(model: Mapping[str, Any], kind: str, value: str) -> Mapping[str, Any]:
    """{n, ndcg, recall} of a model in one group; {} where it was not measured."""
    return ((model.get("groups") or {}).get(kind) or {}).get(value) or {}


def group_values(result: Result, kind: str) -> list[str]:
    """Bands of history by their first number; of other groups the largest, in the order of the result."""
    sizes: dict[str, float] = {}
    for model in measured(result).values():
        for value, told in ((model.get("groups") or {}).get(kind) or {}).items():
            sizes[str(value)] = max(sizes.get(str(value), 0.0), number((told or {}).get("n")) or 0.0)
    if is_history(kind):
        return sorted(sizes, key=lambda value: (_first_number(value), value))
    largest = set(sorted(sizes, key=lambda value: (-sizes[value], value))[:MOST_GROUPS])
    return [value for value in sizes if value in largest]


def drawn_values(result: Result, kind: str) -> list[str]:
    """Those of `group_values` that are large enough to be drawn; all where none is."""
    models = list(measured(result).values())
    values = group_values(result, kind)
    sizes = {
        value: max(known(group(model, kind, value).get("n") for model in models), default=0)
        for value in values
    }
    return [value for value in values if sizes[value] >= FEWEST_DRAWN] or values


def group_metric(result: Result, kind: str) -> str:
    """ndcg, or recall where the groups are of items and have nothing else."""
    values = group_values(result, kind)
    told = (group(model, kind, value) for model in measured(result).values() for value in values)
    return "ndcg" if any(number(one.get("ndcg")) is not None for one in told) else "recall"


def stems(result: Result) -> dict[str, str]:
    """Kind of group -> a name that a file may have, each another."""
    found: dict[str, str] = {}
    for kind in group_kinds(result):
        stem = "".join(c if c.isalnum() and c.isascii() else "_" for c in kind)[:40] or "_"
        found[kind] = stem if stem not in found.values() else f"{stem}_{len(found)}"
    return found


def _first_number(value: str) -> float:
    digits = "".join(c if c.isdecimal() else " " for c in value).split()
    return float(digits[0]) if digits else -1.0
