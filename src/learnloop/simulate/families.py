"""The families of simulated learners by name: constructor(course, n_learners, seed, **parameters)."""

from collections.abc import Callable

from learnloop.simulate.bkt import Bkt
from learnloop.simulate.environment import Environment

FAMILIES: dict[str, Callable[..., Environment]] = {"bkt": Bkt}
