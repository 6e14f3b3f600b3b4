"""Budgets: whether a call may be sent, by what its activation, its agent and the board have spent and reserved.

A window is the hour or the day of the calendar in UTC, so a day's limit is the limit of a line of the view `costs`.
What was spent follows from the journal alone, so neither a restart nor a second process can forget any of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blackboard.board.board_transaction import BoardTransaction
from blackboard.clock import Instant, iso
from blackboard.deployment import Budget
from blackboard.durations import parse_duration
from blackboard.store.rows import ActivationRow, CallRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS

__all__ = ["DAY", "BudgetExceeded", "verdict"]

HOUR, DAY = parse_duration("1h"), parse_duration("1d")


@dataclass(frozen=True)
class BudgetExceeded:
    """A limit that a call would go over."""

    reason: str
    until: Instant | None
    """When its window turns; None where no turn of a window will make room."""
    holds: bool
    """Whether the call has to wait; a budget that only watches says what it would have done."""


@dataclass(frozen=True)
class _Limit:
    """One limit, and what already counts towards it. Money in micro-dollars."""

    name: str
    limit: int
    taken: int
    asked: int
    until: Instant | None
    money: bool

    @property
    def reason(self) -> str:
        limit, taken, asked = (f"{n / 1e6:.6g}" if self.money else str(n) for n in (self.limit, self.taken, self.asked))
        if self.asked > self.limit:
            return f"{self.name} = {limit} has no room for this call, which may cost {asked}: raise it"
        turns = f" until {iso(self.until)}" if self.until else ": raise it"
        return f"{self.name} = {limit}: {taken} taken, {asked} asked{turns}"


def verdict(txn: BoardTransaction, row: CallRow, reserve: int) -> BudgetExceeded | None:
    """The limit that a call of that highest cost (micro-dollars) would go over; None if every budget has room for it.

    Of several, one that holds comes before one that watches, and of those the one that is open the latest.
    """
    spec = txn.deployment.agents.get(row.agent)
    scopes = [("budget", txn.deployment.budget, "")]
    if spec is not None:
        scopes.append((f"agents.{row.agent}.budget", spec.settings.budget, row.agent))
    result = [
        BudgetExceeded(limit.reason, limit.until if limit.asked <= limit.limit else None, budget.mode == "hold")
        for name, budget, agent in scopes
        for limit in _limits(txn, name, budget, agent, row, reserve)
        if limit.taken + limit.asked > limit.limit
    ]
    return max(result, key=lambda over: (over.holds, over.until is None, over.until or 0), default=None)


def _limits(
    txn: BoardTransaction, name: str, budget: Budget, agent: str, row: CallRow, reserve: int
) -> Iterator[_Limit]:
    hour, day = txn.now - txn.now % HOUR, txn.now - txn.now % DAY
    windows = (
        ("activation", None, budget.usd_per_activation, budget.calls_per_activation),
        ("hour", hour + HOUR, budget.usd_per_hour, budget.calls_per_hour),
        ("day", day + DAY, budget.usd_per_day, budget.calls_per_day),
    )
    if all(usd is None and calls is None for _, _, usd, calls in windows):
        return
    spent = {"activation": _spent_for(txn, row)}
    statement, of_agent = (MODEL_CALLS.spent.using("agent"), {"agent": agent}) if agent else (MODEL_CALLS.spent, {})
    of_day = txn.tx.one(statement, day=day, hour=hour, **of_agent)
    spent["day"], spent["hour"] = of_day[:2], of_day[2:]
    for window, until, usd, calls in windows:
        money, count = map(int, spent[window])
        if usd is not None:
            # Down to the micro-dollar below: a limit is never rounded up.
            yield _Limit(f"{name}.usd_per_{window}", int(usd * 1_000_000 + 1e-6), money, reserve, until, money=True)
        if calls is not None:
            yield _Limit(f"{name}.calls_per_{window}", calls, count, 1, until, money=False)


def _spent_for(txn: BoardTransaction, row: CallRow) -> tuple[int, int]:
    """Money and calls of a call's activation, with what was asked about its marks before they were split off another.

    So a batch that is split, and split again, does not begin anew each time: the limit holds for every mark's own way.
    """
    money = calls = 0
    activation: int | None = row.activation_id
    up_to: int | None = row.id
    while activation is not None:
        spent = txn.tx.one(MODEL_CALLS.spent_by_activation, activation_id=activation, up_to=up_to)
        money, calls = money + int(spent[0]), calls + int(spent[1])
        if (values := txn.tx.one(ACTIVATIONS.get_activation, id=activation)) is None:
            break
        part = ActivationRow(*values)
        activation, up_to = part.split_from, part.split_after_call
    return money, calls
