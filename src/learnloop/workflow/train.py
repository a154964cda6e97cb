"""train: a snapshot in, a candidate with its recommenders, its tracer and its memory out.

Everything at or after one instant, the split, is held back, and the candidate is released as it was
measured: it is not refitted on the held-back part. What a learner did since then still counts, because
recommendations fold in the whole history. The recommender and the tracer are chosen on a validation part
of the training data (`workflow.choose`, `workflow.choose_tracer`).
"""

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.split import time_split
from learnloop.prepare.answers import to_answers
from learnloop.recommend.als import IALS
from learnloop.recommend.diversity import item_texts
from learnloop.recommend.features import item_features
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.reasons import Companions
from learnloop.recommend.signals import signals
from learnloop.recommend.stored import Recommenders
from learnloop.schemas import Recommender, Tracer
from learnloop.settings import Settings
from learnloop.store import reading, snapshots
from learnloop.trace.memory import Memory
from learnloop.workflow import candidate
from learnloop.workflow.choose import COMPETING, Choice, Make, choose
from learnloop.workflow.choose_tracer import TracerChoice, choose_tracer, made
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.recommenders import RECOMMENDERS

TEST_SHARE = 0.2


DASK_BLOCKS = 8  # of learners and of items, each a task of a half step


def train(
    loop: Loop,
    *,
    recommender: str = "auto",
    tracer: str = "auto",
    tuned: bool = False,
    dask: bool = False,
    factors: int = 128,
    regularization: float = 15.0,
    alpha: float = 2.0,
    iterations: int = 15,
    test_share: float = TEST_SHARE,
    seed: int = 0,
) -> dict[str, Any]:
    """recommender: the name of the one to release, or `auto` for the best of COMPETING on validation.

    tracer: likewise, of choose_tracer.COMPETING. tuned: with what `learnloop tune recommend` and `learnloop
    tune trace` found best for each. dask: iALS on partitions. The numbers are those of iALS. Raises
    NothingToDo where there are no interactions, or nothing has been tuned; BadInput on a recommender or a
    tracer there is not.
    """
    numbers = {
        "factors": factors,
        "regularization": regularization,
        "alpha": alpha,
        "iterations": iterations,
        "seed": seed,
    }
    found = _Tuned(loop.settings, tuned)
    make, ials = _makers(recommender, numbers, found)
    make_tracer, of_memory = made(tracer, seed, found.tracer), found.tracer("memory")
    if tuned and not found.count:
        raise NothingToDo(
            "nothing of what is trained here has been tuned yet",
            "learnloop tune recommend, or learnloop tune trace",
        )
    loop.settings.snapshots_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # who did what is private
    with step("snapshot of the interactions"):
        snapshot = snapshots.export(loop.engine, loop.settings.snapshots_dir)
        interactions = snapshots.read(snapshot.path, snapshot.sha256)
        items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
    known, _, split_at = time_split(interactions, test_share)
    done, answers = signals(known, items), to_answers(known, items, item_concepts)
    choice = _choice(recommender, known, items, make)
    with step(f"trained recommenders on {len(done):,} learner-item pairs"):
        recommenders = _recommenders(loop, choice.name, make, ials, done, items, dask)
    traced, fitted_tracer, memory = _traced(tracer, answers, make_tracer, of_memory)
    parameters = {**ials, "test_share": test_share}
    facts = {
        "snapshot_sha256": snapshot.sha256,
        "snapshot_file": snapshot.path.name,
        "snapshot_rows": snapshot.rows,
        "split_at": split_at.isoformat(),
        "learnloop_version": importlib.metadata.version("learnloop"),
        "parameters": parameters,
        "recommender": {**asdict(choice), "params": make[choice.name].keywords},
        "tracer": {**asdict(traced), "params": make_tracer[traced.name].keywords} if traced else None,
        "memory": of_memory,
    }
    with loop.registry.run("train", tags={"snapshot_sha256": snapshot.sha256}) as run:
        run.metrics(_validated(choice, traced))
        told = {"recommender": choice.name, "snapshot_sha256": snapshot.sha256}
        if traced:
            told["tracer"] = traced.name
        told |= {f"recommender_{name}": str(value) for name, value in make[choice.name].keywords.items()}
        run.params({**parameters, **told, "split_at": facts["split_at"]})
        models = candidate.Models(recommenders, fitted_tracer, memory)
        kept = candidate.keep(loop.settings, models, {**facts, "run_id": run.id})
    return {
        "run_id": kept.run_id,
        **facts,
        "training": {
            "learners": int(done["learner_id"].nunique()),
            "items": len(recommenders.ranker.item_ids),
            "pairs": len(done),
            "answers": len(answers),
        },
    }


