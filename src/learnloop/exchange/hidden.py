"""Letters that nobody sees, taken out of what comes in: a stem says to a machine what it says to a reader.

"The mean\\u200b of 2 and 4\\u202e"  ->  "The mean of 2 and 4", 2 letters
"""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

# Zero-width spaces and joiners of words, direction overrides, tag characters, variation selectors of no
# visible effect, soft hyphens. ZWJ and ZWNJ stay: emoji and Persian are written with them.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_TEXTS = ("stem", "key", "options", "answer", "aliases", "notes", "quote")


def taken_out(questions: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """`questions` (QUESTIONS) without unseen letters in what people read, and how many there were."""
    count = 0

    def clean(value: Any) -> Any:
        nonlocal count
        if isinstance(value, str):
            seen, removed = _UNSEEN.subn("", value)
            count += removed
            return seen
        if isinstance(value, Mapping):
            return {name: clean(part) for name, part in value.items()}
        return [clean(part) for part in value] if isinstance(value, list) else value

    columns = {name: [clean(value) for value in questions[name]] for name in _TEXTS}
    made = {
        name: pd.Series(values, index=questions.index, dtype=questions[name].dtype)
        for name, values in columns.items()
    }
    return questions.assign(**made), count
