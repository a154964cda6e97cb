"""Raw logs of any size, with planted dirt, for measuring how the preparation scales.

One row of a part, every field text, "" where empty, as a school's export would hold it:

    learner_id      item_id    occurred_at               verb      correct  score  duration_s  event_id
    learner-40213   item-1187  2024-05-01T09:14:07.310Z  answered  true     0.83   31.5        e7-52428811

A row is a function of (seed, row number) alone, by a counter-based hash (splitmix64: Steele, Lea & Flood
2014), so any row can be made again anywhere: an event that is delivered twice is computed twice, in files
far apart, and no state grows with the number of rows. Rows come in blocks of 32; a block holds a few
sessions, each of one learner. Items are drawn by Zipf's law, learners by a square law (the busiest 1% of
learners have 10% of the sessions). Not a model of learning: for that there is `simulate.learners`.
"""

from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from learnloop.errors import BadInput

BLOCK = 32
ITEMS = 5_000
ZIPF = 1.05
START_MS = 1_672_531_200_000  # 2023-01-01T00:00:00Z
SPAN_MS = 730 * 86_400_000  # 24 months
LATER_MS = 30 * 365 * 86_400_000  # what a broken clock adds
SESSION = 1 / 8  # chance that a row begins a session
DUPLICATES = 0.02  # share of a part's blocks that are delivered again, from anywhere before
# What may be wrong with a row, and how often; a row has one fault at most.
FAULTS = {
    "time in the future": 0.001,
    "unknown item": 0.005,
    "score outside 0 to 1": 0.002,
    "score is not a number": 0.002,
    "repeat": 0.01,  # the same event again within a second, under an id of its own
    "dwell outlier": 0.005,
    "time without a zone": 0.02,
}
REFUSED = 4  # the first so many faults refuse a row by themselves
FAULT_NAMES = ("", *FAULTS)
REPEAT, DWELL, ZONELESS = (
    FAULT_NAMES.index(name) for name in ("repeat", "dwell outlier", "time without a zone")
)

u64 = np.uint64


