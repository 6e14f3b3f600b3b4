"""One package has what differs between a board of this machine and one behind a server; one function decides."""

from __future__ import annotations

import re
from pathlib import Path

import blackboard

PACKAGE = Path(blackboard.__file__).parent
QUESTION = re.compile(r"isinstance\([^()]*,\s*\(?[^()]*\b(?:Blackboard|Client)\b")


def test_commands_and_tools_do_not_ask_which_board_they_have() -> None:
    folders = ("cli", "mcp_server", "local_or_remote_calls")
    modules = [path for folder in folders for path in (PACKAGE / folder).rglob("*.py")]
    asking = [str(path.relative_to(PACKAGE)) for path in modules if QUESTION.search(path.read_text("utf-8"))]
    assert asking == ["local_or_remote_calls/__init__.py"]
