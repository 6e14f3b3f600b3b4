"""Micro-dollars, the whole numbers in which a board counts money, and US dollars."""

from __future__ import annotations

_PER_USD = 1_000_000


def to_usd(micro_dollars: int) -> float:
    """Return an amount of money in US dollars."""
    return micro_dollars / _PER_USD


def from_usd(usd: float) -> int:
    """Return an amount of money in micro-dollars, rounded."""
    return round(usd * _PER_USD)


def limit_from_usd(usd: float) -> int:
    """Return a limit in micro-dollars, rounded down: a limit is never raised."""
    return int(usd * _PER_USD + 1e-6)
