"""Figures for monitors: the state of a board now, and each thing that happened once."""

from __future__ import annotations

import pytest

from blackboard import Never, count, strength
from blackboard.core.specs.agent_spec import Budget
from blackboard.durations import MINUTE, SECOND
from tests.support.world import World, kind, spec

KINDS = {"smoke": kind("smoke", Never(), on_repeat="separate")}


@pytest.mark.postgresql
def test_figures_count_each_thing_that_happened_once(world: World) -> None:
    world.deploy(KINDS, spec("watchman", strength("smoke") >= 0.5, max_attempts=1, batch=1))
    world.put("smoke", "before")
    start = world.board.figures()
    assert (start.happened.events, start.happened.crossings, start.happened.ended) == ({}, {}, ())
    world.put("smoke", "s")
    world.put("smoke", "t", 0.1)
    world.advance(3 * SECOND)
    claim = world.claimed("watchman")
    world.advance(2 * SECOND)
    world.finish(claim)
    claim = world.claimed("watchman")
    first = world.board.figures(start.position)
    assert first.happened.events == {("smoke", "deposited"): 2}
    assert first.happened.crossings == {("watchman", "watch"): 1}
    [run] = first.happened.ended
    assert (run.agent, run.state, run.waited_seconds, run.run_seconds) == ("watchman", "done", 3, 2)
    assert first.activations == {("watchman", "running"): 1}
    world.fail(claim)
    assert [run.state for run in world.board.figures(first.position).happened.ended] == ["dead"]
    assert [run.state for run in world.board.figures(start.position).happened.ended] == ["done", "dead"]
    world.advance(5 * MINUTE)
    last = world.board.figures(world.board.figures(first.position).position)
    assert (last.happened.events, last.happened.crossings, last.happened.ended) == ({}, {}, [])
    assert last.activations == {("watchman", "dead"): 1}
    assert last.unserved == ["watchman"]


@pytest.mark.postgresql
def test_figures_name_what_holds_waiting_work(world: World) -> None:
    agents = [
        spec("eager", strength("smoke") >= 0.5),
        spec("slow", strength("smoke") >= 0.5, batch_window="1m"),
        spec("paused", strength("smoke") >= 0.5),
        spec("guarded", strength("smoke") >= 0.5, unless=count("smoke") >= 1),
    ]
    world.deploy(KINDS, *agents)
    world.board.pause("paused")
    world.put("smoke", "s")
    world.advance(SECOND)
    assert world.claim("guarded") is None
    figures = world.board.figures()
    assert figures.waiting == {
        ("eager", "nothing"): 1, ("slow", "batch_window"): 1, ("paused", "paused"): 1, ("guarded", "guard"): 1
    }  # fmt: skip
    assert {(figures.as_of - at).total_seconds() for at in figures.oldest.values()} == {1}
    assert figures.paused_agents == ["paused"]


@pytest.mark.parametrize("subjects", [("s", "t"), ("t", "s")])
def test_the_oldest_crossing_of_an_agent_counts_whichever_watch_it_is_for(
    world: World, subjects: tuple[str, str]
) -> None:
    world.deploy(KINDS, spec("watchman", {name: strength("smoke", subject=name) >= 0.5 for name in ("s", "t")}))
    first = world.board.now()
    for subject in subjects:
        world.put("smoke", subject)
        world.advance(MINUTE)
    assert world.board.figures().oldest == {"watchman": first}


def test_figures_say_what_budgets_leave(world: World) -> None:
    own = spec("watchman", strength("smoke") >= 0.5, budget=Budget(usd_per_hour=2.0))
    world.deploy(KINDS, own)
    assert world.board.figures().usd_left == {("watchman", "hour"): 2.0}
