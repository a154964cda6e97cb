"""What OATutor's problems, steps and hints become."""

import hashlib
import json
from typing import Any

import pandas as pd
import pytest

from learnloop.prepare import oatutor
from learnloop.schemas import Cleaned, RawChunk

BY = "https://creativecommons.org/licenses/by/4.0/"
PROBLEM = {
    "id": "pears12",
    "title": "Pears",
    "body": "A bowl holds five pears.\\nNobody eats: $$x \\neq 5$$.",
    "variabilization": {},
    "oer": "https://example.org <Example>",
    "license": f"{BY} <CC BY 4.0>",
    "lesson": "1.1 Counting",
    "lessonId": "L2",
    "courseName": "Sums",
}
STEP = {
    "id": "pears12b",
    "stepAnswer": ["5"],
    "problemType": "MultipleChoice",
    "stepTitle": "How many pears?",
    "stepBody": "",
    "answerType": "string",
    "variabilization": {},
    "choices": ["4", "5", "6"],
}
HINTS = [
    {"id": "h1", "type": "hint", "title": "Count", "text": "", "dependencies": []},
    {
        "id": "h2",
        "type": "scaffold",
        "title": "",
        "text": "And one?",
        "hintAnswer": ["1"],
        "dependencies": [],
    },
]


def chunk(kind: str, frame: pd.DataFrame) -> RawChunk:
    frame = frame.assign(damage=pd.Series(pd.NA, index=frame.index, dtype="str"))
    return RawChunk("oatutor", kind, kind, frame.assign(raw=frame["damage"]), True, 0)


def content(members: dict[str, Any]) -> RawChunk:
    texts = [member if isinstance(member, str) else json.dumps(member) for member in members.values()]
    return chunk("content", pd.DataFrame({"member": list(members), "record": texts, "line": 1}, dtype=object))


def members(
    problem: dict[str, Any] | None = None, step: dict[str, Any] | None = None, hints: Any = None
) -> dict[str, Any]:
    return {
        "pears12/steps/pears12b/tutoring/pears12bDefaultPathway.json": HINTS if hints is None else hints,
        "pears12/steps/pears12b/pears12b.json": {**STEP, **(step or {})},
        "pears12/pears12.json": {**PROBLEM, **(problem or {})},
    }


@pytest.fixture
def context() -> oatutor.Context:
    context = oatutor.Context()
    lessons = [{"id": "L1", "learningObjectives": {"räkna": 0.85}}, {"id": "L2", "learningObjectives": {}}]
    plans = [
        {"courseName": "Sums", "language": "en", "courseLicense": f"{BY} <CC BY>", "lessons": lessons[1:]},
        {"courseName": "Tal", "language": "se", "courseLicense": 0.0, "lessons": lessons[:1]},
    ]
    frame = pd.DataFrame({"record": [json.dumps(plan) for plan in plans], "line": [1, 2]})
    cleaned = oatutor.clean(chunk("courses", frame), context)
    assert cleaned.frames["items"].set_index("item_id")["language"].to_dict() == {
        "oatutor:course/sums": "en",
        "oatutor:course/tal": "sv",
    }
    assert cleaned.accounting.repaired == {"language se, a country, read as sv": 1}
    skills = pd.DataFrame(
        {
            "step_id": ["pears12b", "tal1a"],
            "record": ['["add_up", "", "add_up"]', '["räkna"]'],
            "line": [1, 2],
        }
    )
    cleaned = oatutor.clean(chunk("skills", skills), context)
    assert cleaned.frames["concepts"].values.tolist() == [
        ["oatutor:add_up", "add up", "en"],
        ["oatutor:räkna", "räkna", "sv"],
    ]
    assert cleaned.accounting.repaired == {"empty or repeated skill dropped": 1}
    return context


def clean(context: oatutor.Context, *args: Any, **kwargs: Any) -> Cleaned:
    cleaned = oatutor.clean(content(members(*args, **kwargs)), context)
    assert cleaned.accounting.balanced
    assert all(account.balanced for account in cleaned.by_kind.values())
    return cleaned


