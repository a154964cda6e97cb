"""Random numbers by place: a function of (seed, learner, purpose, number), so that learners do not share any.

A counter-based generator (splitmix64: Steele, Lea & Flood 2014): learner 7 has the same numbers among ten
learners and among a million, in one process and in four, whatever is asked of the others.
"""

import numpy as np

u64 = np.uint64
GOLDEN = u64(0x9E3779B97F4A7C15)


def learner_keys(seed: int, first: int, n: int, purpose: int) -> np.ndarray:
    """(n,) uint64: where the numbers of learners first .. first + n - 1 begin, for one purpose."""
    learner = np.arange(first, first + n, dtype=u64)
    root = mixed(np.array([seed], dtype=u64)) ^ mixed(np.array([purpose], dtype=u64) + GOLDEN)
    return mixed(mixed(learner) + root)


def mixed(x: np.ndarray) -> np.ndarray:
    """uint64 to uint64, any shape: one step of splitmix64 from state x."""
    with np.errstate(over="ignore"):
        x = x + GOLDEN
        x ^= x >> u64(30)
        x *= u64(0xBF58476D1CE4E5B9)
        x ^= x >> u64(27)
        x *= u64(0x94D049BB133111EB)
        x ^= x >> u64(31)
    return x


def uniform(bits: np.ndarray) -> np.ndarray:
    """uint64 to (0, 1), never an end: 53 bits."""
    return (bits >> u64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54


def two_uniforms(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two independent numbers in [0, 1) of 32 bits each, out of one uint64."""
    high = (bits >> u64(32)).astype(np.float64)
    low = (bits & u64(0xFFFFFFFF)).astype(np.float64)
    high *= 2.0**-32
    low *= 2.0**-32
    return high, low


def normal(bits: np.ndarray) -> np.ndarray:
    """uint64 to N(0, 1)."""
    return ndtri(uniform(bits))


def ndtri(p: np.ndarray) -> np.ndarray:
    """(0, 1) to N(0, 1): the inverse of its distribution function."""
    from scipy import special

    return special.ndtri(p)
