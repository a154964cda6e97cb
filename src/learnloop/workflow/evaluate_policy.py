"""evaluate policy: who teaches simulated learners in the fewest steps, and at what price.

In each family: a tracer is trained on the log of other learners of that family, then our policy and its
rivals teach the same new learners. What only the simulator knows is used to measure, and by the oracle.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.errors import BadInput, UnknownThing
from learnloop.evaluate import policies
from learnloop.recommend.merits import SERVED, Aims, Weights
from learnloop.recommend.next_step import VERSION
from learnloop.recommend.syllabus import Syllabus
from learnloop.schemas import Tracer
from learnloop.simulate.course import Course, planted_course
from learnloop.simulate.families import FAMILIES
from learnloop.workflow import paths
from learnloop.workflow.console import Advance, bar, step
from learnloop.workflow.teaching import (
    AsServed,
    AtRandom,
    HalfAndHalf,
    InOrder,
    LowestMastery,
    MasteryOrder,
    NextStep,
    Oracle,
    ServedStep,
    Taught,
    Teacher,
    Together,
    as_answers,
    teach,
)
from learnloop.workflow.tracers import TRACERS

OURS, ORACLE = "next step", "oracle"
SERVED_POLICY = "as served"  # ours with what the API has: one tracer, other weights, a recommender's opinion
SERVED_BY, MEMORY = "logistic", "memory"  # the tracer that training chooses most, and what tells recall
SIMPLE = ("random", "fixed order", "popularity", "lowest mastery")
ADAPTIVE = "mastery order"  # a rival that has our tracers: told beside the simple ones
BELIEFS = ("bkt", "logistic", "memory")  # what ours and lowest mastery believe by: their mean
THRESHOLD = 0.75  # of that mean
CAUTION = 1.0  # standard deviations: on some courses 11% fewer steps became 23% (docs/5-next-step.md)
OTHERS = 1_000_000  # number of the first learner of the log: never one of those who are taught
LOG_LEARNERS, LOG_ANSWERS = 500, 160


@dataclass(frozen=True)
class Plan:
    """What is asked for. learners are taught `steps` answers each."""

    learners: int
    steps: int
    seed: int
    tracers: tuple[str, ...]
    aims: Aims
    temperature: float
    n_bootstrap: int
    log: tuple[int, int]  # other learners, answers of each


def evaluate_policy(
    *,
    families: Sequence[str] = (),
    learners: int = 1000,
    steps: int = 400,
    seed: int = 0,
    tracers: Sequence[str] = BELIEFS,
    threshold: float = THRESHOLD,
    caution: float = CAUTION,
    weights: Mapping[str, float] | None = None,
    temperature: float = 0.0,
    n_bootstrap: int = 1000,
    log: tuple[int, int] = (LOG_LEARNERS, LOG_ANSWERS),
    report: Path | None = None,
) -> dict[str, Any]:
    """The result as docs/commands.md describes it. families: names of FAMILIES, () for all; weights: by
    component, the others keep their defaults. log: how many other learners the tracer is trained on, and how
    many answers of each.

    Raises BadInput (an option), UnknownThing (a family, a tracer).
    """
    wanted = _families(families)
    able = [name for name, kind in TRACERS.items() if hasattr(kind, "follow")]
    unknown = [name for name in tracers if name not in able]
    if unknown or not tracers:
        raise UnknownThing(
            f"no tracer {', '.join(unknown)!r} that follows learners; there are {', '.join(able)}",
            f"--tracers {','.join(BELIEFS)}",
        )
    if learners < 2 or steps < 1:
        raise BadInput(f"cannot teach {learners} learners in {steps} steps", "--learners 1000 --steps 400")
    if report is not None:
        from learnloop.evaluate.policy_report import is_report

        paths.may_replace(report, is_report)
    aims = Aims(threshold=threshold, caution=caution, weights=_weights(weights or {}))
    plan = Plan(learners, steps, seed, tuple(tracers), aims, temperature, n_bootstrap, log)
    course = planted_course(seed=seed)
    found = {}
    total = len(wanted) * (log[1] + steps * (len(SIMPLE) + 4))
    with bar(f"taught {learners:,} learners of {len(wanted)} families", total) as advance:
        for family in wanted:
            found[family] = _family(family, course, plan, advance)
    result = {
        "learners": learners,
        "steps": steps,
        "seed": seed,
        "goal": policies.GOAL,
        "policy": VERSION,
        "aims": {**asdict(aims), "band": list(aims.band)},
        "temperature": temperature,
        "course": {
            "concepts": len(course.concept_ids),
            "items": len(course.item_ids),
            "prerequisites": int(course.requires.sum()),
        },
        "log": {"learners": log[0], "answers_per_learner": log[1]},
        "families": found,
        "reached_goal": [name for name, one in found.items() if one["goal_reached"]],
    }
    if report is not None:
        _write(report, result)
    return result


def _families(names: Sequence[str]) -> list[str]:
    wanted = list(FAMILIES) if not names or list(names) == ["all"] else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in FAMILIES]
    if unknown:
        raise UnknownThing(
            f"there is no family {unknown[0]!r}; there are {', '.join(FAMILIES)}", "--families all"
        )
    return wanted


def _weights(given: Mapping[str, float]) -> Weights:
    known = asdict(Weights())
    unknown = [name for name in given if name not in known]
    if unknown:
        raise BadInput(
            f"there is no component {unknown[0]!r}; there are {', '.join(known)}",
            '--weights "gain=1"',
            field="weights",
        )
    return Weights(**{**known, **given})


def _family(family: str, course: Course, plan: Plan, advance: Advance) -> dict[str, Any]:
    def note(amount: float) -> None:
        advance(amount, family)

    started = time.perf_counter()
    answers, counts = _log_of_others(family, course, plan, note)
    wanted = dict.fromkeys((*plan.tracers, SERVED_BY, MEMORY))
    tracers: dict[str, Tracer] = {name: TRACERS[name]().fit(answers) for name in wanted}
    fitted = time.perf_counter() - started
    taught, seconds = {}, {}
    for name, make in _teachers(course, plan, tracers, counts).items():
        begun = time.perf_counter()
        environment = FAMILIES[family](course, plan.learners, plan.seed)
        taught[name] = teach(environment, make(environment), plan.steps, advance=note)
        seconds[name] = round(time.perf_counter() - begun, 2)
    return {
        "tracers": {"names": list(plan.tracers), "answers": len(answers), "seconds": round(fitted, 2)},
        "seconds": seconds,
        **_measured(taught, plan),
    }


def _log_of_others(
    family: str, course: Course, plan: Plan, advance: Callable[[float], Any]
) -> tuple[Any, np.ndarray]:
    """(ANSWERS, answers of each item) of other learners: half of them at random, half in course order."""
    n, each = plan.log
    environment = FAMILIES[family](course, n, plan.seed, first=OTHERS)
    teacher = HalfAndHalf(len(course.item_ids), n, plan.seed)
    log = teach(environment, teacher, each, log=True, advance=advance).log
    answers = as_answers(course, log)
    counts = np.bincount(np.concatenate([items for _, items, _, _ in log]), minlength=len(course.item_ids))
    return answers, counts


def _teachers(
    course: Course, plan: Plan, tracers: Mapping[str, Any], counts: np.ndarray
) -> dict[str, Callable[[Any], Teacher]]:
    """tracers: by name, those of the plan and what the API believes by."""
    n, n_items = plan.learners, len(course.item_ids)
    syllabus = Syllabus.of(
        course.item_ids, course.concept_ids, course.teaches, course.requires, course.minutes
    )

    def following(name: str) -> Any:
        names = course.item_ids.tolist(), course.concept_tuples, course.concept_ids.tolist()
        return tracers[name].follow(*names, n)

    def follow() -> Together:
        return Together([following(name) for name in plan.tracers], course.teaches)

    def served() -> AsServed:
        return AsServed(following(SERVED_BY), following(MEMORY), course.teaches, n)

    popular = np.argsort(-counts, kind="stable")
    threshold = plan.aims.threshold
    return {
        OURS: lambda _: NextStep(
            follow(), syllabus, plan.aims, n, temperature=plan.temperature, seed=plan.seed
        ),
        "random": lambda _: AtRandom(n_items, plan.seed),
        "fixed order": lambda _: InOrder(np.arange(n_items), n),
        "popularity": lambda _: InOrder(popular, n),
        "lowest mastery": lambda _: LowestMastery(follow(), syllabus, threshold, n),
        ADAPTIVE: lambda _: MasteryOrder(follow(), syllabus, threshold, n),
        SERVED_POLICY: lambda _: ServedStep(served(), syllabus, SERVED, n, relevance=np.log1p(counts)),
        ORACLE: Oracle,
    }


def _measured(taught: Mapping[str, Taught], plan: Plan) -> dict[str, Any]:
    tables = {
        name: policies.per_learner(
            reached=one.reached,
            limit=plan.steps,
            answered=one.answered,
            over=one.over,
            unready=one.unready,
            broken=one.broken,
            final=one.final,
            kept=one.kept,
            unmastered=one.unmastered,
        )
        for name, one in taught.items()
    }
    steps = {name: table["steps"].to_numpy(float) for name, table in tables.items()}
    slow = next(iter(taught.values())).slow
    best = policies.best_simple(steps, SIMPLE)
    against = {
        name: policies.saving(steps[OURS], steps[name], plan.n_bootstrap, plan.seed)
        for name in steps
        if name != OURS
    }
    broken = tables[OURS]["violations"].sum()
    return {
        "best_simple": best,
        "saving": against[best],
        "savings": against,
        "goal_reached": bool(against[best]["value"] >= policies.GOAL and broken == 0),
        "policies": {
            name: {
                **policies.summary(tables[name], slow, plan.n_bootstrap, plan.seed),
                "curve": policies.curve(one.reached, one.mastered),
            }
            for name, one in taught.items()
        },
    }


def brief(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wants to see first; `--json` has the rest."""
    shown: dict[str, Any] = {}
    for family, found in result["families"].items():
        shown[family] = {
            "steps to mastery": {name: one["steps"] for name, one in found["policies"].items()},
            f"fewer than {found['best_simple']}": found["saving"],
            "goal": "reached" if found["goal_reached"] else "not reached",
            "violations": found["policies"][OURS]["violations"],
        }
    return {"learners": result["learners"], "steps": result["steps"], "seed": result["seed"], **shown}


def _write(report: Path, result: Mapping[str, Any]) -> None:
    from learnloop.evaluate.policy_report import report_page
    from learnloop.workflow.whole import write_whole

    with step(f"wrote {report}"):
        page = report_page(result)
        write_whole(report, lambda beside: beside.write_text(page, "utf-8"))
