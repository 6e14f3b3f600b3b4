"""An activation ends in one transaction, and a failing batch is split until its bad mark is alone."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from blackboard import count, strength
from blackboard.board.activations.run_ends import activation_recovery, activation_results, activation_splits
from blackboard.board.activations.run_ends.activation_results import Failure, Success
from blackboard.board.activations.run_ends.agent_actions import AgentDeposit
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import set_state
from blackboard.core.marks.decay import Never
from blackboard.core.records.states import ActivationState, IllegalTransition
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import InvalidMark, NotFound, UnknownName, WorkError
from blackboard.store.row_types.activation_row_types import ActivationRow
from tests.support.board_steps import in_transaction
from tests.support.world import LEASE, World, inputs, kind, prepared, spec

KINDS = {
    "lead": kind("lead", Never(), on_repeat="separate"),
    "slot": kind("slot", Never(), on_repeat="separate", unique="at"),
    "clash": kind("clash", Never(), on_repeat="separate"),
    "out": kind("out", Never(), on_repeat="separate"),
}


def states(world: World) -> dict[int, str]:
    return {row.id: row.state for row in world.board.activations(limit=100)}


def test_deposits_absorption_and_end_are_one_transaction(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    lead = world.put("lead", "a").mark_id
    claim = world.claimed("sales")
    receipts = world.finish(claim, ("out", "a", 0.5))
    assert receipts is not None
    [row] = world.board.activations()
    assert (row.state, row.marks_absorbed, row.marks_deposited) == ("done", 1, 1)
    [out] = world.board.marks("out")
    assert out.author == "sales"
    assert world.sql("SELECT mark_id, activation_id, parent_mark_id FROM provenance") == [
        (receipts[0].mark_id, claim.row.id, lead)
    ]


def test_an_end_that_cannot_be_written_changes_nothing(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    world.put("lead", "a")
    claim = world.claimed("sales")
    with pytest.raises(UnknownName):
        world.finish(claim, ("out", "a", 0.5), ("oout", "a", 0.5))
    assert world.board.marks("out") == []
    assert [row.state for row in world.board.activations()] == ["running"]
    assert world.finish(claim) == []


def test_a_unique_conflict_is_resolved_in_the_same_transaction(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1, concurrency=2))
    for subject in "ab":
        world.put("lead", subject)
    claims = [world.claim("sales"), world.claim("sales")]

    def finish(index: int, *, has_alternative: bool) -> object:
        claim = claims[index]
        assert claim is not None

        def work(txn: BoardTransaction) -> object:
            made = [
                prepared(txn, world.board, name, f"lead/{index}", payload, 1.0, "sales", claim.row.id)
                for name, payload in (("slot", {"at": "9:00"}), ("clash", {}))
            ]
            one = AgentDeposit(made[0], AgentDeposit(made[1]) if has_alternative else None)
            success = activation_results.finish(txn, claim.row, claim.agent_spec, [one], MarkClasses())
            return None if success is None else success.receipts

        return world.board.session.write(work)

    finish(0, has_alternative=True)
    with pytest.raises(InvalidMark, match="belongs to mark"):
        finish(1, has_alternative=False)
    finish(1, has_alternative=True)
    assert [(mark.kind, mark.subject) for mark in world.board.marks("slot")] == [("slot", "lead/0")]
    assert [(mark.kind, mark.subject) for mark in world.board.marks("clash")] == [("clash", "lead/1")]


def test_a_failure_is_retried_with_growing_delays_and_the_same_marks(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, retry_after="10s", max_attempts=4))
    lead = world.put("lead").mark_id
    waits = []
    for attempt in range(1, 4):
        claim = world.claimed("sales")
        assert (inputs(claim), claim.row.attempt) == ([lead], attempt)
        assert world.fail(claim) == "ready"
        at = world.clock.now()
        assert world.claim("sales") is None
        while world.sql("SELECT count(*) FROM activation WHERE retry_at > ?", world.clock.now()) != [(0,)]:
            world.advance(SECOND)
        waits.append((world.clock.now() - at) / SECOND)
    assert 9 <= waits[0] <= 12
    assert 18 <= waits[1] <= 23
    assert 36 <= waits[2] <= 45


def test_a_retry_sees_the_marks_of_the_first_attempt(world: World) -> None:
    from blackboard import strongest_of

    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, reads=[strongest_of("out", 2)]))
    world.put("lead", payload={"n": 1})
    shown = world.put("out", "x", 0.5).mark_id
    claim = world.claimed("sales")
    world.fail(claim)
    world.put("out", "y", 0.9)
    world.advance(HOUR)
    again = world.claimed("sales")
    assert again.inputs == claim.inputs
    assert [read.event.mark_id for read in again.reads] == [shown]
    assert (again.at, again.row.fence) == (claim.at, claim.row.fence + 1)


@pytest.mark.parametrize("bad", [0, 3, 7])
def test_a_batch_is_split_until_the_bad_mark_is_alone(world: World, bad: int) -> None:
    world.deploy(
        KINDS, spec("sales", strength("lead") >= 0.1, retry_after="1s", max_attempts=2, cooldown_after_failures=99)
    )
    marks = [world.put("lead", f"s{i}", 1 - i / 100).mark_id for i in range(8)]
    done, failures = [], 0
    for _ in range(40):
        if (claim := world.claim("sales")) is None:
            world.advance(MINUTE)
            continue
        if marks[bad] in inputs(claim):
            failures += 1
            world.fail(claim)
        else:
            world.finish(claim)
            done += inputs(claim)
    assert sorted(done) == sorted(set(marks) - {marks[bad]})
    [dead] = world.board.activations(state="dead")
    assert (dead.marks_absorbed, dead.error) == (1, "it broke")
    assert failures <= 2 + 3
    assert sorted(row.state for row in world.crossings()) == ["claimed"] + ["done"] * 7


@pytest.mark.postgresql
def test_a_person_retries_a_dead_activation_with_new_attempts(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, max_attempts=1, cooldown_after_failures=9))
    lead = world.put("lead").mark_id
    claim = world.claimed("sales")
    assert world.fail(claim) == "dead"
    assert world.claim("sales") is None
    world.board.retry(claim.row.id)
    assert world.woken("sales") == [lead]
    assert states(world) == {claim.row.id: "done"}
    with pytest.raises(WorkError, match="is done"):
        world.board.retry(claim.row.id)
    with pytest.raises(NotFound, match="there is no activation"):
        world.board.retry(99)


def test_the_marks_of_a_discarded_activation_stay_absorbed(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, max_attempts=1, cooldown_after_failures=9))
    world.put("lead")
    claim = world.claimed("sales")
    world.fail(claim)
    world.board.discard(claim.row.id)
    assert world.claim("sales") is None
    assert [row.state for row in world.crossings()] == ["discarded"]


def test_a_dead_batch_does_not_hide_unclaimed_marks(world: World) -> None:
    world.deploy(KINDS, spec("sales", count("lead") >= 1, batch=1, max_attempts=1, cooldown_after_failures=9))
    first, second = world.put("lead", "a", 0.9).mark_id, world.put("lead", "a", 0.5).mark_id
    claim = world.claimed("sales")
    assert inputs(claim) == [first]
    assert world.fail(claim) == "dead"
    assert world.woken("sales") == [second]


def test_the_run_of_a_dead_worker_is_recovered_and_is_not_a_failure(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, max_attempts=1))
    lead = world.put("lead").mark_id
    claim = world.claimed("sales", "gone")
    assert inputs(claim) == [lead]
    assert in_transaction(world.board, activation_recovery.recover, ["gone"], expired=False) == 1
    assert world.woken("sales") == [lead]
    [row] = world.board.activations()
    assert (row.state, row.interruptions) == ("done", 1)


def test_an_expired_lease_is_recovered_and_the_late_worker_cannot_end_the_run(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    lead = world.put("lead").mark_id
    late = world.claimed("sales", "late")
    world.advance(LEASE - 1)
    assert in_transaction(world.board, activation_recovery.recover, [], expired=True) == 0
    world.advance(1)
    assert in_transaction(world.board, activation_recovery.recover, [], expired=True) == 1
    assert world.finish(late, ("out", "a", 1.0)) is None
    assert world.fail(late) is None
    other = world.claimed("sales", "other")
    assert inputs(other) == [lead]
    assert world.finish(late, ("out", "a", 1.0)) is None
    assert world.finish(other, ("out", "b", 1.0)) is not None
    assert world.finish(other, ("out", "c", 1.0)) is None
    assert [mark.subject for mark in world.board.marks("out")] == ["b"]


def test_the_same_worker_under_an_older_fence_is_late_too(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    world.put("lead")
    late = world.claim("sales", "w")
    in_transaction(world.board, activation_recovery.recover, ["w"], expired=False)
    again = world.claim("sales", "w")
    assert late is not None
    assert again is not None
    assert world.finish(late) is None
    assert world.finish(again) == []


def test_a_run_that_is_handed_back_is_claimed_again_at_once(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, max_attempts=1))
    lead = world.put("lead").mark_id
    claim = world.claimed("sales")
    assert in_transaction(world.board, activation_results.hand_back, claim.row)
    again = world.claimed("sales")
    assert (inputs(again), again.row.attempt) == ([lead], 1)


def test_an_agent_that_always_fails_has_growing_cooldowns(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, retry_after="10s", max_attempts=1, batch=1))
    for i in range(9):
        world.put("lead", f"s{i}")
    starts = []
    while (claim := world.claim("sales")) is not None or world.clock.now() < 1_767_603_600_000_000 + HOUR:
        if claim is None:
            world.advance(SECOND)
            continue
        starts.append(world.clock.now())
        world.fail(claim)
    gaps = [(later - earlier) / SECOND for earlier, later in pairwise(starts)]
    assert gaps[:4] == [0, 0, 0, 0]
    assert all(gap > 5 for gap in gaps[4:])
    assert gaps[5] > gaps[4]


@pytest.mark.postgresql
@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_dead_activation_names_its_mark(world: World, over: Any) -> None:
    watch = strength("lead") >= 0.1 if over == "subject" else count("lead", over="board") >= 5
    world.deploy(KINDS, spec("sales", watch, batch=9, max_attempts=1, cooldown_after_failures=99))
    marks = {f"lead/{n}": world.put("lead", f"lead/{n}").mark_id for n in range(6)}
    while (claim := world.claim("sales")) is not None:
        if marks["lead/4"] in inputs(claim):
            world.fail(claim)
        else:
            world.finish(claim)
    [dead] = world.board.activations(state="dead")
    assert (dead.subject, dead.mark_ids, dead.marks_absorbed) == ("lead/4", (marks["lead/4"],), 1)
    [viewed] = world.sql("SELECT subject, mark_ids FROM activations WHERE state = 'dead'")
    assert (viewed.subject, json.loads(viewed.mark_ids)) == ("lead/4", [marks["lead/4"]])
    others = world.board.activations(state="done")
    assert sorted(mark for row in others for mark in row.mark_ids) == sorted(set(marks.values()) - {marks["lead/4"]})
    assert all((row.subject is None) == (row.marks_absorbed > 1) for row in others)


def test_resuming_an_agent_ends_its_cooldown_after_failures(world: World) -> None:
    settings = {"max_attempts": 1, "batch": 1, "cooldown_after_failures": 2, "retry_after": "1h"}
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, **settings))
    for n in range(5):
        world.put("lead", f"s{n}")
    world.fail(world.claimed("sales"))
    world.fail(world.claimed("sales"))
    assert world.claim("sales") is None
    world.board.resume()
    assert world.claim("sales") is None, "the board was not in cooldown"
    world.board.resume("sales")
    [agent] = world.board.agents()
    assert (agent.state, agent.until) == ("waits", None)
    world.fail(world.claimed("sales"))
    assert world.claim("sales") is not None, "its failures count from 0"


def test_resuming_an_agent_leaves_its_cooldown_after_a_success(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.1, cooldown="1h", batch=1))
    world.put("lead", "a")
    world.put("lead", "b")
    world.finish(world.claimed("sales"))
    world.board.resume("sales")
    assert world.claim("sales") is None


def parted(world: World) -> tuple[ActivationRow, ...]:
    """Return the two claimed halves of a failed batch of one crossing over four marks."""
    world.deploy(
        KINDS,
        spec(
            "sales",
            count("lead") >= 4,
            per="batch",
            retry_after="1s",
            max_attempts=1,
            concurrency=2,
            cooldown_after_failures=9,
        ),
    )
    for _ in range(4):
        world.put("lead", "a")
    claim = world.claimed("sales")
    world.fail(claim)
    halves = [world.claim("sales"), world.claim("sales")]
    assert [len(half.inputs) if half else 0 for half in halves] == [2, 2]
    return tuple(half.row for half in halves if half)


@pytest.mark.parametrize("last", [0, 1])
def test_a_crossing_is_done_when_the_last_part_of_its_batch_is_done(world: World, last: int) -> None:
    rows = parted(world)
    agent = world.deployment.agents["sales"]
    assert in_transaction(world.board, activation_results.finish, rows[1 - last], agent, [], MarkClasses()) == Success(
        [], False
    )
    [crossing] = world.crossings()
    assert (crossing.state, crossing.activation_id) == ("claimed", rows[last].id)
    assert in_transaction(world.board, activation_results.finish, rows[last], agent, [], MarkClasses()) == Success(
        [], False
    )
    [crossing] = world.crossings()
    assert (crossing.state, crossing.activation_id) == ("done", rows[last].id)


@pytest.mark.postgresql
def test_a_crossing_stays_open_while_a_part_of_a_part_is_open(world: World) -> None:
    rows = parted(world)
    agent = world.deployment.agents["sales"]
    in_transaction(world.board, activation_results.fail, rows[1], agent, Failure("again"), world.rng)
    assert in_transaction(world.board, activation_results.finish, rows[0], agent, [], MarkClasses()) == Success(
        [], False
    )
    ended = []
    while (claim := world.claim("sales")) is not None:
        [crossing] = world.crossings()
        assert crossing.state == "claimed"
        world.finish(claim)
        ended.append(claim.row.id)
    assert len(ended) == 2
    [crossing] = world.crossings()
    assert (crossing.state, crossing.activation_id) == ("done", ended[-1])


def test_the_crossing_of_a_batch_with_many_parts_is_rewritten_few_times(world: World) -> None:
    settings = {"retry_after": "1s", "max_attempts": 1, "cooldown_after_failures": 99}
    world.deploy(KINDS, spec("sales", count("lead") >= 32, batch=32, **settings))
    for _ in range(32):
        world.put("lead", "a")
    ended, hands = 0, set[int | None]()
    while (claim := world.claim("sales")) is not None:
        if len(claim.inputs) > 1:
            world.fail(claim)
        else:
            world.finish(claim)
            ended += 1
        hands.update(row.activation_id for row in world.crossings())
    assert ended == 32
    assert [row.state for row in world.crossings()] == ["done"]
    assert len(hands) <= 6


def test_a_crossing_whose_last_part_is_discarded_is_discarded(world: World) -> None:
    rows = parted(world)
    agent = world.deployment.agents["sales"]
    in_transaction(world.board, activation_results.defer, rows[0], until=None, reason="a person", is_held=True)
    in_transaction(world.board, activation_results.finish, rows[1], agent, [], MarkClasses())
    world.board.discard(rows[0].id)
    assert [row.state for row in world.crossings()] == ["discarded"]


JOINT = (count("lead") >= 2) & (count("out") >= 1)


def put_joint(world: World, *subjects: str) -> None:
    for subject in subjects:
        for name in ("lead", "lead", "out"):
            world.put(name, subject)


@pytest.mark.parametrize("bad", ["a", "b", "c"])
def test_a_failing_batch_of_a_conjunction_is_split_between_subjects(world: World, bad: str) -> None:
    world.deploy(KINDS, spec("sales", JOINT, per="batch", max_attempts=1, retry_after="1s", cooldown_after_failures=99))
    put_joint(world, "a", "b", "c")
    given = []
    while (claim := world.claim("sales")) is not None:
        subjects = [item.event.subject for item in claim.inputs]
        given.append(subjects)
        assert all(subjects.count(subject) == 3 for subject in subjects)
        assert claim.row.marks_absorbed == len(subjects)
        if bad in subjects:
            world.fail(claim)
        else:
            world.finish(claim)
    assert [bad] * 3 in given
    assert {row.scope: row.state for row in world.crossings()} == dict.fromkeys("abc", "done") | {bad: "claimed"}
    [dead] = world.board.activations(state="dead")
    world.board.discard(dead.id)
    assert sorted(row.state for row in world.crossings()) == ["discarded", "done", "done"]


def test_one_subject_of_a_conjunction_fails_as_a_whole(world: World) -> None:
    world.deploy(KINDS, spec("sales", JOINT, max_attempts=2, retry_after="1s"))
    put_joint(world, "a")
    assert world.fail(world.claimed("sales")) == "ready"
    world.advance(2 * SECOND)
    claim = world.claimed("sales")
    assert (len(claim.inputs), world.fail(claim)) == (3, "dead")


def test_a_side_of_a_disjunction_is_split_between_marks(world: World) -> None:
    condition = (count("lead") >= 2) | (count("out") >= 2)
    world.deploy(KINDS, spec("sales", condition, per="batch", max_attempts=1, retry_after="1s"))
    world.put("lead", "a")
    world.put("lead", "a")
    assert world.fail(world.claimed("sales")) == "ready"
    assert len(world.claimed("sales").inputs) == 1


def test_an_isolated_mark_of_a_conjunction_takes_its_subject_along(world: World) -> None:
    world.deploy(KINDS, spec("sales", JOINT, per="batch"))
    put_joint(world, "a", "b")
    claim = world.claimed("sales")
    ids = {subject: {item.event.mark_id for item in claim.inputs if item.event.subject == subject} for subject in "ab"}
    moved = in_transaction(world.board, activation_splits.isolate, claim.row, [min(ids["b"])])
    assert moved == ids["b"]
    world.finish(claim)
    claim = world.claimed("sales")
    assert set(inputs(claim)) == ids["b"]
    world.finish(claim)
    assert {row.state for row in world.crossings()} == {"done"}


def test_a_transition_that_is_not_allowed_is_not_written(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    world.put("lead")
    claim = world.claimed("sales")
    world.finish(claim)
    done = claim.row._replace(state="done")
    with pytest.raises(IllegalTransition, match="done cannot become ready"):
        world.board.session.write(lambda txn: set_state(txn, done, ActivationState.READY))
    assert [row.state for row in world.board.activations()] == ["done"]
