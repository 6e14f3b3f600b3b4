"""Threads that commit together get the same sums, crossings and deployments as if each committed alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from blackboard import count, total
from blackboard.board.watches.measurements import watch_totals
from blackboard.core.marks.decay import Exponential
from blackboard.core.specs.deployment import Deployment
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all
from tests.support.world import World, kind, spec

KINDS = {
    "smoke": kind("smoke", Exponential("1h"), on_repeat="separate"),
    "spark": kind("spark", Exponential("1h"), floor=0.5, on_repeat="separate"),
}
FAR = total("smoke", "spark", over="board") >= 100
MANY = count("smoke", "spark", over="board") >= 3


def together(world: World, *works: Callable[[], Any]) -> int:
    """Let threads wait for a commit in this order, then let them commit; return the number of commits."""
    group_commit, commits, threads = world.board.database.group_commit, 0, []
    waits = threading.Semaphore(0)

    def count_commit() -> None:
        nonlocal commits
        commits += 1

    group_commit.on_wait = waits.release
    with group_commit.exclusive():
        for work in works:
            threads.append(threading.Thread(target=work))
            threads[-1].start()
            assert waits.acquire(timeout=BOUND_SECONDS)
        unsubscribe = world.board.database.on_commit.subscribe(count_commit)
    join_all(*threads)
    unsubscribe()
    return commits


def check_sums(world: World) -> None:
    """Check that every stored sum equals a new count."""

    def read_sums(txn: Any) -> list[tuple[tuple[float, int], tuple[float, int]]]:
        watches = [watch for watch in txn.active.watches.values() if watch.keeps_sums]
        return [
            (watch_totals.update_and_measure(txn, watch), watch_totals.measure_marks(txn, watch)) for watch in watches
        ]

    found = world.board.session.read(read_sums)
    assert found
    for (value, marks), (counted, present) in found:
        assert abs(value - counted) < 1e-9
        assert marks == present


def test_deposits_in_one_commit_are_each_counted_once(world: World) -> None:
    world.deploy(KINDS, spec("far", FAR), spec("many", MANY))
    receipts: list[Any] = []
    works = [lambda number=number: receipts.append(world.put("smoke", f"s{number}", 0.3)) for number in range(6)]
    assert together(world, *works) == 1
    assert [receipt.crossed for receipt in receipts].count(("many",)) == 1
    assert len({receipt.event_id for receipt in receipts}) == 6
    check_sums(world)


@pytest.mark.postgresql
def test_a_mark_that_evaporates_at_its_deposit_counts_for_no_watch(world: World) -> None:
    world.deploy(KINDS, spec("far", FAR))
    world.put("spark")
    world.clock.advance(timedelta(seconds=1))
    works = [lambda at=at: world.put("spark", "s", at) for at in (0.4, 0.9, 0.1)]
    assert together(world, *works) == 1
    check_sums(world)
    assert len(world.board.marks("spark")) == 2


@pytest.mark.postgresql
def test_a_change_of_the_deployment_is_active_for_the_deposits_after_it(world: World) -> None:
    world.deploy(KINDS)
    changed = Deployment(kinds=world.deployment.kinds, agents={"many": spec("many", MANY)})
    receipts: list[Any] = []
    works = [lambda number=number: receipts.append(world.put("smoke", f"s{number}")) for number in range(4)]
    together(world, *works[:2], lambda: world.board.deploy(changed), *works[2:])
    assert world.board.deployment.agents.keys() == {"many"}
    check_sums(world)
    assert sorted(world.woken("many") or ()) == sorted(receipt.mark_id for receipt in receipts)
