import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.prepare import local_times
from learnloop.prepare.local_times import Clock, refuse_ambiguous, to_iso

MADRID = Clock(("%d/%m/%Y %H:%M",), "Europe/Madrid")


def read(text: str, clock: Clock) -> str:
    return to_iso(pd.Series([text], dtype="str"), clock)[0].iloc[0].removesuffix("Z").removesuffix(".000000")


@pytest.mark.parametrize(
    ("text", "clock", "utc"),
    [
        ("03/02/2025 18:04", MADRID, "2025-02-03T17:04:00"),
        ("03/07/2025 18:04", MADRID, "2025-07-03T16:04:00"),
        ("2025-02-03 18:04", MADRID, "2025-02-03T17:04:00"),
        ("2025-02-03", MADRID, "2025-02-02T23:00:00"),
        ("2025-02-03T18:04:00Z", MADRID, "2025-02-03T18:04:00"),
        ("2025-02-03T18:04:00+05:00", MADRID, "2025-02-03T18:04:00+05:00"),
        ("02/03/25", Clock(("%m/%d/%y",)), "2025-02-03T00:00:00"),
        ("3.2.2025 6:04 PM", Clock(("%d.%m.%Y %I:%M %p",)), "2025-02-03T18:04:00"),
        ("03/02/2025 18:04 -0300", Clock(("%d/%m/%Y %H:%M %z",), "Europe/Madrid"), "2025-02-03T21:04:00"),
        ("1499059021", MADRID, "1499059021"),
        ("soon", MADRID, "soon"),
        ("", MADRID, ""),
    ],
)
def test_a_local_time_in_utc(text: str, clock: Clock, utc: str) -> None:
    assert read(text, clock) == utc


def test_formats_are_tried_in_their_order_row_by_row() -> None:
    clock = Clock(("%d/%m/%Y", "%m/%d/%Y"))
    made, touched = to_iso(pd.Series(["03/02/2025", "02/25/2025", "2025-05-01"]), clock)
    assert made.str[:10].tolist() == ["2025-02-03", "2025-02-25", "2025-05-01"]
    assert touched[local_times.BY_FORMAT].tolist() == [True, True, False]


def test_hours_that_the_clocks_repeat_or_skip_are_counted() -> None:
    texts = pd.Series(["26/10/2025 02:30", "30/03/2025 02:30", "26/10/2025 12:00"])
    made, touched = to_iso(texts, MADRID)
    assert made.str[:16].tolist() == ["2025-10-26T00:30", "2025-03-30T01:00", "2025-10-26T11:00"]
    assert touched[local_times.REPEATED].tolist() == [True, False, False]
    assert touched[local_times.SKIPPED].tolist() == [False, True, False]
    assert touched[local_times.IN_ZONE].all()


@pytest.mark.parametrize(
    ("dates", "told", "hint"),
    [
        (["2025-01-01", "03/02/2025"], "line 3: '03/02/2025' may begin", '"%d/%m/%Y" or "%m/%d/%Y"'),
        (["03/02/2025", "25/02/2025 10:00"], "line 3: the date '25/02/2025 10:00'", '"%d/%m/%Y %H:%M"'),
        (["03-02-25", "02-25-25 9:05 am"], "line 3: the date '02-25-25 9:05 am'", '"%m-%d-%y %I:%M %p"'),
    ],
)
def test_day_or_month_first_is_never_guessed(dates: list[str], told: str, hint: str) -> None:
    frame = pd.DataFrame({"occurred_at": dates, "line": range(2, len(dates) + 2)})
    with pytest.raises(BadInput) as refusal:
        refuse_ambiguous(frame, "log.csv", Clock())
    assert told in refusal.value.problem
    assert hint in refusal.value.next_step
    formats = re.findall(r'"([^"]+)"', refusal.value.next_step)
    assert Clock.of(tuple(formats)).formats == tuple(formats)
    refuse_ambiguous(frame, "log.csv", Clock(tuple(formats)))
    refuse_ambiguous(frame.assign(occurred_at="2025-01-01"), "log.csv", Clock())


def test_options_that_say_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="names no day, month and year"):
        Clock.of(("%H:%M",))
    with pytest.raises(BadInput, match=r"no time zone 'Europe/Madrit'\. Try: --timezone Europe/Madrid"):
        Clock.of((), "Europe/Madrit")


@settings(max_examples=80, deadline=None)
@given(st.datetimes(pd.Timestamp("1975-01-01"), pd.Timestamp("2035-01-01")))
def test_what_a_zone_writes_is_read_back(moment: pd.Timestamp) -> None:
    utc = pd.Timestamp(moment).floor("s").tz_localize("UTC")
    local = utc.tz_convert("America/Bogota")  # no summer time in this span but 1992-93
    written = local.strftime("%d/%m/%Y %H:%M:%S")
    made, touched = to_iso(pd.Series([written]), Clock(("%d/%m/%Y %H:%M:%S",), "America/Bogota"))
    if local_times.REPEATED not in touched:
        assert pd.Timestamp(made.iloc[0]) == utc
