"""Health, metrics, the release that swaps under load, and starts where something is missing."""

import asyncio
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from serve_school import School, catalogue, event, learner_id, lesson, release_folder
from starlette.testclient import TestClient

from learnloop.serve import replies
from learnloop.serve.app import create_app
from learnloop.serve.state import Keeper
from learnloop.settings import Settings
from learnloop.store import api_keys, embedded, loading, releases


def test_health(api: TestClient) -> None:
    assert api.get("/health/live").json() == {"status": "alive"}
    assert api.get("/health/ready").json() == {"status": "ready", "release": 1}


def test_operations(api: TestClient, school: School) -> None:
    found = replies.Operations.model_validate(api.get("/v1/operations").json())
    assert found.release is not None
    assert found.release.version == 1
    assert found.release.manifest["seed"] == 0
    assert found.metrics["ranking"]["ials"]["ndcg"]["value"] == 0.5
    assert found.counts["items"] >= len(catalogue()["items"])
    assert found.counts["interactions"] == school.rows()
    assert [(one.version, one.champion) for one in found.versions] == [(2, False), (1, True)]
    assert found.trouble == []


def test_metrics_count_by_template_and_name_no_learner(api: TestClient) -> None:
    who, item = learner_id("counted"), lesson("python", 0)
    api.post("/v1/events", json=event(learner={"source": "moodle", "id": "counted"}))
    for path in (f"learners/{who}/recommendations", f"items/{item}", f"learners/{who}/nothing"):
        api.get(f"/v1/{path}")
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    template = 'route="/v1/learners/{learner_id}/recommendations",status="200"'
    assert f'learnloop_requests_total{{method="GET",{template}}}' in text
    assert 'route="unmatched",status="404"' in text
    assert 'learnloop_events_total{outcome="accepted"}' in text
    assert 'learnloop_recommendations_total{reason="' in text
    assert "learnloop_release_version 1.0" in text
    for secret in (who, item, "counted"):
        assert secret not in text


def counted(api: TestClient, line: str) -> float:
    found = [row for row in api.get("/metrics").text.splitlines() if row.startswith(line)]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_events_are_counted_by_what_became_of_them(api: TestClient) -> None:
    def counts() -> list[float]:
        return [
            counted(api, f'learnloop_events_total{{outcome="{outcome}"}}')
            for outcome in ("accepted", "duplicate", "refused")
        ]

    before, sent = counts(), event()
    api.post("/v1/events", json=[sent, event()])
    api.post("/v1/events", json=sent)
    api.post("/v1/events", json=[event("school:nothing"), event()])
    api.post("/v1/events", json=event(score=7))
    assert [after - was for was, after in zip(before, counts(), strict=True)] == [2, 1, 3]


def until(check: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_promotion_swaps_and_a_rollback_swaps_back(school: School) -> None:
    who = learner_id("ana")
    path = f"/v1/learners/{who}/recommendations"
    with school.client(poll_seconds=0.05) as client:
        # three candidates: of two, one has all the relevance and one has none, whatever the model
        client.post("/v1/events", json=[event(), event(lesson("cocina", 0))])
        first = client.get(path).json()
        assert first["release"] == 1
        try:
            school.registry.promote(2)
            until(lambda: client.get("/health/ready").json()["release"] == 2)
            second = client.get(path).json()
            assert second["release"] == 2
            assert [i["score"] for i in second["items"]] != [i["score"] for i in first["items"]]
            assert counted(client, "learnloop_release_version") == 2
            versions = client.get("/v1/operations").json()["versions"]
            assert [(one["version"], one["champion"], one["replaced"]) for one in versions] == [
                (2, True, 1),
                (1, False, None),
            ]
        finally:
            assert school.registry.rollback() == (2, 1)
        until(lambda: client.get("/health/ready").json()["release"] == 1)
        again = client.get(path).json()
        assert again["items"] == first["items"], "the old release answers differently after a rollback"


def test_a_swap_drops_no_request(school: School) -> None:
    """Requests run on while the champion changes: each is answered, and by one release or the other."""
    app = create_app(school.settings, school.database_url, poll_seconds=0.02)
    path = f"/v1/learners/{learner_id('ana')}/recommendations"
    headers = school.headers("service")

    async def story() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
        ):
            done = asyncio.Event()

            async def ask() -> None:
                while not done.is_set():
                    answer = await client.get(path)
                    seen.append((answer.status_code, answer.json().get("release", 0)))

            asking = [asyncio.create_task(ask()) for _ in range(4)]
            try:
                for version in (2, 1, 2, 1):
                    await asyncio.to_thread(school.registry.promote, version)
                    async with asyncio.timeout(20):
                        while not seen or seen[-1][1] != version:
                            await asyncio.sleep(0.02)
            finally:
                done.set()
                await asyncio.gather(*asking)
        return seen

    seen = asyncio.run(story())
    assert {status for status, _ in seen} == {200}
    assert {release for _, release in seen} == {1, 2}


