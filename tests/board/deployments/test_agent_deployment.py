"""A program deploys agents without a deployment file and changes only the agents and kinds that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, ManualClock, Mark, agent, count, of_subject, strength, watch
from blackboard.errors import ConfigurationError
from tests.support.world import World, kind


class Smoke(Mark, kind="smoke"):
    detail: str = ""


class Alarm(Mark, kind="alarm", on_repeat="separate"):
    level: int


class Drill(Mark, kind="drill"):
    pass


@agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], unless=count(Drill) >= 1)
def watchman(smokes: list[Smoke], context: Any) -> list[Alarm]:
    return [Alarm(subject=smoke.subject, level=round(10 * smoke.strength)) for smoke in smokes]


stricter = agent(watches=watch(strength(Smoke) >= 0.3), name="watchman", writes=[Alarm], kinds=[Drill])(
    watchman.function
)


@agent(watches=watch(strength(Smoke) >= 0.3), name="watchman", writes=[Alarm])
def silent(smokes: list[Smoke], context: Any) -> None:
    return None


def test_an_agent_is_deployed_with_every_kind_that_it_names(world: World) -> None:
    change = world.board.deploy(watchman)
    assert "agent watchman: new" in change.changed
    assert {"smoke", "alarm", "drill", "need", "decision"} <= world.board.deployment.kinds.keys()
    assert world.put("smoke", "kitchen", 0.8).crossed == ("watchman",)


def test_deploying_twice_changes_nothing(world: World) -> None:
    version = world.board.deploy(watchman).version
    again = world.board.deploy(watchman)
    assert (again.version, again.changed) == (version, ())


def test_an_agent_is_replaced_and_the_others_stay(world: World) -> None:
    @agent(watches=strength(Alarm) >= 0.5)
    def listener(alarms: list[Alarm], context: Any) -> None:
        return None

    world.board.deploy(watchman, listener)
    world.board.deploy(stricter)
    assert str(world.board.deployment.agents["watchman"].watches[0].when) == 'strength("smoke") >= 0.3'
    assert "listener" in world.board.deployment.agents


def test_a_kind_keeps_its_deployed_settings_unless_it_is_named(world: World) -> None:
    world.deploy({"smoke": kind("smoke", weight=2.0)})
    world.board.deploy(watchman)
    assert world.board.deployment.kinds["smoke"].weight == 2.0
    world.board.deploy(kinds=[Smoke])
    assert world.board.deployment.kinds["smoke"].weight == 1.0


def test_a_renamed_agent_replaces_its_predecessor(world: World) -> None:
    world.board.deploy(watchman)

    @agent(watches=strength(Smoke) >= 0.7, writes=[Alarm], renamed_from="watchman")
    def guard(smokes: list[Smoke], context: Any) -> None:
        return None

    world.board.deploy(guard)
    assert set(world.board.deployment.agents) == {"guard"}


@pytest.mark.postgresql
def test_an_unknown_kind_is_refused_and_nothing_changes(world: World) -> None:
    @agent(watches=strength("smoke") >= 0.7, reads=[of_subject("smokke")])
    def reader(smokes: list[Smoke], context: Any) -> None:
        return None

    with pytest.raises(ConfigurationError, match=r"'smoke', which is not known.*kinds=\[\.\.\.\]"):
        world.board.deploy(reader)
    assert world.board.deployment.version == 0


@pytest.mark.postgresql
def test_a_daemon_deploys_agents_that_the_board_does_not_know(tmp_path: Path, clock: ManualClock) -> None:
    with Blackboard.open(f"sqlite:///{tmp_path}/board.db", clock=clock) as board:
        board.deposit(Smoke(subject="kitchen"), intensity=0.8)
        Daemon(board, [watchman]).run(until_quiescent=True)
        assert [alarm.level for alarm in board.marks(Alarm)] == [8]


def test_a_daemon_deploys_the_changed_code_of_a_registered_agent(tmp_path: Path, clock: ManualClock) -> None:
    with Blackboard.open(f"sqlite:///{tmp_path}/board.db", clock=clock) as board:
        board.deploy(watchman)
        Daemon(board, [silent]).run(until_quiescent=True)
        assert board.deployment.agents["watchman"] == silent.spec


def test_a_daemon_does_not_change_a_registered_agent(tmp_path: Path, clock: ManualClock) -> None:
    with Blackboard.open(f"sqlite:///{tmp_path}/board.db", clock=clock) as board:
        board.deploy(watchman)
        Daemon(board, [stricter]).run(until_quiescent=True)
        assert str(board.deployment.agents["watchman"].watches[0].when) == 'strength("smoke") >= 0.7'