@dataclass(frozen=True)
class Volume:
    """What is to be made; equal values make equal bytes (with one version of Arrow)."""

    interactions: int
    seed: int = 0
    part_rows: int = 1_048_576

    def __post_init__(self) -> None:
        if self.interactions < 1 or self.seed < 0 or self.part_rows < BLOCK or self.part_rows % BLOCK:
            raise BadInput(
                f"cannot make {self.interactions} interactions in parts of {self.part_rows}",
                "learnloop simulate --interactions 1000000 --out DIR",
                "interactions",
            )

    @property
    def parts(self) -> int:
        return -(-self.interactions // self.part_rows)

    @property
    def learners(self) -> int:
        return max(1, self.interactions // 100)

    @property
    def fresh_blocks(self) -> int:
        """Blocks of a whole part that are no duplicates."""
        return self.part_rows // BLOCK - round(DUPLICATES * (self.part_rows // BLOCK))

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def items() -> pd.DataFrame:
    """The catalogue the rows name, as `learnloop import csv --items` reads it."""
    number = np.arange(ITEMS)
    lesson = number % 4 == 0
    return pd.DataFrame(
        {
            "item_id": [f"item-{n}" for n in number],
            "title": [f"{'Lesson' if is_lesson else 'Exercise'} {n}" for n, is_lesson in enumerate(lesson)],
            "kind": np.where(lesson, "lesson", "exercise"),
            "language": "en",
            "concepts": [f"concept-{n // 20}" for n in number],
        }
    ).astype("str")


def part(volume: Volume, index: int) -> tuple[pa.Table, dict[str, int]]:
    """Part `index` of `volume`, and how many of its rows have which fault ("" for none).

    A copy of a row that is refused anyway counts under its fault; any other copy is a "duplicate".
    """
    if not 0 <= index < volume.parts:
        raise BadInput(f"there is no part {index} of {volume.parts}", field="index")
    rows = min(volume.part_rows, volume.interactions - index * volume.part_rows)
    blocks = -(-rows // BLOCK)
    again = round(DUPLICATES * blocks)
    first = index * volume.fresh_blocks
    fresh = np.arange(first, first + blocks - again, dtype=u64)
    # Redeliveries come last in a part, from any part before (from this one, where it is the first).
    known = first or blocks - again
    copies = _hash(volume.seed, 1, np.arange(again, dtype=u64) + u64(index << 32)) % u64(known)
    number = (np.concatenate([fresh, copies])[:, None] * u64(BLOCK) + np.arange(BLOCK, dtype=u64)).ravel()
    table, fault = _rows(volume, number)
    fault, copied = fault[:rows], np.arange(rows) >= len(fresh) * BLOCK
    refused = (fault > 0) & (fault <= REFUSED)
    counts = np.bincount(fault[~copied | refused], minlength=len(FAULT_NAMES)).tolist()
    truth = dict(zip(FAULT_NAMES, counts, strict=True))
    truth["duplicate"] = int((copied & ~refused).sum())
    return table.slice(0, rows), truth


def _rows(volume: Volume, number: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """number: (n,) uint64 row numbers, whole blocks; the rows, and the number of each row's fault."""
    seed, n = volume.seed, len(number)
    at = np.arange(n)
    begins = (_unit(_hash(seed, 2, number)) < SESSION) | (at % BLOCK == 0)
    session = np.maximum.accumulate(np.where(begins, at, 0))
    fault = _faults(seed, number, begins)
    # A repeat has the content of the row before it, and a time of less than a second later.
    content = number[np.where(fault == REPEAT, at - 1, at)]
    bits = _hash(seed, 3, content)
    item = _ZIPF_ITEMS[(bits & u64(0xFFFF)).astype(np.int64)]
    noise = _NORMAL[((bits >> u64(16)) & u64(0xFFF)).astype(np.int64)]
    luck = ((bits >> u64(28)) & u64(0xFFFF)).astype(np.float64) / 65_536
    share = ((bits >> u64(44)) & u64(0x7F)).astype(np.int64) * 100 // 127

    learner_bits = _hash(seed, 4, number[session])
    learner = (volume.learners * _unit(learner_bits) ** 2).astype(np.int64)
    ability = _NORMAL[(_hash(seed, 5, learner.astype(u64)) & u64(0xFFF)).astype(np.int64)]
    correct = luck < 1 / (1 + np.exp(_DIFFICULTY[item] - ability))

    lesson, scored = item % 4 == 0, item % 4 == 3
    table = pa.table(
        {
            "learner_id": _named("learner-", learner),
            "item_id": _item_names(item, fault),
            "occurred_at": _times(volume, number, begins, session, fault),
            "verb": _VERBS.take(pa.array(np.where(lesson, 1 + (share < 30), 0))),
            "correct": _CORRECT.take(pa.array(np.where(lesson, 0, 1 + correct))),
            "score": _scores(np.where(scored, share, -1), fault),
            "duration_s": _durations(item, noise, fault, luck),
            "event_id": _named(f"e{seed}-", number.astype(np.int64)),
        }
    )
    return table, fault


def _faults(seed: int, number: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The number of each row's fault (0: none), an index of FAULT_NAMES."""
    edges = np.cumsum([0.0, *FAULTS.values()])
    drawn = np.searchsorted(edges, _unit(_hash(seed, 6, number)), side="right")
    fault = np.where(drawn < len(FAULT_NAMES), drawn, 0)
    # Only what follows a sound row of the same session can be its repeat.
    before = np.concatenate([[-1], fault[:-1]])
    return np.where((fault == REPEAT) & (begins | (before != 0)), 0, fault)


def _times(
    volume: Volume, number: np.ndarray, begins: np.ndarray, session: np.ndarray, fault: np.ndarray
) -> pa.Array:
    """ISO 8601 with milliseconds: blocks spread over 24 months, rows of a session at least 5 s apart."""
    waits = _hash(volume.seed, 7, number)
    gap = 5_000 + (-60_000 * np.log1p(-_unit(waits))).astype(np.int64)
    gap = np.where(fault == REPEAT, 100 + (waits % u64(800)).astype(np.int64), gap)
    gap = np.where(begins, 0, gap)
    passed = np.cumsum(gap)
    total = max(1.0, volume.interactions * (1 - DUPLICATES) / BLOCK)
    block = (number[session] // u64(BLOCK)).astype(np.float64)
    began = START_MS + (block / total * SPAN_MS).astype(np.int64)
    began += (_unit(_hash(volume.seed, 8, number[session])) * 86_400_000).astype(np.int64)
    stamp = began + passed - passed[session]
    stamp = np.where(fault == FAULT_NAMES.index("time in the future"), stamp + LATER_MS, stamp)
    text = pc.cast(pa.array(stamp).cast(pa.timestamp("ms")), pa.string())
    text = pc.replace_substring(text, " ", "T")
    zone = pa.array(["Z", ""]).take(pa.array((fault == ZONELESS).astype(np.int64)))
    return pc.binary_join_element_wise(text, zone, "")


def _item_names(item: np.ndarray, fault: np.ndarray) -> pa.Array:
    unknown = fault == FAULT_NAMES.index("unknown item")
    return _ITEM_NAMES.take(pa.array(np.where(unknown, ITEMS + item % 100, item)))


def _scores(share: np.ndarray, fault: np.ndarray) -> pa.Array:
    """share: percent, -1 where there is no score."""
    outside = fault == FAULT_NAMES.index("score outside 0 to 1")
    unreadable = fault == FAULT_NAMES.index("score is not a number")
    which = np.where(share < 0, 0, share + 1)
    return _SCORES.take(pa.array(np.where(outside, 103, np.where(unreadable, 102, which))))


def _durations(item: np.ndarray, noise: np.ndarray, fault: np.ndarray, luck: np.ndarray) -> pa.Array:
    """Log-normal about the item's own median, to a tenth of a second; an outlier is 8 to 72 hours."""
    tenths = (10 * _MEDIAN_S[item] * np.exp(0.6 * noise)).astype(np.int64) + 1
    tenths = np.where(fault == DWELL, (10 * 3_600 * (8 + 64 * luck)).astype(np.int64), tenths)
    return pc.cast(pa.array(tenths / 10), pa.string())


def _named(prefix: str, number: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(number), pa.string()), "")


def _hash(seed: int, salt: int, number: np.ndarray) -> np.ndarray:
    """(n,) uint64, uniform and independent for each (seed, salt)."""
    return _splitmix(number + _splitmix(np.array([seed * 64 + salt], dtype=u64)))


def _splitmix(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        x = x + u64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> u64(30))) * u64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> u64(27))) * u64(0x94D049BB133111EB)
    return x ^ (x >> u64(31))


def _unit(bits: np.ndarray) -> np.ndarray:
    """uint64 to [0, 1)."""
    return (bits >> u64(11)).astype(np.float64) * 2.0**-53


def _zipf_items() -> np.ndarray:
    """(65,536,) of item numbers: a uniform index into it draws items by Zipf's law."""
    weight = 1.0 / np.arange(1, ITEMS + 1) ** ZIPF
    ranks = np.searchsorted(np.cumsum(weight) / weight.sum(), (np.arange(65_536) + 0.5) / 65_536)
    shuffled = np.random.default_rng(0).permutation(ITEMS)  # popular is not the same as first
    return shuffled[ranks]


_ZIPF_ITEMS = _zipf_items()
_NORMAL = np.array([NormalDist().inv_cdf((k + 0.5) / 4_096) for k in range(4_096)])
_DIFFICULTY = np.random.default_rng(1).normal(-0.8, 0.8, ITEMS)
_MEDIAN_S = np.exp(np.random.default_rng(2).uniform(np.log(10.0), np.log(300.0), ITEMS))
_ITEM_NAMES = pa.array([*(f"item-{n}" for n in range(ITEMS)), *(f"gone-{n}" for n in range(100))])
_VERBS = pa.array(["answered", "experienced", "completed"])
_CORRECT = pa.array(["", "false", "true"])
_SCORES = pa.array(["", *(f"{n / 100:.2f}" for n in range(101)), "n/a", "87"])
