"""Releases on a real MLflow in a real PostgreSQL: sealed, registered, promoted, rolled back."""

import json
from pathlib import Path

import mlflow
import pytest
import sqlalchemy as sa

from learnloop.errors import ModelUnavailable, NothingToDo
from learnloop.store.releases import MODEL, Registry, seal, verify

MODEL_CODE = """
import mlflow
from mlflow.pyfunc import PythonModel

class Echo(PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return [text.upper() for text in model_input]

mlflow.models.set_model(Echo())
"""


@pytest.fixture(scope="module")
def registry(engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry.open(engine, tmp_path_factory.mktemp("artifacts"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "release"
    (made / "tracer").mkdir(parents=True)
    (made / "tracer" / "weights.json").write_text("[1, 2, 3]")
    seal(made, {"split_at": "2026-01-01T00:00:00+00:00"})
    return made


@pytest.fixture
def model_code(tmp_path: Path) -> Path:
    path = tmp_path / "model_code.py"
    path.write_text(MODEL_CODE)
    return path


def released(registry: Registry, folder: Path, model_code: Path) -> int:
    with registry.run("train") as run:
        run.params({"factors": 8})
    return registry.register(folder, run.id, model_code, {"ndcg_at_10": 0.5}).version


def test_the_life_of_a_release(registry: Registry, folder: Path, model_code: Path) -> None:
    with pytest.raises(NothingToDo, match="learnloop run"):
        registry.champion()
    with pytest.raises(NothingToDo):
        registry.rollback()

    first = released(registry, folder, model_code)
    assert registry.promote(first) is None
    with pytest.raises(NothingToDo, match="replaced nothing"):
        registry.rollback()

    second = released(registry, folder, model_code)
    assert registry.champion_version() == first, "registering does not promote"
    assert registry.promote(second) == first
    assert registry.champion().manifest["split_at"] == "2026-01-01T00:00:00+00:00"

    assert registry.rollback() == (second, first)
    assert registry.champion_version() == first


def test_a_registry_that_does_not_answer_says_not_that_nothing_is_released(
    registry: Registry, engine: sa.Engine, folder: Path, model_code: Path
) -> None:
    """Else the gate would find no champion to compare with, and open."""
    version = released(registry, folder, model_code)
    registry.promote(version)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER SCHEMA mlflow RENAME TO away"))
        with pytest.raises(ModelUnavailable, match="the model registry does not answer") as told:
            registry.promote(version)
        assert "postgresql" not in str(told.value)
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER SCHEMA away RENAME TO mlflow"))
    assert registry.champion_version() == version


def test_mlflow_itself_can_load_and_ask_the_model(registry: Registry, folder: Path, model_code: Path) -> None:
    version = released(registry, folder, model_code)
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL}/{version}")
    assert loaded.predict(["abc"]) == ["ABC"]


def test_a_registry_is_itself_after_another_address_was_set(
    registry: Registry, folder: Path, model_code: Path, tmp_path: Path
) -> None:
    version = released(registry, folder, model_code)
    for forget in (mlflow.set_tracking_uri, mlflow.set_registry_uri):
        forget(f"sqlite:///{tmp_path}/another.db")
    assert registry.release(version).manifest["split_at"] == "2026-01-01T00:00:00+00:00"
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/another.db")
    assert registry.release(released(registry, folder, model_code)).version == version + 1


def test_a_changed_file_is_refused(folder: Path) -> None:
    verify(folder)
    (folder / "tracer" / "weights.json").write_text("[1, 2, 4]")
    with pytest.raises(ModelUnavailable, match=r"weights\.json"):
        verify(folder)


def test_a_missing_file_and_an_unfinished_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "tracer" / "weights.json").unlink()
    with pytest.raises(ModelUnavailable, match=r"weights\.json"):
        verify(folder)
    with pytest.raises(ModelUnavailable, match="no manifest"):
        verify(tmp_path)


def test_the_manifest_lists_every_file_with_its_sum(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert list(manifest["files"]) == ["tracer/weights.json"]
    assert len(manifest["files"]["tracer/weights.json"]) == 64


def test_a_run_that_raises_is_marked_failed(registry: Registry) -> None:
    with pytest.raises(ValueError, match="boom"), registry.run("train") as run:
        raise ValueError("boom")
    assert mlflow.get_run(run.id).info.status == "FAILED"
    with pytest.raises(ModelUnavailable, match="no run"):
        registry.resume("0" * 32)


def test_the_runs_lie_in_a_schema_of_their_own(registry: Registry, engine: sa.Engine) -> None:
    assert "experiments" in sa.inspect(engine).get_table_names(schema="mlflow")
    assert "experiments" not in sa.inspect(engine).get_table_names()
