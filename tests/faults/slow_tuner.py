"""`tune recommend` and `tune trace` in processes of their own, begun in milliseconds, killed when told.

Started once, it has imported everything; then it reads one order a line and answers with one line:

    {"home": DIR, "url": URL, "command": "recommend", "jobs": 1, "hang_at": 0, "takes_s": 0,
     "options": {"trials": 6, "k": 5}}
    [{"models": {…}, …, "fits": 6}]

Each job is a fork. hang_at: the fit, counted from 1, at which a job stops; it is then killed with -9, and its
answer is null. takes_s: seconds that a fit takes.
"""

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from learnloop import schemas
from learnloop.recommend.popularity import Popularity
from learnloop.schemas import Space, Span
from learnloop.settings import Settings
from learnloop.store.releases import quiet_mlflow
from learnloop.workflow.context import Loop
from learnloop.workflow.recommenders import RECOMMENDERS
from learnloop.workflow.tracers import TRACERS
from learnloop.workflow.tuning import tune_recommend
from learnloop.workflow.tuning_tracers import tune_trace

HANGING = b"hanging\n"


class Slow:
    """A model whose fits are counted, and take their time."""

    fits: ClassVar[int] = 0
    hang_at: ClassVar[int] = 0
    takes_s: ClassVar[float] = 0.0
    mouth: ClassVar[int] = 1

    @staticmethod
    def counted() -> None:
        Slow.fits += 1
        if Slow.fits == Slow.hang_at:
            os.write(Slow.mouth, HANGING)
            time.sleep(600)
        time.sleep(Slow.takes_s)


class Leaning(Slow):
    """Popularity, `lean` of the way towards its opposite: the smaller, the better."""

    name = "leaning"
    space: ClassVar[Space] = {"lean": Span(0.0, 1.0), "noise": Span(0.001, 1.0, log=True)}

    def __init__(self, lean: float = 0.9, noise: float = 0.5, seed: int = 0) -> None:
        self.lean, self.noise, self.seed = lean, noise, seed

    def fit(self, signals: pd.DataFrame, features: object = None) -> "Leaning":
        self.counted()
        self.popular = Popularity().fit(signals)
        self.item_ids = self.popular.item_ids
        return self

    def scores(self, histories: Sequence[Sequence[str]]) -> np.ndarray:
        noise = np.random.default_rng(self.seed).normal(size=(len(histories), len(self.item_ids)))
        return (1 - 2 * self.lean) * self.popular.scores(histories) + self.noise * noise


class Sure(Slow):
    """P(correct) of every answer is `p`; the nearer the share of right answers, the better."""

    name = "sure"
    space: ClassVar[Space] = {"p": Span(0.01, 0.99)}

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def fit(self, answers: pd.DataFrame) -> "Sure":
        self.counted()
        return self

    def predict(self, answers: pd.DataFrame) -> np.ndarray:
        return np.full(len(answers), self.p)


RECOMMENDERS["leaning"] = Leaning
TRACERS["sure"] = Sure  # type: ignore[assignment]
TUNE: dict[str, Any] = {
    "recommend": partial(tune_recommend, models=["leaning"]),
    "trace": partial(tune_trace, models=["sure"]),
}


def job(order: dict[str, Any], mouth: int) -> None:
    Slow.hang_at, Slow.takes_s, Slow.mouth = order["hang_at"], order["takes_s"], mouth
    loop = Loop(Settings(home=Path(order["home"]), database_url=order["url"]))
    report = TUNE[order["command"]](loop, **order["options"])
    loop.close()
    os.write(mouth, json.dumps({**report, "fits": Slow.fits}).encode() + b"\n")


def begun(order: dict[str, Any]) -> tuple[int, int]:
    """(process, where it is heard)."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child:
        os.close(mouth)
        return child, ear
    os.close(ear)
    try:
        job(order, mouth)
    finally:  # whatever happens, a fork must not go on as its parent
        sys.stderr.flush()
        os._exit(0)


def answered(child: int, ear: int) -> Any:
    with open(ear, "rb") as file:
        line = file.readline()
    if line == HANGING:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None if line == HANGING else json.loads(line or b'"it failed"')


if __name__ == "__main__":
    quiet_mlflow()
    for late in ("alembic.command", "matplotlib.figure", "mlflow", "optuna", "sklearn.ensemble"):
        importlib.import_module(late)
    schemas.empty(schemas.INTERACTIONS)
    for line in sys.stdin:
        order = json.loads(line)
        jobs = [begun(order) for _ in range(order["jobs"])]
        print(json.dumps([answered(*one) for one in jobs]), flush=True)
