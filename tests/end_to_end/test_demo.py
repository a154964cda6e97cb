"""The demo, as a newcomer runs it: what its authors wrote is found again, and the loop closes."""

import json
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from learnloop.demo import site
from learnloop.store import reading, releases
from learnloop.workflow.monitor import drift
from learnloop.workflow.release import rollback

MESS = {entry.kind: entry for entry in site.mess() if entry.kind != "mojibake"}
REJECTED = {
    "duplicate page": "duplicate",
    "near duplicate": "duplicate",
    "broken page": "broken page",
    "dead link": "the server answered 404",
    "no learning content": "no lesson",
}


@pytest.fixture(scope="module")
def items(demo: Any) -> pd.DataFrame:
    return reading.items(demo.loop.engine).set_index("item_id")


@pytest.fixture(scope="module")
def again(demo: Any) -> dict[str, Any]:
    """The report of a second run on the same day."""
    report: dict[str, Any] = demo.results()
    return report


def item_id(page: str) -> str:
    return f"demo:{page}"


def paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def lessons() -> dict[str, tuple[site.Course, site.Lesson]]:
    return {
        item_id(f"courses/{course.slug}/{lesson.slug}"): (course, lesson)
        for course in site.courses()
        for lesson in course.lessons
    }


def test_every_lesson_has_the_title_and_text_of_its_author(items: pd.DataFrame) -> None:
    found = items[items["kind"] == "lesson"]
    truth = lessons()
    assert set(found.index) == set(truth)
    assert found["title"].to_dict() == {key: lesson.title for key, (_, lesson) in truth.items()}
    assert found["text"].to_dict() == {key: paragraphs(lesson.text) for key, (_, lesson) in truth.items()}


def test_every_lesson_has_its_language_even_where_the_page_says_none(items: pd.DataFrame) -> None:
    truth = {key: course.language for key, (course, _) in lessons().items()}
    assert items.loc[list(truth), "language"].to_dict() == truth
    assert truth[item_id(MESS["no language"].page)] == "es"


@pytest.mark.parametrize(
    ("column", "kind"),
    [("duration_s", "no duration"), ("licence", "no licence")],
    ids=["duration", "licence"],
)
def test_what_a_page_does_not_say_stays_missing(column: str, kind: str, items: pd.DataFrame) -> None:
    missing = item_id(MESS[kind].page)
    truth = {
        key: lesson.minutes * 60 if column == "duration_s" else course.licence
        for key, (course, lesson) in lessons().items()
    }
    assert pd.isna(items.loc[missing, column])
    del truth[missing]
    assert items.loc[list(truth), column].to_dict() == truth


def test_the_prerequisites_are_the_authored_ones(demo: Any) -> None:
    frame = reading.prerequisites(demo.loop.engine)
    authored = {
        (f"demo:{concept}", f"demo:{required}")
        for concept, requires in site.concepts_required(site.courses()).items()
        for required in requires
    }
    assert set(zip(frame["concept_id"], frame["requires_id"], strict=True)) == authored
    assert set(frame["origin"]) == {"authored"}


@pytest.mark.parametrize("kind", REJECTED)
def test_what_is_no_lesson_of_its_own_is_rejected_with_its_reason(
    kind: str, demo: Any, items: pd.DataFrame
) -> None:
    page = MESS[kind].page
    rejected = reading.rejected_rows(demo.loop.engine, "demo")
    reasons = rejected.loc[rejected["file"] == f"{demo.site_url}{page}.html", "reason"]
    assert len(reasons) >= 1
    assert reasons.str.startswith(REJECTED[kind]).all(), reasons.tolist()
    assert not any(key.startswith(item_id(page)) for key in items.index)


