"""A placement as it is kept between two answers, and what may be done with it.

    {"asked": "algebra:i7", "stopped": "", "seed": 7, "rules": {…}, "answers": [["algebra:i3", true], …]}

Beside it stands its bank, which never changes: questions and prerequisites that change meanwhile do not
change a test that somebody sits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from learnloop.assess.bank import Bank
from learnloop.assess.placement import Rules, Session, State

Standing = Literal["asked", "repeated", "answered", "over", "not asked"]
SURE = 0.8  # P at which a concept is told known, or unknown


@dataclass
class Sitting:
    """A session, and the question that waits for an answer; None where the test is over."""

    session: Session
    asked: str | None

    @classmethod
    def begin(cls, bank: Bank, rules: Rules, seed: int) -> "Sitting":
        session = Session.of(bank, State(seed, rules))
        return cls(session, session.next_question())

    @classmethod
    def resume(cls, bank: Bank, kept: Mapping[str, Any]) -> "Sitting":
        """The question that was asked stays the one, whatever would be asked today."""
        return cls(Session.of(bank, State.from_dict(kept)), kept["asked"])

    def answer(self, correct: bool) -> None:
        """Of the question that was asked."""
        if self.asked is not None:
            self.session.answer(self.asked, correct)
            self.asked = self.session.next_question()

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"asked": self.asked, "stopped": self.session.stopped, **self.session.state.to_dict()}

    def result(self) -> pd.DataFrame:
        """As `Session.result`, with `verdict`: known, unknown or unsure."""
        found = self.session.result()
        return found.assign(verdict=pd.array(verdicts(found["p_mastered"].to_numpy()), dtype="str"))


def verdicts(p_mastered: np.ndarray) -> list[str]:
    """known from SURE on, unknown from 1 - SURE down, unsure between."""
    return ["known" if p >= SURE else "unknown" if p <= 1 - SURE else "unsure" for p in p_mastered.tolist()]


def standing(kept: Mapping[str, Any], item_id: str, correct: bool) -> Standing:
    """What an answer is to a kept sitting: the one it waits for, one that was given before (`repeated`: the
    same, `answered`: another one), or none that it takes (`over`, `not asked`)."""
    for answered, was in kept["answers"]:
        if answered == item_id:
            return "repeated" if was == correct else "answered"
    if kept["asked"] is None:
        return "over"
    return "asked" if kept["asked"] == item_id else "not asked"
