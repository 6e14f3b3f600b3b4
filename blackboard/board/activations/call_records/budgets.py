"""Budgets: money and calls that an activation, an agent and the board have used, and whether a call fits.

A window is an hour or a day of the calendar in UTC. So the limit of a day applies to a row of the view `costs`. The
amounts spent follow from the records of calls alone. They survive restarts and count all processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import get_activation, make_ready
from blackboard.clock import Instant, iso
from blackboard.core.failure_texts import budget_text
from blackboard.core.micro_dollars import limit_from_usd, to_usd
from blackboard.core.specs.agent_spec import CALENDAR, AgentSpec, Budget, BudgetWindow
from blackboard.durations import DAY, HOUR
from blackboard.store.row_types.model_call_row_types import CallRow
from blackboard.store.statements import ACTIVATIONS, MODEL_CALLS


@dataclass(frozen=True)
class BudgetExceeded:
    """A limit that a call would exceed."""

    reason: str
    until: Instant | None
    """The instant when the window of the budget ends; None if no new window makes room."""
    defers: bool
    """Whether the call has to wait. A budget in mode `warn` only reports."""


@dataclass(frozen=True)
class _BudgetLimit:
    """One limit, and the amount that already counts towards it. Money is in micro-dollars."""

    name: str
    limit: int
    used: int
    needed: int
    until: Instant | None
    is_money: bool

    @property
    def fits(self) -> bool:
        """Whether the call fits into an empty window."""
        return self.needed <= self.limit

    @property
    def reason(self) -> str:
        limit, used, needed = (
            f"{to_usd(amount):.12g}" if self.is_money else str(amount)
            for amount in (self.limit, self.used, self.needed)
        )
        if not self.fits:
            return f"{self.name} = {limit} has no room for this call, which may cost {needed}; raise the limit"
        return budget_text(self.name, limit, used, needed, iso(self.until))


class _NamedBudget(NamedTuple):
    """The budget of the board or of an agent."""

    name: str
    """The name of its section in the deployment file."""
    budget: Budget
    agent: str
    """The agent; "" for the board."""


class _SpentAmount(NamedTuple):
    """The amounts that calls have used."""

    money: int
    """Micro-dollars."""
    calls: int


def _board_budget(txn: BoardTransaction) -> _NamedBudget:
    return _NamedBudget("budget", txn.deployment.budget, "")


def _agent_budget(agent_spec: AgentSpec) -> _NamedBudget:
    return _NamedBudget(f"agents.{agent_spec.name}.budget", agent_spec.settings.budget, agent_spec.name)


def find_exceeded(txn: BoardTransaction, row: CallRow, reserve: int) -> BudgetExceeded | None:
    """Return the limit that a call would exceed with a reserve in micro-dollars; None if every budget has room for it.

    A limit in mode `hold` precedes a limit in mode `warn`. Among equals, the limit with the longest wait is returned.
    """
    spec = txn.deployment.agents.get(row.agent)
    budgets = [_board_budget(txn)] if spec is None else [_board_budget(txn), _agent_budget(spec)]
    exceeded = [
        BudgetExceeded(limit.reason, limit.until if limit.fits else None, named.budget.mode == "hold")
        for named in budgets
        for limit in _limits(txn, named, row, reserve)
        if limit.used + limit.needed > limit.limit
    ]
    return max(exceeded, key=lambda item: (item.defers, item.until is None, item.until or 0), default=None)


def find_exhausted(txn: BoardTransaction, agent_spec: AgentSpec) -> BudgetExceeded | None:
    """Return the limit that leaves no room for a further call of an agent; None if there is room.

    This function is for remote agents, which report their calls at the end of a run. The board's limits apply only to
    an agent that has made a call today.
    """
    budgets = [_agent_budget(agent_spec)]
    if txn.deployment.budget != Budget() and _has_called_today(txn, agent_spec.name):
        budgets.append(_board_budget(txn))
    exceeded = [
        BudgetExceeded(limit.reason, limit.until, defers=True)
        for named in budgets
        if named.budget.mode == "hold"
        for limit in _limits(txn, named, row=None, reserve=1)
        if limit.used >= limit.limit
    ]
    return max(exceeded, key=lambda item: item.until or 0, default=None)


def _has_called_today(txn: BoardTransaction, agent: str) -> bool:
    return _spent_by_window(txn, agent)["day"].calls > 0


def exhausted_by_activation(txn: BoardTransaction, agent_spec: AgentSpec, activation_id: int) -> str | None:
    """Return the limit of an activation that its calls have reached; None if they have reached none."""
    for name, budget, _ in (_board_budget(txn), _agent_budget(agent_spec)):
        limits = budget.limits_of("activation")
        if budget.mode != "hold" or not limits:
            continue
        money, calls = _spent_by(txn, activation_id, txn.sql.value(MODEL_CALLS.last_call_id))
        if limits.usd is not None and money >= limit_from_usd(limits.usd):
            return budget_text(f"{name}.usd_per_activation", f"{limits.usd:.12g}", f"{to_usd(money):.12g}")
        if limits.calls is not None and calls >= limits.calls:
            return budget_text(f"{name}.calls_per_activation", str(limits.calls), str(calls))
    return None


def _limits(txn: BoardTransaction, named: _NamedBudget, row: CallRow | None, reserve: int) -> Iterator[_BudgetLimit]:
    """Yield the limits of a budget for a call with a reserve; without a call, only limits of hour and day."""
    windows: tuple[BudgetWindow, ...] = (*CALENDAR,) if row is None else ("activation", *CALENDAR)
    limits = {window: named.budget.limits_of(window) for window in windows}
    if not any(limits.values()):
        return
    used = _spent_by_window(txn, named.agent)
    if row is not None:
        used["activation"] = spent_for(txn, row)
    for window, (usd, calls) in limits.items():
        length = CALENDAR.get(window)
        until = None if length is None else txn.now - txn.now % length + length
        if usd is not None:
            name, limit = f"{named.name}.usd_per_{window}", limit_from_usd(usd)
            yield _BudgetLimit(name, limit, used[window].money, reserve, until, is_money=True)
        if calls is not None:
            name = f"{named.name}.calls_per_{window}"
            yield _BudgetLimit(name, calls, used[window].calls, 1, until, is_money=False)


def _spent_by_window(txn: BoardTransaction, agent: str) -> dict[BudgetWindow, _SpentAmount]:
    """Return the money and calls of this hour and day: of an agent, or of the board if the name is empty."""
    statement, values = (MODEL_CALLS.spent.using("agent"), {"agent": agent}) if agent else (MODEL_CALLS.spent, {})
    spent = txn.sql.existing(statement, day=txn.now - txn.now % DAY, hour=txn.now - txn.now % HOUR, **values)
    return {
        "hour": _SpentAmount(int(spent.hour_money), int(spent.hour_calls)),
        "day": _SpentAmount(int(spent.day_money), int(spent.day_calls)),
    }


class RemainingMoney(NamedTuple):
    """The rest of a budget of money."""

    agent: str
    """The agent; "" for the board."""
    window: BudgetWindow
    money: int
    """Micro-dollars."""


def remaining_money(txn: BoardTransaction) -> Iterator[RemainingMoney]:
    """Yield the rest of each budget of money."""
    for _, budget, agent in (_board_budget(txn), *map(_agent_budget, txn.deployment.agents.values())):
        limits = {window: usd for window in CALENDAR if (usd := budget.limits_of(window).usd) is not None}
        if limits:
            spent = _spent_by_window(txn, agent)
            for window, usd in limits.items():
                yield RemainingMoney(agent, window, limit_from_usd(usd) - spent[window].money)


def release_held(txn: BoardTransaction) -> None:
    """Release all activations that a budget holds, because part of the budget is free again."""
    make_ready(txn, txn.sql.all(ACTIVATIONS.held_by_budget, api="messages"))
    if txn.sql.run_and_count(ACTIVATIONS.submit_again, api="batch"):
        txn.sql.run(MODEL_CALLS.clear_all_errors)


def spent_for(txn: BoardTransaction, row: CallRow) -> _SpentAmount:
    """Return the money and calls spent on a call's activation, and on the activations that its marks were split from.

    So the parts of a split batch do not start again from zero.
    """
    return _spent_by(txn, row.activation_id, row.id)


def _spent_by(txn: BoardTransaction, activation_id: int | None, up_to: int | None) -> _SpentAmount:
    money = calls = 0
    while activation_id is not None:
        spent = txn.sql.existing(MODEL_CALLS.spent_by_activation, activation_id=activation_id, up_to=up_to)
        money, calls = money + int(spent.money), calls + int(spent.calls)
        if (activation := get_activation(txn, activation_id)) is None:
            break
        activation_id, up_to = activation.split_from, activation.split_after_call
    return _SpentAmount(money, calls)
