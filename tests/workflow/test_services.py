"""The programs that stay: where they listen, and what happens when another was faster."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from learnloop.errors import LearnloopError
from learnloop.settings import Settings
from learnloop.workflow import services
from learnloop.workflow.services import LOOPBACK

PAGE = [sys.executable, "-m", "http.server", "--bind", LOOPBACK]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as held:
        held.bind((LOOPBACK, services.free_port(0)))
        held.listen()
        yield held


def page(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*PAGE, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_free_port_is_kept_and_a_taken_one_is_not(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    other = services.free_port(taken)
    assert other != taken
    assert other in services.GIVEN_TO_NOBODY
    assert services.free_port(other) == other


def test_no_port_of_those_that_the_system_gives_away() -> None:
    """What is given to outgoing connections may be gone a moment later."""
    with socket.socket() as asked:
        asked.bind((LOOPBACK, 0))
        assert asked.getsockname()[1] not in services.GIVEN_TO_NOBODY
    assert len({services.free_port(0) for _ in range(20)}) > 10, "two that ask at once seldom meet"


def test_a_program_whose_port_was_taken_meanwhile_starts_on_another(tmp_path: Path) -> None:
    thief = socket.socket()
    asked: list[int] = []

    def start(port: int) -> subprocess.Popen[bytes]:
        if not asked:  # between the look and the program's own bind
            thief.bind((LOOPBACK, port))
            thief.listen(0)
        asked.append(port)
        return page(port)

    with thief:
        process, port = services.started(start, 0, "", Settings(home=tmp_path))
        try:
            assert process.poll() is None
            assert (len(asked), port) == (2, asked[1])
            assert asked[1] != asked[0]
        finally:
            services.stop_all([process])


def test_a_program_that_ends_for_a_reason_of_its_own_is_not_started_again(tmp_path: Path) -> None:
    asked: list[int] = []

    def start(port: int) -> subprocess.Popen[bytes]:
        asked.append(port)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    with pytest.raises(LearnloopError, match="does not answer; its log is in"):
        services.started(start, 0, "", Settings(home=tmp_path))
    assert len(asked) == 1
