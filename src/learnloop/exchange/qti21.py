"""QTI 2.1: a content package of questions, as most systems of schools import them. See `exchange.qti`."""

import pandas as pd

from learnloop.exchange import qti, qti_reading
from learnloop.exchange.reads import Loaded
from learnloop.exchange.rows import Dumped
from learnloop.exchange.spelling import QTI_21


def dump(questions: pd.DataFrame) -> Dumped:
    """`questions` (QUESTIONS, plus `version`) as a package (a zip), the same bytes for the same questions."""
    return qti.dump(questions, QTI_21)


def load(data: bytes, item_id: str, language: str = "und") -> Loaded:
    """The items of a package, or the one item that `data` is: see `exchange.qti_reading`."""
    return qti_reading.load(data, item_id, language)
