"""What a run may spend on a remote model: tokens and money, asked for before a call and settled after it.

    Budget(tokens=100_000, cost=0.50, price_in=0.15, price_out=0.60)  # prices a million tokens

A call reserves the most it can use, so that calls side by side cannot pass the limit together.
"""

import threading
from dataclasses import dataclass

from learnloop.errors import ChecksFailed

MILLION = 1_000_000


class BudgetSpent(ChecksFailed):
    """The next call would pass a limit. What was made before it stands."""


@dataclass(frozen=True)
class Spent:
    """Of all calls so far, in tokens and in the currency of the prices."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


class Budget:
    """`tokens` and `cost`: the most a run may use, 0: no limit. Safe to use from several threads."""

    def __init__(
        self, tokens: int = 0, cost: float = 0.0, price_in: float = 0.0, price_out: float = 0.0
    ) -> None:
        self.tokens = tokens
        self.cost = cost
        self._prices = (price_in, price_out)
        self._lock = threading.Lock()
        self._spent = Spent()
        self._reserved = Spent()

    @property
    def spent(self) -> Spent:
        return self._spent

    def reserve(self, tokens_in: int, tokens_out: int) -> None:
        """Sets aside the most a call can use. Raises BudgetSpent where that would pass a limit."""
        with self._lock:
            wanted = self._plus(self._reserved, 1, tokens_in, tokens_out)
            tokens = self._spent.tokens + wanted.tokens
            cost = self._spent.cost + wanted.cost
            if self.tokens and tokens > self.tokens:
                raise BudgetSpent(
                    f"the language model's token budget would be passed: {self._spent.tokens:,} of "
                    f"{self.tokens:,} used, the next call may take {tokens_in + tokens_out:,}",
                    f"export LEARNLOOP_LLM_TOKEN_BUDGET={max(2 * self.tokens, tokens)}",
                )
            if self.cost and cost > self.cost:
                raise BudgetSpent(
                    f"the language model's cost budget would be passed: {self._spent.cost:.4f} of "
                    f"{self.cost:g} spent, the next call may cost "
                    f"{self._price(tokens_in, tokens_out):.4f}",
                    f"export LEARNLOOP_LLM_COST_BUDGET={max(2 * self.cost, cost):.4g}",
                )
            self._reserved = wanted

    def settle(self, reserved: tuple[int, int], used: tuple[int, int]) -> None:
        """After the call, also a failed one: what was (tokens in, out) reserved, and what was used."""
        with self._lock:
            self._reserved = self._plus(self._reserved, -1, -reserved[0], -reserved[1])
            self._spent = self._plus(self._spent, 1, *used)

    def _price(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self._prices[0] + tokens_out * self._prices[1]) / MILLION

    def _plus(self, sum_: Spent, calls: int, tokens_in: int, tokens_out: int) -> Spent:
        tokens = (sum_.tokens_in + tokens_in, sum_.tokens_out + tokens_out)
        return Spent(sum_.calls + calls, *tokens, self._price(*tokens))
