"""iALS on partitions: signals in, the same recommender as recommend.als.IALS.fit out, trained block by block.

SCRATCH/users-00003.npz             the confidences of a block of learners; items-… of items
SCRATCH/users-00003-000007.npy      the factors of the block after half step 7; 0 is the start

`scratch` is a folder that every worker reaches. A half step reads the other side's factors and writes its
own to a new file, so a task that is done twice, say because a worker died, changes nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, load_npz, save_npz

from learnloop.recommend import als_partitions
from learnloop.recommend.als import IALS, confidence_matrix
from learnloop.recommend.signals import matrix
from learnloop.workflow.cluster import Run

SIDES = ("users", "items")


def fit_partitioned(signals: pd.DataFrame, run: Run, blocks: int, scratch: Path, **settings: Any) -> IALS:
    """IALS(**settings).fit(signals), each half step `run` over so many blocks of learners, then of items.

    Raises NothingToDo without signals, BadInput on bad weights.
    """
    return fit_matrix_partitioned(*matrix(signals), run, blocks, scratch, **settings)


def fit_matrix_partitioned(
    weights: csr_matrix,
    learner_ids: np.ndarray,
    item_ids: np.ndarray,
    run: Run,
    blocks: int,
    scratch: Path,
    **settings: Any,
) -> IALS:
    """As `fit_partitioned`, from w of shape (n_learners, n_items). `scratch` is left empty."""
    model = IALS(**settings)
    model.learner_ids, model.item_ids = learner_ids, item_ids
    confidences = confidence_matrix(weights, model.alpha)
    n_learners, n_items = confidences.shape
    starts = als_partitions.start(n_learners, n_items, model.factors, model.seed)
    counts = {}
    for side, matrix_of, factors in zip(SIDES, (confidences, confidences.T.tocsr()), starts, strict=True):
        counts[side] = _lay_out(scratch, side, matrix_of, factors, blocks)
    del confidences, starts
    for sweep in range(model.iterations):
        for side, other in (SIDES, SIDES[::-1]):
            # items answer the users' factors of the same sweep, users the items' of the one before
            read = sweep + 1 if other == "users" else sweep
            arguments = [
                (scratch, side, block, sweep, other, counts[other], read, model.regularization)
                for block in range(counts[side])
            ]
            run(solve_block, arguments, lambda: None)
            _forget(scratch, side, counts[side], sweep)
    users, items = (_gather(scratch, side, counts[side], model.iterations) for side in SIDES)
    for side in SIDES:
        _forget(scratch, side, counts[side], model.iterations)
        for block in range(counts[side]):
            _block(scratch, side, block).unlink()
    return model.take_factors(users, items)


def solve_block(
    scratch: Path,
    side: str,
    block: int,
    step: int,
    other: str,
    n_others: int,
    read: int,
    regularization: float,
) -> None:
    """One block of a half step, on a worker: from the factors of `step` to those of step + 1."""
    own = np.load(_factors(scratch, side, block, step), allow_pickle=False)
    others = _gather(scratch, other, n_others, read)
    solved = als_partitions.half_step(load_npz(_block(scratch, side, block)), own, others, regularization)
    _write(_factors(scratch, side, block, step + 1), solved)


def _lay_out(scratch: Path, side: str, confidences: csr_matrix, factors: np.ndarray, blocks: int) -> int:
    count = 0
    for first, part in als_partitions.rows(confidences, blocks):
        save_npz(_block(scratch, side, count), part, compressed=False)
        _write(_factors(scratch, side, count, 0), factors[first : first + part.shape[0]])
        count += 1
    return count


def _gather(scratch: Path, side: str, count: int, step: int) -> np.ndarray:
    paths = [_factors(scratch, side, block, step) for block in range(count)]
    return np.concatenate([np.load(path, allow_pickle=False) for path in paths])


def _write(path: Path, factors: np.ndarray) -> None:
    """Whole or not at all: a killed worker leaves no half file under the name that others read."""
    unfinished = path.with_suffix(".part.npy")
    np.save(unfinished, factors, allow_pickle=False)
    unfinished.replace(path)


def _forget(scratch: Path, side: str, count: int, step: int) -> None:
    for block in range(count):
        _factors(scratch, side, block, step).unlink()


def _block(scratch: Path, side: str, block: int) -> Path:
    return scratch / f"{side}-{block:05d}.npz"


def _factors(scratch: Path, side: str, block: int, step: int) -> Path:
    return scratch / f"{side}-{block:05d}-{step:06d}.npy"
