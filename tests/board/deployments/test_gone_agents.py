"""Work of an agent that was taken out of the deployment is counted, is shown as held, and goes on when it returns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blackboard import Linear, count, strength, total
from blackboard.board.deployment_effects.gone_agents import HELD_REASON
from blackboard.board.diagnosis import doctor
from blackboard.core.records.finding import Finding
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import HOUR
from blackboard.errors import BlackboardError
from tests.support.world import World, kind, spec

KINDS = {"smoke": kind("smoke", on_repeat="separate")}


def watchman(threshold: float = 0.5, name: str = "watchman", **declared: Any) -> AgentSpec:
    return spec(name, strength("smoke") >= threshold, max_attempts=2, batch=1, **declared)


def findings(world: World, name: str) -> list[Finding]:
    return [finding for finding in doctor.examine_board(world.board) if finding.name == name]


def abandoned_work(world: World) -> tuple[int, int]:
    """Give an agent a failed activation and a crossing, then take it out; return their marks."""
    world.deploy(KINDS, watchman())
    tried, waits = world.put("smoke", "tried", 2.0).mark_id, world.put("smoke", "waits").mark_id
    world.fail(world.claimed("watchman"), "it broke")
    world.deploy({})
    return tried, waits


@pytest.mark.postgresql
def test_work_of_a_gone_agent_is_counted_and_shown_as_held(world: World) -> None:
    tried, _ = abandoned_work(world)
    status = world.board.status()
    assert status.gone_agents == {"watchman": 2}
    assert status.activations == {"held": 1}
    [activation] = world.board.activations(state="held")
    assert (activation.error, activation.retry_at) == (f"{HELD_REASON}; before that: it broke", None)
    assert (activation.subject, activation.mark_ids) == ("tried", (tried,))
    assert world.board.activations(state="ready") == []
    assert world.board.activations(agent="watchman") == [activation]
    items = sorted((item.subject or "", item.state, item.held_by, item.ready_at) for item in world.board.agenda())
    assert items == [("tried", "deferred", HELD_REASON, None), ("waits", "waiting", HELD_REASON, None)]
    viewed = world.sql("SELECT subject, state, held_by, ready_at FROM agenda ORDER BY subject")
    assert [tuple(row) for row in viewed] == items
    [row] = world.sql("SELECT state, error, retry_at, mark_ids FROM activations")
    assert (row.state, row.error, row.retry_at, json.loads(row.mark_ids)) == ("held", activation.error, None, [tried])
    [finding] = findings(world, "agent")
    assert (finding.state, "1 activation and 1 crossing" in finding.detail) == ("wrong", True)
    world.board.discard(activation.id)
    [finding] = findings(world, "agent")
    assert (finding.state, "0 activations and 1 crossing" in finding.detail) == ("note", True)


def test_a_preview_counts_the_work_that_would_be_held(world: World) -> None:
    other = spec("other", strength("smoke") >= 5)
    world.deploy(KINDS, watchman(), other)
    world.put("smoke")
    world.put("smoke", "other")
    world.claimed("watchman")
    without = world.deployment.model_copy(update={"agents": {"other": other}})
    assert world.board.preview(without).gone_agents == {"watchman": 2}
    assert world.board.status().gone_agents == {}


@pytest.mark.postgresql
@pytest.mark.parametrize("name", ["watchman", "successor"])
def test_an_agent_that_returns_takes_up_its_work(world: World, name: str) -> None:
    tried, waits = abandoned_work(world)
    world.advance(HOUR)
    world.deploy({}, watchman(name=name, renamed_from=None if name == "watchman" else "watchman"))
    assert world.board.status().gone_agents == {}
    assert [world.woken(name), world.woken(name), world.woken(name)] == [[tried], [waits], None]


def test_what_waited_is_tested_again_under_the_watch_that_returns(world: World) -> None:
    world.deploy(KINDS, watchman())
    world.put("smoke", "weak", 0.6)
    strong = world.put("smoke", "strong", 0.9).mark_id
    crossed_at = world.crossings()[1].crossed_at
    world.deploy({})
    world.advance(HOUR)
    world.deploy({}, watchman(0.8))
    [item] = world.board.agenda()
    assert (item.subject, item.mark_id, item.held_by) == ("strong", strong, None)
    assert [row.crossed_at for row in world.crossings("waiting")] == [crossed_at]
    assert [world.woken("watchman"), world.woken("watchman")] == [[strong], None]


def test_a_withdrawn_mark_leaves_the_agenda_of_a_gone_agent(world: World) -> None:
    tried, waits = abandoned_work(world)
    world.board.withdraw(waits)
    assert [item.subject for item in world.board.agenda()] == ["tried"]
    world.advance(HOUR)
    world.deploy({}, watchman())
    assert [world.woken("watchman"), world.woken("watchman")] == [[tried], None]


@pytest.mark.parametrize("over", ["subject", "board"])
def test_a_total_that_waited_is_not_lost(world: World, over: Any) -> None:
    agent = spec("counter", total("smoke", over=over) >= 2)
    world.deploy(KINDS, agent)
    marks = [world.put("smoke").mark_id for _ in range(2)]
    world.deploy({})
    assert world.board.status().gone_agents == {"counter": 1}
    marks.append(world.put("smoke").mark_id)
    world.deploy({}, agent)
    assert sorted(world.woken("counter") or ()) == marks


def test_a_fall_that_waited_is_not_lost(world: World) -> None:
    agent = spec("cooler", count("smoke") < 1)
    world.deploy({"smoke": kind("smoke", Linear("1h"), on_repeat="separate")}, agent)
    mark = world.put("smoke").mark_id
    world.advance(2 * HOUR)
    world.evaporate()
    assert world.waiting("cooler") == 1
    world.deploy({})
    world.advance(HOUR)
    world.deploy({}, agent)
    assert world.woken("cooler") == [mark]


def test_an_agent_that_never_was_is_unknown(world: World) -> None:
    abandoned_work(world)
    with pytest.raises(BlackboardError, match="watchmen"):
        world.board.activations(agent="watchmen")
