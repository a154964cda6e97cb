"""The tracer of one release in its folder, loaded by the kind in its manifest; and the memory beside it."""

import json
from importlib import import_module
from pathlib import Path

from learnloop.errors import ModelUnavailable
from learnloop.schemas import Tracer
from learnloop.trace import blend
from learnloop.trace.memory import Memory

# Name -> module and class, imported when one is wanted: what a blend may be made of, and the blend.
ORIGINS = {**blend.ORIGINS, "blend": ("blend", "Blend")}


def kind(name: str) -> type[Tracer]:
    """The class of the tracer called `name`. Raises ModelUnavailable."""
    if name not in ORIGINS:
        raise ModelUnavailable(
            f"no tracer is called {name!r}; there are {', '.join(sorted(ORIGINS))}", "learnloop train"
        )
    module, of = ORIGINS[name]
    found: type[Tracer] = getattr(import_module(f"learnloop.trace.{module}"), of)
    return found


def save(tracer: Tracer, folder: Path) -> None:
    """Makes `folder` and writes the tracer into it."""
    folder.mkdir(parents=True)
    tracer.save(folder)


def load(folder: Path) -> Tracer:
    """The tracer in `folder`, whatever its class.

    Raises ModelUnavailable where there is none, where nobody knows its kind, where its files do not match,
    and where an older version wrote what its class cannot read any more.
    """
    try:
        name = str(json.loads((folder / "tracer.json").read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(f"no readable tracer in {folder}: {error}", "learnloop train") from error
    of = kind(name)
    try:
        return of.load(folder)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelUnavailable(
            f"the tracer in {folder} was saved by another version: {error!r}", "learnloop train"
        ) from error


def load_memory(folder: Path) -> Memory:
    """The memory kept beside a tracer. Raises ModelUnavailable, as `load`."""
    found = load(folder)
    if not isinstance(found, Memory):
        raise ModelUnavailable(f"{folder} holds a tracer of kind {found.name}, not memory", "learnloop train")
    return found
