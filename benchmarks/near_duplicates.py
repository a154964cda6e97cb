"""How many planted copies of items are found, how many found are copies, and the speed beside MinHash.

    python benchmarks/near_duplicates.py [SHARED_DATA] [MOST_ITEMS]

Quality: copies and lookalikes (`simulate.copies`) of our own lessons and, where SHARED_DATA lies, of the
sections of two OpenStax books and of XQuAD's English paragraphs. Two editions of one section in the books
would blur the truth: one of them is left out, and counted apart. Speed: texts drawn by Zipf's law, 2% of
them copies, through the exact prefix filter of `prepare.overlap` and through MinHash with banding (Broder
1997; Leskovec, Rajaraman & Ullman 2014, chapter 3), whose candidates are verified by the same Jaccard.
"""

import json
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from learnloop.collect import openstax as read_openstax
from learnloop.demo import authored
from learnloop.prepare import openstax as clean_openstax
from learnloop.prepare.duplicates import NEAR, find_duplicates
from learnloop.prepare.overlap import _ranked, near_copies
from learnloop.simulate.copies import COPIES, LOOKALIKES, planted_copies

BOOKS = ("openstax-psychology-en", "openstax-estadistica-es")
HASHES, BANDS = 128, 16  # 16 bands of 8: half of the pairs of Jaccard .68 share one, 99.4% of those of .85


def main() -> None:
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/data")
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    for name, items in corpora(shared).items():
        quality(name, items)
    for size in (1_000, 10_000, 50_000):
        if size <= most:
            speed(size)


def frame(rows: list[dict[str, object]], kind: str = "lesson") -> pd.DataFrame:
    columns = {"source": "bench", "kind": kind, "parent_id": pd.NA, "title": "T", "answer": pd.NA}
    return pd.DataFrame(rows).assign(**columns)


def corpora(shared: Path) -> dict[str, pd.DataFrame]:
    """Items no two of which are alike; what is not there is left out, and said."""
    lessons: list[dict[str, object]] = [
        {"item_id": f"demo:{lesson.slug}", "language": course.language, "text": lesson.text}
        for course in authored.courses()
        for lesson in course.lessons
    ]
    found = {"demo lessons": frame(lessons)}
    if not (shared / BOOKS[0]).is_dir():
        print(f"no real data at {shared}: our own lessons alone")
        return found
    items = pd.concat([book(shared / name) for name in BOOKS]).drop_duplicates("item_id")
    sections = items[items["kind"] == "lesson"].assign(parent_id=pd.NA)
    alike = editions(sections)
    found["OpenStax sections"] = sections[~sections["item_id"].isin(alike)]
    paragraphs = {
        path.suffixes[0][1:]: [
            paragraph["context"]
            for article in json.loads(path.read_text(encoding="utf-8"))["data"]
            for paragraph in article["paragraphs"]
        ]
        for path in sorted((shared / "xquad").glob("xquad.*.json"))
    }
    found["XQuAD paragraphs"] = frame(
        [{"item_id": f"x:{n}", "language": "en", "text": text} for n, text in enumerate(paragraphs["en"])]
    )
    exercises(items)
    translations(paragraphs)
    return found


def book(folder: Path) -> pd.DataFrame:
    context = clean_openstax.Context()
    return pd.concat(
        [clean_openstax.clean(chunk, context).frames["items"] for chunk in read_openstax.read(folder)],
        ignore_index=True,
    )


def editions(sections: pd.DataFrame) -> set[str]:
    """Sections like an earlier one (Jaccard 0.4 and more), and how many we would merge of them."""
    alike: set[str] = set()
    for _, group in sections.groupby("language"):
        alike |= {group["item_id"].iloc[n] for n in near_copies(group["text"].tolist(), 0.4)}
    merged = find_duplicates(sections)
    print(f"books: {len(sections)} sections, {len(alike)} of them like another, {len(merged)} merged")
    return alike


def exercises(items: pd.DataFrame) -> None:
    """Exercises once more under the same lesson: word for word, and with other numbers."""
    own = items[(items["kind"] == "exercise") & items["text"].str.contains(r"\d")].drop_duplicates("text")
    planted = planted_copies(own, seed=0, edits=("numbers",))
    again = own.assign(item_id=own["item_id"] + "~again")
    merged = find_duplicates(pd.concat([planted.items, again], ignore_index=True))
    print(
        f"exercises: {len(own):,} word for word, {sum(c.endswith('~again') for c in merged):,} found;"
        f" {len(planted.kinds):,} with other numbers,"
        f" {sum(c in planted.kinds for c in merged):,} of them taken for copies"
    )


