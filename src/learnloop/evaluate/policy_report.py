"""The result of `evaluate policy` in, one page of HTML out that a stranger can read; nothing is fetched."""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from learnloop.evaluate import policy_plots as plots
from learnloop.evaluate.plots import svg
from learnloop.evaluate.ranking_html import Html, bounds, number, paragraph, percent, table

MARK = 'name="generator" content="learnloop policy report"'  # in every page of ours
MARK_WITHIN = 1_000  # bytes from the start of a report
TOLD = {
    "bkt": "A concept is known or not, and forgotten overnight.",
    "irt": "Ability and learning by additive factors; nothing is forgotten.",
    "memory": "What is learnt fades, the slower the better practice was spaced.",
    "engagement": "A hidden state decides whether a learner tries; failing and boredom end it.",
    "mixture": "Learners of several kinds with heavy tails: none of our models fits.",
}
MEANINGS = (
    ("steps to mastery", "answers until every concept is mastered in truth for the first time; who never"
     " gets there counts with the limit (the restricted mean). Only the simulator knows it."),
    ("reached", "share of learners who got there within the limit"),
    ("final mastery", "true P(correct) on an average item, mean over concepts, after the last step"),
    ("after 30 days", "the same after a month of waiting: what is left"),
    ("over-practice", "share of answers, until mastery, on concepts that were all mastered in truth"),
    ("under-practice", "concepts that are not mastered in truth after the last step"),
    ("violations", "answers on an item with a prerequisite below the threshold in the policy's own belief; "
     "– for a policy that believes nothing"),
    ("unready in truth", "share of answers, until mastery, on an item with a prerequisite that was not"
     " mastered in truth; a belief can be wrong, so this is not 0"),
    ("slow − fast", "mean of the slower half of learners less that of the faster half"),
)  # fmt: skip


def is_report(head: bytes) -> bool:
    """Whether a file that begins with `head` (MARK_WITHIN bytes or more) is a report that may be replaced."""
    return MARK.encode() in head[:MARK_WITHIN]


def report_page(result: Mapping[str, Any]) -> str:
    """A whole document. result: as `learnloop evaluate policy --json` prints it."""
    families = result["families"]
    sections = [("goal", "Is the goal reached?", _goal(result))]
    sections += [(name, f"Family {name}", _family(name, one)) for name, one in families.items()]
    sections += [("words", "What the words mean", _glossary()), ("settings", "Settings", _settings(result))]
    links = "".join(f'<a href="#{escape(name)}">{escape(title)}</a> ' for name, title, _ in sections)
    body = "".join(
        f'<section id="{escape(name)}"><h2>{escape(title)}</h2>{inner}</section>'
        for name, title, inner in sections
    )
    page = Template(_template()).substitute(
        heading="How well the next step teaches",
        made=escape(
            f"{result['learners']:,} simulated learners of each family, at most {result['steps']:,} answers"
            f" each, seed {result['seed']}; every policy taught the same learners."
        ),
        body=_verdict(result) + f"<nav>{links}</nav>" + body,
    )
    return page


def _template() -> str:
    """The style of the ranking report, under our own name."""
    text = files("learnloop.evaluate").joinpath("ranking.html").read_text(encoding="utf-8")
    return text.replace("learnloop ranking report", "learnloop policy report", 1).replace(
        "<title>Ranking report</title>", "<title>Policy report</title>", 1
    )


def _verdict(result: Mapping[str, Any]) -> str:
    reached, families = result["reached_goal"], result["families"]
    worst = min(families, key=lambda name: families[name]["saving"]["value"])
    broken = sum(one["policies"][plots.OURS]["violations"] or 0 for one in families.values())
    return paragraph(
        f"In {len(reached)} of {len(families)} families our policy needs at least"
        f" {percent(result['goal'])} fewer steps than the best simple one, with"
        f" {broken:,} violations of a prerequisite in its own belief. The least it saves is"
        f" {_share(families[worst]['saving'])}, in {worst}.",
        "verdict",
    )


