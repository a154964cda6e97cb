import copy
import doctest
import json
import random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop import schemas
from learnloop.prepare import addresses, page_concepts
from learnloop.prepare.page_concepts import prerequisites_of
from learnloop.prepare.pages import pages_to_frames

SITE = "http://example.org"
ENGLISH = (
    "The {0} is the middle value of a sorted list of {1}. When the list has an even number of values it lies "
    "halfway between the two in the middle. It hardly moves when one value is very large, which is why "
    "incomes are often described by the {0} and not by the sum of all {1}."
)
SPANISH = (
    "La célula es la unidad más pequeña de la vida. Cada célula está rodeada por una membrana que decide qué "
    "entra y qué sale. Las plantas tienen además una pared que les da su forma y su firmeza durante años. "
)


def text_of(n: int) -> str:
    """About 120 English words, other ones for each n."""
    return " ".join(ENGLISH.format(f"term{n}{part}", f"things{n}{part}") for part in "abc").strip()


def lesson(path: str, n: int, **fields: Any) -> dict[str, Any]:
    return {
        "url": f"{SITE}/courses/stats/{path}.html",
        "kind": "lesson",
        "title": f"Lesson {n}",
        "text": text_of(n),
        "language": "en-GB",
        "parent_urls": ["/courses/stats/index.html"],
        "teaches": [{"code": f"concept-{n}", "name": f"Concept {n}"}],
        "found": ["json-ld", "article"],
        **fields,
    }


def course(**fields: Any) -> dict[str, Any]:
    return {
        "url": f"{SITE}/courses/stats/index.html",
        "kind": "course",
        "title": "Statistics",
        "description": "First steps in statistics.",
        "subject": "Statistics",
        "language": "en",
        "text": "Lesson 1 Lesson 2",
        "found": ["json-ld"],
        **fields,
    }


def question(text: str = "What is 3 + 4?", answer: str = "7", *options: str) -> dict[str, Any]:
    return {"text": text, "answer": answer, "options": list(options)}


def prepared(*records: dict[str, Any]) -> schemas.Cleaned:
    cleaned = pages_to_frames(list(records), "demo")
    account = cleaned.accounting
    assert account.balanced
    assert account.read == sum(1 + len(record.get("questions", [])) for record in records)
    assert account.kept == len(cleaned.frames["items"])
    assert len(cleaned.rejected) == sum(account.rejected.values())
    assert cleaned.rejected["reason"].value_counts().to_dict() == account.rejected
    return cleaned


def item(cleaned: schemas.Cleaned, item_id: str) -> dict[str, Any]:
    rows = cleaned.frames["items"].set_index("item_id")
    return dict(rows.loc[item_id])


