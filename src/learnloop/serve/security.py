"""Who may ask for what: bearer keys with roles, the first keys of an installation, and the checks."""

import hashlib
import logging
import os
import time
from collections import OrderedDict
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from learnloop.serve import queries
from learnloop.serve.problems import Refusal
from learnloop.settings import Settings
from learnloop.store import api_keys
from learnloop.store.api_keys import Identity

log = logging.getLogger("learnloop.serve")

STAFF = ("instructor", "admin", "service")
TEACHERS = ("instructor", "admin")
REMEMBERED_SECONDS = 30.0  # so long a revoked key may still be let in by a process that has just seen it
REMEMBERED_KEYS = 10_000
FIRST_KEYS_LOCK = 0x6C6C6B657973  # "llkeys", of PostgreSQL's advisory locks

bearer = HTTPBearer(auto_error=False, description="A key made by Learnloop: `ll_…`.")


class Doorkeeper:
    """Verifies keys against the database and remembers the good ones, by hash, for some seconds."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()

    def recall(self, token: str) -> Identity | None:
        found = self._known.get(_digest(token))
        return found[0] if found is not None and time.monotonic() < found[1] else None

    def verify(self, engine: sa.Engine, token: str) -> Identity | None:
        return api_keys.verify(engine, token)

    def remember(self, token: str, identity: Identity) -> None:
        self._known[_digest(token)] = (identity, time.monotonic() + REMEMBERED_SECONDS)
        self._known.move_to_end(_digest(token))
        while len(self._known) > REMEMBERED_KEYS:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


async def caller(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Identity:
    """Whose key the request carries. Refuses with 401."""
    if given is None:
        raise unauthorized("send your key as `Authorization: Bearer ll_…`", "")
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    identity = doorkeeper.recall(given.credentials)
    if identity is None:
        backend = request.app.state.backend
        identity = await backend.run(doorkeeper.verify, backend.engine, given.credentials)
        if identity is None:
            raise unauthorized("this key is unknown, wrong or revoked", ', error="invalid_token"')
        doorkeeper.remember(given.credentials, identity)
    return identity


def unauthorized(detail: str, error: str) -> Refusal:
    return Refusal(
        401, "no-valid-key", detail, headers={"WWW-Authenticate": f'Bearer realm="learnloop"{error}'}
    )


def forbidden(detail: str) -> Refusal:
    challenge = 'Bearer realm="learnloop", error="insufficient_scope"'
    return Refusal(403, "not-yours", detail, headers={"WWW-Authenticate": challenge})


Caller = Annotated[Identity, Depends(caller)]


async def staff(identity: Caller) -> Identity:
    if identity.role not in STAFF:
        raise forbidden("this is for the roles instructor, admin and service")
    return identity


Staff = Annotated[Identity, Depends(staff)]


async def teacher(identity: Caller) -> Identity:
    if identity.role not in TEACHERS:
        raise forbidden("this is for the roles instructor and admin")
    return identity


Teacher = Annotated[Identity, Depends(teacher)]


def may_see(identity: Identity, learner_id: str) -> None:
    """A learner's key sees that learner alone. Refuses with 403, whether or not the other one exists."""
    if identity.role == "learner" and identity.learner_id != learner_id:
        raise forbidden("a learner's key sees that learner alone")


def ensure_first_keys(engine: sa.Engine, settings: Settings) -> None:
    """At first start: an admin's key and the dashboard's, in `home/secrets`, mode 600, said by path alone.

    The dashboard's key is made again where its file is gone or of another database; the admin's only where
    no admin key is left, because its owner may have moved it to a safer place. Processes that start
    together take turns.
    """
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(FIRST_KEYS_LOCK)))
        admin = settings.secrets_dir / "api-admin.key"
        if not queries.has_key(connection, "admin") or _pending(admin).exists():
            _write_key(engine, "admin", admin)
        dashboard = settings.secrets_dir / "api-dashboard.key"
        if settings.dashboard_key_file == dashboard and not _works(engine, dashboard):
            _write_key(engine, "service", dashboard)


def _works(engine: sa.Engine, path: Path) -> bool:
    try:
        return api_keys.verify(engine, path.read_text().strip()) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _pending(path: Path) -> Path:
    return path.with_name(f".{path.name}.pending")


def _write_key(engine: sa.Engine, role: str, path: Path) -> None:
    """The pending file comes before the key and becomes the key's file: a start cut off between is seen."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pending = _pending(path)
    pending.unlink(missing_ok=True)
    with open(os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(api_keys.create(engine, role) + "\n")
        file.flush()
        os.fsync(file.fileno())
    pending.replace(path)
    log.info("a new key of role %s is in %s", role, path)