def test_a_problem_is_an_exercise_in_its_lesson_and_its_step_a_question(context: oatutor.Context) -> None:
    cleaned = clean(context)
    items = cleaned.frames["items"].set_index("item_id")
    assert items["kind"].to_dict() == {
        "oatutor:lesson/sums/1.1-counting": "lesson",
        "oatutor:problem/pears12": "exercise",
        "oatutor:pears12b": "question",
    }
    assert items["parent_id"].tolist() == [
        "oatutor:course/sums",
        "oatutor:lesson/sums/1.1-counting",
        "oatutor:problem/pears12",
    ]
    assert items["position"].tolist() == [1, 12, 2]
    assert set(items["licence"]) == {BY}
    problem, step = items.loc["oatutor:problem/pears12"], items.loc["oatutor:pears12b"]
    assert problem["text"] == "A bowl holds five pears.\nNobody eats: $$x \\neq 5$$."
    assert problem["attributes"]["attribution"] == "https://example.org <Example>"
    assert (step["title"], step["text"], step["answer"]) == ("How many pears?", "", "5")
    assert step["attributes"]["options"] == ["4", "5", "6"]
    assert step["attributes"]["hints"] == [
        {"title": "Count", "text": "", "type": "hint"},
        {"title": "", "text": "And one?", "type": "scaffold", "answer": ["1"]},
    ]
    assert cleaned.frames["item_concepts"].values.tolist() == [["oatutor:pears12b", "oatutor:add_up"]]
    kept = {kind: account.kept for kind, account in cleaned.by_kind.items()}
    assert kept == {"problems": 1, "steps": 1, "hints": 2, "multiple_choice": 1}
    assert cleaned.accounting.read == 4


def test_a_multiple_choice_step_is_a_question_to_ask(context: oatutor.Context) -> None:
    question = (
        clean(context, step={"choices": ["4", "5", "5", "6"], "stepBody": "Look again."})
        .frames["questions"]
        .iloc[0]
    )
    assert question["item_id"] == "oatutor:pears12b"
    assert question["stem"].split("\n\n")[1:] == ["How many pears?", "Look again."]
    assert question["stem"].startswith("A bowl holds")
    assert (question["key"], question["options"]) == ("5", ["4", "5", "6"])
    assert question["source_sha256"] == hashlib.sha256(b"Look again.").hexdigest()
    assert question["provenance"] == {"source": "oatutor", "licence": BY, "attribution": PROBLEM["oer"]}
    assert (question["origin"], question["language"]) == ("authored", "en")


@pytest.mark.parametrize(
    ("problem", "step", "reason"),
    [
        ({}, {"choices": ["5"]}, "fewer than two choices"),
        ({}, {"choices": ["5", "5"]}, "fewer than two choices"),
        ({}, {"choices": ["4", " 5"]}, "key is not one of the choices"),
        ({"body": ""}, {"stepTitle": ""}, "no stem"),
        ({"body": "See ##figure1.gif"}, {}, "needs a picture that the pool has not"),
        ({}, {"choices": ["5", "##figure2.png"]}, "needs a picture that the pool has not"),
        ({"variabilization": {"x": ["1"]}}, {}, "has variables to fill in"),
    ],
)
def test_a_step_that_cannot_be_asked_stays_an_item_and_is_counted(
    context: oatutor.Context, problem: dict[str, Any], step: dict[str, Any], reason: str
) -> None:
    cleaned = clean(context, problem=problem, step=step)
    assert cleaned.by_kind["multiple_choice"].rejected == {reason: 1}
    assert cleaned.frames["questions"].empty
    assert cleaned.by_kind["steps"].kept == 1
    assert cleaned.accounting.rejected == {}


def test_a_text_box_is_no_question_to_ask(context: oatutor.Context) -> None:
    cleaned = clean(context, step={"problemType": "TextBox"})
    assert cleaned.by_kind["multiple_choice"].read == 0
    assert cleaned.frames["questions"].empty


