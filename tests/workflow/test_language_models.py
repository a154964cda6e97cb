"""Roles, their models and the embedder, as the settings name them."""

from pathlib import Path

import pytest

from learnloop import settings
from learnloop.errors import BadSettings
from learnloop.workflow import language_models, status

ADDRESS = "openai:http://127.0.0.1:9/v1#{}"


def test_with_none_everything_is_none_and_nothing_is_loaded(tmp_path: Path) -> None:
    loaded = settings.load(
        {"LEARNLOOP_HOME": str(tmp_path), "LEARNLOOP_LLM": "none", "LEARNLOOP_EMBEDDER": "none"}
    )
    models = language_models.load(loaded)
    assert (models.proposer, models.verifier, models.embedder) == (None, None, None)
    assert models.names == {"propose": None, "verify": None}
    assert not (tmp_path / "language-models").exists()


def test_roles_of_one_name_share_a_model_and_all_share_a_budget(tmp_path: Path) -> None:
    base = {
        "LEARNLOOP_HOME": str(tmp_path),
        "LEARNLOOP_LLM": ADDRESS.format("big"),
        "LEARNLOOP_EMBEDDER": "none",
        "LEARNLOOP_LLM_TOKEN_BUDGET": "123",
    }
    one = language_models.load(settings.load(base))
    assert one.proposer is one.verifier
    assert one.budget.tokens == 123
    two = language_models.load(settings.load(base | {"LEARNLOOP_LLM_VERIFY": ADDRESS.format("small")}))
    assert two.names == {"propose": "big at 127.0.0.1", "verify": "small at 127.0.0.1"}
    assert two.proposer is not None
    assert two.verifier is not None
    assert two.proposer._access.budget is two.verifier._access.budget is two.budget
    verify_only = language_models.load(settings.load(base), propose=False)
    assert verify_only.proposer is None
    assert verify_only.verifier is not None


def test_a_lost_key_is_told_before_anything_is_sent_and_by_the_doctor(tmp_path: Path) -> None:
    loaded = settings.load(
        {
            "LEARNLOOP_HOME": str(tmp_path),
            "LEARNLOOP_LLM": ADDRESS.format("big"),
            "LEARNLOOP_LLM_KEY_FILE": str(tmp_path / "gone"),
        }
    )
    with pytest.raises(BadSettings, match="LEARNLOOP_LLM_KEY_FILE"):
        language_models.load(loaded)
    with pytest.raises(BadSettings, match="LEARNLOOP_LLM_KEY_FILE"):
        status._language_model(loaded)


def test_the_doctor_names_both_roles(tmp_path: Path) -> None:
    base = {"LEARNLOOP_HOME": str(tmp_path), "LEARNLOOP_LLM": "none"}
    assert status._language_model(settings.load(base)) == "none"
    both = settings.load(base | {"LEARNLOOP_LLM_VERIFY": ADDRESS.format("small")})
    assert status._language_model(both) == f"none proposes, {ADDRESS.format('small')} verifies"
