"""How much memory a step took at its peak, as the operating system counts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SELF = Path("/proc/self")


@dataclass
class Peak:
    """nbytes: resident memory at the peak less that before; None where the system does not tell."""

    nbytes: int | None = None

    def most(self, other: int | None) -> int | None:
        known = [value for value in (self.nbytes, other) if value is not None]
        return max(known, default=None)


@contextmanager
def peak() -> Iterator[Peak]:
    """Linux alone tells; elsewhere `nbytes` stays None."""
    found = Peak()
    before = _resident("VmRSS") if _forget() else None
    yield found
    after = _resident("VmHWM")
    if before is not None and after is not None:
        found.nbytes = max(after - before, 0)


def _forget() -> bool:
    """Sets the peak back to what is resident now."""
    try:
        (_SELF / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident(name: str) -> int | None:
    try:
        lines = (_SELF / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
