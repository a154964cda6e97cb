"""The API as a process of its own, on the demo's home: started, used, its database killed, ended."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from learnloop.store import api_keys, embedded, reading
from learnloop.workflow import services

ITEM = "demo:courses/python-foundations/variables-and-types"


class Api:
    """A client of the running server, and the server's process."""

    def __init__(self, url: str, key: str, process: "subprocess.Popen[bytes]") -> None:
        self.url, self.key, self.process = url, key, process

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, JSON), of a POST where there is a body."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - as above
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def recommended(self, learner_id: str) -> dict[str, list[str]]:
        """item_id -> codes of its reasons, best first."""
        status, body = self.ask(f"/v1/learners/{learner_id}/recommendations")
        assert status == 200, body
        return {item["item_id"]: [reason["code"] for reason in item["reasons"]] for item in body["items"]}


@pytest.fixture(scope="module")
def api(demo: Any) -> Iterator[Api]:
    settings = demo.loop.settings
    process, port = services.started(partial(services.api, settings), 0, "health/live", settings)
    try:
        yield Api(f"http://127.0.0.1:{port}", api_keys.create(demo.loop.engine, "service"), process)
    finally:
        services.stop_all([process])


def event(learner_id: str, item_id: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"end-to-end-{number}",
        "learner_id": learner_id,
        "item_id": item_id,
        "verb": "completed",
        "occurred_at": datetime.now(UTC).isoformat(),
        **more,
    }


def test_it_is_ready_with_the_champion(api: Api, demo: Any) -> None:
    services.wait_until_up(f"{api.url}/health/ready", api.process, demo.loop.settings)
    status, body = api.ask("/health/ready")
    assert (status, body["release"]) == (200, demo.loop.registry.champion_version())


def test_an_event_changes_the_next_recommendations(api: Api, demo: Any) -> None:
    learner = demo.report["example"]["learner_id"]
    before = api.recommended(learner)
    done = next(item_id for item_id, reasons in before.items() if "review" not in reasons)
    assert api.ask("/v1/events", event(learner, done, 1))[0] == 201
    after = api.recommended(learner)
    assert list(after) != list(before)
    # completing it proves no mastery: where other lessons rest on it, it comes again, and says why
    assert done not in after or "review" in after[done]


def test_a_learner_nobody_has_heard_of_is_advised_too(api: Api) -> None:
    newcomer = "0" * 32
    before = api.recommended(newcomer)
    first = next(iter(before))
    assert "start_here" in before[first]
    answers = [
        event(newcomer, f"{first}#q{n}", 10 * n + m, verb="answered", correct=True)
        for n in (1, 2)
        for m in range(4)
    ]
    assert api.ask("/v1/events", [event(newcomer, first, 2), *answers])[0] == 201
    after = api.recommended(newcomer)
    assert first not in after
    assert "start_here" not in set().union(*after.values())


def test_the_first_start_left_keys_that_work(api: Api, demo: Any) -> None:
    for name, role in (("api-admin.key", "admin"), ("api-dashboard.key", "service")):
        file = demo.loop.settings.secrets_dir / name
        assert file.stat().st_mode & 0o777 == 0o600
        assert Api(api.url, file.read_text().strip(), api.process).ask("/v1/me")[1]["role"] == role
    assert Api(api.url, "ll_0000_0000", api.process).ask("/v1/me")[0] == 401


def test_it_answers_again_after_its_database_was_killed(api: Api, demo: Any) -> None:
    """Nobody starts the database again but the API; meanwhile it says 503, and what it took is kept."""
    learner, home = demo.report["example"]["learner_id"], demo.loop.settings.home
    killed = embedded.status(home)["pid"]
    os.kill(killed, signal.SIGKILL)
    answers: dict[str, int] = {}
    back, deadline = False, time.monotonic() + 180
    while not back and time.monotonic() < deadline:
        posted = event(learner, ITEM, 100 + len(answers))
        status, body = api.ask("/v1/events", posted)
        answers[posted["event_id"]] = status
        assert status in (201, 503), body
        assert status == 201 or "database" in body["detail"], body
        server = embedded.status(home)
        back = server["running"] and server["pid"] != killed and api.ask("/health/ready")[0] == 200
        time.sleep(0.2)
    assert back, answers
    kept = set(reading.learner_interactions(demo.loop.engine, learner)["event_id"])
    assert {event_id for event_id, status in answers.items() if status == 201} <= kept
    assert api.ask("/v1/events", event(learner, ITEM, 99))[0] == 201
    assert api.process.poll() is None


def test_sigterm_ends_it(api: Api) -> None:
    api.process.send_signal(signal.SIGTERM)
    assert api.process.wait(60) in (0, -signal.SIGTERM)
    with pytest.raises(urllib.error.URLError):
        api.ask("/health/live")
