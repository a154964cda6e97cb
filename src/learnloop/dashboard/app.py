"""The pages, run by `learnloop dashboard` as `streamlit run app.py -- --api-url URL --key-file FILE`.

With a key file the dashboard is the operator's: it sees every learner the key sees. Without one each
reader signs in with a key of their own, and a learner's key shows that learner alone: the API decides.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from learnloop.dashboard import at_risk, graded, grading, learner, operations, practice, review
from learnloop.dashboard.client import ApiError, Client
from learnloop.dashboard.escaping import plain
from learnloop.i18n import LANGUAGES, translator

OWN_PAGE = "own page"  # in the session: which one a learner sees


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--api-url", default="http://127.0.0.1:8000")
    parser.add_argument("--key-file", type=Path)
    parser.add_argument("--language", default="en", choices=list(LANGUAGES))
    return parser.parse_args()


def main() -> None:
    given = arguments()
    st.set_page_config(page_title="Learnloop", page_icon="🔁", layout="wide")
    with st.sidebar:
        st.title("Learnloop")
        codes = list(LANGUAGES)
        asked = st.query_params.get("language", given.language)
        start = codes.index(asked) if asked in codes else 0
        language = st.selectbox(
            "Language / Idioma", codes, index=start, format_func=lambda code: LANGUAGES[code]
        )
        _ = translator(language)
        key = given.key_file.read_text().strip() if given.key_file else ""
        if not key:
            key = st.text_input(
                _("Your key"), type="password", help=_("Your teacher or operator gave it to you.")
            )
    if not key:
        st.info(_("Sign in with your key, on the left."))
        return
    try:
        _pages(Client(given.api_url, key, language), lambda own: Client(given.api_url, own, language), _)
    except ApiError as error:
        said = {
            0: _("The API does not answer. Is it running? learnloop serve"),
            401: _("This key is not valid."),
            403: _("This key may not see that."),
            503: _("Nothing has been released yet. Run: learnloop run"),
        }
        told = _("The API says: {problem}").format(problem=plain(error.problem))
        st.error(said.get(error.status) or told)


def _pages(client: Client, ask_as: Callable[[str], Client], _: learner.Translate) -> None:
    me = client.me()
    if me["role"] == "learner":
        _own_pages(client, me["learner_id"], _)
        return
    with st.sidebar:
        views = {"learner": _("Learner"), "at-risk": _("At risk"), "review": _("Review")}
        views |= {"grading": _("Grading"), "operations": _("Operations")}
        wanted = st.query_params.get("page", "learner")
        index = list(views).index(wanted) if wanted in views else 0
        view = st.radio(_("Page"), list(views), index=index, format_func=lambda name: views[name])
    if view == "operations":
        operations.page(client, _)
        return
    if view == "at-risk":
        at_risk.page(client, _)
        return
    if view in ("review", "grading"):
        page = review.page if view == "review" else grading.page
        page(client, client if me["role"] in review.TEACHERS else _teacher(ask_as, _), _)
        return
    known = {row["learner_id"]: row["interactions"] for row in client.learners()}
    if not known:
        st.info(_("No learner has done anything yet."))
        return
    with st.sidebar:
        asked = st.query_params.get("learner", "")
        chosen = st.selectbox(
            _("Learner"),
            list(known),
            index=list(known).index(asked) if asked in known else 0,
            format_func=lambda learner_id: f"{learner_id[:12]}… ({known[learner_id]})",
        )
    learner.page(client, chosen, _)


def _own_pages(client: Client, learner_id: str, _: learner.Translate) -> None:
    """A learner's: what to do next, and questions to practise with."""
    views = {"learner": _("Your next steps"), "practice": _("Practice")}
    if OWN_PAGE not in st.session_state:
        wanted = st.query_params.get("page", "learner")
        st.session_state[OWN_PAGE] = wanted if wanted in views else "learner"
    with st.sidebar:
        view = st.radio(_("Page"), list(views), key=OWN_PAGE, format_func=lambda name: views[name])
    if view == "practice":
        practice.page(client, learner_id, _)
    else:
        graded.line(client, learner_id, _, _to_practice)
        learner.page(client, learner_id, _, _practise)


def _practise(lesson: str) -> None:
    practice.choose(lesson)
    _to_practice()


def _to_practice() -> None:
    st.session_state[OWN_PAGE] = "practice"


def _teacher(ask_as: Callable[[str], Client], _: learner.Translate) -> Client | None:
    """Whoever decides on the operator's page signs in with a key of their own: the history names it."""
    with st.sidebar:
        key = st.text_input(_("An instructor's key"), type="password").strip()
    return ask_as(key) if key else None


main()
