"""What the tests of the pages share: the API and the dashboard as processes, a lesson, hostile words."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from learnloop.store import loading
from learnloop.workflow import services
from learnloop.workflow.context import Loop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
HOSTILE = '<img src=x onerror="document.title=1"> **bold** [x](javascript:alert(1)) https://evil.example'
ACTIVE = ("img[src=x]", "a[href^=javascript]", "a[href*='evil.example']", "strong:text('bold')")
PATIENCE = 60_000  # ms
AT_REST = 20_000  # ms that a page at rest may take to answer before it is asked again
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@dataclass(frozen=True)
class Site:
    """Addresses: of the dashboard with a key of its own, of the one that asks each reader, of the API."""

    operator: str
    open: str
    api: str


@contextmanager
def site(loop: Loop, *doors: str, until: str = "live") -> Iterator[Site]:
    """The site of a loop, which is closed behind it. doors: `operator`, `open`; a dashboard each.

    until: `live`, or `ready` where there is a release.
    """
    nobody = replace(loop.settings, api_key_file=loop.settings.home / "no such key")
    ports = [services.free_port(0) for _ in range(1 + len(doors))]
    addresses = [f"http://{services.LOOPBACK}:{port}/" for port in ports]
    api = addresses[0].rstrip("/")
    running = [services.api(loop.settings, ports[0])]
    try:
        services.wait_until_up(f"{api}/health/{until}", running[0], loop.settings)
        for door, port in zip(doors, ports[1:], strict=True):
            asks = loop.settings if door == "operator" else nobody
            running.append(services.dashboard(asks, port, api, log=True))
        for address, process in zip(addresses[1:], running[1:], strict=True):
            services.wait_until_up(f"{address}_stcore/health", process, loop.settings)
        found = dict(zip(doors, addresses[1:], strict=True))
        yield Site(found.get("operator", ""), found.get("open", ""), api)
    finally:
        services.stop_all(running)
        loop.close()


def one_lesson(loop: Loop, item_id: str, text: str = "Loops.") -> None:
    row = dict.fromkeys(("parent_id", "position", "abstract", "subject", "level", "duration_s"))
    row |= dict.fromkeys(("licence", "url", "answer"))
    row |= {"item_id": item_id, "source": "demo", "kind": "lesson", "title": "Loops", "text": text}
    loading.load(loop.engine, "items", pd.DataFrame([{**row, "language": "en", "attributes": {}}]))


def signed_in(page: Page, address: str, key: str) -> None:
    """Opens the page and gives the key to the field that asks for one."""
    page.goto(address)
    field = page.locator("input[type=password]")
    expect(field).to_be_visible(timeout=PATIENCE)
    write(field, key)


def write(field: Locator, text: str) -> None:
    """Writes it, and Enter."""
    drawn(field.page)
    field.fill(text)
    field.press("Enter")


def drawn(page: Page) -> None:
    """Waits until nothing of the page as it was before is left on it."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def until(shown: Locator, act: Callable[[], object]) -> None:
    """Acts on a page at rest until it answers: a click on what is just drawn anew reaches nobody."""
    for patience in (AT_REST, AT_REST, PATIENCE):
        drawn(shown.page)
        act()
        with suppress(TimeoutError):
            shown.first.wait_for(timeout=patience)
            break
    expect(shown.first).to_be_visible()
    drawn(shown.page)


def press(page: Page, name: str, shown: str | Locator) -> None:
    """The button whose name begins so (the key that does the same may follow), until the page answers."""
    told = page.get_by_text(shown) if isinstance(shown, str) else shown
    until(told, page.get_by_role("button", name=re.compile(rf"^{re.escape(name)}\b")).first.click)


def key(page: Page, name: str, shown: str | Locator) -> None:
    """A key, until the page answers."""
    told = page.get_by_text(shown) if isinstance(shown, str) else shown
    until(told, lambda: page.keyboard.press(name))


def choose(page: Page, label: str, option: str) -> None:
    """Out of a list with the keyboard alone, until it stands there: a page drawn anew shuts the list."""
    box = page.get_by_role("combobox", name=label, exact=True)
    for _ in range(3):
        drawn(page)
        box.fill("")
        box.press_sequentially(option[:3])
        with suppress(TimeoutError, AssertionError):
            page.get_by_role("option", name=option, exact=True).wait_for(timeout=AT_REST)
            box.press("Enter")
            expect(box).to_have_value(option, timeout=AT_REST)
            break
    expect(box).to_have_value(option)
    drawn(page)


def nothing_is_active(page: Page) -> None:
    """No markup of HOSTILE became any."""
    for hostile in ACTIVE:
        assert page.locator(hostile).count() == 0, hostile
    assert page.title() == "Learnloop"
