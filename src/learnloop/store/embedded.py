"""The embedded PostgreSQL below a home folder: started, found again, watched, stopped.

The server listens on loopback TCP alone, asks for a password (scram-sha-256) and outlives the process
that started it, until `stop`. Where its files lie: `learnloop.store.cluster`.
"""

import fcntl
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg

from learnloop.errors import DatabaseUnavailable
from learnloop.store import binaries as programs
from learnloop.store import cluster
from learnloop.store.cluster import Place

LOG_KEPT_BYTES = 10_000_000
POLL_S = 0.02
ORPHANS_S = 2.0  # how long backends may outlive their postmaster before they are asked to go
NO_PROCESS = 2_147_483_647  # beyond any process number the kernels give out
# Small enough for a laptop beside everything else. What makes a commit durable stays on.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "1GB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "jit": "off",  # compiling costs more than it saves on queries of milliseconds
}


@dataclass(frozen=True)
class _Server:
    pid: int
    port: int
    ready: bool = True  # it says so itself


def ensure_running(home: Path, timeout_s: float = 300.0) -> str:
    """`postgresql://learnloop:<password>@127.0.0.1:<port>/learnloop` of the one server of `home`.

    Makes the cluster at first use, starts the server where none is alive, else finds it. Waits up to
    `timeout_s` for another starter and for crash recovery. Raises DatabaseUnavailable with the end of
    the server's log.
    """
    place = Place(home.expanduser().resolve())
    deadline = time.monotonic() + timeout_s
    with _file_errors(place):
        cluster.make_folders(place)
        with _locked(place, deadline):
            server = _running(place)
            if server is None or not _becomes_ready(place, server.pid, deadline):
                server = _start(place, deadline)
            return place.url(server.port)


def stop(home: Path, timeout_s: float = 60.0) -> bool:
    """Ends the server of `home`, open sessions rolled back. False where none was running."""
    place = Place(home.expanduser().resolve())
    if not place.folder.exists():
        return False
    with _file_errors(place), _locked(place, time.monotonic() + timeout_s):
        server = _running(place)
        if server is None:
            return False
        # SIGINT is a fast shutdown (checkpoint first), SIGQUIT an immediate one (recovery at next start).
        for ending in (signal.SIGINT, signal.SIGQUIT):
            os.kill(server.pid, ending)
            deadline = time.monotonic() + timeout_s / 2
            while time.monotonic() < deadline:
                if not _alive(server.pid, place.data):
                    return True
                time.sleep(POLL_S)
        raise DatabaseUnavailable(
            f"the server, process {server.pid}, does not stop{place.log_tail()}", f"kill -9 {server.pid}"
        )


def status(home: Path) -> dict[str, Any]:
    """`{running, pid, port, data_directory, version, log}`, None where unknown. Starts nothing."""
    place = Place(home.expanduser().resolve())
    server = _running(place)
    return {
        "running": server is not None,
        "pid": server.pid if server else None,
        "port": server.port if server else None,
        "data_directory": str(place.data),
        "version": _read(place.data / "PG_VERSION").strip() or None,
        "log": str(place.log),
    }


@contextmanager
def _file_errors(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot keep a database below {place.home}: {error}", "export LEARNLOOP_HOME=a folder of yours"
        ) from error


@contextmanager
def _locked(place: Place, deadline: float) -> Iterator[None]:
    """One process at a time starts or stops; our death frees the lock."""
    with open(place.folder / "lock", "w") as file:
        while not _taken(file):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"another process keeps holding {file.name}", f"see which: fuser {file.name}"
                )
            time.sleep(POLL_S)
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> str:
    """The text of `path`; "" where there is none, or none for us."""
    try:
        return path.read_text()
    except (FileNotFoundError, PermissionError):
        return ""


def _running(place: Place) -> _Server | None:
    """The live server of this data directory, by its postmaster.pid (lines 1 pid, 4 port, 8 state)."""
    lines = [line.strip() for line in _read(place.data / "postmaster.pid").splitlines()]
    if len(lines) < 4 or not (lines[0].isdigit() and lines[3].isdigit()):
        return None
    server = _Server(int(lines[0]), int(lines[3]), lines[7:8] == ["ready"])
    return server if _alive(server.pid, place.data) else None


def _alive(pid: int, data: Path) -> bool:
    """Whether `pid` is a live process started with `-D data`.

    A zombie has no command line any more, and a number given out again names something else: nothing
    but our own server is ever taken for it, or signalled.
    """
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/cmdline").exists():
            return False
        told = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True)
        return os.fsencode(f" -D {data} ") in told.stdout
    return b"\0-D\0" + os.fsencode(data) + b"\0" in command


