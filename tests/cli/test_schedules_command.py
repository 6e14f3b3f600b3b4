"""`schedules` lists when agents wake by the clock; `check` and `explain` also name the next instants."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.support.command_line import CommandLine

AGENTS = """
from blackboard import Mark, agent, daily_at, every, watch


class Note(Mark, kind="note"):
    text: str


@agent(watches={"morning": daily_at("09:00", zone="Europe/Berlin"), "each": watch(every("2h"), catch_up="none")},
       writes=[Note])
def digest(marks, context):
    return [Note(subject="digest", text=context.scheduled_for.isoformat())]
"""


@pytest.fixture
def press(house: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Return a runner in a folder with an agent that has schedules."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (house.folder / "press_agents.py").write_text(AGENTS)
    path = house.folder / "blackboard.toml"
    path.write_text('[database]\nurl = "sqlite:///press.db"\n[deployment]\nagents = ["press_agents:digest"]\n')
    yield house
    sys.modules.pop("press_agents", None)


def test_schedules_lists_the_next_instants(press: CommandLine) -> None:
    press("init")
    rows = {row["watch"]: row for row in press("schedules", "--limit", "2", "--json").json}
    assert rows["morning"]["schedule"] == 'daily_at("09:00", zone="Europe/Berlin")'
    assert (rows["morning"]["catch_up"], rows["each"]["catch_up"]) == ("once", "none")
    for row in rows.values():
        assert len(row["upcoming"]) == 2
        assert row["next_at"] == row["upcoming"][0]
        assert (row["waits_since"], row["last_at"]) == (None, None)
    assert 'every("2h")' in press("schedules").out


def test_explain_and_status_name_the_next_instant(press: CommandLine) -> None:
    press("init")
    first = min(row["next_at"] for row in press("schedules", "--json").json)
    assert press("status", "--json").json["next_predicted_crossing"] == first
    watches = press("explain", "digest", "--json").json["watches"]
    assert first in [watch["predicted_at"][0] for watch in watches]
    assert all(watch["verdict"].startswith("it is due next at ") for watch in watches)
    assert press("explain", "digest").out.count("    next: ") == 2


def test_run_until_quiescent_says_when_the_next_schedule_comes(press: CommandLine) -> None:
    done = press("run", "--until-quiescent")
    assert done.code == 0
    assert "the next schedule crosses at 20" in done.out + done.err


def test_check_against_the_board_names_the_schedules(press: CommandLine) -> None:
    press("init")
    path = press.folder / "blackboard.toml"
    path.write_text(path.read_text() + "[agents.digest.watches.morning]\nschedule = 'daily_at(\"10:00\")'\n")
    found = press("check", "--against-board", "--json").json["against_board"]["schedules"]
    assert [(one["watch"], one["schedule"], one["is_new"]) for one in found] == [
        ("each", 'every("2h")', False),
        ("morning", 'daily_at("10:00")', True),
    ]
    out = press("check", "--against-board").out
    assert "2 schedules" in out
    assert "begins" in out


def test_a_mistake_in_a_schedule_is_named_with_its_place(press: CommandLine) -> None:
    path = press.folder / "blackboard.toml"
    path.write_text(path.read_text() + "[agents.digest.watches.morning]\nschedule = 'daily_at(\"25:00\")'\n")
    done = press("check")
    assert done.code == 2
    assert "agents.digest.watches.morning.schedule" in done.err
    assert "'25:00' is not a time of the day" in done.err


def test_a_board_without_schedules_says_so(house: CommandLine) -> None:
    house("init")
    assert "no agent has a schedule" in house("schedules").out
    assert house("schedules", "--json").json == []
