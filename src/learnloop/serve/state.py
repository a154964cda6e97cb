"""The release and the content in memory, as one immutable whole that is swapped, never changed.

A request takes `keeper.serving` once and works with it to its end, so a swap drops no request and mixes
no two releases.
"""

import json
import logging
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sqlalchemy as sa

from learnloop import settings as configuration
from learnloop.errors import DatabaseUnavailable, LearnloopError, ModelUnavailable, NothingToDo
from learnloop.recommend.candidate_merits import Waiting
from learnloop.recommend.diversity import Likeness
from learnloop.recommend.filters import Filters, Rule, Rules, above, pick
from learnloop.recommend.policy import Catalogue, Explain
from learnloop.recommend.reasons import told_by
from learnloop.recommend.stored import Recommenders
from learnloop.schemas import Recommender, Tracer
from learnloop.serve import content, security
from learnloop.serve.content import Content
from learnloop.settings import Settings
from learnloop.store import curation, database, embedded
from learnloop.store.releases import Registry, Release
from learnloop.trace import stored as tracers
from learnloop.trace.memory import Memory

log = logging.getLogger("learnloop.serve")

NO_FILTERS = Filters()
KEPT_SHELVES = 64  # of filters on more than one language
SHELVED = 250_000  # and the items on all of these: at 640 bytes each, 160 MB
DURATIONS = 32  # that a filter can tell apart: each makes a shelf of its own
NOWHERE = "\0"  # what no item says
NOTHING_PASSES = Filters(course=NOWHERE)  # one empty shelf for all wishes that nothing meets


@dataclass(frozen=True)
class Models:
    """One release, loaded. `tracer` and `memory` are None where it was trained without answers; a release
    made before there was a memory has none."""

    version: int
    run_id: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    recommenders: Recommenders
    tracer: Tracer | None
    memory: Memory | None = None

    @property
    def kinds(self) -> dict[str, str]:
        """What is logged with a decision: part of the release -> kind of model."""
        parts = {"ranker": self.recommenders.ranker, "tracer": self.tracer, "memory": self.memory}
        return {name: model.name for name, model in parts.items() if model is not None}

    @classmethod
    def load(cls, release: Release) -> "Models":
        folder = release.folder
        metrics, tracer, memory = (folder / name for name in ("metrics.json", "tracer", "memory"))
        return cls(
            version=release.version,
            run_id=release.run_id,
            manifest=release.manifest,
            metrics=json.loads(metrics.read_text()) if metrics.exists() else {},
            recommenders=Recommenders.load(folder / "recommender"),
            tracer=tracers.load(tracer) if tracer.exists() else None,
            memory=tracers.load_memory(memory) if memory.exists() else None,
        )


class Open(NamedTuple):
    """Where the items of a shelf stand in the scores of a model: columns and item_ids, (n,) each."""

    columns: np.ndarray
    item_ids: np.ndarray

    @classmethod
    def of(cls, model: Recommender, wanted: Collection[str]) -> "Open":
        columns = np.flatnonzero([item_id in wanted for item_id in model.item_ids])
        return cls(columns, np.asarray(model.item_ids, dtype=object)[columns])


@dataclass(frozen=True)
class Shelf:
    """The items one request may choose from, indexed once for all of them."""

    catalogue: Catalogue
    trained: frozenset[str]  # items of the release
    ranker: Open  # found once: a small part of a large catalogue would else leave out the rest by name
    popularity: Open
    newer: tuple[str, ...]  # items that came after the release was trained, by name
    required: tuple[str, ...]  # concepts that others require

    @classmethod
    def of(cls, items: pd.DataFrame, content: Content, models: Models) -> "Shelf":
        catalogue = Catalogue.from_frames(
            items, content.item_concepts, content.prerequisites, models.recommenders.popularity.counts
        )
        trained = frozenset(models.recommenders.ranker.item_ids)
        return cls(
            catalogue=catalogue,
            trained=trained,
            ranker=Open.of(models.recommenders.ranker, catalogue.reachable),
            popularity=Open.of(models.recommenders.popularity, catalogue.reachable),
            newer=tuple(sorted(catalogue.reachable - trained)),
            required=tuple(
                sorted({needed for needs in catalogue.prerequisites.values() for needed in needs})
            ),
        )


