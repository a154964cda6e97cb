"""What Open edX's events say about an item: a table by event type, and the reading of its keys.

    play_video   {"id": "4c1f0d2ab6", "currentTime": 12.3, "duration": 195}
                 in course-v1:X+Y+Z
        ->       experienced  block-v1:X+Y+Z+type@video+block@4c1f0d2ab6

From the public reference of the tracking logs (Open edX, "Events in the Tracking Logs"). Left out are
what nobody did (load_video, page_close), the browser's copies of what the server reports itself
(problem_check, problem_graded, requests to /handler/), and what is about the page, not about an item.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

KINDS = {
    "course": "course",
    "chapter": "lesson",
    "sequential": "lesson",
    "vertical": "lesson",
    "html": "lesson",
    "video": "video",
    "problem": "exercise",
    "openassessment": "assessment",
}
_COURSE = re.compile(r"course-v1:([^/+\s]+\+[^/+\s]+\+[^/+?\s]+)$")
_OLD_COURSE = re.compile(r"[^/\s:]+/[^/\s]+/[^/\s]+$")
_BLOCK = re.compile(r"block-v1:([^/\s]+)\+type@([\w-]+)\+block@([\w.%~-]+)$")
_OLD_BLOCK = re.compile(r"i4x://([^/\s]+)/([^/\s]+)/([\w-]+)/([\w.%~-]+)$")
_OLD_VIDEO = re.compile(r"i4x-([^\s]+?)-([^\s-]+)-(video|videoalpha)-([\w-]+)$")
_PAGE = re.compile(
    r"/courses/(?P<course>course-v1:[^/]+|[^/]+/[^/]+/[^/]+)/(?:courseware|course)(?:/(?P<chapter>[^/]+))?"
    r"(?:/(?P<sequence>[^/]+))?(?:/\d*)?/?$"
)
_ANY_PAGE = re.compile(r"/courses/(?:course-v1:[^/]+|[^/]+/[^/]+/[^/]+)/([a-z_-]+)")


class Said(NamedTuple):
    """What an event says. item: its key; "" where the event names none. repairs: rules that were needed."""

    verb: str
    item: str
    correct: bool | None = None
    score: float | None = None
    length_s: float | None = None  # of the item: how long the film is
    enrolled: bool | None = None
    repairs: tuple[str, ...] = ()


class Event(NamedTuple):
    """type: of the event; payload: its own part; course: key or "". module: the block's usage key or ""."""

    type: str
    payload: dict[str, Any]
    course: str
    module: str


def course_key(text: Any) -> str:
    """A course's key where it is one, else "".

    >>> course_key("course-v1:edX+DemoX+2024"), course_key("edX/DemoX/2012"), course_key("about")
    ('course-v1:edX+DemoX+2024', 'edX/DemoX/2012', '')
    """
    known = isinstance(text, str) and (_COURSE.match(text) or _OLD_COURSE.match(text))
    return str(text) if known else ""


def block_key(text: Any, kind: str, course: str) -> str:
    """A block's usage key, whole as it is or built from its course where only its name is given, else "".

    >>> block_key("0b9e", "video", "course-v1:edX+DemoX+2024")
    'block-v1:edX+DemoX+2024+type@video+block@0b9e'
    >>> block_key("i4x-edX-DemoX-video-0b9e", "video", "edX/DemoX/2012")
    'i4x://edX/DemoX/video/0b9e'
    """
    if not isinstance(text, str):
        return ""
    if _BLOCK.match(text) or _OLD_BLOCK.match(text):
        return text
    if old := _OLD_VIDEO.match(text):
        return f"i4x://{old[1]}/{old[2]}/{old[3]}/{old[4]}"
    if not re.fullmatch(r"[\w.~-]+", text):
        return ""
    if new := _COURSE.match(course):
        return f"block-v1:{new[1]}+type@{kind}+block@{text}"
    if course:
        organisation, number, _ = course.split("/")
        return f"i4x://{organisation}/{number}/{kind}/{text}"
    return ""


def kind_of(key: str) -> str:
    """Our kind of item for the key of a course or block."""
    match = _BLOCK.match(key)
    old = _OLD_BLOCK.match(key)
    sort = match[2] if match else old[3] if old else "course"
    return KINDS.get(sort, "activity")


def course_of(key: str) -> str:
    """The course of a block's key, "" where the key does not say (i4x leaves out the run)."""
    match = _BLOCK.match(key)
    return f"course-v1:{match[1]}" if match else ""


def _number(value: Any) -> float | None:
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if sound else None