def test_every_row_is_accounted_for(demo: Any) -> None:
    rows = demo.report["prepare"]["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["rejected"].values())
    assert sum(rows["rejected"].values()) == len(reading.rejected_rows(demo.loop.engine, "demo"))
    assert rows["repaired"]["fix_mojibake"] >= sum(entry.kind == "mojibake" for entry in site.mess())


def test_the_forbidden_page_was_never_fetched(demo: Any) -> None:
    urls = [page.url for page in reading.raw_pages(demo.loop.engine)]
    assert len(urls) == demo.report["collect"]["pages"]
    assert not any("/private/" in url for url in urls)
    assert demo.report["collect"]["forbidden_by_robots"] == 1


def test_no_outside_id_of_a_learner_is_anywhere_in_the_database(demo: Any) -> None:
    with demo.loop.engine.connect() as connection:
        tables = connection.scalars(
            sa.text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
        ).all()
        assert {"public.learners", "public.interactions", "public.rejected_rows"} <= set(tables)
        told = [
            name
            for name in tables
            if connection.scalar(
                sa.text(f"SELECT count(*) FROM {name} AS found WHERE found::text ~ :outside"),  # noqa: S608
                {"outside": r"\msim-\d{4}\M"},
            )
        ]
    assert told == []


def test_learners_are_pseudonyms(demo: Any) -> None:
    found = reading.learners(demo.loop.engine)
    assert len(found) == demo.report["simulate"]["learners"]
    assert found["learner_id"].str.fullmatch("[0-9a-f]{32}").all()


@pytest.mark.parametrize("baseline", ["popularity", "random"])
def test_ials_beats_the_baselines_beyond_their_intervals(baseline: str, demo: Any) -> None:
    ranking = demo.report["evaluate"]["ranking"]
    assert ranking["ials"]["ndcg"]["low"] > ranking[baseline]["ndcg"]["high"]


def test_the_popular_lessons_of_a_learners_own_courses_are_the_baseline_to_beat(demo: Any) -> None:
    """Simulated learners walk through their courses in order, so there iALS is level with it, not above."""
    difference = demo.report["evaluate"]["ranking"]["ials_minus_popularity_in_course"]["ndcg"]
    assert difference["low"] < 0 < difference["high"]
    assert abs(difference["value"]) < 0.05


def test_the_tracer_knows_more_than_how_hard_an_item_is(demo: Any) -> None:
    tracing, chosen = demo.report["evaluate"]["tracing"], demo.report["evaluate"]["tracer"]
    assert tracing["answers"] > 500
    assert tracing[chosen]["auc"]["low"] > tracing["item_rate"]["auc"]["high"]
    assert tracing[chosen]["log_loss"]["high"] < tracing["item_rate"]["log_loss"]["low"]


def test_every_question_rests_on_its_lesson_word_for_word(demo: Any, items: pd.DataFrame) -> None:
    questions = reading.questions(demo.loop.engine)
    counts = demo.report["generate"]["questions"]
    assert len(questions) == counts["accepted"] > 61
    assert counts["proposed"] == counts["accepted"] + sum(counts["rejected"].values())
    for question in questions.itertuples():
        text = items.loc[question.item_id, "text"]
        assert question.quote in text
        asked_for = text[question.span_start : question.span_end]
        if question.kind in ("cloze", "multiple_choice"):
            assert asked_for.lower() == question.key.lower()  # a sentence's first word has a capital
            assert asked_for in question.quote
            assert question.key in question.options
        elif question.kind == "true_false":
            told = question.answer["corrected"] if question.key == "false" else question.stem
            assert asked_for in told
            assert asked_for in question.quote
        else:
            assert question.kind == "matching"
            assert all(right in text for _, right in question.answer["pairs"])


def test_the_demo_approves_its_questions_and_says_so(demo: Any) -> None:
    questions = reading.questions(demo.loop.engine)
    assert set(questions["status"]) == {"approved"}
    assert demo.report["approve"] == {"approved": len(questions), "drafts": 0}


def test_every_lesson_has_a_summary_of_its_own_words(demo: Any, items: pd.DataFrame) -> None:
    summaries = reading.summaries(demo.loop.engine).set_index("item_id")
    assert set(summaries.index) == set(lessons())
    for key, summary in summaries.iterrows():
        for start, end in summary["provenance"]["spans"]:
            assert " ".join(items.loc[key, "text"][start:end].split()) in summary["text"]


def test_the_champion_is_released_and_whole(demo: Any) -> None:
    assert demo.report["release"]["promoted"] is True
    released = demo.loop.registry.release(demo.report["release"]["version"])
    manifest = releases.verify(released.folder)
    assert manifest["snapshot_sha256"] == demo.report["train"]["snapshot_sha256"]
    files = {name.partition("/")[0] for name in manifest["files"]}
    assert files == {"recommender", "tracer", "memory", "metrics.json"}
    assert not [name for name in manifest["files"] if not name.endswith((".json", ".safetensors"))]


def test_the_report_is_json(demo: Any) -> None:
    told = json.loads(json.dumps(demo.report, allow_nan=False))  # no value needs a str() to fit
    assert list(told) == [
        *("collect", "simulate", "prepare", "train", "evaluate", "generate", "release", "counts"),
        *("approve", "example", "seconds"),
    ]


def test_a_second_run_changes_nothing(again: dict[str, Any]) -> None:
    assert again["collect"]["new_pages"] == 0
    changes = {
        **again["prepare"]["changes"],
        **again["simulate"]["changes"],
        **again["generate"]["changes"],
    }
    assert {"demo.items", "interactions", "questions"} <= set(changes)
    changed = {name: change for name, change in changes.items() if change["inserted"] + change["updated"]}
    assert changed == {}


def test_a_second_run_trains_the_very_same_models(demo: Any, again: dict[str, Any]) -> None:
    assert again["train"]["snapshot_sha256"] == demo.report["train"]["snapshot_sha256"]
    first, second = (
        demo.loop.registry.release(report["release"]["version"]) for report in (demo.report, again)
    )
    weights = [
        {name: sha for name, sha in release.manifest["files"].items() if name.endswith(".safetensors")}
        for release in (first, second)
    ]
    assert len(weights[0]) >= 3
    assert weights[0] == weights[1]


def test_an_equal_challenger_is_promoted(demo: Any, again: dict[str, Any]) -> None:
    release = again["release"]
    assert set(release["gate"]) == {"ranking", "tracing"}
    assert [verdict["difference"] for verdict in release["gate"].values()] == [0.0, 0.0]
    assert (release["promoted"], release["former_champion"]) == (True, demo.report["release"]["version"])


def test_drift_says_what_it_compared(demo: Any, again: dict[str, Any]) -> None:
    report = drift(demo.loop)
    assert report["release"] == demo.loop.registry.champion_version()
    assert {finding["feature"] for finding in report["findings"]} >= {"correct_rate", "item_mix"}
    assert report["drift"] is False
    json.dumps(report, allow_nan=False)


def test_rollback_restores_the_first_champion(demo: Any, again: dict[str, Any]) -> None:
    first, second = demo.report["release"]["version"], again["release"]["version"]
    assert rollback(demo.loop) == {"from": second, "to": first}
    assert demo.loop.registry.champion().version == first