@dataclass(frozen=True, eq=False)
class Serving:
    """What answers a request: content, models (None before the first release), and shelves by filters."""

    content: Content
    models: Models | None
    _shelves: dict[Filters, Shelf] = field(init=False, default_factory=dict, repr=False)
    _turn: threading.Lock = field(init=False, default_factory=threading.Lock, repr=False)
    # Stands for this object in what is kept about a learner, without keeping an old release in memory.
    mark: object = field(init=False, default_factory=object, repr=False)

    @property
    def released(self) -> Models:
        """Raises NothingToDo before the first release."""
        if self.models is None:
            raise NothingToDo("nothing has been released yet", "learnloop run")
        return self.models

    def shelf(self, filters: Filters = NO_FILTERS) -> Shelf:
        """Of all items, or of those that pass; made at first use, so that a swap stays quick.

        Raises NothingToDo before the first release.
        """
        key = self._known(filters)
        found = self._shelves.get(key)
        if found is None:
            with self._turn:  # one at a time: many new wishes at once leave the other cores to the answers
                found = self._shelves.get(key) or self._made(key)
        return found

    def _made(self, key: Filters) -> Shelf:
        items = self.content.items
        chosen = pick(items, key) if key != NO_FILTERS else items
        found = self._shelves[key] = Shelf.of(chosen, self.content, self.released)
        rare = [key for key in self._shelves if not _usual(key)]
        on_them = sum(len(self._shelves[key].catalogue.reachable) for key in rare)
        while len(rare) > KEPT_SHELVES or (on_them > SHELVED and len(rare) > 1):
            on_them -= len(self._shelves.pop(rare.pop(0)).catalogue.reachable)
        return found

    def has_shelf(self, filters: Filters) -> bool:
        """Without one, `shelf` takes long where there are many items: call it from a thread."""
        return self._known(filters) in self._shelves

    def _known(self, filters: Filters) -> Filters:
        """The same wish in the words of the content, so that two wishes that mean the same share a shelf."""
        languages = filters.languages & self.content.languages
        longest = filters.max_duration_s
        if longest is not None:
            place = int(np.searchsorted(self.durations, longest, side="right"))
            longest = float(self.durations[place - 1]) if place else None
        level, licence = (
            value.lower() if not value or value.lower() in self._said[name] else NOWHERE
            for name, value in (("level", filters.level), ("licence", filters.licence))
        )
        course = filters.course if not filters.course or filters.course in self.within else NOWHERE
        too_short = longest is None and filters.max_duration_s is not None
        if too_short or NOWHERE in (course, level, licence) or bool(filters.languages) > bool(languages):
            return NOTHING_PASSES
        return Filters(languages, course, level, licence, longest)

    @cached_property
    def _said(self) -> Mapping[str, frozenset[str]]:
        items = self.content.items
        return {name: frozenset(items[name].dropna().str.lower()) for name in ("level", "licence")}

    @cached_property
    def holders(self) -> Mapping[str, tuple[str, ...]]:
        """item_id -> the courses (or whatever else) it lies in, at any depth, the nearest first."""
        return above({item_id: row["parent_id"] for item_id, row in self.content.facts.items()})

    @cached_property
    def within(self) -> Mapping[str, frozenset[str]]:
        """A course -> the items in it that a learner is sent to, at any depth."""
        found: dict[str, set[str]] = {}
        for item_id in set(self.content.rolls_up.values()):
            for holder in self.holders[item_id]:
                found.setdefault(holder, set()).add(item_id)
        return {holder: frozenset(inside) for holder, inside in found.items()}

    @cached_property
    def durations(self) -> np.ndarray:
        """(at most DURATIONS,) of the durations there are, in seconds, sorted, the shortest among them.

        A limit between two counts as the lower one: nothing that takes longer comes, and of what there is at
        most one in DURATIONS is missed.
        """
        found = np.sort(self.content.items["duration_s"].dropna().to_numpy(float))
        if len(np.unique(found)) > DURATIONS:
            found = np.quantile(found, np.linspace(0, 1, DURATIONS), method="lower")
        return np.unique(found)

    @cached_property
    def likeness(self) -> Likeness:
        catalogue = self.shelf().catalogue
        texts = self.models.recommenders.texts if self.models else None
        return Likeness(sorted(catalogue.reachable), catalogue.concepts, catalogue.course, texts)

    @cached_property
    def waiting(self) -> Waiting:
        return Waiting(self.shelf().catalogue)

    @cached_property
    def explain(self) -> Explain:
        found = self.released.recommenders
        return told_by(found.ranker, found.companions, self.likeness)


def _usual(key: Filters) -> bool:
    """Anything, or the items of one language: as many as there are languages."""
    return key == Filters(languages=key.languages) and len(key.languages - {"und"}) <= 1


