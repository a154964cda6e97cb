"""What a person sees of a step: progress on stderr, results alone on stdout."""

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

stderr = Console(stderr=True, highlight=False)
EVERY = 60.0  # seconds between two lines of a progress that nobody sees move


@contextmanager
def step(name: str) -> Iterator[None]:
    """Says what is being done and, when done, in how many seconds."""
    started = time.perf_counter()
    if sys.stderr.isatty():
        with stderr.status(name):
            yield
    else:
        yield
    stderr.print(f"[green]✓[/] {name} [dim]{time.perf_counter() - started:.1f} s[/]")


class Advance(Protocol):
    """Moves a progress bar on by `amount`; `note` is what it says beside."""

    def __call__(self, amount: float, note: str = "") -> None: ...


@contextmanager
def bar(name: str, total: float | None = None) -> Iterator[Advance]:
    """A progress bar; the yielded function advances it. Off a terminal a line is written when it ends, and
    before that at most one in EVERY seconds, of how far it has come."""
    started = written = time.perf_counter()
    done, seen = 0.0, sys.stderr.isatty()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not seen) as progress:
        task = progress.add_task(name, total=total, note="")

        def advance(amount: float, note: str = "") -> None:
            nonlocal done, written
            done += amount
            progress.advance(task, amount)
            if note:
                progress.update(task, note=note)
            if not seen and (now := time.perf_counter()) - written > EVERY:
                written = now
                of = f" of {total:,.0f}" if total else ""
                stderr.print(f"  {name}: {done:,.0f}{of} {note} {now - started:.0f} s".rstrip(), markup=False)

        yield advance
    stderr.print(f"[green]✓[/] {name} [dim]{time.perf_counter() - started:.1f} s[/]")


def keep_traceback() -> str:
    """The exception at hand, its traceback kept in a file; one line that says both."""
    import tempfile
    import traceback

    error = sys.exc_info()[1]
    with tempfile.NamedTemporaryFile(
        "w", prefix="learnloop-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        file.write(traceback.format_exc())
    first_line = (str(error).splitlines() or ["-"])[0]
    return f"unexpected {type(error).__name__}: {first_line}. Try: less {file.name}"


def show(result: Any) -> None:
    """A report for a person: nested values as an indented tree, {value, low, high} on one line."""
    stdout = Console(highlight=False)
    for line in _lines(result, 0):
        stdout.print(line, soft_wrap=True, markup=False)


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, inner in value.items():
            brief = str(inner) if key in ("port", "pid") else _brief(inner)
            if brief is not None:
                yield f"{pad}{key}: {brief}"
            else:
                yield f"{pad}{key}"
                yield from _lines(inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            if isinstance(inner, Mapping):
                yield (
                    pad
                    + "- "
                    + ", ".join(f"{key} {_brief(part)}" for key, part in inner.items() if part != "")
                )
            else:
                yield f"{pad}- {_brief(inner)}"
    else:
        yield f"{pad}{_brief(value)}"


def _brief(value: Any) -> str | None:
    """One line for a leaf or an interval, None for what needs several."""
    if isinstance(value, Mapping):
        if {"value", "low", "high"} <= set(value):
            middle, low, high = (_brief(value[part]) for part in ("value", "low", "high"))
            return f"{middle}  [{low}, {high}]"
        return None if value else "-"
    if isinstance(value, (list, tuple)):
        return None if value else "-"
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
