"""New SQLite boards without their migrations, which take longer than most tests and so run once."""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import Connection

from blackboard import Blackboard, ManualClock
from blackboard.store import schema

__all__ = ["create_tables", "empty_board"]

_run_migrations = schema.run_migrations


@functools.cache
def empty_board() -> bytes:
    """Return the file of a board as the migrations make it. The first call must come before `create_tables` is used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.db"
        Blackboard.open(path, clock=ManualClock()).close()
        return path.read_bytes()


def create_tables(connection: Connection) -> None:
    """Create at once what the migrations make of an empty file. Run the migrations of any other database."""
    is_file = connection.dialect.name == "sqlite"
    if not is_file or connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is not None:
        _run_migrations(connection)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)


@functools.cache
def _statements() -> tuple[str, ...]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(empty_board())
        file.flush()
        connection = sqlite3.connect(file.name)
        # In the order of their creation, which decides between query plans of equal cost.
        made = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type <> 'view' AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
            " ORDER BY rowid"
        ).fetchall()
        rows = [text for text in connection.iterdump() if text.startswith("INSERT") and '"board"' not in text]
        connection.close()
    return (*(text for (text,) in made), *rows)
