"""Keys of the API as they are made, listed and ended by command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from learnloop.errors import BadInput, UnknownThing
from learnloop.settings import Settings
from learnloop.store import api_keys
from learnloop.workflow import keys, status
from learnloop.workflow.context import Loop


@pytest.fixture(scope="module")
def loop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    home: Path = tmp_path_factory.mktemp("keys")
    loop = Loop(Settings(home=home, database_url=database_url, llm="none", pseudonym_key="k" * 40))
    yield loop
    loop.close()


def test_made_listed_ended(loop: Loop) -> None:
    made = keys.make(loop, role="instructor", name=" Biology ")
    assert (made["role"], made["name"]) == ("instructor", "Biology")
    identity = api_keys.verify(loop.engine, made["api_key"])
    assert identity is not None
    assert (identity.role, identity.key_id) == ("instructor", made["key_id"])
    assert api_keys.names(loop.engine, [made["key_id"], "cli"]) == {made["key_id"]: "Biology"}
    learner = status.learner(loop, "csv", "7", key=True)
    listed = keys.listed(loop)["keys"]
    assert [(row["role"], row["name"], row["learner_id"]) for row in listed] == [
        ("instructor", "Biology", None),
        ("learner", None, learner["learner_id"]),
    ]
    secret = made["api_key"].rpartition("_")[2]
    assert secret not in str(listed)
    told = keys.revoke(loop, key=made["api_key"])
    assert told["revoked"] == made["key_id"]
    assert secret not in str(told)
    assert api_keys.verify(loop.engine, made["api_key"]) is None
    assert [row["role"] for row in keys.listed(loop)["keys"]] == ["learner"]
    ended = keys.listed(loop, revoked=True)["keys"]
    assert [row["revoked_at"] is not None for row in ended] == [True, False]
    with pytest.raises(UnknownThing) as again:
        keys.revoke(loop, key=made["key_id"])
    assert again.value.next_step == "learnloop keys list"


def test_what_is_no_key_of_a_command(loop: Loop) -> None:
    with pytest.raises(BadInput, match="one learner") as caught:
        keys.make(loop, role="learner")
    assert caught.value.next_step == "learnloop learner SOURCE ID --key"
    for wrong in ({"role": "root"}, {"role": "admin", "name": "x" * 201}, {"role": "admin", "name": "a\nb"}):
        with pytest.raises(BadInput):
            keys.make(loop, **wrong)
    with pytest.raises(UnknownThing) as unknown:
        keys.revoke(loop, key="ll_0000000000000000_" + "5" * 64)
    assert "5555" not in str(unknown.value), "a secret that somebody pasted"
