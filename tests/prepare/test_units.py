import doctest
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop import schemas
from learnloop.prepare import units
from learnloop.prepare.prices import price
from learnloop.prepare.units import durations, iso_duration, seconds, utc_time, utc_times
from learnloop.prepare.workload import weekly_workload


def test_the_examples_hold() -> None:
    result = doctest.testmod(units)
    assert result.attempted >= 3
    assert result.failed == 0


@settings(deadline=None)
@given(st.integers(0, 10**7))
def test_iso_durations_round_trip(length_s: int) -> None:
    assert seconds(iso_duration(length_s)) == length_s


@settings(deadline=None)
@given(
    st.integers(0, 99),
    st.integers(0, 59),
    st.sampled_from(["{} h {}", "{} hours {} min", "{}h{}min", "PT{}H{}M"]),
)
def test_hours_and_minutes_however_written(hours: int, minutes: int, form: str) -> None:
    assert seconds(form.format(hours, minutes)) == hours * 3600 + minutes * 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT12M", 720),
        ("pt1h", 3600),
        ("P1DT2H", 93600),
        ("P2W", 1209600),
        ("PT1,5H", 5400),
        ("PT0S", 0),
        ("12 min", 720),
        ("12 min.", 720),
        ("1 h 30", 5400),
        ("1h30", 5400),
        ("45 minutos", 2700),
        ("1 hora y 15 minutos", 4500),
        ("2 heures et 5 minutes", 7500),
        ("1 Stunde und 10 Minuten", 4200),
        ("90 Sekunden", 90),
        ("1.5 hours", 5400),
        ("1:02:03", 3723),
        ("3 days", 259200),
        ("2 días", 172800),
    ],
)
def test_durations_that_can_be_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1M",
        "P1Y",
        "12",
        "1:30",
        "10-15 min",
        "about 12 min",
        "12 min 1 h",
        "5 min 5 min",
        "12 mints",
        "1 h 75",
        "-5 min",
        "PT12M extra",
        "soon",
        "min",
        "12 bananas",
        "1 h, 30 or so",
    ],
)
def test_what_has_no_certain_length_is_none(text: str) -> None:
    assert seconds(text) is None


def test_a_column_of_durations() -> None:
    raw = pd.Series(["PT12M", None, "", "a while", "1 h", "10-15 min"], index=[3, 1, 4, 5, 9, 2])
    values, repairs = durations(raw)
    assert values.dtype == "Float64"
    assert values.fillna(-1).tolist() == [720, -1, -1, -1, 3600, -1]
    assert repairs == {"duration unreadable: NA": 2}
    assert durations(pd.Series([], dtype="str"))[1] == {}


MARCH = datetime(2024, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-03",
        "20240303",
        "2024-03-03T00:00:00Z",
        "2024-03-03T05:30:00+05:30",
        "2024-03-03 00:00:00",
        "Sun, 03 Mar 2024 01:00:00 +0100",
        "3 March 2024",
        "3rd of March 2024",
        "March 3, 2024",
        "3 de marzo de 2024",
        "3 mars 2024",
        "3. März 2024",
        "03.03.2024",
        "03/03/2024",
    ],
)
def test_dates_in_several_forms(text: str) -> None:
    assert utc_time(text) == MARCH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "03/04/2024",
        "yesterday",
        "2024",
        "31 February 2024",
        "2024-13-01",
        "32.01.2024",
        "3 smarch 2024",
        "Mon, 1",
        "12:30",
    ],
)
def test_dates_with_no_certain_reading_are_none(text: str) -> None:
    assert utc_time(text) is None


def test_a_date_with_one_possible_order_is_read() -> None:
    assert utc_time("25/12/2023") == utc_time("12/25/2023") == datetime(2023, 12, 25, tzinfo=UTC)


@settings(deadline=None)
@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    st.integers(-14, 14),
)
def test_moments_round_trip_in_any_zone(local: datetime, hours: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert utc_time(moment.isoformat()) == moment
    assert utc_time(format_datetime(moment)) == moment


def test_a_column_of_dates() -> None:
    values, repairs = utc_times(pd.Series(["2024-03-03", None, "03/04/2024", " "]))
    assert values.dtype == schemas.UTC
    assert values[0] == MARCH
    assert values.isna().tolist() == [False, True, True, True]
    assert repairs == {"date unreadable: NA": 1}


@pytest.mark.parametrize("row", ["9" * 300_000, "1 h " * 100_000, "one " * 100_000])
def test_what_nobody_writes_is_not_looked_at(row: str) -> None:
    """Ten thousand figures took a minute to be no duration."""
    assert seconds(row) is None
    assert utc_time(row) is None
    assert price(row) is None
    assert weekly_workload(row) is None


def test_a_weekly_workload_after_a_row_of_blanks_is_none() -> None:
    assert weekly_workload("a" + " " * 300_000 + "week") is None
