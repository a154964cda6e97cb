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
        ("DATABASE_URL", "mysql://localhost/x"),
        ("PSEUDONYM_KEY", "short"),
        ("LLM", "gpt"),
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
