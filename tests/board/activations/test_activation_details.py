"""One activation in full, in Python and in the view `activation_marks`."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import strength, strongest_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.decay import Exponential, Never
from blackboard.durations import HOUR
from blackboard.errors import NotFound
from tests.support.world import World, kind, spec

KINDS = {
    "lead": kind("lead", Exponential("1h"), on_repeat="replace", floor=0.05),
    "note": kind("note", Never(), on_repeat="separate"),
}


def in_the_view(world: World) -> list[tuple[Any, ...]]:
    rows = world.sql("SELECT activation_id, state, role, subject, strength FROM activation_marks")
    return sorted(tuple(row) for row in rows)


def test_a_running_a_silent_and_a_failed_activation_name_their_marks(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=1, concurrency=3))
    for subject in ("running", "silent", "failed"):
        world.put("lead", subject)
    running, silent, failed = (world.claimed("sales") for _ in range(3))
    world.finish(silent)
    world.fail(failed, "ValueError: it broke\n\nTraceback: line 7")
    assert in_the_view(world) == [
        (running.row.id, "running", "given", "running", 1.0),
        (silent.row.id, "done", "given", "silent", 1.0),
        (failed.row.id, "ready", "given", "failed", 1.0),
    ]
    details = world.board.activation(failed.row.id)
    assert details.activation.error == "ValueError: it broke\n\nTraceback: line 7"
    assert details.is_stuck
    assert not world.board.activation(running.row.id).is_stuck
    assert not details.deposits
    assert not details.calls
    assert details.cost_usd == 0


def test_the_details_of_an_activation_have_the_present_state_of_each_mark(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, reads=[strongest_of("note")]))
    marks = {subject: world.put("lead", subject).mark_id for subject in ("fades", "goes", "grows", "stays")}
    world.put("note", "aside")
    claim = world.claimed("sales")
    world.finish(claim, ("note", "result", 0.7))
    world.put("lead", "grows", 4.0)
    world.put("lead", "stays", 1.0)
    world.put("lead", "fades", 0.02)
    world.board.withdraw(marks["goes"])
    world.advance(HOUR)
    details = world.board.activation(claim.row.id)
    became = {mark.subject: (mark.role, mark.state, round(mark.strength_now, 9)) for mark in details.marks}
    assert became == {
        "fades": ("given", "evaporated", 0.0),
        "goes": ("given", "withdrawn", 0.0),
        "grows": ("given", "live", 2.0),
        "stays": ("given", "live", 0.5),
        "aside": ("read", "live", 1.0),
    }
    assert all(mark.strength == 1.0 for mark in details.marks)
    assert {mark.subject: mark.changed_at is None for mark in details.marks}["aside"]
    assert [(event.subject, event.intensity) for event in details.deposits] == [("result", 0.7)]


def test_a_split_hands_marks_over_and_both_sides_say_so(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5, batch=2, max_attempts=1))
    world.put("lead", "a")
    world.put("lead", "b")
    claim = world.claimed("sales")
    world.fail(claim)
    [part] = world.board.activation(claim.row.id).parts
    assert world.board.activation(part).split_from == claim.row.id
    given = [mark.subject for id_ in (claim.row.id, part) for mark in world.board.activation(id_).marks]
    assert sorted(filter(None, given)) == ["a", "b"]


def test_marks_that_the_history_has_lost_keep_their_numbers(world: World) -> None:
    world.deploy(KINDS, spec("sales", strength("lead") >= 0.5))
    mark = world.put("lead", "a").mark_id
    claim = world.claimed("sales")
    world.finish(claim)

    def lose(txn: BoardTransaction) -> None:
        for table in ("mark", "event"):
            txn.sql.cursor.execute(f"DELETE FROM {table}")

    world.board.session.write(lose)
    [given] = world.board.activation(claim.row.id).marks
    assert (given.mark_id, given.state, given.subject, given.payload, given.strength) == (
        mark,
        "unknown",
        None,
        None,
        1.0,
    )


def test_an_unknown_activation_is_an_error(world: World) -> None:
    with pytest.raises(NotFound, match="no activation 7"):
        world.board.activation(7)
