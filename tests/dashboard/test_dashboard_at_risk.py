"""The page of who may fail or leave, in a real browser: without a model, with one, in both languages."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dashboard_site import HOSTILE, in_a_browser, nothing_is_active, site
from playwright.sync_api import Page, expect

from learnloop.assess import risk_list
from learnloop.assess.at_home import day_of, tables_of
from learnloop.dashboard.at_risk import tenths
from learnloop.schemas import ENROLMENTS, INTERACTIONS, ITEMS
from learnloop.settings import Settings
from learnloop.store import coursework, loading
from learnloop.workflow.context import Loop

N, DUE = 60, (5, 12)


@dataclass(frozen=True)
class Pages:
    address: str
    model: Path
    book: dict[str, Any]


def college(today: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """One module twice, a year ago and for twenty days: who is odd hands in nothing, and failed last time."""
    starts = {"last": today - pd.Timedelta(days=400), "now": today - pd.Timedelta(days=20)}

    def item(item_id: str, kind: str, title: str, attributes: dict[str, Any]) -> dict[str, Any]:
        row = dict.fromkeys(ITEMS.columns)
        about = {"item_id": item_id, "source": "risk", "kind": kind, "title": title, "text": ""}
        return {**row, **about, "language": "en", "attributes": attributes}

    items = [
        item(f"risk:A-{name}", "course", f"{name} {HOSTILE}",
             {"module": "A", "presentation": name, "starts_on": start.date().isoformat(), "days": 100})
        for name, start in starts.items()
    ]  # fmt: skip
    items += [
        item(f"risk:A-T{day}", "assessment", "A test",
             {"assessment_type": "CMA",
              "presentations": {name: {"id": f"{name}{day}", "day": day, "weight": 50} for name in starts}})
        for day in DUE
    ]  # fmt: skip
    enrolments, came = [], []
    for name, start in starts.items():
        for k in range(N):
            learner, begun = f"{name}-{k:02d}", start - pd.Timedelta(days=9)
            result = None if name == "now" else "Fail" if k % 2 else "Pass"
            enrolments.append((learner, f"risk:A-{name}", begun, None, result, {"gender": "F"}))
            came += [
                {
                    **dict.fromkeys(INTERACTIONS.columns),
                    "event_id": f"risk:{learner}-{day}", "learner_id": learner, "item_id": f"risk:A-T{day}",
                    "verb": "answered", "score": 0.6 + k / 400, "correct": True,
                    "occurred_at": start + pd.Timedelta(days=day - 1), "source": "risk",
                }
                for day in DUE if k % 2 == 0 or k % 10 == 1
            ]  # fmt: skip
    names = ["learner_id", "item_id", "registered_at", "unregistered_at", "result", "attributes"]
    return {
        "items": ITEMS.validate(pd.DataFrame(items)),
        "enrolments": ENROLMENTS.validate(pd.DataFrame(enrolments, columns=names)),
        "interactions": INTERACTIONS.validate(pd.DataFrame(came)),
    }


@pytest.fixture(scope="module")
def pages(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("at-risk")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none"))
    today = pd.Timestamp.now(tz="UTC").normalize()
    for table, frame in college(today).items():
        loading.load(loop.engine, table, frame)
    own = coursework.read(loop.engine)
    tables = tables_of(own.enrolments, own.items, own.hand_ins)
    book = risk_list.train(tables, day_of(today), weeks=(2,))
    with site(loop, "operator") as found:
        yield Pages(f"{found.operator}?page=at-risk", home / risk_list.FILE, book)


@in_a_browser
def test_without_a_model_it_says_what_to_type_and_before_its_first_week_to_wait(
    pages: Pages, page: Page
) -> None:
    pages.model.unlink(missing_ok=True)
    page.goto(pages.address)
    expect(page.get_by_text("learnloop at-risk --train", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("No model for this is kept here")).to_be_visible()
    pages.model.write_text(json.dumps({**pages.book, "weeks": {"4": pages.book["weeks"]["2"]}}))
    page.reload()
    expect(page.get_by_text("There is nothing to estimate of this course today.")).to_be_visible()
    expect(page.get_by_text("the first estimate is made on day 28")).to_be_visible()
    expect(page.locator("[data-testid=stDataFrame]")).to_have_count(0)


@in_a_browser
@pytest.mark.parametrize(
    ("language", "heading", "sober", "told", "missing"),
    [
        (
            "en",
            "Who may need help",
            "An estimate is a reason to ask a learner how it goes, and no more",
            r"Day 2[01] of 100\. Of 60 learners about 30 fail or leave",
            "Not handed in: 2 of 2 that were due",
        ),
        (
            "es",
            "Quién puede necesitar ayuda",
            "Una estimación es un motivo para preguntar a un estudiante cómo le va, y nada más",
            r"Día 2[01] de 100\. De 60 estudiantes, unos 30 suspenden o abandonan",
            "Sin entregar: 2 de 2 que ya vencieron",
        ),
    ],
)
def test_who_may_fail_and_why(
    pages: Pages, page: Page, language: str, heading: str, sober: str, told: str, missing: str
) -> None:
    pages.model.write_text(json.dumps(pages.book))
    page.goto(f"{pages.address}&language={language}")
    expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=60_000)
    expect(page.get_by_text(sober)).to_be_visible()
    expect(page.get_by_text(re.compile(told))).to_be_visible()  # 21, where midnight has come meanwhile
    cells = page.locator("[data-testid=stDataFrame] [role=gridcell]")
    expect(cells.filter(has_text=missing).first).to_be_attached()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(1)
    nothing_is_active(page)


@pytest.mark.parametrize("risks", [[], [0.0], [1.0], [0.05, 0.1, 0.19, 0.95, 1.0]])
def test_every_estimate_is_in_one_tenth(risks: list[float]) -> None:
    found = tenths(risks)
    assert found["learners"].sum() == len(risks)
    assert len(found) == 10
    for low, high, learners in found[["low", "high", "learners"]].itertuples(index=False):
        inside = [one for one in risks if low <= one < high or (one == 1.0 and low == 0.9)]
        assert len(inside) == learners
