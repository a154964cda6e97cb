"""Runs, model versions and the release: MLflow behind a dozen verbs.

A release is a folder of safetensors and JSON with a manifest of sha256 sums. It is registered as a version
of the model `learnloop`; the alias `champion` names the one that serves. Each promotion writes on the new
version which one it replaced, so that `rollback` is one step along that chain. Source of the words:
https://mlflow.org/docs/latest/ml/model-registry/
"""

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from learnloop.errors import ModelUnavailable, NothingToDo

MODEL = "learnloop"
EXPERIMENT = "learnloop"
MANIFEST = "manifest.json"
NO_CHAMPION = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # no such model, no such alias
LOCK = 7_301_975  # advisory lock: MLflow makes its tables at first use, and two first users would collide


@dataclass(frozen=True)
class Release:
    """A registered model version and the folder its files lie in."""

    version: int
    run_id: str
    folder: Path
    manifest: Mapping[str, Any]


class Run:
    """One MLflow run: parameters once, metrics, plots and documents as they come."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self.id = client, run_id

    def params(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self._client.log_param(self.id, name, value)

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """step: of a training, where a metric is a curve."""
        for name, value in values.items():
            self._client.log_metric(self.id, name, float(value), step=step)

    def tags(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._client.set_tag(self.id, name, value)

    def figure(self, figure: Any, name: str) -> None:
        self._client.log_figure(self.id, figure, name)

    def document(self, value: Any, name: str) -> None:
        self._client.log_dict(self.id, value, name)

    def text(self, value: str, name: str) -> None:
        self._client.log_text(self.id, value, name)


class Registry:
    """Everything Learnloop asks of MLflow. Make one with `Registry.open`."""

    def __init__(self, uri: str, artifacts_dir: Path) -> None:
        quiet_mlflow()
        import mlflow

        self.uri = uri
        self._as_mlflows_own()
        self._client = mlflow.MlflowClient(uri, uri)
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            artifacts_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            local = None if uri.startswith("http") else artifacts_dir.as_uri()
            self.experiment_id = self._client.create_experiment(EXPERIMENT, artifact_location=local)
        else:
            self.experiment_id = experiment.experiment_id

    def _as_mlflows_own(self) -> None:
        """Some of MLflow's functions ask whatever address was set last: it may be another registry's."""
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)

    @classmethod
    def open(cls, engine: sa.Engine, artifacts_dir: Path, tracking_uri: str = "") -> "Registry":
        """On an MLflow server where `tracking_uri` names one, else in schema `mlflow` of our database."""
        if tracking_uri:
            return cls(tracking_uri, artifacts_dir)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            try:
                connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS mlflow"))
                return cls(database_uri(engine), artifacts_dir)
            finally:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
        """A new run; failed and ended as such where the block raises."""
        info = self._client.create_run(self.experiment_id, run_name=name, tags=dict(tags or {})).info
        try:
            yield Run(self._client, info.run_id)
        except BaseException:
            self._client.set_terminated(info.run_id, status="FAILED")
            raise
        self._client.set_terminated(info.run_id)

    def resume(self, run_id: str) -> Run:
        """An earlier run, to add what was measured later. Raises ModelUnavailable."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_run(run_id)
        except MlflowException as error:
            raise ModelUnavailable(f"MLflow has no run {run_id}", "learnloop train") from error
        return Run(self._client, run_id)

    def register(self, folder: Path, run_id: str, model_code: Path, metrics: Mapping[str, float]) -> Release:
        """`folder` (sealed) becomes the next version of the model, alias `challenger`.

        model_code: a Python file that MLflow runs to load the model ("models from code"), so that nothing is
        pickled and `mlflow models serve` works.
        """
        verify(folder)
        import mlflow
        from mlflow.exceptions import MlflowException

        self._as_mlflows_own()
        with warnings.catch_warnings(), mlflow.start_run(run_id=run_id):
            warnings.simplefilter("ignore")  # advice on type hints, about MLflow's own defaults too
            model = mlflow.pyfunc.log_model(
                name="release",
                python_model=str(model_code),
                artifacts={"release": str(folder)},
                pip_requirements=["learnloop"],
            )
        with suppress(MlflowException):  # there it is already
            self._client.create_registered_model(MODEL)
        created = self._client.create_model_version(
            MODEL, model.model_uri, run_id=run_id, model_id=model.model_id
        )
        version = int(created.version)
        for name, value in metrics.items():
            self._client.set_model_version_tag(MODEL, str(version), name, f"{value:.6g}")
        self._client.set_registered_model_alias(MODEL, "challenger", str(version))
        return self.release(version)

    def release(self, version: int) -> Release:
        """Raises ModelUnavailable where its files are missing or do not match their sums."""
        import mlflow

        found = self._client.get_model_version(MODEL, str(version))
        self._as_mlflows_own()
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}")) / "artifacts"
        sealed = next((path.parent for path in sorted(folder.glob(f"*/{MANIFEST}"))), None)
        if sealed is None:
            raise ModelUnavailable(f"version {version} of the model holds no release", "learnloop release")
        return Release(version, str(found.run_id), sealed, verify(sealed))

    def champion_version(self) -> int | None:
        """The version behind the alias, or None before the first release. Cheap: for polling.

        Raises ModelUnavailable where the registry does not answer: that nothing is released it has not said.
        """
        from mlflow.exceptions import MlflowException

        try:
            return int(self._client.get_model_version_by_alias(MODEL, "champion").version)
        except MlflowException as error:
            if error.error_code in NO_CHAMPION:
                return None
            # No message: it may hold the address of the database.
            raise ModelUnavailable(
                f"the model registry does not answer ({error.error_code})", "learnloop doctor"
            ) from error

    def champion(self) -> Release:
        """Raises NothingToDo before the first release."""
        version = self.champion_version()
        if version is None:
            raise NothingToDo("nothing has been released yet", "learnloop run")
        return self.release(version)

    def versions(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest versions first: version, run_id, created_at (ISO, UTC), champion, replaced, metrics."""
        found = self._client.search_model_versions(
            f"name = '{MODEL}'", max_results=limit, order_by=["version_number DESC"]
        )
        champion = self.champion_version()
        return [
            {
                "version": int(one.version),
                "run_id": str(one.run_id),
                "created_at": datetime.fromtimestamp(one.creation_timestamp / 1000, UTC).isoformat(),
                "champion": int(one.version) == champion,
                "replaced": int(one.tags["replaced"]) if "replaced" in one.tags else None,
                "metrics": {name: float(text) for name, text in one.tags.items() if name != "replaced"},
            }
            for one in found
        ]

    def promote(self, version: int) -> int | None:
        """`version` becomes the champion; returns the version it replaced."""
        replaced = self.champion_version()
        if replaced is not None and replaced != version:
            self._client.set_model_version_tag(MODEL, str(version), "replaced", str(replaced))
        self._client.set_registered_model_alias(MODEL, "champion", str(version))
        return replaced

    def rollback(self) -> tuple[int, int]:
        """The champion's predecessor is champion again; returns (from, to). Raises NothingToDo."""
        version = self.champion_version()
        if version is None:
            raise NothingToDo("nothing has been released yet", "learnloop run")
        replaced = self._client.get_model_version(MODEL, str(version)).tags.get("replaced")
        if replaced is None:
            raise NothingToDo(f"release {version} replaced nothing, so there is nothing to go back to")
        self._client.set_registered_model_alias(MODEL, "champion", replaced)
        return version, int(replaced)


def database_uri(engine: sa.Engine) -> str:
    """MLflow's own schema in our database, as its tracking and registry URI. Holds the password."""
    url = engine.url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return f"{url}{'&' if '?' in url else '?'}options={quote('-csearch_path=mlflow')}"


def quiet_mlflow() -> None:
    """No progress bars, no schema chatter and no telemetry: nothing leaves the machine unasked."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "mlflow.store.db.utils", "alembic", "alembic.runtime.migration"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # MLflow tries an insert and falls back where the row exists; psycopg would log each such try
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Writes the manifest: `facts` and the sha256 of every other file. Last, so a cut-off folder has none."""
    files = {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    fresh = folder / f".{MANIFEST}"
    fresh.write_text(json.dumps({**facts, "schema_version": 1, "files": files}, indent=2, sort_keys=True))
    fresh.replace(folder / MANIFEST)


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, after every file matched its sum. Raises ModelUnavailable."""
    path = folder / MANIFEST
    if not path.exists():
        raise ModelUnavailable(f"{folder.name} has no manifest: it was never finished", "learnloop train")
    manifest: dict[str, Any] = json.loads(path.read_text())
    for name, expected in manifest["files"].items():
        file = folder / name
        if not file.is_file() or _sha256(file) != expected:
            raise ModelUnavailable(
                f"{name} of release {folder.name} does not match its manifest", "learnloop rollback"
            )
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
