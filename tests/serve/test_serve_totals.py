"""Totals: what is quick is counted anew, what is slow is kept for a while and counted once at a time."""

import asyncio

from learnloop.serve.backend import KEPT_SECONDS, SLOW_SECONDS, Totals


class Table:
    """Counting it takes `seconds` of a clock that only it moves."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds, self.counted, self.at_once = 0.0, seconds, 0, 0

    async def count(self) -> int:
        assert not self.at_once
        self.at_once += 1
        await asyncio.sleep(0)
        self.now += self.seconds
        self.counted += 1
        self.at_once -= 1
        return self.counted


def test_quick_counts_are_always_new() -> None:
    async def story() -> None:
        table = Table(SLOW_SECONDS / 2)
        totals = Totals(lambda: table.now)
        assert [await totals.get(("x",), table.count) for _ in range(3)] == [1, 2, 3]

    asyncio.run(story())


def test_slow_counts_are_kept_for_a_while() -> None:
    async def story() -> None:
        table = Table(SLOW_SECONDS * 2)
        totals = Totals(lambda: table.now)
        assert [await totals.get(("x",), table.count) for _ in range(3)] == [1, 1, 1]
        assert await totals.get(("y",), table.count) == 2, "another question got the same answer"
        table.now += KEPT_SECONDS + 1
        assert await totals.get(("x",), table.count) == 3
        assert len(totals._kept) == 1, "what is out of date stays in memory"

    asyncio.run(story())


def test_readers_who_come_together_share_one_count() -> None:
    async def story() -> None:
        table = Table(SLOW_SECONDS * 2)
        totals = Totals(lambda: table.now)
        assert await asyncio.gather(*(totals.get(("x",), table.count) for _ in range(5))) == [1] * 5

    asyncio.run(story())