def test_a_broken_champion_does_not_replace_a_good_one(school: School, tmp_path: Path) -> None:
    folder = release_folder(tmp_path / "broken", factors=4, seed=5)
    with school.registry.run("train") as run:
        pass
    broken = school.registry.register(folder, run.id, school.settings.home / "model.py", {})
    (broken.folder / "recommender" / "ials" / "arrays.safetensors").write_bytes(b"cut short")
    with school.client(poll_seconds=0.05) as client:
        try:
            school.registry.promote(broken.version)
            until(lambda: client.get("/v1/operations").json()["trouble"])
            assert "does not match its manifest" in client.get("/v1/operations").json()["trouble"][0]
            assert client.get("/health/ready").json() == {"status": "ready", "release": 1}
        finally:
            school.registry.promote(1)
        until(lambda: not client.get("/v1/operations").json()["trouble"])


def test_a_registry_that_names_no_champion_for_a_moment_changes_nothing(school: School) -> None:
    registry = school.registry
    keeper = Keeper(school.settings, school.database_url)
    try:
        keeper.refresh()
        registry._client.delete_registered_model_alias(releases.MODEL, "champion")
        assert registry.champion_version() is None
        keeper.refresh()
        assert keeper.current.released.version == 1
    finally:
        registry.promote(1)
        keeper.close()


def test_a_look_that_finds_nothing_new_changes_nothing(school: School) -> None:
    """What is kept of a learner hangs on these very objects; and a release takes seconds to load."""
    keeper = Keeper(school.settings, school.database_url)
    try:
        keeper.refresh()
        before = keeper.current, keeper.current.models, keeper.rules
        keeper.refresh()
        assert all(
            one is other
            for one, other in zip(before, (keeper.current, keeper.current.models, keeper.rules), strict=True)
        )
    finally:
        keeper.close()


def test_new_content_arrives_without_a_restart(school: School) -> None:
    path = f"/v1/learners/{learner_id('waiting')}/recommendations?k=50"
    with school.client(poll_seconds=0.05) as client:
        assert "school:while-running" not in client.get(path).text
        with school.newer_lesson("school:while-running"):
            until(lambda: "school:while-running" in client.get(path).text)
        until(lambda: "school:while-running" not in client.get(path).text)


def test_a_release_without_a_tracer(school: School, tmp_path: Path) -> None:
    """Nobody has answered anything yet: then having done a lesson opens the next one."""
    folder = release_folder(tmp_path / "untraced", factors=4, seed=6, with_tracer=False)
    with school.registry.run("train") as run:
        pass
    untraced = school.registry.register(folder, run.id, school.settings.home / "model.py", {})
    who = learner_id("reader")
    try:
        school.registry.promote(untraced.version)
        with school.client() as client:
            client.post("/v1/events", json=event(learner=None, learner_id=who))
            found = client.get(f"/v1/learners/{who}/recommendations").json()["items"]
            mastery = client.get(f"/v1/learners/{who}/mastery").json()
    finally:
        school.registry.promote(1)
    assert lesson("python", 1) in [item["item_id"] for item in found]
    assert {item["p_correct"] for item in found} == {None}
    assert mastery["concepts"] == []


