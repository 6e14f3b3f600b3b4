"""An activation whose worker dies twice in a row runs alone, and a third death is its failure.

A death counts only if nothing was stored since: no answer of a model and no failure.
"""

from __future__ import annotations

import pytest

from blackboard import strength
from blackboard.board.activations.agent_claims import claims
from blackboard.board.activations.agent_claims.claims import Claim, ClaimRequest
from blackboard.board.activations.agent_claims.searches_in_reads import NeedsSearches
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.model_calls import CallCost
from blackboard.board.activations.run_ends import activation_recovery, activation_results
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.decay import Never
from tests.support.board_steps import in_transaction
from tests.support.world import LEASE, World, inputs, kind, spec

KINDS = {name: kind(name, Never(), on_repeat="separate") for name in ("lead", "reply", "out")}


def alone(world: World, name: str = "sales", worker: str = "gone") -> Claim | None:
    """Claim what the worker must run alone."""
    found = world.board.session.write(
        lambda txn: claims.claim_suspect(txn, txn.deployment.agent(name), ClaimRequest(worker, LEASE))
    )
    assert not isinstance(found, NeedsSearches)
    return found


def die(world: World, worker: str = "gone") -> int:
    return in_transaction(world.board, activation_recovery.recover, [worker], expired=False)


def kill(world: World, name: str = "sales") -> list[int]:
    """Claim something, if need be to run it alone, let the worker die, and return the marks."""
    claim = world.claim(name, "gone") or alone(world, name)
    assert claim is not None
    assert die(world) == 1
    return inputs(claim)


def states(world: World) -> list[str]:
    return [row.state for row in reversed(world.board.activations(limit=100))]


@pytest.mark.postgresql
def test_a_mark_that_kills_is_run_alone_and_then_quarantined(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1))
    lead = world.put("lead", "a").mark_id
    assert [kill(world), kill(world)] == [[lead], [lead]]
    assert world.claim("sales") is None
    assert [row.state for row in world.board.activations()] == ["ready"]
    assert (claim := alone(world)) is not None
    assert inputs(claim) == [lead]
    die(world)
    [row] = world.board.activations()
    assert (row.state, row.attempt, row.interruptions) == ("quarantined", 0, 3)
    assert row.error is not None
    assert row.error.startswith("its worker died 3 times in a row")
    assert world.claim("sales") is None
    assert alone(world) is None
    [need] = world.board.inbox()
    assert f"activation {row.id} of sales" in need.question


def test_a_retry_by_a_person_counts_from_the_start(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1))
    lead = world.put("lead", "a").mark_id
    for _ in range(3):
        kill(world)
    world.board.retry(world.board.activations()[0].id)
    assert kill(world) == [lead]
    assert world.woken("sales") == [lead]


def test_a_batch_is_split_until_the_mark_that_kills_is_alone(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=9, cooldown_after_failures=99))
    leads = {world.put("lead", f"lead/{n}").mark_id: n for n in range(9)}
    poison = next(mark for mark, n in leads.items() if n == 6)
    kill(world)
    kill(world)
    deaths, done = 2, []
    while (claim := alone(world)) is not None:
        assert world.claim("sales") is None
        if poison in inputs(claim):
            die(world)
            deaths += 1
        else:
            assert world.finish(claim) == []
            done += inputs(claim)
    assert sorted([*done, poison]) == sorted(leads)
    [row] = world.board.activations(state="quarantined")
    assert row.marks_absorbed == 1
    assert deaths <= 3 + 4  # 9, 5, 3, 2, 1


def test_marks_that_belong_together_are_quarantined_together(world: World) -> None:
    both = (strength("lead") >= 0.5) & (strength("reply") >= 0.5)
    world.deploy(KINDS, spec("sales", both, batch=8))
    world.put("lead", "a")
    world.put("reply", "a")
    for _ in range(3):
        kill(world)
    assert [(row.state, row.marks_absorbed) for row in world.board.activations()] == [("quarantined", 2)]


def test_what_runs_beside_a_mark_that_kills_is_never_quarantined(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1, concurrency=9))
    leads = [world.put("lead", f"lead/{n}").mark_id for n in range(4)]
    for _ in range(2):
        for _ in leads:
            world.claimed("sales", "gone")
        die(world)
    assert world.claim("sales") is None
    while (claim := alone(world)) is not None:
        if inputs(claim) == [leads[0]]:
            die(world)
        else:
            assert world.finish(claim) == []
    assert sorted(states(world)) == ["done", "done", "done", "quarantined"]


def test_only_deaths_count(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1))
    lead = world.put("lead", "a").mark_id
    for _ in range(4):  # its worker lives: it could not save the result
        world.claimed("sales", "alive")
        in_transaction(world.board, activation_recovery.recover, [], expired=False, is_lost=lambda row: True)
    for _ in range(4):  # its worker is late, but holds its lock
        world.claimed("sales", "alive")
        world.advance(LEASE)
        assert in_transaction(world.board, activation_recovery.recover, [], expired=True) == 1
    for _ in range(4):  # its worker stopped in order
        claim = world.claimed("sales", "alive")
        hand_back(world, claim)
    assert world.woken("sales") == [lead]


def test_on_postgresql_the_end_of_a_lease_is_a_death(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1))
    world.put("lead", "a")
    for _ in range(3):
        assert (world.claim("sales", "gone") or alone(world)) is not None
        world.advance(LEASE)
        in_transaction(world.board, activation_recovery.recover, [], expired=True, expiry_is_death=True)
    assert states(world) == ["quarantined"]


def test_a_failure_that_is_stored_ends_the_row_of_deaths(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1, max_attempts=9, retry_after="1s"))
    lead = world.put("lead", "a").mark_id
    kill(world)
    kill(world)
    assert (claim := alone(world)) is not None
    assert world.fail(claim) == "ready"
    world.advance(LEASE)
    assert kill(world) == [lead]
    assert world.woken("sales") == [lead]


def test_an_answer_that_is_stored_ends_the_row_of_deaths(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1))
    world.put("lead", "a")
    kill(world)
    kill(world)
    claim = alone(world)
    assert claim is not None
    answer(world, claim)
    assert die(world) == 1
    assert world.woken("sales") is not None


def hand_back(world: World, claim: Claim) -> None:
    assert in_transaction(world.board, activation_results.hand_back, claim.row)


def answer(world: World, claim: Claim) -> None:
    """Plan and send a call of the run, and record its answer."""

    def work(txn: BoardTransaction) -> bool:
        call = model_calls.plan(txn, claim.row.id, agent="sales", model="model", body="{}", marks=1)
        model_calls.reserve(txn, call, 1)
        return model_calls.record_answer(txn, call.id, "{}", None, CallCost(cost=1))

    assert world.board.session.write(work)
