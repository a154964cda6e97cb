"""Texts in, which of them are nearly the same out: by the runs of three words that they share.

    "A map shows where things are. Look!"        a map shows | map shows where | … | where things are | look
    "Look! A map shows where things are."        the same set: Jaccard 1

Jaccard |A ∩ B| / |A ∪ B| of the sets of runs (Broder 1997). A run does not go over the end of a sentence, so
sentences in another order stay the same text. Candidates by prefix filtering, which loses none (Bayardo, Ma
& Srikant 2007): with the runs ordered by rarity, two sets of Jaccard >= t share one among the first
|A| - ceil(t |A|) + 1 of A, and one among those of B. Runs that a single text has lead to no candidate, so
two pages that share a menu, and each have a text of their own, are never compared.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from learnloop.prepare.hashing import mixed

RUN = 3  # words
_ENDS = (".", "!", "?", "…")
_TOKEN = re.compile(r"\w+|[.!?…](?=\s|$)")
_END = re.compile(r"[.!?…](?=\s|$)")
_WORD = re.compile(r"\w+")


def shingles(text: str) -> frozenset[str]:
    """Runs of three words within a sentence, or a whole sentence of fewer; case and punctuation aside.

    >>> sorted(shingles("The mean, the median! Why?"))
    ['mean the median', 'the mean the', 'why']
    """
    found: set[str] = set()
    for sentence in _END.split(text.casefold()):
        words = _WORD.findall(sentence)
        if words:
            found.update(" ".join(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1)))
    return frozenset(found)


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Share of common members, in [0, 1]; two empty sets have none.

    >>> jaccard(frozenset("abc"), frozenset("bcd"))
    0.5
    """
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def near_copies(texts: Sequence[str], threshold: float) -> dict[int, int]:
    """{place of a copy: place of the text that stays}, each text compared with those before it that stay.

    Of several near enough the nearest, then the first. threshold: least Jaccard of `shingles`, in (0, 1].
    """
    sets, frequency = _ranked(texts)
    staying: dict[int, list[int]] = defaultdict(list)  # rank of a run -> texts with it in their prefix
    copies: dict[int, int] = {}
    for n, members in enumerate(sets):
        # the tiny amount keeps 0.9 * 30 = 27.000000000000004 from being rounded up to 28
        prefix = members[: len(members) - math.ceil(threshold * len(members) - 1e-9) + 1]
        shared = prefix[frequency[prefix] > 1].tolist()
        best, nearest = threshold - 1e-9, -1
        for other in sorted({other for rank in shared for other in staying[rank]}):
            if min(len(members), len(sets[other])) < best * max(len(members), len(sets[other])):
                continue
            common = len(np.intersect1d(members, sets[other], assume_unique=True))
            near = common / (len(members) + len(sets[other]) - common)
            if near > best:
                best, nearest = near, other
        if nearest >= 0:
            copies[n] = nearest
            continue
        for rank in shared:
            staying[rank].append(n)
    return copies


def _ranked(texts: Sequence[str]) -> tuple[list[np.ndarray], np.ndarray]:
    """(each text's runs as ranks, ascending; in how many texts each rank is): the rarest run has rank 0."""
    vocabulary: defaultdict[str, int] = defaultdict()
    vocabulary.default_factory = vocabulary.__len__
    for end in _ENDS:
        vocabulary[end]  # the first numbers
    hashed = [
        _runs(np.array([vocabulary[token] for token in _TOKEN.findall(text.casefold())], dtype=np.uint64))
        for text in texts
    ]
    if not hashed:
        return [], np.empty(0, dtype=np.int64)
    sizes = np.cumsum([len(runs) for runs in hashed])[:-1]
    _, which, counts = np.unique(np.concatenate(hashed), return_inverse=True, return_counts=True)
    by_rarity = np.argsort(counts, kind="stable")
    rank = np.empty(len(counts), dtype=np.int64)
    rank[by_rarity] = np.arange(len(counts))
    return [np.sort(runs) for runs in np.split(rank[which], sizes)], counts[by_rarity]


def _runs(tokens: np.ndarray) -> np.ndarray:
    """Numbers of words and sentence ends, (n,) uint64, to the distinct hashes of `shingles`, uint64.

    Two of 10^8 distinct runs share a hash with probability 3e-4.
    """
    is_end = tokens < len(_ENDS)
    words, sentence = tokens[~is_end], np.cumsum(is_end)[~is_end]
    second, third = np.zeros_like(words), np.zeros_like(words)
    for place, following in ((1, second), (2, third)):
        inside = sentence[place:] == sentence[:-place]
        following[:-place] = np.where(inside, words[place:], 0)  # 0 is no word's number
    opens = np.append(True, sentence[1:] != sentence[:-1])[: len(words)]
    keep = (third != 0) | opens  # a sentence of one word or two is a run of its own
    return np.unique(mixed(mixed(mixed(words) + second) + third)[keep])
