"""Every statement of `store/sql` is described, used, known to both databases, and keeps its query plan."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.store import statements
from blackboard.store.statements import Statement
from tests.store.statement_variants import every_statement, variants

SOURCES = [
    path.read_text("utf-8")
    for folder in ("blackboard", "benchmarks", "agents")
    for path in Path(folder).rglob("*.py")
    if path.name != "statements.py"
]
PLANS = Path(__file__).with_name("query_plans.json")


@pytest.mark.parametrize("statement", every_statement(), ids=lambda statement: statement.name)
def test_a_statement_has_a_comment(statement: Statement) -> None:
    assert re.fullmatch(r"[A-Z].*\.", statement.doc)


@pytest.mark.parametrize("statement", every_statement(), ids=lambda statement: statement.name)
def test_a_statement_is_used(statement: Statement) -> None:
    file, name = statement.name.split(".")
    assert any(re.search(rf"\b{file.upper()}\.{name}\b", source) for source in SOURCES)


def test_every_used_statement_exists() -> None:
    known = {statement.name for statement in every_statement()}
    used = {
        f"{file.lower()}.{name}"
        for source in SOURCES
        for file, name in re.findall(
            r"\b(MARKS|CROSSINGS|ACTIVATIONS|MODEL_CALLS|DEPLOYMENTS|ERASURE|RETENTION)\.([a-z]\w*)", source
        )
    }
    assert used <= known


def test_only_the_board_and_the_store_run_statements() -> None:
    """Test that only the board and the store use transactions; import-linter forbids other imports of statements."""
    others = [
        path
        for folder in ("blackboard", "agents")
        for path in Path(folder).rglob("*.py")
        if path.parts[:2] not in (("blackboard", "board"), ("blackboard", "store"))
    ]
    names = {"sql", "cursor", "execute", "executemany"}
    touched = {
        f"{path}:{node.lineno}"
        for path in others
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in names
    }
    assert others
    assert not touched


def test_a_statement_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"marks\.sql has no statement 'find_everything'"):
        statements.MARKS.find_everything  # noqa: B018


def test_an_optional_part_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(LookupError, match="no optional part colour"):
        statements.MARKS.live_marks.using("colour").compiled("sqlite")


@pytest.mark.whole_boards
def test_query_plans_do_not_change(tmp_path: Path) -> None:
    """Compare query plans; `python -m tests.store.test_statements` rewrites the file after an intended change."""
    assert query_plans(tmp_path) == json.loads(PLANS.read_text("utf-8"))


def test_values_are_in_the_order_of_their_use() -> None:
    text, names = statements.MARKS.find_key.compiled("sqlite")
    assert text.count("?") == len(names)
    assert statements.MARKS.find_key.compiled("postgresql")[0].count("%(key)s") == 1


def query_plans(folder: Path) -> dict[str, list[str]]:
    """Return SQLite's plan for each statement on an empty board."""
    plans = {}
    with Blackboard.open(folder / "plans.db") as board, board.database.read() as sql:
        for statement in every_statement():
            for name, variant in variants(statement):
                text, parameters = variant.compiled("sqlite")
                rows = sql.cursor.execute(f"EXPLAIN QUERY PLAN {text}", [None] * len(parameters)).fetchall()
                plans[name] = [row[3] for row in rows]
    return plans


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        PLANS.write_text(json.dumps(query_plans(Path(folder)), indent=1) + "\n", "utf-8")
