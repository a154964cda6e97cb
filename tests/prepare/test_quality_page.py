"""The report as a page: what it says, that it is one sound document, and that no data can write into it."""

import doctest
from datetime import UTC, datetime

import lxml.html
import pandas as pd
import pytest
from matplotlib.figure import Figure

from learnloop.prepare import quality_html, quality_page, quality_plots, quality_words
from learnloop.prepare import quality_tables as tables
from learnloop.prepare.rules import RULES
from learnloop.schemas import Accounting

HOSTILE = "学習 <script>alert(1)</script> ${body} $x_1$ \x07 \" onload='x' </text></svg>"


def frame(columns: str, *rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns.split())


def nothing_stored() -> tables.Stored:
    lacks = "no_correct no_score no_duration_s"
    return tables.Stored(
        items=frame("source kind n " + " ".join(f"no_{name}" for name in quality_words.STORED)),
        languages=frame("source language n"),
        lengths=frame("source bin n"),
        filled=frame("source field n"),
        events=frame(f"source verb imputed n {lacks} first_at last_at"),
        learners=frame("source learner_id n"),
        spent=frame(" ".join(tables.SPENT)),
        times=frame("bin within beyond"),
        joins=frame("join rows unmatched"),
    )


def quality(
    accounts: dict[tuple[str, str], Accounting] | None = None,
    stored: tables.Stored | None = None,
    run: tables.Run | None = None,
    imports: tuple[dict[str, object], ...] = (),
) -> tables.Quality:
    told = tables.accounts_of(accounts or {})
    at = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    return tables.Quality(at, *told, run or tables.Run(), stored or nothing_stored(), imports)


def full(name: str = "school") -> tables.Quality:
    """A bit of everything, `name` wherever data brings its own words."""
    lacks = [0] * len(quality_words.STORED)
    stored = tables.Stored(
        items=frame(
            "source kind n " + " ".join(f"no_{one}" for one in quality_words.STORED),
            (name, "lesson", 3, 2, *lacks[1:]),
        ),
        languages=frame("source language n", (name, "en", 2), (name, name, 1), ("other", "und", 5)),
        lengths=frame("source bin n", (name, 36, 2), (name, 40, 1)),
        filled=frame("source field n", (name, "language", 2), (name, name, 1)),
        events=frame(
            "source verb imputed n no_correct no_score no_duration_s first_at last_at",
            (name, "answered", "verb", 9, 1, 2, 3, None, None),
        ),
        learners=frame("source learner_id n", (name, "l1", 9)),
        spent=frame(" ".join(tables.SPENT), (name, 8, 1, 42.0, 90.0, 2)),
        times=frame("bin within beyond", (20, 6, 0), (44, 0, 2)),
        joins=frame("join rows unmatched", ("items without their parent", 4, 1)),
    )
    run = tables.Run(
        fields=frame(
            " ".join(tables.FIELDS), (name, "title", 1, 2, 0, 0, 0), (name, "licence", 0, 0, 0, 1, 2)
        ),
        languages=frame(" ".join(tables.LANGUAGES), (name, name, "en", 2), (name, "", "es", 1)),
        forms=frame(" ".join(tables.FORMS), (name, name, None, 3), ("PT#M", "PT12M", 720.0, 1)),
        copies=frame(" ".join(tables.COPIES), (name, f"http://example.org/{name}", f"s:{name}")),
    )
    accounts = {
        (name, name): Accounting(10, 8, {"fix_mojibake": 2, name: 3}, {"duplicate": 1, name: 1}),
        ("other", "events"): Accounting(4000, 4000, {"fix_mojibake": 1200}, {}),
    }
    imported = {"source": name, "started_at": datetime(2026, 1, 2, tzinfo=UTC), "files": 1, "read": 10}
    return quality(accounts, stored, run, ({**imported, "kept": 8, "state": "counted"},))


def text_of(document: str) -> str:
    return " ".join(lxml.html.fromstring(document).text_content().split())


def test_the_examples_hold() -> None:
    assert doctest.testmod(quality_html).failed == 0


def test_every_rule_is_there_in_words_that_anybody_reads() -> None:
    assert set(quality_words.RULES) == {rule.name for rule in RULES}
    text = text_of(quality_page.page(full()))
    for rule in RULES:
        assert rule.name.replace("_", " ") in text
        assert quality_words.RULES[rule.name] in text
    assert set(quality_words.FIELDS) == set(tables.TOLD_BY)


