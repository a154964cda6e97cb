"""Row by row: what was refused and why, what was repaired and by which rule, and that nothing is lost."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from learnloop.schemas import Accounting, Cleaned

OURS = ("line", "damage", "raw")  # the columns that a reader adds to a file's own
ID_LIKE = re.compile(r"\d{4,}")
REJECTED_COLUMNS = ("file", "line", "reason", "record")
Pseudonymise = Callable[[pd.Series], pd.Series]


class Verdicts:
    """One input frame's rows: the first refusal of a row holds; repairs count on kept rows only."""

    def __init__(self, raw: pd.DataFrame) -> None:
        self.raw = raw
        self.reason = pd.Series(pd.NA, index=raw.index, dtype="str")
        self.repairs: list[tuple[str, pd.Series]] = []
        if "damage" in raw:
            self.refuse(raw["damage"].notna(), raw["damage"])

    @property
    def sound(self) -> pd.Series:
        return self.reason.isna()

    def refuse(self, rows: pd.Series, reason: str | pd.Series) -> None:
        """`rows`: a mask; NA counts as False. Rows already refused keep their first reason."""
        fresh = rows.fillna(False).astype(bool) & self.sound
        if fresh.any():
            self.reason = self.reason.mask(fresh, reason)

    def refuse_each(self, reasons: Mapping[int, str]) -> None:
        """reasons: of the rows to refuse, by index label."""
        named = pd.Series(reasons, dtype="str").reindex(self.raw.index)
        self.refuse(named.notna(), named)

    def repair(self, rows: pd.Series, rule: str) -> None:
        self.repairs.append((rule, rows.fillna(False).astype(bool)))

    def repair_bits(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The rules' names, and (n,) uint32 in which bit k says that rule k repaired the row."""
        rules = tuple(dict.fromkeys(rule for rule, _ in self.repairs))
        bits = np.zeros(len(self.raw), dtype=np.uint32)
        for rule, rows in self.repairs:
            bits |= rows.to_numpy(dtype=np.uint32) << np.uint32(rules.index(rule))
        return rules, bits

    def accounting(self) -> Accounting:
        sound = self.sound
        counts: dict[str, int] = {}
        for rule, rows in self.repairs:
            counts[rule] = counts.get(rule, 0) + int((rows & sound).sum())
        return Accounting(
            read=len(self.raw),
            kept=int(sound.sum()),
            repaired={rule: count for rule, count in counts.items() if count},
            rejected={str(reason): int(n) for reason, n in self.reason.value_counts(sort=False).items()},
        )

    def rejected(
        self, file: str, learner: str = "", pseudonymise: Pseudonymise | None = None
    ) -> pd.DataFrame:
        """The refused rows. Where `learner` names the column of outside ids, none is shown.

        A sound row's record has the pseudonym in the id's place; a damaged row's letters and digits
        become x, since nobody knows which of them are the id: its shape and its line still show the fault.
        So do numbers of four digits or more in the other fields of a sound row.
        """
        refused = self.raw.loc[~self.sound]
        if refused.empty:
            return no_rejects()
        shown = refused.drop(columns=[name for name in OURS if name in refused])
        if learner and pseudonymise is not None:
            # Fields may have changed places: what could be an outside id is masked in the others.
            for name in shown.columns.drop(learner):
                shown[name] = shown[name].str.replace(ID_LIKE, lambda id_: "x" * len(id_.group()), regex=True)
            shown[learner] = pseudonymise(shown[learner].fillna("")).where(shown[learner].notna(), "")
        records = [row_text(row) for row in shown.fillna("").astype("str").itertuples(index=False)]
        if "raw" in refused:
            texts = [re.sub(r"\w", "x", text) if learner else text for text in refused["raw"].fillna("")]
            damaged = refused["damage"].notna()
            records = [t if d else r for t, r, d in zip(texts, records, damaged, strict=True)]
        return rejects(
            (file, line, reason, record)
            for line, reason, record in zip(refused["line"], self.reason[~self.sound], records, strict=True)
        )

    def cleaned(
        self,
        frames: Mapping[str, pd.DataFrame],
        file: str,
        learner: str = "",
        pseudonymise: Pseudonymise | None = None,
    ) -> Cleaned:
        return Cleaned(dict(frames), self.rejected(file, learner, pseudonymise), self.accounting())


def rejects(rows: Iterable[tuple[str, int, str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(REJECTED_COLUMNS))
    return frame.astype({"file": "str", "line": "int64", "reason": "str", "record": "str"})


def no_rejects() -> pd.DataFrame:
    return rejects([])


def row_text(fields: Iterable[str]) -> str:
    """One line of CSV, as a rejected row is kept."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue().replace("\0", "\\0")


def digests(columns: Iterable[pd.Series]) -> pd.Series:
    """sha256 of each row's fields, 32 hexadecimal digits (128 bits). Fields are str, NA is its own value."""
    parts = list(columns)
    texts = [part.astype("str").fillna("\x1e").to_numpy(dtype=object) for part in parts]
    joined = ["\x1f".join(row).encode() for row in zip(*texts, strict=True)]
    return pd.Series(
        [hashlib.sha256(text).hexdigest()[:32] for text in joined], index=parts[0].index, dtype="str"
    )


class Occurrences:
    """How often each key came before, over all chunks so far, at 12 bytes a distinct key.

    Keys are 64-bit hashes in sorted runs, merged when two are of a size, so a lookup searches few runs and
    a key is copied log2(chunks) times. Two keys that share a hash (about 2e-6 likely among 10 million)
    are taken for one.
    """

    def __init__(self) -> None:
        self.runs: list[tuple[np.ndarray, np.ndarray]] = []  # keys (n,) uint64 sorted, counts (n,) int32

    def number(self, digest: pd.Series) -> pd.Series:
        """digest: (n,) of hexadecimal str; returns (n,) int64, 0 where the key is seen for the first time."""
        first = "".join([text[:16] for text in digest.to_numpy(dtype=object)])
        keys = np.frombuffer(bytes.fromhex(first), dtype=">u8").astype(np.uint64)
        within = pd.Series(keys).groupby(keys).cumcount().to_numpy()
        before = np.zeros(len(keys), dtype=np.int64)
        for known, counts in self.runs:
            at = np.searchsorted(known, keys)
            at[at == len(known)] = 0
            before += np.where(known[at] == keys, counts[at], 0)
        if len(keys):
            fresh, counts = np.unique(keys, return_counts=True)
            self.runs.append((fresh, counts.astype(np.int32)))
            while len(self.runs) > 1 and len(self.runs[-2][0]) <= 2 * len(self.runs[-1][0]):
                self.runs.append(_merged(self.runs.pop(), self.runs.pop()))
        return pd.Series(before + within, index=digest.index)


def _merged(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    keys, where = np.unique(np.concatenate([one[0], other[0]]), return_inverse=True)
    counts = np.zeros(len(keys), dtype=np.int32)
    np.add.at(counts, where, np.concatenate([one[1], other[1]]))
    return keys, counts
