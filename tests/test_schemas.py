"""Frame contracts coerce what is harmless and name what is not."""

import pandas as pd
import pytest

from learnloop import schemas
from learnloop.errors import BadInput

EVENT = {
    "event_id": "e1",
    "learner_id": "l1",
    "item_id": "demo:a",
    "verb": "answered",
    "correct": True,
    "score": 1.0,
    "duration_s": None,
    "occurred_at": pd.Timestamp("2026-01-01", tz="UTC"),
    "source": "demo",
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"verb": "eaten"}, "verb"),
        ({"score": 1.5}, "score"),
        ({"item_id": "no colon"}, "item_id"),
        ({"event_id": ""}, "event_id"),
        ({"duration_s": -1.0}, "duration_s"),
        ({"learner_id": None}, "learner_id"),
        ({"occurred_at": None}, "occurred_at"),
    ],
)
def test_a_bad_value_is_refused_by_column(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput, match="the door") as caught:
        schemas.check(pd.DataFrame([EVENT | change]), schemas.INTERACTIONS, "the door")
    assert caught.value.field == field


def test_a_repeated_key_and_a_missing_column_are_refused() -> None:
    with pytest.raises(BadInput, match="event_id"):
        schemas.check(pd.DataFrame([EVENT, EVENT]), schemas.INTERACTIONS, "the door")
    with pytest.raises(BadInput, match="verb"):
        schemas.check(pd.DataFrame([EVENT]).drop(columns="verb"), schemas.INTERACTIONS, "the door")


def test_harmless_types_are_coerced_and_strange_columns_dropped() -> None:
    frame = pd.DataFrame([EVENT | {"score": 1, "surplus": "x"}])
    checked = schemas.check(frame, schemas.INTERACTIONS, "the door")
    assert "surplus" not in checked
    assert str(checked["score"].dtype) == "Float64"
    assert str(checked["occurred_at"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("name", ["ITEMS", "INTERACTIONS", "ANSWERS", "QUESTIONS", "ENROLMENTS"])
def test_an_empty_frame_passes_its_contract(name: str) -> None:
    assert schemas.empty(getattr(schemas, name)).empty


def test_accounting_adds_up() -> None:
    total = schemas.Accounting(read=3, kept=2, rejected={"no time": 1})
    total.add(schemas.Accounting(read=2, kept=1, repaired={"unit": 1}, rejected={"no time": 1}))
    assert total.balanced
    assert total.to_dict() == {"read": 5, "kept": 3, "repaired": {"unit": 1}, "rejected": {"no time": 2}}
    total.read += 1
    assert not total.balanced
