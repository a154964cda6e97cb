"""Files as they come: opened whether packed or not, and read through once before anything is written.

    log.csv      learner_id,item_id,occurred_at\n…                            plain
    log.csv.gz   1f 8b 08 …                                                   known by its first bytes
    log.zip      50 4b 03 04 …  one member, a log.csv, stored or deflated

`inspect` is the first phase of every import. What damns a whole file (another encoding, a cut archive, a
line without end, an archive that unpacks without end) is said there, with file and line, while nothing is
in the database yet. What damns one row only (a NUL, one undecodable byte) is left to the reader, which
rejects that row. Memory: a block and the longest line.
"""

import codecs
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from learnloop.errors import BadInput

BLOCK = 1 << 20
LONGEST_LINE = 16 << 20  # bytes
UNPACKED_FREE = 256 << 20  # bytes that any archive may unpack to, and beyond which the ratio counts
UNPACKED_RATIO = 200  # bytes out for a byte in; logs pack 5 to 30 times, deflate can do 1,032
FEW_NULS = 20  # lines with a NUL that are rejected one by one, whatever their share
NUL_LINES = 0.03  # share of lines with a NUL above which it is the file that is broken
NUL_BYTES = 0.2  # share of NUL bytes above which it is no text; ASCII in UTF-16 has half

OTHER_FORMATS = {
    b"PAR1": ("Parquet", "name it .parquet"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "unpack it: zstd -d"),
    b"BZh": ("packed by bzip2", "unpack it: bunzip2"),
    b"\xfd7zXZ\x00": ("packed by xz", "unpack it: unxz"),
    b"7z\xbc\xaf": ("packed by 7-Zip", "unpack it: 7z x"),
    b"\x1f\x8b": ("packed twice", "unpack it: gunzip"),
    b"PK\x03\x04": ("an archive inside an archive", "unpack it: unzip"),
    b"%PDF": ("PDF", "export it as text, for example CSV"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", "save it as CSV"),
    b"SQLite format 3": ("a SQLite database", "export its table as CSV"),
    b"\x89PNG": ("a picture", "give a text file"),
}

Advance = Callable[[float], None]


@dataclass(frozen=True)
class Inspected:
    """A file that was read to its end and may be imported. sha256 is of the file as it lies (packed)."""

    path: Path
    packed_bytes: int
    unpacked_bytes: int
    sha256: str
    lines: int  # 0 where it was not read as text


class Opened(io.BufferedReader):
    """The unpacked bytes of a file; `consumed` says how many packed ones that took, for a progress bar."""

    def __init__(self, unpacked: "_Unpacked") -> None:
        super().__init__(unpacked, BLOCK)
        self._unpacked = unpacked

    @property
    def consumed(self) -> int:
        return self._unpacked.consumed


def open_bytes(path: Path) -> Opened:
    """`path` for reading: as it is, or unpacked where its first bytes are those of gzip or zip.

    Reading raises BadInput where the archive is cut, damaged or a bomb: more than UNPACKED_RATIO bytes
    out for each byte in, once UNPACKED_FREE are out. Raises BadInput: no such file, a folder, a zip of
    several files.
    """
    return Opened(_Unpacked(path))


def inspect(
    path: Path,
    *,
    text: bool = True,
    complete: Callable[[str], bool] | None = None,
    advance: Advance | None = None,
) -> Inspected:
    """Reads `path` to its end and raises BadInput, with its name and the line, for what damns all of it.

    text: UTF-8 lines are expected, and archives opened; else the bytes are only hashed. complete: given
    the last line where no newline ends it, says whether it is a whole record; where it is not, the file
    was cut. advance: is told how many packed bytes were read since the last time.
    """
    if not text:
        return _hashed(path, advance)
    packed = _existing(path).stat().st_size
    scan, unpacked, consumed = _Scan(path.name), 0, 0
    digest = hashlib.sha256()
    with open_bytes(path) as file:
        plain = not file._unpacked.packed
        while block := file.read(BLOCK):
            if unpacked == 0:
                _refuse_other_formats(path.name, block)
            unpacked += len(block)
            if plain:
                digest.update(block)
            scan.feed(block)
            if advance:
                advance(file.consumed - consumed)
                consumed = file.consumed
    last = scan.finish()
    if unpacked == 0:
        raise BadInput(f"{path.name} is empty", f"look at {path}")
    if last and (_ends_in_a_letter(last) or (complete is not None and not complete(_shown(last)))):
        raise cut(path.name, scan.lines)
    if advance:
        advance(packed - consumed)
    return Inspected(
        path, packed, unpacked, digest.hexdigest() if plain else _hashed(path, None).sha256, scan.lines
    )


def sniff(path: Path) -> None:
    """The judgement of `inspect` on the first block alone: for a reader that is used without it."""
    with open_bytes(path) as file:
        head = file.read(BLOCK)
    _refuse_other_formats(path.name, head)
    scan = _Scan(path.name)
    scan.feed(head)
    scan.finish()


def cut(name: str, line: int) -> BadInput:
    return BadInput(
        f"{name} line {line} is cut in the middle: the file ends there, without a newline",
        "fetch the file again, or remove its last line",
    )


def _hashed(path: Path, advance: Advance | None) -> Inspected:
    digest, size = hashlib.sha256(), 0
    with _existing(path).open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
            if advance:
                advance(len(block))
    if size == 0:
        raise BadInput(f"{path.name} is empty", f"look at {path}")
    return Inspected(path, size, size, digest.hexdigest(), 0)


def _existing(path: Path) -> Path:
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a file", "name the file in it")
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "check the path")
    return path


