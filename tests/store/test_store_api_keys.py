"""API keys: told once, kept as a hash, ended at once."""

import pytest
import sqlalchemy as sa

from learnloop.errors import BadInput
from learnloop.store import api_keys
from learnloop.store.api_keys import Identity


def test_a_key_says_who_presents_it(engine: sa.Engine) -> None:
    for role, learner_id in (("learner", "9f86"), ("instructor", None), ("admin", None), ("service", None)):
        token = api_keys.create(engine, role, learner_id)
        key_id = token.split("_")[1]
        assert api_keys.verify(engine, token) == Identity(key_id, role, learner_id)


def test_two_keys_share_nothing(engine: sa.Engine) -> None:
    one, two = (api_keys.create(engine, "admin").split("_") for _ in range(2))
    assert one[1] != two[1]
    assert one[2] != two[2]
    assert len(bytes.fromhex(one[2])) == 32
    assert api_keys.verify(engine, f"ll_{one[1]}_{two[2]}") is None, "another key's secret opened this one"


def test_what_is_no_key_is_nobody(engine: sa.Engine) -> None:
    token = api_keys.create(engine, "admin")
    last = "0" if token[-1] != "0" else "1"
    wrong = [
        "", "ll_", "ll__", token[:-1], token[:-1] + last, token + "0", token.upper(), token + "\n",
        " " + token, "ll_" + "0" * 16 + "_" + "0" * 64, "ll_\0_\0", "é", token.replace("ll_", "xx_"),
    ]  # fmt: skip
    assert [api_keys.verify(engine, attempt) for attempt in wrong] == [None] * len(wrong)
    assert api_keys.verify(engine, token) is not None


def test_a_revoked_key_is_nobody(engine: sa.Engine) -> None:
    token, other = api_keys.create(engine, "service"), api_keys.create(engine, "service")
    key_id = token.split("_")[1]
    assert api_keys.revoke(engine, key_id) is True
    assert api_keys.verify(engine, token) is None
    assert api_keys.verify(engine, other) is not None
    assert api_keys.revoke(engine, key_id) is False
    assert api_keys.revoke(engine, "unheard") is False


def test_no_secret_is_kept(engine: sa.Engine) -> None:
    token = api_keys.create(engine, "learner", "9f86")
    _, key_id, secret = token.split("_")
    with engine.connect() as connection:
        kept = connection.exec_driver_sql(
            "SELECT row_to_json(api_keys)::text FROM api_keys WHERE key_id = %s", (key_id,)
        ).scalar_one()
    assert "9f86" in kept
    assert secret not in kept


@pytest.mark.parametrize(
    ("role", "learner_id", "field"),
    [
        ("root", None, "role"),
        ("learner", None, "learner_id"),
        ("learner", "", "learner_id"),
        ("admin", "9f86", "learner_id"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(
    engine: sa.Engine, role: str, learner_id: str | None, field: str
) -> None:
    with pytest.raises(BadInput) as caught:
        api_keys.create(engine, role, learner_id)
    assert caught.value.field == field
