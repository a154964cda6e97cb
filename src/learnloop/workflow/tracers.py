"""The tracers there are, by name."""

from learnloop.schemas import Tracer
from learnloop.trace.attention import Attention
from learnloop.trace.bkt import BKT
from learnloop.trace.blend import Blend
from learnloop.trace.irt import IRT
from learnloop.trace.logistic import LogisticTracer
from learnloop.trace.memory import Memory
from learnloop.trace.pfa import PFA
from learnloop.trace.rate import RateTracer

TRACERS: dict[str, type[Tracer]] = {
    "rate": RateTracer,
    "irt": IRT,
    "pfa": PFA,
    "logistic": LogisticTracer,
    "attention": Attention,
    "bkt": BKT,
    "memory": Memory,
    "blend": Blend,
}
