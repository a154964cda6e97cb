"""Bytes of a file to its text: by its mark, by what it declares, or as UTF-8; never by a guess."""

import codecs
import re

from learnloop.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def decoded(data: bytes, name: str, limit: int, xml: bool = False) -> str:
    """The text of `data`, without its mark. xml: its declaration names the encoding, where it has one.

    Raises BadInput on bytes that are no text, or more of them than `limit`.
    """
    if len(data) > limit:
        raise BadInput(
            f"{name} has {len(data):,} bytes, more than {limit:,}", "export fewer questions a file"
        )
    encoding, start = next(
        ((codec, len(mark)) for mark, codec in _MARKS if data.startswith(mark)), ("utf-8", 0)
    )
    if xml and not start:
        if data[:4] in (b"<\0?\0", b"\0<\0?"):
            encoding = "utf-16-le" if data[:1] == b"<" else "utf-16-be"
        elif found := _DECLARED.match(data[:400]):
            encoding = found[1].decode("ascii")
    try:
        return data[start:].decode(encoding)
    except LookupError as error:
        raise BadInput(
            f"{name} declares the encoding {encoding!r}, which nobody knows", "save it as UTF-8"
        ) from error
    except (UnicodeError, ValueError) as error:
        raise BadInput(f"{name} is not {encoding.upper()}", "save it as UTF-8") from error
