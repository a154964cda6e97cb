"""keys: who may ask the API, as what; a key made, all of them listed, one ended."""

from typing import Any

from learnloop.errors import BadInput, UnknownThing
from learnloop.store import api_keys
from learnloop.workflow.context import Loop

MADE_HERE = tuple(role for role in api_keys.ROLES if role != "learner")


def make(loop: Loop, *, role: str, name: str = "") -> dict[str, Any]:
    """A new key, told this once. A learner's is made with the learner's pseudonym: `learnloop learner`."""
    if role == "learner":
        raise BadInput("a learner's key belongs to one learner", "learnloop learner SOURCE ID --key", "role")
    if role not in MADE_HERE:
        raise BadInput(f"{role!r} is not one of {', '.join(MADE_HERE)}", "learnloop keys make --help", "role")
    token = api_keys.create(loop.engine, role, name=name)
    return {"key_id": _key_id(token), "role": role, "name": name.strip() or None, "api_key": token}


def listed(loop: Loop, *, revoked: bool = False) -> dict[str, Any]:
    """Every key by its id, the oldest first, without what opens it. revoked: those that have ended, too."""
    rows = api_keys.listed(loop.engine, revoked)
    return {
        "keys": [
            {name: value for name, value in row.items() if revoked or name != "revoked_at"} for row in rows
        ]
    }


def revoke(loop: Loop, *, key: str) -> dict[str, Any]:
    """Ends the key with this id; the whole key is understood, too. Raises UnknownThing."""
    key_id = _key_id(key.strip())
    if not api_keys.revoke(loop.engine, key_id):
        raise UnknownThing(f"no key {key_id!r} is in use", "learnloop keys list")
    return {"revoked": key_id, "note": "an API that runs may still let it in for 30 seconds"}


def _key_id(key: str) -> str:
    """`ll_ID_SECRET` is ID. The secret is not repeated anywhere."""
    return key.split("_")[1] if key.startswith("ll_") and key.count("_") == 2 else key
