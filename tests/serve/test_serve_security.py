"""Keys: asked for everywhere, made at first start, kept as hashes, never written where others read."""

import logging
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from serve_school import School, event, learner_id, lesson
from starlette.testclient import TestClient

from learnloop.serve import security
from learnloop.settings import Settings
from learnloop.store import api_keys

OPEN = {"/health/live", "/health/ready", "/metrics"}


def filled(path: str) -> str:
    return path.replace("{learner_id}", learner_id("ana")).replace("{item_id}", lesson("python", 0))


def operations(api: TestClient) -> list[tuple[str, str]]:
    paths = api.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_but_three_wants_a_key(api: TestClient) -> None:
    found = operations(api)
    assert len(found) >= 13
    for method, path in found:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Basic YTpi"}):
            answer = api.request(method, filled(path), headers={"Authorization": "", **headers}, json=event())
            if path in OPEN:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer realm=")
                assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["malformed", "unknown", "wrong secret", "not ascii"])
def test_a_key_that_is_none(api: TestClient, school: School, kind: str) -> None:
    good = school.keys["admin"]
    token = {
        "malformed": "admin",
        "unknown": f"ll_{'0' * 16}_{'0' * 64}",
        "wrong secret": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "not ascii": "ll_é",
    }[kind]
    answer = api.get("/v1/me", headers={"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_revoked_key_is_let_in_no_longer_than_it_is_remembered(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = school.token(learner_id("leaving"))
    headers = {"Authorization": f"Bearer {token}"}
    with school.client() as client:
        assert client.get("/v1/me", headers=headers).status_code == 200
        assert api_keys.revoke(school.engine, token.split("_")[1])
        later = time.monotonic() + security.REMEMBERED_SECONDS + 1
        # Of this file alone: the event loop beside it needs a clock that goes.
        monkeypatch.setattr(security, "time", SimpleNamespace(monotonic=lambda: later))
        assert client.get("/v1/me", headers=headers).status_code == 401


def test_roles(api: TestClient, school: School) -> None:
    def status(role: str, method: str, path: str, **more: object) -> int:
        headers = school.learner("ana") if role == "learner" else school.headers(role)
        return api.request(method, path, headers=headers, **more).status_code  # type: ignore[arg-type]

    for role, allowed in (("learner", False), ("instructor", True), ("admin", True), ("service", True)):
        for path in ("/v1/operations", "/v1/learners"):
            assert status(role, "GET", path) == (200 if allowed else 403), (role, path)
    for role, expected in (("learner", 201), ("instructor", 403), ("admin", 201), ("service", 201)):
        assert status(role, "POST", "/v1/events", json=event()) == expected, role


@pytest.fixture
def fresh(engine: sa.Engine, tmp_path: Path) -> Settings:
    """A home without secrets on a database without keys."""
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM api_keys"))
    return Settings(home=tmp_path, pseudonym_key="k" * 40)


def read(settings: Settings, name: str) -> str:
    return (settings.secrets_dir / f"api-{name}.key").read_text().strip()


def count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.text("SELECT count(*) FROM api_keys")) or 0)


def test_the_first_start_makes_two_keys(
    engine: sa.Engine, fresh: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        security.ensure_first_keys(engine, fresh)
    for name, role in (("admin", "admin"), ("dashboard", "service")):
        path = fresh.secrets_dir / f"api-{name}.key"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        identity = api_keys.verify(engine, read(fresh, name))
        assert identity is not None
        assert identity.role == role
        assert str(path) in caplog.text
        assert read(fresh, name) not in caplog.text
        assert read(fresh, name).split("_")[2] not in caplog.text
    assert stat.S_IMODE(fresh.secrets_dir.stat().st_mode) == 0o700
    kept = read(fresh, "admin"), read(fresh, "dashboard")
    security.ensure_first_keys(engine, fresh)
    assert (read(fresh, "admin"), read(fresh, "dashboard")) == kept, "a second start made new keys"
    assert count(engine) == 2


def test_starts_that_race_make_one_pair(engine: sa.Engine, fresh: Settings) -> None:
    together = [threading.Thread(target=security.ensure_first_keys, args=(engine, fresh)) for _ in range(4)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert count(engine) == 2
    assert api_keys.verify(engine, read(fresh, "admin")) is not None


def test_a_lost_dashboard_key_is_made_again_an_admins_is_not(engine: sa.Engine, fresh: Settings) -> None:
    security.ensure_first_keys(engine, fresh)
    (fresh.secrets_dir / "api-dashboard.key").write_text("ll_of_another_database")
    (fresh.secrets_dir / "api-admin.key").unlink()
    security.ensure_first_keys(engine, fresh)
    assert api_keys.verify(engine, read(fresh, "dashboard")) is not None
    assert not (fresh.secrets_dir / "api-admin.key").exists()


def test_a_dashboard_with_a_key_of_its_own_gets_none(engine: sa.Engine, fresh: Settings) -> None:
    security.ensure_first_keys(engine, replace(fresh, api_key_file=fresh.home / "mine"))
    assert not (fresh.secrets_dir / "api-dashboard.key").exists()


def test_a_start_cut_off_before_its_key_was_written_is_made_good(
    engine: sa.Engine, fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in the database, but the machine stops before the file is whole."""

    def stopped(number: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(security.os, "fsync", stopped)
        with pytest.raises(KeyboardInterrupt):
            security.ensure_first_keys(engine, fresh)
    assert not (fresh.secrets_dir / "api-admin.key").exists()
    security.ensure_first_keys(engine, fresh)
    assert api_keys.verify(engine, read(fresh, "admin")) is not None


def test_secrets_are_hashed_at_rest(engine: sa.Engine, fresh: Settings) -> None:
    security.ensure_first_keys(engine, fresh)
    secret = read(fresh, "admin").split("_")[2]
    with engine.connect() as connection:
        for row in connection.execute(sa.text("SELECT t::text FROM api_keys t")).scalars():
            assert secret not in row
            assert bytes.fromhex(secret).hex() not in row


def test_no_request_writes_a_key_or_an_outside_id_into_the_log(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    token = school.token(learner_id("quiet"))
    with caplog.at_level(logging.DEBUG), school.client() as client:
        headers = {"Authorization": f"Bearer {token}"}
        client.get("/v1/me", headers=headers)
        client.get("/v1/me", headers={"Authorization": f"Bearer {token}x"})
        client.post("/v1/events", json=event(learner={"source": "moodle", "id": "secret-student"}))
        client.post("/v1/events", json=event(learner={"source": "moodle", "id": "secret-student"}, score=9))
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx2")
    assert token.split("_")[2] not in logged
    assert "secret-student" not in logged
