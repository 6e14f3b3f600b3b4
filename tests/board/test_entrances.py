"""The layers above the board use its entrances: they take no part of a board that only the board's modules know."""

from __future__ import annotations

import ast
from pathlib import Path

import blackboard

PACKAGE = Path(blackboard.__file__).parent
ABOVE = ("claude_code", "cli", "daemon", "mcp_server", "server", "sinks", "testing")


def test_no_layer_above_reaches_through_a_board_to_its_session() -> None:
    reaching = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for package in ABOVE
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "session" and ast.unparse(node.value).endswith("board")
    ]
    assert reaching == []
