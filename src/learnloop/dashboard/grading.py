"""The grading page: one answer after the other that no rule and no model decided, for those who teach; and
those that are graded, to put a grade right.

Whose answer it is is not shown: the mark is for the words. A grade is given under somebody's own key. Keys of
the keyboard: 0, 5 and 1 put a mark (wrong, half, right), Enter saves it, the arrows turn over.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from learnloop.dashboard import explaining, regrading, review
from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain, unhidden
from learnloop.dashboard.turning import done, shown, start_over, turned
from learnloop.i18n import N_

Translate = Callable[[str], str]
QUEUE, TOLD, LAST, AGAIN = "grading", "grading told", "grading last", "grading again"  # in the session
MOST = 500  # answers in one queue
VIEWS = {"waiting": N_("Answers that wait"), "graded": N_("Graded answers")}
QUICK = ((0, N_("Wrong"), "0"), (50, N_("Half"), "5"), (100, N_("All right"), "1"))  # mark, word, key
GONE, CHANGED_MEANWHILE = 404, 409


def page(client: Client, teacher: Client | None, _: Translate) -> None:
    """teacher: asks with the key of somebody who may grade; None where nobody has signed in so far."""
    st.header(_("Answers to grade"))
    place_of_troubles = st.empty()  # always there: nothing below moves when one is told
    again = st.session_state.get(AGAIN, "")
    view = st.radio(
        _("Which answers"),
        list(VIEWS),
        format_func=lambda name: _(VIEWS[name]),
        horizontal=True,
        label_visibility="collapsed",
        on_change=_leave,
    )
    wanted = regrading.filters(client, _) if view == "graded" else {}  # they stay while one is put right
    if view == "graded" and not again:
        regrading.listed(client, wanted, _take_again, _)
    event_id = again or (_next(client, _) if view == "waiting" else "")
    if told := st.session_state.pop(TOLD, ""):
        place_of_troubles.warning(told)
    if event_id:
        try:
            answer = client.answer_to_grade(event_id)
        except ApiError as error:
            if error.status != GONE:
                raise
            st.info(_("This answer is gone."))
        else:
            read, said = st.columns([3, 2], gap="large")
            with read:
                _answer(answer, _)
            with said:
                _suggestion(answer, _)
                _form(teacher, answer, _)
    if not again and view == "waiting":
        _last(teacher, _)


def _next(client: Client, _: Translate) -> str:
    """The event_id to show, "" where nothing waits. The queue is of all questions, or of one alone."""
    rows = client.answers_to_grade(MOST)
    if (former := shown(QUEUE)) and former not in {row["event_id"] for row in rows}:
        st.session_state.setdefault(TOLD, _("Somebody has graded it meanwhile. Nothing was changed."))
        done(QUEUE)
    if not rows:
        st.success(_("No answer waits for a grade."), icon=":material/check:")
        return ""
    of = {row["question_id"]: row["stem"] or row["question_id"] for row in rows}
    counts = {name: sum(row["question_id"] == name for row in rows) for name in of}
    names = ["", *sorted(of, key=lambda name: (-counts[name], of[name]))]
    chosen = st.selectbox(
        _("Question"),
        names,
        format_func=lambda name: f"{of[name]} ({counts[name]})" if name else _("All"),
        on_change=start_over,
        args=(QUEUE,),
    )
    rows = [row for row in rows if not chosen or row["question_id"] == chosen]
    ids = [str(row["event_id"]) for row in rows]
    more = "+" if len(rows) == MOST else ""
    return ids[turned(QUEUE, ids, _("Answer {place} of {count}"), _, more)]


def _answer(answer: Mapping[str, Any], _: Translate) -> None:
    kind = answer["kind"]
    with st.container(border=True):
        if kind:
            facts = [_(review.KINDS[kind]), answer["language"], answer["lesson"] or answer["item_id"]]
            st.caption(" · ".join(plain(str(fact)) for fact in facts))
        st.subheader(plain(answer["stem"] or _("This question is gone.")), anchor=False)
        review.title(_("The learner's answer"))
        text, hidden = unhidden(explaining.picked(answer["picked"], _))
        with st.container(border=True):
            st.text(text)
        if hidden:
            st.caption(_("Letters that nobody sees, left out here: {count}").format(count=hidden))
        when = str(answer["answered_at"])[:16].replace("T", " ")
        took = "" if answer["seconds"] is None else " · " + _("{n} s").format(n=round(answer["seconds"]))
        st.caption(f"{when}{took}")
    if kind:
        review.title(_("What is right"))
        review.answers(answer, _)
        _points(answer["points"], _)
        if answer["quote"]:
            st.markdown("> " + _("The lesson says: {quote}").format(quote=plain(answer["quote"])))


def _points(points: Sequence[Mapping[str, Any]], _: Translate) -> None:
    if len(points) < 2:  # one point is the key itself
        return
    review.title(_("Its points"))
    lines = (f"{'✓' if point['met'] else '○'} {plain(point['text'])}" for point in points)
    st.markdown("  \n".join(lines))
    st.caption(_("A tick: at least half of the point's own words are in the answer. A hint, no judgement."))


def _suggestion(answer: Mapping[str, Any], _: Translate) -> None:
    if answer["suggested"] is not None:
        verdict = _("right") if answer["suggested"] >= 0.5 else _("wrong")
        st.info(_("Suggested: {verdict}").format(verdict=verdict))
    for why in answer["why"]:
        st.caption(plain(why))
    if answer["alike"]:
        told = _("An answer like it was given {score}: “{answer}”")
        score, words = f"{answer['alike']['score']:.0%}", unhidden(answer["alike"]["answer"])[0]
        st.caption(told.format(score=score, answer=plain(words)))


def _form(teacher: Client | None, answer: Mapping[str, Any], _: Translate) -> None:
    if teacher is None:
        st.info(_("To grade, sign in with an instructor's key, on the left."))
        return
    name = f"mark {answer['event_id']} {answer['score']}"
    mark, comment = f"{name} {st.session_state.get(name, 0)}", f"comment {name}"
    if answer["score"] is not None:
        now = _("This answer has {score}: you put its grade right.").format(score=f"{answer['score']:.0%}")
        st.warning(now, icon=":material/edit:")
        if name not in st.session_state:
            st.session_state.setdefault(mark, round(100 * answer["score"]))
        st.session_state.setdefault(comment, answer["comment"] or "")
    if answer["same"]:
        wait = _("Others who wait with the very same words: {count}. They get the same grade.")
        have = _("Others with the very same words and this grade: {count}. It is put right for them, too.")
        st.caption((wait if answer["score"] is None else have).format(count=answer["same"]))
    with st.container(horizontal=True):
        for value, word, key in QUICK:
            st.button(_(word), shortcut=key, width="stretch", on_click=_put, args=(name, value))
    with st.form(f"grade {name}", border=False):
        st.number_input(
            _("Mark, from 0 to 100"),
            min_value=0,
            max_value=100,
            step=5,
            value=None,
            key=mark,
            placeholder="…",
        )
        st.text_area(_("For the learner, if you like"), max_chars=2000, key=comment, height=96)
        st.form_submit_button(
            _("Save and go on"),
            type="primary",
            shortcut="Enter",
            width="stretch",
            # before the page is drawn again: what is graded is what was seen
            on_click=_save,
            args=(teacher, answer, name, _),
        )
    if answer["score"] is not None:
        st.button(_("Leave it as it is"), shortcut="Esc", width="stretch", on_click=_leave)


def _put(name: str, value: int | None) -> None:
    """The mark into its field, a new one: what was typed into the former and is no mark goes with it."""
    st.session_state[name] = st.session_state.get(name, 0) + 1
    st.session_state[f"{name} {st.session_state[name]}"] = value


def _leave() -> None:
    st.session_state.pop(AGAIN, None)


def _save(teacher: Client, answer: Mapping[str, Any], name: str, _: Translate) -> None:
    value = st.session_state.get(f"{name} {st.session_state.get(name, 0)}")
    if value is None:
        st.session_state[TOLD] = _("Give a mark from 0 to 100 first.")
        _put(name, None)
        return
    score = min(100, max(0, value)) / 100
    comment = str(st.session_state.get(f"comment {name}", "")).strip()
    try:
        graded = teacher.grade(answer["event_id"], score, comment, answer["score"])
    except ApiError as error:
        meanwhile = _("Somebody has graded it meanwhile. Nothing was changed.")
        gone = _("This answer is gone.")
        refused = _("The API says: {problem}").format(problem=plain(error.problem))
        st.session_state[TOLD] = {CHANGED_MEANWHILE: meanwhile, GONE: gone}.get(error.status, refused)
        return
    finally:
        _leave()
        done(QUEUE)
    words = unhidden(explaining.picked(graded["picked"], _))[0]
    st.session_state[LAST] = {"event_id": graded["event_id"], "score": score, "words": words}
    st.toast(_("Kept: {status}").format(status=f"{score:.0%}"))
    if graded["also"]:
        st.toast(_("And {count} more with the same words").format(count=graded["also"]))


def _last(teacher: Client | None, _: Translate) -> None:
    """The last grade of this visit, to put it right: a key is soon pressed."""
    last = st.session_state.get(LAST)
    if teacher is None or not last:
        return
    words = last["words"] if len(last["words"]) <= 60 else f"{last['words'][:60]} …"
    told = _("Your last grade: {score} for “{answer}”")
    st.caption(told.format(score=f"{last['score']:.0%}", answer=plain(words)))
    st.button(_("Put it right"), on_click=_take_again, args=(last["event_id"],))


def _take_again(event_id: str) -> None:
    st.session_state[AGAIN] = event_id
