"""A deposit on a mark that the agent was already given wakes the agent only if the deposit is news.

It is news if its payload differs, as JSON, from the payload that the agent was last given, or if its stored intensity
is above the intensity of that state. It is also news if the condition over all live marks begins to hold by it.
"""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Exponential, Never, Step, count, strength, strongest, total, watch
from blackboard.board.housekeeping import retention
from blackboard.core.marks.payload_json import is_same_payload
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.support.board_steps import in_transaction
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

CONDITIONS = [
    strength("smoke") >= 0.5,
    total("smoke") >= 0.5,
    strongest("smoke") >= 0.5,
    count("smoke") >= 1,
    (total("smoke") >= 0.5) | (count("fire") >= 9),
    total("smoke", over="board") >= 0.5,
    strongest("smoke", over="board") >= 0.5,
    count("smoke", over="board") >= 1,
]
REACHED = [condition for condition in CONDITIONS if 'count("smoke"' not in str(condition)]
"""The conditions that a mark meets again when it is reinforced."""


def deploy(world: World, condition: Any, on_repeat: str = "max", cap: float | None = None, **declared: Any) -> None:
    smoke = kind("smoke", Exponential("1h"), floor=0.001, on_repeat=on_repeat, cap=cap)
    world.deploy({"smoke": smoke, "fire": kind("fire")}, spec("watchman", condition, **declared))


def wake(world: World) -> bool:
    """Claim and finish once; return whether the agent woke."""
    world.board.session.write(check_sums)
    woken = world.woken("watchman")
    assert world.waiting("watchman") == 0
    return bool(woken)


@pytest.mark.postgresql
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("on_repeat", ["add", "max", "replace"])
def test_a_sensor_that_reports_the_same_each_minute_wakes_once(world: World, condition: Any, on_repeat: str) -> None:
    deploy(world, condition, on_repeat, cap=1.0)
    woken = []
    for _ in range(20):
        assert world.put("smoke", payload={"state": "on", "level": 1}).outcome in ("deposited", "reinforced")
        woken.append(wake(world))
        world.advance(MINUTE)
    assert woken == [True] + [False] * 19
    assert [(mark.reinforcements, mark.intensity) for mark in world.board.marks()] == [(19, 1.0)]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_another_payload_is_news(world: World, condition: Any) -> None:
    deploy(world, condition, "replace")
    for payload, is_new in (
        ({"a": 1, "b": [1, 2]}, True),
        ({"b": [1, 2], "a": 1.0}, False),
        ({"a": True, "b": [1, 2]}, True),
        ({"a": True, "b": [2, 1]}, True),
        ({"a": True, "b": [2, 1]}, False),
    ):
        world.put("smoke", payload=payload)
        assert wake(world) == is_new, payload
        world.advance(SECOND)


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_the_payload_that_was_last_given_counts_not_the_one_before(world: World, condition: Any) -> None:
    deploy(world, condition, "replace")
    world.put("smoke", payload={"state": "a"})
    assert wake(world)
    world.sign("watchman", "smoke")  # the agent's own deposit, with another payload, is not given to it
    world.put("smoke", payload={"state": "a"})
    assert not wake(world)
    world.put("smoke", payload={"state": "b"})
    world.put("smoke", payload={"state": "a"})  # the agent has not yet been given b, so the mark is still news
    assert wake(world)


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_higher_intensity_than_the_one_given_is_news(world: World, condition: Any) -> None:
    deploy(world, condition, "replace")
    woken = []
    for intensity in (0.8, 0.81, 0.8, 0.81, 0.7, 0.81, 0.82):
        world.put("smoke", intensity=intensity)
        woken.append(wake(world))
    assert woken == [True, True, False, False, False, False, True]


@pytest.mark.parametrize("condition", REACHED, ids=str)
def test_a_condition_that_begins_to_hold_is_news(world: World, condition: Any) -> None:
    deploy(world, condition)
    world.put("smoke", intensity=0.9)
    assert wake(world)
    world.advance(30 * MINUTE)  # 0.64
    world.put("smoke", intensity=0.9)
    assert not wake(world)
    world.advance(2 * HOUR)  # below 0.5
    world.put("smoke", intensity=0.9)
    assert wake(world)


@pytest.mark.parametrize("over", ["subject", "board"])
@pytest.mark.parametrize("measure", [total, strongest])
def test_absorbed_and_own_marks_keep_a_condition_true(world: World, over: Any, measure: Any) -> None:
    smoke = kind("smoke", Exponential("1h"), on_repeat="max")
    kinds = {"smoke": smoke, "fire": kind("fire", Never()), "ash": kind("ash", Never())}
    world.deploy(kinds, spec("watchman", measure("smoke", "fire", "ash", over=over) >= 0.5))
    world.put("smoke", intensity=0.9)
    world.put("fire", intensity=0.6)
    assert wake(world)
    world.advance(2 * HOUR)
    world.put("smoke", intensity=0.9)
    assert not wake(world)  # the fire, which was given, meets the condition alone
    world.board.withdraw(world.board.marks("fire")[0].id)
    world.sign("watchman", "ash", intensity=0.6)
    world.advance(2 * HOUR)
    world.put("smoke", intensity=0.9)
    assert not wake(world)
    world.board.withdraw(world.board.marks("ash")[0].id)
    world.advance(2 * HOUR)
    world.put("smoke", intensity=0.9)
    assert wake(world)