def _share(earned: Any, possible: Any) -> tuple[float | None, tuple[str, ...]]:
    got, most = _number(earned), _number(possible)
    if got is None and most is None:
        return None, ()
    if got is None or most is None or most <= 0 or not 0 <= got <= most:
        return None, ("grade that is no share of its maximum left empty",)
    return got / most, ()


def _checked(event: Event) -> Said:
    """problem_check, by the server: an answer and its grade."""
    success = event.payload.get("success")
    score, repairs = _share(event.payload.get("grade"), event.payload.get("max_grade"))
    item = block_key(event.payload.get("problem_id"), "problem", event.course) or event.module
    correct = {"correct": True, "incorrect": False}.get(success) if isinstance(success, str) else None
    return Said("answered", item, correct, score, repairs=repairs)


def _video(verb: str) -> Callable[[Event], Said]:
    def said(event: Event) -> Said:
        payload = event.payload
        item = block_key(payload.get("module_id") or payload.get("id"), "video", event.course)
        length = _number(payload.get("duration"))
        return Said(verb, item, length_s=length if length and 0 < length < 1e6 else None)

    return said


def _enrolment(enrolled: bool) -> Callable[[Event], Said]:
    def said(event: Event) -> Said:
        course = course_key(event.payload.get("course_id")) or event.course
        return Said("registered", course, enrolled=enrolled)

    return said


def _graded(event: Event) -> Said:
    """A problem's or a subsection's grade as it was written down; an answer is an event of its own."""
    payload = event.payload
    names = (("weighted_earned", "weighted_possible"), ("weighted_graded_earned", "weighted_graded_possible"))
    earned, possible = next((pair for pair in names if pair[1] in payload), names[0])
    score, repairs = _share(payload.get(earned), payload.get(possible))
    key, kind = (
        (payload["problem_id"], "problem")
        if "problem_id" in payload
        else (payload.get("block_id"), "sequential")
    )
    return Said("scored", block_key(key, kind, event.course), score=score, repairs=repairs)


def _course_graded(event: Event) -> Said:
    score, repairs = _share(event.payload.get("percent_grade"), 1)
    course = course_key(event.payload.get("course_id")) or event.course
    return Said("scored", course, score=score, repairs=repairs)


def _course_done(event: Event) -> Said:
    return Said("completed", course_key(event.payload.get("course_id")) or event.course)


def _sequence(event: Event) -> Said:
    """Moving about in a sequence of pages."""
    return Said("experienced", block_key(event.payload.get("id"), "sequential", event.course))


def _shown(event: Event) -> Said:
    return Said("experienced", block_key(event.payload.get("problem"), "problem", event.course))


def page(event_type: str) -> Said | None:
    """A page of a course that was asked for; None for every other address.

    >>> page("/courses/course-v1:X+Y+Z/courseware/week1/intro/").item
    'block-v1:X+Y+Z+type@sequential+block@intro'
    """
    match = _PAGE.match(event_type.partition("?")[0])
    course = course_key(match["course"]) if match else ""
    if match is None or not course:
        return None
    for name, kind in (("sequence", "sequential"), ("chapter", "chapter")):
        if match[name]:
            key = block_key(match[name], kind, course)
            return Said("experienced", key) if key else None
    return Said("experienced", course)


def page_kind(event_type: str) -> str:
    """What sort of address was asked for, in a word: never the address, which may name a learner."""
    match = _ANY_PAGE.match(event_type)
    return f"page of {match[1]}" if match and len(match[1]) <= 30 else "other page"


SERVER: dict[str, Callable[[Event], Said]] = {
    "problem_check": _checked,
    "edx.course.enrollment.activated": _enrolment(True),
    "edx.course.enrollment.deactivated": _enrolment(False),
    "edx.grades.problem.submitted": _graded,
    "edx.grades.subsection.grade_calculated": _graded,
    "edx.grades.course.grade_calculated": _course_graded,
    "edx.course.grade.passed.first_time": _course_done,
    "edx.course.completed": _course_done,
    "edx.certificate.created": _course_done,
}
ANYWHERE: dict[str, Callable[[Event], Said]] = {
    **dict.fromkeys(("play_video", "pause_video", "seek_video"), _video("experienced")),
    **dict.fromkeys(
        ("edx.video.played", "edx.video.paused", "edx.video.position.changed"), _video("experienced")
    ),
    **dict.fromkeys(("stop_video", "edx.video.stopped", "edx.video.completed"), _video("completed")),
    **dict.fromkeys(("seq_next", "seq_prev", "seq_goto"), _sequence),
    **dict.fromkeys(
        (
            "edx.ui.lms.sequence.next_selected",
            "edx.ui.lms.sequence.previous_selected",
            "edx.ui.lms.sequence.tab_selected",
        ),
        _sequence,
    ),
    "problem_show": _shown,
}
