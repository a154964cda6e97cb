"""Graded answers, to find one and put its grade right: by question, by who graded it, by its words."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from learnloop.dashboard import explaining
from learnloop.dashboard.client import Client
from learnloop.dashboard.escaping import plain, unhidden
from learnloop.i18n import N_

Translate = Callable[[str], str]
SHOWN = "regrading shown"  # in the session: how many
STEP, MOST = 20, 500  # so many more at a time; the API gives no more at once
LONGEST = 200  # characters of an answer in the list
BY = {
    "graded": N_("Anybody"),
    "teacher": N_("A teacher"),
    "machine": N_("A machine"),
}


def filters(client: Client, _: Translate) -> dict[str, str]:
    """which, question_id ("" for all) and words, as `Client.answers` takes them."""
    anew: dict[str, Any] = {"on_change": _start_over}
    of = {row["question_id"]: row for row in client.answered_questions() if row["teacher"] + row["machine"]}

    def named(name: str) -> str:
        row = of.get(name)
        if row is None:
            return _("All")
        return f"{row['stem'] or name} ({row['teacher'] + row['machine']})"

    question, by, words = st.columns([3, 1, 2])
    return {
        "question_id": question.selectbox(_("Question"), ["", *of], format_func=named, **anew),
        "which": by.selectbox(_("Graded by"), list(BY), format_func=lambda one: _(BY[one]), **anew),
        "words": words.text_input(
            _("Words in the answer"), max_chars=200, autocomplete="off", **anew
        ).strip(),
    }


def listed(client: Client, wanted: Mapping[str, str], put_right: Callable[[str], None], _: Translate) -> None:
    """The last answered first. `put_right` is called with the event_id of one, before the page is drawn."""
    count = int(st.session_state.get(SHOWN, STEP))
    rows = client.answers(**wanted, limit=count)
    if not rows:
        st.info(_("No graded answer fits these filters."))
        return
    for row in rows:
        _line(row, not wanted["question_id"], put_right, _)
    if len(rows) == count < MOST:
        st.button(_("Show more"), on_click=_more, args=(count,))


def _line(row: Mapping[str, Any], with_stem: bool, put_right: Callable[[str], None], _: Translate) -> None:
    words = unhidden(explaining.picked(row["picked"], _))[0]
    by = _("A teacher") if row["graded_by"] else _("A machine")
    when = str(row["answered_at"])[:16].replace("T", " ")
    with st.container(border=True):
        if with_stem:
            st.caption(plain(row["stem"] or _("This question is gone.")))
        st.text(words if len(words) <= LONGEST else f"{words[:LONGEST]} …")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{row['score']:.0%}** · {by} · {when}")
            key = f"put right {row['event_id']}"
            st.button(_("Put it right"), key=key, on_click=put_right, args=(row["event_id"],))


def _start_over() -> None:
    st.session_state.pop(SHOWN, None)


def _more(count: int) -> None:
    st.session_state[SHOWN] = min(MOST, count + STEP)
