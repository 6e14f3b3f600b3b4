"""Agents that withdraw, reinforce, decide, and compare and set: each is applied once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from blackboard import Blackboard, Decision, Mark, Need, Reinforce, Withdraw, agent, strength, strongest_of
from blackboard.board.result_types.mark_results import Receipt
from blackboard.core.agents.agent_definition import Agent
from blackboard.errors import NotFound
from tests.crash.invariants import Broken, check_decisions, check_search, rows
from tests.crash.worlds.crash_world import Deposit
from tests.crash.worlds.pure_world import Pure


class Coin(Mark, kind="coin", on_repeat="separate", search=["says"]):
    """A mark that is withdrawn once it is counted. It is searched until then."""

    n: int
    says: str = "a coin"


class Purse(Mark, kind="purse", on_repeat="replace", search=["says"]):
    """A value that is compared and set, and that is searched by what it says."""

    coins: int
    says: str = "an empty purse"


class Secret(Mark, kind="secret", on_repeat="separate", search=["says"]):
    """A mark that is forgotten."""

    says: str


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
    full = Purse(
        subject="all", coins=purse.coins + len(coins), says=f"a purse of {purse.coins + len(coins)}"
    ).with_options(if_event=purse.event_id)
    return [*map(Withdraw, coins), Reinforce(shine, by=len(coins)), full]


class Verdict(Mark, kind="verdict", on_repeat="separate"):
    """What a judge says in addition to its decision about a need."""

    of: int


@agent(watches=strength(Need) >= 0.5, writes=[Decision, Verdict], batch=3, concurrency=2)
def judge(needs: Sequence[Need], context: Any) -> Iterator[Mark]:
    """Answer each need."""
    for need in needs:
        yield Verdict(subject=need.subject, of=need.id)
        yield Decision(subject=need.subject, need=need.id, answer="yes")


class Actions(Pure):
    """Agents that change one purse at the same time, and withdraw what they have counted.

    Depositors also ask. They answer some of their needs themselves, while the judge answers them too.
    """

    name = "actions"
    fails = False
    per_depositor = 150
    between_needs = 5
    agents: tuple[Agent, ...] = (teller, judge)

    def plan(self) -> list[list[Deposit]]:
        return [
            [one for n in range(self.per_depositor) for one in self._deposits(who, n)] for who in range(self.depositors)
        ]

    def _deposits(self, who: int, n: int) -> Iterator[Deposit]:
        yield Deposit("coin", f"c/{who}/{n}", {"n": n})
        if n % self.between_needs == 0:
            question = self.rng.choice(("mine", "yours"))
            asked = {"question": question, "options": ["yes", "no"], "answerable_by": ["judge"]}
            yield Deposit("need", f"n/{who}/{n}", asked)

    def act_after_deposit(self, board: Blackboard, deposit: Deposit, receipt: Receipt) -> None:
        """Answer a need, unless the judge was faster, and forget a secret."""
        if deposit.subject.endswith("/75"):
            board.deposit(Secret(subject=f"secret/{deposit.subject}", says="quetzalcoatl"))
            with suppress(NotFound):
                board.forget(f"secret/{deposit.subject}")
        if deposit.payload.get("question") == "mine":
            with suppress(NotFound):
                board.answer(receipt.mark_id, "no")

    def create(self) -> None:
        super().create()
        with self.open("founder") as board:
            board.deploy(kinds=[Secret])
            board.deposit(Purse(subject="all", coins=0), key="purse")
            board.deposit(Shine(subject="all"), key="shine")

    def check_end(self) -> None:
        coins = self.depositors * self.per_depositor
        check_decisions(self.path, sum(map(len, self.plans)) - coins)
        check_search(self.path, {f"a purse of {coins}"})
        with rows(self.path) as query:
            [(counted,)] = query("SELECT json_extract(payload, '$.coins') FROM mark WHERE kind = 'purse'")
            [(shine,)] = query("SELECT intensity FROM mark WHERE kind = 'shine'")
            [(live,)] = query("SELECT count(*) FROM mark WHERE kind = 'coin'")
            acts = query("SELECT event FROM event WHERE kind = 'coin' AND event <> 'deposited'")
        if (counted, shine, live) != (coins, 1 + coins, 0) or acts != [("withdrawn",)] * coins:
            raise Broken(f"of {coins} coins, {counted} are in the purse, {shine - 1} shine, {len(acts)} are withdrawn")
