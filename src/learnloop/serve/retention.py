"""What is too old to be kept, deleted by the API itself: once a day, little by little, beside requests."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

log = logging.getLogger("learnloop.serve")

FIRST_SECONDS = 60.0  # after the start: others want the database then
DAY_SECONDS = 86_400.0
PAUSE_SECONDS = 0.2  # between batches
AT_ONCE = 1000  # rows of some 5 kB: a few hundredths of a second


async def watch(
    prune: Callable[[datetime, int], int],
    days: int,
    *,
    first_seconds: float = FIRST_SECONDS,
    every_seconds: float = DAY_SECONDS,
    at_once: int = AT_ONCE,
) -> None:
    """For ever: deletes what is older than `days`; at once returns where days is 0, and all is kept.

    prune(before, most): deletes at most so many, the oldest first, and returns how many. One thread and one
    connection at a time, and never in a request's. What fails is tried again with the next day.
    """
    if not days:
        return
    await asyncio.sleep(first_seconds)
    while True:
        deleted, before = 0, datetime.now(UTC) - timedelta(days=days)
        try:
            while found := await asyncio.to_thread(prune, before, at_once):
                deleted += found
                await asyncio.sleep(PAUSE_SECONDS)
        except Exception as error:  # of the database, mostly: the day after must find this running
            log.warning("old decisions stay for another day (%s)", type(error).__name__)
        if deleted:
            log.info("%d decisions of more than %d days ago are deleted", deleted, days)
        await asyncio.sleep(every_seconds)
