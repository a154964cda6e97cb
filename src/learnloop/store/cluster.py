"""One PostgreSQL cluster on disk: its folders, its two passwords, and its making.

home/database/data        the cluster, owned by the user the server runs as
home/database/lock        held (flock) by whoever starts or stops the server
home/database/alive       held (flock) by every process of the server, from the first to the last
home/database/port        of last time
home/secrets/postgres*    mode 600: the password of our role, and the superuser's
home/logs/postgres.log
"""

import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from learnloop.errors import DatabaseUnavailable
from learnloop.store import binaries as programs

NAME = "learnloop"  # of the database and of its owner, who may create databases and is no superuser
SUPERUSER = "postgres"
_RESTORE = "restore that file from a backup, or set LEARNLOOP_HOME to a new folder"


@dataclass(frozen=True)
class Place:
    """Where things lie below one home (an absolute path without links)."""

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
        """With the password. Raises DatabaseUnavailable where that is lost."""
        return f"postgresql://{NAME}:{_password(self.secret(NAME))}@127.0.0.1:{port}/{NAME}"

    def log_tail(self, lines: int = 12) -> str:
        """The end of the server's log, to append to a message; "" where there is none."""
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as file:
            file.seek(max(0, self.log.stat().st_size - 20_000))
            tail = file.read().decode(errors="replace").splitlines()[-lines:]
        return "; its log ends:\n" + "\n".join(tail) if tail else ""


def make_folders(place: Place) -> None:
    """The folders below home that are not there yet, closed to other users."""
    # As root the server runs as another user, who must be able to pass (not list) our own folders.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for folder in (place.home, place.folder):
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
    for folder in (place.log.parent, place.home / "secrets"):
        folder.mkdir(mode=0o700, exist_ok=True)


def create(place: Place, runner: programs.Runner) -> None:
    """A cluster with our role and database, made in a side folder, then put in place by one rename.

    Killed at any moment it leaves no cluster or a whole one. Raises DatabaseUnavailable with what
    PostgreSQL said.
    """
    for abandoned in place.folder.glob("making-*"):
        shutil.rmtree(abandoned, ignore_errors=True)  # its maker may be dying still; next time, then
    making = place.folder / f"making-{secrets.token_hex(4)}"
    making.mkdir(mode=0o700)
    data, password_file = making / "data", making / "password"
    passwords = {user: _kept_password(place.secret(user)) for user in (NAME, SUPERUSER)}
    _write_private(password_file, passwords[SUPERUSER])
    runner.give(making)
    command = [str(runner.binaries.initdb), "-D", str(data), "-U", SUPERUSER, "--pwfile", str(password_file)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]
    _checked(place, "initdb", runner.run(command, capture_output=True))
    # One door: loopback with a password. No socket, no replication, no trust.
    (data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    # Single-user mode runs before any port is open; a blank line ends a statement.
    statements = [
        f"CREATE ROLE {NAME} LOGIN CREATEDB PASSWORD '{passwords[NAME]}'",
        f"GRANT pg_read_all_settings TO {NAME}",
        f"CREATE DATABASE {NAME} OWNER {NAME}",
    ]
    command = [str(runner.binaries.postgres), "--single", "-D", str(data), "-j", SUPERUSER]
    script = "".join(f"{statement};\n\n" for statement in statements)
    _checked(place, "postgres --single", runner.run(command, input=script, capture_output=True))
    data.rename(place.data)
    shutil.rmtree(making)


def _checked(place: Place, step: str, done: subprocess.CompletedProcess[str]) -> None:
    told = f"{done.stdout}{done.stderr}"
    if done.returncode or re.search(r"\b(ERROR|FATAL|PANIC):", told):
        raise DatabaseUnavailable(
            f"{step} failed in {place.folder}: {told.strip()[-2000:]}", "check the disk and its permissions"
        )


def _kept_password(path: Path) -> str:
    """The password in `path`, made at first use. The caller holds the lock."""
    if not path.exists():
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        _write_private(fresh, secrets.token_hex(32))
        fresh.replace(path)
    return _password(path)


def _write_private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _password(path: Path) -> str:
    value = path.read_text().strip() if path.exists() else ""
    if len(value) < 32:
        raise DatabaseUnavailable(f"the database password in {path} is missing or cut short", _RESTORE)
    return value


def wrong_password(place: Place) -> DatabaseUnavailable:
    """The error for a server that refuses the password we keep."""
    return DatabaseUnavailable(f"the password in {place.secret(NAME)} is not the database's", _RESTORE)
