"""A result with `if_event` is applied as a whole if the mark is still at that event; else its run is put back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard import (
    Blackboard,
    Daemon,
    Exponential,
    ManualClock,
    Mark,
    Reinforce,
    Withdraw,
    agent,
    count,
    strength,
    strongest_of,
    total,
)
from blackboard.core.agents.agent_definition import Agent
from blackboard.durations import MINUTE
from blackboard.testing import ScriptedModel
from tests.support.sum_checks import check_sums


class Order(Mark, kind="order", decay=Exponential("10d"), on_repeat="add"):
    amount: int = 1


class Turnover(Mark, kind="turnover", on_repeat="replace"):
    n: int


class Page(Mark, kind="page", on_repeat="separate"):
    pass


class Judgement(BaseModel):
    good: bool


@pytest.fixture
def board(board: Blackboard) -> Blackboard:
    board.deploy(kinds=[Order, Turnover, Page])
    return board


def run(board: Blackboard, *agents: Agent, client: Any = None) -> None:
    board.deploy(*agents)
    Daemon(board, agents, rng=random.Random(1), client=client).run(until_quiescent=True)


@pytest.mark.postgresql
def test_a_conflict_applies_nothing_and_the_next_claim_reads_and_asks_anew(board: Blackboard) -> None:
    read: list[int] = []

    @agent(watches=strength(Order) >= 0.5, reads=[strongest_of(Turnover, 1)], writes=[Turnover, Page], batch=10)
    def adder(orders: Sequence[Order], context: Any) -> list[Mark]:
        [turnover] = context.read(Turnover)
        read.append(turnover.n)
        assert context.attempt == 1
        assert context.ask("Judge", [order.subject for order in orders], Judgement).good
        if len(read) <= 2:
            board.deposit(Turnover(subject="day", n=100 * len(read)))
        new = Turnover(subject="day", n=turnover.n + len(orders)).with_options(if_event=turnover.event_id)
        return [Page(subject="day"), new]

    board.deposit(Turnover(subject="day", n=0))
    for number in range(3):
        board.deposit(Order(subject=f"o/{number}"))
    model = ScriptedModel(*[Judgement(good=True)] * 3)
    run(board, adder, client=model)
    assert read == [0, 100, 200]
    assert [mark.n for mark in board.marks(Turnover)] == [203]
    assert len(board.marks(Page)) == 1
    [activation] = board.activations()
    assert (activation.state, activation.attempt, activation.marks_absorbed) == ("done", 1, 3)
    details = board.activation(activation.id)
    assert [call.state for call in details.calls].count("unusable") == 2
    assert sum(row.calls for row in board.costs()) == len(model.requests) == 3


@pytest.mark.postgresql
def test_after_five_conflicts_in_a_row_the_activation_fails(board: Blackboard) -> None:
    runs: list[int] = []

    @agent(watches=strength(Order) >= 0.5, writes=[Turnover, Page], max_attempts=2)
    def adder(orders: Sequence[Order], context: Any) -> list[Mark]:
        runs.append(context.attempt)
        return [Page(subject="day"), Turnover(subject="day", n=1).with_options(if_event=0)]

    kept = board.deposit(Turnover(subject="day", n=0))
    board.deposit(Order(subject="o"))
    run(board, adder)
    assert runs == [1] * 5 + [2] * 5
    [activation] = board.activations()
    assert activation.state == "dead"
    found = f"the request expects no live mark, and there is one at event {kept.event_id}"
    assert f"item 2 of 2: the turnover of 'day' has changed: {found}" in (activation.error or "")
    assert "conflict 5 in a row" in (activation.error or "")
    assert not board.marks(Page)


@pytest.mark.parametrize(
    "condition",
    [
        strength(Order) >= 0.5,
        total(Order) >= 0.5,
        count(Order) >= 1,
        total(Order, over="board") >= 0.5,
        count(Order, over="board") >= 1,
    ],
    ids=str,
)
def test_the_next_claim_is_given_its_marks_as_they_are_and_no_event_twice(board: Blackboard, condition: Any) -> None:
    given: list[tuple[int, int]] = []
    changed: list[bool] = []

    @agent(watches=condition)
    def booster(orders: Sequence[Order], context: Any) -> list[Reinforce]:
        given.extend((order.amount, order.event_id) for order in orders)
        if "a" in context.subjects and not changed:
            changed.append(True)
            board.deposit(Order(subject="a", amount=2))
        return [Reinforce(order, if_event=order.event_id) for order in orders if order.subject == "a"]

    board.deposit(Order(subject="a"))
    board.deposit(Order(subject="b"))
    run(board, booster)
    board.session.write(check_sums)
    assert [amount for amount, _ in given].count(2) == 1
    [order] = board.marks(Order, subject="a")
    assert (order.amount, order.stored.reinforcements) == (2, 2)
    assert {activation.state for activation in board.activations()} == {"done"}
    board.deposit(Order(subject="a", amount=3))
    run(board, booster)
    assert [amount for amount, _ in given].count(3) == 1


@pytest.mark.postgresql
def test_a_mark_that_is_gone_is_a_conflict_if_its_event_is_named(board: Blackboard) -> None:
    strengths: list[float] = []

    @agent(watches=strength(Order) >= 0.5, withdraws=[Order], writes=[Page])
    def closer(orders: Sequence[Order], context: Any) -> list[Any]:
        strengths.append(orders[0].strength)
        if len(strengths) == 1:
            board.withdraw(orders[0].id)
        live = orders[0].strength > 0
        return [Withdraw(orders[0], if_event=orders[0].event_id)] if live else [Page(subject="gone")]

    board.deposit(Order(subject="a"))
    run(board, closer)
    assert strengths == [pytest.approx(1.0), 0.0]
    assert len(board.marks(Page)) == 1


def test_the_context_of_the_next_run_is_that_of_its_claim(board: Blackboard, clock: ManualClock) -> None:
    times: list[Any] = []

    @agent(watches=strength(Order) >= 0.5, writes=[Turnover])
    def adder(orders: Sequence[Order], context: Any) -> Mark:
        times.append(context.now)
        if len(times) == 1:
            clock.set(clock.now() + MINUTE)
            board.deposit(Turnover(subject="day", n=5))
        return Turnover(subject="day", n=1).with_options(
            if_event=0 if len(times) == 1 else board.marks(Turnover)[0].event_id
        )

    board.deposit(Order(subject="o"))
    run(board, adder)
    assert (times[1] - times[0]).total_seconds() == pytest.approx(60)
