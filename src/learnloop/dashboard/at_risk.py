"""The page of who may fail or leave: a course's learners, the highest estimate first, and what speaks for it.

An estimate is said as what it is, with its reasons beside it, and no line is drawn above which somebody
"is at risk": where to begin to ask is for those who teach to say.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from learnloop.dashboard import charts
from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain

Translate = Callable[[str], str]
NOTHING_TO_ESTIMATE, NO_MODEL = 409, "learnloop at-risk --train"


def page(client: Client, _: Translate) -> None:
    st.header(_("Who may need help"))
    courses = {row["course"]: row for row in client.courses()}
    if not courses:
        st.info(_("No course that says when it starts is under way today."))
        return
    course = st.selectbox(_("Course"), list(courses), format_func=lambda one: _named(courses[one]))
    try:
        found = client.at_risk(course)
    except ApiError as error:
        _none(error, _)
        return
    day = _("Day {day} of {days}.").format(day=found["day"], days=courses[course]["days"])
    told = _("Of {total} learners about {expected} fail or leave, if it goes as in earlier courses.")
    st.markdown(f"{day} {told.format(total=found['total'], expected=round(found['at_risk_expected']))}")
    st.info(
        _(
            "An estimate is a reason to ask a learner how it goes, and no more:"
            " it may be wrong about anybody, and it decides nothing."
        )
    )
    st.subheader(_("How the estimates are spread"), anchor=False)
    st.altair_chart(charts.risks(tenths([one["risk"] for one in found["learners"]]), _), width="stretch")
    st.caption(_("A bar for every tenth: how many learners have such an estimate."))
    st.subheader(_("The highest first"), anchor=False)
    _list(found, _)


def tenths(risks: Sequence[float]) -> pd.DataFrame:
    """low, high, learners: how many of `risks` lie in [0, .1), [.1, .2) … [.9, 1]; ten rows."""
    place = pd.Series(risks, dtype=float).mul(10).astype(int).clip(0, 9)
    counts = place.value_counts().reindex(range(10), fill_value=0)
    return pd.DataFrame({"low": [k / 10 for k in range(10)], "learners": counts.to_numpy()}).assign(
        high=lambda rows: rows["low"] + 0.1
    )


def _named(course: Mapping[str, Any]) -> str:
    return f"{course['title']} ({course['course']})"


def _list(found: Mapping[str, Any], _: Translate) -> None:
    rows = [
        {
            "learner": one["learner_id"],
            "risk": 100 * one["risk"],
            "why": " · ".join(reason["text"] for reason in one["reasons"]) or "–",
        }
        for one in found["learners"]
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_order=["risk", "why", "learner"],
        column_config={
            "risk": st.column_config.ProgressColumn(
                _("Estimate"), format="%.0f%%", min_value=0.0, max_value=100.0, color=charts.INK
            ),
            "why": st.column_config.TextColumn(_("Why"), width="large"),
            "learner": st.column_config.TextColumn(_("Learner"), width="small"),
        },
    )
    if len(rows) < found["total"]:
        told = _("The {shown} highest of {total}.")
        st.caption(told.format(shown=len(rows), total=found["total"]))


def _none(error: ApiError, _: Translate) -> None:
    """What to do where there is no list. Other troubles are not this page's."""
    if error.next_step == NO_MODEL:
        st.warning(
            _("No model for this is kept here that can be used. It learns from courses that have ended:")
        )
        st.code(error.next_step, language="bash")
    elif error.status == NOTHING_TO_ESTIMATE:
        nothing = _("There is nothing to estimate of this course today.")
        told = _("The API says: {problem}").format(problem=plain(error.problem))
        st.info(f"{nothing} {told}")
    else:
        raise error
