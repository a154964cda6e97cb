"""The embedded PostgreSQL below a home folder: started, found again, watched, stopped.

    home/database/data        the cluster, owned by the user the server runs as
    home/database/lock        held (flock) by whoever starts or stops, so racing processes leave one server
    home/secrets/postgres*    two passwords, mode 600: the owner of our database, and the superuser
    home/logs/postgres.log

The server listens on loopback TCP alone, asks for a password (scram-sha-256) and outlives the process
that started it, until `stop`.
"""

import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from learnloop.errors import DatabaseUnavailable
from learnloop.store import binaries as programs

NAME = "learnloop"  # of the database and of its owner
SUPERUSER = "postgres"
LOG_KEPT_BYTES = 10_000_000
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
class _Place:
    """Where things lie below one home."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "database"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.home / "logs" / "postgres.log"

    def secret(self, user: str) -> Path:
        return (
            self.home / "secrets" / ("postgres.password" if user == NAME else "postgres-superuser.password")
        )

    def url(self, port: int) -> str:
        return f"postgresql://{NAME}:{_password(self.secret(NAME))}@127.0.0.1:{port}/{NAME}"


@dataclass(frozen=True)
class _Server:
    pid: int
    port: int


def ensure_running(home: Path, timeout_s: float = 300.0) -> str:
    """`postgresql://learnloop:<password>@127.0.0.1:<port>/learnloop` of the one server of `home`.

    Makes the cluster at first use, starts the server where none is alive, else finds it. Waits up to
    `timeout_s` for another starter and for crash recovery. Raises DatabaseUnavailable with the end of
    the server's log.
    """
    place = _Place(home.expanduser().resolve())
    deadline = time.monotonic() + timeout_s
    try:
        _make_folders(place)
        with _locked(place, deadline):
            server = _running(place)
            if server is None or not _becomes_ready(place, server.pid, deadline):
                server = _start(place, deadline)
            return place.url(server.port)
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot keep a database below {place.home}: {error}", "export LEARNLOOP_HOME=a folder of yours"
        ) from error


def stop(home: Path, timeout_s: float = 60.0) -> bool:
    """Ends the server of `home`, sessions rolled back. False where none was running."""
    place = _Place(home.expanduser().resolve())
    if not place.folder.exists():
        return False
    with _locked(place, time.monotonic() + timeout_s):
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
                time.sleep(0.02)
        raise DatabaseUnavailable(
            f"the server, process {server.pid}, does not stop{_log_tail(place)}", f"kill -9 {server.pid}"
        )


def status(home: Path) -> dict[str, Any]:
    """`{running, pid, port, data_directory, version, log}`, None where unknown. Starts nothing."""
    place = _Place(home.expanduser().resolve())
    server = _running(place)
    version = place.data / "PG_VERSION"
    return {
        "running": server is not None,
        "pid": server.pid if server else None,
        "port": server.port if server else None,
        "data_directory": str(place.data),
        "version": version.read_text().strip() if _is_readable(version) else None,
        "log": str(place.log),
    }


def _make_folders(place: _Place) -> None:
    # As root the server runs as another user, who must be able to pass (not list) our own folders.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for folder in (place.home, place.folder):
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
    for folder in (place.log.parent, place.home / "secrets"):
        folder.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _locked(place: _Place, deadline: float) -> Iterator[None]:
    with open(place.folder / "lock", "w") as file:  # not inherited by the server; freed by our death
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"another process keeps holding {place.folder / 'lock'}",
                        f"fuser {place.folder / 'lock'}",
                    ) from None
                time.sleep(0.02)
        yield


def _running(place: _Place) -> _Server | None:
    """The live server of this data directory, by its postmaster.pid (line 1 pid, line 4 port)."""
    lines = _postmaster_lines(place)
    if len(lines) < 4 or not (lines[0].isdigit() and lines[3].isdigit()):
        return None
    server = _Server(int(lines[0]), int(lines[3]))
    return server if _alive(server.pid, place.data) else None


def _postmaster_lines(place: _Place) -> list[str]:
    path = place.data / "postmaster.pid"
    return [line.strip() for line in path.read_text().splitlines()] if _is_readable(path) else []


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def _alive(pid: int, data: Path) -> bool:
    """Whether `pid` is a live process whose command line names `data`.

    A zombie has an empty command line, and so has nobody's number; a number given out again names
    something else. So nothing but our postmaster is ever taken for it, or signalled.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/cmdline").exists():
            return False
        told = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True)
        return os.fsencode(f"-D {data} ") in told.stdout
    return os.fsencode(data) in words


def _start(place: _Place, deadline: float) -> _Server:
    made = (place.data / "PG_VERSION").exists()
    found = programs.find(int((place.data / "PG_VERSION").read_text()) if made else None)
    runner = programs.runner(found, place.folder)
    if not made:
        _create(place, found, runner)
    runner.give(place.data)
    while True:
        _disarm_stale_pid(place)
        if place.log.exists() and place.log.stat().st_size > LOG_KEPT_BYTES:
            place.log.replace(place.log.with_suffix(".log.1"))
        before = place.log.stat().st_size if place.log.exists() else 0
        port = _free_port(place)
        pid = _launch(place, found, runner, port)
        if _becomes_ready(place, pid, deadline):
            return _Server(pid, port)
        said = place.log.read_bytes()[before:]
        # "already in use": somebody took the port since we looked. "still in use": backends that outlived
        # a killed postmaster hold its shared memory, and are about to notice its death.
        if not re.search(rb"(already|still) in use", said) or time.monotonic() > deadline:
            raise DatabaseUnavailable(f"the database does not start{_log_tail(place)}", "learnloop doctor")
        time.sleep(0.2)


