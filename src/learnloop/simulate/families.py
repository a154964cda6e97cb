"""The families of simulated learners by name: constructor(course, n_learners, seed, **parameters)."""

from collections.abc import Callable

from learnloop.simulate.bkt import Bkt
from learnloop.simulate.engagement import Engagement
from learnloop.simulate.environment import Environment
from learnloop.simulate.factors import Factors
from learnloop.simulate.memory import Memory
from learnloop.simulate.mixture import Mixture

FAMILIES: dict[str, Callable[..., Environment]] = {
    "bkt": Bkt,
    "irt": Factors,
    "memory": Memory,
    "engagement": Engagement,
    "mixture": Mixture,
}
