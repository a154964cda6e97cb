"""OpenStax books in CNXML, from a checkout of a book's repository.

    collections/psychology-2e.collection.xml   <col:module document="m82162"/> in chapters: the order
    modules/m82162/index.cnxml                 one section of the book, its exercises and its glossary

Chunks of kind `collections` come first, one row a book, then `modules`, one row a module; `record` is the
XML as it stands and `member` its path in the folder.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from learnloop.collect import inputs
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

SOURCE = "openstax"
LARGEST = 16 << 20  # bytes of one module; the largest real ones have about 300 kB


def files(folder: Path) -> dict[str, list[Path]]:
    """The XML files by kind, in reading order. Raises BadInput where one kind is lacking."""
    found = {
        "collections": sorted(folder.glob("collections/*.xml")),
        "modules": sorted(folder.glob("modules/*/index.cnxml")),
    }
    wanted = {"collections": "collections/*.collection.xml", "modules": "modules/*/index.cnxml"}
    lacking = [wanted[kind] for kind, paths in found.items() if not paths]
    if lacking:
        raise BadInput(
            f"{folder} lacks {' and '.join(lacking)}", "git clone a book of OpenStax, import its folder"
        )
    return found


def size(folder: Path) -> int:
    """Bytes to read, the end of the scale of RawChunk.consumed."""
    return sum(path.stat().st_size for paths in files(folder).values() for path in paths)


def inspect(folder: Path, advance: Advance | None = None) -> list[Inspected]:
    """Every file read through before any is imported. Raises BadInput."""
    found = []
    for paths in files(folder).values():
        for path in paths:
            found.append(inputs.inspect(path, advance=advance))
            _bounded(folder, path)
    return found


def read(folder: Path, chunk_rows: int = 20) -> Iterator[RawChunk]:
    """The books, then their modules, in chunks of `chunk_rows`. Raises BadInput."""
    if chunk_rows < 1:
        raise BadInput(f"chunks of {chunk_rows} rows", "use chunk_rows of 1 or more", "chunk_rows")
    consumed = 0
    for kind, paths in files(folder).items():
        for start in range(0, len(paths), chunk_rows):
            some = paths[start : start + chunk_rows]
            consumed += sum(path.stat().st_size for path in some)
            last = start + chunk_rows >= len(paths)
            yield RawChunk(SOURCE, kind, kind, _frame(folder, some), last, consumed)


def _bounded(folder: Path, path: Path) -> Path:
    if path.stat().st_size > LARGEST:
        raise BadInput(f"{path.relative_to(folder)} has more than {LARGEST >> 20} MiB", f"look at {path}")
    return path


def _frame(folder: Path, paths: list[Path]) -> pd.DataFrame:
    members, records, damage, raws = [], list[str | None](), list[str | None](), list[str | None]()
    for path in paths:
        content = _bounded(folder, path).read_bytes()
        text = content.decode("utf-8", "backslashreplace")
        fault = "NUL byte" if b"\0" in content else None
        if fault is None and text.encode("utf-8") != content:
            fault = "not UTF-8"
        members.append(path.relative_to(folder).as_posix())
        records.append(None if fault else text)
        damage.append(fault)
        raws.append(text.replace("\0", "\\0") if fault else None)
    frame = pd.DataFrame(
        {"member": pd.Series(members, dtype="str"), "record": pd.Series(records, dtype="str")}
    )
    frame["line"] = 1
    frame["damage"], frame["raw"] = pd.Series(damage, dtype="str"), pd.Series(raws, dtype="str")
    return frame