def test_what_is_empty_is_filled_in_and_counted(context: oatutor.Context) -> None:
    cleaned = clean(context, problem={"title": " ", "license": "openstax"}, step={"stepTitle": ""})
    items = cleaned.frames["items"].set_index("item_id")
    assert items.loc["oatutor:problem/pears12", "title"] == "pears12"
    assert items.loc["oatutor:pears12b", "title"] == "pears12b"
    assert items.loc["oatutor:pears12b", "licence"] == BY
    for item_id in ("oatutor:problem/pears12", "oatutor:pears12b"):
        assert items.loc[item_id, "attributes"]["imputed"] == ["title", "licence"]
    assert cleaned.by_kind["problems"].repaired == {
        "empty title replaced by the id": 1,
        "backslash-n made a line break": 1,
        "licence taken from the course": 1,
    }


def test_no_licence_is_left_empty_and_an_unknown_course_is_counted(context: oatutor.Context) -> None:
    cleaned = clean(context, problem={"license": "", "courseName": "Elsewhere"})
    assert cleaned.frames["items"]["licence"].isna().all()
    assert set(cleaned.frames["items"]["language"]) == {"und"}
    repaired = cleaned.by_kind["problems"].repaired
    assert {"no licence stated", "course not in coursePlans.json"} <= set(repaired)


PATHS = {
    "problem": "pears12/pears12.json",
    "step": "pears12/steps/pears12b/pears12b.json",
    "hints": "pears12/steps/pears12b/tutoring/pears12bDefaultPathway.json",
    "other": "pears12/more/x.json",
}
HINTLESS = ["its step is missing or refused"] * 2
STEPLESS = ["its problem is missing or refused", *HINTLESS]
BAD_HINTS = [HINTS[0], 3, {"title": "", "text": ""}]


@pytest.mark.parametrize(
    ("name", "record", "line", "reasons"),
    [
        ("problem", '{"id":\n"pears12",\n]', 3, ["not JSON", *STEPLESS]),
        ("problem", "[]", 1, ["not a JSON object", *STEPLESS]),
        ("step", {**STEP, "stepAnswer": []}, 1, ["stepAnswer is not a list of texts", *HINTLESS]),
        ("step", {**STEP, "stepTitle": 3}, 1, ["stepTitle is not a text", *HINTLESS]),
        ("step", '{"id": "\\ud800"}', 1, ["NUL or half a character in a text", *HINTLESS]),
        ("step", '{"id": NaN}', 1, ["not JSON", *HINTLESS]),
        ("hints", BAD_HINTS, 1, ["a hint is not a JSON object", "hint without title and text"]),
        ("other", {}, 1, ["no place of a problem, step or hint"]),
    ],
)
def test_a_wrong_record_is_refused_with_what_hangs_on_it_and_nothing_else(
    context: oatutor.Context, name: str, record: Any, line: int, reasons: list[str]
) -> None:
    cleaned = oatutor.clean(content({**members(), PATHS[name]: record}), context)
    assert cleaned.accounting.balanced
    assert sorted(cleaned.rejected["reason"]) == sorted(reasons)
    wrong = cleaned.rejected[cleaned.rejected["file"] == PATHS[name]]
    assert wrong["line"].iloc[0] == line


def test_an_emoji_written_as_two_escapes_is_one_character(context: oatutor.Context) -> None:
    cleaned = clean(context, problem={"title": "Pears \U0001f350"})
    assert "Pears \U0001f350" in cleaned.frames["items"]["title"].tolist()


def test_ids_are_kept_once_and_a_lesson_is_made_once_over_chunks(context: oatutor.Context) -> None:
    clean(context)
    other = {**PROBLEM, "id": "pears12b"}  # as a step is called
    second = oatutor.clean(content({"pears12b/pears12b.json": other, **members()}), context)
    assert second.accounting.rejected == {
        "duplicate id": 1,
        "its problem is missing or refused": 1,
        "its step is missing or refused": 2,
    }
    assert second.frames["items"]["item_id"].tolist() == ["oatutor:problem/pears12b"]
