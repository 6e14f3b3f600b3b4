"""The rest of the program asks for a capability of a database, never for a database by its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import blackboard
from blackboard.store.dialects.dialect import POSTGRESQL, SQLITE, Dialect
from blackboard.store.dialects.postgresql_dialect import MIGRATION_LOCK, PostgresqlDialect, PostgresqlErrors
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.postgresql.connected_processes.advisory_locks import LOCKS

PACKAGE = Path(blackboard.__file__).parent
OWNERS = {
    "store/dialects/dialect.py",
}
"""The modules that may spell the name of a database."""
USERS = OWNERS | {
    "store/connections/database_url.py",
    "store/dialects/postgresql_dialect.py",
    "store/postgresql/optimistic_transactions/commit_validation.py",  # the texts of statements on PostgreSQL
    "store/postgresql/pipelined_transactions/transaction_read_cache.py",  # likewise
    "store/sqlite/sqlite_user_queries.py",  # the URL of an engine of SQLAlchemy
    "store/dialects/sqlite_dialect.py",
    "store/statement_file.py",  # the texts of a statement
    "store/schema/tables.py",
    "sqlalchemy_views.py",
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


def test_nothing_asks_whether_a_board_is_in_a_file() -> None:
    """What differs is in the two implementations of the protocols of `store`; the factory chooses one."""
    asking = [
        f"{module}:{node.lineno}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"is_embedded", "is_local", "is_server"})
        or (
            isinstance(node, ast.Compare)
            and "/postgresql/" not in module
            and re.search(r"database\.(path|file|listener) is", ast.unparse(node))
        )
        or (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "isinstance"
            and re.search(r"(Sqlite|Postgresql)(Database|Dialect)", ast.unparse(node.args[1]))
        )
    ]
    assert asking == []


def test_only_the_factory_knows_both_kinds_of_databases() -> None:
    both = [
        module
        for module, tree in modules()
        for sources in [[node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]]
        if any(source.startswith("blackboard.store.sqlite") for source in sources)
        and any(source.startswith("blackboard.store.postgresql") for source in sources)
    ]
    assert both == ["store/database_factory.py"]


@pytest.mark.parametrize(
    "dialect", [SqliteDialect(), PostgresqlDialect(PostgresqlErrors(Exception))], ids=lambda each: each.name
)
def test_each_dialect_states_every_capability(dialect: Dialect) -> None:
    missing = [name for name in Dialect.__annotations__ if not hasattr(dialect, name)]
    assert missing == []


def test_each_advisory_lock_has_a_number_of_its_own() -> None:
    numbers = [MIGRATION_LOCK, *LOCKS.values()]
    assert len(set(numbers)) == len(numbers)
