"""An answer explained to its learner: what was answered, what is right, why, and what the teacher wrote."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from learnloop.dashboard.escaping import plain, unhidden

Translate = Callable[[str], str]


def reply(found: Mapping[str, Any], _: Translate) -> None:
    """found: as the API tells it right after the answer, or later. Icon and words, never a colour alone."""
    told = " ".join(found["feedback"])
    said = plain(told)
    answer = plain(unhidden(picked(found["picked"], _))[0])
    st.caption(_("You answered: {answer}").format(answer=answer))
    if found["correct"]:
        st.success(said, icon=":material/check:")
    elif found["correct"] is None:
        st.info(said, icon=":material/school:")
    elif found["score"]:
        st.warning(said, icon=":material/contrast:")
    else:
        st.error(said, icon=":material/close:")
    if found.get("comment"):
        st.markdown(_("Your teacher writes:"))
        with st.container(border=True):
            st.text(found["comment"])
    if not found["correct"] and found["key"] and found["key"] not in told and not found["corrected"]:
        key = {"true": _("True"), "false": _("False")}.get(found["key"], found["key"])
        st.markdown(_("The answer is: **{key}**").format(key=plain(key)))
    if found["corrected"] and found["corrected"] not in told:
        st.markdown(_("What is true: {statement}").format(statement=plain(found["corrected"])))
    for rationale in found["rationale"]:
        st.markdown(plain(rationale))
    if found["quote"]:
        st.markdown("> " + _("The lesson says: {quote}").format(quote=plain(found["quote"])))
    for concept in found.get("mastery", ()):
        now = _("Mastery of “{concept}” is now {mastery}.")
        st.caption(now.format(concept=plain(concept["title"]), mastery=f"{concept['mastery']:.0%}"))


def picked(picked: Any, _: Translate) -> str:
    if isinstance(picked, bool):
        return _("True") if picked else _("False")
    if isinstance(picked, str):
        return picked
    return " → ".join(picked) if isinstance(picked[0], str) else "; ".join(f"{a}: {b}" for a, b in picked)
