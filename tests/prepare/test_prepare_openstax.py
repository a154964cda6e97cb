"""Small books of our own: what becomes of a module, its exercises and its terms."""

from typing import Any

import pandas as pd
import pytest

from learnloop.prepare import openstax
from learnloop.schemas import Cleaned, RawChunk

NAMES = 'xmlns="http://cnx.rice.edu/cnxml" xmlns:md="http://cnx.rice.edu/mdml"'
COLLECTION = """<collection xmlns="http://cnx.rice.edu/collxml" xmlns:md="http://cnx.rice.edu/mdml"><metadata>
<md:title>{title}</md:title><md:slug>{slug}</md:slug><md:language>{language}</md:language>
<md:license url="https://creativecommons.org/licenses/by/4.0/">CC BY</md:license></metadata><content>
<module document="m0"/><subcollection><md:title>Part one</md:title><content><module document="m1"/>
<subcollection><md:title>Inside</md:title><content><module document="m2"/></content></subcollection></content>
</subcollection></content></collection>"""


def chunk(kind: str, records: list[str | None]) -> RawChunk:
    frame = pd.DataFrame({"record": pd.Series(records, dtype="str"), "line": 1})
    frame["member"] = [f"{kind}/m{n}/index.cnxml" for n in range(len(records))]
    damaged = frame["record"].isna()
    frame["damage"] = pd.Series(["NUL byte" if here else None for here in damaged], dtype="str")
    frame["raw"] = pd.Series(["…" if here else None for here in damaged], dtype="str")
    return RawChunk("openstax", kind, kind, frame, True, 1)


def module(
    body: str, *, key: str = "m1", title: str = "Senses", abstract: str = "", glossary: str = ""
) -> str:
    return (
        f"<document {NAMES}><title>{title}</title><metadata><md:content-id>{key}</md:content-id>"
        f"<md:abstract>{abstract}</md:abstract></metadata><content>{body}</content>{glossary}</document>"
    )


def book(*modules: str | None, collections: int = 1) -> tuple[Cleaned, Cleaned]:
    context = openstax.Context()
    books = [
        COLLECTION.format(title=f"Book {n}", slug=f"book-{n}", language="en-US") for n in range(collections)
    ]
    first = openstax.clean(chunk("collections", list(books)), context)
    return first, openstax.clean(chunk("modules", list(modules)), context)


def only(cleaned: Cleaned, kind: str) -> dict[str, Any]:
    items = cleaned.frames["items"]
    (found,) = items[items["kind"] == kind].to_dict("records")
    return found


def exercise(problem: str, solution: str = "", key: str = "e1") -> str:
    solved = f"<solution><para>{solution}</para></solution>" if solution else ""
    return f'<exercise id="{key}"><problem>{problem}</problem>{solved}</exercise>'


CHOICE = (
    '<para>Which?</para><list list-type="enumerated" number-style="lower-alpha"><item>sight</item>'
    "<item>night</item></list>"
)


def test_a_book_is_a_course_and_its_modules_are_lessons_in_order() -> None:
    first, second = book(
        module("<para>Text.</para>", key="m2", abstract="<para>By</para><list><item>Tell</item></list>")
    )
    course = only(first, "course")
    assert (course["item_id"], course["language"]) == ("openstax:book-0", "en")
    assert course["licence"] == "https://creativecommons.org/licenses/by/4.0/"
    lesson = only(second, "lesson")
    assert (lesson["item_id"], lesson["parent_id"], lesson["position"]) == (
        "openstax:m2",
        "openstax:book-0",
        3,
    )
    assert (lesson["text"], lesson["abstract"]) == ("Text.", "By\n\n- Tell")
    own = lesson["attributes"]
    assert (own["chapter"], own["chapter_title"], own["objectives"]) == (1, "Part one", ["Tell"])
    assert lesson["licence"] == course["licence"]
    assert "prerequisites" not in second.frames  # the order of a book is none


def test_a_module_of_two_books_belongs_to_the_first_and_names_the_other() -> None:
    _, second = book(module("<para>Text.</para>"), collections=2)
    lesson = only(second, "lesson")
    assert (lesson["parent_id"], lesson["attributes"]["also_in"]) == ("openstax:book-0", ["openstax:book-1"])


def test_a_module_of_no_book_is_kept_and_counted() -> None:
    _, second = book(*(module("<para>Text.</para>", key=key) for key in ("m0", "m1", "m2", "m9")))
    parents = second.frames["items"].set_index("item_id")["parent_id"]
    assert parents.isna().to_dict() == {f"openstax:m{n}": n == 9 for n in (0, 1, 2, 9)}
    assert second.accounting.repaired == {"module that is in no collection": 1}


def test_an_exercise_whose_solution_names_an_option_is_a_question() -> None:
    section = f'<section class="review-questions"><title>Review</title>{exercise(CHOICE, "B.")}</section>'
    _, second = book(module(f"<para>Text.</para>{section}"))
    item = only(second, "exercise")
    assert (item["item_id"], item["parent_id"], item["title"]) == ("openstax:m1/e1", "openstax:m1", "Which?")
    assert (item["text"], item["answer"]) == ("Which?\n\na. sight\nb. night", "night")
    assert item["attributes"]["options"] == ["sight", "night"]
    assert item["attributes"]["section"] == "review-questions"
    (question,) = second.frames["questions"].to_dict("records")
    assert (question["stem"], question["key"], question["options"]) == ("Which?", "night", ["sight", "night"])
    assert only(second, "lesson")["text"] == "Text."  # exercises are items, not reading


