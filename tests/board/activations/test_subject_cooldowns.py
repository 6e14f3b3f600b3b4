"""A cooldown per subject defers exactly the subjects that succeeded, even after a split or a deferral."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blackboard import Never, count, strength, total
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.call_records.model_calls import CallCost
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.durations import MINUTE, SECOND
from tests.support.world import World, kind, spec

KINDS = {"lead": kind("lead", Never(), on_repeat="separate")}
COOLDOWN: dict[str, Any] = {
    "cooldown": "1m",
    "cooldown_per": "subject",
    "per": "batch",
    "max_attempts": 1,
    "retry_after": "1s",
    "cooldown_after_failures": 99,
}


def subjects(claim: Claim | None) -> set[str]:
    return set() if claim is None else {item.event.subject for item in claim.inputs}


def split_batch(world: World, condition: Any) -> dict[str, Claim]:
    """Return the claims of two parts, by subject, of a batch over the subjects p and q that failed."""
    world.deploy(KINDS, spec("sales", condition, concurrency=2, **COOLDOWN))
    world.put("lead", "p")
    world.put("lead", "q", 0.9)
    world.fail(world.claimed("sales"))
    parts = [world.claimed("sales"), world.claimed("sales")]
    return {subject: part for part in parts for subject in subjects(part)}


@pytest.mark.parametrize("condition", [strength("lead") >= 0.5, total("lead") >= 0.5], ids=str)
@pytest.mark.parametrize("good", ["p", "q"])
def test_only_the_subject_of_the_part_that_succeeded_is_in_cooldown(world: World, condition: Any, good: str) -> None:
    parts = split_batch(world, condition)
    bad = "q" if good == "p" else "p"
    world.finish(parts[good])
    assert world.fail(parts[bad]) == "dead"
    for subject in (good, bad):
        world.put("lead", subject)
    claim = world.claimed("sales")
    assert subjects(claim) == {bad}
    world.finish(claim)
    assert world.claim("sales") is None
    world.advance(MINUTE)
    assert subjects(world.claim("sales")) == {good}


@pytest.mark.parametrize("first", ["p", "q"])
def test_each_part_of_a_batch_ends_the_crossing_of_its_own_subject(world: World, first: str) -> None:
    parts = split_batch(world, total("lead") >= 0.5)
    world.finish(parts[first])
    assert {row.scope: row.state for row in world.crossings()} == {"p": "claimed", "q": "claimed"} | {first: "done"}
    world.finish(parts["q" if first == "p" else "p"])
    assert {row.state for row in world.crossings()} == {"done"}


def test_what_was_deferred_waits_for_the_cooldown_of_its_subject(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, concurrency=2, **COOLDOWN | {"max_attempts": 3}))
    claims = []
    for _ in range(2):
        world.put("lead", "q")
        claims.append(world.claimed("sales"))
    for claim in claims:
        world.fail(claim)
    world.advance(2 * SECOND)
    world.finish(world.claimed("sales"))
    assert world.claim("sales") is None
    [deferred] = world.board.explain("sales", "q").deferred
    assert deferred.retry_at == world.board.now() + timedelta(minutes=1)
    world.advance(MINUTE)
    assert subjects(world.claim("sales")) == {"q"}


def two_activations(world: World) -> tuple[Claim, Claim]:
    """Return a claim over p and q, and one over another mark of q."""
    world.deploy(KINDS, spec("sales", count("lead") >= 1, concurrency=2, **COOLDOWN | {"max_attempts": 3}))
    world.put("lead", "p")
    world.put("lead", "q")
    both = world.claimed("sales")
    assert subjects(both) == {"p", "q"}
    world.put("lead", "q")
    return both, world.claimed("sales")


def test_the_other_subjects_of_what_was_deferred_do_not_wait(world: World) -> None:
    both, other = two_activations(world)
    world.fail(both)
    world.finish(other)
    world.advance(2 * SECOND)
    claim = world.claimed("sales")
    assert (subjects(claim), claim.row.attempt, claim.row.marks_absorbed) == ({"p"}, 2, 1)
    assert world.claim("sales") is None
    world.finish(claim)
    world.advance(MINUTE)
    claim = world.claimed("sales")
    assert (subjects(claim), claim.row.attempt) == ({"q"}, 2)
    world.finish(claim)
    assert {row.state for row in world.crossings()} == {"done"}


def test_a_paid_answer_about_several_subjects_is_not_given_up(world: World) -> None:
    both, other = two_activations(world)

    def ask(txn: BoardTransaction) -> None:
        call = model_calls.plan(txn, both.row.id, agent="sales", model="model", body="{}", marks=2)
        model_calls.reserve(txn, call, 1)
        model_calls.record_answer(txn, call.id, "{}", None, CallCost(cost=1))
        activation_results.hand_back(txn, both.row)

    world.board.session.write(ask)
    world.finish(other)
    assert world.claim("sales") is None
    assert world.board.status().model_calls.answered == 1
    world.advance(MINUTE)
    assert subjects(world.claim("sales")) == {"p", "q"}


def test_a_watch_over_the_board_has_one_cooldown(world: World) -> None:
    watches = {"board": count("lead", over="board") >= 1, "each": strength("lead") >= 0.5}
    world.deploy(KINDS, spec("sales", watches, concurrency=2, **COOLDOWN))
    world.put("lead", "p")
    claims = {claim.watch: claim for claim in (world.claimed("sales"), world.claimed("sales"))}
    world.finish(claims["board"])
    world.put("lead", "p")
    claim = world.claimed("sales")
    assert (claim.watch, subjects(claim)) == ("each", {"p"})
    assert world.claim("sales") is None
