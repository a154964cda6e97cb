"""Tracking events into answers, views, grades and enrolments; what is not used is counted by type."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.collect import openedx as read_openedx
from learnloop.errors import BadInput
from learnloop.prepare import openedx_events as meanings
from learnloop.prepare.openedx import Context, clean
from learnloop.schemas import VERBS, Cleaned, RawChunk

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
COURSE = "course-v1:X+Y+2024"
PROBLEM = "block-v1:X+Y+2024+type@problem+block@p1"
CHECKED = {"problem_id": PROBLEM, "success": "correct", "grade": 3, "max_grade": 4, "attempts": 2}
BROWSER: dict[str, Any] = {"event_source": "browser"}


def event(kind: str, payload: Any = None, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "event_type": kind,
        "event_source": "server",
        "username": "ana",
        "time": f"2024-03-01T10:{number:02}:00.431355+00:00",
        "context": {"user_id": 8, "course_id": COURSE},
        "event": {} if payload is None else payload,
        **more,
    }


def pseudonymise(ids: pd.Series) -> pd.Series:
    return ids.map(lambda outside: f"p{len(outside)}-{sum(map(ord, outside))}").astype("str")


def cleaned(folder: Path, *events: Any, context: Context | None = None, rows: int = 100) -> Cleaned:
    path = folder / "tracking.log"
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    (chunk,) = read_openedx.read(path, chunk_rows=rows)
    result = clean(chunk, context or Context(pseudonymise, NOW))
    assert result.accounting.balanced
    assert sum(part.read for part in result.by_kind.values()) == result.accounting.read
    assert all(part.balanced for part in result.by_kind.values())
    return result


def only_event(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    result = cleaned(folder, record)
    assert result.rejected.empty, result.rejected["reason"][0]
    return {str(name): value for name, value in result.frames["interactions"].iloc[0].items()}


def refusal(folder: Path, record: Any) -> str:
    result = cleaned(folder, record)
    assert result.frames["interactions"].empty
    return str(result.rejected["reason"][0])


def test_an_answer(tmp_path: Path) -> None:
    made = only_event(tmp_path, event("problem_check", CHECKED))
    assert made["item_id"] == f"openedx:{PROBLEM}"
    assert made["learner_id"] == pseudonymise(pd.Series(["8"]))[0]
    assert (made["verb"], made["correct"], made["score"]) == ("answered", True, 0.75)
    assert made["occurred_at"] == pd.Timestamp("2024-03-01T10:01:00.431355Z")
    wrong = only_event(tmp_path, event("problem_check", {**CHECKED, "success": "incorrect", "grade": 0}))
    assert (wrong["correct"], wrong["score"]) == (False, 0.0)


VIDEO = "block-v1:X+Y+2024+type@video+block@v1"
SEQUENCE = "block-v1:X+Y+2024+type@sequential+block@s1"
FILM = {"id": "v1", "currentTime": 12.3, "duration": 195}


@pytest.mark.parametrize(
    ("record", "verb", "item"),
    [
        (event("play_video", json.dumps(FILM), **BROWSER), "experienced", VIDEO),
        (event("pause_video", json.dumps(FILM), **BROWSER), "experienced", VIDEO),
        (event("stop_video", json.dumps(FILM), **BROWSER), "completed", VIDEO),
        (event("edx.video.played", {"module_id": VIDEO}, event_source="mobile"), "experienced", VIDEO),
        (event("seq_next", json.dumps({"id": SEQUENCE, "old": 1}), **BROWSER), "experienced", SEQUENCE),
        (event("edx.ui.lms.sequence.tab_selected", {"id": SEQUENCE}), "experienced", SEQUENCE),
        (event("problem_show", json.dumps({"problem": PROBLEM}), **BROWSER), "experienced", PROBLEM),
        (event(f"/courses/{COURSE}/courseware/w1/s1/3?x=1", "{}"), "experienced", SEQUENCE),
        (event(f"/courses/{COURSE}/courseware/", "{}"), "experienced", COURSE),
        (event("edx.course.enrollment.activated", {"user_id": 8, "course_id": COURSE}), "registered", COURSE),
        (event("edx.course.completed", {"course_id": COURSE}), "completed", COURSE),
    ],
)
def test_what_was_done_with_which_item(record: dict[str, Any], verb: str, item: str, tmp_path: Path) -> None:
    made = only_event(tmp_path, record)
    assert (made["verb"], made["item_id"]) == (verb, f"openedx:{item}")


@pytest.mark.parametrize(
    ("kind", "payload", "item", "score"),
    [
        ("problem.submitted", {"problem_id": PROBLEM, "weighted_earned": 1, "weighted_possible": 2},
         PROBLEM, 0.5),
        ("subsection.grade_calculated", {"block_id": SEQUENCE, "weighted_graded_earned": 3.0,
                                         "weighted_graded_possible": 4.0}, SEQUENCE, 0.75),
        ("course.grade_calculated", {"course_id": COURSE, "percent_grade": 0.02}, COURSE, 0.02),
    ],
)  # fmt: skip
def test_grades_are_scores_of_the_learner_they_name(
    kind: str, payload: dict[str, Any], item: str, score: float, tmp_path: Path
) -> None:
    made = only_event(tmp_path, event(f"edx.grades.{kind}", {**payload, "user_id": "9"}))
    assert (made["verb"], made["item_id"], made["score"]) == ("scored", f"openedx:{item}", score)
    assert pd.isna(made["correct"])
    assert made["learner_id"] == pseudonymise(pd.Series(["9"]))[0]  # not the one who acted


def test_a_grade_that_is_no_share_is_left_empty_and_counted(tmp_path: Path) -> None:
    records = [
        event("problem_check", {**CHECKED, "grade": grade, "max_grade": most}, number)
        for number, (grade, most) in enumerate([(5, 4), (0, 0), ("3", 4), (-1, 4), (None, None)])
    ]
    result = cleaned(tmp_path, *records)
    assert result.frames["interactions"]["score"].isna().all()
    assert result.accounting.repaired == {"grade that is no share of its maximum left empty": 4}


def test_the_shape_of_an_event_bus_is_read_too(tmp_path: Path) -> None:
    bus = {
        "name": "play_video",
        "timestamp": "2020-07-15T06:52:55.057099+00:00",
        "context": {"user_id": 3, "course_id": COURSE, "event_source": "browser"},
        "data": FILM,
    }
    assert only_event(tmp_path, bus)["item_id"] == f"openedx:{VIDEO}"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (event("load_video", json.dumps(FILM), **BROWSER), "event type not used"),
        (event(f"/courses/{COURSE}/progress", "{}"), "event type not used"),
        (event(f"/courses/{COURSE}/xblock/{PROBLEM}/handler/x/problem_check", "{}"), "event type not used"),
        (event("problem_check", "input_1=2", **BROWSER), "browser's copy of a server event"),
        (event("problem_check", {}, context=None), "the context is not an object"),
        (event("problem_check", {}, context="x"), "the context is not an object"),
        (event("problem_check", ["x"]), "the event is not an object"),
        (event("play_video", "{broken", **BROWSER), "the event is not an object"),
        (event("problem_check", {"success": "correct"}), "the event names no item"),
        (event("problem_check", CHECKED, context={"course_id": COURSE}, username=""), "no user"),
        (event("problem_check", CHECKED, context={"user_id": None}, username=None), "no user"),
        (event("problem_check", CHECKED, context={"user_id": True}, username=7), "no user"),
        (event("problem_check", CHECKED, time="soon"), "time is not ISO 8601"),
        (event("problem_check", CHECKED, time=None), "no time"),
        (event("problem_check", CHECKED, time="2030-01-01T00:00:00Z"), "time in the future"),
        ({"context": {}}, "no event type"),
        ([1], "the record is not an object"),
    ],
)
def test_what_is_refused_says_why(record: Any, reason: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, record) == reason


def test_types_are_counted_one_by_one_but_an_address_never_by_itself(tmp_path: Path) -> None:
    result = cleaned(
        tmp_path,
        event("problem_check", CHECKED),
        event("page_close", number=2),
        event("page_close", number=3),
        event(f"/courses/{COURSE}/progress", number=4),
        event("/u/ana", number=5),
        event("ana says <b>hello</b>", number=6),
        event("edx.user.ana.changed", number=7),
    )
    assert {kind: (part.read, part.kept) for kind, part in result.by_kind.items()} == {
        "events: problem_check": (1, 1),
        "events: page_close": (2, 0),
        "events: page of progress": (1, 0),
        "events: other page": (1, 0),
        "events: odd type": (2, 0),
    }
    assert "ana" not in " ".join(result.rejected["record"])


def test_a_log_that_was_shipped_twice_counts_once_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    first = event("problem_check", CHECKED)
    again = dict(reversed(first.items())) | {"ip": "192.0.2.8"}
    later = event("problem_check", CHECKED, number=2)
    result = cleaned(tmp_path, first, again, later)
    assert result.accounting.rejected == {"duplicate event": 1}
    assert result.frames["interactions"]["event_id"].str.fullmatch(r"openedx:[0-9a-f]{32}").all()


def test_a_learner_without_a_number_is_known_by_name(tmp_path: Path) -> None:
    made = only_event(tmp_path, event("problem_check", CHECKED, context={"user_id": "", "course_id": COURSE}))
    assert made["learner_id"] == pseudonymise(pd.Series(["username:ana"]))[0]


def test_items_have_kinds_parents_names_and_lengths(tmp_path: Path) -> None:
    module = {"display_name": "  Choosing&nbsp;colours", "usage_key": PROBLEM}
    result = cleaned(
        tmp_path,
        event("problem_check", CHECKED),
        event("problem_check", CHECKED, 2, context={"user_id": 8, "course_id": COURSE, "module": module}),
        event("play_video", json.dumps(FILM), 3, **BROWSER),
    )
    items = result.frames["items"].set_index("item_id")
    assert items["title"].to_dict() == {
        f"openedx:{PROBLEM}": "Choosing colours",
        f"openedx:{COURSE}": "X+Y+2024",
        f"openedx:{VIDEO}": "v1",
    }
    assert items["kind"].tolist() == ["exercise", "course", "video"]
    assert items["parent_id"].dropna().tolist() == [f"openedx:{COURSE}"] * 2
    assert items["duration_s"].dropna().to_dict() == {f"openedx:{VIDEO}": 195.0}


def enrolments(result: Cleaned) -> list[tuple[Any, ...]]:
    columns = ["learner_id", "registered_at", "unregistered_at"]
    frame = result.frames["enrolments"][columns].astype("str").fillna("NaT")
    return [tuple(row) for row in frame.itertuples(index=False)]


def test_enrolments_are_the_first_activation_and_the_last_deactivation(tmp_path: Path) -> None:
    on, off = "edx.course.enrollment.activated", "edx.course.enrollment.deactivated"

    def move(kind: str, user: int, number: int) -> dict[str, Any]:
        return event(kind, {"user_id": user, "course_id": COURSE}, number)

    ana, bo, cy = pseudonymise(pd.Series(["1", "2", "3"]))
    moves = [
        move(on, 1, 1),
        move(off, 1, 5),
        move(on, 2, 2),
        move(off, 2, 3),
        move(on, 2, 4),
        move(off, 3, 6),
    ]
    expected = [
        (ana, "2024-03-01 10:01:00.431355+00:00", "2024-03-01 10:05:00.431355+00:00"),
        (bo, "2024-03-01 10:02:00.431355+00:00", "NaT"),
        (cy, "NaT", "2024-03-01 10:06:00.431355+00:00"),
    ]
    whole = cleaned(tmp_path, *moves)
    assert enrolments(whole) == expected
    assert enrolments(cleaned(tmp_path, *reversed(moves))) == expected
    assert whole.accounting.kept == 6
    assert whole.frames["interactions"]["verb"].tolist() == ["registered"] * 3  # leaving is no verb of ours
    # a day later another log comes: what was known is joined, and only what moved is told
    known = whole.frames["enrolments"]
    context = Context(pseudonymise, NOW, enrolments=known)
    later = cleaned(tmp_path, move(off, 2, 30), context=context)
    assert enrolments(later) == [(bo, expected[1][1], "2024-03-01 10:30:00.431355+00:00")]
    again = cleaned(tmp_path, *moves, context=Context(pseudonymise, NOW, enrolments=known))
    pd.testing.assert_frame_equal(again.frames["enrolments"], known)


@pytest.mark.parametrize(
    ("text", "kind", "course", "key"),
    [
        (PROBLEM, "video", "", PROBLEM),
        ("i4x://X/Y/problem/p1", "problem", "", "i4x://X/Y/problem/p1"),
        ("p1", "problem", "X/Y/2012", "i4x://X/Y/problem/p1"),
        ("p1", "problem", "", ""),
        ("p 1", "problem", COURSE, ""),
        (None, "problem", COURSE, ""),
    ],
)
def test_block_keys(text: Any, kind: str, course: str, key: str) -> None:
    assert meanings.block_key(text, kind, course) == key


def test_kinds_of_old_and_new_keys() -> None:
    assert meanings.kind_of("i4x://X/Y/problem/p1") == meanings.kind_of(PROBLEM) == "exercise"
    assert meanings.kind_of(COURSE) == meanings.kind_of("X/Y/2012") == "course"
    assert meanings.kind_of("block-v1:X+Y+2024+type@drag-and-drop-v2+block@d") == "activity"
    assert (meanings.course_of(PROBLEM), meanings.course_of("i4x://X/Y/problem/p1")) == (COURSE, "")


def test_another_kind_of_record_is_refused() -> None:
    chunk = RawChunk("openedx", "f", "statements", pd.DataFrame(), True, 0)
    with pytest.raises(BadInput, match="no 'statements' in a tracking log"):
        clean(chunk, Context(pseudonymise, NOW))


_SCRAP = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
_PART = _SCRAP | st.lists(_SCRAP, max_size=2) | st.dictionaries(st.text(max_size=5), _SCRAP, max_size=2)
_TYPES = [*meanings.SERVER, *meanings.ANYWHERE, f"/courses/{COURSE}/courseware/a/b/", "other"]


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(_TYPES),
    payload=_PART
    | st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "problem_id",
                "grade",
                "max_grade",
                "success",
                "id",
                "duration",
                "course_id",
                "user_id",
            ),
            _PART,
        ),
    ),
    context=st.fixed_dictionaries({"user_id": _PART, "course_id": _PART | st.just(COURSE), "module": _PART}),
    time=_PART,
)
def test_whatever_a_log_holds_is_accounted_for(kind: str, payload: Any, context: Any, time: Any) -> None:
    record = {"event_type": kind, "event": payload, "context": context, "time": time}
    frame = pd.DataFrame({"record": [json.dumps(record)], "number": [""], "line": [1]}).astype(
        {"record": "str"}
    )
    frame["damage"] = frame["raw"] = pd.Series([None], dtype="str")
    result = clean(RawChunk("openedx", "f", "events", frame, True, 1), Context(pseudonymise, NOW))
    assert result.accounting.balanced
    assert len(result.rejected) == result.accounting.read - result.accounting.kept
    assert set(result.frames["interactions"]["verb"]) <= set(VERBS)


def test_what_is_done_again_in_a_moment_is_one_event(tmp_path: Path) -> None:
    def at(second: float, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        return event(kind, payload, time=f"2024-03-01T10:00:{second:09.6f}+00:00")

    played, later = ("play_video", FILM), ("play_video", {**FILM, "currentTime": 80.0})
    moments = [
        at(1.1, *played),
        at(1.9, *played),  # the button pressed twice
        at(2.4, "pause_video", FILM),  # both are `experienced`, but not the same
        at(2.5, *later),
        at(9.0, *played),
        at(10.0, "problem_check", CHECKED),
        at(10.3, "problem_check", {**CHECKED, "attempts": 3}),  # another attempt
        at(10.4, "problem_check", CHECKED),
    ]
    result = cleaned(tmp_path, *moments)
    assert result.accounting.rejected == {"repeat within 2 s": 2}
    assert result.rejected["line"].tolist() == [2, 8]
    assert len(result.frames["interactions"]) == 6