@pytest.mark.parametrize("module", [addresses, page_concepts])
def test_the_examples_hold(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted >= 1
    assert result.failed == 0


def test_a_course_a_lesson_and_its_exercises() -> None:
    cleaned = prepared(
        course(),
        lesson(
            "mean",
            1,
            title="Mean &amp; <b>Median</b>",
            abstract="Two\u00a0kinds of   middle.",
            duration="PT12M",
            level="Beginner",
            licence="https://creativecommons.org/licenses/by/4.0/",
            position="2",
            modified="2024-03-03",
            requires=[{"code": "table", "name": "Reading a table"}],
            questions=[
                question("What is the median of 3, 9, 4?", "4", "9", "3"),
                question("Which is in the list?", "9", "9", "9", "3"),
                question("Name it.", "median"),
            ],
        ),
    )
    found = item(cleaned, "demo:courses/stats/mean")
    expected = {
        "source": "demo",
        "kind": "lesson",
        "parent_id": "demo:courses/stats",
        "position": 2,
        "title": "Mean & Median",
        "text": text_of(1),
        "abstract": "Two kinds of middle.",
        "language": "en",
        "subject": "statistics",
        "level": "beginner",
        "duration_s": 720.0,
        "licence": "https://creativecommons.org/licenses/by/4.0/",
        "url": f"{SITE}/courses/stats/mean.html",
        "attributes": {"modified_at": "2024-03-03T00:00:00+00:00", "imputed": ["subject"]},
    }
    assert {name: found[name] for name in expected} == expected
    assert pd.isna(found["answer"])
    top = item(cleaned, "demo:courses/stats")
    assert (top["kind"], top["text"]) == ("course", "First steps in statistics.")
    assert pd.isna(top["parent_id"])
    assert pd.isna(top["abstract"])
    first = item(cleaned, "demo:courses/stats/mean#q1")
    assert (first["kind"], first["parent_id"], first["position"]) == (
        "exercise",
        "demo:courses/stats/mean",
        1,
    )
    assert (first["answer"], first["attributes"]) == ("4", {"options": ["3", "4", "9"]})
    assert (first["language"], first["subject"], first["url"]) == ("en", "statistics", found["url"])
    # the key among the options already: their order stays, copies go
    assert item(cleaned, "demo:courses/stats/mean#q2")["attributes"] == {"options": ["9", "3"]}
    assert item(cleaned, "demo:courses/stats/mean#q3")["attributes"] == {}
    assert cleaned.frames["concepts"].to_dict("records") == [
        {"concept_id": "demo:concept-1", "title": "Concept 1", "language": "en"},
        {"concept_id": "demo:table", "title": "Reading a table", "language": "en"},
    ]
    assert len(cleaned.frames["item_concepts"]) == 4  # the lesson and its three exercises
    assert set(cleaned.frames["item_concepts"]["concept_id"]) == {"demo:concept-1"}
    assert cleaned.frames["prerequisites"].to_dict("records") == [
        {"concept_id": "demo:concept-1", "requires_id": "demo:table", "origin": "authored", "confidence": 1.0}
    ]


def test_missing_stays_missing() -> None:
    bare = lesson("bare", 1, parent_urls=[], language="")
    del bare["teaches"]
    cleaned = prepared(bare, lesson("vague", 2, duration="a while", position="third"))
    found = item(cleaned, "demo:courses/stats/bare")
    for name in ("parent_id", "position", "abstract", "subject", "level", "duration_s", "licence", "answer"):
        assert pd.isna(found[name]), name
    assert found["language"] == "en"  # found from the text
    vague = item(cleaned, "demo:courses/stats/vague")
    assert pd.isna(vague["duration_s"])
    assert pd.isna(vague["position"])
    assert cleaned.accounting.repaired == {
        "course unknown: NA": 1,
        "duration unreadable: NA": 1,
        "language detected": 1,
        "position unreadable: NA": 1,
    }


def test_languages_detected_and_declared_wrongly() -> None:
    cleaned = prepared(
        lesson("none", 1, text=SPANISH, language=""),
        lesson("wrong", 2, text=SPANISH.replace("célula", "hoja") * 2, language="en"),
    )
    assert cleaned.frames["items"]["language"].tolist() == ["es", "es"]
    assert cleaned.accounting.repaired["language declared wrongly"] == 1


def test_mojibake_and_entities_in_the_text_are_mended() -> None:
    broken = SPANISH.encode().decode("cp1252", errors="replace")
    escaped = SPANISH.replace("célula", "hoja").replace("á", "&aacute;").replace("é", "&amp;eacute;")
    cleaned = prepared(
        lesson("a", 1, text=broken, language="es"), lesson("b", 2, text=escaped, language="es")
    )
    texts = cleaned.frames["items"]["text"].tolist()
    assert texts == [SPANISH.strip(), SPANISH.replace("célula", "hoja").strip()]
    assert cleaned.accounting.repaired["fix_mojibake"] == 1
    assert cleaned.accounting.repaired["unescape_entities"] == 1


def test_what_is_no_lesson_is_refused_with_its_reason() -> None:
    def other(name: str, **fields: Any) -> dict[str, Any]:
        return {"url": f"{SITE}/{name}", "kind": "page", "text": "", "found": [], **fields}

    records = [
        other("gone", kind="broken", problem="the server answered 404"),
        other("cut", broken_json_ld="1"),
        other("", text="Course one. Course two.", link_share="0.93"),
        other("all", text=text_of(1), types=["CollectionPage"]),
        other("about", text="A small site of short courses.", link_share="0.0"),
        other("empty", kind="lesson"),
        other("post", text=text_of(2), link_share="0.05", title="A post", broken_json_ld="1"),
    ]
    cleaned = prepared(*records)
    assert cleaned.accounting.rejected == {
        "the server answered 404": 1,
        "broken page: neither its JSON-LD nor any text can be read": 1,
        "no lesson: a page of links": 2,
        "no lesson: fewer than 80 words": 1,
        "lesson without text": 1,
    }
    assert cleaned.frames["items"]["item_id"].tolist() == ["demo:post"]
    assert cleaned.accounting.repaired == {"broken JSON-LD: read from the page": 1, "language detected": 1}
    by_url = dict(zip(cleaned.rejected["file"], cleaned.rejected["record"], strict=True))
    assert json.loads(by_url[f"{SITE}/gone"]) == records[0]


def test_questions_that_cannot_be_asked_are_refused_one_by_one() -> None:
    cleaned = prepared(
        course(questions=[question()]),
        lesson("mean", 1, questions=[question(""), question("Why?", " "), question(), question()]),
    )
    assert cleaned.accounting.rejected == {
        "question outside a lesson": 1,
        "question without text": 1,
        "question without answer": 1,
        "duplicate": 1,  # asked twice on one page
    }
    # numbers are those on the page, whatever was refused
    assert cleaned.frames["items"]["item_id"].tolist()[2:] == ["demo:courses/stats/mean#q3"]
    assert sorted(cleaned.rejected["line"]) == [1, 1, 2, 4]


def test_copies_are_merged_and_stay_in_the_account() -> None:
    questions = [question("What is 3 + 4?"), question("What is 3 - 4?", "-1")]
    original = lesson("mean", 1, questions=questions)
    cleaned = prepared(
        course(part_urls=["mean.html", "mode.html"]),
        course(part_urls=["mean.html", "mode.html"], url=f"{SITE}/courses/stats/"),
        original,
        original | {"url": f"{SITE}/a-copy.html", "parent_urls": ["/courses/stats/"]},
        original | {"url": f"{SITE}/courses/stats/mean.html?print=1", "text": text_of(1) + "\n\nPrinted."},
        lesson("mode", 2, questions=questions[:1]),
    )
    items = cleaned.frames["items"]
    assert items["item_id"].tolist() == [
        "demo:courses/stats",
        "demo:courses/stats/mean",
        "demo:courses/stats/mode",
        "demo:courses/stats/mean#q1",
        "demo:courses/stats/mean#q2",
        "demo:courses/stats/mode#q1",  # the same words, but another lesson's
    ]
    assert cleaned.accounting.rejected == {"duplicate": 1 + 2 * 3}
    assert item(cleaned, "demo:courses/stats/mean")["attributes"]["also_at"] == [
        f"{SITE}/a-copy.html",
        f"{SITE}/courses/stats/mean.html?print=1",
    ]
    assert item(cleaned, "demo:courses/stats")["attributes"]["also_at"] == [
        f"{SITE}/courses/stats/index.html"
    ]
    assert len(cleaned.frames["item_concepts"]) == 5
    records = [json.loads(record) for record in cleaned.rejected["record"]]
    assert [r["duplicate_of"] for r in records if "duplicate_of" in r] == ["demo:courses/stats/mean"] * 2


def test_two_pages_that_claim_one_item_id() -> None:
    cleaned = prepared(lesson("mean", 1), lesson("mean", 2) | {"url": f"{SITE}/courses/stats/mean.php"})
    assert cleaned.accounting.rejected == {"another page has this item_id": 1}


def test_how_a_lesson_finds_its_course() -> None:
    listing = course(part_urls=[f"{SITE}/elsewhere/listed.html", "inside.html"])
    cleaned = prepared(
        listing,
        lesson("x", 1) | {"url": f"{SITE}/elsewhere/listed.html", "parent_urls": []},
        lesson("inside", 2, parent_urls=["/courses/gone/"], position="7"),
        lesson("deep/er", 3, parent_urls=[]),
        lesson("x", 4) | {"url": f"{SITE}/lost.html", "parent_urls": ["/courses/gone/"]},
    )
    items = cleaned.frames["items"].set_index("item_id")
    assert items["parent_id"].fillna("").to_dict() == {
        "demo:courses/stats": "",
        "demo:courses/stats/deep/er": "demo:courses/stats",
        "demo:courses/stats/inside": "demo:courses/stats",
        "demo:elsewhere/listed": "demo:courses/stats",
        "demo:lost": "",
    }
    assert items["position"].to_dict()["demo:elsewhere/listed"] == 1
    assert items["position"].to_dict()["demo:courses/stats/inside"] == 7
    assert cleaned.accounting.repaired == {
        "course from its list of lessons": 2,
        "course from the address": 1,
        "course unknown: NA": 1,
        "position from the course's list": 1,
        "subject from the course": 3,
    }


def test_a_slogan_is_no_abstract() -> None:
    slogan = "Learn everything with us."
    cleaned = prepared(
        *(lesson(f"l{n}", n, description=slogan) for n in range(3)),
        lesson("l3", 3, description="About its own matter."),
    )
    assert cleaned.frames["items"]["abstract"].fillna("").tolist() == ["", "", "", "About its own matter."]
    assert cleaned.accounting.repaired["slogan is no abstract: NA"] == 3


def test_concepts_named_by_who_teaches_them() -> None:
    cleaned = prepared(
        lesson(
            "a",
            1,
            requires=[{"code": "concept-2", "name": "the second, loosely"}, {"code": "", "name": "Médian!"}],
        ),
        lesson("b", 2, requires=[{"code": "unnamed", "name": ""}, {"code": "", "name": " "}]),
    )
    assert dict(
        zip(cleaned.frames["concepts"]["concept_id"], cleaned.frames["concepts"]["title"], strict=True)
    ) == {
        "demo:concept-1": "Concept 1",
        "demo:concept-2": "Concept 2",
        "demo:median": "Médian!",
        "demo:unnamed": "unnamed",
    }


def test_circles_of_prerequisites_are_opened() -> None:
    pairs = [("s:a", "s:b"), ("s:b", "s:c"), ("s:c", "s:a"), ("s:d", "s:d"), ("s:d", "s:a")]
    frame, repairs = prerequisites_of(pairs)
    assert set(zip(frame["concept_id"], frame["requires_id"], strict=True)) == {
        ("s:a", "s:b"),
        ("s:b", "s:c"),
        ("s:d", "s:a"),
    }
    assert repairs == {"prerequisite in a circle dropped": 2}


def test_nothing_in_nothing_out() -> None:
    cleaned = prepared()
    assert cleaned.accounting == schemas.Accounting()
    assert all(frame.empty for frame in cleaned.frames.values())


FIELDS = {
    "title": st.text(max_size=20),
    "text": st.text(max_size=200) | st.integers(0, 3).map(text_of),
    "language": st.sampled_from(["", "en", "de-AT", "x", "Spanish"]),
    "duration": st.sampled_from(["PT5M", "5", "", "1 h"]),
    "kind": st.sampled_from(["course", "lesson", "page", "broken"]),
    "url": st.sampled_from(
        [f"{SITE}/{path}" for path in ("", "a", "a/", "a/b", "a/b.html", "a/b?c=d", "%00%20ü")]
    ),
    "parent_urls": st.lists(st.sampled_from(["/a", "b", "", "http://[bad", "?"]), max_size=2),
    "part_urls": st.lists(st.sampled_from(["/a", "b", "a/b.html"]), max_size=2),
    "teaches": st.lists(
        st.fixed_dictionaries({"code": st.sampled_from(["", "k", "k l"]), "name": st.text(max_size=5)})
    ),
    "requires": st.lists(
        st.fixed_dictionaries({"code": st.sampled_from(["", "k", "m"]), "name": st.text(max_size=5)})
    ),
    "questions": st.lists(
        st.fixed_dictionaries(
            {
                "text": st.text(max_size=9),
                "answer": st.text(max_size=3),
                "options": st.lists(st.text(max_size=3)),
            }
        ),
        max_size=3,
    ),
}
OPTIONAL = {name: values for name, values in FIELDS.items() if name not in ("url", "kind")}


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.fixed_dictionaries({"url": FIELDS["url"], "kind": FIELDS["kind"]}, optional=OPTIONAL), max_size=6
    )
)
def test_any_records_balance_and_keep_their_contracts(records: list[dict[str, Any]]) -> None:
    before = copy.deepcopy(records)
    cleaned = prepared(*records)
    assert records == before
    items = cleaned.frames["items"]
    assert set(items["parent_id"].dropna()) <= set(items["item_id"])
    assert set(cleaned.frames["item_concepts"]["item_id"]) <= set(items["item_id"])
    concepts = set(cleaned.frames["concepts"]["concept_id"])
    assert set(cleaned.frames["item_concepts"]["concept_id"]) <= concepts
    assert set(cleaned.frames["prerequisites"]["requires_id"]) <= concepts
    shuffled = random.Random(0).sample(records, len(records))
    again = pages_to_frames(shuffled, "demo")
    for name, frame in cleaned.frames.items():
        pd.testing.assert_frame_equal(again.frames[name], frame)
