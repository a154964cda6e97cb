"""The life of a question: versions, statuses with who and why, a changed lesson, two who decide at once."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_frames import cleaned, rows

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import loading, questions, reading, tables
from learnloop.store.loading import Loaded
from learnloop.store.questions import MAY_BECOME, STATUSES, Stale, Wanted

TEXT = "A loop repeats. It ends when its condition is false."
LESSON = "demo:lesson/1"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def question(question_id: str = "demo:q1", **change: Any) -> dict[str, Any]:
    return {"question_id": question_id, "source_sha256": sha256(TEXT), **change}


def load(engine: sa.Engine, *changes: dict[str, Any]) -> Loaded:
    optional = {"answer": None, "aliases": None}
    return loading.load(engine, "questions", rows("questions", *changes).assign(**{
        name: [change.get(name, value) for change in changes] for name, value in optional.items()
    }))  # fmt: skip


def teach(engine: sa.Engine, text: str = TEXT, item_id: str = LESSON) -> None:
    loading.load(engine, "items", rows("items", {"item_id": item_id, "text": text}))


def told(engine: sa.Engine, question_id: str = "demo:q1") -> list[tuple[int, str, str, str]]:
    found = questions.history(engine, question_id)
    return [(row["version"], row["status"], row["by"], row["why"]) for row in found]


@pytest.fixture(autouse=True)
def _empty(engine: sa.Engine) -> None:
    truncate(engine)


def truncate(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE items, questions, question_versions, question_statuses")


@pytest.mark.parametrize(
    "change",
    [
        {"stem": "What does not end?"},
        {"key": "a name"},
        {"options": ["a name", "a loop"]},
        {"answer": {"value": 1.0}},
        {"aliases": ["loops"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_learner_sees_makes_a_version_and_needs_an_approval(
    engine: sa.Engine, change: dict[str, Any]
) -> None:
    load(engine, question())
    questions.set_status(engine, ["demo:q1"], "approved", by="4c1d", why="read it")
    before = questions.get(engine, "demo:q1")
    assert load(engine, question(**change)) == Loaded(updated=1)
    after = questions.get(engine, "demo:q1")
    assert (after["version"], after["status"]) == (2, "draft")
    (former,) = questions.versions(engine, "demo:q1")
    assert former["version"] == 1
    assert {name: former["content"][name] for name in change} == {name: before[name] for name in change}
    assert former["content"]["quote"] == before["quote"]
    assert told(engine) == [
        (1, "draft", "rule:loading", "new"),
        (1, "approved", "4c1d", "read it"),
        (2, "draft", "rule:loading", "wording changed"),
    ]


def test_what_no_learner_sees_makes_none(engine: sa.Engine) -> None:
    load(engine, question())
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    assert load(engine, question(provenance={"seed": 8}, quote="A loop")) == Loaded(updated=1)
    assert load(engine, question(answer={}, aliases=[])) == Loaded(updated=1), "no answer is no answer"
    found = questions.get(engine, "demo:q1")
    assert (found["version"], found["status"]) == (1, "approved")
    assert questions.versions(engine, "demo:q1") == []


def test_whose_word_a_status_is(engine: sa.Engine) -> None:
    """Authored: approved, and a new wording of an approved one too. Imported, generated: drafts each time."""
    ids = {origin: f"demo:{origin}" for origin in ("authored", "imported", "generated")}
    load(engine, *(question(name, origin=origin) for origin, name in ids.items()))
    assert questions.counted(engine) == {"draft": 2, "approved": 1, "suspended": 0, "retired": 0}
    questions.set_status(engine, list(ids.values()), "approved", by="cli")
    load(engine, *(question(name, origin=origin, stem="Which?") for origin, name in ids.items()))
    status = {row["origin"]: row["status"] for row in questions.listed(engine)[1]}
    assert status == {"authored": "approved", "imported": "draft", "generated": "draft"}
    questions.set_status(engine, [ids["authored"]], "retired", by="cli")
    load(engine, question(ids["authored"], origin="authored", stem="Which one?"))
    found = questions.get(engine, ids["authored"])
    assert (found["version"], found["status"]) == (3, "draft"), "who retired it reads the new wording"


@pytest.mark.parametrize("now", STATUSES)
@pytest.mark.parametrize("then", STATUSES)
def test_only_the_steps_of_a_life(engine: sa.Engine, now: str, then: str) -> None:
    load(engine, question())
    for step in {"draft": [], "suspended": ["approved", "suspended"]}.get(now, [now]):
        questions.set_status(engine, ["demo:q1"], step, by="cli")
    before = told(engine)
    if now == then:
        assert questions.set_status(engine, ["demo:q1"], then, by="cli") == []
        assert told(engine) == before
    elif then in MAY_BECOME[now]:
        assert questions.set_status(engine, ["demo:q1"], then, by="cli", why="so") == ["demo:q1"]
        assert told(engine) == [*before, (1, then, "cli", "so")]
    else:
        with pytest.raises(BadInput, match=f"is {now} and cannot become {then}") as caught:
            questions.set_status(engine, ["demo:q1"], then, by="cli")
        assert caught.value.field == "status"
        assert told(engine) == before


def test_all_of_them_or_none(engine: sa.Engine) -> None:
    load(engine, question("demo:a"), question("demo:b"))
    with pytest.raises(UnknownThing, match="'demo:unheard'"):
        questions.set_status(engine, ["demo:a", "demo:unheard"], "approved", by="cli")
    questions.set_status(engine, ["demo:b"], "retired", by="cli")
    with pytest.raises(BadInput, match="'demo:b' is retired"):
        questions.set_status(engine, ["demo:a", "demo:b"], "approved", by="cli")
    assert questions.get(engine, "demo:a")["status"] == "draft"
    with pytest.raises(BadInput, match="'fine' is no status"):
        questions.set_status(engine, ["demo:a"], "fine", by="cli")
    with pytest.raises(BadInput, match="say who"):
        questions.set_status(engine, ["demo:a"], "approved", by="")


@pytest.mark.parametrize("field", ["status", "kind", "origin"])
def test_what_no_question_can_be_is_not_sought(engine: sa.Engine, field: str) -> None:
    with pytest.raises(BadInput, match=f"'riddle' is no {field}") as caught:
        questions.listed(engine, questions.Wanted(**{field: "riddle"}))
    assert caught.value.field == field


def test_who_read_an_older_version_approves_nothing(engine: sa.Engine) -> None:
    load(engine, question())
    load(engine, question(stem="Which?"))
    with pytest.raises(Stale, match="version 2, not 1"):
        questions.set_status(engine, ["demo:q1"], "approved", by="cli", version=1)
    with pytest.raises(Stale, match="is draft by now, not suspended"):
        questions.set_status(engine, ["demo:q1"], "approved", by="cli", was="suspended")
    assert questions.set_status(engine, ["demo:q1"], "approved", by="cli", version=2, was="draft")


def test_of_two_who_decide_at_once_one_does(engine: sa.Engine) -> None:
    """Each saw a draft: one approves, one retires, twenty times over; the other one is told."""
    ids = [f"demo:{number:02d}" for number in range(20)]
    load(engine, *(question(name) for name in ids))
    start = threading.Barrier(2)

    def decide(question_id: str, status: str) -> str:
        start.wait()
        try:
            questions.set_status(engine, [question_id], status, by=status, was="draft")
        except Stale:
            return ""
        return status

    with ThreadPoolExecutor(2) as pool:
        for question_id in ids:
            both = [pool.submit(decide, question_id, status) for status in ("approved", "retired")]
            won = [future.result() for future in both if future.result()]
            assert len(won) == 1
            assert questions.get(engine, question_id)["status"] == won[0]
            assert [entry[1] for entry in told(engine, question_id)] == ["draft", won[0]]


def test_many_at_once_in_any_order_do_not_deadlock(engine: sa.Engine) -> None:
    ids = [f"demo:{number:03d}" for number in range(60)]
    load(engine, *(question(name) for name in ids))
    teach(engine)
    questions.set_status(engine, ids, "approved", by="cli")

    def work(turn: int) -> None:
        order = ids if turn % 2 else ids[::-1]
        if turn % 4 == 0:
            load(engine, *(question(name, stem=f"Which? {turn}") for name in order))
        elif turn % 4 == 1:
            teach(engine, f"{TEXT} {turn}")
        else:
            questions.set_status(engine, order, "draft" if turn % 4 == 2 else "retired", by="cli")

    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(work, turn) for turn in range(16)]
    assert [error for future in results if isinstance(error := future.exception(), sa.exc.DBAPIError)] == []


def test_a_changed_lesson_sends_its_generated_questions_back(engine: sa.Engine) -> None:
    teach(engine)
    load(
        engine,
        question("demo:approved"),
        question("demo:suspended"),
        question("demo:retired"),
        question("demo:authored", origin="authored"),
        question("demo:other", item_id="demo:lesson/2"),
    )
    ids = ["demo:approved", "demo:suspended", "demo:other"]
    questions.set_status(engine, ids, "approved", by="cli")
    questions.set_status(engine, ["demo:suspended"], "suspended", by="cli")
    questions.set_status(engine, ["demo:retired"], "retired", by="cli")
    loading.load(engine, "items", rows("items", {"text": TEXT, "title": "Another title"}))
    assert questions.get(engine, "demo:approved")["status"] == "approved"
    loading.load_cleaned(engine, cleaned({"items": rows("items", {"text": "Quite another."})}), "demo")
    status = {row["question_id"]: row["status"] for row in questions.listed(engine)[1]}
    assert status == {
        "demo:approved": "draft",
        "demo:suspended": "draft",
        "demo:retired": "retired",
        "demo:authored": "approved",
        "demo:other": "approved",
    }
    assert told(engine, "demo:approved")[-1] == (1, "draft", "rule:source", "source changed")
    with pytest.raises(BadInput, match="does not hold its quote any more"):
        questions.set_status(engine, ["demo:approved"], "approved", by="cli")


def test_a_quote_that_still_stands_is_approved_where_it_stands(engine: sa.Engine) -> None:
    teach(engine)
    load(engine, question(key="loop", quote="A loop repeats.", span_start=2, span_end=6))
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    longer = f"Before. {TEXT}"
    teach(engine, longer)
    assert questions.get(engine, "demo:q1")["status"] == "draft"
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    found = questions.get(engine, "demo:q1")
    assert found["source_sha256"] == sha256(longer)
    assert longer[found["span_start"] : found["span_end"]] == "loop"
    teach(engine, longer)
    assert questions.get(engine, "demo:q1")["status"] == "approved", "the same text again changes nothing"
    before, quote, after = questions.contexts(engine, ["demo:q1"])["demo:q1"]
    assert (before, quote) == ("Before. ", "A loop repeats.")
    assert after.startswith(" It ends")


def test_a_key_that_is_not_in_the_quote_has_no_place_in_the_text(engine: sa.Engine) -> None:
    """That a sentence is true stands nowhere in it."""
    teach(engine)
    load(engine, question(key="true", quote="A loop repeats.", span_start=None, span_end=None))
    teach(engine, f"Before. {TEXT}")
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    found = questions.get(engine, "demo:q1")
    assert found["source_sha256"] == sha256(f"Before. {TEXT}")
    assert (found["span_start"], found["span_end"]) == (None, None)


def test_a_lesson_that_fails_to_load_keeps_its_questions(engine: sa.Engine) -> None:
    teach(engine)
    load(engine, question())
    questions.set_status(engine, ["demo:q1"], "approved", by="cli")
    bad = {"items": rows("items", {"text": "Other."}), "learners": rows("learners", {"source": "a\0b"})}
    with pytest.raises(BadInput):
        loading.load_cleaned(engine, cleaned(bad), "demo")
    assert questions.get(engine, "demo:q1")["status"] == "approved"


TEXTS = st.sampled_from([TEXT, f"{TEXT} More.", "Quite another text."])
NAMES = st.sampled_from(["demo:a", "demo:b"])
STEPS = st.one_of(
    st.tuples(st.just("teach"), TEXTS, st.just("")),
    st.tuples(st.just("load"), NAMES, st.tuples(st.sampled_from(["Which?", "What?"]), TEXTS)),
    st.tuples(st.just("status"), NAMES, st.sampled_from(STATUSES)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=9))
def test_what_learners_get_rests_on_the_text_there_is(engine: sa.Engine, steps: list[Any]) -> None:
    """Whatever happens in whatever order: approved and suspended ones name the present text's SHA-256,
    the history ends with the present status and version, and versions are counted from 1 without a gap."""
    truncate(engine)
    teach(engine)
    load(engine, question("demo:a"))
    taught = TEXT
    for what, name, change in steps:
        if what == "teach":
            taught = name
            teach(engine, taught)
        elif what == "load":
            load(engine, question(name, stem=change[0], source_sha256=sha256(change[1])))
        else:
            try:
                questions.set_status(engine, [name], change, by="cli")
            except (BadInput, UnknownThing):
                continue
        for row in questions.listed(engine)[1]:
            if row["status"] in ("approved", "suspended"):
                assert row["source_sha256"] == sha256(taught)
            entries = told(engine, row["question_id"])
            assert entries[-1][:2] == (row["version"], row["status"])
            former = [one["version"] for one in questions.versions(engine, row["question_id"])]
            assert [*former, row["version"]] == list(range(1, row["version"] + 1))
            for older, newer in pairwise(entries):
                assert newer[1] in MAY_BECOME[older[1]] or newer[0] == older[0] + 1


def test_an_approval_and_a_new_text_at_once(engine: sa.Engine) -> None:
    """Whichever comes first, nothing is approved on a text that is gone."""
    other = "Quite another text."
    teach(engine)
    load(engine, question())

    def approve() -> None:
        questions.set_status(engine, ["demo:q1"], "approved", by="cli")

    with ThreadPoolExecutor(2) as pool:
        for turn in range(12):
            texts = (other, TEXT) if turn % 2 == 0 else (TEXT, other)
            works: list[Callable[[], None]] = [lambda texts=texts: teach(engine, texts[0]), approve]
            done = [pool.submit(work) for work in works]
            assert not isinstance(done[0].exception(), Exception)
            assert isinstance(done[1].exception(), BadInput | None)
            found = questions.get(engine, "demo:q1")
            assert found["status"] == "draft" or found["source_sha256"] == sha256(texts[0])


def test_an_approval_waits_for_a_text_that_is_being_loaded(engine: sa.Engine) -> None:
    """The loader has looked at the questions and not committed: an approval now would be of the old text."""
    teach(engine)
    load(engine, question())
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            loading.load(connection, "items", rows("items", {"text": "Quite another text."}))
            approving = pool.submit(questions.set_status, engine, ["demo:q1"], "approved", by="cli")
            with pytest.raises(TimeoutError):
                approving.result(timeout=0.5)
        with pytest.raises(BadInput, match="does not hold its quote any more"):
            approving.result(timeout=30)
    assert questions.get(engine, "demo:q1")["status"] == "draft"


def test_filters_and_pages(engine: sa.Engine) -> None:
    load(engine, *(question(f"demo:{n}", kind="cloze" if n % 2 else "true_false") for n in range(5)))
    total, first = questions.listed(engine, Wanted(kind="true_false"), limit=2)
    assert (total, [row["question_id"] for row in first]) == (3, ["demo:0", "demo:2"])
    total, rest = questions.listed(engine, Wanted(kind="true_false"), limit=2, after="demo:2")
    assert (total, [row["question_id"] for row in rest]) == (3, ["demo:4"])
    assert questions.listed(engine, Wanted(origin="imported")) == (0, [])
    with pytest.raises(BadInput, match="'lost'"):
        questions.listed(engine, Wanted(status="lost"))
    with pytest.raises(UnknownThing, match="'demo:unheard'"):
        questions.get(engine, "demo:unheard")
    with pytest.raises(UnknownThing, match="'demo:unheard'"):
        questions.history(engine, "demo:unheard")


def test_read_as_a_frame_with_what_is_missing(engine: sa.Engine) -> None:
    load(engine, question("demo:a"), question("demo:b", answer={"value": 2.5}, aliases=["x"]))
    frame = reading.questions(engine)
    assert frame["answer"].tolist() == [None, {"value": 2.5}]
    assert frame["aliases"].tolist() == [None, ["x"]]
    assert frame[["bloom", "difficulty", "licence"]].isna().all(axis=None)
    assert frame["version"].tolist() == [1, 1]
    assert load(engine, question("demo:a")) == Loaded(unchanged=1)
    assert loading.load(engine, "questions", frame) == Loaded(unchanged=2)
    assert set(tables.questions.columns.keys()) == set(frame.columns)
