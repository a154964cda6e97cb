"""The review page: one question after the other, what it rests on, and what those who teach say of it; and
new ones made of a lesson: `making`.

A status is set under somebody's own key, so that the history says whose word it was: the operator's page,
which has the dashboard's key, asks for one. Keys of the keyboard: A, S, T, D decide, the arrows turn over.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import streamlit as st

from learnloop.dashboard import making
from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain
from learnloop.dashboard.turning import start_over, turned
from learnloop.i18n import N_

Translate = Callable[[str], str]
MOST = 500  # questions in one queue
PLACE, TOLD = "review place", "review told"  # in the session: which question, and what went wrong
TEACHERS = ("instructor", "admin")
CHANGED_MEANWHILE = 409

STATUSES = {
    "draft": N_("Drafts"),
    "approved": N_("Approved"),
    "suspended": N_("Suspended"),
    "retired": N_("Retired"),
}
ONE = {  # what one question is
    "draft": N_("draft"),
    "approved": N_("approved"),
    "suspended": N_("suspended"),
    "retired": N_("retired"),
}
BLOOM = {
    "remember": N_("remember"),
    "understand": N_("understand"),
    "apply": N_("apply"),
    "analyze": N_("analyse"),
    "evaluate": N_("evaluate"),
    "create": N_("create"),
}
KINDS = {"": N_("All kinds"), **making.KINDS}
ORIGINS = {
    "": N_("Any origin"),
    "generated": N_("Generated"),
    "imported": N_("Imported"),
    "authored": N_("Authored"),
}
# status to set -> its word, the key of the keyboard, the button's kind
DECISIONS: Mapping[str, tuple[str, str, Literal["primary", "secondary"]]] = {
    "approved": (N_("Approve"), "A", "primary"),
    "suspended": (N_("Suspend"), "S", "secondary"),
    "retired": (N_("Retire"), "T", "secondary"),
    "draft": (N_("Back to draft"), "D", "secondary"),
}
ALLOWED = {
    "draft": ("approved", "retired"),
    "approved": ("suspended", "retired", "draft"),
    "suspended": ("approved", "retired", "draft"),
    "retired": ("draft",),
}
NEED_WHY = ("suspended", "retired")
ACTIONS = {  # of the rules on statistics
    "suspend": N_("Suspend it?"),
    "review": N_("Read it again."),
    "replace": N_("Replace an option?"),
    "practice": N_("For practice alone?"),
}
REPORTS = {
    "wrong_key": N_("The marked answer is wrong"),
    "two_right": N_("Two answers are right"),
    "unclear": N_("Unclear"),
    "typo": N_("A typing error"),
    "offensive": N_("Offensive"),
    "other": N_("Something else"),
}


def page(client: Client, teacher: Client | None, _: Translate) -> None:
    """teacher: asks with the key of somebody who may decide; None where nobody has signed in so far."""
    st.header(_("Questions to review"))
    place_of_troubles = st.empty()  # always there: nothing below moves when one is told
    if told := st.session_state.pop(TOLD, ""):
        place_of_troubles.warning(told)
    if making.chosen(_):
        making.page(client, teacher, _)
        return
    rows = making.of_one_job(_filtered(client, _), _)
    if not rows:
        st.info(_("No question fits these filters."))
        return
    ids, more = [row["question_id"] for row in rows], "+" if len(rows) == MOST else ""
    place = turned(PLACE, ids, _("Question {place} of {count}"), _, more)
    try:
        question = client.question(rows[place]["question_id"])
    except ApiError as error:
        if error.status != 404:
            raise
        st.info(_("This question is gone."))
        return
    shown, said = st.columns([3, 2], gap="large")
    with shown:
        _question(question, _)
    with said:
        _decide(teacher, question, _)
        _past(question, _)


def _filtered(client: Client, _: Translate) -> list[dict[str, Any]]:
    """The queue: what the API has of a status, a kind and an origin, then of a language and a lesson."""
    anew: dict[str, Any] = {"on_change": start_over, "args": (PLACE,)}
    status, kind, origin, language, lesson = st.columns(5)
    wanted = status.selectbox(_("Status"), list(STATUSES), format_func=lambda one: _(STATUSES[one]), **anew)
    of_kind = kind.selectbox(_("Kind"), list(KINDS), format_func=lambda one: _(KINDS[one]), **anew)
    whose = origin.selectbox(_("Origin"), list(ORIGINS), format_func=lambda one: _(ORIGINS[one]), **anew)
    why = _("What the statistics of answers flag, then what learners report.")
    flagged = st.toggle(_("Flagged first"), help=why, **anew)
    rows = client.questions(wanted, of_kind, whose, MOST, flagged)
    for column, label, name in ((language, _("Language"), "language"), (lesson, _("Lesson"), "item_id")):
        values = ["", *sorted({row[name] for row in rows})]
        chosen = column.selectbox(label, values, format_func=lambda value: value or _("All"), **anew)
        rows = [row for row in rows if not chosen or row[name] == chosen]
    return rows


def _question(question: Mapping[str, Any], _: Translate) -> None:
    kind, origin = question["kind"], question["origin"]  # a message id is never a string within `_()`
    facts = [_(KINDS[kind]), _(ORIGINS[origin]), question["language"]]
    facts.append(_("version {version}").format(version=question["version"]))
    bloom = question["bloom"]
    facts += [_(BLOOM[bloom])] if bloom else []
    with st.container(border=True):
        st.caption(" · ".join(plain(str(fact)) for fact in facts))
        st.subheader(plain(question["stem"]), anchor=False)
        answers(question, _)
    st.caption(plain(question["item_id"]))
    _measured(question, _)
    title(_("What it rests on"))
    around = question["context"]
    if around:
        before, quote, after = (plain(around[name]) for name in ("before", "quote", "after"))
        st.markdown(f"… {before} **{quote}** {after} …")
    elif question["quote"]:
        st.markdown(f"**{plain(question['quote'])}**")
        st.caption(_("This sentence is not in the lesson, letter by letter."))
    else:
        st.caption(_("No passage is named."))
    _checks(question, _)


def answers(question: Mapping[str, Any], _: Translate) -> None:
    """The options, the right ones ticked (a colour alone tells nothing to some), and what else is right."""
    answer = question["answer"] or {}
    key = question["key"]
    if question["kind"] == "matching":
        lines = [f"{left} → {right}" for left, right in answer.get("pairs", [])]
    elif question["kind"] == "ordering":
        lines = [f"{place}. {part}" for place, part in enumerate(answer.get("order", []), 1)]
    elif question["kind"] == "true_false":
        lines = ["✓ " + (_("True") if key == "true" else _("False"))]
        lines += [_("Corrected") + f": {answer['corrected']}"] if "corrected" in answer else []
    elif question["options"]:
        lines = [f"{'✓' if option == key else '○'} {option}" for option in question["options"]]
    else:
        lines = [f"✓ {key}"]
    if "value" in answer:
        number = f"{answer['value']} {answer.get('unit', '')} ± {answer.get('tolerance', 0)}"
        lines.append(_("As a number") + f": {number}")
    for line in lines:
        st.markdown(f"**{plain(line)}**" if line.startswith("✓") else plain(line))
    if question["aliases"]:
        st.caption(_("Right as well") + f": {plain(', '.join(question['aliases']))}")


def _measured(question: Mapping[str, Any], _: Translate) -> None:
    """Flags with their numbers, how many report it, and the statistics of this version, if any are kept."""
    found, flags, reporters = question["statistics"], question["flags"], question["reporters"]
    if not (found or flags or reporters):
        return
    title(_("What its answers say"))
    for flag in flags:
        action = flag["action"]
        st.warning(f"**{plain(_(ACTIONS[action]))}** {plain(flag['why'])}", icon=":material/flag:")
    if reporters:
        told = _("Learners who report this version: {count}").format(count=reporters)
        st.warning(told, icon=":material/report:")
    if found is None:
        return
    day = str(found["computed_at"])[:10]
    told = _("Of {n} first answers, as of {day}.").format(n=found["n"], day=day)
    if found["difficulty"]:
        told += " " + _("Right: {share}.").format(share=_interval(found["difficulty"], "{:.0%}"))
    if found["discrimination"]:
        told += " " + _("Discrimination: {value}.").format(value=_interval(found["discrimination"], "{:.2f}"))
    if found["seconds"]:
        told += " " + _("Median: {n} s.").format(n=_interval(found["seconds"], "{:.0f}"))
    st.caption(plain(told))
    lines = [
        f"{one['share']:.0%} {'✓' if one['is_key'] else '○'} {plain(one['option'])}"
        for one in found["options"]
        if one["share"] is not None
    ]
    if lines:
        st.caption("  \n".join(lines))


def _interval(found: Mapping[str, Any], form: str) -> str:
    """31% [20%, 44%]"""
    value, *ends = (found[name] for name in ("value", "low", "high"))
    within = "" if None in ends else f" [{', '.join(form.format(one) for one in ends)}]"
    return form.format(value) + within


def _checks(question: Mapping[str, Any], _: Translate) -> None:
    found = question["checks"] or (question["provenance"] or {}).get("checks") or {}
    verdicts = {
        name: said if isinstance(said, Mapping) else {"passed": bool(said)} for name, said in found.items()
    }
    passed = sum(bool(said.get("passed")) for said in verdicts.values())
    told = _("Checks passed: {passed} of {count}").format(passed=passed, count=len(verdicts))
    with st.expander(told, expanded=passed < len(verdicts)):
        for name, said in sorted(verdicts.items(), key=lambda pair: bool(pair[1].get("passed"))):
            detail = str(said.get("detail") or "")
            mark = "✓" if said.get("passed") else "✗"
            st.markdown(f"{mark} {plain(name)}{': ' + plain(detail) if detail else ''}")
        for note in question["notes"] or []:
            if isinstance(note, Mapping) and note.get("rationale"):
                st.caption(plain(str(note["rationale"])))


def _decide(teacher: Client | None, question: Mapping[str, Any], _: Translate) -> None:
    status = question["status"]
    title(_("Status"), ": " + _(ONE[status]))
    if teacher is None:
        st.info(_("To decide, sign in with an instructor's key, on the left."))
        return
    mark = f"why {question['question_id']} {question['version']} {status}"
    st.text_input(_("Why"), key=mark, placeholder=_("Whoever reads the history later sees it."))
    for wanted in ALLOWED[status]:
        word, key, kind = DECISIONS[wanted]
        st.button(
            _(word),
            key=f"{wanted} {mark}",
            shortcut=key,
            type=kind,
            width="stretch",
            # before the page is drawn again: what is decided is what was seen
            on_click=_set,
            args=(teacher, question, wanted, mark, _),
        )


def _set(teacher: Client, question: Mapping[str, Any], wanted: str, mark: str, _: Translate) -> None:
    why = str(st.session_state.get(mark, "")).strip()
    if wanted in NEED_WHY and not why:
        st.session_state[TOLD] = _("Say why first.")
        return
    seen = (question["version"], question["status"])
    try:
        teacher.set_question_status(question["question_id"], wanted, why, *seen)
    except ApiError as error:
        meanwhile = _("Somebody has changed it meanwhile. Nothing was decided.")
        said = _("The API says: {problem}").format(problem=plain(error.problem))
        st.session_state[TOLD] = meanwhile if error.status == CHANGED_MEANWHILE else said
        return
    st.toast(_("Kept: {status}").format(status=_(ONE[wanted])))


def _past(question: Mapping[str, Any], _: Translate) -> None:
    if question["reports"]:
        title(_("What learners report"))
        for report in question["reports"]:
            comment = f": {plain(report['comment'])}" if report["comment"] else ""
            told = _("version {version}").format(version=report["version"])
            reason = report["reason"]
            st.markdown(f"- {_(REPORTS[reason])} ({told}){comment}")
    title(_("History"))
    for entry in reversed(question["history"]):
        when = str(entry["at"])[:16].replace("T", " ")
        status = entry["status"]
        parts = [when, _(ONE[status]), plain(entry["name"] or entry["by"]), plain(entry["why"])]
        st.markdown("- " + " · ".join(part for part in parts if part))


def title(words: str, more: str = "") -> None:
    st.markdown(f"**{words}**{more}")
