"""The layers above the board, and above the store, use the entrances of each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import blackboard.store

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


def test_the_table_of_contents_of_the_store_names_every_part_that_other_packages_import() -> None:
    listed = (blackboard.store.__doc__ or "").partition("What other packages use:")[2].partition("\nWhat ")[0]
    imported = {
        part
        for path in PACKAGE.rglob("*.py")
        if not path.is_relative_to(PACKAGE / "store")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("blackboard.store")
        for part in ((node.module or "").split(".")[2:3] or [name.name for name in node.names])
    }
    assert imported == set(re.findall(r"^(\w+)  ", listed, re.MULTILINE))