def translations(paragraphs: dict[str, list[str]]) -> None:
    """Every paragraph in every language, with the languages known and unknown."""
    rows: list[dict[str, object]] = [
        {"item_id": f"x:{language}-{n}", "language": language, "text": text}
        for language, texts in paragraphs.items()
        for n, text in enumerate(texts)
    ]
    known = find_duplicates(frame(rows))
    unknown = find_duplicates(frame(rows).assign(language="und"))
    print(
        f"translations: {len(rows):,} paragraphs in {len(paragraphs)} languages,"
        f" taken for copies: {len(known)}, with the language unknown {len(unknown)}"
    )


def quality(name: str, items: pd.DataFrame) -> None:
    planted = planted_copies(items.reset_index(drop=True), seed=0)
    total = Counter(planted.kinds.values())
    print(f"\n{name}: {len(items)}, median {int(items['text'].str.split().str.len().median()):,} words")
    print("threshold  precision  " + "  ".join(f"{kind:>9}" for kind in (*COPIES, *LOOKALIKES)))
    for threshold in sorted({0.95, 0.9, NEAR, 0.8, 0.7, 0.6, 0.5}, reverse=True):
        merged = find_duplicates(planted.items, threshold=threshold)
        found: Counter[str] = Counter()
        right = 0
        for copy, kept in merged.items():
            found[planted.kinds.get(copy, "original")] += 1
            right += copy in planted.truth and planted.truth[copy] == planted.truth.get(kept, kept)
        shares = "  ".join(f"{found[kind] / total[kind]:9.3f}" for kind in (*COPIES, *LOOKALIKES))
        mark = "*" if threshold == NEAR else " "
        print(f"{threshold:8.2f}{mark}  {right / max(1, len(merged)):9.4f}  {shares}")


def speed(size: int) -> None:
    texts, truth = synthetic(size)
    exact, seconds = timed(near_copies, texts)
    hashed, hash_seconds = timed(minhash_copies, texts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    words = np.mean([text.count(" ") + 1 for text in texts])
    print(
        f"\n{size:,} texts of {words:.0f} words, {len(truth):,} copies:"
        f" exact {seconds:.1f} s, found {len(exact):,}; MinHash {hash_seconds:.1f} s, found {len(hashed):,},"
        f" {len(set(exact) - set(hashed)):,} missed; peak {peak:.1f} GiB"
    )


def timed(
    find: Callable[[Sequence[str], float], dict[int, int]], texts: list[str]
) -> tuple[dict[int, int], float]:
    started = time.perf_counter()
    return find(texts, NEAR), time.perf_counter() - started


def synthetic(size: int) -> tuple[list[str], dict[int, int]]:
    """Texts of about 400 words of a vocabulary of 50,000, in sentences of 15; 2% are copies with typos."""
    rng = np.random.default_rng(0)
    weights = 1.0 / np.arange(1, 50_001)
    edges = np.cumsum(weights / weights.sum())
    texts: list[str] = []
    truth: dict[int, int] = {}
    for n in range(size):
        if n % 50 == 49:
            truth[n] = int(rng.integers(n - 40, n))
            texts.append(COPIES["typos"](texts[truth[n]], random.Random(n), ""))
            continue
        length = int(np.exp(rng.normal(np.log(350), 0.5))) + 50
        drawn = np.searchsorted(edges, rng.random(length) * edges[-1])
        words = [f"wörter{word}" if word > 999 else f"w{word}" for word in drawn]
        texts.append(" ".join(w + "." if i % 15 == 14 else w for i, w in enumerate(words)))
    return texts, truth


def minhash_copies(texts: Sequence[str], threshold: float) -> dict[int, int]:
    """`near_copies` by MinHash signatures: candidates share a band."""
    sets, _ = _ranked(texts)
    rng = np.random.default_rng(1)
    factor = rng.integers(1, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offset = rng.integers(0, 2**63, HASHES, dtype=np.uint64)
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    copies: dict[int, int] = {}
    for n, members in enumerate(sets):
        signature = (members.astype(np.uint64)[:, None] * factor + offset >> np.uint64(20)).min(axis=0)
        bands = [(band, part.tobytes()) for band, part in enumerate(np.split(signature, BANDS))]
        nearest, best = -1, threshold - 1e-9
        for other in sorted({other for band in bands for other in buckets[band]}):
            common = len(np.intersect1d(members, sets[other], assume_unique=True))
            near = common / (len(members) + len(sets[other]) - common)
            if near > best:
                best, nearest = near, other
        if nearest >= 0:
            copies[n] = nearest
            continue
        for band in bands:
            buckets[band].append(n)
    return copies


if __name__ == "__main__":
    main()
