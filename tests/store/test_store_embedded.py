"""The embedded server: one a home, asks for its password, and comes back after whatever killed it."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from own_servers import ENSURE, ask, kill_server, pid_of, postmasters

from learnloop.errors import DatabaseUnavailable
from learnloop.store import embedded

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
