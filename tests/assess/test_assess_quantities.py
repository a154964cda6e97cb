"""Numbers and units: what is one quantity, and how a wrong unit differs from a wrong number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.assess.quantities import compare, number, quantity

FALL = {"value": 9.81, "unit": "m/s²", "tolerance": 0.01}


@pytest.mark.parametrize(
    ("text", "language", "verdict"),
    [
        ("9,81 m/s^2", "en", "right"),
        ("9.81 m/s²", "en", "right"),
        ("g ≈ 9,81 m·s⁻²", "de", "right"),
        ("9.81 m s-2", "en", "right"),
        ("981 cm/s²", "en", "right"),
        ("9,81 metros por segundo al cuadrado", "es", "right"),
        ("9.81 metres per second squared, downwards", "en", "right"),
        ("9.82 m/s²", "en", "right"),
        ("9.83 m/s²", "en", "wrong_number"),
        ("9.81", "en", "missing_unit"),
        ("9.81 km/s^2", "en", "wrong_unit"),
        ("9.81 m/s", "en", "wrong_unit"),
        ("9.81 bananas", "en", "wrong_unit"),
        ("7 kg", "en", "wrong_both"),
        ("5 or 9.81 m/s^2", "en", "no_number"),
        ("fast", "en", "no_number"),
    ],
)
def test_a_fall(text: str, language: str, verdict: str) -> None:
    assert compare(FALL, text, language).verdict == verdict


@pytest.mark.parametrize(
    ("key", "text", "language", "verdict"),
    [
        ({"value": 0.5}, "50 %", "en", "right"),
        ({"value": 50, "unit": "%"}, "0.5", "en", "right"),
        ({"value": 50, "unit": "%"}, "50 Prozent", "de", "right"),
        ({"value": 50, "unit": "%"}, "50", "en", "missing_unit"),
        ({"value": 1234}, "1.234", "de", "right"),
        ({"value": 1234}, "1.234", "en", "wrong_number"),
        ({"value": 1234}, "1 234", "fr", "right"),
        ({"value": 20, "unit": "°C", "tolerance": 0.1}, "293.15 K", "en", "right"),
        ({"value": 20, "unit": "°C"}, "68 °F", "en", "right"),
        ({"value": 3e8, "unit": "m/s"}, "3·10⁸ m/s", "es", "right"),
        ({"value": 3e8, "unit": "m/s"}, "3e5 km/s", "en", "right"),
        ({"value": 2, "unit": "h"}, "120 Minuten", "de", "right"),
        ({"value": 206}, "206 bones", "en", "wrong_unit"),
        ({"value": -3, "unit": "°C"}, "−3 °C", "en", "right"),
        ({"value": 3, "unit": "°C"}, "-3 °C", "en", "wrong_number"),
    ],
)
def test_keys_of_all_sorts(key: dict[str, object], text: str, language: str, verdict: str) -> None:
    assert compare(key, text, language).verdict == verdict


@pytest.mark.parametrize(
    "text", ["9**9**9**9 m", "__import__('os')", "9.81 m^99999", "1e999", "9" * 500, "5 " + "m" * 5000]
)
def test_nothing_a_learner_writes_is_evaluated(text: str) -> None:
    assert compare(FALL, text).verdict in (
        "no_number",
        "wrong_number",
        "wrong_unit",
        "wrong_both",
        "missing_unit",
    )


@given(value=st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-3), comma=st.booleans())
def test_what_is_written_is_read(value: float, comma: bool) -> None:
    text = f"{value:.4f}"
    found = number(text.replace(".", ",") if comma else text, "de" if comma else "en")
    assert found is not None
    assert math.isclose(found, float(text), abs_tol=1e-9)


@given(st.text(max_size=60))
def test_any_text_is_a_quantity_or_none(text: str) -> None:
    found = quantity(text)
    assert found is None or math.isfinite(found.value)
    assert compare(FALL, text).verdict != "right" or "9" in text
