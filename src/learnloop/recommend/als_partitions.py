"""iALS in blocks of rows: the half steps of als.IALS, for more interactions than one process should hold.

    x_u depends on the history of u and on all item factors alone, and y_i likewise on user factors,

so a half step is one call a block of rows, in any order and on any machine, with the other side's factors
shared. A block calls the solver that `implicit` itself calls (conjugate gradients, Takács et al. 2011), from
the same start: the factors are those of IALS.fit.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix


def start(n_learners: int, n_items: int, factors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(user_factors, item_factors) float32, small and random: what `implicit` draws for the seed."""
    from implicit.utils import check_random_state

    draw = check_random_state(seed)
    users = draw.random((n_learners, factors), dtype=np.float32) * 0.01
    return users, draw.random((n_items, factors), dtype=np.float32) * 0.01


def edges(confidences: csr_matrix, blocks: int) -> np.ndarray:
    """(blocks + 1,) where each block of rows starts, with about equally many entries each.

    Fewer blocks where there are fewer rows.
    """
    blocks = max(1, min(blocks, confidences.shape[0]))
    shares = np.linspace(0, confidences.nnz, blocks + 1)[1:-1]
    inner = np.searchsorted(confidences.indptr, shares)
    return np.unique(np.r_[0, inner, confidences.shape[0]])


def rows(confidences: csr_matrix, blocks: int) -> Iterator[tuple[int, csr_matrix]]:
    """(first row, the block's rows), by `edges`."""
    for first, end in pairwise(edges(confidences, blocks).tolist()):
        yield first, confidences[first:end]


def half_step(
    confidences: csr_matrix, own: np.ndarray, others: np.ndarray, regularization: float, threads: int = 1
) -> np.ndarray:
    """The new factors of a block of rows, (n_rows, factors) float32.

    confidences: (n_rows, n_others), c as in als.IALS; own: the rows' factors before, where the solver starts
    from; others: all factors of the other side. Neither is changed.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    solved = np.array(own, dtype=np.float32)
    with threadpool_limits(1, "blas"):
        AlternatingLeastSquares(factors=solved.shape[1], num_threads=threads).solver(
            confidences.astype(np.float32),
            solved,
            np.ascontiguousarray(others, dtype=np.float32),
            regularization,
            num_threads=threads,
        )
    return solved
