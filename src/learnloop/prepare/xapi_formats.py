"""The formats of xAPI's values: IRI, UUID, language tag, duration, timestamp and the like.

    http://adlnet.gov/expapi/verbs/answered   3b1c6a52-8f0d-4e7a-9c25-5d60e1f4a7b9   sr-Latn-RS   PT1H0M0.1S

Each is a test on one string, from xAPI-Spec 1.0.3 part two (4.1 to 4.6) and IEEE 9274.1.1, and the RFCs
they name: 3987 (IRI), 4122 (UUID), 5646 (language tags), 3339 (timestamps), ISO 8601 (durations).
"""

import re
from datetime import datetime
from functools import lru_cache

_CACHED = 1 << 16  # an export names the same few verbs, types and activities again and again

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:%[0-9A-Fa-f]{2}|[^\s%<>\"{}|\\^`\x00-\x1f\x7f])+")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_MAILTO = re.compile(r"mailto:[^@\s<>\"]+@[^@\s<>\"]+")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_SHA2 = re.compile(r"(?:[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:\"[^\"]*\"|[^\s;]+))*")
_LANGUAGE = re.compile(
    r"(?:(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"  # language and its extensions
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"  # script, region
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"  # variants
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"  # extensions, private use
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
    r"|sgn-(?:be-fr|be-nl|ch-de))",  # those registered before there was a grammar
    re.IGNORECASE,
)
_NUMBER = r"\d+(?:[.,]\d+)?"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}W|(?=\d|T\d)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)"
)
_ISO_TIME = re.compile(
    r"\d{4}-?(?:\d{2}-?\d{2}|W\d{2}-?\d)(?:T\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d+)?)?)?"
    r"(?:Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.IGNORECASE,
)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})", re.IGNORECASE)
_MINUS_ZERO = re.compile(r"-00(?::?00)?$")
_VERSIONS = {"1.0.3": re.compile(r"1\.0(?:\.\d+)?"), "2.0": re.compile(r"(?:1\.0|2\.0)(?:\.\d+)?")}


@lru_cache(_CACHED)
def is_iri(text: str) -> bool:
    """An absolute IRI: a scheme, a colon and something; no space, no quotes, no bare %.

    >>> is_iri("http://example.com/é"), is_iri("ab=c://example.com"), is_iri("meeting")
    (True, False, False)
    """
    return _IRI.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def is_mailto(text: str) -> bool:
    return _MAILTO.fullmatch(text) is not None


def is_sha1(text: str) -> bool:
    return _SHA1.fullmatch(text) is not None


def is_sha2(text: str) -> bool:
    """SHA-224, 256, 384 or 512, in hexadecimal."""
    return _SHA2.fullmatch(text) is not None


def is_media_type(text: str) -> bool:
    return _MEDIA_TYPE.fullmatch(text) is not None


@lru_cache(_CACHED)
def is_language(text: str) -> bool:
    """A well-formed language tag; whether anybody speaks it is not asked.

    >>> is_language("zh-Hans-CN"), is_language("de-419-DE"), is_language("something")
    (True, False, False)
    """
    return _LANGUAGE.fullmatch(text) is not None


def is_duration(text: str) -> bool:
    """
    >>> is_duration("P3Y1M29DT4H35M59.14S"), is_duration("P4W"), is_duration("PT"), is_duration("PA1H")
    (True, True, False, False)
    """
    return _DURATION.fullmatch(text) is not None


def is_timestamp(text: str, version: str) -> bool:
    """ISO 8601 for 1.0.3, RFC 3339 for 2.0; a zone of minus zero says that there is none: refused.

    >>> is_timestamp("20130518T053234Z", "1.0.3"), is_timestamp("2008-09-15T15:53:00-00:00", "1.0.3")
    (True, False)
    >>> is_timestamp("2008-09-15 15:53:00.601+00:00", "2.0"), is_timestamp("2008-09-15", "2.0")
    (True, False)
    """
    pattern = _RFC3339 if version == "2.0" else _ISO_TIME
    # hours behind UTC only after a time: the -00 of a date would be a day
    if not pattern.fullmatch(text) or (("T" in text.upper() or " " in text) and _MINUS_ZERO.search(text)):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_version(text: str, version: str) -> bool:
    """A store of 2.0 keeps the statements of 1.0 that it has."""
    return _VERSIONS[version].fullmatch(text) is not None