def test_what_it_says() -> None:
    document = quality_page.page(full())
    text = text_of(document)
    assert "Of 4,010 records from 2 sources, 4,008 (>99.9%) were kept and 2 refused" in text
    assert "kept and refused add up" in text
    assert "04 March 2026 at 05:06 UTC" in text
    cells = [
        [" ".join(c.text_content().split()) for c in row] for row in lxml.html.fromstring(document).iter("tr")
    ]
    assert ["school", "school", "10", "8", "2", "20%", "5"] in cells
    assert ["school", "title", "1", "2", "0", "0", "0"] in cells
    assert next(row for row in cells if row[0].startswith("fix mojibake"))[1:] == ["1,202", "1,200", "2"]
    assert ["school", "duplicate", "1"] in cells
    assert ["nothing", "Spanish", "1"] in cells
    assert ["PT#M", "PT12M", "12 min", "1"] in cells
    assert ["school", "8", "1", "42 s", "1 min 30 s", "2"] in cells
    assert ["school", "verb of an event", "9"] in cells
    assert ["items without their parent", "4", "1", "25%"] in cells
    assert ["school", "2026-01-02 00:00", "1", "10", "8", "counted"] in cells


def test_an_account_that_does_not_add_up_is_said_aloud() -> None:
    text = text_of(quality_page.page(quality({("s", "pages"): Accounting(5, 3, {}, {"odd": 1})})))
    assert "They do not add up for: s pages." in text
    assert "Nothing was lost" not in text


def test_nothing_at_all() -> None:
    document = quality_page.page(quality())
    assert "There is no data yet" in document
    assert "learnloop collect web" in document
    assert "<section" not in document


def test_events_without_any_account() -> None:
    stored = full().stored
    text = text_of(quality_page.page(quality(stored=stored)))
    assert "No pages were collected and no files imported" in text
    assert "9events of learners stored" in text


def test_nothing_that_the_data_says_becomes_part_of_the_page() -> None:
    plain, hostile = (lxml.html.fromstring(quality_page.page(full(name))) for name in ("school", HOSTILE))
    assert not list(hostile.iter("script"))
    assert [e.tag for e in hostile.iter() if isinstance(e.tag, str)].count("svg") == len(
        list(plain.iter("svg"))
    )
    for element in hostile.iter():
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on"), element.tag
            if attribute.rpartition("}")[2] in ("href", "src", "xlink:href"):
                assert value.startswith("#"), "the page asks for something elsewhere"
    assert "学習 <script>alert(1)</script> ${body} $x_1$" in hostile.text_content()
    (policy,) = hostile.xpath("//meta[@http-equiv]/@content")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_same_numbers_make_the_same_page() -> None:
    assert quality_page.page(full()) == quality_page.page(full())


def test_a_page_is_known_as_ours_by_its_first_bytes() -> None:
    assert quality_page.MARK in quality_page.page(quality())[:1000]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (2.54, "2.5 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (86_461, "1 day 1 min"),
        (1_209_600, "2 weeks"),
    ],
)
def test_lengths_in_words(seconds: float, told: str) -> None:
    assert quality_html.seconds(seconds) == told
    assert quality_html.seconds(None) is None


def drawn(figure: Figure) -> list[str]:
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts]


def test_bars_stand_in_order_and_say_their_numbers() -> None:
    figure = quality_plots.counts_by_name({"few": 3, "many": 40, "none": 0}, "records")
    assert drawn(figure) == ["3", "40"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["few", "many"]
    assert figure.axes[0].get_xscale() == "linear"
    assert quality_plots.counts_by_name({"few": 3, "many": 40_000}, "records").axes[0].get_xscale() == "log"
    (axes,) = quality_plots.counts_by_name({f"rule {n}": n for n in range(1, 30)}, "records").axes
    assert axes.get_xlabel() == "records: the 18 most frequent"
    assert len(axes.patches) == 18


def test_fields_are_drawn_as_their_shares() -> None:
    figure = quality_plots.fields_before_and_after(full().run.fields, quality_words.FIELDS)
    widths = {round(bar.get_width(), 3) for bar in figure.axes[0].patches if bar.get_width()}
    assert widths == {round(1 / 3, 3), round(2 / 3, 3)}


def test_rare_languages_are_drawn_together() -> None:
    many = frame(
        "source language n",
        *[("s", code, 90 - n) for n, code in enumerate(["en", "es", "fr", "de", "pt", "it", "nl", "sv"])],
    )
    figure = quality_plots.languages_by_source(many, quality_words.LANGUAGES)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["English", "Spanish", "French", "German", "Portuguese", "others"]
    assert sum(bar.get_width() for bar in figure.axes[0].patches) == pytest.approx(1.0)
