"""How a log is parted into what a model may learn from and what it has to foresee.

A log has a row an event: learner_id, item_id, at (float, larger is later). A learner's events of one moment
come in the order of their rows. Nothing a fold asks for is in its training part, and a fold of a fold's
training part is a validation fold: models are chosen and tuned there, never on the test.

- time: one instant for all learners; training knows nothing from after it. The honest one, and the hardest.
- leave-last-out: the last new item of each learner; popular in papers, though training holds other
  learners' future.
- learners: some learners are not in training at all (strong generalisation, Liang et al. 2018); of each, the
  first four fifths of the items are the history, the rest is asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.grouped import Grouped, distinct

SPLITS = ("time", "leave-last-out", "learners")
HISTORY_SHARE = 0.8  # of the items of a learner of the test, under `learners`


@dataclass(frozen=True)
class Fold:
    """train: rows of the log. histories: learner -> items done before, oldest first, with repeats; [] is a
    new learner. relevant: the same learners -> what they did next, for the first time; never empty. Both in
    order of learner, and arrays inside (`Grouped`) where a function here made the fold.
    """

    name: str
    train: pd.DataFrame
    histories: Mapping[str, list[str]]
    relevant: Mapping[str, set[str]]


def folds(
    log: pd.DataFrame, split: str = "time", n_folds: int = 1, test_share: float = 0.2, seed: int = 0
) -> list[Fold]:
    """n_folds folds; a smaller number in the name is an earlier one.

    time: the newest `test_share` of the events in n_folds consecutive windows (rolling origin: each
    window's training is all that came before it). leave-last-out: the last item, then the last but one, …
    learners: n_folds disjoint parts of the learners, or a share of `test_share` where n_folds is 1.
    Raises BadInput on options that make no sense, NothingToDo where nobody would be asked anything.
    """
    if split not in SPLITS:
        raise BadInput(f"there is no split {split!r}", f"--split {', '.join(SPLITS)}", "split")
    if not 0 < test_share < 1 or n_folds < 1:
        raise BadInput(f"{n_folds} folds of a share of {test_share} make no test", "--folds 5", "folds")
    if log.empty:
        raise NothingToDo("the log has no interactions", "check the file given as --interactions")
    log = log.sort_values("at", kind="stable", ignore_index=True)
    parts = {"time": _windows, "leave-last-out": _last_items, "learners": _learners}[split]
    found = [fold for fold in parts(log, n_folds, test_share, seed) if fold.relevant and len(fold.train)]
    if len(found) < n_folds:
        raise NothingToDo(
            f"{len(log):,} interactions of {log['learner_id'].nunique():,} learners leave"
            f" {len(found)} of {n_folds} folds with something to train on and to ask",
            "fewer --folds, another --split or more data" if n_folds > 1 else "another --split or more data",
        )
    return found


def given(train: pd.DataFrame, test: pd.DataFrame, hide_seen: bool = True) -> Fold:
    """The fold of two files. Learners of the test that training has not are new ones."""
    train = train.sort_values("at", kind="stable", ignore_index=True)
    fold = _fold("test", train, test, hide_seen)
    if not fold.relevant:
        raise NothingToDo(
            "no learner of the test file did anything new in it", "--show-seen where repeats count"
        )
    return fold


def validation(fold: Fold, split: str, test_share: float = 0.2, seed: int = 0) -> Fold:
    """A fold of the training part alone, made as `split` makes one."""
    return folds(fold.train, split, 1, test_share, seed)[0]


def histories(log: pd.DataFrame) -> dict[str, list[str]]:
    """learner -> items in the order of rows. log: in order of time."""
    if log.empty:
        return {}
    rows, learners = pd.factorize(log["learner_id"], sort=True)
    items = log["item_id"].to_numpy(object)[np.argsort(rows, kind="stable")].tolist()
    ends = np.cumsum(np.bincount(rows)).tolist()
    starts = [0, *ends[:-1]]
    return {
        learner: items[start:end] for learner, start, end in zip(learners.tolist(), starts, ends, strict=True)
    }


def _fold(name: str, train: pd.DataFrame, test: pd.DataFrame, hide_seen: bool = True) -> Fold:
    """What of `test` is not in `train` (all of it where hide_seen is False), and what `train` has before."""
    learner, learners = pd.factorize(pd.concat([train["learner_id"], test["learner_id"]]), sort=True)
    item, items = pd.factorize(pd.concat([train["item_id"], test["item_id"]]))
    names, n, width = np.asarray(items, dtype=object), len(learners), max(len(items), 1)
    key = learner.astype(np.int64) * width + item  # a learner and an item as one number
    wanted = distinct(key[len(train) :])
    if hide_seen:
        wanted = wanted[~np.isin(wanted, distinct(key[: len(train)]), assume_unique=True, kind="sort")]
    sizes = np.bincount(wanted // width, minlength=n)
    asked = np.flatnonzero(sizes)
    there = np.asarray(learners, dtype=object)[asked]
    rows = learner[: len(train)]
    done = np.flatnonzero((sizes > 0)[rows])
    done = done[np.argsort(rows[done], kind="stable")]
    lengths = np.bincount(rows[done], minlength=n)[asked]
    return Fold(
        name,
        train,
        Grouped(there, lengths, item[done], names, list),
        Grouped(there, sizes[asked], wanted % width, names, set),
    )


def _windows(log: pd.DataFrame, n_folds: int, test_share: float, seed: int) -> Iterator[Fold]:
    at = log["at"].to_numpy(float)
    # round() first: 1 - 0.2 of ten rows is 8.000000000000002 in floating point
    first = ceil(round(len(at) * (1 - test_share), 6))
    cuts = [min(first + (len(at) - first) * fold // n_folds, len(at) - 1) for fold in range(n_folds)]
    edges = [float(at[cut]) for cut in cuts]
    if edges[0] == at[0]:  # most events share the first instant: the next one is the earliest that can part
        later = at[at > at[0]]
        edges[0] = float(later[0]) if len(later) else np.inf
    for fold, (start, end) in enumerate(zip(edges, [*edges[1:], np.inf], strict=True)):
        if start < end:
            yield _fold(f"window {fold + 1}", log[at < start], log[(at >= start) & (at < end)])


def _last_items(log: pd.DataFrame, n_folds: int, test_share: float, seed: int) -> Iterator[Fold]:
    fresh = ~log.duplicated(["learner_id", "item_id"])
    # The number of new items of the learner up to a row, and of all.
    nth = fresh.groupby(log["learner_id"], sort=False).cumsum().to_numpy()
    total = fresh.groupby(log["learner_id"], sort=False).transform("sum").to_numpy()
    for back in range(n_folds):
        target = total - back
        asked = fresh.to_numpy() & (nth == target) & (target >= 2)
        # of a learner too short to be asked, everything is for training
        train = (nth < target) | (target < 2)
        yield _fold(f"last but {back}" if back else "last", log[train], log[asked])


def _learners(log: pd.DataFrame, n_folds: int, test_share: float, seed: int) -> Iterator[Fold]:
    names = np.sort(log["learner_id"].unique().astype(object))
    mixed = np.random.default_rng(seed).permutation(names)
    parts = np.array_split(mixed, n_folds) if n_folds > 1 else [mixed[: ceil(len(mixed) * test_share)]]
    fresh = ~log.duplicated(["learner_id", "item_id"])
    nth = fresh.groupby(log["learner_id"], sort=False).cumsum()
    total = fresh.groupby(log["learner_id"], sort=False).transform("sum")
    known = nth <= np.maximum((total * HISTORY_SHARE).astype(int), 1)
    for number, part in enumerate(parts):
        inside = log["learner_id"].isin(part)
        asked = _fold("", log[inside & known], log[inside & ~known])
        yield Fold(f"learners {number + 1}", log[~inside], asked.histories, asked.relevant)
