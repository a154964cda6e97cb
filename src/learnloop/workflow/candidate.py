"""A candidate: one folder of freshly trained models on its way to becoming a release.

`train` makes it, `evaluate` and `generate` add what they measured, `release` registers it. A folder
without a manifest was cut off half way and is not a candidate.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.stored import Recommenders
from learnloop.schemas import Recommender, Tracer
from learnloop.settings import Settings
from learnloop.store import releases, snapshots
from learnloop.trace import stored as tracers
from learnloop.trace.memory import Memory

METRICS = "metrics.json"


@dataclass(frozen=True)
class Models:
    """The models of a candidate or a release. `tracer` and `memory` (recall, and the day a review is due) are
    None where there were no answers to learn from; a release made before there was a memory has none."""

    recommenders: Recommenders
    tracer: Tracer | None
    memory: Memory | None = None

    @property
    def ranker(self) -> Recommender:
        """The recommender that was chosen; iALS in a release made before there was a choice."""
        return self.recommenders.ranker

    @property
    def ials(self) -> IALS:
        return self.recommenders.ials

    @property
    def popularity(self) -> Popularity:
        return self.recommenders.popularity

    def save(self, folder: Path) -> None:
        self.recommenders.save(folder / "recommender")
        if self.tracer is not None:
            tracers.save(self.tracer, folder / "tracer")
        if self.memory is not None:
            tracers.save(self.memory, folder / "memory")

    @classmethod
    def load(cls, folder: Path) -> "Models":
        """Raises ModelUnavailable."""
        tracer, memory = folder / "tracer", folder / "memory"
        return cls(
            Recommenders.load(folder / "recommender"),
            tracers.load(tracer) if tracer.exists() else None,
            tracers.load_memory(memory) if memory.exists() else None,
        )


def training_snapshot(settings: Settings, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """INTERACTIONS of the snapshot that a manifest names, its hash checked."""
    path = settings.snapshots_dir / str(manifest["snapshot_file"])
    return snapshots.read(path, str(manifest["snapshot_sha256"]))


@dataclass(frozen=True)
class Candidate:
    """`manifest` names the MLflow run, the snapshot and the instant its training data ends."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        return str(self.manifest["run_id"])

    @property
    def split_at(self) -> pd.Timestamp:
        return pd.Timestamp(self.manifest["split_at"])

    @property
    def metrics(self) -> dict[str, Any]:
        path = self.folder / METRICS
        return json.loads(path.read_text()) if path.exists() else {}

    def with_metrics(self, section: str, values: Any) -> "Candidate":
        """The candidate, sealed again with `values` under `section` of its metrics."""
        (self.folder / METRICS).write_text(json.dumps({**self.metrics, section: values}, indent=2))
        facts = {name: value for name, value in self.manifest.items() if name != "files"}
        releases.seal(self.folder, facts)
        return Candidate(self.folder, releases.verify(self.folder))


def keep(settings: Settings, models: Models, facts: Mapping[str, Any]) -> Candidate:
    """Saves and seals `models` as the latest candidate; older ones go, releases live in MLflow."""
    settings.candidates_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = settings.candidates_dir / str(facts["run_id"])
    folder.mkdir()
    models.save(folder)
    releases.seal(folder, facts)
    for older in settings.candidates_dir.iterdir():
        if older != folder and older.is_dir():
            shutil.rmtree(older)
    return Candidate(folder, releases.verify(folder))


def latest(settings: Settings) -> Candidate:
    """Raises NothingToDo where nothing has been trained since the last clean-up."""
    sealed = sorted(
        settings.candidates_dir.glob(f"*/{releases.MANIFEST}"), key=lambda path: path.stat().st_mtime
    )
    if not sealed:
        raise NothingToDo("nothing has been trained yet", "learnloop train")
    return Candidate(sealed[-1].parent, releases.verify(sealed[-1].parent))
