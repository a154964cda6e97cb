"""Embedded servers of a test's own: found, asked, killed."""

import os
import signal
from pathlib import Path

import psycopg

from learnloop.store import embedded

ENSURE = """
import sys, pathlib
from learnloop.store import embedded
print(embedded.ensure_running(pathlib.Path(sys.argv[1])))
"""


def postmasters(home: Path) -> list[int]:
    """Process numbers of the live servers of `home`."""
    word = f"\0-D\0{home.resolve() / 'database' / 'data'}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if word in command and b"/postgres\0" in command.partition(b"\0-D\0")[0] + b"\0":
            found.append(int(folder.name))
    return found


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None


def pid_of(home: Path) -> int:
    pid = embedded.status(home)["pid"]
    assert isinstance(pid, int)
    return pid


def kill_server(home: Path) -> int:
    pid = pid_of(home)
    os.kill(pid, signal.SIGKILL)
    return pid
