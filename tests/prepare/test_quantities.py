"""Titles, numbers, prices and levels as people write them."""

import doctest

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnloop.prepare import levels, numbers, prices, titles, workload
from learnloop.prepare.levels import level
from learnloop.prepare.numbers import number
from learnloop.prepare.prices import price
from learnloop.prepare.titles import fix_title_case
from learnloop.prepare.units import seconds
from learnloop.prepare.workload import weekly_workload


@pytest.mark.parametrize("module", [levels, numbers, prices, titles, workload])
def test_the_examples_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("found", "language", "meant"),
    [
        ("INTRODUCTION TO HTML", "en", "Introduction to HTML"),
        ("WORLD WAR II: CAUSES OF THE WAR", "en", "World War II: Causes of the War"),
        ("INTRODUCCIÓN A LA ESTADÍSTICA", "es", "Introducción a la estadística"),
        ("L'ANALYSE DES DONNÉES", "fr", "L'analyse des données"),
        ("EINFÜHRUNG IN DIE STATISTIK", "de", "Einführung in die Statistik"),
        ("linear equations", "en", "Linear equations"),
        ("élèves et maîtres", "fr", "Élèves et maîtres"),
        ("Using iPhone and pH", "en", "Using iPhone and pH"),
        ("print()", "en", "print()"),
        ("numpy.array basics", "en", "numpy.array basics"),
        ("loops", "en", "loops"),  # one word may be a name of code
        ("SQL", "en", "SQL"),
        ("HTML CSS XML", "en", "HTML CSS XML"),
        ("统计学导论", "zh", "统计学导论"),
        ("", "en", ""),
        ("1 + 2", "en", "1 + 2"),
    ],
)
def test_casing_of_titles(found: str, language: str, meant: str) -> None:
    assert fix_title_case(found, language) == meant
    assert fix_title_case(meant, language) == meant


@given(st.text(max_size=60), st.sampled_from(["en", "de", "es", "und"]))
def test_casing_changes_nothing_but_case(title: str, language: str) -> None:
    fixed = fix_title_case(title, language)
    assert fixed.casefold() == title.casefold() or fixed.upper() == title.upper()


def test_the_items_own_text_knows_how_its_words_are_written() -> None:
    text = "Hier lernt man mit der Statistik und mit NumPy, was zählt."
    assert fix_title_case("EINE STATISTIK MIT NUMPY", "es", text) == "Eine Statistik mit NumPy"


def test_changed_titles_are_counted_and_missing_ones_stay_missing() -> None:
    found = pd.Series(["LINEAR EQUATIONS", None, "Sets"], dtype="str")
    clean, repairs = titles.case_titles(found, pd.Series(["en"] * 3), pd.Series([""] * 3))
    assert clean[[0, 2]].tolist() == ["Linear Equations", "Sets"]
    assert clean.isna().tolist() == [False, True, False]
    assert repairs == {"fix_title_case": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("twelve", 12), ("Doce", 12), ("douze", 12), ("zwölf", 12), ("thirty", 30), ("dix-sept", 17),
        ("1.5k", 1500), ("2,5 m", 2.5e6), ("10k", 10_000), ("1,299.00", 1299), ("1.299,00", 1299),
        ("1.299.000", 1_299_000), ("1 299,50", 1299.5), ("1'299.50", 1299.5), ("0.125", 0.125),
        ("3,14", 3.14), ("-7", None), ("1,299", None), ("1.299", None), ("1,2,3", None), ("1.2.3,4,5", None),
        ("about ten", None), ("", None), ("12 monkeys", None), (".", None),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float | None) -> None:
    assert number(text) == (pytest.approx(value) if value is not None else None)


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers(text: str) -> None:
    number(text)
    weekly_workload(text)
    level(text)
    found = price(text)
    assert found is None or found[0] >= 0


