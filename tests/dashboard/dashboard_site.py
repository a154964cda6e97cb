"""What the tests of the pages share: the API and the dashboard as processes, a lesson, hostile words."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

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
    field.fill(key)
    field.press("Enter")


def drawn(page: Page) -> None:
    """Waits until nothing of the page as it was before is left on it."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def nothing_is_active(page: Page) -> None:
    """No markup of HOSTILE became any."""
    for hostile in ACTIVE:
        assert page.locator(hostile).count() == 0, hostile
    assert page.title() == "Learnloop"
