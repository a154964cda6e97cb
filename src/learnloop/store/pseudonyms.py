"""Outside ids into pseudonyms, by a key that is not in the database.

>>> pseudonym(b"k" * 32, "oulad", "11391")
'4a08b2156d2e944d9c90ff1a1bfdeee3'
"""

import hashlib
import hmac
import unicodedata

import pandas as pd

from learnloop.errors import BadInput


def pseudonym(key: bytes, source: str, outside_id: str) -> str:
    """The first 32 hexadecimal digits (128 bits) of HMAC-SHA256(key, "source:outside_id").

    The id counts without blanks around it and in Unicode's form NFC, so that two ways of typing one id
    are one learner.
    """
    if len(key) < 32:
        raise BadInput("the pseudonym key has fewer than 32 bytes", "unset LEARNLOOP_PSEUDONYM_KEY")
    plain = unicodedata.normalize("NFC", outside_id.strip())
    return hmac.new(key, f"{source}:{plain}".encode(), hashlib.sha256).hexdigest()[:32]


def pseudonyms(key: bytes, source: str, ids: pd.Series) -> pd.Series:
    """The pseudonym of each of `ids`, in their order and index; a missing id stays missing."""
    known = {outside_id: pseudonym(key, source, str(outside_id)) for outside_id in ids.dropna().unique()}
    return ids.map(known).astype("str")
