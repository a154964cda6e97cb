"""Content packages: a zip with a manifest, written the same every time and read with suspicion.

    imsmanifest.xml   items/Q_3f2a….xml   learnloop.json

Nothing is ever unpacked to a disk. Refused before a byte is read: names that leave the package, links,
encrypted members, more or larger members than a package of questions has, and bombs: what unpacks to far
more than it says, or than any bank of questions needs.
"""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

from learnloop.errors import BadInput

MEMBERS = 20_000
UNPACKED = 128 << 20  # bytes, all members together
MEMBER = 32 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip knows: the same questions are the same bytes
_LINK = 0o120000


def packed(members: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, data)
    return sink.getvalue()


def is_package(data: bytes) -> bool:
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


class Package:
    """The members of `data` by name. Raises BadInput on what a package of questions would not have."""

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OSError) as error:
            raise BadInput(f"the package is damaged: {error}", "export it again") from error
        infos = self._archive.infolist()
        if len(infos) > MEMBERS:
            raise BadInput(
                f"the package has {len(infos):,} files, more than {MEMBERS:,}", "export fewer questions"
            )
        for info in infos:
            self._refuse_strange(info)
        if sum(info.file_size for info in infos) > UNPACKED:
            raise BadInput(f"the package unpacks to more than {UNPACKED:,} bytes", "look at what it holds")
        self._infos = {info.filename: info for info in infos if not info.is_dir()}
        self._left = UNPACKED

    @property
    def names(self) -> Sequence[str]:
        return list(self._infos)

    def read(self, name: str) -> bytes:
        """Raises BadInput where it is absent, damaged or more than it says."""
        info = self._infos.get(name)
        if info is None:
            raise BadInput(f"the package has no {name[:100]!r}", "export it again")
        try:
            with self._archive.open(info) as member:
                data = member.read(min(info.file_size, self._left) + 1)
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            NotImplementedError,
            EOFError,
            OSError,
            ValueError,
        ) as error:
            raise BadInput(f"{name[:100]!r} in the package is damaged: {error}", "export it again") from error
        except Exception as error:  # zlib.error, lzma.LZMAError: each codec has its own
            if type(error).__module__ not in ("zlib", "_lzma", "lzma", "_bz2", "bz2"):
                raise
            raise BadInput(f"{name[:100]!r} in the package is damaged: {error}", "export it again") from error
        self._left -= len(data)
        if len(data) > info.file_size or self._left < 0:
            raise BadInput(f"{name[:100]!r} unpacks to more than it says", "look at what the package holds")
        return data

    def _refuse_strange(self, info: zipfile.ZipInfo) -> None:
        name = info.orig_filename
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name:
            raise BadInput(f"the package has a file {name[:100]!r}, which leaves it", "look at what it holds")
        if (info.external_attr >> 16) & 0o170000 == _LINK:
            raise BadInput(f"the package has a link, {name[:100]!r}", "look at what it holds")
        if info.flag_bits & 0x1:
            raise BadInput(f"{name[:100]!r} in the package is encrypted", "export it without a password")
        if info.file_size > MEMBER:
            raise BadInput(f"{name[:100]!r} unpacks to more than {MEMBER:,} bytes", "look at what it holds")
