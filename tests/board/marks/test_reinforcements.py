"""A reinforcement makes a mark stronger from now on, and changes neither its payload nor its author."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blackboard import Exponential, Linear, Step, count, strength, strongest, total, watch
from blackboard.board.mark_changes import change_preparation, reinforcements
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import to_datetime
from blackboard.core.marks.decay import Decay
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import InvalidAuthor, InvalidMark, NotFound
from tests.support.board_steps import in_transaction
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

REPEATS = ["add", "max", "replace", "separate"]
CONDITIONS = [
    strength("smoke") >= 0.7,
    total("smoke") >= 0.7,
    strongest("smoke") >= 0.7,
    total("smoke", over="board") >= 0.7,
    strongest("smoke", over="board") >= 0.7,
]


def reinforce(world: World, mark_id: int, by: float, agent: str) -> Receipt:
    """Reinforce a mark as only an activation of an agent can do."""

    def step(txn: BoardTransaction) -> Receipt:
        live = change_preparation.live_mark_to_change(txn, mark_id)
        return reinforcements.reinforce_live(txn, live, by, agent, 0)

    return in_transaction(world.board, step)


@pytest.mark.postgresql
@pytest.mark.parametrize("on_repeat", REPEATS)
def test_a_reinforcement_adds_to_the_strength_now_and_keeps_the_payload(world: World, on_repeat: str) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), weight=2.0, on_repeat=on_repeat)})
    before = world.put("smoke", payload={"detail": "thin"})
    world.advance(HOUR)
    receipt = world.board.as_author("person:bob").reinforce(before.mark_id, by=0.5)
    assert (receipt.outcome, receipt.mark_id) == ("reinforced", before.mark_id)
    [mark] = world.board.marks()
    assert (mark.payload, mark.author) == ({"detail": "thin"}, "person:ada")
    assert mark.strength == receipt.strength == pytest.approx(1.5)
    assert (mark.event_id, mark.reinforcements) == (receipt.event_id, 1)
    assert mark.occurred_at == to_datetime(world.clock.now() - HOUR)
    event = world.board.history("s")[-1]
    assert (event.event, event.author, event.payload) == ("reinforced", "person:bob", None)
    world.advance(HOUR)
    assert world.board.marks()[0].strength == pytest.approx(0.75)
    [then] = world.board.marks(at=to_datetime(world.clock.now() - 1))
    assert (then.payload, then.author, then.reinforcements) == ({"detail": "thin"}, "person:ada", 1)


def test_a_reinforcement_goes_up_to_the_cap_and_weakens_nothing(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("2h"), on_repeat="max", cap=1.5)})
    mark_id = world.put("smoke").mark_id
    assert world.board.reinforce(mark_id, by=9).strength == 1.5
    world.deploy({"smoke": kind("smoke", Linear("2h"), on_repeat="max", cap=0.5)})
    assert world.board.reinforce(mark_id, by=9).strength == pytest.approx(1.5)


@pytest.mark.parametrize("law", [Step("3h"), Linear("3h")], ids=str)
def test_a_law_of_its_own_and_its_end_stay(world: World, law: Decay) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")})
    until = to_datetime(world.clock.now() + 2 * HOUR)
    own, fixed = world.put("smoke", decay=law).mark_id, world.put("smoke", until=until).mark_id
    world.advance(HOUR)
    for mark_id in (own, fixed):
        world.board.reinforce(mark_id, by=0.25)
    marks = {mark.id: mark for mark in world.board.marks()}
    assert marks[own].law == str(law)
    assert marks[fixed].evaporates_at == until
    assert all(mark.own_law for mark in marks.values())


def test_the_trust_in_the_author_counts(world: World) -> None:
    world.deploy({"smoke": kind("smoke")}, trust={"person:ada": 0.5})
    assert world.board.reinforce(world.put("smoke").mark_id, by=1).strength == pytest.approx(1.0)


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("on_repeat", REPEATS)
def test_a_reinforcement_wakes_other_agents_and_its_own_agent_only_with_include_own(
    world: World, condition: Any, on_repeat: str
) -> None:
    agents = [spec("one", condition), spec("other", condition), spec("own", watch(condition, include_own=True))]
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.01, on_repeat=on_repeat)}, *agents)
    mark_id = world.put("smoke", intensity=0.6).mark_id
    world.advance(MINUTE)
    assert set(reinforce(world, mark_id, 0.3, "one").crossed) == {"other", "own"}
    world.board.session.write(check_sums)
    assert (world.woken("other"), world.woken("own")) == ([mark_id], [mark_id])
    assert set(reinforce(world, mark_id, 0.3, "own").crossed) == {"one", "other", "own"}
    assert world.woken("one") == [mark_id]
    world.board.session.write(check_sums)
    reinforce(world, mark_id, 0.3, "one")
    assert world.woken("one") is None
    world.board.session.write(check_sums)


def test_a_reinforcement_is_news_like_a_deposit(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), cap=1.0)}, spec("watchman", strength("smoke") >= 0.5))
    mark_id = world.put("smoke", intensity=0.6).mark_id
    assert world.woken("watchman") == [mark_id]
    assert world.board.reinforce(mark_id, by=0.1).crossed == ("watchman",)
    assert world.woken("watchman") == [mark_id]
    world.advance(MINUTE)
    assert world.board.reinforce(mark_id, by=0.001).crossed == ()
    assert world.woken("watchman") is None


def test_a_count_does_not_change(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")}, spec("watchman", count("smoke") >= 2))
    assert world.board.reinforce(world.put("smoke").mark_id, by=3).crossed == ()


def test_a_falling_watch_falls_later(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("cold", strength("smoke") < 0.5))
    mark_id = world.put("smoke").mark_id
    world.advance(30 * MINUTE)
    world.board.reinforce(mark_id, by=1 - 0.5**0.5)
    world.advance(59 * MINUTE)
    assert not world.fire_due()
    world.advance(2 * MINUTE)
    assert world.fire_due()


@pytest.mark.postgresql
def test_a_late_deposit_that_replaces_looks_at_deposits_only(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("1h"), on_repeat="replace")})
    mark_id = world.put("smoke", payload={"n": 1}).mark_id
    world.advance(30 * MINUTE)
    world.board.reinforce(mark_id, by=0.1)
    world.advance(2 * HOUR)
    world.evaporate()
    late = world.put("smoke", payload={"n": 2}, occurred_at=world.board.now() - timedelta(hours=2, minutes=20))
    assert late.outcome == "deposited"


def test_what_cannot_be_reinforced_is_refused_with_the_reason(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Linear("1h")), "note": kind("note", weight=0.0), "faint": kind("faint", weight=1e-9)},
        spec("watchman", strength("smoke") >= 9),
    )
    mark_id = world.put("smoke").mark_id
    for by in (0, -1, float("nan"), float("inf"), 2e12, True, "much"):
        with pytest.raises(InvalidMark, match="by must be a number above 0"):
            world.board.reinforce(mark_id, by=by)  # type: ignore[arg-type]
    with pytest.raises(InvalidMark, match="weight 0"):
        world.board.reinforce(world.put("note").mark_id, by=1)
    with pytest.raises(InvalidMark, match="too high"):
        world.board.reinforce(world.put("faint").mark_id, by=1e9)
    with pytest.raises(InvalidAuthor):
        world.board.as_author("watchman").reinforce(mark_id, by=1)
    with pytest.raises(NotFound, match="there is no mark 99"):
        world.board.reinforce(99, by=1)
    world.board.withdraw(mark_id)
    with pytest.raises(NotFound, match=f"mark {mark_id} was withdrawn"):
        world.board.reinforce(mark_id, by=1)
    faded = world.put("smoke").mark_id
    world.advance(2 * HOUR)
    with pytest.raises(NotFound, match=f"mark {faded} has evaporated"):
        world.board.reinforce(faded, by=1)
    world.evaporate()
    with pytest.raises(NotFound, match=f"mark {faded} has evaporated"):
        world.board.withdraw(faded)
