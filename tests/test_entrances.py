"""The layers above the board use its entrances: they take no part of a board that only the board's modules know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import blackboard

PACKAGE = Path(blackboard.__file__).parent
ABOVE = (
    "claude_code", "cli", "client", "daemon", "llm", "local_or_remote_calls", "mcp_server", "presentation", "server",
    "settings", "sinks", "testing", "agent_package_support.py", "pytest_plugin.py",
)  # fmt: skip
OF_A_COMMAND = ("self", "session", "settings")
"""What has a `database` that is no part of a board: the session of a command and the settings of a file."""


def files() -> Iterator[Path]:
    for name in ABOVE:
        path = PACKAGE / name
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def is_inside(node: ast.Attribute) -> bool:
    """Return whether an expression takes the session or the database of a board."""
    owner = ast.unparse(node.value)
    if node.attr == "session":
        return owner.endswith("board")
    return node.attr == "database" and owner.rpartition(".")[2] not in OF_A_COMMAND


def test_no_layer_above_reaches_through_a_board_to_its_session_or_its_database() -> None:
    reaching = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in files()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and is_inside(node)
    ]
    assert reaching == []
