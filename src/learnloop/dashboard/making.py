"""Questions made of a lesson: asked for, watched while they are made, what came of them, and the way to them.

{"state": "done", "requested": 5, "accepted": 3, "rejected": {"length_cue": 4}, "stopped": null, …}
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain
from learnloop.dashboard.turning import start_over
from learnloop.i18n import N_

Translate = Callable[[str], str]
# In the session: read or make, the job whose drafts are read, what came of asking
VIEW, JOB, TOLD = "review view", "review job", "making told"
QUEUE = "review place"  # of the review page
VIEWS = {"read": N_("Read questions"), "make": N_("Make new ones")}
KINDS = {
    "multiple_choice": N_("Multiple choice"),
    "cloze": N_("Fill the gap"),
    "true_false": N_("True or false"),
    "short_answer": N_("Short answer"),
    "ordering": N_("Put in order"),
    "matching": N_("Match"),
}
LANGUAGES = ("", "en", "es", "fr", "de")  # that there are rules for
STATES = {
    "queued": N_("waits for its turn"),
    "running": N_("is being made"),
    "done": N_("done"),
    "failed": N_("failed"),
    "cancelled": N_("cancelled"),
}
SKIPPED = {  # why a lesson is not read
    "language_without_rules": N_("There are no rules for its language."),
    "too_short": N_("The lesson is too short."),
    "other_language": N_("Its text is in another language than the lesson says."),
    "stopped": N_("The work ended before it."),
}
OPEN = ("queued", "running")
MOST_LESSONS, JOBS = 500, 5
LOOK_SECONDS = 2.0


def chosen(_: Translate) -> bool:
    """Whether new questions are to be made, and not those that are there to be read."""
    view = st.radio(
        _("Read or make"),
        list(VIEWS),
        key=VIEW,
        format_func=lambda name: _(VIEWS[name]),
        horizontal=True,
        label_visibility="collapsed",
    )
    return view == "make"


def of_one_job(rows: list[dict[str, Any]], _: Translate) -> list[dict[str, Any]]:
    """Of `rows` those that came of the job whose drafts are read; all of them where there is none."""
    job = st.session_state.get(JOB)
    if job is None:
        return rows
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_("Only what was made of: {lesson}").format(lesson=plain(job["lesson"])))
        st.button(_("All questions again"), on_click=_read, args=(None,))
    return [row for row in rows if row["question_id"] in job["ids"]]


def page(client: Client, teacher: Client | None, _: Translate) -> None:
    """teacher: asks with the key of somebody who may; None where nobody has signed in so far."""
    if teacher is None:
        st.info(_("To make questions, sign in with an instructor's key, on the left."))
    else:
        _form(client, teacher, _)
    busy = any(job["state"] in OPEN for job in client.generations(JOBS))
    st.fragment(_jobs, run_every=LOOK_SECONDS if busy else None)(client, teacher, busy, _)


def _form(client: Client, teacher: Client, _: Translate) -> None:
    language, words = st.columns([1, 3])
    of = language.selectbox(_("Language"), LANGUAGES, format_func=lambda code: code or _("All"))
    part = words.text_input(_("Words in the title"), max_chars=300, autocomplete="off").strip()
    lessons = {row["item_id"]: row for row in client.lessons_to_ask_about(part, of, MOST_LESSONS)}
    if not lessons:
        st.info(_("No lesson with a text fits these filters."))
        return
    with st.form("make questions"):
        lesson = st.selectbox(
            _("Lesson"),
            list(lessons),
            format_func=lambda one: f"{lessons[one]['title']} ({lessons[one]['language']})",
        )
        kinds = st.multiselect(
            _("Kinds"), list(KINDS), format_func=lambda one: _(KINDS[one]), placeholder=_("All kinds")
        )
        count = st.number_input(_("How many questions"), min_value=1, max_value=50, value=5)
        if not st.form_submit_button(_("Make them"), type="primary"):
            return
    try:
        teacher.generate(str(lesson), int(count), kinds)
    except ApiError as error:
        st.session_state[TOLD] = _("The API says: {problem}").format(problem=plain(error.problem))


def _jobs(client: Client, teacher: Client | None, busy: bool, _: Translate) -> None:
    """This part of the page alone is drawn anew every few seconds, while `busy`."""
    jobs = client.generations(JOBS)
    if st.session_state[VIEW] != "make" or (busy and not any(job["state"] in OPEN for job in jobs)):
        st.rerun()  # the whole page: drafts are to be read, or nothing is left to be looked after
    if told := st.session_state.pop(TOLD, ""):
        st.warning(told)
    if jobs:
        title = _("Asked for last")
        st.markdown(f"**{title}**")
    for job in jobs:
        with st.container(border=True):
            _job(job, teacher, _)


def _job(job: Mapping[str, Any], teacher: Client | None, _: Translate) -> None:
    lesson = ", ".join(job["lessons"]) or _("a text")
    state, when = job["state"], str(job["created_at"])[:16].replace("T", " ")
    st.markdown(f"{plain(lesson)} · **{_(STATES[state])}** · {when}")
    if state in OPEN:
        st.progress(float(job["progress"]))
        if teacher is not None:
            key = f"cancel {job['job_id']}"
            st.button(_("Cancel"), key=key, on_click=_cancel, args=(teacher, job["job_id"], _))
    elif state == "failed":
        st.error(_("It failed: {why}").format(why=plain(job["error"] or "")), icon=":material/error:")
    elif state == "done":
        _came_of_it(job, lesson, _)


def _came_of_it(job: Mapping[str, Any], lesson: str, _: Translate) -> None:
    told = _("Asked for: {requested}. Drafts that passed every check: {accepted}.")
    st.markdown(told.format(requested=job["requested"], accepted=job["accepted"]))
    if job["stopped"]:
        early = _("It ended early, and what was made until then is kept. Why: {why}")
        st.warning(early.format(why=plain(job["stopped"])), icon=":material/timer:")
    elif job["accepted"] < job["requested"]:
        st.caption(_("No more of what the lesson says passes the checks: nothing is made up to fill."))
    for reason in (job["counts"] or {}).get("skipped") or {}:
        st.caption(_(SKIPPED[reason]) if reason in SKIPPED else plain(reason))
    if job["rejected"]:
        most = sorted(job["rejected"].items(), key=lambda pair: (-pair[1], pair[0]))
        refused = ", ".join(f"{name} {count}" for name, count in most)
        st.caption(_("Refused, by check: {reasons}").format(reasons=plain(refused)))
    if job["question_ids"]:
        came = {"ids": job["question_ids"], "lesson": lesson}
        st.button(_("Read its drafts"), key=f"read {job['job_id']}", on_click=_read, args=(came,))


def _read(job: Mapping[str, Any] | None) -> None:
    st.session_state[VIEW] = "read"
    st.session_state[JOB] = job
    start_over(QUEUE)


def _cancel(teacher: Client, job_id: str, _: Translate) -> None:
    try:
        teacher.cancel_generation(job_id)
    except ApiError as error:
        st.session_state[TOLD] = _("The API says: {problem}").format(problem=plain(error.problem))
