"""Small xAPI and Open edX logs of our own making, sound and broken, for the promises of importers."""

import gzip
import json
from pathlib import Path
from typing import Any

ADL = "http://adlnet.gov/expapi/"
QUESTION = {
    "id": "https://lms.example/q/1",
    "definition": {
        "type": f"{ADL}activities/cmi.interaction",
        "name": {"es": "Sumas", "en-GB": "Sums"},
        "description": {"es": "¿Cuánto es 2 + 3?"},
        "interactionType": "numeric",
        "correctResponsesPattern": ["5"],
    },
}
COURSE = {"id": "https://lms.example/c/1", "definition": {"type": f"{ADL}activities/course"}}
ANA = {"account": {"homePage": "https://lms.example", "name": "71000001"}, "name": "Ana 71000001"}
BO = {"mbox": "mailto:71000002@school.example"}
CY = {"openid": "https://id.example/71000003"}
# what the pseudonyms are made of
XAPI_OUTSIDE = [
    "https://lms.example|71000001",
    "mailto:71000002@school.example",
    "https://id.example/71000003",
]


def statement(
    number: int, actor: Any, verb: str, activity: Any, result: Any = None, **more: Any
) -> dict[str, Any]:
    """One statement; its id and its minute are made of `number`."""
    made = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "actor": actor,
        "verb": {"id": verb if ":" in verb else f"{ADL}verbs/{verb}"},
        "object": activity,
        "timestamp": f"2024-03-01T10:{number:02}:00Z",
        **more,
    }
    return made if result is None else {**made, "result": result}


def xapi_statements() -> list[dict[str, Any]]:
    inside = {"context": {"contextActivities": {"parent": [COURSE]}}}
    bare = {"id": QUESTION["id"]}  # named by a later statement only
    return [
        statement(1, ANA, "launched", bare),
        statement(2, ANA, "answered", QUESTION, {"success": True, "score": {"scaled": 1}}, **inside),
        statement(3, BO, "answered", QUESTION, {"success": False, "score": {"raw": 1, "max": 4}}),
        statement(4, CY, "completed", COURSE, {"duration": "PT1H"}),
        statement(5, BO, "experienced", {"id": "https://lms.example/p/7"}, **inside),
    ]


def lines(records: list[Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def xapi_sample(folder: Path) -> None:
    (folder / "statements.jsonl").write_text(lines(xapi_statements()))


def xapi_broken(folder: Path) -> tuple[str, int]:
    with (folder / "statements.jsonl").open("a") as file:
        file.write('{"id": "00000000-0000-4000-8000-000000000006", "actor": {"mbox": "mailto:7100\n')
    return "statements.jsonl", 6


def xapi_array_sample(folder: Path) -> None:
    (folder / "statements.json.gz").write_bytes(gzip.compress(json.dumps(xapi_statements()).encode()))


def xapi_array_broken(folder: Path) -> tuple[str, int]:
    """In an array a record can be wrong, but not damaged: that would damn the file."""
    wrong = statement(6, {**BO, **CY}, "answered", QUESTION)
    text = json.dumps([*xapi_statements(), wrong])
    (folder / "statements.json.gz").write_bytes(gzip.compress(text.encode()))
    return "statements.json.gz", 1


XAPI_TELLING = lines(
    [
        statement(7, {**ANA, **BO}, "answered", QUESTION),
        statement(8, CY, "answered", {"id": "https://lms.example/of/71000002"}, {"success": 1}),
        statement(9, {"objectType": "Group", "member": [ANA, CY]}, "answered", QUESTION),
        statement(10, BO, "answered", CY | {"objectType": "Agent"}),
        statement(11, ANA, "viewed", {"id": "https://lms.example/portfolio/71000001"}),
        {"actor": ["71000002"], "verb": {"id": "71000002"}, "object": "mailto:71000002@school.example"},
    ]
)

COURSE_KEY = "course-v1:X+Y+2024"
PROBLEM = "block-v1:X+Y+2024+type@problem+block@p1"


def event(number: int, user: Any, kind: str, payload: Any, **more: Any) -> dict[str, Any]:
    """One tracking event, by the server unless `more` says otherwise; its minute is `number`."""
    return {
        "event_type": kind,
        "name": kind,
        "event_source": "server",
        "username": f"u{user}",
        "ip": "192.0.2.7",
        "time": f"2024-03-01T10:{number:02}:00.431355+00:00",
        "context": {"user_id": user, "course_id": COURSE_KEY, "path": "/event"},
        "event": payload,
        **more,
    }


def openedx_events() -> list[dict[str, Any]]:
    browser = {"event_source": "browser"}
    film = json.dumps({"id": "v1", "currentTime": 12.5, "duration": 195})
    right = {"problem_id": PROBLEM, "success": "correct", "grade": 3, "max_grade": 3, "attempts": 1}
    wrong = {**right, "success": "incorrect", "grade": 1}
    module = {"display_name": "Choosing colours", "usage_key": PROBLEM}
    named = {"context": {"user_id": 71000002, "course_id": COURSE_KEY, "module": module}}
    course = {"course_id": COURSE_KEY, "user_id": 71000001, "mode": "audit"}
    return [
        event(1, 71000001, "edx.course.enrollment.activated", course),
        event(2, 71000001, f"/courses/{COURSE_KEY}/courseware/week1/intro/", "{}"),
        event(3, 71000001, "play_video", film, **browser),
        event(4, 71000001, "problem_check", right),
        event(5, 71000002, "problem_check", wrong, **named),
        event(6, 71000003, "seq_next", json.dumps({"id": "intro", "old": 1, "new": 2}), **browser),
        event(7, 71000001, "edx.course.enrollment.deactivated", course),
    ]


def openedx_sample(folder: Path) -> None:
    (folder / "tracking.log").write_text(lines(openedx_events()))


def openedx_broken(folder: Path) -> tuple[str, int]:
    with (folder / "tracking.log").open("a") as file:
        file.write('{"username": "u71000001", "event_type": "play_video", "event\n')
    return "tracking.log", 8


OPENEDX_TELLING = lines(
    [
        event(10, 71000001, "/u/u71000001", "{}"),
        event(11, 71000001, "edx.user.71000001.changed", {}),
        event(12, 71000002, "problem_check", ["71000002"]),
        event(13, 71000003, "problem_check", {"problem_id": "p/71000003"}),
        event(14, 71000003, "play_video", {"id": "v1"}, time="71000003"),
        {"username": "u71000001", "event_type": "play_video", "context": "71000001"},
        ["71000001"],
    ]
)
