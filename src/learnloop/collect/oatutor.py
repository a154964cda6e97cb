"""OATutor's content pool, streamed out of its archive or read from its folder, nothing unpacked.

Members of `oatutor_content_json.tar.zst` (CAHLR/OATutor-Content, CC BY 4.0), one problem's beside each other:

    ./content-pool/acc585clocation6/acc585clocation6.json                                      a problem
    ./content-pool/acc585clocation6/steps/acc585clocation6b/acc585clocation6b.json             a step
    ./content-pool/acc585clocation6/steps/acc585clocation6b/tutoring/…DefaultPathway.json      its hints

Chunks of kind `courses` (coursePlans.json) and `skills` (skillModel.json) come first, then `content`:
one row a member, with its text as it stands. A problem's members are never parted over two chunks.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa

from learnloop.collect import inputs
from learnloop.collect.inputs import Advance, Inspected
from learnloop.errors import BadInput
from learnloop.schemas import RawChunk

SOURCE = "oatutor"
POOL = "content-pool"
UNPACKED_LIMIT = 1 << 30  # bytes an archive may unpack to; the real one has about 180 MB
MEMBER_LIMIT = 4 << 20  # bytes of one problem, step or list of hints; the largest real one has 15 kB
PLANS_LIMIT = 64 << 20

Member = tuple[str, bytes]  # path inside the pool, text


def files(folder: Path) -> dict[str, list[Path]]:
    """The files there are, by kind; a kind whose file is absent has []."""
    archives = sorted(folder.glob("*.tar.zst"))
    pool = folder / POOL
    content = [pool] if pool.is_dir() else archives[:1]
    found = {"courses": folder / "coursePlans.json", "skills": folder / "skillModel.json"}
    return {kind: [path] if path.is_file() else [] for kind, path in found.items()} | {"content": content}


def size(folder: Path) -> int:
    """Bytes to read (of an archive: packed), the end of the scale of RawChunk.consumed."""
    return sum(_size(path) for paths in files(folder).values() for path in paths)


def inspect(
    folder: Path, advance: Advance | None = None, unpacked_limit: int = UNPACKED_LIMIT
) -> list[Inspected]:
    """Every file read through before any is imported, the archive unpacked to its end. Raises BadInput."""
    found, inspected = _wanted(folder), []
    for kind in ("courses", "skills"):
        path = found[kind][0]
        inspected.append(inputs.inspect(path, advance=advance))
        _plans(path, kind)
    pool = found["content"][0]
    for _ in _content(pool, 1 << 30, unpacked_limit, 0, keep=False):
        pass
    inspected.append(
        inputs.inspect(pool, text=False, advance=advance) if pool.is_file() else _folder(pool, advance)
    )
    return inspected


def _folder(pool: Path, advance: Advance | None) -> Inspected:
    """The unpacked pool as one input; its sha256 is of the names and sums of its files."""
    digest, size = hashlib.sha256(), 0
    for path in sorted(pool.rglob("*.json")):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(pool).as_posix()}:{hashlib.sha256(content).hexdigest()}\n".encode())
        size += len(content)
        if advance:
            advance(len(content))
    return Inspected(pool, size, size, digest.hexdigest(), 0)


def _wanted(folder: Path) -> dict[str, list[Path]]:
    found = files(folder)
    wanted = {"courses": "coursePlans.json", "skills": "skillModel.json", "content": "*.tar.zst"}
    lacking = [wanted[kind] for kind, paths in found.items() if not paths]
    if lacking:
        raise BadInput(f"{folder} lacks {' and '.join(lacking)}", "learnloop import oatutor DIR")
    return found


def read(folder: Path, chunk_rows: int = 5_000, unpacked_limit: int = UNPACKED_LIMIT) -> Iterator[RawChunk]:
    """Courses, skills, then content in chunks of `chunk_rows` members or a little more.

    Raises BadInput: a file lacks or is no JSON, the archive is damaged, too large or not contiguous.
    """
    if chunk_rows < 1:
        raise BadInput(f"chunks of {chunk_rows} rows", "use chunk_rows of 1 or more", "chunk_rows")
    found = _wanted(folder)
    before = 0
    for kind in ("courses", "skills"):
        path = found[kind][0]
        before += path.stat().st_size
        yield RawChunk(SOURCE, path.name, kind, _plans(path, kind), True, before)
    yield from _content(found["content"][0], chunk_rows, unpacked_limit, before)


def _plans(path: Path, kind: str) -> pd.DataFrame:
    """One row a course (column record), or a step's skills (columns step_id, record), as JSON text."""
    if path.stat().st_size > PLANS_LIMIT:
        raise BadInput(f"{path.name} has more than {PLANS_LIMIT >> 20} MiB", f"look at {path}")
    try:
        # Pairs, so that a name that stands twice is two records and not silently one.
        hook = tuple if kind == "skills" else None
        parsed: Any = json.loads(path.read_text("utf-8"), object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path.name} line {error.lineno}: {error.msg}", "fetch the file again") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8", "fetch the file again") from error
    except RecursionError as error:
        raise BadInput(f"{path.name} nests too deep", "fetch the file again") from error
    if not isinstance(parsed, tuple if kind == "skills" else list):
        raise BadInput(f"{path.name} line 1 is not a JSON {'object' if kind == 'skills' else 'list'}")
    pairs = parsed if kind == "skills" else [("", course) for course in parsed]
    records = [json.dumps(value, ensure_ascii=False) for _, value in pairs]
    frame = pd.DataFrame({"record": pd.Series(records, dtype="str")})
    if kind == "skills":
        frame["step_id"] = pd.Series([str(name) for name, _ in pairs], dtype="str")
    return _ours(frame.assign(line=range(1, len(frame) + 1)))


