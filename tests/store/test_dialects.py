"""The rest of the program asks for a capability of a database, never for a database by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import blackboard
from blackboard.store.database_server.server_lock import LOCKS
from blackboard.store.database_server.submission_queue import TURN_LOCK
from blackboard.store.dialect import POSTGRESQL, SQLITE, Dialect
from blackboard.store.postgresql_dialect import MIGRATION_LOCK, PostgresqlDialect
from blackboard.store.sqlite_dialect import SqliteDialect

PACKAGE = Path(blackboard.__file__).parent
OWNERS = {
    "store/dialect.py",
    "system/board_files.py",  # the scheme of a URL
}
"""The modules that may spell the name of a database."""
USERS = OWNERS | {
    "store/database_url.py",
    "store/postgresql_dialect.py",
    "store/database_server/kept_answers.py",  # the texts of statements on a server
    "store/readonly/readonly_access.py",  # the URL of an engine of SQLAlchemy
    "store/sqlite_dialect.py",
    "store/statement_file.py",  # the texts of a statement
    "store/tables.py",
    "views.py",
}
"""The modules that may use the constants with these names: they talk to SQLAlchemy or read statements."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text("utf-8"))


def test_only_the_dialects_name_a_database() -> None:
    naming = {
        module
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in (SQLITE, POSTGRESQL)
    }
    assert naming <= OWNERS


def test_only_the_store_uses_the_names_of_databases() -> None:
    using = {
        module
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & {"SQLITE", "POSTGRESQL"}
    }
    assert using <= USERS


def test_outside_the_store_nothing_takes_a_missing_path_for_a_server() -> None:
    asking = [
        f"{module}:{node.lineno}"
        for module, tree in modules()
        if not module.startswith("store/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and "database.path is" in ast.unparse(node)
    ]
    assert asking == []


@pytest.mark.parametrize("dialect", [SqliteDialect(), PostgresqlDialect(Exception)], ids=lambda each: each.name)
def test_each_dialect_states_every_capability(dialect: Dialect) -> None:
    missing = [name for name in Dialect.__annotations__ if not hasattr(dialect, name)]
    assert missing == []


def test_each_advisory_lock_has_a_number_of_its_own() -> None:
    numbers = [MIGRATION_LOCK, TURN_LOCK, *LOCKS.values()]
    assert len(set(numbers)) == len(numbers)