@pytest.mark.parametrize(
    ("problem", "solution", "answer", "refused"),
    [
        (CHOICE, "c", "c", {"solution names none of the options": 1}),
        (CHOICE.replace("night", "sight"), "a", "sight", {"options that are alike": 1}),
        (CHOICE.replace("<para>Which?</para>", ""), "a", "sight", {"no stem": 1}),
        (CHOICE, "a. it is seen b. it is not", "a. it is seen b. it is not", {}),
        ("<para>Which?</para>", "b", "b", {}),
        (CHOICE.replace("enumerated", "bulleted"), "b", "b", {}),
    ],
)
def test_exercises_that_are_no_choice(
    problem: str, solution: str, answer: str, refused: dict[str, int]
) -> None:
    _, second = book(module(exercise(problem, solution)))
    assert second.frames["questions"].empty
    assert only(second, "exercise")["answer"] == answer
    assert second.by_kind["multiple_choice"].rejected == refused


def test_solutions_that_are_held_back_or_missing_are_counted() -> None:
    comment = "<!-- <solution>Because</solution> --></exercise>"
    hidden = exercise("<para>Why?</para>", key="e2").replace("</exercise>", comment)
    twice = exercise("<para>Who?</para>", "Ana", "e3").replace(
        "</exercise>", "<solution>Ben</solution></exercise>"
    )
    _, second = book(module(exercise("<para>How?</para>") + hidden + twice))
    items = second.frames["items"].set_index("item_id")
    assert items.loc["openstax:m1/e3", "answer"] == "Ana\n\nBen"
    assert items.loc[["openstax:m1/e1", "openstax:m1/e2"], "answer"].isna().all()
    assert second.by_kind["exercises"].repaired == {openstax.NO_ANSWER: 1, openstax.HELD_BACK: 1}


def test_what_a_section_says_before_its_exercises_goes_with_them() -> None:
    body = "<para>Use the table.</para><table><row><entry>1</entry></row></table>" + exercise(
        "<para>A?</para>"
    )
    body += (
        exercise("<para>B?</para>", key="e2")
        + "<para>Now this.</para>"
        + exercise("<para>C?</para>", key="e3")
    )
    _, second = book(module(f'<section class="practice">{body}</section>'))
    items = second.frames["items"].set_index("item_id")["attributes"]
    given = [items[f"openstax:m1/e{n}"]["given"] for n in (1, 2, 3)]
    assert given == ["Use the table.\n\n1", "Use the table.\n\n1", "Now this."]


def test_the_terms_of_the_glossary_are_concepts_or_else_those_in_print() -> None:
    printed = '<para><term>Sight</term> and <term class="no-emphasis">Ana</term></para>'
    glossary = (
        "<glossary><definition><term>smell</term><meaning>of the nose</meaning></definition></glossary>"
    )
    _, second = book(
        module(printed + exercise("<para>A?</para>"), glossary=glossary), module(printed, key="m2")
    )
    assert second.frames["concepts"][["concept_id", "title"]].to_numpy().tolist() == [
        ["openstax:m1", "Senses"],
        ["openstax:en/smell", "smell"],
        ["openstax:en/sight", "Sight"],
    ]
    links = set(second.frames["item_concepts"].itertuples(index=False, name=None))
    assert links == {
        ("openstax:m1", "openstax:m1"),
        ("openstax:m1", "openstax:en/smell"),
        ("openstax:m1/e1", "openstax:m1"),
        ("openstax:m2", "openstax:en/sight"),
    }
    lessons = second.frames["items"].set_index("item_id")["attributes"]
    assert lessons["openstax:m1"]["glossary"] == [{"term": "smell", "meaning": "of the nose"}]


def test_every_refusal_has_its_file_line_and_reason() -> None:
    empty = f"<document {NAMES}><title>T</title></document>"
    _, second = book(module(exercise("")), module("<para>a</para>"), "<document>\n<para>", None, empty)
    assert second.rejected[["file", "line", "reason"]].to_numpy().tolist() == [
        ["modules/m0/index.cnxml", 1, "exercise without a problem"],
        ["modules/m1/index.cnxml", 1, "duplicate module"],
        ["modules/m2/index.cnxml", 2, "not well-formed XML: Premature end of data in tag para line 2"],
        ["modules/m3/index.cnxml", 1, "NUL byte"],
        ["modules/m4/index.cnxml", 1, "a module needs a title and a content"],
    ]
    assert (second.accounting.read, second.accounting.kept) == (5, 1)
    assert all(account.balanced for account in second.by_kind.values())


def test_exercises_without_an_id_of_their_own_are_numbered() -> None:
    body = exercise("<para>A?</para>") + exercise("<para>B?</para>") + exercise("<para>C?</para>", key=" x y")
    _, second = book(module(body))
    items = second.frames["items"]
    assert items.loc[items["kind"] == "exercise", "item_id"].str.split("/").str[1].tolist() == [
        "e1",
        "exercise-2",
        "exercise-3",
    ]
    assert second.by_kind["exercises"].repaired["exercise without an id of its own numbered"] == 2


def test_a_long_exercise_has_a_short_title() -> None:
    _, second = book(module(exercise(f"<para>{'word ' * 60}</para>")))
    title = only(second, "exercise")["title"]
    assert len(title) <= openstax.TITLE_LETTERS
    assert title.endswith("word…")