def _content(path: Path, chunk_rows: int, limit: int, before: int, keep: bool = True) -> Iterator[RawChunk]:
    """keep: False only reads, for what reading alone finds out."""
    rows: list[Member] = []
    folders: set[str] = set()
    current, consumed = "", before
    packed = path.is_file()
    for (name, text), position in _archive(path, limit) if packed else _unpacked(path):
        folder = name.split("/")[0]
        if folder != current:
            if folder in folders:
                raise BadInput(
                    f"{path.name}: the files of problem {folder!r} do not stand together",
                    "unpack it (tar --zstd -xf) beside coursePlans.json and import that folder",
                )
            folders.add(folder)
            current = folder
            if len(rows) >= chunk_rows:
                yield RawChunk(SOURCE, path.name, "content", _members(rows), False, consumed)
                rows = []
        if keep:
            rows.append((name, text))
        consumed = before + position
    if not folders:
        raise BadInput(f"{path.name} holds no {POOL}/…json", "learnloop import oatutor DIR")
    yield RawChunk(SOURCE, path.name, "content", _members(rows), True, before + _size(path))


def _archive(path: Path, limit: int) -> Iterator[tuple[Member, int]]:
    with path.open("rb") as packed:
        try:
            stream = _Limited(pa.input_stream(packed, compression="zstd"), limit, path.name)
            with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as archive:
                for member in archive:
                    name = _pool_name(member.name)
                    if not member.isfile() or not name:
                        continue
                    _refuse_large(path.name, member.name, member.size)
                    opened = archive.extractfile(member)
                    if opened is not None:
                        yield (name, opened.read()), packed.tell()
            if not stream.at_end():
                raise BadInput(f"{path.name} has something after its end", "fetch the file again")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise BadInput(f"{path.name} is damaged: {error}", "fetch the file again") from error


def _unpacked(pool: Path) -> Iterator[tuple[Member, int]]:
    position = 0
    for folder in sorted(path for path in pool.iterdir() if path.is_dir() and not path.is_symlink()):
        for path in sorted(folder.rglob("*.json")):
            if path.is_symlink() or not path.is_file():
                continue
            name = path.relative_to(pool).as_posix()
            _refuse_large(pool.name, name, path.stat().st_size)
            text = path.read_bytes()
            position += len(text)
            yield (name, text), position


def _pool_name(member: str) -> str:
    """'./content-pool/a/a.json' -> 'a/a.json'; '' for what is not in the pool or no JSON."""
    parts = PurePosixPath(member).parts
    if POOL not in parts or ".." in parts or not member.endswith(".json"):
        return ""
    return "/".join(parts[parts.index(POOL) + 1 :])


def _refuse_large(archive: str, member: str, size: int) -> None:
    if size > MEMBER_LIMIT:
        raise BadInput(
            f"{archive}: {member} has {size:,} bytes, more than {MEMBER_LIMIT:,}", "look at the archive"
        )


class _Limited(io.RawIOBase):
    """A decompressed stream that ends with an error when it is longer than it may be."""

    def __init__(self, stream: BinaryIO, limit: int, name: str) -> None:
        self.stream, self.left, self.limit, self.name = stream, limit, limit, name

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = bytes(self.stream.read(min(size, 1 << 20) if size >= 0 else 1 << 20))
        self.left -= len(data)
        if self.left < 0:
            raise BadInput(
                f"{self.name} unpacks to more than {self.limit:,} bytes", "look at what the archive holds"
            )
        return data

    def at_end(self) -> bool:
        """Reads what is left, so that a cut stream is noticed; False where that is more than padding."""
        while data := self.read(1 << 20):
            if data.strip(b"\0"):
                return False
        return True


def _members(rows: list[Member]) -> pd.DataFrame:
    damage: list[str | None] = []
    texts: list[str | None] = []
    raws: list[str | None] = []
    for _, content in rows:
        text = content.decode("utf-8", "backslashreplace")
        fault = "NUL byte" if b"\0" in content else None if _is_utf8(content) else "not UTF-8"
        damage.append(fault)
        texts.append(None if fault else text)
        raws.append(text.replace("\0", "\\0") if fault else None)
    frame = pd.DataFrame({"member": pd.Series([name for name, _ in rows], dtype="str")})
    frame["record"] = pd.Series(texts, dtype="str")
    frame["line"] = 1
    frame["damage"], frame["raw"] = pd.Series(damage, dtype="str"), pd.Series(raws, dtype="str")
    return frame


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _ours(frame: pd.DataFrame) -> pd.DataFrame:
    nothing = pd.Series([None] * len(frame), dtype="str")
    return frame.assign(damage=nothing, raw=nothing)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*.json"))
