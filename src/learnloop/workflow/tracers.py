"""The tracers there are, by name."""

from learnloop.schemas import Tracer
from learnloop.trace.stored import ORIGINS, kind

TRACERS: dict[str, type[Tracer]] = {name: kind(name) for name in ORIGINS}