@given(st.integers(0, 10**9), st.sampled_from([("", "."), (",", "."), (".", ","), (" ", ","), ("'", ".")]))
def test_money_written_in_any_convention_is_read_back(cents: int, marks: tuple[str, str]) -> None:
    thousands, decimal = marks
    whole = f"{cents // 100:,}".replace(",", thousands)
    assert price(f"€ {whole}{decimal}{cents % 100:02}") == (pytest.approx(cents / 100), "EUR")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("€49,90", (49.9, "EUR")), ("49,90 €", (49.9, "EUR")), ("US$ 1,299.00", (1299.0, "USD")),
        ("USD 1,299", (1299.0, "USD")), ("$49 USD", (49.0, "USD")), ("$49", (49.0, None)),
        ("£10", (10.0, "GBP")), ("49 EUR", (49.0, "EUR")), ("EUR 49,-", (49.0, "EUR")),
        ("1.299 €", (1299.0, "EUR")), ("R$ 99,90", (99.9, "BRL")), ("CHF 1'200.50", (1200.5, "CHF")),
        ("Free", (0.0, None)), ("GRATIS", (0.0, None)), ("Gratuit", (0.0, None)), ("kostenlos", (0.0, None)),
        ("0", (0.0, None)), ("49.90", (49.9, None)), ("49", (49.0, None)), ("120 zł", (120.0, "PLN")),
        ("from €10 to €20", None), ("$99 $49", None), ("€10 GBP", None), ("ask us", None), ("", None),
        ("49 per month", None), ("12 CAR", None), ("-5 €", None), ("1.299", None),
    ],
)  # fmt: skip
def test_prices(text: str, meant: tuple[float, str | None] | None) -> None:
    assert price(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Beginner", "beginner"), ("Introductory level", "beginner"), ("Nivel básico", "beginner"),
        ("Débutants", "beginner"), ("Anfänger", "beginner"), ("A1", "beginner"), ("CEFR A2+", "beginner"),
        ("A1-A2", "beginner"), ("intermedio", "intermediate"), ("B2", "intermediate"),
        ("205", "intermediate"),
        ("Mittelstufe", "intermediate"), ("Grade 7", "intermediate"), ("Avanzado", "advanced"),
        ("C1", "advanced"), ("Fortgeschrittene", "advanced"), ("CS 340", "advanced"),
        ("12th grade", "advanced"),
        ("B2-C1", None), ("beginner to advanced", None), ("all levels", None), ("Grade 15", None),
        ("42", None),
        ("undergraduate", None), ("", None),
    ],
)  # fmt: skip
def test_levels(text: str, meant: str | None) -> None:
    assert level(text) == meant


def test_levels_on_no_scale_are_na_and_counted() -> None:
    found, repairs = levels.levels(pd.Series(["beginner", "B1", "whatever", None], dtype="str"))
    assert found.tolist()[:2] == ["beginner", "intermediate"]
    assert found.isna().tolist() == [False, False, True, True]
    assert repairs == {"level on no known scale: NA": 1, "level put on one scale": 1}


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("3-4 hours a week", (3, 4)), ("3 to 4 hours per week", (3, 4)), ("2–3 h/week", (2, 3)),
        ("dos horas por semana", (2, 2)), ("de 2 horas", None), ("5 hours weekly", (5, 5)),
        ("3 à 4 heures par semaine", (3, 4)), ("2 bis 3 Stunden pro Woche", (2, 3)),
        ("three to five hours a week", (3, 5)), ("4-3 hours a week", None), ("hours a week", None),
    ],
)  # fmt: skip
def test_weekly_workloads(text: str, hours: tuple[float, float] | None) -> None:
    meant = None if hours is None else tuple(3600.0 * hour for hour in hours)
    assert weekly_workload(text) == meant


@pytest.mark.parametrize(
    ("text", "weeks"),
    [
        ("twelve weeks", 12),
        ("doce semanas", 12),
        ("zwölf Wochen", 12),
        ("douze semaines", 12),
        ("12 weeks", 12),
    ],
)
def test_lengths_in_words(text: str, weeks: int) -> None:
    assert seconds(text) == weeks * 7 * 86_400
