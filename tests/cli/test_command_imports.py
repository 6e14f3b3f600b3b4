"""A command imports neither other commands nor modules for daemons and live views."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blackboard import Blackboard, Need
from blackboard.cli.app import GROUPS, LazyCommands
from tests.support.bounds import BOUND_SECONDS

ROOT = Path(__file__).parents[2]
HEAVY = {
    "alembic",
    "anthropic",
    "apscheduler",
    "icalendar",
    "jsonschema",
    "rich",
    "sqlalchemy",
    "structlog",
    "blackboard.core.agents.agent_definition",
    "blackboard.daemon",
    "blackboard.llm.anthropic_client",
    "blackboard.cli.operating_commands.run_command",
}

USED = {
    "--help": {"rich", "blackboard.cli.operating_commands.run_command"},
    # It says which model would answer; the client itself loads no library before its first call.
    "status": {"blackboard.llm.anthropic_client"},
}
"""The modules of these that a command uses."""
MAX_MODULES = {"--help": 95, "marks": 190, "history": 190, "deposit": 247, "status": 280}
"""The most modules of the program that each command may import: a few more than it did when this was written."""

DEPOSIT = ["deposit", "need", "s", "--payload", '{"question": "and then?"}']
CHILD = """
import sys
from blackboard.cli import main
sys.argv = ["blackboard", *sys.argv[1:]]
try:
    main()
finally:
    sys.stdout.write("\\nloaded: " + " ".join(sorted(sys.modules)))
"""


@pytest.mark.processes
@pytest.mark.parametrize("command", [["--help"], ["marks"], ["history", "s"], DEPOSIT, ["status"]])
def test_a_command_imports_only_modules_that_it_uses(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(f"sqlite:///{path}") as board:
        board.deposit(Need(subject="s", question="what?"))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "--database", str(path), *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path,
        capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("loaded: ")[2].split())
    assert HEAVY & loaded == USED.get(command[0], set())
    assert len([name for name in loaded if name.startswith("blackboard.")]) <= MAX_MODULES[command[0]]


def test_each_package_of_commands_has_groups_of_the_help_and_no_other_commands() -> None:
    found = {(path.parent.name, path.stem) for path in (ROOT / "blackboard/cli").glob("*_commands/*_command*.py")}
    assert found == {(group.package, module) for group in GROUPS for module in group.modules.values()}


def test_each_command_is_in_the_module_that_its_group_names() -> None:
    for name, command in LazyCommands().items():
        assert command.name == name
