"""What differs between a board of this machine and one behind a server stands in one module."""

from __future__ import annotations

import re
from pathlib import Path

import blackboard

PACKAGE = Path(blackboard.__file__).parent
QUESTION = re.compile(r"isinstance\([^()]*,\s*\(?[^()]*\b(?:Blackboard|Client)\b")


def test_commands_and_tools_do_not_ask_which_board_they_have() -> None:
    assert QUESTION.search((PACKAGE / "local_or_remote_calls.py").read_text("utf-8"))
    modules = [path for folder in ("cli", "mcp_server") for path in (PACKAGE / folder).rglob("*.py")]
    assert [path.name for path in modules if QUESTION.search(path.read_text("utf-8"))] == []
