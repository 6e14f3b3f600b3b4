"""Micro-dollars, the whole numbers that a board counts money in, and US dollars."""

from __future__ import annotations

from blackboard.errors import UsageError

_PER_USD = 1_000_000
MAX_COST_USD = 1e6
"""The cost of a model call in US dollars must be below this."""


def to_usd(micro_dollars: float) -> float:
    """Return an amount of money in US dollars."""
    return micro_dollars / _PER_USD


def from_usd(usd: float) -> int:
    """Return an amount of money in micro-dollars, rounded."""
    return round(usd * _PER_USD)


def check_cost(usd: float) -> None:
    """Check the cost of a model call in US dollars.

    Raises:
        UsageError: The cost is out of range.
    """
    if not 0 <= usd < MAX_COST_USD:
        raise UsageError(f"the cost of a call must be at least 0 and below 1e6 US dollars, not {usd}")


def limit_from_usd(usd: float) -> int:
    """Return a limit in micro-dollars, rounded down: a limit is never raised."""
    return int(usd * _PER_USD + 1e-6)
