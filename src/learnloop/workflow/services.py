"""The programs that stay: the API, the dashboard and the MLflow page, each a process of its own.

All listen on loopback. Secrets reach them by environment or by file, never by their command lines, which
every user of a machine can read.
"""

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from learnloop.errors import LearnloopError
from learnloop.settings import Settings
from learnloop.store.releases import database_uri
from learnloop.workflow.context import Loop

LOOPBACK = "127.0.0.1"
GIVEN_TO_NOBODY = range(20_000, 32_768)  # below what Linux, macOS and Windows give out by themselves
ATTEMPTS = 5


def api(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    """`learnloop serve` on `port`."""
    environment = {
        "LEARNLOOP_HOME": str(settings.home),
        "LEARNLOOP_DATABASE_URL": settings.database_url,
        "LEARNLOOP_TRACKING_URI": settings.tracking_uri,
        "LEARNLOOP_API_HOST": LOOPBACK,
        "LEARNLOOP_API_PORT": str(port),
    }
    return _start("api", [sys.executable, "-m", "learnloop.cli", "serve"], settings, environment)


def dashboard(
    settings: Settings, port: int | None = None, api_url: str = "", log: bool = False
) -> subprocess.Popen[bytes]:
    """The Streamlit pages; an operator's, with the dashboard's key, where that is at hand."""
    page = importlib.util.find_spec("learnloop.dashboard.app")
    if page is None or page.origin is None:
        raise LearnloopError("the dashboard is not installed", "pip install learnloop")
    port = settings.dashboard_port if port is None else port
    refuse_taken(port, "LEARNLOOP_DASHBOARD_PORT")
    command = [sys.executable, "-m", "streamlit", "run", page.origin]
    command += ["--server.address", LOOPBACK, "--server.port", str(port), "--server.headless", "true"]
    command += [
        "--client.toolbarMode",
        "minimal",
        "--browser.gatherUsageStats",
        "false",
        "--server.fileWatcherType",
        "none",
    ]
    command += ["--", "--api-url", api_url or settings.api_url, "--language", settings.language]
    if settings.dashboard_key_file.exists():
        command += ["--key-file", str(settings.dashboard_key_file)]
    return _start("dashboard", command, settings, {}, log=log)


def mlflow_page(loop: Loop, port: int | None = None, log: bool = False) -> subprocess.Popen[bytes]:
    """MLflow's own page over our runs and versions."""
    port = loop.settings.mlflow_port if port is None else port
    refuse_taken(port, "LEARNLOOP_MLFLOW_PORT")
    uri = loop.registry.uri
    if uri.startswith("http"):
        raise LearnloopError("LEARNLOOP_TRACKING_URI names a server that has its own page", f"open {uri}")
    environment = {
        "MLFLOW_BACKEND_STORE_URI": database_uri(loop.engine),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a fifth of the memory; nothing needs its jobs
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port)]
    command += ["--workers", "1", "--default-artifact-root", loop.settings.artifacts_dir.as_uri()]
    return _start("mlflow", command, loop.settings, environment, log=log)


def free_port(preferred: int) -> int:
    """`preferred` where nobody listens on it, else another one; 0 prefers none.

    The other is none of those that systems give to outgoing connections or to whoever asks for any: nobody
    comes by it before our program binds it but who is after this very one.
    """
    drawn = (secrets.choice(GIVEN_TO_NOBODY) for _ in range(100))
    for port in (*([preferred] if preferred else ()), *drawn):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise LearnloopError("no free port on loopback", "learnloop doctor")


def started(
    start: Callable[[int], subprocess.Popen[bytes]], preferred: int, health: str, settings: Settings
) -> tuple[subprocess.Popen[bytes], int]:
    """(what `start` made of a port, the port), once it answers there; on `preferred` where that is free.

    A program that ends because another took its port meanwhile is started again on the next one. health: the
    path that answers. Raises LearnloopError where it ends for another reason, or again and again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        port = free_port(preferred)
        running: list[subprocess.Popen[bytes]] = []
        try:
            running.append(start(port))
            wait_until_up(f"http://{LOOPBACK}:{port}/{health}", running[0], settings)
        except BaseException as error:
            ended = not running or running[0].poll() is not None
            stop_all(running)
            if not isinstance(error, LearnloopError) or attempt == ATTEMPTS or not ended:
                raise
            if free_port(port) == port:  # nobody took it: it ended for a reason of its own
                raise
        else:
            return running[0], port
    raise AssertionError("the last attempt returns or raises")


def wait_until_up(
    url: str, process: subprocess.Popen[bytes], settings: Settings, seconds: float = 90
) -> None:
    """Returns once `url` answers below 500; raises with the log's last lines where it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own loopback address
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise LearnloopError(f"{url} does not answer; its log is in {settings.logs_dir}", "learnloop doctor")


def stop_all(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Asks each to end, and ends those that do not within ten seconds."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_told(process: subprocess.Popen[bytes]) -> None:
    """Waits for `process`, and ends it when we are told to end."""
    try:
        process.wait()
    finally:
        stop_all([process])


def refuse_taken(port: int, variable: str) -> None:
    """Raises LearnloopError where another program listens on `port`, with one that is free."""
    if free_port(port) != port:
        raise LearnloopError(f"port {port} is taken by another program", f"export {variable}={free_port(0)}")


def _start(
    name: str, command: Sequence[str], settings: Settings, environment: Mapping[str, str], log: bool = True
) -> subprocess.Popen[bytes]:
    """With `log`, what it prints goes to `home/logs`, away from the caller's terminal."""
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    together = {**os.environ, **environment}
    if not log:
        return subprocess.Popen(command, env=together)
    with _log_file(settings, name).open("ab") as file:
        return subprocess.Popen(
            command, env=together, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )


def _log_file(settings: Settings, name: str) -> Path:
    return settings.logs_dir / f"{name}.log"
