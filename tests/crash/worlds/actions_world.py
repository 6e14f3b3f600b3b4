"""Agents that withdraw, reinforce, and compare and set: each is applied once, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard import (
    Mark,
    Reinforce,
    Withdraw,
    agent,
    strength,
    strongest_of,
)
from blackboard.agent_definition import Agent
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.crash_world import Deposit
from tests.crash.worlds.pure_world import Pure


class Coin(Mark, kind="coin", on_repeat="separate"):
    """A mark that is withdrawn once it is counted."""

    n: int


class Purse(Mark, kind="purse", on_repeat="replace"):
    """A value that is compared and set."""

    coins: int


class Shine(Mark, kind="shine"):
    """A mark that is reinforced for each coin."""


@agent(
    watches=strength(Coin) >= 0.3,
    reads=[strongest_of(Purse, 1), strongest_of(Shine, 1)],
    writes=[Purse],
    withdraws=[Coin],
    batch=3,
    concurrency=2,
    max_attempts=100,
    retry_after="0s",
    cooldown_after_failures=10_000,
)
def teller(coins: Sequence[Coin], context: Any) -> list[Purse | Withdraw | Reinforce]:
    """Count the coins into the purse."""
    [purse], [shine] = context.read(Purse), context.read(Shine)
    full = Purse(subject="all", coins=purse.coins + len(coins)).with_options(if_event=purse.event_id)
    return [*map(Withdraw, coins), Reinforce(shine, by=len(coins)), full]


class Actions(Pure):
    """Agents that change one purse at the same time, and withdraw what they have counted."""

    name = "actions"
    fails = False
    per_depositor = 150
    agents: tuple[Agent, ...] = (teller,)

    def plan(self) -> list[list[Deposit]]:
        return [
            [Deposit("coin", f"c/{who}/{n}", {"n": n}) for n in range(self.per_depositor)]
            for who in range(self.depositors)
        ]

    def create(self) -> None:
        super().create()
        with self.open("founder") as board:
            board.deposit(Purse(subject="all", coins=0), key="purse")
            board.deposit(Shine(subject="all"), key="shine")

    def check_end(self) -> None:
        coins = sum(map(len, self.plans))
        with rows(self.path) as query:
            [(counted,)] = query("SELECT json_extract(payload, '$.coins') FROM mark WHERE kind = 'purse'")
            [(shine,)] = query("SELECT intensity FROM mark WHERE kind = 'shine'")
            [(live,)] = query("SELECT count(*) FROM mark WHERE kind = 'coin'")
            acts = query("SELECT event FROM event WHERE kind = 'coin' AND event <> 'deposited'")
        if (counted, shine, live) != (coins, 1 + coins, 0) or acts != [("withdrawn",)] * coins:
            raise Broken(f"of {coins} coins, {counted} are in the purse, {shine - 1} shine, {len(acts)} are withdrawn")
