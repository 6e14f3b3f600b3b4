"""A transaction notifies workers exactly if it may change their work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blackboard import strength
from blackboard.board import operator_actions
from blackboard.board.activations.agent_claims import claims
from blackboard.board.activations.agent_claims.claims import ClaimRequest
from blackboard.board.activations.run_ends import activation_recovery, activation_results
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.board_clock import clock_confirmation
from blackboard.board.mark_changes import deposits, mark_removals
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.decay import Exponential
from blackboard.durations import HOUR
from blackboard.store.statements import ACTIVATIONS
from blackboard.store.transaction import WorkEffects
from tests.support.board_steps import in_transaction
from tests.support.world import LEASE, World, kind, prepared, spec

KINDS = {"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")}
WATCHMAN = spec("watchman", strength("smoke") >= 0.5)
COOLER = spec("cooler", strength("smoke") < 0.2)


def notifies(world: World, work: Callable[[BoardTransaction], Any]) -> bool:
    """Run a unit of work and return whether it notifies."""

    def run(txn: BoardTransaction) -> WorkEffects:
        work(txn)
        return txn.sql.effects

    return world.board.session.write(run).notifies


def depositing(world: World, intensity: float) -> Callable[[BoardTransaction], Any]:
    return lambda txn: deposits.deposit(
        txn, prepared(txn, world.board, "smoke", "s", {}, intensity, "person:ada", None)
    )


def finishing(world: World, *, claim_next: bool) -> Callable[[BoardTransaction], Any]:
    claim = world.claimed("watchman")

    def work(txn: BoardTransaction) -> None:
        activation_results.finish(txn, claim.row, claim.agent_spec, [], MarkClasses())
        if claim_next:
            assert claims.claim(txn, txn.deployment.agent("watchman"), ClaimRequest("worker", LEASE)) is not None

    return work


def recovery(txn: BoardTransaction) -> None:
    txn.sql.run(ACTIVATIONS.extend_leases, worker="worker", until=txn.now + LEASE)
    txn.sql.run(ACTIVATIONS.see_worker, id="worker", seen_at=txn.now, model=None)
    activation_recovery.recover(txn, [], expired=True)


def test_a_deposit_notifies_only_if_it_crosses(world: World) -> None:
    world.deploy(KINDS, WATCHMAN)
    assert not notifies(world, depositing(world, 0.4))
    assert notifies(world, depositing(world, 0.6))


def test_a_deposit_that_predicts_a_crossing_notifies(world: World) -> None:
    world.deploy(KINDS, COOLER)
    assert notifies(world, depositing(world, 1.0))


def test_a_deposit_that_releases_a_held_crossing_notifies(world: World) -> None:
    guarded = spec("guarded", strength("smoke") >= 0.5, only_if=strength("key") >= 0.5)
    world.deploy({**KINDS, "key": kind("key", Exponential("1h"))}, guarded)
    world.put("smoke")
    assert world.claim("guarded") is None

    def put_key(txn: BoardTransaction) -> None:
        deposits.deposit(txn, prepared(txn, world.board, "key", "s", {}, 1.0, "person:ada", None))

    assert notifies(world, put_key)
    assert not notifies(world, put_key)


def test_a_claim_does_not_notify(world: World) -> None:
    world.deploy(KINDS, WATCHMAN)
    world.put("smoke")
    assert not notifies(
        world, lambda txn: claims.claim(txn, txn.deployment.agent("watchman"), ClaimRequest("worker", LEASE))
    )


def test_a_claim_that_only_holds_crossings_notifies_because_more_may_wait(world: World) -> None:
    guarded = spec("guarded", strength("smoke") >= 0.5, only_if=strength("key") >= 0.5)
    world.deploy({**KINDS, "key": kind("key", Exponential("1h"))}, guarded)
    world.put("smoke")

    def claim(txn: BoardTransaction) -> None:
        claims.claim(txn, txn.deployment.agent("guarded"), ClaimRequest("worker", LEASE))

    assert notifies(world, claim)
    assert not notifies(world, claim)


def test_a_finished_activation_notifies_unless_the_transaction_claims_the_next(world: World) -> None:
    world.deploy(KINDS, WATCHMAN)
    for subject in "abc":
        world.put("smoke", subject)
    one_by_one = spec("watchman", strength("smoke") >= 0.5, batch=1)
    world.deploy(KINDS, one_by_one)
    assert not notifies(world, finishing(world, claim_next=True))
    in_transaction(world.board, activation_recovery.recover, ["worker"], expired=False)
    assert notifies(world, finishing(world, claim_next=False))


def test_a_failure_notifies_at_its_commit(world: World) -> None:
    world.deploy(KINDS, WATCHMAN)
    world.put("smoke")
    claim = world.claimed("watchman")
    assert notifies(
        world,
        lambda txn: activation_results.fail(txn, claim.row, claim.agent_spec, Failure("it broke"), world.rng),
    )


def test_a_recovery_that_finds_nothing_does_not_notify(world: World) -> None:
    world.deploy(KINDS, WATCHMAN)
    world.put("smoke")
    world.claim("watchman")
    assert not notifies(world, recovery)
    world.advance(2 * LEASE)
    assert notifies(world, lambda txn: activation_recovery.recover(txn, [], expired=True))


def test_an_evaporation_and_a_withdrawal_do_not_notify(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.5, on_repeat="separate")}, WATCHMAN)
    mark = world.put("smoke").mark_id
    assert not notifies(world, lambda txn: mark_removals.withdraw(txn, mark, "person:ada"))
    world.put("smoke")
    world.advance(2 * HOUR)
    assert not notifies(world, lambda txn: mark_removals.evaporate_due(txn, 10))


def test_a_resumption_and_a_new_worker_notify(world: World) -> None:
    worker = {"id": "worker", "pid": 1, "host": "here", "started_at": 0, "seen_at": 0}
    worker |= {"version": "1", "agents": "{}", "schema": "0007", "model": None, "lock_key": None}
    assert notifies(world, lambda txn: operator_actions.resume(txn, None, "person:test"))
    assert notifies(world, lambda txn: txn.sql.run(ACTIVATIONS.insert_worker, **worker))


def test_a_person_who_confirms_the_clock_notifies(world: World) -> None:
    world.deploy(KINDS, WATCHMAN)
    world.put("smoke")
    world.advance(400 * 24 * HOUR)
    assert notifies(world, clock_confirmation.accept_clock)
