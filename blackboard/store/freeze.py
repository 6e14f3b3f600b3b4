"""Writes `sqlite.sql`: every statement of the store as SQLAlchemy compiles it for SQLite. Run it when one has changed.

    python -m blackboard.store.freeze

A test holds the file against the sources.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator

from blackboard.store.dialect import SQLITE
from blackboard.store.shelf import FILE, MODULES, heading
from blackboard.store.transaction import Statement

__all__ = ["statements", "text"]


def statements() -> Iterator[tuple[str, Statement]]:
    """Every statement of the store, by the name under which it is kept."""
    for module in MODULES:
        for name, found in vars(importlib.import_module(f"blackboard.store.{module}")).items():
            if isinstance(found, Statement):
                yield f"{module}.{name}", found
            elif isinstance(found, dict):
                for key, one in found.items():
                    if isinstance(one, Statement):
                        yield f"{module}.{name}[{key}]", one


def text() -> str:
    """What the file holds."""
    parts = []
    for name, statement in statements():
        sql, names, constants = statement.compile(SQLITE)
        lines = [f"-- name: {name}"]
        if names:
            lines.append(f"-- takes: {', '.join(names)}")
        if constants:
            lines.append(f"-- of these fixed: {json.dumps(constants)}")
        parts.append("\n".join([*lines, f"{sql.rstrip()};"]))
    body = "".join(f"\n{part}\n" for part in parts)
    return f"{heading(body)}\n{body}"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
