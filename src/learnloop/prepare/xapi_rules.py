"""What xAPI's verbs and activity types are here: tables, and the reading of scores and watched segments.

    http://adlnet.gov/expapi/verbs/passed   ->  answered, correct
    https://w3id.org/xapi/video/verbs/paused with played-segments 0[.]30.0[,]45.5[.]127.0
                                            ->  experienced for 81.5 s, the segment that the pause ended

Vocabularies (ADL, Tin Can, Activity Streams, cmi5, the video profile, TRAX, Open edX's) use the same words
under their own addresses, so the last word of an IRI counts.
"""

import re
from functools import lru_cache
from typing import Any

VERBS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("experienced", "experience", "attended", "attend", "attempted", "initialized", "launched"),
            *("progressed", "resumed", "suspended", "terminated", "exited", "abandoned", "interacted"),
            *("played", "play", "paused", "seeked", "skipped", "viewed", "view", "read", "watched"),
            *("watch", "listened", "listen", "consumed", "consume", "downloaded", "download", "opened"),
            *("open", "accessed", "access", "started", "start", "visited", "studied", "practiced"),
            *("commented", "comment", "shared", "share", "asked", "bookmarked", "highlighted", "annotated"),
            *("posted", "replied", "searched", "navigated", "unfocused", "focused", "changed-volume"),
        ),
        "experienced",
    ),
    **dict.fromkeys(
        ("completed", "complete", "finished", "mastered", "satisfied", "waived"), "completed"
    ),
    **dict.fromkeys(("answered", "answer", "responded", "passed", "failed"), "answered"),
    **dict.fromkeys(("scored", "graded"), "scored"),
    **dict.fromkeys(("rated",), "rated"),
    **dict.fromkeys(("registered", "enrolled", "joined", "join"), "registered"),
}  # fmt: skip
VERDICTS = {"passed": True, "failed": False}
NO_LEARNING = frozenset(
    (
        *("logged-in", "logged-out", "logged_in", "logged_out", "loggedin", "loggedout", "signed-in"),
        *("unregistered", "unenrolled", "left", "deleted", "removed", "created", "updated", "authored"),
        *("imported", "exported", "invited", "installed", "uninstalled", "added", "disliked"),
    )
)

KINDS: dict[str, str] = {
    **dict.fromkeys(("course", "program", "programme", "school-course"), "course"),
    **dict.fromkeys(
        (
            *("lesson", "module", "unit", "chapter", "section", "page", "webpage", "article", "book"),
            *("document", "file", "slide", "slide-deck", "sequential", "vertical", "topic", "resource"),
        ),
        "lesson",
    ),
    **dict.fromkeys(("video", "media", "movie", "webinar", "recording"), "video"),
    **dict.fromkeys(("question", "cmi.interaction"), "question"),
    **dict.fromkeys(("assessment", "test", "exam", "quiz", "checklist", "survey"), "assessment"),
    **dict.fromkeys(("exercise", "interaction", "problem", "assignment", "solo-assignment"), "exercise"),
}

VIDEO = "https://w3id.org/xapi/video/extensions/"
LONGEST_SEGMENT = 12 * 3600.0  # seconds
_WORD = re.compile(r"([^/#]+)[/#]*$")
_SEGMENT = re.compile(r"(\d+(?:\.\d+)?)\[\.\](\d+(?:\.\d+)?)")


@lru_cache(1 << 16)
def word(iri: str) -> str:
    """The last word of an IRI, in lower case.

    >>> word("http://adlnet.gov/expapi/verbs/Answered")
    'answered'
    """
    match = _WORD.search(iri)
    return match[1].lower() if match else ""


def score(result: dict[str, Any]) -> tuple[float | None, str]:
    """(share of what could be had, the repair it took or ""). scaled counts before raw.

    >>> score({"score": {"raw": 3, "min": 1, "max": 5}})
    (0.5, '')
    """
    given = result.get("score", {})
    if "scaled" in given:
        scaled = float(given["scaled"])
        return (scaled, "") if scaled >= 0 else (0.0, "score below zero taken as zero")
    if "raw" not in given:
        return None, ""
    least, most = given.get("min", 0), given.get("max")
    if most is None or most <= least or not least <= given["raw"] <= most:
        return None, "score without its scale left empty"
    return (given["raw"] - least) / (most - least), ""


def last_segment(result: dict[str, Any]) -> float | None:
    """Seconds of film between the last play and the pause that this result is of (video profile 1.0.3)."""
    played = result.get("extensions", {}).get(f"{VIDEO}played-segments")
    found = _SEGMENT.findall(played) if isinstance(played, str) else []
    if not found:
        return None
    start, end = map(float, found[-1])
    return end - start if 0 <= end - start <= LONGEST_SEGMENT else None
