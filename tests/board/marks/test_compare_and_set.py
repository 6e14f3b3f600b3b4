"""A deposit, reinforcement or withdrawal with `if_event` is applied only to the mark as it was read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blackboard import Blackboard, Exponential, Linear, Mark
from blackboard.durations import HOUR
from blackboard.errors import Conflict, InvalidMark, KeyReused
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind

JOINING = ["add", "max", "replace"]


class Tally(Mark, kind="tally", on_repeat="replace"):
    n: int


@pytest.mark.postgresql
@pytest.mark.parametrize("on_repeat", JOINING)
def test_a_deposit_joins_the_mark_at_the_event_that_it_names(world: World, on_repeat: str) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat=on_repeat)})
    first = world.put("smoke", if_event=0)
    second = world.put("smoke", intensity=2.0, if_event=first.event_id)
    assert second.outcome == "reinforced"
    for stale in (0, first.event_id, second.event_id + 1):
        with pytest.raises(Conflict) as conflict:
            world.put("smoke", intensity=3.0, if_event=stale)
        assert (conflict.value.event_id, conflict.value.exit_code) == (second.event_id, 1)
    [mark] = world.board.marks()
    assert (mark.event_id, mark.reinforcements) == (second.event_id, 1)
    assert len(world.board.history("s")) == 2


@pytest.mark.postgresql
def test_a_mark_that_has_left_the_board_counts_as_no_mark(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("1h"))})
    faded = world.put("smoke")
    world.advance(2 * HOUR)
    with pytest.raises(Conflict, match="there is no live mark") as conflict:
        world.put("smoke", if_event=faded.event_id)
    assert conflict.value.event_id == 0
    withdrawn = world.put("smoke", if_event=0)
    world.board.withdraw(withdrawn.mark_id)
    assert world.put("smoke", if_event=0).outcome == "deposited"


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("change", "recorded"),
    [(partial(Blackboard.reinforce, by=0.5), "reinforced"), (Blackboard.withdraw, "withdrawn")],
    ids=["reinforce", "withdraw"],
)
def test_a_reinforcement_or_withdrawal_changes_the_mark_at_the_event_that_it_names(
    world: World, change: Callable[..., object], recorded: str
) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    first = world.put("smoke")
    later = world.board.reinforce(first.mark_id, by=0.5)
    with pytest.raises(Conflict) as conflict:
        change(world.board, first.mark_id, if_event=first.event_id)
    assert conflict.value.event_id == later.event_id
    with pytest.raises(InvalidMark, match="at least 1"):
        change(world.board, first.mark_id, if_event=0)
    change(world.board, first.mark_id, if_event=later.event_id)
    assert [event.event for event in world.board.history("s")] == ["deposited", "reinforced", recorded]


def test_a_kind_whose_deposits_join_no_mark_has_no_event_to_name(world: World) -> None:
    world.deploy({"fire": kind("fire", on_repeat="separate")})
    with pytest.raises(InvalidMark, match="joins no mark"):
        world.put("fire", if_event=0)
    for wrong in (-1, True, 1.5, "1"):
        with pytest.raises(InvalidMark, match="if_event must be"):
            world.put("fire", if_event=wrong)
    assert not world.board.marks()


def test_every_mark_that_is_read_carries_its_event(world: World) -> None:
    world.board.deposit(Tally(subject="t", n=1))
    receipt = world.board.deposit(Tally(subject="t", n=2))
    [mark], [record] = world.board.marks(Tally), world.board.marks("tally")
    [row] = world.board.query("SELECT event_id FROM live_marks")
    assert mark.event_id == record.event_id == row["event_id"] == receipt.event_id
    world.board.deposit(mark.model_copy(update={"n": 3}), if_event=mark.event_id)
    with pytest.raises(Conflict):
        world.board.deposit(Tally(subject="t", n=3).with_options(if_event=mark.event_id))


def test_a_key_stands_for_the_request_with_its_event(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    first = world.put("smoke", key="k", if_event=0)
    again = world.put("smoke", key="k", if_event=0)
    assert (again.outcome, again.event_id) == ("duplicate", first.event_id)
    with pytest.raises(KeyReused):
        world.put("smoke", key="k")


@pytest.mark.postgresql
def test_many_deposits_report_a_conflict_each_for_itself(world: World) -> None:
    marks = [Tally(subject="t", n=n).with_options(if_event=0) for n in range(3)]
    first, *others = world.board.deposit_many(marks, on_error="return")
    assert not isinstance(first, Exception)
    assert all(isinstance(other, Conflict) for other in others)
    assert [mark.n for mark in world.board.marks(Tally)] == [0]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["deposit", "reinforce", "withdraw", "wait"]), st.integers(0, 3)), max_size=12
    ),
    on_repeat=st.sampled_from(JOINING),
)
@example(
    steps=[
        *[("deposit", 0), ("deposit", 0), ("reinforce", 0), ("reinforce", 1), ("wait", 1)],
        *[("withdraw", 1), ("withdraw", 0), ("deposit", 0), ("deposit", 3)],
    ],
    on_repeat="add",
)
@examples(0.2)
def test_exactly_what_names_the_present_event_is_applied(steps: list[tuple[str, int]], on_repeat: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.01, on_repeat=on_repeat)})
        seen = [0]
        for step, number in steps:
            if step == "wait":
                world.advance(number * HOUR)
                continue
            live = next(iter(world.board.marks()), None)
            current, event = (0 if live is None else live.event_id), seen[-1 - number % len(seen)]
            changes: dict[str, Callable[[], object]] = {
                "deposit": partial(world.put, "smoke", "s", 2.0, if_event=event)
            }
            if live is not None and event:
                changes["reinforce"] = partial(world.board.reinforce, live.id, by=0.5, if_event=event)
                changes["withdraw"] = partial(world.board.withdraw, live.id, if_event=event)
            if step not in changes:
                continue
            if event == current:
                changes[step]()
                seen.extend(mark.event_id for mark in world.board.marks())
            else:
                with pytest.raises(Conflict) as conflict:
                    changes[step]()
                assert conflict.value.event_id == current
        world.close()