class Keeper:
    """Opens what serving needs, and keeps `serving` up to date.

    Nothing that fails here ends the process: what is in memory keeps serving, `trouble` says what is wrong
    and the next refresh tries again.
    """

    def __init__(self, settings: Settings, database_url: str) -> None:
        self.settings, self.database_url = settings, database_url
        self.serving: Serving | None = None
        self.rules = Rules()
        self.trouble: dict[str, LearnloopError] = {}
        self._turn, self._closed = threading.Lock(), False
        self._rules_turn = threading.Lock()
        self._engine: sa.Engine | None = None
        self._registry: Registry | None = None

    @property
    def engine(self) -> sa.Engine:
        """Raises DatabaseUnavailable until the database has been reached once."""
        if self._engine is None:
            raise DatabaseUnavailable("the database does not answer", "learnloop doctor")
        return self._engine

    @property
    def current(self) -> Serving:
        if self.serving is None:
            raise DatabaseUnavailable("the database does not answer", "learnloop doctor")
        return self.serving

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            raise DatabaseUnavailable("the model registry does not answer", "learnloop doctor")
        return self._registry

    def refresh(self) -> None:
        """Looks for a new champion and new content; swaps `serving` as a whole where there is any."""
        with self._turn:  # a cancelled watcher leaves its thread running
            if not self._closed:
                self._refresh()

    def _refresh(self) -> None:
        serving = self.serving
        if "database" in self.trouble:
            self._revive()
        with self._noting("database"):
            engine = self._engine = self._engine or self._open()
            if serving is None or content.fingerprint(engine) != serving.content.fingerprint:
                fresh = content.read(engine)
                serving = Serving(fresh, serving.models if serving else None)
            self.read_rules()
        if serving is not None and "database" not in self.trouble:
            with self._noting("release"):
                serving = self._with_champion(serving)
        if serving is not None and serving is not self.serving:
            if serving.models is not None:
                # Before the swap, so that no request waits for them.
                for languages in (set(), *({one, "und"} for one in serving.content.languages)):
                    serving.shelf(Filters(frozenset(languages)))
                _ = serving.explain, serving.within, serving.waiting
            self.serving = serving

    def read_rules(self) -> None:
        """The instructors' pins and blocks; `rules` stays the same object where they stay the same."""
        with self._rules_turn:  # else an older reading could come last
            rows = curation.rules(self.engine)
            found = tuple(Rule(row["kind"], row["item_id"], row["scope"], row["target"]) for row in rows)
            if found != self.rules.rules:
                self.rules = Rules(found)

    def _open(self) -> sa.Engine:
        engine = database.connect(self.database_url)
        try:
            database.migrate(engine)
            security.ensure_first_keys(engine, self.settings)
            configuration.pseudonym_key(self.settings)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _revive(self) -> None:
        """Starts the embedded server again where it was killed; one that was stopped stays stopped."""
        if self.settings.database_url:
            return
        found = embedded.status(self.settings.home)
        folder = found["data_directory"]
        if not found["running"] and folder and (Path(folder) / "postmaster.pid").exists():
            log.warning("the embedded database was killed; starting it again")
            with self._noting("database"):
                self.database_url = embedded.ensure_running(self.settings.home)
            if self._engine is not None and self._engine.url.port != sa.make_url(self.database_url).port:
                self._let_go()  # it came back on another port

    def _with_champion(self, serving: Serving) -> Serving:
        if self._registry is None:
            self._registry = Registry.open(
                self.engine, self.settings.artifacts_dir, self.settings.tracking_uri
            )
        version = self._registry.champion_version()
        if version is None:
            if serving.models is None:
                raise NothingToDo("nothing has been released yet", "learnloop run")
            return serving  # an alias that is gone, say while it is being set anew: keep what serves
        if serving.models is not None and serving.models.version == version:
            return serving
        models = Models.load(self._registry.release(version))
        log.info("release %d serves", version)
        return replace(serving, models=models)

    def _noting(self, part: str) -> "_Noting":
        return _Noting(self.trouble, part)

    def ready(self) -> dict[str, LearnloopError]:
        """What keeps the API from answering, by part; empty when all is well. Asks the database."""
        trouble = dict(self.trouble) if self.serving is None or self.serving.models is None else {}
        try:
            with self.engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except (sa.exc.SQLAlchemyError, LearnloopError):
            trouble["database"] = DatabaseUnavailable("the database does not answer", "learnloop doctor")
        else:
            trouble.pop("database", None)
            if self.serving is None:
                trouble["database"] = DatabaseUnavailable("the content is not loaded yet", "wait a moment")
            elif self.serving.models is None and "release" not in trouble:
                trouble["release"] = NothingToDo("nothing has been released yet", "learnloop run")
        return trouble

    def close(self) -> None:
        """For good: a refresh under way ends first, and none follows."""
        with self._turn:
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine = self._registry = None


class _Noting:
    """Turns a failure into a note in `trouble`, logged when it is news."""

    def __init__(self, trouble: dict[str, LearnloopError], part: str) -> None:
        self.trouble, self.part = trouble, part

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if error is None:
            self.trouble.pop(self.part, None)
            return True
        if not isinstance(error, Exception):
            return False
        if isinstance(error, LearnloopError):
            told = error
        elif self.part == "database":
            told = DatabaseUnavailable("the database does not answer", "learnloop doctor")
        else:
            told = ModelUnavailable("the release cannot be loaded", "learnloop rollback")
        if str(told) != str(self.trouble.get(self.part)):
            log.warning("%s: %s (%s)", self.part, told, type(error).__name__)
        self.trouble[self.part] = told
        return True
