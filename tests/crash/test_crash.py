"""A kill at any instant or failpoint loses nothing and doubles nothing, and work continues within 2 seconds."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from blackboard.system import failpoints
from tests.crash import births, harness
from tests.crash.births import PLACES
from tests.crash.crash_command import crashing
from tests.crash.invariants import Broken
from tests.crash.worlds import WORLDS

ROOT = Path(__file__).parents[2]
ELSEWHERE = ("spool.", "batch_api.", "partition.", "optimistic.")
"""The failpoints at which the tests of model calls, of several processes on PostgreSQL, and of its history kill."""


def figures(world: str, kills: int) -> dict[str, Any]:
    with crashing("--world", world, "--kills", str(kills)) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)[world]
    summary = {name: value for name, value in found.items() if name not in ("recoveries", "failpoints")}
    # Interrupts in a destructor or a library cause only warnings, hundreds of them.
    print(f"{err.partition(chr(10))[0]}: {summary}, longest recovery {max(found['recoveries']):.3f} s")
    return found


@pytest.mark.processes
@pytest.mark.timeout(0)
@pytest.mark.parametrize("world", WORLDS)
def test_a_crash_loses_and_doubles_nothing(world: str, crash_runs: int) -> None:
    if world == "interrupted" and sys.version_info[:2] == (3, 14):
        pytest.skip("with Python 3.14, an exception of a signal's handler can leave a lock held")
    found = figures(world, max(20, crash_runs // len(WORLDS)))
    assert found["kills"] >= crash_runs // len(WORLDS)
    if crash_runs >= 1000:  # `make crash`, beside which nothing else runs
        assert max(found["recoveries"]) < 2.0
        assert found["taken_up"] > 0  # of fewer kills, none may strike during an activation
    assert (found["interrupts"] > 0) is (world == "interrupted")
    assert set(found["failpoints"]) >= set(WORLDS[world].failpoints())


@pytest.mark.processes
@pytest.mark.timeout(0)
def test_a_crash_during_the_creation_of_a_board_does_not_damage_it(crash_runs: int) -> None:
    found = figures("births", max(100, crash_runs // 10))
    assert set(found["failpoints"]) == set(PLACES)


@pytest.mark.parametrize("world", ["births", "desk"])
def test_a_failed_run_prints_the_command_that_repeats_it(
    world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(*arguments: Any) -> None:
        raise Broken("a mark is gone")

    if world == "births":
        monkeypatch.setattr(births, "kill_at_birth", break_it)
        again: Callable[[], Any] = partial(births.births, tmp_path, 7, 1, 3)
    else:
        monkeypatch.setattr(harness.Run, "run", break_it)
        again = partial(harness.run, world, tmp_path, 7, 1, 3)
    with pytest.raises(Broken) as broken:
        again()
    assert str(broken.value).startswith("a mark is gone\n")
    assert str(broken.value).endswith(f"see it again with: python -m tests.crash --world {world} --seed 7 --first 3")


def test_every_failpoint_is_in_the_code() -> None:
    """A step that local and remote agents have, or that several backfills have, has one name in all of them."""
    source = "\n".join(
        path.read_text("utf-8") for folder in ("blackboard", "agents") for path in sorted((ROOT / folder).rglob("*.py"))
    )
    assert set(re.findall(r'(?<!def )\bfailpoint\("([^"]+)"\)', source)) == set(failpoints.NAMES)


def test_a_process_is_killed_at_every_failpoint() -> None:
    killed_at = {name for world in WORLDS.values() for name in world.failpoints()} | set(PLACES)
    assert {name for name in failpoints.NAMES if not name.startswith(ELSEWHERE)} == killed_at
