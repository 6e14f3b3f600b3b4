"""A daemon that was killed and restarted ends like an uninterrupted daemon; SIGHUP reloads its deployment file."""

from __future__ import annotations

import json
import random
import re
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from blackboard import Blackboard
from tests.crash import invariants
from tests.crash.worlds.desk_world import Desk
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import ROOT, started

pytestmark = pytest.mark.processes

LEADS = str(ROOT / "config" / "leads.toml")


def blackboard(*arguments: str) -> list[str]:
    return ["-m", "blackboard", *arguments]


def is_log(line: str, event: str) -> bool:
    return line.startswith("{") and json.loads(line).get("event") == event


def settings_of(world: Desk) -> Mapping[str, str]:
    return {
        **Desk.SHORTER,
        "BLACKBOARD_DATABASE__URL": f"sqlite:///{world.path}",
        "BLACKBOARD_SETTINGS__LEAD_DESK__CALENDAR": str(world.calendar),
    }


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_killed_desk_ends_like_an_uninterrupted_desk(tmp_path: Path, after: int) -> None:
    world = Desk(tmp_path, random.Random(after))
    world.create()
    for number in range(world.depositors):
        world.deposit(number, 0, lambda line: None)
    run = blackboard("--config", LEADS, "run", "--until-quiescent")
    with started(run, environment=settings_of(world)) as process:
        for _ in range(after):
            process.line(lambda line: is_log(line, "done"))
        process.signal(signal.SIGKILL)
        process.popen.wait(BOUND_SECONDS)
    with started(run, environment=settings_of(world)) as process:
        assert process.ends() == 0, "\n".join(process.lines[-20:])
    invariants.check(world.path, {})
    invariants.check_finished(world.path)
    world.check_end()


def test_sighup_reloads_the_deployment_file(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    text = Path(LEADS).read_text("utf-8")
    file.write_text(text, "utf-8")
    world = Desk(tmp_path, random.Random(0))
    with started(blackboard("--config", str(file), "run"), environment=settings_of(world)) as process:
        process.line(lambda line: is_log(line, "started"))
        file.write_text(re.sub(r"(\[kinds\.lead\][^\n]*\nweight = )1\.0", r"\g<1>0.5", text), "utf-8")
        process.signal(signal.SIGHUP)
        process.line(lambda line: is_log(line, "reloaded"))
        with Blackboard.open(f"sqlite:///{world.path}") as board:
            assert board.deployment.kinds["lead"].weight == 0.5
        file.write_text(text.replace("[kinds.lead]", "[kinds.laed]"), "utf-8")
        process.signal(signal.SIGHUP)
        process.line(lambda line: line.startswith("{") and "mistakes" in line)
        process.signal(signal.SIGTERM)
        assert process.ends() == 0
    with Blackboard.open(f"sqlite:///{world.path}") as board:
        assert board.deployment.kinds["lead"].weight == 0.5
