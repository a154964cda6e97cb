"""API keys: `ll_<key_id>_<secret>`, shown once, kept only as a hash.

The secret is 256 random bits, so a plain SHA-256 is the right hash: nobody can enumerate the secrets,
and the slow, salted hashes that passwords need would only slow each request down.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from learnloop.errors import BadInput
from learnloop.store.tables import api_keys

ROLES = ("learner", "instructor", "admin", "service")
_TOKEN = re.compile(r"ll_([0-9a-f]{16})_([0-9a-f]{64})")
_NOBODY = bytes(32)
LONGEST = 200  # characters of a name


@dataclass(frozen=True)
class Identity:
    """Who presents a key. `learner_id` is set for the role learner alone, which sees that learner alone."""

    key_id: str
    role: str
    learner_id: str | None


def create(engine: sa.Engine, role: str, learner_id: str | None = None, name: str = "") -> str:
    """A new token, which is told this once. name: whose it is, or what for, for `listed`.

    Raises BadInput on an unknown role or a learner misplaced.
    """
    if role not in ROLES:
        raise BadInput(f"{role!r} is not one of {', '.join(ROLES)}", field="role")
    if role == "learner" and not learner_id:
        raise BadInput("a learner's key needs a learner_id", field="learner_id")
    if role != "learner" and learner_id is not None:
        raise BadInput(f"a key of role {role} belongs to no learner", field="learner_id")
    if len(name) > LONGEST or not name.isprintable():
        raise BadInput(f"a key's name has at most {LONGEST} printable characters", field="name")
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    row = {"key_id": key_id, "role": role, "learner_id": learner_id, "hash": _hash(secret)}
    row["name"] = name.strip() or None
    with engine.begin() as connection:
        connection.execute(sa.insert(api_keys).values(row))
    return f"ll_{key_id}_{secret}"


def verify(engine: sa.Engine, token: str) -> Identity | None:
    """Whose key `token` is; None where it is malformed, unknown, wrong or revoked."""
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        return None
    key_id, secret = parts.groups()
    columns = (api_keys.c.role, api_keys.c.learner_id, api_keys.c.hash, api_keys.c.revoked_at)
    with engine.connect() as connection:
        row = connection.execute(sa.select(*columns).where(api_keys.c.key_id == key_id)).one_or_none()
    kept = bytes(row.hash) if row is not None else _NOBODY
    same = hmac.compare_digest(kept, _hash(secret))  # in constant time, an unknown key's too
    if row is None or not same or row.revoked_at is not None:
        return None
    return Identity(key_id, row.role, row.learner_id)


def listed(engine: sa.Engine, revoked: bool = False) -> list[dict[str, Any]]:
    """key_id, role, learner_id, name, created_at, revoked_at; the oldest first. revoked: the ended ones, too.

    Nothing in it opens anything: the secret is kept as a hash alone, and the hash is not told.
    """
    names = ("key_id", "role", "learner_id", "name", "created_at", "revoked_at")
    query = sa.select(*(api_keys.c[name] for name in names))
    if not revoked:
        query = query.where(api_keys.c.revoked_at.is_(None))
    with engine.connect() as connection:
        ordered = query.order_by(api_keys.c.created_at, api_keys.c.key_id)
        return [dict(row) for row in connection.execute(ordered).mappings()]


def names(engine: sa.Engine, key_ids: Iterable[str]) -> dict[str, str]:
    """key_id -> its name, of those that have one, ended ones, too: histories say ids."""
    query = sa.select(api_keys.c.key_id, api_keys.c.name).where(
        api_keys.c.key_id.in_(sorted(set(key_ids))), api_keys.c.name.is_not(None)
    )
    with engine.connect() as connection:
        return {row.key_id: row.name for row in connection.execute(query)}


def revoke(engine: sa.Engine, key_id: str) -> bool:
    """Ends a key at once. False where there is none, or it has ended before."""
    statement = (
        sa.update(api_keys)
        .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
    )
    with engine.begin() as connection:
        return bool(connection.execute(statement).rowcount)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