class _Tuned:
    """The hyper-parameters that were found best, by name; none for what was not tuned, which competes as it
    is beside what was. wanted: whether any are looked up. count: of those that were there."""

    def __init__(self, settings: Settings, wanted: bool) -> None:
        self.settings, self.wanted, self.count = settings, wanted, 0

    def recommender(self, name: str) -> dict[str, Any]:
        from learnloop.workflow.tuning import tuned_params

        return self._looked_up(tuned_params, name)

    def tracer(self, name: str) -> dict[str, Any]:
        from learnloop.workflow.tuning_tracers import tuned_tracer

        return self._looked_up(tuned_tracer, name)

    def _looked_up(self, find: Callable[[Settings, str], dict[str, Any]], name: str) -> dict[str, Any]:
        if not self.wanted:
            return {}
        try:
            found = find(self.settings, name)
        except NothingToDo:
            return {}
        self.count += 1
        return found


def _makers(
    recommender: str, ials: dict[str, Any], found: _Tuned
) -> tuple[dict[str, partial[Recommender]], dict[str, Any]]:
    """(how each recommender that may be needed is made, the settings of iALS)."""
    if recommender != "auto" and recommender not in RECOMMENDERS:
        raise BadInput(
            f"there is no recommender {recommender!r}; there are auto, {', '.join(sorted(RECOMMENDERS))}",
            "--recommender auto",
            field="recommender",
        )
    wanted = COMPETING if recommender == "auto" else (recommender,)
    settings = {name: found.recommender(name) for name in wanted}
    ials = {**ials, **settings.get("ials", {})}
    make: dict[str, partial[Recommender]] = {
        name: partial(RECOMMENDERS[name], **settings[name]) for name in wanted
    }
    if "ials" in wanted:
        make["ials"] = partial(RECOMMENDERS["ials"], **ials)
    return make, ials


def _choice(recommender: str, known: pd.DataFrame, items: pd.DataFrame, make: Mapping[str, Make]) -> Choice:
    if recommender != "auto":
        return Choice(recommender, "asked for by name")
    with step(f"chose among {', '.join(make)}"):
        return choose(known, items, make)


def _validated(choice: Choice, traced: TracerChoice | None) -> dict[str, float]:
    """What MLflow is told of the two choices: metric -> value."""
    values = {f"validation_ndcg_at_10_{name}": value for name, value in choice.validation.items()}
    for name, found in (traced.validation if traced else {}).items():
        values |= {f"validation_{key}_{name}": found[key] for key in ("log_loss", "auc") if key in found}
    return values


def _traced(
    tracer: str,
    answers: pd.DataFrame,
    make: Mapping[str, Callable[[], Tracer]],
    of_memory: Mapping[str, Any],
) -> tuple[TracerChoice | None, Tracer | None, Memory | None]:
    """(how the tracer was chosen, it and the memory, fitted on all answers); None where there are none."""
    if not len(answers):
        return None, None, None
    if tracer == "auto":
        with step(f"chose among {', '.join(make)}"):
            choice = choose_tracer(answers, make)
    else:
        choice = TracerChoice(tracer, "asked for by name")
    with step(f"trained the {choice.name} tracer and the memory on {len(answers):,} answers"):
        memory = Memory(**of_memory).fit(answers)
        return choice, memory if choice.name == "memory" else make[choice.name]().fit(answers), memory


def _recommenders(
    loop: Loop,
    name: str,
    make: Mapping[str, Make],
    ials: dict[str, Any],
    done: pd.DataFrame,
    items: pd.DataFrame,
    dask: bool,
) -> Recommenders:
    """All that a release carries, fitted on the whole training part."""
    fitted = _on_partitions(loop, ials, done) if dask else IALS(**ials).fit(done)
    ranker: Recommender = fitted
    if name != "ials":
        # those that compete read no features, which take a while to make
        features = None if name in COMPETING else item_features(items)
        ranker = make[name]().fit(done, features)
    return Recommenders(
        ranker,
        fitted,
        Popularity().fit(done),
        Companions().fit(done),
        item_texts(items) if len(items) else None,
    )


def _on_partitions(loop: Loop, ials: dict[str, Any], done: pd.DataFrame) -> IALS:
    from learnloop.workflow.als_dask import fit_partitioned
    from learnloop.workflow.cluster import workers

    folder = loop.settings.home / "dask"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(dir=folder) as scratch, workers(loop.settings) as run:
        return fit_partitioned(done, run, DASK_BLOCKS, Path(scratch), **ials)
