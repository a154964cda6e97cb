"""Where partitions are worked on: a Dask cluster that runs already, or one of this machine's own.

    LEARNLOOP_DASK_SCHEDULER=tcp://10.0.0.5:8786    machines that share a file system
    LEARNLOOP_DASK_MEMORY=3GB                        what the workers of a local cluster may use in all

Dask's processes send each other pickled functions, so whoever reaches a scheduler's port can run code on
its workers. The local cluster listens on loopback alone; run one of your own inside a trusted network, or
with TLS (`tls://…` and Dask's own settings DASK_DISTRIBUTED__COMM__TLS__…). Its workers need less memory
where they were started with DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False (see UNWATCHED).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from learnloop.errors import BadSettings
from learnloop.settings import Settings

LEAST_PER_WORKER = 1_000_000_000  # bytes; below, reading a part would make Dask restart the worker
PATIENCE_S = 10.0  # with a scheduler that does not answer
# A worker notes a hundred times a second where its task is, for a dashboard that is off, and keeps an hour of
# it: some 0.25 MB more a second.
UNWATCHED = {"distributed.worker.profile.enabled": False}
T = TypeVar("T")


class Run(Protocol):
    """Calls `function` on each of `arguments`, `done` after each; the results in the arguments' order."""

    def __call__(
        self, function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], done: Callable[[], None]
    ) -> list[T]: ...


def here(
    function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], done: Callable[[], None]
) -> list[T]:
    """Runs one after another in this process: the plain reference, and what small inputs need."""
    results = []
    for given in arguments:
        results.append(function(*given))
        done()
    return results


@contextmanager
def client(settings: Settings) -> Iterator[Any]:
    """A `distributed.Client`. A cluster started here ends with the context; one that ran before goes on.

    Raises BadSettings where LEARNLOOP_DASK_SCHEDULER does not answer or has no workers.
    """
    from distributed import Client

    if settings.dask_scheduler:
        with _reach(settings.dask_scheduler) as reached:
            yield reached
    else:
        with local_cluster(settings) as cluster, Client(cluster) as own:
            yield own


@contextmanager
def workers(settings: Settings) -> Iterator[Run]:
    """A `Run` over the partitions' cluster."""
    with client(settings) as connected:
        yield lambda function, arguments, done: _over(connected, function, arguments, done)


def _over(
    client: Any, function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], done: Callable[[], None]
) -> list[T]:
    from distributed import as_completed

    # pure=False: a task writes files, so a former result of the same call says nothing about today
    futures = [client.submit(function, *given, pure=False) for given in arguments]
    try:
        for future in as_completed(futures, loop=client.loop):
            future.result()  # the first error ends it all
            done()
        return [future.result() for future in futures]
    finally:
        client.cancel(futures)


@contextmanager
def local_cluster(settings: Settings) -> Iterator[Any]:
    """A process for each core, as far as the memory limit goes; on loopback, without a dashboard."""
    import dask
    from distributed import LocalCluster

    count = max(1, min(os.cpu_count() or 1, settings.dask_memory // LEAST_PER_WORKER))
    spill = settings.home / "dask"
    spill.mkdir(parents=True, exist_ok=True)
    with (
        dask.config.set(UNWATCHED),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=settings.dask_memory // count,
            host="127.0.0.1",
            scheduler_kwargs={
                "dashboard": False,
                "dashboard_address": "127.0.0.1:0",
            },  # not 8787, which may be taken
            local_directory=str(spill),
            silence_logs=40,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def _reach(address: str) -> Iterator[Any]:
    from distributed import Client

    advice = "start `dask scheduler` and `dask worker`, or unset LEARNLOOP_DASK_SCHEDULER"
    try:
        reached = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise BadSettings(f"no Dask scheduler answers at {address}", advice) from error
    with reached:
        try:
            reached.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError as error:
            raise BadSettings(f"the Dask scheduler at {address} has no workers", advice) from error
        yield reached
