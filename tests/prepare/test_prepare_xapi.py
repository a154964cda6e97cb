"""Statements into events and items: who, what, how well, when; and what is refused, naming nobody."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.collect import json_records
from learnloop.collect import xapi as read_xapi
from learnloop.errors import BadInput
from learnloop.prepare import xapi_rules as rules
from learnloop.prepare.xapi import Context, clean, outside_id
from learnloop.schemas import VERBS, Accounting, Cleaned, RawChunk

NOW = pd.Timestamp("2026-01-01T00:00:00Z")
ADL = "http://adlnet.gov/expapi/"
VIDEO = "https://w3id.org/xapi/video/"
ANA = {"mbox": "mailto:ana@school.example"}
QUESTION: dict[str, Any] = {"id": "https://lms.example/q/1"}


def said(verb: str = "answered", number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "actor": ANA,
        "verb": {"id": verb if ":" in verb else f"{ADL}verbs/{verb}"},
        "object": QUESTION,
        "timestamp": "2024-03-01T10:00:00Z",
        **more,
    }


def pseudonymise(ids: pd.Series) -> pd.Series:
    return ids.map(lambda outside: f"p{len(outside)}-{sum(map(ord, outside))}").astype("str")


def cleaned(folder: Path, *statements: Any, text: str = "", **known: Any) -> Cleaned:
    path = folder / "statements.jsonl"
    path.write_text(text or "".join(json.dumps(statement) + "\n" for statement in statements))
    context = Context(pseudonymise, NOW, voided=read_xapi.voided(path), **known)
    (chunk,) = read_xapi.read(path)
    result = clean(chunk, context)
    assert result.accounting.balanced
    return result


def only_event(folder: Path, statement: dict[str, Any]) -> dict[str, Any]:
    frame = cleaned(folder, statement).frames["interactions"]
    assert len(frame) == 1
    return {str(name): value for name, value in frame.iloc[0].items()}


def refusals(result: Cleaned) -> dict[int, str]:
    return dict(zip(result.rejected["line"], result.rejected["reason"], strict=True))


def test_a_statement_becomes_an_event(tmp_path: Path) -> None:
    result = {"success": True, "score": {"scaled": 0.75}, "duration": "PT1M30S"}
    event = only_event(tmp_path, said(result=result, timestamp="2024-03-01T11:00:00+01:00"))
    assert event == {
        "event_id": "xapi:00000000-0000-4000-8000-000000000001",
        "learner_id": pseudonymise(pd.Series(["mailto:ana@school.example"]))[0],
        "item_id": "xapi:https://lms.example/q/1",
        "verb": "answered",
        "correct": True,
        "score": 0.75,
        "duration_s": 90.0,
        "occurred_at": pd.Timestamp("2024-03-01T10:00:00Z"),
        "source": "xapi",
        "imputed": event["imputed"],
    }
    assert pd.isna(event["imputed"])


@pytest.mark.parametrize(
    ("verb", "result", "expected"),
    [
        ("experienced", None, ("experienced", None)),
        ("completed", {"completion": True}, ("completed", None)),
        ("passed", None, ("answered", True)),
        ("failed", None, ("answered", False)),
        ("passed", {"success": False}, ("answered", False)),
        ("scored", {"score": {"scaled": 1}}, ("scored", None)),
        ("http://id.tincanapi.com/verb/rated", {"score": {"scaled": 0.2}}, ("rated", None)),
        ("http://activitystrea.ms/schema/1.0/watch", None, ("experienced", None)),
        (f"{VIDEO}verbs/seeked", None, ("experienced", None)),
        ("registered", None, ("registered", None)),
        ("https://x.example/verbs/pondered", None, ("experienced", None)),
        ("https://x.example/verbs/pondered", {"success": True}, ("answered", True)),
    ],
)
def test_verbs(verb: str, result: Any, expected: tuple[str, bool | None], tmp_path: Path) -> None:
    event = only_event(tmp_path, said(verb, **({"result": result} if result else {})))
    assert (event["verb"], None if pd.isna(event["correct"]) else event["correct"]) == expected
    assert (event["imputed"] == "verb") == ("pondered" in verb)


def test_every_verb_of_the_table_is_one_of_ours_and_none_is_also_refused() -> None:
    assert set(rules.VERBS.values()) <= set(VERBS)
    assert not set(rules.VERBS) & rules.NO_LEARNING


def test_success_counts_for_answers_and_for_questions_alone(tmp_path: Path) -> None:
    success = {"success": True}
    course = cleaned(tmp_path, said("completed", result=success))
    assert course.frames["interactions"]["correct"].isna().all()
    assert course.accounting.repaired == {"success of what is no answer left out": 1}
    question = {**QUESTION, "definition": {"interactionType": "numeric"}}
    event = only_event(tmp_path, said("completed", result=success, object=question))
    assert (event["verb"], event["correct"]) == ("answered", True)


@pytest.mark.parametrize(
    ("score", "share", "repaired"),
    [
        ({"scaled": 0.25, "raw": 9}, 0.25, ""),
        ({"raw": 3, "min": 1, "max": 5}, 0.5, ""),
        ({"raw": 3, "max": 4}, 0.75, ""),
        ({"raw": 3}, None, "score without its scale left empty"),
        ({"raw": -1, "max": 4}, None, "score without its scale left empty"),
        ({"raw": 0, "max": 0}, None, "score without its scale left empty"),
        ({"scaled": -0.5}, 0.0, "score below zero taken as zero"),
        ({"min": 0, "max": 4}, None, ""),
    ],
)
def test_scores_are_shares(score: dict[str, float], share: float | None, repaired: str) -> None:
    assert rules.score({"score": score}) == (share, repaired)


@pytest.mark.parametrize(
    ("segments", "length"),
    [
        ("0[.]30.0[,]45.5[.]127.0[,]180.0", 81.5),
        ("0[.]10", 10.0),
        ("180.0", None),
        ("", None),
        (7, None),
        ("50[.]10", None),
        ("0[.]99999", None),
    ],
)
def test_a_pause_ends_the_last_segment_that_was_played(
    segments: Any, length: float | None, tmp_path: Path
) -> None:
    result = {"extensions": {f"{VIDEO}extensions/played-segments": segments}}
    paused = only_event(tmp_path, said(f"{VIDEO}verbs/paused", result=result))
    assert (None if pd.isna(paused["duration_s"]) else paused["duration_s"]) == length
    seeked = only_event(tmp_path, said(f"{VIDEO}verbs/seeked", result=result))
    assert pd.isna(seeked["duration_s"])  # the pause before it may have counted the same segment


def test_durations_and_times_that_need_a_reading(tmp_path: Path) -> None:
    stored = {name: value for name, value in said(number=2).items() if name != "timestamp"}
    result = cleaned(
        tmp_path,
        said(number=1, result={"duration": "P1M"}, timestamp="2024-03-01T10:00:00"),
        {**stored, "stored": "2024-03-02T10:00:00Z"},
        {**stored, "id": "00000000-0000-4000-8000-000000000003"},
        said(number=4, timestamp="2030-01-01T00:00:00Z"),
    )
    assert result.accounting.repaired == {
        "duration of months or years left empty": 1,
        "time without a zone taken as UTC": 1,
        "time of storing taken: the statement has none": 1,
    }
    assert refusals(result) == {3: "no time", 4: "time in the future"}
    events = result.frames["interactions"]
    assert events["imputed"].fillna("").tolist() == ["", "occurred_at"]
    assert events["occurred_at"][1] == pd.Timestamp("2024-03-02T10:00:00Z")


def test_learners_are_known_by_their_identifier() -> None:
    assert outside_id({"mbox": "mailto:Ana@School.example"}) == "mailto:ana@school.example"
    assert outside_id({"mbox_sha1sum": "AB" * 20}) == "ab" * 20
    assert outside_id({"openid": "https://id.example/Ana"}) == "https://id.example/Ana"
    account = {"homePage": "https://lms.example", "name": "7"}
    assert outside_id({"name": "Ana", "account": account}) == "https://lms.example|7"


def test_what_says_nothing_of_a_learner_and_an_item_is_refused_with_its_reason(tmp_path: Path) -> None:
    reference = {"objectType": "StatementRef", "id": "00000000-0000-4000-8000-000000000001"}
    group = {"objectType": "Group", "member": [ANA]}
    result = cleaned(
        tmp_path,
        said(number=1),
        said("voided", 2, object=reference),
        said(number=3, actor=group),
        said(number=4, object={"objectType": "Agent", **ANA}),
        said("https://x.example/verbs/logged-in", 5),
        said(number=6, actor={**ANA, "openid": "https://id.example/ana"}),
        said(number=7),
        said(number=7),
        said(number=8, object={"id": "https://lms.example/portfolio/ana@school.example"}),
        said(number=9, object={"id": "https://lms.example/" + "x" * 1_000}),
        [],
    )
    assert refusals(result) == {
        1: "voided by another statement",
        2: "voids another statement",
        3: "the actor is a group",
        4: "the object is no activity",
        5: "verb of no learning",
        6: "invalid xAPI: actor: two inverse functional identifiers (mbox, openid)",
        8: "duplicate event",
        9: "the activity's id holds the learner's",
        10: "activity id longer than 1000",
        11: "invalid xAPI: statement: not an object",
    }
    assert len(result.frames["interactions"]) == result.accounting.kept == 1
    assert list(result.frames["items"]["item_id"]) == ["xapi:https://lms.example/q/1"]


def test_a_statement_is_voided_wherever_it_stands_and_whatever_the_case_of_its_id(tmp_path: Path) -> None:
    number = "0000000A-0000-4000-8000-00000000000B"
    voiding = said("voided", 2, object={"objectType": "StatementRef", "id": number.lower()})
    for order in ([voiding, {**said(), "id": number}], [{**said(), "id": number}, voiding]):
        assert cleaned(tmp_path, *order).frames["interactions"].empty


def test_a_reason_counts_alike_whatever_the_place_in_an_array(tmp_path: Path) -> None:
    wrong = {"en": 1}
    attachment = {"usageType": "https://x.example", "display": {}, "contentType": "a/b", "length": 1}
    sound = {**attachment, "sha2": "0" * 64}
    result = cleaned(
        tmp_path,
        said(number=1, attachments=[{**sound, "display": wrong}]),
        said(number=2, attachments=[sound, {**sound, "display": wrong}]),
    )
    reason = "invalid xAPI: attachments[].display: a value that is not a string"
    assert result.accounting.rejected == {reason: 2}


def test_json_that_says_two_things_at_once_is_refused(tmp_path: Path) -> None:
    text = json.dumps(said())
    result = cleaned(
        tmp_path,
        text="\n".join(
            [
                text,
                text.replace("{", '{"actor": {}, ', 1),
                text.replace('"timestamp"', '"result": {"score": {"scaled": NaN}}, "timestamp"'),
                text[:-1],
                text.replace('"timestamp"', '"result": {"score": {"raw": 1e999}}, "timestamp"'),
                "[" * 100_000,
            ]
        )
        + "\n",
    )
    assert refusals(result) == {
        2: "the key 'actor' twice",
        3: "NaN, which is no number of JSON",
        4: "not JSON: Expecting ',' delimiter",
        5: "a number beyond 1e308",
        6: "nested more than 100 deep",
    }


def test_a_statement_without_an_id_is_known_by_its_content(tmp_path: Path) -> None:
    bare = {name: value for name, value in said().items() if name != "id"}
    other = {**bare, "result": {"response": "b"}}
    first = cleaned(tmp_path, bare, other, bare)
    assert refusals(first) == {3: "duplicate event"}
    assert first.accounting.repaired == {"statement without an id known by its content": 2}
    second = cleaned(tmp_path, other, bare)
    assert set(first.frames["interactions"]["event_id"]) == set(second.frames["interactions"]["event_id"])


def test_items_take_what_their_definitions_say(tmp_path: Path) -> None:
    definition = {
        "type": f"{ADL}activities/cmi.interaction",
        "name": {"fr": "Capitales", "es": "<b>Capitales</b> "},
        "description": {"es": "¿Cuál es la capital de Perú?", "fr": "Quelle est la capitale ?"},
        "interactionType": "choice",
        "correctResponsesPattern": ["lima"],
        "choices": [{"id": "lima", "description": {"es": "Lima"}}, {"id": "cusco"}],
        "moreInfo": "https://lms.example/q/1/info",
    }
    course = {"id": "https://lms.example/c/9", "definition": {"type": f"{ADL}activities/course"}}
    context = {"language": "es", "contextActivities": {"parent": QUESTION, "grouping": course}}
    length = {"extensions": {f"{VIDEO}extensions/length": 30}}
    result = cleaned(
        tmp_path,
        said(number=1),
        said(number=2, object={**QUESTION, "definition": definition}, context=context, result=length),
        said(number=3, object={**QUESTION, "definition": {"name": {"en": "Renamed"}}}),
    )
    items = result.frames["items"].set_index("item_id")
    question = items.loc["xapi:https://lms.example/q/1"]
    assert question["title"] == "Capitales"
    assert question["text"] == "¿Cuál es la capital de Perú?"
    assert (question["kind"], question["language"], question["answer"]) == ("question", "es", "Lima")
    assert question["parent_id"] == "xapi:https://lms.example/c/9"  # an activity is not its own parent
    assert question["url"] == "https://lms.example/q/1/info"
    assert question["duration_s"] == 30.0
    assert question["attributes"] == {
        "activity_type": f"{ADL}activities/cmi.interaction",
        "interaction_type": "choice",
        "correct_responses": ["lima"],
        "choices": {"lima": "Lima", "cusco": ""},
    }
    above = items.loc["xapi:https://lms.example/c/9"]
    assert (above["kind"], above["title"], above["language"]) == ("course", "9", "und")
    assert above["url"] == "https://lms.example/c/9"


@pytest.mark.parametrize(
    ("definition", "answer"),
    [
        ({"interactionType": "true-false", "correctResponsesPattern": ["true"]}, "true"),
        ({"interactionType": "fill-in", "correctResponsesPattern": ["Lima"]}, "Lima"),
        ({"interactionType": "fill-in", "correctResponsesPattern": ["Lima", "lima"]}, None),
        ({"interactionType": "fill-in", "correctResponsesPattern": ["{case_matters=true}Lima"]}, None),
        ({"interactionType": "choice", "correctResponsesPattern": ["a[,]b"]}, None),
        ({"interactionType": "numeric", "correctResponsesPattern": ["4[:]6"]}, None),
        ({"interactionType": "likert", "correctResponsesPattern": ["l1"]}, None),
        ({}, None),
    ],
)
def test_an_answer_is_taken_where_it_is_one_text(
    definition: dict[str, Any], answer: str | None, tmp_path: Path
) -> None:
    items = cleaned(tmp_path, said(object={**QUESTION, "definition": definition})).frames["items"]
    assert (None if pd.isna(items["answer"][0]) else items["answer"][0]) == answer


def test_what_is_known_already_keeps_its_title_unless_that_only_stood_in(tmp_path: Path) -> None:
    named = said(object={**QUESTION, "definition": {"name": {"en": "Sums"}}})
    key = "xapi:https://lms.example/q/1"
    for title, expected in (("Additions", []), ("1", ["Sums"]), ("Sums", [])):
        items = cleaned(tmp_path, named, known_items={key: title}).frames["items"]
        assert list(items["title"]) == expected
    assert cleaned(tmp_path, said(), known_items={key: "1"}).frames["items"].empty


def test_nobody_is_named_in_what_is_kept_of_a_refused_statement(tmp_path: Path) -> None:
    people = {
        "name": "Ana Ruiz",
        "mbox": "mailto:ana@school.example",
        "account": {"homePage": "https://lms.example", "name": "ruiz-7"},
    }
    wrong = said(
        "https://x.example/ana@school.example",
        actor=people,
        object={"id": "https://lms.example/u/ruiz-7"},
        context={"instructor": {"mbox": "mailto:bo@school.example"}},
    )
    text = json.dumps(wrong) + "\n" + json.dumps(wrong)[:-5] + "\n" + '{"mbox": "ana@\0"}\n'
    result = cleaned(tmp_path, said(number=2), text=json.dumps(said(number=2)) + "\n" + text)
    kept = " ".join(result.rejected["record"]) + " ".join(result.rejected["reason"])
    assert [word for word in ("Ana", "Ruiz", "ruiz-7", "ana@", "bo@") if word in kept] == []
    shown = json.loads(result.rejected["record"][0])
    assert shown == {"id": wrong["id"], "timestamp": wrong["timestamp"]}
    assert set(result.rejected["record"][1]) <= set('x{}[]":, -./@|+')


def test_a_wrong_kind_of_record_or_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps(said()))
    (chunk,) = read_xapi.read(path, "My LMS")
    with pytest.raises(BadInput, match="'My LMS' is not made of"):
        clean(chunk, Context(pseudonymise, NOW))
    (chunk,) = json_records.read(path, "xapi", "events")
    with pytest.raises(BadInput, match="no 'events'"):
        clean(chunk, Context(pseudonymise, NOW))


_NUMBER = st.integers() | st.floats() | st.just(10**299) | st.none()
_MAP = st.dictionaries(st.sampled_from(["en", "es-PE", "und", "x"]), st.text(max_size=9), max_size=2)
_RESULT = st.fixed_dictionaries(
    {},
    optional={
        "success": st.booleans(),
        "score": st.fixed_dictionaries({}, optional=dict.fromkeys(("scaled", "raw", "min", "max"), _NUMBER)),
        "duration": st.sampled_from(["PT1H", "P1Y", "P99999999999999999999D", "PT0.000001S", "P1W"]),
        "extensions": st.dictionaries(
            st.sampled_from([f"{VIDEO}extensions/played-segments", f"{VIDEO}extensions/length"]),
            st.text("0123456789[.,]", max_size=12) | _NUMBER | st.lists(_NUMBER, max_size=2),
        ),
    },
)
_DEFINITION = st.fixed_dictionaries(
    {},
    optional={
        "name": _MAP,
        "description": _MAP,
        "type": st.sampled_from(["urn:x", "http://x.example/video", "http://x.example/"]),
        "interactionType": st.sampled_from(["choice", "numeric", "other"]),
        "correctResponsesPattern": st.lists(st.text(max_size=4), max_size=2),
        "choices": st.lists(st.fixed_dictionaries({"id": st.text(max_size=2)}), max_size=2),
    },
)
_IRIS = ["urn:x:1", "http://x.example/", "https://lms.example/q/1", "tag:#/", "x:é"]


@settings(max_examples=80, deadline=None)
@given(
    verb=st.sampled_from(["urn:x:answered", "http://x.example/", "http://x.example/paused", "urn:x"]),
    result=_RESULT,
    definition=_DEFINITION,
    iri=st.sampled_from(_IRIS),
    context=st.dictionaries(
        st.sampled_from(["parent", "grouping"]), st.lists(st.sampled_from(_IRIS), max_size=2), max_size=2
    ),
    time=st.sampled_from(
        ["2024-03-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "20240301"]
    ),
    own=st.booleans(),
)
def test_whatever_a_statement_holds_is_accounted_for(
    verb: str, result: Any, definition: Any, iri: str, context: Any, time: str, own: bool
) -> None:
    around = {name: [{"id": each} for each in found] for name, found in context.items()}
    record = said(verb, result=result, object={"id": iri, "definition": definition}, timestamp=time)
    if around:
        record["context"] = {"contextActivities": around}
    if not own:
        del record["id"]
    frame = pd.DataFrame({"record": [json.dumps(record)], "number": [""], "line": [1]})
    frame = frame.astype({"record": "str", "number": "str"})
    frame["damage"] = frame["raw"] = pd.Series([None], dtype="str")
    made = clean(RawChunk("xapi", "f", "statements", frame, True, 1), Context(pseudonymise, NOW))
    assert made.accounting.balanced
    assert len(made.rejected) == made.accounting.read - made.accounting.kept
    assert made.frames["items"].empty == made.frames["interactions"].empty
    assert set(made.frames["items"]["item_id"]) >= set(made.frames["interactions"]["item_id"])


def test_a_file_of_no_statements_is_nothing(tmp_path: Path) -> None:
    result = cleaned(tmp_path, text="[]")
    assert result.accounting == Accounting()
    assert {table: len(frame) for table, frame in result.frames.items()} == {
        "items": 0,
        "learners": 0,
        "interactions": 0,
    }


def test_the_real_statements_of_a_course_are_kept_but_for_repeats(shared_data: Path) -> None:
    path = shared_data / "xapi" / "ralph_fun_mooc_video_22000.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no real data at {path}")
    assert read_xapi.inspect(path)[0].lines == 22_000
    context, account = Context(pseudonymise, NOW, voided=read_xapi.voided(path)), Accounting()
    parts: dict[str, list[pd.DataFrame]] = {}
    for chunk in read_xapi.read(path):
        result = clean(chunk, context)
        account.add(result.accounting)
        for table, frame in result.frames.items():
            parts.setdefault(table, []).append(frame)
    assert account == Accounting(read=22_000, kept=21_958, rejected={"repeat within 2 s": 42})
    frames = {table: pd.concat(found, ignore_index=True) for table, found in parts.items()}
    events, items = frames["interactions"], frames["items"].set_index("item_id")
    assert events["verb"].value_counts().to_dict() == {"experienced": 21_322, "completed": 636}
    assert events["duration_s"].notna().sum() == 6_480  # every pause
    assert items["kind"].value_counts().to_dict() == {"video": 10, "course": 2}
    videos = items[items["kind"] == "video"]
    assert set(videos["parent_id"]) == set(items.index[items["kind"] == "course"])
    assert set(events["item_id"]) == set(videos.index)
    longest = events["item_id"].map(videos["duration_s"])
    assert (events["duration_s"] <= longest + 1).fillna(True).all()  # no pause after more than the film
