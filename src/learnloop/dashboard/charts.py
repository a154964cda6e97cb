"""Charts: a frame in, an Altair chart out."""

from collections.abc import Callable
from typing import Any

import altair as alt
import pandas as pd

INK, GOOD, BAND, DUE = "#1f4e5f", "#2a9d8f", "#b7d5d4", "#c8553d"


def mastery(concepts: pd.DataFrame, threshold: float, _: Callable[[str], str]) -> Any:
    """concepts: title, mastery, low, high, attempts. Points with their 95% interval, weakest first."""
    order = concepts.sort_values("mastery")["title"].tolist()
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(concepts).encode(
        y=alt.Y("title:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False)),
        tooltip=[
            alt.Tooltip("title:N", title=_("Concept")),
            alt.Tooltip("mastery:Q", format=".0%", title=_("Mastery")),
            alt.Tooltip("low:Q", format=".0%", title=_("At least")),
            alt.Tooltip("high:Q", format=".0%", title=_("At most")),
            alt.Tooltip("attempts:Q", title=_("Answers")),
        ],
    )
    interval = base.mark_rule(strokeWidth=7, color=BAND).encode(
        x=alt.X("low:Q", scale=scale, axis=alt.Axis(format="%"), title=_("Mastery")), x2="high:Q"
    )
    point = base.mark_circle(size=90, color=INK).encode(x=alt.X("mastery:Q", scale=scale))
    goal = (
        alt.Chart(pd.DataFrame({"threshold": [threshold]}))
        .mark_rule(strokeDash=[4, 4], color=GOOD)
        .encode(x="threshold:Q")
    )
    return (interval + point + goal).properties(height=alt.Step(26))


def reviews(concepts: pd.DataFrame, now: pd.Timestamp, _: Callable[[str], str]) -> Any:
    """concepts: title, due_at (UTC), recall, half_life_days. When each falls below its target, in that order.

    The line is `now`: what lies left of it is due.
    """
    order = concepts.sort_values("due_at")["title"].tolist()
    rows = concepts.assign(now=now)
    base = alt.Chart(rows).encode(
        y=alt.Y("title:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False)),
        tooltip=[
            alt.Tooltip("title:N", title=_("Concept")),
            alt.Tooltip("recall:Q", format=".0%", title=_("Recall now")),
            alt.Tooltip("due_at:T", format="%Y-%m-%d", title=_("Review on")),
            alt.Tooltip("half_life_days:Q", format=".1f", title=_("Half-life, days")),
        ],
    )
    wait = base.mark_rule(strokeWidth=5, color=BAND).encode(x=alt.X("now:T", title=None), x2="due_at:T")
    day = base.mark_circle(size=90).encode(
        x=alt.X("due_at:T", title=_("Review on")),
        color=alt.condition("datum.due_at <= datum.now", alt.value(DUE), alt.value(INK)),
    )
    line = alt.Chart(pd.DataFrame({"now": [now]})).mark_rule(strokeDash=[4, 4], color=GOOD).encode(x="now:T")
    return (wait + day + line).properties(height=alt.Step(26))


def activity(days: pd.DataFrame, _: Callable[[str], str]) -> Any:
    """days: date, events. One bar a day."""
    return (
        alt.Chart(days)
        .mark_bar(color=GOOD)
        .encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%m-%d")),
            y=alt.Y("events:Q", title=_("Activities"), axis=alt.Axis(tickMinStep=1)),
            tooltip=[
                alt.Tooltip("date:T", title=_("Day"), format="%Y-%m-%d"),
                alt.Tooltip("events:Q", title=_("Activities")),
            ],
        )
        .properties(height=200)
    )


def risks(tenths: pd.DataFrame, _: Callable[[str], str]) -> Any:
    """tenths: low, high, learners. One bar a tenth of the estimates, its count above it."""
    base = alt.Chart(tenths).encode(
        x=alt.X(
            "low:Q",
            bin="binned",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1]),
            title=_("Estimate"),
        ),
        y=alt.Y("learners:Q", title=_("Learners"), axis=alt.Axis(tickMinStep=1)),
    )
    bars = base.mark_bar(color=INK, binSpacing=1).encode(
        x2="high:Q",
        tooltip=[
            alt.Tooltip("low:Q", format=".0%", title=_("At least")),
            alt.Tooltip("high:Q", format=".0%", title=_("At most")),
            alt.Tooltip("learners:Q", title=_("Learners")),
        ],
    )
    words = alt.Chart(tenths.assign(middle=(tenths["low"] + tenths["high"]) / 2))
    counts = words.mark_text(dy=-7, color=INK).encode(x="middle:Q", y="learners:Q", text="learners:Q")
    return (bars + counts).properties(height=220)


def intervals(rows: pd.DataFrame, label: str) -> Any:
    """rows: model, value, low, high. One metric of several models, with 95% intervals."""
    order = rows.sort_values("value", ascending=False)["model"].tolist()
    base = alt.Chart(rows).encode(y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=200)))
    rule = base.mark_rule(strokeWidth=3, color=INK).encode(x=alt.X("low:Q", title=label), x2="high:Q")
    point = base.mark_circle(size=100, color=GOOD).encode(
        x="value:Q", tooltip=["model:N", alt.Tooltip("value:Q", format=".4f")]
    )
    return (rule + point).properties(height=alt.Step(34))
