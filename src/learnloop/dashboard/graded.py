"""What a teacher has graded since the learner last looked: a line on every page, and the whole on one."""

import contextlib
from collections.abc import Callable

import streamlit as st

from learnloop.dashboard import explaining
from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain

Translate = Callable[[str], str]
SHOWN = 20  # grades at a time
FEW = 2  # so many are open at once; of more each is opened


def line(client: Client, learner_id: str, _: Translate, go: Callable[[], None]) -> None:
    """One line, where there is something new; `go` leads to the page that has it."""
    count = client.own_answers(learner_id, "new", 1)["new"]
    if count:
        told, on = st.columns([4, 1], vertical_alignment="center")
        told.info(_news(count, _), icon=":material/school:")
        on.button(_("Read it"), on_click=go, width="stretch")


def page(client: Client, learner_id: str, _: Translate) -> None:
    """The new grades with their feedback, until the learner says that they are read; what still waits."""
    found = client.own_answers(learner_id, "new", SHOWN)
    answers = found["answers"]
    if answers:
        with st.container(border=True):
            st.subheader(_news(found["new"], _), anchor=False)
            for answer in answers:
                stem = plain(answer["stem"] or _("This question is gone."))
                with st.expander(f"{answer['score']:.0%} · {stem}", expanded=len(answers) <= FEW):
                    explaining.reply(answer, _)
            until = answers[-1]["graded_at"]
            st.button(_("I have read it"), type="primary", on_click=_see, args=(client, learner_id, until))
    if found["waiting"]:
        st.caption(_("Your answers that wait for your teacher: {count}").format(count=found["waiting"]))


def _see(client: Client, learner_id: str, until: str) -> None:
    # Where it fails the grades stay new, and the page, which asks the API again, says what is wrong.
    with contextlib.suppress(ApiError):
        client.see_answers(learner_id, until)


def _news(count: int, _: Translate) -> str:
    return _("New grades from your teacher: {count}").format(count=count)
