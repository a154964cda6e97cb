"""Settings are checked where they are read, and secrets are made once and kept to their owner."""

import threading
from pathlib import Path

import pytest

from learnloop import settings
from learnloop.errors import BadSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "eighty"),
        ("API_PORT", "70000"),
        ("API_PORT", "²"),  # a digit to Python, and no number
        ("MLFLOW_PORT", "-1"),
        ("LLM_TIMEOUT_S", "nan"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("PSEUDONYM_KEY", "short"),
        ("LLM", "gpt"),
        ("LLM", ""),
        ("LLM", "hf:"),
        ("LLM_PROPOSE", "gpt"),
        ("LLM_VERIFY", "openai:https://models.example.org/v1"),
        ("LLM_PRECISION", "int4"),
        ("LLM_LANGUAGES", "english"),
        ("LLM_KEY", "two words"),
        ("LLM_TIMEOUT_S", "0"),
        ("LLM_TOKEN_BUDGET", "-1"),
        ("LLM_COST_BUDGET", "0.5"),  # without prices nothing would stop it
        ("LLM_ALLOW_HTTP", "maybe"),
        ("EMBEDDER", "word2vec"),
        ("LANGUAGE", "xx"),
        ("DECISIONS_DAYS", "-1"),
        ("DECISIONS_DAYS", "half a year"),
        ("DASK_SCHEDULER", "10.0.0.5"),
        ("DASK_SCHEDULER", "http://10.0.0.5:8786"),
        ("DASK_MEMORY", "3"),
        ("DASK_MEMORY", "10MB"),
        ("DASK_MEMORY", "lots"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"LEARNLOOP_{name}"):
        settings.load({f"LEARNLOOP_{name}": value})


def test_nothing_has_to_be_set_and_nothing_listens_beyond_loopback() -> None:
    assert settings.load({}).api_host == "127.0.0.1"


def test_sizes_are_read_in_both_kinds_of_unit() -> None:
    read = [
        settings.load({"LEARNLOOP_DASK_MEMORY": text}).dask_memory for text in ("3GB", "1.5 gib", "512MiB")
    ]
    assert read == [3_000_000_000, 1_610_612_736, 536_870_912]


def test_a_secret_is_never_shown() -> None:
    key = "k" * 32
    assert key not in repr(settings.load({"LEARNLOOP_PSEUDONYM_KEY": key}))


def test_roles_may_have_models_of_their_own() -> None:
    same = settings.load({"LEARNLOOP_LLM": "none"})
    assert (same.proposer_llm, same.verifier_llm) == ("none", "none")
    address = "openai:https://models.example.org/v1#big"
    two = settings.load({"LEARNLOOP_LLM_PROPOSE": address})
    assert (two.proposer_llm, two.verifier_llm) == (address, "embedded")


def test_a_language_models_key_is_never_shown(tmp_path: Path) -> None:
    key = "sk-very-secret"
    direct = settings.load({"LEARNLOOP_LLM_KEY": key})
    assert settings.language_model_key(direct) == key
    assert key not in repr(direct)
    (tmp_path / "key").write_text(f"{key}\n")
    filed = settings.load({"LEARNLOOP_LLM_KEY_FILE": str(tmp_path / "key")})
    assert settings.language_model_key(filed) == key
    assert settings.language_model_key(settings.load({})) == ""
    for name in ("LLM", "LLM_PROPOSE"):
        with pytest.raises(BadSettings) as caught:
            settings.load({f"LEARNLOOP_{name}": f"openai:https://user:{key}@models.example.org/v1#m"})
        assert key not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "two words", "\u2713"])
def test_a_file_without_a_key_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
    loaded = settings.load({"LEARNLOOP_LLM_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(BadSettings, match="LEARNLOOP_LLM_KEY_FILE"):
        settings.language_model_key(loaded)


def test_racing_processes_keep_one_secret(tmp_path: Path) -> None:
    loaded = settings.load({"LEARNLOOP_HOME": str(tmp_path)})
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(settings.kept_secret(loaded, "a.key"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert (tmp_path / "secrets" / "a.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["a.key"]


def test_racing_processes_begin_a_home_with_one_pseudonym_key(tmp_path: Path) -> None:
    here, found = settings.load({"LEARNLOOP_HOME": str(tmp_path)}), list[bytes]()
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(settings.pseudonym_key(here))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pseudonym.fingerprint", "secrets"]


def test_a_home_is_where_the_tilde_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {"LEARNLOOP_HOME": "~/h", "LEARNLOOP_API_KEY_FILE": "~/k", "LEARNLOOP_LLM_KEY_FILE": "~/l"}
    here = settings.load(given)
    assert (here.home, here.dashboard_key_file, here.llm_key_file) == tuple(tmp_path / n for n in "hkl")


def test_another_or_a_lost_pseudonym_key_is_refused(tmp_path: Path) -> None:
    loaded = settings.load({"LEARNLOOP_HOME": str(tmp_path)})
    first = settings.pseudonym_key(loaded)
    assert settings.pseudonym_key(loaded) == first
    other = settings.load({"LEARNLOOP_HOME": str(tmp_path), "LEARNLOOP_PSEUDONYM_KEY": "k" * 32})
    with pytest.raises(BadSettings, match="not the one"):
        settings.pseudonym_key(other)
    (tmp_path / "secrets" / "pseudonym.key").unlink()
    with pytest.raises(BadSettings, match="backup"):
        settings.pseudonym_key(loaded)
    assert not (tmp_path / "secrets" / "pseudonym.key").exists(), "a new key was made"


def test_a_secret_cut_short_is_not_used(tmp_path: Path) -> None:
    loaded = settings.load({"LEARNLOOP_HOME": str(tmp_path)})
    settings.kept_secret(loaded, "a.key")
    (tmp_path / "secrets" / "a.key").write_text("")
    with pytest.raises(BadSettings, match="empty or cut short"):
        settings.kept_secret(loaded, "a.key")
