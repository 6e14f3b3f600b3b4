"""Watches over windows begin with the history, and follow changes of the deployment."""

from __future__ import annotations

from blackboard import count, total
from blackboard.board.housekeeping import retention
from blackboard.core.marks.decay import Step
from blackboard.durations import HOUR, MINUTE
from tests.board.watches.windowed_watches import BEAT, LASTING
from tests.support.board_steps import in_transaction
from tests.support.world import World, kind, spec


def test_a_new_window_begins_with_what_the_history_has(world: World) -> None:
    world.deploy(BEAT | LASTING)
    withdrawn = world.put("alarm", "gone")
    world.board.withdraw(withdrawn.mark_id)
    world.put("beat", "forgotten")
    world.board.forget("forgotten")
    world.put("beat", "a", occurred_at=world.clock.now() - 2 * HOUR)
    world.put("beat", "a")
    world.put("beat", "b")
    world.advance(5 * MINUTE)
    world.evaporate()
    world.put("beat", "a", intensity=0.5)
    at = world.clock.now()
    world.deploy(
        {}, spec("many", count("beat", "alarm", within="10m") >= 2), spec("all", total("beat", within="1h") >= 1)
    )
    assert sorted(row.scope for row in world.crossings()) == ["a", "a", "b"]
    assert {row.crossed_at for row in world.crossings()} == {world.board.session.now()}
    assert world.board.session.now() - at <= 1
    kept = world.sql("SELECT subject, intensity FROM window_event ORDER BY event_id")
    assert kept == [("a", 1.0), ("b", 1.0), ("a", 0.5)]
    assert len(world.claimed("many").inputs) == 2


def test_a_longer_window_is_filled_and_a_shorter_one_is_cleared_by_retention(world: World) -> None:
    def watch_for(within: str) -> None:
        world.deploy(BEAT, spec("many", count("beat", over="board", within=within) >= 3))

    watch_for("10m")
    for _ in range(2):
        world.put("beat", "a")
    world.advance(20 * MINUTE)
    world.evaporate()
    keep = {"history": HOUR, "activations": None, "model_calls": None}
    assert in_transaction(world.board, retention.remove, **keep, limit=10) == 2
    watch_for("1h")
    assert world.put("beat", "b").crossed == ("many",)
    world.advance(2 * HOUR)
    assert in_transaction(world.board, retention.remove, **keep, limit=10) == 0  # a crossing waits
    watch_for("2m")
    assert [row.state for row in world.crossings()] == ["skipped"]
    world.put("beat", "b")
    assert in_transaction(world.board, retention.remove, **keep, limit=10) >= 3
    world.deploy(BEAT)
    assert in_transaction(world.board, retention.remove, **keep, limit=10) == 1


def test_history_stays_as_long_as_a_window_needs_it(world: World) -> None:
    world.deploy(BEAT, spec("many", count("beat", within="24h") >= 2))
    first = world.put("beat", "a", payload={"value": "first"})
    world.put("beat", "b")
    keep = {"history": HOUR, "activations": None, "model_calls": None}
    world.advance(23 * HOUR)
    world.evaporate()
    in_transaction(world.board, retention.remove, **keep, limit=100)
    second = world.put("beat", "a")
    claim = world.claimed("many")
    assert {item.event.mark_id: item.event.payload for item in claim.inputs} == {
        first.mark_id: '{"value":"first"}',
        second.mark_id: "{}",
    }
    world.finish(claim)
    world.advance(48 * HOUR)
    world.evaporate()
    while in_transaction(world.board, retention.remove, **keep, limit=100):
        pass
    assert world.board.history("b") == []


def test_a_changed_threshold_keeps_or_ends_what_waits_and_does_not_cross_again(world: World) -> None:
    def deploy(threshold: float) -> None:
        world.deploy(BEAT, spec("many", count("beat", within="10m") >= threshold))

    deploy(2)
    for subject in "aab":
        world.put("beat", subject)
    world.put("beat", "c")
    world.put("beat", "c")
    world.put("beat", "c")
    world.advance(MINUTE)
    deploy(3)
    states = {row.scope: (row.state, row.value, row.threshold) for row in world.crossings()}
    assert states == {"a": ("skipped", 2.0, 2.0), "c": ("waiting", 3.0, 3.0)}
    world.work_off("many")
    deploy(2)
    again = [row.scope for row in world.crossings("waiting")]
    assert again == ["a"]
    world.work_off("many")
    deploy(1)
    assert [row.scope for row in world.crossings("waiting")] == ["b"]


def test_a_new_weight_makes_a_total_rise_or_fall_at_the_change(world: World) -> None:
    def deploy(weight: float) -> None:
        kinds = {"cost": kind("cost", Step("1m"), weight=weight, on_repeat="separate")}
        up, down = total("cost", within="1h") >= 4, total("cost", over="board", within="1h") < 4
        world.deploy(kinds, spec("up", up), spec("down", down))

    deploy(1.0)
    for _ in range(2):
        world.put("cost", "a")
    world.advance(10 * MINUTE)
    world.evaporate()
    deploy(2.0)
    assert [(row.scope, row.value) for row in world.crossings()] == [("a", 4.0)]
    world.advance(MINUTE)
    deploy(1.0)
    assert [(row.scope, row.crossed_at) for row in world.crossings()][1:] == [("", world.board.session.now())]
    deploy(2.0)
    assert len(world.crossings("waiting")) == 2  # the first crossing of up still waits


def test_a_preview_says_which_subjects_a_new_window_would_wake_for(world: World) -> None:
    world.deploy(BEAT)
    for subject in "aab":
        world.put("beat", subject)
        world.advance(2 * MINUTE)
    world.evaporate()
    many = spec("many", count("beat", within="10m") >= 2, unless=count("beat", within="5m") >= 1)
    preview = world.board.preview(world.deployment.model_copy(update={"agents": {"many": many}}))
    assert [(wake.agent, wake.subject, wake.value, wake.guard_closed) for wake in preview.wakes] == [
        ("many", "a", 2.0, True)
    ]
    assert world.sql("SELECT * FROM window_event") == []
