"""The day that a list is of: in UTC, as the API's, wherever the machine stands."""

import time
from datetime import UTC, datetime

import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.workflow import at_risk_today


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set here")
@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Etc/GMT-14"])  # one of them has another day now
def test_today_is_the_same_day_everywhere(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    before = datetime.now(UTC).date()
    try:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        today = at_risk_today._day("")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert today in {pd.Timestamp(day, tz="UTC") for day in (before, datetime.now(UTC).date())}


def test_a_day_is_given_or_refused() -> None:
    assert at_risk_today._day("2014-11-20") == pd.Timestamp("2014-11-20", tz="UTC")
    with pytest.raises(BadInput, match=r"'20\.11\.2014' is no day"):
        at_risk_today._day("20.11.2014")
