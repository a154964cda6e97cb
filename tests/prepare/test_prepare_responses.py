import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.prepare import movielens, responses
from learnloop.prepare.masking import mask_rejected
from learnloop.schemas import Cleaned, RawChunk

NOW = pd.Timestamp("2026-01-01T00:00:00Z")


def pseudonymise(ids: pd.Series) -> pd.Series:
    return "p" + ids.str.len().astype("str")


def chunk(kind: str, rows: list[dict[str, str]], source: str = "responses") -> RawChunk:
    frame = pd.DataFrame(rows, dtype="str")
    frame["line"] = range(2, len(rows) + 2)
    frame["damage"], frame["raw"] = (
        pd.Series(pd.NA, frame.index, dtype="str"),
        pd.Series(pd.NA, frame.index, dtype="str"),
    )
    return RawChunk(source, "f.csv", kind, frame, True, 1)


def answer(**more: str) -> dict[str, str]:
    row = {"user_id": "7", "item_id": "4", "timestamp": "1499059021", "correct": "1", "skill_id": "0"}
    return row | more


def cleaned(*rows: dict[str, str], epoch: str = "") -> Cleaned:
    start = pd.Timestamp(epoch, tz="UTC") if epoch else None
    context = responses.Context(pseudonymise, NOW, start)
    return responses.clean(chunk("responses", list(rows)), context)


@pytest.mark.parametrize(
    ("stamp", "epoch", "utc"),
    [
        ("1499059021", "", "2017-07-03T05:17:01"),
        ("1499059021.25", "", "2017-07-03T05:17:01.250000"),
        ("1499059021000", "", "2017-07-03T05:17:01"),
        ("0", "2012-09-01", "2012-09-01T00:00:00"),
        ("86400.5", "2012-09-01", "2012-09-02T00:00:00.500000"),
    ],
)
def test_a_stamp_as_a_moment(stamp: str, epoch: str, utc: str) -> None:
    (event,) = cleaned(answer(timestamp=stamp), epoch=epoch).frames["interactions"].to_dict("records")
    assert event["occurred_at"] == pd.Timestamp(utc, tz="UTC")
    assert (event["verb"], event["correct"], event["item_id"]) == ("answered", True, "responses:4")
    assert pd.isna(event["imputed"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"timestamp": "60"}, "time is not ISO 8601"),
        ({"timestamp": ""}, "no time"),
        ({"timestamp": "soon"}, "time is not ISO 8601"),
        ({"timestamp": "4499059021"}, "time in the future"),
        ({"correct": ""}, "correct is neither true nor false"),
        ({"correct": "0.5"}, "correct is neither true nor false"),
        ({"user_id": ""}, "no learner"),
        ({"item_id": " "}, "no item"),
    ],
)
def test_a_row_that_is_refused(change: dict[str, str], reason: str) -> None:
    found = cleaned(answer(**change), answer(item_id="5"))
    assert found.rejected[["line", "reason"]].to_numpy().tolist() == [[2, reason]]
    assert found.frames["items"]["item_id"].tolist() == ["responses:5"]  # a refused row names nothing


@pytest.mark.parametrize(
    ("skills", "parts"),
    [("0~14", ["0", "14"]), ("0_14", ["0", "14"]), ("two_digits", ["two_digits"]), ("", []), ("3~3", ["3"])],
)
def test_skills_are_parted(skills: str, parts: list[str]) -> None:
    found = cleaned(answer(skill_id=skills))
    assert found.frames["concepts"]["concept_id"].tolist() == [
        f"responses:skill/{part}" for part in sorted(parts)
    ]


def test_stamps_that_count_from_somewhere_else_need_to_be_told() -> None:
    given = chunk("responses", [answer(timestamp=text) for text in ("5", "", "900")])
    with pytest.raises(BadInput, match=r"f.csv line 2: timestamps such as \d+ do not count from 1970"):
        responses.refuse_relative(given, None)
    responses.refuse_relative(given, pd.Timestamp("2012-09-01", tz="UTC"))
    responses.refuse_relative(chunk("responses", [answer()]), None)


def test_a_source_that_is_no_prefix() -> None:
    with pytest.raises(BadInput, match="is not made of a-z"):
        responses.clean(chunk("responses", [answer()], "My School"), responses.Context(pseudonymise, NOW))


def test_a_table_without_skills() -> None:
    row = answer()
    del row["skill_id"]
    found = cleaned(row)
    assert found.frames["concepts"].empty
    assert len(found.frames["items"]) == 1


@pytest.mark.parametrize(("rating", "score"), [("0.5", 0.0), ("5", 1.0), ("2.75", 0.5)])
def test_a_rating_as_a_score(rating: str, score: float) -> None:
    context = movielens.Context(pseudonymise, NOW, items={"movielens:1"})
    row = {"userId": "7", "movieId": "1", "rating": rating, "timestamp": "1260759144"}
    found = movielens.clean(chunk("ratings", [row], "movielens"), context)
    assert found.frames["interactions"]["score"].tolist() == [score]


def test_ratings_and_films_that_are_refused() -> None:
    context = movielens.Context(pseudonymise, NOW)
    films = [
        {"movieId": key, "title": title, "genres": "Drama"}
        for key, title in (("1", "A"), ("1", "B"), ("x", "C"), ("2", ""))
    ]
    found = movielens.clean(chunk("movies", films, "movielens"), context)
    assert found.rejected["reason"].tolist() == ["duplicate movieId", "movieId is not a number", "no title"]
    sound = {"userId": "7", "movieId": "1", "rating": "4", "timestamp": "1260759144"}
    rows = [sound | change for change in ({"rating": "6"}, {"rating": ""}, {"rating": "x"}, {"movieId": "3"})]
    refused = movielens.clean(chunk("ratings", rows, "movielens"), context).rejected
    assert refused["reason"].tolist() == [
        "score outside 0 to 1",
        "score is not a number",
        "score is not a number",
        "unknown item",
    ]
    with pytest.raises(BadInput, match="MovieLens has no 'tags'"):
        movielens.clean(chunk("tags", [sound], "movielens"), context)


def test_a_refused_row_shows_only_what_is_sound_for_its_column() -> None:
    row = {
        "learner_id": "p1",
        "item_id": "csv:loops",
        "occurred_at": "2025-01-01T10:00:00Z",
        "verb": "answered",
        "correct": "1",
        "score": "0.5",
        "duration_s": "12345",
        "event_id": "ana-1",
    }
    shifted = dict(zip(row, ["p2", "ana@x.example", "12345678", "ana", "ana", "17", "", ""], strict=True))
    raw = pd.DataFrame([row, shifted]).assign(line=[2, 3], damage=pd.NA, raw=pd.NA)
    rejected = pd.DataFrame({"file": "f", "line": [2, 3], "reason": "r", "record": "secret"})
    shown = mask_rejected(rejected, raw, {"csv:loops"})["record"].tolist()
    assert shown == [
        "p1,csv:loops,2025-01-01T10:00:00Z,answered,1,0.5,xxxxx,xxx-x",
        "p2,xxx@x.xxxxxxx,xxxxxxxx,xxx,xxx,xx,,",
    ]