def _create(place: _Place, found: programs.Binaries, runner: programs.Runner) -> None:
    """A cluster with our role and database, all in a side folder, then in place by one rename."""
    fresh = place.folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)  # of a start that was killed
    fresh.mkdir(mode=0o700)
    passwords = {user: _kept_password(place.secret(user)) for user in (NAME, SUPERUSER)}
    password_file = place.folder / "pwfile"
    password_file.unlink(missing_ok=True)
    with open(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(passwords[SUPERUSER])
    try:
        runner.give(fresh)
        runner.give(password_file)
        _checked(
            place,
            "initdb",
            runner.run(
                [
                    *(str(found.initdb), "-D", str(fresh), "-U", SUPERUSER, "--pwfile", str(password_file)),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"),
                ],
                capture_output=True,
            ),
        )
    finally:
        password_file.unlink()
    # One door: loopback, password. No socket, no replication, no trust.
    (fresh / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    # Single-user mode runs before any port is open; each line is one statement.
    statements = [
        f"CREATE ROLE {NAME} LOGIN CREATEDB PASSWORD '{passwords[NAME]}'",
        f"GRANT pg_read_all_settings TO {NAME}",
        f"CREATE DATABASE {NAME} OWNER {NAME}",
    ]
    _checked(
        place,
        "postgres --single",
        runner.run(
            [str(found.postgres), "--single", "-D", str(fresh), "-j", SUPERUSER],
            input="".join(f"{statement};\n\n" for statement in statements),
            capture_output=True,
        ),
    )
    fresh.rename(place.data)


def _checked(place: _Place, step: str, done: subprocess.CompletedProcess[str]) -> None:
    told = f"{done.stdout}{done.stderr}"
    if done.returncode or re.search(r"\b(ERROR|FATAL|PANIC):", told):
        raise DatabaseUnavailable(
            f"{step} failed in {place.folder}: {told.strip()[-2000:]}",
            "check the disk and its permissions",
        )


def _disarm_stale_pid(place: _Place) -> None:
    """Lets the server start after a postmaster that died without removing its postmaster.pid.

    The number in it may be a zombie's or another process's by now, and the server would believe it.
    The file is not deleted: its line 7 names the shared memory by which the server notices backends
    that outlived their postmaster. Only the number is replaced, by one no process can have.
    """
    path = place.data / "postmaster.pid"
    lines = path.read_text().splitlines() if path.exists() else []
    if len(lines) >= 7 and lines[0].strip().isdigit():
        owner = path.stat()
        fresh = path.with_name("postmaster.pid.new")
        fresh.write_text("\n".join(["2147483647", *lines[1:]]) + "\n")
        fresh.chmod(0o600)
        os.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.replace(path)
    else:
        path.unlink(missing_ok=True)  # cut short while it was written: no backend existed yet


def _free_port(place: _Place) -> int:
    """The port of last time where it is still free (open browsers and notebooks find us again)."""
    kept = place.folder / "port"
    wanted = int(kept.read_text()) if kept.exists() and kept.read_text().isdigit() else 0
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen = int(probe.getsockname()[1])
            kept.write_text(str(chosen))
            return chosen
    raise DatabaseUnavailable("no free port on 127.0.0.1", "free a port, then try again")


def _launch(place: _Place, found: programs.Binaries, runner: programs.Runner, port: int) -> int:
    settings = {**SERVER_SETTINGS, "port": str(port)}
    command = [str(found.postgres), "-D", str(place.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with open(place.log, "ab") as log:
        # The shell leaves at once, so the server is nobody's child here: no zombie of ours, no wait.
        started = runner.run(
            ["sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    return int(started.stdout)


def _becomes_ready(place: _Place, pid: int, deadline: float) -> bool:
    """True once the server of `pid` answers as ours; False where it ended instead."""
    problem = "no answer"
    while time.monotonic() < deadline:
        if not _alive(pid, place.data):
            return False
        server = _running(place)
        if server is not None and server.pid == pid:
            try:
                answered = _data_directory(place, server.port)
            except psycopg.OperationalError as error:
                problem = str(error).strip()
                if "password authentication failed" in problem:
                    raise DatabaseUnavailable(
                        f"the password in {place.secret(NAME)} is not the database's",
                        "restore that file from a backup, or set LEARNLOOP_HOME to a new folder",
                    ) from error
            else:
                if answered == place.data:
                    return True
                problem = f"port {server.port} belongs to the server of {answered}"
        time.sleep(0.02)
    raise DatabaseUnavailable(
        f"the database did not become ready in time ({problem}){_log_tail(place)}", "learnloop doctor"
    )


def _data_directory(place: _Place, port: int) -> Path:
    with psycopg.connect(place.url(port), connect_timeout=5, autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    return Path(row[0]).resolve() if row else Path()


def _log_tail(place: _Place, lines: int = 12) -> str:
    if not _is_readable(place.log):
        return ""
    tail = place.log.read_text(errors="replace")[-20_000:].splitlines()[-lines:]
    return "; its log ends:\n" + "\n".join(tail) if tail else ""


def _kept_password(path: Path) -> str:
    """The password in `path`, made at first use. The caller holds the lock."""
    if not path.exists():
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    return _password(path)


def _password(path: Path) -> str:
    value = path.read_text().strip() if path.exists() else ""
    if len(value) < 32:
        raise DatabaseUnavailable(
            f"the database password in {path} is missing or cut short",
            "restore that file from a backup, or set LEARNLOOP_HOME to a new folder",
        )
    return value
