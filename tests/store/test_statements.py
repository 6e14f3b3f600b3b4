"""Every statement of `store/sql` is described, used, known to both databases, and keeps its query plan."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.store import statements
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect, PostgresqlErrors
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.statement_file import Statement, row_type, table_rows_in
from blackboard.store.transaction import Transaction
from tools.statement_files import PLANS, STUB, query_plans, searched_board, stub
from tools.statement_variants import every_statement, variants

SOURCES = [
    path.read_text("utf-8")
    for folder in ("blackboard", "benchmarks", "agents")
    for path in Path(folder).rglob("*.py")
    if path.name != "statements.py"
]

RUNS = {"run", "run_and_count", "insert", "one", "existing", "value", "all", "rows", "each", "prefetch"}
"""The methods of a transaction that take the values of a statement by name."""
STATEMENTS = {statement.name: statement for statement in every_statement()}
SQLITE, POSTGRESQL = SqliteDialect(), PostgresqlDialect(PostgresqlErrors(Exception))


@cache
def used_statements() -> set[str]:
    """Return the statements that the sources name."""
    files = "|".join({statement.name.partition(".")[0].upper() for statement in every_statement()})
    pattern = re.compile(rf"\b({files})\.([a-z]\w*)")
    return {f"{file.lower()}.{name}" for source in SOURCES for file, name in pattern.findall(source)}


@pytest.mark.parametrize("statement", every_statement(), ids=lambda statement: statement.name)
def test_a_statement_has_a_comment(statement: Statement[object]) -> None:
    assert re.fullmatch(r"[A-Z].*\.", statement.doc)


@pytest.mark.parametrize("statement", every_statement(), ids=lambda statement: statement.name)
def test_a_statement_is_used(statement: Statement[object]) -> None:
    assert statement.name in used_statements()


def test_every_used_statement_exists() -> None:
    assert used_statements() <= {statement.name for statement in every_statement()}


def test_a_call_names_the_values_of_its_statement() -> None:
    """Compare the values in each call; the program ignores a value that the statement or its optional parts lack."""
    calls = [node for source in SOURCES for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    checked = 0
    for call in calls:
        if (statement := called_statement(call)) is not None:
            named = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
            known = {name for names in parameters(statement) for name in names}
            checked += 1
            assert named <= known, (ast.unparse(call), call.lineno)
            if len(named) == len(call.keywords):  # no dictionary has further values
                added = {"insert": {"id"}, "each": {"after"}}
                given = named | added.get(call.func.attr if isinstance(call.func, ast.Attribute) else "", set())
                assert given >= known, (ast.unparse(call), call.lineno)
    assert checked > 300


def called_statement(call: ast.Call) -> Statement[object] | None:
    """Return the statement that a call runs; None if the call does not name it, or runs a whole row."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in RUNS:
        return None
    match call.args[:1]:
        case [ast.Attribute(ast.Name(file), name)]:
            return STATEMENTS.get(f"{file.lower()}.{name}")
        case [ast.Call(ast.Attribute(ast.Attribute(ast.Name(file), name), "using"), options)]:
            names = [option.value for option in options if isinstance(option, ast.Constant)]
            if len(names) == len(options) and (statement := STATEMENTS.get(f"{file.lower()}.{name}")) is not None:
                return statement.using(*map(str, names))
    return None


def parameters(statement: Statement[object]) -> list[tuple[str, ...]]:
    """Return the names of the parameters of a statement in each database."""
    return [statement.compile(dialect)[1] for dialect in (SQLITE, POSTGRESQL)]


def test_only_the_board_and_the_store_run_statements() -> None:
    """Test that only the board and the store use transactions; import-linter forbids other imports of statements."""
    others = [
        path
        for folder in ("blackboard", "agents")
        for path in Path(folder).rglob("*.py")
        if path.parts[:2] not in (("blackboard", "board"), ("blackboard", "store"))
    ]
    names = {"sql", "cursor", "execute", "executemany"}
    requests = {"arguments", "parameters"}  # of a tool, and of an operation over HTTP
    touched = {
        f"{path}:{node.lineno}"
        for path in others
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) not in requests
    }
    assert others
    assert not touched


def test_a_statement_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"marks\.sql has no statement 'find_everything'"):
        statements.MARKS.find_everything  # type: ignore[attr-defined]  # noqa: B018


def test_an_optional_part_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(LookupError, match="no optional part colour"):
        statements.MARKS.live_marks.using("colour").compile(SqliteDialect())


def test_the_stub_declares_every_statement() -> None:
    """Compare the stub; `make statements` rewrites it after a change of a heading."""
    assert STUB.read_text("utf-8") == stub()


def test_results_have_the_declared_columns(tmp_path: Path) -> None:
    with searched_board(tmp_path / "columns.db") as board, board.database.read() as transaction:
        for statement in every_statement():
            for name, variant in variants(statement):
                selected = selected_columns(transaction, variant)
                assert declared_columns(statement, selected) == selected, name


def test_a_wrong_column_is_a_mistake_for_the_type_checker(tmp_path: Path) -> None:
    """Make mistakes that mypy must find: it reports each `type: ignore` that it does not need."""
    with Blackboard.open(tmp_path / "types.db") as board, board.database.read() as transaction:
        row = transaction.existing(statements.ACTIVATIONS.board)
        with pytest.raises(AttributeError):
            row.name  # type: ignore[attr-defined]  # noqa: B018
        with pytest.raises(AttributeError):
            transaction.one(statements.MARKS.get_mark, id=0).subject  # type: ignore[union-attr]  # noqa: B018
        with pytest.raises(TypeError):
            transaction.value(statements.MARKS.get_mark, id=0)  # type: ignore[type-var]
        with pytest.raises(LookupError, match=r"marks\.get_mark found nothing"):
            transaction.existing(statements.MARKS.get_mark, id=0)


@pytest.mark.whole_boards
def test_query_plans_do_not_change(tmp_path: Path) -> None:
    """Compare query plans; `make statements` rewrites the file after an intended change."""
    assert query_plans(tmp_path) == json.loads(PLANS.read_text("utf-8"))


def test_values_are_in_the_order_of_their_use() -> None:
    text, names = statements.MARKS.find_key.compile(SqliteDialect())
    assert text.count("?") == len(names)
    text, names = statements.MARKS.find_key.compile(PostgresqlDialect(PostgresqlErrors(Exception)))
    assert names == ("key", "author", "kind")
    assert text.endswith("WHERE key = $1 AND author IN ($2, '') AND kind IN ($3, '')")


def selected_columns(transaction: Transaction, statement: Statement[object]) -> list[str]:
    """Return the names of the columns that a statement selects, as SQLite tells them."""
    text, parameters = statement.compile(SqliteDialect())
    if not re.match(r"SELECT|WITH", text.lstrip()):
        return []
    description = transaction.cursor.execute(text, [0] * len(parameters)).description
    return [column[0] for column in description]


def declared_columns(statement: Statement[object], selected: list[str]) -> list[str]:
    """Return the names of the columns that a heading declares: the fields of a row, or a single column of any name."""
    row = row_type(statement.result)
    if row is None:
        return selected[:1] if statement.result else []
    wholes = table_rows_in(row)
    table_fields = [field for whole, _ in wholes for field in whole._fields]
    return [*table_fields, *row._fields[len(wholes) :]]