@pytest.fixture
def unreleased(database_url: str, engine: sa.Engine, tmp_path: Path) -> Settings:
    for table, frame in catalogue().items():
        loading.load(engine, table, frame)
    return Settings(home=tmp_path, database_url=database_url, pseudonym_key="k" * 40)


def test_it_starts_before_anything_is_released(unreleased: Settings, engine: sa.Engine) -> None:
    token = api_keys.create(engine, "service")
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(create_app(unreleased, unreleased.database_url), headers=headers) as client:
        assert client.get("/health/live").status_code == 200
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["detail"] == "nothing has been released yet. Try: learnloop run"
        who = learner_id("early")
        for part in ("recommendations", "mastery"):
            answer = client.get(f"/v1/learners/{who}/{part}")
            assert answer.status_code == 503
            assert answer.json()["detail"] == "nothing has been released yet. Try: learnloop run"
        sent = event(learner=None, learner_id=who)
        assert client.post("/v1/events", json=sent).status_code == 201
        assert client.get(f"/v1/learners/{who}/progress").json()["events"] == 1
        assert client.get(f"/v1/items/{lesson('python', 0)}").status_code == 200
        found = client.get("/v1/operations").json()
        assert (found["release"], found["versions"]) == (None, [])
        assert found["trouble"] == ["nothing has been released yet. Try: learnloop run"]


def test_it_starts_without_a_database_and_finds_it_later(school: School) -> None:
    nowhere = sa.make_url(school.database_url).set(port=1).render_as_string(hide_password=False)
    settings = replace(school.settings, database_url=nowhere)
    app = create_app(settings, nowhere, poll_seconds=0.05)
    with TestClient(app, headers=school.headers("service"), raise_server_exceptions=False) as client:
        assert client.get("/health/live").status_code == 200
        for path in ("/health/ready", "/v1/me", "/v1/operations", "/v1/questions"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
            assert answer.json()["detail"] == "the database does not answer. Try: learnloop doctor"
            assert "port" not in answer.text
        app.state.backend.keeper.database_url = school.database_url
        until(lambda: client.get("/health/ready").status_code == 200)
        assert client.get("/v1/me").status_code == 200


def test_a_killed_embedded_database_is_started_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    url = embedded.ensure_running(home)
    try:
        keeper = Keeper(Settings(home=home, pseudonym_key="k" * 40), url)
        keeper.refresh()
        assert keeper.ready().keys() == {"release"}
        os.kill(embedded.status(home)["pid"], signal.SIGKILL)
        until(lambda: not embedded.status(home)["running"])
        until(lambda: keeper.refresh() or keeper.ready().keys() == {"release"}, 30)
        embedded.stop(home)
        keeper.refresh()
        keeper.refresh()
        assert not embedded.status(home)["running"], "a database that was stopped was started"
        assert "database" in keeper.ready()
        keeper.close()
    finally:
        embedded.stop(home)


def test_the_documentation_is_complete(api: TestClient) -> None:
    document = api.get("/openapi.json").json()
    tags = {tag["name"] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert set(operation["tags"]) <= tags, (method, path)
    examples = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"][
        "examples"
    ]
    for example in examples.values():
        answer = api.post("/v1/events", json=example["value"])
        assert [error["message"] for error in answer.json()["errors"]] == ["nobody has heard of this item"]


def test_the_manual_is_whole_and_loads_nothing(api: TestClient) -> None:
    answer = api.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|src=|https?://(?!127\.0\.0\.1)", answer.text)
    for path in api.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in answer.text
    assert answer.text.count("<details>") == answer.text.count("</details>") >= 13
    assert "&quot;event_id&quot;: &quot;moodle:attempt:88121&quot;" in answer.text
