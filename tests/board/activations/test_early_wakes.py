"""Waking an agent early: what ends, what still holds, and what cannot be woken."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Never, count, strength, watch
from blackboard.errors import NotFound, WorkError
from tests.support.world import World, kind, spec

KINDS = {"lead": kind("lead", Never(), on_repeat="separate"), "open": kind("open", Never())}
CONDITION = strength("lead") >= 0.5


@pytest.mark.postgresql
def test_a_batch_window_ends(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION, batch=10, batch_window="1h"))
    world.put("lead", "p")
    assert world.claim("sales") is None
    [item] = world.board.agenda()
    assert world.board.wake(item.id).held_by is None
    assert world.claim("sales") is not None


@pytest.mark.postgresql
@pytest.mark.parametrize("per", ["agent", "subject"])
def test_a_cooldown_ends(world: World, per: Any) -> None:
    world.deploy(KINDS, spec("sales", CONDITION, cooldown="1h", cooldown_per=per))
    world.put("lead", "p")
    world.finish(world.claimed("sales"))
    world.put("lead", "p")
    assert world.claim("sales") is None
    [item] = world.board.agenda()
    result = world.board.wake(item.id)
    assert (result.agent, result.subject, result.held_by, result.until) == ("sales", "p", None, None)
    assert world.claim("sales") is not None


def test_a_guard_and_a_pause_still_hold_and_the_window_stays_ended(world: World) -> None:
    world.deploy(KINDS, spec("sales", watch(CONDITION, only_if=count("open") >= 1), batch=10, batch_window="1h"))
    world.put("lead", "p")
    [item] = world.board.agenda()
    world.board.pause("sales", "lunch")
    assert world.board.wake(item.id).held_by == "it is paused: lunch"
    world.board.resume("sales")
    assert world.board.wake(item.id).held_by == "guard"
    assert world.claim("sales") is None
    world.put("open", "p")
    assert world.claim("sales") is not None


def test_the_result_names_the_group(world: World) -> None:
    alert = kind("alert", Never(), on_repeat="separate", tags=("service",))
    world.deploy({"alert": alert}, spec("pager", count("alert", by="service") >= 1))
    world.put("alert", "host", payload={"service": "db"})
    [item] = world.board.agenda()
    result = world.board.wake(item.id)
    assert (result.subject, result.group_tag, result.group) == (None, "service", "db")


def test_what_does_not_wait_cannot_be_woken(world: World) -> None:
    world.deploy(KINDS, spec("sales", CONDITION))
    world.put("lead", "p")
    [item] = world.board.agenda()
    claim = world.claimed("sales")
    with pytest.raises(WorkError, match=f"activation {claim.row.id} took it"):
        world.board.wake(item.id)
    for missing in (0, -1, 99, 2**70):
        with pytest.raises(NotFound, match="agenda"):
            world.board.wake(missing)
