"""The activity: what it records, in which order it can be read, and what it forgets."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest

from blackboard import Blackboard, Need, Never, strength
from blackboard.board.housekeeping import retention
from blackboard.board.mark_changes import deposit_intake
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.result_types.mark_results import StreamPosition
from blackboard.board.result_types.work_results import ActivityRecord
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.deposit_requests import Deposit, DepositRequest
from blackboard.core.marks.mark_model import DepositOptions
from blackboard.core.records.states import ActivationState
from blackboard.durations import MINUTE
from blackboard.errors import UnknownName
from tests.support.board_steps import in_transaction
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all
from tests.support.world import World, kind, spec

KINDS = {"lead": kind("lead", Never(), on_repeat="separate", tags=("company",))}
CONDITION = strength("lead") >= 0.5


def happened(board: Blackboard, after: int = 0) -> list[tuple[str, Any]]:
    """Return what happened after the deployment of a test: an event, and the states or what it is about."""
    return [(entry.event, _detail(entry)) for entry in board.activity(after=after) if entry.event != "deployment"]


def _detail(entry: ActivityRecord) -> Any:
    return (entry.old_state, entry.state) if entry.event == "activation" else entry.author


@pytest.mark.postgresql
def test_a_crossing_and_each_state_of_its_activation_are_recorded(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION))
    world.put("lead", "p")
    world.finish(world.claimed("sales"))
    assert happened(world.board) == [
        ("crossing", None), ("activation", (None, "running")), ("activation", ("running", "done")),
    ]  # fmt: skip
    crossing, begun, ended = world.board.activity(limit=3)
    assert (crossing.agent, crossing.watch, crossing.subject, crossing.crossing_id) == ("sales", "watch", "p", 1)
    assert begun.activation_id == ended.activation_id == 1
    assert crossing.recorded_at == world.board.now()


def test_a_deployment_has_the_author_who_made_it(world: World) -> None:
    world.deploy(KINDS)
    board = world.board.as_author("person:bob")
    board.deploy(board.deployment.model_copy(update={"max_skew": 7}))
    board.deposit(Need(subject="s", question="Why?"))  # the first need registers its kind
    entries = [entry for entry in world.board.activity() if entry.event == "deployment"]
    assert [entry.author for entry in entries][-1] == "person:bob"
    assert {entry.author for entry in entries} <= {"person:bob", "person:ada"}


def test_every_transition_is_recorded_whichever_statement_writes_it(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION, max_attempts=1))
    world.put("lead", "p")
    world.fail(world.claimed("sales"))
    world.board.retry(1)
    world.fail(world.claimed("sales"))
    world.board.discard(1)
    assert happened(world.board)[1:] == [
        ("activation", (None, "running")), ("activation", ("running", "dead")),
        ("activation", ("dead", "ready")), ("retry", "person:ada"),
        ("activation", ("ready", "running")), ("activation", ("running", "dead")),
        ("activation", ("dead", "discarded")), ("discard", "person:ada"),
    ]  # fmt: skip
    states = [entry for entry in world.board.activity() if entry.event == "activation"]
    assert all(old.state == new.old_state for old, new in pairwise(states))
    assert states[-1].state == ActivationState.DISCARDED


def test_actions_of_people_are_recorded_in_their_names(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION, batch=10, batch_window="1h"))
    world.put("lead", "p")
    after = world.board.stream_position().activity_id
    bob = world.board.as_author("person:bob")
    bob.pause("sales")
    bob.resume()
    bob.wake(world.board.agenda()[0].id)
    bob.create_token("form", may=["read"])
    bob.revoke_token("form")
    bob.deposit("need", subject="p", payload={"question": "which?"})
    [need] = world.board.inbox()
    bob.assign(need.id, "ada")
    world.board.answer(need.id, "this one")
    assert happened(world.board, after) == [
        ("pause", "person:bob"), ("resume", "person:bob"), ("wake", "person:bob"), ("create_token", "person:bob"),
        ("revoke_token", "person:bob"), ("need", "person:bob"), ("assign", "person:bob"), ("answer", "person:ada"),
    ]  # fmt: skip
    last = world.board.activity(after=after)[-1]
    assert (last.mark_id, last.subject) == (need.id, "p")


def test_a_refused_or_rehearsed_change_leaves_no_activity(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION))
    before = world.board.stream_position()
    with pytest.raises(UnknownName):
        world.board.pause("nobody")
    world.board.session.run_and_roll_back(lambda txn: txn.record_time(txn.now))
    world.board.preview(world.board.deployment.model_copy(update={"activity": False}))
    assert world.board.stream_position() == before


def test_the_deployment_turns_the_activity_off_for_every_process(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION))
    world.board.deploy(world.board.deployment.model_copy(update={"activity": False}))
    before = world.board.stream_position()
    with Blackboard.open(world.url, clock=world.clock) as other:
        other.deposit("lead", subject="p")
    world.finish(world.claimed("sales"))
    world.board.pause()
    after = world.board.stream_position()
    assert (after.activity_id, after.event_id) == (before.activity_id, before.event_id + 1)


@pytest.mark.postgresql
def test_old_activity_is_removed_and_no_id_is_used_twice(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION))
    for _ in range(3):
        world.board.pause()
    last = world.board.stream_position().activity_id
    world.advance(MINUTE * 2)
    keep = {"history": None, "activations": None, "model_calls": None, "activity": MINUTE}
    while in_transaction(world.board, retention.remove, **keep, limit=2):
        pass
    assert [entry.id for entry in world.board.activity()] == [last]
    world.board.pause()
    assert [entry.id for entry in world.board.activity(after=last)] == [last + 1]


def test_a_forgotten_subject_has_its_random_name_there_too(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION))
    world.put("lead", "Erika Mustermann")
    world.finish(world.claimed("sales"))
    name = world.board.forget("Erika Mustermann").name
    subjects = {entry.subject for entry in world.board.activity()} - {None}
    assert subjects == {name}
    assert world.board.activity()[-1].event == "forget"


@pytest.mark.postgresql
def test_events_of_marks_have_their_tags_also_when_they_have_no_payload(world: World) -> None:
    world.deploy(KINDS)
    receipt = world.board.deposit("lead", subject="p", payload={"company": "acme", "text": "hello"})
    world.board.reinforce(receipt.mark_id, by=1)
    world.board.withdraw(receipt.mark_id)
    events = world.board.mark_events()
    assert [(event.event, dict(event.tags)) for event in events] == [
        (name, {"company": "acme"}) for name in ("deposited", "reinforced", "withdrawn")
    ]
    assert [event.id for event in world.board.mark_events(after=1, limit=1)] == [2]
    assert world.board.stream_position() == StreamPosition(3, len(world.board.activity()))


@pytest.mark.postgresql(only=True)
def test_what_two_transactions_write_is_read_in_the_order_of_its_ids(world: World) -> None:
    """A reader that remembers the last id misses nothing, although one of two writers commits later."""
    world.deploy(KINDS, spec("sales", CONDITION))
    start = world.board.stream_position()
    written, release = threading.Event(), threading.Event()
    with (
        Blackboard.open(world.url, clock=world.clock) as other,
        Blackboard.open(world.url, clock=world.clock) as reader,
    ):

        def write_slowly(txn: BoardTransaction) -> None:
            request = DepositRequest.of(Deposit("lead", "slow", {}), "person:ada", DepositOptions())
            deposit_intake.check_and_deposit(txn, request, MarkClasses())
            txn.save()
            written.set()
            assert release.wait(BOUND_SECONDS)

        slow = threading.Thread(target=lambda: world.board.session.write(write_slowly))
        quick = threading.Thread(target=lambda: other.deposit("lead", subject="quick"))
        slow.start()
        assert written.wait(BOUND_SECONDS)
        quick.start()
        assert reader.stream_position() == start  # the first is not committed, and the second waits for it
        release.set()
        event_ids, entry_ids = [start.event_id], [start.activity_id]
        while len(event_ids) < 3:
            position = reader.stream_position()
            assert position.event_id >= event_ids[-1]
            event_ids += [event.id for event in reader.mark_events(after=event_ids[-1])]
            entry_ids += [entry.id for entry in reader.activity(after=entry_ids[-1])]
        join_all(slow, quick)
    assert event_ids == list(range(start.event_id, start.event_id + 3))
    assert entry_ids == list(range(start.activity_id, start.activity_id + len(entry_ids)))
    assert [event.subject for event in world.board.mark_events(after=start.event_id)] == ["slow", "quick"]
