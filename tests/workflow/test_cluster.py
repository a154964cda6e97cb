"""One frame, a local cluster and a cluster of two machines give the same frames."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from scale_frames import KEY, NOW, Expected, clean, rejected, single_frame

from learnloop import settings
from learnloop.errors import BadInput, BadSettings
from learnloop.workflow import cluster, scale
from learnloop.workflow.context import Loop
from learnloop.workflow.scale import prepare_interactions
from learnloop.workflow.volume import simulate_volume


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs") / "raw"
    simulate_volume(Loop(), interactions=40_000, out=folder, seed=9, part_rows=8_192)
    return folder


@pytest.fixture(scope="module")
def expected(logs: Path) -> Expected:
    return single_frame(logs)


@pytest.fixture(scope="module")
def two_machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    """A scheduler and two workers, each a process of its own in a folder of its own: (address, pids)."""
    port = _free_port()
    address = f"tcp://127.0.0.1:{port}"
    root = tmp_path_factory.mktemp("machines")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEARNLOOP_")}
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    scheduler += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    worker = [
        "dask_worker",
        address,
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-dashboard",
        "--no-nanny",
    ]
    processes = []
    for name, arguments in (
        ("scheduler", scheduler),
        ("east", worker),
        ("west", [*worker, "--name", "west"]),
    ):
        (root / name).mkdir()
        module, *options = arguments
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *options],
                cwd=root / name,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    try:
        _wait_for_workers(address, 2)
        yield address, [process.pid for process in processes[1:]]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def loop_with(home: Path, **values: str) -> Loop:
    environment = {"LEARNLOOP_HOME": str(home), "LEARNLOOP_PSEUDONYM_KEY": KEY}
    return Loop(settings.load(environment | {f"LEARNLOOP_{name}": value for name, value in values.items()}))


def test_two_machines_give_the_frames_of_one_frame(
    logs: Path, expected: Expected, two_machines: tuple[str, list[int]], tmp_path: Path
) -> None:
    address, pids = two_machines
    before = [_cpu_seconds(pid) for pid in pids]
    report = prepare_interactions(
        loop_with(tmp_path, DASK_SCHEDULER=address),
        interactions=logs,
        out=tmp_path / "out",
        source="volume",
        now=NOW,
        bucket_rows=4_000,
    )
    pd.testing.assert_frame_equal(clean(tmp_path / "out"), expected.interactions)
    pd.testing.assert_frame_equal(rejected(tmp_path / "out"), expected.rejected)
    assert report["rows"] == expected.account
    assert all(_cpu_seconds(pid) > was for pid, was in zip(pids, before, strict=True)), "one did nothing"
    with cluster.client(loop_with(tmp_path, DASK_SCHEDULER=address).settings) as client:
        assert len(client.scheduler_info(n_workers=-1)["workers"]) == 2, (
            "a cluster that is not ours was ended"
        )


def test_a_local_cluster_gives_them_too(
    logs: Path, expected: Expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "SMALL", 0)
    loop = loop_with(tmp_path, DASK_MEMORY="2GB")
    before = set(psutil.Process().children(recursive=True))
    prepare_interactions(
        loop, interactions=logs, out=tmp_path / "out", source="volume", now=NOW, bucket_rows=9_000
    )
    pd.testing.assert_frame_equal(clean(tmp_path / "out"), expected.interactions)
    pd.testing.assert_frame_equal(rejected(tmp_path / "out"), expected.rejected)
    left = [child.cmdline() for child in set(psutil.Process().children(recursive=True)) - before]
    assert not [command for command in left if "spawn_main" in " ".join(command)]


def test_a_local_cluster_listens_on_loopback_alone_and_keeps_to_its_memory(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    with cluster.client(loop_with(tmp_path, DASK_MEMORY="2GB").settings) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        assert len(workers) == min(os.cpu_count() or 1, 2)
        assert sum(worker["memory_limit"] for worker in workers) <= 2_000_000_000
        me = psutil.Process()
        listening = {
            connection.laddr.ip
            for process in {me, *me.children(recursive=True)} - before
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert {"127.0.0.1"} <= listening <= {"127.0.0.1", "::1"}


def test_a_local_worker_keeps_no_profile_of_its_tasks(tmp_path: Path) -> None:
    def watched(dask_worker: Any) -> bool:
        return "profile" in dask_worker.periodic_callbacks

    with cluster.client(loop_with(tmp_path, DASK_MEMORY="1GB").settings) as client:
        assert not any(client.run(watched).values())


def test_a_task_that_fails_ends_the_run_with_its_own_error(
    two_machines: tuple[str, list[int]], tmp_path: Path
) -> None:
    loop = loop_with(tmp_path, DASK_SCHEDULER=two_machines[0])
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "0.csv").write_text("nobody,nothing\n1,2\n")
    refusals = []
    for given in (loop, loop_with(tmp_path)):
        with pytest.raises(BadInput) as refusal:
            prepare_interactions(given, interactions=tmp_path / "raw", out=tmp_path / "out")
        refusals.append((str(refusal.value), refusal.value.field))
    assert refusals[0] == refusals[1], "it says something else than here"
    assert "learner_id" in refusals[0][0]
    assert not (tmp_path / "out").exists()


def test_results_come_in_the_order_of_the_arguments(
    two_machines: tuple[str, list[int]], tmp_path: Path
) -> None:
    given = [(n, 3) for n in range(10)]
    done: list[bool] = []
    with cluster.workers(loop_with(tmp_path, DASK_SCHEDULER=two_machines[0]).settings) as run:
        results = run(divmod, given, lambda: done.append(True))
    assert results == [divmod(*pair) for pair in given]
    assert results == cluster.here(divmod, given, lambda: None)
    assert len(done) == 10


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_S", 0.5)
    address = f"tcp://127.0.0.1:{_free_port()}"
    with (
        pytest.raises(BadSettings, match=f"no Dask scheduler answers at {address}"),
        cluster.client(loop_with(tmp_path, DASK_SCHEDULER=address).settings),
    ):
        pass


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    deadline = time.monotonic() + 60
    while True:
        try:
            with Client(address, timeout=2, set_as_default=False) as client:
                client.wait_for_workers(count, timeout=30)
                return
        except (OSError, TimeoutError):
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.2)