@pytest.mark.postgresql
@pytest.mark.parametrize("huge", [None, 3e11])
def test_a_total_over_all_live_marks_follows_every_change(world: World, huge: float | None) -> None:
    smoke = kind("smoke", Exponential("1h"), floor=0.01, on_repeat="max")
    watches = spec("watchman", total("smoke", over="board", subject="a*") >= 2)
    world.deploy({"smoke": smoke}, watches)

    def refresh() -> bool:
        """Reinforce one mark, and return whether it is news: whether it counts, alone, as a stimulus."""
        world.put("smoke", "a1", 1.0)
        woken = wake(world)
        records = world.sql("SELECT event_id, given_event_id FROM absorbed WHERE mark_id = 1")
        return not woken and not (records and records[0][0] == world.mark(1).event_id)

    for subject in ("a1", "a2", "b1"):
        world.put("smoke", subject)
    assert wake(world)
    world.advance(30 * MINUTE)
    assert not refresh()  # 1.41 before, 1.71 after
    world.put("smoke", "a3", 0.2)
    if huge is not None:
        world.put("smoke", "a4", huge)
        wake(world)
        world.board.withdraw(world.board.marks(subject="a4")[0].id)
    world.advance(6 * MINUTE)
    world.put("smoke", "a5", 0.25)
    world.advance(6 * MINUTE)
    values = [mark.strength for mark in world.board.marks() if mark.subject.startswith("a")]
    assert sum(values) < 2 < sum(values) - world.strengths(subject="a1")["a1"][0] + 1
    assert refresh()


def test_what_was_not_news_does_not_change_what_was_given(world: World) -> None:
    deploy(world, strength("smoke") >= 0.5, "add", cap=1.0)
    world.put("smoke", intensity=1.0)
    assert wake(world)
    for _ in range(5):
        world.advance(10 * MINUTE)
        world.put("smoke", intensity=0.05)  # it fades faster than it grows, down to 0.53
        assert not wake(world)
    world.put("smoke", intensity=0.4)  # still below what was given, though above the last deposit
    assert not wake(world)
    world.put("smoke", intensity=0.5)
    assert not wake(world)  # capped at the intensity that was given


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_min_increase_applies_on_top(world: World, condition: Any) -> None:
    deploy(world, watch(condition, min_increase=0.2), "replace")
    world.put("smoke", intensity=0.6)
    assert wake(world)
    world.put("smoke", intensity=0.7, payload={"state": "other"})
    assert not wake(world)
    world.put("smoke", intensity=0.95, payload={"state": "other"})
    assert wake(world)
    world.put("smoke", intensity=0.7, payload={"state": "other"})
    world.put("smoke", intensity=0.95, payload={"state": "other"})
    assert not wake(world)  # it grows by 0.25, but tells nothing new


def test_a_mark_that_was_never_given_is_always_news(world: World) -> None:
    deploy(world, total("smoke", over="board") >= 0.5, "max")
    world.sign("watchman", "smoke", intensity=0.9)
    world.put("smoke", "other", intensity=0.9)
    assert wake(world)  # the watermark passes the agent's own mark
    world.put("smoke", intensity=0.95)
    assert wake(world)


def test_news_is_compared_with_the_last_given_state_even_if_the_agent_deposited_it(world: World) -> None:
    deploy(world, total("smoke", over="board") >= 0.5, "replace")
    world.put("smoke", payload={"state": "a"})
    world.sign("watchman", "smoke")  # payload {}
    assert wake(world)
    world.put("smoke", payload={})
    assert not wake(world)
    world.put("smoke", payload={"state": "a"})
    assert wake(world)


def test_a_watermark_keeps_what_was_given_before_a_deposit_that_was_not_news(world: World) -> None:
    deploy(world, total("smoke", over="board") >= 0.5, "replace")
    world.put("smoke", intensity=0.9)
    assert wake(world)
    world.put("smoke", intensity=0.6)
    assert not wake(world)
    world.put("smoke", "other")
    assert wake(world)  # the watermark passes the deposit of 0.6
    world.put("smoke", intensity=0.8)
    assert not wake(world)
    world.put("smoke", intensity=0.95)
    assert wake(world)


def test_an_evaporated_mark_without_news_is_not_given_again(world: World) -> None:
    smoke = kind("smoke", Step("10m"), on_repeat="replace")
    world.deploy({"smoke": smoke, "fire": kind("fire", Step("5m"))}, spec("watchman", total("smoke", "fire") >= 0.5))
    mark = world.put("smoke").mark_id
    assert world.woken("watchman") == [mark]
    world.advance(MINUTE)
    world.put("smoke")
    fire = world.put("fire").mark_id
    world.advance(HOUR)
    world.evaporate()
    assert world.sql("SELECT mark_id FROM absorbed") == [(mark,)]
    assert world.woken("watchman") == [fire]
    in_transaction(world.board, retention.remove, history=None, activations=None, model_calls=None, limit=9)
    assert (mark,) not in world.sql("SELECT mark_id FROM absorbed")


def test_payloads_are_compared_as_json() -> None:
    assert is_same_payload('{"a": 1, "b": "x"}', '{"b":"x","a":1.0}')
    assert not is_same_payload('{"a": 1}', '{"a": true}')
    assert not is_same_payload('{"a": null}', "{}")
    assert not is_same_payload('{"a": [1, 2]}', '{"a": [2, 1]}')
    assert not is_same_payload('{"a": 0.1}', '{"a": 0.10000000000000002}')
