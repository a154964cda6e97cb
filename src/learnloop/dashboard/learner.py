"""The learner's page: what to do next and why, what is mastered and how sure that is, what was done."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from learnloop.dashboard import charts
from learnloop.dashboard.client import Client
from learnloop.dashboard.escaping import plain, web_address

Translate = Callable[[str], str]
REASONS = 3  # the most telling ones
SHOWN = 12  # reviews, the first to be due
AROUND = pd.Timedelta(days=60)  # the chart's days before and after today
MINUTES = (0, 5, 10, 20, 40)  # 0: any


def page(
    client: Client, learner_id: str, _: Translate, practise: Callable[[str], None] | None = None
) -> None:
    """practise: goes to the questions of a lesson; None where the reader is not the learner."""
    steps, known = st.columns([5, 6], gap="large")
    with steps:
        st.header(_("Your next steps"))
        _next_steps(client, learner_id, _, practise)
    with known:
        st.header(_("What you master"))
        _mastery(client.mastery(learner_id), _)
        _reviews(client.reviews(learner_id), _)
        st.header(_("Your progress"))
        _progress(client.progress(learner_id), _)


def _next_steps(
    client: Client, learner_id: str, _: Translate, practise: Callable[[str], None] | None
) -> None:
    minutes = st.selectbox(
        _("Time you have"),
        MINUTES,
        format_func=lambda minutes: _("{minutes} minutes").format(minutes=minutes) if minutes else _("Any"),
    )
    found = client.recommendations(learner_id, max_duration_s=60 * minutes or None)
    if not found["items"]:
        nothing_left = _("Nothing left to recommend: you have done everything you are ready for.")
        st.info(_("Nothing here is known to fit into that time.") if minutes else nothing_left)
    asked = {row["item_id"] for row in client.practice_lessons()} if practise else set()
    for step in found["items"]:
        with st.container(border=True):
            title = f"**{plain(step['title'])}**"
            if url := web_address(step.get("url")):
                st.page_link(url, label=title, icon=":material/open_in_new:")
            else:
                st.markdown(title)
            st.caption("  \n".join(plain(reason["text"]) for reason in step["reasons"][:REASONS]))
            if practise and step["item_id"] in asked:
                name = f"practise {step['item_id']}"
                st.button(_("Practise"), key=name, on_click=practise, args=(step["item_id"],))
            if st.button(_("Not interested"), key=f"hide {step['item_id']}", type="tertiary"):
                client.hide(learner_id, step["item_id"])
                st.rerun()
    hidden = client.hidden(learner_id)
    if hidden and st.button(_("Show again what I hid"), type="tertiary"):
        client.unhide_all(learner_id)
        st.rerun()


def _mastery(told: dict[str, Any], _: Translate) -> None:
    practised = pd.DataFrame([row for row in told["concepts"] if row["attempts"] > 0])
    if practised.empty:
        st.info(_("No answers yet: mastery appears after the first exercise."))
        return
    st.altair_chart(charts.mastery(practised, told["goal"], _), width="stretch")
    st.caption(
        _("The dot is the estimate, the bar the range it is in with 95% certainty, the line the goal.")
    )


def _reviews(found: dict[str, Any], _: Translate) -> None:
    concepts = pd.DataFrame(found["concepts"][:SHOWN])
    if concepts.empty:  # no answers, or no memory in the release
        return
    st.header(_("When to review"))
    concepts["due_at"] = pd.to_datetime(concepts["due_at"], utc=True, format="ISO8601")
    now = pd.Timestamp.now(tz="UTC")
    # a concept that was due long ago would leave no room for the others
    concepts["due_at"] = concepts["due_at"].clip(now - AROUND, now + AROUND)
    st.altair_chart(charts.reviews(concepts, now, _), width="stretch")
    told = _("Due now: {due} of {total}. The dot is the day recall falls below {target}; the line is today.")
    st.caption(told.format(due=found["due"], total=found["total"], target=f"{found['target']:.0%}"))


def _progress(found: dict[str, Any], _: Translate) -> None:
    lessons, answers, right = st.columns(3)
    lessons.metric(_("Lessons done"), found["items_done"])
    answers.metric(_("Answers"), found["answers"])
    rate = found["correct_rate"]
    right.metric(_("Right"), "–" if rate is None else f"{rate:.0%}")
    days = pd.DataFrame(found["days"])
    if not days.empty:
        st.altair_chart(charts.activity(days, _), width="stretch")
