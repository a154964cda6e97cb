"""Numbers in, numbers that look random out: 1, 2, 3 -> 0x910a2dec89025cc1, 0x975835de1c9756ce, …"""

import numpy as np


def mixed(x: np.ndarray) -> np.ndarray:
    """splitmix64 (Steele, Lea & Flood 2014): (n,) uint64 to uint64, one to one.

    >>> [hex(value) for value in mixed(np.array([1, 2], dtype=np.uint64)).tolist()]
    ['0x910a2dec89025cc1', '0x975835de1c9756ce']
    """
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