def _start(place: Place, deadline: float) -> _Server:
    version = _read(place.data / "PG_VERSION").strip()
    runner = programs.runner(programs.find(int(version) if version else None), place.folder)
    if not version:
        cluster.create(place, runner)
    while True:
        with open(place.folder / "alive", "w") as alive:
            server = _wait_until_nobody_serves(place, alive, deadline)
            if server is not None:
                return server
            runner.give(place.data)
            _disarm_stale_pid(place)
            if place.log.exists() and place.log.stat().st_size > LOG_KEPT_BYTES:
                place.log.replace(place.log.with_suffix(".log.1"))
            before = place.log.stat().st_size if place.log.exists() else 0
            port = _free_port(place)
            pid = _launch(place, runner, port, alive)
        if _becomes_ready(place, pid, deadline):
            return _Server(pid, port)
        said = place.log.read_bytes()[before:]
        # Somebody took the port since we looked: choose another.
        if b"ddress already in use" not in said or time.monotonic() > deadline:
            raise DatabaseUnavailable(f"the database does not start{place.log_tail()}", "learnloop doctor")


def _wait_until_nobody_serves(place: Place, alive: IO[str], deadline: float) -> _Server | None:
    """None once we hold `alive`; a server that turned up meanwhile, where its starter was killed.

    Every process of a server inherits its hold on `alive`, and the last one to go frees it. So a
    postmaster too young to be in postmaster.pid is noticed, and backends that outlive a killed one:
    most go at once, a long query's is asked to go.
    """
    patience = time.monotonic() + ORPHANS_S
    while not _taken(alive):
        server = _running(place)
        if server is not None and _becomes_ready(place, server.pid, deadline):
            return server
        if server is None and time.monotonic() > patience:
            for orphan in _holders(alive):
                os.kill(orphan, signal.SIGTERM)
            patience = time.monotonic() + ORPHANS_S
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"processes of a killed server still hold {place.data}", f"see which: fuser {alive.name}"
            )
        time.sleep(POLL_S)
    return None


def _holders(file: IO[str]) -> list[int]:
    """Other processes that have `file` open, as far as /proc tells us."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):  # ended meanwhile, or not ours to look into
            links = {str(link.readlink()) for link in folder.iterdir()}
            if file.name in links and folder.parent.name != str(os.getpid()):
                found.append(int(folder.parent.name))
    return found


def _disarm_stale_pid(place: Place) -> None:
    """Lets the server start after a postmaster that died without removing its postmaster.pid.

    The number in it may be a zombie's or another process's by now, and PostgreSQL would believe it. The
    file is not deleted: its line 7 names the shared memory by which PostgreSQL, too, notices backends
    that are still there. Only the number is replaced, by one no process can have.
    """
    path = place.data / "postmaster.pid"
    lines = _read(path).splitlines()
    if len(lines) < 7 or not lines[0].strip().isdigit():
        path.unlink(missing_ok=True)  # cut short while it was written: no backend existed yet
        return
    owner = path.stat()
    fresh = path.with_name("postmaster.pid.new")
    fresh.write_text("\n".join([str(NO_PROCESS), *lines[1:]]) + "\n")
    fresh.chmod(0o600)
    os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(path)


def _free_port(place: Place) -> int:
    """The port of last time where it is still free, so that open sessions find us again."""
    kept = place.folder / "port"
    last = _read(kept).strip()
    for port in (int(last) if last.isdigit() else 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
            chosen = int(probe.getsockname()[1])
            kept.write_text(str(chosen))
            return chosen
    raise DatabaseUnavailable("no free port on 127.0.0.1", "free a port, then try again")


def _launch(place: Place, runner: programs.Runner, port: int, alive: IO[str]) -> int:
    """Starts the server apart from this process and session; its process number."""
    command = [str(runner.binaries.postgres), "-D", str(place.data)]
    for name, value in {**SERVER_SETTINGS, "port": str(port)}.items():
        command += ["-c", f"{name}={value}"]
    with open(place.log, "ab") as log:
        # The shell leaves at once, so the server is nobody's child here: no zombie of ours, no wait.
        started = runner.run(
            ["sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            pass_fds=(alive.fileno(),),
        )
    if not re.fullmatch(r"\d+\n", started.stdout):
        raise DatabaseUnavailable(f"the database does not start{place.log_tail()}", "learnloop doctor")
    return int(started.stdout)


def _becomes_ready(place: Place, pid: int, deadline: float) -> bool:
    """True once the server of `pid` answers as ours; False where it ended instead."""
    problem = "it is starting still"
    while time.monotonic() < deadline:
        if not _alive(pid, place.data):
            return False
        server = _running(place)
        if server is not None and server.pid == pid and server.ready:
            try:
                answered = _data_directory(place, server.port)
            except psycopg.OperationalError as error:
                problem = str(error).strip()
                if "password authentication failed" in problem:
                    raise cluster.wrong_password(place) from error
            else:
                if answered == place.data:
                    return True
                problem = f"port {server.port} belongs to the server of {answered}"
        time.sleep(POLL_S)
    raise DatabaseUnavailable(
        f"the database did not become ready in time ({problem}){place.log_tail()}", "learnloop doctor"
    )


def _data_directory(place: Place, port: int) -> Path:
    """Asks whoever answers on `port` for its data directory."""
    with psycopg.connect(place.url(port), connect_timeout=5, autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    return Path(row[0]).resolve() if row else Path()
