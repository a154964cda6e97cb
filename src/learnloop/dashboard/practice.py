"""The practice page: a round of one lesson's questions, one at a time, each explained once it is answered.

A round is kept in the reader's session: its questions, as the API told them without their keys, the place in
it, and the replies. Each question shown has an event_id of its own: a second press is no second answer.
Keys of the keyboard: Enter answers in a field, the right arrow goes on.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import streamlit as st

from learnloop.dashboard import explaining, graded
from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain
from learnloop.dashboard.review import KINDS, REPORTS

Translate = Callable[[str], str]
# In the session
ROUND, LESSON, TOLD = "practice round", "practice lesson", "practice told"
REPORTED, SENT = "practice reported", "practice sent"  # how many reports; what came of the last
QUESTIONS = 10  # in a round
GONE = (404, 409)  # worded anew, suspended or taken away while it was on the screen


def page(client: Client, learner_id: str, _: Translate) -> None:
    st.header(_("Practice"))
    graded.page(client, learner_id, _)
    lessons = {row["item_id"]: row for row in client.practice_lessons()}
    if not lessons:
        st.info(_("There is nothing to practise with yet: no question is approved."))
        return
    if st.session_state.get(LESSON) not in lessons:
        st.session_state[LESSON] = next(iter(lessons))
    chosen = st.selectbox(
        _("Lesson"),
        list(lessons),
        key=LESSON,
        format_func=lambda item_id: f"{lessons[item_id]['title']} ({lessons[item_id]['questions']})",
    )
    found = st.session_state.get(ROUND)
    if found is None or found["lesson"] != chosen:
        found = st.session_state[ROUND] = _begin(client, chosen)
    count, place = len(found["questions"]), found["place"]
    if place >= count:
        _ended(client, found, _)
        return
    st.progress(place / count, _("Question {place} of {count}").format(place=place + 1, count=count))
    _question(client, found, found["questions"][place], _)


def choose(lesson: str) -> None:
    """The lesson to practise when the page is next drawn; a round of it begins anew."""
    st.session_state[LESSON] = lesson
    st.session_state.pop(ROUND, None)


def _begin(client: Client, lesson: str) -> dict[str, Any]:
    questions = client.practice(lesson, QUESTIONS)["questions"]
    before = _mastery(client)
    return {"lesson": lesson, "questions": questions, "before": before, "place": 0, "replies": [], **_shown()}


def _shown() -> dict[str, Any]:
    """What a question begins with when it comes on the screen."""
    return {"event_id": uuid4().hex, "since": time.monotonic(), "reply": None}


def _mastery(client: Client) -> dict[str, Any]:
    """concept_id -> its row; none before the first release."""
    try:
        return {row["concept_id"]: row for row in client.mastery(client.me()["learner_id"])["concepts"]}
    except ApiError as error:
        if error.status != 503:
            raise
        return {}


def _question(client: Client, found: dict[str, Any], question: Mapping[str, Any], _: Translate) -> None:
    kind = question["kind"]
    with st.container(border=True):
        st.caption(_(KINDS[kind]))
        st.subheader(plain(question["stem"]), anchor=False)
        if found["reply"] is None:
            _ask(client, found, question, _)
        else:
            explaining.reply(found["reply"], _)
    if found["reply"] is not None:
        last = found["place"] + 1 == len(found["questions"])
        word = _("See how it went") if last else _("Next question")
        st.button(word, type="primary", shortcut="Right", on_click=_go_on, args=(found, found["place"]))
    _report(client, question, _)


def _ask(client: Client, found: dict[str, Any], question: Mapping[str, Any], _: Translate) -> None:
    if told := st.session_state.pop(TOLD, ""):
        st.warning(told)
    with st.form(f"answer {found['event_id']}", border=False):
        answer = _field(question, _)
        sent = st.form_submit_button(_("Answer"), type="primary")
    if not sent:
        return
    if answer is None:
        st.warning(_("Answer all of it first."))
        return
    body = {
        "version": question["version"],
        "answer": answer,
        "event_id": found["event_id"],
        "seconds": round(time.monotonic() - found["since"], 1),
    }
    try:
        found["reply"] = client.answer(question["question_id"], body)
    except ApiError as error:
        if error.status not in GONE:
            raise
        found["questions"].pop(found["place"])
        found |= _shown()
        st.session_state[TOLD] = _("That question has been changed or taken away meanwhile: here is another.")
    else:
        found["replies"].append(found["reply"])
    st.rerun()


def _field(question: Mapping[str, Any], _: Translate) -> Any:
    """What the reader has put in so far, as the API takes it; None where something is missing."""
    kind, options = question["kind"], question["options"]
    if kind == "true_false":
        words = {"true": _("True"), "false": _("False")}
        picked = st.radio(_("Your answer"), list(words), index=None, format_func=lambda name: words[name])
        return None if picked is None else picked == "true"
    if kind == "ordering":
        parts = [
            st.selectbox(_("Place {place}").format(place=place), options, index=None, placeholder="…")
            for place in range(1, len(options) + 1)
        ]
        return parts if len(set(parts) - {None}) == len(options) else None
    if kind == "matching":
        rights = list(dict.fromkeys(options))
        pairs = [
            [left, st.selectbox(plain(left), rights, index=None, placeholder="…", key=f"left {place}")]
            for place, left in enumerate(question["left"])
        ]
        return None if any(right is None for _left, right in pairs) else pairs
    if options:
        return st.radio(_("Your answer"), options, index=None, format_func=plain)
    return st.text_input(_("Your answer"), max_chars=10_000, autocomplete="off").strip() or None


def _go_on(found: dict[str, Any], place: int) -> None:
    """From `place` alone: the button of a question before stays on the screen while the next one is drawn."""
    if found["place"] == place:
        found |= {"place": place + 1, **_shown()}


def _report(client: Client, question: Mapping[str, Any], _: Translate) -> None:
    # emptied by another key once it is sent: what was written survives a warning
    mark = f"{question['question_id']} {question['version']} {st.session_state.get(REPORTED, 0)}"
    with st.expander(_("Something is wrong with this question")):
        with st.form(f"report {mark}", border=False):
            # nothing is chosen beforehand: rules count the reasons
            st.selectbox(
                _("What is wrong"),
                list(REPORTS),
                None,
                key=f"reason {mark}",
                format_func=lambda name: _(REPORTS[name]),
                placeholder="…",
            )
            st.text_area(_("In your words"), max_chars=2000, key=f"words {mark}")
            # before the page is drawn again: nothing that was sent is left in the form
            st.form_submit_button(_("Send"), on_click=_send, args=(client, question, mark, _))
        if SENT in st.session_state:
            sent, told = st.session_state.pop(SENT)
            (st.success if sent else st.warning)(told)


def _send(client: Client, question: Mapping[str, Any], mark: str, _: Translate) -> None:
    reason, words = st.session_state.get(f"reason {mark}"), st.session_state.get(f"words {mark}", "")
    if reason is None:
        st.session_state[SENT] = False, _("Say what is wrong first.")
        return
    try:
        client.report(question["question_id"], reason, words, question["version"])
    except ApiError as error:
        if error.status not in GONE:  # one that is a draft again needs no report: it is being read
            told = _("The API says: {problem}").format(problem=plain(error.problem))
            st.session_state[SENT] = False, told
            return
    st.session_state[REPORTED] = st.session_state.get(REPORTED, 0) + 1
    st.session_state[SENT] = True, _("Thank you. Whoever is in charge of the questions reads it.")


def _ended(client: Client, found: dict[str, Any], _: Translate) -> None:
    replies = found["replies"]
    right = sum(bool(reply["correct"]) for reply in replies)
    waiting = sum(reply["correct"] is None for reply in replies)
    st.progress(1.0, _("{right} of {count} right").format(right=right, count=len(replies)))
    if waiting:
        st.info(_("Your teacher will look at {count} of your answers.").format(count=waiting))
    practised = {row["concept_id"] for reply in replies for row in reply["mastery"]}
    after = _mastery(client) if practised else {}
    if practised & after.keys():
        st.subheader(_("Mastery, before and after"), anchor=False)
    for concept in sorted(practised & after.keys(), key=lambda name: str(after[name]["title"])):
        now, then = after[concept]["mastery"], found["before"].get(concept, {}).get("mastery")
        change = None if then is None else _("{points} points").format(points=f"{100 * (now - then):+.0f}")
        shown = f"{now:.0%}" if then is None else f"{then:.0%} → {now:.0%}"
        st.metric(plain(after[concept]["title"]), shown, change)
    st.button(_("Another round"), type="primary", shortcut="Right", on_click=choose, args=(found["lesson"],))