def _goal(result: Mapping[str, Any]) -> str:
    rows = []
    for name, one in result["families"].items():
        policies = one["policies"]
        rows.append(
            [
                name,
                _steps(policies[plots.OURS]["steps"]),
                f"{one['best_simple']}",
                _steps(policies[one["best_simple"]]["steps"]),
                _share(one["saving"]),
                _steps(policies[plots.ORACLE]["steps"]),
                "yes" if one["goal_reached"] else "no",
            ]
        )
    heads = ["family", "*ours, steps", "best simple", "*its steps", "*saved", "*oracle, steps", "goal"]
    drawn = svg(
        _untitled(plots.savings(result["families"], result["goal"])),
        "Steps saved in each family, with intervals",
    )
    return (
        paragraph(
            "Steps are answers until every concept is mastered in truth. In brackets and as strokes: 95%"
            " intervals, a bootstrap over learners, the same for both policies. The oracle sees the truth and"
            " takes the largest expected gain now, which is not always the best in the long run."
        )
        + f"<figure>{drawn}</figure>"
        + table(heads, rows)
    )


def _family(name: str, family: Mapping[str, Any]) -> str:
    policies = plots.in_order(family)
    heads = ["policy", "*steps", "*reached", "*final mastery", "*after 30 days", "*over-practice"]
    rows = [
        [
            policy,
            _steps(one["steps"]),
            _percent(one["reached"]),
            _percent(one["final_mastery"]),
            _percent(one["retention"]),
            _percent(one.get("over_share")),
        ]
        for policy, one in policies.items()
    ]
    more_heads = ["policy", "*under-practice", "*violations", "*unready in truth"]
    more_heads += ["*slow − fast, steps", "*slow − fast, final mastery"]
    more = [
        [
            policy,
            f"{number(one['under_practice']) or 0.0:.1f}",
            one["violations"],
            _percent(one.get("unready_share")),
            _steps(one["fairness"]["steps"]),
            _percent(one["fairness"]["final_mastery"]),
        ]
        for policy, one in policies.items()
    ]
    by = svg(_untitled(plots.mastered_by(family, name)), f"Share of learners who mastered all, family {name}")
    means = svg(_untitled(plots.mastered_by(family, name, "mastered")), f"Concepts mastered, family {name}")
    return (
        paragraph(TOLD.get(name, ""))
        + f"<figure>{by}</figure><figure>{means}</figure>"
        + table(heads, rows, marked=0)
        + table(more_heads, more, marked=0)
    )


def _settings(result: Mapping[str, Any]) -> str:
    aims = result["aims"]
    weights = ", ".join(f"{name} {value:g}" for name, value in aims["weights"].items())
    rest = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in aims.items() if name != "weights")
    course, log = result["course"], result["log"]
    tracers = {", ".join(one["tracers"]["names"]) for one in result["families"].values()}
    rows = [
        ("policy", str(result["policy"])),
        ("weights", weights),
        ("aims", rest),
        ("temperature", f"{result['temperature']:g}"),
        ("tracers", "; ".join(sorted(tracers))),
        ("trained on", f"{log['learners']:,} other learners of the family, {log['answers_per_learner']}"
         " answers each, half of them at random and half in course order"),
        ("course", f"{course['concepts']} concepts, {course['items']} items, {course['prerequisites']}"
         " prerequisites"),
    ]  # fmt: skip
    return table(["", ""], rows)


def _glossary() -> str:
    found = "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in MEANINGS)
    return f"<dl>{found}</dl>"


def _untitled(figure: Any) -> Any:
    figure.axes[0].set_title("", loc="left")
    return figure


def _steps(value: Any) -> Html | None:
    found, within = number(value), bounds(value)
    if found is None:
        return None
    below = f'<span class="within">[{within[0]:.0f}, {within[1]:.0f}]</span>' if within else ""
    return Html(f"{found:.0f}{below}")


def _percent(value: Any) -> Html | None:
    found, within = number(value), bounds(value)
    if found is None:
        return None
    below = f'<span class="within">[{100 * within[0]:.1f}, {100 * within[1]:.1f}]</span>' if within else ""
    return Html(f"{100 * found:.1f}%{below}")


def _share(value: Mapping[str, Any]) -> str:
    within = bounds(value)
    told = f"{100 * (number(value) or 0.0):.0f}%"
    return f"{told} [{100 * within[0]:.0f}, {100 * within[1]:.0f}]" if within else told
