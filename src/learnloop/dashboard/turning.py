"""One thing after the other: which one of a queue is shown, and the arrows that turn over.

A queue changes while it is worked on: others decide, too. Whoever reads one thing stays with it wherever it
is by now; where it has gone, the one that took its place is shown.
"""

from collections.abc import Callable, Sequence

import streamlit as st

Translate = Callable[[str], str]


def turned(queue: str, ids: Sequence[str], told: str, _: Translate, more: str = "") -> int:
    """Which place of `ids`, of which there is one at least, is shown.

    queue: its name in the reader's session. told: "Question {place} of {count}", translated. more: what to
    say behind the count, "+" where there may be more.
    """
    stays = shown(queue)
    place = ids.index(stays) if stays in ids else int(st.session_state.get(queue, 0))
    place = st.session_state[queue] = max(0, min(place, len(ids) - 1))
    st.session_state[f"{queue} shown"] = ids[place]
    with st.container(horizontal=True, vertical_alignment="center"):  # in one row on a phone, too
        _button(queue, _("Former"), "Left", place - 1, place == 0)
        st.markdown(told.format(place=place + 1, count=f"{len(ids)}{more}"))
        _button(queue, _("Next"), "Right", place + 1, place == len(ids) - 1)
    return place


def shown(queue: str) -> str:
    """The one that was shown last, "" where that is done or there was none."""
    return str(st.session_state.get(f"{queue} shown", ""))


def done(queue: str) -> None:
    """With the one that is shown: the one that takes its place comes."""
    st.session_state.pop(f"{queue} shown", None)


def start_over(queue: str) -> None:
    """With the first one: another choice is made of what is in the queue."""
    done(queue)
    st.session_state[queue] = 0


def _button(queue: str, word: str, key: str, to: int, end: bool) -> None:
    st.button(word, shortcut=key, disabled=end, on_click=_turn_to, args=(queue, to))


def _turn_to(queue: str, place: int) -> None:
    done(queue)
    st.session_state[queue] = place