class _Unpacked(io.RawIOBase):
    """The bytes of a plain, gzip or zip file, with a limit on how far a packed one may unpack."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name, self.unpacked = path.name, 0
        try:
            self.file = _existing(path).open("rb")
        except OSError as error:
            raise BadInput(f"{path} cannot be opened: {error.strerror}", "check who may read it") from error
        try:
            head = self.file.read(4)
            self.file.seek(0)
            self.packed = head[:2] == b"\x1f\x8b" or head in (b"PK\x03\x04", b"PK\x05\x06")
            self.stream: BinaryIO | gzip.GzipFile | Any = self.file
            if head[:2] == b"\x1f\x8b":
                self.stream = gzip.GzipFile(fileobj=self.file)
            elif self.packed:
                self.stream = _member(self.name, self.file)
        except BaseException:
            self.file.close()
            raise

    @property
    def consumed(self) -> int:
        return self.file.tell() if not self.file.closed else 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.stream.read(min(len(buffer), BLOCK))
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
            raise BadInput(
                f"{self.name} is cut or damaged after {self.unpacked:,} unpacked bytes: {error}",
                "fetch the file again",
            ) from error
        self.unpacked += len(data)
        if (
            self.packed
            and self.unpacked > UNPACKED_FREE
            and self.unpacked > UNPACKED_RATIO * max(self.consumed, 1)
        ):
            raise BadInput(
                f"{self.name} unpacks to more than {UNPACKED_RATIO} times its size"
                f" ({self.unpacked >> 20} MiB out of {self.consumed:,} bytes so far)",
                "look at what it holds; if it is sound, unpack it and import the unpacked file",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "file"):
            if self.stream is not self.file:
                self.stream.close()
            self.file.close()
        super().close()


def _member(name: str, file: BinaryIO) -> Any:
    try:
        archive = zipfile.ZipFile(file)
        members = [
            info
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")
        ]
        if any(info.filename == "[Content_Types].xml" for info in members):
            raise BadInput(f"{name} is an office document, not text", "save it as CSV")
        if len(members) != 1:
            raise BadInput(
                f"{name} holds {len(members)} files, not one", "unpack it and name the one to import"
            )
        # zipfile unpacks bzip2 and LZMA a whole read at a time, without a limit on what comes out
        if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadInput(f"{name} is not packed by deflate", "unpack it and import the unpacked file")
        return archive.open(members[0])
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise BadInput(f"{name} is a cut or damaged zip: {error}", "fetch the file again") from error
    except RuntimeError as error:  # how zipfile says that a password is needed
        raise BadInput(f"{name} needs a password", "unpack it and import the unpacked file") from error


def _refuse_other_formats(name: str, head: bytes) -> None:
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        raise BadInput(f"{name} line 1: this is UTF-32, not UTF-8", recode(name, "utf-32"))
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{name} line 1: this is UTF-16, not UTF-8", recode(name, "utf-16"))
    for magic, (format_name, next_step) in OTHER_FORMATS.items():
        if head.startswith(magic):
            raise BadInput(f"{name} line 1 is no text: the file is {format_name}", next_step)


def recode(name: str, encoding: str = "latin1") -> str:
    """The command that mends a file in another encoding."""
    return f"iconv -f {encoding} -t utf-8 {name} > utf8-{Path(name).stem}.csv, and import that"


_FOREIGN_LINE = re.compile(rb"[\x80-\xff][^\n]*")  # one match a line that is not ASCII


class _Scan:
    """What the lines of a text say about the whole of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines = 0
        self.carry = b""  # the line whose end has not come yet
        self.bytes = self.nul_bytes = self.nul_lines = self.first_nul = 0
        self.foreign = self.wrong = self.first_wrong = 0

    def feed(self, block: bytes) -> None:
        self.bytes += len(block)
        self.nul_bytes += block.count(b"\0")
        text = self.carry + block if self.carry else block
        end = text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, -1) + 1
        self._whole_lines(text[:end])
        self.carry = text[end:]
        if len(self.carry) > LONGEST_LINE:
            self._refuse_binary()
            raise BadInput(
                f"{self.name} line {self.lines + 1} is longer than {LONGEST_LINE >> 20} MiB",
                f"look at it: sed -n {self.lines + 1}p {self.name} | head -c 500",
            )

    def finish(self) -> bytes:
        """The last line where no newline ends it, else b""; raises for what the counts give away."""
        last = self.carry
        self._whole_lines(last)
        self.carry = b""
        self._refuse_binary()
        if self.nul_lines > max(FEW_NULS, NUL_LINES * self.lines):
            raise BadInput(
                f"{self.name} line {self.first_nul} and {self.nul_lines - 1:,} more hold NUL bytes",
                "export the file again: it was damaged when written or copied",
            )
        if self.wrong >= 3 and 2 * self.wrong > self.foreign:
            raise BadInput(
                f"{self.name} line {self.first_wrong} and {self.wrong - 1:,} more are not UTF-8",
                recode(self.name),
            )
        return last

    def _refuse_binary(self) -> None:
        if self.nul_bytes > NUL_BYTES * self.bytes:
            line = self.first_nul or self.lines + 1
            share = self.nul_bytes / self.bytes
            wide = share < 0.6  # two bytes a letter; a file of zeros is what a broken disk or copy leaves
            raise BadInput(
                f"{self.name} line {line} is no UTF-8 text: {share:.0%} of its bytes are NUL",
                recode(self.name, "utf-16le") if wide else "fetch the file again",
            )

    def _whole_lines(self, text: bytes) -> None:
        """text: lines with their ends; only the last one of the file may lack it."""
        if not text:
            return
        if b"\0" in text:
            marked = [n for n, line in enumerate(text.split(b"\n"), self.lines + 1) if b"\0" in line]
            self.nul_lines += len(marked)
            self.first_nul = self.first_nul or marked[0]
        if not text.isascii():
            self.foreign += sum(1 for _ in _FOREIGN_LINE.finditer(text))
            if not _decodes(text):
                marked = [n for n, line in enumerate(text.split(b"\n"), self.lines + 1) if not _decodes(line)]
                self.wrong += len(marked)
                self.first_wrong = self.first_wrong or (marked[0] if marked else 0)
        newlines = text.count(b"\n") or text.count(b"\r")
        self.lines += newlines + (not text.endswith((b"\n", b"\r")))


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _ends_in_a_letter(line: bytes) -> bool:
    """Whether the last bytes are the beginning of a character whose rest is missing."""
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    decoder.decode(line[-4:])
    return bool(decoder.getstate()[0])


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
